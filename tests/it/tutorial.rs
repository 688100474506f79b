//! The tutorial can be followed: its commands are run by a shell, in order, in one empty folder, and make the pictures it shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aesearch::images::{Limits, decode};

const TUTORIAL: &str = include_str!("../../docs/tutorial.md");

/// The lines of its `sh` blocks.
fn commands() -> Vec<&'static str> {
    let blocks = TUTORIAL.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).collect()
}

/// The pictures it shows, by their names below `docs/`.
fn pictures() -> Vec<&'static str> {
    let links = TUTORIAL.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links.filter(|link| link.ends_with(".png")).collect()
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Width and height.
fn size(path: &Path) -> (usize, usize) {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let pixels =
        decode(&bytes, &Limits::default()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (pixels.width, pixels.height)
}

#[test]
fn the_links_lead_somewhere() {
    let links = TUTORIAL.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links {
        assert!(docs().join(link).exists(), "{link}: no such file");
    }
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
    let commands = commands();
    assert!(
        commands.len() > 20
            && commands.iter().all(|line| line.starts_with("aesearch ") || line.starts_with("cp "))
    );
    for line in commands {
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(folder.path())
            .env("PATH", path.as_ref().expect("a path"))
            .output()
            .expect("a shell");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {}\n{told}", output.status);
    }
    let made = |name: &str| match name {
        "curve.png" => folder.path().join("models/conv/curve.png"),
        "cleaned.png" => folder.path().join("cleaned/sheet.png"),
        name => folder.path().join(name),
    };
    for picture in pictures() {
        let name = picture.strip_prefix("tutorial/").unwrap_or(picture);
        assert_eq!(
            size(&made(name)),
            size(&docs().join(picture)),
            "{name}: the picture shown is another one"
        );
    }
}
