//! What goes into one training step: views of images, clean targets, random draws. Which ones depends on
//! nothing but the seed and the place in the training, so that a training that was interrupted goes on as if
//! it had not been.

use super::augment::Augment;
use super::data::Dataset;
use super::options::TrainOptions;
use super::step::Objective;
use super::views::{ViewKey, views};
use crate::error::Result;
use crate::images::{InputShape, add_noise, shrink};
use crate::model::Architecture;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// Input and target of one training step, batch innermost, images in `0..=1`.
pub struct Batch {
    /// Channels, pixels, views: as many as images, or twice as many.
    pub(crate) dims: [usize; 3],
    /// `[C, pixels, views]`; the second views of all images stand behind the first ones.
    pub(crate) images: Vec<f32>,
    /// What is to be reconstructed, `[C, pixels, N]` at the decoder's size, where that is not the (first) view
    /// itself.
    pub(crate) target: Option<Vec<f32>>,
    /// Standard normal numbers `[D, N]`; empty where none are wanted.
    pub(crate) draw: Vec<f32>,
    /// Features whose neighbours codes are to have, `[T, N]`; empty where there are none.
    pub(crate) features: Vec<f32>,
}

/// What a random number is for; each has a stream of its own.
pub(crate) enum Purpose {
    Order,
    Noise,
    Draw,
}

/// A generator that depends on the seed, the purpose and the place alone.
pub(crate) fn generator(seed: u64, purpose: Purpose, epoch: usize, step: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((purpose as u64 + 1) << 60) | ((epoch as u64) << 36) | step as u64);
    rng
}

/// The order of `n` images in an epoch, counted from 1.
pub(crate) fn order(n: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut generator(seed, Purpose::Order, epoch, 0));
    order
}

/// The batches of an epoch. A rest of less than half a batch goes with the batch before it: the statistics of
/// a few images must not weigh as much as those of many.
pub(crate) fn batches(order: &[usize], size: usize) -> Vec<&[usize]> {
    let count = n_batches(order.len(), size);
    let end = |i: usize| if i + 1 == count { order.len() } else { (i + 1) * size };
    (0..count).map(|i| &order[i * size..end(i)]).collect()
}

/// How many [`batches`] of `size` an epoch of `n` images has.
pub(crate) fn n_batches(n: usize, size: usize) -> usize {
    let (whole, rest) = (n / size, n % size);
    if 2 * rest < size { whole.max(1) } else { whole + 1 }
}

impl Batch {
    /// Images `ids`, which are the `step`-th batch of `epoch`, as the architecture's family wants them.
    ///
    /// # Errors
    /// When images that lie on disk cannot be read.
    pub fn new(
        data: &Dataset,
        ids: &[usize],
        options: &TrainOptions,
        architecture: &Architecture,
        (epoch, step): (usize, usize),
    ) -> Result<Batch> {
        let shape = data.shape();
        let objective = Objective::of(architecture);
        let view = |view| {
            let key = ViewKey { seed: options.seed, epoch, position: step * options.batch, view };
            match options.augment {
                Augment::None => data.batch_innermost(ids),
                augment => views(data, ids, augment, key),
            }
        };
        let clean = match objective.views() {
            1 => view(0)?,
            _ => side_by_side(&view(0)?, &view(1)?, ids.len()),
        };
        let images_per_row = objective.views() * ids.len();
        let dims = [shape.channels, shape.height * shape.width, images_per_row];
        let mut rng = generator(options.seed, Purpose::Noise, epoch, step);
        let drawn = architecture.reconstruction;
        let target = (options.denoise > 0.0 || drawn != shape).then(|| {
            let rows = clean.chunks_exact(images_per_row);
            let first: Vec<f32> = rows.flat_map(|row| &row[..ids.len()]).copied().collect();
            if drawn == shape { first } else { shrunk(&first, shape, drawn) }
        });
        let images = match options.denoise > 0.0 {
            true => add_noise(&clean, options.denoise, &mut rng),
            false => clean,
        };
        let mut draw = vec![];
        if objective.draws() {
            let mut rng = generator(options.seed, Purpose::Draw, epoch, step);
            draw = (0..architecture.latent_size() * ids.len()).map(|_| rng.sample(StandardNormal)).collect();
        }
        Ok(Batch { dims, images, target, draw, features: vec![] })
    }

    /// Arbitrary numbers of the shapes that a step of `architecture` on `n` images takes, to measure it.
    pub fn arbitrary(architecture: &Architecture, n: usize) -> Batch {
        let (shape, drawn, objective) =
            (architecture.input, architecture.reconstruction, Objective::of(architecture));
        let numbers =
            |count: usize| -> Vec<f32> { (0..count).map(|i| (i * 7919 % 251) as f32 / 250.0).collect() };
        let views = objective.views() * n;
        Batch {
            dims: [shape.channels, shape.height * shape.width, views],
            images: numbers(shape.size() * views),
            target: (drawn != shape).then(|| numbers(drawn.size() * n)),
            draw: if objective.draws() { numbers(architecture.latent_size() * n) } else { vec![] },
            features: vec![],
        }
    }
}

/// Joins the rows of two matrices, `n` columns each.
fn side_by_side(left: &[f32], right: &[f32], n: usize) -> Vec<f32> {
    left.chunks_exact(n).zip(right.chunks_exact(n)).flat_map(|(l, r)| l.iter().chain(r)).copied().collect()
}

/// Images at the decoder's size, both batch innermost.
fn shrunk(images: &[f32], from: InputShape, to: InputShape) -> Vec<f32> {
    let outermost = transposed(images, images.len() / from.size());
    transposed(&shrink(&outermost, from, to), to.size())
}

/// The columns of a matrix as rows.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| matrix[column..].iter().step_by(columns)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    #[test]
    fn the_target_of_a_photo_is_the_view_at_the_decoders_size() {
        let shape = InputShape { channels: 3, height: 96, width: 128 };
        // the first image is black above and white below, the second the other way round
        let half = shape.size() / 6;
        let plane = |above: u8| [vec![above; half], vec![255 - above; half]].concat();
        let pixels = [plane(0).repeat(3), plane(255).repeat(3)].concat();
        let data = Dataset::new(shape, pixels).unwrap();
        for denoise in [0.0, 0.1] {
            let augment = Augment::None;
            let options = TrainOptions { denoise, augment, ..TrainOptions::for_family(Family::Photo, 3) };
            let architecture = options.architecture(shape).unwrap();
            let batch = Batch::new(&data, &[0, 1], &options, &architecture, (1, 0)).unwrap();
            // two views of each, and the target of the first ones
            assert_eq!(batch.dims, [3, 96 * 128, 4]);
            let target = batch.target.unwrap();
            assert_eq!(target.len(), 3 * 64 * 64 * 2);
            for (i, pair) in target.chunks_exact(2).enumerate() {
                let below = if i % 4096 < 2048 { 0.0 } else { 1.0 };
                assert!(
                    (pair[0] - below).abs() < 1e-5 && (pair[1] - (1.0 - below)).abs() < 1e-5,
                    "{i}: {pair:?}"
                );
            }
        }
    }

    #[test]
    fn no_batch_is_less_than_half_of_the_others() {
        let sizes = |n: usize, size| -> Vec<usize> {
            let order: Vec<usize> = (0..n).collect();
            let batches = batches(&order, size);
            assert_eq!(batches.concat(), order);
            batches.iter().map(|batch| batch.len()).collect()
        };
        assert_eq!(sizes(9, 4), [4, 5]);
        assert_eq!(sizes(10, 4), [4, 4, 2]);
        assert_eq!(sizes(8, 4), [4, 4]);
        assert_eq!([sizes(1, 4), sizes(3, 1)], [vec![1], vec![1, 1, 1]]);
    }
}
