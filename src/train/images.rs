//! The images of a training: those to train on and those to validate on, decoded to the model's size.

use super::data::Dataset;
use super::lessons::Lessons;
use super::options::TrainOptions;
use super::request::{TrainRequest, Validation};
use super::store::Storage;
use super::teacher::Teacher;
use crate::error::{Error, Result};
use crate::images::{self, InputShape, Item, Limits, Skipped, Walk, WalkOptions, walk};
use crate::model::{Family, Model};
use crate::observer::{Note, Observer};
use crate::output::bytes;

/// The largest side of an input that is chosen without being asked for, in pixels.
const LARGEST_DEFAULT_SIDE: usize = 64;

/// Images to train on and to validate on, at the model's size.
pub(super) struct TrainingImages {
    pub(super) training: Dataset,
    pub(super) validation: Option<Dataset>,
    pub(super) skipped: Vec<Skipped>,
}

/// The input of the model: as requested, else as the model to start from has it, else as the first readable
/// image is, as far as the family takes such images.
pub(super) fn input_shape(request: &TrainRequest, from: Option<&Model>, found: &Walk) -> Result<InputShape> {
    let base = match (from, request.size, request.channels) {
        (Some(model), _, _) => model.metadata.input,
        // Both are given: no image need be opened.
        (None, Some((width, height)), Some(channels)) => InputShape { channels, height, width },
        _ => first_shape(found, request.tuning.family.unwrap_or(TrainOptions::default().family))?,
    };
    let (width, height) = request.size.unwrap_or((base.width, base.height));
    Ok(InputShape { channels: request.channels.unwrap_or(base.channels), height, width })
}

fn first_shape(found: &Walk, family: Family) -> Result<InputShape> {
    let limits = Limits::default();
    let mut unread = vec![];
    let readable = found.items.iter().find_map(|item| {
        images::load(item, &limits).map_err(|reason| unread.push(Skipped::new(item.name(), reason))).ok()
    });
    let Some(loaded) = readable else { return Err(none_to_train_on(found, &unread)) };
    let pixels = loaded.pixels;
    let [height, width] =
        family.sides([pixels.height, pixels.width].map(|side| side.min(LARGEST_DEFAULT_SIDE)));
    Ok(InputShape { channels: family.channels().unwrap_or(pixels.channels), height, width })
}

/// The error for a training without images; it names one that could not be read.
fn none_to_train_on(found: &Walk, unread: &[Skipped]) -> Error {
    let what = "training images: expected at least one that can be read, got none";
    match found.skipped.iter().chain(unread).next() {
        Some(Skipped { path, reason, .. }) => Error::not_found(format!("{what}: {path}: {reason}")),
        None => Error::not_found(what),
    }
}

/// Decodes what was `found` and what is to be validated on, and has a teacher look at them; `seed` decides which images
/// are held out.
pub(super) fn load(
    request: &TrainRequest,
    found: &Walk,
    (shape, seed): (InputShape, u64),
    mut teacher: Option<Teacher>,
    observer: &dyn Observer,
) -> Result<TrainingImages> {
    let storage = Storage { max_memory: request.max_memory, folder: request.folder.clone() };
    let (all, mut skipped) = decode(&found.items, shape, &storage, &mut teacher, observer)?;
    if all.is_empty() {
        return Err(none_to_train_on(found, &skipped));
    }
    let (training, validation) = match &request.validation {
        Validation::None => (all, None),
        Validation::Fraction(fraction) => {
            let (training, held_out) = all.split(*fraction, seed)?;
            (training, Some(held_out))
        }
        Validation::Data(path) => {
            let found = walk(std::slice::from_ref(path), &WalkOptions::default())?;
            found.skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
            let storage = storage.beside(all.memory_bytes());
            let (data, unread) = decode(&found.items, shape, &storage, &mut teacher, observer)?;
            skipped.extend(found.skipped.into_iter().chain(unread));
            (all, Some(data))
        }
    };
    Ok(TrainingImages { training, validation, skipped })
}

/// Decodes images, with a note if they go to disk, and with what a teacher gives for them.
fn decode(
    items: &[Item],
    shape: InputShape,
    storage: &Storage,
    teacher: &mut Option<Teacher>,
    observer: &dyn Observer,
) -> Result<(Dataset, Vec<Skipped>)> {
    let taught = teacher.as_ref().map_or(0, |teacher| Lessons::bytes(teacher.size(), items.len()));
    let storage = storage.holding("`teacher`: features", taught)?;
    if let Some(size) = storage.file_bytes(items.len(), shape.size()) {
        let (folder, size, most) = (storage.folder.display(), bytes(size), bytes(storage.max_memory));
        observer.note(&Note::new(format!(
            "{folder}: decoded images go into an unnamed file here: {size}, of which memory may hold {most}; the file is gone when \
             training ends"
        )));
    }
    let (data, skipped) = Dataset::load(items, shape, &storage, observer)?;
    match teacher {
        Some(teacher) => Ok((data.with_lessons(teacher.lessons(items, observer)?)?, skipped)),
        None => Ok((data, skipped)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::Pixels;
    use crate::train::request::Tuning;

    #[test]
    fn an_input_is_like_the_first_image_as_far_as_the_family_takes_it() {
        let pixels = |width, height, channels| Pixels {
            width,
            height,
            channels,
            data: vec![9; width * height * channels],
        };
        let shape = |family, pixels| {
            let found =
                Walk { items: vec![Item::from_pixels("first".to_owned(), pixels)], ..Walk::default() };
            let tuning = Tuning { family: Some(family), ..Tuning::default() };
            let request = TrainRequest { tuning, ..TrainRequest::default() };
            let shape = input_shape(&request, None, &found).unwrap();
            assert!(request.options(None, shape).is_ok(), "{family}: {shape:?}");
            [shape.width, shape.height, shape.channels]
        };
        assert_eq!(shape(Family::Dense, pixels(30, 500, 1)), [32, 64, 1]);
        assert_eq!(shape(Family::ConvHash, pixels(3, 28, 3)), [8, 28, 3]);
        assert_eq!(shape(Family::Conv, pixels(97, 33, 3)), [64, 40, 3]);
        assert_eq!(shape(Family::Conv, pixels(27, 44, 1)), [28, 44, 1]);
        assert_eq!(shape(Family::Photo, pixels(28, 28, 1)), [64, 64, 3]);
        assert_eq!(shape(Family::Photo, pixels(500, 333, 3)), [64, 64, 3]);
    }

    #[test]
    fn every_family_takes_every_size_that_is_chosen_for_it() {
        for family in Family::ALL {
            for (height, width) in
                (1..=LARGEST_DEFAULT_SIDE).flat_map(|h| [(h, 1), (h, 33), (h, 64), (64, h)])
            {
                let [height, width] = family.sides([height, width]);
                let shape = InputShape { channels: 3, height, width };
                let taken = TrainOptions::for_family(family, 3).architecture(shape);
                assert!(taken.is_ok(), "{family} {height}x{width}: {taken:?}");
            }
        }
    }
}
