//! `aesearch dedupe PHOTOS` and `aesearch dedupe VERB`: find duplicates, decide about them, clean up, undo.

mod apply;
mod check;
mod decide;
mod evaluate;
mod photos;
mod scan;
mod undo;

#[cfg(test)]
pub(in crate::cli::commands) use {
    apply::ApplyDocument, check::CheckDocument, decide::DecideDocument, evaluate::EvaluateDocument,
    undo::UndoDocument,
};

use crate::cli::args::{self, DedupeVerb};
use crate::cli::exit::Exit;
use crate::cli::resolve::Context;

pub(in crate::cli) fn run(context: &Context, args: &args::Dedupe) -> anyhow::Result<Exit> {
    let Some(verb) = &args.verb else { return photos::run(context, &args.photos) };
    photos::check_absent(&args.photos)?;
    match verb {
        DedupeVerb::Scan(args) => scan::run(context, args),
        DedupeVerb::Apply(args) => apply::run(context, args),
        DedupeVerb::Undo(args) => undo::run(context, args),
        DedupeVerb::Decide(args) => decide::run(context, args),
        DedupeVerb::Check(args) => check::run(context, args),
        DedupeVerb::Evaluate(args) => evaluate::run(context, args),
    }
}
