//! What codes and baselines have in common: queries and database, the labels, and the metrics of their
//! rankings.

use serde::Serialize;

use super::ties::{Bucket, Tables, precision};

/// Queries and the database they search; `V` holds what is compared, codes or vectors.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a, V> {
    /// What is ranked.
    pub database: V,
    /// What it is ranked by.
    pub queries: V,
    /// For queries from the database: the item that each query is, which its ranking leaves out.
    pub own: Option<&'a [u32]>,
}

impl<V> Question<'_, V> {
    /// The item that `query` is.
    pub(super) fn own(&self, query: usize) -> Option<usize> {
        self.own.map(|own| own[query] as usize)
    }
}

/// The labels: an item is relevant to a query with the same label. Items without a label are left out of
/// rankings, queries without one are not judged.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// `[items]`
    pub database: &'a [Option<u32>],
    /// `[queries]`
    pub queries: &'a [Option<u32>],
}

/// Metrics of rankings: means over the queries, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Quality {
    /// The number of queries.
    pub queries: usize,
    /// Mean average precision over the whole ranking; a query without relevant items counts as 0.
    pub map_all: f64,
    /// The same for the first 1,000 ranks, see [`Tables::truncated_average_precision`].
    pub map_1000: f64,
    /// Relevant items among the first 10.
    pub precision_10: f64,
    /// Relevant items among the first 100.
    pub precision_100: f64,
    /// Queries whose label is that of the majority of their 10 nearest items.
    pub knn10_accuracy: f64,
}

impl Quality {
    /// Of one ranking, as `buckets` by distance; `knn10` is the chance that its 10 nearest vote for the right
    /// label.
    pub(super) fn of(tables: &Tables, buckets: &[Bucket], knn10: f64) -> Quality {
        Quality {
            queries: 1,
            map_all: tables.average_precision(buckets),
            map_1000: tables.truncated_average_precision(buckets, 1000),
            precision_10: precision(buckets, 10),
            precision_100: precision(buckets, 100),
            knn10_accuracy: knn10,
        }
    }

    /// Over all queries; none where there are none.
    pub(super) fn mean(all: &[Quality]) -> Option<Quality> {
        let queries: usize = all.iter().map(|one| one.queries).sum();
        let mean = |figure: fn(&Quality) -> f64| {
            all.iter().map(|one| figure(one) * one.queries as f64).sum::<f64>() / queries as f64
        };
        (queries > 0).then(|| Quality {
            queries,
            map_all: mean(|one| one.map_all),
            map_1000: mean(|one| one.map_1000),
            precision_10: mean(|one| one.precision_10),
            precision_100: mean(|one| one.precision_100),
            knn10_accuracy: mean(|one| one.knn10_accuracy),
        })
    }
}
