//! Training as a whole, on a handful of drawn digits: what is promised of seeds, starts, noise, stops and bad
//! options.

use std::cell::Cell;

use aesearch::demo::{collection::write_collection, digits};
use aesearch::images::{InputShape, WalkOptions, walk};
use aesearch::model::{
    Architecture, Design, Family, Metadata, Model, Precision, decoder_onnx, encoder_onnx, read_weights,
};
use aesearch::observer::{Observer, Progress};
use aesearch::onnx::OnnxFile;
use aesearch::runtime::{Runtime, RuntimeOptions, ensure};
use aesearch::train::{Augment, Dataset, Ending, Freeze, Storage, TrainOptions, Trained, train};
use aesearch::{Error, Result};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn runtime() -> Runtime {
    ensure(&RuntimeOptions::from_env(), &()).expect("onnx runtime")
}

fn drawn(n: usize) -> Dataset {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let pixels = (0..n).flat_map(|i| digits::draw((i % 10) as u8, &mut rng)).collect();
    Dataset::new(InputShape { channels: 1, height: 28, width: 28 }, pixels).expect("whole images")
}

fn quick(options: TrainOptions) -> Result<Trained> {
    let data = drawn(200);
    train(&runtime(), &data, Some(&data), &options, &())
}

fn small(family: Family) -> TrainOptions {
    TrainOptions { epochs: 2, batch: 32, ..TrainOptions::for_family(family, 1) }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let bytes = |seed| {
        let trained = quick(TrainOptions { seed, ..small(Family::ConvHash) }).expect("trains");
        [trained.encoder.to_bytes(), trained.decoder.to_bytes()]
    };
    assert_eq!(bytes(3), bytes(3));
    assert_ne!(bytes(3), bytes(4));
}

#[test]
fn the_same_seed_and_threads_give_the_same_bytes_wherever_the_images_lie() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write_collection(dir.path(), 7, 4).expect("digits can be drawn");
    let items = walk(&[dir.path().join("digits")], &WalkOptions::default()).expect("walks").items;
    let shape = drawn(1).shape();
    let bytes = |family, max_memory, threads| {
        let storage = Storage { max_memory, folder: dir.path().to_path_buf() };
        let (data, skipped) = Dataset::load(&items, shape, &storage, &()).expect("loads");
        assert_eq!((data.memory_bytes() > 0, skipped.len()), (max_memory > 0, 0));
        let (data, aside) = data.split(0.25, 3).expect("splits");
        let options = TrainOptions { threads, batch: 8, ..small(family) };
        let trained = train(&runtime(), &data, Some(&aside), &options, &()).expect("trains");
        [trained.encoder.to_bytes(), trained.decoder.to_bytes()]
    };
    for (family, threads) in [(Family::ConvHash, 1), (Family::Dense, 2)] {
        let first = bytes(family, u64::MAX, threads);
        assert_eq!(first, bytes(family, u64::MAX, threads), "{family}");
        assert_eq!(first, bytes(family, 0, threads), "{family} from disk");
    }
}

#[test]
fn a_warm_start_of_a_family_with_statistics_is_the_same_function() {
    let options = TrainOptions { epochs: 12, augment: Augment::None, ..small(Family::ConvHash) };
    let first = quick(options.clone()).expect("trains");
    let bytes = [first.encoder.to_bytes(), first.decoder.to_bytes()];
    let [encoder, decoder] = bytes.map(Into::into);
    let from = Model::from_parts("first", encoder, Some(decoder), None).expect("a model");
    let warm = TrainOptions { from: Some(from), epochs: 1, learning_rate: 1e-9, ..options };
    let warm = quick(warm).expect("trains");
    let [before, after] = [&first, &warm].map(|trained| trained.metadata.val_loss.expect("validated"));
    assert!((after - before).abs() < 0.01 * before, "{before} before, {after} after");
}

#[test]
fn every_family_learns_and_a_warm_start_begins_where_the_other_ended() {
    for family in Family::ALL.into_iter().filter(|family| *family != Family::Photo) {
        let options = TrainOptions { epochs: 6, learning_rate: 3e-3, ..small(family) };
        let first = quick(options.clone()).expect("trains");
        let losses: Vec<f64> = first.epochs.iter().map(|e| e.train_loss).collect();
        assert!(losses[5] < 0.8 * losses[0], "{family}: {losses:?}");
        let from = Model::from_parts(
            "first",
            first.encoder.to_bytes().into(),
            Some(first.decoder.to_bytes().into()),
            None,
        );
        let warm = TrainOptions { from: Some(from.expect("a model")), epochs: 1, ..options };
        let warm = quick(TrainOptions { learning_rate: 1e-3, ..warm });
        let warm = warm.expect("trains").epochs[0].train_loss;
        assert!(warm < 1.05 * losses[5], "{family}: {warm} after {losses:?}");
    }
}

#[test]
fn colour_images_of_32_pixels_train() {
    let shape = InputShape { channels: 3, height: 32, width: 32 };
    let pixels = (0..64 * shape.size()).map(|i| (i * i / 97 % 251) as u8).collect();
    let data = Dataset::new(shape, pixels).expect("whole images");
    for family in Family::ALL.into_iter().filter(|family| *family != Family::Photo) {
        let options = TrainOptions { epochs: 4, learning_rate: 3e-3, ..small(family) };
        let trained = train(&runtime(), &data, None, &options, &());
        let epochs = trained.expect("trains").epochs;
        assert!(epochs[3].train_loss < epochs[0].train_loss, "{family}: {epochs:?}");
    }
}

#[test]
fn noise_makes_the_task_harder_and_is_told_in_the_file() {
    let options = TrainOptions { epochs: 15, learning_rate: 3e-3, ..small(Family::Dense) };
    let clean = quick(options.clone()).expect("trains");
    let noisy = quick(TrainOptions { denoise: 0.5, ..options }).expect("trains");
    assert_eq!(noisy.metadata.denoise, 0.5);
    assert!(noisy.epochs[14].train_loss > clean.epochs[14].train_loss);
}

/// Stops when more than `after` images were trained on.
struct Stop {
    after: usize,
    done: Cell<usize>,
}

impl Observer for Stop {
    fn progress(&self, progress: &Progress) {
        self.done.set(progress.done);
    }

    fn should_stop(&self) -> bool {
        self.done.get() > self.after
    }
}

#[test]
fn a_stop_keeps_the_finished_epochs() {
    let data = drawn(100);
    let in_second = Stop { after: data.len(), done: Cell::new(0) };
    let options = TrainOptions { epochs: 5, ..small(Family::Dense) };
    let trained = train(&runtime(), &data, None, &options, &in_second).expect("one epoch");
    assert_eq!(trained.ending, Ending::Interrupted);
    assert_eq!((trained.epochs.len(), trained.metadata.epochs), (1, 1));

    let stopped = train(&runtime(), &data, None, &options, &Stop { after: 0, done: Cell::new(1) });
    assert!(matches!(stopped, Err(Error::Interrupted)));
}

#[test]
fn what_cannot_be_trained_is_refused_by_name() {
    let refusal = |options| quick(options).err().expect("refused").to_string();
    let rate = refusal(TrainOptions { learning_rate: 1e30, epochs: 3, ..small(Family::Dense) });
    assert!(rate.contains("epoch 1"), "{rate}");
    let bits = refusal(TrainOptions { design: 8.into(), ..small(Family::Conv) });
    assert_eq!(bits, "`bits`: expected 32 to 256, got 8");
    let from = Model::load("article-dense").expect("shipped");
    let other = refusal(TrainOptions { from: Some(from), ..small(Family::Conv) });
    assert!(
        other.starts_with("article-dense: encoder.0.weight: expected [16, 1, 3, 3], got none"),
        "{other}"
    );
    let empty = Dataset::new(drawn(1).shape(), vec![]).expect("no images");
    let none = train(&runtime(), &drawn(10), Some(&empty), &small(Family::Dense), &());
    assert_eq!(
        none.err().expect("refused").to_string(),
        "validation images: expected at least one, got none"
    );
}

/// A small, fresh model of family `photo`, as if imported, and images for it.
fn photo_model() -> (Model, Dataset) {
    photo_of(96, Design { width: 25, latent: 32, ..Design::from(32) })
}

/// The same with seven blocks of few filters, for 64 pixels, where whole networks are trained.
fn tiny_photo_model() -> (Model, Dataset) {
    photo_of(64, Design { width: 10, depth: 10, latent: 32, ..Design::from(32) })
}

fn photo_of(side: usize, design: Design) -> (Model, Dataset) {
    let shape = InputShape { channels: 3, height: side, width: side };
    let architecture = Family::Photo.architecture(shape, design).expect("layers");
    let metadata = Metadata::new("imported", &architecture, 32);
    let weights = architecture.initial_weights(3);
    let [encoder, decoder] = [encoder_onnx, decoder_onnx]
        .map(|export| export(&architecture, &weights, &metadata).to_bytes().into());
    let model = Model::from_parts("imported", encoder, Some(decoder), None).expect("a model");
    (model, Dataset::new(shape, blocks(side)).expect("whole images"))
}

/// 40 images `[3, side, side]`: blocks of colour that differ from image to image.
fn blocks(side: usize) -> Vec<u8> {
    let pixel = |image: usize, i: usize| {
        let (channel, y, x) = (i / (side * side), i / side % side * 4 / side, i % side * 3 / side);
        ((image * 37 + channel * 91 + y * 53 * (image % 5 + 1) + x * 17 * (image % 7)) % 256) as u8
    };
    (0..40).flat_map(|image| (0..3 * side * side).map(move |i| pixel(image, i))).collect()
}

/// The flat vector of weights in the files of a model.
fn weights(architecture: &Architecture, encoder: &[u8], decoder: &[u8]) -> Vec<f32> {
    let [encoder, decoder] = [encoder, decoder].map(|bytes| OnnxFile::read(bytes).expect("a file"));
    read_weights(architecture, "m", [&encoder, &decoder], 0).expect("weights")
}

/// The weights of `model`, and those of a training that started from it.
fn before_and_after(model: &Model, trained: &Trained) -> [Vec<f32>; 2] {
    let architecture = model.architecture().expect("layers");
    let before = weights(&architecture, &model.encoder, model.decoder.as_deref().expect("a decoder"));
    [before, weights(&architecture, &trained.encoder.to_bytes(), &trained.decoder.to_bytes())]
}

/// The names of the tensors of both halves in which some weight has changed.
fn changed(architecture: &Architecture, [before, after]: &[Vec<f32>; 2]) -> Vec<String> {
    let halves = architecture.parameters().into_iter().filter(|p| !p.name.starts_with("head."));
    halves.filter(|p| before[p.range()] != after[p.range()]).map(|p| p.name).collect()
}

/// A training of all of the tiny model, or of its last layers, without weight decay: what has no gradient
/// stays as it is.
fn tiny_training(model: &Model, freeze: Freeze, epochs: usize) -> TrainOptions {
    TrainOptions {
        design: model.metadata.design(),
        from: Some(model.clone()),
        freeze,
        epochs,
        batch: 20,
        learning_rate: 1e-3,
        weight_decay: 0.0,
        ..TrainOptions::for_family(Family::Photo, 3)
    }
}

#[test]
fn the_first_blocks_stay_and_all_behind_them_is_trained() {
    let (model, data) = tiny_photo_model();
    let options = tiny_training(&model, Freeze::Blocks(3), 1);
    let trained = train(&runtime(), &data, None, &options, &()).expect("trains");
    let architecture = model.architecture().expect("layers");
    let frozen = architecture.tail_offset(architecture.block_ends()[2]);
    let both = before_and_after(&model, &trained);
    assert_eq!(both[0][..frozen], both[1][..frozen], "the first blocks stay");
    let behind = architecture.parameters().into_iter().filter(|p| p.offset >= frozen);
    let behind: Vec<String> = behind.map(|p| p.name).filter(|name| !name.starts_with("head.")).collect();
    assert!(behind.iter().any(|name| name.starts_with("encoder.")) && frozen > 0);
    assert_eq!(changed(&architecture, &both), behind);
}

#[test]
fn a_pretrained_model_is_trained_on_as_a_whole() {
    let (model, data) = tiny_photo_model();
    let trained =
        train(&runtime(), &data, None, &tiny_training(&model, Freeze::None, 4), &()).expect("trains");
    let [first, .., last] = &trained.epochs[..] else { panic!("4 epochs") };
    assert!(last.train_loss < first.train_loss, "{:?}", trained.epochs);
    // codes learn the neighbours among the features that it had
    assert!(last.terms["neighbours"] < first.terms["neighbours"], "{:?}", trained.epochs);
    let architecture = model.architecture().expect("layers");
    let all = architecture.parameters().into_iter().map(|p| p.name).filter(|name| !name.starts_with("head."));
    let both = before_and_after(&model, &trained);
    assert_eq!(changed(&architecture, &both), all.collect::<Vec<_>>());
}

#[test]
fn a_head_is_trained_on_a_frozen_encoder() {
    let (model, data) = photo_model();
    let design = Design { width: 25, latent: 32, ..Design::from(32) };
    let options = TrainOptions {
        design,
        from: Some(model.clone()),
        freeze: Freeze::Encoder,
        epochs: 8,
        batch: 20,
        ..TrainOptions::for_family(Family::Photo, 3)
    };
    let trained = train(&runtime(), &data, None, &options, &()).expect("trains");
    let [first, .., last] = &trained.epochs[..] else { panic!("8 epochs") };
    assert!(last.train_loss < first.train_loss, "{:?}", trained.epochs);
    assert!(last.terms["neighbours"] < first.terms["neighbours"], "{:?}", trained.epochs);
    let architecture = model.architecture().expect("layers");
    let [before, after] = before_and_after(&model, &trained);
    let frozen = architecture.tail_offset(architecture.feature_layers());
    assert_eq!(before[..frozen], after[..frozen], "the encoder stays");
    let latent = frozen..frozen + 32 * 320;
    assert!(before[latent.clone()].iter().zip(&after[latent]).all(|(a, b)| a != b), "the latent is trained");
    // twice the same
    let again = train(&runtime(), &data, None, &options, &()).expect("trains");
    assert_eq!(again.encoder.to_bytes(), trained.encoder.to_bytes());
}

#[test]
fn a_frozen_latent_is_the_principal_directions() {
    let (model, data) = photo_model();
    let options = TrainOptions {
        design: Design { width: 25, latent: 32, ..Design::from(32) },
        from: Some(model),
        freeze: Freeze::Latent,
        precision: Precision::Float16,
        epochs: 2,
        batch: 20,
        ..TrainOptions::for_family(Family::Photo, 3)
    };
    let trained = train(&runtime(), &data, Some(&data), &options, &()).expect("trains");
    assert_eq!(trained.metadata.precision, Precision::Float16);
    let [first, last] = &trained.epochs[..] else { panic!("2 epochs") };
    assert!(last.val_loss < first.val_loss, "{:?}", trained.epochs);

    // along principal directions latents vary less and less, each without regard to the others
    let [encoder, decoder] = [&trained.encoder, &trained.decoder].map(|file| file.to_bytes().into());
    let model = Model::from_parts("projected", encoder, Some(decoder), None).expect("a model");
    let images: Vec<f32> = blocks(96).iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
    let latents = crate::foreign::latents(&model, &images);
    let mean = |f: &dyn Fn(&[f32]) -> f32| latents.chunks_exact(32).map(f).sum::<f32>() / 40.0;
    let most = mean(&|z| z[0] * z[0]);
    for i in 0..32 {
        assert!(mean(&|z| z[i]).abs() < 0.02 * most.sqrt(), "the mean of {i}");
        for j in 0..i {
            let together = mean(&|z| z[i] * z[j]) / most;
            assert!(together.abs() < 0.01, "{i} and {j}: {together}");
        }
        assert!(i == 0 || mean(&|z| z[i] * z[i]) < 1.01 * mean(&|z| z[i - 1] * z[i - 1]) + 1e-3 * most);
    }
}

#[test]
fn what_cannot_be_frozen_is_named() {
    let (model, data) = photo_model();
    let design = Design { width: 25, latent: 32, ..Design::from(32) };
    let photo = || TrainOptions { design, ..TrainOptions::for_family(Family::Photo, 3) };
    let fails = |options| train(&runtime(), &data, None, &options, &()).err().expect("fails").to_string();
    let fresh = fails(TrainOptions { freeze: Freeze::Encoder, ..photo() });
    assert_eq!(fresh, "`freeze`: expected a model to start from, got none, with encoder");
    let from = Some(model);
    let noisy = fails(TrainOptions { freeze: Freeze::Encoder, denoise: 0.5, from: from.clone(), ..photo() });
    assert_eq!(noisy, "`denoise`: expected 0 with frozen layers, got 0.5");
    // 320 features of each image, which have to lie in memory
    let storage = Storage { max_memory: 40 * 320 * 4 - 1, ..Storage::default() };
    let large = fails(TrainOptions { from: from.clone(), storage, ..photo() });
    assert_eq!(large, "features: expected at most 0 MB, got 1 MB");
    let many = fails(TrainOptions { freeze: Freeze::Blocks(17), from, ..photo() });
    assert_eq!(many, "`freeze`: expected at most 16 blocks, got 17");
    let dense = fails(TrainOptions { freeze: Freeze::Blocks(1), ..small(Family::Dense) });
    assert!(dense.contains("family dense, which has no blocks"), "{dense}");
}
