//! `aesearch repair`: drop damaged segments, and list what they held so that it can be indexed again.

use aesearch_index::Dropped;
use serde::Serialize;

use crate::cli::args::Opened;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::gallery::{RepairReport, repair};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DroppedDocument {
    /// A file of the index.
    path: String,
    /// That were in it.
    images: usize,
    /// What was damaged.
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RepairDocument {
    /// Parts that were damaged.
    dropped: Vec<DroppedDocument>,
    /// Names of the images to index again.
    paths: Vec<String>,
    /// Images whose names are lost as well.
    unnamed: usize,
    /// Images that are left.
    images: usize,
}

pub(in crate::cli) fn run(context: &Context, args: &Opened) -> anyhow::Result<Exit> {
    let dir = context.own_index_dir(&args.index)?;
    let document = document(repair(&dir)?);
    let printer = &context.printer;
    for part in &document.dropped {
        printer.warning(&format!(
            "dropped {}, {}: {}",
            part.path,
            count(part.images as u64, "image"),
            part.problems.join("; ")
        ));
    }
    if printer.json {
        printer.document("repair", &document)?;
    } else if document.dropped.is_empty() {
        printer.text(&format!("{}: sound, nothing to repair", dir.display()))?;
    } else {
        document.paths.iter().try_for_each(|path| printer.text(path))?;
    }
    if !document.dropped.is_empty() {
        let unnamed = match document.unnamed {
            0 => String::new(),
            n => format!(" (the names of {} are lost as well)", count(n as u64, "image")),
        };
        printer.hint(&format!(
            "run `aesearch index` over the same folders again{unnamed}: it encodes what is missing"
        ));
    }
    Ok(Exit::Done)
}

fn document(report: RepairReport) -> RepairDocument {
    let RepairReport { dropped, paths, unnamed, images } = report;
    let part = |Dropped { path, items, problems, .. }: Dropped| DroppedDocument {
        path: path.display().to_string(),
        images: items,
        problems: problems.iter().map(|p| format!("{}: {}", p.section, p.detail)).collect(),
    };
    RepairDocument { dropped: dropped.into_iter().map(part).collect(), paths, unnamed, images }
}
