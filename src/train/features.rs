//! Features of a collection that codes are trained to have the neighbours of: those of the encoder itself, or
//! of a teacher.

use crate::pca::to_unit;

/// Features of images, made comparable: each of length 1, their mean taken out, and again of length 1.
pub(crate) struct Features {
    size: usize,
    /// `[n, size]`
    values: Vec<f32>,
}

impl Features {
    /// From features `[n, size]` as an encoder gives them.
    pub(crate) fn new(size: usize, mut values: Vec<f32>) -> Self {
        values.chunks_exact_mut(size).for_each(to_unit);
        let n = (values.len() / size.max(1)).max(1);
        let mut mean = vec![0.0f64; size];
        for feature in values.chunks_exact(size) {
            mean.iter_mut().zip(feature).for_each(|(sum, x)| *sum += f64::from(*x) / n as f64);
        }
        for feature in values.chunks_exact_mut(size) {
            feature.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= *mean as f32);
        }
        values.chunks_exact_mut(size).for_each(to_unit);
        Features { size, values }
    }

    /// Numbers per image.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Those of images `ids`, `[size, N]`.
    pub(crate) fn batch(&self, ids: &[usize]) -> Vec<f32> {
        let value = |row: usize, id: usize| self.values[id * self.size + row];
        (0..self.size).flat_map(|row| ids.iter().map(move |&id| value(row, id))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_have_length_1_and_batches_are_innermost() {
        let features = Features::new(2, vec![3.0, 4.0, 8.0, 6.0, 0.0, 5.0]);
        let batch = features.batch(&[2, 0]);
        let column = |i: usize| [batch[i], batch[2 + i]];
        for i in 0..2 {
            let [x, y] = column(i);
            assert!((x * x + y * y - 1.0).abs() < 1e-5);
        }
        // (0, 1) is left of the mean (0.467, 0.8), (0.6, 0.8) right of it
        assert!(column(0)[0] < 0.0 && column(1)[0] > 0.99);
    }
}
