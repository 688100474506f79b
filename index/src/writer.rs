//! The one writer of an index: lock, write a segment, replace the MANIFEST, sweep up.
//!
//! A crash at any point leaves the last commit in place; what it left lying around is removed by the next writer.

use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::builder::SegmentBuilder;
use crate::error::{Error, Result};
use crate::manifest::{self, Manifest, SegmentEntry};

/// The lock file's name in the index folder; it stays, only the lock on it comes and goes.
const LOCK: &str = "LOCK";

/// The right to change an index; given back on drop.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    _lock: File,
}

impl Writer {
    /// Takes the lock of the index at `dir`, which is created if it does not exist, and removes what a crashed writer left.
    ///
    /// # Errors
    /// [`Error::Locked`] at once when another writer holds the lock; [`Error::Damaged`] or [`Error::TooNew`] when the
    /// MANIFEST cannot be read; [`Error::Io`].
    pub fn lock(dir: &Path) -> Result<Writer> {
        fs::create_dir_all(dir).map_err(|error| Error::io(dir, "cannot create the folder", error))?;
        let path = dir.join(LOCK);
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
        let writer = Writer { dir: dir.to_path_buf(), _lock: lock };
        writer.sweep(writer.last_commit()?.as_ref())?;
        Ok(writer)
    }

    /// Makes the items of `builder` the whole content of the index, at once and durably. Readers keep what they opened.
    ///
    /// # Errors
    /// [`Error::Io`], or as [`Writer::lock`]; the last commit then still stands.
    pub fn commit(&mut self, builder: SegmentBuilder) -> Result<()> {
        let generation = self.last_commit()?.map_or(0, |last| last.generation) + 1;
        let name = manifest::segment_name(generation);
        let bytes = self.write_segment(&name, &builder)?;
        let settings = builder.settings();
        let next = Manifest {
            generation,
            bits: settings.bits as u32,
            latent_size: settings.latent_size as u32,
            attributes: settings.attributes.clone(),
            segments: vec![SegmentEntry { name, bytes, items: builder.len() as u32 }],
        };
        next.commit(&self.dir)?;
        self.sweep(Some(&next))
    }

    fn last_commit(&self) -> Result<Option<Manifest>> {
        match Manifest::read(&self.dir) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes and syncs a segment under a name that no reader knows yet.
    fn write_segment(&self, name: &str, builder: &SegmentBuilder) -> Result<u64> {
        let path = self.dir.join(name);
        let write = || {
            let mut out = BufWriter::new(File::create(&path)?);
            let bytes = builder.write(&mut out)?;
            out.flush()?;
            out.get_ref().sync_all()?;
            Ok(bytes)
        };
        let bytes = write().map_err(|error| Error::io(&path, "cannot write", error))?;
        manifest::sync_folder(&self.dir)?;
        Ok(bytes)
    }

    /// Removes segments that `current` does not name, and unfinished MANIFESTs. Files of other names are not ours.
    fn sweep(&self, current: Option<&Manifest>) -> Result<()> {
        let read = |error| Error::io(&self.dir, "cannot list", error);
        for entry in fs::read_dir(&self.dir).map_err(read)? {
            let entry = entry.map_err(read)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let live =
                current.is_some_and(|manifest| manifest.segments.iter().any(|segment| segment.name == name));
            if name == manifest::TEMPORARY || (manifest::is_segment_name(name) && !live) {
                // where open files cannot be removed, a reader may still hold it: the next writer tries again
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}
