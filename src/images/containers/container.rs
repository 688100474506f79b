//! One container, whatever its format: listed once, then asked for names, labels and images by number.

use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::arrays::Arrays;
use super::file::FileAt;
use super::recognise::ContainerFormat;
use super::skips::Skips;
use super::{cifar, film, frames, idx, npy, npz, parquet, tar, zip};
use crate::images::source::Raw;
use crate::images::{Frames, Limits, Skipped};

/// A file of images that was listed. Its items share it, and any thread may read from it.
pub(in crate::images) struct Container {
    file: FileAt,
    kind: ContainerKind,
}

enum ContainerKind {
    Arrays(Arrays),
    Tar(tar::Tar),
    Zip(zip::Zip),
    Table(parquet::Table),
    Frames(frames::Pictures),
    Film(film::Film),
}

/// What came of listing a container.
pub(in crate::images) struct Opened {
    /// The container; none if it is sound and holds no images.
    pub(in crate::images) container: Option<Container>,
    /// What is in it, or belongs to it, and cannot be used.
    pub(in crate::images) skipped: Vec<Skipped>,
    /// Whether some of it could not be listed, being damaged.
    pub(in crate::images) is_partial: bool,
}

impl Container {
    /// Lists a file that was recognised as a container.
    ///
    /// # Errors
    /// The reason why nothing of it can be used.
    pub(in crate::images) fn open(
        path: &Path,
        format: ContainerFormat,
        limits: &Limits,
    ) -> Result<Opened, String> {
        let file = FileAt::new(path)?;
        let mut skips = Skips::new(path);
        let mut arrays = |(arrays, skipped): (Arrays, Vec<Skipped>)| {
            skips.list.extend(skipped);
            ContainerKind::Arrays(arrays)
        };
        let kind = match format {
            ContainerFormat::Idx { is_gzip } => Some(arrays(idx::open(&file, is_gzip)?)),
            ContainerFormat::Npy => match npy::open(&file) {
                Ok(opened) => Some(arrays(opened)),
                Err((_, false)) => None,
                Err((reason, true)) => return Err(reason),
            },
            ContainerFormat::Npz => npz::open(&file, &mut skips)?.map(ContainerKind::Arrays),
            ContainerFormat::Cifar(variant) => Some(ContainerKind::Arrays(cifar::open(&file, variant)?)),
            ContainerFormat::Tar { is_gzip } => {
                Some(ContainerKind::Tar(tar::Tar::open(&file, is_gzip, limits, &mut skips)?))
            }
            ContainerFormat::Zip => Some(ContainerKind::Zip(zip::Zip::open(&file, limits, &mut skips)?)),
            ContainerFormat::Parquet => parquet::Table::open(&file, &mut skips)?.map(ContainerKind::Table),
        };
        let container = kind.map(|kind| Container { file, kind }).filter(|container| container.len() > 0);
        Ok(Opened { container, is_partial: skips.is_partial, skipped: skips.finish() })
    }

    /// An image file as a container of those of its pictures that are asked for; none if it holds only one,
    /// or is damaged or too large, which its decoder tells.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::images) fn of_pictures(
        path: &Path,
        asked: Frames,
        limits: &Limits,
    ) -> io::Result<Option<Opened>> {
        let file = FileAt::open(path)?;
        let mut skips = Skips::new(path);
        let pictures = frames::Pictures::open(&file, asked, limits, &mut skips)?;
        Ok(pictures.map(|pictures| {
            let container = Some(Container { file, kind: ContainerKind::Frames(pictures) });
            Opened { container, is_partial: skips.is_partial, skipped: skips.finish() }
        }))
    }

    /// Whether it is an image file or a film, and its images are pictures of it.
    pub(in crate::images) fn is_frames(&self) -> bool {
        matches!(self.kind, ContainerKind::Frames(_) | ContainerKind::Film(_))
    }

    /// A film as a container of its pictures at these times, in milliseconds, ascending.
    ///
    /// # Errors
    /// The reason why it cannot be opened.
    pub(in crate::images) fn of_film(path: &Path, times: Vec<u64>) -> Result<Opened, String> {
        let file = FileAt::new(path)?;
        let mut skips = Skips::new(path);
        let kind = ContainerKind::Film(film::Film::new(&file, times, &mut skips));
        let container = Some(Container { file, kind });
        Ok(Opened { container, is_partial: skips.is_partial, skipped: skips.finish() })
    }

    pub(in crate::images) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Bytes and time of change of the file.
    pub(in crate::images) fn quick_stamp(&self) -> (u64, i64) {
        self.file.stamp()
    }

    /// Number of images.
    pub(in crate::images) fn len(&self) -> usize {
        match &self.kind {
            ContainerKind::Arrays(arrays) => arrays.len(),
            ContainerKind::Tar(tar) => tar.entries().len(),
            ContainerKind::Zip(zip) => zip.entries().len(),
            ContainerKind::Table(table) => table.len(),
            ContainerKind::Frames(pictures) => pictures.len(),
            ContainerKind::Film(film) => film.len(),
        }
    }

    /// What image `index` is called in the container: `17`, `x_test/17`, `cats/1.png`.
    pub(in crate::images) fn entry_name(&self, index: usize) -> Cow<'_, [u8]> {
        match &self.kind {
            ContainerKind::Arrays(arrays) => arrays.entry_name(index),
            ContainerKind::Tar(tar) => Cow::Borrowed(tar.entries().name(index)),
            ContainerKind::Zip(zip) => Cow::Borrowed(zip.entries().name(index)),
            ContainerKind::Table(table) => Cow::Owned(table.entry_name(index).into_bytes()),
            ContainerKind::Frames(pictures) => Cow::Owned(pictures.number(index).to_string().into_bytes()),
            ContainerKind::Film(film) => Cow::Owned(film.name(index).into_bytes()),
        }
    }

    /// The image that [`entry_name`](Self::entry_name) calls so.
    pub(in crate::images) fn find(&self, name: &[u8]) -> Option<usize> {
        match &self.kind {
            ContainerKind::Arrays(arrays) => arrays.find(name),
            ContainerKind::Tar(tar) => tar.entries().find(name),
            ContainerKind::Zip(zip) => zip.entries().find(name),
            ContainerKind::Table(table) => table.find(name),
            ContainerKind::Frames(pictures) => pictures.find(name),
            ContainerKind::Film(film) => film.find(name),
        }
    }

    /// The columns of images that a table has; none of what is no table.
    pub(in crate::images) fn columns(&self) -> Vec<&str> {
        match &self.kind {
            ContainerKind::Table(table) => table.column_names().collect(),
            _ => Vec::new(),
        }
    }

    /// The images of the column `name` of a table.
    pub(in crate::images) fn column(&self, name: &[u8]) -> Option<Range<usize>> {
        match &self.kind {
            ContainerKind::Table(table) => table.column(name),
            _ => None,
        }
    }

    /// The label of image `index`, if it has one.
    pub(in crate::images) fn label(&self, index: usize) -> Option<&str> {
        match &self.kind {
            ContainerKind::Arrays(arrays) => arrays.label(index),
            ContainerKind::Tar(tar) => tar.entries().label(index),
            ContainerKind::Zip(zip) => zip.entries().label(index),
            ContainerKind::Table(table) => table.label(index),
            ContainerKind::Frames(pictures) => pictures.label(),
            ContainerKind::Film(film) => film.label(),
        }
    }

    /// Whether image `index` is cheap to read only right after the one before it.
    pub(in crate::images) fn in_sequence(&self, index: usize) -> bool {
        match &self.kind {
            ContainerKind::Arrays(arrays) => arrays.in_sequence(index),
            ContainerKind::Tar(tar) => tar.in_sequence(),
            ContainerKind::Zip(_) | ContainerKind::Film(_) => false,
            ContainerKind::Table(_) => true,
            ContainerKind::Frames(pictures) => pictures.in_sequence(),
        }
    }

    /// Image `index`, not decoded. Never panics.
    ///
    /// # Errors
    /// The reason why it cannot be read.
    pub(in crate::images) fn read(&self, index: usize, limits: &Limits) -> Result<Raw, String> {
        match &self.kind {
            ContainerKind::Arrays(arrays) => arrays.read(index, limits),
            ContainerKind::Tar(tar) => tar.read(index, limits),
            ContainerKind::Zip(zip) => zip.read(index, limits),
            ContainerKind::Table(table) => table.read(index, limits),
            ContainerKind::Frames(pictures) => pictures.read(&self.file, index, limits),
            ContainerKind::Film(film) => film.read(&self.file, index, limits),
        }
    }
}
