//! `aesearch train DATA... -o DIR`: images in, a model folder out, the losses of every epoch on the way.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::args;
use crate::cli::exit::{Exit, catch_interrupts};
use crate::cli::print::{count, quoted, seconds, thousands};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::images::{self, InputShape, Item, Limits, Skipped};
use crate::model::Model;
use crate::runtime::{self, Device};
use crate::train::{Dataset, EpochReport, Progress, TrainOptions, train};

/// The largest input side that is chosen without being asked for, in pixels.
const LARGEST_DEFAULT_SIDE: usize = 64;
/// Sides that are chosen are multiples of this, as every family wants.
const SIDE_STEP: usize = 4;

#[derive(Debug, Serialize)]
struct TrainDocument<'a> {
    family: &'a str,
    parameters: usize,
    epochs: &'a [EpochReport],
    model_dir: String,
    device: String,
    images: usize,
    skipped: Vec<SkippedDocument<'a>>,
}

/// What to validate on.
enum Validation {
    None,
    Fraction(f64),
    Data(PathBuf),
}

/// The images to train and to validate on, at the model's size.
struct Images {
    training: Dataset,
    validation: Option<Dataset>,
    skipped: Vec<Skipped>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Train) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let options = resolve(context, args)?;
    let stop = catch_interrupts();
    let images = load(args, &options, stop)?;
    let runtime = runtime::ensure(&context.runtime, &|text| printer.note(text))?;
    let library = runtime.library().display();
    printer.detail(&format!(
        "ONNX Runtime {} from {library}, {} threads",
        runtime.version(),
        options.threads
    ));
    let n = images.training.len() as u64;
    printer.note(&format!(
        "training {} on {} for {}",
        options.family,
        count(n, "image"),
        count(options.epochs as u64, "epoch")
    ));

    let bar = context.progress.bar(n * options.epochs as u64, "training", "images");
    let mut tell = |progress: Progress<'_>| match progress {
        Progress::Step { epoch, images, loss } => {
            bar.set_position((epoch as u64 - 1) * n + images as u64);
            bar.set_message(format!("epoch {epoch}/{}  loss {loss:.4}", options.epochs));
        }
        Progress::Epoch(report) if !printer.json => {
            // A closed stdout is found again by the summary below; training goes on to save the model.
            let _ = bar.suspend(|| printer.text(&line(report)));
        }
        Progress::Epoch(_) => {}
    };
    let trained = train(&runtime, &images.training, images.validation.as_ref(), &options, stop, &mut tell);
    bar.finish_and_clear();
    let trained = trained?;
    trained.save(&runtime, &args.output, &command_line(), &names(&args.data))?;

    tell_skipped(printer, &images.skipped);
    let document = TrainDocument {
        family: options.family.name(),
        parameters: trained.architecture.parameter_count(),
        epochs: &trained.epochs,
        model_dir: args.output.display().to_string(),
        device: device(options.device, runtime.has_cuda()),
        images: images.training.len(),
        skipped: skipped_documents(&images.skipped),
    };
    if printer.json {
        printer.document("train", &document)?;
    } else {
        let parameters = thousands(document.parameters as u64);
        printer.text(&format!("{}: {} with {parameters} parameters", document.model_dir, document.family))?;
    }
    if trained.interrupted {
        printer.note(&format!("stopped early: the model is that of epoch {}", trained.epochs.len()));
        return Ok(Exit::Interrupted);
    }
    Ok(exit_for(&images.skipped))
}

fn resolve(context: &Context, args: &args::Train) -> Result<TrainOptions> {
    let mut default = TrainOptions::default();
    let from = args.from.as_deref().map(Model::load).transpose()?;
    if let Some(model) = &from {
        default.family = model.metadata.family.parse().map_err(Error::usage)?;
        default.bits = model.metadata.bits;
    }
    Ok(TrainOptions {
        name: model_name(&args.output),
        family: args.family.as_deref().map_or(Ok(default.family), str::parse).map_err(Error::usage)?,
        bits: args.bits.unwrap_or(default.bits),
        epochs: args.epochs.unwrap_or(default.epochs),
        batch: args.batch.unwrap_or(default.batch),
        learning_rate: args.lr.unwrap_or(default.learning_rate),
        seed: args.seed.unwrap_or(default.seed),
        denoise: args.denoise.unwrap_or(default.denoise),
        from,
        threads: context.threads(&args.compute),
        device: context.device(&args.compute.device, default.device)?,
    })
}

/// The model is called what its folder is called.
fn model_name(output: &Path) -> String {
    let absolute = std::path::absolute(output).unwrap_or_else(|_| output.to_path_buf());
    absolute.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn load(args: &args::Train, options: &TrainOptions, stop: &AtomicBool) -> Result<Images> {
    let validation = validation(args.val.as_deref())?;
    let walk = images::walk(&args.data)?;
    let mut skipped = walk.skipped;
    let shape = shape(args, options, &walk.items)?;
    options.family.architecture(shape, options.bits)?; // before much is read for nothing
    let (all, unread) = Dataset::load(&walk.items, shape, stop)?;
    skipped.extend(unread);
    let (training, validation) = match validation {
        Validation::None => (all, None),
        Validation::Fraction(fraction) => {
            let (training, aside) = all.split(fraction, options.seed)?;
            (training, Some(aside))
        }
        Validation::Data(path) => {
            let walk = images::walk(&[path])?;
            let (data, unread) = Dataset::load(&walk.items, shape, stop)?;
            skipped.extend(walk.skipped.into_iter().chain(unread));
            (all, Some(data))
        }
    };
    Ok(Images { training, validation, skipped })
}

/// A number is a fraction, anything else a path.
fn validation(val: Option<&str>) -> Result<Validation> {
    let Some(val) = val else { return Ok(Validation::None) };
    match val.parse::<f64>() {
        Ok(fraction) if fraction > 0.0 && fraction < 1.0 => Ok(Validation::Fraction(fraction)),
        Ok(_) => {
            Err(Error::usage(format!("--val: expected a path or a fraction between 0 and 1, got {val}")))
        }
        Err(_) => Ok(Validation::Data(val.into())),
    }
}

/// The input of the model: as asked for, else as the model to start from has it, else as the first readable image is.
fn shape(args: &args::Train, options: &TrainOptions, items: &[Item]) -> Result<InputShape> {
    let asked = args.size.as_deref().map(size).transpose()?;
    let base = match (&options.from, asked, args.channels) {
        (Some(model), _, _) => model.metadata.input,
        // Both are given: no image need be opened.
        (None, Some((width, height)), Some(channels)) => InputShape { channels, height, width },
        _ => first_shape(items)?,
    };
    let (width, height) = asked.unwrap_or((base.width, base.height));
    Ok(InputShape { channels: args.channels.unwrap_or(base.channels), height, width })
}

/// `28`, or `32x48` as width x height.
fn size(text: &str) -> Result<(usize, usize)> {
    let (width, height) = text.split_once('x').unwrap_or((text, text));
    match (width.parse(), height.parse()) {
        (Ok(width), Ok(height)) => Ok((width, height)),
        _ => Err(Error::usage(format!("--size: expected pixels such as 28 or 32x48, got `{text}`"))),
    }
}

fn first_shape(items: &[Item]) -> Result<InputShape> {
    let limits = Limits::default();
    let Some(loaded) = items.iter().find_map(|item| images::load(item, &limits).ok()) else {
        return Err(Error::usage("training images: expected at least one that can be read, got none"));
    };
    let side = |n: usize| n.min(LARGEST_DEFAULT_SIDE).next_multiple_of(SIDE_STEP).max(2 * SIDE_STEP);
    let pixels = loaded.pixels;
    Ok(InputShape { channels: pixels.channels, height: side(pixels.height), width: side(pixels.width) })
}

fn line(report: &EpochReport) -> String {
    let val = report.val_loss.map_or(String::new(), |loss| format!("  val {loss:.4}"));
    format!("epoch {}  train {:.4}{val}  {}", report.epoch, report.train_loss, seconds(report.seconds))
}

/// The device that `auto` stands for here.
fn device(asked: Device, cuda: bool) -> String {
    match asked {
        Device::Auto if cuda => Device::Cuda(0).to_string(),
        Device::Auto => Device::Cpu.to_string(),
        other => other.to_string(),
    }
}

/// What was typed, for the model's card.
fn command_line() -> String {
    let words = env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    ["aesearch".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_width_by_height() {
        assert_eq!(size("28").unwrap(), (28, 28));
        assert_eq!(size("32x48").unwrap(), (32, 48));
        assert!(size("large").is_err() && size("32x").is_err());
    }

    #[test]
    fn validation_is_a_fraction_or_a_path() {
        assert!(matches!(validation(Some("0.1")), Ok(Validation::Fraction(f)) if f == 0.1));
        assert!(matches!(validation(Some("held-out")), Ok(Validation::Data(_))));
        assert!(validation(Some("1.5")).is_err() && validation(Some("nan")).is_err());
    }
}
