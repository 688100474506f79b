//! The parts of two pictures: what lies in both, what lies beside it, and the boxes that differ.

use super::geometry::Affine;
use super::layer::Overlay;
use super::plane::Plane;

/// The step at which pixels beside the overlap are looked at.
const STEP: usize = 4;
/// Levels that count as one shade.
const SHADES: usize = 12;
/// The share of a picture that lies beside the overlap, and the share of it that has one shade, from which it
/// is a frame: a border, bars, or a strip with words.
const BESIDE: f32 = 0.03;
const PLAIN: f32 = 0.6;
/// How far a map may turn, as a sine, when frames are looked for: a turned copy has corners of one colour.
const TURNED: f32 = 0.03;
/// Boxes at most.
const BOXES: usize = 4;

/// A box in a picture, as shares of its width and height.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Region {
    /// From the left edge, 0 to 1.
    pub left: f32,
    /// From the top.
    pub top: f32,
    /// The right end, from the left edge.
    pub right: f32,
    /// The lower end, from the top.
    pub bottom: f32,
}

/// What two pictures have in common, and the pixels of both.
pub(super) struct Parts<'a> {
    ground: &'a Plane,
    other: &'a Plane,
    laid: &'a Overlay,
    /// The share of each picture that the overlap covers.
    pub(super) covered: [f32; 2],
    /// Whether there is a frame around either.
    pub(super) has_frame: bool,
}

impl<'a> Parts<'a> {
    pub(super) fn of(ground: &'a Plane, other: &'a Plane, laid: &'a Overlay, area: usize) -> Parts<'a> {
        let size = |plane: &Plane| (plane.width * plane.height) as f32;
        let covered = [area as f32 / size(ground), area as f32 * laid.map.determinant().abs() / size(other)];
        let has_frame = laid.map.quarters_off() < TURNED
            && (is_framed(ground, other, &laid.map)
                || laid.map.inverse().is_some_and(|back| is_framed(other, ground, &back)));
        Parts { ground, other, laid, covered, has_frame }
    }

    /// The box of the overlap in both pictures.
    pub(super) fn overlap(&self) -> [Region; 2] {
        let (x, y) = (self.laid.origin.0 as f32, self.laid.origin.1 as f32);
        self.both((x, y), (x + self.laid.ground.width as f32, y + self.laid.ground.height as f32))
    }

    /// Boxes around groups of blocks, of the first few groups.
    pub(super) fn boxes(&self, groups: &[Vec<(usize, usize)>], side: usize) -> Vec<[Region; 2]> {
        let corner = |(column, row): (usize, usize)| {
            ((self.laid.origin.0 + column * side) as f32, (self.laid.origin.1 + row * side) as f32)
        };
        let around = |group: &Vec<(usize, usize)>| {
            let low =
                group.iter().fold((usize::MAX, usize::MAX), |low, at| (low.0.min(at.0), low.1.min(at.1)));
            let high = group.iter().fold((0, 0), |high, at| (high.0.max(at.0 + 1), high.1.max(at.1 + 1)));
            self.both(corner(low), corner(high))
        };
        groups.iter().take(BOXES).map(around).collect()
    }

    /// A box of the ground's pixels, in both pictures.
    fn both(&self, low: (f32, f32), high: (f32, f32)) -> [Region; 2] {
        let corners = [low, (high.0, low.1), (low.0, high.1), high];
        let there = corners.map(|corner| self.laid.map.apply(corner));
        [region(&corners, self.ground), region(&there, self.other)]
    }
}

fn region(corners: &[(f32, f32)], plane: &Plane) -> Region {
    let low = |values: &mut dyn Iterator<Item = f32>| values.fold(1.0, f32::min).max(0.0);
    let high = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max).min(1.0);
    let (width, height) = (plane.width as f32, plane.height as f32);
    let (along, down) = (corners.iter().map(|c| c.0 / width), corners.iter().map(|c| c.1 / height));
    Region {
        left: low(&mut along.clone()),
        top: low(&mut down.clone()),
        right: high(&mut along.into_iter()),
        bottom: high(&mut down.into_iter()),
    }
}

/// Whether most of what lies beside the overlap has one shade.
fn is_framed(plane: &Plane, other: &Plane, map: &Affine) -> bool {
    let mut counts = [0usize; 256];
    let (width, height) = (other.width as f32, other.height as f32);
    for y in (0..plane.height).step_by(STEP) {
        for x in (0..plane.width).step_by(STEP) {
            let there = map.apply((x as f32 + 0.5, y as f32 + 0.5));
            if !(0.0..width).contains(&there.0) || !(0.0..height).contains(&there.1) {
                counts[usize::from(plane.data[y * plane.width + x])] += 1;
            }
        }
    }
    let beside: usize = counts.iter().sum();
    let plain = counts.windows(SHADES).map(|shades| shades.iter().sum()).max().unwrap_or(0);
    let all = plane.width.div_ceil(STEP) * plane.height.div_ceil(STEP);
    beside as f32 >= BESIDE * all as f32 && plain as f32 >= PLAIN * beside as f32
}
