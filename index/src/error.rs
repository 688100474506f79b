//! The one error type of the crate: where, what was expected, what was found.

use std::path::{Path, PathBuf};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the index could not be opened, read or written.
///
/// Variants and fields may be added; match with `..` and a last arm, or ask the `is_` functions.
///
/// ```
/// use aesearch_index::{Error, Snapshot};
///
/// # let empty = tempfile::tempdir()?;
/// match Snapshot::open(empty.path()) {
///     Ok(index) => println!("{} items", index.len()),
///     Err(Error::NotFound { path, .. }) => println!("nothing was committed at {}", path.display()),
///     Err(error) if error.is_damaged() => println!("{error}"), // names the file and the section
///     Err(error) => return Err(error.into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder holds no index.
    #[error("{}: no index here", path.display())]
    #[non_exhaustive]
    NotFound {
        /// The folder that was asked for.
        path: PathBuf,
    },
    /// Another writer holds the index.
    #[error("{}: locked by another writer: wait for it to finish, then try again", path.display())]
    #[non_exhaustive]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: {what}: {source}", path.display())]
    #[non_exhaustive]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's own error.
        source: std::io::Error,
    },
    /// A file is not what its format says.
    #[error(
        "{}: {section}: expected {expected}, got {got} (format {version}): the index is damaged: \
         `verify` lists what is wrong, `repair` drops it",
        path.display()
    )]
    #[non_exhaustive]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        section: String,
        /// What the format requires.
        expected: String,
        /// What was found.
        got: String,
        /// The format version the file claims, or the current one where it claims none.
        version: String,
    },
    /// A file was written by a newer version of this crate.
    #[error(
        "{}: format: expected {supported} or older, got {got}: written by a newer version: \
         upgrade, or build the index again",
        path.display()
    )]
    #[non_exhaustive]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The format major of the file.
        got: u16,
        /// The newest format major that is read.
        supported: u16,
    },
    /// A file was written by an older version of this crate, in a format that is no longer read.
    #[error(
        "{}: format: expected {supported}, got {got}: no longer supported: \
         remove the index and build it again",
        path.display()
    )]
    #[non_exhaustive]
    TooOld {
        /// The file.
        path: PathBuf,
        /// The format major of the file.
        got: u16,
        /// The format major that is read.
        supported: u16,
    },
    /// The caller's settings, item or query do not fit the index.
    #[error("{what}: expected {expected}, got {got}")]
    #[non_exhaustive]
    Input {
        /// The name of the setting, item or query.
        what: &'static str,
        /// What would fit.
        expected: String,
        /// What was given.
        got: String,
    },
}

impl Error {
    /// True when another writer holds the index: waiting or trying again later helps.
    pub fn is_locked(&self) -> bool {
        matches!(self, Error::Locked { .. })
    }

    /// True when the folder holds no index.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::NotFound { .. })
    }

    /// True when a file of the index is damaged: indexing again helps.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Error::Damaged { .. })
    }

    /// True when the index was written by a newer version: upgrading helps.
    pub fn is_too_new(&self) -> bool {
        matches!(self, Error::TooNew { .. })
    }

    /// True when the index was written in a format that is no longer read: indexing again helps.
    pub fn is_too_old(&self) -> bool {
        matches!(self, Error::TooOld { .. })
    }

    /// True when the caller's settings, item or query do not fit the index: other input helps.
    pub fn is_input(&self) -> bool {
        matches!(self, Error::Input { .. })
    }

    pub(crate) fn io(path: &Path, what: &'static str, source: std::io::Error) -> Self {
        Error::Io { path: path.to_path_buf(), what, source }
    }

    pub(crate) fn input(what: &'static str, expected: impl ToString, got: impl ToString) -> Self {
        Error::Input { what, expected: expected.to_string(), got: got.to_string() }
    }
}
