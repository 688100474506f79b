//! `train --teacher`: students of every family follow an encoder, on pictures in which it sees something else
//! than what a reconstruction is made of.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use aesearch::encode::{EncodeOptions, Encoder};
use aesearch::images::{InputShape, Pixels, Resizer, write_png};
use aesearch::model::{Family, LoadOptions, Model};
use aesearch::observer::{Observer, Progress};
use aesearch::runtime::RuntimeOptions;
use aesearch::train::{
    Ending, Freeze, TeacherRequest, TrainRequest, TrainedModel, Tuning, Validation, train_model,
};

use crate::cli::Place;
use crate::foreign::{colour, runtime, write_model};

/// Black and white squares that hide a faint colour, of which the teacher's small convolutions see more than
/// of where the squares are.
fn squares(i: usize) -> Pixels {
    let random = |k: usize| (i * 7919 + k * 104_729 + (i * k) % 13 * 31) % 97;
    let mut data = vec![];
    for at in 0..32 * 32 {
        let square = (at / 32 / 8) * 4 + at % 32 / 8;
        let light = 60 + 120 * (random(square) % 2);
        data.extend([random(20), random(21), random(22)].map(|hue| (light + hue / 2) as u8));
    }
    Pixels { width: 32, height: 32, channels: 3, data }
}

/// A folder of such pictures, and a teacher beside it.
fn school(n: usize) -> Place {
    let place = Place::empty();
    fs::create_dir_all(place.path().join("data")).expect("makes the folder");
    for i in 0..n {
        write_png(&place.path().join(format!("data/{i:03}.png")), &squares(i)).expect("writes");
    }
    write_model(&place, &colour());
    place
}

fn request(place: &Place, folder: &str, tuning: Tuning) -> TrainRequest {
    let teacher = place.path().join("model.onnx").display().to_string();
    TrainRequest {
        data: vec![place.path().join("data")],
        folder: place.path().join(folder),
        teacher: Some(TeacherRequest { model: teacher, load: LoadOptions::default() }),
        size: Some((16, 16)),
        channels: Some(3),
        tuning: Tuning { bits: Some(32), batch: Some(20), ..tuning },
        runtime: RuntimeOptions::from_env(),
        ..TrainRequest::default()
    }
}

fn trained(request: &TrainRequest) -> TrainedModel {
    train_model(request, &()).expect("trains")
}

/// Latents of the first `n` pictures, each at the model's own size.
fn latents(model: &Model, n: usize) -> Vec<Vec<f32>> {
    let mut encoder = Encoder::new(&runtime(), model, &EncodeOptions::default()).expect("opens");
    let mut image = vec![0.0; encoder.input().size()];
    let mut latent = |i| {
        Resizer::default().to_input(&squares(i), encoder.input(), &mut image).expect("fits");
        encoder.encode(&image).expect("encodes")
    };
    (0..n).map(&mut latent).collect()
}

/// The share of the five nearest by `theirs` that are among the five nearest by `ours`, by the cosine of what
/// differs from the mean.
fn shared(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f64 {
    let nearest = |latents: &[Vec<f32>]| -> Vec<Vec<usize>> {
        let n = latents.len() as f32;
        let mean: Vec<f32> =
            (0..latents[0].len()).map(|k| latents.iter().map(|latent| latent[k]).sum::<f32>() / n).collect();
        let unit = |latent: &Vec<f32>| -> Vec<f32> {
            let centred: Vec<f32> = latent.iter().zip(&mean).map(|(x, mean)| x - mean).collect();
            let length = centred.iter().map(|x| x * x).sum::<f32>().sqrt();
            centred.iter().map(|x| x / length).collect()
        };
        let units: Vec<Vec<f32>> = latents.iter().map(unit).collect();
        let cosine = |i: usize, j: usize| units[i].iter().zip(&units[j]).map(|(a, b)| a * b).sum::<f32>();
        let of = |i: usize| {
            let mut others: Vec<usize> = (0..units.len()).filter(|&j| j != i).collect();
            others.sort_by(|&a, &b| cosine(i, b).total_cmp(&cosine(i, a)));
            others.truncate(5);
            others
        };
        (0..units.len()).map(of).collect()
    };
    let pairs = nearest(ours).into_iter().zip(nearest(theirs));
    let kept = pairs.map(|(ours, theirs)| ours.iter().filter(|i| theirs.contains(i)).count());
    kept.sum::<usize>() as f64 / (5 * ours.len()) as f64
}

#[test]
fn with_a_teacher_neighbours_are_more_like_the_teachers() {
    const N: usize = 100;
    let place = school(N);
    let path = place.path().join("model.onnx").display().to_string();
    let teacher = Model::load_any(&path, &LoadOptions::default()).expect("loads");
    let theirs = latents(&teacher, N);
    let follows = |folder: &str, taught: bool| {
        let tuning = Tuning { family: Some(Family::Dense), epochs: Some(150), ..Tuning::default() };
        let mut request = request(&place, folder, tuning);
        if !taught {
            request.teacher = None;
        }
        trained(&request);
        let student = Model::load(&request.folder.display().to_string()).expect("loads");
        (shared(&latents(&student, N), &theirs), student)
    };
    let ((alone, untaught), (taught, student)) = (follows("alone", false), follows("taught", true));
    assert!(taught > alone + 0.1, "{taught} with a teacher, {alone} without");
    assert_eq!(untaught.metadata.teacher, None);
    let name = student.metadata.teacher.expect("is told");
    assert!(name.starts_with("model (SHA-256 ") && name.contains(&teacher.sha256), "{name}");
}

#[test]
fn every_family_can_be_taught() {
    let place = school(40);
    for family in Family::ALL {
        let is_photo = family == Family::Photo;
        let tuning = Tuning {
            family: Some(family),
            epochs: Some(4),
            width: is_photo.then_some(25),
            depth: is_photo.then_some(10),
            ..Tuning::default()
        };
        let request = request(&place, family.name(), tuning);
        let size = if is_photo { (64, 64) } else { (16, 16) };
        let request = TrainRequest { size: Some(size), validation: Validation::Fraction(0.5), ..request };
        let TrainedModel { trained, .. } = trained(&request);
        let lessons: Vec<f64> = trained.epochs.iter().map(|epoch| epoch.terms["teacher"]).collect();
        assert!(lessons[3] < lessons[0], "{family}: {lessons:?}");
        assert_eq!(trained.best_epoch, 4, "{family}: the last one");
        let student = trained.student.expect("is examined");
        let kept = student.kept.expect("on the images held out");
        assert!(student.images == 20 && kept > 0.0 && kept <= 1.0, "{family}: {student:?}");
        assert!(student.image_us.iter().all(|us| *us > 0.0), "{family}: {student:?}");
        assert_eq!(trained.metadata.teacher_kept, Some(kept));
        let card = fs::read_to_string(request.folder.join("README.md")).expect("a card");
        assert!(card.contains("- Teacher: model (SHA-256 ") && card.contains("among 20 held-out"), "{card}");
    }
}

#[test]
fn a_frozen_encoder_is_taught_and_teaches_at_any_size() {
    let place = school(40);
    let tuning = Tuning {
        family: Some(Family::Photo),
        width: Some(25),
        depth: Some(10),
        latent: Some(32),
        epochs: Some(2),
        ..Tuning::default()
    };
    let first = TrainRequest { size: Some((96, 96)), ..request(&place, "first", tuning.clone()) };
    trained(&first);
    // the student's own model, at 96 pixels, teaches it at 64
    let from = first.folder.display().to_string();
    let learning_rate = Some(5e-4);
    let tuning = Tuning { freeze: Some(Freeze::Encoder), epochs: Some(8), learning_rate, ..tuning };
    let teacher = TeacherRequest { model: from.clone(), load: LoadOptions::default() };
    let second = TrainRequest {
        size: Some((64, 64)),
        from: Some(from),
        teacher: Some(teacher),
        validation: Validation::Fraction(0.5),
        ..request(&place, "second", tuning)
    };
    let TrainedModel { trained, .. } = trained(&second);
    assert_eq!(trained.metadata.input, InputShape { channels: 3, height: 64, width: 64 });
    let lessons: Vec<f64> = trained.epochs.iter().map(|epoch| epoch.terms["teacher"]).collect();
    // what the linear layer can tell from the latents is known from the start; a few steps better it
    assert!(lessons[1..].iter().any(|lesson| *lesson < lessons[0]), "{lessons:?}");
    let freeze = Some(Freeze::Latent);
    let latent = TrainRequest { tuning: Tuning { freeze, ..second.tuning.clone() }, force: true, ..second };
    let refusal = train_model(&latent, &()).err().expect("refused").to_string();
    assert_eq!(refusal, "`freeze`: expected a latent that can follow the teacher, got latent");
}

/// Stops after so many steps.
struct Stop {
    steps: Cell<usize>,
}

impl Observer for Stop {
    fn progress(&self, progress: &Progress) {
        if progress.loss.is_some() {
            self.steps.set(self.steps.get().saturating_sub(1));
        }
    }

    fn should_stop(&self) -> bool {
        self.steps.get() == 0
    }
}

#[test]
fn a_taught_training_resumes_to_the_same_bytes_under_the_same_teacher_alone() {
    let place = school(40);
    let tuning = || Tuning { family: Some(Family::ConvHash), epochs: Some(3), ..Tuning::default() };
    let bytes = |folder: &Path| fs::read(folder.join("encoder.onnx")).expect("a model");
    let whole = request(&place, "same", tuning());
    trained(&whole);
    let expected = bytes(&whole.folder);
    fs::remove_dir_all(&whole.folder).expect("is there");
    // two batches an epoch: in the middle of the second one
    let stopped = train_model(&whole, &Stop { steps: Cell::new(3) }).expect("has an epoch");
    assert_eq!(stopped.trained.ending, Ending::Interrupted);
    let resumed = TrainRequest { resume: true, ..whole };
    let alone = TrainRequest { teacher: None, ..resumed.clone() };
    let refusal = train_model(&alone, &()).err().expect("refused").to_string();
    assert!(refusal.contains("expected one of the same images and options"), "{refusal}");
    trained(&resumed);
    assert_eq!(bytes(&resumed.folder), expected);
}

#[test]
fn teachers_that_cannot_be_are_refused() {
    let place = school(20);
    let train = |args: &[&str]| {
        let common = ["train", "data", "-o", "m", "--family", "dense", "--size", "16", "--epochs", "1"];
        place.run(&[&common, args].concat())
    };
    train(&["--teacher", "nobody"])
        .expect(2)
        .says("nobody: no model of this name, and no such file or folder");
    train(&["--model-size", "16"]).expect(2).says("expected --teacher");
    train(&["--teacher", "model.onnx", "--model-size", "17"]).expect(2).says("17");
    train(&["--teacher", "model.onnx", "--max-memory", "5kB"])
        .expect(2)
        .says("--teacher: features: expected at most");
    assert!(!place.path().join("m/encoder.onnx").exists());
    train(&["--teacher", "model.onnx", "--val", "0.1"]).expect(0).says("Teacher: model (SHA-256 ");
}
