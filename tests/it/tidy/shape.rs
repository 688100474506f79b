//! The shape of files: a head, a readable size, functions that fit a screen, nothing written twice.

use std::collections::HashMap;

use super::{Source, all_rust, all_text, assert_clean, sample};

const MAX_LINES: usize = 600;
const MAX_MAIN_LINES: usize = 20;
const MAX_FUNCTION_LINES: usize = 79;
/// So many equal lines in a row are a copy.
const COPY: usize = 12;

/// Every file says first what it is.
fn check_heads(sources: &[Source]) -> Vec<String> {
    let headless = sources.iter().filter(|s| s.path.ends_with(".rs") && !s.text.starts_with("//!"));
    headless.map(|s| format!("{}: does not begin with a `//!` head", s.path)).collect()
}

/// Files stay readable in one go, and `main.rs` stays thin.
fn check_sizes(sources: &[Source]) -> Vec<String> {
    let limit = |path: &str| if path == "src/main.rs" { MAX_MAIN_LINES } else { MAX_LINES };
    let lines = |s: &Source| s.text.lines().count();
    let long = sources.iter().filter(|s| s.path.ends_with(".rs") && lines(s) > limit(&s.path));
    long.map(|s| format!("{}: {} lines, at most {} may be", s.path, lines(s), limit(&s.path))).collect()
}

/// Functions longer than a screen.
fn check_functions(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let Some(indent) = function_indent(line) else { continue };
            let end = format!("{}}}", " ".repeat(indent));
            let n = lines[start..].iter().position(|line| line.starts_with(&end)).map_or(1, |n| n + 1);
            if n > MAX_FUNCTION_LINES {
                complaints.push(format!("{}:{}: a function of {n} lines", source.path, start + 1));
            }
        }
    }
    complaints
}

/// By how much a line that begins a function with a body below it is indented.
fn function_indent(line: &str) -> Option<usize> {
    let words = line.trim_start().split("fn ").next()?;
    let is_head = words.split_whitespace().all(|word| {
        word.starts_with("pub")
            || ["const", "unsafe", "async", "in", "crate::cli)"].contains(&word)
            || word.ends_with(')')
    });
    (line.contains("fn ") && is_head && !line.ends_with('}') && !line.ends_with(';'))
        .then(|| line.len() - line.trim_start().len())
}

/// The same lines in two places; blank ones and indentation do not count.
fn check_copies(sources: &[Source]) -> Vec<String> {
    let mut seen: HashMap<Vec<&str>, (&str, usize)> = HashMap::new();
    let mut complaints = Vec::new();
    for source in sources {
        let lines = source.text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.is_empty());
        let (lines, numbers): (Vec<&str>, Vec<usize>) = lines.unzip();
        let mut last = None;
        for (at, window) in lines.windows(COPY).enumerate() {
            match seen.get(window) {
                Some((path, line)) => {
                    if last.is_none_or(|last| at > last + 1) {
                        complaints.push(format!("{}:{}: as {path}:{line}", source.path, numbers[at]));
                    }
                    last = Some(at);
                }
                None => drop(seen.insert(window.to_vec(), (&source.path, numbers[at]))),
            }
        }
    }
    complaints
}

/// What people write; not what programs record.
fn written() -> Vec<Source> {
    let mut text = all_text();
    // cards of models are written by `train`, all in the same words
    text.retain(|source| !(source.path.ends_with(".json") || source.path.starts_with("models/")));
    text
}

#[test]
fn every_file_has_a_head_and_a_readable_size() {
    assert_clean(&check_heads(&all_rust()));
    assert_clean(&check_sizes(&all_rust()));
}

#[test]
fn headless_and_endless_files_are_found() {
    assert_eq!(check_heads(&sample("src/a.rs", "use std::fs;")).len(), 1);
    assert_eq!(check_sizes(&sample("src/a.rs", &"\n".repeat(MAX_LINES + 1))).len(), 1);
    assert_eq!(check_sizes(&sample("src/main.rs", &"\n".repeat(MAX_MAIN_LINES + 1))).len(), 1);
    assert_clean(&check_sizes(&sample("src/a.rs", &"\n".repeat(MAX_LINES))));
}

#[test]
fn functions_fit_a_screen_and_nothing_stands_twice() {
    assert_clean(&check_functions(&all_rust()));
    let by_people = |source: &Source| !source.text.starts_with("<!-- Made from the program");
    let written: Vec<Source> = written().into_iter().filter(by_people).collect();
    assert_clean(&check_copies(&written));
}

#[test]
fn long_functions_and_copies_are_found() {
    let body = "    let a = 1;\n".repeat(MAX_FUNCTION_LINES);
    assert_eq!(
        check_functions(&sample("src/a.rs", &format!("pub(in crate::a) fn f() {{\n{body}}}"))).len(),
        1
    );
    assert_clean(&check_functions(&sample("src/a.rs", &format!("fn f() {{}}\nconst A: u8 = 1;\n{body}}}"))));
    let lines = |n: usize| (0..n).map(|i| format!("line {i}\n")).collect::<String>();
    let copies = |n: usize| {
        check_copies(&[sample("a", &lines(n)), sample("b", &format!("first\n\n  {}", lines(n)))].concat())
    };
    assert_eq!(copies(COPY).len(), 1);
    assert_clean(&copies(COPY - 1));
}
