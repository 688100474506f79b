//! The threshold that the last scan of an index found, kept beside the fingerprints for images that are checked one
//! by one: they are too few to calibrate anything.
//!
//! It is a small JSON file, `looks/threshold.json`. If it is missing, of another version or damaged, there was no scan.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fingerprints::FOLDER;
use super::plan::Plan;
use crate::error::Result;
use crate::output::write_whole;

/// Its name, in the folder of the fingerprints.
const FILE: &str = "threshold.json";
/// The version of the document.
const SCHEMA_VERSION: u32 = 1;

/// The threshold of a scan, and what it was measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LastScan {
    schema_version: u32,
    /// The least similarity of near images.
    pub(super) similarity: f64,
    /// Whether the user gave it, so that nothing below it is near.
    pub(super) given: bool,
    /// Images that were compared.
    pub(super) images: usize,
    /// Pairs of them on which it is calibrated.
    pub(super) null_pairs: u64,
    /// Corners that lie alike with which a copy counts.
    pub(super) inliers: usize,
}

impl LastScan {
    /// What a plan says; `given` if the user gave its threshold.
    pub(super) fn of(plan: &Plan, given: bool) -> LastScan {
        let (similarity, null_pairs) = (plan.threshold.similarity, plan.threshold.null_pairs);
        let (images, inliers) = (plan.images, plan.threshold.inliers.counts);
        LastScan { schema_version: SCHEMA_VERSION, similarity, given, images, null_pairs, inliers }
    }

    /// That of the index at `dir`, if there is one.
    pub(super) fn read(dir: &Path) -> Option<LastScan> {
        let text = fs::read(dir.join(FOLDER).join(FILE)).ok()?;
        let last: LastScan = serde_json::from_slice(&text).ok()?;
        let is_sound = last.schema_version == SCHEMA_VERSION && (0.0..=1.0).contains(&last.similarity);
        is_sound.then_some(last)
    }

    /// Keeps it beside the fingerprints; where there are none, there was nothing to compare.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let folder = dir.join(FOLDER);
        if !folder.is_dir() {
            return Ok(());
        }
        // numbers: nothing in it can fail
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        write_whole(&folder.join(FILE), text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_damage_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let last = LastScan {
            schema_version: SCHEMA_VERSION,
            similarity: 0.9375,
            given: true,
            images: 40,
            null_pairs: 900,
            inliers: 8,
        };
        last.write(folder.path()).unwrap();
        assert_eq!(LastScan::read(folder.path()), None, "without fingerprints nothing is kept");
        fs::create_dir(folder.path().join(FOLDER)).unwrap();
        last.write(folder.path()).unwrap();
        assert_eq!(LastScan::read(folder.path()), Some(last.clone()));
        for wrong in [LastScan { similarity: 1.5, ..last.clone() }, LastScan { schema_version: 2, ..last }] {
            wrong.write(folder.path()).unwrap();
            assert_eq!(LastScan::read(folder.path()), None);
        }
        fs::write(folder.path().join(FOLDER).join(FILE), "{").unwrap();
        assert_eq!(LastScan::read(folder.path()), None);
    }
}
