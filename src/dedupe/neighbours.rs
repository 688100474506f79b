//! More pairs worth comparing: pictures that look alike to the model of the index. It knows a picture again that was
//! cropped to half its sides, mirrored or framed, of which the codes of its structure as a whole know nothing.
//!
//! Of 1,300 photos and 50 copies of each of 21 kinds, the original is among the ten nearest by the latents of
//! `photos` for all copies of 15 kinds (watermark, caption, border, crop to three quarters, mirrored, ...), for .94 to
//! .96 of screenshots, grey and turned ones, .88 of those cropped to half their sides, and .56 of collages and of those
//! of a tenth of the size. The codes of structure bring grey ones and small ones near, `views` the others. What neither
//! reaches, such as pictures under a large sticker, is among the four nearest; most that are nearest are strangers, and
//! every pair takes a millisecond to verify.

use std::collections::HashMap;

use aesearch_index::{Mode, Search, Snapshot};
use rayon::prelude::*;

use super::known::{Finder, Known};
use crate::error::{Error, Result};
use crate::observer::{Observer, Progress, Stage};

/// The number of nearest pictures that are worth comparing; in a small collection more, as few are compared.
const NEIGHBOURS: usize = 4;
const OF_FEW: usize = 24;
const FEW: usize = 256;
/// The number of items, nearest by code, whose latents are compared.
const BY_CODE: usize = 200;
/// Items found by latents; several may show one picture.
const BY_LATENT: usize = 3 * OF_FEW;
/// The share of the nearest codes that the search is to find.
const RECALL: f32 = 0.99;
/// Pictures that are searched for at a time.
const BLOCK: usize = 1 << 12;

/// The nearest pictures of each of `wanted` by the latents of the index, as pairs of positions (a < b), sorted; none
/// if the index keeps no latents. `positions` gives the position of the picture that an item shows.
///
/// # Errors
/// Those of the search; [`Error::Interrupted`].
pub(super) fn nearest(
    snapshot: &Snapshot,
    positions: &HashMap<u32, u32>,
    wanted: &(dyn Fn(u32) -> bool + Sync),
    known: &Known,
    observer: &dyn Observer,
) -> Result<Vec<(u32, u32)>> {
    if snapshot.latent_size() == 0 {
        return Ok(Vec::new());
    }
    let mut items: Vec<(u32, u32)> = positions.iter().map(|(id, position)| (*position, *id)).collect();
    items.sort_unstable();
    items.dedup_by_key(|(position, _)| *position);
    items.retain(|(position, _)| wanted(*position));
    // another model gives other codes
    let codes = items.iter().flat_map(|(_, id)| snapshot.code(*id)).flat_map(|word| word.to_le_bytes());
    let state = known.state(codes);
    known.searched(Finder::Latents, state, || search(snapshot, positions, wanted, &items, observer))
}

fn search(
    snapshot: &Snapshot,
    positions: &HashMap<u32, u32>,
    wanted: &(dyn Fn(u32) -> bool + Sync),
    items: &[(u32, u32)],
    observer: &dyn Observer,
) -> Result<Vec<(u32, u32)>> {
    observer.stage(Stage::images("searching"));
    let most = if items.len() <= FEW { OF_FEW } else { NEIGHBOURS };
    let search = Search { k: BY_CODE, mode: Mode::Recall(RECALL), radius: None, ties: false, only: None };
    let mut pairs = Vec::new();
    for (done, block) in (0..).step_by(BLOCK).zip(items.chunks(BLOCK)) {
        observer.progress(&Progress::of(done, items.len()));
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        let codes: Vec<u64> = block.iter().flat_map(|(_, id)| snapshot.code(*id)).copied().collect();
        let hits = snapshot.search_many(&codes, &search)?;
        let near = |(&(position, id), hits): (&(u32, u32), Vec<aesearch_index::Hit>)| {
            let latent = snapshot.latent(id);
            let latent: Vec<f32> =
                latent.iter().flat_map(|of| of.values.iter().map(|value| f32::from(*value))).collect();
            let ranked = snapshot.rerank(&latent, &hits, BY_LATENT, 0.0);
            let others = ranked.iter().filter_map(|hit| positions.get(&hit.id).copied());
            let mut seen = vec![position];
            for other in others.filter(|other| wanted(*other)) {
                if !seen.contains(&other) {
                    seen.push(other);
                }
            }
            let pair = |&other: &u32| (position.min(other), position.max(other));
            seen[1..].iter().take(most).map(pair).collect::<Vec<_>>()
        };
        pairs.par_extend(block.par_iter().zip(hits).flat_map_iter(near));
    }
    pairs.par_sort_unstable();
    pairs.dedup();
    Ok(pairs)
}
