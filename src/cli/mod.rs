//! The command line, and nothing else: what was typed becomes resolved options, these become one library
//! call, and its result becomes text or JSON. No algorithm lives here, and no other room reads arguments, the
//! environment or the terminal.
//!
//! ```text
//! args (as typed) -> resolve (variables, aesearch.toml, defaults) -> commands/<verb> -> the library
//!                                                                          |
//!                                     print (stdout, stderr, JSON)  progress (bars)  exit (codes)
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `args` | verbs and flags as clap sees them |
//! | `usage` | wrong usage in words |
//! | `version` | what `--version -v` says about this build |
//! | `resolve` | the settings: flags, then variables, then `aesearch.toml`, then defaults |
//! | `amount` | sizes as people write them, and free memory |
//! | `foreign` | what the user says about a foreign encoder: flags, then the .toml file beside it |
//! | `walking` | which paths a command works on |
//! | `wording` | from the library's names to flags and verbs |
//! | `commands/` | one file per verb: resolved options in, one library call, its result printed |
//! | `print` | results on stdout, messages on stderr, colours, tables, JSON documents |
//! | `progress` | bars |
//! | `reference/` | in tests: the pages and schemas of `docs/reference/` that are made from `args` and from documents |
//! | `exit` | exit codes, errors with their hints, Ctrl-C, silence about caught panics |

mod amount;
mod args;
mod foreign;
mod resolve;
mod usage;
mod version;
mod walking;
mod wording;

mod commands;

mod exit;
mod print;
mod progress;

#[cfg(test)]
mod reference;

use std::ffi::OsString;
use std::process::ExitCode;

use args::Command;
use print::Printer;
use resolve::Context;

/// Runs one command line, the program's name first, and returns the exit code. Never panics on bad input; a
/// second Ctrl-C ends the process at once.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::from(exit_code_of(args))
}

/// The same, with the code as a number, for a host that ends the process itself.
pub fn exit_code_of(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match usage::parse(args.iter().cloned()) {
        Ok(cli) => cli,
        Err(error) if usage::asks_for_build(&error, &args) => return version::print(),
        Err(error) => {
            match usage::no_number(&error) {
                Some(text) => Printer::default().error(&text),
                None => drop(error.print()), // help goes to stdout, wrong usage to stderr; either may be closed
            }
            return u8::try_from(error.exit_code()).unwrap_or(exit::Exit::Usage as u8);
        }
    };
    exit::silence_caught_panics();
    let context = match Context::new(&cli.global) {
        Ok(context) => context,
        Err(error) => return exit::report(&error.into(), &Printer::default()) as u8,
    };
    let result = match cli.command {
        Command::Demo(args) => commands::demo::run(&context, &args),
        Command::Train(args) => commands::train::run(&context, &args),
        Command::Model(args) => commands::model::run(&context, &args),
        Command::Index(args) => commands::index::run(&context, &args),
        Command::Encode(args) => commands::encode::run(&context, &args),
        Command::Query(args) => commands::query::run(&context, &args),
        Command::Reconstruct(args) => commands::reconstruct::run(&context, &args),
        Command::Denoise(args) => commands::denoise::run(&context, &args),
        Command::Latent(args) => commands::latent::run(&context, &args),
        Command::Sample(args) => commands::sample::run(&context, &args),
        Command::Dedupe(args) => commands::dedupe::run(&context, &args),
        Command::Cluster(args) => commands::cluster::run(&context, &args),
        Command::Outliers(args) => commands::outliers::run(&context, &args),
        Command::Diff(args) => commands::diff::run(&context, &args),
        Command::Map(args) => commands::map::run(&context, &args),
        Command::Export(args) => commands::export::run(&context, &args),
        Command::Report(args) => commands::report::run(&context, &args),
        Command::Info(args) => commands::info::run(&context, &args),
        Command::Verify(args) => commands::verify::run(&context, &args),
        Command::Repair(args) => commands::repair::run(&context, &args),
        Command::Remove(args) => commands::remove::run(&context, &args),
        Command::Compact(args) => commands::compact::run(&context, &args),
        Command::Merge(args) => commands::merge::run(&context, &args),
        Command::Publish(args) => commands::publish::run(&context, &args),
        Command::Push(args) => commands::push::run(&context, &args),
        Command::Eval(args) => commands::eval::run(&context, &args),
        Command::Estimate(args) => commands::estimate::run(&context, &args),
        Command::Doctor(args) => commands::doctor::run(&context, &args),
        Command::Runtime(args) => commands::runtime::run(&context, &args),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Man { dir } => commands::man::run(&context, &dir),
    };
    result.unwrap_or_else(|error| exit::report(&error, &context.printer)) as u8
}
