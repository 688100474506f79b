//! Images that others send one after the other, into rows that go out in the same order, as soon as they are there.
//!
//! ```text
//! images --a thread--> queue --> pipeline --in order--> give
//! ```

use std::io::Write;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::encode::STREAM;
use super::format::Format;
use super::head::Head;
use super::line::{By, LineDocument};
use super::row::Row;
use super::writer::Writer;
use crate::dedupe::fingerprints_of;
use crate::error::{Error, Result};
use crate::gallery::{Coded, Coding, UpdateOptions};
use crate::images::Item;
use crate::observer::Observer;

/// Images that wait to be encoded, at most.
const WAITING: usize = 256;
/// Rows of a table that are written at a time.
const BATCH: usize = 256;

/// The line of an image, or why there is none.
pub type Line<'a> = Result<LineDocument<'a>, &'a str>;

/// How images that arrive are encoded.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// Model and binarizer have to be known: by name, or as those of an index.
    pub how: UpdateOptions,
    /// As [`EncodeOptions::fingerprints`](super::EncodeOptions::fingerprints).
    pub fingerprints: bool,
}

/// Encodes images as they arrive, and calls `give` with the line of each or why there is none, in their order. An image
/// that comes with a reason instead has that for its answer. The images are taken on a thread of their own.
///
/// # Errors
/// Those of `give`; when model or binarizer are not known, or the encoder fails.
pub fn encode_lines<T: Send + 'static>(
    images: impl Iterator<Item = (T, Result<Item, String>)> + Send + 'static,
    options: &StreamOptions,
    observer: &dyn Observer,
    give: &mut dyn FnMut(T, Line<'_>) -> Result<()>,
) -> Result<()> {
    let (coding, decided) = Coding::of_stream(&options.how, observer)?;
    let head = Head::new(&decided.facts, !options.how.without_latents, options.fingerprints);
    let by = By::of(&head);
    let (items, asked) = feed(images)?;
    let encoded = coding.encode_arriving(&decided, items, observer, &mut |item, outcome| {
        let Ok(Asked { of, failed }) = asked.recv() else { return Ok(()) };
        match (failed, outcome) {
            (Some(reason), _) | (None, Err(reason)) => give(of, Err(&reason)),
            (None, Ok(image)) => {
                let row = row(image, item, options.fingerprints);
                give(of, Ok(LineDocument::new(&row, &by)))
            }
        }
    })?;
    if encoded.is_finished() { Ok(()) } else { Err(Error::Interrupted) }
}

/// The same, as a table in `format` on `out`; `skip` is called with what has no row, and why. Gives the number of rows.
///
/// # Errors
/// As [`encode_lines`]; when the format cannot be a stream.
pub fn encode_table<T: Send + 'static>(
    images: impl Iterator<Item = (T, Result<Item, String>)> + Send + 'static,
    options: &StreamOptions,
    (format, out): (Format, &mut (dyn Write + Send)),
    observer: &dyn Observer,
    skip: &mut dyn FnMut(T, &str),
) -> Result<usize> {
    if format == Format::Npz {
        return Err(Error::invalid("`format`: expected one that can be a stream, got npz"));
    }
    let (coding, decided) = Coding::of_stream(&options.how, observer)?;
    let head = Head::new(&decided.facts, !options.how.without_latents, options.fingerprints);
    let fail = |error| Error::io(STREAM, error);
    let mut writer = Writer::new(format, out, &head, &[]).map_err(fail)?;
    let (items, asked) = feed(images)?;
    let (mut rows, mut n_rows) = (Vec::new(), 0);
    let encoded = coding.encode_arriving(&decided, items, observer, &mut |item, outcome| {
        let Ok(Asked { of, failed }) = asked.recv() else { return Ok(()) };
        match (failed, outcome) {
            (Some(reason), _) | (None, Err(reason)) => skip(of, &reason),
            (None, Ok(image)) => rows.push(row(image, item, options.fingerprints)),
        }
        if rows.len() < BATCH {
            return Ok(());
        }
        n_rows += rows.len();
        writer.write(std::mem::take(&mut rows)).map_err(fail)
    })?;
    n_rows += rows.len();
    writer.write(rows).and_then(|()| writer.finish()).map_err(fail)?;
    if encoded.is_finished() { Ok(n_rows) } else { Err(Error::Interrupted) }
}

fn row(image: Coded, item: &Item, fingerprints: bool) -> Row {
    let fingerprint = match fingerprints {
        true => fingerprints_of(&[(image.stamp.hash, item.clone())]).pop().and_then(Result::ok),
        false => None,
    };
    Row { image, fingerprint: fingerprint.unwrap_or_default() }
}

/// What came with an image, and why it is none.
struct Asked<T> {
    of: T,
    failed: Option<String>,
}

/// Starts the thread that takes the images.
fn feed<T: Send + 'static>(
    images: impl Iterator<Item = (T, Result<Item, String>)> + Send + 'static,
) -> Result<(Receiver<Item>, Receiver<Asked<T>>)> {
    let (item_sender, items) = mpsc::sync_channel(WAITING);
    let (asked_sender, asked) = mpsc::channel();
    let take = move || {
        for (of, item) in images {
            // what is no image takes its turn all the same
            let (item, failed) = match item {
                Ok(item) => (item, None),
                Err(reason) => (Item::from_bytes(Vec::new(), Vec::new()), Some(reason)),
            };
            if asked_sender.send(Asked { of, failed }).is_err() || item_sender.send(item).is_err() {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("images".to_owned())
        .spawn(take)
        .map_err(|error| Error::invalid(format!("threads: cannot start another one: {error}")))?;
    Ok((items, asked))
}
