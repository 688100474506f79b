//! What can be exported, and for which programs.

use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::explore::cluster::ClusterOptions;
use crate::explore::map::MapOptions;
use crate::explore::outliers::OutlierOptions;
use crate::explore::table::{CsvTexts, Format};
use crate::output::check_empty;

/// Columns that are computed together, and have a common name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The cluster, the distance from its medoid, the silhouette.
    Cluster,
    /// The position on the map.
    Map,
    /// The outlier score, faults, and the label that the neighbours suggest.
    Outliers,
    /// The nearest other images, and their distances.
    Neighbours,
    /// What the file says about itself: date, camera, JPEG quality, sidecars.
    Metadata,
    /// What the index keeps of what files know: date, camera, lens, size, place ...
    Exif,
    /// Unit latents.
    Latents,
    /// Codes, in hexadecimal.
    Codes,
}

impl Part {
    /// All parts, in the order of their columns.
    pub const ALL: [Part; 8] = [
        Part::Cluster,
        Part::Map,
        Part::Outliers,
        Part::Neighbours,
        Part::Metadata,
        Part::Exif,
        Part::Latents,
        Part::Codes,
    ];

    /// The name in options and documents.
    pub fn name(self) -> &'static str {
        match self {
            Part::Cluster => "cluster",
            Part::Map => "map",
            Part::Outliers => "outliers",
            Part::Neighbours => "neighbours",
            Part::Metadata => "metadata",
            Part::Exif => "exif",
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
            Error::invalid(format!("`parts`: expected some of {names}, got {name:?}"))
        })
    }
}

/// The program that an export is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Any program: a table in one of five formats.
    #[default]
    Table,
    /// Embedding Atlas: a Parquet file.
    EmbeddingAtlas,
    /// TensorBoard's Embedding Projector: a folder.
    TensorBoard,
    /// faiss: a folder.
    Faiss,
}

impl Target {
    const ALL: [Target; 4] = [Target::Table, Target::EmbeddingAtlas, Target::TensorBoard, Target::Faiss];

    /// The name in options and documents.
    pub fn name(self) -> &'static str {
        match self {
            Target::Table => "table",
            Target::EmbeddingAtlas => "embedding-atlas",
            Target::TensorBoard => "tensorboard",
            Target::Faiss => "faiss",
        }
    }

    /// The parts by default.
    pub fn parts(self) -> &'static [Part] {
        match self {
            Target::Table | Target::EmbeddingAtlas => {
                &[Part::Cluster, Part::Map, Part::Outliers, Part::Neighbours]
            }
            Target::TensorBoard => &[Part::Cluster, Part::Outliers], // it makes maps and finds neighbours itself
            Target::Faiss => &[],
        }
    }

    /// Whether the export is one file, not a folder.
    pub fn is_file(self) -> bool {
        matches!(self, Target::Table | Target::EmbeddingAtlas)
    }

    /// Refuses a path that an export of these parts cannot be written to.
    ///
    /// # Errors
    /// When the name of the file has the wrong ending, or the folder is not empty.
    pub fn check(self, to: &Path, parts: &[Part]) -> Result<()> {
        match self {
            Target::Table if is_matrix(to) => match parts {
                [Part::Latents | Part::Codes] => Ok(()),
                _ => {
                    let what = format!(
                        "{}: expected `parts` latents or `parts` codes alone: .npy holds one matrix",
                        to.display()
                    );
                    Err(Error::unsupported(what).with_hint("a file that ends in .npz holds all columns"))
                }
            },
            Target::Table => Format::of(to).map(drop),
            Target::EmbeddingAtlas if Format::of(to).is_ok_and(|format| format == Format::Parquet) => Ok(()),
            Target::EmbeddingAtlas => {
                let what = format!("{}: expected a name that ends in .parquet", to.display());
                Err(Error::unsupported(what)
                    .with_hint("Embedding Atlas reads pictures only from Parquet files"))
            }
            Target::TensorBoard | Target::Faiss => check_empty(to),
        }
    }
}

/// Whether the file is one matrix for numpy: latents or codes, without names.
pub(super) fn is_matrix(to: &Path) -> bool {
    to.extension().is_some_and(|end| end.eq_ignore_ascii_case("npy"))
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(name: &str) -> Result<Target> {
        Target::ALL.into_iter().find(|target| target.name() == name).ok_or_else(|| {
            let names = Target::ALL.map(Target::name).join(", ");
            Error::invalid(format!("`target`: expected one of {names}, got {name:?}"))
        })
    }
}

/// What to export, and how to compute it.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// The program that the export is for.
    pub target: Target,
    /// The columns, besides names and labels.
    pub parts: Vec<Part>,
    /// How texts are written in tables that are CSV.
    pub texts: CsvTexts,
    /// How to cluster.
    pub cluster: ClusterOptions,
    /// How to make a map.
    pub map: MapOptions,
    /// How to look for outliers; `neighbours` is also the number of neighbours that are exported for each
    /// image, and `threads` that of threads that read files.
    pub outliers: OutlierOptions,
    /// The longest side of pictures for targets that show them, in pixels; 0 for no pictures.
    pub picture: usize,
}

impl Default for ExportOptions {
    fn default() -> Self {
        let target = Target::default();
        ExportOptions {
            target,
            parts: target.parts().to_vec(),
            texts: CsvTexts::default(),
            cluster: ClusterOptions::default(),
            map: MapOptions::default(),
            outliers: OutlierOptions::default(),
            picture: 64,
        }
    }
}

impl ExportOptions {
    /// Refuses options that cannot be used.
    ///
    /// # Errors
    /// When an option of a part cannot be used, or the target needs a part that is not asked for.
    pub fn check(&self) -> Result<()> {
        self.cluster.check()?;
        self.map.check()?;
        self.outliers.check()?;
        if self.target == Target::EmbeddingAtlas && !self.parts.contains(&Part::Map) {
            return Err(Error::invalid(
                "`parts`: expected map among them, for the positions in embedding-atlas",
            ));
        }
        Ok(())
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
        assert!(error.contains("`parts`: expected some of cluster, map"), "{error}");
        let error = "excel".parse::<Target>().unwrap_err().to_string();
        assert!(error.contains("`target`: expected one of table, embedding-atlas"), "{error}");
    }
}
