//! The folder that a model is written into: whether it may be, that nobody else writes it, and what killed
//! trainings left there.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::output::{sweep, thousands};

/// Held while a training is under way; gone with it. Nobody has a file of this name.
const LOCK: &str = ".aesearch-train.lock";

/// How the log of a training starts.
const LOG_STARTS: &str = "{\"epoch\":1,";

/// Every file that this program writes into a model folder under a name of its own.
const OWN: [&str; 7] =
    ["README.md", "golden.json", "encoder.onnx", "decoder.onnx", "log.jsonl", "curve.png", "checkpoint"];

/// The right to write a model folder, which one process has at a time.
#[derive(Debug)]
pub(super) struct Held {
    folder: PathBuf,
    _lock: File,
}

impl Held {
    /// Takes the folder, which must be there.
    ///
    /// # Errors
    /// `Locked` when another process writes it; otherwise when it cannot be written.
    pub(super) fn take(folder: &Path) -> Result<Held> {
        let path = folder.join(LOCK);
        let fail = |error| Error::io(folder, error);
        // opening a pipe would wait for somebody to read it
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            let what = format!("{}: expected a file that says who writes the folder", path.display());
            return Err(Error::invalid(what).with_hint("remove it, or name another folder"));
        }
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) if is_at(&lock, &path) => Ok(Held { folder: folder.to_owned(), _lock: lock }),
            // gone between opening and locking: the other process was about to end
            Ok(()) | Err(TryLockError::WouldBlock) => Err(locked(folder)),
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }

    /// The same, of a folder that is made where there is none. What `check` allowed before may have changed by then:
    /// it is asked again.
    ///
    /// # Errors
    /// As [`Held::take`], and those of `check`.
    pub(super) fn make(folder: &Path, check: impl Fn() -> Result<()>) -> Result<Held> {
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        let held = Held::take(folder)?;
        check()?;
        Ok(held)
    }

    /// The same, where there is a folder.
    ///
    /// # Errors
    /// As [`Held::take`].
    pub(super) fn take_if_there(folder: &Path) -> Result<Option<Held>> {
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => Held::take(folder).map(Some),
            Ok(_) => Err(Error::invalid(format!(
                "{}: expected a folder for the model, got a file",
                folder.display()
            ))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(folder, error)),
        }
    }

    /// Removes what killed trainings left half written. In a folder without traces of one, such files are of others.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub(super) fn sweep(&self) -> Result<()> {
        let traces = ["encoder.onnx", "log.jsonl", "checkpoint"];
        match traces.iter().any(|name| self.folder.join(name).exists()) {
            true => sweep(&self.folder),
            false => Ok(()),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(LOCK)); // one that stays says nothing: it is not locked
    }
}

fn locked(folder: &Path) -> Error {
    let what = format!(
        "{}: expected a folder that nobody else is writing, got one that another process is writing",
        folder.display()
    );
    Error::locked(what).with_hint("name another folder, or wait until that process has ended")
}

/// Whether `path` still leads to this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let both = file.metadata().ok().zip(fs::metadata(path).ok());
    both.is_some_and(|(here, there)| (here.dev(), here.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// Refuses a folder that holds a model or anything that is not of a model, unless by `force`, and one with a README.md
/// that is no model's card.
pub(super) fn check_free(folder: &Path, force: bool) -> Result<()> {
    let place = folder.display();
    let holds = |name: &str| folder.join(name).exists();
    let trained = holds("encoder.onnx");
    if trained && !force {
        let what = format!("{place}: expected a folder without a model, got one with encoder.onnx");
        let hint =
            "name another folder; `force` replaces the model, and the indexes that it made need it as it is";
        return Err(Error::invalid(what).with_hint(hint));
    }
    let elsewhere = "name a folder that does not exist yet, such as models/mine";
    // a training that ended before its first model left its log alone
    let is_model = trained || is_log(&folder.join("log.jsonl"));
    if holds("README.md") && !is_model {
        let what = format!("{place}: expected a folder for a model, got one with a README.md of its own");
        return Err(Error::invalid(what).with_hint(elsewhere));
    }
    let others = others(folder, is_model)?;
    if let Some(first) = others.first()
        && !force
    {
        let many = match others.len() {
            1 => first.clone(),
            n => format!("{} files and folders, such as {first}", thousands(n as u64)),
        };
        let what = format!("{place}: expected a new or empty folder for the model, got one with {many}");
        return Err(Error::invalid(what)
            .with_hint(format!("{elsewhere}; `force` writes the model beside what is there")));
    }
    Ok(())
}

/// Whether a file is the log of a training.
fn is_log(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut start = String::new();
    let _ = file.take(LOG_STARTS.len() as u64).read_to_string(&mut start);
    start == LOG_STARTS
}

/// What is in the folder and not of a model, by name; hidden files do not count. Names of ours are ours where there is a
/// model, or the log of its training.
fn others(folder: &Path, is_model: bool) -> Result<Vec<String>> {
    let fail = |error| Error::io(folder, error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(fail)?,
    };
    let mut others = vec![];
    for entry in entries {
        let name = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
        let is_own = is_model && OWN.contains(&name.as_str());
        if !name.starts_with('.') && !is_own {
            others.push(name);
        }
    }
    others.sort_unstable();
    Ok(others)
}
