//! The whole examination of a gallery: who asks, who answers, and what all the yardsticks say. The `eval` command.
//!
//! Either other images ask, or the gallery's own items ask for each other, each leaving itself out. Only labelled images
//! take part where labels are needed.

use std::path::Path;

use aesearch_index::{Hit, Mode, Search, Snapshot, words};
use rayon::prelude::*;
use serde::Serialize;

use super::bits::bit_use;
use super::codes::{CodeQuality, Codes, code_quality, recall_among_first};
use super::floats::{Nearness, Vectors, answers};
use super::quality::{Quality, Question, Truth};
use super::rows::{Labels, Rows, load_pixels, spread};
use super::views::{OwnView, Seen, look};
use super::votes::{ranked_majority, recall};
use crate::encode::Binarizer;
use crate::error::{Error, Result};
use crate::gallery::{Gallery, QueryOptions};
use crate::images::{InputShape, Item, Skipped};
use crate::observer::Observer;

/// Neighbours that are counted.
const K: usize = 10;
/// The recall of the graph asks at most so often.
const MAX_RECALL_QUERIES: usize = 1000;
/// The recalls that are held against what is found.
const PROMISES: [f32; 4] = [0.9, 0.95, 0.99, 0.999];
/// How much less may be found than was asked for: calibration sees a sample.
const SLACK: f64 = 0.005;
/// Exact search over floats asks as often as takes this many multiplications, some ten seconds of a core: all 10,000 test
/// images of MNIST ask 60,000 others.
const MAX_PRODUCTS: usize = 500_000_000_000;
/// Pixels are compared at the model's size, but of no more values each than a small colour image has: 32x32x3 ...
const MAX_PIXEL_SIZE: usize = 3072;
/// ... and of all images together no more than this many, which takes 1 GB.
const MAX_PIXELS: usize = 1 << 28;
/// What nobody should forget who has no labels.
const NOTE: &str = "none of these is retrieval quality: codes can do well by all of them and still put unlike images together";

/// How to examine.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// At most so many queries, spread evenly over those there are.
    pub max_queries: usize,
    /// Worker threads that encode other images.
    pub threads: usize,
    /// Whether the images are read again, for what only they can tell: the baselines of pixels, reconstructions, changed views.
    pub pixels: bool,
}

impl Default for EvalOptions {
    fn default() -> Self {
        EvalOptions { max_queries: 10_000, threads: 1, pixels: true }
    }
}

/// What the yardsticks say, shares and accuracies from 0 to 1; what needs labels is nothing where fewer than two are known.
#[derive(Debug, Clone)]
pub struct Report {
    /// Images in the index.
    pub images: usize,
    /// Images that asked.
    pub queries: usize,
    /// Bits per code.
    pub bits: usize,
    /// What the labels say of the codes.
    pub codes: Option<CodeQuality>,
    /// Queries whose label the answers vote for that `query` gives: found through the graph, put in order by their latents.
    pub reranked_knn10_accuracy: Option<f64>,
    /// The part of the 10 nearest codes that the graph finds at its default, tie-aware.
    pub recall_10: f64,
    /// Whether `--recall` gives what it promises.
    pub promises: Vec<Promise>,
    /// The part of the 10 nearest latents that stands among the first codes; nothing where the index keeps no latents.
    pub recall_10_at: Option<RecallAt>,
    /// What exact search without these codes reaches.
    pub baselines: Baselines,
    /// What can be said without labels.
    pub without_labels: WithoutLabels,
}

/// The part of the 10 nearest latents, by cosine, that stands among so many of the nearest codes, ties shuffled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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

/// A recall that was asked for, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Promise {
    /// The recall asked for.
    pub asked: f64,
    /// The part of the 10 nearest codes that was found, tie-aware; mean over at most 1,000 queries.
    pub measured: f64,
    /// Whether that is at least what was asked for, less 0.005.
    pub kept: bool,
}

/// The same questions without these codes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Baselines {
    /// Cosine of the latents, the database's as the index keeps them.
    pub latents: Option<Quality>,
    /// Euclidean distance of the pixels at the model's size, but at most 32x32x3 values; nothing where images are gone.
    pub pixels: Option<Quality>,
    /// Codes of as many bits of the same pixels, by principal components and ITQ fitted to a sample of the database;
    /// nothing where images have fewer values than codes bits.
    pub pca_itq: Option<CodeQuality>,
}

/// What codes and model are like, of the images of the index.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct WithoutLabels {
    /// Codes that differ from each other.
    pub distinct_codes: usize,
    /// Bits with the same value in more than 99.9 % of the images.
    pub dead_bits: usize,
    /// Independent, balanced bits that would be worth as much, see [`bit_use`].
    pub effective_bits: f64,
    /// Mean binary cross-entropy per value of the reconstructions of 1,000 images; nothing without decoder or images.
    pub reconstruction_loss: Option<f64>,
    /// How far those images are from slightly changed views of themselves; nothing without images.
    pub own_view: Option<OwnView>,
    /// What this does not say.
    pub note: &'static str,
}

/// Examines `gallery`, whose folder is `dir`: `others` ask, or, where there are none, its own items. Other images that
/// cannot be read are named beside the report.
///
/// # Errors
/// When there is nobody to ask or to answer, the observer interrupts, or the gallery fails.
pub fn evaluate(
    gallery: &Gallery,
    dir: &Path,
    others: Option<&[Item]>,
    options: &EvalOptions,
    observer: &dyn Observer,
) -> Result<(Report, Vec<Skipped>)> {
    let snapshot = gallery.snapshot();
    let mut labels = Labels::default();
    let mut database = Rows::own(snapshot, &mut labels)?;
    let (mut queries, skipped) = match others {
        None => (database.spread(options.max_queries), Vec::new()),
        Some(items) => {
            let items: Vec<Item> =
                spread(items.len(), options.max_queries).into_iter().map(|at| items[at].clone()).collect();
            Rows::encoded(gallery, &items, options.threads, &mut labels, observer)?
        }
    };
    if queries.len() == 0 || database.len() == 0 {
        return Err(Error::invalid("eval: expected images that ask and images that answer, got none"));
    }
    if labels.len() < 2 {
        // whatever is found has the right label
        database.labels.fill(None);
        queries.labels.fill(None);
    }
    let parties = Parties { gallery, dir, database: &database, queries: &queries };
    let go_on = || if observer.should_stop() { Err(Error::Interrupted) } else { Ok(()) };
    let codes = parties.codes();
    go_on()?;
    let reranked = parties.reranked_accuracy()?;
    go_on()?;
    let (latents, recall_10_at) = parties.latents();
    go_on()?;
    let (pixels, pca_itq) = if options.pixels { parties.pixels(&go_on)? } else { (None, None) };
    let bit_use = bit_use(&database.codes, snapshot.bits());
    let seen = match options.pixels {
        true => look(gallery, dir, &database, options.threads)?,
        false => Seen::default(),
    };
    let asking = queries.spread(MAX_RECALL_QUERIES);
    let [recall_10, measured @ ..] = mean_recalls(snapshot, &asking, QueryOptions::default().mode)?;
    let promise = |(asked, measured): (f32, f64)| {
        let asked = f64::from(asked);
        Promise { asked, measured, kept: measured >= asked - SLACK }
    };
    let promises = PROMISES.into_iter().zip(measured).map(promise).collect();
    let report = Report {
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
            reconstruction_loss: seen.reconstruction_loss,
            own_view: seen.own_view,
            note: NOTE,
        },
    };
    Ok((report, skipped))
}

/// Those who take part.
struct Parties<'a> {
    gallery: &'a Gallery,
    dir: &'a Path,
    /// All images of the gallery, in the order of their numbers.
    database: &'a Rows,
    queries: &'a Rows,
}

impl<'a> Parties<'a> {
    fn truth(&self) -> Truth<'a> {
        Truth { database: &self.database.labels, queries: &self.queries.labels }
    }

    fn codes(&self) -> Option<CodeQuality> {
        let bits = self.gallery.snapshot().bits();
        let codes = |rows: &'a Rows| Codes { bits, codes: &rows.codes };
        let (database, queries) = (codes(self.database), codes(self.queries));
        code_quality(&Question { database, queries, own: self.queries.own_rows().as_deref() }, self.truth())
    }

    /// What `query` answers with its defaults, judged by the labels.
    fn reranked_accuracy(&self) -> Result<Option<f64>> {
        let size = self.gallery.facts().binarizer.latent_size();
        let own = self.queries.owned();
        let all = self.database.owned().unwrap_or_default(); // by rising id
        let label_of =
            |id| all.binary_search_by_key(&id, |own| own.id).ok().and_then(|row| self.database.labels[row]);
        // One more where the query is itself among the answers.
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
        let (bits, size) = (self.gallery.snapshot().bits(), self.gallery.facts().binarizer.latent_size());
        let sample = self.queries.spread(affordable(self.database.len(), size));
        let vectors = |rows: &'a Rows| Vectors { size, values: &rows.latents };
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

    /// What the pixels are worth, as they are and as codes.
    fn pixels(&self, go_on: &dyn Fn() -> Result<()>) -> Result<(Option<Quality>, Option<CodeQuality>)> {
        let (n_database, n_queries) = (self.database.len(), self.queries.len());
        let judged = self.queries.labels.iter().any(Option::is_some);
        let shape = comparable(self.gallery.model().metadata.input, n_database + n_queries);
        let (Some(shape), true) = (shape, judged) else { return Ok((None, None)) };
        let load = |rows: &Rows| {
            let items: Result<Vec<Item>, String> = rows.items(self.gallery, self.dir).into_iter().collect();
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

/// How often exact search over `items` vectors of `size` numbers may be asked, at least.
fn affordable(items: usize, size: usize) -> usize {
    (MAX_PRODUCTS / items.saturating_mul(size).max(1)).max(100)
}

/// The size at which the pixels of `n_images` images of the model's size are compared; nothing where they would be too many.
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

/// How much of the exact answer a search finds: at `default`, then for each of the promises. Own images do not find themselves.
fn mean_recalls(snapshot: &Snapshot, queries: &Rows, default: Mode) -> Result<[f64; 1 + PROMISES.len()]> {
    let modes: [Mode; 1 + PROMISES.len()] =
        std::array::from_fn(|at| if at == 0 { default } else { Mode::Recall(PROMISES[at - 1]) });
    let own = queries.owned();
    let distances = |mode| -> Result<Vec<Vec<u32>>> {
        let search = Search { k: K + usize::from(own.is_some()), mode, radius: None, ties: false };
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
    fn exact_search_is_asked_as_often_as_it_is_affordable() {
        assert!(affordable(60_000, 784) >= 10_000);
        assert_eq!(affordable(usize::MAX, 784), 100);
        assert_eq!(pick(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, [2, 0].into_iter()), [5.0, 6.0, 1.0, 2.0]);
    }
}
