//! Writes a collection of synthetic digits as PNG files, in folders named by their label.
//!
//! `DIR/digits/<label>/NNNN.png`, `per_digit` files for each label, and `DIR/7.png`: a seven that is not
//! among them.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::digits::{SIDE, draw};
use crate::images::{Pixels, encode_png, write_png};
use crate::{Error, Result};

/// Writes the collection below `dir` and returns the files, those of `digits/` first and `7.png` last.
///
/// A seed always gives the same images. Each has a random stream of its own, so the first ones are the same
/// whatever `per_digit` is.
///
/// # Errors
/// `Invalid` when `digits/` or `7.png` holds anything but this collection: then nothing is written. `Io` when
/// a file cannot be written.
pub fn write_collection(dir: &Path, seed: u64, per_digit: usize) -> Result<Vec<PathBuf>> {
    let mut files = Vec::with_capacity(10 * per_digit + 1);
    for digit in 0..10 {
        let folder = dir.join("digits").join(digit.to_string());
        for number in 0..per_digit {
            files.push((folder.join(format!("{number:04}.png")), image(digit, seed, number as u64)));
        }
    }
    files.push((dir.join("7.png"), image(7, seed, APART)));
    check_free(dir, &files)?;
    for (path, pixels) in &files {
        let folder = path.parent().unwrap_or(dir);
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        write_png(path, pixels)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// So many digits as they would be written, each in turn, without files.
pub fn drawn(n: usize, seed: u64) -> Vec<Pixels> {
    (0..n).map(|i| image((i % 10) as u8, seed, (i / 10) as u64)).collect()
}

/// Refuses a folder with a file of another name or content.
fn check_free(dir: &Path, files: &[(PathBuf, Pixels)]) -> Result<()> {
    let ours: HashMap<&Path, &Pixels> = files.iter().map(|(path, pixels)| (path.as_path(), pixels)).collect();
    let mut there = Vec::new();
    list(&dir.join("digits"), &mut there)?;
    let seven = dir.join("7.png");
    there.extend(seven.exists().then_some(seven));
    for path in there {
        let is_ours = match ours.get(path.as_path()) {
            Some(pixels) => {
                fs::read(&path).is_ok_and(|bytes| encode_png(pixels).is_ok_and(|png| png == bytes))
            }
            None => false,
        };
        if !is_ours {
            let what = format!("{}: expected a file of this demo or none, got another", path.display());
            return Err(Error::invalid(what).with_hint(
                "nothing was written; pass another folder to `write_collection`, or move the file away",
            ));
        }
    }
    Ok(())
}

/// All files below `folder`, hidden ones left out; none where there is no folder.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io(folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| Error::io(folder, error))?;
        let path = entry.path();
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            _ if entry.file_name().as_encoded_bytes().starts_with(b".") => {}
            true => list(&path, files)?,
            false => files.push(path),
        }
    }
    files.sort();
    Ok(())
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

    #[test]
    fn nothing_of_anybody_else_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        write_collection(dir.path(), 5, 1).unwrap();
        write_collection(dir.path(), 5, 1).expect("the same again");
        assert!(write_collection(dir.path(), 6, 1).unwrap_err().hint().unwrap().contains("another folder"));
        for name in ["7.png", "digits/0/0000.png", "digits/mine.png"] {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("digits/0")).unwrap();
            fs::write(dir.path().join(name), b"mine").unwrap();
            let error = write_collection(dir.path(), 5, 1).unwrap_err().to_string();
            assert!(error.contains(dir.path().join(name).to_str().unwrap()), "{error}");
            assert_eq!(fs::read(dir.path().join(name)).unwrap(), b"mine");
            assert!(!dir.path().join("digits/1").exists(), "nothing is written");
        }
    }
}
