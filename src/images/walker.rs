//! One walk through folders and files: which images they hold, and what could not be used.
//!
//! Folders are walked to their full depth, names in byte order; hidden ones, ignored ones and links to
//! folders are left out unless asked for. Every folder is entered once only, so a loop of links ends. Image
//! files are not opened here; containers are listed. Only plain files and folders are ever opened.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::containers::{Container, ContainerFormat, Found as Recognised, Opened, recognise};
use super::films::{self, Fault, KnownFilms, Video};
use super::item::{Item, Origin};
use super::names::{folder_name, path_of, splits};
use super::plain_file::{NO_FILE, io_reason};
use super::rules::{self, Rules, Typed};
use super::sniff::{self, Content};
use super::{Frames, Limits, Skipped};
use crate::{Error, Result};

mod urls;

/// The folder of an index, which holds no images of the user.
const INDEX_FOLDER: &str = ".aesearch";

/// Duplicates that were moved away are in a folder with this extension. They are no longer part of the
/// collection...
pub const MOVED_AWAY: &str = "duplicates";
/// ... if their journal is beside that folder, with this extension.
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
    /// Which pictures are taken of image files that hold several. (Inside archives it is always the first.)
    pub frames: Frames,
    /// Which pictures are taken of films.
    pub video: Video,
    /// Films whose pictures are known from before.
    pub films: KnownFilms,
    /// What one image may cost; larger ones inside archives are among the skipped.
    pub limits: Limits,
}

/// How to treat a path of the user that does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// As an error: it was mistyped.
    #[default]
    Refuse,
    /// Skip it: a list of files may be out of date.
    Skip,
}

/// What some paths hold.
#[derive(Debug, Default)]
pub struct Walk {
    /// The images, paths in the order given, the content of a folder sorted.
    pub items: Vec<Item>,
    /// What looked like images and cannot be used.
    pub skipped: Vec<Skipped>,
    /// Folders and containers that could not be read completely: images that an index has below them may
    /// still exist.
    pub unread: Vec<PathBuf>,
    /// Paths of the caller that hold no image: folders and containers.
    pub empty: Vec<PathBuf>,
    /// Links to folders that were not entered.
    pub links: usize,
    /// Films in folders, of which no pictures are wanted.
    pub films: usize,
}

/// What one path holds: a folder, an image file or a container.
///
/// # Errors
/// There is no such path, or the system does not tell.
pub(super) fn walk_path(path: &Path, options: &WalkOptions) -> Result<Walk> {
    let typed = rules::typed(&options.exclude)?;
    let mut walker = Walker { all_columns: true, ..Walker::new(options, &typed) };
    let metadata = fs::metadata(path).map_err(|error| Error::io(path, error))?;
    walker.visit_root(path, &metadata);
    Ok(walker.walk)
}

/// Where a path comes from: more is reported about what the user named.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    ByUser,
    InFolder,
}

/// A walk that is under way.
pub(super) struct Walker<'a> {
    options: &'a WalkOptions,
    typed: &'a Typed,
    rules: Rules,
    pub(super) walk: Walk,
    /// Whether to take all columns of a table that has several of images, rather than ask for one.
    all_columns: bool,
    /// Canonical paths of the folders entered.
    folders: HashSet<PathBuf>,
    /// Files that the user named, in the canonical path of their folder, so that they are not added again
    /// with that folder.
    named: HashSet<PathBuf>,
    /// The columns of tables that the user named, by table, likewise.
    columns: HashMap<PathBuf, HashSet<Vec<u8>>>,
    /// Tables of which a column must be named, in the same way, and what is said where none is.
    undecided: Vec<(PathBuf, Skipped)>,
    /// Files that the rules left out, likewise: the user may name one of them after all.
    ignored: HashSet<PathBuf>,
    /// The URLs of objects that were listed, where a second place in a bucket is.
    urls: Option<HashSet<Vec<u8>>>,
    /// The label of the last file, shared with the next of the same folder.
    label: Option<Arc<str>>,
    /// The first item of each container, by its path.
    pub(super) containers: HashMap<Vec<u8>, usize>,
    /// The items that may have the name of an entry of another container: those with a `#` in their path.
    pub(super) ambiguous: Vec<usize>,
    /// Why it makes no sense to go on.
    pub(super) failed: Option<Error>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(options: &'a WalkOptions, typed: &'a Typed) -> Self {
        Walker {
            options,
            typed,
            rules: Rules::new(Path::new(""), typed),
            walk: Walk::default(),
            all_columns: false,
            folders: HashSet::new(),
            named: HashSet::new(),
            columns: HashMap::new(),
            undecided: Vec::new(),
            ignored: HashSet::new(),
            urls: None,
            label: None,
            containers: HashMap::new(),
            ambiguous: Vec::new(),
            failed: None,
        }
    }

    /// Adds what a path that the user named holds.
    pub(super) fn visit_root(&mut self, path: &Path, metadata: &Metadata) {
        self.rules = Rules::new(path, self.typed);
        self.visit(path, metadata.file_type(), Found::ByUser);
    }

    /// Adds what the path holds to the items or the skipped; false, like the methods below, if that is
    /// nothing at all.
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
        let entered = self.visit_entries(path);
        if found == Found::ByUser && matches!(entered, Ok(false)) {
            self.walk.empty.push(path.to_path_buf());
        }
        match entered {
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
        /// Thumbnails and notes of a network storage, beside the images that they belong to.
        const NOTES: &str = "@eaDir";
        let is_hidden = name.as_encoded_bytes().starts_with(b".") || name == NOTES;
        !is_hidden || (self.options.hidden && name != INDEX_FOLDER)
    }

    fn visit_entry(&mut self, path: &Path, kind: FileType, canonical_folder: &Path) -> bool {
        // only for a link must the system be asked again
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

    /// Whether this file was added before, by its name or with its folder; notes that it is now.
    fn is_known(&mut self, path: &Path) -> bool {
        let Some((folder, name)) = place_of(path) else { return false };
        let file = folder.join(name);
        let came_with_folder =
            self.folders.contains(&folder) && self.is_wanted(name) && !self.ignored.contains(&file);
        came_with_folder || !self.named.insert(file)
    }

    fn visit_file(&mut self, path: &Path, found: Found) -> bool {
        if sniff::is_image_name(path) {
            return self.add_pictures(path);
        }
        if films::is_film(path) {
            return self.visit_film(path, found);
        }
        let recognised = match recognise(path) {
            Ok(recognised) => recognised,
            Err(error) => return self.unreadable(path, error),
        };
        match recognised {
            Recognised::Container(format) => self.add_container(path, format, found),
            Recognised::Misnamed(what) => {
                self.walk.unread.push(path.to_path_buf());
                self.skip(path, format!("named as {what}, but its content is not one"))
            }
            Recognised::Other(Content::Image | Content::Optional(_)) => self.add_pictures(path),
            _ if found == Found::InFolder => false,
            Recognised::SomeZip => self.add_container(path, ContainerFormat::Zip, found),
            Recognised::Other(Content::IdxLabels) => {
                self.skip(path, "idx: labels or numbers, not images: name the file with the images")
            }
            Recognised::Other(Content::Gzip) => {
                self.skip(path, "compressed by gzip, but neither an IDX file of images nor a tar archive")
            }
            // TGA under another name, or something unknown: decoding will show
            Recognised::Other(_) => self.add_file(path),
        }
    }

    /// Adds the pictures of a film that are wanted.
    fn visit_film(&mut self, path: &Path, found: Found) -> bool {
        let WalkOptions { video, films: known, limits, .. } = self.options;
        match found {
            _ if *video != Video::Off => {}
            Found::ByUser => {
                let what =
                    "a film: `video` takes pictures of it; one alone is named by its time, as #00:01:02";
                return self.skip(path, what);
            }
            Found::InFolder => {
                self.walk.films += 1;
                return false;
            }
        }
        if self.failed.is_some() {
            return false;
        }
        let times = known.times(path).map_or_else(|| films::list(path, *video, limits), Ok);
        match times.and_then(|times| Container::of_film(path, times).map_err(Fault::Film)) {
            Ok(opened) => return self.add_opened(path, opened),
            Err(Fault::Film(reason)) => {
                self.walk.unread.push(path.to_path_buf());
                return self.skip(path, reason);
            }
            Err(fault) => self.failed = Some(error_of(fault)),
        }
        false
    }

    /// Adds the pictures of an image file that are wanted: each under a name of its own where it holds several.
    fn add_pictures(&mut self, path: &Path) -> bool {
        let WalkOptions { frames, limits, .. } = self.options;
        if *frames == Frames::First {
            return self.add_file(path);
        }
        match Container::of_pictures(path, *frames, limits) {
            Ok(Some(opened)) => self.add_opened(path, opened),
            Ok(None) => self.add_file(path),
            // which pictures it holds is not known now
            Err(error) => self.unreadable(path, error),
        }
    }

    fn add_file(&mut self, path: &Path) -> bool {
        let folder = folder_name(path);
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

    fn add_container(&mut self, path: &Path, format: ContainerFormat, found: Found) -> bool {
        let opened = match Container::open(path, format, &self.options.limits) {
            Ok(opened) => opened,
            Err(reason) => {
                self.walk.unread.push(path.to_path_buf());
                return self.skip(path, reason);
            }
        };
        match opened {
            Opened { container: None, skipped, .. } if skipped.is_empty() => match found {
                Found::ByUser => {
                    self.walk.empty.push(path.to_path_buf());
                    self.skip(path, no_image_in(format))
                }
                Found::InFolder => false,
            },
            opened => self.add_opened(path, opened),
        }
    }

    /// Adds what came of listing a container.
    fn add_opened(&mut self, path: &Path, opened: Opened) -> bool {
        if opened.is_partial {
            self.walk.unread.push(path.to_path_buf());
        }
        self.walk.skipped.extend(opened.skipped);
        let Some(container) = opened.container.map(Arc::new) else { return true };
        if let (false, columns @ [first, _, ..]) = (self.all_columns, &container.columns()[..]) {
            self.walk.unread.push(path.to_path_buf());
            let (path_shown, columns) = (path.display(), columns.join(", "));
            let reason = format!("several columns hold images: {columns}; name one: {path_shown}#{first}");
            let place = place_of(path).map_or_else(|| path.to_path_buf(), |(folder, name)| folder.join(name));
            self.undecided.push((place, Skipped::new(path.as_os_str().as_encoded_bytes(), reason)));
            return true;
        }
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

    /// Adds the images of a column of a table, `faces.parquet#image`; false where the path is none.
    pub(super) fn visit_column(&mut self, path: &Path) -> bool {
        splits(path.as_os_str().as_encoded_bytes()).any(|(table, column)| {
            let table = path_of(table);
            let Ok(Recognised::Container(format @ ContainerFormat::Parquet)) = recognise(&table) else {
                return false;
            };
            let Ok(opened) = Container::open(&table, format, &self.options.limits) else { return false };
            let Some(container) = opened.container.map(Arc::new) else { return false };
            let Some(entries) = container.column(column) else { return false };
            if self.is_known_column(&table, column, container.columns().len()) {
                return true;
            }
            self.walk.skipped.extend(opened.skipped);
            let item =
                |index| Item { origin: Origin::Entry { container: container.clone(), index: index as u32 } };
            self.walk.items.extend(entries.map(item));
            true
        })
    }

    /// Whether this column, one of so many of a table, was added before; notes that it is now. The only column
    /// is the same as the table.
    fn is_known_column(&mut self, table: &Path, column: &[u8], n_columns: usize) -> bool {
        match place_of(table) {
            Some((folder, name)) if n_columns > 1 => {
                !self.columns.entry(folder.join(name)).or_default().insert(column.to_vec())
            }
            _ => self.is_known(table),
        }
    }

    /// Skips the tables of which a column must be named and none was.
    pub(super) fn decide(&mut self) {
        let undecided = std::mem::take(&mut self.undecided).into_iter();
        let unnamed = undecided.filter(|(table, _)| !self.columns.contains_key(table));
        self.walk.skipped.extend(unnamed.map(|(_, skipped)| skipped));
    }

    /// Skips a path that cannot be read, but may exist.
    pub(super) fn unreadable(&mut self, path: &Path, error: std::io::Error) -> bool {
        if error.kind() != std::io::ErrorKind::NotFound {
            self.walk.unread.push(path.to_path_buf());
        }
        self.skip(path, io_reason(error))
    }

    pub(super) fn skip(&mut self, path: &Path, reason: impl Into<String>) -> bool {
        self.walk.skipped.push(Skipped::new(path.as_os_str().as_encoded_bytes(), reason));
        true
    }
}

/// The canonical path of a file's folder, and the name of the file.
fn place_of(file: &Path) -> Option<(PathBuf, &OsStr)> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some((folder.canonicalize().ok()?, file.file_name()?))
}

/// Whether this is the folder of a plan's duplicates that were moved away.
fn is_moved_away(folder: &Path) -> bool {
    folder.extension().is_some_and(|ending| ending == MOVED_AWAY) && folder.with_extension(JOURNAL).is_file()
}

/// Why no film can be read.
fn error_of(fault: Fault) -> Error {
    match fault {
        Fault::NoProgram => Error::not_found("ffmpeg: to take pictures of films, expected it on the PATH, got none")
            .with_hint(
                "install it (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg), or leave films out with \
                 `video` off",
            ),
        Fault::Interrupted => Error::Interrupted,
        Fault::NotBuilt => Error::unsupported("films: this program was built without the feature that reads them"),
        Fault::Film(reason) => Error::invalid(reason),
    }
}

/// Why a sound container has no items.
fn no_image_in(format: ContainerFormat) -> &'static str {
    match format {
        ContainerFormat::Npy | ContainerFormat::Npz => {
            "no array of images in it: expected uint8, [N, H, W] or [N, H, W, 1 or 3]"
        }
        ContainerFormat::Parquet => "no column of images in it: expected bytes, or a struct with `bytes`",
        _ => "no image in this archive",
    }
}

/// The entries of a folder, by name in byte order.
fn sorted_entries(folder: &Path) -> std::io::Result<Vec<(OsString, FileType)>> {
    let entries = fs::read_dir(folder)?
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))));
    let mut entries = entries.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_unstable_by(|(a, _), (b, _)| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(entries)
}
