//! More images to show on a map: some from each part of it that has none.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The map is divided into so many parts each way.
const PARTS: f32 = 12.0;

/// The rows of at most `most` images from parts of the map where none of `shown` lies, the most crowded parts
/// first; of each part, the image nearest to the middle of its images.
pub(in crate::explore::map) fn spread(points: &[[f32; 2]], shown: &[u32], most: usize) -> Vec<u32> {
    let low = [0, 1].map(|axis| points.iter().fold(f32::INFINITY, |low, point| low.min(point[axis])));
    let high = [0, 1].map(|axis| points.iter().fold(f32::NEG_INFINITY, |high, point| high.max(point[axis])));
    let side = ((high[0] - low[0]).max(high[1] - low[1]) / PARTS).max(f32::MIN_POSITIVE);
    let part = |row: u32| [0, 1].map(|axis| ((points[row as usize][axis] - low[axis]) / side) as i32);
    let mut parts: BTreeMap<[i32; 2], Vec<u32>> = BTreeMap::new();
    (0..points.len() as u32).for_each(|row| parts.entry(part(row)).or_default().push(row));
    for &row in shown {
        parts.remove(&part(row));
    }
    let mut parts: Vec<Vec<u32>> = parts.into_values().collect();
    parts.sort_by_key(|rows| Reverse(rows.len()));
    parts.truncate(most);
    let central = |rows: &Vec<u32>| {
        let mean =
            |axis: usize| rows.iter().map(|&row| points[row as usize][axis]).sum::<f32>() / rows.len() as f32;
        let middle = [mean(0), mean(1)];
        let far = |row: &u32| {
            let [x, y] = points[*row as usize];
            (x - middle[0]).powi(2) + (y - middle[1]).powi(2)
        };
        rows.iter().copied().min_by(|a, b| far(a).total_cmp(&far(b)).then(a.cmp(b)))
    };
    parts.iter().filter_map(central).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_without_pictures_get_one() {
        // three images at one corner, two at another, one shown at the third
        let points = [[0.0, 0.0], [0.1, 0.0], [0.3, 0.0], [12.0, 0.0], [12.0, 0.2], [0.0, 12.0]];
        assert_eq!(spread(&points, &[5], 9), [1, 3]);
        assert_eq!(spread(&points, &[5], 1), [1]);
        assert_eq!(spread(&points, &[0, 3], 9), [5]);
        assert_eq!(spread(&[[1.0, 1.0]; 3], &[], 9), [0]);
        assert!(spread(&[], &[], 9).is_empty());
    }
}
