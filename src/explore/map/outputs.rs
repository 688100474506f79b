//! What becomes of a map: pictures, and tables.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::colouring::Colouring;
use super::options::{Map, MapOptions, Method};
use super::picture::{MapPicture, is_photo, spread};
use crate::error::{Error, Result};
use crate::explore::cluster::{ClusterOptions, cluster};
use crate::explore::columns;
use crate::explore::read_all::read_some;
use crate::explore::rows::Rows;
use crate::explore::table::{Column, CsvTexts, Format, Table};
use crate::gallery::check_outputs;
use crate::images::{Pixels, Skipped, write_png};
use crate::observer::Observer;
use crate::output::{count, write_whole};

/// What the colours of a map stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourBy {
    /// Labels.
    Label,
    /// Clusters.
    Cluster,
    /// Nothing: all images have the same colour.
    Nothing,
}

impl ColourBy {
    /// The name in options and documents.
    pub fn name(self) -> &'static str {
        match self {
            ColourBy::Label => "label",
            ColourBy::Cluster => "cluster",
            ColourBy::Nothing => "none",
        }
    }
}

impl std::str::FromStr for ColourBy {
    type Err = Error;

    fn from_str(name: &str) -> Result<ColourBy> {
        let all = [ColourBy::Label, ColourBy::Cluster, ColourBy::Nothing];
        all.into_iter().find(|by| by.name() == name).ok_or_else(|| {
            Error::invalid(format!("`colour_by`: expected label, cluster or none, got {name:?}"))
        })
    }
}

/// What to make of a map, besides the result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapOutputs {
    /// Pictures (.png, .svg) and tables (.csv, .json, .jsonl, .npz, .parquet).
    pub files: Vec<PathBuf>,
    /// How texts are written in tables that are CSV.
    pub texts: CsvTexts,
    /// What colours stand for; nothing means labels where there are some, else clusters.
    pub colour_by: Option<ColourBy>,
    /// How to cluster, for colours.
    pub clusters: ClusterOptions,
}

/// A map, and what was made of it.
#[derive(Debug)]
pub struct WrittenMap {
    /// The map.
    pub map: Map,
    /// What the colours stand for.
    pub colour_by: ColourBy,
    /// The images of each colour.
    pub colouring: Colouring,
    /// How long the map took, in seconds, without pictures.
    pub seconds: f64,
    /// Thumbnails that could not be read.
    pub skipped: Vec<Skipped>,
}

/// What the name of a file asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Png,
    Svg,
    Table,
}

impl FileKind {
    fn of(path: &Path) -> Result<FileKind> {
        match path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("png") => Ok(FileKind::Png),
            Some("svg") => Ok(FileKind::Svg),
            _ => Format::of(path).map(|_| FileKind::Table).map_err(|_| {
                Error::unsupported(format!(
                    "{}: expected a name that ends in .png, .svg, .csv, .json, .jsonl, .npz or .parquet",
                    path.display()
                ))
            }),
        }
    }
}

/// Makes a map and writes pictures and tables of it.
///
/// # Errors
/// As [`super::map`], when labels are asked for and there are none, or when a file cannot be written; that is
/// checked before the work where possible.
pub fn map_to(
    rows: &Rows,
    options: &MapOptions,
    outputs: &MapOutputs,
    observer: &dyn Observer,
) -> Result<WrittenMap> {
    let files: Vec<(&Path, FileKind)> = outputs
        .files
        .iter()
        .map(|path| FileKind::of(path).map(|kind| (path.as_path(), kind)))
        .collect::<Result<_>>()?;
    options.check()?;
    outputs.clusters.check()?;
    let paths: Vec<&Path> = files.iter().map(|(path, _)| *path).collect();
    check_outputs(&paths, rows.snapshot(), rows.dir())?;
    let colour_by = match outputs.colour_by {
        Some(ColourBy::Label) if !rows.is_labelled() => {
            let what = "`colour_by`: expected images with labels, got none with two different ones";
            return Err(Error::invalid(what).with_hint("clusters need no labels"));
        }
        Some(by) => by,
        None if rows.is_labelled() => ColourBy::Label,
        None => ColourBy::Cluster,
    };

    let start = Instant::now();
    let map = super::map(rows, options, observer)?;
    let seconds = start.elapsed().as_secs_f64();
    let colouring = match colour_by {
        ColourBy::Label => Colouring::of_labels(rows)?,
        ColourBy::Cluster => Colouring::of_clusters(&cluster(rows, &outputs.clusters, observer)?),
        ColourBy::Nothing => Colouring::none(rows.len()),
    };
    let mut skipped = Vec::new();
    let mut thumbnails = Vec::new();
    if files.iter().any(|(_, kind)| *kind != FileKind::Table) {
        let medoids: Vec<u32> =
            colouring.groups.iter().take(MapPicture::MAX_THUMBNAILS).map(|group| group.medoid).collect();
        let mut read = |wanted: &[u32]| -> Vec<(u32, Pixels)> {
            let images = read_some(rows, wanted, &mut skipped, observer);
            wanted.iter().zip(images).filter_map(|(&row, image)| Some((row, image?))).collect()
        };
        thumbnails = read(&medoids);
        if !thumbnails.is_empty() && thumbnails.iter().all(|(_, image)| is_photo(image)) {
            thumbnails.extend(read(&spread(
                &map.points,
                &medoids,
                MapPicture::MAX_THUMBNAILS - medoids.len(),
            )));
        }
    }
    let picture = MapPicture {
        title: title(rows, &map, colour_by),
        points: map.points.clone(),
        colouring,
        thumbnails,
        seed: options.seed,
    };
    for (path, kind) in files {
        match kind {
            FileKind::Png => write_png(path, &picture.pixels())?,
            FileKind::Svg => write_whole(path, picture.svg().as_bytes())?,
            FileKind::Table => {
                table_of(rows, &map, &picture.colouring, colour_by).write(path, outputs.texts)?
            }
        }
    }
    Ok(WrittenMap { map, colour_by, colouring: picture.colouring, seconds, skipped })
}

fn title(rows: &Rows, map: &Map, by: ColourBy) -> [String; 2] {
    let images = count(rows.len() as u64, "image");
    let about = match map.options.method {
        Method::Tsne => "similar images are near each other; distances between groups mean little",
        Method::Pca => "the plane along which latents vary most; the axes are the principal directions",
    };
    let colours = match by {
        ColourBy::Label => "; colours are labels, with the medoid of each",
        ColourBy::Cluster => "; colours are clusters, with the medoid of each",
        ColourBy::Nothing => "",
    };
    [format!("{images} by {}", map.options.method.title()), format!("{about}{colours}")]
}

/// A row for each image.
fn table_of(rows: &Rows, map: &Map, colouring: &Colouring, by: ColourBy) -> Table {
    let table = columns::identity(rows).and(columns::positions(map));
    match by {
        ColourBy::Cluster => table.with("cluster", Column::Integers(colouring.of.clone())),
        ColourBy::Label | ColourBy::Nothing => table,
    }
}
