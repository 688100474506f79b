//! `aesearch diff A B`: the differences between two indexes.

use aesearch_index::Access;
use serde::Serialize;

use super::observer::TerminalObserver;
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::{count, thousands};
use crate::cli::resolve::Context;
use crate::explore::diff::{Diff, DiffOptions, Near, diff};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RenamedDocument {
    /// Its name before.
    from: String,
    /// Its name after.
    to: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct NearDocument {
    /// A new image.
    path: String,
    /// The old image that it is near to.
    to: String,
    /// Bits in which the codes differ.
    distance: u32,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document {
    /// The first index.
    before: String,
    /// The second index.
    after: String,
    /// Images that both have.
    same: usize,
    /// Images of the second alone.
    added: Vec<String>,
    /// Images of the first alone.
    gone: Vec<String>,
    /// The same name, another content.
    changed: Vec<String>,
    /// The same content, another name.
    renamed: Vec<RenamedDocument>,
    /// Null if the indexes have different models or binarizers.
    near: Option<Vec<NearDocument>>,
    /// Up to how many bits an image counts as near.
    radius: u32,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Diff) -> anyhow::Result<Exit> {
    let options = DiffOptions {
        radius: args.radius,
        access: if args.no_mmap { Access::Read } else { Access::Map },
        table: args.output.clone(),
        texts: args.csv.texts(),
    };
    let observer = TerminalObserver::new(context, "comparing");
    let (before, after) = (context.folder_of(&args.before)?, context.folder_of(&args.after)?);
    let found = diff(&before, &after, &options, &observer);
    observer.finish();
    let found = found?;
    if context.printer.json {
        context.printer.document("diff", &document(args, &found))?;
    } else {
        print(context, &found)?;
    }
    Ok(if args.exit_code && !found.is_empty() { Exit::Negative } else { Exit::Done })
}

/// Bytes that are not UTF-8 are shown as U+FFFD.
fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn document(args: &args::Diff, found: &Diff) -> Document {
    let texts = |names: &[Vec<u8>]| names.iter().map(|name| text(name)).collect();
    let renamed = found.renamed.iter().map(|(from, to)| RenamedDocument { from: text(from), to: text(to) });
    let near =
        |near: &Near| NearDocument { path: text(&near.name), to: text(&near.to), distance: near.distance };
    Document {
        before: args.before.display().to_string(),
        after: args.after.display().to_string(),
        same: found.same,
        added: texts(&found.added),
        gone: texts(&found.gone),
        changed: texts(&found.changed),
        renamed: renamed.collect(),
        near: found.near.as_ref().map(|all| all.iter().map(near).collect()),
        radius: found.radius,
    }
}

fn print(context: &Context, found: &Diff) -> anyhow::Result<()> {
    let marks = [("added", "+"), ("gone", "-"), ("changed", "*"), ("renamed", ">"), ("near", "~")];
    for (what, name, other) in found.lines() {
        let mark = marks.iter().find(|(of, _)| *of == what).map_or("?", |(_, mark)| mark);
        let other = match (what, other) {
            ("renamed", Some(from)) => format!(" (was {})", text(from)),
            (_, Some(to)) => format!(" (like {})", text(to)),
            (_, None) => String::new(),
        };
        context.printer.text(&format!("{mark} {}{other}", text(name)))?;
    }
    let near = match &found.near {
        Some(near) => format!("; {} of the added within {}", near.len(), count(found.radius.into(), "bit")),
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
