//! Lines of JSON on standard input, one for each image, as `encode --stdin` and `query --stdin` take them.

use std::io::{self, BufRead as _, BufReader};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::images::without_mark;

/// What is known of an image that arrives.
pub(super) struct Asked {
    /// Of the input, from 1.
    pub(super) line: usize,
    pub(super) id: Option<Value>,
    pub(super) path: Option<String>,
}

impl Asked {
    /// When nothing more could be read of the line.
    pub(super) fn unnamed(line: usize) -> Asked {
        Asked { line, id: None, path: None }
    }
}

/// The lines that are not empty by their numbers from 1, or why one is of no use. After one that cannot be read there are
/// no more.
pub(super) fn json_lines<T: DeserializeOwned>() -> impl Iterator<Item = (usize, Result<T, String>)> + Send {
    let mut has_failed = false;
    let lines = BufReader::new(io::stdin()).split(b'\n').zip(1..);
    let lines = lines.take_while(move |(read, _)| !std::mem::replace(&mut has_failed, read.is_err()));
    lines.filter_map(|(read, line)| {
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => return Some((line, Err(format!("standard input: {error}")))),
        };
        let text = if line == 1 { without_mark(&bytes) } else { &bytes };
        if text.trim_ascii().is_empty() {
            return None;
        }
        let unlike = |_| "expected JSON, a path or {\"path\": ...}, got something else".to_owned();
        Some((line, serde_json::from_slice(text).map_err(unlike)))
    })
}
