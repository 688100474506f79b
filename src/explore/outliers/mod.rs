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
mod measure;
mod ranks;

use std::path::Path;

use super::neighbours::{Neighbours, nearest};
use super::rows::Rows;
use crate::error::Result;
use crate::gallery::Gallery;
use crate::images::{Pixels, Skipped};
use crate::observer::Observer;

pub use doubts::Doubt;
pub use flags::Flag;
pub use measure::Measures;

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

impl OutlierOptions {
    /// Neighbours of each image that are looked at: those that tell how alone it is, and those that judge its label.
    pub fn nearest(&self) -> usize {
        self.neighbours.max(JUDGES)
    }
}

/// Neighbours that judge a label.
const JUDGES: usize = 20;

/// Is shown each image as it is read, by its row; by several threads at once.
pub type Seen<'a> = dyn Fn(u32, &Pixels) + Sync + 'a;

/// How images are read again.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// What reconstructs them.
    pub gallery: &'a Gallery,
    /// The folder of its index.
    pub dir: &'a Path,
    /// Whoever else wants to see them: reading is most of the work.
    pub seen: &'a Seen<'a>,
}

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
    /// What was seen of each image, `[n]`; nothing where it could not be read, or was not asked for.
    pub looks: Vec<Option<Measures>>,
    /// Its faults, `[n]`.
    pub flags: Vec<Vec<Flag>>,
    /// Labels that the neighbours contradict, the most doubtful first.
    pub doubts: Vec<Doubt>,
    /// Images that could not be read.
    pub skipped: Vec<Skipped>,
}

impl Outliers {
    /// Whether an image has a fault.
    pub fn is_faulty(&self, row: u32) -> bool {
        !self.flags[row as usize].is_empty()
    }

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
    items: &Rows<'_>,
    gallery: Option<(&Gallery, &Path)>,
    options: &OutlierOptions,
    observer: &dyn Observer,
) -> Result<Outliers> {
    let near = nearest(items, options.nearest(), observer)?;
    let reading = gallery.map(|(gallery, dir)| Reading { gallery, dir, seen: &|_, _| () });
    outliers_among(items, &near, reading, options, observer)
}

/// The same where the neighbours are known, [`OutlierOptions::nearest`] of each or more.
///
/// # Errors
/// As [`outliers`].
pub fn outliers_among(
    items: &Rows<'_>,
    near: &Neighbours,
    reading: Option<Reading<'_>>,
    options: &OutlierOptions,
    observer: &dyn Observer,
) -> Result<Outliers> {
    let last = |row: u32| near.of(row).take(options.neighbours).last().map_or(0.0, |(_, distance)| distance);
    let distances: Vec<f32> = (0..items.len() as u32).map(last).collect();
    let neighbour_ranks = ranks::ranks(&distances);
    let (looks, skipped) = match reading {
        Some(reading) => measure::measure_all(items, reading, options.threads, observer)?,
        None => (vec![None; items.len()], Vec::new()),
    };
    let errors: Vec<Option<f32>> =
        looks.iter().map(|look| look.as_ref().and_then(|look| look.loss)).collect();
    let reconstruction_ranks = ranks::ranks_of_some(&errors);
    let scores = neighbour_ranks.iter().zip(&reconstruction_ranks);
    let scores = scores.map(|(&near, &drawn)| score(near, drawn)).collect();
    let flags = flags::flags(&looks);
    let doubts = if items.is_labelled() { doubts::doubts(items, near, JUDGES) } else { Vec::new() };
    Ok(Outliers { scores, reconstruction_ranks, neighbour_ranks, distances, looks, flags, doubts, skipped })
}

/// One figure of two ranks.
fn score(near: f32, drawn: Option<f32>) -> f32 {
    drawn.map_or(near, |drawn| near.max(drawn))
}
