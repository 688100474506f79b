//! What scans found about pairs of pictures, kept beside the fingerprints, so that nothing is measured twice.
//!
//! One file, `looks/pairs`, little-endian: the hashes of contents, then what is known of pairs of them, by their
//! numbers, and a checksum. If it is deleted, damaged or of another version, everything is measured again.
//!
//! ```text
//! version u32, n u32, n hashes of 32 bytes
//! m u64, m pairs that were compared:  a u32, b u32, turn u8, unlikeness f32
//! l u64, l pairs that were verified:  a u32, b u32, then as `finding` writes it
//! the share of copies found: the state of the collection, 32 bytes, then JSON to the end
//! BLAKE3 of all before, 32 bytes
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::decisions::Hash;
use super::finding::{Finding, code_of, take};
use super::fingerprint::{self, Turn};
use super::fingerprints::FOLDER;
use super::plan::CopyRecall;
use crate::error::Result;
use crate::images::hash_bytes;
use crate::output::write_whole;

/// The file, inside the folder of the fingerprints.
const FILE: &str = "pairs";
/// Changes with the file, with what is compared, and with how it is compared.
const VERSION: u32 = 2 << 8 | fingerprint::VERSION as u32;
/// Bytes of a pair that was compared.
const COMPARED: usize = 13;

/// A pair that was compared: the first, which was turned, the second, and the turn.
type Key = (u32, u32, u8);

/// What is known about pairs of pictures, by position.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By position; those of contents that are not looked at this time follow.
    hashes: Vec<Hash>,
    /// The number of positions.
    n: usize,
    /// What earlier scans compared, sorted.
    compared: Vec<(Key, f32)>,
    /// What earlier scans verified.
    verified: HashMap<(u32, u32), Finding>,
    /// What this scan needed, old or new.
    used: Mutex<Vec<(Key, f32)>>,
    /// The share of copies found, and the state that the collection had.
    copies: Mutex<Option<(Hash, Vec<CopyRecall>)>>,
}

impl Known {
    /// What is kept beside the index at `dir` about contents, by position, and about others of `all`.
    pub(super) fn open(dir: &Path, hashes: Vec<Hash>, all: &HashSet<Hash>) -> Known {
        let n = hashes.len();
        let mut known = Known { hashes, n, ..Known::default() };
        let bytes = std::fs::read(dir.join(FOLDER).join(FILE)).unwrap_or_default();
        if known.read(&bytes, all).is_none() {
            known = Known { hashes: known.hashes[..n].to_vec(), n, ..Known::default() };
        }
        known
    }

    /// How unlike two pictures are, the first one turned, if they were compared.
    pub(super) fn unlikeness(&self, a: u32, b: u32, turn: Turn) -> Option<f32> {
        let key = (a, b, code_of(turn));
        self.compared.binary_search_by_key(&key, |(key, _)| *key).ok().map(|at| self.compared[at].1)
    }

    /// Keeps how unlike pictures are, the first one turned.
    pub(super) fn keep(&self, turn: Turn, pairs: impl Iterator<Item = (u32, u32, f32)>) {
        let turn = code_of(turn);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.extend(pairs.map(|(a, b, unlikeness)| ((a, b, turn), unlikeness)));
    }

    /// What was found about a pair (a < b), if it was verified.
    pub(super) fn finding(&self, pair: (u32, u32)) -> Option<Finding> {
        self.verified.get(&pair).copied()
    }

    /// The share of copies found, if it was measured in this state of the collection, else what `measure` finds; that is
    /// kept if it is complete.
    ///
    /// # Errors
    /// Those of `measure`.
    pub(super) fn copies(
        &self,
        state: Hash,
        measure: impl FnOnce() -> Result<(Vec<CopyRecall>, bool)>,
    ) -> Result<Vec<CopyRecall>> {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = copies.as_ref().filter(|(of, _)| *of == state) {
            return Ok(found.clone());
        }
        let (found, is_complete) = measure()?;
        *copies = is_complete.then(|| (state, found.clone()));
        Ok(found)
    }

    /// The state of the collection: its contents, and what else the result of a measurement depends on.
    pub(super) fn state(&self, more: &[u8]) -> Hash {
        let contents = self.hashes[..self.n].as_flattened();
        hash_bytes(&[contents, more].concat())
    }

    /// Keeps what this scan needed and found, and what is known about contents that it did not look at.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn save(&self, dir: &Path, findings: &BTreeMap<(u32, u32), Finding>) -> Result<()> {
        self.write(dir, findings, &|a, b| a.max(b) as usize >= self.n)
    }

    /// Keeps what a scan found that was interrupted, and all that was known before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn save_more(&self, dir: &Path, findings: &BTreeMap<(u32, u32), Finding>) -> Result<()> {
        self.write(dir, findings, &|_, _| true)
    }

    /// Writes what this scan needed and found, and those of the older pairs that stay.
    fn write(
        &self,
        dir: &Path,
        findings: &BTreeMap<(u32, u32), Finding>,
        stays: &dyn Fn(u32, u32) -> bool,
    ) -> Result<()> {
        let folder = dir.join(FOLDER);
        if !folder.is_dir() {
            return Ok(()); // nothing was compared
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut compared: Vec<(Key, f32)> = std::mem::take(&mut used);
        compared.extend(self.compared.iter().filter(|((a, b, _), _)| stays(*a, *b)));
        compared.sort_unstable_by_key(|(key, _)| *key);
        compared.dedup_by_key(|(key, _)| *key);
        let older = self.verified.iter().filter(|((a, b), _)| stays(*a, *b));
        let older = older.map(|(pair, finding)| (*pair, *finding));
        let verified: BTreeMap<(u32, u32), Finding> =
            older.chain(findings.iter().map(|(pair, finding)| (*pair, *finding))).collect();

        let mut bytes = VERSION.to_le_bytes().to_vec();
        bytes.extend((self.hashes.len() as u32).to_le_bytes());
        bytes.extend(self.hashes.as_flattened());
        bytes.extend((compared.len() as u64).to_le_bytes());
        for ((a, b, turn), unlikeness) in compared {
            bytes.extend([a, b].map(u32::to_le_bytes).as_flattened());
            bytes.push(turn);
            bytes.extend(unlikeness.to_le_bytes());
        }
        bytes.extend((verified.len() as u64).to_le_bytes());
        for ((a, b), finding) in verified {
            bytes.extend([a, b].map(u32::to_le_bytes).as_flattened());
            bytes.extend(finding.to_bytes());
        }
        let copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, rows) = copies.clone().unwrap_or_default();
        bytes.extend(state);
        bytes.extend(serde_json::to_vec(&rows).unwrap_or_default());
        bytes.extend(hash_bytes(&bytes));
        write_whole(&folder.join(FILE), &bytes)
    }

    /// Reads the file; nothing if it cannot be used.
    fn read(&mut self, bytes: &[u8], all: &HashSet<Hash>) -> Option<()> {
        let (mut rest, sum) = bytes.split_last_chunk::<32>()?;
        if hash_bytes(rest) != *sum || u32::from_le_bytes(take(&mut rest)?) != VERSION {
            return None;
        }
        let mut positions: HashMap<Hash, u32> = self.hashes.iter().copied().zip(0..).collect();
        let stored = u32::from_le_bytes(take(&mut rest)?);
        let mut moved: Vec<Option<u32>> = Vec::new();
        for _ in 0..stored {
            let hash: Hash = take(&mut rest)?;
            if !positions.contains_key(&hash) && all.contains(&hash) {
                positions.insert(hash, self.hashes.len() as u32);
                self.hashes.push(hash);
            }
            moved.push(positions.get(&hash).copied());
        }
        let position = |at: [u8; 4]| moved.get(u32::from_le_bytes(at) as usize).copied();
        let pairs = u64::from_le_bytes(take(&mut rest)?);
        self.compared.reserve((pairs as usize).min(rest.len() / COMPARED));
        for _ in 0..pairs {
            let (a, b) = (position(take(&mut rest)?)?, position(take(&mut rest)?)?);
            let ([turn], unlikeness) = (take(&mut rest)?, f32::from_le_bytes(take(&mut rest)?));
            self.compared.extend(a.zip(b).map(|(a, b)| ((a, b, turn), unlikeness)));
        }
        self.compared.sort_unstable_by_key(|(key, _)| *key);
        for _ in 0..u64::from_le_bytes(take(&mut rest)?) {
            let (a, b) = (position(take(&mut rest)?)?, position(take(&mut rest)?)?);
            let finding = Finding::from_bytes(&mut rest)?;
            self.verified.extend(a.zip(b).map(|pair| (pair, finding)));
        }
        let state: Hash = take(&mut rest)?;
        *self.copies.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((state, serde_json::from_slice(rest).ok()?));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::local::Beside;
    use super::super::plan::GroupKind;
    use super::*;

    const MIRRORED: Finding = Finding {
        kind: Some(GroupKind::Edited),
        agreement: 0.9,
        turn: Turn { mirrored: true, quarters: 3 },
        inliers: 300,
        all_agree: true,
        regions: Some([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]]),
        beside: [Beside::Frame, Beside::Plain],
    };
    const STRANGERS: Finding = Finding {
        kind: None,
        agreement: 0.0,
        turn: Turn::NONE,
        inliers: 3,
        all_agree: false,
        regions: None,
        beside: [Beside::Picture, Beside::Nothing],
    };

    fn hashes(of: &[u8]) -> Vec<Hash> {
        of.iter().map(|byte| [*byte; 32]).collect()
    }

    /// A folder with what a scan of the contents 1, 2 and 3 found.
    fn kept() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(FOLDER)).unwrap();
        let all = hashes(&[1, 2, 3]);
        let known = Known::open(dir.path(), all.clone(), &all.into_iter().collect());
        known.keep(Turn::NONE, [(0, 1, 0.25), (1, 2, 1.0)].into_iter());
        known.keep(Turn::MIRRORED, [(0, 1, 0.5)].into_iter());
        let row = CopyRecall { copy: "blurred".to_owned(), copies: 3, recall: 1.0, kind: GroupKind::Near };
        assert_eq!(known.copies([7; 32], || Ok((vec![row.clone()], true))).unwrap(), [row]);
        known.save(dir.path(), &BTreeMap::from([((0, 1), MIRRORED), ((1, 2), STRANGERS)])).unwrap();
        dir
    }

    #[test]
    fn what_a_scan_found_is_known_to_the_next_by_content() {
        let dir = kept();
        // 1 is gone, 0 and 4 are new, 3 is now before 2
        let now = hashes(&[0, 3, 2, 4]);
        let known = Known::open(dir.path(), now.clone(), &now.into_iter().collect());
        assert_eq!(known.unlikeness(2, 1, Turn::NONE), Some(1.0));
        assert_eq!((known.unlikeness(0, 1, Turn::NONE), known.finding((1, 2))), (None, None));

        let now = hashes(&[1, 2]);
        let known = Known::open(dir.path(), now.clone(), &now.into_iter().collect());
        assert_eq!(known.unlikeness(0, 1, Turn::NONE), Some(0.25));
        assert_eq!(known.unlikeness(0, 1, Turn::MIRRORED), Some(0.5));
        assert_eq!((known.unlikeness(0, 1, Turn::FLIPPED), known.finding((0, 1))), (None, Some(MIRRORED)));
        assert_eq!(known.copies([7; 32], || Ok((Vec::new(), true))).unwrap().len(), 1);
        assert_eq!(known.copies([8; 32], || Ok((Vec::new(), false))).unwrap(), []);
    }

    #[test]
    fn what_is_known_of_contents_that_a_scan_leaves_out_stays() {
        let dir = kept();
        let all: HashSet<Hash> = hashes(&[1, 2, 3]).into_iter().collect();
        let known = Known::open(dir.path(), hashes(&[3]), &all);
        known.save(dir.path(), &BTreeMap::new()).unwrap();
        let known = Known::open(dir.path(), hashes(&[1, 2, 3]), &all);
        assert_eq!(
            (known.unlikeness(0, 1, Turn::MIRRORED), known.finding((1, 2))),
            (Some(0.5), Some(STRANGERS))
        );
        // what this scan could have needed and did not is dropped
        known.save(dir.path(), &BTreeMap::new()).unwrap();
        let known = Known::open(dir.path(), hashes(&[1, 2, 3]), &all);
        assert_eq!((known.unlikeness(0, 1, Turn::NONE), known.finding((0, 1))), (None, None));
    }

    #[test]
    fn an_interrupted_scan_forgets_nothing() {
        let dir = kept();
        let now = hashes(&[1, 2, 3]);
        let all: HashSet<Hash> = now.iter().copied().collect();
        let known = Known::open(dir.path(), now.clone(), &all);
        known.keep(Turn::NONE, [(0, 2, 0.75)].into_iter());
        known.save_more(dir.path(), &BTreeMap::from([((0, 2), STRANGERS)])).unwrap();
        let known = Known::open(dir.path(), now, &all);
        let unlike = [(0, 1), (0, 2), (1, 2)].map(|(a, b)| known.unlikeness(a, b, Turn::NONE));
        assert_eq!(unlike, [Some(0.25), Some(0.75), Some(1.0)]);
        assert_eq!([(0, 1), (0, 2)].map(|pair| known.finding(pair)), [Some(MIRRORED), Some(STRANGERS)]);
    }

    #[test]
    fn a_damaged_file_says_nothing() {
        let dir = kept();
        let path = dir.path().join(FOLDER).join(FILE);
        let whole = std::fs::read(&path).unwrap();
        let now = hashes(&[1, 2, 3]);
        let all: HashSet<Hash> = now.iter().copied().collect();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            let cut = whole[..at].to_vec();
            for bytes in [damaged, cut] {
                std::fs::write(&path, bytes).unwrap();
                let known = Known::open(dir.path(), now.clone(), &all);
                assert_eq!((known.unlikeness(0, 1, Turn::NONE), known.finding((0, 1))), (None, None), "{at}");
                assert_eq!(known.hashes, now);
            }
        }
    }
}
