//! Whether images are in a collection already: the gate in front of an upload or an import.
//!
//! ```text
//! image -> bytes known? -> pixels known? -> nearest by the index's codes -> fingerprints -> local features -> kind
//!                                        nearest by those of its parts and turns -> views --^
//! ```
//!
//! The first step that finds something answers, so that the model is loaded only for images that may be new.
//! Nothing is written: fingerprints that no scan has made yet are made for the candidates alone, each time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;
use rayon::prelude::*;

use super::compare::is_seen;
use super::fingerprint::{Fingerprint, Turn, needed};
use super::fingerprints::{FOLDER, Fingerprints, Hash, fingerprint};
use super::glimpses::{glimpses, views_of};
use super::last_scan::LastScan;
use super::local::{Likeness, Local, Probes, verify};
use super::options::ScanOptions;
use super::pairs::compare;
use super::plan::GroupKind;
use super::strangers;
use super::threshold::Null;
use crate::error::{Error, Result};
use crate::gallery::{Gallery, OpenOptions, QueryOptions, QueryResult, Record};
use crate::images::{Decoding, Item, Limits, Resizer, SampleHash, Skipped, WalkOptions, read, resolve, walk};
use crate::observer::{Observer, Progress, Stage};
use crate::output::CacheFolder;

/// Images of the collection that an image is compared with.
const CANDIDATES: usize = 30;
/// Those of which it may be a part, if their fingerprints are known: the nearest by the index's codes.
const LOOKED_AT: usize = 64;
/// Those that are nearest to each of its own parts and turns.
const OF_A_VIEW: usize = 4;
/// Those that are verified by local features, where no fingerprint is near.
const VERIFIED: usize = 8;
/// Below this unlikeness two images of one size may have the same pixels.
const ALIKE: f32 = 0.02;
/// Images between two reports of progress.
const BLOCK: usize = 64;

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// Files, folders, containers, or their entries.
    pub images: Vec<PathBuf>,
    /// Which images below the paths are taken.
    pub walk: WalkOptions,
    /// How the index is opened, where its model is needed.
    pub open: OpenOptions,
    /// The similarity from which two images are near; none: that of the last scan, or what a scan of few images
    /// takes. With one, what only local features find the same is edited.
    pub similarity: Option<f64>,
}

/// The similarity from which an image counts as near, and where it is from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckThreshold {
    /// The least similarity of near images.
    pub similarity: f64,
    /// Where it is from.
    pub basis: Basis,
}

/// Where the threshold of a check is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The options.
    Given,
    /// The last scan of the index.
    Scan {
        /// Images that it compared.
        images: usize,
        /// Pairs of them on which it is calibrated; 0 if the user gave that scan its threshold.
        null_pairs: u64,
    },
    /// The program, as no scan has been made.
    Shipped,
}

/// What was found about images.
#[derive(Debug, Clone)]
pub struct Checked {
    /// From what similarity images count as near.
    pub threshold: CheckThreshold,
    /// In the order of the images.
    pub images: Vec<CheckedImage>,
    /// Images that cannot be used.
    pub skipped: Vec<Skipped>,
}

/// What was found about an image.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedImage {
    /// Its path, or `container#entry`; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// The image of the collection that it is a copy of, or related to; none if there is nothing like it.
    pub found: Option<Match>,
}

impl CheckedImage {
    /// Whether it is there already; an image that is only related is not.
    pub fn is_known(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.kind != GroupKind::Related)
    }
}

/// The image of the collection that an image is a copy of.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// In what way they are the same.
    pub kind: GroupKind,
    /// Its name in the index.
    pub path: String,
    /// 1 minus how much they differ in the worst place, once both are aligned; where local features alone tell
    /// that one is the other, the share of what both show that agrees.
    pub similarity: f32,
}

/// Whether images are in the collection of the index at `dir` already.
///
/// ```
/// use aesearch::dedupe::{CheckOptions, GroupKind, check};
/// use aesearch::demo::collection::write_collection;
/// use aesearch::gallery::{UpdateOptions, update};
/// use aesearch::runtime::RuntimeOptions;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let files = write_collection(&folder.path().join("digits"), 1, 2)?;
/// let index = folder.path().join(".aesearch");
/// let options = UpdateOptions::new(RuntimeOptions::from_env());
/// update(&index, &[folder.path().join("digits")], &options, &())?;
///
/// let upload = folder.path().join("upload.png");
/// std::fs::copy(&files[3], &upload)?;
/// let checked = check(&index, &CheckOptions { images: vec![upload], ..CheckOptions::default() }, &())?;
/// let found = checked.images[0].found.as_ref().expect("it is there already");
/// assert_eq!((found.kind, found.similarity), (GroupKind::Bytes, 1.0));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When there is no index, it is damaged, or its model is gone; when a path does not exist; a similarity that
/// is none; [`Error::Interrupted`].
pub fn check(dir: &Path, options: &CheckOptions, observer: &dyn Observer) -> Result<Checked> {
    let walked = walk(&options.images, &options.walk)?;
    walked.skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
    let mut checked = check_items(dir, &walked.items, options, observer)?;
    checked.skipped.splice(..0, walked.skipped);
    Ok(checked)
}

/// The same for images at hand, such as those in memory; the paths of the options do not count.
///
/// # Errors
/// As [`check`](fn@check).
pub fn check_items(
    dir: &Path,
    items: &[Item],
    options: &CheckOptions,
    observer: &dyn Observer,
) -> Result<Checked> {
    if let Some(similarity) = options.similarity.filter(|similarity| !(0.0..=1.0).contains(similarity)) {
        let what = format!("`threshold`: expected a similarity from 0 to 1, got {similarity}");
        return Err(Error::invalid(what));
    }
    let known = Known::open(dir, options)?;
    let mut checked = Checked { threshold: known.threshold, images: Vec::new(), skipped: Vec::new() };
    observer.stage(Stage::images("checking"));
    let mut gallery = None;
    for (done, block) in (0..).step_by(BLOCK).zip(items.chunks(BLOCK)) {
        observer.progress(&Progress::of(done, items.len()));
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        let exact: Vec<Result<Exact, String>> =
            block.par_iter().map_init(Resizer::new, |resizer, item| known.exact(item, resizer)).collect();
        let is_open = |exact: &Result<Exact, String>| matches!(exact, Ok(Exact::Open(_)));
        if gallery.is_none() && exact.iter().any(is_open) {
            gallery = Some(Gallery::open(dir, &options.open, observer)?);
        }
        let found = block.par_iter().zip(exact).map(|(item, exact)| match (exact, &gallery) {
            (Ok(Exact::Open(bytes)), Some(gallery)) => known.alike(item, &bytes, gallery),
            (Ok(Exact::Found(found)), _) => Ok(Ok(Some(found))),
            (Ok(_), _) => Ok(Ok(None)),
            (Err(reason), _) => Ok(Err(reason)),
        });
        let found: Vec<Result<Result<Option<Match>, String>>> = found.collect();
        for (item, found) in block.iter().zip(found) {
            match found? {
                Ok(found) => checked.images.push(CheckedImage { path: item.display(), found }),
                Err(reason) => {
                    observer.skipped(&item.display(), &reason);
                    checked.skipped.push(Skipped::new(item.name(), reason));
                }
            }
        }
    }
    Ok(checked)
}

/// The threshold, whether nothing beyond it is near, and the number of inliers that counts: the one that was asked for, that of the last scan, or the
/// one that comes with the program.
fn threshold(dir: &Path, options: &CheckOptions) -> (CheckThreshold, bool, usize) {
    let last = LastScan::read(dir);
    let enough = last.as_ref().map_or(strangers::SHIPPED, |last| last.inliers);
    if let Some(similarity) = options.similarity {
        return (CheckThreshold { similarity, basis: Basis::Given }, true, enough);
    }
    if let Some(LastScan { similarity, given, images, null_pairs, .. }) = last {
        let null_pairs = if given { 0 } else { null_pairs };
        return (CheckThreshold { similarity, basis: Basis::Scan { images, null_pairs } }, given, enough);
    }
    let rate = ScanOptions::default().false_positive_rate;
    let similarity = 1.0 - Null::default().cut(rate).unlikeness;
    (CheckThreshold { similarity, basis: Basis::Shipped }, false, enough)
}

/// What is known about the collection.
struct Known {
    snapshot: Snapshot,
    /// The folder of the index.
    base: PathBuf,
    /// An item with each content: the first by name.
    contents: HashMap<Hash, u32>,
    fingerprints: Fingerprints,
    /// A content with each hash of pixels.
    pixels: HashMap<[u8; 32], Hash>,
    threshold: CheckThreshold,
    /// Images up to this unlikeness are near.
    cut: f32,
    /// Whether that was asked for, so that nothing beyond it is near.
    is_strict: bool,
    /// Corners that lie alike with which a copy counts.
    inliers: usize,
}

/// What bytes and pixels tell of an image.
enum Exact {
    /// It is there.
    Found(Match),
    /// It is not, and nothing else can tell: it is nearly blank, or holds more than its fingerprint knows.
    New,
    /// Its fingerprint has to be compared.
    Open(Vec<u8>),
}

impl Known {
    fn open(dir: &Path, options: &CheckOptions) -> Result<Known> {
        let snapshot = Snapshot::open(dir)?;
        let mut contents: HashMap<Hash, u32> = HashMap::new();
        for id in snapshot.ids() {
            let first = contents.entry(Record::of(&snapshot, id)?.hash).or_insert(id);
            if snapshot.name(id) < snapshot.name(*first) {
                *first = id;
            }
        }
        let cache = CacheFolder::of(dir, FOLDER)?;
        let fingerprints = Fingerprints::open(cache.path())?;
        let of = |hash: &Hash| {
            let fingerprint = fingerprints.get(hash).filter(|fingerprint| !fingerprint.several)?;
            Some((*fingerprint.pixels?, *hash))
        };
        let pixels = contents.keys().filter_map(of).collect();
        let base = dir.parent().unwrap_or(Path::new("")).to_path_buf();
        let (threshold, is_strict, inliers) = threshold(cache.path(), options);
        let cut = (1.0 - threshold.similarity) as f32;
        Ok(Known { snapshot, base, contents, fingerprints, pixels, threshold, cut, is_strict, inliers })
    }

    fn found(&self, hash: &Hash, kind: GroupKind, similarity: f32) -> Option<Match> {
        let path = String::from_utf8_lossy(self.snapshot.name(*self.contents.get(hash)?)).into_owned();
        Some(Match { kind, path, similarity })
    }

    /// Looks for the same bytes, then for the same pixels.
    fn exact(&self, item: &Item, resizer: &mut Resizer) -> Result<Exact, String> {
        let source = read(item, &Limits::default())?;
        let hash = source.stamp().hash;
        if let Some(found) = self.found(&hash, GroupKind::Bytes, 1.0) {
            return Ok(Exact::Found(found));
        }
        let bytes = fingerprint(source, resizer)?;
        let Some(of) = Fingerprint::from_bytes(&bytes) else { return Ok(Exact::New) };
        let same = of.pixels.filter(|_| !of.several).and_then(|pixels| self.pixels.get(pixels));
        if let Some(found) = same.and_then(|hash| self.found(hash, GroupKind::Pixels, 1.0)) {
            return Ok(Exact::Found(found));
        }
        Ok(if is_seen(&of) { Exact::Open(bytes) } else { Exact::New })
    }

    /// Compares a fingerprint with those of the images that are nearest by the index's codes; then looks for those of
    /// which the image may be a part, or that may be a part of it.
    fn alike(&self, item: &Item, own: &[u8], gallery: &Gallery) -> Result<Result<Option<Match>, String>> {
        let options = QueryOptions { k: LOOKED_AT, ..QueryOptions::default() };
        let Some(own) = Fingerprint::from_bytes(own) else { return Ok(Ok(None)) };
        let mut nearest: Vec<Hash> = Vec::new();
        add_hashes(gallery, gallery.query(item, &options)?, &mut nearest)?;
        let candidates = &nearest[..nearest.len().min(CANDIDATES)];
        let made = self.made(candidates);
        let others = self.compared(candidates, &made);
        let near = self.nearest(item, &own, &others, &mut Resizer::new());
        let found = match near {
            Some((hash, found)) if found.kind == GroupKind::Near => {
                // a small part may differ that a fingerprint does not show
                let verified = self.verified(item, &[hash]).filter(|_| !self.is_strict);
                Some(verified.filter(|verified| verified.kind != GroupKind::Near).unwrap_or(found))
            }
            Some((_, found)) => Some(found),
            None => self.verified(item, &candidates[..candidates.len().min(VERIFIED)]),
        };
        if found.as_ref().is_some_and(|found| found.kind != GroupKind::Related) {
            return Ok(Ok(found));
        }
        let mut shown: Vec<Hash> = Vec::new();
        let few = QueryOptions { k: OF_A_VIEW, ..options };
        for view in glimpses(item, &own) {
            add_hashes(gallery, gallery.query_pixels(&view, &few)?, &mut shown)?;
        }
        nearest.retain(|hash| !shown.contains(hash));
        let made = self.made(&shown);
        let others = self.compared(&[shown, nearest].concat(), &made);
        let alike: Vec<Hash> = views_of(&own, &others).into_iter().take(VERIFIED).collect();
        Ok(Ok(self.verified(item, &alike).or(found)))
    }

    /// Fingerprints of those of some contents that no scan has made yet.
    fn made(&self, contents: &[Hash]) -> HashMap<Hash, Vec<u8>> {
        let missing: Vec<&Hash> =
            contents.iter().filter(|hash| self.fingerprints.get(hash).is_none()).collect();
        let one = |resizer: &mut Resizer, hash: &&Hash| Some((**hash, self.fingerprint(hash, resizer)?));
        missing.par_iter().map_init(Resizer::new, one).flatten().collect()
    }

    /// The fingerprints of some contents, as far as there are any.
    fn compared<'a>(
        &'a self,
        contents: &[Hash],
        made: &'a HashMap<Hash, Vec<u8>>,
    ) -> Vec<(Hash, Fingerprint<'a>)> {
        let of =
            |hash: &Hash| self.fingerprints.get(hash).or_else(|| Fingerprint::from_bytes(made.get(hash)?));
        contents.iter().filter_map(|hash| Some((*hash, of(hash)?))).collect()
    }

    /// What local features tell of an image and some contents: the most certain kind, then the largest share
    /// that agrees.
    fn verified(&self, item: &Item, contents: &[Hash]) -> Option<Match> {
        let own = local_of(item, &mut Resizer::new())?;
        let one = |resizer: &mut Resizer, hash: &Hash| {
            let found = verify(&local_of(&self.item(hash)?, resizer)?, &own, Probes::default());
            if !found.all_agree && found.inliers < self.inliers {
                return None;
            }
            let is_upright = !found.mirrored && found.quarter_turns == 0;
            let kind = match found.likeness {
                Likeness::Near if is_upright && !self.is_strict => GroupKind::Near,
                Likeness::Near | Likeness::Edited => GroupKind::Edited,
                Likeness::Related => GroupKind::Related,
                Likeness::Different => return None,
            };
            Some((kind, found.agreeing, *hash))
        };
        let found: Vec<(GroupKind, f32, Hash)> =
            contents.par_iter().map_init(Resizer::new, one).flatten().collect();
        let best = found.into_iter().min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        best.and_then(|(kind, agreeing, hash)| self.found(&hash, kind, agreeing))
    }

    /// The most similar one, if it is the same picture: as it is, else mirrored or turned.
    fn nearest(
        &self,
        item: &Item,
        own: &Fingerprint<'_>,
        others: &[(Hash, Fingerprint<'_>)],
        resizer: &mut Resizer,
    ) -> Option<(Hash, Match)> {
        let turns = |upright: bool| -> Vec<Turn> {
            let all = [false, true].map(|mirrored| (0..4).map(move |quarters| Turn { mirrored, quarters }));
            all.into_iter().flatten().filter(|turn| (*turn == Turn::NONE) == upright).collect()
        };
        for (kind, turns) in [(GroupKind::Near, turns(true)), (GroupKind::Edited, turns(false))] {
            let comparable = others.iter().filter(|(_, other)| !other.is_apart());
            let compared = comparable.map(|(hash, other)| {
                let unlike = turns.iter().map(|turn| compare(own, other, *turn, resizer));
                (unlike.fold(1.0, f32::min), hash, other)
            });
            let best = compared.min_by(|(a, ..), (b, ..)| a.total_cmp(b));
            let Some((unlikeness, hash, other)) = best.filter(|(unlikeness, ..)| *unlikeness <= self.cut)
            else {
                continue;
            };
            let are_same = || match (own.pixels, other.pixels) {
                (Some(own), Some(other)) => own == other,
                _ => self.same_pixels(item, hash),
            };
            let is_same = kind == GroupKind::Near
                && unlikeness < ALIKE
                && (own.width, own.height) == (other.width, other.height)
                && are_same();
            let (kind, similarity) =
                if is_same { (GroupKind::Pixels, 1.0) } else { (kind, 1.0 - unlikeness) };
            return Some((*hash, self.found(hash, kind, similarity)?));
        }
        None
    }

    /// An image with this content, read into memory.
    fn item(&self, hash: &Hash) -> Option<Item> {
        let name = self.snapshot.name(*self.contents.get(hash)?);
        resolve([name], &self.base).into_iter().next()?.ok()
    }

    fn fingerprint(&self, hash: &Hash, resizer: &mut Resizer) -> Option<Vec<u8>> {
        let source = read(&self.item(hash)?, &Limits::default()).ok()?;
        let is_known = source.stamp().hash == *hash;
        fingerprint(source, resizer).ok().filter(|_| is_known)
    }

    /// Whether every sample of two images is the same. Large ones are decoded smaller for their fingerprints,
    /// which then do not tell.
    fn same_pixels(&self, item: &Item, hash: &Hash) -> bool {
        let samples = |item: &Item| {
            let how = Decoding { samples: SampleHash::wanted(), ..Decoding::default() };
            read(item, &Limits::default()).ok()?.decode(&how).ok()?;
            how.samples.take()
        };
        let own = samples(item);
        own.is_some() && self.item(hash).is_some_and(|other| samples(&other) == own)
    }
}

/// Adds the contents of hits to those that are there.
fn add_hashes(gallery: &Gallery, found: QueryResult, hashes: &mut Vec<Hash>) -> Result<()> {
    for hit in found.hits {
        let hash = Record::of(gallery.snapshot(), hit.id)?.hash;
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    Ok(())
}

/// What local features need of an image.
fn local_of(item: &Item, resizer: &mut Resizer) -> Option<Local> {
    let source = read(item, &Limits::default()).ok()?;
    let needed = needed(&source.facts());
    let pixels = source.decode(&Decoding { needed, ..Decoding::default() }).ok()?;
    Local::of(&pixels, resizer).ok()
}
