//! `aesearch dedupe VERB`: find duplicates, decide about them, clean up, undo.

mod apply;
mod decide;
mod evaluate;
mod scan;
mod undo;

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::resolve::Context;

pub(in crate::cli) fn run(context: &Context, args: &args::Dedupe) -> anyhow::Result<Exit> {
    match args {
        args::Dedupe::Scan(args) => scan::run(context, args),
        args::Dedupe::Apply(args) => apply::run(context, args),
        args::Dedupe::Undo(args) => undo::run(context, args),
        args::Dedupe::Decide(args) => decide::run(context, args),
        args::Dedupe::Evaluate(args) => evaluate::run(context, args),
    }
}
