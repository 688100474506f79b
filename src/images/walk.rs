//! From what the user pointed at to a list of items, in an order that is the same everywhere.
//!
//! Folders are walked to their depth, names in byte order; hidden ones, ignored ones and links to folders are left out unless
//! asked for. Every folder is entered once only, so a loop of links ends. Image files are not opened here; containers are listed.
//! Nothing that is not a plain file or a folder is ever opened.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::containers::{Container, Format, Found as Recognised, recognise};
use super::item::{Item, Origin};
use super::load::{NO_FILE, io_reason};
use super::resolve::splits;
use super::rules::{self, Rules, Typed};
use super::sniff::{self, Content};
use super::{Limits, Skipped, resolve};
use crate::{Error, Result};

/// The folder of an index, which holds no images of the user's.
const INDEX_FOLDER: &str = ".aesearch";

/// Duplicates that were moved away lie in a folder that ends so, and are no part of the collection any more...
pub const MOVED_AWAY: &str = "duplicates";
/// ... where beside it, with this ending, the journal lies that tells of them.
pub const JOURNAL: &str = "journal";

/// What a walk takes and what it leaves out.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Patterns with the rules of `.gitignore`, relative to each root: what matches is left out.
    pub exclude: Vec<String>,
    /// Whether to take files and folders whose name begins with a dot.
    pub hidden: bool,
    /// Whether to enter folders that are reached by a link.
    pub follow: bool,
    /// What to do with a path that does not exist.
    pub missing: Missing,
    /// What one image may cost; larger ones inside archives are among the skipped.
    pub limits: Limits,
}

/// What a path of the user's that does not exist is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// An error: it was typed wrong.
    #[default]
    Refuse,
    /// Skipped: a list may be older than the files.
    Skip,
}

/// What some paths hold.
#[derive(Debug, Default)]
pub struct Walk {
    /// The images, paths in the order given, the content of a folder sorted.
    pub items: Vec<Item>,
    /// What looked like images and cannot be used.
    pub skipped: Vec<Skipped>,
    /// Folders and containers of which not all could be seen: what an index knows below them may well be there still.
    pub unread: Vec<PathBuf>,
    /// Links to folders that were not entered.
    pub links: usize,
}

/// Lists the images in `data`: folders, image files, containers. What was named by the user and holds no image is among the
/// skipped; so is, inside folders, what has the name of an image or of a container but is none. Other files inside folders
/// (texts, say) are left out silently. An image reached twice counts once. What is named by the user is taken even if it is
/// hidden, ignored, or a link. An entry of a container may be named as an index calls it.
///
/// # Errors
/// A path of `data` does not exist (see [`Missing`]) or cannot be looked at; a pattern that is none.
pub fn walk(data: &[PathBuf], options: &WalkOptions) -> Result<Walk> {
    let typed = rules::typed(&options.exclude)?;
    let mut walker = Walker::new(options, &typed);
    let mut entries = Vec::new(); // looked for together, so that a container is listed once
    for path in data {
        match fs::metadata(path) {
            Ok(metadata) => {
                walker.rules = Rules::new(path, &typed);
                walker.visit(path, metadata.file_type(), Found::ByUser);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_entry_name(path) => {
                entries.push(path);
            }
            Err(error) if options.missing == Missing::Skip => {
                walker.unreadable(path, error);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::invalid(format!("{}: no such file or folder", path.display())));
            }
            Err(error) => return Err(Error::io(path, error)),
        }
    }
    let names = entries.iter().map(|path| path.as_os_str().as_encoded_bytes());
    for (path, found) in entries.iter().zip(resolve::resolve(names, Path::new(""))) {
        match found {
            Ok(item) => walker.walk.items.push(item),
            Err(reason) if options.missing == Missing::Skip => drop(walker.skip(path, reason)),
            Err(reason) => return Err(Error::invalid(format!("{}: {reason}", path.display()))),
        }
    }
    walker.drop_namesakes();
    Ok(walker.walk)
}

/// Whether the path may mean an entry of a container, `photos.tar#2019/a.jpg`.
fn is_entry_name(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().contains(&b'#')
}

/// How a path was come by: more is told of what the user named.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    ByUser,
    InFolder,
}

struct Walker<'a> {
    options: &'a WalkOptions,
    rules: Rules,
    walk: Walk,
    /// Canonical paths of the folders entered.
    folders: HashSet<PathBuf>,
    /// Files the user resolve, by the canonical path of their folder, so that a folder does not bring them again.
    named: HashSet<PathBuf>,
    /// Files that the rules left out, called likewise: the user may name one of them after all.
    ignored: HashSet<PathBuf>,
    /// The label of the last file, shared with the next of the same folder.
    label: Option<Arc<str>>,
    /// The first item of each container, by its path.
    containers: HashMap<Vec<u8>, usize>,
    /// The items that may be called as an entry of another container: those with a `#` in their path.
    ambiguous: Vec<usize>,
}

impl<'a> Walker<'a> {
    fn new(options: &'a WalkOptions, typed: &Typed) -> Self {
        Walker {
            options,
            rules: Rules::new(Path::new(""), typed),
            walk: Walk::default(),
            folders: HashSet::new(),
            named: HashSet::new(),
            ignored: HashSet::new(),
            label: None,
            containers: HashMap::new(),
            ambiguous: Vec::new(),
        }
    }

    /// Adds what the path holds to the items or the skipped; like the methods below, false if that is nothing at all.
    fn visit(&mut self, path: &Path, kind: FileType, found: Found) -> bool {
        if kind.is_dir() {
            self.visit_folder(path, found)
        } else if !kind.is_file() {
            self.skip(path, NO_FILE)
        } else if found == Found::ByUser && self.is_known(path) {
            true
        } else {
            self.visit_file(path, found)
        }
    }

    fn visit_folder(&mut self, path: &Path, found: Found) -> bool {
        let links = self.walk.links;
        match self.visit_entries(path) {
            Err(error) => {
                self.walk.unread.push(path.to_path_buf());
                self.skip(path, io_reason(error))
            }
            Ok(true) => true,
            Ok(false) if sniff::is_image_name(path) => {
                self.skip(path, "a folder, not an image file, and no image in it")
            }
            Ok(false) if found == Found::ByUser && self.walk.links > links => {
                let n = self.walk.links - links;
                self.skip(
                    path,
                    format!("no image in this folder: links to folders in it ({n}) were not followed"),
                )
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
        let entries = sorted_entries(folder)?;
        if let Err(reason) = self.rules.enter(folder) {
            self.skip(&folder.join(rules::FILE_NAME), reason);
        }
        let mut any = false;
        for (name, kind) in entries {
            if !self.is_wanted(&name) {
                continue;
            }
            let path = folder.join(&name);
            if !self.named.is_empty() && self.named.contains(&canonical.join(&name)) {
                any = true;
                continue;
            }
            any |= self.visit_entry(&path, kind, &canonical);
        }
        self.rules.leave(folder);
        Ok(any)
    }

    fn is_wanted(&self, name: &OsStr) -> bool {
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        !is_hidden || (self.options.hidden && name != INDEX_FOLDER)
    }

    fn visit_entry(&mut self, path: &Path, kind: FileType, canonical_folder: &Path) -> bool {
        // only a link costs another question to the system
        let is_link = kind.is_symlink();
        let kind = if is_link { fs::metadata(path).map(|metadata| metadata.file_type()) } else { Ok(kind) };
        let is_dir = kind.as_ref().is_ok_and(FileType::is_dir);
        if self.rules.ignores(path, is_dir) {
            if !is_dir {
                self.ignored.extend(path.file_name().map(|name| canonical_folder.join(name)));
            }
            return false;
        }
        match kind {
            Ok(kind) if kind.is_dir() && is_moved_away(path) => false,
            Ok(kind) if is_link && kind.is_dir() && !self.options.follow => {
                self.walk.links += 1;
                false
            }
            Ok(kind) => self.visit(path, kind, Found::InFolder),
            Err(error) => self.unreadable(path, error),
        }
    }

    /// Whether this file came before, by its name or with its folder; from now on it has.
    fn is_known(&mut self, path: &Path) -> bool {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (Ok(folder), Some(name)) = (folder.canonicalize(), path.file_name()) else { return false };
        let file = folder.join(name);
        let came_along =
            self.folders.contains(&folder) && self.is_wanted(name) && !self.ignored.contains(&file);
        came_along || !self.named.insert(file)
    }

    fn visit_file(&mut self, path: &Path, found: Found) -> bool {
        if sniff::is_image_name(path) {
            return self.add_file(path);
        }
        let recognised = match recognise(path) {
            Ok(recognised) => recognised,
            Err(error) => return self.unreadable(path, error),
        };
        match recognised {
            Recognised::Container(format) => self.add_container(path, format, found),
            Recognised::Misnamed(what) => {
                self.walk.unread.push(path.to_path_buf());
                self.skip(path, format!("named as {what}, but its content is none"))
            }
            Recognised::Other(Content::Image | Content::NotBuiltIn(_)) => self.add_file(path),
            _ if found == Found::InFolder => false,
            Recognised::SomeZip => self.add_container(path, Format::Zip, found),
            Recognised::Other(Content::IdxLabels) => {
                self.skip(path, "idx: labels or numbers, not images: name the images file")
            }
            Recognised::Other(Content::Gzip) => {
                self.skip(path, "compressed by gzip, but neither an IDX file of images nor a tar archive")
            }
            // TGA under another name, or nothing known: decoding it will tell
            Recognised::Other(_) => self.add_file(path),
        }
    }

    fn add_file(&mut self, path: &Path) -> bool {
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
        if self.label.as_deref() != folder.as_deref() {
            self.label = folder.map(Arc::from);
        }
        if path.as_os_str().as_encoded_bytes().contains(&b'#') {
            self.ambiguous.push(self.walk.items.len());
        }
        let origin = Origin::File { path: path.to_path_buf(), label: self.label.clone() };
        self.walk.items.push(Item { origin });
        true
    }

    fn add_container(&mut self, path: &Path, format: Format, found: Found) -> bool {
        let opened = match Container::open(path, format, &self.options.limits) {
            Ok(opened) => opened,
            Err(reason) => {
                self.walk.unread.push(path.to_path_buf());
                return self.skip(path, reason);
            }
        };
        if opened.is_partial {
            self.walk.unread.push(path.to_path_buf());
        }
        let any_skipped = !opened.skipped.is_empty();
        self.walk.skipped.extend(opened.skipped);
        match opened.container {
            Some(container) => {
                let container = Arc::new(container);
                let first = self.walk.items.len();
                let name = path.as_os_str().as_encoded_bytes();
                if name.contains(&b'#') {
                    self.ambiguous.extend(first..first + container.len());
                }
                self.containers.insert(name.to_vec(), first);
                let items = (0..container.len() as u32)
                    .map(|index| Item { origin: Origin::Entry { container: container.clone(), index } });
                self.walk.items.extend(items);
                true
            }
            None if any_skipped => true,
            None if found == Found::ByUser => self.skip(path, no_image_in(format)),
            None => false,
        }
    }

    /// Drops of two images of one name the later: the file `a.zip#b.png` is called as the entry `b.png` of `a.zip` beside it.
    fn drop_namesakes(&mut self) {
        let items = &self.walk.items;
        let mut twice = HashSet::new();
        for &at in &self.ambiguous {
            let (name, own) = match &items[at].origin {
                Origin::Entry { container, .. } => (items[at].name(), container.path().as_os_str().len()),
                Origin::File { .. } => (items[at].name(), 0),
            };
            for (path, entry) in splits(&name).filter(|(path, _)| path.len() != own) {
                let Some(&first) = self.containers.get(path) else { continue };
                let Origin::Entry { container, .. } = &items[first].origin else { continue };
                twice.extend(container.find(entry).map(|i| at.max(first + i)));
            }
        }
        if twice.is_empty() {
            return;
        }
        for (at, item) in std::mem::take(&mut self.walk.items).into_iter().enumerate() {
            if twice.contains(&at) {
                self.walk.skipped.push(Skipped::new(item.name(), "another image has this name"));
            } else {
                self.walk.items.push(item);
            }
        }
    }

    /// Skips what may be there all the same, unless it is not.
    fn unreadable(&mut self, path: &Path, error: std::io::Error) -> bool {
        if error.kind() != std::io::ErrorKind::NotFound {
            self.walk.unread.push(path.to_path_buf());
        }
        self.skip(path, io_reason(error))
    }

    fn skip(&mut self, path: &Path, reason: impl Into<String>) -> bool {
        self.walk.skipped.push(Skipped::new(path.as_os_str().as_encoded_bytes(), reason));
        true
    }
}

/// Whether this is the folder of a plan's duplicates that were moved away.
fn is_moved_away(folder: &Path) -> bool {
    folder.extension().is_some_and(|ending| ending == MOVED_AWAY) && folder.with_extension(JOURNAL).is_file()
}

/// Why a sound container brings nothing.
fn no_image_in(format: Format) -> &'static str {
    match format {
        Format::Npy | Format::Npz => {
            "no array of images in it: expected uint8, [N, H, W] or [N, H, W, 1 or 3]"
        }
        Format::Parquet => "no column of images in it: expected bytes, or a struct with `bytes`",
        _ => "no image in this archive",
    }
}

/// What lies in a folder, by name in byte order.
fn sorted_entries(folder: &Path) -> std::io::Result<Vec<(OsString, FileType)>> {
    let entries = fs::read_dir(folder)?
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))));
    let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_unstable_by(|(a, _), (b, _)| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(entries)
}

#[cfg(test)]
mod tests;
