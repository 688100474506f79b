//! The README tells no tales: its two commands are the ones it names, and every command of its tour is run, in order, in one
//! empty folder.

use std::fs;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");

/// The words after `prompt` of every line that begins with it, comments left out.
fn commands(text: &str, prompt: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(prompt));
    let words = lines.map(|line| line.split('#').next().unwrap_or("").split_whitespace().map(str::to_owned));
    words.map(Iterator::collect).collect()
}

/// Runs the program, which must succeed and answer; gives the answer.
fn run(folder: &Path, args: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_aesearch")).args(args).current_dir(folder).output();
    let output = output.expect("the binary starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "aesearch {}: {}\n{told}", args.join(" "), output.status);
    assert!(!output.stdout.is_empty(), "aesearch {}: no answer", args.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_two_commands_stand_on_top() {
    let commands = commands(README, "    cargo ");
    assert_eq!(commands, [vec!["run", "--release", "--", "demo"], vec!["test"]]);
    let above = README.split("    cargo ").next().unwrap_or("");
    assert!(above.lines().count() <= 3, "only the title stands above them");
}

#[test]
fn the_links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in ["README.md", "models/README.md"] {
        let page = root.join(page);
        let text = fs::read_to_string(&page).expect("is there");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            assert!(page.with_file_name(target).exists(), "{}: {target}: no such file", page.display());
        }
    }
}

#[test]
fn the_tour_can_be_followed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let answer = run(folder.path(), &["demo".to_owned()]);
    assert_eq!(answer.matches("digits/").count(), 10, "{answer}");
    assert!(answer.matches("digits/7/").count() >= 9, "{answer}");
    let tour = commands(README, "aesearch ");
    assert!(tour.len() >= 8, "the tour is not where this test looks");
    for args in &tour {
        run(folder.path(), args);
    }
    let sheet = fs::metadata(folder.path().join("kin.png")).expect("the sheet is there");
    assert!(sheet.len() > 1000);
}
