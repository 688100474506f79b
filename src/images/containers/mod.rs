//! Containers: files that hold many images, read where they lie. Nothing is unpacked to disk, nothing large is kept.
//!
//! | file | what it answers |
//! |---|---|
//! | `recognise` | is this file a container, and of which kind |
//! | `idx`, `npy`, `npz`, `cifar` | arrays of images of one size, and their labels |
//! | `arrays` | the images of such arrays by number |
//! | `tar`, `zip` | archives of image files |
//! | `entries` | names, places and labels of the images in an archive; which names are refused |
//! | `parquet`, `pages` | tables with a column of image files; which of their pages are refused |
//! | `labels` | a label for each entry, every text once |
//! | `stream` | packed bytes by position, without unpacking them again and again; bombs |
//! | `file` | a file by position, without holding it open |
//!
//! Everything in a container is claimed by somebody: sizes, names, counts. Each claim is checked before it costs anything, and
//! what is refused is named with its reason.

mod arrays;
mod cifar;
mod entries;
mod file;
mod idx;
mod labels;
mod npy;
mod npz;
mod pages;
mod parquet;
mod recognise;
mod stream;
mod tar;
mod zip;

use std::borrow::Cow;
use std::path::Path;

use self::arrays::Arrays;
use self::file::FileAt;
pub(super) use self::recognise::{Format, Found, is_container_name, recognise};
use super::load::Raw;
use super::{Limits, Skipped};

/// Most images in one container; what is beyond is refused.
const MAX_ENTRIES: u64 = 1 << 24;
/// Longest name of an entry, in bytes; what has a longer one is refused.
const MAX_NAME: usize = 4096;
/// Most entries of one container that are named where they are not used; the others are counted.
const MAX_NAMED: usize = 10_000;

/// A file of images, listed; shared by its items, and read from any thread.
pub(super) struct Container {
    file: FileAt,
    kind: Kind,
}

enum Kind {
    Arrays(Arrays),
    Tar(tar::Tar),
    Zip(zip::Zip),
    Table(parquet::Table),
}

/// What came of listing a container.
pub(super) struct Opened {
    /// The container; none if it is sound and holds no images.
    pub(super) container: Option<Container>,
    /// What is in it, or belongs to it, and cannot be used.
    pub(super) skipped: Vec<Skipped>,
    /// Whether some of it could not be listed, being damaged.
    pub(super) is_partial: bool,
}

impl Container {
    /// Lists a file that was recognised as a container.
    ///
    /// # Errors
    /// The reason why nothing of it can be used.
    pub(super) fn open(path: &Path, format: Format, limits: &Limits) -> Result<Opened, String> {
        let file = FileAt::new(path)?;
        let mut skips = Skips::new(path);
        let mut arrays = |(arrays, skipped): (Arrays, Vec<Skipped>)| {
            skips.list.extend(skipped);
            Kind::Arrays(arrays)
        };
        let kind = match format {
            Format::Idx { is_gzip } => Some(arrays(idx::open(&file, is_gzip)?)),
            Format::Npy => match npy::open(&file) {
                Ok(opened) => Some(arrays(opened)),
                Err((_, false)) => None,
                Err((reason, true)) => return Err(reason),
            },
            Format::Npz => npz::open(&file, &mut skips)?.map(Kind::Arrays),
            Format::Cifar(kind) => Some(Kind::Arrays(cifar::open(&file, kind)?)),
            Format::Tar { is_gzip } => Some(Kind::Tar(tar::Tar::open(&file, is_gzip, limits, &mut skips)?)),
            Format::Zip => Some(Kind::Zip(zip::Zip::open(&file, limits, &mut skips)?)),
            Format::Parquet => parquet::Table::open(&file, &mut skips)?.map(Kind::Table),
        };
        let container = kind.map(|kind| Container { file, kind }).filter(|container| container.len() > 0);
        Ok(Opened { container, is_partial: skips.is_partial, skipped: skips.finish() })
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Bytes and time of change of the file.
    pub(super) fn quick_stamp(&self) -> (u64, i64) {
        self.file.stamp()
    }

    /// Number of images.
    pub(super) fn len(&self) -> usize {
        match &self.kind {
            Kind::Arrays(arrays) => arrays.len(),
            Kind::Tar(tar) => tar.entries().len(),
            Kind::Zip(zip) => zip.entries().len(),
            Kind::Table(table) => table.len(),
        }
    }

    /// What image `index` is called in the container: `17`, `x_test/17`, `cats/1.png`.
    pub(super) fn entry_name(&self, index: usize) -> Cow<'_, [u8]> {
        match &self.kind {
            Kind::Arrays(arrays) => arrays.entry_name(index),
            Kind::Tar(tar) => Cow::Borrowed(tar.entries().name(index)),
            Kind::Zip(zip) => Cow::Borrowed(zip.entries().name(index)),
            Kind::Table(_) => Cow::Owned(index.to_string().into_bytes()),
        }
    }

    /// The image that [`entry_name`](Self::entry_name) calls so.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        match &self.kind {
            Kind::Arrays(arrays) => arrays.find(name),
            Kind::Tar(tar) => tar.entries().find(name),
            Kind::Zip(zip) => zip.entries().find(name),
            Kind::Table(table) => {
                let index: usize = std::str::from_utf8(name).ok()?.parse().ok()?;
                (index < table.len() && index.to_string().as_bytes() == name).then_some(index)
            }
        }
    }

    /// The label of image `index`, if it has one.
    pub(super) fn label(&self, index: usize) -> Option<&str> {
        match &self.kind {
            Kind::Arrays(arrays) => arrays.label(index),
            Kind::Tar(tar) => tar.entries().label(index),
            Kind::Zip(zip) => zip.entries().label(index),
            Kind::Table(table) => table.label(index),
        }
    }

    /// Whether image `index` is cheap to read only right after the one before it.
    pub(super) fn in_sequence(&self, index: usize) -> bool {
        match &self.kind {
            Kind::Arrays(arrays) => arrays.in_sequence(index),
            Kind::Tar(tar) => tar.in_sequence(),
            Kind::Zip(_) => false,
            Kind::Table(_) => true,
        }
    }

    /// Image `index`, not decoded. Never panics.
    ///
    /// # Errors
    /// The reason why it cannot be read.
    pub(super) fn read(&self, index: usize, limits: &Limits) -> Result<Raw, String> {
        match &self.kind {
            Kind::Arrays(arrays) => arrays.read(index, limits),
            Kind::Tar(tar) => tar.read(index, limits),
            Kind::Zip(zip) => zip.read(index, limits),
            Kind::Table(table) => table.read(index, limits),
        }
    }
}

/// What cannot be used of one container.
struct Skips {
    /// The container's path and a `#`.
    prefix: Vec<u8>,
    list: Vec<Skipped>,
    /// Entries beyond those that are named.
    more: usize,
    is_partial: bool,
}

impl Skips {
    fn new(path: &Path) -> Self {
        let prefix = [path.as_os_str().as_encoded_bytes(), b"#"].concat();
        Skips { prefix, list: Vec::new(), more: 0, is_partial: false }
    }

    /// An entry is not used.
    fn entry(&mut self, name: &[u8], reason: &str) {
        if self.list.len() >= MAX_NAMED {
            self.more += 1;
            return;
        }
        let shown = &name[..name.len().min(MAX_NAME)];
        self.list.push(Skipped::new([&self.prefix, shown].concat(), reason));
    }

    /// The container is not all there.
    fn container(&mut self, reason: &str) {
        self.is_partial = true;
        self.list.push(Skipped::new(&self.prefix[..self.prefix.len() - 1], reason));
    }

    /// All of it.
    fn finish(mut self) -> Vec<Skipped> {
        if self.more > 0 {
            let reason = format!("{} more of its entries are not used", self.more);
            self.list.push(Skipped::new(&self.prefix[..self.prefix.len() - 1], reason));
        }
        self.list
    }
}

#[cfg(test)]
pub(super) mod tests;
