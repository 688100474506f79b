//! The page of all commands and their options, from what clap knows.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use crate::cli::args::Cli;
use crate::cli::commands::schemas::shapes;

const TOP: &str = "\
# Commands and options

The same as `aesearch help COMMAND` shows. What all commands have in common is in [the command line](../cli.md), and
what `--json` prints is in [JSON documents](json.md).
";

/// `aesearch`'s and all of its commands'.
pub(super) fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let mut page = TOP.to_owned();
    let mut verbs = Vec::new();
    collect(&root, "aesearch", &mut verbs);
    page += "\n| command | what it does |\n|---|---|\n";
    for (name, verb) in verbs.iter().filter(|(_, verb)| !only_groups(verb)) {
        let anchor = name.replace(' ', "-");
        let _ = writeln!(page, "| [`{name}`](#{anchor}) | {} |", cell(&about(verb)));
    }
    page += "\n## Options of all commands\n";
    let globals: Vec<&Arg> = root.get_arguments().filter(|arg| arg.is_global_set()).collect();
    table(&mut page, "option", &globals);
    for (name, verb) in verbs.iter().filter(|(_, verb)| !only_groups(verb)) {
        section(&mut page, name, verb);
    }
    page
}

/// It does nothing without another word.
fn only_groups(command: &Command) -> bool {
    command.is_subcommand_required_set()
}

fn collect<'a>(command: &'a Command, name: &str, into: &mut Vec<(String, &'a Command)>) {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    for verb in verbs {
        let name = format!("{name} {}", verb.get_name());
        into.push((name.clone(), verb));
        collect(verb, &name, into);
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn section(page: &mut String, name: &str, verb: &Command) {
    let _ = write!(page, "\n## {name}\n\n{}.\n", prose(&about(verb)));
    let usage = verb.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let _ = write!(page, "\n```text\n{}\n```\n", usage.replace("\n       ", "\n"));
    let args: Vec<&Arg> = verb.get_arguments().filter(|arg| !arg.is_hide_set() && !is_common(arg)).collect();
    let positional: Vec<&Arg> = args.iter().copied().filter(|arg| arg.is_positional()).collect();
    table(page, "argument", &positional);
    let mut groups: Vec<Option<&str>> = Vec::new();
    for arg in args.iter().filter(|arg| !arg.is_positional()) {
        let group = arg.get_help_heading();
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for group in groups {
        let of = args.iter().copied().filter(|arg| !arg.is_positional() && arg.get_help_heading() == group);
        table(page, &group.map_or("option".to_owned(), str::to_lowercase), &of.collect::<Vec<_>>());
    }
    let after = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
    for paragraph in after.split("\n\n").filter(|text| !text.is_empty() && !text.starts_with("JSON: ")) {
        let _ = write!(page, "\n{}\n", prose(paragraph));
    }
    let document = name.trim_start_matches("aesearch ");
    if shapes().iter().any(|shape| shape.title == document) {
        let _ = write!(page, "\n`--json` prints [this document](json.md#{}).\n", document.replace(' ', "-"));
    }
}

/// Shown once for all, or nobody's own.
fn is_common(arg: &Arg) -> bool {
    arg.is_global_set() || ["help", "version"].contains(&arg.get_id().as_str())
}

fn table(page: &mut String, head: &str, args: &[&Arg]) {
    if args.is_empty() {
        return;
    }
    let _ = write!(page, "\n| {head} | |\n|---|---|\n");
    for arg in args {
        let _ = writeln!(page, "| {} | {} |", names(arg), cell(&help(arg)));
    }
}

/// `-o`, `--output FILE`
fn names(arg: &Arg) -> String {
    let values: Vec<&str> =
        arg.get_value_names().unwrap_or_default().iter().map(|name| name.as_str()).collect();
    let value = match arg.get_action().takes_values() {
        true => values.join(" ").replace('|', "\\|"),
        false => String::new(),
    };
    if arg.is_positional() {
        return format!("`{value}`");
    }
    let short = arg.get_short().map(|short| format!("`-{short}`"));
    let long = arg.get_long().map(|long| format!("`{}`", format!("--{long} {value}").trim_end()));
    [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn help(arg: &Arg) -> String {
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values = arg.get_possible_values();
    if !values.is_empty() && !arg.is_hide_possible_values_set() && arg.get_action().takes_values() {
        let names: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
        let _ = write!(help, " [{}]", names.join(", "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(help, " [`{}`]", variable.to_string_lossy());
    }
    help
}

fn cell(text: &str) -> String {
    prose(text).replace('\n', " ").replace('|', "\\|")
}

/// Text as clap shows it, for Markdown: options as code, and no sign that means something else there.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            let _ = write!(prose, "`{part}`");
            continue;
        }
        for (i, word) in part.split(' ').enumerate() {
            let space = if i == 0 { "" } else { " " };
            let end = word.trim_end_matches(['.', ',', ';', ':', ')', ']']).len();
            let start = word.len() - word.trim_start_matches(['(', '[']).len();
            let _ = match start < end && word[start..].starts_with("--") && !word.contains('\n') {
                true => write!(prose, "{space}{}`{}`{}", &word[..start], &word[start..end], &word[end..]),
                false => write!(prose, "{space}{}", escaped(word)),
            };
        }
    }
    prose
}

fn escaped(word: &str) -> String {
    let mut escaped = String::new();
    for c in word.chars() {
        if "<>*_~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
