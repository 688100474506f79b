//! `aesearch runtime show|install`: which ONNX Runtime is used and why; downloads it ahead of time.

use serde::Serialize;

use crate::cli::args::Runtime;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::exit::Exit;
use crate::cli::print::facts;
use crate::cli::resolve::Context;
use crate::cli::wording::of_command_line;
use crate::runtime::{self, Library, RuntimeOptions};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LibraryDocument {
    /// Of the library.
    path: String,
    /// Where it was found.
    source: String,
    /// Null where it does not say.
    version: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ShowDocument {
    /// Null where none can be used.
    used: Option<LibraryDocument>,
    /// Why none can be.
    problem: Option<String>,
    /// Whether it runs on GPUs of NVIDIA.
    cuda: bool,
    /// All that were found.
    found: Vec<LibraryDocument>,
    /// The oldest version that can be used.
    oldest: String,
    /// The version that is downloaded.
    pinned: String,
    /// Where it is put.
    data_dir: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InstallDocument {
    /// The library.
    installed: LibraryDocument,
}

impl From<&Library> for LibraryDocument {
    fn from(library: &Library) -> Self {
        LibraryDocument {
            path: library.path.display().to_string(),
            source: library.source.to_string(),
            version: library.version.clone(),
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
        used: report.used.as_ref().ok().map(LibraryDocument::from),
        problem: report.used.as_ref().err().map(|problem| of_command_line(problem).into_owned()),
        cuda: report.cuda,
        found: report.found.iter().map(LibraryDocument::from).collect(),
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
    for other in document.found.iter().filter(|library| Some(&library.path) != used) {
        let version = other.version.as_deref().unwrap_or("unknown version");
        lines.push(("also found", format!("{} ({version}, {})", other.path, other.source)));
    }
    context.printer.text(&facts(&lines))?;
    Ok(Exit::Done)
}

fn install(context: &Context, cuda: bool) -> anyhow::Result<Exit> {
    let options = RuntimeOptions { cuda, library: None, ..context.runtime.clone() };
    let library = runtime::install(&options, &TerminalObserver::unstoppable(context, "opening"))?;
    let installed = LibraryDocument::from(&library);
    if context.printer.json {
        context.printer.document("runtime install", &InstallDocument { installed })?;
    } else {
        let version = installed.version.as_deref().unwrap_or("of unknown version");
        context.printer.text(&format!("ONNX Runtime {version} is ready: {}", installed.path))?;
    }
    Ok(Exit::Done)
}
