//! `aesearch sample -o FILE`: new images, as a model imagines them; or with `--diverse` and `--random`, some
//! of the index (`subset`).

use serde::Serialize;

use super::subset;
use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::explore::subset::Choice;
use crate::generate::sampling::{SampleOptions, sample};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SampleDocument<'a> {
    /// Its name.
    model: &'a str,
    /// That were drawn.
    images: usize,
    /// Of the random latents.
    seed: u64,
    /// The picture that was drawn.
    sheet: String,
    /// Single images that were written.
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
    if args.sheet.is_some() || args.folders.target().is_some() || args.only.parsed()?.is_some() {
        let what = "--sheet, --copy-to, --link-to and --where: expected --diverse N or --random N with them";
        return Err(Error::invalid(what).with_hint("new images go to -o FILE.png and --dir DIR").into());
    }
    let options = resolve(context, args)?;
    let samples = sample(&options, &TerminalObserver::unstoppable(context, "opening"))?;

    let (model, images, sheet) = (&samples.model, samples.images.len(), output.display().to_string());
    if printer.json {
        let files = samples.files.iter().map(|file| file.display().to_string()).collect();
        let document = SampleDocument { model, images, seed: options.seed, sheet, files };
        printer.document("sample", &document)?;
    } else {
        let images = count(images as u64, "new image");
        printer.text(&format!("{sheet}: {images} by {model}, seed {}", options.seed))?;
    }
    Ok(Exit::Done)
}

fn resolve(context: &Context, args: &args::Sample) -> Result<SampleOptions> {
    let default = SampleOptions::default();
    Ok(SampleOptions {
        model: args.model.clone(),
        count: args.count.unwrap_or(default.count),
        seed: args.seed.unwrap_or(default.seed),
        device: context.device(&args.device, default.device)?,
        runtime: context.runtime.clone(),
        sheet: args.output.clone(),
        dir: args.dir.clone(),
    })
}
