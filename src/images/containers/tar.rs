//! Tape archives, .tar and .tar.gz: listed once by their headers, then each image is read in place.
//!
//! The crate `tar` parses headers. Going from one to the next is done here, since a long name or a pax record
//! may claim any size, and the entries before a damaged part are used. Of a plain archive only the headers
//! are read; a packed one is unpacked as it is listed.

use std::io::{self, Read};

use tar::{EntryType, Header};

use super::entries::{Entries, EntryKind, Lister, MAX_SIDECAR, kind_of, kind_of_content, plain_name};
use super::file::{FileAt, Window};
use super::skips::Skips;
use super::stream::{BOMB, Content, Packed, skip};
use crate::images::limits::check_size;
use crate::images::plain_file::io_reason;
use crate::images::source::Raw;
use crate::images::{Limits, sniff};

/// A tar consists of blocks of this many bytes.
pub(super) const BLOCK: u64 = 512;
/// Largest long name or pax record, in bytes.
const MAX_RECORD: u64 = 1 << 20;

/// The images of an archive.
pub(super) struct Tar {
    entries: Entries<(u64, u64)>, // first byte in the content, bytes
    content: Content,
}

impl Tar {
    /// Lists an archive; what is damaged or refused in it is among `skips`.
    ///
    /// # Errors
    /// The reason why nothing of it can be used.
    pub(super) fn open(
        file: &FileAt,
        is_gzip: bool,
        limits: &Limits,
        skips: &mut Skips,
    ) -> Result<Tar, String> {
        let packed = if is_gzip { Packed::Gzip(file.clone()) } else { Packed::Plain(file.clone(), 0) };
        let mut lister = Lister::new(limits, skips);
        let listed = if is_gzip {
            list(packed.stream(), |stream, n| skip(stream, n), &mut lister)
        } else {
            list(file.from(0), jump, &mut lister)
        };
        let entries = match listed {
            Err(Trouble::Bomb(reason)) => return Err(format!("tar: {reason}")),
            Err(Trouble::Damage(reason)) => {
                lister.skips.container(&format!("tar: {reason}: what precedes it is used"));
                lister.finish()
            }
            Ok(()) => lister.finish(),
        };
        let ends = (0..entries.len()).filter_map(|index| entries.place(index)).map(|(at, size)| at + size);
        let end = ends.max().unwrap_or(0);
        Ok(Tar { content: Content::new(packed, end), entries })
    }

    pub(super) fn entries(&self) -> &Entries<(u64, u64)> {
        &self.entries
    }

    pub(super) fn in_sequence(&self) -> bool {
        self.content.in_sequence()
    }

    pub(super) fn read(&self, index: usize, limits: &Limits) -> Result<Raw, String> {
        let (at, size) = *self.entries.place(index).ok_or("no such entry")?;
        check_size(size, limits.max_file_bytes)?;
        self.content.read_at(at, size).map(Raw::File).map_err(io_reason)
    }
}

/// Whether these are the first bytes of a tar: a header with a valid checksum.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.first_chunk::<512>().is_some_and(|block| block[0] != 0 && checked(block).is_some())
}

/// The header in a block, if its checksum is valid.
fn checked(block: &[u8; BLOCK as usize]) -> Option<&Header> {
    let header = Header::from_byte_slice(block);
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let expected = sum(&block[..148]) + 8 * u32::from(b' ') + sum(&block[156..]);
    (header.cksum().ok()? == expected).then_some(header)
}

/// Why a listing ended early.
enum Trouble {
    /// The entries before are usable.
    Damage(String),
    /// Nothing of it may be used.
    Bomb(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            BOMB => Trouble::Bomb(error.to_string()),
            io::ErrorKind::UnexpectedEof => {
                Trouble::Damage("the archive ends too early (truncated)".to_owned())
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                Trouble::Damage(format!("damaged: {error}"))
            }
            _ => Trouble::Damage(io_reason(error)),
        }
    }
}

impl From<String> for Trouble {
    fn from(reason: String) -> Self {
        Trouble::Damage(reason)
    }
}

/// Skips forward in a plain file without reading.
fn jump(window: &mut Window, n: u64) -> io::Result<()> {
    let to = window.position().checked_add(n).filter(|to| *to <= window.end());
    window.jump(to.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}

/// What records say about the entry that follows them.
#[derive(Default)]
struct Records {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

/// Lists the entries of a stream; `pass` skips bytes of it.
fn list<R: Read>(
    mut stream: R,
    pass: impl Fn(&mut R, u64) -> io::Result<()>,
    lister: &mut Lister<(u64, u64)>,
) -> Result<(), Trouble> {
    let mut at = 0; // bytes of the content
    let mut records = Records::default();
    loop {
        let mut block = [0; BLOCK as usize];
        match read_up_to(&mut stream, &mut block)? {
            0 => return Ok(()),
            n if n < block.len() => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            // two such blocks are the end; GNU tar stops at the first as well
            _ if block.iter().all(|&byte| byte == 0) => return Ok(()),
            _ => {}
        }
        let header = checked(&block).ok_or_else(|| format!("damaged: no header at byte {at}"))?;
        at += BLOCK;
        let kind = header.entry_type();
        let size = match kind {
            kind if is_record(kind) => header.entry_size()?,
            _ => records.size.map_or_else(|| header.entry_size(), Ok)?,
        };
        if kind == EntryType::GNUSparse {
            at += pass_sparse_map(&mut stream, header)?;
        }
        let padding = size.wrapping_neg() % BLOCK;
        let end = at.checked_add(size).and_then(|end| end.checked_add(padding));
        let end = end.ok_or_else(|| format!("damaged: an entry of {size} bytes at byte {at}"))?;
        if is_record(kind) {
            let used = read_record(&mut stream, kind, size, &mut records)?;
            pass(&mut stream, size - used)?;
        } else {
            let Records { name, sparse, .. } = std::mem::take(&mut records);
            let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
            let name = plain_name(&name);
            let mut head = Vec::new();
            let found = examine(&mut stream, (name, kind, sparse, size), &mut head, lister)?;
            pass(&mut stream, size - head.len() as u64)?;
            // only now is it known that the entry is complete
            match found {
                Some(EntryKind::Image) => lister.image(name, size, (at, size))?,
                Some(EntryKind::Sidecar) => lister.sidecar(name, &head),
                _ => {}
            }
        }
        pass(&mut stream, padding)?;
        at = end;
    }
}

/// Whether this is not an entry but a record about the next one (or all).
fn is_record(kind: EntryType) -> bool {
    matches!(
        kind,
        EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader
    )
}

/// The kind of an entry, after reading as much of it into `head` as that takes.
fn examine(
    stream: &mut dyn Read,
    (name, kind, is_sparse, size): (&[u8], EntryType, bool, u64),
    head: &mut Vec<u8>,
    lister: &mut Lister<(u64, u64)>,
) -> io::Result<Option<EntryKind>> {
    let mut found = kind_of(name);
    let refused = match kind {
        EntryType::Directory => return Ok(None),
        EntryType::GNUSparse => Some("a sparse file inside an archive: not used"),
        EntryType::Regular | EntryType::Continuous if is_sparse => {
            Some("a sparse file inside an archive: not used")
        }
        EntryType::Regular | EntryType::Continuous => None,
        EntryType::Link | EntryType::Symlink => Some("a link inside an archive: not followed"),
        _ => Some("neither a file nor a folder: not used"),
    };
    if let Some(reason) = refused {
        if found == EntryKind::Image {
            lister.skips.entry(name, reason);
        }
        return Ok(None);
    }
    let wanted = match found {
        EntryKind::Sidecar if size <= MAX_SIDECAR => size,
        EntryKind::Unknown => size.min(sniff::HEAD as u64),
        _ => 0,
    };
    stream.take(wanted).read_to_end(head)?;
    if found == EntryKind::Unknown {
        match kind_of_content(head) {
            Some(kind) => found = kind,
            None => return Ok(None),
        }
    }
    if found == EntryKind::Container {
        lister.skips.entry(name, "an archive inside an archive: not opened");
    }
    Ok(Some(found))
}

/// Reads a record; returns how many of its bytes were read.
fn read_record(
    stream: &mut dyn Read,
    kind: EntryType,
    size: u64,
    records: &mut Records,
) -> Result<u64, Trouble> {
    if !matches!(kind, EntryType::GNULongName | EntryType::XHeader) {
        return Ok(0);
    }
    if size > MAX_RECORD {
        return Err(format!("damaged: a name or record of {size} bytes").into());
    }
    let mut record = vec![0; size as usize];
    stream.read_exact(&mut record)?;
    if kind == EntryType::XHeader {
        read_pax(&record, records);
    } else {
        let len = record.iter().position(|&byte| byte == 0).unwrap_or(record.len());
        record.truncate(len);
        records.name.get_or_insert(record);
    }
    Ok(size)
}

/// Pax records: `length key=value\n`, where the length is that of the whole record, so that values may hold
/// any bytes.
fn read_pax(mut records: &[u8], into: &mut Records) {
    let next = |records: &[u8]| -> Option<usize> {
        let space = records.iter().position(|&byte| byte == b' ')?;
        let len = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
        (space + 1 < len && len <= records.len()).then_some(len)
    };
    while let Some(len) = next(records) {
        let (record, rest) = records.split_at(len);
        records = rest;
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        let start = record.iter().position(|&byte| byte == b' ').map_or(0, |space| space + 1);
        let Some(equals) = record.iter().position(|&byte| byte == b'=').filter(|at| *at >= start) else {
            continue;
        };
        let value = &record[equals + 1..];
        match &record[start..equals] {
            b"path" => into.name = Some(value.to_vec()),
            b"size" => into.size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
            key if key.starts_with(b"GNU.sparse.") => into.sparse = true,
            _ => {}
        }
    }
}

/// Skips the blocks that continue the map of a sparse file; returns their bytes.
fn pass_sparse_map(stream: &mut dyn Read, header: &Header) -> io::Result<u64> {
    let mut goes_on = header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
    let mut bytes = 0;
    while goes_on {
        let mut block = [0; BLOCK as usize];
        stream.read_exact(&mut block)?;
        bytes += BLOCK;
        goes_on = block[504] == 1; // after 21 records of 24 bytes
    }
    Ok(bytes)
}

/// Fills as much of `block` as the stream has.
fn read_up_to(stream: &mut dyn Read, block: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < block.len() {
        match stream.read(&mut block[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}
