//! Cleaning images: an autoencoder that was trained on noisy images draws what it takes for the clean ones.
//!
//! The cleaned images are files of the model's size; a sheet shows some of them before and after.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::reconstructor::Reconstructor;
use crate::draw::band_sheet::{Band, ColumnSheet, short_name};
use crate::error::{Error, Result};
use crate::observer::{Observer, Progress};

use crate::images::{Item, Pixels, Skipped, add_noise, files_of, to_pixels, write_png};
use crate::model::Brightness;

/// How to clean.
#[derive(Debug, Clone)]
pub struct DenoiseOptions {
    /// The folder for the cleaned images.
    pub dir: PathBuf,
    /// Where the sheet will be: no cleaned image is put there.
    pub sheet: PathBuf,
    /// Images on the sheet, spread evenly.
    pub shown: usize,
    /// Standard deviation of the noise that is added first, to see what becomes of it; 0 for none.
    pub noise: f32,
    /// Seed of that noise.
    pub seed: u64,
}

/// Images that were cleaned.
#[derive(Debug)]
pub struct Denoised {
    /// Those that could be read.
    pub images: Vec<Cleaned>,
    /// The others.
    pub skipped: Vec<Skipped>,
    /// Before and after.
    pub sheet: Pixels,
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
    /// Another image has the same name: the file's bears a number.
    pub numbered: bool,
    /// Root mean square distance from the image, 0 to 1, of what the model was shown and of what it made of it. Without
    /// added noise the first is 0, and the second tells how much was changed.
    pub errors: [f32; 2],
}

/// Cleans `items`, and writes a PNG file of each.
///
/// # Errors
/// When the model changes brightness, a file would take an input's place (nothing is written then) or cannot be written, or
/// the model fails.
pub fn denoise(
    reconstructor: &mut Reconstructor,
    items: &[Item],
    options: &DenoiseOptions,
    observer: &dyn Observer,
) -> Result<Denoised> {
    if reconstructor.model.metadata.brightness == Brightness::Normalized {
        let what = "brightness: expected a model that keeps it, got one that evens it out";
        return Err(Error::invalid(format!("{}: {what}", reconstructor.model.metadata.name)).with_hint(
            "`aesearch train DATA --family conv --denoise 0.5 -o models/mine` trains one for this",
        ));
    }
    let outputs = outputs(items, options)?;
    fs::create_dir_all(&options.dir).map_err(|e| Error::io(&options.dir, e))?;
    let (mut images, mut skipped, mut interrupted) = (Vec::new(), Vec::new(), false);
    let mut shown = Shown::default();
    for (index, (item, output)) in items.iter().zip(outputs).enumerate() {
        if observer.should_stop() {
            interrupted = true;
            break;
        }
        let shot = reconstructor.read(std::slice::from_ref(item));
        skipped.extend(shot.skipped);
        if !shot.images.is_empty() {
            let before = noisy(&shot.images, index, options);
            let after = reconstructor.reconstruct(&before)?.images;
            let errors = [&before, &after].map(|image| distance(&shot.images, image));
            let pictures =
                [&shot.images, &before, &after].map(|image| to_pixels(image, reconstructor.shape()));
            write_png(&output, &pictures[2])?;
            let path = item.display();
            let numbered = output.file_stem().is_none_or(|name| *name != *stem(&path));
            images.push(Cleaned { path, output, numbered, errors });
            if (index + 1) * options.shown / items.len() > index * options.shown / items.len() {
                shown.add(item, pictures);
            }
        }
        observer.progress(&Progress { done: index + 1, total: items.len(), ..Progress::default() });
    }
    let sheet = shown.sheet(&reconstructor.model.metadata.name, &images, options).draw();
    Ok(Denoised { images, skipped, sheet, interrupted })
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

/// A file in the folder for each item: `a.png` for `x/a.jpg`, `train-17.png` for `train.gz#17`; where that is taken, `a-2.png`.
fn outputs(items: &[Item], options: &DenoiseOptions) -> Result<Vec<PathBuf>> {
    let inputs = files_of(items);
    let free = |path: &Path| match path.canonicalize() {
        Ok(there) if inputs.contains(&there) => {
            let what = format!(
                "{}: expected a place for what is written, got an image to be cleaned",
                path.display()
            );
            Err(Error::invalid(what).with_hint("nothing was written; name another folder with -o"))
        }
        _ => Ok(()),
    };
    free(&options.sheet)?;
    // Some file systems do not tell `A.png` from `a.png`.
    let mut taken = HashSet::from([options.sheet.to_string_lossy().to_lowercase()]);
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
        self.names.push(short_name(&item.display()));
        self.clean.push(clean);
        self.before.push(before);
        self.after.push(after);
    }

    fn sheet(self, model: &str, images: &[Cleaned], options: &DenoiseOptions) -> ColumnSheet {
        let names = Band::texts("image", self.names);
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
        DenoiseOptions {
            dir: dir.to_path_buf(),
            sheet: dir.join("sheet.png"),
            shown: 10,
            noise: 0.0,
            seed: 0,
        }
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
                .ends_with("a.png: expected a place for what is written, got an image to be cleaned")
        );
        assert!(outputs(&inputs, &options(&dir.path().join("out"))).is_ok());
        let sheet = DenoiseOptions { sheet: dir.path().join("a.png"), ..options(&dir.path().join("out")) };
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
