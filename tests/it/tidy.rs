//! The rules of the house, as tests: which room may import which, where third-party crates live, how files begin and
//! how long they are. Not a linter: clippy does that.
//!
//! Each rule is a function from sources to complaints; the tests at the end run every rule on the real sources, where it
//! must find nothing, and on bad samples, where it must find what is wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room and what it may import, from the bottom up. `train` and `encode` never meet but in an .onnx file.
const LAYERS: [(&str, &[&str]); 17] = [
    ("error", &[]),
    ("onnx", &["error"]),
    ("runtime", &["error"]),
    ("output", &["error"]),
    ("images", &["error"]),
    ("draw", &["images"]),
    ("model", &["images", "onnx", "runtime", "error"]),
    ("encode", &["model", "images", "onnx", "runtime", "error"]),
    ("gallery", &["encode", "model", "images", "output", "onnx", "runtime", "error"]),
    ("train", &["gallery", "model", "images", "onnx", "runtime", "error"]),
    ("generate", &["gallery", "encode", "model", "draw", "images", "runtime", "error"]),
    ("eval", &["gallery", "encode", "model", "images", "onnx", "runtime", "error"]),
    ("dedupe", &["gallery", "encode", "model", "images", "output", "onnx", "runtime", "error"]),
    ("explore", &["gallery", "encode", "draw", "images", "output", "error"]),
    ("report", &["explore", "dedupe", "eval", "gallery", "model", "draw", "images", "output", "error"]),
    ("demo", &["gallery", "encode", "model", "images", "onnx", "runtime", "error"]),
    (
        "cli",
        &[
            "demo", "report", "dedupe", "explore", "generate", "eval", "train", "gallery", "encode", "model",
            "draw", "images", "output", "onnx", "runtime", "error",
        ],
    ),
];

/// A third-party crate, the folder or file it may be named in, and in how many files there.
const HOMES: [(&str, &str, usize); 39] = [
    ("ort", "src/runtime/", usize::MAX),
    ("zip", "src/runtime/", usize::MAX),
    ("zip", "src/images/containers/", usize::MAX),
    ("tar", "src/images/containers/", usize::MAX),
    ("parquet", "src/images/containers/", usize::MAX),
    ("bytes", "src/images/containers/pages.rs", 1),
    ("ignore", "src/images/rules.rs", 1),
    ("prost", "src/onnx/", usize::MAX),
    ("nalgebra", "src/encode/", 2),
    ("nalgebra", "src/eval/floats.rs", 1),
    ("rustfft", "src/explore/map/tsne/fourier.rs", 1),
    ("unicode_normalization", "src/draw/canvas.rs", 1),
    ("parquet", "src/explore/table/", 2),
    ("csv", "src/explore/table/values.rs", 1),
    ("image", "src/images/codec.rs", 1),
    ("zune_jpeg", "src/images/codec.rs", 1),
    ("base64", "src/output/", 1),
    ("trash", "src/dedupe/", 1),
    ("reflink_copy", "src/dedupe/", 1),
    ("csv", "src/dedupe/", 1),
    ("clap", "src/cli/", usize::MAX),
    ("fast_image_resize", "src/images/resize.rs", 1),
    ("flate2", "src/images/containers/", usize::MAX),
    ("blake3", "src/images/load.rs", 1),
    ("sha2", "src/runtime/fetch.rs", 1),
    ("sha2", "src/model/zoo.rs", 1),
    ("sha2", "src/train/", usize::MAX),
    ("sha2", "src/output/page.rs", 1),
    ("sha2", "src/explore/map/store.rs", 1),
    ("clap_complete", "src/cli/", usize::MAX),
    ("anyhow", "src/cli/", usize::MAX),
    ("indicatif", "src/cli/", usize::MAX),
    ("anstyle", "src/cli/print.rs", 1),
    ("ctrlc", "src/cli/exit.rs", 1),
    ("toml", "src/cli/resolve.rs", 1),
    ("hnsw_rs", "index/src/", 1),
    ("memmap2", "index/src/", 1),
    ("bincode", "index/src/", 1),
    ("bincode", "src/", 1),
];

const MAX_LINES: usize = 600;
const MAX_MAIN_LINES: usize = 20;

/// Unfinished or silent code. Written in halves, so that this file does not hold them.
const UNFINISHED: [&str; 4] =
    [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[ign", "ore"), concat!("dbg", "!(")];

/// Paths of one person's machine, and hosts that tools know better than this project.
const FOREIGN: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("pypi", ".org"),
    concat!("python", "hosted"),
];

/// A text file by its path from the repository's root, with `/` on every platform.
struct Source {
    path: String,
    text: String,
}

/// Imports against `LAYERS`, and paths that climb out of their room.
fn check_layers(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let Some(room) = room_of(&source.path) else { continue };
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == room) else {
            complaints.push(format!("{}: the room `{room}` has no place among the layers", source.path));
            continue;
        };
        let code = without_comments(&source.text);
        for import in crate_imports(&code) {
            let known = LAYERS.iter().any(|(name, _)| *name == import);
            if known && import != room && !allowed.contains(&import.as_str()) {
                complaints.push(format!("{}: `{room}` must not import `{import}`", source.path));
            }
        }
        if climbs_out(&source.path, &code) {
            complaints.push(format!("{}: `super` climbs out of the room; write `crate::`", source.path));
        }
    }
    complaints
}

/// `src/images/codec.rs` and `src/images.rs` are in the room `images`; the roots of the crate are in none.
fn room_of(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/")?.trim_end_matches(".rs");
    let room = inner.split('/').next()?;
    (!["lib", "main"].contains(&room)).then_some(room)
}

/// The first name after every `crate::`, also in `crate::{a::B, c}`.
fn crate_imports(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, prefix) in code.match_indices("crate::") {
        if code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(group_heads(group)),
            None => names.extend(leading_name(rest)),
        }
    }
    names
}

/// The first names of `a::{B, C}, d::E, f}` up to the closing brace: a, d, f.
fn group_heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = Vec::new();
    let mut start = 0;
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                heads.extend(leading_name(group[start..i].trim_start()));
                start = i + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    heads
}

fn leading_name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// As many `super::` in a row as the file is deep in `src`; an inline module at the left margin (`mod tests {`) is one deeper.
fn climbs_out(path: &str, code: &str) -> bool {
    let depth = path.matches('/').count() - usize::from(path.ends_with("/mod.rs"));
    let mut inline = 0;
    let mut climbs = |line: &str| {
        match line {
            "}" => inline = 0,
            _ if line.starts_with(|c: char| !c.is_whitespace())
                && line.ends_with('{')
                && line.split_whitespace().any(|word| word == "mod") =>
            {
                inline = 1
            }
            _ => {}
        }
        steps_up(line) >= depth + inline
    };
    depth > 0 && code.lines().any(&mut climbs)
}

/// The longest run of `super::`; in a group, `super::{super::x}`, all of them count.
fn steps_up(line: &str) -> usize {
    if line.contains("super::{") {
        return line.matches("super::").count();
    }
    let runs = line.match_indices("super::").map(|(at, word)| {
        let rest = &line[at..];
        (1..).take_while(|n| rest.starts_with(&word.repeat(*n))).count()
    });
    runs.max().unwrap_or(0)
}

/// Third-party crates against `HOMES`.
fn check_homes(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for name in HOMES.iter().map(|(name, _, _)| *name).collect::<BTreeSet<_>>() {
        let homes = || HOMES.iter().filter(move |(other, _, _)| *other == name);
        let users: Vec<&str> = sources
            .iter()
            .filter(|s| names_crate(&without_comments(&s.text), name))
            .map(|s| s.path.as_str())
            .collect();
        for user in &users {
            if !homes().any(|(_, home, _)| user.starts_with(home)) {
                complaints.push(format!("{user}: `{name}` is named outside its home"));
            }
        }
        for (_, home, limit) in homes() {
            let at_home = users.iter().filter(|user| user.starts_with(home)).count();
            if at_home > *limit {
                complaints.push(format!("{home}: `{name}` is named in {at_home} files, at most {limit} may"));
            }
        }
    }
    complaints
}

/// Whether `name::` begins a path somewhere (`crate::name::` and `x.name` do not), or `use name;` stands there.
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

/// Words that must not stand in any file.
fn check_words(sources: &[Source], words: &[&str]) -> Vec<String> {
    let found = |s: &Source, word: &str| s.text.contains(word).then(|| format!("{}: holds `{word}`", s.path));
    sources.iter().flat_map(|s| words.iter().filter_map(move |word| found(s, word))).collect()
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
    sources(&["src", "index/src", "examples"], &[".rs"])
}

fn all_rust() -> Vec<Source> {
    sources(&["src", "index", "models", "tests", "benches", "examples"], &[".rs"])
}

/// Text that is tracked, wherever it lies; not what a run leaves behind.
fn all_text() -> Vec<Source> {
    let mut text = sources(
        &["src", "index", "tests", "benches", "examples", "models", "docs", ".ci"],
        &[".rs", ".md", ".toml", ".py", ".sh", ".json", ".html", ".css", "js", "run", "nightly"],
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

#[test]
fn rooms_import_only_what_stands_below_them() {
    assert!(product().len() > 30, "the sources are not where this test looks");
    assert_clean(&check_layers(&product()));
}

#[test]
fn an_import_from_above_is_found() {
    let wrong = [
        ("src/images/walk.rs", "use crate::gallery::Gallery;"),
        ("src/gallery/mod.rs", "use crate::{error::Error, cli::args};"),
        ("src/encode/mod.rs", "fn f() { crate::train::run() }"),
        ("src/train/mod.rs", "use crate::{images::{Item, walk},\n    encode};"),
        ("src/eval/mod.rs", "use crate::demo;"),
        ("src/gallery/mod.rs", "use super::cli;"),
        ("src/images/walk.rs", "use super::super::cli;"),
        ("src/images/walk.rs", "fn f() {\n    super::super::cli::run()\n}"),
        ("src/images/walk.rs", "mod tests {\n    use super::super::super::cli;\n}"),
        ("src/images/walk.rs", "use super::{super::cli};"),
        ("src/gallery/mod.rs", "pub(super) use super::cli;"),
        ("src/attic/mod.rs", ""),
    ];
    for (path, text) in wrong {
        assert_eq!(check_layers(&sample(path, text)).len(), 1, "{path}: {text}");
    }
    let right = [
        ("src/cli/mod.rs", "use crate::{demo, train::Options};"),
        ("src/gallery/mod.rs", "//! See [`crate::cli`].\nuse crate::encode::Encoder;\nuse crate::Error;"),
        ("src/images/walk.rs", "use super::Item;"),
        ("src/images/walk.rs", "mod tests {\n    use super::super::Item;\n}"),
        ("src/images/mod.rs", "pub(super) fn f() {}\nmod tests {\n    use super::*;\n}"),
        ("src/cli/commands/query.rs", "use super::super::print::Printer;"),
        ("src/lib.rs", "pub use crate::cli;"),
    ];
    for (path, text) in right {
        assert_clean(&check_layers(&sample(path, text)));
    }
}

#[test]
fn third_party_crates_stay_at_home() {
    assert_clean(&check_homes(&product()));
}

#[test]
fn a_crate_away_from_home_is_found() {
    let wrong = [
        ("src/gallery/mod.rs", "use ort::Session;"),
        ("src/gallery/mod.rs", "fn f() -> ::ort::Session {}"),
        ("src/gallery/mod.rs", "use ::ort;"),
        ("examples/a.rs", "use ort::Session;"),
        ("src/images/resize.rs", "fn f() -> image::RgbImage {}"),
        ("src/eval/mod.rs", "use anyhow as any;"),
        ("src/train/mod.rs", "use {clap::Parser};"),
    ];
    for (path, text) in wrong {
        assert_eq!(check_homes(&sample(path, text)).len(), 1, "{path}: {text}");
    }
    let mut twice = sample("index/src/a.rs", "use memmap2::Mmap;");
    twice.extend(sample("index/src/b.rs", "use memmap2::Mmap;"));
    assert_eq!(check_homes(&twice).len(), 1);
    let right = [
        ("src/images/codec.rs", "use image::ImageReader;"),
        ("src/eval/mod.rs", "let x = a.zip(b); let image = crate::image::f(); <T as A>::image::f();"),
        ("src/eval/mod.rs", "// ort::Session lives elsewhere"),
    ];
    for (path, text) in right {
        assert_clean(&check_homes(&sample(path, text)));
    }
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
fn nothing_is_unfinished_and_no_machine_is_named() {
    assert_clean(&check_words(&all_rust(), &UNFINISHED));
    assert_clean(&check_words(&all_text(), &FOREIGN));
}

#[test]
fn forbidden_words_are_found() {
    for word in UNFINISHED.iter().chain(&FOREIGN) {
        let text = format!("//! A file.\nfn f() {{ {word} }}");
        assert_eq!(check_words(&sample("src/a.rs", &text), &[word]).len(), 1, "{word}");
    }
}

#[test]
fn unsafe_is_rare_and_reasoned() {
    assert_clean(&check_unsafe(&product()));
    assert_eq!(check_unsafe(&sample("src/a.rs", "// SAFETY: because\nunsafe { f() }")).len(), 1);
    assert_eq!(check_unsafe(&sample("index/src/a.rs", "let x = unsafe { f() };")).len(), 1);
    assert_clean(&check_unsafe(&sample("index/src/a.rs", "// SAFETY: because\nunsafe { f() }")));
}
