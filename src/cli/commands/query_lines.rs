//! `aesearch query --stdin`: JSON lines in, JSON lines out, in the same order and as they come.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::AnswerDocument;
use super::index_names;
use super::json_lines::{Asked, json_lines};
use crate::cli::exit::Exit;
use crate::cli::print::Printer;
use crate::error::{Error, Result};
use crate::gallery::{Answered, Gallery, ManyOptions};
use crate::images::Resolver;
use crate::output::write_whole_with;

/// A line of the input.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum Line {
    Path(String),
    Query(Query),
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Query {
    /// An image.
    path: String,
    /// Anything: it comes back with the answer.
    #[serde(default)]
    id: Option<Value>,
}

/// A line of the output.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LineDocument<'a> {
    /// Of the input, from 1.
    line: usize,
    /// As given.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    /// As given.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(flatten)]
    answer: Option<AnswerDocument<'a>>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// How many queries were answered, and how many were not.
#[derive(Default)]
pub(super) struct Tally {
    failed: usize,
    /// Answered, but by strangers alone.
    lonely: usize,
}

impl Tally {
    pub(super) fn exit(&self, asks_for_near: bool) -> Exit {
        match self {
            Tally { lonely: 1.., .. } if asks_for_near => Exit::Negative,
            Tally { failed: 1.., .. } => Exit::Skipped,
            _ => Exit::Done,
        }
    }
}

/// Answers the queries on standard input, on stdout or in the file `output`.
pub(super) fn answer(
    printer: &Printer,
    gallery: &Gallery,
    options: &ManyOptions,
    output: Option<&Path>,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let Some(path) = output else {
        answer_each(gallery, options, &mut tally, &mut |line| printer.line(line))?;
        return Ok(tally);
    };
    let mut failed = None;
    let written = write_whole_with(path, &mut |out| {
        let mut write = |line: &LineDocument<'_>| {
            serde_json::to_writer(&mut *out, line)?;
            Ok(out.write_all(b"\n")?)
        };
        answer_each(gallery, options, &mut tally, &mut write).map_err(|error| {
            failed = Some(error);
            io::ErrorKind::Other.into()
        })
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(written.map(|()| tally)?),
    }
}

fn answer_each(
    gallery: &Gallery,
    options: &ManyOptions,
    tally: &mut Tally,
    write: &mut dyn FnMut(&LineDocument<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut resolver = Resolver::new(Path::new(""));
    let lines = json_lines().map(move |(line, read)| {
        let (path, id) = match read {
            Ok(Line::Path(path)) => (path, None),
            Ok(Line::Query(Query { path, id })) => (path, id),
            Err(reason) => return (Asked::unnamed(line), Err(reason)),
        };
        let item = resolver.find(path.as_bytes());
        (Asked { line, id, path: Some(path) }, item)
    });
    let mode = options.query.mode;
    let indexes = index_names(gallery);
    gallery.query_each(lines, options, |Answered { of: Asked { line, id, path }, answer, .. }| {
        let (answer, error) = match &answer {
            Ok(answer) => (Some(AnswerDocument::new(answer, mode, &indexes)), None),
            Err(reason) => (None, Some(reason.as_str())),
        };
        tally.failed += usize::from(error.is_some());
        tally.lonely += usize::from(answer.as_ref().is_some_and(AnswerDocument::is_lonely));
        // the document of an answer names the image itself
        let path = path.as_deref().filter(|_| answer.is_none());
        write(&LineDocument { line, id: id.as_ref(), path, answer, error })
    })
}

/// Refuses files of other formats.
///
/// # Errors
/// When the name does not end in .jsonl.
pub(super) fn check_output(path: &Path) -> Result<()> {
    match path.extension() {
        Some(end) if end.eq_ignore_ascii_case("jsonl") || end.eq_ignore_ascii_case("ndjson") => Ok(()),
        _ => Err(Error::unsupported(format!(
            "{}: with --stdin, expected a name that ends in .jsonl",
            path.display()
        ))),
    }
}
