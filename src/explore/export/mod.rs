//! All that can be found of a collection, for other programs: computed once (`find`), then written.
//!
//! ```text
//! items -> find -> Findings -> columns -> one table, in any format of table/
//!                                     \-> atlas      a Parquet file for Embedding Atlas, with pictures
//!                                      -> projector  a folder for TensorBoard's Embedding Projector
//!                                      -> faiss      a folder with faiss's own index files
//! ```
//!
//! Rows are in the order of [`Rows`], everywhere, and numbered from 0.

pub mod columns;
mod faiss;
mod pictures;

mod embedding_atlas;
mod projector;

use std::path::Path;
use std::str::FromStr;

use super::cluster::{ClusterOptions, Clustering, cluster};
use super::map::{Map, MapOptions, map};
use super::neighbours::{Neighbours, nearest};
use super::outliers::{OutlierOptions, Outliers, Reading, outliers_among};
use super::rows::Rows;
use super::table::{Format, Table};
use crate::error::{Error, Result};
use crate::gallery::Gallery;
use crate::images::Skipped;
use crate::observer::Observer;
use crate::output::{check_empty, write_folder};

/// Columns that are computed together, and asked for by one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Which cluster, how far from its medoid, how well it fits.
    Cluster,
    /// Where it lies on a plane.
    Map,
    /// How odd it is, its faults, the label that its neighbours suggest.
    Outliers,
    /// The nearest others, and how far they are.
    Neighbours,
    /// Unit latents.
    Latents,
    /// Codes, in hexadecimal.
    Codes,
}

impl Part {
    /// All there are, in the order of the columns.
    pub const ALL: [Part; 6] =
        [Part::Cluster, Part::Map, Part::Outliers, Part::Neighbours, Part::Latents, Part::Codes];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Part::Cluster => "cluster",
            Part::Map => "map",
            Part::Outliers => "outliers",
            Part::Neighbours => "neighbours",
            Part::Latents => "latents",
            Part::Codes => "codes",
        }
    }
}

impl FromStr for Part {
    type Err = Error;

    fn from_str(name: &str) -> Result<Part> {
        Part::ALL.into_iter().find(|part| part.name() == name).ok_or_else(|| {
            let names = Part::ALL.map(Part::name).join(", ");
            Error::invalid(format!("--with: expected some of {names}, got {name:?}"))
        })
    }
}

/// Whom it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Anyone: a table in one of five formats.
    #[default]
    Table,
    /// Embedding Atlas: a Parquet file.
    EmbeddingAtlas,
    /// TensorBoard's projector: a folder.
    TensorBoard,
    /// faiss: a folder.
    Faiss,
}

impl Target {
    const ALL: [Target; 4] = [Target::Table, Target::EmbeddingAtlas, Target::TensorBoard, Target::Faiss];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Target::Table => "table",
            Target::EmbeddingAtlas => "embedding-atlas",
            Target::TensorBoard => "tensorboard",
            Target::Faiss => "faiss",
        }
    }

    /// What is computed where nothing else is asked for.
    pub fn parts(self) -> &'static [Part] {
        match self {
            Target::Table | Target::EmbeddingAtlas => {
                &[Part::Cluster, Part::Map, Part::Outliers, Part::Neighbours]
            }
            Target::TensorBoard => &[Part::Cluster, Part::Outliers], // it makes maps and finds neighbours itself
            Target::Faiss => &[],
        }
    }

    /// Whether it is one file; else a folder.
    pub fn is_file(self) -> bool {
        matches!(self, Target::Table | Target::EmbeddingAtlas)
    }

    /// Refuses a place that it cannot be written to.
    ///
    /// # Errors
    /// When a file's name does not end as it should, or a folder is not empty.
    pub fn check(self, to: &Path) -> Result<()> {
        match self {
            Target::Table => Format::of(to).map(drop),
            Target::EmbeddingAtlas if Format::of(to).is_ok_and(|format| format == Format::Parquet) => Ok(()),
            Target::EmbeddingAtlas => {
                let what = format!("{}: expected a name that ends in .parquet", to.display());
                Err(Error::invalid(what).with_hint("Embedding Atlas takes pictures from Parquet files alone"))
            }
            Target::TensorBoard | Target::Faiss => check_empty(to),
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(name: &str) -> Result<Target> {
        Target::ALL.into_iter().find(|target| target.name() == name).ok_or_else(|| {
            let names = Target::ALL.map(Target::name).join(", ");
            Error::invalid(format!("--to: expected one of {names}, got {name:?}"))
        })
    }
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// For whom.
    pub target: Target,
    /// Which columns, beside the names and labels.
    pub parts: Vec<Part>,
    /// How to cluster.
    pub cluster: ClusterOptions,
    /// How to make a map.
    pub map: MapOptions,
    /// How to look for outliers; its number of neighbours is how many of each are told.
    pub outliers: OutlierOptions,
    /// The longest side of the pictures in what is made to be looked at, in pixels; 0: none.
    pub picture: usize,
}

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    clustering: Option<Clustering>,
    map: Option<Map>,
    outliers: Option<Outliers>,
    near: Option<Neighbours>,
}

impl Findings {
    /// The columns of `parts`.
    ///
    /// # Errors
    /// When latents are asked for, and the index keeps none.
    fn table(&self, items: &Rows<'_>, options: &ExportOptions, parts: &[Part]) -> Result<Table> {
        let mut table = Table::default();
        for part in Part::ALL.into_iter().filter(|part| parts.contains(part)) {
            let more = match part {
                // among others, these two need their full names
                Part::Cluster => self.clustering.as_ref().map(columns::clusters),
                Part::Map => self.map.as_ref().map(columns::places),
                Part::Outliers => self.outliers.as_ref().map(|found| columns::oddities(items, found)),
                Part::Neighbours => {
                    self.near.as_ref().map(|near| columns::neighbours(near, options.outliers.neighbours))
                }
                Part::Latents => Some(columns::latents(items)?),
                Part::Codes => Some(columns::codes(items)),
            };
            let more = more.unwrap_or_default();
            table = table.and(more.renamed("distance", "cluster_distance").renamed("score", "outlier_score"));
        }
        Ok(table)
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name, in the folder where that is what was written.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Exported {
    /// The columns of the table in it.
    pub columns: Vec<&'static str>,
    /// The files there are now.
    pub files: Vec<Written>,
    /// Images that could not be read.
    pub skipped: Vec<Skipped>,
}

/// Finds what is asked for of the index at `dir`, and writes it to `to`: a file, or a folder that is new or empty. With a gallery,
/// images are read for outliers; pictures are read without one.
///
/// # Errors
/// When the options make no sense, the index or the model fails, nothing can be written, or the observer interrupts; nothing is
/// written then.
pub fn export(
    items: &Rows<'_>,
    gallery: Option<&Gallery>,
    (dir, to): (&Path, &Path),
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Exported> {
    options.target.check(to)?;
    let found = find(items, gallery, dir, options, observer)?;
    let mut skipped = found.outliers.as_ref().map_or(Vec::new(), |outliers| outliers.skipped.clone());
    let (columns, files, unread) = match options.target {
        Target::Table => {
            let table = columns::identity(items).and(found.table(items, options, &options.parts)?);
            table.write(to)?;
            (table.names().collect(), vec![written(to, to)?], Vec::new())
        }
        Target::EmbeddingAtlas => {
            embedding_atlas::write(items, &found, Place { dir, to }, options, observer)?
        }
        Target::TensorBoard => {
            write_folder(to, |to| projector::write(items, &found, Place { dir, to }, options, observer))?
        }
        Target::Faiss => write_folder(to, |to| faiss::write(items, &found, Place { dir, to }, options))?,
    };
    let known: Vec<String> = skipped.iter().map(|skipped| skipped.path.clone()).collect();
    skipped.extend(unread.into_iter().filter(|skipped| known.binary_search(&skipped.path).is_err()));
    Ok(Exported { columns, files, skipped })
}

/// Where the index is, and where to write.
#[derive(Clone, Copy)]
struct Place<'a> {
    dir: &'a Path,
    to: &'a Path,
}

/// Columns, files, and images that could not be read.
type Out = (Vec<&'static str>, Vec<Written>, Vec<Skipped>);

/// What is told of a file that was written at `path`, in or as `to`.
fn written(path: &Path, to: &Path) -> Result<Written> {
    let bytes = std::fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
    let name = if path == to { path } else { path.strip_prefix(to).unwrap_or(path) };
    Ok(Written { name: name.display().to_string(), bytes })
}

fn find(
    items: &Rows<'_>,
    gallery: Option<&Gallery>,
    dir: &Path,
    options: &ExportOptions,
    observer: &dyn Observer,
) -> Result<Findings> {
    let wants = |part: Part| options.parts.contains(&part);
    if wants(Part::Latents) {
        has_latents(items)?; // before the work
    }
    let mut found = Findings::default();
    if wants(Part::Cluster) {
        found.clustering = Some(cluster(items, &options.cluster, observer)?);
    }
    if wants(Part::Map) {
        found.map = Some(map(items, dir, &options.map, observer)?);
    }
    if wants(Part::Outliers) || wants(Part::Neighbours) {
        let near = nearest(items, options.outliers.nearest(), observer)?;
        if wants(Part::Outliers) {
            let reading = gallery.map(|gallery| Reading { gallery, dir, seen: &|_, _| () });
            found.outliers = Some(outliers_among(items, &near, reading, &options.outliers, observer)?);
        }
        found.near = Some(near);
    }
    Ok(found)
}

fn has_latents(items: &Rows<'_>) -> Result<()> {
    match items.snapshot().latent_size() {
        0 => Err(Error::invalid("the index: expected latents, got codes alone")
            .with_hint("leave `latents` out of --with; an index made without --no-latents has them")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_targets_have_names() {
        for part in Part::ALL {
            assert_eq!(part.name().parse::<Part>().unwrap(), part);
        }
        for target in Target::ALL {
            assert_eq!(target.name().parse::<Target>().unwrap(), target);
        }
        let error = "pixels".parse::<Part>().unwrap_err().to_string();
        assert!(error.contains("--with: expected some of cluster, map"), "{error}");
        let error = "excel".parse::<Target>().unwrap_err().to_string();
        assert!(error.contains("--to: expected one of table, embedding-atlas"), "{error}");
    }
}
