//! The operations of a commit on the disk, so that tests can stop between any two of them.
//!
//! Assumptions: what was synced is durable, a rename within a folder is atomic, and syncing a folder makes
//! the names in it durable. Nothing is assumed about the order of other writes.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The steps of a commit. Files are written through the handle that `create` returns.
pub(crate) trait Storage: std::fmt::Debug + Send + Sync {
    /// Creates an empty file, replacing an old one.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Makes the content of a file durable.
    fn sync(&self, path: &Path, file: &File) -> io::Result<()>;
    /// Renames a file over another one.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, dir: &Path) -> io::Result<()>;
}

/// The real disk.
#[derive(Debug)]
pub(crate) struct Disk;

impl Storage for Disk {
    fn create(&self, path: &Path) -> io::Result<File> {
        File::create(path)
    }

    fn sync(&self, _: &Path, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Does nothing on systems where folders cannot be opened.
    fn sync_folder(&self, dir: &Path) -> io::Result<()> {
        #[cfg(unix)]
        File::open(dir)?.sync_all()?;
        #[cfg(not(unix))]
        let _ = dir;
        Ok(())
    }
}
