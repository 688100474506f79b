//! Which pairs are worth a closer look: those whose structural codes are near each other. Never all pairs.

use std::path::Path;

use aesearch_index::{Access, Item, Mode, Search, SegmentBuilder, Settings, Snapshot, Writer};
use rayon::prelude::*;

use super::fingerprint::Thumb;
use super::structure::{BITS, Code, LAYOUT, Planes, SPECTRUM, layout, mean, spectrum};
use crate::error::{Error, Result};

/// The nearest so many of each kind of code are looked at.
const NEIGHBOURS: usize = 24;
/// How many of the nearest the search is to find.
const RECALL: f32 = 0.99;

/// The codes of a collection, each kind in an index of its own, in memory.
pub(super) struct Codes {
    layout: Kind<LAYOUT>,
    spectrum: Kind<SPECTRUM>,
}

struct Kind<const N: usize> {
    planes: Planes<N>,
    mean: [f32; N],
    codes: Vec<Code>, // by position
    snapshot: Snapshot,
    vector: fn(&Thumb) -> [f32; N],
}

impl Codes {
    /// Codes of images; in `dir`, a folder is used until they are read back.
    ///
    /// # Errors
    /// When there is no room to write, or there are more images than a u32 counts.
    pub(super) fn new(dir: &Path, lumas: &[&Thumb]) -> Result<Codes> {
        let temporary = tempfile::Builder::new().prefix(".codes-").tempdir_in(dir);
        let temporary = temporary.map_err(|error| Error::io(dir, error))?;
        let place = |name: &str| temporary.path().join(name);
        Ok(Codes {
            layout: Kind::new(&place("layout"), lumas, layout)?,
            spectrum: Kind::new(&place("spectrum"), lumas, spectrum)?,
        })
    }

    /// Hamming distance of an image's layout to that of the image at a position, in bits, at most 256.
    pub(super) fn distance(&self, luma: &Thumb, position: u32) -> u32 {
        aesearch_index::distance(&self.layout.code(luma), &self.layout.codes[position as usize])
    }

    /// For each query, which of the collection's images may be copies of it: their positions, ascending.
    ///
    /// # Errors
    /// Those of the search.
    pub(super) fn near(&self, queries: &[Thumb]) -> Result<Vec<Vec<u32>>> {
        let mut near = self.layout.near(queries)?;
        for (near, more) in near.iter_mut().zip(self.spectrum.near(queries)?) {
            near.extend(more);
            near.sort_unstable();
            near.dedup();
        }
        Ok(near)
    }
}

impl<const N: usize> Kind<N> {
    fn new(dir: &Path, lumas: &[&Thumb], vector: fn(&Thumb) -> [f32; N]) -> Result<Kind<N>> {
        let vectors: Vec<[f32; N]> = lumas.par_iter().map(|luma| vector(luma)).collect();
        let (planes, mean) = (Planes::new(), mean(&vectors));
        let codes: Vec<Code> = vectors.par_iter().map(|vector| planes.code(vector, &mean)).collect();
        drop(vectors);
        let mut builder = SegmentBuilder::new(&Settings { bits: BITS, ..Settings::default() })?;
        for (code, position) in codes.iter().zip(0u32..) {
            builder.push(Item { name: &position.to_le_bytes(), payload: &[], code, latent: &[] })?;
        }
        Writer::lock(dir)?.commit(builder, &[])?;
        Ok(Kind { planes, mean, codes, snapshot: Snapshot::open_with(dir, Access::Read)?, vector })
    }

    fn code(&self, luma: &Thumb) -> Code {
        self.planes.code(&(self.vector)(luma), &self.mean)
    }

    fn near(&self, queries: &[Thumb]) -> Result<Vec<Vec<u32>>> {
        let codes: Vec<u64> = queries.par_iter().flat_map_iter(|luma| self.code(luma)).collect();
        let search = Search { k: NEIGHBOURS, mode: Mode::Recall(RECALL), radius: None, ties: false };
        let hits = self.snapshot.search_many(&codes, &search)?;
        let position = |id: u32| Some(u32::from_le_bytes(self.snapshot.name(id).try_into().ok()?));
        let near = |hits: Vec<aesearch_index::Hit>| hits.iter().filter_map(|hit| position(hit.id)).collect();
        Ok(hits.into_iter().map(near).collect())
    }
}
