//! README and docs are true: the two commands stand on top, the commands of all pages are run in one empty
//! folder, options exist, pictures can be made again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aesearch::images::{Limits, decode};

const README: &str = include_str!("../../README.md");
/// Pages whose `sh` blocks are run, one page after the other. (The tutorial has a test of its own.)
const FOLLOWED: [&str; 9] = [
    "README.md",
    "docs/start/five-minutes.md",
    "docs/start/install.md",
    "docs/how-to/data-sets.md",
    "docs/indexing.md",
    "docs/search.md",
    "docs/training.md",
    "docs/explore.md",
    "docs/dedupe.md",
];
/// Pages whose options exist.
const OTHERS: [&str; 8] = [
    "docs/cli.md",
    "docs/dedupe-plan.md",
    "docs/how-to/photos.md",
    "docs/how-to/learning.md",
    "docs/explanation/codes.md",
    "docs/explanation/search-index.md",
    "docs/explanation/threshold.md",
    "models/README.md",
];
/// Pages that show pictures of docs/pictures.
const PICTURED: [&str; 5] = [
    "README.md",
    "docs/README.md",
    "docs/benchmarks.md",
    "docs/how-to/photos.md",
    "docs/how-to/data-sets.md",
];
const MAX_WORDS: usize = 900;
const MAX_PICTURE_BYTES: usize = 400_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// What the pictures of a page show.
fn pictures(text: &str) -> Vec<&str> {
    let images = text.split("![").skip(1).filter_map(|image| image.split_once("]("));
    images.filter_map(|(_, rest)| rest.split(')').next()).collect()
}

/// A block of commands, and what the page quotes of their answers.
struct Block<'a> {
    commands: Vec<&'a str>,
    quoted: Vec<&'a str>,
}

/// The `sh` blocks of a page; indented lines right below one are quotations.
fn blocks(text: &str) -> Vec<Block<'_>> {
    text.split("```sh\n").skip(1).map(block).collect()
}

fn block(text: &str) -> Block<'_> {
    let (commands, rest) = text.split_once("```").expect("an end");
    let below = rest.lines().skip_while(|line| line.is_empty());
    Block {
        commands: commands.lines().collect(),
        quoted: below.take_while(|line| line.starts_with("    ")).collect(),
    }
}

/// Runs a line in a shell where `aesearch` is this program; it must succeed and answer. Gives the answer.
fn run(folder: &Path, line: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_aesearch")).parent().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(program.to_owned()).chain(std::env::split_paths(&path)));
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", path.expect("a path"))
        .output()
        .expect("a shell");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {}\n{told}", output.status);
    assert!(!output.stdout.is_empty() || line.starts_with("cp "), "{line}: no answer");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Without `..` and links.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_two_commands_stand_on_top_beside_pictures() {
    let top = README.split("\n## ").next().unwrap_or("");
    let lines = top.lines().filter_map(|line| line.strip_prefix("    "));
    let commands: Vec<&str> = lines.map(|line| line.split(" #").next().unwrap_or("").trim_end()).collect();
    assert_eq!(commands, ["cargo run --release -- demo", "cargo test"]);
    assert!(pictures(top).len() >= 2, "a picture of a query and one of a map stand beside them");
}

#[test]
fn it_can_be_read_in_two_minutes() {
    let words = README.split_whitespace().count();
    assert!(words < MAX_WORDS, "{words} words");
}

#[test]
fn the_pictures_can_be_seen_and_made_again() {
    let script = text("docs/pictures/make.sh");
    let shown: BTreeSet<PathBuf> = PICTURED
        .iter()
        .flat_map(|page| {
            let folder = root().join(page).parent().expect("a folder").to_owned();
            pictures(&text(page)).into_iter().map(|link| real(&folder.join(link))).collect::<Vec<_>>()
        })
        .collect();
    assert!(shown.len() >= 3);
    for path in &shown {
        let name = path.file_name().expect("a name").to_string_lossy();
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(bytes.len() < MAX_PICTURE_BYTES, "{name}: {} bytes", bytes.len());
        if name.ends_with(".svg") {
            assert!(String::from_utf8_lossy(&bytes).contains("</svg>"), "{name}: not an SVG");
        } else {
            let pixels = decode(&bytes, &Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!((400..=2500).contains(&pixels.width), "{name}: {} pixels wide", pixels.width);
            assert!(script.contains(&*name), "{name}: not made by docs/pictures/make.sh");
        }
    }
    for entry in fs::read_dir(real(&root().join("docs/pictures"))).expect("a folder of pictures") {
        let path = entry.expect("an entry").path();
        assert!(path.ends_with("make.sh") || shown.contains(&path), "{}: not shown", path.display());
    }
}

/// Words like `--exclude` outside of lines that name other programs.
#[test]
fn the_options_exist() {
    let known = run(root(), "aesearch completions bash");
    let known: BTreeSet<&str> = known.split_whitespace().map(|word| word.trim_matches('"')).collect();
    let others = ["cargo ", ".ci/", "docker ", "embedding-atlas "];
    let mut n_options = 0;
    for page in FOLLOWED.iter().chain(&OTHERS) {
        let text = text(page);
        for line in text.lines().filter(|line| !others.iter().any(|other| line.contains(other))) {
            for (at, _) in line.match_indices("--") {
                let ends = |c: char| !(c.is_ascii_lowercase() || c == '-');
                let option = format!("--{}", line[at + 2..].split(ends).next().unwrap_or(""));
                let begins = !line[..at].ends_with(|c: char| c == '-' || c == '|' || c.is_alphanumeric());
                if begins && option.len() > 3 && !option.starts_with("---") {
                    n_options += 1;
                    assert!(known.contains(option.as_str()), "{page}: {option}: no such option");
                }
            }
        }
    }
    assert!(n_options > 100, "the options are not where this test looks: {n_options}");
}

/// Each file that an answer quoted on a page names is in the answer. (Its wording is not compared.)
#[test]
fn the_pages_can_be_followed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let answer = run(folder.path(), "aesearch demo");
    assert_eq!(answer.matches("digits/").count(), 10, "{answer}");
    assert!(answer.matches("digits/7/").count() >= 9, "{answer}");
    let mut n_commands = 0;
    for page in FOLLOWED {
        for Block { commands, quoted } in blocks(&text(page)) {
            let mut answers = String::new();
            for line in commands.into_iter().filter(|line| *line != "cargo install --path .") {
                assert!(line.starts_with("aesearch ") || line.starts_with("cp "), "{page}: {line}");
                answers += &run(folder.path(), line);
                n_commands += 1;
            }
            let words = quoted.iter().flat_map(|line| line.split_whitespace());
            for file in words.filter(|word| word.contains("digits/")) {
                assert!(answers.contains(file), "{page}: no answer names {file}:\n{answers}");
            }
        }
    }
    assert!(n_commands > 30, "the commands are not where this test looks: {n_commands}");
    let sheet = fs::metadata(folder.path().join("neighbours.png")).expect("the sheet is there");
    assert!(sheet.len() > 1000);
}
