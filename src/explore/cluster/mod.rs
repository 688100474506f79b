//! Groups of a collection: which images belong together, by their codes or their latents, and how well labels agree.
//!
//! | file | what it answers |
//! |---|---|
//! | `space` | how far items are from each other, and from whole clusters |
//! | `partition` | so many clusters: k-majority, k-means, k-medoids |
//! | `choose` | how many there are |
//! | `density` | clusters of any shape and number: HDBSCAN |
//! | `summary` | medoids, diameters, silhouettes |
//! | `agreement` | purity, NMI, ARI, accuracy |

mod agreement;
mod choose;
mod density;
mod partition;
mod space;
mod summary;
#[cfg(test)]
mod tests;

use std::str::FromStr;
use std::time::Instant;

use aesearch_index::words;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::neighbours::neighbours;
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::observer::Observer;

use agreement::Table;
use density::{Density, hdbscan};
use partition::{Centre, chosen, partition};
use space::{Codes, Latents, Space};
use summary::{Summary, summarize};

pub use agreement::Agreement;
pub use choose::Tried;
pub use summary::Cluster;

/// The most clusters that are tried where their number is not given.
pub const MAX_TRIED: usize = 30;
/// Images that each number of clusters is tried on.
const SAMPLE: usize = 10_000;
/// Neighbours in the graph of [`Method::Hdbscan`].
const NEIGHBOURS: usize = 32;
/// Images within which density is measured there, itself included.
const MIN_SAMPLES: usize = 5;

/// How to cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Codes around the majority of each of their bits: the fastest.
    #[default]
    KMajority,
    /// Latents, at length 1, around their mean.
    KMeans,
    /// Latents around one of them.
    KMedoids,
    /// Latents where they lie densely; the others belong to no cluster.
    Hdbscan,
}

impl Method {
    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Method::KMajority => "k-majority",
            Method::KMeans => "k-means",
            Method::KMedoids => "k-medoids",
            Method::Hdbscan => "hdbscan",
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Method> {
        let all = [Method::KMajority, Method::KMeans, Method::KMedoids, Method::Hdbscan];
        all.into_iter().find(|method| method.name() == name).ok_or_else(|| {
            Error::invalid(format!(
                "--method: expected k-majority, k-means, k-medoids or hdbscan, got {name:?}"
            ))
        })
    }
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterOptions {
    /// How.
    pub method: Method,
    /// So many clusters; nothing: as many as fit best. Not for [`Method::Hdbscan`].
    pub k: Option<usize>,
    /// The most clusters that are tried where `k` is nothing.
    pub max_k: usize,
    /// Images in a cluster of [`Method::Hdbscan`], at least; nothing: half the square root of all, and not below 5.
    pub min_size: Option<usize>,
    /// Seed of the starts.
    pub seed: u64,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        ClusterOptions { method: Method::default(), k: None, max_k: MAX_TRIED, min_size: None, seed: 0 }
    }
}

/// What distances are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Bits in which codes differ.
    Bits,
    /// 1 less the cosine of latents.
    Cosine,
}

/// Clusters of a collection; images by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    /// How they were found.
    pub method: Method,
    /// The largest first.
    pub clusters: Vec<Cluster>,
    /// The cluster of each image, `[n]`; nothing for one that belongs to none.
    pub assignment: Vec<Option<u32>>,
    /// Distance of each from its cluster's medoid, `[n]`.
    pub distances: Vec<Option<f32>>,
    /// Silhouette of each, -1 to 1, `[n]`.
    pub silhouettes: Vec<Option<f32>>,
    /// What distances and diameters are counted in.
    pub unit: Unit,
    /// The mean silhouette of the images that are in clusters; 0 where there is one cluster.
    pub silhouette: f64,
    /// The numbers of clusters that were tried.
    pub tried: Vec<Tried>,
    /// How labels agree, where there are some.
    pub agreement: Option<Agreement>,
    /// How long it took until each image had its cluster, seconds; what is told of the clusters came after.
    pub assign_seconds: f64,
    /// How many images of each cluster have each label, `[clusters, labels]`; last, where there are some, those of no cluster.
    pub label_counts: Vec<Vec<usize>>,
}

impl Clustering {
    /// The images that belong to no cluster.
    pub fn apart(&self) -> usize {
        self.assignment.iter().filter(|cluster| cluster.is_none()).count()
    }
}

/// Clusters `items`.
///
/// # Errors
/// When the method needs latents that the index does not keep, `k` is 0, or the observer interrupts.
pub fn cluster(items: &Rows<'_>, options: &ClusterOptions, observer: &dyn Observer) -> Result<Clustering> {
    let snapshot = items.snapshot();
    for (flag, is_zero) in [("--k", options.k == Some(0)), ("--max-k", options.max_k == 0)] {
        if is_zero {
            return Err(Error::invalid(format!("{flag}: expected at least 1, got 0")));
        }
    }
    if options.method == Method::Hdbscan && options.k.is_some() {
        let error =
            Error::invalid("--k: expected none with hdbscan, which finds how many clusters there are");
        return Err(error.with_hint("--min-size N says how small they may be"));
    }
    let latents = || {
        let values =
            items.latents().map_err(|error| error.with_hint("--method k-majority needs codes alone"))?;
        Ok::<_, Error>(Latents { size: snapshot.latent_size(), values })
    };
    let go_on = || !observer.should_stop();
    let summed = match options.method {
        Method::KMajority => {
            let codes = Codes { words: words(snapshot.bits()), codes: items.codes() };
            summed(&codes, Centre::Mean, options, &go_on)
        }
        Method::KMeans => summed(&latents()?, Centre::Mean, options, &go_on),
        Method::KMedoids => summed(&latents()?, Centre::Medoid, options, &go_on),
        Method::Hdbscan => return by_density(items, &latents()?, options, observer),
    };
    let unit = if options.method == Method::KMajority { Unit::Bits } else { Unit::Cosine };
    let summed = summed.filter(|_| go_on()).ok_or(Error::Interrupted)?;
    Ok(described(items, options.method, unit, summed))
}

/// Clusters, how they were chosen, and how long it took to find them.
struct Summed {
    tried: Vec<Tried>,
    summary: Summary,
    assign_seconds: f64,
}

/// Nothing where the work is to end.
fn summed<S: Space>(
    space: &S,
    centre: Centre,
    options: &ClusterOptions,
    go_on: &dyn Fn() -> bool,
) -> Option<Summed> {
    let start = Instant::now();
    let ClusterOptions { k, max_k, seed, .. } = *options;
    let tried = match k {
        Some(_) => Vec::new(),
        None => {
            let sample = space.pick(&chosen(space.len(), SAMPLE, &mut ChaCha8Rng::seed_from_u64(seed)));
            choose::try_all(&sample, max_k, &|k| partition(&sample, (k, centre), seed, go_on))?
        }
    };
    let k = k.unwrap_or_else(|| choose::best(&tried));
    let clusters = partition(space, (k, centre), seed, go_on)?;
    let assign_seconds = start.elapsed().as_secs_f64();
    let k = clusters.iter().max().map_or(0, |&most| most as usize + 1);
    let clusters: Vec<Option<u32>> = clusters.into_iter().map(Some).collect();
    Some(Summed { tried, summary: summarize(space, &clusters, k), assign_seconds })
}

fn by_density(
    items: &Rows<'_>,
    latents: &Latents,
    options: &ClusterOptions,
    observer: &dyn Observer,
) -> Result<Clustering> {
    let start = Instant::now();
    let n = items.len();
    let near = neighbours(items, Some(&latents.values), NEIGHBOURS.min(n.max(2) - 1), observer)?;
    let min_size = options.min_size.unwrap_or((n.isqrt() / 2).max(5));
    let density = Density { min_size: min_size.max(2), min_samples: MIN_SAMPLES, least: 1e-3 };
    let metric = |distance: f32| (2.0 * distance).sqrt(); // the length of the chord
    let (assignment, k) = hdbscan(&near, metric, density);
    let assign_seconds = start.elapsed().as_secs_f64();
    let summed = Summed { tried: Vec::new(), summary: summarize(latents, &assignment, k), assign_seconds };
    Ok(described(items, Method::Hdbscan, Unit::Cosine, summed))
}

fn described(items: &Rows<'_>, method: Method, unit: Unit, summed: Summed) -> Clustering {
    let Summed { tried, summary, assign_seconds } = summed;
    let Summary { clusters, assignment, distances, silhouettes } = summary;
    let in_clusters = silhouettes.iter().flatten().count().max(1);
    let sum = silhouettes.iter().flatten().fold(0.0, |sum, &silhouette| sum + f64::from(silhouette));
    let table = Table::new(&assignment, &items.labels, clusters.len(), items.label_names.len());
    let labelled = items.is_labelled();
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
