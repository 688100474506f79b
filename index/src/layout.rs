//! How files are framed: the head every file starts with, and a segment's header and section table.
//!
//! All of it is checked once at open: magic, checksum, version, exact length. What the sections hold is `segment`'s
//! business. The tables of `FORMAT.md` and the constants here change together.

use std::io::Write;
use std::path::Path;

use crate::error::Error;

/// First bytes of a segment file.
pub(crate) const SEGMENT_MAGIC: [u8; 8] = *b"AESEGMNT";
/// First bytes of the MANIFEST.
pub(crate) const MANIFEST_MAGIC: [u8; 8] = *b"AEMANIFE";
/// Files of a higher major are refused.
pub(crate) const MAJOR: u16 = 1;
/// Files of a higher minor are read: they only add sections.
pub(crate) const MINOR: u16 = 0;
/// Bytes of the head: magic, major, minor, covered length, checksum. The same in all versions of all files.
pub(crate) const HEAD: usize = 20;
/// Sections start at multiples of this many bytes.
const ALIGNMENT: usize = 64;
const HEADER: usize = 64;
const ENTRY: usize = 32;

/// Why a file is not what it should be; `at` makes it an error of a path.
#[derive(Debug)]
pub(crate) enum Fault {
    Damaged { section: String, expected: String, got: String, version: (u16, u16) },
    TooNew(u16),
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

/// The bytes that the head at the start of `file` covers, checked.
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
    if version.0 > MAJOR {
        return Err(Fault::TooNew(version.0));
    }
    Ok(covered)
}

/// CRC-32 of the covered bytes, the checksum's own place taken as zero.
fn head_checksum(covered: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&covered[..16]);
    crc.update(&[0; 4]);
    crc.update(&covered[HEAD..]);
    crc.finalize()
}

/// What a section holds. The numbers are the format's; names are those of error messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Codes = 1,
    CodeOffsets = 2,
    CodeItems = 3,
    ItemCodes = 4,
    NameOffsets = 5,
    Names = 6,
    PayloadOffsets = 7,
    Payloads = 8,
    Latents = 9,
    LatentScales = 10,
    Buckets = 11,
    Representatives = 12,
    GraphLayers = 13,
    GraphOffsets = 14,
    GraphEdges = 15,
    Calibration = 16,
}

impl Kind {
    pub(crate) const ALL: [Kind; 16] = [
        Kind::Codes,
        Kind::CodeOffsets,
        Kind::CodeItems,
        Kind::ItemCodes,
        Kind::NameOffsets,
        Kind::Names,
        Kind::PayloadOffsets,
        Kind::Payloads,
        Kind::Latents,
        Kind::LatentScales,
        Kind::Buckets,
        Kind::Representatives,
        Kind::GraphLayers,
        Kind::GraphOffsets,
        Kind::GraphEdges,
        Kind::Calibration,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Codes => "codes",
            Kind::CodeOffsets => "code offsets",
            Kind::CodeItems => "code items",
            Kind::ItemCodes => "item codes",
            Kind::NameOffsets => "name offsets",
            Kind::Names => "names",
            Kind::PayloadOffsets => "payload offsets",
            Kind::Payloads => "payloads",
            Kind::Latents => "latents",
            Kind::LatentScales => "latent scales",
            Kind::Buckets => "buckets",
            Kind::Representatives => "representatives",
            Kind::GraphLayers => "graph layers",
            Kind::GraphOffsets => "graph offsets",
            Kind::GraphEdges => "graph edges",
            Kind::Calibration => "calibration",
        }
    }
}

/// The name of a section number, known or not.
pub(crate) fn section_name(kind: u32) -> String {
    let known = Kind::ALL.into_iter().find(|known| *known as u32 == kind);
    known.map_or_else(|| format!("section {kind}"), |known| known.name().to_string())
}

/// The sizes a segment declares; they fix the lengths of most sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) bits: u32,
    pub(crate) latent_size: u32,
    pub(crate) bucket_size: u32, // as asked for at build
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

/// A segment's header and section table.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) shape: Shape,
    pub(crate) length: usize, // bytes of header and table
    pub(crate) sections: Vec<Section>,
}

impl Header {
    /// Reads the header of a whole segment file and checks its length.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, Fault> {
        let head = unseal(file, SEGMENT_MAGIC)?;
        let fault = |expected: String, got: String| Fault::new("header", expected, got);
        if head.len() < HEADER {
            return Err(fault(format!("at least {HEADER} bytes"), head.len().to_string()));
        }
        let count = u32_at(head, 20) as usize;
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
}

/// Writes a segment file: header, table, then each section at the next multiple of 64 bytes. Returns its length.
pub(crate) fn write_segment(
    out: &mut impl Write,
    shape: &Shape,
    sections: &[(u32, &[u8])],
) -> std::io::Result<u64> {
    let mut header = vec![0; HEADER + sections.len() * ENTRY];
    header[20..24].copy_from_slice(&(sections.len() as u32).to_le_bytes());
    let sizes = [shape.bits, shape.latent_size, shape.bucket_size, shape.items, shape.codes, shape.buckets];
    for (place, size) in header[32..56].chunks_exact_mut(4).zip(sizes) {
        place.copy_from_slice(&size.to_le_bytes());
    }
    let mut end = header.len();
    for (entry, (kind, bytes)) in header[HEADER..].chunks_exact_mut(ENTRY).zip(sections) {
        let offset = end.next_multiple_of(ALIGNMENT);
        end = offset + bytes.len();
        entry[0..4].copy_from_slice(&kind.to_le_bytes());
        entry[4..8].copy_from_slice(&crc32fast::hash(bytes).to_le_bytes());
        entry[8..16].copy_from_slice(&(offset as u64).to_le_bytes());
        entry[16..24].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    }
    header[24..32].copy_from_slice(&(end as u64).to_le_bytes());
    seal(&mut header, SEGMENT_MAGIC);

    out.write_all(&header)?;
    let mut written = header.len();
    for (_, bytes) in sections {
        let padding = written.next_multiple_of(ALIGNMENT) - written;
        out.write_all(&[0; ALIGNMENT][..padding])?;
        out.write_all(bytes)?;
        written += padding + bytes.len();
    }
    Ok(end as u64)
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
