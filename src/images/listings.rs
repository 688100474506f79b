//! The files of folders, by what their names have in common. Each folder is listed once, when it is first asked for.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The names of a folder's files, by key.
pub(super) type Listing = HashMap<OsString, Vec<OsString>>;

/// Folders that were listed.
#[derive(Debug)]
pub(super) struct Listings {
    key: fn(&OsStr) -> Option<OsString>,
    folders: Mutex<HashMap<PathBuf, Arc<Listing>>>,
}

impl Listings {
    /// Files are found by what `key` makes of their names; those of which it makes nothing are left out.
    pub(super) fn new(key: fn(&OsStr) -> Option<OsString>) -> Listings {
        Listings { key, folders: Mutex::default() }
    }

    /// The files of a folder; none where it cannot be listed.
    pub(super) fn of(&self, folder: &Path) -> Arc<Listing> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.entry(folder.to_path_buf()).or_insert_with(|| Arc::new(self.list(folder))).clone()
    }

    fn list(&self, folder: &Path) -> Listing {
        // a relative name has an empty folder
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut listing = Listing::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_file = || entry.file_type().is_ok_and(|kind| kind.is_file());
            if let Some(key) = (self.key)(&name).filter(|_| is_file()) {
                listing.entry(key).or_default().push(name);
            }
        }
        listing
    }
}
