//! The fingerprints of a collection's images, kept in the index's folder under the hash of the content, so
//! that no file is read twice.
//!
//! They are in an index of their own, the folder `looks/`, for its checksums and commits. If it is deleted,
//! they are computed again.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use aesearch_index::{Item as Entry, SegmentBuilder, Settings, Snapshot, Writer};

use super::alike::alike;
use super::compare::is_seen;
use super::fingerprint::{Fingerprint, Found, fingerprint_of, needed, with_samples};
use super::held::Held;
use super::local::Local;
use super::reading::{blocks, read_block};
use crate::error::{Error, Result};
use crate::images::{Decoding, Item, OtherGround, Pixels, Resizer, SampleHash, Skipped, Source};
use crate::observer::{Note, Observer, Progress, Stage};

/// The folder, inside the index's folder.
pub(super) const FOLDER: &str = "looks";
/// Fingerprints between two commits.
const COMMIT: usize = 50_000;

pub(super) use super::decisions::Hash;

/// All fingerprints that are kept.
pub(super) struct Fingerprints {
    snapshot: Option<Snapshot>,
    ids: HashMap<Hash, u32>,
    /// Those of other versions, which are not read.
    outdated: Vec<u32>,
}

impl Fingerprints {
    /// The fingerprints kept beside the index at `dir`.
    ///
    /// # Errors
    /// When they are damaged.
    pub(super) fn open(dir: &Path) -> Result<Fingerprints> {
        let snapshot = match Snapshot::open(dir.join(FOLDER)) {
            Ok(snapshot) => Some(snapshot),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        let (mut ids, mut outdated) = (HashMap::new(), Vec::new());
        for (snapshot, id) in
            snapshot.iter().flat_map(|snapshot| snapshot.ids().map(move |id| (snapshot, id)))
        {
            let name = Hash::try_from(snapshot.name(id)).ok();
            // a fingerprint of another version is computed again
            match (name, Fingerprint::from_bytes(snapshot.payload(id))) {
                (Some(hash), Some(_)) => drop(ids.insert(hash, id)),
                _ => outdated.push(id),
            }
        }
        Ok(Fingerprints { snapshot, ids, outdated })
    }

    /// The fingerprint of a content.
    pub(super) fn get(&self, hash: &Hash) -> Option<Fingerprint<'_>> {
        Fingerprint::from_bytes(self.snapshot.as_ref()?.payload(*self.ids.get(hash)?))
    }
}

/// Hashes the pixels of those of `contents` that were decoded smaller than they are, and may have the same
/// pixels as others; `items_of` finds an image with each content. If the observer stops the work, none are.
///
/// # Errors
/// When the fingerprints are damaged, another program writes them, or they cannot be written.
pub(super) fn hash_alike(
    dir: &Path,
    contents: &[Hash],
    items_of: impl Fn(&[Hash]) -> Vec<Result<Item, String>>,
    observer: &dyn Observer,
) -> Result<Fingerprints> {
    let fingerprints = Fingerprints::open(dir)?;
    let known: Vec<(Hash, Fingerprint<'_>)> =
        contents.iter().filter_map(|hash| Some((*hash, fingerprints.get(hash)?))).collect();
    let all: Vec<Fingerprint<'_>> = known.iter().map(|(_, fingerprint)| *fingerprint).collect();
    let unsure: Vec<Hash> = alike(&all).into_iter().map(|at| known[at].0).collect();
    let Some(snapshot) = fingerprints.snapshot.as_ref().filter(|_| !unsure.is_empty()) else {
        return Ok(fingerprints);
    };
    observer.stage(Stage::images("comparing pixels"));
    let mut settled: Vec<(Hash, u32, Vec<u8>)> = Vec::new();
    let items: Vec<(Hash, Item)> =
        unsure.iter().zip(items_of(&unsure)).filter_map(|(hash, item)| Some((*hash, item.ok()?))).collect();
    let mut done = 0;
    for block in blocks(items.iter().collect()) {
        for ((hash, _), samples) in block.iter().zip(read_block(&block, &samples_of)) {
            if let (Ok(samples), Some(&id)) = (samples, fingerprints.ids.get(hash)) {
                settled.extend(with_samples(snapshot.payload(id), samples).map(|of| (*hash, id, of)));
            }
        }
        done += block.len();
        observer.progress(&Progress::of(done, items.len()));
        if observer.should_stop() {
            break;
        }
    }
    let settings = Settings::default();
    let mut builder = SegmentBuilder::new(&settings)?;
    for (hash, _, fingerprint) in &settled {
        let code = u64::from_le_bytes(std::array::from_fn(|i| hash[i]));
        builder.push(Entry { name: hash, payload: fingerprint, code: &[code], latent: &[] })?;
    }
    let gone: Vec<u32> = settled.iter().map(|(_, id, _)| *id).collect();
    drop(fingerprints);
    Writer::lock(dir.join(FOLDER))?.commit(builder, &gone)?;
    Fingerprints::open(dir)
}

/// The hash of an image's samples; none of one that cannot be decoded whole, so that it is not tried again.
fn samples_of(source: Source, _: &mut Resizer) -> Result<Option<[u8; 32]>, String> {
    let how = Decoding { samples: SampleHash::wanted(), ..Decoding::default() };
    let decoded = source.decode(&how).ok().filter(|_| how.remarks.take().is_empty());
    Ok(decoded.and_then(|_| how.samples.take()))
}

/// Removes the fingerprints if they are damaged or of another format; they are then computed again.
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
    observer.note(&Note::new(format!("{path}: {section}: {detail}: all fingerprints are computed again")));
    std::fs::remove_dir_all(&folder).map_err(|error| Error::io(&folder, error))
}

/// Computes the fingerprints of `wanted` that are missing, and removes those of contents no longer in
/// `known`. Returns all fingerprints, and what could not be read; adds to `locals` what local features need, of the
/// first images. If the observer stops the work, those computed so far are kept.
///
/// # Errors
/// When the fingerprints are damaged, another program writes them, or they cannot be written.
pub(super) fn fingerprint_all(
    dir: &Path,
    wanted: &[(Hash, Item)],
    known: &HashSet<Hash>,
    locals: &mut Held<Hash>,
    observer: &dyn Observer,
) -> Result<(Fingerprints, Vec<Skipped>)> {
    let fingerprints = Fingerprints::open(dir)?;
    let new: Vec<&(Hash, Item)> =
        wanted.iter().filter(|(hash, _)| !fingerprints.ids.contains_key(hash)).collect();
    let unknown = fingerprints.ids.iter().filter(|(hash, _)| !known.contains(*hash)).map(|(_, id)| *id);
    let gone: Vec<u32> = unknown.chain(fingerprints.outdated.iter().copied()).collect();
    // a few outdated ones do no harm
    if new.is_empty() && gone.len() <= fingerprints.ids.len() / 2 {
        return Ok((fingerprints, Vec::new()));
    }
    let mut writer = Writer::lock(dir.join(FOLDER))?;
    let settings = Settings::default();
    let mut builder = SegmentBuilder::new(&settings)?;
    if !gone.is_empty() {
        writer.commit(SegmentBuilder::new(&settings)?, &gone)?;
    }
    let (mut skipped, mut held) = (Vec::new(), 0);
    observer.stage(Stage::images("fingerprinting"));
    let mut progress = Progress { total: new.len(), ..Progress::default() };
    for block in blocks(new) {
        let computed = match locals.is_full() {
            false => read_block(&block, &fingerprint_and_local),
            true => read_block(&block, &|source, resizer| Ok((fingerprint(source, resizer)?, None))),
        };
        for ((hash, item), computed) in block.iter().zip(computed) {
            match computed {
                Ok((fingerprint, local)) => {
                    if local.is_some() {
                        locals.add(*hash, local);
                    }
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

/// The fingerprints of images with these contents, in their order, or why one has none: to keep them elsewhere.
pub fn fingerprints_of(images: &[(Hash, Item)]) -> Vec<Result<Vec<u8>, String>> {
    let runs = images.chunk_by(|(_, a), (_, b)| a.in_sequence() == b.in_sequence());
    let all = runs.flat_map(|run| read_block(&run.iter().collect::<Vec<_>>(), &fingerprint));
    all.collect()
}

/// The fingerprint of an image.
pub(super) fn fingerprint(source: Source, resizer: &mut Resizer) -> Result<Vec<u8>, String> {
    fingerprint_of_pixels(source, resizer).map(|(bytes, _)| bytes)
}

/// The fingerprint of an image, and what local features need of it, if they may tell something.
fn fingerprint_and_local(source: Source, resizer: &mut Resizer) -> Result<(Vec<u8>, Option<Local>), String> {
    let (bytes, pixels) = fingerprint_of_pixels(source, resizer)?;
    let may_tell = Fingerprint::from_bytes(&bytes).is_some_and(|of| of.fine.is_some() && is_seen(&of));
    let local = if may_tell { Some(Local::of(&pixels, resizer)?) } else { None };
    Ok((bytes, local))
}

fn fingerprint_of_pixels(source: Source, resizer: &mut Resizer) -> Result<(Vec<u8>, Pixels), String> {
    let mut facts = source.facts();
    let needed = needed(&facts);
    let samples = SampleHash::wanted();
    let other_ground = OtherGround::wanted();
    let how = Decoding { needed, samples, other_ground, ..Decoding::default() };
    let pixels = source.decode(&how)?;
    facts.samples = how.samples.take();
    let found = Found { damage: how.remarks.take(), other: how.other_ground.take() };
    Ok((fingerprint_of(&pixels, &facts, &found, resizer)?, pixels))
}
