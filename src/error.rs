//! The one error type of the library: what went wrong, where, and what to do about it.
//!
//! A bad image is not an error but data (`images::Skipped`); an `Error` ends the command. `kind()` is what the
//! command line turns into an exit code. Messages are lower case, `where: what: expected X, got Y`, without a full stop.

use std::path::{Path, PathBuf};

/// Shorthand for results of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong; `hint()` says what to do where the message alone does not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Input that cannot be used, or a request that cannot be met as stated.
    #[error("{what}")]
    Usage {
        /// The thing, what was expected, what was found.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The operating system refused to read or write a path.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A model file is damaged, too new, or does not fit the index or the request.
    #[error("{model}: {what}")]
    Model {
        /// Name or path of the model.
        model: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// ONNX Runtime could not be found, fetched, loaded, or it rejected a graph.
    #[error("onnx runtime: {what}")]
    Runtime {
        /// What failed.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Training cannot go on.
    #[error("training: {what}")]
    Training {
        /// What happened, with epoch and step.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The index is damaged, locked, too new, or cannot be written.
    #[error(transparent)]
    Index(#[from] aesearch_index::Error),
    /// The user asked to stop; what was finished is kept.
    #[error("interrupted")]
    Interrupted,
}

/// The class of an error, for exit codes and for callers that decide what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Wrong usage or unusable input.
    Usage,
    /// The index or model is damaged, too new, or does not match.
    Damaged,
    /// Another writer holds the index.
    Locked,
    /// The user interrupted.
    Interrupted,
}

impl Error {
    /// An unusable input or request, without a hint.
    pub fn usage(what: impl Into<String>) -> Self {
        Error::Usage { what: what.into(), hint: None }
    }

    /// A failed file operation on `path`.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// A model that cannot be used.
    pub fn model(model: impl Into<String>, what: impl Into<String>) -> Self {
        Error::Model { model: model.into(), what: what.into(), hint: None }
    }

    /// A failure of ONNX Runtime.
    pub fn runtime(what: impl Into<String>) -> Self {
        Error::Runtime { what: what.into(), hint: None }
    }

    /// The same error with advice; variants that carry none are returned unchanged.
    #[must_use]
    pub fn with_hint(mut self, advice: impl Into<String>) -> Self {
        match &mut self {
            Error::Usage { hint, .. }
            | Error::Model { hint, .. }
            | Error::Runtime { hint, .. }
            | Error::Training { hint, .. } => *hint = Some(advice.into()),
            Error::Io { .. } | Error::Index(_) | Error::Interrupted => {}
        }
        self
    }

    /// What to do, where the message alone does not say.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Error::Usage { hint, .. }
            | Error::Model { hint, .. }
            | Error::Runtime { hint, .. }
            | Error::Training { hint, .. } => hint.as_deref(),
            Error::Index(e) if e.is_not_found() => Some("run `aesearch index DATA`"),
            Error::Io { .. } | Error::Index(_) | Error::Interrupted => None,
        }
    }

    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Usage { .. } | Error::Io { .. } | Error::Runtime { .. } | Error::Training { .. } => {
                ErrorKind::Usage
            }
            Error::Model { .. } => ErrorKind::Damaged,
            Error::Index(e) if e.is_locked() => ErrorKind::Locked,
            Error::Index(e) if e.is_damaged() || e.is_too_new() || e.is_too_old() => ErrorKind::Damaged,
            Error::Index(_) => ErrorKind::Usage,
            Error::Interrupted => ErrorKind::Interrupted,
        }
    }
}
