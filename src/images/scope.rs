//! Paths, and the images of an index that lie at or below them; and where a file really is, whichever way leads
//! there.
//!
//! Neither the paths nor the images need exist. A relative name of an image is resolved against the working
//! directory if its file exists there, else against `base`, the folder that holds the index.

use std::collections::HashMap;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Mutex, PoisonError};

use super::names::{path_of, splits};
use super::resolve::{file_of, place_of};

/// Files in the canonical paths of their folders; each folder is looked up once.
#[derive(Debug, Default)]
pub struct Places(Mutex<HashMap<PathBuf, Option<PathBuf>>>);

impl Places {
    /// The file at `path` in the canonical path of its folder, so that two ways to one file give the same; a
    /// link to a file is a file of its own. None where there is no such folder.
    pub fn of_file(&self, path: &Path) -> Option<PathBuf> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(canonical) = known.get(folder) {
            return Some(canonical.as_ref()?.join(path.file_name()?));
        }
        let canonical = folder.canonicalize().ok();
        known.insert(folder.to_path_buf(), canonical.clone());
        Some(canonical?.join(path.file_name()?))
    }

    /// The same of the image called `name`: its file or container, and the name of the entry.
    pub fn of_name<'a>(&self, name: &'a [u8], base: &Path) -> Option<(PathBuf, &'a [u8])> {
        let (file, entry) = place_of(name, base)?;
        Some((self.of_file(&file)?, entry))
    }
}

/// Some paths, and the images of an index that they cover. Each may be an image, a container, an entry of one or
/// a folder, and need not exist.
#[derive(Debug, Default)]
pub struct PathScopes {
    /// Numbers of the paths: as they were given, and where they are.
    asked: HashMap<PathBuf, Vec<usize>>,
    there: HashMap<PathBuf, Vec<usize>>,
    places: Places,
}

impl PathScopes {
    /// The scopes of `paths`.
    pub fn new(paths: &[PathBuf]) -> PathScopes {
        let mut scopes = PathScopes::default();
        for (number, path) in paths.iter().enumerate() {
            scopes.asked.entry(path.clone()).or_default().push(number);
            let there = absolute(path).unwrap_or_else(|_| path.clone());
            let canonical = path.canonicalize().ok().filter(|canonical| *canonical != there);
            for place in [Some(there), canonical, scopes.places.of_file(path)].into_iter().flatten() {
                scopes.there.entry(place).or_default().push(number);
            }
        }
        scopes
    }

    /// The numbers of the paths at or below which the image called `name` is, in order.
    pub fn holding(&self, name: &[u8], base: &Path) -> Vec<usize> {
        let whole = path_of(name);
        let mut numbers: Vec<usize> = self.asked.get(&whole).into_iter().flatten().copied().collect();
        for (container, _) in splits(name) {
            numbers.extend(self.asked.get(&path_of(container)).into_iter().flatten());
        }
        let mut here = |path: &Path| {
            let there = [absolute(path).ok(), self.places.of_file(path)];
            for place in there.iter().flatten().flat_map(|path| path.ancestors()) {
                numbers.extend(self.there.get(place).into_iter().flatten());
            }
        };
        match file_of(name, Path::new("")) {
            Some(file) => {
                here(&file);
                here(&whole);
            }
            None => {
                here(&base.join(&whole));
                splits(name).for_each(|(file, _)| here(&base.join(path_of(file))));
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// One path, and the images of an index that it covers.
#[derive(Debug)]
pub struct PathScope(PathScopes);

impl PathScope {
    /// The scope of `path`.
    pub fn new(path: &Path) -> PathScope {
        PathScope(PathScopes::new(&[path.to_path_buf()]))
    }

    /// Whether the image called `name` is at this path or below it.
    pub fn holds(&self, name: &[u8], base: &Path) -> bool {
        !self.0.holding(name, base).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_images_containers_entries_and_folders() {
        let base = Path::new("/base");
        let holds = |place: &str, name: &[u8]| PathScope::new(Path::new(place)).holds(name, base);
        for place in ["set/a.gz#3", "set/a.gz", "/base/set/a.gz#3", "/base/set/a.gz", "/base/set", "/base"] {
            assert!(holds(place, b"set/a.gz#3"), "{place}");
        }
        for place in ["set/a.gz#4", "se", "set/a", "/base/se", "a.gz#3"] {
            assert!(!holds(place, b"set/a.gz#3"), "{place}");
        }
        assert!(holds("/far/x.png", b"/far/x.png") && !holds("x.png", b"/far/x.png"));
        assert!(!holds(".", b"set/a.gz#3"), "it is not here: it lies in the folder of the index");
        assert!(holds(".", b"src/lib.rs") && holds("src", b"src/lib.rs") && !holds("/base", b"src/lib.rs"));
        for way in ["./src/", "src/images/..", "src/../src"] {
            assert!(holds(way, b"src/lib.rs") && !holds(way, b"Cargo.toml"), "{way}");
            assert!(holds("src/lib.rs", &[way.as_bytes(), b"/lib.rs"].concat()), "{way}");
        }
    }

    #[test]
    fn of_many_paths_those_that_hold_an_image_are_found() {
        let paths = ["src/images", "Cargo.toml", "./src", "src/lib.rs#3"].map(PathBuf::from);
        let scopes = PathScopes::new(&paths);
        let holding = |name: &[u8]| scopes.holding(name, Path::new(""));
        assert_eq!(holding(b"src/images/mod.rs"), [0, 2]);
        assert_eq!(holding(b"src/lib.rs#3"), [2, 3]);
        assert_eq!(holding(b"README.md"), [] as [usize; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_the_same_whichever_way_leads_there() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("real")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
        let places = Places::default();
        let [real, link, gone] = ["real/a.png", "link/a.png", "gone/a.png"].map(|file| dir.path().join(file));
        assert!(places.of_file(&real).is_some());
        assert_eq!(places.of_file(&real), places.of_file(&link));
        assert_eq!(places.of_file(&gone), None);
    }
}
