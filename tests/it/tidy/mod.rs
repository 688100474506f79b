//! The rules of the house, as tests. Not a linter: clippy does that.
//!
//! Each rule is a function from sources to complaints; tests run it on the real sources, where it must find
//! nothing, and on bad samples, where it must find what is wrong.
//!
//! | file | rules about |
//! |---|---|
//! | `layers` | which room may import which, and how large rooms are |
//! | `circles` | files of a room that import each other |
//! | `homes` | where third-party crates live |
//! | `shape` | heads, sizes, functions, copies |
//! | `words` | what must not stand in code |

mod circles;
mod homes;
mod layers;
mod shape;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// A text file by its path from the repository's root, with `/` on every platform.
#[derive(Clone)]
struct Source {
    path: String,
    text: String,
}

/// Comments name other rooms freely; only whole lines of them are left out, strings are code here.
fn without_comments(text: &str) -> String {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// All files below `folders` whose name ends in one of `endings`.
fn sources(folders: &[&str], endings: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut pending: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(path) = pending.pop() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of the repository can be read");
            let inner = entries.map(|entry| entry.expect("an entry can be read").path());
            pending.extend(inner.filter(|p| p.file_name().is_some_and(|n| n != "target" && n != ".git")));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let relative =
                path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            // A folder of hostile test files may hold names that only look like text.
            if let Ok(text) = fs::read_to_string(&path) {
                found.push(Source { path: relative, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn product() -> Vec<Source> {
    sources(&["src", "index/src", "python/src", "examples"], &[".rs"])
}

fn all_rust() -> Vec<Source> {
    sources(&["src", "index", "python", "models", "tests", "benches", "examples"], &[".rs"])
}

/// Text that is tracked, wherever it lies; not what a run leaves behind.
fn all_text() -> Vec<Source> {
    let mut text = sources(
        &["src", "index", "python", "tests", "benches", "examples", "models", "docs", ".ci"],
        &[".rs", ".md", ".toml", ".py", ".pyi", ".sh", ".json", ".html", ".css", "js", "run", "nightly"],
    );
    for file in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "Cargo.toml",
        "deny.toml",
        "clippy.toml",
    ] {
        text.extend(sources(&[file], &[file]));
    }
    text
}

fn assert_clean(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn sample(path: &str, text: &str) -> Vec<Source> {
    vec![Source { path: path.to_owned(), text: text.to_owned() }]
}

/// Whether `name::` begins a path somewhere (`crate::name::` and `x.name` do not), or `use name;` stands
/// there.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let head = &code[..at];
        let last = |text: &str| text.chars().next_back().unwrap_or(' ');
        // `::name` begins at the root, `x::name` does not
        let head = match head.strip_suffix("::") {
            Some(rest) if !(last(rest).is_alphanumeric() || "_>".contains(last(rest))) => rest,
            _ => head,
        };
        let before = last(head);
        let after = &code[at + name.len()..];
        let imported = head.ends_with("use ") && (after.starts_with(';') || after.starts_with(" as "));
        !(before.is_alphanumeric() || "_:.".contains(before)) && (after.starts_with("::") || imported)
    })
}

/// `unsafe` only in the index crate, and never without its reason.
fn check_unsafe(sources: &[Source]) -> Vec<String> {
    const REACH: usize = 8;
    let mut complaints = Vec::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let line = line.trim_start();
            if line.starts_with("//")
                || !["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|u| line.contains(u))
            {
                continue;
            }
            if !source.path.starts_with("index/src/") {
                complaints.push(format!("{}:{}: unsafe outside the index crate", source.path, i + 1));
            }
            let above = &lines[i.saturating_sub(REACH)..=i];
            if !above.iter().any(|l| l.contains("SAFETY:") || l.contains("# Safety")) {
                complaints.push(format!("{}:{}: unsafe without a SAFETY comment", source.path, i + 1));
            }
        }
    }
    complaints
}

#[test]
fn unsafe_is_rare_and_reasoned() {
    assert_clean(&check_unsafe(&product()));
    assert_eq!(check_unsafe(&sample("src/a.rs", "// SAFETY: because\nunsafe { f() }")).len(), 1);
    assert_eq!(check_unsafe(&sample("index/src/a.rs", "let x = unsafe { f() };")).len(), 1);
    assert_clean(&check_unsafe(&sample("index/src/a.rs", "// SAFETY: because\nunsafe { f() }")));
}

#[test]
fn no_files_of_a_room_import_each_other_in_circles() {
    for root in ["src", "index/src"] {
        assert_clean(&circles::check_circles(&product(), root));
    }
}
