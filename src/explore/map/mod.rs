//! All images of a collection in the plane, similar ones near each other.
//!
//! ```text
//! latents [n, D] -> principal plane -> points [n, 2] (pca)
//!               \-> neighbours [n, k] -> tsne -----> points [n, 2] -> store
//! ```
//!
//! | file | responsibility |
//! |---|---|
//! | `options` | how to make a map, and the map |
//! | `tsne/` | positions from neighbours, starting at the two principal directions |
//! | `store` | keeps t-SNE maps beside the index, as they take half a minute; a plane takes no time |
//! | `colouring` | labels or clusters as colours |
//! | `picture` | draws a map |
//! | `outputs` | pictures and tables of a map |

pub mod colouring;
mod options;
mod outputs;
pub mod picture;
mod store;
pub mod tsne;

use self::tsne::{NeighbourLists, TsneOptions, embed};
use super::neighbours::neighbours;
use super::rows::Rows;
use crate::encode::Plane;
use crate::error::Result;
use crate::observer::{Note, Observer};
use crate::output::CacheFolder;

pub use options::{Map, MapOptions, Method};
pub use outputs::{ColourBy, MapOutputs, WrittenMap, map_to};

/// Neighbours that t-SNE considers, per unit of perplexity.
const NEIGHBOURS: f32 = 3.0;

/// The map of a collection. A t-SNE map is kept in the folder of the index, and read from there for the same
/// images and options.
///
/// # Errors
/// When the options cannot be used, or the observer stops the work. A map that cannot be stored is no error,
/// but a note.
pub fn map(rows: &Rows, options: &MapOptions, observer: &dyn Observer) -> Result<Map> {
    options.check()?;
    let vectors = rows.unit_vectors()?;
    let size = vectors.len() / rows.len();
    let made = |points, was_stored| Map { options: *options, points, was_stored };
    let plane = || Plane::fit(&vectors, size, options.seed).points(&vectors);
    if options.method == Method::Pca {
        return Ok(made(plane(), false));
    }
    let key = store::key(rows, options);
    let cache = CacheFolder::of(rows.dir(), store::FOLDER)?;
    if let Some(points) = store::load(cache.path(), &key, rows.len()) {
        return Ok(made(points, true));
    }
    let points = by_neighbours(rows, &vectors, &plane(), options, observer)?;
    if let Err(error) = store::save(cache.path(), &key, &points) {
        observer.note(&Note::new(format!("the map is not stored: {error}")));
    }
    Ok(made(points, false))
}

fn by_neighbours(
    rows: &Rows,
    vectors: &[f32],
    start: &[[f32; 2]],
    options: &MapOptions,
    observer: &dyn Observer,
) -> Result<Vec<[f32; 2]>> {
    let tsne = TsneOptions { perplexity: options.perplexity, seed: options.seed, ..TsneOptions::default() };
    let most = (NEIGHBOURS * options.perplexity) as usize;
    let found = neighbours(rows, Some(vectors), most.min(rows.len().saturating_sub(1)).max(1), observer)?;
    // the Euclidean distance of unit vectors, from 1 minus the cosine
    let distances: Vec<f32> = found.distances.iter().map(|distance| (2.0 * distance).sqrt()).collect();
    let lists = NeighbourLists { k: found.k, ids: &found.rows, distances: &distances };
    embed(&lists, start, &tsne, observer)
}
