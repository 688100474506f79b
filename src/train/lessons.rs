//! What a teacher gives for a data set: its features of every image, in the order of the records.

/// Features of a teacher, any encoder, for the images of a store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lessons {
    /// Name and SHA-256 of the teacher.
    pub(crate) teacher: String,
    /// How the teacher is fed, and what of its outputs is taken.
    pub(crate) fed: String,
    /// Numbers per image.
    pub(crate) size: usize,
    /// `[n, size]`
    pub(crate) values: Vec<f32>,
    /// How long the teacher takes for an image on one thread, in microseconds.
    pub(crate) image_us: f64,
}

impl Lessons {
    /// Those of record `id`.
    pub(crate) fn of(&self, id: usize) -> &[f32] {
        &self.values[id * self.size..][..self.size]
    }

    /// Number of records.
    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.size.max(1)
    }

    /// Bytes that features of `n` images take: as they are, and made comparable for the training.
    pub(crate) fn bytes(size: usize, n: usize) -> u64 {
        2 * 4 * size as u64 * n as u64
    }
}
