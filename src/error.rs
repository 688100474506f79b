//! The one error type of the library: what went wrong, where, and what to do about it.
//!
//! A bad image is not an error but data (`images::Skipped`); an `Error` ends the call. Messages are lower
//! case, `where: what: expected X, got Y`, without a full stop. They name options and functions of this
//! library in backticks, such as "`max_memory`"; the command line puts its flags and verbs there.

use std::fmt;
use std::path::{Path, PathBuf};

/// Shorthand for results of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong; [`Error::hint`] says what to do where the message alone does not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option, or an input as it stands, cannot be used.
    #[error("{0}")]
    Invalid(Problem),
    /// Something that was named is not there.
    #[error("{0}")]
    NotFound(Problem),
    /// A format, an operation or a device that this library cannot deal with.
    #[error("{0}")]
    Unsupported(Problem),
    /// More than a limit allows.
    #[error("{0}")]
    TooLarge(Problem),
    /// A file is not what its format says.
    #[error("{0}")]
    Damaged(Problem),
    /// A file was written by a newer or older program, in a format that this one does not read.
    #[error("{0}")]
    Version(Problem),
    /// Things that belong together do not match, such as an index and a model.
    #[error("{0}")]
    Mismatch(Problem),
    /// Another process writes the index or the model folder.
    #[error("{0}")]
    Locked(Problem),
    /// The operating system refused to read or write a path.
    #[error("{}: {}", path.display(), io_words(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// ONNX Runtime could not be found, fetched or loaded, or it rejected a graph.
    #[error("onnx runtime: {0}")]
    Runtime(Problem),
    /// Training cannot go on.
    #[error("training: {0}")]
    Training(Problem),
    /// The caller asked to stop; what was finished is kept.
    #[error("interrupted")]
    Interrupted,
}

/// What a path is told that leads nowhere.
pub const NO_SUCH_FILE: &str = "no such file or folder";

/// What the operating system said, the most frequent in words of ours; without the name of a temporary file, which
/// `tempfile` adds to it.
fn io_words(error: &std::io::Error) -> String {
    let said = error.to_string();
    let named = error.get_ref().and_then(|_| said.split_once(" at path \"")).map(|(said, _)| said);
    match (error.kind(), error.get_ref().is_none() || named.is_some()) {
        (std::io::ErrorKind::NotFound, true) => NO_SUCH_FILE.to_owned(),
        (std::io::ErrorKind::PermissionDenied, true) => "permission denied".to_owned(),
        _ => named.unwrap_or(&said).to_owned(),
    }
}

/// What went wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The thing, what was expected, what was found.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl From<String> for Problem {
    fn from(what: String) -> Problem {
        Problem { what, hint: None }
    }
}

/// `where: what`
fn at(place: impl fmt::Display, what: impl fmt::Display) -> Problem {
    Problem::from(format!("{place}: {what}"))
}

impl Error {
    /// An option or input that cannot be used.
    pub fn invalid(what: impl Into<String>) -> Self {
        Error::Invalid(what.into().into())
    }

    /// Something that is not there.
    pub fn not_found(what: impl Into<String>) -> Self {
        Error::NotFound(what.into().into())
    }

    /// Something that this library cannot deal with.
    pub fn unsupported(what: impl Into<String>) -> Self {
        Error::Unsupported(what.into().into())
    }

    /// Something above a limit.
    pub fn too_large(what: impl Into<String>) -> Self {
        Error::TooLarge(what.into().into())
    }

    /// A file, folder or model `place` that is not what its format says.
    pub fn damaged(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        Error::Damaged(at(place, what))
    }

    /// A file, folder or model `place` of another version.
    pub fn version(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        Error::Version(at(place, what))
    }

    /// A file, folder or model `place` that does not match another.
    pub fn mismatch(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        Error::Mismatch(at(place, what))
    }

    /// An index or a model folder that another process is writing.
    pub fn locked(what: impl Into<String>) -> Self {
        Error::Locked(what.into().into())
    }

    /// A failed file operation on `path`.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// The same error about what was to become `to`, where it names the temporary path `from`.
    pub(crate) fn moved(mut self, from: &Path, to: &Path) -> Self {
        if let Error::Io { path, .. } = &mut self
            && let Ok(inner) = path.strip_prefix(from)
        {
            *path = to.join(inner).components().collect(); // no slash at the end
        }
        let [from, to] = [from, to].map(|path| path.display().to_string());
        if let Some(problem) = self.problem_mut() {
            problem.what = problem.what.replace(&from, &to);
        }
        self
    }

    /// A failure of ONNX Runtime.
    pub fn runtime(what: impl Into<String>) -> Self {
        Error::Runtime(what.into().into())
    }

    /// A training that cannot go on.
    pub fn training(what: impl Into<String>) -> Self {
        Error::Training(what.into().into())
    }

    /// The same error with advice; variants that carry none are returned unchanged.
    #[must_use]
    pub fn with_hint(mut self, advice: impl Into<String>) -> Self {
        if let Some(problem) = self.problem_mut() {
            problem.hint = Some(advice.into());
        }
        self
    }

    /// What to do, where the message alone does not say.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Error::Io { .. } | Error::Interrupted => None,
            Error::Invalid(problem)
            | Error::NotFound(problem)
            | Error::Unsupported(problem)
            | Error::TooLarge(problem)
            | Error::Damaged(problem)
            | Error::Version(problem)
            | Error::Mismatch(problem)
            | Error::Locked(problem)
            | Error::Runtime(problem)
            | Error::Training(problem) => problem.hint.as_deref(),
        }
    }

    fn problem_mut(&mut self) -> Option<&mut Problem> {
        match self {
            Error::Invalid(problem)
            | Error::NotFound(problem)
            | Error::Unsupported(problem)
            | Error::TooLarge(problem)
            | Error::Damaged(problem)
            | Error::Version(problem)
            | Error::Mismatch(problem)
            | Error::Locked(problem)
            | Error::Runtime(problem)
            | Error::Training(problem) => Some(problem),
            Error::Io { .. } | Error::Interrupted => None,
        }
    }
}

impl From<aesearch_index::Error> for Error {
    fn from(error: aesearch_index::Error) -> Self {
        let problem = Problem::from(error.to_string());
        match error {
            aesearch_index::Error::NotFound { .. } => {
                Error::NotFound(problem).with_hint("make one with `update`")
            }
            aesearch_index::Error::Locked { .. } => Error::Locked(problem),
            aesearch_index::Error::Damaged { .. } => Error::Damaged(problem),
            aesearch_index::Error::TooNew { .. } | aesearch_index::Error::TooOld { .. } => {
                Error::Version(problem)
            }
            aesearch_index::Error::Io { path, what, source, .. } => {
                let source = std::io::Error::new(source.kind(), format!("{what}: {source}"));
                Error::Io { path, source }
            }
            _ => Error::Invalid(problem),
        }
    }
}
