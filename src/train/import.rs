//! A pretrained network of another program becomes a model of family `photo`: its weights in our layers, both
//! run and compared, and a model folder to train on from.

use std::path::PathBuf;

use super::folder::{Held, check_free};
use super::run::{Ending, Trained};
use crate::error::{Error, Result};
use crate::images::InputShape;
use crate::model::{
    Architecture, Description, Design, Family, LoadOptions, Metadata, Model, Size, decoder_onnx,
    encoder_onnx, features_onnx, fitting_layers, import,
};
use crate::observer::{Note, Observer};
use crate::onnx::OnnxFile;
use crate::runtime::{Device, Input, Runtime, RuntimeOptions, SessionOptions, ensure};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Width and depth, in percent, of EfficientNet-Lite0 to Lite4 (Tan & Le, 2019).
const SIZES: [(usize, usize); 5] = [(100, 100), (100, 110), (110, 120), (120, 140), (140, 180)];

/// Features of both networks may differ by so much: sums are rounded in another order.
const TOLERANCE: f32 = 1e-4;

/// Height and width of the input where the file leaves them open.
const SIDE: usize = 224;

/// Images on which both are compared.
const IMAGES: usize = 4;

/// What to import, and where to.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The ONNX file.
    pub file: PathBuf,
    /// The model folder to write.
    pub folder: PathBuf,
    /// Replace the model in the folder.
    pub force: bool,
    /// Height and width of the input, in pixels; none: those of the file, 224 where it leaves them open.
    pub side: Option<usize>,
    /// Filters, in percent of EfficientNet-Lite0's; none: the one of Lite0 to Lite4 that fits.
    pub width: Option<usize>,
    /// How often blocks are repeated, in percent; none: likewise.
    pub depth: Option<usize>,
    /// Numbers of the latent.
    pub latent: usize,
    /// Seed of the projection to the latent and of the decoder, which are fresh.
    pub seed: u64,
    /// Where ONNX Runtime comes from.
    pub runtime: RuntimeOptions,
    /// The command that asks for it, for the model's card.
    pub command: String,
}

impl Default for ImportRequest {
    fn default() -> Self {
        ImportRequest {
            file: PathBuf::new(),
            folder: PathBuf::new(),
            force: false,
            side: None,
            width: None,
            depth: None,
            latent: Design::default().latent,
            seed: 0,
            runtime: RuntimeOptions::default(),
            command: String::new(),
        }
    }
}

/// A model that was imported and written.
pub struct Imported {
    /// The model.
    pub model: Trained,
    /// The largest difference between features of both networks, over a few images.
    pub difference: f32,
}

/// Maps the convolutions of the file onto the layers of family `photo`, compares the pooled features of both
/// networks on a few images, and writes the model folder.
///
/// # Errors
/// `Mismatch` that names the first layer that does not fit, or says how far features are apart; otherwise
/// when the file or folder cannot be used, or ONNX Runtime cannot.
pub fn import_model(request: &ImportRequest, observer: &dyn Observer) -> Result<Imported> {
    check_free(&request.folder, request.force)?;
    let name = request.file.display().to_string();
    let theirs = match request.side {
        Some(side) => load(&name, Some(side))?,
        None => load(&name, None).or_else(|error| load(&name, Some(SIDE)).map_err(|_| error))?,
    };
    let input = theirs.metadata.input;
    let file = OnnxFile::read(&theirs.encoder).map_err(|what| Error::damaged(&name, what))?;
    let architecture = architecture(request, input, &file, &name)?;
    let weights = import(&architecture, &file, &name, request.seed)?;
    let runtime = ensure(&request.runtime, observer)?;
    let difference = difference(&runtime, &architecture, &weights, &theirs)?;
    if difference.is_nan() || difference > TOLERANCE {
        let what = format!("features: expected a difference of at most {TOLERANCE}, got {difference}");
        return Err(Error::mismatch(&name, what).with_hint(
            "its layers have the right shapes, but compute something else: the file must take (x - 127) / 128, \
             pad as TensorFlow does (SAME), and give the pooled features after ReLU6",
        ));
    }
    let folder = &request.folder;
    let called = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
    let called =
        called.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned());
    let metadata = Metadata {
        origin: Some(format!(
            "encoder from {} (SHA-256 {})",
            request.file.file_name().unwrap_or_default().to_string_lossy(),
            theirs.sha256
        )),
        seed: request.seed,
        ..Metadata::new(&called, &architecture, Family::Photo.default_bits().min(request.latent))
    };
    let [encoder, decoder] =
        [encoder_onnx, decoder_onnx].map(|export| export(&architecture, &weights, &metadata));
    let model = Trained {
        architecture,
        metadata,
        encoder,
        decoder,
        epochs: vec![],
        best_epoch: 0,
        ending: Ending::Done,
        student: None,
    };
    let held = Held::make(folder, || check_free(folder, request.force))?;
    held.sweep()?;
    model.save(&runtime, folder, &request.command, "")?;
    observer.note(&Note::new(format!("features of both networks differ by at most {difference:.1e}")));
    Ok(Imported { model, difference })
}

/// The file, which takes images of a size of its own where none is said.
fn load(name: &str, side: Option<usize>) -> Result<Model> {
    let description = Description {
        size: side.map(|side| Size { height: side, width: side }),
        range: Some(255),
        mean: Some(vec![127.0]),
        std: Some(vec![128.0]),
        ..Description::default()
    };
    Model::load_any(name, &LoadOptions { description, ..LoadOptions::default() })
}

/// The architecture asked for, or the one of [`SIZES`] that the file fits furthest.
fn architecture(
    request: &ImportRequest,
    input: InputShape,
    file: &OnnxFile,
    name: &str,
) -> Result<Architecture> {
    let bits = Family::Photo.default_bits().min(request.latent);
    let of = |(width, depth): (usize, usize)| {
        let width = request.width.unwrap_or(width);
        let depth = request.depth.unwrap_or(depth);
        Family::Photo
            .architecture(input, Design { bits, width, depth, latent: request.latent, ..Design::default() })
    };
    let mut best = (
        0,
        of(SIZES[0]).map_err(|error| match input.height.next_multiple_of(32) {
            side if side == input.height => error,
            side => error.with_hint(format!("export the network at {side} x {side} pixels")),
        })?,
    );
    for size in SIZES {
        let architecture = of(size)?;
        let fitting = fitting_layers(&architecture, file, name)?;
        if fitting > best.0 {
            best = (fitting, architecture);
        }
    }
    Ok(best.1)
}

/// The largest difference between the features of both networks on a few random images.
fn difference(runtime: &Runtime, architecture: &Architecture, weights: &[f32], model: &Model) -> Result<f32> {
    let options = SessionOptions { device: Device::Cpu, ..SessionOptions::default() };
    let layers = architecture.feature_layers();
    let mut ours = runtime.session(&features_onnx(architecture, weights, layers).to_bytes(), &options)?;
    let mut foreign = runtime.session(&model.encoder, &options)?;
    let Some(format) = model.foreign.as_ref().map(|foreign| &foreign.format) else { return Ok(f32::NAN) };
    let shape = architecture.input;
    let InputShape { channels, height, width } = shape;
    let mut rng = ChaCha8Rng::seed_from_u64(0x696d_7074);
    let mut largest = 0.0f32;
    let mut prepared = vec![];
    for _ in 0..IMAGES {
        // flat squares with a little noise: something of every frequency
        let squares: Vec<f32> = (0..channels * 16).map(|_| rng.random()).collect();
        let image: Vec<f32> = (0..shape.size())
            .map(|i| {
                let (channel, y, x) = (i / (height * width), i / width % height, i % width);
                let square = channel * 16 + y * 4 / height * 4 + x * 4 / width;
                (0.8 * squares[square] + 0.2 * rng.random::<f32>()).clamp(0.0, 1.0)
            })
            .collect();
        format.prepare(&image, &mut prepared);
        let dims = [1, channels, height, width];
        let ours = ours.run_for("features", &[("image", Input::Slice(&dims, &image))])?;
        let [a, b, c] = format.layout.dims(shape);
        let dims = [1, a, b, c];
        let theirs = foreign.run_for(&format.output, &[(&format.input, Input::Slice(&dims, &prepared))])?;
        if ours.data().len() != theirs.data().len() {
            let (expected, got) = (ours.data().len(), theirs.data().len());
            let what = format!("output {}: expected {expected} features, got {got}", format.output);
            return Err(Error::mismatch(&model.metadata.name, what)
                .with_hint("export the network without its classifier: up to the pooled features"));
        }
        let apart = ours.data().iter().zip(theirs.data()).map(|(a, b)| (a - b).abs());
        largest = apart.fold(largest, |most, x| if x.is_nan() { f32::NAN } else { most.max(x) });
    }
    Ok(largest)
}
