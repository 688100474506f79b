//! Is this file a container, and of which kind? By its first bytes, then by its name.
//!
//! Most kinds have a magic; inside gzip the unpacked bytes are looked at. A name that claims a kind which the bytes are not is
//! worth telling. A zip without such a name is left alone unless the user named it: documents and programs are zips too.

use std::io::{self, Read};
use std::path::Path;

use super::{cifar, npy, tar};
use crate::images::load::open_file;
use crate::images::sniff::{self, Content};

/// Bytes of a file's beginning that are looked at: one block of a tar.
const HEAD: u64 = tar::BLOCK;

/// A kind of container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::images) enum Format {
    /// IDX, plain or packed by gzip.
    Idx { is_gzip: bool },
    /// One NumPy array.
    Npy,
    /// Several NumPy arrays.
    Npz,
    /// A batch of CIFAR-10 or CIFAR-100.
    Cifar(cifar::Kind),
    /// A tar, plain or packed by gzip.
    Tar { is_gzip: bool },
    /// A zip.
    Zip,
    /// A Parquet table.
    Parquet,
}

/// What a file is, as far as containers go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::images) enum Found {
    /// A container.
    Container(Format),
    /// A zip by its content, of any purpose by its name.
    SomeZip,
    /// By its name a container, by its content not.
    Misnamed(&'static str),
    /// No container; what its first bytes are otherwise.
    Other(Content),
}

const TAR: &str = "a tar archive";
/// Endings of names and what they claim.
const NAMES: [(&str, &str); 8] = [
    (".tar", TAR),
    (".tar.gz", "a packed tar archive"),
    (".tgz", "a packed tar archive"),
    (".zip", "a zip archive"),
    (".cbz", "a zip archive"),
    (".npz", "a NumPy archive"),
    (".npy", "a NumPy array"),
    (".parquet", "a Parquet table"),
];

/// Whether the name claims to be a container's.
pub(in crate::images) fn is_container_name(path: &Path) -> bool {
    claim(path).is_some() || sniff::is_idx_name(path)
}

/// What the name claims.
fn claim(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    NAMES
        .iter()
        .find(|(ending, _)| name.ends_with(ending) && name.len() > ending.len())
        .map(|(_, what)| *what)
}

/// Looks at the first bytes of a file, which must be a plain one.
///
/// # Errors
/// It cannot be read.
pub(in crate::images) fn recognise(path: &Path) -> io::Result<Found> {
    let head = read_head(&mut open_file(path)?.0)?;
    if let Some(format) = by_content(&head) {
        let has_ending = path.extension().is_some();
        return Ok(match format {
            Format::Zip if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) => {
                Found::Container(Format::Npz)
            }
            Format::Zip if claim(path).is_none() && has_ending => Found::SomeZip,
            format => Found::Container(format),
        });
    }
    let content = sniff::sniff(&head[..head.len().min(sniff::HEAD)]);
    if content == Content::Gzip {
        // damage is told by whoever reads the whole
        let inner = read_head(&mut flate2::read::MultiGzDecoder::new(open_file(path)?.0)).unwrap_or_default();
        match by_content(&inner) {
            Some(Format::Idx { .. }) => return Ok(Found::Container(Format::Idx { is_gzip: true })),
            Some(Format::Tar { .. }) => return Ok(Found::Container(Format::Tar { is_gzip: true })),
            _ if sniff::sniff(&inner) == Content::IdxLabels => return Ok(Found::Other(Content::IdxLabels)),
            _ => {}
        }
    }
    if claim(path) == Some(TAR) && head.len() as u64 == HEAD && head.iter().all(|&byte| byte == 0) {
        // nothing but the mark of its end
        return Ok(Found::Container(Format::Tar { is_gzip: false }));
    }
    if let Some(kind) = cifar::recognise(path, &head) {
        return Ok(Found::Container(Format::Cifar(kind)));
    }
    if sniff::is_idx_name(path) {
        // its reader tells what is wrong with it
        return Ok(Found::Container(Format::Idx { is_gzip: content == Content::Gzip }));
    }
    Ok(claim(path).map_or(Found::Other(content), Found::Misnamed))
}

fn read_head(stream: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    stream.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

fn by_content(head: &[u8]) -> Option<Format> {
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Format::Zip),
        _ if head.starts_with(b"PAR1") => Some(Format::Parquet),
        _ if head.starts_with(npy::MAGIC) => Some(Format::Npy),
        _ if tar::is_tar(head) => Some(Format::Tar { is_gzip: false }),
        _ if sniff::sniff(head) == Content::Idx => Some(Format::Idx { is_gzip: false }),
        _ => None,
    }
}
