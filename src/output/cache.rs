//! Where caches of an index go: its own folder, or, where that cannot be written, a folder of the user's.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// Bytes of a hash that name a folder.
const NAMED_BY: usize = 10;

static USERS: OnceLock<PathBuf> = OnceLock::new();

/// From here on, caches of indexes that cannot be written go below `folder`, an absolute path. Only the first call
/// counts; without one such caches last as long as they are used.
pub fn use_cache_folder(folder: PathBuf) {
    let _ = USERS.set(folder);
}

/// The folder that holds caches of an index. Dropped, it is removed if it is a temporary one.
#[derive(Debug)]
pub struct CacheFolder {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl CacheFolder {
    /// The place for the cache `name`, a folder of the index at `dir`. Elsewhere it begins with what that folder
    /// holds.
    ///
    /// # Errors
    /// When no folder can be written.
    pub fn of(dir: &Path, name: &str) -> Result<CacheFolder> {
        CacheFolder::with(dir, name, USERS.get().map(PathBuf::as_path))
    }

    fn with(dir: &Path, name: &str, users: Option<&Path>) -> Result<CacheFolder> {
        let is_refused = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
        };
        let own = dir.join(name);
        let asked = if own.is_dir() { &own } else { dir };
        match tempfile::tempfile_in(asked) {
            Err(error) if is_refused(&error) => {}
            _ => return Ok(CacheFolder { path: dir.to_path_buf(), _temporary: None }), // other errors are told later
        }
        let place = dir.canonicalize().map_err(|error| Error::io(dir, error))?;
        let hash = Sha256::digest(place.as_os_str().as_encoded_bytes());
        let named: String = hash.iter().take(NAMED_BY).map(|byte| format!("{byte:02x}")).collect();
        let users = users.map(|users| users.join(named)).filter(|path| fs::create_dir_all(path).is_ok());
        let users = users.filter(|path| tempfile::tempfile_in(path).is_ok());
        let (path, temporary) = match users {
            Some(path) => (path, None),
            None => {
                let temporary =
                    tempfile::tempdir().map_err(|error| Error::io("the system's temporary folder", error))?;
                (temporary.path().to_path_buf(), Some(temporary))
            }
        };
        copy_once(&own, &path.join(name));
        Ok(CacheFolder { path, _temporary: temporary })
    }

    /// The folder to use in place of that of the index.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Copies the files of a folder, unless the copy is there. What cannot be copied is made anew by whoever needs it.
fn copy_once(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    if fs::create_dir(to).is_err() {
        return;
    }
    for entry in entries.flatten() {
        let copy = || -> io::Result<u64> {
            // without the permissions, which may forbid writing
            io::copy(&mut File::open(entry.path())?, &mut File::create(to.join(entry.file_name()))?)
        };
        let _ = copy();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn caches_go_to_the_user_where_the_index_cannot_be_written() {
        let root = tempfile::tempdir().unwrap();
        let [index, users] = ["index", "users"].map(|name| root.path().join(name));
        fs::create_dir_all(index.join("looks")).unwrap();
        fs::write(index.join("looks/a"), "7").unwrap();
        let place = |users| CacheFolder::with(&index, "looks", users).unwrap();
        assert_eq!(place(Some(users.as_path())).path(), index);
        let set_mode = |mode| {
            for folder in [index.join("looks"), index.clone()] {
                fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
            }
        };
        set_mode(0o500);
        if tempfile::tempfile_in(&index).is_ok() {
            eprintln!("SKIPPED: nothing is forbidden to root");
            return;
        }
        let cache = place(Some(users.as_path()));
        assert!(cache.path().starts_with(&users));
        assert_eq!(fs::read(cache.path().join("looks/a")).unwrap(), b"7");
        fs::write(cache.path().join("looks/a"), "8").unwrap();
        assert_eq!(place(Some(users.as_path())).path(), cache.path(), "the same each time");
        assert_eq!(fs::read(cache.path().join("looks/a")).unwrap(), b"8", "copied once");
        let temporary = place(None);
        let path = temporary.path().to_path_buf();
        assert_eq!(fs::read(path.join("looks/a")).unwrap(), b"7");
        drop(temporary);
        assert!(!path.exists());
        set_mode(0o700);
    }
}
