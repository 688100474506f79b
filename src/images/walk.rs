//! From paths to a list of items, in an order that is the same on every machine.
//!
//! `walker` goes through folders and files. Added here: a path may name an entry of a container, and of two
//! images with the same name only the first is kept.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Skipped;
use super::item::Origin;
use super::names::splits;
use super::resolve::resolve;
use super::rules;
use super::walker::{Missing, Walk, WalkOptions, Walker};
use crate::cloud::is_url;
use crate::error::NO_SUCH_FILE;
use crate::{Error, Result};

/// Lists the images in `data`: folders, image files, containers, and entries of containers by the names that
/// an index has for them; with the feature `cloud` also buckets, prefixes and objects by their URLs.
///
/// A path of `data` that holds no image is skipped with a reason; so is a file inside a folder that is named
/// as an image or a container but is neither. Other files inside folders, such as texts, are left out
/// silently. An image that is reached twice counts once. Paths of `data` are used even if they are hidden,
/// ignored, or links.
///
/// # Errors
/// A path of `data` does not exist (see [`Missing`]) or cannot be read, or a pattern to exclude is not a
/// glob.
pub fn walk(data: &[PathBuf], options: &WalkOptions) -> Result<Walk> {
    let typed = rules::typed(&options.exclude)?;
    let mut walker = Walker::new(options, &typed);
    let mut entries = Vec::new(); // resolved together, so that each container is listed once
    for path in data {
        if is_url(path.as_os_str().as_encoded_bytes()) {
            walker.visit_url(path)?;
            continue;
        }
        match fs::metadata(path) {
            Ok(metadata) => walker.visit_root(path, &metadata),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_entry_name(path) => {
                if !walker.visit_column(path) {
                    entries.push(path);
                }
            }
            Err(error) if options.missing == Missing::Skip => {
                walker.unreadable(path, error);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::not_found(format!("{}: {NO_SUCH_FILE}", path.display())));
            }
            Err(error) => return Err(Error::io(path, error)),
        }
    }
    walker.decide();
    let mut known: HashSet<Vec<u8>> = match entries.is_empty() {
        true => HashSet::new(),
        false => walker.walk.items.iter().map(|item| item.name().into_owned()).collect(),
    };
    let names = entries.iter().map(|path| path.as_os_str().as_encoded_bytes());
    for (path, found) in entries.iter().zip(resolve(names, Path::new(""))) {
        match found {
            Ok(item) if !known.insert(item.name().into_owned()) => {}
            Ok(item) => walker.walk.items.push(item),
            Err(reason) if options.missing == Missing::Skip => drop(walker.skip(path, reason)),
            Err(reason) => return Err(Error::not_found(format!("{}: {reason}", path.display()))),
        }
    }
    if let Some(error) = walker.failed {
        return Err(error);
    }
    drop_namesakes(&mut walker);
    Ok(walker.walk)
}

/// Whether the path may mean an entry of a container, `photos.tar#2019/a.jpg`.
fn is_entry_name(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().contains(&b'#')
}

/// Keeps the first of two images with the same name: the file `a.zip#b.png` has the name of the entry `b.png`
/// in `a.zip` beside it.
fn drop_namesakes(walker: &mut Walker<'_>) {
    let items = &walker.walk.items;
    let mut twice = HashSet::new();
    for &at in &walker.ambiguous {
        let (name, own) = match &items[at].origin {
            Origin::Entry { container, .. } => (items[at].name(), container.path().as_os_str().len()),
            Origin::File { .. } | Origin::Remote { .. } | Origin::Memory { .. } => (items[at].name(), 0),
        };
        for (path, entry) in splits(&name).filter(|(path, _)| path.len() != own) {
            let Some(&first) = walker.containers.get(path) else { continue };
            let Origin::Entry { container, .. } = &items[first].origin else { continue };
            twice.extend(container.find(entry).map(|i| at.max(first + i)));
        }
    }
    if twice.is_empty() {
        return;
    }
    for (at, item) in std::mem::take(&mut walker.walk.items).into_iter().enumerate() {
        if twice.contains(&at) {
            walker.walk.skipped.push(Skipped::new(item.name(), "another image has this name"));
        } else {
            walker.walk.items.push(item);
        }
    }
}

#[cfg(test)]
mod tests;
