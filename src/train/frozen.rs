//! Training the last layers alone: the first ones run once for each view of each image, through ONNX Runtime,
//! and what comes out of them is kept.
//!
//! ```text
//! images [C, H, W] -> views -> frozen layers -> records: outputs f32 | small picture u8 -> batches
//! ```

use super::data::Dataset;
use super::options::TrainOptions;
use super::sessions::for_each_thread;
use super::store::{Filling, Storage, Store};
use super::views::{ViewKey, outermost_views};
use crate::error::{Error, Result};
use crate::images::shrink;
use crate::model::{Architecture, features_onnx};
use crate::observer::{Observer, Progress, Stage};
use crate::output::bytes;
use crate::runtime::{Device, Input, Runtime, Session, SessionOptions};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Views of each image: the image as it is, and varied ones.
const VIEWS: usize = 5;
/// Fewer are kept where all would take more bytes than this.
const MOST_BYTES: u64 = 16 << 30;
/// Views per run of the frozen layers: a batch that stays in the cache.
const RUN: usize = 4;
/// The same on a GPU, which wants much at once.
const GPU_RUN: usize = 64;
/// How records are called in messages.
const RECORDS: &str = "outputs of frozen layers";
/// Images at a time for each thread, between two looks at the observer.
const PART: usize = 32;

/// What frozen layers make of the views of a data set, and small pictures of the views.
pub(crate) struct FrozenViews {
    store: Store,
    n_records: usize,
    n_views: usize,
    /// Numbers that come out of the frozen layers.
    size: usize,
    /// Bytes of a small picture, `[C, H, W]` u8.
    drawn: usize,
}

impl FrozenViews {
    /// Runs the first `layers` layers of `architecture`, whose weights are the first of `weights`, on views
    /// of all images.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the observer stops it; when not even one view of each image may be kept,
    /// images or the records cannot be read or written, or ONNX Runtime fails.
    pub(crate) fn new(
        runtime: &Runtime,
        data: &Dataset,
        (architecture, layers, weights): (&Architecture, usize, &[f32]),
        options: &TrainOptions,
        observer: &dyn Observer,
    ) -> Result<FrozenViews> {
        let (size, drawn) = (architecture.tail(layers)?.image().len(), architecture.reconstruction.size());
        let record = 4 * size + drawn;
        let wanted = if options.augment == super::Augment::None { 1 } else { VIEWS };
        let n_views = affordable(wanted, data.len(), record)?;
        let n = data.len() * n_views;
        let mut filling = Filling::new(&options.storage, (n, record), RECORDS)?;
        let graph = features_onnx(architecture, weights, layers).to_bytes();
        let mut sessions = sessions(runtime, &graph, options)?;
        observer.stage(Stage::images("running the frozen layers on"));
        let ids: Vec<usize> = (0..data.len()).collect();
        for part in ids.chunks(PART * sessions.len()) {
            if observer.should_stop() {
                return Err(Error::Interrupted);
            }
            let shares = part.len().div_ceil(sessions.len());
            let views = Views { data, architecture, n_views, options };
            let records: Result<Vec<Vec<u8>>> = sessions
                .par_iter_mut()
                .zip(part.par_chunks(shares))
                .map(|(session, ids)| views.records(session, ids))
                .collect();
            records?.iter().try_for_each(|records| filling.extend(records))?;
            let done = part.last().map_or(0, |last| last + 1);
            observer.progress(&Progress::of(done, data.len()));
        }
        Ok(FrozenViews { store: filling.finish()?, n_records: n, n_views, size, drawn })
    }

    /// Numbers that come out of the frozen layers.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// What is held in memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.store.memory_bytes()
    }

    /// What the frozen layers make of image `id` as it is.
    ///
    /// # Errors
    /// When records on disk cannot be read.
    pub(crate) fn plain(&self, id: usize) -> Result<Vec<f32>> {
        Ok(self.view(id, 0)?.0)
    }

    /// One view or two of each of the images, drawn at random, batch innermost: what the frozen layers make
    /// of them, `[size, N]` or `[size, 2N]`, and the small pictures of the first ones, `[pixels, N]` in
    /// `0..=1`.
    ///
    /// # Errors
    /// When records on disk cannot be read.
    pub(crate) fn batch(
        &self,
        ids: &[usize],
        views: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        let (n, columns) = (ids.len(), views * ids.len());
        let (mut outputs, mut pictures) = (vec![0.0; self.size * columns], vec![0.0; self.drawn * n]);
        for (i, &id) in ids.iter().enumerate() {
            let first = rng.random_range(0..self.n_views);
            let second = match self.n_views {
                1 => 0,
                n => (first + rng.random_range(1..n)) % n,
            };
            for (column, view) in [(i, first), (n + i, second)].into_iter().take(views) {
                let (values, picture) = self.view(id, view)?;
                let column = outputs[column..].iter_mut().step_by(columns);
                column.zip(&values).for_each(|(out, value)| *out = *value);
                if view == first {
                    let column = pictures[i..].iter_mut().step_by(n);
                    column.zip(&picture).for_each(|(out, value)| *out = f32::from(*value) / 255.0);
                }
            }
        }
        Ok((outputs, pictures))
    }

    /// The same views behind a linear layer: `weight` `[units, size]`, row-major, and `shift` `[units]`.
    ///
    /// # Errors
    /// When records cannot be read or written.
    pub(crate) fn behind(&self, weight: &[f32], shift: &[f32], storage: &Storage) -> Result<FrozenViews> {
        let (size, units) = (self.size, shift.len());
        let mut filling = Filling::new(storage, (self.n_records, 4 * units + self.drawn), RECORDS)?;
        for record in 0..self.n_records {
            let (values, picture) = self.record(record)?;
            let project = |(row, shift): (&[f32], &f32)| {
                let product: f32 = row.iter().zip(&values).map(|(weight, value)| weight * value).sum();
                (product + shift).to_le_bytes()
            };
            let mut bytes: Vec<u8> = weight.chunks_exact(size).zip(shift).flat_map(project).collect();
            bytes.extend(picture);
            filling.extend(&bytes)?;
        }
        Ok(FrozenViews { store: filling.finish()?, size: units, ..*self })
    }

    fn view(&self, id: usize, view: usize) -> Result<(Vec<f32>, Vec<u8>)> {
        self.record(id * self.n_views + view)
    }

    fn record(&self, at: usize) -> Result<(Vec<f32>, Vec<u8>)> {
        let record = self.store.record(at, 4 * self.size + self.drawn)?;
        let (values, picture) = record.split_at(4 * self.size);
        let values = values.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok((values, picture.to_vec()))
    }
}

/// How many views are kept of each of `n` images, with records of `record` bytes: `wanted`, or as many as
/// [`MOST_BYTES`] hold.
fn affordable(wanted: usize, n: usize, record: usize) -> Result<usize> {
    let one_view = record as u64 * n.max(1) as u64;
    match usize::try_from(MOST_BYTES / one_view).map_or(wanted, |most| wanted.min(most)) {
        0 => {
            let (most, got) = (bytes(MOST_BYTES), bytes(one_view));
            let what = format!("{RECORDS}: expected at most {most} for one view of each image, got {got}");
            Err(Error::too_large(what).with_hint(
                "train on fewer or smaller images, or freeze more blocks: later ones give fewer numbers",
            ))
        }
        n_views => Ok(n_views),
    }
}

/// Sessions of the frozen layers, `graph`, one for each thread; a single one on a GPU.
fn sessions(runtime: &Runtime, graph: &[u8], options: &TrainOptions) -> Result<Vec<Session>> {
    let session =
        SessionOptions { threads: 1, device: options.device, flush_denormals: true, ..Default::default() };
    for_each_thread(|| runtime.session(graph, &session), Session::device)
}

/// How views of images are drawn.
struct Views<'a> {
    data: &'a Dataset,
    architecture: &'a Architecture,
    n_views: usize,
    options: &'a TrainOptions,
}

impl Views<'_> {
    /// The records of all views of images `ids`.
    fn records(&self, session: &mut Session, ids: &[usize]) -> Result<Vec<u8>> {
        let Views { data, architecture, n_views, .. } = *self;
        let shape = data.shape();
        let (n_together, n_run) = match session.device() {
            Device::Cpu => (1, RUN),
            _ => (GPU_RUN.div_ceil(n_views), GPU_RUN),
        };
        let mut records = vec![];
        for ids in ids.chunks(n_together) {
            let images = self.images(ids)?;
            let mut outputs = vec![];
            for run in images.chunks(n_run * shape.size()) {
                let dims = [run.len() / shape.size(), shape.channels, shape.height, shape.width];
                outputs.extend_from_slice(
                    session.run_for("features", &[("image", Input::Slice(&dims, run))])?.data(),
                );
            }
            let pictures = shrink(&images, shape, architecture.reconstruction);
            let size = outputs.len() / (ids.len() * n_views);
            for (values, picture) in
                outputs.chunks_exact(size).zip(pictures.chunks_exact(architecture.reconstruction.size()))
            {
                records.extend(values.iter().flat_map(|x| x.to_le_bytes()));
                records.extend(picture.iter().map(|x| (x * 255.0).round() as u8));
            }
        }
        Ok(records)
    }

    /// All views of images `ids`, `[ids, views, C, H, W]`: of each the image as it is, then varied ones.
    fn images(&self, ids: &[usize]) -> Result<Vec<f32>> {
        let Views { data, n_views, options, .. } = *self;
        let mut images = vec![];
        for &id in ids {
            images.extend(data.batch_outermost(id..id + 1)?);
            for view in 1..n_views {
                let key = ViewKey { seed: options.seed, epoch: 0, position: id, view };
                images.extend(outermost_views(data, &[id], options.augment, key)?);
            }
        }
        Ok(images)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_views_are_kept_as_the_disk_is_to_hold() {
        let record = 1 << 20; // 16,384 records in all
        assert_eq!([1, 1000, 5000, 16_384].map(|n| affordable(VIEWS, n, record).unwrap()), [5, 5, 3, 1]);
        assert_eq!(affordable(1, 1000, record).unwrap(), 1);
        let error = affordable(VIEWS, 16_385, record).unwrap_err();
        assert!(matches!(error, Error::TooLarge(_)) && error.hint().is_some(), "{error:?}");
        let expected =
            "outputs of frozen layers: expected at most 17.2 GB for one view of each image, got 17.2 GB";
        assert_eq!(error.to_string(), expected);
    }
}
