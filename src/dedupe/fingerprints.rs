//! The looks at a collection's images, kept in the index's folder: by the hash of the content, so that no file is read twice.
//!
//! They lie in an index of their own, `looks/`, for its checksums and its commits. Whoever deletes it loses no more than the time to read
//! the files again.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use aesearch_index::{Item as Entry, SegmentBuilder, Settings, Snapshot, Writer};
use rayon::prelude::*;

use super::fingerprint::{Fingerprint, fingerprint_of};
use crate::error::{Error, Result};
use crate::observer::{Note, Observer, Progress, Stage};

use crate::images::{Decoding, Item, Limits, Resizer, Skipped, Source, read};

/// Why an image is left out of which the index knows another content.
pub(super) const CHANGED: &str = "it changed since it was indexed: index it again";
/// The folder, inside of the index's.
const FOLDER: &str = "looks";
/// Images between two looks at whether to go on.
const BLOCK: usize = 512;
/// Fingerprints between two commits.
const COMMIT: usize = 50_000;
/// Bytes of an archive that are read ahead.
const READ_AHEAD: u64 = 64 << 20;

pub(super) use super::decisions::Hash;

/// The fingerprints that there are.
pub(super) struct Fingerprints {
    snapshot: Option<Snapshot>,
    ids: HashMap<Hash, u32>,
}

impl Fingerprints {
    /// The fingerprints kept beside the index at `dir`.
    ///
    /// # Errors
    /// When they are damaged.
    pub(super) fn open(dir: &Path) -> Result<Fingerprints> {
        let snapshot = match Snapshot::open(&dir.join(FOLDER)) {
            Ok(snapshot) => Some(snapshot),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        let mut ids = HashMap::new();
        for (snapshot, id) in
            snapshot.iter().flat_map(|snapshot| snapshot.ids().map(move |id| (snapshot, id)))
        {
            let name = Hash::try_from(snapshot.name(id)).ok();
            // a fingerprint of another version counts as none, and is taken anew
            if let (Some(hash), Some(_)) = (name, Fingerprint::from_bytes(snapshot.payload(id))) {
                ids.insert(hash, id);
            }
        }
        Ok(Fingerprints { snapshot, ids })
    }

    /// The look at a content.
    pub(super) fn get(&self, hash: &Hash) -> Option<Fingerprint<'_>> {
        Fingerprint::from_bytes(self.snapshot.as_ref()?.payload(*self.ids.get(hash)?))
    }
}

/// Removes the fingerprints where they are damaged or of another format: they are taken anew.
///
/// # Errors
/// When they cannot be read at all, or not removed.
pub(super) fn drop_damaged(dir: &Path, observer: &dyn Observer) -> Result<()> {
    let folder = dir.join(FOLDER);
    let problems = match aesearch_index::verify(&folder) {
        Err(error) if error.is_not_found() => return Ok(()),
        problems => problems?,
    };
    let Some(problem) = problems.first() else { return Ok(()) };
    let (path, section, detail) = (problem.path.display(), &problem.section, &problem.detail);
    observer.note(&Note::new(format!("{path}: {section}: {detail}: all images are looked at anew")));
    std::fs::remove_dir_all(&folder).map_err(|error| Error::io(&folder, error))
}

/// Fingerprints at those of `wanted` that were never looked at, and forgets contents that are not in `known` any more. Gives all fingerprints, and what could not
/// be read; those that were done when the observer interrupts are kept.
///
/// # Errors
/// When the fingerprints are damaged, another program writes them, or they cannot be written.
pub(super) fn fingerprint_all(
    dir: &Path,
    wanted: &[(Hash, Item)],
    known: &HashSet<Hash>,
    observer: &dyn Observer,
) -> Result<(Fingerprints, Vec<Skipped>)> {
    let fingerprints = Fingerprints::open(dir)?;
    let new: Vec<&(Hash, Item)> =
        wanted.iter().filter(|(hash, _)| !fingerprints.ids.contains_key(hash)).collect();
    let gone: Vec<u32> =
        fingerprints.ids.iter().filter(|(hash, _)| !known.contains(*hash)).map(|(_, id)| *id).collect();
    // few that are gone do no harm
    if new.is_empty() && gone.len() <= fingerprints.ids.len() / 2 {
        return Ok((fingerprints, Vec::new()));
    }
    let mut writer = Writer::lock(&dir.join(FOLDER))?;
    let settings = Settings::default();
    let mut builder = SegmentBuilder::new(&settings)?;
    if !gone.is_empty() {
        writer.commit(SegmentBuilder::new(&settings)?, &gone)?;
    }
    let (mut skipped, mut held) = (Vec::new(), 0);
    observer.stage(Stage::images("looking at"));
    let mut progress = Progress { total: new.len(), ..Progress::default() };
    // entries of a compressed stream have to be read one after the other
    let (in_sequence, apart): (Vec<_>, Vec<_>) = new.into_iter().partition(|(_, item)| item.in_sequence());
    let limits = Limits::default();
    let blocks = apart.chunks(BLOCK).map(|block| (block, false));
    for (block, in_sequence) in blocks.chain(in_sequence.chunks(BLOCK).map(|block| (block, true))) {
        let taken = if in_sequence {
            fingerprint_in_turn(block, &limits)
        } else {
            fingerprint_at_once(block, &limits)
        };
        for ((hash, item), taken) in block.iter().zip(taken) {
            match taken {
                Ok(fingerprint) => {
                    let code = u64::from_le_bytes(std::array::from_fn(|i| hash[i]));
                    builder.push(Entry { name: hash, payload: &fingerprint, code: &[code], latent: &[] })?;
                    held += 1;
                }
                Err(reason) => skipped.push(Skipped::new(item.name(), reason)),
            }
        }
        if held >= COMMIT {
            writer.commit(std::mem::replace(&mut builder, SegmentBuilder::new(&settings)?), &[])?;
            held = 0;
        }
        progress = Progress { done: progress.done + block.len(), skipped: skipped.len(), ..progress };
        observer.progress(&progress);
        if observer.should_stop() {
            break;
        }
    }
    if held > 0 {
        writer.commit(builder, &[])?;
    }
    Ok((Fingerprints::open(dir)?, skipped))
}

fn fingerprint_at_once(block: &[&(Hash, Item)], limits: &Limits) -> Vec<Result<Vec<u8>, String>> {
    let fingerprint = |resizer: &mut Resizer, (hash, item): &&(Hash, Item)| {
        fingerprint(hash, read(item, limits)?, limits, resizer)
    };
    block.par_iter().map_init(Resizer::new, fingerprint).collect()
}

/// Reads one after the other, some at a time, and decodes them at once.
fn fingerprint_in_turn(block: &[&(Hash, Item)], limits: &Limits) -> Vec<Result<Vec<u8>, String>> {
    let mut fingerprints = Vec::with_capacity(block.len());
    let mut items = block.iter().peekable();
    while items.peek().is_some() {
        let (mut sources, mut bytes) = (Vec::new(), 0);
        while let Some((hash, item)) = items.next_if(|_| bytes < READ_AHEAD) {
            let source = read(item, limits);
            bytes += source.as_ref().map_or(0, |source| source.len() as u64);
            sources.push((hash, source));
        }
        let decode = |resizer: &mut Resizer, (hash, source): (&Hash, Result<Source, String>)| {
            fingerprint(hash, source?, limits, resizer)
        };
        fingerprints.par_extend(sources.into_par_iter().map_init(Resizer::new, decode));
    }
    fingerprints
}

/// A fingerprint of what should have the content `hash`.
fn fingerprint(
    hash: &Hash,
    source: Source,
    limits: &Limits,
    resizer: &mut Resizer,
) -> Result<Vec<u8>, String> {
    if source.stamp().hash != *hash {
        return Err(CHANGED.to_owned());
    }
    let facts = source.facts();
    let pixels = source.decode(&Decoding { limits: *limits, ..Decoding::default() })?;
    fingerprint_of(&pixels, &facts, resizer)
}
