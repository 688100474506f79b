//! What to train and how: the options, their defaults by family, and the learning rate over time.

use super::augment::Augment;
use super::freeze::Freeze;
use super::store::Storage;
use crate::error::{Error, Result};
use crate::images::InputShape;
use crate::model::{Architecture, Brightness, Design, Family, Model, Precision};
use crate::runtime::Device;
use std::f64::consts::PI;
use std::path::PathBuf;

/// What to train and how.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Name of the model, for its metadata.
    pub name: String,
    /// Which layers.
    pub family: Family,
    /// And of which size.
    pub design: Design,
    /// Passes over the images.
    pub epochs: usize,
    /// Images per step.
    pub batch: usize,
    /// Adam's step size at its highest.
    pub learning_rate: f64,
    /// How it changes over the training.
    pub schedule: Schedule,
    /// The part of every weight that a step takes off, times the learning rate.
    pub weight_decay: f64,
    /// Weight of what the family adds to the reconstruction loss: contrast of codes, divergence from the
    /// prior (both of `conv-hash` and `vae`, in their papers lambda and beta), the adversary's verdict.
    pub weight: f64,
    /// Temperature of the contrastive loss.
    pub temperature: f32,
    /// How images are varied.
    pub augment: Augment,
    /// Seed of weights, order, views and noise.
    pub seed: u64,
    /// Standard deviation of the Gaussian noise on the input, 0 for none; the target stays clean.
    pub denoise: f32,
    /// Start from this model's weights.
    pub from: Option<Model>,
    /// Which of its layers stay as they are.
    pub freeze: Freeze,
    /// How the files store weights.
    pub precision: Precision,
    /// Where what frozen layers give is kept.
    pub storage: Storage,
    /// Stop after so many epochs without a better validation loss; 0 for never.
    pub early_stop: usize,
    /// Where an unfinished training is kept, and how often it is written.
    pub checkpoint: Option<CheckpointOptions>,
    /// The file that gets a line of JSON for every finished epoch.
    pub log: Option<PathBuf>,
    /// Threads inside one step.
    pub threads: usize,
    /// Where to run.
    pub device: Device,
}

/// Where an unfinished training is kept.
#[derive(Debug, Clone)]
pub struct CheckpointOptions {
    /// The file, replaced as a whole.
    pub file: PathBuf,
    /// Wall time between two of them.
    pub interval_seconds: f64,
    /// Resume from the file, if there is one.
    pub resume: bool,
}

impl Default for CheckpointOptions {
    /// Every ten seconds, into the file `checkpoint`; not to resume.
    fn default() -> Self {
        CheckpointOptions { file: "checkpoint".into(), interval_seconds: 10.0, resume: false }
    }
}

impl TrainOptions {
    /// The best known options for a family, for grey images or colour.
    pub fn for_family(family: Family, channels: usize) -> Self {
        let plain = TrainOptions { family, ..TrainOptions::plain(family) };
        match family {
            Family::ConvHash => TrainOptions {
                design: Design {
                    brightness: if channels == 3 { Brightness::Normalized } else { Brightness::Kept },
                    ..plain.design
                },
                augment: if channels == 3 { Augment::Photos } else { Augment::Digits },
                epochs: 15,
                batch: 256,
                schedule: Schedule::OneCycle,
                weight_decay: 1e-4,
                weight: if channels == 3 { 0.2 } else { 0.1 },
                ..plain
            },
            Family::Vae => TrainOptions { epochs: 10, batch: 64, weight: 1.0, ..plain },
            // at higher rates the adversary and the encoder chase each other
            Family::Aae => TrainOptions { epochs: 10, batch: 64, learning_rate: 5e-4, weight: 0.02, ..plain },
            Family::Lstm => TrainOptions { epochs: 10, batch: 64, ..plain },
            Family::Photo => TrainOptions {
                design: Design { width: 100, ..plain.design },
                augment: Augment::Photos,
                epochs: 20,
                batch: 32,
                schedule: Schedule::OneCycle,
                weight_decay: 1e-4,
                weight: 1.0,
                ..plain
            },
            Family::Conv | Family::Dense => plain,
        }
    }

    fn plain(family: Family) -> Self {
        TrainOptions {
            name: "model".into(),
            family,
            design: Design::from(family.default_bits()),
            epochs: 5,
            batch: 32,
            learning_rate: 2e-3,
            schedule: Schedule::Cooldown,
            weight_decay: 0.0,
            weight: 0.0,
            temperature: 0.3,
            augment: Augment::None,
            seed: 0,
            denoise: 0.0,
            from: None,
            freeze: Freeze::None,
            precision: Precision::Float32,
            storage: Storage::default(),
            early_stop: 0,
            checkpoint: None,
            log: None,
            threads: 1,
            device: Device::Auto,
        }
    }

    /// Images per step where nothing is said: many where most layers are frozen, so that a step takes little
    /// memory.
    pub(super) fn batch_beside(&self, freeze: Freeze) -> usize {
        match freeze {
            Freeze::Encoder | Freeze::Latent => 256,
            Freeze::None | Freeze::Blocks(_) => self.batch,
        }
    }

    /// Adam's step size where nothing is said: low where pretrained layers are trained on, whose features the
    /// usual one would spoil before the new layers have learned what to ask of them.
    pub(super) fn rate_beside(&self, freeze: Freeze, is_warm: bool) -> f64 {
        match freeze {
            Freeze::None | Freeze::Blocks(_) if is_warm && self.family == Family::Photo => 1e-4,
            _ => self.learning_rate,
        }
    }

    /// The layers, after a check of every option.
    ///
    /// # Errors
    /// Names the first option that does not fit.
    pub fn architecture(&self, input: InputShape) -> Result<Architecture> {
        let bits = self.design.bits;
        if !(32..=256).contains(&bits) {
            return Err(Error::invalid(format!("`bits`: expected 32 to 256, got {bits}")));
        }
        if self.epochs == 0 || self.batch == 0 {
            return Err(Error::invalid("`epochs` and `batch`: expected at least 1, got 0"));
        }
        let positive = |name: &str, x: f64| match x.is_finite() && x > 0.0 {
            true => Ok(()),
            false => Err(Error::invalid(format!("`{name}`: expected a number above 0, got {x}"))),
        };
        let not_negative = |name: &str, x: f64| match x.is_finite() && x >= 0.0 {
            true => Ok(()),
            false => Err(Error::invalid(format!("`{name}`: expected 0 or more, got {x}"))),
        };
        positive("learning_rate", self.learning_rate)?;
        positive("temperature", self.temperature.into())?;
        not_negative("denoise", self.denoise.into())?;
        not_negative("weight_decay", self.weight_decay)?;
        not_negative("weight", self.weight)?;
        let architecture = self.family.architecture(input, self.design)?;
        let is_frozen = self.freeze.layers(&architecture)? > 0;
        if is_frozen && self.denoise > 0.0 {
            let what = format!("`denoise`: expected 0 with frozen layers, got {}", self.denoise);
            return Err(
                Error::invalid(what).with_hint("they see each image once, before noise could be added")
            );
        }
        if is_frozen && self.from.is_none() {
            let what = format!("`freeze`: expected a model to start from, got none, with {}", self.freeze);
            return Err(Error::invalid(what).with_hint("name one in `from`, such as photos"));
        }
        Ok(architecture)
    }
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions::for_family(Family::ConvHash, 1)
    }
}

/// How the learning rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Constant for four fifths of the training, then a straight line to 0, so that the last steps settle
    /// (Haegele et al., 2024, "constant with cooldown").
    Cooldown,
    /// Up from a 25th over the first tenth, then down to 0, both along a cosine (Smith & Topin, 2018,
    /// "one-cycle").
    OneCycle,
}

impl Schedule {
    /// The factor on the learning rate when `done`, in `0..=1`, of the training is over.
    pub fn factor(self, done: f64) -> f64 {
        const WARM: f64 = 0.1;
        const START: f64 = 0.04;
        let rise = |part: f64| 0.5 - 0.5 * (PI * part).cos();
        match self {
            Schedule::Cooldown => (5.0 * (1.0 - done)).min(1.0),
            Schedule::OneCycle if done < WARM => START + (1.0 - START) * rise(done / WARM),
            Schedule::OneCycle => rise((1.0 - done) / (1.0 - WARM)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_begin_peak_and_end_where_they_should() {
        assert_eq!([0.0, 0.5, 0.79].map(|done| Schedule::Cooldown.factor(done)), [1.0; 3]);
        assert!((Schedule::Cooldown.factor(0.9) - 0.5).abs() < 1e-12);
        let cycle = |done| Schedule::OneCycle.factor(done);
        assert!((cycle(0.0) - 0.04).abs() < 1e-12 && (cycle(0.1) - 1.0).abs() < 1e-12 && cycle(1.0) < 1e-12);
        assert!(cycle(0.05) > cycle(0.01) && cycle(0.5) > cycle(0.9));
    }

    #[test]
    fn pretrained_layers_are_trained_on_in_small_steps() {
        let photo = TrainOptions::for_family(Family::Photo, 3);
        assert_eq!(photo.rate_beside(Freeze::None, false), photo.learning_rate);
        assert_eq!(photo.rate_beside(Freeze::Encoder, true), photo.learning_rate);
        assert!(photo.rate_beside(Freeze::None, true) < photo.learning_rate / 10.0);
        assert!(photo.rate_beside(Freeze::Blocks(3), true) < photo.learning_rate / 10.0);
        let digits = TrainOptions::for_family(Family::ConvHash, 1);
        assert_eq!(digits.rate_beside(Freeze::None, true), digits.learning_rate);
    }

    #[test]
    fn impossible_options_are_named() {
        let input = InputShape { channels: 1, height: 28, width: 28 };
        let message = |options: TrainOptions| options.architecture(input).unwrap_err().to_string();
        let default = TrainOptions::default;
        assert!(message(TrainOptions { epochs: 0, ..default() }).starts_with("`epochs`"));
        assert!(
            message(TrainOptions { learning_rate: f64::NAN, ..default() }).starts_with("`learning_rate`")
        );
        assert!(message(TrainOptions { design: 16.into(), ..default() }).contains("expected 32 to 256"));
    }
}
