//! From pairs of known similarity to precision and recall at falling thresholds.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::result::OperatingPoint;

/// For each similarity, how many pairs are duplicates and how many are not.
#[derive(Default)]
pub(super) struct Steps(BTreeMap<Reverse<u32>, (f32, usize, usize)>); // by the bits of a float >= 0

impl Steps {
    pub(super) fn add(&mut self, similarity: f32, hits: usize, misses: usize) {
        if hits + misses > 0 {
            let similarity = similarity.max(0.0);
            let step = self.0.entry(Reverse(similarity.to_bits())).or_insert((similarity, 0, 0));
            *step = (similarity, step.1 + hits, step.2 + misses);
        }
    }
}

/// Precision and recall at falling thresholds.
pub(super) struct Curve {
    pub(super) points: Vec<OperatingPoint>,
    pub(super) average_precision: f64,
    pub(super) true_pairs: usize,
}

impl Curve {
    pub(super) fn of(steps: &Steps, true_pairs: usize) -> Curve {
        let (mut hits, mut called, mut precisions, mut points) = (0, 0, 0.0, Vec::new());
        for &(similarity, right, wrong) in steps.0.values() {
            // with equal similarity the wrong pairs come first, so that the order cannot flatter
            called += wrong;
            for _ in 0..right {
                (hits, called) = (hits + 1, called + 1);
                precisions += hits as f64 / called as f64;
            }
            points.push(OperatingPoint::of(f64::from(similarity), hits, called, true_pairs));
        }
        Curve { points, average_precision: precisions / true_pairs.max(1) as f64, true_pairs }
    }

    pub(super) fn at(&self, limit: f32) -> OperatingPoint {
        let within = self.points.iter().take_while(|point| point.similarity >= f64::from(limit)).last();
        let none = OperatingPoint::of(f64::from(limit), 0, 0, self.true_pairs);
        OperatingPoint { similarity: f64::from(limit), ..*within.unwrap_or(&none) }
    }
}
