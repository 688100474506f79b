//! The library's errors as the exceptions of `aesearch.errors`, in the words of Python's users.

use std::borrow::Cow;

use aesearch::Error;
use pyo3::prelude::*;

/// What the library calls its options and functions, and what they are called in Python.
const WORDS: &[(&str, &str)] = &[
    ("ScanOutputs::plan", "`Plan.save`"),
    ("dir", "path"),
    ("refit", "`Index.refit`"),
    ("remove", "`Index.remove`"),
    ("runtime.library", "the environment variable ORT_DYLIB_PATH"),
    ("runtime.offline", "the environment variable AESEARCH_OFFLINE"),
    ("runtime::install", "`pip install aesearch[runtime]`"),
    ("train", "`aesearch.train`"),
    ("update", "`Index.add`"),
];

/// `text` with Python's own names.
pub(crate) fn in_python(text: &str) -> Cow<'_, str> {
    if !text.contains('`') {
        return Cow::Borrowed(text);
    }
    let mut said = String::new();
    for (number, part) in text.split('`').enumerate() {
        match (number % 2, WORDS.iter().find(|(ours, _)| *ours == part)) {
            (0, _) => said += part,
            (_, Some((_, theirs))) if theirs.contains(' ') || theirs.contains('`') => said += theirs,
            (_, known) => said = said + "`" + known.map_or(part, |(_, theirs)| theirs) + "`",
        }
    }
    Cow::Owned(said)
}

/// The class in `aesearch.errors` for an error.
fn class_of(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) => "InvalidError",
        Error::NotFound(_) => "NotFoundError",
        Error::Unsupported(_) => "UnsupportedError",
        Error::TooLarge(_) => "TooLargeError",
        Error::Damaged(_) => "DamagedError",
        Error::Version(_) => "VersionError",
        Error::Mismatch(_) => "MismatchError",
        Error::Locked(_) => "LockedError",
        Error::Io { .. } => "FileError",
        Error::Runtime(_) => "RuntimeUnavailableError",
        Error::Training(_) => "TrainingError",
        Error::Interrupted => "InterruptedError",
        _ => "Error",
    }
}

/// The exception for an error of the library.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let hint = error.hint().map(in_python);
    let said = error.to_string();
    let made = py
        .import("aesearch.errors")
        .and_then(|errors| errors.getattr(class_of(error)))
        .and_then(|class| class.call1((in_python(&said), hint)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// An argument that cannot be used.
pub(crate) fn invalid(py: Python<'_>, what: impl Into<String>) -> PyErr {
    exception(py, &Error::invalid(what))
}
