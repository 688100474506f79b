//! `aesearch dedupe decide`.

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::resolve::Context;

pub(super) fn run(_context: &Context, _args: &args::Decide) -> anyhow::Result<Exit> {
    Err(crate::error::Error::usage("dedupe decide").into())
}
