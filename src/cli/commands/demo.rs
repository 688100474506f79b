//! `aesearch demo [DIR]`: something to try the program on, and the two commands that one would try first, run
//! as typed.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use serde::Serialize;

use super::index::{self, IndexDocument};
use super::query::{self, Found, QueryDocument};
use crate::cli::args::{self, Cli, Command};
use crate::cli::exit::Exit;
use crate::cli::print::{count, quoted};
use crate::cli::resolve::Context;
use crate::demo::collection::write_collection;

/// Images of each digit.
const PER_DIGIT: usize = 200;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DemoDocument<'a> {
    /// What a user would type.
    commands: [String; 2],
    /// The document of `index`.
    index: IndexDocument<'a>,
    /// None where indexing was interrupted.
    query: Option<QueryDocument<'a>>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Demo) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let n_files = write_collection(&args.dir, args.seed, PER_DIGIT)?.len();
    printer.note(&format!("drew {} below {}", count(n_files as u64, "image"), args.dir.display()));

    let [digits, seven, dir] = ["digits", "7.png", ".aesearch"].map(|name| below(&args.dir, name));
    let index_words = ["index", &digits, "--index", &dir];
    let query_words = ["query", &seven, "--k", "10", "--index", &dir];
    let commands = [typed(&index_words), typed(&query_words)];
    let (Command::Index(index_args), Command::Query(query_args)) =
        (parse(&index_words)?, parse(&query_words)?)
    else {
        anyhow::bail!("demo: its own commands are not what they seem");
    };

    printer.note(&format!("$ {}", commands[0]));
    let indexed = index::execute(context, &args::Index { compute: args.compute.clone(), ..*index_args })?;
    if !printer.json {
        printer.text(&indexed.summary())?;
    }
    let found = if indexed.exit() == Exit::Interrupted {
        None
    } else {
        printer.note(&format!("$ {}", commands[1]));
        Some(query::execute(context, &query_args)?)
    };
    if printer.json {
        let query = found.as_ref().map(Found::document);
        printer.document("demo", &DemoDocument { commands, index: indexed.document(), query })?;
    } else if let Some(found) = &found {
        found.print(context)?;
    }
    Ok(indexed.exit())
}

/// `name` in `dir`, without the `./` that nobody types.
fn below(dir: &Path, name: &str) -> String {
    let path = if dir == Path::new(".") { PathBuf::from(name) } else { dir.join(name) };
    path.to_string_lossy().into_owned()
}

fn typed(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("aesearch {}", words.join(" "))
}

fn parse(words: &[&str]) -> anyhow::Result<Command> {
    Ok(Cli::try_parse_from(["aesearch"].iter().chain(words))?.command)
}
