//! `aesearch sample -o FILE`: new images, as a model imagines them; or with `--diverse` and `--random`, some of the index (`subset`).

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::subset;
use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::explore::subset::Choice;
use crate::generate::sampling::{SampleOptions, default_model, sample};
use crate::images::{self, Pixels};
use crate::model::Model;
use crate::runtime::Device;

/// New images where no number is given.
const COUNT: usize = 100;
/// More than these are no sheet to look at.
const MAX_COUNT: usize = 10_000;

#[derive(Debug, Serialize)]
struct SampleDocument<'a> {
    model: &'a str,
    images: usize,
    seed: u64,
    sheet: String,
    files: Vec<String>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Sample) -> anyhow::Result<Exit> {
    match (args.diverse, args.random) {
        (Some(n), _) => return subset::run(context, args, (Choice::Diverse, n)),
        (None, Some(n)) => return subset::run(context, args, (Choice::Random, n)),
        (None, None) => {}
    }
    let printer = &context.printer;
    let Some(output) = args.output.as_deref() else {
        let what =
            "sample: expected -o FILE.png for new images, or --diverse N or --random N for some of the index";
        return Err(Error::invalid(what).into());
    };
    if args.sheet.is_some() || args.folders.target().is_some() {
        let what = "--sheet, --copy-to and --link-to: expected --diverse N or --random N with them";
        return Err(Error::invalid(what).with_hint("new images go to -o FILE.png and --dir DIR").into());
    }
    let options = resolve(context, args)?;
    let model = args.model.as_deref().map_or_else(default_model, Model::load)?;
    let samples = sample(&model, &options, &TerminalObserver::unstoppable(context, "opening"))?;
    images::write_png(output, &samples.sheet)?;
    let files = args.dir.as_deref().map_or(Ok(Vec::new()), |dir| write_all(dir, &samples.images))?;

    let (name, sheet) = (&model.metadata.name, output.display().to_string());
    if printer.json {
        let files = files.iter().map(|file| file.display().to_string()).collect();
        let document =
            SampleDocument { model: name, images: samples.images.len(), seed: options.seed, sheet, files };
        printer.document("sample", &document)?;
    } else {
        let images = count(samples.images.len() as u64, "new image");
        printer.text(&format!("{sheet}: {images} by {name}, seed {}", options.seed))?;
    }
    Ok(Exit::Done)
}

fn resolve(context: &Context, args: &args::Sample) -> Result<SampleOptions> {
    let count = args.count.unwrap_or(COUNT);
    if !(1..=MAX_COUNT).contains(&count) {
        return Err(Error::invalid(format!("--count: expected 1 to {MAX_COUNT}, got {count}")));
    }
    Ok(SampleOptions {
        count,
        seed: args.seed.unwrap_or(0),
        device: context.device(&args.device, Device::Cpu)?,
        runtime: context.runtime.clone(),
    })
}

/// One file for each image.
fn write_all(dir: &Path, images: &[Pixels]) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
    let write = |(i, image): (usize, &Pixels)| {
        let path = dir.join(format!("sample-{i:04}.png"));
        images::write_png(&path, image).map(|()| path)
    };
    images.iter().enumerate().map(write).collect()
}
