//! Third-party crates that do one thing have one home. The table in ARCHITECTURE.md is the rule, and is
//! checked against the code here.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, assert_clean, names_crate, product, sample, sources, without_comments};

/// What ARCHITECTURE.md says: crates with the files and folders that may name them, and crates that are used
/// wherever they are needed.
struct Homes {
    homes: BTreeMap<String, Vec<String>>,
    everywhere: BTreeSet<String>,
}

impl Homes {
    /// From the section on third-party crates: a sentence that begins with "Used wherever", and a table of
    /// crates and homes.
    fn read() -> Homes {
        let text = sources(&["ARCHITECTURE.md"], &["ARCHITECTURE.md"]).remove(0).text;
        let section = text.split("## Third-party crates").nth(1).expect("the section");
        let section = section.split("\n## ").next().expect("its text");
        let mut found = Homes { homes: BTreeMap::new(), everywhere: BTreeSet::new() };
        for paragraph in
            section.split("\n\n").filter(|paragraph| paragraph.trim_start().starts_with("Used wherever"))
        {
            found.everywhere.extend(quoted(paragraph));
        }
        for row in section.lines().filter(|line| line.starts_with("| `")) {
            let mut cells = row.split('|').skip(1);
            let (names, places) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
            for name in quoted(names) {
                found.homes.entry(name).or_default().extend(quoted(places));
            }
        }
        found
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Crates named outside of their homes, and homes that do not name them.
fn check_homes(sources: &[Source], homes: &Homes) -> Vec<String> {
    let mut complaints = Vec::new();
    let code: Vec<(&str, String)> =
        sources.iter().map(|s| (s.path.as_str(), without_comments(&s.text))).collect();
    for (name, places) in &homes.homes {
        let users: Vec<&str> =
            code.iter().filter(|(_, text)| names_crate(text, name)).map(|(path, _)| *path).collect();
        for user in users.iter().filter(|user| !places.iter().any(|home| user.starts_with(home.as_str()))) {
            complaints.push(format!("{user}: `{name}` is named outside its home"));
        }
        for home in places.iter().filter(|home| !users.iter().any(|user| user.starts_with(home.as_str()))) {
            complaints.push(format!(
                "{home}: ARCHITECTURE.md says that `{name}` lives there, and nothing names it"
            ));
        }
    }
    complaints
}

/// The dependencies of the crates, as code names them.
fn dependencies() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for manifest in sources(&["Cargo.toml", "index/Cargo.toml", "python/Cargo.toml"], &["Cargo.toml"]) {
        let mut inside = false;
        for line in manifest.text.lines() {
            if line.starts_with('[') {
                inside = line == "[dependencies]";
            } else if let (true, Some((name, _))) = (inside, line.split_once(" = ")) {
                names.insert(name.replace('-', "_"));
            }
        }
    }
    names
}

#[test]
fn third_party_crates_stay_at_home() {
    let homes = Homes::read();
    assert!(homes.homes.len() > 20, "the table is not where this test looks");
    assert_clean(&check_homes(&product(), &homes));
}

#[test]
fn architecture_names_every_dependency_and_no_other() {
    let homes = Homes::read();
    let known: BTreeSet<String> = homes.homes.keys().cloned().chain(homes.everywhere).collect();
    let ours = |name: &String| name.starts_with("aesearch");
    let dependencies: BTreeSet<String> = dependencies().into_iter().filter(|name| !ours(name)).collect();
    assert_eq!(known, dependencies);
}

#[test]
fn a_crate_away_from_home_is_found() {
    let homes = |pairs: &[(&str, &str)]| Homes {
        homes: pairs.iter().map(|(name, home)| ((*name).to_owned(), vec![(*home).to_owned()])).collect(),
        everywhere: BTreeSet::new(),
    };
    let wrong = [
        ("src/gallery/mod.rs", "use ort::Session;"),
        ("src/gallery/mod.rs", "fn f() -> ::ort::Session {}"),
        ("src/gallery/mod.rs", "use ::ort;"),
        ("examples/a.rs", "use ort::Session;"),
        ("src/train/mod.rs", "use {ort::Session};"),
        ("src/eval/mod.rs", "use ort as runtime;"),
    ];
    let mut at_home = sample("src/runtime/mod.rs", "use ort::Session;");
    for (path, text) in wrong {
        at_home.truncate(1);
        at_home.extend(sample(path, text));
        assert_eq!(check_homes(&at_home, &homes(&[("ort", "src/runtime/")])).len(), 1, "{path}: {text}");
    }
    assert_eq!(check_homes(&at_home[..1], &homes(&[("ort", "src/onnx/")])).len(), 2);
    let right = [
        ("src/images/codec.rs", "use image::ImageReader;"),
        ("src/eval/mod.rs", "let x = a.zip(b); let image = crate::image::f(); <T as A>::image::f();"),
        ("src/eval/mod.rs", "// image::Reader lives elsewhere"),
    ];
    let mut codec = sample("src/images/codec.rs", "use image::ImageReader;");
    for (path, text) in right {
        codec.truncate(1);
        codec.extend(sample(path, text));
        assert_clean(&check_homes(&codec, &homes(&[("image", "src/images/codec.rs")])));
    }
}
