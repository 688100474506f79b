//! Image files of several pictures as containers: each picture that is asked for is an entry, named by its
//! number in the file, from 0. Its label is the name of the file's folder, as that of an image file is.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::file::FileAt;
use super::skips::Skips;
use crate::images::codec::format_of_several;
use crate::images::frames::{AnimatedFile, Animation, Frame, MOST, Part, frames, parts, several};
use crate::images::limits::check_size;
use crate::images::names::folder_name;
use crate::images::plain_file::io_reason;
use crate::images::source::Raw;
use crate::images::{Frames, Limits, sniff};

/// Bytes from the start of a file within which PNG, WebP and JPEG say that there is more than one picture.
const HEAD: u64 = 1 << 18;

/// The pictures of one file.
pub(super) struct Pictures {
    kind: Kind,
    /// The numbers of those that were asked for, ascending.
    numbers: Vec<u32>,
    label: Option<String>,
}

enum Kind {
    /// The file, as long as a frame of it is in use.
    Animation(Animation, Mutex<Weak<AnimatedFile>>),
    Parts(Vec<Part>),
}

impl Pictures {
    /// The pictures of an image file; none if there is only one, or the file is damaged or too large.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn open(
        file: &FileAt,
        asked: Frames,
        limits: &Limits,
        skips: &mut Skips,
    ) -> io::Result<Option<Pictures>> {
        if check_size(file.len(), limits.max_file_bytes).is_err() {
            return Ok(None);
        }
        let mut bytes = file.read_at(0, file.len().min(HEAD))?;
        let Some(format) = format_of_several(&bytes) else { return Ok(None) };
        let is_known_early = match format {
            "png" | "webp" => several(format, &bytes),
            "jpeg" => bytes.windows(4).any(|window| window == b"MPF\0"),
            "tiff" => !sniff::is_raw_name(file.path()),
            _ => true,
        };
        if !is_known_early {
            return Ok(None);
        }
        if file.len() > HEAD {
            bytes = file.read_at(0, file.len())?;
        }
        let animation =
            [Animation::Gif, Animation::Png, Animation::WebP].into_iter().find(|a| a.id() == format);
        let (kind, n) = match animation {
            Some(animation) => (Kind::Animation(animation, Mutex::default()), frames(format, &bytes)),
            // what is only known from all of it: whether a TIFF file is that of a camera
            None if format_of_several(&bytes) == Some(format) => {
                let parts = parts(format, &bytes);
                let n = parts.len();
                (Kind::Parts(parts), n)
            }
            None => return Ok(None),
        };
        if n < 2 {
            return Ok(None);
        }
        if n > MOST {
            skips.container(&format!("it holds more than {MOST} pictures: only so many are used"));
        }
        let label = folder_name(file.path()).map(|name| name.into_owned());
        Ok(Some(Pictures { kind, numbers: asked.of(n.min(MOST)), label }))
    }

    /// Whether a picture is best read after the one before it.
    pub(super) fn in_sequence(&self) -> bool {
        matches!(self.kind, Kind::Animation(..))
    }

    /// How many were asked for.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The number in the file of entry `index`.
    pub(super) fn number(&self, index: usize) -> u32 {
        self.numbers[index]
    }

    /// The entry of this name.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        let number: u32 = std::str::from_utf8(name).ok()?.parse().ok()?;
        let index = self.numbers.binary_search(&number).ok()?;
        (number.to_string().as_bytes() == name).then_some(index)
    }

    pub(super) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Entry `index`, not decoded.
    pub(super) fn read(&self, file: &FileAt, index: usize, limits: &Limits) -> Result<Raw, String> {
        check_size(file.len(), limits.max_file_bytes)?;
        let all = || file.read_at(0, file.len()).map_err(io_reason);
        let number = self.numbers[index];
        match &self.kind {
            Kind::Parts(parts) => match &parts[number as usize] {
                Part::Jpeg(range) => {
                    let bytes = file.read_at(range.start as u64, range.len() as u64);
                    Ok(Raw::Part(bytes.map_err(io_reason)?))
                }
                part => Ok(Raw::Part(part.file(all()?))),
            },
            Kind::Animation(kind, opened) => {
                // a panic elsewhere leaves nothing half-changed
                let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
                let file = match opened.upgrade() {
                    Some(file) => file,
                    None => {
                        let file = Arc::new(AnimatedFile::new(all()?));
                        *opened = Arc::downgrade(&file);
                        file
                    }
                };
                Ok(Raw::Frame(Frame { file, kind: *kind, number, among: self.numbers.len() }))
            }
        }
    }
}
