//! Scans the images of an index for duplicates, and proposes which to keep.
//!
//! It changes nothing but the fingerprints kept beside the index, where there is also a folder for codes
//! while it runs; where the index cannot be written, both are in the user's cache folder.
//!
//! ```text
//! index -> collection -> contents (same bytes) -> pictures (same pixels) -> candidates -> pairs -> findings -> groups -> plan
//!                        fingerprints of new contents                        null, own copies -> threshold --^
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;
use rayon::prelude::*;

use super::align::OF_COPIES;
use super::candidates::Codes;
use super::collection::{Collection, Picture, hashes};
use super::compare::{is_flat, is_seen};
use super::decisions::Decisions;
use super::fingerprint::{Fingerprint, Turn};
use super::fingerprints::{FOLDER, Fingerprints, Hash, drop_damaged, fingerprint_all, hash_alike};
use super::held::Held;
use super::judge::{self, Judge, between_keepers};
use super::known::Known;
use super::measure::{self, Measured};
use super::neighbours;
use super::options::ScanOptions;
use super::original::Flaws;
use super::pair_table::{GroupingRules, PairTable};
use super::pairs::{Compared, Comparison, Pair};
use super::plan::{Group, GroupKind, NearMiss, Plan, Unread};
use super::propose::{Proposal, settled};
use super::verify::Verifier;
use super::views;
use crate::error::{Error, Result};
use crate::gallery::FROM_MEMORY;
use crate::images::{Skipped, resolve};
use crate::observer::Observer;
use crate::output::CacheFolder;

/// The number of near misses that are listed, and up to how many times the threshold they are searched for.
const MISSES: usize = 100;
const MISS_WITHIN: f32 = 2.5;

/// The result of a scan.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The groups found, and what is proposed for them.
    pub plan: Plan,
    /// Pairs of pictures as they were judged, by position; edited ones last.
    pub(super) pairs: Vec<Pair>,
    /// Which of them are edited.
    pub(super) edited: HashSet<(u32, u32)>,
    /// Name and picture of each file.
    pub(super) files: Vec<(Vec<u8>, u32)>,
    /// Images that could not be compared.
    pub skipped: Vec<Skipped>,
    /// The number of nearly blank images, which are compared only by bytes and pixels.
    pub flat: usize,
}

impl Scan {
    /// The names of the files, each with its number.
    pub(super) fn names(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.files.iter().zip(0..).map(|((name, _), number)| (name.as_slice(), number))
    }

    /// The name of a file for people.
    pub(super) fn shown(&self, file: u32) -> String {
        String::from_utf8_lossy(&self.files[file as usize].0).into_owned()
    }

    /// The numbers of the files that show each picture, by position.
    pub(super) fn by_picture(&self) -> BTreeMap<u32, Vec<u32>> {
        let mut by_picture: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for ((_, picture), number) in self.files.iter().zip(0..) {
            by_picture.entry(*picture).or_default().push(number);
        }
        by_picture
    }

    /// The picture that a file shows.
    pub(super) fn picture_of(&self, file: u32) -> u32 {
        self.files[file as usize].1
    }

    /// For tests: a scan that found these pairs of files.
    #[cfg(test)]
    pub(super) fn of_scored(names: &[&str], pairs: &[(f32, u32, u32)], threshold: f64) -> Scan {
        let plan = Plan {
            images: names.len(),
            base: PathBuf::new(),
            threshold: super::plan::Threshold { similarity: threshold, ..Default::default() },
            keep: Vec::new(),
            groups: Vec::new(),
            near_misses: Vec::new(),
            skipped: Vec::new(),
            damaged: Vec::new(),
            cameras_lost: 0,
        };
        let pair = |&(similarity, a, b): &(f32, u32, u32)| Pair {
            a,
            b,
            turn: Turn::NONE,
            unlikeness: 1.0 - similarity,
        };
        let files = names.iter().zip(0..).map(|(name, number)| (name.as_bytes().to_vec(), number)).collect();
        let (pairs, edited) = (pairs.iter().map(pair).collect(), HashSet::new());
        Scan { plan, pairs, edited, files, skipped: Vec::new(), flat: 0 }
    }
}

/// Scans for duplicates among the images of the index at `dir` that are in `data` or in a reference; without
/// `data`, among all of them. Pairs that a decision is about are not proposed.
///
/// # Errors
/// When the options cannot be used, there is no index or it is damaged, all its images came from memory, a reference
/// holds no image of the index, or another program writes the fingerprints; [`Error::Interrupted`].
pub fn scan(
    dir: &Path,
    data: &[PathBuf],
    options: &ScanOptions,
    decisions: &Decisions,
    observer: &dyn Observer,
) -> Result<Scan> {
    options.check(data)?;
    let snapshot = Snapshot::open(dir)?;
    let base = dir.parent().unwrap_or(Path::new(""));
    let only = options.only.as_ref().map(|only| only.select((dir, &snapshot), &options.labels, observer));
    let passing = only.transpose()?.unwrap_or_else(|| snapshot.ids().collect());
    let mut collection = Collection::new((&snapshot, &passing), base, data, &options.reference)?;
    collection.label(&options.labels)?;
    if let Some(empty) = options.reference.iter().find(|place| !collection.holds(place)) {
        let what = format!("`reference`: {}: expected images of the index, got none", empty.display());
        return Err(
            Error::not_found(what).with_hint("index it first, or name the paths to compare with it as well")
        );
    }
    // paths that were given have just been indexed
    let mut skipped = if data.is_empty() { collection.check() } else { Vec::new() };
    if collection.len() == 0 && skipped.first().is_some_and(|first| first.reason == FROM_MEMORY) {
        let what = format!("{}: expected images on disk, got {} from memory", dir.display(), skipped.len());
        return Err(Error::invalid(what).with_hint("the index keeps no pixels of those: scan their files"));
    }
    let mut held = Held::default();
    let cache = CacheFolder::of(dir, FOLDER)?;
    let (fingerprints, unread) = fingerprints(cache.path(), &snapshot, &collection, &mut held, observer)?;
    skipped.extend(unread);
    skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
    if observer.should_stop() {
        return Err(Error::Interrupted);
    }
    let found = Found { snapshot, collection, fingerprints, held, skipped };
    compare(cache.path(), found, options, decisions, observer)
}

/// The images of a scan, with their fingerprints.
struct Found {
    snapshot: Snapshot,
    collection: Collection,
    fingerprints: Fingerprints,
    /// What local features need, of images that were just decoded.
    held: Held<Hash>,
    skipped: Vec<Skipped>,
}

/// Compares the images, and makes a plan of what they have in common; `dir` holds the caches.
fn compare(
    dir: &Path,
    Found { snapshot, mut collection, fingerprints, held, skipped }: Found,
    options: &ScanOptions,
    decisions: &Decisions,
    observer: &dyn Observer,
) -> Result<Scan> {
    let pictures = collection.pictures(&fingerprints);
    let scanned = Seen { collection: &collection, pictures: &pictures, fingerprints: &fingerprints };
    let turns: Vec<Turn> = std::iter::once(Turn::NONE).chain(options.turns.iter().copied()).collect();
    let lookup = scanned.lookup();
    let lumas: Vec<_> = lookup.iter().map(|fingerprint| fingerprint.luma).collect();
    let codes = Codes::new(dir, &lumas);
    let contents = pictures.iter().map(|picture| picture.contents[0]).collect();
    let known = Known::open(dir, contents, &hashes(&snapshot)?);
    let comparison = Comparison { fingerprints: &lookup, codes: &codes, known: &known, observer };
    let all: Vec<u32> = (0..lookup.len() as u32).collect();
    let compared = comparison.pairs(&all, &turns, &OF_COPIES)?;

    let items = |positions: &[u32]| collection.items_at(&pictures, positions);
    let seen: Vec<bool> = lookup.par_iter().map(is_seen).collect();
    // local features can tell something of two images if both are seen, and one at least is large
    let can_tell = |a: u32, b: u32| {
        let [a, b] = [a, b].map(|at| at as usize);
        seen[a] && seen[b] && (lookup[a].fine.is_some() || lookup[b].fine.is_some())
    };
    let positions = collection.positions(&pictures);
    let mut places = vec![u32::MAX; pictures.len()]; // the items of an index lie beside those they are like
    positions.iter().for_each(|(id, at)| places[*at as usize] = places[*at as usize].min(*id));
    let place = |position: u32| places[position as usize];
    let by_content: HashMap<Hash, u32> = pictures.iter().map(|of| of.contents[0]).zip(0..).collect();
    let held = held.by(|hash| by_content.get(hash).copied());
    let verifier = Verifier::new(&items, &can_tell, &place, &known, held, observer);
    let is_seen = |position: u32| seen[position as usize];
    let mut more = neighbours::nearest(&snapshot, &positions, &is_seen, &known, observer)?;
    more.extend(views::pairs(&comparison, &all)?);
    // verifying takes the longest: what was found before it was interrupted is not found again
    judge::verify(&verifier, &compared, &more).inspect_err(|_| drop(verifier.save_more(dir)))?;
    let source = |position: u32| collection.source(&pictures[position as usize]);
    let Measured { threshold, cut } =
        measure::measure(&comparison, &compared, &verifier, &turns, options, source)?;
    let judge = Judge {
        comparison: &comparison,
        verifier: &verifier,
        turns: &turns,
        cut,
        strict: options.threshold.is_some(),
    };
    let (groups, near_misses, pairs) = groups(&scanned, &judge, options, decisions, &compared)?;
    verifier.save(dir)?;
    let unread = |skipped: &Skipped| Unread { path: skipped.path.clone(), reason: skipped.reason.clone() };
    let plan = Plan {
        images: collection.len(),
        base: std::path::absolute(".").unwrap_or_default(),
        threshold,
        keep: options.keep.iter().map(|preference| preference.name().to_owned()).collect(),
        cameras_lost: groups.iter().map(Group::cameras_lost).sum(),
        groups,
        near_misses,
        skipped: skipped.iter().map(unread).collect(),
        damaged: collection.damaged(&fingerprints),
    };
    let flat = lookup.iter().filter(|fingerprint| is_flat(fingerprint.luma)).count();
    let files = collection.shown(&pictures);
    let edited = judge.all_of(GroupKind::Edited).into_iter().collect();
    Ok(Scan { plan, pairs, edited, files, skipped, flat })
}

/// What a scan sees.
struct Seen<'a> {
    collection: &'a Collection,
    pictures: &'a [Picture],
    fingerprints: &'a Fingerprints,
}

impl Seen<'_> {
    /// The fingerprint of each picture, by position.
    fn lookup(&self) -> Vec<Fingerprint<'_>> {
        self.pictures.iter().filter_map(|picture| self.fingerprints.get(&picture.contents[0])).collect()
    }
}

/// The groups of all kinds, the pairs just below the threshold, and the pairs as they were judged.
fn groups(
    seen: &Seen<'_>,
    judge: &Judge<'_>,
    options: &ScanOptions,
    decisions: &Decisions,
    compared: &Compared,
) -> Result<(Vec<Group>, Vec<NearMiss>, Vec<Pair>)> {
    let Seen { collection, pictures, fingerprints } = *seen;
    let apart = |a: u32, b: u32| apart(&pictures[a as usize], &pictures[b as usize], decisions);
    let mut judged = judge.near(&compared.pairs);
    let flaws = Flaws::of(pictures, fingerprints, &judge.related(&judged));
    let proposal = Proposal::new(collection, pictures, fingerprints, options, decisions);
    let mut proposal = proposal.with_flaws(flaws);
    let mut all = proposal.exact();
    let compare = |pairs: &[(u32, u32)]| judge.compare(pairs);
    let mut table = PairTable::new(&judged, judge, &compare, &apart);
    let groups = table.groups(&rules(&proposal, judge.cut, options.across))?;
    let near_misses = near_misses(&table, &groups, &proposal, judge.cut);
    all.extend(proposal.compared(GroupKind::Near, &groups, &table));

    let mut proposal = proposal.beyond_near();
    let kinds = [GroupKind::Edited, GroupKind::Related];
    for kind in kinds.into_iter().filter(|kind| *kind == GroupKind::Edited || options.related) {
        let found = judge.all_of(kind);
        if kind == GroupKind::Edited {
            judged.extend(judge.of_kind(kind, &found)?.into_iter().map(|pair| judge.called(pair)));
        }
        let pairs = judge.of_kind(kind, &between_keepers(&found, &groups))?;
        let compare = |pairs: &[(u32, u32)]| judge.of_kind(kind, pairs);
        let mut table = PairTable::new(&pairs, judge, &compare, &apart);
        let groups = table.groups(&rules(&proposal, judge::ALL, options.across))?;
        all.extend(proposal.compared(kind, &groups, &table));
    }
    Ok((settled(all), near_misses, judged))
}

/// How pictures whose unlikeness is at most `cut` are grouped.
fn rules<'a>(proposal: &'a Proposal<'_>, cut: f32, across: bool) -> GroupingRules<'a> {
    GroupingRules {
        cut,
        across,
        rank: Box::new(|position| proposal.rank(position)),
        going: Box::new(|anchor, other| proposal.going(anchor, other)),
        prefer: Box::new(|a, b| proposal.prefer(a, b)),
    }
}

/// Whether a decision says that two pictures are not to be proposed as duplicates.
fn apart(a: &Picture, b: &Picture, decisions: &Decisions) -> bool {
    a.contents.iter().any(|a| b.contents.iter().any(|b| decisions.separates(a, b)))
}

/// Pairs just beyond the threshold that are in no common group; the most similar first.
fn near_misses(
    table: &PairTable<'_>,
    groups: &[Vec<u32>],
    proposal: &Proposal<'_>,
    cut: f32,
) -> Vec<NearMiss> {
    let mut groups_of: HashMap<u32, Vec<usize>> = HashMap::new();
    for (images, group) in groups.iter().zip(0..) {
        images.iter().for_each(|&image| groups_of.entry(image).or_default().push(group));
    }
    let together = |(a, b): (u32, u32)| {
        let groups = groups_of.get(&a).zip(groups_of.get(&b));
        groups.is_some_and(|(of_a, of_b)| of_a.iter().any(|group| of_b.contains(group)))
    };
    let known = table.unlike.iter().map(|(pair, unlike)| (*unlike, *pair));
    let is_miss = |unlike: f32| unlike > cut && unlike <= MISS_WITHIN * cut;
    let mut missed: Vec<(f32, (u32, u32))> =
        known.filter(|(unlike, pair)| is_miss(*unlike) && !together(*pair)).collect();
    missed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    missed.into_iter().filter_map(|(_, pair)| proposal.near_miss(pair, table)).take(MISSES).collect()
}

/// Computes the fingerprints that are missing; returns all of them, and what could not be read.
fn fingerprints(
    dir: &Path,
    snapshot: &Snapshot,
    collection: &Collection,
    held: &mut Held<Hash>,
    observer: &dyn Observer,
) -> Result<(Fingerprints, Vec<Skipped>)> {
    drop_damaged(dir, observer)?;
    let kept = Fingerprints::open(dir)?;
    let new: Vec<(&Hash, &[u8])> =
        collection.contents().filter(|(hash, _)| kept.get(hash).is_none()).collect();
    let (mut wanted, mut skipped) = (Vec::new(), Vec::new());
    let items = resolve(new.iter().map(|(_, name)| *name), collection.base());
    for ((hash, name), item) in new.into_iter().zip(items) {
        match item {
            Ok(item) => wanted.push((*hash, item)),
            Err(reason) => skipped.push(Skipped::new(name, reason)),
        }
    }
    drop(kept);
    let known: HashSet<Hash> = hashes(snapshot)?;
    let (_, more) = fingerprint_all(dir, &wanted, &known, held, observer)?;
    skipped.extend(more);
    let contents: Vec<Hash> = collection.contents().map(|(hash, _)| *hash).collect();
    let items = |hashes: &[Hash]| collection.items(hashes);
    Ok((hash_alike(dir, &contents, items, observer)?, skipped))
}
