//! What is in memory of images that are to be verified: the corners of many, the lumas of fewer. Most pairs are told
//! apart by corners, which take a quarter of the memory.

use std::collections::HashMap;
use std::hash::Hash;

use super::local::{Corners, Local, Luma};

/// Images whose corners are in memory at a time, 23 kB each, and whose lumas are, 80 to 100 kB each.
const CORNERS: usize = 12_288;
pub(super) const LUMAS: usize = 1024;

/// Corners and lumas of some images; none of one that cannot be read.
#[derive(Debug)]
pub(super) struct Held<K> {
    pub(super) corners: HashMap<K, Option<Corners>>,
    pub(super) lumas: HashMap<K, Option<Luma>>,
}

impl<K> Default for Held<K> {
    fn default() -> Self {
        Held { corners: HashMap::new(), lumas: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash> Held<K> {
    /// Whether there is room for no more.
    pub(super) fn is_full(&self) -> bool {
        self.corners.len() >= CORNERS
    }

    /// Keeps what there is room for.
    pub(super) fn add(&mut self, key: K, local: Option<Local>) {
        let (corners, luma) = local.map(|local| (local.corners, local.luma)).unzip();
        if self.lumas.len() < LUMAS {
            self.lumas.insert(key, luma);
        }
        self.corners.insert(key, corners);
    }

    /// Forgets corners if there are many: all that are not wanted.
    pub(super) fn make_room_for_corners(&mut self, wanted: impl Fn(&K) -> bool) {
        if self.is_full() {
            self.corners.retain(|key, _| wanted(key));
        }
    }

    /// Forgets lumas if there are many: all that are not wanted.
    pub(super) fn make_room_for_lumas(&mut self, wanted: impl Fn(&K) -> bool) {
        if self.lumas.len() >= LUMAS {
            self.lumas.retain(|key, _| wanted(key));
        }
    }

    /// The same by other keys; those that have none are forgotten.
    pub(super) fn by<L: Eq + Hash>(self, other: impl Fn(&K) -> Option<L>) -> Held<L> {
        let corners = self.corners.into_iter().filter_map(|(key, of)| Some((other(&key)?, of))).collect();
        let lumas = self.lumas.into_iter().filter_map(|(key, of)| Some((other(&key)?, of))).collect();
        Held { corners, lumas }
    }
}
