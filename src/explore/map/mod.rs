//! A collection in the plane, near what is alike.
//!
//! ```text
//! latents [n, D] -> principal plane -> points [n, 2] (pca)
//!               \-> neighbours [n, k] -> tsne -----> points [n, 2] -> store
//! ```
//!
//! `tsne` places images by who is near to whom; it is given neighbours and a start: the two principal directions. `store` keeps a map beside
//! the index, since it takes half a minute to make; a plane takes none. `picture` draws maps.

pub mod colouring;
pub mod picture;
mod store;
pub mod tsne;

use std::path::Path;
use std::str::FromStr;

use serde::Serialize;

use self::tsne::{TsneOptions, embed};
use super::neighbours::neighbours;
use super::rows::Rows;
use crate::encode::Plane;
use crate::error::{Error, Result};
use crate::observer::{Note, Observer, Progress, Stage};

/// Neighbours that t-SNE looks at, for each that counts.
const NEIGHBOURS: f32 = 3.0;
/// With more, the neighbours of 70,000 images would take gigabytes.
const MAX_PERPLEXITY: f32 = 200.0;

/// How images are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The plane along which latents vary most: at once, and distances mean something; but groups lie over each other.
    Pca,
    /// t-SNE: groups come apart; how far apart means little.
    Tsne,
}

impl Method {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Method::Pca => "pca",
            Method::Tsne => "tsne",
        }
    }

    /// As it is written in texts.
    pub fn title(self) -> &'static str {
        match self {
            Method::Pca => "PCA",
            Method::Tsne => "t-SNE",
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Method> {
        match name {
            "pca" => Ok(Method::Pca),
            "tsne" | "t-sne" => Ok(Method::Tsne),
            _ => Err(Error::invalid(format!("--method: expected pca or tsne, got {name:?}"))),
        }
    }
}

/// How to make a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapOptions {
    /// By what.
    pub method: Method,
    /// t-SNE: how many neighbours count, softly.
    pub perplexity: f32,
    /// Of the sample that the plane is fitted to, and of t-SNE.
    pub seed: u64,
}

impl Default for MapOptions {
    fn default() -> MapOptions {
        MapOptions { method: Method::Tsne, perplexity: TsneOptions::default().perplexity, seed: 0 }
    }
}

/// Where each image lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// How it was made.
    pub options: MapOptions,
    /// `[n]` places, across and up, in the order of [`Rows`]; all are finite.
    pub points: Vec<[f32; 2]>,
    /// Whether it was there already.
    pub was_stored: bool,
}

/// The map of `items`; t-SNE's is taken from the index's folder, where an earlier call left it for the same images and options.
///
/// # Errors
/// When the options make no sense, or the observer interrupts. A map that cannot be kept is no error, but a note.
pub fn map(items: &Rows<'_>, dir: &Path, options: &MapOptions, observer: &dyn Observer) -> Result<Map> {
    if !(options.perplexity.is_finite() && options.perplexity >= 1.0) {
        return Err(Error::invalid(format!(
            "--perplexity: expected a number of neighbours, 1 or more, got {}",
            options.perplexity
        )));
    }
    if options.perplexity > MAX_PERPLEXITY {
        let what = format!("--perplexity: expected at most {MAX_PERPLEXITY}, got {}", options.perplexity);
        return Err(Error::invalid(what));
    }
    let latents = features(items)?;
    let size = latents.len() / items.len();
    let made = |points, was_stored| Map { options: *options, points, was_stored };
    let plane = || Plane::fit(&latents, size, options.seed).points(&latents);
    if options.method == Method::Pca {
        return Ok(made(plane(), false));
    }
    let key = store::key(items, options);
    if let Some(points) = store::load(dir, &key, items.len()) {
        return Ok(made(points, true));
    }
    let points = by_neighbours(items, &latents, &plane(), options, observer)?;
    if let Err(error) = store::save(dir, &key, &points) {
        observer.note(&Note::new(format!("the map is not kept: {error}")));
    }
    Ok(made(points, false))
}

/// What images are compared by: unit latents, or where the index keeps none, the bits of codes as -1 and 1, `[n, D]`.
pub(super) fn features(items: &Rows<'_>) -> Result<Vec<f32>> {
    let snapshot = items.snapshot();
    if snapshot.latent_size() > 0 {
        return items.latents();
    }
    let (codes, bits) = (items.codes(), snapshot.bits());
    let unit = (bits as f32).sqrt().recip();
    let sign = |code: &[u64], bit: usize| if code[bit / 64] >> (bit % 64) & 1 == 1 { unit } else { -unit };
    let rows = codes.chunks(aesearch_index::words(bits));
    Ok(rows.flat_map(|code| (0..bits).map(move |bit| sign(code, bit))).collect())
}

fn by_neighbours(
    items: &Rows<'_>,
    latents: &[f32],
    start: &[[f32; 2]],
    options: &MapOptions,
    observer: &dyn Observer,
) -> Result<Vec<[f32; 2]>> {
    let tsne = TsneOptions { perplexity: options.perplexity, seed: options.seed, ..TsneOptions::default() };
    let most = (NEIGHBOURS * options.perplexity) as usize;
    let found = neighbours(items, Some(latents), most.min(items.len().saturating_sub(1)).max(1), observer)?;
    // of unit vectors, from 1 less the cosine
    let distances: Vec<f32> = found.distances.iter().map(|distance| (2.0 * distance).sqrt()).collect();
    let near = tsne::Neighbours { k: found.k, ids: &found.rows, distances: &distances };
    observer.stage(Stage::new("arranging", "rounds"));
    let rounds = |done: usize, total: usize| {
        observer.progress(&Progress { total, done, ..Progress::default() });
        !observer.should_stop()
    };
    embed(&near, start, &tsne, &rounds).ok_or(Error::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_names() {
        for method in [Method::Pca, Method::Tsne] {
            assert_eq!(method.name().parse::<Method>().unwrap(), method);
        }
        let error = "umap".parse::<Method>().unwrap_err().to_string();
        assert!(error.contains("expected pca or tsne"), "{error}");
    }
}
