//! `aesearch dedupe scan [DATA...]`: find duplicates, and write a plan for them.

use std::path::{Path, PathBuf};

use crate::cli::args;
use crate::cli::commands::index::Indexed;
use crate::cli::commands::observer::TerminalObserver;
use crate::cli::commands::{exit_for, tell_skipped};
use crate::cli::exit::Exit;
use crate::cli::print::{count, facts, quoted, thousands};
use crate::cli::resolve::Context;
use crate::cli::walking;
use crate::dedupe::{
    self, CopyRecall, FindOptions, Found, GroupKind, InlierNull, Plan, Preference, ScanOptions, ScanOutputs,
    Threshold, Turn, Unread, find_duplicates,
};
use crate::error::{Error, Result};
use crate::gallery::UpdateOptions;

/// Groups that are listed in the text; all are in the plan.
const LISTED: usize = 20;

pub(super) fn run(context: &Context, args: &args::Scan) -> anyhow::Result<Exit> {
    let found = find(context, &args.index, &resolve(context, args)?)?;
    if !context.printer.json
        && let (Some(path), false) = (&args.output, found.scan.plan.groups.is_empty())
    {
        let path = quoted(&path.display().to_string());
        context.printer.text(&format!(
            "next: aesearch dedupe apply {path} --action move   (shows what it would do; with --yes, does it)"
        ))?;
    }
    Ok(match exit_for(&found.skipped()) {
        Exit::Done if args.exit_code && !found.scan.plan.groups.is_empty() => Exit::Negative,
        exit => exit,
    })
}

/// Finds duplicates and prints them.
pub(super) fn find(
    context: &Context,
    index: &args::IndexDir,
    options: &FindOptions,
) -> anyhow::Result<Found> {
    let dir = match options.data.is_empty() {
        true => context.index_dir(index)?,
        false => context.any_index_dir(index)?,
    };
    let observer = TerminalObserver::new(context, "comparing");
    let found = find_duplicates(&dir, options, &observer);
    observer.finish();
    let found = found?;
    tell(context, &dir, &found);
    let plan = &found.scan.plan;
    if context.printer.json {
        context.printer.document(dedupe::COMMAND, plan)?;
    } else {
        context.printer.detail(&about_inliers(&plan.threshold));
        context.printer.text(&text(plan, found.scan.flat))?;
    }
    Ok(found)
}

fn resolve(context: &Context, args: &args::Scan) -> Result<FindOptions> {
    let default = ScanOptions::default();
    let keep: Vec<Preference> = args.keep.iter().map(|name| name.parse()).collect::<Result<_>>()?;
    let scan = ScanOptions {
        false_positive_rate: args.false_positive_rate.unwrap_or(default.false_positive_rate),
        threshold: args.threshold,
        related: args.related,
        turns: turns(&args.invariant)?,
        reference: args.reference.clone(),
        across: args.across,
        keep: if keep.is_empty() { default.keep } else { keep },
        select: args.select.as_deref().map(str::parse).transpose()?,
        labels: args.labels.choice()?,
        only: args.only.parsed()?,
    };
    let (plan, report, sheet) = (args.output.clone(), args.report.clone(), args.sheet.clone());
    let outputs = ScanOutputs { plan, report, sheet };
    Ok(FindOptions { scan, outputs, ..images(context, &args.data, &args.walking, &args.compute)? })
}

/// The images to compare, and how to index them.
pub(super) fn images(
    context: &Context,
    data: &[PathBuf],
    walking: &args::Walking,
    compute: &args::Compute,
) -> Result<FindOptions> {
    let (data, walk) = walking::resolve(data, walking)?;
    let default = UpdateOptions::new(context.runtime.clone());
    let update = UpdateOptions {
        walk,
        model: context.config.model.clone().unwrap_or_else(|| default.model.clone()),
        threads: context.threads(&compute.threads),
        device: context.device(&compute.device, default.device)?,
        memory: context.memory(None)?,
        ..default
    };
    Ok(FindOptions { data, ..FindOptions::new(update) })
}

/// Says on stderr what was indexed and skipped.
pub(super) fn tell(context: &Context, dir: &Path, found: &Found) {
    if let Some(update) = &found.update {
        let indexed = Indexed::reported(context, dir, update.clone());
        context.printer.detail(&indexed.summary());
    }
    tell_skipped(&context.printer, &found.scan.skipped);
    let damaged = &found.scan.plan.damaged;
    for Unread { path, reason } in damaged.iter().take(LISTED) {
        context.printer.warning(&format!("{path}: damaged: {reason}"));
    }
    if damaged.len() > LISTED {
        let more = count((damaged.len() - LISTED) as u64, "damaged file");
        context.printer.warning(&format!("and {more} more: the plan names all"));
    }
}

/// The orientations of copies, in addition to the original one.
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

/// The threshold and the groups.
fn text(plan: &Plan, flat: usize) -> String {
    let mut lines = vec![about(&plan.threshold), String::new()];
    for group in plan.groups.iter().take(LISTED) {
        lines.push(format!("{:7}  {}  ({})", group.kind.name(), group.keep, group.reason));
        for duplicate in &group.duplicates {
            let turned = duplicate.turned.as_ref().map_or(String::new(), |turned| format!(", {turned}"));
            let similarity = match group.kind {
                kind if kind.is_exact() => String::new(),
                _ => format!("  {:.4}{turned}", duplicate.similarity),
            };
            let sidecars = match duplicate.file.sidecars.join(", ") {
                names if names.is_empty() => names,
                names => format!("  (with {names})"),
            };
            lines.push(format!("        = {}{similarity}{sidecars}", duplicate.file.path));
        }
    }
    if plan.groups.len() > LISTED {
        let more = thousands((plan.groups.len() - LISTED) as u64);
        lines.push(format!(
            "... and {more} more: -o plan.json, --report page.html and --json list all of them"
        ));
    }
    if !plan.groups.is_empty() {
        lines.push(String::new());
    }
    lines.push(summary(plan, flat));
    lines.join("\n")
}

/// `10,000 images: 3 groups of the same bytes (4 duplicates), none of the same pixels, 2 near groups (2
/// duplicates)`, and other things to know.
fn summary(plan: &Plan, flat: usize) -> String {
    let of = |kind: GroupKind, noun: &str, what: &str| {
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
        of(GroupKind::Bytes, "group", "of the same bytes"),
        of(GroupKind::Pixels, "group", "of the same pixels"),
        of(GroupKind::Near, "near group", "near"),
    )];
    if plan.groups.iter().any(|group| group.kind == GroupKind::Edited) {
        let edited = of(GroupKind::Edited, "edited group", "edited");
        lines[0] += &format!(", {edited}; `apply` leaves edited ones alone unless --kinds names them");
    }
    let conflicts = plan.groups.iter().filter(|group| !group.conflicting_labels.is_empty()).count();
    if conflicts > 0 {
        lines.push(format!("labels differ within {}", count(conflicts as u64, "group")));
    }
    let duplicates = plan.groups.iter().flat_map(|group| &group.duplicates);
    let with_sidecars = duplicates.filter(|duplicate| !duplicate.file.sidecars.is_empty()).count();
    if with_sidecars > 0 {
        let images = count(with_sidecars as u64, "duplicate");
        lines.push(format!("sidecars belong to {images}: `apply` takes them along"));
    }
    if !plan.groups.is_empty() {
        lines.push(match plan.cameras_lost {
            0 => "no file with camera EXIF would be removed for one without".to_owned(),
            1 => "1 file with camera EXIF would be removed for one without: check it".to_owned(),
            n => format!("{n} files with camera EXIF would be removed for ones without: check them"),
        });
    }
    match plan.near_misses.len() {
        0 => {}
        1 => lines.push("1 near miss, in the plan and the report".to_owned()),
        n => lines.push(format!("{n} near misses, in the plan and the report")),
    }
    if !plan.damaged.is_empty() {
        let damaged = count(plan.damaged.len() as u64, "damaged file");
        lines.push(format!("{damaged}: no whole file is proposed for one"));
    }
    if flat > 0 {
        let flat = count(flat as u64, "image");
        lines.push(format!("{flat} nearly blank: compared by bytes and pixels alone"));
    }
    lines.join("\n")
}

/// `local features: 8 matching corners needed (built-in 8; 7 by 12,000 pairs of unrelated pictures, which have 5 at most)`
fn about_inliers(threshold: &Threshold) -> String {
    let InlierNull { counts, shipped, own, strangers, largest } = threshold.inliers;
    let own = match own {
        Some(own) => {
            let pairs = count(strangers, "pair");
            format!("{own} by {pairs} of unrelated pictures, which have {largest} at most")
        }
        None => format!("too few unrelated pictures to calibrate: {}", count(strangers, "pair")),
    };
    format!("local features: {counts} matching corners needed (built-in {shipped}; {own})")
}

fn about(threshold: &Threshold) -> String {
    let Threshold { similarity, false_positive_rate: asked, pairs_tested, null_pairs, .. } = threshold;
    let basis = match null_pairs {
        0 => "the default: there are no pairs to calibrate it on".to_owned(),
        n => format!("calibrated on {} that were compared", count(*n, "pair")),
    };
    let compared = count(*pairs_tested, "pair");
    let expected = match threshold.expected_false_pairs {
        None => format!("unknown, among {compared} compared"),
        Some(pairs) => {
            let rate = pairs / (*pairs_tested).max(1) as f64;
            // the threshold is limited to a range
            let rate = match rate > 1.05 * asked {
                true => format!("rate {rate:.1e}, asked for {asked:e}: the threshold goes no higher"),
                false => format!("rate {asked:e}"),
            };
            format!("{pairs:.2} expected among {compared} compared ({rate})")
        }
    };
    let mut lines =
        vec![("near", format!("similarity {similarity:.4} or more, {basis}")), ("false pairs", expected)];
    if !threshold.recall.is_empty() {
        lines.push(("copies found", copies_found(&threshold.recall).join("\n              ")));
    }
    facts(&lines)
}

/// `near, 200 each: 100 % JPEG of quality 50, blurred; 97.5 % cropped to 90 %`, then the same of edited ones.
fn copies_found(recall: &[CopyRecall]) -> Vec<String> {
    const WIDTH: usize = 100;
    let mut lines: Vec<String> = Vec::new();
    for kind in [GroupKind::Near, GroupKind::Edited] {
        let mut rows: Vec<&CopyRecall> = recall.iter().filter(|row| row.kind == kind).collect();
        rows.sort_by(|a, b| b.recall.total_cmp(&a.recall)); // stable: in their order where equal
        let share = |row: &CopyRecall| match row.recall {
            recall if recall >= 1.0 => "100 %".to_owned(),
            recall => format!("{:.1} %", (1000.0 * recall).floor() / 10.0),
        };
        let Some(fewest) = rows.iter().map(|row| row.copies).min() else { continue };
        lines.push(format!("{}, {} each:", kind.name(), thousands(fewest as u64)));
        let groups: Vec<&[&CopyRecall]> = rows.chunk_by(|a, b| share(a) == share(b)).collect();
        for (group, is_last) in groups.iter().zip((0..groups.len()).rev().map(|left| left == 0)) {
            for (at, row) in group.iter().enumerate() {
                let head = if at == 0 { share(row) + " " } else { String::new() };
                let end = if at + 1 < group.len() {
                    ","
                } else if is_last {
                    ""
                } else {
                    ";"
                };
                let word = format!("{head}{}{end}", row.copy);
                match lines.last_mut() {
                    Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                        *line += " ";
                        *line += &word;
                    }
                    _ => lines.push(word),
                }
            }
        }
    }
    lines
}
