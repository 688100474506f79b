//! Cleaning images: an autoencoder that was trained on noisy images draws what it takes for the clean ones.
//!
//! The cleaned images are files of the model's size; a sheet shows some of them before and after.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::inputs::{Inputs, inputs, some_readable};
use super::reconstructor::Reconstructor;
use crate::draw::band_sheet::{Band, ColumnSheet, short_names};
use crate::error::{Error, Result};
use crate::gallery::ChooseOptions;
use crate::images::{Item, Pixels, Skipped, add_noise, files_of, to_pixels, write_png};
use crate::model::Brightness;
use crate::observer::{Note, Observer, Progress, Stage};
use crate::output::check_picture_beside;
use crate::runtime::RuntimeOptions;

/// The shipped model that was trained on noisy images.
const MODEL: &str = "article-denoise";

/// How to clean images.
#[derive(Debug, Clone)]
pub struct DenoiseOptions {
    /// With which model.
    pub model: ChooseOptions,
    /// The folder for the cleaned images.
    pub dir: PathBuf,
    /// The PNG file that shows images before and after; else `sheet.png` in that folder.
    pub sheet: Option<PathBuf>,
    /// Images on the sheet, spread evenly.
    pub shown: usize,
    /// Standard deviation of the noise that is added first, to see what becomes of it: 0 for none, up to 10.
    pub noise: f32,
    /// Seed of that noise.
    pub seed: u64,
}

impl Default for DenoiseOptions {
    /// With the shipped model that was trained on noisy images, into the folder `cleaned`.
    fn default() -> Self {
        let model =
            ChooseOptions { model: MODEL.to_owned(), ..ChooseOptions::new(RuntimeOptions::default()) };
        DenoiseOptions { model, dir: "cleaned".into(), sheet: None, shown: 20, noise: 0.0, seed: 0 }
    }
}

impl DenoiseOptions {
    fn sheet(&self) -> PathBuf {
        self.sheet.clone().unwrap_or_else(|| self.dir.join("sheet.png"))
    }
}

/// Images that were cleaned.
#[derive(Debug)]
pub struct Denoised {
    /// The name of the model.
    pub model: String,
    /// Those that could be read.
    pub images: Vec<Cleaned>,
    /// The others.
    pub skipped: Vec<Skipped>,
    /// The file that shows them before and after.
    pub sheet: PathBuf,
    /// The observer stopped the work; what is listed was done.
    pub interrupted: bool,
}

/// An image that was cleaned.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleaned {
    /// What it is called.
    pub path: String,
    /// The file that was written.
    pub output: PathBuf,
    /// Another image has the same name, so the file's name has a number.
    pub numbered: bool,
    /// Root mean square distance from the image, 0 to 1, of what the model was shown and of what it made of
    /// it. Without added noise the first is 0, and the second tells how much was changed.
    pub errors: [f32; 2],
}

/// Cleans the images of `data` (files, folders, containers), and writes a PNG file of each and a sheet.
///
/// # Errors
/// When `noise` is out of its range, the model changes brightness, a file would replace an input (nothing is
/// written then) or cannot be written, none of the images can be read, or the model or ONNX Runtime cannot be
/// used.
pub fn denoise(data: &[PathBuf], options: &DenoiseOptions, observer: &dyn Observer) -> Result<Denoised> {
    if !(0.0..=10.0).contains(&options.noise) {
        return Err(Error::invalid(format!("`noise`: expected 0 to 10, got {}", options.noise)));
    }
    options.sheet.iter().try_for_each(|sheet| check_picture_beside(sheet, &options.dir))?;
    let Inputs { items, mut skipped } = inputs(data, usize::MAX, None, observer)?;
    let mut reconstructor = Reconstructor::open(&items, &options.model, observer)?;
    let metadata = &reconstructor.model.metadata;
    let model = metadata.name.clone();
    let advice = "make one with `train`, the family conv and `denoise` 0.5";
    if metadata.brightness == Brightness::Normalized {
        let what = format!("{model}: brightness: expected a model that keeps it, got one that evens it out");
        return Err(Error::invalid(what).with_hint(advice));
    }
    if metadata.denoise == 0.0 {
        observer.note(&Note::new(format!("{model} was not trained on noisy images")).with_hint(advice));
    }
    let sheet = options.sheet();
    let outputs = outputs(&items, options)?;
    fs::create_dir_all(&options.dir).map_err(|e| Error::io(&options.dir, e))?;
    let cleaned = clean(&mut reconstructor, items.iter().zip(outputs), options, observer)?;
    skipped.extend(cleaned.skipped);
    if !cleaned.interrupted {
        some_readable(cleaned.images.len(), &skipped)?;
    }
    write_png(&sheet, &cleaned.shown.sheet(&model, &cleaned.images, options).draw())?;
    Ok(Denoised { model, images: cleaned.images, skipped, sheet, interrupted: cleaned.interrupted })
}

/// What became of the images.
#[derive(Default)]
struct Work {
    images: Vec<Cleaned>,
    skipped: Vec<Skipped>,
    shown: Shown,
    interrupted: bool,
}

/// Writes a cleaned PNG file for each image.
fn clean<'a>(
    reconstructor: &mut Reconstructor,
    items: impl ExactSizeIterator<Item = (&'a Item, PathBuf)>,
    options: &DenoiseOptions,
    observer: &dyn Observer,
) -> Result<Work> {
    observer.stage(Stage::images("cleaning"));
    let mut work = Work::default();
    let n = items.len();
    for (index, (item, output)) in items.enumerate() {
        if observer.should_stop() {
            work.interrupted = true;
            break;
        }
        let shot = reconstructor.read(std::slice::from_ref(item), observer);
        work.skipped.extend(shot.skipped);
        if !shot.images.is_empty() {
            let before = noisy(&shot.images, index, options);
            let after = reconstructor.reconstruct(&before)?.images;
            let metadata = &reconstructor.model.metadata;
            let [clean, before] = [shot.images, before].map(|image| metadata.at_drawn_size(image));
            let errors = [&before, &after].map(|image| distance(&clean, image));
            let pictures = [&clean, &before, &after].map(|image| to_pixels(image, reconstructor.drawn()));
            write_png(&output, &pictures[2])?;
            let path = item.display();
            let numbered = output.file_stem().is_none_or(|name| *name != *stem(&path));
            work.images.push(Cleaned { path, output, numbered, errors });
            if (index + 1) * options.shown / n > index * options.shown / n {
                work.shown.add(item, pictures);
            }
        }
        observer.progress(&Progress::of(index + 1, n));
    }
    Ok(work)
}

/// The image with noise of its own, whatever other images there are.
fn noisy(image: &[f32], index: usize, options: &DenoiseOptions) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    rng.set_stream(index as u64);
    if options.noise > 0.0 { add_noise(image, options.noise, &mut rng) } else { image.to_vec() }
}

/// Root mean square difference.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
    (squares / a.len().max(1) as f64).sqrt() as f32
}

/// A file in the folder for each item: `a.png` for `x/a.jpg`, `train-17.png` for `train.gz#17`; where that is
/// taken, `a-2.png`.
fn outputs(items: &[Item], options: &DenoiseOptions) -> Result<Vec<PathBuf>> {
    let inputs = files_of(items);
    let free = |path: &Path| match path.canonicalize() {
        Ok(there) if inputs.contains(&there) => {
            let what = format!(
                "{}: expected a file for a cleaned image, got one of the images to clean",
                path.display()
            );
            Err(Error::invalid(what).with_hint("nothing was written; name another folder"))
        }
        _ => Ok(()),
    };
    let sheet = options.sheet();
    free(&sheet)?;
    // Some file systems do not tell `A.png` from `a.png`.
    let mut taken = HashSet::from([sheet.to_string_lossy().to_lowercase()]);
    let mut outputs = Vec::with_capacity(items.len());
    for item in items {
        let stem = stem(&item.display());
        let names = (1..).map(|n| if n == 1 { format!("{stem}.png") } else { format!("{stem}-{n}.png") });
        let mut paths = names.map(|name| options.dir.join(name));
        let path = paths.find(|path| taken.insert(path.to_string_lossy().to_lowercase())).unwrap_or_default();
        free(&path)?;
        outputs.push(path);
    }
    Ok(outputs)
}

/// The name of an item without folder and ending; of an entry, its container's, and its number.
fn stem(path: &str) -> String {
    let of = |path: &str| {
        Path::new(path).file_stem().map_or_else(|| "image".into(), |s| s.to_string_lossy().into_owned())
    };
    match path.rsplit_once('#') {
        Some((container, entry)) if entry.parse::<usize>().is_ok() => format!("{}-{entry}", of(container)),
        _ => of(path),
    }
}

/// What the sheet shows.
#[derive(Default)]
struct Shown {
    names: Vec<String>,
    clean: Vec<Pixels>,
    before: Vec<Pixels>,
    after: Vec<Pixels>,
}

impl Shown {
    fn add(&mut self, item: &Item, [clean, before, after]: [Pixels; 3]) {
        self.names.push(item.display());
        self.clean.push(clean);
        self.before.push(before);
        self.after.push(after);
    }

    fn sheet(self, model: &str, images: &[Cleaned], options: &DenoiseOptions) -> ColumnSheet {
        let names =
            Band::texts("image", short_names(&self.names.iter().map(String::as_str).collect::<Vec<_>>()));
        let mean = |which: usize| {
            images.iter().map(|image| image.errors[which]).sum::<f32>() / images.len().max(1) as f32
        };
        let (about, bands) = if options.noise > 0.0 {
            let about = format!(
                "noise of deviation {}: mean error {:.3} before, {:.3} after cleaning",
                options.noise,
                mean(0),
                mean(1)
            );
            let pictures = [("clean", self.clean), ("noisy", self.before), ("cleaned", self.after)];
            (about, pictures.map(|(name, of)| Band::pictures(name, of)).to_vec())
        } else {
            let pictures = [("before", self.before), ("after", self.after)];
            let about = format!("images before and after cleaning; mean change {:.3}", mean(1));
            (about, pictures.map(|(name, of)| Band::pictures(name, of)).to_vec())
        };
        ColumnSheet {
            title: [model.to_owned(), about],
            bands: [names].into_iter().chain(bands).collect(),
            scale: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{WalkOptions, walk};

    fn options(dir: &Path) -> DenoiseOptions {
        DenoiseOptions { dir: dir.to_path_buf(), ..DenoiseOptions::default() }
    }

    /// Empty files are enough: nothing is read for a plan.
    fn items(folder: &Path, names: &[&str]) -> Vec<Item> {
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        walk(&names.iter().map(|name| folder.join(name)).collect::<Vec<_>>(), &WalkOptions::default())
            .unwrap()
            .items
    }

    #[test]
    fn every_image_gets_a_file_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["1/a.png", "2/a.jpg", "2/A.webp", "sheet.png", "a-2.png"];
        let outputs = outputs(&items(dir.path(), &names), &options(Path::new("out"))).unwrap();
        let names: Vec<_> = outputs.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(names, ["out/a.png", "out/a-2.png", "out/A-3.png", "out/sheet-2.png", "out/a-2-2.png"]);
        assert_eq!([stem("x/train.gz#17"), stem("a#b.png"), stem("7.png")], ["train-17", "a#b", "7"]);
    }

    #[test]
    fn no_input_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let inputs = items(dir.path(), &["a.png", "in/b.png"]);
        let error = outputs(&inputs, &options(dir.path())).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("a.png: expected a file for a cleaned image, got one of the images to clean")
        );
        assert!(outputs(&inputs, &options(&dir.path().join("out"))).is_ok());
        let sheet =
            DenoiseOptions { sheet: Some(dir.path().join("a.png")), ..options(&dir.path().join("out")) };
        assert!(outputs(&inputs, &sheet).is_err());
    }

    #[test]
    fn noise_belongs_to_the_image() {
        let options = DenoiseOptions { noise: 0.3, ..options(Path::new("out")) };
        let image = [0.5; 400];
        assert_eq!(noisy(&image, 3, &options), noisy(&image, 3, &options));
        assert_ne!(noisy(&image, 3, &options), noisy(&image, 4, &options));
        assert!((distance(&image, &noisy(&image, 0, &options)) - 0.3).abs() < 0.05);
        assert_eq!(noisy(&image, 3, &DenoiseOptions { noise: 0.0, ..options }), image);
    }
}
