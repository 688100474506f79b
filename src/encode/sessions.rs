//! A model's encoder and decoder as sessions of ONNX Runtime, in batches.
//!
//! A session runs on one core; to use more, make one encoder per worker thread. Images are f32
//! [N, C, H, W] in 0..=1, latents f32 [N, D]; both are flat and row-major.

use crate::error::{Error, Problem, Result};
use crate::images::InputShape;
use crate::model::{Format, Model};
use crate::runtime::{
    Device, ExternalFile, Input, ModelBytes, Runtime, Session, SessionOptions, Stopper, Tensor,
};

/// Rows per run at most: the speed is the same from 32 to 256, and falls above as activations leave the
/// cache.
const BATCH: usize = 128;

/// Values of the input per run at most, except for a single large image: two of 224x224, 128 of 32x32.
/// Activations take many times as much, and those of a few large images fill the cache already: figures are
/// in docs/encoders.md.
const BATCH_VALUES: usize = 3 << 17;

/// The same on a GPU, which wants more at once.
const GPU_BATCH_VALUES: usize = 1 << 23;

/// How the networks run.
#[derive(Debug, Clone, Copy)]
pub struct EncodeOptions {
    /// Threads inside one session. One is best where several encoders share the work.
    pub threads: usize,
    /// Where it runs.
    pub device: Device,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        EncodeOptions { threads: 1, device: Device::Auto }
    }
}

/// The encoder of a model: images to latents.
#[derive(Debug)]
pub struct Encoder {
    network: Network,
    input: InputShape,
    latent_size: usize,
    /// How images are prepared, if another program made the model.
    format: Option<Format>,
    /// The images of one call as the model takes them, [N, C, H, W] or [N, H, W, C].
    prepared: Vec<f32>,
}

impl Encoder {
    /// Opens the model's encoder.
    ///
    /// # Errors
    /// When ONNX Runtime rejects the graph, or the graph is not one from images to latents of the stated
    /// size.
    pub fn new(runtime: &Runtime, model: &Model, options: &EncodeOptions) -> Result<Encoder> {
        let metadata = &model.metadata;
        let foreign = model.foreign.as_ref();
        let part = Part {
            file: if foreign.is_some() { "" } else { "/encoder.onnx" },
            input: foreign.map_or("image", |foreign| &foreign.format.input),
            output: foreign.map_or("latent", |foreign| &foreign.format.output),
            bytes: &model.encoder,
            external: model.external(),
            batch: foreign.and_then(|foreign| foreign.batch),
            folding: foreign.is_none_or(|foreign| foreign.folds),
        };
        let network = Network::open(runtime, &metadata.name, &part, options)?;
        let format = foreign.map(|foreign| foreign.format.clone());
        let (input, latent_size) = (metadata.input, metadata.latent_size);
        Ok(Encoder { network, input, latent_size, format, prepared: Vec::new() })
    }

    /// What it takes.
    pub fn input(&self) -> InputShape {
        self.input
    }

    /// Numbers per latent, D.
    pub fn latent_size(&self) -> usize {
        self.latent_size
    }

    /// The device it runs on.
    pub fn device(&self) -> Device {
        self.network.session.device()
    }

    /// What ends a run that does not end by itself, from any thread.
    pub fn stopper(&self) -> Stopper {
        self.network.session.stopper()
    }

    /// Latents [N, D] of images [N, C, H, W].
    ///
    /// # Errors
    /// When `images` is not a whole number of images, or the run fails.
    pub fn encode(&mut self, images: &[f32]) -> Result<Vec<f32>> {
        let n = self.network.rows_per_run(self.input.size());
        self.encode_by(n, images)
    }

    /// The same with up to `n` images in a run.
    pub(super) fn encode_by(&mut self, n: usize, images: &[f32]) -> Result<Vec<f32>> {
        let InputShape { channels, height, width } = self.input;
        self.network.whole(images, self.input.size())?;
        let Some(format) = &self.format else {
            let give = |_, output: &Tensor| Some(output.data().to_vec());
            return self.network.run(images, &[channels, height, width], self.latent_size, n, give);
        };
        format.prepare(images, &mut self.prepared);
        let give = |n, output: &Tensor| format.latents(n, output.shape(), output.data());
        self.network.run(&self.prepared, &format.layout.dims(self.input), self.latent_size, n, give)
    }
}

/// The decoder of a model: latents to images.
#[derive(Debug)]
pub struct Decoder {
    network: Network,
    output: InputShape,
    latent_size: usize,
}

impl Decoder {
    /// Opens the model's decoder; none if it has none.
    ///
    /// # Errors
    /// When ONNX Runtime rejects the graph, or the graph is not one from latents to images of the stated
    /// size.
    pub fn new(runtime: &Runtime, model: &Model, options: &EncodeOptions) -> Result<Option<Decoder>> {
        let Some(bytes) = &model.decoder else { return Ok(None) };
        let metadata = &model.metadata;
        let (file, input, output) = ("/decoder.onnx", "latent", "image");
        let part = Part { file, input, output, bytes, external: &[], batch: None, folding: true };
        let network = Network::open(runtime, &metadata.name, &part, options)?;
        Ok(Some(Decoder { network, output: metadata.reconstruction, latent_size: metadata.latent_size }))
    }

    /// Images [N, C, H, W] of latents [N, D].
    ///
    /// # Errors
    /// When `latents` is not a whole number of latents, or the run fails.
    pub fn decode(&mut self, latents: &[f32]) -> Result<Vec<f32>> {
        self.network.whole(latents, self.latent_size)?;
        let n = self.network.rows_per_run(self.output.size());
        let give = |_, output: &Tensor| Some(output.data().to_vec());
        self.network.run(latents, &[self.latent_size], self.output.size(), n, give)
    }
}

/// A graph with one input and one output of interest.
#[derive(Debug)]
struct Network {
    session: Session,
    /// What messages call it.
    name: String,
    input: String,
    output: String,
    /// Rows per run, if the graph fixes their number.
    batch: Option<usize>,
    /// The last rows of a call, filled up with zeros to such a run.
    padded: Vec<f32>,
}

/// One of a model's files, and which of its inputs and outputs matter.
struct Part<'a> {
    /// What is appended to the model's name in messages.
    file: &'static str,
    input: &'a str,
    output: &'a str,
    bytes: &'a [u8],
    external: &'a [ExternalFile],
    batch: Option<usize>,
    folding: bool,
}

impl Network {
    fn open(runtime: &Runtime, model: &str, part: &Part<'_>, options: &EncodeOptions) -> Result<Network> {
        let Part { file, input, output, bytes, external, batch, folding } = *part;
        let name = format!("{model}{file}");
        let (threads, device) = (options.threads, options.device);
        let options = SessionOptions { threads, device, folding, ..Default::default() };
        let opened = runtime.open(&ModelBytes { graph: bytes, external }, &options);
        let session = opened.map_err(|e| match e {
            // A missing device is no fault of the model.
            Error::Runtime(Problem { what, hint: None }) => Error::damaged(&name, what),
            other => other,
        })?;
        let names = session.input_names();
        if names != [input] {
            return Err(Error::damaged(&name, format!("inputs: expected {input}, got {}", names.join(", "))));
        }
        let names = session.output_names();
        if !names.iter().any(|name| name == output) {
            return Err(Error::damaged(
                &name,
                format!("outputs: expected {output}, got {}", names.join(", ")),
            ));
        }
        let (input, output) = (input.to_owned(), output.to_owned());
        Ok(Network { session, name, input, output, batch, padded: Vec::new() })
    }

    /// Whether `data` is a whole number of rows of so many values.
    fn whole(&self, data: &[f32], in_size: usize) -> Result<()> {
        if in_size > 0 && data.len().is_multiple_of(in_size) {
            return Ok(());
        }
        let what = format!("{}: expected a multiple of {in_size} numbers, got {}", self.input, data.len());
        Err(Error::invalid(format!("{}: {what}", self.name)))
    }

    /// Rows per run, where an image has so many values.
    fn rows_per_run(&self, size: usize) -> usize {
        let values = if self.session.device() == Device::Cpu { BATCH_VALUES } else { GPU_BATCH_VALUES };
        (values / size.max(1)).clamp(1, BATCH)
    }

    /// Runs rows of shape `row` in batches of `n`; returns as many rows of `out_size` numbers, which `give`
    /// takes out of the output of so many rows.
    fn run(
        &mut self,
        data: &[f32],
        row: &[usize],
        out_size: usize,
        n: usize,
        give: impl Fn(usize, &Tensor) -> Option<Vec<f32>>,
    ) -> Result<Vec<f32>> {
        let in_size: usize = row.iter().product();
        let n_rows = self.batch.unwrap_or(n);
        let mut out = Vec::with_capacity(data.len() / in_size * out_size);
        let mut shape = [&[0], row].concat();
        for rows in data.chunks(n_rows * in_size) {
            let wanted = rows.len() / in_size * out_size;
            let mut batch = rows;
            if self.batch.is_some() && rows.len() < n_rows * in_size {
                self.padded.clear();
                self.padded.extend_from_slice(rows);
                self.padded.resize(n_rows * in_size, 0.0);
                batch = &self.padded;
            }
            shape[0] = batch.len() / in_size;
            let output = self.session.run_for(&self.output, &[(&self.input, Input::Slice(&shape, batch))])?;
            let given = give(shape[0], &output).filter(|given| given.len() == shape[0] * out_size);
            let given = given.ok_or_else(|| {
                let what =
                    format!("output: expected {} x {out_size} numbers, got {:?}", shape[0], output.shape());
                Error::damaged(&self.name, what)
            })?;
            out.extend_from_slice(&given[..wanted]);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::model::{Family, Metadata, decoder_onnx, encoder_onnx};
    use crate::runtime::{RuntimeOptions, ensure};

    fn runtime() -> Runtime {
        ensure(&RuntimeOptions::from_env(), &()).unwrap()
    }

    fn model(family: Family, input: InputShape) -> Model {
        let architecture = family.architecture(input, 64).unwrap();
        let parameters = architecture.initial_weights(1);
        let metadata = Metadata::new("untrained", &architecture, 64);
        let encoder = encoder_onnx(&architecture, &parameters, &metadata).to_bytes();
        let decoder = decoder_onnx(&architecture, &parameters, &metadata).to_bytes();
        Model::from_parts("untrained", Cow::Owned(encoder), Some(Cow::Owned(decoder)), None).unwrap()
    }

    #[test]
    fn batches_give_what_single_images_give() {
        let input = InputShape { channels: 1, height: 28, width: 28 };
        let model = model(Family::ConvHash, input);
        let n_images = BATCH + 3;
        let images: Vec<f32> = (0..n_images * input.size()).map(|i| (i * 7 % 97) as f32 / 96.0).collect();
        let mut encoder = Encoder::new(&runtime(), &model, &EncodeOptions::default()).unwrap();
        let latents = encoder.encode(&images).unwrap();
        assert_eq!(latents.len(), n_images * encoder.latent_size());
        let last = encoder.encode(&images[(n_images - 1) * input.size()..]).unwrap();
        let batched = &latents[(n_images - 1) * encoder.latent_size()..];
        for (one, batched) in last.iter().zip(batched) {
            assert!((one - batched).abs() < 1e-4, "{one} {batched}");
        }

        let mut decoder = Decoder::new(&runtime(), &model, &EncodeOptions::default()).unwrap().unwrap();
        let pictures = decoder.decode(&latents).unwrap();
        assert_eq!(pictures.len(), images.len());
        assert!(pictures.iter().all(|p| (0.0..=1.0).contains(p)));

        assert_eq!(encoder.encode(&[]).unwrap(), [0.0; 0]);
        assert!(
            encoder.encode(&images[..10]).unwrap_err().to_string().contains("expected a multiple of 784")
        );
    }

    #[test]
    fn networks_that_do_not_fit_are_refused() {
        let input = InputShape { channels: 3, height: 32, width: 32 };
        let mut swapped = model(Family::ConvHash, input);
        swapped.encoder = swapped.decoder.clone().unwrap();
        let error = Encoder::new(&runtime(), &swapped, &EncodeOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "untrained/encoder.onnx: inputs: expected image, got latent");

        let mut broken = model(Family::ConvHash, input);
        broken.encoder = Cow::Owned(broken.encoder[..broken.encoder.len() / 2].to_vec());
        let error = Encoder::new(&runtime(), &broken, &EncodeOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Damaged(_)), "{error}");

        let mut lying = model(Family::ConvHash, input);
        lying.metadata.latent_size = 65;
        let mut encoder = Encoder::new(&runtime(), &lying, &EncodeOptions::default()).unwrap();
        assert!(matches!(encoder.encode(&[0.0; 3 * 32 * 32]), Err(Error::Damaged(_))));

        let mut alone = model(Family::ConvHash, input);
        alone.decoder = None;
        assert!(Decoder::new(&runtime(), &alone, &EncodeOptions::default()).unwrap().is_none());
    }
}
