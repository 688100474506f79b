//! What a page shows.

use super::pictures::Pictures;
use crate::explore::cluster::Clustering;
use crate::explore::map::Map;
use crate::explore::neighbours::Neighbours;
use crate::explore::outliers::Outliers;
use crate::explore::rows::Rows;
use crate::images::Skipped;

/// What a page shows.
pub(super) struct Content<'a> {
    /// The images.
    pub(super) rows: &'a Rows,
    /// What was indexed, and how.
    pub(super) collection: Vec<Fact>,
    /// The model that made the codes.
    pub(super) model: Vec<Fact>,
    /// How good the codes are.
    pub(super) quality: Quality,
    /// Clusters.
    pub(super) clustering: &'a Clustering,
    /// Positions in the plane.
    pub(super) map: &'a Map,
    /// Outlier scores, faults, doubtful labels.
    pub(super) outliers: &'a Outliers,
    /// Neighbours of each image.
    pub(super) near: &'a Neighbours,
    /// How many of them are shown.
    pub(super) n_near: usize,
    /// Small pictures; nothing if the images were not read.
    pub(super) pictures: Option<&'a Pictures>,
    /// Duplicates; nothing if they were not searched for.
    pub(super) duplicates: Option<Duplicates>,
    /// Images that could not be read.
    pub(super) skipped: &'a [Skipped],
    /// How large the page may be.
    pub(super) size: PageSize,
}

/// How large a page may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize {
    /// The whole page, about, in bytes. Pictures are made smaller and fewer to fit; the rest is as large as
    /// it is.
    pub max_bytes: usize,
    /// Larger pictures of the images that are listed, in bytes; the map has small ones of all.
    pub max_listed_bytes: usize,
}

impl Default for PageSize {
    /// Below 25 MB.
    fn default() -> Self {
        PageSize { max_bytes: 24_000_000, max_listed_bytes: 4_500_000 }
    }
}

/// A fact, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    /// Its name.
    pub(super) name: String,
    /// Its value.
    pub(super) value: String,
    /// What it means; empty if that needs no words.
    pub(super) about: String,
}

impl Fact {
    /// A fact that needs no explanation.
    pub(super) fn new(name: impl Into<String>, value: impl Into<String>) -> Fact {
        Fact { name: name.into(), value: value.into(), about: String::new() }
    }

    /// The same with an explanation.
    pub(super) fn about(self, about: impl Into<String>) -> Fact {
        Fact { about: about.into(), ..self }
    }
}

/// A figure from 0 to 1, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// Its name.
    pub(super) name: String,
    /// 1 is best.
    pub(super) value: f64,
    /// What it means.
    pub(super) about: String,
}

/// How good the codes are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Quality {
    /// Figures.
    pub(super) figures: Vec<Figure>,
    /// Other facts.
    pub(super) facts: Vec<Fact>,
    /// The recall of the index against its cost: codes compared in a row, and the share that is found.
    pub(super) curve: Vec<(u32, f32)>,
    /// How it was measured.
    pub(super) note: String,
}

/// Duplicates.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Duplicates {
    /// Groups of each kind, the surest kind first.
    pub(super) kinds: Vec<DuplicateKind>,
    /// The threshold of similarity, and how reliable it is.
    pub(super) facts: Vec<Fact>,
    /// The first groups.
    pub(super) groups: Vec<DuplicateGroup>,
}

/// Groups of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DuplicateKind {
    /// What the images have in common.
    pub(super) name: String,
    /// The number of groups.
    pub(super) groups: usize,
    /// The number of images besides the one of each group that would be kept.
    pub(super) duplicates: usize,
}

/// Images that are duplicates of each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DuplicateGroup {
    /// Its kind, as a position in `kinds`.
    pub(super) kind: usize,
    /// Their rows; the first would be kept.
    pub(super) rows: Vec<u32>,
    /// The least similarity to the first image, 0 to 1.
    pub(super) similarity: f32,
    /// Whether their labels differ.
    pub(super) conflict: bool,
}
