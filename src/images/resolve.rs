//! From names back to items: the reverse of walking, for images of which an index only has the names.
//!
//! A relative name is resolved against the working directory, then against `base`. A container is opened once
//! for all of its entries.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::containers::{Container, Found, recognise};
use super::films::time_of;
use super::item::Origin;
use super::names::{is_time_of_film, path_of, splits};
use super::plain_file::mtime_ns;
use super::sniff;
use super::walker::{WalkOptions, walk_path};
use super::{Frames, Item};
use crate::cloud::is_url;
use crate::error::{Error, NO_SUCH_FILE};

/// The images with these names, or the reason why one cannot be found; in the order of `names`.
pub fn resolve<'a>(names: impl IntoIterator<Item = &'a [u8]>, base: &Path) -> Vec<Result<Item, String>> {
    let mut resolver = Resolver::new(base);
    names.into_iter().map(|name| resolver.find(name)).collect()
}

/// Finds images by their names, one after the other.
pub struct Resolver {
    base: PathBuf,
    containers: HashMap<PathBuf, Result<Arc<Container>, String>>,
}

impl Resolver {
    /// Relative names start at the working directory, else at `base`.
    pub fn new(base: &Path) -> Resolver {
        Resolver { base: base.to_path_buf(), containers: HashMap::new() }
    }

    /// The image of this name, or the reason why it cannot be found.
    ///
    /// # Errors
    /// The reason.
    pub fn find(&mut self, name: &[u8]) -> Result<Item, String> {
        if is_url(name) {
            return Ok(Item::from_path(path_of(name)));
        }
        let base = self.base.as_path();
        if let Some(path) = existing(name, base) {
            return items(&path)?.into_iter().next().ok_or_else(|| "no image there".to_owned());
        }
        if !name.contains(&b'#') {
            return Err(NO_SUCH_FILE.to_owned());
        }
        let (path, entry) = container_of(name, base).ok_or("its container is gone")?;
        if is_time_of_film(&path, entry) {
            let time = time_of(entry).into_iter().collect();
            let film = Container::of_film(&path, time)?.container.ok_or("no film any more")?;
            return Ok(Item { origin: Origin::Entry { container: Arc::new(film), index: 0 } });
        }
        let container = self.containers.entry(path).or_insert_with_key(|path| container(path)).as_ref()?;
        let index = container.find(entry).ok_or("its container has no such entry any more")?;
        Ok(Item { origin: Origin::Entry { container: container.clone(), index: index as u32 } })
    }
}

/// The file that holds the image called `name`, its own or its container; none if it is gone.
pub fn file_of(name: &[u8], base: &Path) -> Option<PathBuf> {
    Some(place_of(name, base)?.0)
}

/// The same file, and the name of the entry in it; empty if the image is the file itself.
pub(super) fn place_of<'a>(name: &'a [u8], base: &Path) -> Option<(PathBuf, &'a [u8])> {
    existing(name, base).map(|path| (path, &name[..0])).or_else(|| container_of(name, base))
}

/// Whether two names are of the same image, by the places where they lead. Links of another name count as others.
pub fn is_same_image(a: &[u8], b: &[u8], base: &Path) -> bool {
    let last = |name: &'_ [u8]| name.rsplit(|&byte| byte == b'/').next().map(<[u8]>::to_vec);
    let place = |name: &[u8]| {
        let (file, entry) = match existing(name, base) {
            Some(file) => (file, Vec::new()),
            None => container_of(name, base).map(|(file, entry)| (file, entry.to_vec()))?,
        };
        Some((file.canonicalize().ok()?, entry))
    };
    a == b || (last(a) == last(b) && place(a).is_some_and(|there| place(b) == Some(there)))
}

/// Whether the entries of the file at `path` are pictures of an image file or a film, rather than images in an
/// archive, an array or a table. A file that cannot be read counts as the former.
pub fn holds_frames(path: &Path) -> bool {
    sniff::is_image_name(path) || !matches!(recognise(path), Ok(Found::Container(_) | Found::SomeZip))
}

/// Size in bytes and time of change of the file that holds the image called `name`, as [`Item::quick_stamp`];
/// none if the system does not tell.
pub fn quick_stamp_of(name: &[u8], base: &Path) -> Option<(u64, i64)> {
    let metadata = fs::metadata(file_of(name, base)?).ok()?;
    Some((metadata.len(), mtime_ns(&metadata)))
}

/// The canonical paths of the files that hold `items`: to check that an output would not overwrite one of
/// them.
pub fn files_of(items: &[Item]) -> HashSet<PathBuf> {
    let on_disk = items.iter().filter(|item| !item.is_in_memory());
    on_disk.filter_map(|item| file_of(&item.name(), Path::new(""))?.canonicalize().ok()).collect()
}

/// Refuses to write a picture over one of the images it is made of.
///
/// # Errors
/// When `output` is one of them.
pub fn keep_images(output: &Path, items: &[Item]) -> crate::Result<()> {
    match output.canonicalize() {
        Ok(there) if files_of(items).contains(&there) => {
            let what = format!("{}: expected a file for a picture, got one of the images", output.display());
            Err(Error::invalid(what).with_hint("nothing was written; name another file"))
        }
        _ => Ok(()),
    }
}

fn items(path: &Path) -> Result<Vec<Item>, String> {
    let walk = walk_path(path, &WalkOptions::default());
    walk.map(|walk| walk.items).map_err(|error| error.to_string())
}

/// The container at `path`, listed; an image file is one of all its pictures.
fn container(path: &Path) -> Result<Arc<Container>, String> {
    let options = WalkOptions { frames: Frames::All, ..WalkOptions::default() };
    let walk = walk_path(path, &options).map_err(|error| error.to_string())?;
    match walk.items.first().map(|item| &item.origin) {
        Some(Origin::Entry { container, .. }) => Ok(container.clone()),
        _ => Err(walk.skipped.into_iter().next().map_or("no container any more".to_owned(), |s| s.reason)),
    }
}

/// The file of this name; if there is none, the first path for which the system does not tell whether there
/// is one. Nor is a store asked whether it has an object.
fn existing(name: &[u8], base: &Path) -> Option<PathBuf> {
    let path = path_of(name);
    if is_url(name) {
        return Some(path);
    }
    let mut unknown = None;
    for path in [path.clone(), base.join(path)] {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => return Some(path),
            Err(error) if !is_gone(&error) => unknown = unknown.or(Some(path)),
            _ => {}
        }
    }
    unknown
}

/// Whether this error means that there is no such file; missing permission, for one, does not.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    // a file cannot have an invalid name: container and entry together may be too long for one
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename | InvalidInput)
}

/// The container that exists, and the name of the entry; either may contain `#`.
fn container_of<'a>(name: &'a [u8], base: &Path) -> Option<(PathBuf, &'a [u8])> {
    splits(name).find_map(|(container, entry)| Some((existing(container, base)?, entry)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::walk;

    /// An IDX file of three images of 1x1, with the values 10, 20, 30.
    const IDX: [u8; 19] = [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 10, 20, 30];

    #[test]
    fn what_was_walked_is_found_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let container = dir.path().join("three-images-idx3-ubyte");
        std::fs::write(&container, IDX).unwrap();
        std::fs::write(dir.path().join("a#1.pgm"), b"P5 1 1 255\n\x07").unwrap();
        let walked = walk(&[dir.path().to_path_buf()], &WalkOptions::default()).unwrap().items;
        assert_eq!(walked.len(), 4);
        let names: Vec<Vec<u8>> = walked.iter().map(|item| item.name().into_owned()).collect();
        let found = resolve(names.iter().map(Vec::as_slice), Path::new(""));
        assert_eq!(file_of(&names[0], Path::new("")), Some(dir.path().join("a#1.pgm")));
        assert_eq!(file_of(&names[3], Path::new("")), Some(container));
        for (walked, found) in walked.iter().zip(found) {
            assert_eq!(walked.name(), found.unwrap().name());
        }
    }

    #[test]
    fn only_what_is_known_to_be_gone_is() {
        use io::ErrorKind::{NotADirectory, NotFound, Other, PermissionDenied, StaleNetworkFileHandle};
        for (kind, gone) in [
            (NotFound, true),
            (NotADirectory, true),
            (PermissionDenied, false),
            (StaleNetworkFileHandle, false),
            (Other, false),
        ] {
            assert_eq!(is_gone(&kind.into()), gone, "{kind}");
        }
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a.tar");
        std::fs::write(&archive, "").unwrap();
        let long = [archive.as_os_str().as_encoded_bytes(), b"#", &[b'x'; 3000]].concat();
        assert_eq!(file_of(&long, Path::new("")), Some(archive.clone()));
        assert_eq!(file_of(archive.join("x").as_os_str().as_encoded_bytes(), Path::new("")), None);
    }

    #[cfg(unix)]
    #[test]
    fn files_in_a_closed_folder_are_there() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let closed = dir.path().join("closed");
        let file = closed.join("a.png");
        fs::create_dir(&closed).unwrap();
        fs::write(&file, "").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let found = file_of(file.as_os_str().as_encoded_bytes(), Path::new(""));
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(found, Some(file));
    }

    #[test]
    fn what_is_gone_has_a_reason_and_base_is_tried() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("three-images-idx3-ubyte"), IDX).unwrap();
        let names: [&[u8]; 4] =
            [b"three-images-idx3-ubyte#2", b"three-images-idx3-ubyte#3", b"gone.png", b"gone#0"];
        let found = resolve(names, dir.path());
        assert!(found[0].is_ok());
        assert!(found[1..].iter().all(Result::is_err));
        assert_eq!(file_of(b"gone#0", dir.path()), None);
    }
}
