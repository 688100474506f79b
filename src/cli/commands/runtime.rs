//! `aesearch runtime show|install`: which ONNX Runtime is used and why; downloads it ahead of time.

use serde::Serialize;

use crate::cli::args::Runtime;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::exit::Exit;
use crate::cli::print::facts;
use crate::cli::resolve::Context;
use crate::runtime::{self, Place, RuntimeOptions};

#[derive(Debug, Serialize)]
struct PlaceDocument {
    path: String,
    source: String,
    version: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShowDocument {
    used: Option<PlaceDocument>,
    problem: Option<String>,
    cuda: bool,
    found: Vec<PlaceDocument>,
    oldest: String,
    pinned: String,
    data_dir: String,
}

#[derive(Debug, Serialize)]
struct InstallDocument {
    installed: PlaceDocument,
}

impl From<&Place> for PlaceDocument {
    fn from(place: &Place) -> Self {
        PlaceDocument {
            path: place.path.display().to_string(),
            source: place.source.to_string(),
            version: place.version.clone(),
        }
    }
}

pub(in crate::cli) fn run(context: &Context, args: &Runtime) -> anyhow::Result<Exit> {
    match *args {
        Runtime::Show => show(context),
        Runtime::Install { cuda } => install(context, cuda),
    }
}

fn show(context: &Context) -> anyhow::Result<Exit> {
    let report = runtime::show(&context.runtime);
    let document = ShowDocument {
        used: report.used.as_ref().ok().map(PlaceDocument::from),
        problem: report.used.as_ref().err().cloned(),
        cuda: report.cuda,
        found: report.found.iter().map(PlaceDocument::from).collect(),
        oldest: report.oldest,
        pinned: report.pinned,
        data_dir: report.data_dir.display().to_string(),
    };
    if context.printer.json {
        context.printer.document("runtime show", &document)?;
        return Ok(Exit::Done);
    }
    let mut lines = Vec::new();
    match (&document.used, &document.problem) {
        (Some(used), _) => {
            lines.push(("library", used.path.clone()));
            lines.push(("version", used.version.clone().unwrap_or_else(|| "unknown".into())));
            lines.push(("source", used.source.clone()));
            lines.push(("cuda", if document.cuda { "yes" } else { "no" }.into()));
        }
        (None, problem) => {
            lines.push(("library", format!("none: {}", problem.as_deref().unwrap_or("not found"))))
        }
    }
    lines.push(("oldest usable", document.oldest.clone()));
    lines.push(("fetched if none", document.pinned.clone()));
    lines.push(("data folder", document.data_dir.clone()));
    let used = document.used.as_ref().map(|used| &used.path);
    for other in document.found.iter().filter(|place| Some(&place.path) != used) {
        let version = other.version.as_deref().unwrap_or("unknown version");
        lines.push(("also found", format!("{} ({version}, {})", other.path, other.source)));
    }
    context.printer.text(&facts(&lines))?;
    Ok(Exit::Done)
}

fn install(context: &Context, cuda: bool) -> anyhow::Result<Exit> {
    let options = RuntimeOptions { cuda, library: None, ..context.runtime.clone() };
    let place = runtime::install(&options, &TerminalObserver::unstoppable(context, "opening"))?;
    let installed = PlaceDocument::from(&place);
    if context.printer.json {
        context.printer.document("runtime install", &InstallDocument { installed })?;
    } else {
        let version = installed.version.as_deref().unwrap_or("of unknown version");
        context.printer.text(&format!("ONNX Runtime {version} is ready: {}", installed.path))?;
    }
    Ok(Exit::Done)
}
