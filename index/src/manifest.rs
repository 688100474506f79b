//! The MANIFEST: which segments make up the index, and what the caller attached to it.
//!
//! It is replaced as a whole by one rename, the only commit point. Not searched, so it is small records by `codec`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::codec::{self, Decode, Encode};
use crate::error::{Error, Result};
use crate::layout::{Fault, HEAD, MANIFEST_MAGIC, seal, unseal};

/// The file's name in the index folder.
pub(crate) const NAME: &str = "MANIFEST";
/// Where the next one is written before it is renamed.
pub(crate) const TEMPORARY: &str = "MANIFEST.tmp";

/// One segment of the index.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SegmentEntry {
    pub(crate) name: String, // file name in the index folder
    pub(crate) bytes: u64,
    pub(crate) items: u32,
}

/// The whole record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Manifest {
    pub(crate) generation: u64, // counts commits, from 1
    pub(crate) bits: u32,
    pub(crate) latent_size: u32,
    pub(crate) attributes: Vec<(String, Vec<u8>)>,
    pub(crate) segments: Vec<SegmentEntry>,
}

impl Manifest {
    /// Reads the MANIFEST of the index at `dir`.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                Error::NotFound { path: dir.to_path_buf() }
            }
            _ => Error::io(&path, "cannot read", error),
        })?;
        Self::parse(&bytes).map_err(|fault| fault.at(&path))
    }

    fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let covered = unseal(bytes, MANIFEST_MAGIC)?;
        if covered.len() != bytes.len() {
            return Err(Fault::new("header", format!("a file of {} bytes", covered.len()), bytes.len()));
        }
        let manifest: Manifest =
            codec::decode(&covered[HEAD..]).map_err(|error| Fault::new("record", "a manifest", error))?;
        match manifest.segments.iter().find(|segment| !is_segment_name(&segment.name)) {
            Some(segment) => Err(Fault::new("record", "names of segment files", segment.name.escape_debug())),
            None => Ok(manifest),
        }
    }

    /// Puts this MANIFEST in the place of the last one: write, sync, rename, sync the folder.
    pub(crate) fn commit(&self, dir: &Path) -> Result<()> {
        let record = codec::encode(self).map_err(|got| {
            Error::input("attributes", format!("at most {} bytes in all", codec::LIMIT), got)
        })?;
        let mut bytes = vec![0; HEAD];
        bytes.extend_from_slice(&record);
        seal(&mut bytes, MANIFEST_MAGIC);

        let temporary = dir.join(TEMPORARY);
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write().map_err(|error| Error::io(&temporary, "cannot write", error))?;
        let path = dir.join(NAME);
        fs::rename(&temporary, &path).map_err(|error| Error::io(&path, "cannot replace", error))?;
        sync_folder(dir)
    }

    /// Bytes of the file.
    pub(crate) fn bytes(dir: &Path) -> u64 {
        fs::metadata(dir.join(NAME)).map_or(0, |metadata| metadata.len())
    }
}

/// The file name of the segment that commit `generation` writes.
pub(crate) fn segment_name(generation: u64) -> String {
    format!("{generation:016x}.seg")
}

/// True for names that `segment_name` makes; they hold no path separator, so they stay in the folder.
pub(crate) fn is_segment_name(name: &str) -> bool {
    let digits = name.strip_suffix(".seg").unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Makes renames and new files in `dir` durable; a no-op where folders cannot be opened.
pub(crate) fn sync_folder(dir: &Path) -> Result<()> {
    #[cfg(unix)]
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::io(dir, "cannot sync the folder", error))?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
