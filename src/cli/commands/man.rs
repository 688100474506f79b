//! `aesearch man DIR`: the manual, as pages for `man`.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use serde::Serialize;

use crate::cli::args::Cli;
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::error::Error;
use crate::output::write_whole;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ManDocument {
    /// The folder that they were written into.
    dir: String,
    /// Names of the files.
    pages: Vec<String>,
}

pub(in crate::cli) fn run(context: &Context, dir: &Path) -> anyhow::Result<Exit> {
    fs::create_dir_all(dir).map_err(|error| Error::io(dir, error))?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    write(&command, dir, &mut pages)?;
    let document = ManDocument { dir: dir.display().to_string(), pages };
    if context.printer.json {
        context.printer.document("man", &document)?;
    } else {
        let pages = count(document.pages.len() as u64, "page");
        context.printer.text(&format!("{}: {pages}; read them with `man -l FILE`", document.dir))?;
    }
    Ok(Exit::Done)
}

/// Writes the page of a command, then those of the verbs below it.
fn write(command: &Command, dir: &Path, pages: &mut Vec<String>) -> anyhow::Result<()> {
    let page = Man::new(command.clone());
    let mut bytes = Vec::new();
    page.render(&mut bytes)?;
    write_whole(&dir.join(page.get_filename()), &bytes)?;
    pages.push(page.get_filename());
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).try_for_each(|verb| write(verb, dir, pages))
}
