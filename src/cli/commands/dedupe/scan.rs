//! `aesearch dedupe scan [DATA...]`: find what is there twice, and write down what to do about it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use aesearch_index::is_index;

use super::pictures::Pictures;
use super::report::write_report;
use super::sheet::write_sheet;
use crate::cli::args;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::commands::outputs::{check_places, keep_files};
use crate::cli::commands::{exit_for, index, tell_skipped};
use crate::cli::exit::Exit;
use crate::cli::print::{count, facts, quoted, thousands};
use crate::cli::resolve::Context;
use crate::cli::walking;
use crate::dedupe::{self, Decisions, Kind, Plan, Preference, ScanOptions, Threshold, Turn, Unread};
use crate::error::{Error, Result};
use crate::gallery::UpdateOptions;
use crate::images::Skipped;
use crate::output::write_whole;

/// Groups that are listed in the text; all are in the plan.
const LISTED: usize = 20;

pub(super) fn run(context: &Context, args: &args::Scan) -> anyhow::Result<Exit> {
    let options = options(args)?;
    let wanted = Wanted {
        data: &args.data,
        reference: &args.reference,
        index: &args.index,
        walking: &args.walking,
        compute: &args.compute,
    };
    let outputs: Vec<&Path> =
        [&args.output, &args.report, &args.sheet].into_iter().flatten().map(PathBuf::as_path).collect();
    check_places(&outputs)?; // before the work
    let dir = context.index_dir(&args.index)?;
    let found = find(context, &wanted, &options, &Decisions::read(&dir)?)?;
    let plan = &found.scan.plan;
    outputs.iter().try_for_each(|path| keep_files(path, &dir))?;
    if let Some(path) = &args.output {
        write_whole(path, plan.to_json().as_bytes())?;
    }
    if args.report.is_some() || args.sheet.is_some() {
        let pictures = Pictures::of(plan, context.max_memory(None)?);
        if let Some(path) = &args.report {
            write_report(plan, &|file| pictures.get(file), path)?;
        }
        if let Some(path) = &args.sheet {
            write_sheet(plan, &|file| pictures.get(file), path)?;
        }
    }
    if context.printer.json {
        context.printer.document(dedupe::COMMAND, plan)?;
    } else {
        context.printer.text(&text(plan, found.scan.flat, args))?;
    }
    Ok(match exit_for(&found.skipped()) {
        Exit::Done if args.exit_code && !plan.groups.is_empty() => Exit::Negative,
        exit => exit,
    })
}

/// What to compare.
pub(super) struct Wanted<'a> {
    pub(super) data: &'a [PathBuf],
    pub(super) reference: &'a [PathBuf],
    pub(super) index: &'a args::IndexDir,
    pub(super) walking: &'a args::Walking,
    pub(super) compute: &'a args::Compute,
}

/// A scan, and what could not be indexed before.
pub(super) struct Found {
    pub(super) scan: dedupe::Scan,
    unindexed: Vec<Skipped>,
}

impl Found {
    /// All that was left out.
    pub(super) fn skipped(&self) -> Vec<Skipped> {
        [&self.unindexed[..], &self.scan.skipped].concat()
    }
}

/// Indexes where there is data to index, then scans.
pub(super) fn find(
    context: &Context,
    wanted: &Wanted<'_>,
    options: &ScanOptions,
    decisions: &Decisions,
) -> Result<Found> {
    let dir = context.index_dir(wanted.index)?;
    let threads = context.threads(wanted.compute);
    let (data, walk) = walking::resolve(wanted.data, wanted.walking)?;
    if options.across {
        check_apart(&data)?;
    }
    let mut unindexed = Vec::new();
    if !data.is_empty() {
        let default = UpdateOptions::new(context.runtime.clone());
        let update = UpdateOptions {
            walk,
            model: context.config.model.clone().unwrap_or_else(|| default.model.clone()),
            threads,
            device: context.device(&wanted.compute.device, default.device)?,
            memory: context.memory(None)?,
            ..default
        };
        let all: Vec<PathBuf> = data.iter().chain(wanted.reference).cloned().collect();
        let indexed = index::bring_up(context, &dir, &all, &update)?;
        context.printer.detail(&indexed.summary());
        if indexed.is_interrupted() {
            return Err(Error::Interrupted);
        }
        unindexed = indexed.into_skipped();
        if !is_index(&dir) {
            let what = format!(
                "images: expected some to compare, got none of {}",
                count(unindexed.len() as u64, "file")
            );
            return Err(Error::invalid(what).with_hint("name folders or files with images"));
        }
    }
    let observer = TerminalObserver::new(context, "comparing");
    let scan = dedupe::scan(&dir, &data, options, decisions, &observer);
    observer.finish();
    let mut scan = scan?;
    tell_skipped(&context.printer, &scan.skipped);
    let unread =
        unindexed.iter().map(|skipped| Unread { path: skipped.path.clone(), reason: skipped.reason.clone() });
    scan.plan.skipped.extend(unread);
    Ok(Found { scan, unindexed })
}

fn options(args: &args::Scan) -> Result<ScanOptions> {
    let default = ScanOptions::default();
    let keep: Vec<Preference> = args.keep.iter().map(|name| name.parse()).collect::<Result<_>>()?;
    Ok(ScanOptions {
        false_positive_rate: rate(args.false_positive_rate, default.false_positive_rate)?,
        turns: turns(&args.invariant)?,
        reference: args.reference.clone(),
        across: args.across,
        keep: if keep.is_empty() { default.keep } else { keep },
    })
}

/// Refuses a single path, and paths that lie within each other: what is in both is between none.
fn check_apart(data: &[PathBuf]) -> Result<()> {
    if data.len() < 2 {
        let what = format!("--across: expected at least two paths to compare, got {}", data.len());
        return Err(Error::invalid(what).with_hint("name them: aesearch dedupe scan train test --across"));
    }
    let places: Vec<PathBuf> =
        data.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    // a list may hold a hundred thousand
    let numbers: HashMap<&Path, usize> = places.iter().map(PathBuf::as_path).zip(0..).collect();
    for (place, i) in places.iter().zip(0..) {
        let mut around = place.ancestors().filter_map(|place| numbers.get(place));
        if let Some(j) = around.find(|j| **j != i) {
            let [inner, outer] = [i, *j].map(|i| data[i].display());
            let what = format!("--across: expected paths apart from each other, got {inner} within {outer}");
            return Err(Error::invalid(what));
        }
    }
    Ok(())
}

pub(super) fn rate(typed: Option<f64>, default: f64) -> Result<f64> {
    match typed.unwrap_or(default) {
        rate if rate > 0.0 && rate < 0.1 => Ok(rate),
        other => Err(Error::invalid(format!(
            "--false-positive-rate: expected more than 0 and less than 0.1, got {other}"
        ))),
    }
}

/// The ways in which copies may lie, beside the way they are.
pub(super) fn turns(names: &[String]) -> Result<Vec<Turn>> {
    let (mut flip, mut quarters) = (false, false);
    for name in names {
        match name.as_str() {
            "flip" => flip = true,
            "rot90" => quarters = true,
            other => return Err(Error::invalid(format!("--invariant: expected flip or rot90, got {other}"))),
        }
    }
    let mirrored: &[bool] = if flip { &[false, true] } else { &[false] };
    let all = mirrored.iter().flat_map(|&mirrored| {
        (0..if quarters { 4 } else { 1 }).map(move |quarters| Turn { mirrored, quarters })
    });
    Ok(all.filter(|turn| *turn != Turn::NONE).collect())
}

/// `aesearch dedupe scan` for people: what a near image is, what was found, what to do next.
fn text(plan: &Plan, flat: usize, args: &args::Scan) -> String {
    let mut lines = vec![told(&plan.threshold), String::new()];
    for group in plan.groups.iter().take(LISTED) {
        lines.push(format!("{}  {}", kind(group.kind), group.keep));
        for duplicate in &group.duplicates {
            let turned = duplicate.turned.as_ref().map_or(String::new(), |turned| format!(", {turned}"));
            let similarity = match group.kind {
                Kind::Near => format!("  {:.4}{turned}", duplicate.similarity),
                _ => String::new(),
            };
            lines.push(format!("        = {}{similarity}", duplicate.file.path));
        }
    }
    if plan.groups.len() > LISTED {
        let more = thousands((plan.groups.len() - LISTED) as u64);
        lines.push(format!("... and {more} more: -o plan.json, --report page.html and --json have all"));
    }
    if !plan.groups.is_empty() {
        lines.push(String::new());
    }
    lines.push(summary(plan, flat));
    if let (Some(path), false) = (&args.output, plan.groups.is_empty()) {
        let path = quoted(&path.display().to_string());
        lines.push(format!(
            "next: aesearch dedupe apply {path} --action move   (tells what it would do; with --yes, does it)"
        ));
    }
    lines.join("\n")
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Bytes => "bytes ",
        Kind::Pixels => "pixels",
        Kind::Near => "near  ",
    }
}

/// `10,000 images: 3 groups of the same bytes (4 duplicates), none of the same pixels, 2 near groups (2 duplicates)`, and what else
/// is worth a look.
fn summary(plan: &Plan, flat: usize) -> String {
    let of = |kind: Kind, noun: &str, what: &str| {
        let groups: Vec<_> = plan.groups.iter().filter(|group| group.kind == kind).collect();
        let duplicates: usize = groups.iter().map(|group| group.duplicates.len()).sum();
        match groups.len() {
            0 => format!("none {what}"),
            n => {
                let what = if noun == "group" { format!(" {what}") } else { String::new() };
                format!("{}{what} ({})", count(n as u64, noun), count(duplicates as u64, "duplicate"))
            }
        }
    };
    let mut lines = vec![format!(
        "{}: {}, {}, {}",
        count(plan.images as u64, "image"),
        of(Kind::Bytes, "group", "of the same bytes"),
        of(Kind::Pixels, "group", "of the same pixels"),
        of(Kind::Near, "near group", "near"),
    )];
    let conflicts = plan.groups.iter().filter(|group| !group.conflicting_labels.is_empty()).count();
    if conflicts > 0 {
        lines.push(format!("labels differ within {}", count(conflicts as u64, "group")));
    }
    match plan.near_misses.len() {
        0 => {}
        1 => lines.push("1 near miss, in the plan and the report".to_owned()),
        n => lines.push(format!("{n} near misses, in the plan and the report")),
    }
    if flat > 0 {
        let flat = count(flat as u64, "image");
        lines.push(format!("{flat} with next to nothing on them, compared by bytes and pixels alone"));
    }
    lines.join("\n")
}

fn told(threshold: &Threshold) -> String {
    let Threshold { similarity, false_positive_rate: asked, pairs_tested, null_pairs, .. } = threshold;
    let basis = match null_pairs {
        0 => "as suits photos: there are too few images to tell".to_owned(),
        n => format!("by {} that cannot be duplicates", count(*n, "pair")),
    };
    let compared = count(*pairs_tested, "pair");
    let expected = match threshold.expected_false_pairs {
        None => format!("not known, among {compared} compared"),
        Some(pairs) => {
            let rate = pairs / (*pairs_tested).max(1) as f64;
            // the threshold has bounds of its own
            let rate = match rate > 1.05 * asked {
                true => format!("rate {rate:.1e}, asked for {asked:e}: the threshold goes no higher"),
                false => format!("rate {asked:e}"),
            };
            format!("{pairs:.2} expected among {compared} compared ({rate})")
        }
    };
    let recall: Vec<String> =
        threshold.recall.iter().map(|of| format!("{} {:.1} %", of.copy, 100.0 * of.recall)).collect();
    let mut lines =
        vec![("near", format!("similarity {similarity:.4} and more, {basis}")), ("false pairs", expected)];
    if !recall.is_empty() {
        let rows: Vec<String> = recall.chunks(3).map(|row| row.join(", ")).collect();
        lines.push(("copies found", rows.join(",\n              ")));
    }
    facts(&lines)
}
