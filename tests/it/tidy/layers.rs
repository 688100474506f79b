//! Rooms import only what stands below them, and the table below says exactly what is imported.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, assert_clean, product, sample, without_comments};

/// A room and what it may import, from the bottom up. `encode` knows nothing of `train`, which runs teachers by
/// it.
const LAYERS: [(&str, &[&str]); 24] = [
    ("error", &[]),
    ("observer", &[]),
    ("pca", &[]),
    ("onnx", &[]),
    ("runtime", &["observer", "error"]),
    ("output", &["error"]),
    ("cloud", &["error"]),
    ("images", &["cloud", "error"]),
    ("draw", &["images"]),
    ("model", &["images", "runtime", "onnx", "error"]),
    ("autodiff", &["model", "runtime", "onnx"]),
    ("encode", &["autodiff", "model", "images", "runtime", "onnx", "pca", "observer", "error"]),
    ("gallery", &["encode", "model", "images", "cloud", "output", "runtime", "observer", "error"]),
    ("filter", &["gallery", "observer", "error"]),
    (
        "train",
        &[
            "encode", "autodiff", "model", "draw", "images", "output", "runtime", "onnx", "pca", "observer",
            "error",
        ],
    ),
    ("generate", &["gallery", "encode", "model", "draw", "images", "output", "runtime", "observer", "error"]),
    ("eval", &["gallery", "encode", "model", "images", "observer", "error"]),
    ("dedupe", &["filter", "gallery", "draw", "images", "runtime", "output", "observer", "error"]),
    ("explore", &["filter", "gallery", "encode", "draw", "images", "output", "observer", "error"]),
    (
        "report",
        &[
            "explore", "dedupe", "eval", "filter", "gallery", "model", "draw", "images", "output",
            "observer", "error",
        ],
    ),
    ("codes", &["explore", "dedupe", "filter", "gallery", "images", "output", "observer", "error"]),
    ("database", &["gallery", "images", "observer", "error"]),
    ("demo", &["images"]),
    (
        "cli",
        &[
            "demo", "database", "codes", "report", "explore", "dedupe", "eval", "generate", "train",
            "filter", "gallery", "model", "images", "output", "runtime", "observer", "error",
        ],
    ),
];

/// Imports against `LAYERS`, and paths that climb out of their room.
pub(super) fn check_layers(sources: &[Source]) -> Vec<String> {
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

/// What `LAYERS` allows and nobody imports: the table says what is used, no more.
pub(super) fn check_table_is_tight(sources: &[Source]) -> Vec<String> {
    let mut used = BTreeSet::new();
    for source in sources {
        let Some(room) = room_of(&source.path) else { continue };
        used.extend(crate_imports(&without_comments(&source.text)).into_iter().map(|import| (room, import)));
    }
    let allowed =
        LAYERS.iter().flat_map(|(room, imports)| imports.iter().map(move |import| (*room, *import)));
    let unused = allowed.filter(|(room, import)| !used.contains(&(*room, (*import).to_owned())));
    unused
        .map(|(room, import)| format!("`{room}` imports `{import}` nowhere: take it out of the table"))
        .collect()
}

/// Lines of product code by room, `index` among them.
pub(super) fn lines_by_room(sources: &[Source]) -> BTreeMap<&str, usize> {
    let mut lines = BTreeMap::new();
    for source in sources {
        let room = if source.path.starts_with("index/") { Some("index") } else { room_of(&source.path) };
        if let Some(room) = room {
            *lines.entry(room).or_default() += source.text.lines().count();
        }
    }
    lines
}

/// `src/images/codec.rs` and `src/images.rs` are in the room `images`; the roots of the crate are in none.
pub(super) fn room_of(path: &str) -> Option<&str> {
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

/// As many `super::` in a row as the file is deep in `src`; an inline module at the left margin (`mod tests
/// {`) is one deeper.
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

#[test]
fn rooms_import_only_what_stands_below_them() {
    assert!(product().len() > 30, "the sources are not where this test looks");
    assert_clean(&check_layers(&product()));
    assert_clean(&check_table_is_tight(&product()));
}

#[test]
fn an_import_from_above_is_found() {
    let wrong = [
        ("src/images/walk.rs", "use crate::gallery::Gallery;"),
        ("src/gallery/mod.rs", "use crate::{error::Error, cli::args};"),
        ("src/encode/mod.rs", "fn f() { crate::train::run() }"),
        ("src/train/mod.rs", "use crate::{images::{Item, walk},\n    gallery};"),
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
fn no_room_is_a_house_of_its_own() {
    const LARGEST: usize = 14; // per cent
    let product = product();
    let lines = lines_by_room(&product);
    let all: usize = lines.values().sum();
    for (room, lines) in &lines {
        let share = 100.0 * *lines as f64 / all as f64;
        println!("{room:>10} {lines:6} lines {share:5.1} %");
        // `images` until the file formats have a room of their own
        let may_be_large = ["cli", "dedupe", "images"].contains(room);
        assert!(
            may_be_large || share <= LARGEST as f64,
            "{room}: {share:.1} % of the product's lines, at most {LARGEST}"
        );
    }
    println!("{:>10} {all:6} lines", lines.len());
}
