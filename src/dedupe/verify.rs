//! What local features tell of pairs of pictures: whether one is the other, whole or edited, or only related.
//!
//! They are made of images that are in a pair to be verified, while a scan runs, and never stored: 100 kB each. Corners
//! are compared first; only those pairs are laid on each other, and need lumas, whose corners lie alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::decisions::Hash;
use super::finding::Finding;
use super::fingerprint::needed;
use super::held::{Held, LUMAS};
use super::known::Known;
use super::local::{Local, Luma, Meeting, Probes};
use super::plan::InlierNull;
use super::reading::{Make, blocks, read_block};
use super::strangers;
use crate::error::{Error, Result};
use crate::images::{Decoding, Item, Pixels, Resizer, Source};
use crate::observer::{Observer, Progress, Stage};

/// Pairs between two reports of progress.
const BLOCK: usize = 1 << 12;
/// Finds an image for each of some positions.
pub(super) type Items<'a> = dyn Fn(&[u32]) -> Vec<(Hash, Result<Item, String>)> + Sync + 'a;

/// Verifies pairs of pictures, by position, and remembers what it found.
pub(super) struct Verifier<'a> {
    /// Where the pictures are.
    items: &'a Items<'a>,
    /// Whether local features can tell something of a pair.
    can_tell: &'a (dyn Fn(u32, u32) -> bool + Sync),
    /// Pictures that are alike have near places, so that few features are made twice.
    place: &'a dyn Fn(u32) -> u32,
    /// What earlier scans found.
    known: &'a Known,
    /// Features that are in memory.
    held: Mutex<Held<u32>>,
    observer: &'a dyn Observer,
    findings: Mutex<BTreeMap<(u32, u32), Finding>>,
    /// Inliers with which a finding counts.
    enough: AtomicUsize,
}

impl<'a> Verifier<'a> {
    /// One that has found nothing yet; `held` are features that are there already.
    pub(super) fn new(
        items: &'a Items<'a>,
        can_tell: &'a (dyn Fn(u32, u32) -> bool + Sync),
        place: &'a dyn Fn(u32) -> u32,
        known: &'a Known,
        held: Held<u32>,
        observer: &'a dyn Observer,
    ) -> Self {
        let (held, findings) = (Mutex::new(held), Mutex::default());
        let enough = AtomicUsize::new(strangers::SHIPPED);
        Verifier { items, can_tell, place, known, held, observer, findings, enough }
    }

    /// Sets the number of inliers with which a finding counts, by those of the strangers that were verified so far.
    pub(super) fn calibrate(&self) -> InlierNull {
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let different = findings.values().filter(|finding| finding.kind.is_none());
        let null = strangers::null(different.map(|finding| usize::from(finding.inliers)));
        self.enough.store(null.counts, Ordering::Relaxed);
        null
    }

    /// A finding as it counts.
    fn counted(&self, finding: &Finding) -> Finding {
        let is_sure = finding.counts(self.enough.load(Ordering::Relaxed));
        Finding { kind: finding.kind.filter(|_| is_sure), ..*finding }
    }

    /// What was found about a pair (a < b); none if it was not verified.
    pub(super) fn finding(&self, pair: (u32, u32)) -> Option<Finding> {
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        findings.get(&pair).map(|finding| self.counted(finding))
    }

    /// Whether nothing more can be found about a pair (a < b): it was verified, or local features tell nothing.
    pub(super) fn is_settled(&self, pair: (u32, u32)) -> bool {
        self.finding(pair).is_some() || !(self.can_tell)(pair.0, pair.1)
    }

    /// All findings, by pair.
    pub(super) fn findings(&self) -> Vec<((u32, u32), Finding)> {
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        findings.iter().map(|(pair, finding)| (*pair, self.counted(finding))).collect()
    }

    /// Keeps what was found.
    ///
    /// # Errors
    /// Those of [`Known::save`].
    pub(super) fn save(&self, dir: &Path) -> Result<()> {
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        self.known.save(dir, &findings)
    }

    /// Keeps what was found until a scan was interrupted.
    ///
    /// # Errors
    /// Those of [`Known::save_more`].
    pub(super) fn save_more(&self, dir: &Path) -> Result<()> {
        let findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        self.known.save_more(dir, &findings)
    }

    /// Verifies those of some pairs (a < b) of which nothing is known.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(super) fn verify(&self, pairs: impl Iterator<Item = (u32, u32)>) -> Result<()> {
        let is_new = |pair: &(u32, u32)| self.finding(*pair).is_none() && (self.can_tell)(pair.0, pair.1);
        let wanted: BTreeSet<(u32, u32)> = pairs.filter(is_new).collect();
        let known = wanted.iter().filter_map(|pair| Some((*pair, self.known.finding(*pair)?)));
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).extend(known);
        let mut new: Vec<(u32, u32)> =
            wanted.into_iter().filter(|pair| self.known.finding(*pair).is_none()).collect();
        new.sort_by_key(|(a, b)| {
            let (a, b) = ((self.place)(*a), (self.place)(*b));
            (a.min(b), a.max(b))
        });
        if new.is_empty() {
            return Ok(());
        }
        self.observer.stage(Stage::new("verifying", "pairs"));
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = 0;
        for block in new.chunks(BLOCK) {
            self.prepare(block, &mut held)?;
            let corners = &held.corners;
            let meet = |&(a, b): &(u32, u32)| {
                let (first, second) = (corners.get(&a)?.as_ref()?, corners.get(&b)?.as_ref()?);
                Some(((a, b), Meeting::of(first, second, Probes::default())))
            };
            let met: Vec<((u32, u32), Meeting)> = block.par_iter().filter_map(meet).collect();
            let (worth, strangers): (Vec<_>, Vec<_>) = met.into_iter().partition(|(_, met)| met.is_worth);
            let mut found: Vec<((u32, u32), Finding)> =
                strangers.iter().map(|(pair, met)| (*pair, Finding::of(&met.verified()))).collect();
            for pairs in worth.chunks(LUMAS / 2) {
                self.prepare_lumas(pairs, &mut held)?;
                let lumas = &held.lumas;
                let look = |&((a, b), met): &((u32, u32), Meeting)| {
                    let (first, second) = (lumas.get(&a)?.as_ref()?, lumas.get(&b)?.as_ref()?);
                    Some(((a, b), Finding::of(&met.look(first, second))))
                };
                found.par_extend(pairs.par_iter().filter_map(look));
            }
            self.findings.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            done += block.len();
            self.observer.progress(&Progress::of(done, new.len()));
        }
        Ok(())
    }

    /// The corners of the pictures of some pairs.
    fn prepare(&self, pairs: &[(u32, u32)], held: &mut Held<u32>) -> Result<()> {
        let wanted: BTreeSet<u32> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
        held.make_room_for_corners(|position| wanted.contains(position));
        let missing = wanted.into_iter().filter(|position| !held.corners.contains_key(position)).collect();
        self.read(missing, &local_of, |position, local| held.add(position, local))
    }

    /// The lumas of the pictures of some pairs.
    fn prepare_lumas(&self, pairs: &[((u32, u32), Meeting)], held: &mut Held<u32>) -> Result<()> {
        let wanted: BTreeSet<u32> = pairs.iter().flat_map(|((a, b), _)| [*a, *b]).collect();
        held.make_room_for_lumas(|position| wanted.contains(position));
        let missing = wanted.into_iter().filter(|position| !held.lumas.contains_key(position)).collect();
        self.read(missing, &luma_of, |position, luma| drop(held.lumas.insert(position, luma)))
    }

    /// Makes something of the pictures at some positions, and gives it to `keep`; none of one that cannot be read.
    fn read<T: Send>(
        &self,
        positions: Vec<u32>,
        make: &Make<'_, T>,
        mut keep: impl FnMut(u32, Option<T>),
    ) -> Result<()> {
        let (mut images, mut of_content) = (Vec::new(), HashMap::new());
        for (position, (hash, item)) in positions.iter().zip((self.items)(&positions)) {
            match item {
                Ok(item) => {
                    of_content.insert(hash, *position);
                    images.push((hash, item));
                }
                Err(_) => keep(*position, None),
            }
        }
        for block in blocks(images.iter().collect()) {
            for ((hash, _), made) in block.iter().zip(read_block(&block, make)) {
                keep(of_content[hash], made.ok());
            }
            if self.observer.should_stop() {
                return Err(Error::Interrupted);
            }
        }
        Ok(())
    }
}

fn local_of(source: Source, resizer: &mut Resizer) -> Result<Local, String> {
    Local::of(&decoded(source)?, resizer)
}

fn luma_of(source: Source, resizer: &mut Resizer) -> Result<Luma, String> {
    Luma::of(&decoded(source)?, resizer)
}

/// A picture as it is decoded for the fingerprint, of which features may be made as well.
fn decoded(source: Source) -> Result<Pixels, String> {
    let needed = needed(&source.facts());
    source.decode(&Decoding { needed, ..Decoding::default() })
}
