//! The pages can be read from one to the other: links and anchors of all of them resolve, and the book has
//! every page of `docs/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown page of the repository, by its path from the root.
fn pages() -> BTreeMap<PathBuf, String> {
    let mut pages = BTreeMap::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                // built, installed or indexed, not written
                let is_made =
                    (name.starts_with('.') && name != ".ci") || ["target", "node_modules"].contains(&&*name);
                folders.extend((!is_made).then_some(path));
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).expect("a page");
                pages.insert(path.strip_prefix(root()).expect("below the root").to_owned(), text);
            }
        }
    }
    pages
}

/// A page without its blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        is_code ^= fence;
        !is_code && !fence && !line.starts_with("    ")
    })
}

/// What the links of a page lead to, pictures among them.
fn links(text: &str) -> Vec<&str> {
    let targets = prose(text).flat_map(|line| line.split("](").skip(1));
    targets.filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://")).collect()
}

/// The names that links give its headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(anchor).collect()
}

/// `docs/a/../b.md` is `docs/b.md`.
fn tidied(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                tidied.pop();
            }
            Component::CurDir => {}
            part => tidied.push(part),
        }
    }
    tidied
}

#[test]
fn all_links_and_anchors_of_all_pages_resolve() {
    let pages = pages();
    let mut broken = Vec::new();
    let mut n_links = 0;
    for (page, text) in &pages {
        for link in links(text) {
            n_links += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => tidied(&page.parent().expect("a folder").join(file)),
            };
            let is_there = root().join(&target).exists();
            let has_heading = || pages.get(&target).is_some_and(|text| anchors(text).contains(heading));
            if !is_there || (!heading.is_empty() && !has_heading()) {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(n_links > 200, "the links are not where this test looks: {n_links}");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_of_docs_is_in_the_book_once() {
    let pages = pages();
    let summary = Path::new("docs/SUMMARY.md");
    let listed: Vec<PathBuf> =
        links(&pages[summary]).iter().map(|link| Path::new("docs").join(link)).collect();
    let docs = pages.keys().filter(|page| page.starts_with("docs") && *page != summary);
    let docs: BTreeSet<PathBuf> = docs.cloned().collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), docs);
    assert_eq!(listed.len(), docs.len(), "a page is listed twice");
}
