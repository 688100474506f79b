//! `aesearch train DATA... -o DIR`: images in, a model folder out, the losses of every epoch on the way.

use std::env;

use serde::Serialize;

use super::observer::TerminalObserver;
use super::{SkippedDocument, exit_for, skipped_documents, tell_skipped};
use crate::cli::exit::Exit;
use crate::cli::foreign::load_options;
use crate::cli::print::{Printer, quoted, thousands};
use crate::cli::resolve::Context;
use crate::cli::{args, walking, wording};
use crate::error::{Error, Result};
use crate::train::{
    Checkup, Ending, EpochReport, Student, TeacherRequest, TrainRequest, Trained, TrainedModel, Tuning,
    Validation, train_model,
};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct TrainDocument<'a> {
    /// The kind of network.
    family: &'a str,
    /// Numbers that training adjusts.
    parameters: usize,
    /// One after the other.
    epochs: &'a [EpochReport],
    /// The folder that was written.
    model_dir: String,
    /// What it ran on.
    device: String,
    /// It was trained on.
    images: usize,
    /// Images per step.
    batch: usize,
    /// Whether it came to something.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkup: Option<CheckupDocument>,
    /// With `--teacher`: what the student keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    teacher: Option<TeacherDocument<'a>>,
    /// Images that could not be read.
    skipped: Vec<SkippedDocument<'a>>,
}

/// What the model makes of some images.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CheckupDocument {
    #[serde(flatten)]
    figures: Checkup,
    /// What is wrong with it; empty for a sound model.
    warnings: Vec<String>,
}

/// How well the model follows its teacher.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct TeacherDocument<'a> {
    /// Its name.
    teacher: &'a str,
    /// The share of its ten nearest among held-out images that codes keep.
    kept: Option<f64>,
    /// Images on which this was measured.
    held_out: usize,
    /// Microseconds for an image on one thread.
    image_us: f64,
    /// The same for the teacher.
    teacher_image_us: f64,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Train) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let request = resolve(context, args)?;
    let observer = TerminalObserver::new(context, "training");
    let trained = train_model(&request, &observer);
    observer.finish();
    if matches!(trained, Err(Error::Interrupted)) && request.checkpoint_file().exists() {
        printer
            .note(&format!("stopped before the first epoch was done; to continue: {}", resuming(&typed())));
    }
    let TrainedModel { trained, images, batch, checkup, skipped, device, runtime } = trained?;

    let library = runtime.library().display();
    printer.detail(&format!(
        "ONNX Runtime {} from {library}, {} threads",
        runtime.version(),
        request.threads
    ));
    tell_skipped(printer, &skipped);
    let document = TrainDocument {
        family: &trained.metadata.family,
        parameters: trained.architecture.parameter_count(),
        epochs: &trained.epochs,
        model_dir: args.output.display().to_string(),
        device: device.to_string(),
        images,
        batch,
        checkup: checkup.map(checkup_document),
        teacher: trained.student.as_ref().map(teacher_document),
        skipped: skipped_documents(&skipped),
    };
    if printer.json {
        printer.document("train", &document)?;
    } else {
        let parameters = thousands(document.parameters as u64);
        printer.text(&format!("{}: {} with {parameters} parameters", document.model_dir, document.family))?;
    }
    if let Some(student) = &trained.student {
        printer.note(&student.to_string());
    }
    tell_ending(printer, &trained);
    Ok(if trained.ending == Ending::Interrupted { Exit::Interrupted } else { exit_for(&skipped) })
}

fn checkup_document(figures: Checkup) -> CheckupDocument {
    let warnings =
        figures.warnings().iter().map(|note| wording::of_command_line(&note.text).into_owned()).collect();
    CheckupDocument { figures, warnings }
}

fn teacher_document(student: &Student) -> TeacherDocument<'_> {
    let Student { teacher, kept, images, image_us: [image_us, teacher_image_us] } = student;
    TeacherDocument {
        teacher,
        kept: *kept,
        held_out: *images,
        image_us: *image_us,
        teacher_image_us: *teacher_image_us,
    }
}

/// Says which epoch was kept, where it is not simply the last one.
fn tell_ending(printer: &Printer, trained: &Trained) {
    let best = trained.best_epoch;
    match trained.ending {
        Ending::Interrupted => {
            printer.note(&format!(
                "stopped: the model comes from epoch {best}; to continue: {}",
                resuming(&typed())
            ));
        }
        Ending::Early if best == trained.epochs.len() => {
            printer.note("the validation loss no longer falls: the model comes from the last epoch");
        }
        Ending::Early => {
            printer.note(&format!("no improvement since epoch {best}: the model comes from that epoch"));
        }
        Ending::Done if best < trained.epochs.len() => {
            printer.note(&format!("the model comes from epoch {best}, the best one"));
        }
        Ending::Done => {}
    }
}

fn resolve(context: &Context, args: &args::Train) -> Result<TrainRequest> {
    let (data, walk) = walking::resolve(&args.data, &args.walking)?;
    let default = TrainRequest::default();
    Ok(TrainRequest {
        data,
        walk,
        folder: args.output.clone(),
        validation: validation(args.val.as_deref()),
        from: args.from.clone(),
        teacher: teacher(context, args)?,
        size: args.size.as_deref().map(size).transpose()?,
        channels: args.channels,
        tuning: tuning(args)?,
        views_sheet: args.augment_sheet.clone(),
        resume: args.resume,
        force: args.force,
        checkpoint_seconds: args.checkpoint_seconds.unwrap_or(default.checkpoint_seconds),
        max_memory: context.max_memory(args.max_memory.as_deref())?,
        threads: context.threads(&args.compute.threads),
        device: context.device(&args.compute.device, default.device)?,
        runtime: context.runtime.clone(),
        command: command_line(),
    })
}

/// The encoder that teaches. What is said of an encoder of another program is said of this one.
fn teacher(context: &Context, args: &args::Train) -> Result<Option<TeacherRequest>> {
    let name = args.teacher.as_deref();
    let load = load_options(context, &args.described, name.unwrap_or("auto"))?;
    if name.is_none() && !load.description.is_empty() {
        return Err(Error::invalid(
            "--model-size and the like: expected --teacher, which they describe, got none",
        ));
    }
    Ok(name.map(|model| TeacherRequest { model: model.to_owned(), load }))
}

fn tuning(args: &args::Train) -> Result<Tuning> {
    Ok(Tuning {
        family: args.family.as_deref().map(str::parse).transpose().map_err(wrong("--family"))?,
        bits: args.bits,
        width: args.width,
        depth: args.depth,
        latent: args.latent,
        freeze: args.freeze.as_deref().map(str::parse).transpose().map_err(wrong("--freeze"))?,
        precision: args.precision.as_deref().map(str::parse).transpose().map_err(wrong("--precision"))?,
        brightness: args.brightness.as_deref().map(str::parse).transpose().map_err(wrong("--brightness"))?,
        epochs: args.epochs,
        batch: args.batch,
        learning_rate: args.lr,
        weight_decay: args.weight_decay,
        weight: args.weight,
        temperature: args.temperature,
        augment: args.augment.as_deref().map(str::parse).transpose().map_err(wrong("--augment"))?,
        seed: args.seed,
        denoise: args.denoise,
        early_stop: args.early_stop,
    })
}

/// A word that a flag does not take: what was expected, below the flag's own name.
fn wrong(flag: &str) -> impl Fn(String) -> Error {
    move |what| Error::invalid(format!("{flag}: {}", &what[what.find("expected").unwrap_or(0)..]))
}

/// A number is a fraction, anything else a path.
fn validation(val: Option<&str>) -> Validation {
    match val.map(|val| (val, val.parse())) {
        None => Validation::None,
        Some((_, Ok(fraction))) => Validation::Fraction(fraction),
        Some((path, Err(_))) => Validation::Data(path.into()),
    }
}

/// `28`, or `32x48` as width x height.
fn size(text: &str) -> Result<(usize, usize)> {
    let (width, height) = text.split_once('x').unwrap_or((text, text));
    match (width.parse(), height.parse()) {
        (Ok(width), Ok(height)) => Ok((width, height)),
        _ => Err(Error::invalid(format!("--size: expected pixels such as 28 or 32x48, got {text:?}"))),
    }
}

/// The command that resumes a training, given the words of the one that was stopped.
fn resuming(words: &[String]) -> String {
    let kept = words.iter().map(String::as_str).filter(|word| !["--force", "--resume"].contains(word));
    let mut words: Vec<&str> = kept.collect();
    // right after the verb: what follows `--` are paths
    let verb = words.iter().position(|word| *word == "train").map_or(words.len(), |at| at + 1);
    words.insert(verb, "--resume");
    words.join(" ")
}

/// What was typed, for the model's card.
pub(super) fn command_line() -> String {
    typed().join(" ")
}

/// Its words, as a shell takes them.
fn typed() -> Vec<String> {
    let words = env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    ["aesearch".to_owned()].into_iter().chain(words).collect()
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
    fn a_stopped_training_is_resumed_by_the_same_command() {
        let resuming = |command: &str| resuming(&command.split('|').map(str::to_owned).collect::<Vec<_>>());
        for option in ["--force|-o", "--resume|-o", "-o"] {
            let command = format!("aesearch|train|'my --force digits'|{option}|mine");
            assert_eq!(resuming(&command), "aesearch train --resume 'my --force digits' -o mine");
        }
    }

    #[test]
    fn validation_is_a_fraction_or_a_path() {
        assert_eq!(validation(Some("0.1")), Validation::Fraction(0.1));
        assert_eq!(validation(Some("held-out")), Validation::Data("held-out".into()));
        assert_eq!(validation(None), Validation::None);
    }
}
