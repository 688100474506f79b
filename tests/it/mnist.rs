//! The figures that the README promises, on the real MNIST. Left out, aloud, where the shared data is
//! missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use aesearch::eval::evaluate::{EvalOptions, evaluate};
use aesearch::explore::cluster::{ClusterOptions, cluster};
use aesearch::explore::rows::Rows;
use aesearch::gallery::{Gallery, OpenOptions, QueryOptions, UpdateOptions, update};
use aesearch::generate::sampling::{SampleOptions, sample};
use aesearch::images::{self, Limits, Pixels, encode_jpeg};
use aesearch::model::Family;
use aesearch::runtime::{RuntimeOptions, ensure};
use aesearch::train::{Dataset, Storage, TrainOptions, train};
use aesearch_index::Access;
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageFormat};

use crate::fixtures::{encode, idx, shared_data, write};
use crate::scenes::{list, members, place_of, scan};

fn runtime_options() -> RuntimeOptions {
    RuntimeOptions::from_env()
}

fn images_file(data: &Path, part: &str) -> PathBuf {
    data.join(format!("mnist/{part}-images-idx3-ubyte.gz"))
}

#[test]
fn sixty_thousand_digits_find_themselves_and_their_kin() {
    let Some(data) = shared_data() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("index");
    let options = UpdateOptions { threads: 2, ..UpdateOptions::new(runtime_options()) };
    let train = [images_file(&data, "train")];
    let report = update(&dir, &train, &options, &()).expect("indexes");
    assert_eq!((report.added, report.skipped.len()), (60_000, 0));

    let gallery = Gallery::open(&dir, &OpenOptions::new(runtime_options()), &()).expect("opens");
    let items = images::walk(&train, &images::WalkOptions::default()).expect("walks").items;
    for item in items.iter().step_by(60) {
        let hits = gallery.query(item, &QueryOptions::default()).expect("answers").hits;
        assert_eq!((hits[0].path.as_str(), hits[0].distance), (item.display().as_str(), 0));
    }

    let rows = Rows::open(&dir, Access::Map).expect("images");
    let ten = ClusterOptions { k: Some(10), ..ClusterOptions::default() };
    let agreement = cluster(&rows, &ten, &()).expect("clusters").agreement.expect("labels");
    assert!(agreement.accuracy >= 0.85 && agreement.nmi >= 0.80, "{agreement:?}");
    let found = cluster(&rows, &ClusterOptions::default(), &()).expect("clusters");
    assert!((8..=15).contains(&found.clusters.len()), "{:?}", found.tried);
    drop(rows);

    for model in ["article-vae", "article-aae"] {
        let share = share_of_confident_samples(&gallery, model);
        assert!(share >= 0.70, "{model}: {share} of the samples look like one digit");
    }

    let test = [images_file(&data, "t10k")];
    let examination = EvalOptions { threads: 2, ..EvalOptions::default() };
    let report = evaluate(&gallery, &test, &examination, &()).expect("measures");
    assert_eq!(report.queries, 10_000);
    let codes = report.codes.expect("labels").ranking;
    assert!(codes.precision_10 >= 0.975, "precision@10 {}", codes.precision_10);
    assert!(codes.map_all >= 0.90, "mAP {}", codes.map_all);
    let reranked = report.reranked_knn10_accuracy;
    assert!(reranked.is_some_and(|p| p >= 0.985), "re-ranked kNN-10 {reranked:?}");
    assert!(report.recall_10 >= 0.99, "recall@10 {}", report.recall_10);
    assert!(!gallery.snapshot().recall_curve().is_empty(), "there is something to promise");
    assert!(report.promises.iter().all(|promise| promise.kept), "{:?}", report.promises);
}

/// Of 300 images drawn by `model`, the share of which eight or more of ten neighbours bear the same label.
fn share_of_confident_samples(gallery: &Gallery, model: &str) -> f64 {
    const COUNT: usize = 300;
    let options = SampleOptions {
        model: Some(model.to_owned()),
        count: COUNT,
        runtime: runtime_options(),
        ..SampleOptions::default()
    };
    let samples = sample(&options, &()).expect("draws");
    let confident = samples.images.iter().filter(|image| {
        let hits = gallery.query_pixels(image, &QueryOptions::default()).expect("answers").hits;
        let mut votes = HashMap::new();
        hits.iter().for_each(|hit| *votes.entry(&hit.label).or_insert(0) += 1);
        votes.values().any(|&votes| votes >= 8)
    });
    confident.count() as f64 / COUNT as f64
}

#[test]
fn one_epoch_of_the_conv_autoencoder_is_as_good_as_the_articles() {
    let Some(data) = shared_data() else { return };
    let shape = images::InputShape { channels: 1, height: 28, width: 28 };
    let [training, validation] = ["train", "t10k"].map(|part| {
        let items =
            images::walk(&[images_file(&data, part)], &images::WalkOptions::default()).expect("walks").items;
        Dataset::load(&items, shape, &Storage::default(), &()).expect("loads").0
    });
    let runtime = ensure(&runtime_options(), &()).expect("onnx runtime");
    let options = TrainOptions { epochs: 1, ..TrainOptions::for_family(Family::Conv, 1) };
    let trained = train(&runtime, &training, Some(&validation), &options, &()).expect("trains");
    let loss = trained.epochs[0].val_loss.expect("a validation loss");
    assert!(loss <= 0.0844, "validation loss {loss}");
}

/// A digit as an image.
fn digit(pixels: &Pixels) -> GrayImage {
    GrayImage::from_raw(28, 28, pixels.data.clone()).expect("28 x 28")
}

/// Copies of digits, by kind: with the ending of their files.
fn copy_of(kind: &str, digit: &GrayImage) -> (Vec<u8>, &'static str) {
    let png = |image: GrayImage| encode(&DynamicImage::ImageLuma8(image), ImageFormat::Png);
    let light = |factor: f32| {
        let mut image = digit.clone();
        image.iter_mut().for_each(|value| *value = (f32::from(*value) * factor).min(255.0) as u8);
        png(image)
    };
    match kind {
        "jpeg" => {
            let pixels = Pixels { width: 28, height: 28, channels: 1, data: digit.as_raw().clone() };
            (encode_jpeg(&pixels, 50).expect("a JPEG file"), "jpg")
        }
        "scaled" => (png(imageops::resize(digit, 56, 56, FilterType::CatmullRom)), "png"),
        "brighter" => (light(1.2), "png"),
        "darker" => (light(0.8), "png"),
        _ => {
            let mut moved = GrayImage::new(28, 28);
            imageops::replace(&mut moved, digit, 1, 0);
            (png(moved), "png")
        }
    }
}

/// 2,000 digits; all 10,000 with `AESEARCH_LONG=1`.
#[test]
fn planted_copies_of_real_digits_are_found_and_little_else() {
    let Some(data) = shared_data() else { return };
    let n = if std::env::var_os("AESEARCH_LONG").is_some() {
        10_000
    } else {
        eprintln!("SKIPPED: 10,000 digits (set AESEARCH_LONG); 2,000 instead");
        2_000
    };
    let items =
        images::walk(&[images_file(&data, "t10k")], &images::WalkOptions::default()).expect("walks").items;
    let load = |item| images::load(item, &Limits::default()).expect("a digit").pixels;
    let digits: Vec<Pixels> = items[..n].iter().map(load).collect();
    let content: Vec<u8> = digits.iter().flat_map(|digit| digit.data.iter().copied()).collect();
    let place = place_of(&[("d/t-images-idx3-ubyte", idx(&[n as u32, 28, 28], &content))]);

    let kinds = ["jpeg", "scaled", "brighter", "darker", "shifted"];
    let originals = (0..200).map(|copy| copy * n / 200);
    let mut planted: Vec<(&str, String, String)> = Vec::new();
    for (kind, original) in kinds.into_iter().cycle().zip(originals) {
        let (bytes, ending) = copy_of(kind, &digit(&digits[original]));
        let name = format!("d/{kind}/{original}.{ending}");
        write(&place.path().join(&name), &bytes);
        planted.push((kind, name, format!("d/t-images-idx3-ubyte#{original}")));
    }
    let plan = scan(&place, &["d"]);
    assert_eq!(plan["images"], n + planted.len());
    let near: Vec<BTreeSet<&str>> =
        list(&plan["groups"]).iter().map(|group| members(group).into_iter().collect()).collect();

    let mut found: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut explained: BTreeSet<&str> = BTreeSet::new();
    for (kind, copy, original) in &planted {
        let (hits, all) = found.entry(if kind.ends_with("er") { "brightness" } else { kind }).or_default();
        *all += 1;
        if near.iter().any(|group| group.contains(copy.as_str()) && group.contains(original.as_str())) {
            *hits += 1;
            explained.insert(original);
        }
    }
    let is_false = |name: &&&str| name.contains('#') && !explained.contains(**name);
    let wrong = near.iter().flatten().filter(is_false).count();
    eprintln!("{n} digits: {wrong} wrongly near, found {found:?}, {:#}", plan["threshold"]);
    assert!(wrong * 1000 <= n, "{wrong} of {n} originals are near others");
    for (kind, least) in [("jpeg", 0.99), ("scaled", 0.97), ("brightness", 0.97), ("shifted", 0.95)] {
        let (hits, all) = found[kind];
        assert!(hits as f64 >= least * all as f64, "{kind}: {hits} of {all}");
    }
}
