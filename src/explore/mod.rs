//! A collection as a whole: clusters, outliers, a map, a representative subset.
//!
//! ```text
//! index -> rows -> cluster/  (codes or latents -> clusters, medoids, silhouettes, agreement with labels)
//!               -> outliers/ (neighbours, all images read once -> ranks, faults, doubtful labels)
//!               -> map/      (latents -> plane; neighbours -> t-SNE -> store)
//!               -> subset/   (codes -> a few images)
//! all of these  -> columns -> table/, export/; contact sheets, copy_out
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `rows`, `neighbours` | the images of an index as rows, and the nearest others of each |
//! | `read_all` | reads all images once, on several threads |
//! | `metadata` | what their files say about themselves |
//! | `query_sheet`, `query_table` | queries and their hits as one picture, as a table |
//! | `cluster/` | groups of similar images |
//! | `map/` | all images in the plane |
//! | `outliers/` | unusual images, faults, doubtful labels |
//! | `subset/` | a few images that represent the collection |
//! | `diff` | the differences between two indexes |
//! | `columns`, `table/` | results as columns of a table; file formats of tables |
//! | `copy_out` | folders of images |
//! | `export/` | everything at once: one table, or the files of a particular program |
//!
//! Each verb is one call that computes and writes: `cluster_to`, `outliers_to`, `map_to`, `subset_to`,
//! `diff`, `export`. Clusters and outliers are computed on every call and never stored; t-SNE maps are cached
//! in `maps/` beside the index.

pub mod metadata;
pub mod neighbours;
mod read_all;
pub mod rows;

pub mod query_sheet;
pub mod query_table;

pub mod cluster;
pub mod diff;
pub mod map;
pub mod outliers;
pub mod subset;

pub mod columns;
pub mod copy_out;
pub mod export;
pub mod table;
