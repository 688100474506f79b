//! Candidates: the pairs worth comparing, whose structural codes are near each other. Never all pairs.

use std::path::Path;
use std::sync::OnceLock;

use aesearch_index::{Access, Item, Mode, Search, SegmentBuilder, Settings, Snapshot, Writer};
use rayon::prelude::*;

use super::fingerprint::Thumb;
use super::structure::{BITS, Code, Planes, SPATIAL, SPECTRUM, mean, spatial, spectrum};
use crate::error::{Error, Result};

/// The number of nearest codes of each kind that are candidates.
const NEIGHBOURS: usize = 24;
/// The share of the nearest codes that the search is to find.
const RECALL: f32 = 0.99;

/// The codes of a collection: two kinds, each in an index of its own, in memory. They are computed when they are first
/// needed: a collection that is scanned again has its candidates already.
pub(super) struct Codes<'a> {
    spatial: CodeIndex<'a, SPATIAL>,
    spectrum: CodeIndex<'a, SPECTRUM>,
}

/// Codes of one kind, and the index that searches them.
struct CodeIndex<'a, const N: usize> {
    /// Where the index is built, in a temporary folder.
    dir: &'a Path,
    lumas: &'a [&'a Thumb],
    vector: fn(&Thumb) -> [f32; N],
    coded: OnceLock<Coded<N>>,
    snapshot: OnceLock<Snapshot>,
}

/// Codes, by position, and how they are made.
struct Coded<const N: usize> {
    planes: Planes<N>,
    mean: [f32; N],
    codes: Vec<Code>,
}

impl<'a> Codes<'a> {
    /// The codes of images. Their index is built in a temporary folder in `dir`.
    pub(super) fn new(dir: &'a Path, lumas: &'a [&'a Thumb]) -> Codes<'a> {
        Codes { spatial: CodeIndex::new(dir, lumas, spatial), spectrum: CodeIndex::new(dir, lumas, spectrum) }
    }

    /// Hamming distance between the spatial codes of an image and of the one at a position, in bits, at most
    /// 256.
    pub(super) fn distance(&self, luma: &Thumb, position: u32) -> u32 {
        aesearch_index::distance(&self.spatial.code(luma), &self.spatial.coded().codes[position as usize])
    }

    /// For each query, the positions whose codes of either kind are nearest, at most `n` of each kind, ascending, and
    /// the bits in which the nearer one differs.
    ///
    /// # Errors
    /// Those of the search; when the folder cannot be written, or there are more images than a u32 counts.
    pub(super) fn nearest(&self, queries: &[Thumb], n: usize) -> Result<Vec<Vec<(u32, u32)>>> {
        let mut near = self.spatial.nearest(queries, n)?;
        for (near, more) in near.iter_mut().zip(self.spectrum.nearest(queries, n)?) {
            near.extend(more);
            near.sort_unstable();
            near.dedup_by_key(|(position, _)| *position);
        }
        Ok(near)
    }

    /// For each query, the positions of the images that may be copies of it, ascending.
    ///
    /// # Errors
    /// Those of [`Codes::nearest`].
    pub(super) fn near(&self, queries: &[Thumb]) -> Result<Vec<Vec<u32>>> {
        let positions = |near: Vec<(u32, u32)>| near.into_iter().map(|(position, _)| position).collect();
        Ok(self.nearest(queries, NEIGHBOURS)?.into_iter().map(positions).collect())
    }
}

impl<'a, const N: usize> CodeIndex<'a, N> {
    fn new(dir: &'a Path, lumas: &'a [&'a Thumb], vector: fn(&Thumb) -> [f32; N]) -> CodeIndex<'a, N> {
        CodeIndex { dir, lumas, vector, coded: OnceLock::new(), snapshot: OnceLock::new() }
    }

    fn coded(&self) -> &Coded<N> {
        self.coded.get_or_init(|| {
            let vectors: Vec<[f32; N]> = self.lumas.par_iter().map(|luma| (self.vector)(luma)).collect();
            let (planes, mean) = (Planes::new(), mean(&vectors));
            let codes = vectors.par_iter().map(|vector| planes.code(vector, &mean)).collect();
            Coded { planes, mean, codes }
        })
    }

    fn snapshot(&self) -> Result<&Snapshot> {
        if let Some(snapshot) = self.snapshot.get() {
            return Ok(snapshot);
        }
        let temporary = tempfile::Builder::new().prefix(".codes-").tempdir_in(self.dir);
        let temporary = temporary.map_err(|error| Error::io(self.dir, error))?;
        let mut builder = SegmentBuilder::new(&Settings { bits: BITS, ..Settings::default() })?;
        for (code, position) in self.coded().codes.iter().zip(0u32..) {
            builder.push(Item { name: &position.to_le_bytes(), payload: &[], code, latent: &[] })?;
        }
        let place = temporary.path().join("codes");
        Writer::lock(&place)?.commit(builder, &[])?;
        let snapshot = Snapshot::open_with(&place, Access::Read)?;
        Ok(self.snapshot.get_or_init(|| snapshot))
    }

    fn code(&self, luma: &Thumb) -> Code {
        let Coded { planes, mean, .. } = self.coded();
        planes.code(&(self.vector)(luma), mean)
    }

    fn nearest(&self, queries: &[Thumb], n: usize) -> Result<Vec<Vec<(u32, u32)>>> {
        let codes: Vec<u64> = queries.par_iter().flat_map_iter(|luma| self.code(luma)).collect();
        let search = Search { k: n, mode: Mode::Recall(RECALL), radius: None, ties: false, only: None };
        let snapshot = self.snapshot()?;
        let hits = snapshot.search_many(&codes, &search)?;
        let position = |id: u32| Some(u32::from_le_bytes(snapshot.name(id).try_into().ok()?));
        let near = |hits: Vec<aesearch_index::Hit>| {
            hits.iter().filter_map(|hit| Some((position(hit.id)?, hit.distance))).collect()
        };
        Ok(hits.into_iter().map(near).collect())
    }
}
