//! `aesearch dedupe evaluate`.

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::resolve::Context;

pub(super) fn run(_context: &Context, _args: &args::Evaluate) -> anyhow::Result<Exit> {
    Err(crate::error::Error::usage("dedupe evaluate").into())
}
