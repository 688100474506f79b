//! The evaluation of a gallery: which images are queries, and what all metrics and baselines say.
//!
//! The queries are other images, or the gallery's own, each of which leaves itself out of its results. Where
//! labels are needed, only labelled images take part.

use std::collections::HashSet;
use std::path::PathBuf;

use aesearch_index::{Hit, Mode, Search, Snapshot, words};
use rayon::prelude::*;
use serde::Serialize;

use super::bits::bit_use;
use super::codes::{CodeQuality, Codes, code_quality, recall_among_first};
use super::floats::{Nearness, Vectors, answers};
use super::image_set::{ImageSet, Labels, load_pixels};
use super::quality::{Quality, Question, Truth};
use super::views::{ModelQuality, OwnView, measure_model};
use super::votes::{ranked_majority, recall};
use crate::encode::Binarizer;
use crate::error::{Error, Result};
use crate::gallery::{self, Gallery, QueryOptions};
use crate::images::{InputShape, Item, Skipped, WalkOptions, spread, walk};
use crate::observer::{Note, Observer, Stage};

/// Neighbours that are counted.
const K: usize = 10;
/// The recall of approximate search is measured with at most this many queries.
const MAX_RECALL_QUERIES: usize = 1000;
/// The recalls that are asked for, and compared with what is found.
const PROMISES: [f32; 4] = [0.9, 0.95, 0.99, 0.999];
/// How much less may be found than was asked for, as calibration sees a sample only.
const SLACK: f64 = 0.005;
/// Exact search over floats takes at most this many multiplications, some ten seconds of a core: enough for
/// all 10,000 test images of MNIST as queries of 60,000 others.
const MAX_PRODUCTS: usize = 500_000_000_000;
/// Pixels are compared at the model's size, but with no more values each than a small colour image has:
/// 32x32x3 ...
const MAX_PIXEL_SIZE: usize = 3072;
/// ... and no more than this many for all images together, which take 1 GB.
const MAX_PIXELS: usize = 1 << 28;
/// What has to be kept in mind without labels.
const NOTE: &str = "none of these is retrieval quality: codes can do well by all of them and still put unlike images together";

/// How to evaluate.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// The number of queries, at most; they are spread evenly over those there are.
    pub max_queries: usize,
    /// Worker threads that encode images.
    pub threads: usize,
    /// Whether the gallery's images are read again, for what needs them: baselines of pixels,
    /// reconstructions, changed views.
    pub pixels: bool,
    /// Which labels count.
    pub labels: gallery::Labels,
}

impl Default for EvalOptions {
    fn default() -> Self {
        EvalOptions { max_queries: 10_000, threads: 1, pixels: true, labels: gallery::Labels::default() }
    }
}

/// What the metrics say: shares and accuracies from 0 to 1. Where fewer than two labels are known, or no query's
/// label is that of an image of the index, what needs labels is none.
#[derive(Debug, Clone)]
pub struct EvalReport {
    /// Images in the index.
    pub images: usize,
    /// Images that were queries.
    pub queries: usize,
    /// Bits per code.
    pub bits: usize,
    /// What the labels say of the codes.
    pub codes: Option<CodeQuality>,
    /// Queries whose label wins the vote of the 10 hits that `query` gives, which are found by approximate
    /// search and put in order by their latents.
    pub reranked_knn10_accuracy: Option<f64>,
    /// The share of the 10 nearest codes that approximate search finds by default, whichever of several
    /// equally near ones.
    pub recall_10: f64,
    /// Whether a recall that is asked for is reached.
    pub promises: Vec<Promise>,
    /// The share of the 10 nearest latents that are among the first codes; none where the index keeps no
    /// latents.
    pub recall_10_at: Option<RecallAt>,
    /// What exact search without these codes achieves.
    pub baselines: Baselines,
    /// What can be said without labels.
    pub without_labels: WithoutLabels,
    /// Other images that cannot be used as queries.
    pub skipped: Vec<Skipped>,
}

/// The share of the 10 nearest latents, by cosine, that are among the nearest codes, ties shuffled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecallAt {
    /// Among the first 10.
    #[serde(rename = "10")]
    pub first_10: f64,
    /// Among the first 100.
    #[serde(rename = "100")]
    pub first_100: f64,
    /// Among the first 1,000.
    #[serde(rename = "1000")]
    pub first_1000: f64,
}

/// A recall that was asked for, and what was reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Promise {
    /// The recall asked for.
    pub asked: f64,
    /// The share of the 10 nearest codes that was found, whichever of several equally near ones; mean over at
    /// most 1,000 queries.
    pub measured: f64,
    /// Whether that is at least what was asked for, less 0.005.
    pub kept: bool,
}

/// The same queries without these codes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Baselines {
    /// Cosine of the latents, the database's as the index keeps them.
    pub latents: Option<Quality>,
    /// Euclidean distance of the pixels at the model's size, but at most 32x32x3 values; none where images
    /// are gone.
    pub pixels: Option<Quality>,
    /// Codes of as many bits of the same pixels, by principal components and ITQ fitted to a sample of the
    /// database; none where images have fewer values than codes have bits.
    pub pca_itq: Option<CodeQuality>,
}

/// What codes and model are like, for the images of the index.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WithoutLabels {
    /// Codes that differ from each other.
    pub distinct_codes: usize,
    /// Bits with the same value in more than 99.9 % of the images.
    pub dead_bits: usize,
    /// Independent, balanced bits that would be worth as much, see [`bit_use`].
    pub effective_bits: f64,
    /// Mean binary cross-entropy per value of the reconstructions of 1,000 images; none without decoder or
    /// images.
    pub reconstruction_loss: Option<f64>,
    /// How far those images are from slightly changed views of themselves; none without images.
    pub own_view: Option<OwnView>,
    /// What these figures do not say.
    pub note: &'static str,
}

/// Evaluates `gallery` with the images of `paths` as queries, or with its own where there are no paths.
///
/// # Errors
/// `NotFound` when a path does not exist, `Invalid` when there are no queries or the gallery is empty,
/// `Interrupted` when the observer stops the run, or when the model fails.
pub fn evaluate(
    gallery: &Gallery,
    paths: &[PathBuf],
    options: &EvalOptions,
    observer: &dyn Observer,
) -> Result<EvalReport> {
    let snapshot = gallery.snapshot();
    let mut labels = Labels::default();
    let mut database = ImageSet::own(snapshot, &options.labels, &mut labels)?;
    let (mut queries, skipped) = match paths {
        [] => (database.spread(options.max_queries), Vec::new()),
        paths => encode_queries(gallery, paths, options, &mut labels, observer)?,
    };
    if queries.len() == 0 || database.len() == 0 {
        let (n_queries, n_images) = (queries.len(), database.len());
        let what =
            format!("evaluation: expected queries and images, got {n_queries} queries of {n_images} images");
        return Err(Error::invalid(what));
    }
    if labels.len() < 2 {
        // Whatever is found would have the right label.
        database.labels.fill(None);
        queries.labels.fill(None);
    }
    tell_unknown_labels(&database.labels, &mut queries.labels, observer);
    observer.stage(Stage::images("judging"));
    let parties = Parties { gallery, database: &database, queries: &queries };
    let go_on = || if observer.should_stop() { Err(Error::Interrupted) } else { Ok(()) };
    let codes = parties.codes();
    go_on()?;
    let reranked = parties.reranked_accuracy()?;
    go_on()?;
    let (latents, recall_10_at) = parties.latents();
    go_on()?;
    let (pixels, pca_itq) = if options.pixels { parties.pixels(&go_on)? } else { (None, None) };
    let bit_use = bit_use(&database.codes, snapshot.bits());
    let model_quality = match options.pixels {
        true => measure_model(gallery, &database, options.threads)?,
        false => ModelQuality::default(),
    };
    go_on()?;
    let sample = queries.spread(MAX_RECALL_QUERIES);
    let [recall_10, measured @ ..] = mean_recalls(snapshot, &sample, QueryOptions::default().mode)?;
    let promise = |(asked, measured): (f32, f64)| {
        let asked = f64::from(asked);
        Promise { asked, measured, kept: measured >= asked - SLACK }
    };
    let promises = PROMISES.into_iter().zip(measured).map(promise).collect();
    Ok(EvalReport {
        images: database.len(),
        queries: queries.len(),
        bits: snapshot.bits(),
        codes,
        reranked_knn10_accuracy: reranked,
        recall_10,
        promises,
        recall_10_at,
        baselines: Baselines { latents, pixels, pca_itq },
        without_labels: WithoutLabels {
            distinct_codes: distinct(&database.codes, snapshot.bits()),
            dead_bits: bit_use.dead,
            effective_bits: bit_use.effective,
            reconstruction_loss: model_quality.reconstruction_loss,
            own_view: model_quality.own_view,
            note: NOTE,
        },
        skipped,
    })
}

/// A warning where queries have labels that no image of the database has. If all have, nothing is judged by labels.
fn tell_unknown_labels(database: &[Option<u32>], queries: &mut [Option<u32>], observer: &dyn Observer) {
    let known: HashSet<u32> = database.iter().copied().flatten().collect();
    let labelled = queries.iter().flatten().count();
    let unknown = queries.iter().flatten().filter(|label| !known.contains(label)).count();
    if unknown == 0 {
        return;
    }
    let what = if unknown == labelled {
        queries.fill(None);
        "queries and index have no label in common: no metrics by label".to_owned()
    } else {
        format!(
            "{unknown} of {labelled} labelled queries have labels that no image of the index has: all that is found for \
             them counts as wrong"
        )
    };
    let hint = "labels are the names of the images' folders, or stand in the labels file beside an IDX file";
    observer.note(&Note::warning(what).with_hint(hint));
}

/// At most `options.max_queries` of the images of `paths`, encoded, and those that cannot be used.
fn encode_queries(
    gallery: &Gallery,
    paths: &[PathBuf],
    options: &EvalOptions,
    labels: &mut Labels,
    observer: &dyn Observer,
) -> Result<(ImageSet, Vec<Skipped>)> {
    let walk = walk(paths, &WalkOptions::default())?;
    walk.skipped.iter().for_each(|skipped| observer.skipped(&skipped.path, &skipped.reason));
    let chosen = spread(walk.items.len(), options.max_queries);
    let items: Vec<Item> = chosen.into_iter().map(|at| walk.items[at].clone()).collect();
    let (queries, mut skipped) =
        ImageSet::encoded(gallery, &items, (options.threads, &options.labels), labels, observer)?;
    skipped.extend(walk.skipped);
    Ok((queries, skipped))
}

/// The images that take part.
struct Parties<'a> {
    gallery: &'a Gallery,
    /// All images of the gallery, in the order of their numbers.
    database: &'a ImageSet,
    queries: &'a ImageSet,
}

impl<'a> Parties<'a> {
    fn truth(&self) -> Truth<'a> {
        Truth { database: &self.database.labels, queries: &self.queries.labels }
    }

    fn codes(&self) -> Option<CodeQuality> {
        let bits = self.gallery.snapshot().bits();
        let codes = |set: &'a ImageSet| Codes { bits, codes: &set.codes };
        let (database, queries) = (codes(self.database), codes(self.queries));
        code_quality(&Question { database, queries, own: self.queries.own_rows().as_deref() }, self.truth())
    }

    /// The accuracy of what `query` finds with its defaults.
    fn reranked_accuracy(&self) -> Result<Option<f64>> {
        let size = self.gallery.facts().codes.binarizer.latent_size();
        let own = self.queries.owned();
        let all = self.database.owned().unwrap_or_default(); // by rising id
        let label_of =
            |id| all.binary_search_by_key(&id, |own| own.id).ok().and_then(|row| self.database.labels[row]);
        // One more where the query is among its own hits.
        let options = QueryOptions { k: K + usize::from(own.is_some()), ..QueryOptions::default() };
        let (mut asked, mut right) = (0, 0);
        for (row, latent) in self.queries.latents.chunks_exact(size).enumerate() {
            let Some(label) = self.queries.labels[row] else { continue };
            let hits = self.gallery.search(latent, &options)?;
            let hits = hits.iter().filter(|hit| own.map(|own| own[row].id) != Some(hit.id)).take(K);
            let labels: Vec<u32> = hits.filter_map(|hit| label_of(hit.id)).collect();
            asked += 1;
            right += usize::from(ranked_majority(&labels) == Some(label));
        }
        Ok((asked > 0).then(|| right as f64 / asked as f64))
    }

    /// Exact search over the latents, and how much of it the codes keep.
    fn latents(&self) -> (Option<Quality>, Option<RecallAt>) {
        if self.database.latents.is_empty() {
            return (None, None);
        }
        let (bits, size) =
            (self.gallery.snapshot().bits(), self.gallery.facts().codes.binarizer.latent_size());
        let sample = self.queries.spread(affordable(self.database.len(), size));
        let vectors = |set: &'a ImageSet| Vectors { size, values: &set.latents };
        let own = sample.own_rows();
        let own = own.as_deref();
        let question = Question {
            database: vectors(self.database),
            queries: Vectors { size, values: &sample.latents },
            own,
        };
        let truth = Truth { queries: &sample.labels, ..self.truth() };
        let (wanted, qualities): (Vec<Vec<u32>>, Vec<Option<Quality>>) =
            answers(&question, Nearness::Cosine, truth).into_iter().map(|a| (a.nearest, a.quality)).unzip();
        let qualities: Vec<Quality> = qualities.into_iter().flatten().collect();
        let question = Question {
            database: Codes { bits, codes: &self.database.codes },
            queries: Codes { bits, codes: &sample.codes },
            own,
        };
        let [first_10, first_100, first_1000] = recall_among_first(&question, &wanted, [10, 100, 1000]);
        (Quality::mean(&qualities), Some(RecallAt { first_10, first_100, first_1000 }))
    }

    /// How good the pixels are, as they are and as codes.
    fn pixels(&self, go_on: &dyn Fn() -> Result<()>) -> Result<(Option<Quality>, Option<CodeQuality>)> {
        let (n_database, n_queries) = (self.database.len(), self.queries.len());
        let judged = self.queries.labels.iter().any(Option::is_some);
        let shape = comparable(self.gallery.model().metadata.input, n_database + n_queries);
        let (Some(shape), true) = (shape, judged) else { return Ok((None, None)) };
        let load = |set: &ImageSet| {
            let items: Result<Vec<Item>, String> = set.items(self.gallery).into_iter().collect();
            load_pixels(self.gallery, &items.ok()?, shape)
        };
        let Some(database) = load(self.database) else { return Ok((None, None)) };
        let queries = match self.queries.own_rows() {
            Some(rows) => Some(pick(&database, shape.size(), rows.iter().map(|&row| row as usize))),
            None => load(self.queries),
        };
        let Some(queries) = queries else { return Ok((None, None)) };
        go_on()?;
        let pca_itq = self.pca_itq(&database, &queries, shape.size())?;
        go_on()?;

        let rows = spread(n_queries, affordable(n_database, shape.size()));
        let sample = self.queries.at(&rows);
        let queries = pick(&queries, shape.size(), rows.into_iter());
        let vectors = |values| Vectors { size: shape.size(), values };
        let own = sample.own_rows();
        let question =
            Question { database: vectors(&database), queries: vectors(&queries), own: own.as_deref() };
        let truth = Truth { queries: &sample.labels, ..self.truth() };
        let answers = answers(&question, Nearness::Euclidean, truth).into_iter();
        Ok((Quality::mean(&answers.filter_map(|answer| answer.quality).collect::<Vec<_>>()), pca_itq))
    }

    fn pca_itq(&self, database: &[f32], queries: &[f32], size: usize) -> Result<Option<CodeQuality>> {
        let bits = self.gallery.snapshot().bits();
        if bits > size {
            return Ok(None);
        }
        let binarizer = Binarizer::fit_itq(database, size, bits, 0)?;
        let encode = |pixels: &[f32]| -> Vec<u64> {
            pixels.par_chunks(1024 * size).flat_map_iter(|some| binarizer.binarize(some)).collect()
        };
        let (database, queries) = (encode(database), encode(queries));
        let codes = |codes| Codes { bits, codes };
        let own = self.queries.own_rows();
        let question = Question { database: codes(&database), queries: codes(&queries), own: own.as_deref() };
        Ok(code_quality(&question, self.truth()))
    }
}

/// The number of exact searches over `items` vectors of `size` numbers that are affordable; at least 100.
fn affordable(items: usize, size: usize) -> usize {
    (MAX_PRODUCTS / items.saturating_mul(size).max(1)).max(100)
}

/// The size at which the pixels of `n_images` images of the model's size are compared; none where they would
/// be too many.
fn comparable(input: InputShape, n_images: usize) -> Option<InputShape> {
    let most = MAX_PIXEL_SIZE.min(MAX_PIXELS / n_images.max(1));
    let shrink = (input.size() as f64 / most as f64).sqrt().max(1.0);
    let side = |side: usize| ((side as f64 / shrink) as usize).max(1);
    let shape = InputShape { height: side(input.height), width: side(input.width), ..input };
    (shape.size() <= most).then_some(shape)
}

/// Some rows of `values` `[rows, size]`.
fn pick(values: &[f32], size: usize, rows: impl Iterator<Item = usize>) -> Vec<f32> {
    rows.flat_map(|row| &values[row * size..][..size]).copied().collect()
}

/// The mean share of the nearest codes that a search finds: with `default`, then with each of [`PROMISES`].
/// The gallery's own images do not find themselves.
fn mean_recalls(snapshot: &Snapshot, queries: &ImageSet, default: Mode) -> Result<[f64; 1 + PROMISES.len()]> {
    let modes: [Mode; 1 + PROMISES.len()] =
        std::array::from_fn(|at| if at == 0 { default } else { Mode::Recall(PROMISES[at - 1]) });
    let own = queries.owned();
    let distances = |mode| -> Result<Vec<Vec<u32>>> {
        let search =
            Search { k: K + usize::from(own.is_some()), mode, radius: None, ties: false, only: None };
        let answers = snapshot.search_many(&queries.codes, &search)?;
        let others = |(row, hits): (usize, Vec<Hit>)| {
            let itself = own.map(|own| own[row].id);
            hits.iter().filter(|hit| Some(hit.id) != itself).take(K).map(|hit| hit.distance).collect()
        };
        Ok(answers.into_iter().enumerate().map(others).collect())
    };
    let exact = distances(Mode::Exact)?;
    let mut means = [0.0; 1 + PROMISES.len()];
    for (mean, mode) in means.iter_mut().zip(modes) {
        let found = distances(mode)?;
        let recalls = exact.iter().zip(&found).map(|(exact, found)| recall(exact, found, K));
        *mean = recalls.sum::<f64>() / exact.len().max(1) as f64;
    }
    Ok(means)
}

/// Codes that differ from each other.
fn distinct(codes: &[u64], bits: usize) -> usize {
    let mut codes: Vec<&[u64]> = codes.chunks_exact(words(bits)).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.len()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn pixels_are_compared_at_the_models_size_or_smaller() {
        let square = |side, channels| InputShape { channels, height: side, width: side };
        assert_eq!(comparable(square(28, 1), 70_000), Some(square(28, 1)));
        assert_eq!(comparable(square(32, 3), 50_000), Some(square(32, 3)));
        assert_eq!(comparable(square(224, 3), 1000), Some(square(32, 3)));
        assert_eq!(comparable(square(28, 1), 1_000_000), Some(square(16, 1)));
        assert_eq!(comparable(square(28, 1), usize::MAX), None);
        assert_eq!((distinct(&[1, 2, 1, 2, 1, 3], 128), distinct(&[], 64)), (2, 0));
        let wide = InputShape { channels: 3, height: 64, width: 256 };
        assert_eq!(comparable(wide, 10), Some(InputShape { channels: 3, height: 16, width: 64 }));
    }

    #[test]
    fn labels_that_only_queries_have_are_told() {
        struct Notes(RefCell<Vec<String>>);
        impl Observer for Notes {
            fn note(&self, note: &Note) {
                self.0.borrow_mut().push(note.text.clone());
            }
        }
        let database = [Some(0), Some(1), None];
        let told = |queries: &[Option<u32>]| {
            let (notes, mut queries) = (Notes(RefCell::default()), queries.to_vec());
            tell_unknown_labels(&database, &mut queries, &notes);
            (queries, notes.0.into_inner().concat())
        };
        assert_eq!(told(&[Some(1), None]), (vec![Some(1), None], String::new()));
        let (queries, note) = told(&[Some(1), Some(2)]);
        assert_eq!(queries, [Some(1), Some(2)]);
        assert!(note.starts_with("1 of 2 labelled queries have labels that no image"), "{note}");
        let (queries, note) = told(&[Some(3), Some(2), None]);
        assert_eq!((queries, note.contains("no label in common")), (vec![None; 3], true));
    }

    #[test]
    fn exact_search_is_run_as_often_as_it_is_affordable() {
        assert!(affordable(60_000, 784) >= 10_000);
        assert_eq!(affordable(usize::MAX, 784), 100);
        assert_eq!(pick(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, [2, 0].into_iter()), [5.0, 6.0, 1.0, 2.0]);
    }
}
