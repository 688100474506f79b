//! Writes a seeded collection of synthetic digits as PNG files, in folders named by their label.
//!
//! `DIR/digits/<label>/NNNN.png`, `per_digit` files for each label, and `DIR/7.png`: a seven that is not among them.

use std::fs;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::digits::{SIDE, draw};
use crate::images::{Pixels, write_png};
use crate::{Error, Result};

/// Writes the collection below `dir` and returns the files, those of `digits/` first and `7.png` last.
///
/// Each image has a random stream of its own, so the first images are the same whatever `per_digit` is.
pub fn write_collection(dir: &Path, seed: u64, per_digit: usize) -> Result<Vec<PathBuf>> {
    let mut files = Vec::with_capacity(10 * per_digit + 1);
    for digit in 0..10 {
        let folder = dir.join("digits").join(digit.to_string());
        fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        for number in 0..per_digit {
            files.push(folder.join(format!("{number:04}.png")));
            write_png(&files[files.len() - 1], &image(digit, seed, number as u64))?;
        }
    }
    fs::create_dir_all(dir).map_err(|error| Error::io(dir, error))?;
    files.push(dir.join("7.png"));
    write_png(&files[files.len() - 1], &image(7, seed, APART))?;
    Ok(files)
}

/// The number of the image outside the collection: no collection is this large.
const APART: u64 = u32::MAX as u64;

fn image(digit: u8, seed: u64, number: u64) -> Pixels {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(digit) << 32 | number);
    Pixels { width: SIDE, height: SIDE, channels: 1, data: draw(digit, &mut rng).to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_writes_the_same_collection() {
        let dir = tempfile::tempdir().unwrap();
        let read = |name: &str, seed, per_digit| {
            let files = write_collection(&dir.path().join(name), seed, per_digit).unwrap();
            files.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>()
        };
        let (first, again, other, larger) =
            (read("a", 5, 2), read("b", 5, 2), read("c", 6, 2), read("d", 5, 3));
        assert_eq!(first.len(), 21);
        assert_eq!(first, again);
        assert_eq!(first[..2], larger[..2]);
        assert!(first.iter().zip(&other).all(|(a, b)| a != b));
        assert!(!first[..20].contains(&first[20]), "the query is not in the collection");
        assert!(dir.path().join("a/digits/7/0001.png").is_file() && dir.path().join("a/7.png").is_file());
    }
}
