//! Is one picture the other, edited or whole? Local features find how one lies on the other, then the overlap
//! is compared block by block.
//!
//! ```text
//! pixels -> plane -> corners -> features -> matching -> geometry -> glance -> layer -> blocks -> verdict
//!           320 px   FAST      ORB, 400     RANSAC                  if few    overlap  8x8..12x12
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `plane` | a grey picture of 320 pixels, with full contrast |
//! | `corners`, `features` | its corners at eight sizes, with direction and descriptor |
//! | `matching`, `geometry` | corners that look the same in both, and the map that most of them agree on |
//! | `glance` | a first look at pictures that lie on each other by few inliers |
//! | `layer` | one picture laid on the other by this map, which is refined until the light agrees too |
//! | `blocks` | how alike both are in each block of the overlap |
//! | `parts` | what lies beside the overlap, and the boxes that differ |
//! | `beside` | is what lies beside it more of the picture, or a frame |
//! | `marks` | marks that one sees through |
//! | `covering` | which of both has something laid over it |
//! | `verdict` | what all this says |
//!
//! Nothing here knows an index or a plan. The same two pictures always give the same result.

mod beside;
mod blocks;
mod corners;
mod covering;
mod features;
mod geometry;
mod glance;
mod layer;
mod marks;
mod matching;
mod parts;
mod plane;
mod verdict;

#[cfg(test)]
mod tests;

pub use beside::Beside;
pub use geometry::Affine;
pub use parts::Region;
pub use verdict::Likeness;

use crate::images::{Pixels, Resizer};
use covering::covering;
use features::{Descriptor, Point, features};
use matching::{Aligned, Side, align};
use parts::Parts;
use plane::Plane;
use verdict::{Evidence, judge};

/// The longer side of what is compared, in pixels.
pub(super) const SIDE: usize = 320;
/// Inliers from which the mirror image is not tried.
const UPRIGHT: usize = 60;

/// What of a picture is needed to verify whether another is a copy of it: the luma at 320 pixels, and at most
/// 400 corners with their descriptors, 56 bytes each. At most 125 kB.
#[derive(Debug, Clone)]
pub struct Local {
    luma: Plane,
    cells: Plane,
    points: Vec<Point>,
    descriptors: Vec<Descriptor>,
}

impl Local {
    /// Measures a picture: decoded at 320 pixels along its longer side or more, where it has as many.
    ///
    /// # Errors
    /// When the image is empty.
    pub fn of(pixels: &Pixels, resizer: &mut Resizer) -> Result<Local, String> {
        let luma = Plane::of(pixels, SIDE, resizer)?;
        let (points, descriptors) = features(&luma);
        Ok(Local { cells: glance::cells(&luma), luma, points, descriptors })
    }

    /// Bytes that it takes.
    pub fn size(&self) -> usize {
        self.luma.data.len()
            + self.points.len() * size_of::<Point>()
            + self.descriptors.len() * size_of::<Descriptor>()
    }

    fn side(&self) -> Side<'_> {
        Side { points: &self.points, descriptors: &self.descriptors }
    }
}

/// What is tried beside the picture as it is. It is found at any angle in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probes {
    /// Also the mirror image.
    pub mirrored: bool,
}

impl Default for Probes {
    fn default() -> Self {
        Probes { mirrored: true }
    }
}

/// What one picture, `b`, is to another, `a`.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What was found. That `b` is mirrored or turned makes no difference to it.
    pub likeness: Likeness,
    /// Corners of both that look the same and lie alike.
    pub inliers: usize,
    /// From `b` to `a`, in pixels where the longer side of each picture is 320.
    pub map: Affine,
    /// Whether `b` is a mirror image.
    pub mirrored: bool,
    /// Quarter turns, clockwise, that bring `b` (mirrored back along its width first) nearest to upright: 0 to 3.
    pub quarter_turns: u8,
    /// Blocks of the overlap that have structure.
    pub blocks: usize,
    /// The share of these that agree, 0 to 1.
    pub agreeing: f32,
    /// Whether all of them agree so well that few inliers suffice.
    pub all_agree: bool,
    /// The share of `a` and of `b` that the overlap covers, 0 to 1.
    pub covered: [f32; 2],
    /// The box of the overlap in `a` and in `b`.
    pub overlap: [Region; 2],
    /// What `a` and `b` show beside the overlap; nothing is looked for in different or related pictures.
    pub beside: [Beside; 2],
    /// Whether something lies over `a`, or over `b`, that covers what the other shows; neither if nothing tells.
    pub marked: [bool; 2],
    /// What differs within the overlap: boxes in `a` and in `b`, the largest first.
    pub differing: Vec<[Region; 2]>,
}

/// Compares two pictures.
pub fn verify(a: &Local, b: &Local, probes: Probes) -> Verified {
    let found = aligned(a, b, probes);
    let (inliers, map, mirrored) =
        found.map_or((0, Affine::IDENTITY, false), |(found, mirrored)| (found.inliers, found.map, mirrored));
    let mut verified = Verified {
        likeness: Likeness::Different,
        inliers,
        map,
        mirrored,
        quarter_turns: 0,
        blocks: 0,
        agreeing: 0.0,
        all_agree: false,
        covered: [0.0; 2],
        overlap: [Region::default(); 2],
        beside: [Beside::Nothing; 2],
        marked: [false; 2],
        differing: Vec::new(),
    };
    if inliers >= verdict::INLIERS {
        compare(a, b, &mut verified);
    }
    verified
}

/// How `b` lies on `a`, and whether mirrored.
fn aligned(a: &Local, b: &Local, probes: Probes) -> Option<(Aligned, bool)> {
    let upright = align(&a.side(), &b.side(), None);
    if !probes.mirrored || upright.is_some_and(|found| found.inliers >= UPRIGHT) {
        return upright.map(|found| (found, false));
    }
    let mirrored = align(&a.side(), &b.side(), Some(b.luma.width as f32));
    match (upright, mirrored) {
        (Some(upright), Some(mirrored)) if mirrored.inliers > upright.inliers => Some((mirrored, true)),
        (Some(upright), _) => Some((upright, false)),
        (None, mirrored) => mirrored.map(|found| (found, true)),
    }
}

/// Lays one on the other, and judges the blocks.
fn compare(a: &Local, b: &Local, verified: &mut Verified) {
    // the picture whose pixels are larger where they overlap is the ground
    let on_a = verified.map.scale() <= 1.0;
    let (ground, other) = if on_a { (a, b) } else { (b, a) };
    let to_other = if on_a { verified.map.inverse() } else { Some(verified.map) };
    let is_sure = verified.inliers >= verdict::SURE_INLIERS;
    let to_other = to_other.filter(|map| is_sure || glance::may_agree(&ground.cells, &other.cells, map));
    let Some(mut laid) = to_other.and_then(|map| layer::overlay(&ground.luma, &other.luma, map)) else {
        return;
    };
    let found = blocks::compare(&mut laid);
    let parts = Parts::of(&ground.luma, &other.luma, &laid, found.area);
    let evidence = Evidence {
        clipped: marks::clipped(&laid, found.side),
        inliers: verified.inliers,
        softenings: found.softenings,
        covered: parts.covered,
        has_frame: parts.has_frame,
    };
    let judged = judge(&found.blocks, &evidence);
    verified.likeness = judged.likeness;
    verified.blocks = judged.structured;
    verified.agreeing = judged.agreeing;
    verified.all_agree = judged.all_agree;
    verified.covered = parts.covered;
    verified.overlap = parts.overlap();
    verified.differing = parts.boxes(&judged.altered, found.side);
    if let (Likeness::Near | Likeness::Edited, Some(back)) = (judged.likeness, laid.map.inverse()) {
        let of_ground = beside::beside(&ground.luma, &other.luma, &laid.map);
        verified.beside = [of_ground, beside::beside(&other.luma, &ground.luma, &back)];
        verified.marked = covering(&laid, (&judged.altered, found.side), judged.likeness);
    }
    if !on_a {
        verified.beside.reverse();
        verified.marked.reverse();
        verified.covered.reverse();
        verified.overlap.reverse();
        verified.differing.iter_mut().for_each(|boxes| boxes.reverse());
    }
    if let Some(map) = if on_a { laid.map.inverse() } else { Some(laid.map) } {
        verified.map = map;
        verified.quarter_turns = map.quarter_turns();
    }
}
