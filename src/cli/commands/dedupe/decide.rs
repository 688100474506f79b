//! `aesearch dedupe decide`: remember which images are no duplicates, or all stay; take that back; read and write decisions.
//! Without anything to do, all that is remembered is told.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;
use serde::Serialize;

use crate::cli::args;
use crate::cli::commands::outputs::check_outputs;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::dedupe::{Change, Decision, Decisions, Hash, Verdict, hex};
use crate::error::{Error, Result};
use crate::images::{self, Item, Limits, WalkOptions};
use crate::output::write_whole;

/// Of a decision about many images, so many are named to people.
const NAMED: usize = 6;

/// Its `decisions` are all that is remembered now, as in the file: the document can be imported.
#[derive(Debug, Serialize)]
struct DecideDocument<'a> {
    decided: Change,
    imported: Change,
    forgotten: usize,
    decisions: Vec<DecisionDocument<'a>>,
}

#[derive(Debug, Serialize)]
struct DecisionDocument<'a> {
    verdict: Verdict,
    hashes: Vec<String>,
    paths: &'a [String],
}

/// What is to be done with the images.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Task {
    Remember(Verdict),
    Forget,
    Nothing,
}

pub(super) fn run(context: &Context, args: &args::Decide) -> anyhow::Result<Exit> {
    let task = task(args)?;
    let dir = context.index_dir(&args.index)?;
    if !aesearch_index::is_index(&dir) {
        Snapshot::open(&dir).map_err(Error::from)?; // says what is wrong
    }
    check_outputs(&args.export.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &dir)?;
    // everything is read before anything is changed
    let mut decisions = Decisions::read(&dir)?;
    let import = args.import.as_deref().map(Decisions::read_file).transpose()?;
    let images = hashes(&args.images, dir.parent().unwrap_or(Path::new("")))?;

    let imported = import.map(|import| decisions.merge(import)).unwrap_or_default();
    let (mut decided, mut forgotten) = (Change::default(), 0);
    match task {
        Task::Remember(verdict) => decided = decisions.add(verdict, &images)?,
        Task::Forget => {
            forgotten = decisions.forget(&images.iter().map(|(hash, _)| *hash).collect::<Vec<_>>())
        }
        Task::Nothing => {}
    }
    let changed = decided.added + decided.replaced + imported.added + imported.replaced + forgotten > 0;
    if changed {
        decisions.write(&dir)?;
    }
    if let Some(path) = &args.export {
        write_whole(path, decisions.to_json().as_bytes())?;
    }

    if context.printer.json {
        let all: Vec<Decision> = decisions.iter().collect();
        let decisions = all.iter().map(|decision| DecisionDocument {
            verdict: decision.verdict,
            hashes: decision.hashes.iter().map(hex).collect(),
            paths: &decision.paths,
        });
        let decisions = decisions.collect();
        context
            .printer
            .document("dedupe decide", &DecideDocument { decided, imported, forgotten, decisions })?;
        return Ok(Exit::Done);
    }
    if task == Task::Nothing && args.import.is_none() && args.export.is_none() {
        for decision in decisions.iter() {
            context.printer.text(&line(&decision))?;
        }
    }
    context.printer.text(&summary(args, (task, images.len()), (imported, forgotten), &decisions, &dir))?;
    if changed {
        context
            .printer
            .note("plans that were written before do not know of it: scan again before you apply one");
    }
    Ok(Exit::Done)
}

/// # Errors
/// When images come without a verdict, or the reverse.
fn task(args: &args::Decide) -> Result<Task> {
    let task = match (args.different, args.keep_all, args.forget) {
        (true, _, _) => Task::Remember(Verdict::Different),
        (_, true, _) => Task::Remember(Verdict::KeepAll),
        (_, _, true) => Task::Forget,
        _ => Task::Nothing,
    };
    match (task, args.images.is_empty()) {
        (Task::Nothing, false) => {
            Err(Error::invalid("decide: expected what holds for these images, got nothing")
                .with_hint("say --different, --keep-all or --forget"))
        }
        (Task::Remember(_) | Task::Forget, true) => Err(Error::invalid("decide: expected images, got none")
            .with_hint("name those of one group, as the plan or the report does")),
        _ => Ok(task),
    }
}

/// The images at `paths`, hashed as they are now: files, folders, or names like `container#17`; relative ones start here or at `base`.
fn hashes(paths: &[PathBuf], base: &Path) -> Result<Vec<(Hash, String)>> {
    let unusable = |name: &str, reason: &str| {
        Error::invalid(format!("{name}: {reason}"))
            .with_hint("nothing was remembered: name images that can be read")
    };
    let mut items: Vec<Item> = Vec::new();
    for path in paths {
        if path.exists() {
            let walk = images::walk(std::slice::from_ref(path), &WalkOptions::default())?;
            if let Some(skipped) = walk.skipped.first() {
                return Err(unusable(&skipped.path, &skipped.reason));
            }
            items.extend(walk.items);
        } else {
            let found = images::resolve([path.as_os_str().as_encoded_bytes()], base);
            for item in found {
                items.push(item.map_err(|reason| unusable(&path.display().to_string(), &reason))?);
            }
        }
    }
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.name().into_owned()));
    let hash = |item: &Item| {
        let source =
            images::read(item, &Limits::default()).map_err(|reason| unusable(&item.display(), &reason))?;
        Ok((source.stamp().hash, item.display()))
    };
    items.iter().map(hash).collect()
}

/// `different  a.png  b.png`
fn line(decision: &Decision) -> String {
    let mut words = vec![format!("{:<9}", decision.verdict.name())];
    words.extend(decision.paths.iter().take(NAMED).cloned());
    if decision.paths.is_empty() {
        words.extend(decision.hashes.iter().take(NAMED).map(|hash| hex(hash)[..12].to_owned()));
    }
    let named = words.len() - 1;
    let all = decision.paths.len().max(decision.hashes.len());
    if all > named {
        words.push(format!("and {} more", all - named));
    }
    words.join("  ")
}

/// `3 images: different, remembered; 12 decisions in .aesearch`
fn summary(
    args: &args::Decide,
    (task, images): (Task, usize),
    (imported, forgotten): (Change, usize),
    decisions: &Decisions,
    dir: &Path,
) -> String {
    let mut parts = Vec::new();
    if let Some(path) = &args.import {
        let Change { added, replaced, unchanged } = imported;
        parts.push(format!(
            "{}: {added} added, {replaced} replaced, {unchanged} known already",
            path.display()
        ));
    }
    match task {
        Task::Remember(Verdict::Different) => {
            parts.push(format!("{}: not duplicates of each other, remembered", count(images as u64, "image")))
        }
        Task::Remember(Verdict::KeepAll) => {
            parts.push(format!("{}: kept, all of them, remembered", count(images as u64, "image")))
        }
        Task::Forget => parts.push(format!("{} taken back", count(forgotten as u64, "decision"))),
        Task::Nothing => {}
    }
    if let Some(path) = &args.export {
        parts.push(format!("{} written", path.display()));
    }
    parts.push(format!("{} in {}", count(decisions.len() as u64, "decision"), dir.display()));
    parts.join("; ")
}
