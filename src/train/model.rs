//! From paths to a model folder: the images, the training, the files, the learning curve.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::checkup::Checkup;
use super::curve::curve;
use super::data::Dataset;
use super::folder::Held;
use super::images::{TrainingImages, input_shape, load};
use super::options::TrainOptions;
use super::request::TrainRequest;
use super::run::{Ending, Trained, train};
use super::store::Storage;
use super::teacher::Teacher;
use super::views::preview;
use crate::draw::view_sheet::{ViewRow, view_sheet};
use crate::encode::EncodeOptions;
use crate::error::{Error, Result};
use crate::images::{Skipped, keep_images, walk, write_png};
use crate::model::Model;
use crate::observer::{Note, Observer};
use crate::output::count;
use crate::runtime::{Device, Runtime, ensure};

/// A model that was trained and written.
pub struct TrainedModel {
    /// What was trained, and how it went.
    pub trained: Trained,
    /// The number of images it was trained on.
    pub images: usize,
    /// Images per step.
    pub batch: usize,
    /// What the model makes of some images; none where they are too few, or training was stopped.
    pub checkup: Option<Checkup>,
    /// Inputs that could not be used.
    pub skipped: Vec<Skipped>,
    /// Where it was trained.
    pub device: Device,
    /// The ONNX Runtime that did it.
    pub runtime: Runtime,
}

/// Trains on the images of `request.data` and writes the model folder, with `log.jsonl` and `curve.png`. When
/// the observer stops it, the best finished epoch is written, and the checkpoint stays so that the training
/// can be resumed.
///
/// # Errors
/// When the request cannot be met (with the field that says so), no image can be read, the folder cannot be
/// written or another process is writing it, ONNX Runtime cannot be used, a loss stops being a number, or it is
/// stopped before the first epoch is done ([`Error::Interrupted`]).
pub fn train_model(request: &TrainRequest, observer: &dyn Observer) -> Result<TrainedModel> {
    let held = Held::take_if_there(&request.folder)?;
    request.check()?;
    let from = request.from.as_deref().map(Model::load).transpose()?;
    let teacher = request.teacher.as_ref().map(|t| Model::load_any(&t.model, &t.load)).transpose()?;
    let found = walk(&request.data, &request.walk)?;
    found.skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
    request.views_sheet.as_deref().map_or(Ok(()), |sheet| keep_images(sheet, &found.items))?;
    let shape = input_shape(request, from.as_ref(), &found)?;
    let mut options = request.options(from, shape)?;
    let held = held.map_or_else(|| Held::make(&request.folder, || request.check()), Ok)?;
    held.sweep()?;
    if request.force && !request.resume {
        forget(&request.checkpoint_file())?;
    }
    let runtime = ensure(&request.runtime, observer)?;
    let teacher = teacher.map(|model| Teacher::open(&runtime, model, request.device)).transpose()?;
    let loaded = load(request, &found, (shape, options.seed), teacher, observer)?;
    let TrainingImages { training, validation, skipped } = loaded;
    let skipped = [found.skipped, skipped].concat();
    if let Some(sheet) = &request.views_sheet {
        draw_views(sheet, &training, &options)?;
        observer.note(&Note::new(format!("{}: images, and views of them as in training", sheet.display())));
    }
    let storage = Storage { max_memory: request.max_memory, folder: request.folder.clone() };
    options.storage = storage.beside(training.memory_bytes());
    let usual = (options.epochs, options.batch);
    let options = options.for_images(training.len(), &request.tuning);
    observer.note(&Note::new(format!(
        "training {} on {} for {} in batches of {}{}",
        options.family,
        count(training.len() as u64, "image"),
        count(options.epochs as u64, "epoch"),
        options.batch,
        if usual == (options.epochs, options.batch) { "" } else { " (chosen for so few images)" }
    )));
    let trained = train(&runtime, &training, validation.as_ref(), &options, observer)?;
    write(request, &trained, &runtime)?;
    let checkup = match trained.ending {
        Ending::Interrupted => None,
        Ending::Done | Ending::Early => {
            let files = [&trained.encoder, &trained.decoder].map(|file| file.to_bytes());
            let [encoder, decoder] = files.map(Into::into);
            let model = Model::from_parts(&trained.metadata.name, encoder, Some(decoder), None)?;
            let threads = EncodeOptions { threads: options.threads, device: options.device };
            // the model is written: what cannot be looked at is no failure of its training
            let checkup = Checkup::of(&runtime, &model, (&training, validation.as_ref()), &threads);
            checkup.unwrap_or_else(|error| {
                observer.note(&Note::warning(format!("the model was not looked at: {error}")));
                None
            })
        }
    };
    checkup.iter().flat_map(Checkup::warnings).for_each(|warning| observer.note(&warning));
    let device = match options.device {
        Device::Auto if runtime.has_cuda() => Device::Cuda(0),
        Device::Auto => Device::Cpu,
        other => other,
    };
    Ok(TrainedModel {
        images: training.len(),
        batch: options.batch,
        checkup,
        trained,
        skipped,
        device,
        runtime,
    })
}

/// Removes an unfinished training that is started over, so that nothing offers to resume it.
fn forget(checkpoint: &Path) -> Result<()> {
    match fs::remove_file(checkpoint) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(checkpoint, error)),
        _ => Ok(()),
    }
}

/// Writes the model and its curve; a training that ended needs its checkpoint no more.
fn write(request: &TrainRequest, trained: &Trained, runtime: &Runtime) -> Result<()> {
    let names: Vec<String> = request.data.iter().map(|path| path.display().to_string()).collect();
    trained.save(runtime, &request.folder, &request.command, &listed(&names))?;
    let title = request.folder.display().to_string();
    let chart = curve(title, &trained.metadata, &trained.epochs, trained.best_epoch);
    write_png(&request.folder.join("curve.png"), &chart.draw())?;
    let checkpoint = request.checkpoint_file();
    match trained.ending {
        Ending::Interrupted => Ok(()),
        Ending::Done | Ending::Early => match std::fs::remove_file(&checkpoint) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&checkpoint, e)),
            _ => Ok(()),
        },
    }
}

/// Draws some images and views of them into the PNG file `path`.
fn draw_views(path: &Path, data: &Dataset, options: &TrainOptions) -> Result<()> {
    let rows = preview(data, options.augment, options.seed)?;
    let rows: Vec<ViewRow> = rows.into_iter().map(|(image, views)| ViewRow { image, views }).collect();
    write_png(path, &view_sheet(&rows, &format!("views: {}", options.augment)))
}

/// The names, or the first few of many.
pub(super) fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    match names.len().saturating_sub(MOST) {
        0 | 1 => names.join(", "),
        others => format!("{} and {others} others", names[..MOST].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn long_lists_are_cut_short() {
        let names: Vec<String> = (0..10).map(|i| i.to_string()).collect();
        assert_eq!(listed(&names[..2]), "0, 1");
        assert_eq!(listed(&names[..9]), "0, 1, 2, 3, 4, 5, 6, 7, 8");
        assert_eq!(listed(&names), "0, 1, 2, 3, 4, 5, 6, 7 and 2 others");
    }
}
