//! The repulsion of all pairs of items, which depends only on their positions.
//!
//! Few items are summed pair by pair. Many become charges on a grid, convolved with the kernel by Fourier
//! transforms (the idea of FIt-SNE, Linderman et al. 2019). The potential gives both the normalization (its
//! sum) and the forces (its slope).

use rayon::prelude::*;

use super::fourier::Convolution;
use super::spline::{ByRow, Lattice};

/// The most items that are summed pair by pair; there, both ways take equally long.
const MAX_EXACT: usize = 1000;
/// The largest spacing of nodes. The kernel is 1 wide at half its height; forces are off by 1 % of their
/// mean, a third of what FIt-SNE's are on a map of 10,000 digits. Errors go by the fourth power.
const MAX_SPACING: f32 = 0.35;
/// The least spacing. In a map that is still tiny, nodes nearer than this would differ by less than rounding
/// errors.
const MIN_SPACING: f32 = 0.1;
/// Nodes along the larger side, if the spacing allows: a small map can have fine nodes at no cost.
const NODES: f32 = 64.0;
/// The most nodes along a side: such a map is 700 wide, and its transform takes 200 MB. Wider maps get
/// coarser forces.
const MAX_NODES: f32 = 2000.0;
/// Points to one sum.
const CHUNK: usize = 1024;

/// Sums forces; keeps its memory and the transform of the kernel from round to round.
#[derive(Default)]
pub(super) struct Repulsion {
    convolution: Option<Convolution>,
    field: Vec<f32>, // [rows, columns] of the grid
    by_row: ByRow,
}

impl Repulsion {
    /// Fills `forces` `[n, 2]` with the sum over all others of (y - y') / (1 + d^2)^2, and returns Z, the sum
    /// over all pairs of 1 / (1 + d^2).
    pub(super) fn push(&mut self, points: &[[f32; 2]], forces: &mut [[f32; 2]]) -> f64 {
        if points.len() <= MAX_EXACT { exact(points, forces) } else { self.by_grid(points, forces) }
    }

    fn by_grid(&mut self, points: &[[f32; 2]], forces: &mut [[f32; 2]]) -> f64 {
        let lattice = Lattice::around(points, spacing);
        lattice.spread(points, &mut self.field, &mut self.by_row);
        let Lattice { rows, columns, spacing, .. } = lattice;
        let kept = self.convolution.take().filter(|convolution| convolution.suits(rows, columns, spacing));
        let convolution =
            self.convolution.insert(kept.unwrap_or_else(|| Convolution::new(rows, columns, spacing)));
        convolution.apply(&mut self.field, columns);
        let field = &self.field;
        let chunks = forces.par_chunks_mut(CHUNK).zip(points.par_chunks(CHUNK));
        let sums: Vec<f64> = chunks
            .map(|(forces, points)| {
                let mut sum = 0.0;
                for (force, &point) in forces.iter_mut().zip(points) {
                    let (potential, slope) = lattice.read(field, point);
                    sum += f64::from(potential) - 1.0; // its own
                    *force = slope.map(|slope| -0.5 * slope);
                }
                sum
            })
            .collect();
        // where nodes are far apart, rounding and interpolation could make a small sum negative
        let n = points.len() as f64;
        let farthest = f64::from(spacing) * (rows as f64).hypot(columns as f64);
        sums.iter().sum::<f64>().max(n * (n - 1.0) / (1.0 + farthest * farthest))
    }
}

/// Between the nodes of a map with this side.
fn spacing(side: f32) -> f32 {
    (side / NODES).clamp(MIN_SPACING, MAX_SPACING).max(side / MAX_NODES)
}

fn exact(points: &[[f32; 2]], forces: &mut [[f32; 2]]) -> f64 {
    const LANES: usize = 8;
    let [xs, ys]: [Vec<f32>; 2] = [0, 1].map(|axis| points.iter().map(|point| point[axis]).collect());
    let (x_lanes, x_rest) = xs.as_chunks::<LANES>();
    let (y_lanes, y_rest) = ys.as_chunks::<LANES>();
    let rows = forces.par_iter_mut().zip(points).with_min_len(16).map(|(force, &point)| {
        let (mut kernels, mut pushes) = ([0f64; LANES], [[0f32; LANES]; 2]);
        let mut add = |lane: usize, x: f32, y: f32| {
            let by = [point[0] - x, point[1] - y];
            let kernel = 1.0 / (1.0 + by[0] * by[0] + by[1] * by[1]);
            kernels[lane] += f64::from(kernel);
            [0, 1].iter().for_each(|&axis| pushes[axis][lane] += kernel * kernel * by[axis]);
        };
        for (xs, ys) in x_lanes.iter().zip(y_lanes) {
            (0..LANES).for_each(|lane| add(lane, xs[lane], ys[lane]));
        }
        x_rest.iter().zip(y_rest).for_each(|(&x, &y)| add(0, x, y));
        *force = pushes.map(|lanes| lanes.iter().sum());
        kernels.iter().sum::<f64>() - 1.0 // its own
    });
    rows.collect::<Vec<f64>>().iter().sum()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn naive(points: &[[f32; 2]]) -> (Vec<[f64; 2]>, f64) {
        let mut z = 0.0;
        let force = |&[x, y]: &[f32; 2]| {
            let mut force = [0.0; 2];
            for &[other_x, other_y] in points {
                let by = [f64::from(x) - f64::from(other_x), f64::from(y) - f64::from(other_y)];
                let kernel = 1.0 / (1.0 + by[0] * by[0] + by[1] * by[1]);
                z += kernel;
                [0, 1].iter().for_each(|&axis| force[axis] += kernel * kernel * by[axis]);
            }
            force
        };
        let forces = points.iter().map(force).collect();
        (forces, z - points.len() as f64)
    }

    /// The root of the mean squared error, by that of the forces; and the error of Z, by Z.
    fn errors(points: &[[f32; 2]], forces: &[[f32; 2]], z: f64) -> [f64; 2] {
        let (expected, expected_z) = naive(points);
        let pairs = expected.iter().flatten().zip(forces.iter().flatten());
        let wrong: f64 = pairs.map(|(&a, &b)| (a - f64::from(b)).powi(2)).sum();
        let right: f64 = expected.iter().flatten().map(|a| a * a).sum();
        [(wrong / right).sqrt(), (z / expected_z - 1.0).abs()]
    }

    /// Clusters of many widths in a map of this width.
    fn clusters(n: usize, width: f32) -> Vec<[f32; 2]> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let centres: Vec<[f32; 2]> =
            (0..12).map(|_| [0, 1].map(|_| width * (rng.random::<f32>() - 0.5))).collect();
        let point = |i: usize| {
            centres[i % 12].map(|at| at + width * (i % 12 + 1) as f32 * 0.02 * (rng.random::<f32>() - 0.5))
        };
        (0..n).map(point).collect()
    }

    #[test]
    fn forces_are_those_of_the_sum_over_all_pairs() {
        for (width, allowed) in [(1e-3, 0.03), (1.0, 0.001), (10.0, 0.005), (100.0, 0.02)] {
            for n in [2, 63, 64, 65, 700] {
                let points = clusters(n, width);
                let mut forces = vec![[0.0; 2]; n];
                let z = exact(&points, &mut forces);
                let [force, sum] = errors(&points, &forces, z);
                assert!(force < 1e-5 && sum < 1e-5, "exact, {n} on {width}: {force} {sum}");
            }
            let points = clusters(1500, width);
            let mut forces = vec![[0.0; 2]; points.len()];
            let z = Repulsion::default().by_grid(&points, &mut forces);
            let [force, sum] = errors(&points, &forces, z);
            println!("grid, on {width}: {force:.5} {sum:.5}");
            assert!(force < allowed && sum < 1e-3, "grid, on {width}: {force} {sum}");
        }
    }

    #[test]
    fn an_outlier_costs_accuracy_not_memory() {
        let mut points = clusters(1500, 50.0);
        points[0] = [1e7, 0.0];
        let mut forces = vec![[0.0; 2]; points.len()];
        let mut repulsion = Repulsion::default();
        let z = repulsion.by_grid(&points, &mut forces);
        assert!(repulsion.field.len() < 2010 * 2010);
        assert!(z.is_finite() && forces.iter().flatten().all(|force| force.is_finite()));
    }
}
