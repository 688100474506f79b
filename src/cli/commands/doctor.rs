//! `aesearch doctor`: checks the installation and the index.

use std::num::NonZeroUsize;
use std::path::Path;

use aesearch_index::{Access, Isa, Snapshot, is_index, verify_with};
use serde::Serialize;

use crate::cli::amount;
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{bytes, count, facts};
use crate::cli::resolve::Context;
use crate::cli::wording::of_command_line;
use crate::gallery::Facts;
use crate::model::{Model, shipped_names};
use crate::runtime;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DoctorDocument {
    /// Of the program.
    version: &'static str,
    /// Operating system and processor.
    system: String,
    /// Of the processor.
    cores: usize,
    /// Bytes, where the system says.
    memory_available: Option<u64>,
    /// What the processor has for searching.
    instructions: Vec<&'static str>,
    /// What is used.
    instructions_used: &'static str,
    /// ONNX Runtime.
    runtime: RuntimeHealth,
    /// Those in the program.
    models: Vec<&'static str>,
    /// Null where there is none.
    index: Option<IndexHealth>,
    /// What is wrong; empty if nothing is.
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RuntimeHealth {
    /// Its path; null where none was found.
    library: Option<String>,
    /// Null where it does not say.
    version: Option<String>,
    /// Whether it runs on GPUs of NVIDIA.
    cuda: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct IndexHealth {
    /// Its folder.
    path: String,
    /// In it.
    images: usize,
    /// Its parts.
    segments: usize,
    /// On disk.
    bytes: u64,
    /// Its name.
    model: String,
    /// Whether it can be read.
    sound: bool,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Doctor) -> anyhow::Result<Exit> {
    let mut problems = Vec::new();
    let runtime = look_at_runtime(context, &mut problems);
    let dir = context.any_index_dir(&args.reading.index)?;
    let before = problems.len();
    let index = is_index(&dir).then(|| look_at_index(&dir, args.reading.access(), &mut problems)).flatten();
    let is_damaged = problems.len() > before;
    let document = DoctorDocument {
        version: env!("CARGO_PKG_VERSION"),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        cores: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        memory_available: amount::free_memory(),
        instructions: Isa::available().into_iter().map(Isa::name).collect(),
        instructions_used: Isa::current().name(),
        runtime,
        models: shipped_names().collect(),
        index,
        problems,
    };
    if context.printer.json {
        context.printer.document("doctor", &document)?;
    } else {
        context.printer.text(&page(&document))?;
        document.problems.iter().for_each(|problem| context.printer.warning(problem));
    }
    Ok(match document.problems.is_empty() {
        true => Exit::Done,
        false if is_damaged => Exit::Damaged,
        false => Exit::Usage,
    })
}

fn look_at_runtime(context: &Context, problems: &mut Vec<String>) -> RuntimeHealth {
    let report = runtime::show(&context.runtime);
    if let Err(problem) = &report.used {
        problems.push(format!("{}; `aesearch runtime install` downloads it", of_command_line(problem)));
    }
    RuntimeHealth {
        library: report.used.as_ref().ok().map(|used| used.path.display().to_string()),
        version: report.used.as_ref().ok().and_then(|used| used.version.clone()),
        cuda: report.cuda,
    }
}

fn look_at_index(dir: &Path, access: Access, problems: &mut Vec<String>) -> Option<IndexHealth> {
    let before = problems.len();
    match verify_with(dir, access) {
        Ok(found) => {
            problems.extend(found.iter().map(|problem| {
                format!("{}: {}: {}", problem.path.display(), problem.section, problem.detail)
            }))
        }
        Err(error) => problems.push(error.to_string()),
    }
    let is_sound = problems.len() == before;
    let opened = Snapshot::open_with(dir, access).map_err(crate::Error::from);
    let health = opened.and_then(|snapshot| {
        let facts = Facts::of(&snapshot, dir)?;
        Model::load_any(
            &facts.model.source,
            &crate::model::LoadOptions { known: facts.model.foreign.clone(), ..Default::default() },
        )
        .map_err(|error| problems.push(format!("the index's model: {error}")))
        .ok();
        Ok(IndexHealth {
            path: dir.display().to_string(),
            images: snapshot.len(),
            segments: snapshot.segments(),
            bytes: snapshot.bytes(),
            model: facts.model.name,
            sound: true,
        })
    });
    match health {
        Ok(health) => Some(IndexHealth { sound: is_sound, ..health }),
        Err(error) => {
            if is_sound {
                problems.push(error.to_string());
            }
            None
        }
    }
}

fn page(document: &DoctorDocument) -> String {
    let memory = document.memory_available.map_or_else(|| "unknown".to_owned(), bytes);
    let library = document.runtime.library.clone().unwrap_or_else(|| "none".to_owned());
    let version = document.runtime.version.clone().unwrap_or_else(|| "unknown version".to_owned());
    let index = document.index.as_ref().map_or_else(
        || "none here".to_owned(),
        |index| {
            let health = if index.sound { "sound" } else { "damaged: `aesearch verify` shows where" };
            let [images, segments] =
                [(index.images, "image"), (index.segments, "segment")].map(|(n, noun)| count(n as u64, noun));
            let (path, size, model) = (&index.path, bytes(index.bytes), &index.model);
            format!("{path}: {images} in {segments}, {size}, model {model}; {health}")
        },
    );
    facts(&[
        ("aesearch", format!("{} on {}", document.version, document.system)),
        ("processor", format!("{} cores, {}", document.cores, document.instructions.join(", "))),
        ("searches with", document.instructions_used.to_owned()),
        ("memory", format!("{memory} free")),
        ("onnx runtime", format!("{library} ({version})")),
        ("cuda", if document.runtime.cuda { "yes" } else { "no" }.to_owned()),
        ("models", document.models.join(", ")),
        ("index", index),
    ])
}
