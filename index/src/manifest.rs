//! The MANIFEST: which segments make up the index, which of their items are deleted, and the caller's
//! attributes.
//!
//! It is replaced as a whole by one rename, the only commit point. It is not searched, so it is a small
//! record written by `codec`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use crate::code::{BITS, MAX_SIZE};
use crate::codec::{self, Decode, Encode};
use crate::error::{Error, Result};
use crate::layout::{Fault, HEAD, MANIFEST_MAGIC, seal, unseal};
use crate::storage::Storage;

/// The file's name in the index folder.
pub(crate) const NAME: &str = "MANIFEST";
/// Where the next one is written before it is renamed.
pub(crate) const TEMPORARY: &str = "MANIFEST.tmp";
/// The largest MANIFEST: a record of the largest size, and its head.
const MAX_BYTES: u64 = (codec::LIMIT + HEAD) as u64;
/// The most segments of an index; `merge` keeps their number to about 33.
pub(crate) const MAX_SEGMENTS: usize = 1024;

/// One segment of the index.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SegmentEntry {
    pub(crate) name: String, // file name in the index folder
    pub(crate) bytes: u64,
    pub(crate) items: u32, // including deleted ones
    pub(crate) tombstones: Option<TombstonesEntry>,
}

/// The deleted items of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TombstonesEntry {
    pub(crate) name: String, // file name in the index folder
    pub(crate) bytes: u64,
    pub(crate) dead: u32, // items
}

impl SegmentEntry {
    /// Items that are not deleted.
    pub(crate) fn live(&self) -> u32 {
        self.items - self.tombstones.as_ref().map_or(0, |tombstones| tombstones.dead)
    }

    /// The commit that wrote it; 0 for a foreign name, which no MANIFEST that was read has.
    pub(crate) fn generation(&self) -> u64 {
        generation_of(&self.name).unwrap_or(0)
    }

    /// The names of its files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        let tombstones = self.tombstones.as_ref().map(|tombstones| tombstones.name.as_str());
        std::iter::once(self.name.as_str()).chain(tombstones)
    }
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
        let bytes = read_bounded(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                Error::NotFound { path: dir.to_path_buf() }
            }
            _ => Error::io(&path, "cannot read", error),
        })?;
        Self::parse(&bytes).map_err(|fault| fault.at(&path))
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let covered = unseal(bytes, MANIFEST_MAGIC)?;
        if covered.len() != bytes.len() {
            return Err(Fault::new("header", format!("a file of {} bytes", covered.len()), bytes.len()));
        }
        let manifest: Manifest =
            codec::decode(&covered[HEAD..]).map_err(|error| Fault::new("record", "a manifest", error))?;
        manifest.check().map_err(|(expected, got)| Fault::new("record", expected, got))?;
        Ok(manifest)
    }

    /// Checks what holds for every MANIFEST, before it is written and after it is read; an error is
    /// (expected, got).
    fn check(&self) -> Result<(), (String, String)> {
        let fault = |expected: &str, got: &dyn ToString| Err((expected.to_string(), got.to_string()));
        if !BITS.contains(&(self.bits as usize)) {
            return fault("32 to 256 bits", &self.bits);
        }
        if self.latent_size as usize > MAX_SIZE {
            return fault("latents of at most 2^20 values", &self.latent_size);
        }
        if self.generation == u64::MAX {
            return fault("fewer than 2^64 - 1 commits", &self.generation);
        }
        if self.segments.len() > MAX_SEGMENTS {
            return fault("at most 1024 segments", &self.segments.len());
        }
        let mut names = BTreeSet::new();
        let mut total = 0u32;
        for segment in &self.segments {
            // so the files of the next commit get names that no reader has open
            let written = generation_of(&segment.name).filter(|written| *written <= self.generation);
            if written.is_none() || !names.insert(&segment.name) {
                return fault("names of different, written segment files", &segment.name.escape_debug());
            }
            if let Some(TombstonesEntry { name, dead, .. }) = &segment.tombstones {
                let own = generations_of(name).is_some_and(|(of, written)| {
                    Some(of) == generation_of(&segment.name) && written <= self.generation
                });
                if !own {
                    return fault("the name of the segment's tombstone file", &name.escape_debug());
                }
                if *dead > segment.items {
                    let got = format!("{dead} of {}", segment.items);
                    return fault("no more dead items than there are", &got);
                }
            }
            match total.checked_add(segment.items) {
                Some(sum) if sum < u32::MAX => total = sum,
                _ => return fault("fewer than 2^32 - 1 items", &format!("{total} and {}", segment.items)),
            }
        }
        Ok(())
    }

    /// Replaces the last MANIFEST with this one: write, sync, rename, sync the folder.
    pub(crate) fn commit(&self, dir: &Path, storage: &dyn Storage) -> Result<()> {
        self.check().map_err(|(expected, got)| Error::input("index", expected, got))?;
        let record = codec::encode(self).map_err(|got| {
            Error::input("attributes", format!("at most {} bytes in all", codec::LIMIT), got)
        })?;
        let mut bytes = vec![0; HEAD];
        bytes.extend_from_slice(&record);
        seal(&mut bytes, MANIFEST_MAGIC);

        let (temporary, path) = (dir.join(TEMPORARY), dir.join(NAME));
        let write = || {
            let mut file = storage.create(&temporary)?;
            file.write_all(&bytes)?;
            storage.sync(&temporary, &file)
        };
        write().map_err(|error| Error::io(&path, "cannot write", error))?;
        storage.rename(&temporary, &path).map_err(|error| Error::io(&path, "cannot replace", error))?;
        sync_folder(dir, storage)
    }

    /// Bytes of the file.
    pub(crate) fn bytes(dir: &Path) -> u64 {
        fs::metadata(dir.join(NAME)).map_or(0, |metadata| metadata.len())
    }
}

/// The file's bytes; of a file larger than any MANIFEST one byte too many, so that it is refused for its
/// length.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The file name of the segment that commit `generation` writes.
pub(crate) fn segment_name(generation: u64) -> String {
    format!("{generation:016x}.seg")
}

/// The file name of the tombstones that commit `generation` writes for the segment called `segment`.
pub(crate) fn tombstones_name(segment: &str, generation: u64) -> String {
    format!("{}-{generation:016x}.dead", segment.trim_end_matches(".seg"))
}

/// The generation in a name made by `segment_name`; such a name has no path separator, so it stays in the
/// folder.
fn generation_of(segment: &str) -> Option<u64> {
    segment.strip_suffix(".seg").and_then(generation)
}

/// The segment's generation and its own in a name made by `tombstones_name`.
fn generations_of(tombstones: &str) -> Option<(u64, u64)> {
    let (segment, own) = tombstones.strip_suffix(".dead")?.split_once('-')?;
    Some((generation(segment)?, generation(own)?))
}

/// True for names of files that only later commits than the first write.
pub(crate) fn is_of_later_commit(name: &str) -> bool {
    generation_of(name).is_some_and(|generation| generation > 1) || generations_of(name).is_some()
}

/// True for names of files that only an index writes, whether or not a MANIFEST names them.
pub(crate) fn is_own_name(name: &str) -> bool {
    name == TEMPORARY || generation_of(name).is_some() || generations_of(name).is_some()
}

fn generation(digits: &str) -> Option<u64> {
    let written = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(digits, 16).ok().filter(|_| written)
}

/// Makes renames and new files in `dir` durable.
pub(crate) fn sync_folder(dir: &Path, storage: &dyn Storage) -> Result<()> {
    storage.sync_folder(dir).map_err(|error| Error::io(dir, "cannot sync the folder", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_told_from_those_of_others() {
        assert_eq!(tombstones_name(&segment_name(167), 168), "00000000000000a7-00000000000000a8.dead");
        for own in [TEMPORARY, &segment_name(u64::MAX), &tombstones_name(&segment_name(1), 2)] {
            assert!(is_own_name(own), "{own}");
        }
        for other in
            [NAME, "LOCK", "a.seg", "00000000000000A7.seg", "../0000000000000001.seg", "x-y.dead", ""]
        {
            assert!(!is_own_name(other), "{other}");
        }
    }

    #[test]
    fn what_no_commit_writes_is_neither_read_nor_written() {
        let entry = |name: &str, items| SegmentEntry { name: name.into(), bytes: 1, items, tombstones: None };
        let dead = |name: &str, dead| Some(TombstonesEntry { name: name.into(), bytes: 1, dead });
        let (one, two) = (segment_name(1), segment_name(2));
        let sound = Manifest {
            generation: 3,
            bits: 64,
            latent_size: 0,
            attributes: vec![],
            segments: vec![
                SegmentEntry { tombstones: dead(&tombstones_name(&one, 3), 7), ..entry(&one, 7) },
                entry(&two, 1),
            ],
        };
        assert_eq!(sound.check(), Ok(()));
        let lies: [fn(&mut Manifest); 11] = [
            |lie| lie.bits = 0,
            |lie| lie.bits = 257,
            |lie| lie.latent_size = u32::MAX,
            |lie| lie.generation = u64::MAX,
            |lie| lie.generation = 1,
            |lie| lie.segments[1].name = segment_name(1),
            |lie| lie.segments[1].name = "../2.seg".into(),
            |lie| lie.segments[1].name = segment_name(4),
            |lie| lie.segments[1].items = u32::MAX - 7,
            |lie| lie.segments.resize(MAX_SEGMENTS + 1, lie.segments[1].clone()),
            |lie| lie.segments[0].items = 6,
        ];
        let dir = tempfile::tempdir().unwrap();
        for (at, lie) in lies.into_iter().enumerate() {
            let mut manifest = sound.clone();
            lie(&mut manifest);
            assert!(manifest.commit(dir.path(), &crate::storage::Disk).is_err(), "{at}");
            let mut bytes = vec![0; HEAD];
            bytes.extend(codec::encode(&manifest).unwrap());
            seal(&mut bytes, MANIFEST_MAGIC);
            assert!(Manifest::parse(&bytes).is_err(), "{at}");
        }
        for name in [tombstones_name(&one, 4), tombstones_name(&two, 3), "LOCK".into()] {
            let mut manifest = sound.clone();
            manifest.segments[0].tombstones = dead(&name, 7);
            assert!(manifest.check().is_err(), "{name}");
        }
    }
}
