//! Zip archives: listed by their central directory, then each image is read in place and unpacked on its own.
//!
//! The crate `zip` reads the directory. Entries are stored or deflated; those with anything else (encryption,
//! other methods) are refused. The content of an entry must have the size and the checksum that the directory
//! states.

use std::collections::HashSet;
use std::io::{self, Read};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::entries::{
    Entries, EntryKind, Lister, MAX_SIDECAR, OVERWRITTEN, kind_of, kind_of_content, plain_name,
};
use super::file::FileAt;
use super::skips::Skips;
use super::stream::{Packed, bomb_reason, is_bomb};
use crate::images::catch_panic::catch_panic;
use crate::images::limits::check_size;
use crate::images::plain_file::io_reason;
use crate::images::source::Raw;
use crate::images::{Limits, sniff};

/// Bytes of a local header without name and extra fields.
const LOCAL_HEADER: u64 = 30;

/// Bytes of a header in the directory, likewise.
const DIRECTORY_HEADER: usize = 46;

/// The position of an entry, and what the directory says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    header: u64,
    packed: u64,
    pub(super) size: u64,
    crc: u32,
    is_stored: bool,
}

impl Member {
    /// Where the bytes of the entry start in the file.
    fn start(&self, file: &FileAt) -> io::Result<u64> {
        let header = file.read_at(self.header, LOCAL_HEADER)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(io::Error::other("damaged: no entry where the directory says"));
        }
        let [name, extra] = [26, 28].map(|at| u64::from(u16::from_le_bytes([header[at], header[at + 1]])));
        let start = self.header + LOCAL_HEADER + name + extra;
        if start.checked_add(self.packed).is_none_or(|end| end > file.len()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(start)
    }

    /// How the bytes of the entry are packed.
    pub(super) fn content(&self, file: &FileAt) -> io::Result<Packed> {
        let start = self.start(file)?;
        Ok(match self.is_stored {
            true => Packed::Plain(file.clone(), start),
            false => Packed::Deflate(file.clone(), start, self.packed),
        })
    }

    /// The first `n` bytes, or fewer.
    fn head(&self, file: &FileAt, n: u64) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.content(file)?.stream().take(n.min(self.size)).read_to_end(&mut head)?;
        Ok(head)
    }

    /// All bytes, checked.
    pub(super) fn read(&self, file: &FileAt) -> io::Result<Vec<u8>> {
        let start = self.start(file)?;
        let mut bytes = Vec::new();
        if self.is_stored {
            bytes = file.read_at(start, self.packed)?;
        } else {
            let stream = DeflateDecoder::new(file.window(start, self.packed));
            // one byte more than stated, to notice excess
            stream.take(self.size.saturating_add(1)).read_to_end(&mut bytes)?;
        }
        let mut crc = Crc::new();
        crc.update(&bytes);
        if bytes.len() as u64 != self.size || crc.sum() != self.crc {
            return Err(io::Error::other("damaged: the entry is not what the archive's directory says"));
        }
        Ok(bytes)
    }
}

/// The images of an archive.
pub(super) struct Zip {
    file: FileAt,
    entries: Entries<Member>,
}

impl Zip {
    /// Lists an archive; what is refused in it is among `skips`.
    ///
    /// # Errors
    /// The reason why nothing of it can be used.
    pub(super) fn open(file: &FileAt, limits: &Limits, skips: &mut Skips) -> Result<Zip, String> {
        let mut lister = Lister::new(limits, skips);
        members(file, &mut |name, member| {
            let name = plain_name(name);
            let refused = |lister: &mut Lister<Member>, reason: &str| {
                if kind_of(name) == EntryKind::Image {
                    lister.skips.entry(name, reason);
                }
            };
            let member = match member {
                Ok(member) => member,
                Err(reason) => {
                    refused(&mut lister, &reason);
                    return Ok(());
                }
            };
            let kind = match kind_of(name) {
                EntryKind::Unknown => {
                    let head = member.head(file, sniff::HEAD as u64);
                    // a damaged entry is not reported unless its name is that of an image
                    head.ok().and_then(|head| kind_of_content(&head))
                }
                kind => Some(kind),
            };
            match kind {
                Some(EntryKind::Image) => lister.image(name, member.size, member)?,
                Some(EntryKind::Container) => {
                    lister.skips.entry(name, "an archive inside an archive: not opened")
                }
                Some(EntryKind::Sidecar) if member.size <= MAX_SIDECAR => {
                    if let Ok(content) = member.read(file) {
                        lister.sidecar(name, &content);
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(Zip { file: file.clone(), entries: lister.finish() })
    }

    pub(super) fn entries(&self) -> &Entries<Member> {
        &self.entries
    }

    pub(super) fn read(&self, index: usize, limits: &Limits) -> Result<Raw, String> {
        let member = self.entries.place(index).ok_or("no such entry")?;
        check_size(member.size, limits.max_file_bytes)?;
        member.read(&self.file).map(Raw::File).map_err(io_reason)
    }
}

/// The names of entries whose place a later one of the same name takes, by the directory, which begins at `start`;
/// the crate's list leaves them out.
fn overwritten(file: &FileAt, start: u64) -> Vec<Vec<u8>> {
    let (mut directory, mut seen, mut names) = (file.from(start), HashSet::new(), Vec::new());
    let mut header = [0; DIRECTORY_HEADER];
    while directory.read_exact(&mut header).is_ok() && header.starts_with(b"PK\x01\x02") {
        let length = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let mut name = vec![0; length(28) as usize];
        if directory.read_exact(&mut name).is_err() {
            break;
        }
        directory.jump(directory.position() + length(30) + length(32)); // extra fields, a comment
        if !seen.insert(name.clone()) {
            names.push(name);
        }
    }
    names
}

/// Receives the name of a file, and its position or why it cannot be read.
type Visit<'a> = &'a mut dyn FnMut(&[u8], Result<Member, String>) -> Result<(), String>;

/// Goes through the files of an archive, each with its position or why it cannot be read.
///
/// # Errors
/// The archive has no directory, or `visit` stopped.
pub(super) fn members(file: &FileAt, visit: Visit<'_>) -> Result<(), String> {
    let damaged = |why: String| format!("zip: damaged: {why}");
    catch_panic(|| {
        let archive = ZipArchive::new(file.from(0)).map_err(|error| damaged(error.to_string()))?;
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(|error| damaged(error.to_string()))?;
            if entry.is_dir() {
                continue;
            }
            let is_stored = entry.compression() == CompressionMethod::Stored;
            let member = Member {
                header: entry.header_start(),
                packed: entry.compressed_size(),
                size: entry.size(),
                crc: entry.crc32(),
                is_stored,
            };
            let kind = entry.unix_mode().map_or(0, |mode| mode & 0o170_000);
            let member = if entry.encrypted() {
                Err("encrypted: not read".to_owned())
            } else if entry.is_symlink() {
                Err("a link inside an archive: not followed".to_owned())
            } else if !matches!(kind, 0 | 0o100_000) {
                Err("neither a file nor a folder: not used".to_owned())
            } else if !is_stored && entry.compression() != CompressionMethod::Deflated {
                Err(format!("packed by {}: only stored and deflated entries are read", entry.compression()))
            } else if is_stored && member.packed != member.size {
                Err("damaged: stored in another size than its own".to_owned())
            } else if is_bomb(member.size, member.packed) {
                Err(bomb_reason())
            } else {
                Ok(member)
            };
            visit(entry.name_raw(), member)?;
        }
        let doubled = if archive.has_duplicate_names() {
            overwritten(file, archive.central_directory_start())
        } else {
            Vec::new()
        };
        doubled.iter().try_for_each(|name| visit(name, Err(OVERWRITTEN.to_owned())))
    })
    .unwrap_or_else(|panic| Err(damaged(panic)))
}
