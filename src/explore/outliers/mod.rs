//! What does not fit: images that the model cannot draw, images without near neighbours, technical faults, and labels that the
//! neighbours contradict.
//!
//! | file | what it answers |
//! |---|---|
//! | `look` | what is seen of an image when it is read: how bright, how sharp, how badly reconstructed |
//! | `ranks` | which part of the collection is less odd |
//! | `flags` | which images are faulty, next to the others |
//! | `doubts` | which labels the neighbours contradict |
//!
//! Errors and distances mean nothing by themselves: each is told as its rank in the collection.

mod doubts;
mod flags;
mod look;
mod ranks;

use std::path::Path;

use super::items::Items;
use super::neighbours::{Neighbours, neighbours};
use crate::error::Result;
use crate::gallery::{Gallery, Observer};
use crate::images::Skipped;

pub use doubts::Doubt;
pub use flags::Flag;
pub use look::Look;

/// How to look for outliers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlierOptions {
    /// The distance to the so-manieth neighbour tells how alone an image is.
    pub neighbours: usize,
    /// Worker threads that read images.
    pub threads: usize,
}

impl Default for OutlierOptions {
    fn default() -> Self {
        OutlierOptions { neighbours: 10, threads: 1 }
    }
}

/// Neighbours that judge a label.
const JUDGES: usize = 20;

/// How odd each image is; images by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Outliers {
    /// The larger of the ranks there are, `[n]`, 0 to 1. (Not their mean: strangers that are alike have near neighbours in each other.)
    pub scores: Vec<f32>,
    /// The part of the images that are reconstructed better, `[n]`; nothing for an image that could not be read, or where the model
    /// has no decoder.
    pub reconstruction_ranks: Vec<Option<f32>>,
    /// The part of the images whose neighbours are nearer, `[n]`.
    pub neighbour_ranks: Vec<f32>,
    /// Distance to the so-manieth neighbour, `[n]`: 1 less the cosine of the latents.
    pub distances: Vec<f32>,
    /// Of each image, so many as there were asked for, or as judge labels, whichever is more.
    pub near: Neighbours,
    /// What was seen of each image, `[n]`; nothing where it could not be read, or was not asked for.
    pub looks: Vec<Option<Look>>,
    /// Its faults, `[n]`.
    pub flags: Vec<Vec<Flag>>,
    /// Labels that the neighbours contradict, the most doubtful first.
    pub doubts: Vec<Doubt>,
    /// Images that could not be read.
    pub skipped: Vec<Skipped>,
}

impl Outliers {
    /// The rows, the oddest first.
    pub fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.scores.len() as u32).collect();
        order.sort_by(|&a, &b| self.scores[b as usize].total_cmp(&self.scores[a as usize]).then(a.cmp(&b)));
        order
    }
}

/// Looks for what is odd among `items`. With a gallery and its folder the images are read again, and reconstructed; without, only
/// what the index knows counts.
///
/// # Errors
/// When the index or the model fails, or the observer interrupts.
pub fn outliers(
    items: &Items<'_>,
    gallery: Option<(&Gallery, &Path)>,
    options: &OutlierOptions,
    observer: &dyn Observer,
) -> Result<Outliers> {
    let latents = if items.snapshot().latent_size() > 0 { Some(items.latents()?) } else { None };
    let k = options.neighbours.max(JUDGES);
    let near = neighbours(items, latents.as_deref(), k, observer)?;
    drop(latents);
    let last = |row: u32| near.of(row).take(options.neighbours).last().map_or(0.0, |(_, distance)| distance);
    let distances: Vec<f32> = (0..items.len() as u32).map(last).collect();
    let neighbour_ranks = ranks::ranks(&distances);
    let (looks, skipped) = match gallery {
        Some((gallery, dir)) => look::look_at_all(items, gallery, dir, options.threads, observer)?,
        None => (vec![None; items.len()], Vec::new()),
    };
    let errors: Vec<Option<f32>> =
        looks.iter().map(|look| look.as_ref().and_then(|look| look.loss)).collect();
    let reconstruction_ranks = ranks::ranks_of_some(&errors);
    let scores = neighbour_ranks.iter().zip(&reconstruction_ranks);
    let scores = scores.map(|(&near, &drawn)| score(near, drawn)).collect();
    let flags = flags::flags(&looks);
    let doubts = if items.is_labelled() { doubts::doubts(items, &near, JUDGES) } else { Vec::new() };
    Ok(Outliers {
        scores,
        reconstruction_ranks,
        neighbour_ranks,
        distances,
        near,
        looks,
        flags,
        doubts,
        skipped,
    })
}

/// One figure of two ranks.
fn score(near: f32, drawn: Option<f32>) -> f32 {
    drawn.map_or(near, |drawn| near.max(drawn))
}
