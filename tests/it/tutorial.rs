//! The tutorial can be followed: its commands are run by a shell, in order, in one empty folder, and make the
//! pictures it shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aesearch::images::{Limits, Pixels, decode};

const TUTORIAL: &str = include_str!("../../docs/tutorial.md");

/// Pictures that are drawn by what is trained or found on any machine alike: by the shipped model, and from
/// whole bits.
const ALIKE: [&str; 4] = ["neighbours.png", "clusters.png", "few.png", "duplicates.png"];
/// A look at `report.html` in a browser.
const SCREENSHOT: &str = "report.png";

/// A block of commands, and what the page quotes of their answers.
struct Block {
    commands: Vec<&'static str>,
    quoted: Vec<&'static str>,
}

/// Its `sh` blocks; indented lines below one are quotations.
fn blocks() -> Vec<Block> {
    let block = |text: &'static str| {
        let (commands, rest) = text.split_once("```").expect("an end");
        let quoted = rest.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| *line != "...");
        Block {
            commands: commands.lines().collect(),
            quoted: quoted.filter(|line| !line.is_empty()).collect(),
        }
    };
    TUTORIAL.split("```sh\n").skip(1).map(block).collect()
}

/// Whether the two say the same, but for the last digits of numbers, and for times.
fn says(answer: &str, quoted: &str) -> bool {
    let (answer, quoted): (Vec<&str>, Vec<&str>) =
        (answer.split_whitespace().collect(), quoted.split_whitespace().collect());
    let number = |word: &str| word.trim_end_matches([',', ';']).replace(',', "").parse::<f64>().ok();
    let near = |i: usize| match (number(answer[i]), number(quoted[i])) {
        _ if quoted.get(i + 1).is_some_and(|unit| ["ms", "s"].contains(unit)) => true,
        (Some(a), Some(b)) => (a - b).abs() <= 0.1 * b.abs(),
        _ => answer[i] == quoted[i] || ["ms", "s"].contains(&quoted[i]),
    };
    answer.len() == quoted.len() && (0..quoted.len()).all(near)
}

/// The pictures it shows, by their names below `docs/`.
fn pictures() -> Vec<&'static str> {
    let links = TUTORIAL.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links.filter(|link| link.ends_with(".png")).collect()
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn picture(path: &Path) -> Pixels {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    decode(&bytes, &Limits::default()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The part of the samples that differ by more than a quarter of the range.
fn difference(a: &Pixels, b: &Pixels) -> f64 {
    let differ = a.data.iter().zip(&b.data).filter(|(a, b)| a.abs_diff(**b) > 64).count();
    differ as f64 / a.data.len() as f64
}

#[test]
fn every_picture_is_shown() {
    let shown = pictures();
    for entry in fs::read_dir(docs().join("tutorial")).expect("a folder of pictures") {
        let name = format!("tutorial/{}", entry.expect("an entry").file_name().to_string_lossy());
        assert!(shown.contains(&name.as_str()), "{name} is not shown");
    }
}

#[test]
fn all_commands_run_and_make_the_pictures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = Path::new(env!("CARGO_BIN_EXE_aesearch")).parent().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(program.to_owned()).chain(std::env::split_paths(&path)));
    let blocks = blocks();
    assert!(blocks.iter().map(|block| block.commands.len()).sum::<usize>() > 20);
    for Block { commands, quoted } in blocks {
        let mut answers = String::new();
        for line in commands {
            assert!(line.starts_with("aesearch ") || line.starts_with("cp "), "{line}");
            let output = Command::new("sh")
                .args(["-c", line])
                .current_dir(folder.path())
                .env("PATH", path.as_ref().expect("a path"))
                .output()
                .expect("a shell");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line}: {}\n{told}", output.status);
            answers += &String::from_utf8_lossy(&output.stdout);
        }
        for quoted in quoted {
            assert!(answers.lines().any(|answer| says(answer, quoted)), "nobody says {quoted:?}:\n{answers}");
        }
    }
    let made = |name: &str| match name {
        "curve.png" => folder.path().join("models/conv/curve.png"),
        "cleaned.png" => folder.path().join("cleaned/sheet.png"),
        name => folder.path().join(name),
    };
    assert!(folder.path().join("report.html").is_file());
    for shown in pictures() {
        let name = shown.strip_prefix("tutorial/").unwrap_or(shown);
        if name == SCREENSHOT {
            continue;
        }
        let (made, shown) = (picture(&made(name)), picture(&docs().join(shown)));
        assert_eq!(
            (made.width, made.height),
            (shown.width, shown.height),
            "{name}: another picture is shown"
        );
        if ALIKE.contains(&name) {
            let difference = difference(&made, &shown);
            assert!(difference < 0.02, "{name}: another picture is shown: {difference} of it differs");
        }
    }
}
