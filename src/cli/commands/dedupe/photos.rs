//! `aesearch dedupe PHOTOS`: scan, write a plan and its page beside each other, and say what comes next.

use std::env;
use std::fs::symlink_metadata;
use std::path::{Path, PathBuf};

use super::scan::{find, images};
use crate::cli::args;
use crate::cli::commands::exit_for;
use crate::cli::exit::Exit;
use crate::cli::print::quoted;
use crate::cli::resolve::Context;
use crate::dedupe::{FindOptions, ScanOutputs};
use crate::error::{Error, NO_SUCH_FILE, Result};

pub(super) fn run(context: &Context, args: &args::Photos) -> anyhow::Result<Exit> {
    check_there(args)?;
    let outputs = ScanOutputs::plan_and_page(Path::new(""))?;
    let names = [&outputs.plan, &outputs.report].map(|path| path.as_deref().map_or_else(String::new, shown));
    let images = images(context, &args.data, &args.walking, &args.compute)?;
    let found = find(context, &args.index, &FindOptions { outputs, ..images })?;
    let [plan, page] = names;
    let printer = &context.printer;
    printer.note(&format!("wrote {page}, a page to look and decide in, and {plan}, the plan"));
    if found.scan.plan.groups.is_empty() {
        printer.note("nothing is proposed: there is nothing to do");
    } else {
        let apply = format!("aesearch dedupe apply {plan} --action move");
        printer.note(&format!("next: {apply}         shows what would be moved"));
        printer.note(&format!(
            "then: {apply} --yes   moves it; `aesearch dedupe undo {plan} --yes` takes it back"
        ));
    }
    Ok(exit_for(&found.skipped()))
}

fn shown(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// Refuses a path that does not exist, as a verb may have been meant.
fn check_there(args: &args::Photos) -> Result<()> {
    let is_gone = |path: &&PathBuf| path.as_path() != Path::new("-") && symlink_metadata(path).is_err();
    let Some(gone) = args.data.iter().find(is_gone) else { return Ok(()) };
    Err(Error::invalid(format!("{}: {NO_SUCH_FILE}", gone.display()))
        .with_hint("name folders with photos, or a verb: scan, apply, undo, decide, check or evaluate"))
}

/// Refuses what stands before a verb, where it would have no effect.
pub(super) fn check_absent(args: &args::Photos) -> Result<()> {
    let args::Photos { data, index, compute, walking } = args;
    // a variable counts for all verbs
    let typed = |given: Option<String>, variable: &str| given.is_some() && given != env::var(variable).ok();
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let is_typed = !data.is_empty()
        || *walking != args::Walking::default()
        || typed(index.index.as_ref().map(text), "AESEARCH_INDEX")
        || typed(compute.threads.threads.map(|n| n.to_string()), "AESEARCH_THREADS")
        || typed(compute.device.device.clone(), "AESEARCH_DEVICE");
    if is_typed {
        return Err(Error::invalid("dedupe: expected options after the verb, got some before it"));
    }
    Ok(())
}
