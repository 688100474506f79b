//! Images that were found, in an index or in a store: what orders them, and what is said of them.

use std::path::Path;

use aesearch_index::{LatentQuery, Ranked, Search};

use super::folder::base;
use super::record::{Facts, Record};
use super::together::Opened;
use crate::encode::{Binarizer, Rule};
use crate::error::Result;

/// How much codes count for in the order of hits, beside latents: codes that were learned from the collection
/// know its kinds better than latents do (on photos the share of hits of the query's kind grows by 1 to 6 %).
pub(super) fn code_share(binarizer: &Binarizer) -> f32 {
    match binarizer.rule() {
        Rule::Learned => 0.25,
        _ => 0.0,
    }
}

/// An image of the gallery that is similar to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The rank, from 1.
    pub rank: usize,
    /// The image's number in its index.
    pub id: u32,
    /// Which of the gallery's indexes holds it, from 0.
    pub index: usize,
    /// The image's name; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// The bytes of a name that is not UTF-8.
    pub path_bytes: Option<Vec<u8>>,
    /// Its label, where one is known: the one it was indexed with, unless
    /// [`Answers::label`](super::Answers::label) gave it another.
    pub label: Option<String>,
    /// Hamming distance of the codes, in bits.
    pub distance: u32,
    /// -1 to 1: the cosine of the latents; where codes were learned, one quarter of it is that of the codes,
    /// `1 - 2 * distance / bits`, and all of it where no latents are kept.
    pub similarity: f32,
    /// Whether it is nearer than a stranger, see [`Strangers`](super::Strangers); none where that was not
    /// measured.
    pub near: Option<bool>,
}

/// Codes and latents of images that are kept by another program, which searches the codes. What it finds is put in order
/// here, as what an index finds.
pub trait Store: Send + Sync {
    /// The images whose codes are among the `search.k` nearest to `code` `[words(bits)]`, and those as near as the last
    /// of them; at the recall that the store reaches, or exactly.
    ///
    /// # Errors
    /// When the store cannot be asked.
    fn near(&self, code: &[u64], search: &Search) -> Result<Vec<Stored>>;

    /// Numbers of the latents that it keeps; 0 where it keeps none.
    fn latent_size(&self) -> usize;
}

/// An image in a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its name.
    pub name: Vec<u8>,
    /// Its label, where one is known.
    pub label: Option<String>,
    /// BLAKE3 of the file.
    pub hash: [u8; 32],
    /// Bits in which its code differs from that of the query.
    pub distance: u32,
    /// Its latent `[D]`, without the scale; empty where none is kept.
    pub latent: Vec<i8>,
}

/// What a query compares stored images by.
pub(super) struct Ranking<'a> {
    query: LatentQuery,
    binarizer: &'a Binarizer,
}

impl<'a> Ranking<'a> {
    pub(super) fn new(latent: &[f32], binarizer: &'a Binarizer) -> Ranking<'a> {
        Ranking { query: LatentQuery::new(latent), binarizer }
    }

    /// As [`aesearch_index::Snapshot::rerank`] gives it.
    fn similarity(&self, stored: &Stored) -> f32 {
        let by_code = 1.0 - 2.0 * stored.distance as f32 / self.binarizer.bits() as f32;
        let share = if stored.latent.is_empty() { 1.0 } else { code_share(self.binarizer) };
        let by_latent = if share < 1.0 { self.query.cosine(&stored.latent) } else { 0.0 };
        (1.0 - share) * by_latent + share * by_code
    }
}

/// An image that was found.
pub(super) struct Found<'a> {
    pub(super) similarity: f32,
    pub(super) distance: u32,
    facts: &'a Facts,
    place: Place<'a>,
}

enum Place<'a> {
    /// The item of an index, which has this number in its gallery.
    Index {
        number: usize,
        opened: &'a Opened,
        id: u32,
    },
    Store(Stored),
}

impl<'a> Found<'a> {
    pub(super) fn indexed((number, opened): (usize, &'a Opened), hit: &Ranked) -> Found<'a> {
        let Ranked { id, distance, similarity } = *hit;
        Found { similarity, distance, facts: &opened.facts, place: Place::Index { number, opened, id } }
    }

    pub(super) fn stored(facts: &'a Facts, stored: Stored, ranking: &Ranking<'_>) -> Found<'a> {
        let (similarity, distance) = (ranking.similarity(&stored), stored.distance);
        Found { similarity, distance, facts, place: Place::Store(stored) }
    }

    pub(super) fn name(&self) -> &[u8] {
        match &self.place {
            Place::Index { opened, id, .. } => opened.snapshot.name(*id),
            Place::Store(stored) => &stored.name,
        }
    }

    /// The number of its index in the gallery.
    pub(super) fn index(&self) -> usize {
        match &self.place {
            Place::Index { number, .. } => *number,
            Place::Store(_) => 0,
        }
    }

    /// Where relative names start, if not in the working directory.
    pub(super) fn base(&self) -> &Path {
        match &self.place {
            Place::Index { opened, .. } => base(&opened.dir),
            Place::Store(_) => Path::new(""),
        }
    }

    /// BLAKE3 of its file.
    ///
    /// # Errors
    /// When its record is damaged.
    pub(super) fn hash(&self) -> Result<[u8; 32]> {
        Ok(match &self.place {
            Place::Index { opened, id, .. } => Record::of(&opened.snapshot, *id)?.hash,
            Place::Store(stored) => stored.hash,
        })
    }

    /// Whether it is nearer than a stranger.
    pub(super) fn is_near(&self) -> Option<bool> {
        self.facts.strangers.map(|strangers| self.similarity > strangers.nearer())
    }

    /// What is said of it.
    ///
    /// # Errors
    /// When its record is damaged.
    pub(super) fn hit(&self, rank: usize) -> Result<Hit> {
        let (id, label) = match &self.place {
            Place::Index { opened, id, .. } => (*id, Record::of(&opened.snapshot, *id)?.label),
            Place::Store(stored) => (0, stored.label.clone()),
        };
        let name = self.name();
        Ok(Hit {
            rank,
            id,
            index: self.index(),
            path: String::from_utf8_lossy(name).into_owned(),
            path_bytes: std::str::from_utf8(name).is_err().then(|| name.to_vec()),
            label,
            distance: self.distance,
            similarity: self.similarity,
            near: self.is_near(),
        })
    }
}
