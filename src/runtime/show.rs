//! Which libraries there are on this machine, and which is used; and fetching the pinned one ahead of time.

use crate::observer::{Note, Observer};
use std::fs;
use std::path::PathBuf;

use super::find::{self, Source};
use super::options::RuntimeOptions;
use super::{Runtime, ensure, ensure_fetched, fetch, given, is_loaded, pins};
use crate::{Error, Result};

/// The state of ONNX Runtime on this machine.
#[derive(Debug, Clone)]
pub struct Report {
    /// The oldest version that can be used.
    pub oldest: String,
    /// The version that `install` fetches.
    pub pinned: String,
    /// The folder for fetched libraries.
    pub data_dir: PathBuf,
    /// The libraries that were found, the preferred one first.
    pub found: Vec<Library>,
    /// The library in use, or the reason why there is none.
    pub used: std::result::Result<Library, String>,
    /// Whether the library in use has the CUDA provider.
    pub cuda: bool,
}

/// A library on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Where it comes from.
    pub source: Source,
    /// The file.
    pub path: PathBuf,
    /// Its version, where it is known.
    pub version: Option<String>,
}

impl From<&Runtime> for Library {
    fn from(runtime: &Runtime) -> Library {
        Library {
            source: runtime.source(),
            path: runtime.library().to_path_buf(),
            version: Some(runtime.version().to_owned()),
        }
    }
}

/// Searches everywhere and loads the library that would be used; fetches nothing.
pub fn show(options: &RuntimeOptions) -> Report {
    let named = options.library.as_deref().and_then(|path| given(path).ok());
    let mut found: Vec<Library> = named
        .into_iter()
        .chain(find::candidates(options))
        .map(|candidate| Library {
            source: candidate.source,
            version: candidate.version().map(|version| version.to_string()),
            path: candidate.path,
        })
        .collect();
    found.dedup();
    let runtime = ensure(&RuntimeOptions { offline: true, ..options.clone() }, &());
    Report {
        oldest: format!("1.{}", pins::OLDEST_MINOR),
        pinned: pins::VERSION.to_owned(),
        data_dir: options.data_dir.clone(),
        found,
        cuda: runtime.as_ref().is_ok_and(Runtime::has_cuda),
        used: runtime.as_ref().map(Library::from).map_err(ToString::to_string),
    }
}

/// Fetches the pinned build into the data folder, even if another library would do, unless it is already
/// there and can be loaded.
///
/// # Errors
/// As [`ensure`]; or the pinned build cannot be fetched or loaded.
pub fn install(options: &RuntimeOptions, observer: &dyn Observer) -> Result<Library> {
    let folder = find::data_folder(options, options.cuda);
    if let Some(path) = find::library_in(&folder) {
        match ensure_fetched(path, options) {
            Err(error) if !is_loaded() => observer.note(&Note::new(format!("{error}; it is fetched again"))),
            result => return result.map(|runtime| Library::from(&runtime)),
        }
        if !options.offline {
            fs::remove_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        }
    }
    // Loading it is the proof that it works here.
    let path = fetch::fetch(options, observer)?;
    ensure_fetched(path, options).map(|runtime| Library::from(&runtime))
}
