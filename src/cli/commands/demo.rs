//! `aesearch demo [DIR]`: something to try the program on, and the two commands that one would try first, run as typed.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use serde::Serialize;

use super::index::{self, IndexDocument};
use super::query::{self, QueryDocument};
use crate::cli::args::{self, Cli, Command};
use crate::cli::exit::Exit;
use crate::cli::print::count;
use crate::cli::resolve::Context;
use crate::demo::collection::write_collection;

/// Images of each digit.
const PER_DIGIT: usize = 200;

#[derive(Debug, Serialize)]
struct DemoDocument<'a> {
    commands: [String; 2],
    index: IndexDocument<'a>,
    query: QueryDocument<'a>,
}

pub(in crate::cli) fn run(context: &Context, args: &args::Demo) -> anyhow::Result<Exit> {
    let printer = &context.printer;
    let n_files = write_collection(&args.dir, args.seed, PER_DIGIT)?.len();
    printer.note(&format!("drew {} below {}", count(n_files as u64, "image"), args.dir.display()));

    let [digits, seven, dir] = ["digits", "7.png", ".aesearch"].map(|name| below(&args.dir, name));
    let index_words = ["index", &digits, "--index", &dir];
    let query_words = ["query", &seven, "--k", "10", "--index", &dir];
    let commands = [typed(&index_words), typed(&query_words)];

    printer.note(&commands[0]);
    let Command::Index(index_args) = parse(&index_words)? else { unreachable!("the first word says so") };
    let indexed = index::execute(context, &args::Index { compute: args.compute.clone(), ..index_args })?;
    if !printer.json {
        printer.text(&indexed.summary())?;
    }
    if indexed.exit() != Exit::Done {
        return Ok(indexed.exit());
    }

    printer.note(&commands[1]);
    let Command::Query(query_args) = parse(&query_words)? else { unreachable!("the first word says so") };
    let asked = query::execute(context, &query_args)?;
    if printer.json {
        printer.document(
            "demo",
            &DemoDocument { commands, index: indexed.document(), query: asked.document() },
        )?;
    } else {
        asked.print(context)?;
    }
    Ok(Exit::Done)
}

/// `name` in `dir`, without the `./` that nobody types.
fn below(dir: &Path, name: &str) -> String {
    let path = if dir == Path::new(".") { PathBuf::from(name) } else { dir.join(name) };
    path.to_string_lossy().into_owned()
}

fn typed(words: &[&str]) -> String {
    format!("$ aesearch {}", words.join(" "))
}

fn parse(words: &[&str]) -> anyhow::Result<Command> {
    Ok(Cli::try_parse_from(["aesearch"].iter().chain(words))?.command)
}
