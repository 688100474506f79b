//! Is this file a container, and in which format? By its first bytes, then by its name.
//!
//! Most formats begin with a magic number; of a gzip file the unpacked bytes are examined. If the name claims
//! a format that the bytes are not in, this is reported. A zip without such a name is left alone unless the
//! user named it: documents and programs are zips too.

use std::io::{self, Read};
use std::path::Path;

use super::cifar::{self, CifarVariant};
use super::names::{TAR, claim};
use super::{npy, tar};
use crate::images::plain_file::open_file;
use crate::images::sniff::{self, Content};

/// How many first bytes of a file are examined: one block of a tar.
const HEAD: u64 = tar::BLOCK;

/// The format of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::images) enum ContainerFormat {
    /// IDX, plain or packed by gzip.
    Idx { is_gzip: bool },
    /// One NumPy array.
    Npy,
    /// Several NumPy arrays.
    Npz,
    /// A batch of CIFAR-10 or CIFAR-100.
    Cifar(CifarVariant),
    /// A tar, plain or packed by gzip.
    Tar { is_gzip: bool },
    /// A zip.
    Zip,
    /// A Parquet table.
    Parquet,
}

/// Whether a file is a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::images) enum Found {
    /// A container.
    Container(ContainerFormat),
    /// A zip by its content, whose name does not say that it is an archive of images.
    SomeZip,
    /// Named as a container, but its content is not one.
    Misnamed(&'static str),
    /// Not a container; what its first bytes are instead.
    Other(Content),
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
            ContainerFormat::Zip
                if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) =>
            {
                Found::Container(ContainerFormat::Npz)
            }
            ContainerFormat::Zip if claim(path).is_none() && has_ending => Found::SomeZip,
            format => Found::Container(format),
        });
    }
    let content = sniff::sniff(&head[..head.len().min(sniff::HEAD)]);
    if content == Content::Gzip {
        // damage is told by whoever reads the whole
        let inner = read_head(&mut flate2::read::MultiGzDecoder::new(open_file(path)?.0)).unwrap_or_default();
        match by_content(&inner) {
            Some(ContainerFormat::Idx { .. }) => {
                return Ok(Found::Container(ContainerFormat::Idx { is_gzip: true }));
            }
            Some(ContainerFormat::Tar { .. }) => {
                return Ok(Found::Container(ContainerFormat::Tar { is_gzip: true }));
            }
            _ if sniff::sniff(&inner) == Content::IdxLabels => return Ok(Found::Other(Content::IdxLabels)),
            _ => {}
        }
    }
    if claim(path) == Some(TAR) && head.len() as u64 == HEAD && head.iter().all(|&byte| byte == 0) {
        // nothing but the mark of its end
        return Ok(Found::Container(ContainerFormat::Tar { is_gzip: false }));
    }
    if let Some(variant) = cifar::recognise(path, &head) {
        return Ok(Found::Container(ContainerFormat::Cifar(variant)));
    }
    if sniff::is_idx_name(path) {
        // its reader tells what is wrong with it
        return Ok(Found::Container(ContainerFormat::Idx { is_gzip: content == Content::Gzip }));
    }
    Ok(claim(path).map_or(Found::Other(content), Found::Misnamed))
}

fn read_head(stream: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    stream.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

fn by_content(head: &[u8]) -> Option<ContainerFormat> {
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(ContainerFormat::Zip),
        _ if head.starts_with(b"PAR1") => Some(ContainerFormat::Parquet),
        _ if head.starts_with(npy::MAGIC) => Some(ContainerFormat::Npy),
        _ if tar::is_tar(head) => Some(ContainerFormat::Tar { is_gzip: false }),
        _ if sniff::sniff(head) == Content::Idx => Some(ContainerFormat::Idx { is_gzip: false }),
        _ => None,
    }
}
