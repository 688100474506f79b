//! The nearest other images of each image: candidates by code from the index, then ordered by their latents.

use aesearch_index::{Mode, Search, distance, words};
use rayon::prelude::*;

use super::rows::Rows;
use crate::error::{Error, Result};
use crate::observer::{Observer, Progress, Stage};

/// Candidates for each neighbour wanted, and the least number of candidates.
const CANDIDATES: usize = 3;
const MIN_CANDIDATES: usize = 200;
/// Where many codes are equally near, at most this many times the candidates are considered.
const MAX_TIES: usize = 4;
/// Images that are searched for between two questions to the observer, and by one thread: where all codes are equal,
/// each search finds tens of thousands, which are reduced before the thread goes on.
const BLOCK: usize = 8192;
const AT_ONCE: usize = 128;
/// Stands for a neighbour that does not exist, where there are fewer images.
pub const NONE: u32 = u32::MAX;

/// The nearest others of each image.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Neighbours of each image: as many as were asked for, or all others if there are fewer.
    pub k: usize,
    /// Rows, `[n, k]`, the nearest first; [`NONE`] where there are no more.
    pub rows: Vec<u32>,
    /// Their distances, `[n, k]`: 1 minus the cosine of the latents, or differing bits where the index keeps
    /// no latents; infinite for [`NONE`].
    pub distances: Vec<f32>,
}

impl Neighbours {
    /// The neighbours of an image, with their distances, the nearest first.
    pub fn of(&self, row: u32) -> impl Iterator<Item = (u32, f32)> + '_ {
        let range = row as usize * self.k..(row as usize + 1) * self.k;
        let rows = self.rows[range.clone()].iter().copied();
        rows.zip(self.distances[range].iter().copied()).take_while(|(row, _)| *row != NONE)
    }
}

/// Finds `k` neighbours of each image, by latents if the index keeps them, else by codes.
///
/// # Errors
/// As [`neighbours`].
pub fn nearest(rows: &Rows, k: usize, observer: &dyn Observer) -> Result<Neighbours> {
    let latents = if rows.snapshot().latent_size() > 0 { Some(rows.latents()?) } else { None };
    neighbours(rows, latents.as_deref(), k, observer)
}

/// Finds `k` neighbours of each image, ordered by the given unit vectors `[n, D]`, or by codes where none are
/// given.
///
/// # Errors
/// When the index is damaged, or the observer stops the work.
pub fn neighbours(
    rows: &Rows,
    latents: Option<&[f32]>,
    k: usize,
    observer: &dyn Observer,
) -> Result<Neighbours> {
    observer.stage(Stage::images("searching"));
    let snapshot = rows.snapshot();
    let (codes, width) = (rows.codes(), words(snapshot.bits()));
    let size = latents.map_or(0, |latents| latents.len() / rows.len());
    let mut row_of = vec![NONE; rows.ids.iter().max().map_or(0, |&most| most as usize + 1)];
    rows.ids.iter().zip(0..).for_each(|(&id, row)| row_of[id as usize] = row);
    let k = k.min(rows.len().saturating_sub(1)).max(1); // there are no more
    let candidates = (k * CANDIDATES).max(MIN_CANDIDATES);
    // the image itself is among them; and which of equally near ones are found must not be left to chance
    let search =
        Search { k: candidates + 1, mode: Mode::Recall(0.99), radius: None, ties: true, only: rows.filter() };
    let mut found = Neighbours { k, rows: Vec::new(), distances: Vec::new() };
    for (block, queries) in codes.chunks(BLOCK * width).enumerate() {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        observer.progress(&Progress::of(block * BLOCK, rows.len()));
        let nearest = |(i, hits): (usize, Vec<aesearch_index::Hit>)| {
            let own = (block * BLOCK + i) as u32;
            let mut near: Vec<(u32, u32)> = hits
                .iter()
                .map(|hit| (hit.distance, row_of[hit.id as usize]))
                .filter(|&(_, row)| row != own && row != NONE)
                .collect();
            let most = candidates * MAX_TIES;
            if near.len() > most {
                near.select_nth_unstable(most);
                near.truncate(most);
            }
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
            near.shrink_to_fit(); // it has the room of all that were found
            near
        };
        let near = |(part, queries): (usize, &[u64])| -> Result<Vec<Vec<(f32, u32)>>> {
            let hits = snapshot.search_many(queries, &search)?;
            Ok((part * AT_ONCE..).zip(hits).map(nearest).collect())
        };
        let parts = queries.par_chunks(AT_ONCE * width).enumerate().map(near);
        let near: Vec<Vec<Vec<(f32, u32)>>> = parts.collect::<Result<_>>()?;
        for (distance, row) in near.into_iter().flatten().flatten() {
            found.rows.push(row);
            found.distances.push(distance);
        }
    }
    Ok(found)
}

/// The dot product, in eight sums that the compiler keeps in registers.
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
