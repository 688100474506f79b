//! Candidates: the pairs worth comparing, whose structural codes are near each other. Never all pairs.

use std::path::Path;

use aesearch_index::{Access, Item, Mode, Search, SegmentBuilder, Settings, Snapshot, Writer};
use rayon::prelude::*;

use super::fingerprint::Thumb;
use super::structure::{BITS, Code, Planes, SPATIAL, SPECTRUM, mean, spatial, spectrum};
use crate::error::{Error, Result};

/// The number of nearest codes of each kind that are candidates.
const NEIGHBOURS: usize = 24;
/// The share of the nearest codes that the search is to find.
const RECALL: f32 = 0.99;

/// The codes of a collection: two kinds, each in an index of its own, in memory.
pub(super) struct Codes {
    spatial: CodeIndex<SPATIAL>,
    spectrum: CodeIndex<SPECTRUM>,
}

/// Codes of one kind, and the index that searches them.
struct CodeIndex<const N: usize> {
    planes: Planes<N>,
    mean: [f32; N],
    codes: Vec<Code>, // by position
    snapshot: Snapshot,
    vector: fn(&Thumb) -> [f32; N],
}

impl Codes {
    /// The codes of images. They are built in a temporary folder in `dir`.
    ///
    /// # Errors
    /// When the folder cannot be written, or there are more images than a u32 counts.
    pub(super) fn new(dir: &Path, lumas: &[&Thumb]) -> Result<Codes> {
        let temporary = tempfile::Builder::new().prefix(".codes-").tempdir_in(dir);
        let temporary = temporary.map_err(|error| Error::io(dir, error))?;
        let place = |name: &str| temporary.path().join(name);
        Ok(Codes {
            spatial: CodeIndex::new(&place("spatial"), lumas, spatial)?,
            spectrum: CodeIndex::new(&place("spectrum"), lumas, spectrum)?,
        })
    }

    /// Hamming distance between the spatial codes of an image and of the one at a position, in bits, at most
    /// 256.
    pub(super) fn distance(&self, luma: &Thumb, position: u32) -> u32 {
        aesearch_index::distance(&self.spatial.code(luma), &self.spatial.codes[position as usize])
    }

    /// For each query, the positions whose codes of either kind are nearest, at most `n` of each kind, ascending, and
    /// the bits in which the nearer one differs.
    ///
    /// # Errors
    /// Those of the search.
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
    /// Those of the search.
    pub(super) fn near(&self, queries: &[Thumb]) -> Result<Vec<Vec<u32>>> {
        let positions = |near: Vec<(u32, u32)>| near.into_iter().map(|(position, _)| position).collect();
        Ok(self.nearest(queries, NEIGHBOURS)?.into_iter().map(positions).collect())
    }
}

impl<const N: usize> CodeIndex<N> {
    fn new(dir: &Path, lumas: &[&Thumb], vector: fn(&Thumb) -> [f32; N]) -> Result<CodeIndex<N>> {
        let vectors: Vec<[f32; N]> = lumas.par_iter().map(|luma| vector(luma)).collect();
        let (planes, mean) = (Planes::new(), mean(&vectors));
        let codes: Vec<Code> = vectors.par_iter().map(|vector| planes.code(vector, &mean)).collect();
        drop(vectors);
        let mut builder = SegmentBuilder::new(&Settings { bits: BITS, ..Settings::default() })?;
        for (code, position) in codes.iter().zip(0u32..) {
            builder.push(Item { name: &position.to_le_bytes(), payload: &[], code, latent: &[] })?;
        }
        Writer::lock(dir)?.commit(builder, &[])?;
        Ok(CodeIndex { planes, mean, codes, snapshot: Snapshot::open_with(dir, Access::Read)?, vector })
    }

    fn code(&self, luma: &Thumb) -> Code {
        self.planes.code(&(self.vector)(luma), &self.mean)
    }

    fn nearest(&self, queries: &[Thumb], n: usize) -> Result<Vec<Vec<(u32, u32)>>> {
        let codes: Vec<u64> = queries.par_iter().flat_map_iter(|luma| self.code(luma)).collect();
        let search = Search { k: n, mode: Mode::Recall(RECALL), radius: None, ties: false };
        let hits = self.snapshot.search_many(&codes, &search)?;
        let position = |id: u32| Some(u32::from_le_bytes(self.snapshot.name(id).try_into().ok()?));
        let near = |hits: Vec<aesearch_index::Hit>| {
            hits.iter().filter_map(|hit| Some((position(hit.id)?, hit.distance))).collect()
        };
        Ok(hits.into_iter().map(near).collect())
    }
}
