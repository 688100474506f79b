//! How many images a step takes, and how many epochs there are, where nothing is said: what suits the family
//! on large sets, and on smaller ones more steps of fewer images.
//!
//! The weights change once a step, however many images it takes. An LSTM needs some thousand steps before its
//! reconstructions differ at all: on 1,800 digits of MNIST ten epochs in batches of 64, 280 steps, end at a
//! loss of .25, the mean image; 36 epochs in batches of 16, 4,000 steps, at .12, and finer strokes take more. With
//! batches of 8 it gets there no sooner.

use super::batch::n_batches;
use super::freeze::Freeze;
use super::options::TrainOptions;
use super::request::Tuning;
use crate::model::Family;

/// The most epochs that are chosen because there are few images.
const MOST_EPOCHS: usize = 200;

/// What a training of few images has at least.
struct Least {
    steps: usize,
    batch: usize,
}

impl Least {
    fn of(family: Family, freeze: Freeze) -> Least {
        match family {
            Family::Lstm => Least { steps: 8000, batch: 16 },
            Family::Conv | Family::Dense | Family::Vae | Family::Aae => Least { steps: 2500, batch: 16 },
            // codes are told apart within a batch, and have each bit set in half of it
            Family::ConvHash => Least { steps: 1000, batch: 64 },
            Family::Photo => match freeze {
                Freeze::Encoder | Freeze::Latent => Least { steps: 300, batch: 64 },
                Freeze::None | Freeze::Blocks(_) => Least { steps: 500, batch: 16 },
            },
        }
    }
}

impl TrainOptions {
    /// These options, with batch and epochs that suit `n` images where `tuning` names none.
    pub(super) fn for_images(self, n: usize, tuning: &Tuning) -> TrainOptions {
        let least = Least::of(self.family, self.freeze);
        let default = TrainOptions::for_family(self.family, 1).epochs;
        let mut batch = self.batch;
        if tuning.batch.is_none() {
            while default * n_batches(n, batch) < least.steps && batch / 2 >= least.batch {
                batch /= 2;
            }
        }
        let epochs = match tuning.epochs {
            Some(epochs) => epochs,
            None => least.steps.div_ceil(n_batches(n, batch)).clamp(default, MOST_EPOCHS),
        };
        TrainOptions { batch, epochs, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(family: Family, n: usize, tuning: &Tuning) -> (usize, usize) {
        let options = TrainOptions::for_family(family, 1).for_images(n, tuning);
        (options.epochs, options.batch)
    }

    #[test]
    fn large_sets_are_trained_as_ever_and_small_ones_in_more_steps() {
        for family in Family::ALL {
            let default = TrainOptions::for_family(family, 1);
            for n in [60_000, 54_000] {
                let of_large = chosen(family, n, &Tuning::default());
                assert_eq!(of_large, (default.epochs, default.batch), "{family}, {n} images");
            }
            let least = Least::of(family, Freeze::None);
            for n in [1_800, 700] {
                let (epochs, batch) = chosen(family, n, &Tuning::default());
                assert!(epochs * n_batches(n, batch) >= least.steps, "{family}: {epochs} epochs of {batch}");
                assert!(batch >= least.batch && epochs <= MOST_EPOCHS);
            }
            assert_eq!(chosen(family, 1, &Tuning::default()), (MOST_EPOCHS, least.batch), "{family}");
        }
        assert_eq!(chosen(Family::Lstm, 1_800, &Tuning::default()), (71, 16));
    }

    #[test]
    fn what_is_said_is_done() {
        let batch = Tuning { batch: Some(64), ..Tuning::default() };
        assert_eq!(chosen(Family::Lstm, 1_800, &batch), (MOST_EPOCHS, 64));
        let epochs = Tuning { epochs: Some(1), ..Tuning::default() };
        assert_eq!(chosen(Family::Lstm, 1_800, &epochs), (1, 16));
    }
}
