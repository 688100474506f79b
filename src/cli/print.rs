//! Where output goes: results to stdout, messages to stderr, in colour where wanted.
//!
//! Commands build a value once and print it either as a table for people or as one JSON document; nothing
//! else in the program writes to stdout. Messages never fail: a closed stderr is ignored.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

pub(super) use crate::output::{bytes, count, thousands};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const HEAD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Characters of a cell of a table: as many as a path may have.
const WIDEST: usize = 4096;

/// The version of all `--json` documents.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// What `--json` prints: the fields of a command's own document, after two that all have.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a, T> {
    /// The version of the document's fields. More may be added to a version; none change or go.
    schema_version: u32,
    /// The command that was run.
    command: &'a str,
    #[serde(flatten)]
    body: &'a T,
}

/// When to colour, and when to draw progress bars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum When {
    /// When the stream is a terminal.
    #[default]
    Auto,
    Always,
    Never,
}

/// What decides how a run prints.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Talk {
    /// One JSON document on stdout instead of text.
    pub(super) json: bool,
    /// No notes.
    pub(super) quiet: bool,
    /// More notes.
    pub(super) verbose: bool,
    pub(super) colour: When,
    /// NO_COLOR is set; `--color always` overrules it.
    pub(super) no_color: bool,
}

/// The two streams and how to write on them.
#[derive(Debug, Clone, Default)]
pub(super) struct Printer {
    pub(super) json: bool,
    quiet: bool,
    verbose: bool,
    silent: bool,
    colour_out: bool,
    colour_err: bool,
    is_terminal_out: bool,
    is_terminal_err: bool,
}

impl Printer {
    /// Decides once how to print, and whether the streams are terminals.
    pub(super) fn new(talk: &Talk) -> Self {
        let wanted = |terminal: bool| match talk.colour {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !talk.no_color,
        };
        Printer {
            json: talk.json,
            quiet: talk.quiet,
            verbose: talk.verbose,
            silent: false,
            colour_out: wanted(io::stdout().is_terminal()),
            colour_err: wanted(io::stderr().is_terminal()),
            is_terminal_out: io::stdout().is_terminal(),
            is_terminal_err: io::stderr().is_terminal(),
        }
    }

    /// Whether `-v` was given.
    pub(super) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// For tests: says nothing.
    #[cfg(test)]
    pub(super) fn silent() -> Self {
        Printer { silent: true, ..Printer::default() }
    }

    /// One JSON document on stdout: `body` with `schema_version` and `command` before it.
    pub(super) fn document(&self, command: &str, body: &impl Serialize) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        let document = Document { schema_version: SCHEMA_VERSION, command, body };
        // Through a string: serde_json would wrap a closed pipe into an error of its own.
        writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
        Ok(out.flush()?)
    }

    /// `value` as a line of JSON on stdout, at once: a program may wait for it.
    pub(super) fn line(&self, value: &impl Serialize) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(value)?)?;
        Ok(out.flush()?)
    }

    /// Lines for people on stdout. On a terminal, and in colour, what would steer a terminal is escaped; else a
    /// pipe gets names as they are.
    pub(super) fn text(&self, text: &str) -> anyhow::Result<()> {
        self.lines(&self.shown(text))
    }

    /// The same, below a title in bold.
    pub(super) fn titled(&self, title: &str, text: &str) -> anyhow::Result<()> {
        let title = paint(self.colour_out, HEAD, &self.shown(title));
        self.lines(&format!("{title}\n{}", self.shown(text)))
    }

    /// A table on stdout, with a bold header.
    pub(super) fn table(&self, table: &Table) -> anyhow::Result<()> {
        let text = table.render();
        let (head, rows) = text.split_once('\n').unwrap_or((&text, ""));
        self.titled(head, rows)
    }

    fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_terminal_out || self.colour_out { harmless(text) } else { text.into() }
    }

    fn lines(&self, text: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", text.trim_end_matches('\n'))?;
        Ok(out.flush()?)
    }

    /// A note on stderr, which `-q` leaves out.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            self.message(FAINT, "", text);
        }
    }

    /// A note on stderr, which only `-v` shows.
    pub(super) fn detail(&self, text: &str) {
        if self.verbose {
            self.message(FAINT, "", text);
        }
    }

    /// `warning: ...` on stderr.
    pub(super) fn warning(&self, text: &str) {
        self.message(WARNING, "warning:", text);
    }

    /// `error: ...` on stderr.
    pub(super) fn error(&self, text: &str) {
        self.message(ERROR, "error:", text);
    }

    /// `hint: ...` on stderr: what to do about the error above.
    pub(super) fn hint(&self, text: &str) {
        self.message(HINT, "hint:", text);
    }

    /// A line on stderr; the style is that of its first word if it has one, else of all of it.
    fn message(&self, style: Style, first: &str, text: &str) {
        if self.silent {
            return;
        }
        let escapes = self.is_terminal_err || self.colour_err;
        let text = if escapes { harmless(text) } else { text.into() };
        let line = match first {
            "" => paint(self.colour_err, style, &text),
            first => format!("{} {text}", paint(self.colour_err, style, first)),
        };
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

/// The text with everything that steers a terminal escaped, as `\u{1b}`: control characters, and marks that change
/// the direction of writing, but no line ends. Colours of ours are added after this, so none of a name get through.
fn harmless(text: &str) -> Cow<'_, str> {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let steers = |c: char| c.is_control() && c != '\n' || turns(c);
    if !text.contains(steers) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match steers(character) {
            true => shown.extend(character.escape_unicode()),
            false => shown.push(character),
        }
    }
    shown.into()
}

fn paint(on: bool, style: Style, text: &str) -> String {
    if on { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// How a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows of text in aligned columns; columns that are empty in every row are omitted.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
    /// Lines that stand above the row of this number.
    lines: Vec<(usize, &'static str)>,
}

impl Table {
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Table { columns: columns.to_vec(), rows: Vec::new(), lines: Vec::new() }
    }

    /// One row with as many cells as there are columns. A cell is one line, and cut off where no path is that long.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let line = |mut cell: String| {
            if let Some((end, _)) = cell.char_indices().nth(WIDEST) {
                cell.truncate(end);
                cell.push('\u{2026}');
            }
            if cell.contains('\n') { cell.replace('\n', "\\n") } else { cell }
        };
        let cells: Vec<String> = cells.into_iter().map(line).collect();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// A line of its own above the next row.
    pub(super) fn line(&mut self, text: &'static str) {
        self.lines.push((self.rows.len(), text));
    }

    /// Lines, the first of which is the header.
    fn render(&self) -> String {
        let kept: Vec<usize> =
            (0..self.columns.len()).filter(|&c| self.rows.iter().any(|row| !row[c].is_empty())).collect();
        let width = |c: usize| {
            let cells = self.rows.iter().map(|row| row[c].chars().count());
            cells.chain([self.columns[c].0.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = kept.iter().map(|&c| width(c)).collect();
        let line = |cell: &dyn Fn(usize) -> String| {
            let mut text = String::new();
            for (&c, &width) in kept.iter().zip(&widths) {
                let gap = if text.is_empty() { "" } else { "  " };
                text += &match self.columns[c].1 {
                    Align::Left => format!("{gap}{:<width$}", cell(c)),
                    Align::Right => format!("{gap}{:>width$}", cell(c)),
                };
            }
            text.trim_end().to_owned()
        };
        let mut lines = vec![line(&|c| self.columns[c].0.to_owned())];
        for (at, row) in self.rows.iter().enumerate() {
            lines.extend(
                self.lines.iter().filter(|(above, _)| *above == at).map(|(_, text)| (*text).to_owned()),
            );
            lines.push(line(&|c| row[c].clone()));
        }
        lines.join("\n")
    }
}

/// Lines of `name  value`, with the values aligned.
pub(super) fn facts(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = lines.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect();
    lines.join("\n")
}

/// A word quoted for a shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A duration in a short form: `3.1 ms`, `4.20 s`, `12 min 05 s`.
pub(super) fn seconds(s: f64) -> String {
    match s {
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.2} s"),
        s => format!("{} min {:02} s", (s / 60.0) as u64, (s % 60.0) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_empty_ones_vanish() {
        let mut table = Table::new(&[("rank", Align::Right), ("label", Align::Left), ("path", Align::Left)]);
        table.row(["1".into(), String::new(), "ä.png".into()]);
        table.row(["10".into(), String::new(), "b.png".into()]);
        assert_eq!(table.render(), "rank  path\n   1  ä.png\n  10  b.png");
    }

    #[test]
    fn a_cell_is_no_wider_than_a_path_may_be() {
        let mut table = Table::new(&[("name", Align::Left), ("bits", Align::Right)]);
        table.row(["ä".repeat(70_000), "64".into()]);
        table.row(["b".into(), "9".repeat(WIDEST)]);
        let text = table.render();
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths, [WIDEST + 1 + 2 + WIDEST; 3]);
        assert!(
            text.lines().nth(1).is_some_and(|line| line.starts_with("ää") && line.contains("ä\u{2026} "))
        );
    }

    #[test]
    fn numbers_are_short_and_readable() {
        assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1000, 1_234_567].map(thousands)[..]);
        assert_eq!(count(1, "image"), "1 image");
        assert_eq!(count(2000, "image"), "2,000 images");
        assert_eq!(["12 B", "3.4 kB", "5.6 MB"], [12, 3_400, 5_600_000].map(bytes)[..]);
        assert_eq!(["3.1 ms", "4.20 s", "12 min 05 s"], [0.0031, 4.2, 725.0].map(seconds)[..]);
    }

    #[test]
    fn words_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("a-b_c/1.5"), "a-b_c/1.5");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn colour_follows_the_flag_then_no_color() {
        let colours = |colour| Printer::new(&Talk { colour, no_color: true, ..Talk::default() }).colour_out;
        assert!(!colours(When::Never) && !colours(When::Auto) && colours(When::Always));
    }

    #[test]
    fn names_do_not_steer_the_terminal() {
        let name = "a\x1b]0;T\x07\x1b[31mred\u{202e}gpj.\rb";
        let shown = r"a\u{1b}]0;T\u{7}\u{1b}[31mred\u{202e}gpj.\u{d}b";
        assert_eq!(harmless(name), shown);
        assert_eq!(harmless("a\u{200f}b\u{61c}c\u{2066}\u{9b}31m"), r"a\u{200f}b\u{61c}c\u{2066}\u{9b}31m");
        assert!(matches!(harmless("plain\n中"), Cow::Borrowed(_)));
    }
}
