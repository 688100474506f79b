//! Trains a small autoencoder on a folder of digits, then encodes a 7 with it: latent, code and bits.
//!
//! `cargo run --example train_and_encode`

use aesearch::demo::collection::write_collection;
use aesearch::encode::{Binarizer, EncodeOptions, Encoder};
use aesearch::images::{Item, Limits, Resizer, load};
use aesearch::model::{Family, Model};
use aesearch::runtime::RuntimeOptions;
use aesearch::train::{TrainRequest, Tuning, train_model};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    write_collection(folder.path(), 1, 20)?;
    let request = TrainRequest {
        data: vec![folder.path().join("digits")],
        folder: folder.path().join("model"),
        tuning: Tuning { family: Some(Family::ConvHash), epochs: Some(2), ..Tuning::default() },
        runtime: RuntimeOptions::from_env(),
        ..TrainRequest::default()
    };
    let trained = train_model(&request, &())?;
    println!("trained on {} images", trained.images);

    let model = Model::load(&request.folder.display().to_string())?;
    let mut encoder = Encoder::new(&trained.runtime, &model, &EncodeOptions::default())?;
    let seven = load(&Item::from_path(folder.path().join("7.png")), &Limits::default())?.pixels;
    let mut image = vec![0.0; encoder.input().size()]; // [C, H, W], 0..=1
    Resizer::new().to_input(&seven, encoder.input(), &mut image)?;
    let latent = encoder.encode(&image)?;
    let code = Binarizer::sign(latent.len(), model.metadata.bits)?.binarize(&latent);
    println!("latent of {} numbers, code of {} bits: {code:016x?}", latent.len(), model.metadata.bits);
    Ok(())
}
