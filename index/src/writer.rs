//! The one writer of an index: lock, write a segment and tombstones, replace the MANIFEST, clean up.
//!
//! A crash at any point leaves the last commit in place; the next writer removes leftover files. Segments are
//! never changed: new items make a new one, removed items get a tombstone, and `merge` says when segments
//! become one.

use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::builder::SegmentBuilder;
use crate::error::{Error, Result};
use crate::layout::Fault;
use crate::manifest::{self, MAX_SEGMENTS, Manifest, SegmentEntry, TombstonesEntry};
use crate::merge::{self, Part, merged, plan, plan_since, plan_young};
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::storage::{Disk, Storage};
use crate::tombstones;

/// The lock file in the index folder; the file stays when the lock is released.
const LOCK: &str = "LOCK";

/// The exclusive right to change an index; released on drop. A folder that it made, and never committed to, is
/// removed then. Readers need no lock, and see what is committed when they open a snapshot.
#[derive(Debug)]
#[must_use = "the lock is released on drop"]
pub struct Writer {
    dir: PathBuf,
    is_new: bool,
    storage: Box<dyn Storage>,
    _lock: File,
}

/// What to keep of the last commit.
enum Keep<'a> {
    /// Everything but these items.
    AllBut(&'a [u32]),
    Nothing,
}

impl Writer {
    /// Locks the index at `dir` for writing, creating the folder if it does not exist, and removes what a
    /// crashed writer left.
    ///
    /// # Errors
    /// [`Error::Locked`] at once when another writer holds the lock; [`Error::Damaged`], [`Error::TooNew`] or
    /// [`Error::TooOld`] when the MANIFEST cannot be read; [`Error::Io`].
    pub fn lock(dir: impl AsRef<Path>) -> Result<Writer> {
        Writer::lock_with(dir.as_ref(), Box::new(Disk))
    }

    pub(crate) fn lock_with(dir: &Path, storage: Box<dyn Storage>) -> Result<Writer> {
        let is_new = !dir.exists();
        fs::create_dir_all(dir).map_err(|error| Error::io(dir, "cannot create the folder", error))?;
        if let (true, Some(parent)) = (is_new, dir.parent()) {
            // an index is no more durable than the folder that holds it
            let parent = if parent == Path::new("") { Path::new(".") } else { parent };
            manifest::sync_folder(parent, &*storage)?;
        }
        let path = dir.join(LOCK);
        // checked before opening: opening a pipe would wait for its other end
        if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Error::io(&path, "cannot open", std::io::Error::other("not a file")));
        }
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| Error::io(&path, "cannot open", error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { path }),
            Err(TryLockError::Error(error)) => return Err(Error::io(&path, "cannot lock", error)),
        }
        if !is_at(&lock, &path) {
            return Err(Error::Locked { path }); // removed by another writer, between opening and locking
        }
        let writer = Writer { dir: dir.to_path_buf(), is_new, storage, _lock: lock };
        let last = manifest_if_any(dir)?;
        if last.is_none() {
            writer.check_never_committed()?;
        }
        writer.sweep(last.as_ref())?;
        Ok(writer)
    }

    /// The last commit; `None` if there was none.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn last(&self) -> Result<Option<Snapshot>> {
        match Snapshot::open(&self.dir) {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes the items `remove`, given by their ids in the last commit, and adds those of `add`, atomically
    /// and durably. The attributes of `add` replace those of the index. Readers keep the commit that they
    /// opened.
    ///
    /// Small segments and those with mostly removed items are merged into the new one, so that an index of n
    /// items has no more than about log2(n) segments.
    ///
    /// ```
    /// use aesearch_index::{Item, SegmentBuilder, Settings, Snapshot, Writer};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// let mut writer = Writer::lock(dir.path())?;
    /// let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// builder.push(Item::named("sparrow", &[3]))?;
    /// writer.commit(builder, &[])?;
    ///
    /// // another code for the sparrow: it is never there twice, and never missing
    /// let last = Snapshot::open(dir.path())?;
    /// let old: Vec<u32> = last.ids_named(["sparrow"]).iter().collect();
    /// let mut builder = SegmentBuilder::new(&last.settings())?;
    /// builder.push(Item::named("sparrow", &[7]))?;
    /// writer.commit(builder, &old)?;
    /// assert_eq!(Snapshot::open(dir.path())?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Input`] when `add` has other bits or another latent size than the index, or an id does not
    /// exist; [`Error::Damaged`] when a segment to be merged is damaged; [`Error::Io`], or as
    /// [`Snapshot::open`]. The last commit then still stands (if the very last step, syncing the folder,
    /// fails, it may be either).
    pub fn commit(&mut self, add: SegmentBuilder, remove: &[u32]) -> Result<()> {
        self.change(add, Keep::AllBut(remove), plan)
    }

    /// Removes items, given by their ids in the last commit, atomically and durably.
    ///
    /// ```
    /// use aesearch_index::{SegmentBuilder, Settings, Snapshot, Writer};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// builder.push_codes(&[1, 2, 3])?;
    /// let mut writer = Writer::lock(dir.path())?;
    /// writer.commit(builder, &[])?;
    ///
    /// let before = Snapshot::open(dir.path())?;
    /// writer.remove(&[1])?;
    /// assert_eq!((before.len(), Snapshot::open(dir.path())?.len()), (3, 2)); // readers keep their commit
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Writer::commit`]; [`Error::NotFound`] if there is no index.
    pub fn remove(&mut self, ids: &[u32]) -> Result<()> {
        let nothing = self.nothing_to_add()?;
        self.commit(nothing, ids)
    }

    /// As [`Writer::commit`], but quick, for a long run that began after commit number `since`: new items are
    /// not arranged for search, and older segments are not merged with them. [`Writer::commit_since`] ends
    /// the run.
    ///
    /// ```
    /// use aesearch_index::{SegmentBuilder, Settings, Snapshot, Writer};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// let mut writer = Writer::lock(dir.path())?;
    /// let before = writer.last()?.map_or(0, |last| last.generation());
    /// for codes in [[1, 2], [3, 4], [5, 6]] {
    ///     let mut builder = SegmentBuilder::new(&Settings::default())?;
    ///     builder.push_codes(&codes)?;
    ///     writer.checkpoint(builder, &[], before)?; // a run that is killed continues from here
    /// }
    /// writer.commit_since(SegmentBuilder::new(&Settings::default())?, &[], before)?;
    /// let index = Snapshot::open(dir.path())?;
    /// assert_eq!((index.len(), index.segments()), (6, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Writer::commit`].
    pub fn checkpoint(&mut self, mut add: SegmentBuilder, remove: &[u32], since: u64) -> Result<()> {
        add.in_one_bucket = true;
        self.change(add, Keep::AllBut(remove), |parts, added| plan_young(parts, added, since))
    }

    /// As [`Writer::commit`], and merges everything added after commit number `since` into one segment, so
    /// that a run of many checkpoints ends with the same segments as one that commits once.
    ///
    /// # Errors
    /// As [`Writer::commit`].
    pub fn commit_since(&mut self, add: SegmentBuilder, remove: &[u32], since: u64) -> Result<()> {
        self.change(add, Keep::AllBut(remove), |parts, added| plan_since(parts, added, since))
    }

    /// Replaces the whole content of the index with the items of `add`, atomically and durably. Readers keep
    /// the commit that they opened.
    ///
    /// # Errors
    /// [`Error::Io`], or as [`Writer::lock`]; the last commit then still stands.
    pub fn replace(&mut self, add: SegmentBuilder) -> Result<()> {
        self.change(add, Keep::Nothing, plan)
    }

    /// Adds the items of other indexes, but for the items `without` of each, and those of `add`, atomically and durably.
    /// Segments are copied as they are, and nothing is built for them: an index of n segments is as quick to search as
    /// its parts one after the other, until [`Writer::compact`] or a later commit makes one segment of them. The
    /// attributes of `add` replace those of the index; attributes of the others are not copied.
    ///
    /// ```
    /// use aesearch_index::{SegmentBuilder, Settings, Snapshot, Writer};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let dirs = ["a", "b", "both"].map(|name| folder.path().join(name));
    /// for (dir, codes) in dirs.iter().zip([[1, 2], [3, 4]]) {
    ///     let mut builder = SegmentBuilder::new(&Settings::default())?;
    ///     builder.push_codes(&codes)?;
    ///     Writer::lock(dir)?.commit(builder, &[])?;
    /// }
    /// let [a, b] = [Snapshot::open(&dirs[0])?, Snapshot::open(&dirs[1])?];
    /// let nothing = SegmentBuilder::new(&a.settings())?;
    /// Writer::lock(&dirs[2])?.take_over(&[(&a, &[]), (&b, &[0])], nothing)?; // all but the first item of b
    /// let both = Snapshot::open(&dirs[2])?;
    /// assert_eq!((both.len(), both.segments()), (3, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Input`] when an index has other bits or another latent size than `add`, an id does not exist, or there
    /// are more than 1024 segments or 2^32 items in all; [`Error::Damaged`] when a segment is damaged; [`Error::Io`], or
    /// as [`Snapshot::open`]. The last commit then still stands; where there was none, an empty one may.
    pub fn take_over(&mut self, others: &[(&Snapshot, &[u32])], add: SegmentBuilder) -> Result<()> {
        let last = self.last()?;
        last.iter().try_for_each(|last| check_fits(last, add.settings()))?;
        let mut taken = Vec::new();
        for (other, without) in others {
            check_fits(other, add.settings())?;
            let mut removed = other.by_segment(without)?;
            for at in 0..other.segments() {
                let dead = removed.remove(&at).unwrap_or_else(|| other.opened()[at].dead().to_vec());
                let n_dead: u32 = dead.iter().map(|word| word.count_ones()).sum();
                if n_dead < other.entries()[at].items {
                    taken.push((*other, at, dead, n_dead)); // else nothing of it is left
                }
            }
        }
        let all = last.as_ref().map_or(0, Snapshot::segments) + taken.len() + usize::from(!add.is_empty());
        if all > MAX_SEGMENTS {
            return Err(Error::input("number of segments", format!("at most {MAX_SEGMENTS}"), all));
        }
        if last.is_none() {
            // so that a crash leaves an empty index, whose next writer removes the copies
            self.change(SegmentBuilder::new(add.settings())?, Keep::Nothing, plan)?;
        }
        let mut generation = manifest_if_any(&self.dir)?.map_or(0, |last| last.generation);
        let mut segments = last.as_ref().map_or_else(Vec::new, |last| last.entries().to_vec());
        for (other, at, dead, n_dead) in taken {
            other.check_segment(at)?;
            generation += 1;
            segments.push(self.copied((other, at), (&dead, n_dead), generation)?);
        }
        self.finish(add, segments, generation + 1, last)
    }

    /// Copies a segment of another index under the name that commit `generation` would give it.
    fn copied(
        &self,
        (other, at): (&Snapshot, usize),
        (dead, n_dead): (&[u64], u32),
        generation: u64,
    ) -> Result<SegmentEntry> {
        let entry = &other.entries()[at];
        let name = manifest::segment_name(generation);
        let path = self.dir.join(&name);
        let copy = || {
            let mut file = self.storage.create(&path)?;
            file.write_all(&other.opened()[at].segment.map)?;
            self.storage.sync(&path, &file)
        };
        copy().map_err(|error| Error::io(&path, "cannot write", error))?;
        let mut tombstones = None;
        if n_dead > 0 {
            let named = manifest::tombstones_name(&name, generation);
            let path = self.dir.join(&named);
            let bytes = tombstones::write(&path, dead, &other.shape(at), &*self.storage)
                .map_err(|error| Error::io(&path, "cannot write", error))?;
            tombstones = Some(TombstonesEntry { name: named, bytes, dead: n_dead });
        }
        Ok(SegmentEntry { name, tombstones, ..entry.clone() })
    }

    /// Merges all segments into one and drops removed items. Writes nothing if there is nothing to gain.
    ///
    /// # Errors
    /// As [`Writer::commit`]; [`Error::NotFound`] if there is no index.
    pub fn compact(&mut self) -> Result<()> {
        if self.last()?.is_some_and(|last| last.segments() <= 1 && last.dead() == 0 && last.is_arranged()) {
            return Ok(());
        }
        let nothing = self.nothing_to_add()?;
        self.change(nothing, Keep::AllBut(&[]), |parts, _| vec![true; parts.len()])
    }

    /// An empty builder for an index that exists.
    fn nothing_to_add(&self) -> Result<SegmentBuilder> {
        SegmentBuilder::new(&Snapshot::open(&self.dir)?.settings())
    }

    /// Commits what is kept of the last commit and what is added; `choose` says which parts become one
    /// segment.
    fn change(
        &mut self,
        add: SegmentBuilder,
        keep: Keep<'_>,
        choose: impl Fn(&[Part], usize) -> Vec<bool>,
    ) -> Result<()> {
        let last = match keep {
            Keep::AllBut(_) => self.last()?,
            Keep::Nothing => None, // which may be damaged
        };
        let generation = manifest_if_any(&self.dir)?.map_or(0, |last| last.generation) + 1;
        let mut segments = Vec::new();
        let mut add = add;
        if let (None, Keep::AllBut([id, ..])) = (&last, &keep) {
            return Err(Error::input("item to remove", "the id of an item of the index", id));
        }
        if let (Some(last), Keep::AllBut(remove)) = (&last, keep) {
            check_fits(last, add.settings())?;
            let removed = last.by_segment(remove)?;
            let parts = merge::parts(last, &removed);
            let chosen = choose(&parts, add.len());
            add = merged(last, &removed, &chosen, add)?;
            for (at, _) in chosen.iter().enumerate().filter(|(_, chosen)| !**chosen) {
                segments.push(self.kept(last, at, removed.get(&at), generation)?);
            }
        }
        self.finish(add, segments, generation, last)
    }

    /// Writes what is added behind `segments`, commits both, and removes what only the commit before named.
    fn finish(
        &self,
        add: SegmentBuilder,
        mut segments: Vec<SegmentEntry>,
        generation: u64,
        last: Option<Snapshot>,
    ) -> Result<()> {
        let Settings { bits, latent_size, attributes, .. } = add.settings().clone();
        if !add.is_empty() {
            segments.push(self.write_segment(add, generation)?);
        }
        let next =
            Manifest { generation, bits: bits as u32, latent_size: latent_size as u32, attributes, segments };
        manifest::sync_folder(&self.dir, &*self.storage)?;
        next.commit(&self.dir, &*self.storage)?;
        drop(last); // some systems remove no file that is open
        let _ = self.sweep(Some(&next)); // committed; the next writer removes what this one could not
        Ok(())
    }

    /// The entry of segment `at` of the last commit without the items that `removed` marks.
    fn kept(
        &self,
        last: &Snapshot,
        at: usize,
        removed: Option<&Vec<u64>>,
        generation: u64,
    ) -> Result<SegmentEntry> {
        let entry = &last.entries()[at];
        let Some(words) = removed else { return Ok(entry.clone()) };
        let name = manifest::tombstones_name(&entry.name, generation);
        let path = self.dir.join(&name);
        let dead = words.iter().map(|word| word.count_ones()).sum(); // no more than items: fewer than 2^32
        let bytes = tombstones::write(&path, words, &last.shape(at), &*self.storage)
            .map_err(|error| Error::io(&path, "cannot write", error))?;
        Ok(SegmentEntry { tombstones: Some(TombstonesEntry { name, bytes, dead }), ..entry.clone() })
    }

    /// Writes and syncs a segment under a name that no reader knows yet.
    fn write_segment(&self, builder: SegmentBuilder, generation: u64) -> Result<SegmentEntry> {
        let name = manifest::segment_name(generation);
        let path = self.dir.join(&name);
        let items = builder.len() as u32; // fewer than 2^32 - 1
        let write = || {
            let (out, bytes, _) = builder.write(BufWriter::new(self.storage.create(&path)?))?;
            self.storage.sync(&path, out.get_ref())?;
            Ok(bytes)
        };
        let bytes = write().map_err(|error| Error::io(&path, "cannot write", error))?;
        Ok(SegmentEntry { name, bytes, items, tombstones: None })
    }

    /// Replaces the MANIFEST with one that lacks the segments for which `drop` is true.
    pub(crate) fn drop_segments(&mut self, drop: &dyn Fn(&SegmentEntry) -> bool) -> Result<()> {
        let mut manifest = Manifest::read(&self.dir)?;
        manifest.segments.retain(|entry| !drop(entry));
        manifest.generation += 1;
        manifest.commit(&self.dir, &*self.storage)?;
        let _ = self.sweep(Some(&manifest)); // as above
        Ok(())
    }

    /// Refuses a folder with segments of later commits but no MANIFEST: it was lost, and the files must not
    /// be removed.
    fn check_never_committed(&self) -> Result<()> {
        let entries = fs::read_dir(&self.dir).map_err(|error| Error::io(&self.dir, "cannot list", error))?;
        let lost = |entry: fs::DirEntry| entry.file_name().to_str().is_some_and(manifest::is_of_later_commit);
        match entries.flatten().any(lost) {
            true => Err(Fault::new("file", "the MANIFEST beside its segments", "none")
                .at(&self.dir.join(manifest::NAME))),
            false => Ok(()),
        }
    }

    /// Removes files of the index that `current` does not name; files with other names are left alone.
    fn sweep(&self, current: Option<&Manifest>) -> Result<()> {
        let read = |error| Error::io(&self.dir, "cannot list", error);
        for entry in fs::read_dir(&self.dir).map_err(read)? {
            let entry = entry.map_err(read)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| manifest::is_own_name(name)) else { continue };
            let mut named =
                current.iter().flat_map(|manifest| &manifest.segments).flat_map(SegmentEntry::files);
            if !named.any(|live| live == name) {
                // a reader may hold it, on systems that do not remove open files: the next writer tries again
                let _ = self.storage.remove(&entry.path());
            }
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.is_new && !self.dir.join(manifest::NAME).exists() {
            let _ = fs::remove_file(self.dir.join(LOCK)); // the lock is still held
            let _ = fs::remove_dir(&self.dir); // stays if anything else is in it
        }
    }
}

/// Whether the open file is still the one at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        file.metadata().map(id).ok() == fs::metadata(path).map(id).ok()
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

/// The MANIFEST of the last commit; nothing where there was none.
fn manifest_if_any(dir: &Path) -> Result<Option<Manifest>> {
    match Manifest::read(dir) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn check_fits(last: &Snapshot, settings: &Settings) -> Result<()> {
    let (expected, got) = ((last.bits(), last.latent_size()), (settings.bits, settings.latent_size));
    if expected != got {
        let show = |(bits, latent): (usize, usize)| format!("{bits} bits and latents of {latent}");
        return Err(Error::input("what is added", show(expected), show(got)));
    }
    Ok(())
}
