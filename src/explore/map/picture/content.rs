//! What the picture of a map shows.

use crate::explore::map::colouring::Colouring;
use crate::images::Pixels;

/// What the picture of a map shows.
#[derive(Debug, Clone, Default)]
pub struct MapPicture {
    /// The heading, and a line below it.
    pub title: [String; 2],
    /// Positions, across and up, `[n, 2]`.
    pub points: Vec<[f32; 2]>,
    /// The group of each image, shown as its colour.
    pub colouring: Colouring,
    /// Images to show, the most important first, with their rows. Those of medoids move aside where there is
    /// no room, others are left out.
    pub thumbnails: Vec<(u32, Pixels)>,
    /// Seed of the order in which dots are drawn.
    pub seed: u64,
}
