//! The images of a scan: which files have the same bytes, and which show the same pixels.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aesearch_index::{IdSet, Snapshot};
use rayon::prelude::*;

use super::fingerprint::Fingerprint;
use super::fingerprints::{Fingerprints, Hash};
use super::plan::{File, Unread};
use super::reading::CHANGED;
use crate::error::Result;
use crate::gallery::{FROM_MEMORY, Labels, Record};
use crate::images::{
    Item, Limits, PathScope, PathScopes, Shots, Sidecars, Skipped, Source, file_of, holds_frames,
    quick_stamp_of, read, resolve,
};

/// The images of a scan.
pub(super) struct Collection {
    base: PathBuf,
    files: Vec<Listed>, // by name
    contents: BTreeMap<Hash, Vec<u32>>,
    size: usize,
    /// Whether the entries of a container are pictures of an image file, once that was asked.
    of_frames: Mutex<HashMap<PathBuf, bool>>,
    sidecars: Sidecars,
    shots: Shots,
}

/// An image as the index knows it.
struct Listed {
    id: u32,
    name: Vec<u8>,
    record: Record,
    part: usize,
    reference: bool,
}

/// A picture: the contents that decode to the same pixels.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    /// These contents, ascending.
    pub(super) contents: Vec<Hash>,
}

/// The hashes of all contents of an index.
///
/// # Errors
/// When a record is damaged.
pub(super) fn hashes(snapshot: &Snapshot) -> Result<HashSet<Hash>> {
    snapshot.ids().map(|id| Ok(Record::of(snapshot, id)?.hash)).collect()
}

impl Collection {
    /// The images of the index that pass and are in `data` or in `reference`; without `data`, all. `base` is the
    /// folder of the index.
    ///
    /// # Errors
    /// When a record is damaged.
    pub(super) fn new(
        (snapshot, passing): (&Snapshot, &IdSet),
        base: &Path,
        data: &[PathBuf],
        reference: &[PathBuf],
    ) -> Result<Collection> {
        let scopes = |paths: &[PathBuf]| paths.iter().map(|path| PathScope::new(path)).collect::<Vec<_>>();
        // there may be a hundred thousand files from a list: they are looked up, not searched
        let exact: HashMap<&[u8], usize> = data
            .iter()
            .enumerate()
            .rev()
            .map(|(part, path)| (path.as_os_str().as_encoded_bytes(), part))
            .collect();
        let named: HashSet<&[u8]> =
            snapshot.ids().map(|id| snapshot.name(id)).filter(|name| exact.contains_key(name)).collect();
        let wide =
            data.iter().zip(0..).filter(|(path, _)| !named.contains(path.as_os_str().as_encoded_bytes()));
        let (wide, parts): (Vec<PathBuf>, Vec<usize>) = wide.map(|(path, part)| (path.clone(), part)).unzip();
        let wide = PathScopes::new(&wide);
        let reference = scopes(reference);
        let mut files = Vec::new();
        for id in snapshot.ids().filter(|id| passing.contains(*id)) {
            let name = snapshot.name(id);
            let is_reference = reference.iter().any(|scope| scope.holds(name, base));
            let by_scope = || wide.holding(name, base).first().map(|&at| parts[at]);
            let part = exact.get(name).copied().or_else(by_scope);
            let part = if data.is_empty() { Some(0) } else { part };
            if let Some(part) = part.or(is_reference.then_some(data.len())) {
                let record = Record::of(snapshot, id)?;
                files.push(Listed { id, name: name.to_vec(), record, part, reference: is_reference });
            }
        }
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut contents: BTreeMap<Hash, Vec<u32>> = BTreeMap::new();
        for (file, number) in files.iter().zip(0..) {
            contents.entry(file.record.hash).or_default().push(number);
        }
        let size = files.len();
        let (of_frames, sidecars, shots) = (Mutex::default(), Sidecars::default(), Shots::default());
        let base = base.to_path_buf();
        Ok(Collection { base, files, contents, size, of_frames, sidecars, shots })
    }

    /// Gives the images the labels that count.
    ///
    /// # Errors
    /// When the labels cannot be read.
    pub(super) fn label(&mut self, labels: &Labels) -> Result<()> {
        let label = |file: &Listed| (file.name.clone(), file.record.label.clone());
        let chosen = labels.of(&self.files.iter().map(label).collect::<Vec<_>>())?;
        self.files.iter_mut().zip(chosen).for_each(|(file, label)| file.record.label = label);
        Ok(())
    }

    /// Removes the images that have changed or disappeared since they were indexed, and returns them with the
    /// reason.
    pub(super) fn check(&mut self) -> Vec<Skipped> {
        let base = &self.base;
        let is_known = |Listed { name, record, .. }: &Listed| {
            quick_stamp_of(name, base) == Some((record.size, record.mtime_ns))
        };
        let unsure: Vec<u32> = (0..self.files.len() as u32)
            .into_par_iter()
            .filter(|&n| !is_known(&self.files[n as usize]))
            .collect();
        let items = resolve(unsure.iter().map(|&n| self.files[n as usize].name.as_slice()), base);
        // no file is that image, whatever it is called
        let item_of = |(&n, item)| match self.files[n as usize].record.is_in_memory() {
            true => Err(FROM_MEMORY.to_owned()),
            false => item,
        };
        let items: Vec<Result<_, String>> = unsure.iter().zip(items).map(item_of).collect();
        let now = |item: Result<_, String>| Ok(read(&item?, &Limits::default())?.stamp());
        let now: Vec<Result<_, String>> = items.into_par_iter().map(now).collect();
        let (mut gone, mut skipped) = (HashSet::new(), Vec::new());
        for (number, now) in unsure.into_iter().zip(now) {
            let Listed { name, record, .. } = &mut self.files[number as usize];
            let reason = match now {
                // only its time has changed
                Ok(now) if now.hash == record.hash => {
                    (record.size, record.mtime_ns) = (now.size, now.mtime_ns);
                    continue;
                }
                Ok(_) => CHANGED.to_owned(),
                Err(reason) => reason,
            };
            gone.insert(number);
            skipped.push(Skipped::new(name, reason));
        }
        self.contents.retain(|_, files| {
            files.retain(|file| !gone.contains(file));
            !files.is_empty()
        });
        self.size -= gone.len();
        skipped
    }

    /// The number of images.
    pub(super) fn len(&self) -> usize {
        self.size
    }

    /// Whether any image is in this folder, file or container.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let scope = PathScope::new(path);
        self.files.iter().any(|file| scope.holds(&file.name, &self.base))
    }

    /// The folder of the index.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// Each content, with the name of a file that has it.
    pub(super) fn contents(&self) -> impl Iterator<Item = (&Hash, &[u8])> {
        self.contents.iter().map(|(hash, files)| (hash, self.files[files[0] as usize].name.as_slice()))
    }

    /// An image with each of these contents.
    pub(super) fn items(&self, hashes: &[Hash]) -> Vec<Result<Item, String>> {
        let name =
            |hash: &Hash| self.files_of(hash).first().map(|&file| self.files[file as usize].name.as_slice());
        resolve(hashes.iter().map(|hash| name(hash).unwrap_or_default()), &self.base)
    }

    /// An image for each of some pictures, by position, with its content.
    pub(super) fn items_at(
        &self,
        pictures: &[Picture],
        positions: &[u32],
    ) -> Vec<(Hash, Result<Item, String>)> {
        let hashes: Vec<Hash> = positions.iter().map(|&at| pictures[at as usize].contents[0]).collect();
        let items = self.items(&hashes);
        hashes.into_iter().zip(items).collect()
    }

    /// Removes the contents without a fingerprint, and returns the pictures that the others show. The
    /// fingerprint of a file with several pictures knows only the first one, so such a file counts as a picture
    /// of its own; so does one without a hash of its samples, because it was decoded smaller than it is, only
    /// in part, or with damage.
    pub(super) fn pictures(&mut self, fingerprints: &Fingerprints) -> Vec<Picture> {
        let mut pictures: BTreeMap<[u8; 32], Vec<Hash>> = BTreeMap::new();
        self.contents.retain(|hash, _| {
            let fingerprint = fingerprints.get(hash);
            if let Some(fingerprint) = &fingerprint {
                let shown = fingerprint.pixels.filter(|_| !fingerprint.several).unwrap_or(hash);
                let shown = *shown;
                pictures.entry(shown).or_default().push(*hash);
            }
            fingerprint.is_some()
        });
        self.size = self.contents.values().map(Vec::len).sum();
        pictures.into_values().map(|contents| Picture { contents }).collect()
    }

    /// The numbers of the files of each content, ascending by content.
    pub(super) fn by_content(&self) -> impl Iterator<Item = (&Hash, &[u32])> {
        self.contents.iter().map(|(hash, files)| (hash, files.as_slice()))
    }

    /// The images whose files are damaged, by name, with what is wrong.
    pub(super) fn damaged(&self, fingerprints: &Fingerprints) -> Vec<Unread> {
        let damage = |hash: &Hash| fingerprints.get(hash).and_then(|found| found.damage.map(str::to_owned));
        let of_file = |&file: &u32, reason: &str| {
            let path = String::from_utf8_lossy(&self.files[file as usize].name).into_owned();
            Unread { path, reason: reason.to_owned() }
        };
        let found = self.contents.iter().filter_map(|(hash, files)| Some((files, damage(hash)?)));
        let mut damaged: Vec<Unread> = found
            .flat_map(|(files, why)| files.iter().map(move |file| of_file(file, &why)).collect::<Vec<_>>())
            .collect();
        damaged.sort_by(|a, b| a.path.cmp(&b.path));
        damaged
    }

    /// The name of each file, with the position of its picture.
    pub(super) fn shown(&self, pictures: &[Picture]) -> Vec<(Vec<u8>, u32)> {
        let mut shown = Vec::with_capacity(self.size);
        for (picture, position) in pictures.iter().zip(0..) {
            let files = picture.contents.iter().flat_map(|hash| self.files_of(hash));
            shown.extend(files.map(|&file| (self.files[file as usize].name.clone(), position)));
        }
        shown.sort_unstable();
        shown
    }

    /// The numbers of the files of a content.
    pub(super) fn files_of(&self, hash: &Hash) -> &[u32] {
        self.contents.get(hash).map_or(&[], Vec::as_slice)
    }

    /// The path of the scan that a file is in, by its number.
    pub(super) fn part(&self, file: u32) -> usize {
        self.files[file as usize].part
    }

    /// A file as the plan describes it; `shape` looks up what its fingerprint knows.
    pub(super) fn file(&self, number: u32, shape: &dyn Fn(&Hash) -> Option<Shape>) -> File {
        let Listed { name, record, reference, .. } = &self.files[number as usize];
        let found = file_of(name, Path::new(""));
        // a relative name starts at the working directory, or if it is not there, at the folder of the index
        let (path, at) = match found.or_else(|| file_of(name, &self.base)) {
            Some(file) if file_of(name, Path::new("")).is_none() => {
                let base = self.base.as_os_str().as_encoded_bytes();
                (if base.is_empty() { name.clone() } else { [base, b"/", name].concat() }, Some(file))
            }
            found => (name.clone(), found),
        };
        let entry = at.as_ref().is_some_and(|file| file.as_os_str().as_encoded_bytes() != path);
        let frame = entry && at.as_deref().is_some_and(|file| self.is_of_frames(file));
        let is_link = |file: &PathBuf| std::fs::symlink_metadata(file).is_ok_and(|at| at.is_symlink());
        let link = at.as_ref().is_some_and(is_link);
        let own = at.filter(|_| !entry);
        let sidecars = own.as_ref().map_or_else(Vec::new, |file| self.sidecars.of(file));
        let shot = own.map_or_else(Vec::new, |file| self.shots.others(&file));
        let shown_names =
            |names: &[OsString]| names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        let shape = shape(&record.hash).unwrap_or_default();
        let shown = String::from_utf8_lossy(&path).into_owned();
        File {
            path_bytes: (shown.as_bytes() != path).then_some(path),
            path: shown,
            entry,
            frame,
            reference: *reference,
            size: record.size,
            mtime_ns: record.mtime_ns,
            hash: super::hex(&record.hash),
            width: shape.width,
            height: shape.height,
            format: shape.format,
            exif: shape.exif,
            camera: shape.camera,
            generated: shape.generated,
            flaws: Vec::new(),
            jpeg_quality: shape.jpeg_quality,
            sidecars: shown_names(&sidecars),
            shot: shown_names(&shot),
            grey: shape.grey,
            link,
            damaged: shape.damaged,
            label: record.label.clone(),
        }
    }

    fn is_of_frames(&self, container: &Path) -> bool {
        let mut known = self.of_frames.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(container.to_path_buf()).or_insert_with_key(|file| holds_frames(file))
    }

    /// What tells whether two names are of one file, as hard links are; none for an entry, and where the system has
    /// no such numbers.
    pub(super) fn file_id(&self, file: u32) -> Option<(u64, u64)> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let name = &self.files[file as usize].name;
            let path = file_of(name, Path::new("")).or_else(|| file_of(name, &self.base))?;
            let is_entry = !name.ends_with(path.file_name()?.as_encoded_bytes());
            let metadata =
                std::fs::symlink_metadata(path).ok().filter(|metadata| !is_entry && metadata.nlink() > 1)?;
            Some((metadata.dev(), metadata.ino()))
        }
        #[cfg(not(unix))]
        {
            let _ = file;
            None
        }
    }

    /// The position of the picture that each item of the index shows; none for items that are not compared.
    pub(super) fn positions(&self, pictures: &[Picture]) -> HashMap<u32, u32> {
        let of = |(picture, position): (&Picture, u32)| {
            let files = picture.contents.iter().flat_map(|hash| self.files_of(hash));
            files.map(move |&file| (self.files[file as usize].id, position)).collect::<Vec<_>>()
        };
        pictures.iter().zip(0..).flat_map(of).collect()
    }

    /// A file that shows the picture, read into memory.
    pub(super) fn source(&self, picture: &Picture) -> Option<Source> {
        let file = *self.files_of(picture.contents.first()?).first()?;
        let name = self.files[file as usize].name.as_slice();
        let item = resolve([name], &self.base).into_iter().next()?.ok()?;
        read(&item, &Limits::default()).ok()
    }
}

/// What a fingerprint knows about a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// Width in pixels.
    pub(super) width: u32,
    /// Height in pixels.
    pub(super) height: u32,
    /// The file format.
    pub(super) format: String,
    /// It has EXIF data.
    pub(super) exif: bool,
    /// It tells which camera took it, or how.
    pub(super) camera: bool,
    /// It tells how it was generated.
    pub(super) generated: bool,
    /// The quality of a JPEG file.
    pub(super) jpeg_quality: Option<u8>,
    /// It has no colour.
    pub(super) grey: bool,
    /// What is wrong with it.
    pub(super) damaged: Option<String>,
}

impl From<Fingerprint<'_>> for Shape {
    fn from(fingerprint: Fingerprint<'_>) -> Shape {
        let Fingerprint { width, height, exif, jpeg_quality, traces, .. } = fingerprint;
        let (camera, generated) = (traces.camera(), traces.generated());
        let (format, grey) = (fingerprint.format.to_owned(), fingerprint.is_grey());
        let damaged = fingerprint.damage.map(str::to_owned);
        Shape { width, height, format, exif, camera, generated, jpeg_quality, grey, damaged }
    }
}
