//! `aesearch dedupe apply`.

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::resolve::Context;

pub(super) fn run(_context: &Context, _args: &args::Apply) -> anyhow::Result<Exit> {
    Err(crate::error::Error::usage("dedupe apply").into())
}
