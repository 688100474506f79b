//! What a scan looks for, and which image of a group it proposes to keep.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::fingerprint::Turn;
use super::keep::Preference;
use super::select::Select;
use crate::error::{Error, Result};
use crate::filter::Where;
use crate::gallery::Labels;

/// False-positive rates are below this one: with a higher one, the threshold means nothing.
const HIGHEST_RATE: f64 = 0.1;

/// What to look for, and what to propose.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanOptions {
    /// The share of compared pairs of different images that may be called near; more than 0, less than 0.1.
    pub false_positive_rate: f64,
    /// The least similarity of near images, 0 to 1, instead of one that follows from the rate.
    pub threshold: Option<f64>,
    /// Whether groups of related images are listed: different pictures of one scene or template.
    pub related: bool,
    /// Orientations in which copies are found, in addition to the original one.
    pub turns: Vec<Turn>,
    /// Paths whose images are never changed; an image elsewhere that is the same is a duplicate.
    pub reference: Vec<PathBuf>,
    /// Whether to find only duplicates between different paths of the data.
    pub across: bool,
    /// Which image of a group is kept: preferences, the most important first.
    pub keep: Vec<Preference>,
    /// Which files may be proposed for removal, by their paths; none: all.
    pub select: Option<Select>,
    /// Which labels count where those of a group differ.
    pub labels: Labels,
    /// Which images of the index are looked at; none: all.
    pub only: Option<Where>,
}

impl Default for ScanOptions {
    /// Near duplicates at a rate of one in a million, in the original orientation, among all images.
    fn default() -> Self {
        ScanOptions {
            false_positive_rate: 1e-6,
            threshold: None,
            related: false,
            turns: Vec::new(),
            reference: Vec::new(),
            across: false,
            keep: Preference::DEFAULT.to_vec(),
            select: None,
            labels: Labels::default(),
            only: None,
        }
    }
}

impl ScanOptions {
    /// Refuses options that cannot be used with `data`.
    ///
    /// # Errors
    /// When the rate is out of range, or with `across` there are fewer than two paths or one lies within
    /// another.
    pub fn check(&self, data: &[PathBuf]) -> Result<()> {
        let rate = self.false_positive_rate;
        if !(rate > 0.0 && rate < HIGHEST_RATE) {
            let what = format!(
                "`false_positive_rate`: expected more than 0 and less than {HIGHEST_RATE}, got {rate}"
            );
            return Err(Error::invalid(what));
        }
        if let Some(similarity) = self.threshold.filter(|similarity| !(0.0..=1.0).contains(similarity)) {
            let what = format!("`threshold`: expected a similarity from 0 to 1, got {similarity}");
            return Err(Error::invalid(what));
        }
        if self.across { check_apart(data) } else { Ok(()) }
    }
}

/// Refuses a single path, and paths within each other: an image in both is not between them.
fn check_apart(data: &[PathBuf]) -> Result<()> {
    if data.len() < 2 {
        let what = format!("`across`: expected at least two paths to compare, got {}", data.len());
        return Err(Error::invalid(what).with_hint("name them, such as a training set and a test set"));
    }
    let places: Vec<PathBuf> =
        data.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    // there may be a hundred thousand paths, from a list
    let numbers: HashMap<&Path, usize> = places.iter().map(PathBuf::as_path).zip(0..).collect();
    for (place, i) in places.iter().zip(0..) {
        let mut around = place.ancestors().filter_map(|place| numbers.get(place));
        if let Some(j) = around.find(|j| **j != i) {
            let [inner, outer] = [i, *j].map(|i| data[i].display());
            let what = format!("`across`: expected separate paths, got {inner} within {outer}");
            return Err(Error::invalid(what));
        }
    }
    Ok(())
}
