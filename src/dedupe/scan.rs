//! Scans the images of an index for duplicates, and proposes which to keep.
//!
//! It changes nothing but the fingerprints kept beside the index, where there is also a folder for codes
//! while it runs.
//!
//! ```text
//! index -> collection -> contents (same bytes) -> pictures (same pixels) -> candidates -> pairs -> groups -> plan
//!                        fingerprints of new contents           null, own copies -> threshold --^
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;

use super::align::OF_COPIES;
use super::candidates::Codes;
use super::collection::{Collection, Picture};
use super::compare::is_flat;
use super::decisions::Decisions;
use super::fingerprint::{Fingerprint, Turn};
use super::fingerprints::{Fingerprints, Hash, drop_damaged, fingerprint_all, hash_alike};
use super::measure::{self, Measured};
use super::options::ScanOptions;
use super::pair_table::{GroupingRules, PairTable};
use super::pairs::{Comparison, Pair};
use super::plan::{NearMiss, Plan, Unread};
use super::propose::{Proposal, settled};
use crate::error::{Error, Result};
use crate::images::{Skipped, resolve};
use crate::observer::Observer;

/// The number of near misses that are listed, and up to how many times the threshold they are searched for.
const MISSES: usize = 100;
const MISS_WITHIN: f32 = 2.5;

/// The result of a scan.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The groups found, and what is proposed for them.
    pub plan: Plan,
    /// Pairs of pictures that were compared, by position.
    pub(super) pairs: Vec<Pair>,
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
        };
        let pair = |&(similarity, a, b): &(f32, u32, u32)| Pair {
            a,
            b,
            turn: Turn::NONE,
            unlikeness: 1.0 - similarity,
        };
        let files = names.iter().zip(0..).map(|(name, number)| (name.as_bytes().to_vec(), number)).collect();
        Scan { plan, pairs: pairs.iter().map(pair).collect(), files, skipped: Vec::new(), flat: 0 }
    }
}

/// Scans for duplicates among the images of the index at `dir` that are in `data` or in a reference; without
/// `data`, among all of them. Pairs that a decision is about are not proposed.
///
/// # Errors
/// When the options cannot be used, there is no index or it is damaged, a reference holds no image of the
/// index, or another program writes the fingerprints; [`Error::Interrupted`].
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
    let mut collection = Collection::new(&snapshot, base, data, &options.reference)?;
    collection.label(&options.labels)?;
    if let Some(empty) = options.reference.iter().find(|place| !collection.holds(place)) {
        let what = format!("`reference`: {}: expected images of the index, got none", empty.display());
        return Err(
            Error::not_found(what).with_hint("index it first, or name the paths to compare with it as well")
        );
    }
    // paths that were given have just been indexed
    let mut skipped = if data.is_empty() { collection.check() } else { Vec::new() };
    let (fingerprints, unread) = fingerprints(dir, &snapshot, &collection, observer)?;
    skipped.extend(unread);
    skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
    if observer.should_stop() {
        return Err(Error::Interrupted);
    }
    let pictures = collection.pictures(&fingerprints);
    let lookup: Vec<Fingerprint<'_>> =
        pictures.iter().filter_map(|picture| fingerprints.get(&picture.contents[0])).collect();
    let lumas: Vec<_> = lookup.iter().map(|fingerprint| fingerprint.luma).collect();
    let codes = Codes::new(dir, &lumas)?;
    let comparison = Comparison { fingerprints: &lookup, codes: &codes, observer };
    let turns: Vec<Turn> = std::iter::once(Turn::NONE).chain(options.turns.iter().copied()).collect();
    let all: Vec<u32> = (0..lookup.len() as u32).collect();
    let compared = comparison.pairs(&all, &turns, &OF_COPIES)?;
    let source = |position: u32| collection.source(&pictures[position as usize]);
    let Measured { threshold, cut } =
        measure::measure(&comparison, &compared, &turns, options.false_positive_rate, source)?;

    let pairs = compared.pairs;
    let apart = |a: u32, b: u32| apart(&pictures[a as usize], &pictures[b as usize], decisions);
    let mut table = PairTable::new(&pairs, &comparison, &apart);
    let mut proposal = Proposal::new(&collection, &pictures, &fingerprints, options, decisions);
    let exact = proposal.exact();
    let rules = GroupingRules {
        cut,
        turns: &turns,
        across: options.across,
        rank: &|position| proposal.rank(position),
        going: &|anchor, other| proposal.going(anchor, other),
        prefer: &|a, b| proposal.prefer(a, b),
    };
    let groups = table.groups(&rules)?;
    let near_misses = near_misses(&table, &groups, &proposal, cut);
    let near = proposal.near(&groups, &table);
    let unread = |skipped: &Skipped| Unread { path: skipped.path.clone(), reason: skipped.reason.clone() };
    let plan = Plan {
        images: collection.len(),
        base: std::path::absolute(".").unwrap_or_default(),
        threshold,
        keep: options.keep.iter().map(|preference| preference.name().to_owned()).collect(),
        groups: settled([exact, near].concat()),
        near_misses,
        skipped: skipped.iter().map(unread).collect(),
        damaged: collection.damaged(&fingerprints),
    };
    let flat = lookup.iter().filter(|fingerprint| is_flat(fingerprint.luma)).count();
    let files = collection.shown(&pictures);
    Ok(Scan { plan, pairs, files, skipped, flat })
}

/// Whether a decision says that two pictures are not to be proposed as duplicates.
fn apart(a: &Picture, b: &Picture, decisions: &Decisions) -> bool {
    a.contents.iter().any(|a| b.contents.iter().any(|b| decisions.separates(a, b)))
}

/// Pairs just beyond the threshold, and those within it that are in no common group; the most similar first.
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
    let mut missed: Vec<(f32, (u32, u32))> =
        known.filter(|(unlike, pair)| *unlike <= MISS_WITHIN * cut && !together(*pair)).collect();
    missed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    missed.into_iter().filter_map(|(_, pair)| proposal.near_miss(pair, table)).take(MISSES).collect()
}

/// Computes the fingerprints that are missing; returns all of them, and what could not be read.
fn fingerprints(
    dir: &Path,
    snapshot: &Snapshot,
    collection: &Collection,
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
    let known: HashSet<Hash> = super::collection::hashes(snapshot)?;
    let (_, more) = fingerprint_all(dir, &wanted, &known, observer)?;
    skipped.extend(more);
    let contents: Vec<Hash> = collection.contents().map(|(hash, _)| *hash).collect();
    let items = |hashes: &[Hash]| collection.items(hashes);
    Ok((hash_alike(dir, &contents, items, observer)?, skipped))
}
