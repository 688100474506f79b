//! `aesearch diff A B`: what became of one index's images in another.

use std::path::{Path, PathBuf};

use aesearch_index::{Access, Snapshot, is_index};
use serde::Serialize;

use super::outputs::check_outputs;
use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::exit::Exit;
use crate::cli::print::{count, thousands};
use crate::cli::resolve::Context;
use crate::error::{Error, Result};
use crate::explore::diff::{Diff, Side, diff};
use crate::explore::table::{self, Column, Format};

/// An added image is near where one in so many bits differs, or fewer.
const BITS_PER_NEAR_BIT: usize = 32;

#[derive(Debug, Serialize)]
struct RenamedDocument {
    from: String,
    to: String,
}

#[derive(Debug, Serialize)]
struct NearDocument {
    path: String,
    to: String,
    distance: u32,
}

#[derive(Debug, Serialize)]
struct Document {
    before: String,
    after: String,
    same: usize,
    added: Vec<String>,
    gone: Vec<String>,
    changed: Vec<String>,
    renamed: Vec<RenamedDocument>,
    /// Null where the codes are of two models.
    near: Option<Vec<NearDocument>>,
    radius: u32,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Diff) -> anyhow::Result<Exit> {
    args.output.as_deref().map(Format::of).transpose()?;
    let outputs: Vec<&Path> = args.output.iter().map(PathBuf::as_path).collect();
    let access = if args.no_mmap { Access::Read } else { Access::Map };
    let [old_dir, new_dir] = [&args.before, &args.after].map(|dir| within(dir));
    [&old_dir, &new_dir].into_iter().try_for_each(|dir| check_outputs(&outputs, dir))?;
    let open = |dir| Snapshot::open_with(dir, access).map_err(Error::from);
    let (before, after) = (open(&old_dir)?, open(&new_dir)?);
    let radius = args.radius.unwrap_or((after.bits() / BITS_PER_NEAR_BIT) as u32);
    let sides = [(&before, &old_dir), (&after, &new_dir)];
    let [old, new] = sides.map(|(snapshot, dir)| Side { snapshot, dir });
    let found = diff(old, new, radius, &TerminalObserver::new(context, "working"))?;
    if let Some(path) = &args.output {
        table_of(&found).write(path)?;
    }
    if found.near.is_none() {
        let sides = format!("{} and {}", args.before.display(), args.after.display());
        context.printer.note(&format!("{sides} have codes of two models: what is near cannot be told"));
    }
    if context.printer.json {
        context.printer.document("diff", &document(args, &found, radius))?;
    } else {
        print(context, &found, radius)?;
    }
    Ok(if args.exit_code && !found.is_empty() { Exit::Negative } else { Exit::Done })
}

/// The index that was meant: the folder itself, or the one in it.
fn within(dir: &Path) -> PathBuf {
    let inner = dir.join(".aesearch");
    if !is_index(dir) && is_index(&inner) { inner } else { dir.to_owned() }
}

/// Bytes that are not UTF-8 are shown as U+FFFD.
fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn document(args: &args::Diff, found: &Diff, radius: u32) -> Document {
    let texts = |names: &[Vec<u8>]| names.iter().map(|name| text(name)).collect();
    let renamed = found.renamed.iter().map(|(from, to)| RenamedDocument { from: text(from), to: text(to) });
    let near = |near: &crate::explore::diff::Near| NearDocument {
        path: text(&near.name),
        to: text(&near.to),
        distance: near.distance,
    };
    Document {
        before: args.before.display().to_string(),
        after: args.after.display().to_string(),
        same: found.same,
        added: texts(&found.added),
        gone: texts(&found.gone),
        changed: texts(&found.changed),
        renamed: renamed.collect(),
        near: found.near.as_ref().map(|all| all.iter().map(near).collect()),
        radius,
    }
}

/// What a line of the answer is about: what happened, to which image, and the other image that matters.
fn lines(found: &Diff) -> impl Iterator<Item = (&'static str, &[u8], Option<&[u8]>)> {
    let alone = [("added", &found.added), ("gone", &found.gone), ("changed", &found.changed)];
    let alone =
        alone.into_iter().flat_map(|(what, names)| names.iter().map(move |name| (what, &name[..], None)));
    let near = found.near.iter().flatten().map(|near| ("near", &near.name[..], Some(&near.to[..])));
    let renamed = found.renamed.iter().map(|(from, to)| ("renamed", &to[..], Some(&from[..])));
    alone.chain(renamed).chain(near)
}

/// A row for each difference.
fn table_of(found: &Diff) -> table::Table {
    let rows = || lines(found);
    table::Table::default()
        .with("what", Column::Texts(rows().map(|(what, _, _)| Some(what.to_owned())).collect()))
        .with("path", Column::Texts(rows().map(|(_, name, _)| Some(text(name))).collect()))
        .with("other", Column::Texts(rows().map(|(_, _, other)| other.map(text)).collect()))
}

fn print(context: &Context, found: &Diff, radius: u32) -> Result<(), anyhow::Error> {
    let marks = [("added", "+"), ("gone", "-"), ("changed", "*"), ("renamed", ">"), ("near", "~")];
    for (what, name, other) in lines(found) {
        let mark = marks.iter().find(|(of, _)| *of == what).map_or("?", |(_, mark)| mark);
        let other = match (what, other) {
            ("renamed", Some(from)) => format!(" (was {})", text(from)),
            (_, Some(to)) => format!(" (like {})", text(to)),
            (_, None) => String::new(),
        };
        context.printer.text(&format!("{mark} {}{other}", text(name)))?;
    }
    let near = match &found.near {
        Some(near) => format!("; {} of the added within {}", near.len(), count(radius.into(), "bit")),
        None => String::new(),
    };
    context.printer.note(&format!(
        "{} the same, {} added, {} gone, {} changed, {} renamed{near}",
        thousands(found.same as u64),
        thousands(found.added.len() as u64),
        thousands(found.gone.len() as u64),
        thousands(found.changed.len() as u64),
        thousands(found.renamed.len() as u64)
    ));
    Ok(())
}
