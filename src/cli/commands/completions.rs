//! `aesearch completions SHELL`: a script that lets a shell complete verbs and flags.

use std::io::Write;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::args::Cli;
use crate::cli::exit::Exit;

pub(in crate::cli) fn run(shell: Shell) -> anyhow::Result<Exit> {
    // Into memory first: clap_complete panics if it cannot write, and a closed pipe is no reason to panic.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "aesearch", &mut script);
    let mut out = std::io::stdout().lock();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Exit::Done)
}
