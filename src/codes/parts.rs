//! What a run that encodes into a file has done so far, in a hidden folder beside the file: `.codes.parquet.parts` of
//! `codes.parquet`.
//!
//! | file | what it holds |
//! |---|---|
//! | `key` | a hash of all that the codes depend on |
//! | `facts` | model, polarity and binarizer, as they were decided |
//! | `0.parquet`, `1.parquet` ... | the rows of so many images, and why others have none |
//! | `lock` | locked by the process that writes |
//!
//! Each is written whole or not at all. A later run with the same key goes on behind the last part; with another key
//! the folder is emptied first. When the file is there, the folder is removed.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::format::Format;
use super::head::Head;
use super::read::Table;
use super::row::Row;
use super::writer::Writer;
use crate::error::{Error, Result};
use crate::gallery::Facts;
use crate::output::{write_whole, write_whole_with};

/// The key of the metadata of a part that holds what was skipped: positions and reasons, as JSON.
const SKIPPED: &str = "aesearch.skipped";

/// Positions of images that were skipped, and why.
pub(super) type Reasons = Vec<(usize, String)>;

/// The folder of parts of a file.
pub(super) struct Parts {
    folder: PathBuf,
    /// Parts that are there.
    done: usize,
    _lock: File,
}

impl Parts {
    /// Opens the folder for the file `to`, with what an earlier run with the same key has left.
    ///
    /// # Errors
    /// `Locked` when another process writes the file, `Io` when the folder cannot be read or written.
    pub(super) fn open(to: &Path, key: &[u8; 32]) -> Result<Parts> {
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let folder = to.with_file_name(format!(".{name}.parts"));
        let fail = |error| Error::io(&folder, error);
        fs::create_dir_all(&folder).map_err(fail)?;
        let lock = File::create(folder.join("lock")).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::locked(format!("{}: another process writes this file", to.display())));
            }
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        let mut parts = Parts { folder, done: 0, _lock: lock };
        if fs::read(parts.folder.join("key")).is_ok_and(|found| found == key) {
            while parts.part(parts.done).is_file() {
                parts.done += 1;
            }
        } else {
            parts.empty()?;
            write_whole(&parts.folder.join("key"), key)?;
        }
        Ok(parts)
    }

    fn empty(&self) -> Result<()> {
        let fail = |error| Error::io(&self.folder, error);
        for entry in fs::read_dir(&self.folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if path.file_name().is_some_and(|name| name != "lock") {
                fs::remove_file(&path).map_err(|error| Error::io(&path, error))?;
            }
        }
        Ok(())
    }

    fn part(&self, number: usize) -> PathBuf {
        self.folder.join(format!("{number}.parquet"))
    }

    /// How many parts are there.
    pub(super) fn done(&self) -> usize {
        self.done
    }

    /// The facts that an earlier run decided on; none where it did not come so far.
    pub(super) fn facts(&self) -> Option<Facts> {
        let bytes = fs::read(self.folder.join("facts")).ok()?;
        Facts::from_bytes(&bytes, "facts").ok()
    }

    /// Keeps what was decided.
    pub(super) fn keep_facts(&self, facts: &Facts) -> Result<()> {
        write_whole(&self.folder.join("facts"), &facts.to_bytes())
    }

    /// Keeps the next part.
    pub(super) fn add(&mut self, head: &Head, rows: Vec<Row>, skipped: &Reasons) -> Result<()> {
        let skipped = serde_json::to_string(skipped).unwrap_or_default(); // numbers and texts: nothing fails
        let mut rows = Some(rows);
        write_whole_with(&self.part(self.done), &mut |out| {
            let mut writer = Writer::new(Format::Parquet, out, head, &[(SKIPPED, skipped.clone())])?;
            writer.write(rows.take().unwrap_or_default())?;
            writer.finish()
        })?;
        self.done += 1;
        Ok(())
    }

    /// The rows of a part, and what was skipped in it.
    pub(super) fn read(&self, number: usize, head: &Head) -> Result<(Vec<Row>, Reasons)> {
        let table = Table::open(&self.part(number))?;
        let skipped = table.value(SKIPPED).and_then(|text| serde_json::from_str(text).ok());
        let rows = table.rows(head.layout)?.collect::<Result<Vec<_>>>()?;
        let rows = rows.into_iter().flatten().flatten().collect(); // what has no row is among the skipped
        Ok((rows, skipped.unwrap_or_default()))
    }

    /// Removes a part that cannot be read: the next run makes it again, and those behind it.
    pub(super) fn forget(&self, number: usize) {
        let _ = fs::remove_file(self.part(number)); // what is told is that it cannot be read
    }

    /// Removes the folder.
    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).map_err(|error| Error::io(&self.folder, error))
    }
}
