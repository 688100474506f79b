//! A cache of maps beside the index, in `maps/`, one for each method. Deleting it only costs the time to make
//! them again.
//!
//! A file holds the SHA-256 of the input [32], points `[n, 2]` as little-endian f32, and the SHA-256 of all
//! that [32]. Files of other input, and damaged ones, are ignored.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::options::MapOptions;
use crate::error::{Error, Result};
use crate::explore::rows::Rows;
use crate::output::write_whole;

/// Changes whenever the same images give another map.
const VERSION: u32 = 1;
/// The folder, inside the index's folder.
pub(super) const FOLDER: &str = "maps";
const HASH: usize = 32;
const POINT: usize = 8;

/// The input of a map: names, codes and latents of the images in their order, and the options.
pub(super) struct Key {
    hash: [u8; HASH],
    file: String,
}

pub(super) fn key(rows: &Rows, options: &MapOptions) -> Key {
    let snapshot = rows.snapshot();
    let mut hash = Sha256::new();
    hash.update(VERSION.to_le_bytes());
    hash.update(options.method.name());
    hash.update(options.perplexity.to_le_bytes());
    hash.update(options.seed.to_le_bytes());
    hash.update((snapshot.bits() as u64).to_le_bytes());
    hash.update((snapshot.latent_size() as u64).to_le_bytes());
    for &id in &rows.ids {
        let name = snapshot.name(id);
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        snapshot.code(id).iter().for_each(|word| hash.update(word.to_le_bytes()));
        if let Some(latent) = snapshot.latent(id) {
            hash.update(latent.values.iter().map(|value| value.to_le_bytes()[0]).collect::<Vec<u8>>());
        }
    }
    Key { hash: hash.finalize().into(), file: format!("{}.map", options.method.name()) }
}

fn path(dir: &Path, key: &Key) -> PathBuf {
    dir.join(FOLDER).join(&key.file)
}

/// The points of `n` images, if they are stored and intact.
pub(super) fn load(dir: &Path, key: &Key, n: usize) -> Option<Vec<[f32; 2]>> {
    let bytes = std::fs::read(path(dir, key)).ok()?;
    let (body, sum) = bytes.split_at_checked(HASH + n * POINT)?;
    let (made_of, points) = body.split_at(HASH);
    if made_of != key.hash || sum != Sha256::digest(body).as_slice() {
        return None;
    }
    let number = |bytes: [u8; 4]| f32::from_le_bytes(bytes);
    let (points, _) = points.as_chunks::<POINT>();
    Some(
        points.iter().map(|&[a, b, c, d, e, f, g, h]| [number([a, b, c, d]), number([e, f, g, h])]).collect(),
    )
}

/// Stores the points in place of an earlier map.
///
/// # Errors
/// When they cannot be written.
pub(super) fn save(dir: &Path, key: &Key, points: &[[f32; 2]]) -> Result<()> {
    let folder = dir.join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
    let mut bytes = key.hash.to_vec();
    bytes.extend(points.iter().flatten().flat_map(|number| number.to_le_bytes()));
    let sum = Sha256::digest(&bytes);
    bytes.extend(sum);
    write_whole(&path(dir, key), &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_again_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let key = Key { hash: [7; HASH], file: "tsne.map".to_owned() };
        let points = vec![[0.5, -1.0], [3.25, f32::MIN_POSITIVE], [1e9, -0.0]];
        assert_eq!(load(dir.path(), &key, 3), None);
        save(dir.path(), &key, &points).unwrap();
        assert_eq!(load(dir.path(), &key, 3), Some(points.clone()));
        assert_eq!(load(dir.path(), &key, 2), None);
        assert_eq!(load(dir.path(), &key, 4), None);
        let other = Key { hash: [8; HASH], file: key.file.clone() };
        assert_eq!(load(dir.path(), &other, 3), None);
        let path = path(dir.path(), &key);
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(load(dir.path(), &key, 3), None, "a flipped bit at {at}");
        }
        save(dir.path(), &key, &points).unwrap();
        assert_eq!(load(dir.path(), &key, 3), Some(points));
    }
}
