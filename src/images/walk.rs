//! From what the user pointed at to a list of items, in an order that is the same everywhere.
//!
//! Folders are walked to their depth, names in byte order, hidden ones left out. Links are followed, but every folder is entered
//! once only, so a loop of links ends. Image files are not opened here; IDX files are read whole, since only that tells whether
//! all their entries are there. Nothing that is not a plain file or a folder is ever opened.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Skipped;
use super::idx::Container;
use super::item::{Item, Origin};
use super::load::io_reason;
use super::sniff::{self, Content};
use crate::{Error, Result};

/// What some paths hold.
#[derive(Debug, Default)]
pub struct Walk {
    /// The images, paths in the order given, the content of a folder sorted.
    pub items: Vec<Item>,
    /// What looked like images and cannot be used.
    pub skipped: Vec<Skipped>,
}

/// Lists the images in `data`: folders, image files, IDX files. What was named by the user and holds no image is among the
/// skipped; so is, inside folders, what has the name of an image or of an IDX file but is none. Other files inside folders
/// (texts, say) are left out silently. An image reached twice counts once.
///
/// # Errors
/// A path of `data` does not exist or cannot be looked at.
pub fn walk(data: &[PathBuf]) -> Result<Walk> {
    let mut walker = Walker::default();
    for path in data {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::usage(format!("{}: no such file or folder", path.display()))
            }
            _ => Error::io(path, error),
        })?;
        walker.visit(path, metadata.file_type(), Found::ByUser);
    }
    Ok(walker.walk)
}

/// How a path was come by: more is told of what the user named.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    ByUser,
    InFolder,
}

#[derive(Default)]
struct Walker {
    walk: Walk,
    /// Canonical paths of the folders entered.
    folders: HashSet<PathBuf>,
    /// Files the user named, by the canonical path of their folder, so that a folder does not bring them again.
    named: HashSet<PathBuf>,
    /// The label of the last file, shared with the next of the same folder.
    label: Option<Arc<str>>,
}

impl Walker {
    /// Adds what the path holds to the items or the skipped; like the methods below, false if that is nothing at all.
    fn visit(&mut self, path: &Path, kind: FileType, found: Found) -> bool {
        if kind.is_dir() {
            self.visit_folder(path, found)
        } else if !kind.is_file() {
            self.skip(path, "neither a file nor a folder: not opened")
        } else if found == Found::ByUser && self.is_known(path) {
            true
        } else {
            self.visit_file(path, found)
        }
    }

    fn visit_folder(&mut self, path: &Path, found: Found) -> bool {
        match self.visit_entries(path) {
            Err(error) => self.skip(path, io_reason(error)),
            Ok(true) => true,
            Ok(false) if sniff::is_image_name(path) => {
                self.skip(path, "a folder, not an image file, and no image in it")
            }
            Ok(false) if found == Found::ByUser => self.skip(path, "no image in this folder"),
            Ok(false) => false,
        }
    }

    fn visit_entries(&mut self, folder: &Path) -> std::io::Result<bool> {
        let canonical = folder.canonicalize()?;
        if !self.folders.insert(canonical.clone()) {
            return Ok(true);
        }
        let mut any = false;
        for (name, kind) in visible_entries(folder)? {
            let path = folder.join(&name);
            if !self.named.is_empty() && self.named.contains(&canonical.join(&name)) {
                any = true;
                continue;
            }
            // only a link costs another question to the system
            let kind = if kind.is_symlink() { fs::metadata(&path).map(|m| m.file_type()) } else { Ok(kind) };
            any |= match kind {
                Ok(kind) => self.visit(&path, kind, Found::InFolder),
                Err(error) => self.skip(&path, io_reason(error)),
            };
        }
        Ok(any)
    }

    /// Whether this file came before, by its name or with its folder; from now on it has.
    fn is_known(&mut self, path: &Path) -> bool {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (Ok(folder), Some(name)) = (folder.canonicalize(), path.file_name()) else { return false };
        self.folders.contains(&folder) || !self.named.insert(folder.join(name))
    }

    fn visit_file(&mut self, path: &Path, found: Found) -> bool {
        if sniff::is_image_name(path) {
            return self.add_file(path);
        }
        let content = match content_of(path) {
            Ok(content) => content,
            Err(error) => return self.skip(path, io_reason(error)),
        };
        match content {
            Content::Idx => self.add_container(path),
            _ if sniff::is_idx_name(path) => self.add_container(path),
            Content::Image | Content::NotBuiltIn(_) => self.add_file(path),
            _ if found == Found::InFolder => false,
            Content::IdxLabels => self.skip(path, "idx: labels or numbers, not images: name the images file"),
            Content::Gzip => self.skip(path, "compressed by gzip, but no IDX file of images"),
            // TGA under another name, or nothing known: decoding it will tell
            Content::Unknown => self.add_file(path),
        }
    }

    fn add_file(&mut self, path: &Path) -> bool {
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
        if self.label.as_deref() != folder.as_deref() {
            self.label = folder.map(Arc::from);
        }
        self.walk.items.push(Item { origin: Origin::File(path.to_path_buf()), label: self.label.clone() });
        true
    }

    fn add_container(&mut self, path: &Path) -> bool {
        let container = match Container::open(path) {
            Ok(container) => Arc::new(container),
            Err(reason) => return self.skip(path, reason),
        };
        let labels = container.labels().unwrap_or_else(|(path, reason)| {
            self.skip(&path, reason);
            None
        });
        let names: Vec<Arc<str>> = (0..=u8::MAX).map(|label| label.to_string().into()).collect();
        self.walk.items.extend((0..container.len()).map(|index| Item {
            label: labels.as_ref().map(|labels| names[usize::from(labels[index])].clone()),
            origin: Origin::Entry { container: container.clone(), index },
        }));
        true
    }

    fn skip(&mut self, path: &Path, reason: impl Into<String>) -> bool {
        self.walk.skipped.push(Skipped { path: path.to_string_lossy().into_owned(), reason: reason.into() });
        true
    }
}

/// What lies in a folder, by name in byte order, without what is hidden.
fn visible_entries(folder: &Path) -> std::io::Result<Vec<(OsString, FileType)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            entries.push((name, entry.file_type()?));
        }
    }
    entries.sort_unstable_by(|(a, _), (b, _)| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(entries)
}

/// What a file's first bytes say; those of its content if it is compressed and holds IDX.
fn content_of(path: &Path) -> std::io::Result<Content> {
    let read_head = |stream: &mut dyn Read| {
        let mut head = Vec::with_capacity(sniff::HEAD);
        stream.take(sniff::HEAD as u64).read_to_end(&mut head).map(|_| sniff::sniff(&head))
    };
    match read_head(&mut File::open(path)?)? {
        Content::Gzip => {
            let inner = read_head(&mut flate2::read::MultiGzDecoder::new(File::open(path)?));
            // damage is told by whoever reads the whole
            Ok(inner.ok().filter(|c| matches!(c, Content::Idx | Content::IdxLabels)).unwrap_or(Content::Gzip))
        }
        content => Ok(content),
    }
}
