//! From points to the nodes of a grid and back: spreads charges over nodes, and reads a potential and its
//! slope between nodes.
//!
//! Cubic B-splines do both, as in smooth particle mesh Ewald (Essmann et al. 1995). They are smooth, so a
//! force is the slope of the interpolated potential, and one potential is enough. (FIt-SNE reads four, by
//! Lagrange polynomials with steps between cells.)

use rayon::prelude::*;

/// Nodes along each axis that a point touches.
const REACH: usize = 4;
/// Rows of nodes per task of spreading. The 3 rows above and below share points with it.
const STRIP: usize = 32;
/// Points per task.
const CHUNK: usize = 2048;

/// The positions of the nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lattice {
    pub(super) origin: [f32; 2], // of the node in row 0 and column 0; axis 0 runs along a row
    pub(super) spacing: f32,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Lattice {
    /// The smallest lattice with all points well inside; `spacing` gives the spacing for the larger side of
    /// the map.
    pub(super) fn around(points: &[[f32; 2]], spacing: impl Fn(f32) -> f32) -> Lattice {
        let empty = || [[f32::INFINITY; 2], [f32::NEG_INFINITY; 2]];
        let wider = |a: [[f32; 2]; 2], b: [[f32; 2]; 2]| {
            [[0, 1].map(|axis| a[0][axis].min(b[0][axis])), [0, 1].map(|axis| a[1][axis].max(b[1][axis]))]
        };
        let each = points.par_iter().with_min_len(CHUNK).map(|&point| [point, point]);
        let [low, high] = each.fold(empty, wider).reduce(empty, wider);
        let extent = [0, 1].map(|axis| (high[axis] - low[axis]).max(0.0)); // no points: no extent
        let spacing = spacing(extent[0].max(extent[1]));
        // one node before the first point, two behind the last, and one more for what rounding does
        let [columns, rows] = extent.map(|extent| (extent / spacing) as usize + REACH + 1);
        let origin = low.map(|low| if low.is_finite() { low - spacing } else { 0.0 });
        Lattice { origin, spacing, rows, columns }
    }

    /// The first of the four nodes that a point touches along an axis, and how far behind the second it is, 0
    /// to 1.
    fn place(&self, point: [f32; 2], axis: usize) -> (usize, f32) {
        let nodes = [self.columns, self.rows][axis];
        let along = ((point[axis] - self.origin[axis]) / self.spacing).max(1.0);
        let second = (along as usize).min(nodes - REACH + 1);
        (second - 1, along - second as f32)
    }

    /// A charge of 1 at each point, spread over `field` `[rows, columns]`. Points go by the row they are in,
    /// so that each task writes rows of its own, always in the same order.
    pub(super) fn spread(&self, points: &[[f32; 2]], field: &mut Vec<f32>, by_row: &mut ByRow) {
        field.clear();
        field.resize(self.rows * self.columns, 0.0);
        by_row.sort(points, self);
        let by_row = &*by_row;
        field.par_chunks_mut(STRIP * self.columns).enumerate().for_each(|(strip, field)| {
            let first = strip * STRIP;
            let behind = first + field.len() / self.columns;
            for &point in by_row.between(first.saturating_sub(REACH - 1), behind) {
                let (row, along_rows) = self.place(point, 1);
                let (column, along_columns) = self.place(point, 0);
                let [row_weights, column_weights] = [along_rows, along_columns].map(weights);
                for (row, row_weight) in
                    (row..).zip(row_weights).filter(|(row, _)| (first..behind).contains(row))
                {
                    let nodes = &mut field[(row - first) * self.columns + column..][..REACH];
                    nodes
                        .iter_mut()
                        .zip(column_weights)
                        .for_each(|(node, weight)| *node += row_weight * weight);
                }
            }
        });
    }

    /// The potential at a point, and its slope along both axes.
    pub(super) fn read(&self, field: &[f32], point: [f32; 2]) -> (f32, [f32; 2]) {
        let (row, along_rows) = self.place(point, 1);
        let (column, along_columns) = self.place(point, 0);
        let [row_weights, column_weights] = [along_rows, along_columns].map(weights);
        let [row_slopes, column_slopes] = [along_rows, along_columns].map(slopes);
        let (mut value, mut slope) = (0.0, [0.0; 2]);
        for i in 0..REACH {
            let nodes = &field[(row + i) * self.columns + column..][..REACH];
            let [mut across, mut steep] = [0.0; 2];
            for j in 0..REACH {
                across += nodes[j] * column_weights[j];
                steep += nodes[j] * column_slopes[j];
            }
            value += across * row_weights[i];
            slope[0] += steep * row_weights[i];
            slope[1] += across * row_slopes[i];
        }
        (value, slope.map(|slope| slope / self.spacing))
    }
}

/// Points in the order of the grid's rows; kept from round to round for its memory.
#[derive(Debug, Default)]
pub(super) struct ByRow {
    starts: Vec<usize>, // [rows + 1]
    points: Vec<[f32; 2]>,
}

impl ByRow {
    fn sort(&mut self, points: &[[f32; 2]], lattice: &Lattice) {
        self.starts.clear();
        self.starts.resize(lattice.rows + 2, 0);
        let row = |point: [f32; 2]| lattice.place(point, 1).0;
        points.iter().for_each(|&point| self.starts[row(point) + 2] += 1);
        for i in 2..self.starts.len() {
            self.starts[i] += self.starts[i - 1];
        }
        self.points.resize(points.len(), [0.0; 2]);
        for &point in points {
            let place = &mut self.starts[row(point) + 1];
            self.points[*place] = point;
            *place += 1;
        }
    }

    /// Those whose first node is in one of these rows.
    fn between(&self, first: usize, behind: usize) -> &[[f32; 2]] {
        &self.points[self.starts[first]..self.starts[behind]]
    }
}

/// Of the four nodes, for a point that is `t` (0 to 1) behind the second; sums to 1.
fn weights(t: f32) -> [f32; REACH] {
    let s = 1.0 - t;
    let [a, d] = [s * s * s / 6.0, t * t * t / 6.0];
    let b = (t * t * (3.0 * t - 6.0) + 4.0) / 6.0;
    [a, b, (s * s * (3.0 * s - 6.0) + 4.0) / 6.0, d]
}

/// Derivatives of `weights`.
fn slopes(t: f32) -> [f32; REACH] {
    let s = 1.0 - t;
    [-0.5 * s * s, t * (1.5 * t - 2.0), -s * (1.5 * s - 2.0), 0.5 * t * t]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_slopes_are_their_derivatives() {
        for step in 0..=20 {
            let t = step as f32 / 20.0;
            assert!((weights(t).iter().sum::<f32>() - 1.0).abs() < 1e-6);
            let [before, after] = [-0.01, 0.01].map(|by| weights(t + by));
            for (i, slope) in slopes(t).into_iter().enumerate() {
                assert!(((after[i] - before[i]) / 0.02 - slope).abs() < 1e-3, "{t} {i}");
            }
        }
    }

    #[test]
    fn no_charge_is_lost_however_points_lie() {
        let line: Vec<[f32; 2]> = (0..3000).map(|i| [0.0, i as f32 * 0.02]).collect();
        let turned: Vec<[f32; 2]> = line.iter().map(|point| [point[1], -7.0]).collect();
        for points in [line, turned, vec![[1e4, -1e4]; 3], vec![[0.0; 2], [1e6, 0.0]], vec![]] {
            let lattice = Lattice::around(&points, |side| (side / 400.0).max(0.5));
            assert!(lattice.rows <= 410 && lattice.columns <= 410, "{lattice:?}");
            let mut field = Vec::new();
            lattice.spread(&points, &mut field, &mut ByRow::default());
            let sum: f64 = field.iter().map(|&value| f64::from(value)).sum();
            assert!((sum - points.len() as f64).abs() < 1e-3, "{sum}");
        }
    }

    #[test]
    fn a_plane_is_read_as_it_is() {
        let lattice = Lattice::around(&[[-3.0, 2.0], [6.0, 4.0]], |_| 0.5);
        let at = |node: usize, axis: usize| lattice.origin[axis] + node as f32 * lattice.spacing;
        let cells = (0..lattice.rows).flat_map(|row| (0..lattice.columns).map(move |column| (row, column)));
        let field: Vec<f32> = cells.map(|(row, column)| 2.0 * at(column, 0) - 3.0 * at(row, 1)).collect();
        for point in [[-3.0, 2.0], [6.0, 4.0], [0.3, 3.3]] {
            let (value, slope) = lattice.read(&field, point);
            assert!((value - (2.0 * point[0] - 3.0 * point[1])).abs() < 1e-4);
            assert!((slope[0] - 2.0).abs() < 1e-4 && (slope[1] + 3.0).abs() < 1e-4, "{slope:?}");
        }
    }
}
