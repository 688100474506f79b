//! A model that is ready to draw, and the images it is given.

use crate::encode::{Autoencoder, EncodeOptions, Reconstruction};
use crate::error::{Error, Result};
use crate::gallery::{ChooseOptions, Polarity, choose, reconstruct_either_way};
use crate::images::{InputShape, Item, Needed, Resizer, Skipped, load_for};
use crate::model::{Extent, Model};
use crate::observer::Observer;
use crate::runtime::{Runtime, ensure};

/// A model, running, with its decoder.
pub(super) struct Reconstructor {
    pub(super) model: Model,
    pub(super) autoencoder: Autoencoder,
    pub(super) runtime: Runtime,
    pub(super) options: ChooseOptions,
    /// Decided once for all images, where the model was chosen by them.
    pub(super) polarity: Option<Polarity>,
    resizer: Resizer,
}

/// Images as the model takes them.
#[derive(Debug, Default)]
pub(super) struct Shots {
    /// f32 [N, C, H, W]
    pub(super) images: Vec<f32>,
    /// What each is called.
    pub(super) paths: Vec<String>,
    /// What could not be read.
    pub(super) skipped: Vec<Skipped>,
}

impl Reconstructor {
    /// Opens the model that `options` name, or for `auto` the one that suits `items` best.
    ///
    /// # Errors
    /// When there is no such model, it has no decoder, or ONNX Runtime cannot be used.
    pub(super) fn open(
        items: &[Item],
        options: &ChooseOptions,
        observer: &dyn Observer,
    ) -> Result<Reconstructor> {
        let items: Vec<&Item> = items.iter().collect();
        let (model, polarity) = choose(&items, options, observer)?;
        let runtime = ensure(&options.runtime, observer)?;
        let encode = EncodeOptions { threads: 1, device: options.device };
        let Some(autoencoder) = Autoencoder::open(&runtime, &model, &encode)? else {
            let what = "expected a decoder.onnx beside encoder.onnx, got none";
            return Err(Error::mismatch(&model.metadata.name, what)
                .with_hint("drawing takes a model with a decoder, such as those that `train` makes"));
        };
        Ok(Reconstructor {
            model,
            autoencoder,
            runtime,
            options: options.clone(),
            polarity,
            resizer: Resizer::new(),
        })
    }

    /// Reads images at the model's size.
    pub(super) fn read(&mut self, items: &[Item], observer: &dyn Observer) -> Shots {
        let (shape, mut shots) = (self.shape(), Shots::default());
        for item in items {
            let start = shots.images.len();
            shots.images.resize(start + shape.size(), 0.0);
            let image = &mut shots.images[start..];
            let loaded = load_for(item, &self.options.limits, Needed::inputs(&[shape]));
            match loaded.and_then(|loaded| self.resizer.to_input(&loaded.pixels, shape, image)) {
                Ok(()) => shots.paths.push(item.display()),
                Err(reason) => {
                    shots.images.truncate(start);
                    observer.skipped(&item.display(), &reason);
                    shots.skipped.push(Skipped::new(item.name(), reason));
                }
            }
        }
        shots
    }

    /// What the model makes of images [N, C, H, W], each in the polarity that it knows better.
    pub(super) fn reconstruct(&mut self, images: &[f32]) -> Result<Reconstruction> {
        reconstruct_either_way(images, self.options.invert, &mut self.autoencoder)
    }

    /// What the model takes.
    pub(super) fn shape(&self) -> InputShape {
        self.model.metadata.input
    }

    /// What the model draws.
    pub(super) fn drawn(&self) -> InputShape {
        self.model.metadata.reconstruction
    }

    /// How the numbers of a latent belong together: maps of some height and width, or single numbers.
    pub(super) fn latent_extent(&self) -> Extent {
        let metadata = &self.model.metadata;
        let extent = self.model.architecture().map(|architecture| architecture.latent_extent());
        let vector = Extent::vector(metadata.latent_size);
        extent.ok().filter(|extent| extent.len() == vector.len()).unwrap_or(vector)
    }
}
