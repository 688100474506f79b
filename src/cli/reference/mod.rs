//! In tests: what of `docs/reference/` is made from the program, and whether it is up to date.
//!
//! `AESEARCH_BLESS=1 cargo test --lib reference` writes it anew.

mod documents;
mod verbs;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::commands::schemas::shapes;

const COMMAND: &str = "AESEARCH_BLESS=1 cargo test --lib reference";
/// The head of a page that is made.
const MADE: &str = "<!-- Made from the program by: AESEARCH_BLESS=1 cargo test --lib reference -->";

fn made(page: &str) -> String {
    format!("{MADE}\n\n{page}")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference")
}

/// The file is as it would be made now; else it is made, if that is asked for.
fn assert_fresh(path: &Path, text: &str) {
    if std::env::var_os("AESEARCH_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == text, "{}: not up to date; make it anew by: {COMMAND}", path.display());
}

#[test]
fn the_page_of_commands_is_up_to_date() {
    assert_fresh(&folder().join("cli.md"), &made(&verbs::page()));
}

#[test]
fn the_page_of_documents_is_up_to_date() {
    assert_fresh(&folder().join("json.md"), &made(&documents::page(&shapes())));
}

#[test]
fn the_schemas_are_up_to_date_and_all_there() {
    let schemas = folder().join("schemas");
    let mut names = BTreeSet::new();
    for shape in shapes() {
        let name = shape.name() + ".json";
        assert_fresh(&schemas.join(&name), &(serde_json::to_string_pretty(&shape.schema).unwrap() + "\n"));
        names.insert(name);
    }
    let found = std::fs::read_dir(&schemas).unwrap().map(|entry| entry.unwrap().file_name());
    let found: BTreeSet<String> = found.map(|name| name.to_string_lossy().into_owned()).collect();
    assert_eq!(found, names);
}
