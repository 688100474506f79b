//! Small pictures of a collection's images, kept in the index's folder under the hash of the content, so that
//! sheets and pages can show images whose files are not there.
//!
//! They are in an index of their own, the folder `thumbnails/`, for its checksums and commits. Their size is
//! an attribute of it; without the folder none are kept. If it is deleted, the next run that asks for them
//! makes them again.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aesearch_index::{Item as Entry, SegmentBuilder, Settings, Snapshot, Writer};
use rayon::prelude::*;

use super::folder::base;
use super::record::Record;
use crate::error::{Error, Result};
use crate::images::{Decoding, Item, Needed, Pixels, by_place, encode_jpeg, fitted, read, resolve};
use crate::observer::{Note, Observer, Progress, Stage};

/// The folder, inside the index's folder.
const FOLDER: &str = "thumbnails";
/// The attribute that holds the longest side, u32, little-endian.
const SIDE: &str = "side";
/// The longest sides that can be asked for.
const SIDES: std::ops::RangeInclusive<usize> = 16..=2048;
/// Of the JPEG files.
const QUALITY: u8 = 85;
/// Bytes held between two commits.
const COMMIT: usize = 64 << 20;
/// Images between two reports of progress.
const BLOCK: usize = 256;

type Hash = [u8; 32];

/// How many thumbnails an index keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThumbnailFacts {
    /// The longest side, in pixels; smaller images are kept at their size.
    pub side: usize,
    /// Different images that have one.
    pub images: usize,
    /// Bytes of all their files.
    pub bytes: u64,
}

impl ThumbnailFacts {
    /// Those of the index at `dir`; none if it keeps no thumbnails.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn of(dir: &Path) -> Result<Option<ThumbnailFacts>> {
        let Some(snapshot) = open(dir)? else { return Ok(None) };
        let images = snapshot.len();
        Ok(side_of(&snapshot).map(|side| ThumbnailFacts { side, images, bytes: snapshot.bytes() }))
    }
}

/// Makes thumbnails while a collection is indexed; used by several threads at once.
#[derive(Debug)]
pub(super) struct Thumbnailer {
    /// The longest side of a thumbnail, in pixels.
    pub(super) side: usize,
    shelf: Mutex<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    /// None once the run is done: a worker that was abandoned may still hold this.
    writer: Option<Writer>,
    /// The next commit.
    builder: SegmentBuilder,
    /// Bytes in it.
    held: usize,
    /// Contents that have a thumbnail, in a commit or in the next one.
    has: HashSet<Hash>,
    /// The commit before this run.
    since: u64,
    /// The first error; there are no thumbnails after it.
    failed: Option<Error>,
}

impl Thumbnailer {
    /// Continues the thumbnails of the index at `dir`: of the side that is asked for, else as there are; with
    /// a side of 0, those that are there are removed. None if none are to be made.
    ///
    /// # Errors
    /// `Invalid` when the side is too small or too large, or when the folder cannot be read or written.
    pub(super) fn open(
        dir: &Path,
        asked: Option<usize>,
        observer: &dyn Observer,
    ) -> Result<Option<Thumbnailer>> {
        let before = match open(dir) {
            Err(error @ Error::Damaged(_)) => {
                observer.note(&Note::new(format!("{error}: all thumbnails are made again")));
                remove(dir)?;
                None
            }
            before => before?,
        };
        check_ours(dir, before.as_ref())?;
        let there = before.as_ref().and_then(side_of);
        let side = match (asked, there) {
            (None, None) => return Ok(None),
            (Some(0), None) => return Ok(None),
            (Some(0), Some(_)) => return remove(dir).map(|()| None),
            (Some(side), _) if !SIDES.contains(&side) => {
                let (least, most) = (SIDES.start(), SIDES.end());
                let what = format!("`thumbnails`: expected 0 or {least} to {most} pixels, got {side}");
                return Err(Error::invalid(what));
            }
            (Some(side), _) | (None, Some(side)) => side,
        };
        if there.is_some_and(|there| there != side) {
            drop(before);
            remove(dir)?;
            return Thumbnailer::new(dir, None, side).map(Some);
        }
        Thumbnailer::new(dir, before, side).map(Some)
    }

    fn new(dir: &Path, before: Option<Snapshot>, side: usize) -> Result<Thumbnailer> {
        let since = before.as_ref().map_or(0, Snapshot::generation);
        let has = before.iter().flat_map(names).map(|(hash, _)| hash).collect();
        let (writer, builder) = (Some(Writer::lock(dir.join(FOLDER))?), empty(side)?);
        let shelf = Shelf { writer, builder, held: 0, has, since, failed: None };
        Ok(Thumbnailer { side, shelf: Mutex::new(shelf) })
    }

    /// Keeps a small picture of an image with this content, unless there is one. An image that cannot be
    /// scaled has none.
    pub(super) fn add(&self, hash: &Hash, image: &Pixels) {
        if self.lock().has.contains(hash) {
            return;
        }
        let jpeg = fitted(image, self.side)
            .and_then(|small| encode_jpeg(&small, QUALITY).map_err(|error| error.to_string()));
        let Ok(jpeg) = jpeg else { return };
        let mut shelf = self.lock();
        if shelf.failed.is_none()
            && let Err(error) = shelf.put(hash, &jpeg, self.side)
        {
            shelf.failed = Some(error);
        }
    }

    /// Makes those that the images of the index at `dir` still lack, drops those of contents that it does not
    /// hold any more, and commits.
    ///
    /// # Errors
    /// When thumbnails could not be written.
    pub(super) fn finish(
        &self,
        dir: &Path,
        index: &Snapshot,
        how: &Decoding,
        observer: &dyn Observer,
    ) -> Result<()> {
        let mut wanted: HashMap<Hash, u32> = HashMap::new();
        for id in index.ids() {
            wanted.entry(Record::of(index, id)?.hash).or_insert(id);
        }
        let mut missing: Vec<u32> = {
            let shelf = self.lock();
            wanted.iter().filter(|(hash, _)| !shelf.has.contains(*hash)).map(|(_, &id)| id).collect()
        };
        missing.sort_unstable_by(|&a, &b| index.name(a).cmp(index.name(b)));
        self.fill(dir, index, &missing, how, observer);
        let mut shelf = self.lock();
        if let Some(error) = shelf.failed.take() {
            shelf.writer = None;
            return Err(error);
        }
        let before = open(dir)?;
        let gone = before.iter().flat_map(names).filter(|(hash, _)| !wanted.contains_key(hash));
        let gone: Vec<u32> = gone.map(|(_, id)| id).collect();
        drop(before);
        let done = shelf.commit(self.side, &gone, true);
        shelf.writer = None;
        done
    }

    /// Reads images again, to make their thumbnails; those that cannot be read have none.
    fn fill(&self, dir: &Path, index: &Snapshot, missing: &[u32], how: &Decoding, observer: &dyn Observer) {
        if missing.is_empty() {
            return;
        }
        observer.stage(Stage::images("making thumbnails"));
        let how = Decoding { needed: Needed::Fitted { side: self.side }, ..how.clone() };
        let found = resolve(missing.iter().map(|&id| index.name(id)), base(dir));
        let found = missing.iter().zip(found).filter_map(|(&id, item)| Some((id, item.ok()?)));
        // entries of a compressed stream are read one after the other
        let (mut in_order, apart): (Vec<_>, Vec<_>) = found.partition(|(_, item)| item.in_sequence());
        in_order.sort_by(|a, b| by_place(&a.1, &b.1));
        let blocks = apart.chunks(BLOCK).map(|block| (block, false));
        let mut done = 0;
        for (block, in_order) in blocks.chain(in_order.chunks(BLOCK).map(|block| (block, true))) {
            if observer.should_stop() || self.lock().failed.is_some() {
                return;
            }
            let make = |(id, item): &(u32, Item)| {
                self.make(index, *id, item, &how);
            };
            match in_order {
                true => block.iter().for_each(make),
                false => block.par_iter().for_each(make),
            }
            done += block.len();
            observer.progress(&Progress::of(done, missing.len()));
        }
    }

    /// Makes the thumbnail of one image, if its content is still that of the index.
    fn make(&self, index: &Snapshot, id: u32, item: &Item, how: &Decoding) -> Option<()> {
        let source = read(item, &how.limits).ok()?;
        let hash = source.stamp().hash;
        if Record::of(index, id).ok()?.hash == hash {
            self.add(&hash, &source.decode(how).ok()?);
        }
        Some(())
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn put(&mut self, hash: &Hash, jpeg: &[u8], side: usize) -> Result<()> {
        if self.writer.is_none() || !self.has.insert(*hash) {
            return Ok(());
        }
        let code = u64::from_le_bytes(std::array::from_fn(|i| hash[i]));
        self.builder.push(Entry { name: hash, payload: jpeg, code: &[code], latent: &[] })?;
        self.held += jpeg.len();
        if self.held >= COMMIT { self.commit(side, &[], false) } else { Ok(()) }
    }

    fn commit(&mut self, side: usize, gone: &[u32], is_last: bool) -> Result<()> {
        let add = std::mem::replace(&mut self.builder, empty(side)?);
        self.held = 0;
        let Some(writer) = &mut self.writer else { return Ok(()) };
        match is_last {
            true if add.is_empty() && gone.is_empty() => Ok(()),
            true => Ok(writer.commit_since(add, gone, self.since)?),
            false => Ok(writer.checkpoint(add, gone, self.since)?),
        }
    }
}

/// Drops the thumbnails of images that the index at `dir` does not hold any more.
///
/// # Errors
/// When they cannot be read or written.
pub(super) fn drop_gone(dir: &Path, index: &Snapshot) -> Result<()> {
    let Some(before) = open(dir)? else { return Ok(()) };
    let Some(side) = side_of(&before) else { return Ok(()) };
    let kept = index.ids().map(|id| Ok(Record::of(index, id)?.hash)).collect::<Result<HashSet<Hash>>>()?;
    let gone: Vec<u32> = names(&before).filter(|(hash, _)| !kept.contains(hash)).map(|(_, id)| id).collect();
    if gone.is_empty() {
        return Ok(());
    }
    drop(before);
    let mut writer = Writer::lock(dir.join(FOLDER))?;
    writer.commit(empty(side)?, &gone)?;
    Ok(writer.compact()?) // no picture stays on the disk of what was taken out
}

/// Merges the thumbnails of the index at `dir`, if it has some.
///
/// # Errors
/// When they cannot be read or written.
pub(super) fn compact(dir: &Path) -> Result<()> {
    let is_ours = open(dir)?.as_ref().and_then(side_of).is_some();
    if is_ours {
        Writer::lock(dir.join(FOLDER))?.compact()?;
    }
    Ok(())
}

/// Puts the thumbnails of indexes together for the one at `to`, of the size that the first has that keeps some; those of
/// another size are left out, and can be made again.
///
/// # Errors
/// When they cannot be read or written.
pub(super) fn take_over(from: &[&Path], to: &Path) -> Result<()> {
    let mut all: Option<Thumbnailer> = None;
    for dir in from {
        let Some(snapshot) = open(dir)? else { continue };
        let Some(side) = side_of(&snapshot) else { continue };
        let all = match &all {
            Some(all) => all,
            None => all.insert(Thumbnailer::new(to, None, side)?),
        };
        let mut shelf = all.lock();
        for (hash, id) in names(&snapshot).filter(|_| all.side == side) {
            shelf.put(&hash, snapshot.payload(id), side)?;
        }
    }
    all.map_or(Ok(()), |all| all.lock().commit(all.side, &[], true))
}

/// The images `ids` of the index at `dir` as `found` on the disk; those that are not there, by their
/// thumbnails, where there are some. Also how many those are.
pub(crate) fn or_thumbnails(
    (dir, index): (&Path, &Snapshot),
    ids: &[u32],
    found: Vec<std::result::Result<Item, String>>,
) -> (Vec<std::result::Result<Item, String>>, usize) {
    if found.iter().all(std::result::Result::is_ok) {
        return (found, 0);
    }
    let Ok(thumbnails) = Thumbnails::open(dir) else { return (found, 0) };
    let mut n = 0;
    let mut show = |(item, &id): (std::result::Result<Item, String>, &u32)| {
        item.or_else(|reason| {
            let hash = Record::of(index, id).map_err(|_| reason.clone())?.hash;
            let jpeg = thumbnails.get(&hash).ok_or(reason)?;
            n += 1;
            Ok(Item::from_bytes(index.name(id), jpeg))
        })
    };
    let items = found.into_iter().zip(ids).map(&mut show).collect();
    (items, n)
}

/// The thumbnails of an index, by content.
#[derive(Debug)]
pub struct Thumbnails {
    snapshot: Option<Snapshot>,
    ids: HashMap<Hash, u32>,
}

impl Thumbnails {
    /// Those of the index at `dir`, which may be none.
    ///
    /// # Errors
    /// When they are damaged, or cannot be read.
    pub fn open(dir: &Path) -> Result<Thumbnails> {
        let snapshot = open(dir)?;
        let ids = snapshot.iter().flat_map(names).collect();
        Ok(Thumbnails { snapshot, ids })
    }

    /// The JPEG file of a content, given by its BLAKE3.
    pub fn get(&self, hash: &Hash) -> Option<&[u8]> {
        Some(self.snapshot.as_ref()?.payload(*self.ids.get(hash)?))
    }
}

fn open(dir: &Path) -> Result<Option<Snapshot>> {
    match Snapshot::open(dir.join(FOLDER)) {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Refuses a folder of that name that is something else, as where an index lies among the user's files.
fn check_ours(dir: &Path, before: Option<&Snapshot>) -> Result<()> {
    let folder = dir.join(FOLDER);
    let is_new = fs::read_dir(&folder).map_or(true, |mut files| files.next().is_none());
    if is_new || before.and_then(side_of).is_some() || folder.join("LOCK").is_file() {
        return Ok(());
    }
    let what = format!("{}: expected the thumbnails of the index, got another folder", folder.display());
    Err(Error::invalid(what).with_hint("index into a folder of its own, or rename this one"))
}

/// Removes the folder, which is ours.
fn remove(dir: &Path) -> Result<()> {
    let folder = dir.join(FOLDER);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&folder, error)),
        _ => Ok(()),
    }
}

fn side_of(snapshot: &Snapshot) -> Option<usize> {
    let bytes = snapshot.attribute(SIDE)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes) as usize)
}

/// The contents that have a thumbnail, and where it is.
fn names(snapshot: &Snapshot) -> impl Iterator<Item = (Hash, u32)> {
    snapshot.ids().filter_map(|id| Some((Hash::try_from(snapshot.name(id)).ok()?, id)))
}

fn empty(side: usize) -> Result<SegmentBuilder> {
    let attributes = vec![(SIDE.to_owned(), (side as u32).to_le_bytes().to_vec())]; // at most 2048
    Ok(SegmentBuilder::new(&Settings { attributes, ..Settings::default() })?)
}
