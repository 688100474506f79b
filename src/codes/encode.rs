//! Images into a file of codes.
//!
//! ```text
//! paths -> Coding -> rows of the shard, in the order of the images -> parts -> the file, in its format
//! ```
//!
//! The bytes of the file depend on the images and options alone: not on threads, and not on how often the run was ended
//! and begun again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::format::Format;
use super::head::Head;
use super::parts::{Parts, Reasons};
use super::row::Row;
use super::shard::Shard;
use super::writer::Writer;
use crate::dedupe::fingerprints_of;
use crate::error::{Error, Result};
use crate::gallery::{Coded, Coding, Decided, Facts, StageTimes, UpdateOptions, Usable};
use crate::images::{Item, Skipped, hash_bytes, keep_images};
use crate::observer::{Note, Observer};
use crate::output::{check_places, count, write_whole_with};

/// Images of a part: what a kill can cost.
const PART: usize = 1024;

/// How codes are written.
#[derive(Debug, Clone, Copy)]
pub struct EncodeOptions {
    /// The format.
    pub format: Format,
    /// Which of the images.
    pub shard: Shard,
    /// Whether to keep the fingerprints that `dedupe` compares images by. Each image is decoded a second time.
    pub fingerprints: bool,
}

/// What was encoded.
#[derive(Debug)]
pub struct EncodeReport {
    /// Rows that were written.
    pub images: usize,
    /// Images that cannot be used.
    pub skipped: Vec<Skipped>,
    /// Images of an earlier run that was not finished.
    pub resumed: usize,
    /// By what they were encoded; none where no image can be used.
    pub facts: Option<Facts>,
    /// Bytes of the image files that were read.
    pub bytes: u64,
    /// How long each stage took.
    pub times: StageTimes,
    /// Wall time.
    pub seconds: f64,
    /// The observer stopped the run: the next one with the same options goes on.
    pub interrupted: bool,
}

/// Where rows go.
pub enum Destination<'a> {
    /// Into a file, which appears when all is done.
    File(&'a Path),
    /// To a reader, as they come. Numpy archives cannot be written so.
    Stream(&'a mut (dyn Write + Send)),
}

/// Encodes the images of the paths `data` as [`update`](crate::gallery::update()) would for a new index with the options
/// `how`, and writes what it would hold.
///
/// # Errors
/// As [`update`](crate::gallery::update()); when the output cannot be written, or is one of the images.
pub fn encode_files(
    data: &[PathBuf],
    to: Destination<'_>,
    how: &UpdateOptions,
    options: &EncodeOptions,
    observer: &dyn Observer,
) -> Result<EncodeReport> {
    let start = Instant::now();
    if let Destination::File(path) = &to {
        check_places(&[path])?;
    } else if options.format == Format::Npz {
        return Err(Error::invalid("`format`: expected one that can be a stream, got npz"));
    }
    let coding = Coding::of(data, how, observer)?;
    if let Destination::File(path) = &to {
        keep_images(path, coding.items())?;
    }
    let run = Run {
        positions: options.shard.positions(coding.items()),
        coding: &coding,
        latents: !how.without_latents,
        options,
        observer,
    };
    let report = match to {
        Destination::File(path) => run.write_file(path)?,
        Destination::Stream(out) => run.write_stream(out)?,
    };
    let skipped = [coding.skipped(), &report.skipped].concat();
    Ok(EncodeReport { skipped, seconds: start.elapsed().as_secs_f64(), ..report })
}

struct Run<'a> {
    coding: &'a Coding,
    positions: Vec<usize>,
    latents: bool,
    options: &'a EncodeOptions,
    observer: &'a dyn Observer,
}

/// Rows that were not written yet, and images that were skipped among them.
#[derive(Default)]
struct Pending {
    rows: Vec<(usize, Coded)>,
    skipped: Reasons,
}

impl Pending {
    fn len(&self) -> usize {
        self.rows.len() + self.skipped.len()
    }

    fn add(&mut self, position: usize, outcome: Usable) {
        match outcome {
            Ok(image) => self.rows.push((position, image)),
            Err(reason) => self.skipped.push((position, reason)),
        }
    }
}

impl Run<'_> {
    fn write_file(&self, path: &Path) -> Result<EncodeReport> {
        let Run { coding, options, observer, .. } = self;
        let asked = format!("{} {} {}", options.shard, options.fingerprints, PART);
        let mut parts = Parts::open(path, &hash_bytes(&[&coding.key(), asked.as_bytes()].concat()))?;
        let decided = match parts.facts() {
            Some(facts) => Decided::before(facts),
            None => match coding.decide(*observer)? {
                Ok(decided) => {
                    parts.keep_facts(&decided.facts)?;
                    decided
                }
                Err(skipped) => {
                    parts.remove()?;
                    return Ok(EncodeReport { skipped, ..EncodeReport::none() });
                }
            },
        };
        let head = self.head(&decided.facts);
        let from = (parts.done() * PART).min(self.positions.len());
        if from > 0 {
            let what = format!("{} were encoded by an earlier run", count(from as u64, "image"));
            observer.note(&Note::new(what));
        }
        let mut pending = Pending::default();
        let encoded =
            coding.encode(decided, &self.positions[from..], *observer, &mut |position, outcome| {
                pending.add(position, outcome);
                match pending.len() {
                    PART.. => {
                        let Pending { rows, skipped } = std::mem::take(&mut pending);
                        parts.add(&head, self.rows(rows), &skipped)
                    }
                    _ => Ok(()),
                }
            })?;
        let facts = Some(head.facts.clone());
        let report = EncodeReport {
            resumed: from,
            facts,
            bytes: encoded.progress.bytes,
            times: encoded.times,
            interrupted: !encoded.is_finished(),
            ..EncodeReport::none()
        };
        if report.interrupted {
            let done = parts.done() * PART;
            return Ok(EncodeReport { images: done, ..report });
        }
        if pending.len() > 0 {
            let Pending { rows, skipped } = pending;
            parts.add(&head, self.rows(rows), &skipped)?;
        }
        let (images, skipped) = self.put_together(&parts, &head, path)?;
        parts.remove()?;
        Ok(EncodeReport { images, skipped, ..report })
    }

    /// Makes the file of its parts.
    fn put_together(&self, parts: &Parts, head: &Head, path: &Path) -> Result<(usize, Vec<Skipped>)> {
        let (mut images, mut skipped, mut failed) = (0, Vec::new(), None);
        let written = write_whole_with(path, &mut |out| {
            (images, skipped) = (0, Vec::new());
            let mut writer = Writer::new(self.options.format, out, head, &[])?;
            for number in 0..parts.done() {
                let (rows, reasons) = parts.read(number, head).map_err(|error| {
                    parts.forget(number);
                    failed = Some(error);
                    io::Error::other("a part cannot be read")
                })?;
                images += rows.len();
                skipped.extend(self.skipped(reasons));
                writer.write(rows)?;
            }
            writer.finish()
        });
        match failed {
            Some(error) => Err(error.with_hint("run the same command again: it makes this part anew")),
            None => written.map(|()| (images, skipped)),
        }
    }

    fn write_stream(&self, out: &mut (dyn Write + Send)) -> Result<EncodeReport> {
        let decided = match self.coding.decide(self.observer)? {
            Ok(decided) => decided,
            Err(skipped) => return Ok(EncodeReport { skipped, ..EncodeReport::none() }),
        };
        let head = self.head(&decided.facts);
        let fail = |error| Error::io(STREAM, error);
        let mut writer = Writer::new(self.options.format, out, &head, &[]).map_err(fail)?;
        let (mut pending, mut images, mut skipped) = (Pending::default(), 0, Vec::new());
        let encoded =
            self.coding.encode(decided, &self.positions, self.observer, &mut |position, outcome| {
                pending.add(position, outcome);
                if pending.len() < PART {
                    return Ok(());
                }
                let Pending { rows, skipped: reasons } = std::mem::take(&mut pending);
                images += rows.len();
                skipped.extend(self.skipped(reasons));
                writer.write(self.rows(rows)).map_err(fail)
            })?;
        images += pending.rows.len();
        skipped.extend(self.skipped(pending.skipped));
        writer.write(self.rows(pending.rows)).and_then(|()| writer.finish()).map_err(fail)?;
        Ok(EncodeReport {
            images,
            skipped,
            facts: Some(head.facts.clone()),
            bytes: encoded.progress.bytes,
            times: encoded.times,
            interrupted: !encoded.is_finished(),
            ..EncodeReport::none()
        })
    }

    fn head(&self, facts: &Facts) -> Head {
        Head::new(facts, self.latents, self.options.fingerprints)
    }

    fn skipped(&self, reasons: Reasons) -> impl Iterator<Item = Skipped> {
        let named = |(position, reason): (usize, String)| {
            Some(Skipped::new(self.coding.items().get(position)?.name(), reason))
        };
        reasons.into_iter().filter_map(named)
    }

    /// Rows with their fingerprints, if they are wanted.
    fn rows(&self, images: Vec<(usize, Coded)>) -> Vec<Row> {
        let mut fingerprints = Vec::new();
        if self.options.fingerprints {
            let items: Vec<([u8; 32], Item)> = images
                .iter()
                .map(|(position, image)| (image.stamp.hash, self.coding.items()[*position].clone()))
                .collect();
            fingerprints = fingerprints_of(&items);
        }
        let mut fingerprints = fingerprints.into_iter().map(Result::unwrap_or_default);
        let row = |(_, image)| Row { image, fingerprint: fingerprints.next().unwrap_or_default() };
        images.into_iter().map(row).collect()
    }
}

/// What a stream is called in errors.
pub const STREAM: &str = "standard output";

impl EncodeReport {
    fn none() -> EncodeReport {
        EncodeReport {
            images: 0,
            skipped: Vec::new(),
            resumed: 0,
            facts: None,
            bytes: 0,
            times: StageTimes::default(),
            seconds: 0.0,
            interrupted: false,
        }
    }
}
