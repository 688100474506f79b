//! How to cluster.

use std::str::FromStr;

use crate::error::{Error, Result};

/// The largest number of clusters that is tried by default, where none is given.
pub const MAX_TRIED: usize = 30;

/// A clustering method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// k-means where the index keeps latents of more than 64 numbers, as of photos, else k-majority.
    #[default]
    Auto,
    /// k-majority: codes around the majority of each of their bits. The fastest.
    KMajority,
    /// k-means: unit latents around their mean. For this and the methods below, latents of more than 64
    /// numbers are projected to the directions in which they vary most.
    KMeans,
    /// k-medoids: unit latents around one of them.
    KMedoids,
    /// HDBSCAN: latents where they are dense; the others belong to no cluster.
    Hdbscan,
}

impl Method {
    const ALL: [Method; 5] =
        [Method::Auto, Method::KMajority, Method::KMeans, Method::KMedoids, Method::Hdbscan];

    /// The name in options and documents.
    pub fn name(self) -> &'static str {
        match self {
            Method::Auto => "auto",
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
        Method::ALL.into_iter().find(|method| method.name() == name).ok_or_else(|| {
            Error::invalid(format!(
                "`method`: expected auto, k-majority, k-means, k-medoids or hdbscan, got {name:?}"
            ))
        })
    }
}

/// How to cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterOptions {
    /// The method.
    pub method: Method,
    /// The number of clusters; nothing chooses the number with the largest mean silhouette. Not for
    /// [`Method::Hdbscan`].
    pub k: Option<usize>,
    /// The largest number of clusters that is tried where `k` is nothing.
    pub max_k: usize,
    /// The least number of images in a cluster of [`Method::Hdbscan`]; nothing is half the square root of
    /// all, but at least 5.
    pub min_size: Option<usize>,
    /// Seed of the starting points.
    pub seed: u64,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        ClusterOptions { method: Method::default(), k: None, max_k: MAX_TRIED, min_size: None, seed: 0 }
    }
}

impl ClusterOptions {
    /// Refuses options that cannot be used, or that would have no effect.
    ///
    /// # Errors
    /// When `k` or `max_k` is 0, `min_size` below 2, or one of them does not go with the method.
    pub fn check(&self) -> Result<()> {
        let ClusterOptions { method, k, max_k, min_size, .. } = *self;
        for (field, value) in [("k", k.unwrap_or(1)), ("max_k", max_k)] {
            if value == 0 {
                return Err(Error::invalid(format!("`{field}`: expected at least 1, got 0")));
            }
        }
        if k.is_some() && method == Method::Hdbscan {
            let what = "`k`: expected none with hdbscan, which finds the number of clusters";
            return Err(Error::invalid(what).with_hint("`min_size` sets how small they may be"));
        }
        match min_size {
            Some(_) if method != Method::Hdbscan => {
                let what = format!("`min_size`: expected none with {}, it is for hdbscan", method.name());
                Err(Error::invalid(what).with_hint("`k` sets the number of clusters"))
            }
            Some(size @ ..2) => Err(Error::invalid(format!("`min_size`: expected at least 2, got {size}"))),
            _ => Ok(()),
        }
    }
}
