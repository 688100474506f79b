//! The library's errors as the exceptions of `aesearch.errors`, with the names that options and functions have in Python.

use std::borrow::Cow;

use aesearch::Error;
use aesearch::error::NO_SUCH_FILE;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What the library calls its options and functions, and what they are called in Python, where that differs.
const WORDS: &[(&str, &str)] = &[
    ("DecideOptions::export", "`dedupe.decide(write=...)`"),
    ("ScanOutputs::plan", "`Plan.save`"),
    ("ScanOutputs::report", "`Plan.report`"),
    ("Verdict::KeepAll", "`keep_all=True`"),
    ("apply", "`Plan.apply`"),
    ("checkpoint_seconds", "`aesearch index --checkpoint-seconds`"),
    ("count", "`aesearch sample --count`"),
    ("decode_timeout", "`aesearch index --decode-timeout`"),
    ("description", "the .toml file beside the model"),
    ("description.bits", "`bits` in the .toml file beside the model"),
    ("description.channels", "`channels` in the .toml file beside the model"),
    ("description.input", "`input` in the .toml file beside the model"),
    ("description.latent", "`latent` in the .toml file beside the model"),
    ("description.layout", "`layout` in the .toml file beside the model"),
    ("description.output", "`output` in the .toml file beside the model"),
    ("description.pool", "`pool` in the .toml file beside the model"),
    ("description.size", "`size` in the .toml file beside the model"),
    ("dir", "`path`"),
    ("diverse", "`aesearch sample --diverse`"),
    ("ef_search", "`aesearch query --ef-search`"),
    ("encode", "`aesearch encode`"),
    ("follow", "`aesearch index --follow`"),
    ("format", "`aesearch encode --format`"),
    ("frames", "`aesearch index --frames`"),
    ("freeze", "`aesearch train --freeze`"),
    ("from", "`start`"),
    ("grid", "`aesearch sample --grid`"),
    ("invert", "`aesearch index --invert`"),
    ("itq", "`binarizer=\"itq\"`"),
    ("journal", "`path`"),
    ("max_bytes", "`aesearch --max-model-size`"),
    ("merge", "`aesearch merge`"),
    ("moves", "`aesearch index --model`"),
    ("name", "`aesearch models add --name`"),
    ("noise", "`aesearch train --noise`"),
    ("outputs", "`Plan.save` and `Plan.report`"),
    ("publish", "`aesearch publish`"),
    ("push", "`aesearch push`"),
    ("random", "`aesearch sample --random`"),
    ("refit", "`Index.refit`"),
    ("remove", "`Index.remove`"),
    ("repair", "`aesearch repair`"),
    ("runtime.cuda", "onnxruntime-gpu instead of onnxruntime"),
    ("runtime.library", "the environment variable ORT_DYLIB_PATH"),
    ("runtime.offline", "the environment variable AESEARCH_OFFLINE"),
    ("runtime::install", "`pip install aesearch[runtime]`"),
    ("shard", "`aesearch encode --shard`"),
    ("target", "`to`"),
    ("task", "one of `keep`, `keep_all`, `different` and `forget`"),
    ("temperature", "`aesearch train --temperature`"),
    ("train", "`aesearch.train`"),
    ("undo", "`Plan.undo`"),
    ("update", "`Index.add`"),
    ("verify", "`Index.verify`"),
    ("video", "`aesearch index --video`"),
    ("views_sheet", "`aesearch train --augment-sheet`"),
    ("weight", "`aesearch train --weight`"),
    ("without_latents", "`latents=False`"),
    ("write_collection", "`aesearch.demo.digits`"),
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
            (_, Some((_, theirs))) => said += theirs,
            (_, None) => said = said + "`" + part + "`",
        }
    }
    Cow::Owned(said)
}

/// The class in `aesearch.errors` for an error.
fn class_of(error: &Error) -> &'static str {
    match error {
        Error::NotFound(problem) if problem.what.ends_with(NO_SUCH_FILE) => "MissingFileError",
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => "MissingFileError",
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
        Error::Interrupted => "StoppedError",
        _ => "Error",
    }
}

/// The exception for an error of the library.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let hint = error.hint().map(in_python);
    let said = error.to_string();
    let made =
        py.import("aesearch.errors").and_then(|errors| errors.getattr(class_of(error))).and_then(|class| {
            let of_system = PyDict::new(py);
            if let Error::Io { path, source } = error {
                of_system.set_item("errno", source.raw_os_error())?;
                of_system.set_item("filename", path)?;
            }
            class.call((in_python(&said), hint), Some(&of_system))
        });
    made.map_or_else(|error| error, PyErr::from_value)
}

/// An argument that cannot be used.
pub(crate) fn invalid(py: Python<'_>, what: impl Into<String>) -> PyErr {
    exception(py, &Error::invalid(what))
}
