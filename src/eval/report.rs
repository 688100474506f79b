//! The whole examination of a gallery: who asks, who answers, and what all the yardsticks say. The `eval` command.
//!
//! Either other images ask, or the gallery's own items ask for each other, each leaving itself out. Only labelled images
//! take part where labels are needed.

use std::path::Path;

use aesearch_index::{Mode, Search, Snapshot, words};
use rayon::prelude::*;
use serde::Serialize;

use super::codes::{Codes, code_metrics};
use super::floats::{Baseline, Nearness, Vectors, baseline};
use super::rows::{Labels, Rows, pixels, spread};
use super::votes::{ranked_majority, recall};
use crate::error::{Error, Result};
use crate::gallery::{Gallery, Observer, QueryOptions};
use crate::images::{Item, Skipped};

/// Neighbours that are counted.
const K: usize = 10;
/// The float baselines and the recall ask at most so often: their exact answers are the slow part.
const MAX_EXACT_QUERIES: usize = 1000;
/// The pixel baseline holds all images in memory: at most so many values (1 GB).
const MAX_PIXELS: usize = 1 << 28;

/// How to examine.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// At most so many queries, spread evenly over those there are.
    pub max_queries: usize,
    /// Worker threads that encode other images.
    pub threads: usize,
}

impl Default for EvalOptions {
    fn default() -> Self {
        EvalOptions { max_queries: 10_000, threads: 1 }
    }
}

/// What the yardsticks say, each from 0 to 1; nothing where fewer than two labels are known.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Images in the index.
    pub images: usize,
    /// Images that asked.
    pub queries: usize,
    /// Bits per code.
    pub bits: usize,
    /// Mean average precision of the codes over the whole ranking.
    pub map_all: Option<f64>,
    /// The same over the first 1,000 ranks.
    pub map_1000: Option<f64>,
    /// Of the 10 nearest codes, those with the query's label.
    pub precision_10: Option<f64>,
    /// Of the 100 nearest codes, those with the query's label.
    pub precision_100: Option<f64>,
    /// Queries whose label the 10 nearest codes vote for.
    pub knn10_accuracy: Option<f64>,
    /// The same of the answers that `query` gives: found through the graph, put in order by their latents.
    pub reranked_knn10_accuracy: Option<f64>,
    /// The part of the 10 nearest codes that the graph finds at its default, tie-aware.
    pub recall_10: f64,
    /// What exact search without codes reaches.
    pub baselines: Baselines,
}

/// Exact search over floats, as a yardstick.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Baselines {
    /// Cosine of the latents.
    pub latents: Option<Baseline>,
    /// Euclidean distance of the pixels at the model's size, the gallery's own images asking; nothing where images are
    /// gone or too many.
    pub pixels: Option<Baseline>,
}

/// Examines `gallery`, whose folder is `dir`: `others` ask, or, where there are none, its own items. Other images that
/// cannot be read are named beside the report.
///
/// # Errors
/// When there is nobody to ask or to answer, or the gallery fails.
pub fn evaluate(
    gallery: &Gallery,
    dir: &Path,
    others: Option<&[Item]>,
    options: &EvalOptions,
    observer: &dyn Observer,
) -> Result<(Report, Vec<Skipped>)> {
    let snapshot = gallery.snapshot();
    let mut labels = Labels::default();
    let database = Rows::own(snapshot, (0..snapshot.len() as u32).collect(), &mut labels)?;
    let (queries, skipped) = match others {
        None => (database.spread(options.max_queries), Vec::new()),
        Some(items) => {
            let items: Vec<Item> =
                spread(items.len(), options.max_queries).into_iter().map(|at| items[at].clone()).collect();
            Rows::encoded(gallery, &items, options.threads, &mut labels, observer)?
        }
    };
    if queries.len() == 0 || database.len() == 0 {
        return Err(Error::usage("eval: expected images that ask and images that answer, got none"));
    }
    let mut report = Report {
        images: database.len(),
        queries: queries.len(),
        bits: snapshot.bits(),
        recall_10: mean_recall(snapshot, &queries.spread(MAX_EXACT_QUERIES))?,
        ..Report::default()
    };
    if labels.len() >= 2 {
        judge(&mut report, gallery, &database.labelled(), &queries.labelled())?;
        report.baselines.pixels = pixel_baseline(gallery, dir, &database.labelled());
    }
    Ok((report, skipped))
}

/// Fills in what needs labels; all rows have one.
fn judge(report: &mut Report, gallery: &Gallery, database: &Rows, queries: &Rows) -> Result<()> {
    let own = places(database, queries);
    let (known, asked) = (numbers(database), numbers(queries));
    let codes = |rows, labels| codes_of(report.bits, rows, labels);
    let metrics = code_metrics(codes(database, &known), codes(queries, &asked), own.as_deref());
    let sample = queries.spread(MAX_EXACT_QUERIES);
    let size = gallery.facts().binarizer.latent_size();
    let vectors = |values, labels| Vectors { size, values, labels };
    let sampled = numbers(&sample);
    let own = places(database, &sample);
    report.baselines.latents = Some(baseline(
        vectors(&database.latents, &known),
        vectors(&sample.latents, &sampled),
        Nearness::Cosine,
        own.as_deref(),
    ));
    report.map_all = Some(metrics.map_all);
    report.map_1000 = Some(metrics.map_1000);
    report.precision_10 = Some(metrics.precision_10);
    report.precision_100 = Some(metrics.precision_100);
    report.knn10_accuracy = Some(metrics.knn10_accuracy);
    report.reranked_knn10_accuracy = Some(reranked_accuracy(gallery, database, queries)?);
    Ok(())
}

fn codes_of<'a>(bits: usize, rows: &'a Rows, labels: &'a [u32]) -> Codes<'a> {
    Codes { bits, codes: &rows.codes, labels }
}

/// The labels of rows that all have one.
fn numbers(rows: &Rows) -> Vec<u32> {
    rows.labels.iter().flatten().copied().collect()
}

/// For each query that is one of the gallery's own, its row in `database`.
fn places(database: &Rows, queries: &Rows) -> Option<Vec<u32>> {
    let known = database.ids.as_ref()?;
    let place = |id: &u32| known.binary_search(id).ok().map(|place| place as u32);
    queries.ids.as_ref()?.iter().map(place).collect()
}

/// What `query` answers with its defaults, judged by the labels.
fn reranked_accuracy(gallery: &Gallery, database: &Rows, queries: &Rows) -> Result<f64> {
    let size = gallery.facts().binarizer.latent_size();
    let Some(ids) = &database.ids else { return Ok(0.0) };
    // One more where the query is itself among the answers.
    let options = QueryOptions { k: K + usize::from(queries.ids.is_some()), ..QueryOptions::default() };
    let mut right = 0;
    for (row, latent) in queries.latents.chunks_exact(size).enumerate() {
        let own = queries.ids.as_ref().map(|ids| ids[row]);
        let hits = gallery.search(latent, &options)?;
        let hits = hits.iter().filter(|hit| own != Some(hit.id)).take(K);
        let labels: Vec<u32> = hits
            .filter_map(|hit| ids.binary_search(&hit.id).ok().and_then(|place| database.labels[place]))
            .collect();
        right += usize::from(ranked_majority(&labels) == queries.labels[row]);
    }
    Ok(right as f64 / queries.len().max(1) as f64)
}

/// How much of the exact answer the default search finds.
fn mean_recall(snapshot: &Snapshot, queries: &Rows) -> Result<f64> {
    let distances = |code: &[u64], mode| -> Result<Vec<u32>> {
        let hits = snapshot.search(code, &Search { k: K, mode, radius: None })?;
        Ok(hits.iter().map(|hit| hit.distance).collect())
    };
    let recalls: Result<Vec<f64>> = queries
        .codes
        .par_chunks_exact(words(snapshot.bits()))
        .map(|code| {
            let default = QueryOptions::default().mode;
            Ok(recall(&distances(code, Mode::Exact)?, &distances(code, default)?, K))
        })
        .collect();
    let recalls = recalls?;
    Ok(recalls.iter().sum::<f64>() / recalls.len().max(1) as f64)
}

/// The gallery's own images ask for each other by their pixels.
fn pixel_baseline(gallery: &Gallery, dir: &Path, database: &Rows) -> Option<Baseline> {
    let shape = gallery.model().metadata.input;
    if database.len().saturating_mul(shape.size()) > MAX_PIXELS {
        return None;
    }
    let values = pixels(gallery, dir, database.ids.as_ref()?, shape)?;
    let labels = numbers(database);
    let rows = spread(database.len(), MAX_EXACT_QUERIES);
    let asked: Vec<f32> =
        rows.iter().flat_map(|row| &values[row * shape.size()..(row + 1) * shape.size()]).copied().collect();
    let asked_labels: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
    let own: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
    let vectors = |values, labels| Vectors { size: shape.size(), values, labels };
    Some(baseline(vectors(&values, &labels), vectors(&asked, &asked_labels), Nearness::Euclidean, Some(&own)))
}
