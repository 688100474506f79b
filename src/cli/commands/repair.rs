//! `aesearch repair`: damaged segments are dropped, what they held is listed, so that it can be indexed again.

use std::path::Path;

use aesearch_index::Dropped;
use serde::Serialize;

use crate::cli::args::Opened;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::error::Error;

#[derive(Debug, Serialize)]
struct DroppedDocument {
    path: String,
    images: usize,
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct RepairDocument {
    dropped: Vec<DroppedDocument>,
    /// Images to index again, as they were called.
    paths: Vec<String>,
    /// Images whose names are lost as well.
    unnamed: usize,
    /// Images that are left.
    images: usize,
}

pub(in crate::cli) fn run(context: &Context, args: &Opened) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.index)?;
    let dropped = aesearch_index::repair(&dir).map_err(Error::from)?;
    let document = document(&dir, &dropped)?;
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

fn document(dir: &Path, dropped: &[Dropped]) -> crate::Result<RepairDocument> {
    let names = dropped.iter().filter_map(|dropped| dropped.names.as_ref()).flatten();
    let unnamed = dropped.iter().filter(|dropped| dropped.names.is_none()).map(|dropped| dropped.items);
    Ok(RepairDocument {
        dropped: dropped
            .iter()
            .map(|dropped| DroppedDocument {
                path: dropped.path.display().to_string(),
                images: dropped.items,
                problems: dropped.problems.iter().map(|p| format!("{}: {}", p.section, p.detail)).collect(),
            })
            .collect(),
        paths: names.map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
        unnamed: unnamed.sum(),
        images: aesearch_index::Snapshot::open(dir)?.len(),
    })
}
