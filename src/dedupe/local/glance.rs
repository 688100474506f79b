//! A first look at two pictures that lie on each other by few inliers: most of these are strangers, whose map is of
//! chance, and they are told apart by means over cells, long before one is laid on the other pixel by pixel.

use super::geometry::Affine;
use super::plane::Plane;

/// Side of a cell, in pixels.
const CELL: usize = 8;
/// How cells of pictures correlate that may be the same, and the share of one of both that the overlap covers.
const CORRELATION: f32 = 0.5;
const COVERED: f32 = 0.5;

/// The means of the cells of a plane.
pub(super) fn cells(plane: &Plane) -> Plane {
    let (width, height) = (plane.width.div_ceil(CELL), plane.height.div_ceil(CELL));
    let mut data = Vec::with_capacity(width * height);
    for rows in plane.data.chunks(CELL * plane.width) {
        let mut sums = vec![0u32; width];
        for row in rows.chunks_exact(plane.width) {
            let cells = row.chunks(CELL).map(|cell| cell.iter().map(|&value| u32::from(value)).sum::<u32>());
            sums.iter_mut().zip(cells).for_each(|(sum, cell)| *sum += cell);
        }
        let down = rows.len() / plane.width;
        let across = |column: usize| CELL.min(plane.width - column * CELL);
        data.extend(
            sums.iter().enumerate().map(|(column, sum)| (sum / (down * across(column)) as u32) as u8),
        );
    }
    Plane { width, height, data }
}

/// Whether two pictures may be the same, by their cells; `to_other` leads from the pixels of the first to those of the
/// second.
pub(super) fn may_agree(cells: &Plane, other: &Plane, to_other: &Affine) -> bool {
    let (mut n, mut sums) = (0.0f32, [0.0f32; 5]);
    for (y, row) in cells.data.chunks_exact(cells.width).enumerate() {
        for (x, &level) in row.iter().enumerate() {
            let middle = |at: usize| (at as f32 + 0.5) * CELL as f32;
            let (column, row) = to_other.apply((middle(x), middle(y)));
            let (column, row) = (column / CELL as f32, row / CELL as f32);
            let is_inside = column >= 0.0 && row >= 0.0;
            if !is_inside || column >= other.width as f32 || row >= other.height as f32 {
                continue;
            }
            let (a, b) =
                (f32::from(level), f32::from(other.data[row as usize * other.width + column as usize]));
            n += 1.0;
            sums.iter_mut().zip([a, b, a * a, b * b, a * b]).for_each(|(sum, value)| *sum += value);
        }
    }
    let of_first = n / cells.data.len() as f32;
    let of_second = n * to_other.determinant().abs() / other.data.len() as f32;
    if of_first.max(of_second) < COVERED {
        return false;
    }
    let [a, b, aa, bb, ab] = sums.map(|sum| sum / n);
    let (spread_a, spread_b) = (aa - a * a, bb - b * b);
    // where a picture is all but blank, this tells nothing
    spread_a.min(spread_b) < 1.0 || ab - a * b >= CORRELATION * (spread_a * spread_b).sqrt()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Squares of a size, each of its own shade.
    fn plane(seed: u64, (width, height): (usize, usize), size: usize) -> Plane {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let shades: Vec<u8> = (0..100 * 100).map(|_| random.next_u32() as u8).collect();
        let data =
            (0..width * height).map(|at| shades[at / width / size * 100 + at % width / size]).collect();
        Plane { width, height, data }
    }

    #[test]
    fn cells_are_means_also_at_the_edges() {
        for (width, height) in [(1, 1), (8, 8), (9, 17), (320, 240), (63, 7)] {
            let plane = plane(1, (width, height), 3);
            let cells = cells(&plane);
            assert_eq!((cells.width, cells.height), (width.div_ceil(8), height.div_ceil(8)));
            for (at, &found) in cells.data.iter().enumerate() {
                let (left, top) = (at % cells.width * 8, at / cells.width * 8);
                let (right, bottom) = ((left + 8).min(width), (top + 8).min(height));
                let rows = (top..bottom).map(|y| &plane.data[y * width + left..y * width + right]);
                let all: Vec<u32> = rows.flatten().map(|&value| u32::from(value)).collect();
                assert_eq!(u32::from(found), all.iter().sum::<u32>() / all.len() as u32);
            }
        }
    }

    #[test]
    fn the_same_picture_may_agree_and_strangers_and_corners_may_not() {
        let [one, other] = [1, 2].map(|seed| cells(&plane(seed, (320, 240), 20)));
        assert!(may_agree(&one, &one, &Affine::IDENTITY));
        assert!(may_agree(&one, &one, &Affine([1.0, 0.0, 4.0, 0.0, 1.0, -4.0])), "not quite in place");
        assert!(!may_agree(&one, &other, &Affine::IDENTITY));
        assert!(!may_agree(&one, &one, &Affine([1.0, 0.0, 200.0, 0.0, 1.0, 0.0])), "they hardly meet");
        assert!(!may_agree(&one, &one, &Affine([1.0, 0.0, 9_000.0, 0.0, 1.0, 0.0])), "nor at all");
    }
}
