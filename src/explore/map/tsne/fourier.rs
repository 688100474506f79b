//! Convolves a field with a kernel by Fourier transforms: charges on the nodes of a grid become the potential
//! there.
//!
//! The kernel is that of t-SNE, 1 / (1 + d^2), corrected so that interpolation by cubic B-splines on both
//! ends is exact at nodes. Its transform is kept while the size and spacing of the grid stay the same. The
//! field is padded with zeros to twice its sides, so that nothing wraps around; rows of zeros are never
//! transformed. Real numbers go through complex transforms in pairs.

use std::sync::Arc;

use rayon::prelude::*;
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

/// Rows or columns per task; even. 16 numbers are two lines of cache.
const BLOCK: usize = 16;

/// Convolves fields of any size up to half its own.
pub(super) struct Convolution {
    rows: usize,    // of the padded field
    columns: usize, // even
    spacing: f32,
    response: Vec<f32>, // [columns / 2 + 1, rows], the kernel's transform, which is real
    along_row: Plans,
    along_column: Plans,
    spectra: Vec<Complex32>, // [rows of the field, columns / 2 + 1]
    turned: Vec<Complex32>,  // [columns / 2 + 1, rows of the field]
}

/// Transforms of one length.
struct Plans {
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

/// The buffers of a task: the numbers to transform, and scratch space.
struct Buffers {
    numbers: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Plans {
    fn new(length: usize) -> Plans {
        let mut planner = FftPlanner::new();
        Plans { forward: planner.plan_fft_forward(length), inverse: planner.plan_fft_inverse(length) }
    }

    /// Buffers for `count` transforms at once.
    fn buffers(&self, count: usize) -> Buffers {
        let scratch = self.forward.get_inplace_scratch_len().max(self.inverse.get_inplace_scratch_len());
        let zero = Complex32::default();
        Buffers { numbers: vec![zero; count * self.forward.len()], scratch: vec![zero; scratch] }
    }
}

impl Convolution {
    /// For fields of `[rows, columns]` nodes, `spacing` apart.
    pub(super) fn new(rows: usize, columns: usize, spacing: f32) -> Convolution {
        let [rows, columns] = [padded(rows), padded(columns)];
        let [along_row, along_column] = [columns, rows].map(Plans::new);
        let response = response(&along_row, &along_column, spacing);
        Convolution {
            rows,
            columns,
            spacing,
            response,
            along_row,
            along_column,
            spectra: Vec::new(),
            turned: Vec::new(),
        }
    }

    /// Whether a field of this size and spacing can be convolved without too much padding.
    pub(super) fn suits(&self, rows: usize, columns: usize, spacing: f32) -> bool {
        let fits = |own: usize, field: usize| 2 * field <= own && own <= padded(field) * 5 / 4;
        spacing == self.spacing && fits(self.rows, rows) && fits(self.columns, columns)
    }

    /// Replaces charges by their potential. `field` is `[field_rows, field_columns]`, of a size that this
    /// convolution [suits](Self::suits).
    pub(super) fn apply(&mut self, field: &mut [f32], field_columns: usize) {
        let field_rows = field.len() / field_columns;
        let half = self.columns / 2 + 1;
        self.spectra.resize(field_rows * half, Complex32::default());
        self.turned.resize(field_rows * half, Complex32::default());
        self.transform_rows(field, field_columns);
        self.convolve_columns(field_rows);
        self.restore_rows(field, field_columns);
    }

    fn transform_rows(&mut self, field: &[f32], field_columns: usize) {
        let (columns, half, plans) = (self.columns, self.columns / 2 + 1, &self.along_row);
        let blocks = self.spectra.par_chunks_mut(2 * half).zip(field.par_chunks(2 * field_columns));
        blocks.with_min_len(BLOCK / 2).for_each_init(
            || plans.buffers(1),
            |Buffers { numbers, scratch }, (spectra, rows)| {
                numbers.fill(Complex32::default());
                let (first, second) = rows.split_at(field_columns);
                numbers.iter_mut().zip(first).for_each(|(number, &value)| number.re = value);
                numbers.iter_mut().zip(second).for_each(|(number, &value)| number.im = value);
                plans.forward.process_with_scratch(numbers, scratch);
                // the transform of a real row is its own conjugated mirror image, which separates the two
                let mirrored = |k: usize| numbers[(columns - k) % columns].conj();
                let (first, second) = spectra.split_at_mut(half);
                for (k, out) in first.iter_mut().enumerate() {
                    *out = (numbers[k] + mirrored(k)) * 0.5;
                }
                for (k, out) in second.iter_mut().enumerate() {
                    let twice = numbers[k] - mirrored(k);
                    *out = Complex32::new(twice.im, -twice.re) * 0.5;
                }
            },
        );
    }

    fn convolve_columns(&mut self, field_rows: usize) {
        let (rows, half, plans) = (self.rows, self.columns / 2 + 1, &self.along_column);
        let (spectra, response) = (&self.spectra, &self.response);
        self.turned.par_chunks_mut(BLOCK * field_rows).enumerate().for_each_init(
            || plans.buffers(BLOCK),
            |Buffers { numbers, scratch }, (block, turned)| {
                let count = turned.len() / field_rows;
                let numbers = &mut numbers[..count * rows];
                numbers.fill(Complex32::default());
                for (row, spectrum) in spectra.chunks_exact(half).enumerate() {
                    let values = &spectrum[block * BLOCK..][..count];
                    numbers[row..]
                        .iter_mut()
                        .step_by(rows)
                        .zip(values)
                        .for_each(|(number, &value)| *number = value);
                }
                plans.forward.process_with_scratch(numbers, scratch);
                let response = &response[block * BLOCK * rows..];
                numbers.iter_mut().zip(response).for_each(|(number, &factor)| *number *= factor);
                plans.inverse.process_with_scratch(numbers, scratch);
                for (turned, column) in turned.chunks_exact_mut(field_rows).zip(numbers.chunks_exact(rows)) {
                    turned.copy_from_slice(&column[..field_rows]);
                }
            },
        );
    }

    fn restore_rows(&mut self, field: &mut [f32], field_columns: usize) {
        let (columns, plans, turned) = (self.columns, &self.along_row, &self.turned);
        let field_rows = field.len() / field_columns;
        field.par_chunks_mut(BLOCK * field_columns).enumerate().for_each_init(
            || plans.buffers(BLOCK / 2),
            |Buffers { numbers, scratch }, (block, field)| {
                let count = field.len() / field_columns;
                for (k, column) in turned.chunks_exact(field_rows).enumerate() {
                    for (pair, values) in column[block * BLOCK..][..count].chunks(2).enumerate() {
                        let (first, second) = (values[0], values.get(1).copied().unwrap_or_default());
                        let place = &mut numbers[pair * columns..][..columns];
                        place[(columns - k) % columns] =
                            Complex32::new(first.re + second.im, second.re - first.im);
                        place[k] = Complex32::new(first.re - second.im, first.im + second.re);
                    }
                }
                let numbers = &mut numbers[..count.div_ceil(2) * columns];
                plans.inverse.process_with_scratch(numbers, scratch);
                for (pair, rows) in numbers.chunks_exact(columns).zip(field.chunks_mut(2 * field_columns)) {
                    let (first, second) = rows.split_at_mut(field_columns);
                    first.iter_mut().zip(pair).for_each(|(value, number)| *value = number.re);
                    second.iter_mut().zip(pair).for_each(|(value, number)| *value = number.im);
                }
            },
        );
    }
}

/// The kernel's transform, `[columns / 2 + 1, rows]`, divided by the transforms of the splines at both ends
/// and by the factor of a transform and its inverse.
///
/// The kernel is symmetric along both axes, so all transforms are real, and two can share one complex
/// transform.
fn response(along_row: &Plans, along_column: &Plans, spacing: f32) -> Vec<f32> {
    let (rows, columns) = (along_column.forward.len(), along_row.forward.len());
    let half = columns / 2 + 1;
    let squared = |steps: usize, length: usize| (spacing * steps.min(length - steps) as f32).powi(2);
    let kernel = |row: usize, column: usize| 1.0 / (1.0 + squared(row, rows) + squared(column, columns));
    let mut by_row = vec![0f32; (rows / 2 + 2) / 2 * 2 * half]; // [rows / 2 + 1, made even, half]
    by_row.par_chunks_mut(2 * half).enumerate().for_each_init(
        || along_row.buffers(1),
        |Buffers { numbers, scratch }, (pair, out)| {
            for (column, number) in numbers.iter_mut().enumerate() {
                *number = Complex32::new(kernel(2 * pair, column), kernel(2 * pair + 1, column));
            }
            along_row.forward.process_with_scratch(numbers, scratch);
            let (first, second) = out.split_at_mut(half);
            first.iter_mut().zip(&*numbers).for_each(|(value, number)| *value = number.re);
            second.iter_mut().zip(&*numbers).for_each(|(value, number)| *value = number.im);
        },
    );
    let undone = |k: usize, length: usize| {
        let spline = (2.0 + (std::f64::consts::TAU * k as f64 / length as f64).cos()) / 3.0;
        1.0 / (spline * spline * length as f64)
    };
    let row_factors: Vec<f64> = (0..rows).map(|k| undone(k, rows)).collect();
    let mut response = vec![0f32; half * rows];
    response.par_chunks_mut(2 * rows).enumerate().for_each_init(
        || along_column.buffers(1),
        |Buffers { numbers, scratch }, (pair, out)| {
            for (row, number) in numbers.iter_mut().enumerate() {
                let values = &by_row[row.min(rows - row) * half..][..half];
                *number =
                    Complex32::new(values[2 * pair], values.get(2 * pair + 1).copied().unwrap_or_default());
            }
            along_column.forward.process_with_scratch(numbers, scratch);
            let (first, second) = out.split_at_mut(rows);
            let [first_factor, second_factor] =
                [2 * pair, 2 * pair + 1].map(|column| undone(column, columns));
            for ((value, number), factor) in first.iter_mut().zip(&*numbers).zip(&row_factors) {
                *value = (f64::from(number.re) * factor * first_factor) as f32;
            }
            for ((value, number), factor) in second.iter_mut().zip(&*numbers).zip(&row_factors) {
                *value = (f64::from(number.im) * factor * second_factor) as f32;
            }
        },
    );
    response
}

/// The side of a padded field: at least twice its own, a multiple of 4 with no prime factors but 2, 3 and 5,
/// which transform fastest. Small fields are padded to at least 64, as the inverse of a spline reaches over
/// some nodes.
fn padded(side: usize) -> usize {
    let mut length = (2 * side).max(64).next_multiple_of(4);
    while !smooth(length) {
        length += 4;
    }
    length
}

fn smooth(mut length: usize) -> bool {
    for factor in [2, 3, 5] {
        while length.is_multiple_of(factor) {
            length /= factor;
        }
    }
    length == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of `apply` is corrected for interpolation by splines at both ends, so it is read through
    /// one.
    fn seen_by_spline(field: &[f32], columns: usize, row: usize, column: usize) -> f32 {
        let weights = [1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0];
        let cells = (0..3).flat_map(|a| (0..3).map(move |b| (a, b)));
        cells.map(|(a, b)| weights[a] * weights[b] * field[(row + a - 1) * columns + column + b - 1]).sum()
    }

    #[test]
    fn one_charge_has_the_kernel_as_its_potential() {
        for (rows, columns) in [(5, 5), (40, 7), (7, 41), (100, 90)] {
            let (spacing, mut field) = (0.5, vec![0f32; rows * columns]);
            let (at_row, at_column) = (rows / 2, 2);
            let weights = [1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0];
            for (a, b) in (0..3).flat_map(|a| (0..3).map(move |b| (a, b))) {
                field[(at_row + a - 1) * columns + at_column + b - 1] = weights[a] * weights[b];
            }
            let mut convolution = Convolution::new(rows, columns, spacing);
            assert!(
                convolution.suits(rows, columns, spacing)
                    && !convolution.suits(rows, 2 * columns + 40, spacing)
            );
            convolution.apply(&mut field, columns);
            for (row, column) in
                (1..rows - 1).flat_map(|row| (1..columns - 1).map(move |column| (row, column)))
            {
                let squared = (row.abs_diff(at_row).pow(2) + column.abs_diff(at_column).pow(2)) as f32
                    * spacing
                    * spacing;
                let (expected, got) = (1.0 / (1.0 + squared), seen_by_spline(&field, columns, row, column));
                assert!((expected - got).abs() < 2e-5, "{row} {column}: expected {expected}, got {got}");
            }
        }
    }
}
