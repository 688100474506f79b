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
use layer::Overlay;
use matching::{Aligned, Side, align};
use parts::Parts;
use plane::Plane;
use verdict::{Evidence, judge};

/// The longer side of what is compared, in pixels.
pub(super) const SIDE: usize = 320;
/// Inliers from which the mirror image is not tried.
const UPRIGHT: usize = 60;

/// What of a picture is needed to verify whether another is a copy of it.
#[derive(Debug, Clone)]
pub struct Local {
    pub(super) luma: Luma,
    pub(super) corners: Corners,
}

/// The luma of a picture at 320 pixels, at most 100 kB: what is laid on another.
#[derive(Debug, Clone)]
pub(super) struct Luma(Plane);

/// What tells how another picture lies on it, or that none does: at most 400 corners with their descriptors, 52 bytes
/// each, and means of cells. At most 23 kB.
#[derive(Debug, Clone)]
pub(super) struct Corners {
    width: f32,
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
        let luma = Luma::of(pixels, resizer)?;
        let (points, descriptors) = features(&luma.0);
        let corners =
            Corners { width: luma.0.width as f32, cells: glance::cells(&luma.0), points, descriptors };
        Ok(Local { luma, corners })
    }
}

impl Luma {
    /// Of a picture as for [`Local::of`].
    ///
    /// # Errors
    /// When the image is empty.
    pub(super) fn of(pixels: &Pixels, resizer: &mut Resizer) -> Result<Luma, String> {
        Plane::of(pixels, SIDE, resizer).map(Luma)
    }
}

impl Corners {
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
    let meeting = Meeting::of(&a.corners, &b.corners, probes);
    if meeting.is_worth { meeting.look(&a.luma, &b.luma) } else { meeting.verified() }
}

/// How two pictures, `a` and `b`, lie on each other by their corners alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meeting {
    inliers: usize,
    map: Affine,
    mirrored: bool,
    /// Whether they may be the same, so that it is worth to [look](Meeting::look).
    pub(super) is_worth: bool,
}

impl Meeting {
    pub(super) fn of(a: &Corners, b: &Corners, probes: Probes) -> Meeting {
        let none = Meeting { inliers: 0, map: Affine::IDENTITY, mirrored: false, is_worth: false };
        let Some((Aligned { inliers, map, .. }, mirrored)) = aligned(a, b, probes) else { return none };
        let mut meeting = Meeting { inliers, map, mirrored, is_worth: false };
        let (ground, other) = if meeting.is_on_first() { (a, b) } else { (b, a) };
        let may_agree = |map: Affine| {
            inliers >= verdict::SURE_INLIERS || glance::may_agree(&ground.cells, &other.cells, &map)
        };
        meeting.is_worth = inliers >= verdict::INLIERS && meeting.onto_other().is_some_and(may_agree);
        meeting
    }

    /// The picture whose pixels are larger where they overlap is the ground: whether it is `a`.
    fn is_on_first(&self) -> bool {
        self.map.scale() <= 1.0
    }

    /// From the ground to the other one.
    fn onto_other(&self) -> Option<Affine> {
        if self.is_on_first() { self.map.inverse() } else { Some(self.map) }
    }

    /// What is known without a look: that they have nothing to do with each other.
    pub(super) fn verified(&self) -> Verified {
        let Meeting { inliers, map, mirrored, .. } = *self;
        Verified {
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
        }
    }

    /// Lays one on the other, and judges the blocks.
    pub(super) fn look(&self, Luma(a): &Luma, Luma(b): &Luma) -> Verified {
        let mut verified = self.verified();
        let on_a = self.is_on_first();
        let (ground, other) = if on_a { (a, b) } else { (b, a) };
        if let Some(mut laid) = self.onto_other().and_then(|map| layer::overlay(ground, other, map)) {
            compare(ground, other, &mut laid, &mut verified);
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
        verified
    }
}

/// How `b` lies on `a`, and whether mirrored.
fn aligned(a: &Corners, b: &Corners, probes: Probes) -> Option<(Aligned, bool)> {
    let upright = align(&a.side(), &b.side(), None);
    if !probes.mirrored || upright.is_some_and(|found| found.inliers >= UPRIGHT) {
        return upright.map(|found| (found, false));
    }
    let mirrored = align(&a.side(), &b.side(), Some(b.width));
    match (upright, mirrored) {
        (Some(upright), Some(mirrored)) if mirrored.inliers > upright.inliers => Some((mirrored, true)),
        (Some(upright), _) => Some((upright, false)),
        (None, mirrored) => mirrored.map(|found| (found, true)),
    }
}

/// Judges the blocks of two pictures; all that is told of both is told of the ground first.
fn compare(ground: &Plane, other: &Plane, laid: &mut Overlay, verified: &mut Verified) {
    let found = blocks::compare(laid);
    let parts = Parts::of(ground, other, laid, found.area);
    let evidence = Evidence {
        clipped: marks::clipped(laid, found.side),
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
        let of_ground = beside::beside(ground, other, &laid.map);
        verified.beside = [of_ground, beside::beside(other, ground, &back)];
        verified.marked = covering(laid, (&judged.altered, found.side), judged.likeness);
    }
}
