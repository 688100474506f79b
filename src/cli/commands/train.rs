//! `aesearch train DATA... -o DIR`: images in, a model folder out, the losses of every epoch on the way.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, keep_images, skipped_documents, tell_skipped};
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count, quoted, seconds, thousands};
use crate::cli::resolve::Context;
use crate::cli::{args, walking};
use crate::draw::chart::{Chart, Curve, Panel};
use crate::draw::view_sheet::{ViewRow, view_sheet};
use crate::error::{Error, Result};
use crate::images::{self, InputShape, Item, Limits, Skipped};
use crate::model::{Design, Model};
use crate::runtime::{self, Device};
use crate::train::{
    Augment, CheckpointOptions, Dataset, Ending, EpochReport, Storage, TrainOptions, Trained, preview, train,
};

/// How often an unfinished training is kept.
const CHECKPOINT_SECONDS: f64 = 10.0;
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
    let observer = TerminalObserver::new(context, "training");
    let (options, images) = prepare(context, args, &observer)?;
    if let Some(path) = &args.augment_sheet {
        draw_views(path, &images.training, &options)?;
        printer.note(&format!("{}: images and views of them, as training will see them", path.display()));
    }
    let runtime = runtime::ensure(&context.runtime, &observer)?;
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

    let trained = train(&runtime, &images.training, images.validation.as_ref(), &options, &observer)?;
    observer.finish();
    trained.save(&runtime, &args.output, &command_line(), &names(&args.data))?;
    images::write_png(&args.output.join("curve.png"), &curve(&trained, &args.output).draw())?;
    if trained.ending != Ending::Interrupted {
        remove(&checkpoint_file(&args.output))?;
    }

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
    let best = trained.best_epoch;
    match trained.ending {
        Ending::Interrupted => {
            printer.note(&format!("stopped: the model is that of epoch {best}; --resume goes on"));
            return Ok(Exit::Interrupted);
        }
        Ending::Early if best == trained.epochs.len() => {
            printer.note("the validation loss falls no more: the model is that of the last epoch");
        }
        Ending::Early => printer.note(&format!("no better since epoch {best}: the model is that of it")),
        Ending::Done if best < trained.epochs.len() => {
            printer.note(&format!("the model is that of epoch {best}, the best one"));
        }
        Ending::Done => {}
    }
    Ok(exit_for(&images.skipped))
}

/// Options and images; the first image says what size the model is to have, where nothing else does.
fn prepare(
    context: &Context,
    args: &args::Train,
    observer: &TerminalObserver<'_>,
) -> Result<(TrainOptions, Images)> {
    let file = checkpoint_file(&args.output);
    if file.exists() && !args.resume {
        let what = format!("{}: expected no unfinished training, got one", file.display());
        return Err(
            Error::invalid(what).with_hint("add --resume to go on with it, or delete it to train anew")
        );
    }
    check_folder(&args.output, args.resume)?;
    let validation = validation(args.val.as_deref())?;
    if args.early_stop.is_some_and(|epochs| epochs > 0) && matches!(validation, Validation::None) {
        let error = Error::invalid("--early-stop: expected validation images, got none");
        return Err(error.with_hint("add --val 0.1"));
    }
    let from = args.from.as_deref().map(Model::load).transpose()?;
    let (data, which) = walking::resolve(&args.data, &args.walking)?;
    let walk = images::walk(&data, &which)?;
    if let Some(sheet) = &args.augment_sheet {
        keep_images(sheet, &walk.items)?;
    }
    let shape = shape(args, from.as_ref(), &walk.items)?;
    let options = resolve(context, args, from, shape)?;
    // before much is read for nothing
    options.architecture(shape)?;
    if args.augment_sheet.is_some() && options.augment == Augment::None {
        let error = Error::invalid("--augment-sheet: expected views to draw, got --augment none");
        return Err(error.with_hint("add --augment digits or --augment photos"));
    }
    std::fs::create_dir_all(&args.output).map_err(|e| Error::io(&args.output, e))?;
    let mut skipped = walk.skipped;
    let max_memory = context.max_memory(args.max_memory.as_deref())?;
    let storage = Storage { max_memory, folder: args.output.clone() };
    let loader = Loader { context, shape, observer };
    let (all, unread) = loader.load(&walk.items, &storage)?;
    skipped.extend(unread);
    let (training, validation) = match validation {
        Validation::None => (all, None),
        Validation::Fraction(fraction) => {
            let (training, aside) = all.split(fraction, options.seed)?;
            (training, Some(aside))
        }
        Validation::Data(path) => {
            let walk = images::walk(&[path], &images::WalkOptions::default())?;
            let (data, unread) = loader.load(&walk.items, &storage.beside(&all))?;
            skipped.extend(walk.skipped.into_iter().chain(unread));
            (all, Some(data))
        }
    };
    Ok((options, Images { training, validation, skipped }))
}

/// Refuses a folder in which a model would replace what is not a model's, or which holds nothing to go on with.
fn check_folder(folder: &Path, resume: bool) -> Result<()> {
    let there = |name: &str| folder.join(name).exists();
    let (trained, begun) = (there("encoder.onnx"), checkpoint_file(folder).exists());
    if resume && trained && !begun {
        let what =
            format!("{}: --resume: expected an unfinished training, got a finished one", folder.display());
        let hint = "it needs no more; leave out --resume to train anew, or start another folder with --from this one";
        return Err(Error::invalid(what).with_hint(hint));
    }
    if there("README.md") && !trained && !begun && !there("log.jsonl") {
        let what = format!(
            "{}: expected a folder for a model, got one with a README.md of its own",
            folder.display()
        );
        return Err(
            Error::invalid(what).with_hint("name a folder that is not there yet, such as -o models/mine")
        );
    }
    Ok(())
}

/// Decodes images for a model.
struct Loader<'a> {
    context: &'a Context,
    shape: InputShape,
    observer: &'a TerminalObserver<'a>,
}

impl Loader<'_> {
    /// Says so where they go to disk.
    fn load(&self, items: &[Item], storage: &Storage) -> Result<(Dataset, Vec<Skipped>)> {
        if let Some(size) = storage.file_bytes(items.len(), self.shape) {
            let (folder, size, most) = (storage.folder.display(), bytes(size), bytes(storage.max_memory));
            self.context.printer.note(&format!(
                "{folder}: decoded images go into an unnamed file here: {size}, and memory is to hold {most} of them; the file \
                 goes when the training ends"
            ));
        }
        Dataset::load(items, self.shape, storage, self.observer)
    }
}

fn resolve(
    context: &Context,
    args: &args::Train,
    from: Option<Model>,
    shape: InputShape,
) -> Result<TrainOptions> {
    let like = from.as_ref().map(|model| &model.metadata);
    let family = match (args.family.as_deref(), like) {
        (Some(family), _) => family.parse(),
        (None, Some(like)) => like.family.parse(),
        (None, None) => Ok(TrainOptions::default().family),
    };
    let default = TrainOptions::for_family(family.map_err(Error::invalid)?, shape.channels);
    let design = like.map_or(default.design, |like| like.design());
    let brightness = args.brightness.as_deref().map(str::parse).transpose().map_err(Error::invalid)?;
    let augment = args.augment.as_deref().map(str::parse).transpose().map_err(Error::invalid)?;
    Ok(TrainOptions {
        name: model_name(&args.output),
        design: Design {
            bits: args.bits.unwrap_or(design.bits),
            width: args.width.unwrap_or(design.width),
            brightness: brightness.unwrap_or(design.brightness),
        },
        epochs: args.epochs.unwrap_or(default.epochs),
        batch: args.batch.unwrap_or(default.batch),
        learning_rate: args.lr.unwrap_or(default.learning_rate),
        weight_decay: args.weight_decay.unwrap_or(default.weight_decay),
        weight: args.weight.unwrap_or(default.weight),
        temperature: args.temperature.unwrap_or(default.temperature),
        augment: augment.unwrap_or(default.augment),
        seed: args.seed.unwrap_or(default.seed),
        denoise: args.denoise.unwrap_or(default.denoise),
        from,
        early_stop: args.early_stop.unwrap_or(default.early_stop),
        checkpoint: Some(CheckpointOptions {
            file: checkpoint_file(&args.output),
            interval_seconds: interval(args.checkpoint_seconds)?,
            resume: args.resume,
        }),
        log: Some(args.output.join("log.jsonl")),
        threads: context.threads(&args.compute),
        device: context.device(&args.compute.device, default.device)?,
        ..default
    })
}

fn interval(seconds: Option<f64>) -> Result<f64> {
    match seconds.unwrap_or(CHECKPOINT_SECONDS) {
        seconds if seconds.is_finite() && seconds >= 0.0 => Ok(seconds),
        seconds => Err(Error::invalid(format!("--checkpoint-seconds: expected 0 or more, got {seconds}"))),
    }
}

fn checkpoint_file(output: &Path) -> PathBuf {
    output.join("checkpoint")
}

fn remove(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(file, e)),
        _ => Ok(()),
    }
}

/// Draws some images and views of them into the PNG file `path`.
fn draw_views(path: &Path, data: &Dataset, options: &TrainOptions) -> Result<()> {
    let rows = preview(data, options.augment, options.seed)?;
    let rows: Vec<ViewRow> = rows.into_iter().map(|(image, views)| ViewRow { image, views }).collect();
    images::write_png(path, &view_sheet(&rows, &format!("views: {}", options.augment)))
}

/// The losses over the epochs, and below them what the family adds.
fn curve(trained: &Trained, output: &Path) -> Chart {
    let epochs = &trained.epochs;
    let of = |name: &str, value: &dyn Fn(&EpochReport) -> Option<f64>| Curve {
        name: name.to_owned(),
        values: epochs.iter().map(value).collect(),
    };
    let mut losses = vec![of("training", &|e| Some(e.train_loss))];
    let validated = epochs.iter().any(|e| e.val_loss.is_some());
    losses.extend(validated.then(|| of("validation", &|e| e.val_loss)));
    let names: BTreeSet<&str> = epochs.iter().flat_map(|e| e.terms.keys().map(String::as_str)).collect();
    let terms: Vec<Curve> = names.into_iter().map(|name| of(name, &|e| e.terms.get(name).copied())).collect();
    let panel = |name: &str, curves| Panel { name: name.to_owned(), curves };
    let mut panels = vec![panel("loss per pixel", losses)];
    if !terms.is_empty() {
        panels.push(panel("added by the family", terms));
    }
    let metadata = &trained.metadata;
    let total = seconds(epochs.iter().map(|e| e.seconds).sum());
    let about = format!(
        "{}, {}, {}, {total}",
        metadata.family,
        count(metadata.training_images as u64, "image"),
        count(epochs.len() as u64, "epoch")
    );
    let title = [output.display().to_string(), about];
    Chart { title, panels, marked: validated.then_some(trained.best_epoch) }
}

/// The model is called what its folder is called.
fn model_name(output: &Path) -> String {
    let absolute = std::path::absolute(output).unwrap_or_else(|_| output.to_path_buf());
    absolute.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A number is a fraction, anything else a path.
fn validation(val: Option<&str>) -> Result<Validation> {
    let Some(val) = val else { return Ok(Validation::None) };
    match val.parse::<f64>() {
        Ok(fraction) if fraction > 0.0 && fraction < 1.0 => Ok(Validation::Fraction(fraction)),
        Ok(_) => {
            Err(Error::invalid(format!("--val: expected a path or a fraction between 0 and 1, got {val}")))
        }
        Err(_) => Ok(Validation::Data(val.into())),
    }
}

/// The input of the model: as asked for, else as the model to start from has it, else as the first readable image is.
fn shape(args: &args::Train, from: Option<&Model>, items: &[Item]) -> Result<InputShape> {
    let asked = args.size.as_deref().map(size).transpose()?;
    let base = match (from, asked, args.channels) {
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
        _ => Err(Error::invalid(format!("--size: expected pixels such as 28 or 32x48, got `{text}`"))),
    }
}

fn first_shape(items: &[Item]) -> Result<InputShape> {
    let limits = Limits::default();
    let Some(loaded) = items.iter().find_map(|item| images::load(item, &limits).ok()) else {
        return Err(Error::invalid("training images: expected at least one that can be read, got none"));
    };
    let side = |n: usize| n.min(LARGEST_DEFAULT_SIDE).next_multiple_of(SIDE_STEP).max(2 * SIDE_STEP);
    let pixels = loaded.pixels;
    Ok(InputShape { channels: pixels.channels, height: side(pixels.height), width: side(pixels.width) })
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
