//! The frame of files: the head that every file starts with, and the header and section table of segments and
//! tombstones.
//!
//! All of it is checked once at open: magic, checksum, version, exact length. `segment` and `tombstones` know
//! what the sections hold; `frame` writes them. The tables of `FORMAT.md` and the constants here change
//! together.

use std::cmp::Ordering;
use std::path::Path;

use crate::error::Error;

/// First bytes of a segment file.
pub(crate) const SEGMENT_MAGIC: [u8; 8] = *b"AESEGMNT";
/// First bytes of a tombstone file.
pub(crate) const TOMBSTONES_MAGIC: [u8; 8] = *b"AETOMBST";
/// First bytes of the MANIFEST.
pub(crate) const MANIFEST_MAGIC: [u8; 8] = *b"AEMANIFE";
/// Files of another major are refused; no release has written a lower one.
pub(crate) const MAJOR: u16 = 2;
/// Files of a higher minor are read: they only add sections.
pub(crate) const MINOR: u16 = 1;
/// Bytes of the head: magic, major, minor, covered length, checksum. The same in all versions of all files.
pub(crate) const HEAD: usize = 20;
/// Sections start at multiples of this many bytes.
pub(crate) const ALIGNMENT: u64 = 64;
/// Bytes of a header before its section table.
pub(crate) const HEADER: usize = 64;
/// Bytes of a line of the section table.
pub(crate) const ENTRY: usize = 32;
/// A reader skips sections that it does not know; a file has no more than this many in all.
const MAX_SECTIONS: usize = 1024;

/// A segment with more items per distinct code than this, on average, must have offsets or latents for each
/// item.
pub(crate) const ITEMS_PER_CODE: u64 = 64;

/// Why a file cannot be read; `at` turns it into an error with a path.
#[derive(Debug)]
pub(crate) enum Fault {
    Damaged { section: String, expected: String, got: String, version: (u16, u16) },
    TooNew(u16),
    TooOld(u16),
}

impl Fault {
    pub(crate) fn new(section: impl ToString, expected: impl ToString, got: impl ToString) -> Self {
        let (section, expected, got) = (section.to_string(), expected.to_string(), got.to_string());
        Fault::Damaged { section, expected, got, version: (MAJOR, MINOR) }
    }

    pub(crate) fn at(self, path: &Path) -> Error {
        let path = path.to_path_buf();
        match self {
            Fault::Damaged { section, expected, got, version: (major, minor) } => {
                Error::Damaged { path, section, expected, got, version: format!("{major}.{minor}") }
            }
            Fault::TooNew(got) => Error::TooNew { path, got, supported: MAJOR },
            Fault::TooOld(got) => Error::TooOld { path, got, supported: MAJOR },
        }
    }
}

/// Writes the head into the first bytes of `bytes`, whose whole length it covers.
pub(crate) fn seal(bytes: &mut [u8], magic: [u8; 8]) {
    let covered = bytes.len() as u32;
    bytes[..8].copy_from_slice(&magic);
    bytes[8..10].copy_from_slice(&MAJOR.to_le_bytes());
    bytes[10..12].copy_from_slice(&MINOR.to_le_bytes());
    bytes[12..16].copy_from_slice(&covered.to_le_bytes());
    let checksum = head_checksum(bytes);
    bytes[16..HEAD].copy_from_slice(&checksum.to_le_bytes());
}

/// Checks the head at the start of `file` and returns the bytes that it covers.
pub(crate) fn unseal(file: &[u8], magic: [u8; 8]) -> Result<&[u8], Fault> {
    let section = "header";
    if file.len() < HEAD {
        return Err(Fault::new(section, format!("at least {HEAD} bytes"), file.len()));
    }
    if file[..8] != magic {
        let (expected, got) = (magic.escape_ascii(), file[..8].escape_ascii());
        return Err(Fault::new(section, format!("magic {expected}"), got));
    }
    let version = (u16_at(file, 8), u16_at(file, 10));
    let fault = |expected, got| Fault::Damaged { section: section.to_string(), expected, got, version };
    let length = u32_at(file, 12) as usize;
    let Some(covered) = file.get(..length).filter(|covered| covered.len() >= HEAD) else {
        return Err(fault(format!("{HEAD} to {} bytes", file.len()), length.to_string()));
    };
    let (expected, got) = (u32_at(file, 16), head_checksum(covered));
    if expected != got {
        return Err(fault(format!("checksum {expected:08x}"), format!("{got:08x}")));
    }
    match version.0.cmp(&MAJOR) {
        Ordering::Greater => Err(Fault::TooNew(version.0)),
        Ordering::Less => Err(Fault::TooOld(version.0)),
        Ordering::Equal => Ok(covered),
    }
}

/// CRC-32 of the covered bytes, with the checksum field taken as zero.
fn head_checksum(covered: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&covered[..16]);
    crc.update(&[0; 4]);
    crc.update(&covered[HEAD..]);
    crc.finalize()
}

/// What a section holds. The numbers are part of the format; the names appear in error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Codes = 1,
    CodeOffsets = 2,
    Buckets = 3,
    Representatives = 4,
    GraphLayers = 5,
    GraphOffsets = 6,
    GraphEdges = 7,
    Calibration = 8,
    NameOffsets = 9,
    Names = 10,
    PayloadOffsets = 11,
    Payloads = 12,
    Latents = 13,
    LatentScales = 14,
    Tombstones = 15,
    Columns = 16,
}

impl Kind {
    const ALL: [Kind; 16] = [
        Kind::Codes,
        Kind::CodeOffsets,
        Kind::Buckets,
        Kind::Representatives,
        Kind::GraphLayers,
        Kind::GraphOffsets,
        Kind::GraphEdges,
        Kind::Calibration,
        Kind::NameOffsets,
        Kind::Names,
        Kind::PayloadOffsets,
        Kind::Payloads,
        Kind::Latents,
        Kind::LatentScales,
        Kind::Tombstones,
        Kind::Columns,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Codes => "codes",
            Kind::CodeOffsets => "code offsets",
            Kind::Buckets => "buckets",
            Kind::Representatives => "representatives",
            Kind::GraphLayers => "graph layers",
            Kind::GraphOffsets => "graph offsets",
            Kind::GraphEdges => "graph edges",
            Kind::Calibration => "calibration",
            Kind::NameOffsets => "name offsets",
            Kind::Names => "names",
            Kind::PayloadOffsets => "payload offsets",
            Kind::Payloads => "payloads",
            Kind::Latents => "latents",
            Kind::LatentScales => "latent scales",
            Kind::Tombstones => "tombstones",
            Kind::Columns => "columns",
        }
    }
}

/// The name of a section number, known or not.
pub(crate) fn section_name(kind: u32) -> String {
    let known = Kind::ALL.into_iter().find(|known| *known as u32 == kind);
    known.map_or_else(|| format!("section {kind}"), |known| known.name().to_string())
}

/// The sizes a segment declares; they fix the lengths of most sections. A tombstone file repeats those of its
/// segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) bits: u32,
    pub(crate) latent_size: u32,
    pub(crate) bucket_size: u32, // as asked for at build; 0: the default
    pub(crate) items: u32,
    pub(crate) codes: u32, // distinct
    pub(crate) buckets: u32,
}

/// One line of the section table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    pub(crate) kind: u32,
    pub(crate) checksum: u32,
    pub(crate) offset: u64, // bytes from the start of the file
    pub(crate) length: u64, // bytes
}

/// The header and section table of a segment or a tombstone file.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) shape: Shape,
    pub(crate) length: usize, // bytes of header and table
    pub(crate) sections: Vec<Section>,
}

impl Header {
    /// Reads the header of a whole file and checks its length.
    pub(crate) fn parse(file: &[u8], magic: [u8; 8]) -> Result<Self, Fault> {
        let head = unseal(file, magic)?;
        let fault = |expected: String, got: String| Fault::new("header", expected, got);
        if head.len() < HEADER {
            return Err(fault(format!("at least {HEADER} bytes"), head.len().to_string()));
        }
        let count = u32_at(head, 20) as usize;
        if count > MAX_SECTIONS {
            return Err(fault(format!("at most {MAX_SECTIONS} sections"), count.to_string()));
        }
        if count.checked_mul(ENTRY).and_then(|table| table.checked_add(HEADER)) != Some(head.len()) {
            return Err(fault(format!("{count} sections in the table"), format!("{} bytes", head.len())));
        }
        let file_length = u64_at(head, 24);
        if file_length != file.len() as u64 {
            return Err(fault(format!("a file of {file_length} bytes"), file.len().to_string()));
        }
        let shape = Shape {
            bits: u32_at(head, 32),
            latent_size: u32_at(head, 36),
            bucket_size: u32_at(head, 40),
            items: u32_at(head, 44),
            codes: u32_at(head, 48),
            buckets: u32_at(head, 52),
        };
        let sections = head[HEADER..]
            .chunks_exact(ENTRY)
            .map(|entry| Section {
                kind: u32_at(entry, 0),
                checksum: u32_at(entry, 4),
                offset: u64_at(entry, 8),
                length: u64_at(entry, 16),
            })
            .collect();
        Ok(Header { shape, length: head.len(), sections })
    }

    /// The bytes that `parse` reads, of a file of `file_length` bytes.
    pub(crate) fn to_bytes(shape: &Shape, sections: &[Section], file_length: u64, magic: [u8; 8]) -> Vec<u8> {
        let mut header = vec![0; HEADER + sections.len() * ENTRY];
        header[20..24].copy_from_slice(&(sections.len() as u32).to_le_bytes());
        header[24..32].copy_from_slice(&file_length.to_le_bytes());
        let Shape { bits, latent_size, bucket_size, items, codes, buckets } = *shape;
        let sizes = [bits, latent_size, bucket_size, items, codes, buckets];
        for (place, size) in header[32..56].chunks_exact_mut(4).zip(sizes) {
            place.copy_from_slice(&size.to_le_bytes());
        }
        for (entry, section) in header[HEADER..].chunks_exact_mut(ENTRY).zip(sections) {
            entry[0..4].copy_from_slice(&section.kind.to_le_bytes());
            entry[4..8].copy_from_slice(&section.checksum.to_le_bytes());
            entry[8..16].copy_from_slice(&section.offset.to_le_bytes());
            entry[16..24].copy_from_slice(&section.length.to_le_bytes());
        }
        seal(&mut header, magic);
        header
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
