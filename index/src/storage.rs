//! What a commit asks of the disk, each as one step, so that tests can stop between any two of them.
//!
//! Assumed of the disk: what was synced stays; a rename within a folder is whole or not at all; syncing a folder keeps the
//! names in it. Nothing is assumed of the order in which the rest arrives.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The steps of a commit. Files are written through the handle that `create` gives.
pub(crate) trait Storage: std::fmt::Debug + Send {
    /// Makes an empty file, over an old one if there is one.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Makes the content of a file durable.
    fn sync(&self, path: &Path, file: &File) -> io::Result<()>;
    /// Puts a file in the place of another one.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, dir: &Path) -> io::Result<()>;
}

/// The real one.
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

    /// A no-op where folders cannot be opened.
    fn sync_folder(&self, dir: &Path) -> io::Result<()> {
        #[cfg(unix)]
        File::open(dir)?.sync_all()?;
        #[cfg(not(unix))]
        let _ = dir;
        Ok(())
    }
}
