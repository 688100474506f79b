//! The nearest other images of each image: candidates by code from the index, put in order by their latents.

use aesearch_index::{Mode, Search, distance, words};
use rayon::prelude::*;

use super::rows::Rows;
use crate::error::{Error, Result};
use crate::observer::Observer;

/// Candidates for each neighbour that is wanted, and at least.
const CANDIDATES: usize = 3;
const MIN_CANDIDATES: usize = 200;
/// Of images with equally near codes no more are looked at than this many times the candidates.
const MAX_TIES: usize = 4;
/// Images that are asked for between two looks at whether to go on.
const BLOCK: usize = 8192;
/// No neighbour: there are fewer images.
pub const NONE: u32 = u32::MAX;

/// The nearest others of each image.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Neighbours of each: as many as were asked for, or all others.
    pub k: usize,
    /// Rows, `[n, k]`, the nearest first; [`NONE`] where there are no more.
    pub rows: Vec<u32>,
    /// Their distances, `[n, k]`: 1 less the cosine of the latents, or the differing bits where the index keeps none; infinite for
    /// [`NONE`].
    pub distances: Vec<f32>,
}

impl Neighbours {
    /// The neighbours of an image that there are, with their distances.
    pub fn of(&self, row: u32) -> impl Iterator<Item = (u32, f32)> + '_ {
        let range = row as usize * self.k..(row as usize + 1) * self.k;
        let rows = self.rows[range.clone()].iter().copied();
        rows.zip(self.distances[range].iter().copied()).take_while(|(row, _)| *row != NONE)
    }
}

/// Finds `k` neighbours of each of `items`, by their latents where the index keeps some.
///
/// # Errors
/// As [`neighbours`].
pub fn nearest(items: &Rows<'_>, k: usize, observer: &dyn Observer) -> Result<Neighbours> {
    let latents = if items.snapshot().latent_size() > 0 { Some(items.latents()?) } else { None };
    neighbours(items, latents.as_deref(), k, observer)
}

/// Finds `k` neighbours of each of `items`, whose unit latents `[n, D]` are given, or their codes alone count.
///
/// # Errors
/// When the index is damaged, or the observer interrupts.
pub fn neighbours(
    items: &Rows<'_>,
    latents: Option<&[f32]>,
    k: usize,
    observer: &dyn Observer,
) -> Result<Neighbours> {
    let snapshot = items.snapshot();
    let (codes, width) = (items.codes(), words(snapshot.bits()));
    let size = latents.map_or(0, |latents| latents.len() / items.len());
    let mut row_of = vec![NONE; items.ids.iter().max().map_or(0, |&most| most as usize + 1)];
    items.ids.iter().zip(0..).for_each(|(&id, row)| row_of[id as usize] = row);
    let k = k.min(items.len().saturating_sub(1)).max(1); // there are no more
    let candidates = (k * CANDIDATES).max(MIN_CANDIDATES);
    // itself is among them; and of equally near ones, chance should not decide
    let search = Search { k: candidates + 1, mode: Mode::Recall(0.99), radius: None, ties: true };
    let mut found = Neighbours { k, rows: Vec::new(), distances: Vec::new() };
    for (block, queries) in codes.chunks(BLOCK * width).enumerate() {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        let hits = snapshot.search_many(queries, &search)?;
        let nearest = |(i, hits): (usize, Vec<aesearch_index::Hit>)| {
            let own = (block * BLOCK + i) as u32;
            let mut near: Vec<(u32, u32)> = hits
                .iter()
                .map(|hit| (hit.distance, row_of[hit.id as usize]))
                .filter(|&(_, row)| row != own && row != NONE)
                .collect();
            near.sort_unstable();
            near.truncate(candidates * MAX_TIES);
            let by_latent = |(_, row): (u32, u32)| match latents {
                Some(latents) => {
                    let [a, b] = [own, row].map(|row| &latents[row as usize * size..][..size]);
                    ((1.0 - dot(a, b)).clamp(0.0, 2.0), row)
                }
                None => {
                    let [a, b] = [own, row].map(|row| &codes[row as usize * width..][..width]);
                    (distance(a, b) as f32, row)
                }
            };
            let mut near: Vec<(f32, u32)> = near.into_iter().map(by_latent).collect();
            let order = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            if near.len() > k {
                near.select_nth_unstable_by(k, order);
                near.truncate(k);
            }
            near.sort_unstable_by(order);
            near.resize(k, (f32::INFINITY, NONE));
            near
        };
        let near: Vec<Vec<(f32, u32)>> = hits.into_par_iter().enumerate().map(nearest).collect();
        for (distance, row) in near.into_iter().flatten() {
            found.rows.push(row);
            found.distances.push(distance);
        }
    }
    Ok(found)
}

/// In eight sums, which the compiler keeps in registers, and adds up by halves.
#[inline]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    let four: [f32; 4] = std::array::from_fn(|i| sums[i] + sums[i + 4]);
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (four[0] + four[2]) + (four[1] + four[3]) + rest
}
