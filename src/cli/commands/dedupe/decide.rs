//! `aesearch dedupe decide`: remember which images are not duplicates or are all kept, forget it again,
//! import and export decisions. Without anything to do, it lists all decisions.

use std::path::Path;

use serde::Serialize;

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::dedupe::{ChangeCounts, DecideOptions, DecideTask, Decided, Decision, Verdict, decide, hex};

/// The number of images named of a decision about many.
const NAMED: usize = 6;

/// Its `decisions` are all decisions now, in the format of the file: the document can be imported.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::commands) struct DecideDocument<'a> {
    /// By this command.
    decided: ChangeCounts,
    /// From files.
    imported: ChangeCounts,
    /// Decisions that were taken back.
    forgotten: usize,
    /// All there are now.
    decisions: Vec<DecisionDocument<'a>>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::commands) struct DecisionDocument<'a> {
    /// What was decided.
    verdict: Verdict,
    /// BLAKE3 of the images, hex.
    hashes: Vec<String>,
    /// Their names then.
    paths: &'a [String],
    /// With the verdict `keep`: the one.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<KeptDocument<'a>>,
}

/// The image that is kept rather than the others.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::cli::commands) struct KeptDocument<'a> {
    /// BLAKE3, hex.
    hash: String,
    /// Its name then.
    path: &'a str,
}

pub(super) fn run(context: &Context, args: &args::Decide) -> anyhow::Result<Exit> {
    let options = DecideOptions {
        task: task(args),
        images: args.keep.iter().chain(&args.images).cloned().collect(),
        import: args.import.clone(),
        export: args.export.clone(),
    };
    let dir = context.own_index_dir(&args.index)?;
    let done = decide(&dir, &options)?;
    let Decided { decided, imported, forgotten, decisions, .. } = &done;
    if context.printer.json {
        let all: Vec<Decision> = decisions.iter().collect();
        let decisions = all.iter().map(|decision| DecisionDocument {
            verdict: decision.verdict,
            hashes: decision.hashes.iter().map(hex).collect(),
            paths: &decision.paths,
            keep: decision.keep.as_ref().map(|keep| KeptDocument { hash: hex(&keep.hash), path: &keep.path }),
        });
        let (decided, imported, forgotten) = (*decided, *imported, *forgotten);
        let document = DecideDocument { decided, imported, forgotten, decisions: decisions.collect() };
        context.printer.document("dedupe decide", &document)?;
        return Ok(Exit::Done);
    }
    if options.task == DecideTask::Nothing && args.import.is_none() && args.export.is_none() {
        for decision in decisions.iter() {
            context.printer.text(&line(&decision))?;
        }
    }
    context.printer.text(&summary(&options, &done, &dir))?;
    if done.has_changed() {
        context.printer.note("earlier plans do not know about it: scan again before you apply one");
    }
    Ok(Exit::Done)
}

fn task(args: &args::Decide) -> DecideTask {
    match (args.different, args.keep_all, args.forget) {
        _ if args.keep.is_some() => DecideTask::Remember(Verdict::Keep),
        (true, _, _) => DecideTask::Remember(Verdict::Different),
        (_, true, _) => DecideTask::Remember(Verdict::KeepAll),
        (_, _, true) => DecideTask::Forget,
        _ => DecideTask::Nothing,
    }
}

/// `different  a.png  b.png`
fn line(decision: &Decision) -> String {
    let mut words = vec![format!("{:<9}", decision.verdict.name())];
    let kept = decision.keep.as_ref().map(|keep| &keep.path);
    words.extend(
        kept.into_iter().chain(decision.paths.iter().filter(|path| Some(*path) != kept)).take(NAMED).cloned(),
    );
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

/// `3 images: not duplicates of each other, remembered; 12 decisions in .aesearch`
fn summary(options: &DecideOptions, done: &Decided, dir: &Path) -> String {
    let mut parts = Vec::new();
    if let Some(path) = &options.import {
        let (path, ChangeCounts { added, replaced, unchanged }) = (path.display(), done.imported);
        parts.push(format!("{path}: {added} added, {replaced} replaced, {unchanged} known already"));
    }
    let images = count(done.images as u64, "image");
    match options.task {
        DecideTask::Remember(Verdict::Different) => {
            parts.push(format!("{images}: not duplicates of each other, remembered"));
        }
        DecideTask::Remember(Verdict::KeepAll) => parts.push(format!("{images}: all kept, remembered")),
        DecideTask::Remember(Verdict::Keep) => {
            let path = options.images.first().map_or_else(String::new, |path| path.display().to_string());
            parts.push(format!("{path}: kept rather than its duplicates, remembered"));
        }
        DecideTask::Forget => parts.push(format!("{} forgotten", count(done.forgotten as u64, "decision"))),
        DecideTask::Nothing => {}
    }
    if let Some(path) = &options.export {
        parts.push(format!("{} written", path.display()));
    }
    parts.push(format!("{} in {}", count(done.decisions.len() as u64, "decision"), dir.display()));
    parts.join("; ")
}
