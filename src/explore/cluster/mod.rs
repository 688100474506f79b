//! Groups of similar images, by codes or latents, and how well they agree with labels.
//!
//! | file | responsibility |
//! |---|---|
//! | `options`, `clustering` | how to cluster; the result |
//! | `prepare` | latents of many numbers, projected |
//! | `space` | distances between images, and from images to whole clusters |
//! | `partition` | a given number of clusters: k-majority, k-means, k-medoids |
//! | `choose` | the number of clusters |
//! | `density` | clusters of any shape and number: HDBSCAN |
//! | `summary` | medoids, diameters, silhouettes |
//! | `agreement` | purity, NMI, ARI, accuracy |
//! | `outputs`, `sheet` | a table, a contact sheet, folders of images |

mod agreement;
mod choose;
mod clustering;
mod density;
mod options;
mod partition;
mod prepare;
mod space;
mod summary;

mod outputs;
mod sheet;
#[cfg(test)]
mod tests;

use std::time::Instant;

use aesearch_index::words;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::neighbours::neighbours;
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::observer::{Observer, Progress, Stage};
use crate::output::thousands;

use agreement::Table;
use density::{Density, hdbscan};
use partition::{Centre, chosen, partition};
use prepare::{Purpose, SMALL, prepared};
use space::{Codes, Latents, Space};
use summary::{Summary, summarize};

pub use agreement::Agreement;
pub use choose::Tried;
pub use clustering::{Clustering, Unit};
pub use options::{ClusterOptions, MAX_TRIED, Method};
pub use outputs::{ClusterOutputs, WrittenClusters, cluster_to};
pub use sheet::shares;
pub use summary::Cluster;

/// Size of the sample on which numbers of clusters are tried.
const SAMPLE: usize = 10_000;
/// Neighbours in the graph of [`Method::Hdbscan`].
const NEIGHBOURS: usize = 32;
/// Images within which density is measured there, the image itself included: of latents as they are, and of
/// projected ones, where groups are small and uneven.
const MIN_SAMPLES: usize = 5;
const MIN_SAMPLES_PROJECTED: usize = 2;

/// Clusters the images.
///
/// # Errors
/// When the options cannot be used, `k` is more than there are images, the method needs latents that the
/// index does not keep, or the observer stops the work.
pub fn cluster(rows: &Rows, options: &ClusterOptions, observer: &dyn Observer) -> Result<Clustering> {
    options.check()?;
    if let Some(k) = options.k.filter(|&k| k > rows.len()) {
        let [most, k] = [rows.len(), k].map(|n| thousands(n as u64));
        return Err(Error::invalid(format!("`k`: expected at most {most}, the number of images, got {k}")));
    }
    let snapshot = rows.snapshot();
    let latents = |purpose| {
        prepared(rows, purpose, options.seed)
            .map_err(|error| error.with_hint("the `method` k-majority needs only codes"))
    };
    let method = match options.method {
        Method::Auto if snapshot.latent_size() > SMALL => Method::KMeans,
        Method::Auto => Method::KMajority,
        method => method,
    };
    let summed = match method {
        Method::Auto | Method::KMajority => {
            let codes = Codes { words: words(snapshot.bits()), codes: rows.codes() };
            summed(&codes, Centre::Mean, options, observer)
        }
        Method::KMeans => summed(&latents(Purpose::Centres)?, Centre::Mean, options, observer),
        Method::KMedoids => summed(&latents(Purpose::Centres)?, Centre::Medoid, options, observer),
        Method::Hdbscan => return by_density(rows, &latents(Purpose::Density)?, options, observer),
    };
    let unit = if method == Method::KMajority { Unit::Bits } else { Unit::Cosine };
    let summed = summed.filter(|_| !observer.should_stop()).ok_or(Error::Interrupted)?;
    Ok(described(rows, method, unit, summed))
}

/// Clusters, the numbers that were tried, and how long the assignment took.
struct Summed {
    tried: Vec<Tried>,
    summary: Summary,
    assign_seconds: f64,
}

/// Nothing where the observer stops the work.
fn summed<S: Space>(
    space: &S,
    centre: Centre,
    options: &ClusterOptions,
    observer: &dyn Observer,
) -> Option<Summed> {
    let start = Instant::now();
    let go_on = || !observer.should_stop();
    let ClusterOptions { k, max_k, seed, .. } = *options;
    let tried = match k {
        Some(_) => Vec::new(),
        None => {
            let sample = space.pick(&chosen(space.len(), SAMPLE, &mut ChaCha8Rng::seed_from_u64(seed)));
            observer.stage(Stage::new("trying numbers of clusters", "numbers"));
            choose::try_all(&sample, max_k, &|k| {
                observer.progress(&Progress::of(k, max_k));
                partition(&sample, (k, centre), seed, &go_on)
            })?
        }
    };
    let k = k.unwrap_or_else(|| choose::best(&tried));
    observer.stage(Stage::images("clustering"));
    let clusters = partition(space, (k, centre), seed, &go_on)?;
    let assign_seconds = start.elapsed().as_secs_f64();
    let k = clusters.iter().max().map_or(0, |&most| most as usize + 1);
    let clusters: Vec<Option<u32>> = clusters.into_iter().map(Some).collect();
    Some(Summed { tried, summary: summarize(space, &clusters, k), assign_seconds })
}

fn by_density(
    rows: &Rows,
    latents: &Latents,
    options: &ClusterOptions,
    observer: &dyn Observer,
) -> Result<Clustering> {
    let start = Instant::now();
    let n = rows.len();
    let near = neighbours(rows, Some(&latents.values), NEIGHBOURS.min(n.max(2) - 1), observer)?;
    let min_size = options.min_size.unwrap_or((n.isqrt() / 2).max(5));
    observer.stage(Stage::images("clustering"));
    let projected = latents.size < rows.snapshot().latent_size();
    let min_samples = if projected { MIN_SAMPLES_PROJECTED } else { MIN_SAMPLES };
    let density = Density { min_size: min_size.max(2), min_samples, least: 1e-3 };
    let metric = |distance: f32| (2.0 * distance).sqrt(); // the length of the chord
    let (assignment, k) = hdbscan(&near, metric, density);
    let assign_seconds = start.elapsed().as_secs_f64();
    let summed = Summed { tried: Vec::new(), summary: summarize(latents, &assignment, k), assign_seconds };
    Ok(described(rows, Method::Hdbscan, Unit::Cosine, summed))
}

fn described(rows: &Rows, method: Method, unit: Unit, summed: Summed) -> Clustering {
    let Summed { tried, summary, assign_seconds } = summed;
    let Summary { clusters, assignment, distances, silhouettes } = summary;
    let in_clusters = silhouettes.iter().flatten().count().max(1);
    let sum = silhouettes.iter().flatten().fold(0.0, |sum, &silhouette| sum + f64::from(silhouette));
    let table = Table::new(&assignment, &rows.labels, clusters.len(), rows.label_names.len());
    let labelled = rows.is_labelled();
    Clustering {
        method,
        clusters,
        assignment,
        distances,
        silhouettes,
        unit,
        silhouette: sum / in_clusters as f64,
        tried,
        agreement: if labelled { table.agreement() } else { None },
        assign_seconds,
        label_counts: if labelled { table.counts } else { Vec::new() },
    }
}
