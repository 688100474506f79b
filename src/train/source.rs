//! Where a training's batches come from: images, or what frozen layers make of them; and the features whose
//! neighbours codes are to have.

use super::batch::{Batch, Purpose, generator};
use super::data::Dataset;
use super::features::Features;
use super::frozen::FrozenViews;
use super::options::TrainOptions;
use super::step::Objective;
use crate::error::{Error, Result};
use crate::images::spread;
use crate::model::{Architecture, Half, Layer};
use crate::observer::Observer;
use crate::pca::{Directions, MAX_FIT};
use crate::runtime::Runtime;

/// What a training draws its batches from.
pub(crate) struct Source<'a> {
    data: &'a Dataset,
    /// In place of images, where layers are frozen.
    frozen: Option<FrozenViews>,
    features: Option<Features>,
}

impl<'a> Source<'a> {
    /// Images, with the features of a teacher where there is one.
    pub(crate) fn images(data: &'a Dataset) -> Self {
        let features = data.lessons().map(|lessons| {
            let ids: Vec<usize> = (0..data.len()).collect();
            Features::new(lessons.size, data.features(lessons, &ids))
        });
        Source { data, frozen: None, features }
    }

    /// For a training of `architecture` whose first `layers` layers are frozen; `weights` is its flat vector.
    ///
    /// # Errors
    /// As [`FrozenViews::new`].
    pub(crate) fn new(
        runtime: &Runtime,
        data: &'a Dataset,
        (architecture, layers, weights): (&Architecture, usize, &[f32]),
        options: &TrainOptions,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let mut source = Source::images(data);
        let learns_own = source.features.is_none() && !architecture.head.is_empty();
        let own_bytes =
            if learns_own { 4 * feature_size(architecture) as u64 * data.len() as u64 } else { 0 };
        let storage = options.storage.holding("features", own_bytes)?;
        let options = &TrainOptions { storage, ..options.clone() };
        if layers > 0 {
            let network = (architecture, layers, weights);
            source.frozen = Some(FrozenViews::new(runtime, data, network, options, observer)?);
        }
        if learns_own {
            source.features =
                Some(own_features(runtime, &source, (architecture, layers, weights), options, observer)?);
        }
        Ok(source)
    }

    /// Numbers per feature, where there are features.
    pub(crate) fn feature_size(&self) -> Option<usize> {
        self.features.as_ref().map(Features::size)
    }

    /// Features of images `ids`, `[N, size]`, where there are some.
    pub(crate) fn features_of(&self, ids: &[usize]) -> Option<Vec<f32>> {
        let features = self.features.as_ref()?;
        Some(ids.iter().flat_map(|&id| features.batch(&[id])).collect())
    }

    /// Images `ids`, which are the `step`-th batch of `epoch`, for `trained`, the layers that are not frozen.
    ///
    /// # Errors
    /// When images or records that lie on disk cannot be read.
    pub(crate) fn batch(
        &self,
        ids: &[usize],
        options: &TrainOptions,
        trained: &Architecture,
        place: (usize, usize),
    ) -> Result<Batch> {
        let mut batch = match &self.frozen {
            None => Batch::new(self.data, ids, options, trained, place)?,
            Some(frozen) => {
                let mut rng = generator(options.seed, Purpose::Noise, place.0, place.1);
                let views = Objective::of(trained).views();
                let (images, target) = frozen.batch(ids, views, &mut rng)?;
                let input = trained.input;
                let dims = [input.channels, input.height * input.width, views * ids.len()];
                Batch { dims, images, target: Some(target), draw: vec![], features: vec![] }
            }
        };
        if let Some(features) = &self.features {
            batch.features = features.batch(ids);
        }
        Ok(batch)
    }

    /// Puts the principal directions of the features in place of a projection that was never trained: the
    /// encoder's last layer, whose weights are the first of `trained`'s. Features that vary much are toned
    /// down first, or those that matter to other collections than this one would be lost beside them.
    ///
    /// # Errors
    /// When records on disk cannot be read.
    pub(crate) fn start_projection(
        &self,
        trained: &Architecture,
        weights: &mut [f32],
        options: &TrainOptions,
    ) -> Result<()> {
        let (Some(frozen), [Layer::Dense { units, bias: true }]) = (&self.frozen, &trained.encoder[..])
        else {
            return Ok(());
        };
        let inputs = trained.input.channels;
        let sample = spread(self.data.len(), MAX_FIT).into_iter();
        let sample: Result<Vec<Vec<f32>>> = sample.map(|i| frozen.plain(i)).collect();
        let mut sample = sample?.concat();
        let scales = scales(&sample, inputs);
        sample.chunks_exact_mut(inputs).for_each(|features| divide(features, &scales));
        let Directions { mut vectors, means, .. } = Directions::fit(sample, inputs, *units, options.seed);
        vectors.chunks_exact_mut(inputs).for_each(|direction| divide(direction, &scales));
        let (weight, rest) = weights.split_at_mut(inputs * units);
        weight.copy_from_slice(&vectors);
        rest.iter_mut().zip(&means).for_each(|(bias, mean)| *bias = -mean);
        Ok(())
    }

    /// Takes the latent among the frozen layers: `weights` begin with those of the encoder's last layer,
    /// which gives `units` numbers.
    ///
    /// # Errors
    /// When records cannot be read or written.
    pub(crate) fn freeze_latent(
        &mut self,
        weights: &[f32],
        units: usize,
        options: &TrainOptions,
    ) -> Result<()> {
        if let Some(frozen) = &self.frozen {
            let (weight, rest) = weights.split_at(frozen.size() * units);
            let storage = options.storage.beside(frozen.memory_bytes());
            self.frozen = Some(frozen.behind(weight, &rest[..units], &storage)?);
        }
        Ok(())
    }
}

/// What features `[n, size]` are divided by: the root of each one's standard deviation, half way between
/// directions of the covariance and of the correlation.
fn scales(features: &[f32], size: usize) -> Vec<f32> {
    /// Of a feature that hardly varies.
    const LEAST: f64 = 1e-3;
    let n = (features.len() / size) as f64;
    let mut moments = vec![[0.0f64; 2]; size];
    for features in features.chunks_exact(size) {
        for ([sum, squares], x) in moments.iter_mut().zip(features) {
            *sum += f64::from(*x);
            *squares += f64::from(*x).powi(2);
        }
    }
    let deviation = |[sum, squares]: [f64; 2]| (squares / n - (sum / n).powi(2)).max(0.0).sqrt();
    moments.into_iter().map(|moments| deviation(moments).max(LEAST).sqrt() as f32).collect()
}

fn divide(values: &mut [f32], by: &[f32]) {
    values.iter_mut().zip(by).for_each(|(value, by)| *value /= by);
}

/// Numbers of the pooled features.
fn feature_size(architecture: &Architecture) -> usize {
    architecture.half(Half::Encoder).nth(architecture.feature_layers()).map_or(0, |step| step.input.len())
}

/// The pooled features of all images as they are, by the weights that training starts from.
fn own_features(
    runtime: &Runtime,
    source: &Source<'_>,
    (architecture, layers, weights): (&Architecture, usize, &[f32]),
    options: &TrainOptions,
    observer: &dyn Observer,
) -> Result<Features> {
    let (all, size) = (architecture.feature_layers(), feature_size(architecture));
    let plain;
    let frozen = match &source.frozen {
        Some(frozen) if layers == all => frozen,
        _ => {
            let held = source.frozen.as_ref().map_or(0, FrozenViews::memory_bytes);
            let storage = options.storage.beside(held);
            let options = TrainOptions { augment: super::Augment::None, storage, ..options.clone() };
            plain = FrozenViews::new(runtime, source.data, (architecture, all, weights), &options, observer)?;
            &plain
        }
    };
    let mut values = Vec::with_capacity(size * source.data.len());
    for id in 0..source.data.len() {
        values.extend(frozen.plain(id)?);
    }
    if values.iter().any(|x| !x.is_finite()) {
        return Err(Error::training("features: expected numbers, got others"));
    }
    Ok(Features::new(size, values))
}
