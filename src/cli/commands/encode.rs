//! `aesearch encode DATA... -o FILE`: codes and latents into a file or stream, without an index.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde::Serialize;

use super::encode_lines::answer_stdin;
use super::index::{ModelDocument, coding};
use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count, seconds};
use crate::cli::resolve::Context;
use crate::cli::{args, walking};
use crate::codes::{Destination, EncodeOptions, EncodeReport, Format, STREAM, Shard, encode_files};
use crate::error::{Error, Result};
use crate::gallery::Facts;

/// How binarizers are told apart.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct BinarizerDocument {
    /// `sign`, `itq` or `learned`.
    rule: String,
    /// Its identity.
    sha256: String,
}

impl BinarizerDocument {
    pub(super) fn of(facts: &Facts) -> BinarizerDocument {
        let binarizer = &facts.codes.binarizer;
        BinarizerDocument { rule: binarizer.rule().to_string(), sha256: binarizer.sha256() }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EncodeDocument<'a> {
    /// The file.
    output: String,
    /// `parquet`, `arrow`, `npz` or `jsonl`.
    format: &'static str,
    /// Which share of the images, such as `1/8`.
    shard: String,
    /// Rows in the file; of an interrupted run, images that are done.
    images: usize,
    /// Images that an earlier run had done.
    resumed: usize,
    /// What could not be encoded.
    skipped: Vec<SkippedDocument<'a>>,
    /// What encodes; null where no image could be read.
    model: Option<ModelDocument<'a>>,
    /// What makes bits of latents; null where no image could be read.
    binarizer: Option<BinarizerDocument>,
    /// Whether dark and light are swapped before encoding.
    inverted: bool,
    /// Of the image files that were read.
    bytes: u64,
    /// Of the file.
    output_bytes: u64,
    /// Wall time.
    seconds: f64,
    /// Whether it was ended by Ctrl-C; the same command goes on.
    interrupted: bool,
}

/// The option that is standard output.
fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

pub(in crate::cli) fn run(context: &Context, args: &args::Encode) -> anyhow::Result<Exit> {
    match execute(context, args) {
        // the reader has read enough
        Err(Error::Io { path, source })
            if path == Path::new(STREAM) && source.kind() == io::ErrorKind::BrokenPipe =>
        {
            Ok(Exit::Done)
        }
        done => Ok(done?),
    }
}

fn execute(context: &Context, args: &args::Encode) -> Result<Exit> {
    let output = args.output.as_deref().unwrap_or(Path::new("-"));
    let format = match &args.format {
        Some(name) => name.parse()?,
        None if is_stream(output) => Format::JsonLines,
        None => Format::of(output)?,
    };
    if args.stdin.is_some() {
        return answer_stdin(context, args, (output, format));
    }
    if is_stream(output) && context.printer.json {
        return Err(Error::invalid(
            "--json: expected a file as --output, got standard output, where the codes go",
        ));
    }
    let shard = args.shard.as_deref().map_or(Ok(Shard::default()), str::parse)?;
    let options = EncodeOptions { format, shard, fingerprints: args.fingerprints };
    let (data, walk) = walking::resolve(&args.data, &args.walking)?;
    let mut how = coding(context, (&args.coding, &args.described, &args.compute))?;
    how.walk = walk;
    let observer = TerminalObserver::new(context, "encoding");
    let report = match is_stream(output) {
        false => encode_files(&data, Destination::File(output), &how, &options, &observer),
        true => {
            let mut out = BufWriter::new(io::stdout());
            let report = encode_files(&data, Destination::Stream(&mut out), &how, &options, &observer);
            out.flush().map_err(|error| Error::io(STREAM, error))?;
            report
        }
    };
    observer.finish();
    let report = report?;
    tell_skipped(&context.printer, &report.skipped);
    if report.interrupted {
        let kept = count(report.images as u64, "image");
        context
            .printer
            .warning(&format!("interrupted: {kept} are kept; the same command goes on from there"));
    }
    let document = document(&report, output, &options);
    if context.printer.json {
        context.printer.document("encode", &document).map_err(|error| Error::invalid(error.to_string()))?;
    } else if !report.interrupted {
        context.printer.note(&summary(&report, &document));
    }
    Ok(match &report {
        EncodeReport { interrupted: true, .. } => Exit::Interrupted,
        EncodeReport { facts: None, .. } => {
            context.printer.error("nothing to encode: none of the paths has an image that can be read");
            Exit::Usage
        }
        report => exit_for(&report.skipped),
    })
}

/// `codes.parquet: 2,000 images with digits-64, 64 bits, 230.1 kB, in 0.81 s`
fn summary(report: &EncodeReport, document: &EncodeDocument<'_>) -> String {
    let Some(Facts { model, codes, .. }) = &report.facts else { return "no codes".to_owned() };
    let place = if document.output == "-" { STREAM } else { &document.output };
    let size = match document.output_bytes {
        0 => String::new(),
        size => format!(", {}", bytes(size)),
    };
    let (images, time) = (count(report.images as u64, "image"), seconds(report.seconds));
    format!("{place}: {images} with {}, {} bits{size}, in {time}", model.name, codes.binarizer.bits())
}

fn document<'a>(report: &'a EncodeReport, output: &Path, options: &EncodeOptions) -> EncodeDocument<'a> {
    let facts = report.facts.as_ref();
    let is_written = !report.interrupted && facts.is_some() && !is_stream(output);
    EncodeDocument {
        output: output.display().to_string(),
        format: options.format.name(),
        shard: options.shard.to_string(),
        images: report.images,
        resumed: report.resumed,
        skipped: skipped_documents(&report.skipped),
        model: facts.map(|facts| ModelDocument::of(&facts.model, facts.codes.binarizer.bits())),
        binarizer: facts.map(BinarizerDocument::of),
        inverted: facts.is_some_and(|facts| facts.polarity.inverted),
        bytes: report.bytes,
        output_bytes: std::fs::metadata(output).ok().filter(|_| is_written).map_or(0, |file| file.len()),
        seconds: report.seconds,
        interrupted: report.interrupted,
    }
}
