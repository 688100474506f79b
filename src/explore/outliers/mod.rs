//! Outliers: images that the model reconstructs badly or that have no near neighbours, technical faults, and
//! labels that the neighbours contradict.
//!
//! | file | responsibility |
//! |---|---|
//! | `measure` | measures of each image when it is read: brightness, sharpness, reconstruction loss |
//! | `ranks` | losses and distances as ranks in the collection |
//! | `flags` | faults, compared with the other images |
//! | `doubts` | labels that the neighbours contradict |
//! | `outputs`, `sheet` | a table, a contact sheet |
//!
//! Losses and distances mean little by themselves, so they are reported as ranks.

mod doubts;
mod flags;
mod measure;
mod outputs;
mod ranks;
mod sheet;

use std::collections::HashSet;

use super::neighbours::{Neighbours, nearest};
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::images::Skipped;
use crate::observer::{Note, Observer};

pub use doubts::Doubt;
pub use flags::Flag;
pub use measure::{Measures, Reading, Seen};
pub use outputs::{OutlierOutputs, outliers_to};

/// What is said about a model of another program.
const NO_DECODER: &str =
    "the model has no decoder, so images are not reconstructed: outliers are those far from their neighbours";
/// Neighbours that judge a label.
const JUDGES: usize = 20;

/// How to look for outliers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlierOptions {
    /// The distance to this neighbour (the n-th nearest) measures how isolated an image is; at least 1.
    pub neighbours: usize,
    /// Threads that read images.
    pub threads: usize,
}

impl Default for OutlierOptions {
    fn default() -> Self {
        OutlierOptions { neighbours: 10, threads: 1 }
    }
}

impl OutlierOptions {
    /// The neighbours of each image that are needed: to measure how isolated it is, and to judge its label.
    pub fn nearest(&self) -> usize {
        self.neighbours.max(JUDGES)
    }

    /// Refuses options that cannot be used.
    ///
    /// # Errors
    /// When `neighbours` is 0.
    pub fn check(&self) -> Result<()> {
        match self.neighbours {
            0 => Err(Error::invalid("`neighbours`: expected at least 1, got 0")),
            _ => Ok(()),
        }
    }
}

/// Outlier scores, faults and doubtful labels; images by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Outliers {
    /// Outlier scores: the larger of the ranks, `[n]`, 0 to 1. (Not the mean: unusual images that are alike
    /// are near each other.)
    pub scores: Vec<f32>,
    /// The share of the images that are reconstructed better, `[n]`; nothing for an image that could not be
    /// read, or if the model has no decoder.
    pub reconstruction_ranks: Vec<Option<f32>>,
    /// The share of the images with nearer neighbours, `[n]`.
    pub neighbour_ranks: Vec<f32>,
    /// The distance to the n-th nearest neighbour, `[n]`: 1 minus the cosine of latents, or differing bits
    /// where the index keeps no latents.
    pub distances: Vec<f32>,
    /// Measures of each image, `[n]`; nothing where it was not read.
    pub measures: Vec<Option<Measures>>,
    /// The faults of each image, `[n]`.
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

    /// Adds images that could not be read, unless they are known.
    fn skip(&mut self, unread: Vec<Skipped>) {
        let mut known: HashSet<String> = self.skipped.iter().map(|skipped| skipped.path.clone()).collect();
        self.skipped.extend(unread.into_iter().filter(|skipped| known.insert(skipped.path.clone())));
    }

    /// The rows, by descending outlier score.
    pub fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.scores.len() as u32).collect();
        order.sort_by(|&a, &b| self.scores[b as usize].total_cmp(&self.scores[a as usize]).then(a.cmp(&b)));
        order
    }
}

/// Looks for outliers. With `reading`, the images are read again and reconstructed; without, only the index
/// counts.
///
/// # Errors
/// When the options cannot be used, the index or the model fails, or the observer stops the work.
pub fn outliers(
    rows: &Rows,
    reading: Option<Reading<'_>>,
    options: &OutlierOptions,
    observer: &dyn Observer,
) -> Result<Outliers> {
    options.check()?;
    let near = nearest(rows, options.nearest(), observer)?;
    outliers_among(rows, &near, reading, options, observer)
}

/// The same as [`outliers`] where at least [`OutlierOptions::nearest`] neighbours of each image are known.
///
/// # Errors
/// As [`outliers`].
pub fn outliers_among(
    rows: &Rows,
    near: &Neighbours,
    reading: Option<Reading<'_>>,
    options: &OutlierOptions,
    observer: &dyn Observer,
) -> Result<Outliers> {
    let last = |row: u32| near.of(row).take(options.neighbours).last().map_or(0.0, |(_, distance)| distance);
    let distances: Vec<f32> = (0..rows.len() as u32).map(last).collect();
    let neighbour_ranks = ranks::ranks(&distances);
    let (measures, skipped) = match reading {
        Some(reading) => {
            if reading.gallery.model().decoder.is_none() {
                observer.note(&Note::new(NO_DECODER));
            }
            measure::measure_all(rows, reading, options.threads, observer)?
        }
        None => (vec![None; rows.len()], Vec::new()),
    };
    let losses: Vec<Option<f32>> =
        measures.iter().map(|measures| measures.as_ref().and_then(|measures| measures.loss)).collect();
    let reconstruction_ranks = ranks::ranks_of_some(&losses);
    let pairs = neighbour_ranks.iter().zip(&reconstruction_ranks);
    let scores = pairs.map(|(&near, &drawn)| drawn.map_or(near, |drawn| near.max(drawn))).collect();
    let flags = flags::flags(&measures);
    let doubts = if rows.is_labelled() { doubts::doubts(rows, near, JUDGES) } else { Vec::new() };
    Ok(Outliers {
        scores,
        reconstruction_ranks,
        neighbour_ranks,
        distances,
        measures,
        flags,
        doubts,
        skipped,
    })
}
