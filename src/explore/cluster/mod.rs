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

use aesearch_index::words;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::items::Items;
use super::neighbours::neighbours;
use crate::error::{Error, Result};
use crate::gallery::Observer;
use agreement::Table;
use density::{Density, hdbscan};
use partition::{Centre, chosen, partition, refine};
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
    /// Latents around their mean direction.
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
            Error::usage(format!(
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
pub fn cluster(items: &Items<'_>, options: &ClusterOptions, observer: &dyn Observer) -> Result<Clustering> {
    let snapshot = items.snapshot();
    if options.k == Some(0) || options.max_k == 0 {
        return Err(Error::usage("--k: expected at least 1, got 0"));
    }
    let latents = || {
        let values =
            items.latents().map_err(|error| error.with_hint("--method k-majority needs codes alone"))?;
        Ok::<_, Error>(Latents { size: snapshot.latent_size(), values })
    };
    let codes = Codes { words: words(snapshot.bits()), codes: items.codes() };
    let go_on = || !observer.interrupted();
    let way = Way { codes: &codes, options, go_on: &go_on };
    let summed = match options.method {
        Method::KMajority => way.summed(&codes, None),
        Method::KMeans => way.summed(&latents()?, Some(Centre::Mean)),
        Method::KMedoids => way.summed(&latents()?, Some(Centre::Medoid)),
        Method::Hdbscan => return by_density(items, &latents()?, options, observer),
    };
    let unit = if options.method == Method::KMajority { Unit::Bits } else { Unit::Cosine };
    let (tried, summary) = summed.ok_or(Error::Interrupted)?;
    Ok(described(items, options.method, unit, tried, summary))
}

/// How a number of clusters is found.
struct Way<'a> {
    codes: &'a Codes,
    options: &'a ClusterOptions,
    go_on: &'a dyn Fn() -> bool,
}

impl Way<'_> {
    /// The numbers of clusters that were tried, and the clusters; nothing where the work is to end. With `centre`, what the codes found
    /// is refined in `space`.
    fn summed<S: Space>(&self, space: &S, centre: Option<Centre>) -> Option<(Vec<Tried>, Summary)> {
        let ClusterOptions { k, max_k, seed, .. } = *self.options;
        let find = |codes: &Codes, space: &S, k: usize| {
            let found = partition(codes, k, seed, self.go_on)?;
            centre.map_or(Some(found.clone()), |centre| refine(space, &found, centre, self.go_on))
        };
        let tried = match k {
            Some(_) => Vec::new(),
            None => {
                let sample = chosen(space.len(), SAMPLE, &mut ChaCha8Rng::seed_from_u64(seed));
                let (codes, space) = (self.codes.pick(&sample), space.pick(&sample));
                choose::try_all(&space, max_k, &|k| find(&codes, &space, k))?
            }
        };
        let clusters = find(self.codes, space, k.unwrap_or_else(|| choose::best(&tried)))?;
        let k = clusters.iter().max().map_or(0, |&most| most as usize + 1);
        let clusters: Vec<Option<u32>> = clusters.into_iter().map(Some).collect();
        Some((tried, summarize(space, &clusters, k)))
    }
}

fn by_density(
    items: &Items<'_>,
    latents: &Latents,
    options: &ClusterOptions,
    observer: &dyn Observer,
) -> Result<Clustering> {
    let n = items.len();
    let near = neighbours(items, Some(&latents.values), NEIGHBOURS.min(n.max(2) - 1), observer)?;
    let min_size = options.min_size.unwrap_or((n.isqrt() / 2).max(5));
    let density = Density { min_size: min_size.max(2), min_samples: MIN_SAMPLES, least: 1e-3 };
    let metric = |distance: f32| Latents::metric(f64::from(distance)) as f32;
    let (assignment, k) = hdbscan(&near, metric, density);
    Ok(described(items, Method::Hdbscan, Unit::Cosine, Vec::new(), summarize(latents, &assignment, k)))
}

fn described(
    items: &Items<'_>,
    method: Method,
    unit: Unit,
    tried: Vec<Tried>,
    summary: Summary,
) -> Clustering {
    let Summary { clusters, assignment, distances, silhouettes } = summary;
    let in_clusters = silhouettes.iter().flatten().count().max(1);
    let sum: f64 = silhouettes.iter().flatten().map(|&silhouette| f64::from(silhouette)).sum();
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
        label_counts: if labelled { table.counts } else { Vec::new() },
    }
}
