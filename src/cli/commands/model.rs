//! `aesearch model list|show|add|import`: the available models, one of them layer by layer, like Keras'
//! summary, encoders of other programs by name, and their weights as a model of ours. `quantize` is in a file
//! of its own.

use std::path::Path;

use serde::Serialize;

use super::observer::TerminalObserver;
use super::quantize;
use super::train::command_line;

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::foreign::load_options;
use crate::cli::print::{Align, Table, bytes, count, facts, quoted, thousands};
use crate::cli::resolve::Context;
use crate::cli::wording::of_command_line;
use crate::error::Result;
use crate::gallery::{AddOptions, add_model};
use crate::images::InputShape;
use crate::model::{Foreign, Format, LoadOptions, Model, local_models, shipped_names};
use crate::runtime::Device;
use crate::train::{ImportRequest, Imported, import_model};

/// Where `model list` looks for trained models, from the working directory.
const LOCAL_MODELS: &str = "models";

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ModelDocument {
    /// What `--model` takes.
    name: String,
    /// `shipped`, or the folder.
    place: String,
    /// Of `encoder.onnx`: its identity.
    sha256: String,
    /// The kind of network.
    family: String,
    /// Height, width, channels.
    input: [usize; 3],
    /// Numbers of a latent.
    latent_size: usize,
    /// Of a code.
    bits: usize,
    /// What makes codes of latents.
    binarizer: String,
    /// The share of the ten nearest that a model in int8 keeps.
    int8_overlap: Option<f64>,
    /// Not known of models of other programs.
    parameters: Option<usize>,
    /// It was trained on.
    training_images: usize,
    /// Of these images.
    data_fingerprint: String,
    /// Passes over them.
    epochs: usize,
    /// Mean binary cross-entropy per pixel.
    train_loss: Option<f64>,
    /// The same on images that were held out.
    val_loss: Option<f64>,
    /// Noise that was added in training.
    denoise: f32,
    /// Of the training.
    seed: u64,
    /// Of the program that made it.
    tool_version: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ListDocument {
    /// Those in the program, added ones, and those in `./models`.
    models: Vec<ModelDocument>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LayerDocument {
    /// `encoder` or `decoder`.
    half: &'static str,
    /// What it does.
    layer: String,
    /// The shape of its output.
    output: String,
    /// Numbers that training adjusts.
    parameters: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ShowDocument {
    #[serde(flatten)]
    model: ModelDocument,
    /// From input to output.
    layers: Vec<LayerDocument>,
    /// How it was made, and what was measured.
    card: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ImportDocument<'a> {
    /// The kind of network.
    family: &'a str,
    /// Numbers that training adjusts.
    parameters: usize,
    /// Between the features of both networks.
    largest_difference: f32,
    /// The folder that was written.
    model_dir: &'a str,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ForeignDocument<'a> {
    /// What `--model` takes.
    name: &'a str,
    /// Its folder.
    place: &'a str,
    /// Of `encoder.onnx`: its identity.
    sha256: &'a str,
    /// `foreign`.
    family: &'a str,
    /// Height, width, channels.
    input: [usize; 3],
    /// Numbers of a latent.
    latent_size: usize,
    /// Of a code.
    bits: usize,
    /// What makes codes of latents.
    binarizer: String,
    /// All settings, under the keys of a .toml file.
    format: &'a Format,
    /// The batch size, where the graph fixes one.
    batch: Option<usize>,
    /// Files with weights.
    files: Vec<&'a str>,
    /// Of all files.
    bytes: u64,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Model) -> anyhow::Result<Exit> {
    match args {
        args::Model::List => list(context),
        args::Model::Show { name, described } => show(context, name, described),
        args::Model::Add { file, name, force, described } => {
            let load = load_options(context, described, file)?;
            add(context, [file, name], load, *force)
        }
        args::Model::Import(args) => import(context, args),
        args::Model::Quantize(args) => quantize::run(context, args),
    }
}

fn import(context: &Context, args: &args::Import) -> anyhow::Result<Exit> {
    let request = ImportRequest {
        file: args.file.clone(),
        folder: args.output.clone(),
        force: args.force,
        side: args.size,
        width: args.width,
        depth: args.depth,
        latent: args.latent,
        seed: args.seed,
        runtime: context.runtime.clone(),
        command: command_line(),
    };
    let observer = TerminalObserver::new(context, "importing");
    let Imported { model, difference } = import_model(&request, &observer)?;
    observer.finish();
    let folder = args.output.display().to_string();
    let document = ImportDocument {
        family: &model.metadata.family,
        parameters: model.architecture.parameter_count(),
        largest_difference: difference,
        model_dir: &folder,
    };
    if context.printer.json {
        context.printer.document("model import", &document)?;
        return Ok(Exit::Done);
    }
    let parameters = thousands(document.parameters as u64);
    context.printer.text(&format!("{folder}: {} with {parameters} parameters", document.family))?;
    context.printer.note(&format!(
        "its latent and decoder are not trained yet; next: `aesearch train PHOTOS --from {} --freeze encoder -o DIR`",
        quoted(&folder)
    ));
    Ok(Exit::Done)
}

fn add(context: &Context, [file, name]: [&str; 2], load: LoadOptions, force: bool) -> anyhow::Result<Exit> {
    let (memory, runtime) = (context.memory(None)?, context.runtime.clone());
    let options = AddOptions { load, force, device: Device::Cpu, memory, runtime };
    let observer = TerminalObserver::new(context, "trying");
    let model = add_model(file, name, &options, &observer)?;
    observer.finish();
    if let Some(foreign) = &model.foreign {
        show_foreign(context, "model add", &model, foreign)?;
    }
    context.printer.note(&format!("use it as --model {}", quoted(name)));
    Ok(Exit::Done)
}

fn list(context: &Context) -> anyhow::Result<Exit> {
    let shipped = shipped_names().map(|name| (name.to_owned(), "shipped".to_owned()));
    let folders =
        local_models(Path::new(LOCAL_MODELS)).into_iter().chain(local_models(&context.added_models()));
    let local = folders.map(|folder| {
        let folder = folder.to_string_lossy().into_owned();
        (folder.clone(), folder)
    });
    let mut skipped = false;
    let mut models = Vec::new();
    for (name, place) in shipped.chain(local) {
        let options = load_options(context, &args::Described::default(), &name);
        let model = options.and_then(|options| Model::load_any(&name, &options));
        match model.and_then(|model| describe(&model, &place)) {
            Ok(model) => models.push(model),
            Err(error) => {
                context.printer.warning(&of_command_line(&format!("skipped {error}")));
                skipped = true;
            }
        }
    }
    if context.printer.json {
        context.printer.document("model list", &ListDocument { models })?;
    } else if models.is_empty() {
        context.printer.note("no models here; `aesearch train DATA -o models/NAME` makes one");
    } else {
        let mut table = Table::new(&[
            ("name", Align::Left),
            ("family", Align::Left),
            ("input", Align::Left),
            ("latent", Align::Right),
            ("bits", Align::Right),
            ("parameters", Align::Right),
            ("val loss", Align::Right),
            ("place", Align::Left),
        ]);
        for m in &models {
            table.row([
                m.name.clone(),
                m.family.clone(),
                shape(m.input),
                m.latent_size.to_string(),
                m.bits.to_string(),
                m.parameters.map_or_else(String::new, |n| thousands(n as u64)),
                loss(m.val_loss),
                m.place.clone(),
            ]);
        }
        context.printer.table(&table)?;
    }
    Ok(if skipped { Exit::Skipped } else { Exit::Done })
}

fn show(context: &Context, name: &str, described: &args::Described) -> anyhow::Result<Exit> {
    let model = Model::load_any(name, &load_options(context, described, name)?)?;
    let place =
        if shipped_names().any(|shipped| shipped == name) || name == "auto" { "shipped" } else { name };
    if let Some(foreign) = &model.foreign {
        return show_foreign(context, "model show", &model, foreign);
    }
    let layers = model.architecture()?.summary().into_iter().map(|row| LayerDocument {
        half: row.half,
        layer: row.layer,
        output: row.output.to_string(),
        parameters: row.parameters,
    });
    let document = ShowDocument {
        model: describe(&model, place)?,
        layers: layers.collect(),
        card: model.card.as_ref().map(|card| card.to_string()),
    };
    if context.printer.json {
        context.printer.document("model show", &document)?;
        return Ok(Exit::Done);
    }
    context.printer.titled(&document.model.name, &header(&document.model))?;
    context.printer.text("")?;
    let mut table = Table::new(&[
        ("half", Align::Left),
        ("layer", Align::Left),
        ("output", Align::Right),
        ("parameters", Align::Right),
    ]);
    table.row(["encoder".into(), "Image".into(), shape(document.model.input), "0".into()]);
    for layer in &document.layers {
        table.row([
            layer.half.to_owned(),
            layer.layer.clone(),
            layer.output.clone(),
            thousands(layer.parameters as u64),
        ]);
    }
    let total = document.model.parameters.map_or_else(String::new, |n| thousands(n as u64));
    table.row([String::new(), "Total".into(), String::new(), total]);
    context.printer.table(&table)?;
    if context.printer.is_verbose()
        && let Some(card) = &document.card
    {
        context.printer.text(&format!("\n{card}"))?;
    }
    Ok(Exit::Done)
}

/// Input and output of a foreign encoder: nothing else is known about it.
fn show_foreign(context: &Context, command: &str, model: &Model, foreign: &Foreign) -> anyhow::Result<Exit> {
    let Foreign { format, batch, external, bytes: size, path, .. } = foreign;
    let place = path.display().to_string();
    let document = ForeignDocument {
        name: &model.metadata.name,
        place: &place,
        sha256: &model.sha256,
        family: &model.metadata.family,
        input: [format.size.height, format.size.width, format.channels],
        latent_size: format.latent,
        bits: format.bits,
        format,
        binarizer: model.metadata.binarizer.to_string(),
        batch: *batch,
        files: external.iter().map(|file| file.location.as_str()).collect(),
        bytes: *size,
    };
    if context.printer.json {
        context.printer.document(command, &document)?;
        return Ok(Exit::Done);
    }
    let pooled = format.pool.map_or_else(String::new, |pool| format!(", {pool} of the tokens"));
    let numbers = |values: &[f32]| values.iter().map(f32::to_string).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        ("family", format!("{} (foreign)", document.family)),
        ("input", format!("{}, {}x{} as {}", format.input, format.size, format.channels, format.layout)),
        ("range", format!("0 to {}", format.range)),
        ("mean", numbers(&format.mean)),
        ("std", numbers(&format.std)),
        ("output", format!("{}, {} numbers{pooled}", format.output, format.latent)),
        ("code", code(format.bits, &document.binarizer)),
    ];
    lines.extend(batch.map(|n| ("batch", format!("fixed: {}", count(n as u64, "image")))));
    lines.push(("size", bytes(*size)));
    if !document.files.is_empty() {
        lines.push(("weights in", document.files.join(", ")));
    }
    lines.push(("sha256", model.sha256.clone()));
    lines.push(("place", place.clone()));
    context.printer.titled(document.name, &facts(&lines))?;
    Ok(Exit::Done)
}

/// How long codes are, and how latents become them: where not by their signs, what is fitted depends on the
/// collection.
fn code(bits: usize, binarizer: &str) -> String {
    let how = if binarizer == "sign" { "by sign" } else { "fitted to the collection" };
    format!("{bits} bits {how}")
}

/// What is known about the model besides its layers.
fn header(m: &ModelDocument) -> String {
    let noise = if m.denoise > 0.0 { format!(", noise {}", m.denoise) } else { String::new() };
    let (images, epochs) = (count(m.training_images as u64, "image"), count(m.epochs as u64, "epoch"));
    let trained = format!("{images}, {epochs}, seed {}{noise}", m.seed);
    let mut lines = vec![
        ("family", m.family.clone()),
        ("code", format!("{}, from a latent of {} numbers", code(m.bits, &m.binarizer), m.latent_size)),
        ("trained on", trained),
    ];
    let int8 = |share: f64| format!("{share:.3} of the ten nearest are those of the model in floats");
    lines.extend(m.int8_overlap.map(|share| ("int8", int8(share))));
    lines.extend(m.train_loss.map(|value| ("train loss", loss(Some(value)))));
    lines.extend(m.val_loss.map(|value| ("val loss", loss(Some(value)))));
    lines.push(("sha256", m.sha256.clone()));
    lines.push(("place", m.place.clone()));
    facts(&lines)
}

fn describe(model: &Model, place: &str) -> Result<ModelDocument> {
    let m = &model.metadata;
    let InputShape { channels, height, width } = m.input;
    Ok(ModelDocument {
        name: m.name.clone(),
        place: place.to_owned(),
        sha256: model.sha256.clone(),
        family: m.family.clone(),
        input: [height, width, channels],
        latent_size: m.latent_size,
        bits: m.bits,
        binarizer: m.binarizer.to_string(),
        int8_overlap: m.int8_overlap,
        parameters: match model.foreign {
            Some(_) => None,
            None => Some(model.architecture()?.parameter_count()),
        },
        training_images: m.training_images,
        data_fingerprint: m.data_fingerprint.clone(),
        epochs: m.epochs,
        train_loss: m.train_loss,
        val_loss: m.val_loss,
        denoise: m.denoise,
        seed: m.seed,
        tool_version: m.tool_version.clone(),
    })
}

fn shape([height, width, channels]: [usize; 3]) -> String {
    format!("{height}x{width}x{channels}")
}

fn loss(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| format!("{value:.4}"))
}
