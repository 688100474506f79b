//! `aesearch encode --stdin`: images in, rows out, in the same order and as they come.

use std::io::{self, BufRead as _, BufReader, BufWriter, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exit_for;
use super::index::coding;
use super::json_lines::{Asked, json_lines};
use super::observer::TerminalObserver;
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::resolve::Context;
use crate::codes::{Format, LineDocument, STREAM, StreamOptions, encode_lines, encode_table};
use crate::error::{Error, Result};
use crate::images::{Item, Resolver, Skipped};
use crate::output::{check_places, from_base64, write_whole_with};

/// Bytes of a name that comes with an image, at most.
const LONGEST_NAME: usize = 1 << 16;

/// A line of the input.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum ImageLine {
    Path(String),
    Image(Image),
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Image {
    /// The image's name; a path where there are no bytes.
    path: String,
    /// The image file, in Base64.
    #[serde(default)]
    bytes: Option<String>,
    /// Its label.
    #[serde(default)]
    label: Option<String>,
    /// Anything: it comes back with the row.
    #[serde(default)]
    id: Option<Value>,
}

/// A line of the output.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RowDocument<'a> {
    /// Of the input, from 1; of framed input the number of the image.
    line: usize,
    /// As given.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    #[serde(flatten)]
    row: Option<LineDocument<'a>>,
    /// Why there is no row.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

type Arriving = (Asked, Result<Item, String>);

/// Encodes the images on standard input.
pub(super) fn answer_stdin(
    context: &Context,
    args: &args::Encode,
    (output, format): (&Path, Format),
) -> Result<Exit> {
    let how = coding(context, (&args.coding, &args.described, &args.compute))?;
    let options = StreamOptions { how, fingerprints: args.fingerprints };
    let observer = TerminalObserver::new(context, "encoding");
    let images: Box<dyn Iterator<Item = Arriving> + Send> = match args.stdin.as_deref() {
        Some("framed") => Box::new(framed()),
        Some("lines") | None => Box::new(lines()),
        Some(other) => {
            return Err(Error::invalid(format!("--stdin: expected lines or framed, got {other:?}")));
        }
    };
    let mut skipped = Vec::new();
    if output == Path::new("-") && format == Format::JsonLines {
        encode_lines(images, &options, &observer, &mut |asked, row| {
            let (row, error) = match row {
                Ok(row) => (Some(row), None),
                Err(reason) => (None, Some(reason.to_owned())),
            };
            skipped.extend(error.as_ref().map(|reason| named(&asked, reason)));
            let Asked { line, id, .. } = &asked;
            let document = RowDocument { line: *line, id: id.as_ref(), row, error };
            context.printer.line(&document).map_err(|error| match error.downcast::<io::Error>() {
                Ok(error) => Error::io(STREAM, error),
                Err(error) => Error::invalid(error.to_string()),
            })
        })?;
        return Ok(exit_for(&skipped));
    }
    let mut skip = |asked: Asked, reason: &str| skipped.push(named(&asked, reason));
    if output == Path::new("-") {
        let mut out = BufWriter::new(io::stdout());
        encode_table(images, &options, (format, &mut out), &observer, &mut skip)?;
    } else {
        check_places(&[output])?;
        let (mut images, mut failed) = (Some(images), None);
        let written = write_whole_with(output, &mut |out| {
            let images = images.take().into_iter().flatten();
            let encoded = encode_table(images, &options, (format, out), &observer, &mut skip);
            encoded.map(drop).map_err(|error| {
                failed = Some(error);
                io::ErrorKind::Other.into()
            })
        });
        failed.map_or(written, Err)?;
    }
    observer.finish();
    super::tell_skipped(&context.printer, &skipped);
    Ok(exit_for(&skipped))
}

fn named(asked: &Asked, reason: &str) -> Skipped {
    let name = asked.path.clone().unwrap_or_else(|| format!("line {}", asked.line));
    Skipped::new(name, reason)
}

/// The images of lines of JSON.
fn lines() -> impl Iterator<Item = Arriving> + Send {
    let mut resolver = Resolver::new(Path::new(""));
    json_lines().map(move |(line, read)| {
        let image = match read {
            Ok(ImageLine::Path(path)) => Image { path, bytes: None, label: None, id: None },
            Ok(ImageLine::Image(image)) => image,
            Err(reason) => return (Asked::unnamed(line), Err(reason)),
        };
        let Image { path, bytes, label, id } = image;
        let item = match bytes {
            None => resolver.find(path.as_bytes()),
            Some(text) => match from_base64(&text) {
                Some(bytes) => Ok(Item::from_bytes(path.as_bytes(), bytes)),
                None => Err("bytes: expected Base64, got something else".to_owned()),
            },
        };
        let item = item.map(|item| match &label {
            Some(label) => item.with_label(label),
            None => item,
        });
        (Asked { line, id, path: Some(path) }, item)
    })
}

/// The images of names and files, each behind its length. After one that is cut short there are no more.
fn framed() -> impl Iterator<Item = Arriving> + Send {
    let mut input = BufReader::new(io::stdin());
    let mut resolver = Resolver::new(Path::new(""));
    let mut line = 0;
    let mut has_ended = false;
    std::iter::from_fn(move || {
        if has_ended || input.fill_buf().is_ok_and(<[u8]>::is_empty) {
            return None;
        }
        line += 1;
        let read = piece(&mut input, LONGEST_NAME)
            .and_then(|name| Ok((name, piece(&mut input, u32::MAX as usize)?)));
        let (name, bytes) = match read {
            Ok(read) => read,
            Err(error) => {
                has_ended = true;
                let reason = format!("standard input: {error}: what follows is not read");
                return Some((Asked::unnamed(line), Err(reason)));
            }
        };
        let path = String::from_utf8_lossy(&name).into_owned();
        let item = match bytes.is_empty() {
            true => resolver.find(&name),
            false => Ok(Item::from_bytes(name, bytes)),
        };
        Some((Asked { line, id: None, path: Some(path) }, item))
    })
}

/// Bytes behind their length, u32, little-endian.
fn piece(input: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > most {
        return Err(io::Error::other(format!("expected a length of at most {most}, got {length}")));
    }
    let mut bytes = Vec::new();
    match input.take(length as u64).read_to_end(&mut bytes)? {
        read if read < length => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(bytes),
    }
}
