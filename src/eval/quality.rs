//! What all yardsticks have in common: who asks whom, what is true, and the figures that say how good the rankings were.

use serde::Serialize;

use super::ties::{Bucket, Tables, precision};

/// Who asks whom; `V` holds what is compared, codes or vectors.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a, V> {
    /// Those that are ranked.
    pub database: V,
    /// Those that ask.
    pub queries: V,
    /// Where given, names for each query the database's item that it is itself, and that its ranking leaves out.
    pub own: Option<&'a [u32]>,
}

impl<V> Question<'_, V> {
    /// The item that `query` is itself.
    pub(super) fn own(&self, query: usize) -> Option<usize> {
        self.own.map(|own| own[query] as usize)
    }
}

/// The labels: an item is relevant to a query of the same label. Items without one are in no ranking, queries without one
/// are not judged.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// `[items]`
    pub database: &'a [Option<u32>],
    /// `[queries]`
    pub queries: &'a [Option<u32>],
}

/// What the labels say of rankings: means over the queries, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Quality {
    /// Queries asked.
    pub queries: usize,
    /// Mean average precision over the whole ranking; a query without relevant items counts as 0.
    pub map_all: f64,
    /// Of the first 1,000 ranks, see [`Tables::truncated_average_precision`].
    pub map_1000: f64,
    /// Relevant items among the first 10.
    pub precision_10: f64,
    /// Relevant items among the first 100.
    pub precision_100: f64,
    /// Queries whose label is that of the majority of their 10 nearest items.
    pub knn10_accuracy: f64,
}

impl Quality {
    /// Of one ranking, `buckets` by distance, whose 10 nearest vote for the right label with the chance `knn10`.
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

    /// Over all queries; nothing where there are none.
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
