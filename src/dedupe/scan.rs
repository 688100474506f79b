//! `dedupe scan`: what is there twice, and what to do about it. Changes nothing but the fingerprints kept beside the index, where a folder
//! of codes lies as well while they are made.
//!
//! ```text
//! index -> files -> contents (same bytes) -> pictures (same pixels) -> candidates -> pairs -> groups -> plan
//!                        fingerprints of what is new          null, own copies -> threshold --^
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
use super::fingerprints::{Fingerprints, Hash, drop_damaged, fingerprint_all};
use super::keep::Preference;
use super::measure::{self, Measured};
use super::pair_table::{GroupingRules, PairTable};
use super::pairs::{Comparison, Pair};
use super::plan::{NearMiss, Plan, Unread};
use super::propose::{Proposal, settled};
use crate::error::{Error, Result};
use crate::observer::Observer;

use crate::images::{Skipped, resolve};

/// Near misses that are listed, and how far beyond the threshold they are looked for.
const MISSES: usize = 100;
const MISS_WITHIN: f32 = 2.5;

/// What to look for, and what to propose.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanOptions {
    /// How often two different images may be called near, per pair whose pixels are compared.
    pub false_positive_rate: f64,
    /// Ways in which copies may lie beside the way they are.
    pub turns: Vec<Turn>,
    /// Where nothing is touched: what is there as well, is a duplicate elsewhere.
    pub reference: Vec<PathBuf>,
    /// Only duplicates between different ones of the paths.
    pub across: bool,
    /// Which image of a group stays.
    pub keep: Vec<Preference>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        ScanOptions {
            false_positive_rate: 1e-6,
            turns: Vec::new(),
            reference: Vec::new(),
            across: false,
            keep: Preference::ALL.to_vec(),
        }
    }
}

/// All that was found.
#[derive(Debug, Clone)]
pub struct Scan {
    /// What to do about it.
    pub plan: Plan,
    /// Pairs of pictures that were compared, by position.
    pub(super) pairs: Vec<Pair>,
    /// Name and picture of each file.
    pub(super) files: Vec<(Vec<u8>, u32)>,
    /// What could not be compared.
    pub skipped: Vec<Skipped>,
    /// Images that show nothing: compared byte by byte and pixel by pixel alone.
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

/// Fingerprints for duplicates among the images of the index at `dir` that lie in `data` or a reference; without `data`, among all.
/// What was decided is not proposed again.
///
/// # Errors
/// When there is no index or it is damaged; a reference that holds no image of it; when another program writes the fingerprints; [`Error::Interrupted`].
pub fn scan(
    dir: &Path,
    data: &[PathBuf],
    options: &ScanOptions,
    decisions: &Decisions,
    observer: &dyn Observer,
) -> Result<Scan> {
    let snapshot = Snapshot::open(dir)?;
    let base = dir.parent().unwrap_or(Path::new(""));
    let mut collection = Collection::new(&snapshot, base, data, &options.reference)?;
    if let Some(empty) = options.reference.iter().find(|place| !collection.holds(place)) {
        let what = format!("--reference {}: expected images of the index, got none", empty.display());
        return Err(Error::invalid(what).with_hint(
            "index it first, or name what to compare: aesearch dedupe scan DATA --reference DIR",
        ));
    }
    // what was given was indexed just now
    let mut skipped = if data.is_empty() { collection.check() } else { Vec::new() };
    let (fingerprints, unseen) = fingerprints(dir, &snapshot, &collection, observer)?;
    skipped.extend(unseen);
    if observer.should_stop() {
        return Err(Error::Interrupted);
    }
    let pictures = collection.fingerprint(&fingerprints);
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
    let mut links = PairTable::new(&pairs, &comparison, &apart);
    let mut proposal = Proposal::new(&collection, &pictures, &fingerprints, options, decisions);
    let exact = proposal.exact();
    let linking = GroupingRules {
        cut,
        turns: &turns,
        across: options.across,
        rank: &|position| proposal.rank(position),
        going: &|anchor, other| proposal.going(anchor, other),
        prefer: &|a, b| proposal.prefer(a, b),
    };
    let groups = links.groups(&linking)?;
    let near_misses = near_misses(&links, &groups, &proposal, cut);
    let near = proposal.near(&groups, &links);
    let unread = |skipped: &Skipped| Unread { path: skipped.path.clone(), reason: skipped.reason.clone() };
    let plan = Plan {
        images: collection.len(),
        base: std::path::absolute(".").unwrap_or_default(),
        threshold,
        keep: options.keep.iter().map(|preference| preference.name().to_owned()).collect(),
        groups: settled([exact, near].concat()),
        near_misses,
        skipped: skipped.iter().map(unread).collect(),
    };
    let flat = lookup.iter().filter(|fingerprint| is_flat(fingerprint.luma)).count();
    let files = collection.shown(&pictures);
    Ok(Scan { plan, pairs, files, skipped, flat })
}

/// Whether it was decided that two pictures are not to be proposed.
fn apart(a: &Picture, b: &Picture, decisions: &Decisions) -> bool {
    a.contents.iter().any(|a| b.contents.iter().any(|b| decisions.separates(a, b)))
}

/// Pairs just beyond the threshold, and those within it that are in no group together; the most alike first.
fn near_misses(
    links: &PairTable<'_>,
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
    let known = links.unlike.iter().map(|(pair, unlike)| (*unlike, *pair));
    let mut missed: Vec<(f32, (u32, u32))> =
        known.filter(|(unlike, pair)| *unlike <= MISS_WITHIN * cut && !together(*pair)).collect();
    missed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    missed.into_iter().filter_map(|(_, pair)| proposal.near_miss(pair, links)).take(MISSES).collect()
}

/// Fingerprints at what was never looked at.
fn fingerprints(
    dir: &Path,
    snapshot: &Snapshot,
    collection: &Collection,
    observer: &dyn Observer,
) -> Result<(Fingerprints, Vec<Skipped>)> {
    drop_damaged(dir, observer)?;
    let there = Fingerprints::open(dir)?;
    let new: Vec<(&Hash, &[u8])> =
        collection.contents().filter(|(hash, _)| there.get(hash).is_none()).collect();
    let (mut wanted, mut skipped) = (Vec::new(), Vec::new());
    let items = resolve(new.iter().map(|(_, name)| *name), collection.base());
    for ((hash, name), item) in new.into_iter().zip(items) {
        match item {
            Ok(item) => wanted.push((*hash, item)),
            Err(reason) => skipped.push(Skipped::new(name, reason)),
        }
    }
    drop(there);
    let known: HashSet<Hash> = super::collection::hashes(snapshot)?;
    let (fingerprints, more) = fingerprint_all(dir, &wanted, &known, observer)?;
    skipped.extend(more);
    Ok((fingerprints, skipped))
}
