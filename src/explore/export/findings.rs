//! Everything that an export needs, computed once.

use std::path::Path;

use super::options::{ExportOptions, Part};
use crate::error::{Error, Result};
use crate::explore::cluster::{Clustering, cluster};
use crate::explore::columns;
use crate::explore::map::{Map, map};
use crate::explore::metadata::{OfFile, metadata};
use crate::explore::neighbours::{Neighbours, nearest};
use crate::explore::outliers::{Outliers, Reading, outliers_among};
use crate::explore::rows::Rows;
use crate::explore::table::Table;
use crate::gallery::{Gallery, Known};
use crate::images::Skipped;
use crate::observer::Observer;

/// The results that are exported; nothing where a part was not asked for.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) clustering: Option<Clustering>,
    pub(super) map: Option<Map>,
    pub(super) outliers: Option<Outliers>,
    pub(super) near: Option<Neighbours>,
    pub(super) metadata: Option<Vec<Option<OfFile>>>,
    pub(super) exif: Option<Table>,
    /// Images that could not be read, by name.
    pub(super) skipped: Vec<Skipped>,
}

impl Findings {
    /// Computes the parts that are asked for. With a gallery, images are read for outliers.
    ///
    /// # Errors
    /// When latents are asked for and the index keeps none, the index or the model fails, or the observer
    /// stops the work.
    pub(super) fn of(
        rows: &Rows,
        gallery: Option<&Gallery>,
        options: &ExportOptions,
        observer: &dyn Observer,
    ) -> Result<Findings> {
        let wants = |part: Part| options.parts.contains(&part);
        if wants(Part::Latents) && rows.snapshot().latent_size() == 0 {
            return Err(Error::unsupported("the index: expected latents, got only codes").with_hint(
                "leave latents out of `parts`; an index made without `without_latents` has them",
            ));
        }
        let mut found = Findings::default();
        if wants(Part::Cluster) {
            found.clustering = Some(cluster(rows, &options.cluster, observer)?);
        }
        if wants(Part::Map) {
            found.map = Some(map(rows, &options.map, observer)?);
        }
        if wants(Part::Outliers) || wants(Part::Neighbours) {
            let near = nearest(rows, options.outliers.nearest(), observer)?;
            if wants(Part::Outliers) {
                let reading = gallery.map(Reading::new);
                let outliers = outliers_among(rows, &near, reading, &options.outliers, observer)?;
                found.skipped.clone_from(&outliers.skipped);
                found.outliers = Some(outliers);
            }
            found.near = Some(near);
        }
        if wants(Part::Metadata) {
            let (of_files, skipped) = metadata(rows, options.outliers.threads, observer)?;
            found.metadata = Some(of_files);
            found.skip(skipped);
        }
        if wants(Part::Exif) {
            found.exif = Some(columns::exif(rows, &Known::open(rows.dir(), rows.snapshot(), observer)?));
        }
        Ok(found)
    }

    /// Adds images that could not be read, unless they are known.
    pub(super) fn skip(&mut self, skipped: Vec<Skipped>) {
        self.skipped.extend(skipped);
        // stable: the first reason stays
        self.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        self.skipped.dedup_by(|a, b| a.path == b.path);
    }

    /// The columns of `parts`.
    ///
    /// # Errors
    /// When latents are asked for, and the index keeps none.
    pub(super) fn table(&self, rows: &Rows, options: &ExportOptions, parts: &[Part]) -> Result<Table> {
        let mut table = Table::default();
        for part in Part::ALL.into_iter().filter(|part| parts.contains(part)) {
            let more = match part {
                Part::Cluster => self.clustering.as_ref().map(columns::clusters),
                Part::Map => self.map.as_ref().map(columns::positions),
                Part::Outliers => self.outliers.as_ref().map(|found| columns::outliers(rows, found)),
                Part::Neighbours => {
                    self.near.as_ref().map(|near| columns::neighbours(near, options.outliers.neighbours))
                }
                Part::Metadata => self.metadata.as_deref().map(columns::metadata),
                // both have a camera
                Part::Exif if parts.contains(&Part::Metadata) => {
                    self.exif.clone().map(|table| table.renamed("camera", "exif_camera"))
                }
                Part::Exif => self.exif.clone(),
                Part::Latents => Some(columns::latents(rows)?),
                Part::Codes => Some(columns::codes(rows)),
            };
            let more = more.unwrap_or_default();
            // among other columns, these two need longer names
            table = table.and(more.renamed("distance", "cluster_distance").renamed("score", "outlier_score"));
        }
        Ok(table)
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name; relative to the folder, if the export is one.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

impl Written {
    /// The file at `path`, which is the export `to` or inside of it.
    pub(super) fn of(path: &Path, to: &Path) -> Result<Written> {
        let bytes = std::fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
        let name = if path == to { path } else { path.strip_prefix(to).unwrap_or(path) };
        Ok(Written { name: name.display().to_string(), bytes })
    }
}

/// The result of an export.
#[derive(Debug)]
pub struct Exported {
    /// The columns of its table.
    pub columns: Vec<&'static str>,
    /// The files that were written.
    pub files: Vec<Written>,
    /// Images that could not be read.
    pub skipped: Vec<Skipped>,
}
