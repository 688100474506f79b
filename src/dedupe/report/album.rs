//! Thumbnails as text, within a budget.
//!
//! The size of encoded pictures is measured on a sample, and the largest thumbnails are taken that all fit.
//! If even the smallest do not, only the most needed pictures are included. Pictures of the same size begin
//! with the same bytes (the tables of a JPEG are longer than the picture of a digit), which are stored once.

use std::cmp::Ordering;
use std::collections::HashMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::dedupe::pictures::PictureSource;
use crate::dedupe::plan::File;
use crate::images::{Pixels, encode_jpeg, encode_png, fitted};
use crate::output::base64;

/// The longest sides of thumbnails, and the quality of their JPEGs.
const SIZES: [(usize, u8); 6] = [(256, 80), (160, 80), (96, 80), (64, 78), (48, 74), (32, 70)];
/// The number of pictures that are first tried in every size.
const SAMPLE: usize = 64;
/// The number of pictures made at a time.
const CHUNK: usize = 256;
/// Bytes that a picture takes in addition to its own text: quotes, commas, the number of its head.
const AROUND: usize = 8;

/// The pictures.
#[derive(Debug, Default, Serialize)]
pub(super) struct Album {
    /// The longest side that they were made for.
    pub(super) side: usize,
    /// The beginnings of pictures, as text of `data:` URIs.
    heads: Vec<String>,
    /// The head of each picture.
    head_of: Vec<usize>,
    /// The rest of each picture.
    tails: Vec<String>,
    /// For each file that a picture was asked for, the number of the picture.
    #[serde(skip)]
    number_of: Vec<Option<usize>>,
}

/// A small picture as a file.
struct Encoded {
    kind: &'static str,
    bytes: Vec<u8>,
    /// The number of bytes, a multiple of three, that are the same in all files of this size.
    head: usize,
}

impl Encoded {
    /// The length of its own text.
    fn cost(&self) -> usize {
        (self.bytes.len() - self.head).div_ceil(3) * 4 + AROUND
    }
}

impl Album {
    /// Pictures of `files`, the most needed first, in about `budget` bytes of text.
    pub(super) fn of(files: &[&File], picture: &PictureSource, budget: usize) -> Album {
        let mut sample: Vec<usize> =
            (0..files.len().min(SAMPLE)).map(|i| i * files.len() / files.len().min(SAMPLE)).collect();
        in_order(&mut sample, files);
        let tried: Vec<[Option<Encoded>; SIZES.len()]> = sample
            .par_iter()
            .map(|&i| match picture(files[i]) {
                Some(pixels) => SIZES.map(|size| encode(&pixels, size)),
                None => [const { None }; SIZES.len()],
            })
            .collect();
        let mean = |size: usize| {
            let costs: Vec<usize> =
                tried.iter().filter_map(|made| made[size].as_ref().map(Encoded::cost)).collect();
            (costs.iter().sum::<usize>() as f64 / costs.len().max(1) as f64).max(1.0)
        };
        // a little space is left, because it is only a sample
        let fits = |&size: &usize| mean(size) * 1.1 * files.len() as f64 <= budget as f64;
        let size = (0..SIZES.len()).find(fits).unwrap_or(SIZES.len() - 1);
        let n = ((budget as f64 / mean(size)) as usize).min(files.len());

        let mut album = Album { side: SIZES[size].0, number_of: vec![None; files.len()], ..Album::default() };
        let mut wanted: Vec<usize> = (0..n).collect();
        in_order(&mut wanted, files);
        let (mut heads, mut left) = (HashMap::new(), budget);
        for chunk in wanted.chunks(CHUNK) {
            let made: Vec<Option<Encoded>> = chunk
                .par_iter()
                .map(|&i| picture(files[i]).and_then(|pixels| encode(&pixels, SIZES[size])))
                .collect();
            for (&i, encoded) in chunk.iter().zip(made) {
                album.put(i, encoded, &mut heads, &mut left);
            }
        }
        album
    }

    fn put(
        &mut self,
        i: usize,
        encoded: Option<Encoded>,
        heads: &mut HashMap<String, usize>,
        left: &mut usize,
    ) {
        let Some(encoded) = encoded else { return };
        let (head, tail) = encoded.bytes.split_at(encoded.head);
        let head = format!("data:image/{};base64,{}", encoded.kind, base64(head));
        let known = heads.get(&head).copied();
        let cost = encoded.cost() + if known.is_none() { head.len() + AROUND } else { 0 };
        let Some(rest) = left.checked_sub(cost) else { return };
        *left = rest;
        let number = known.unwrap_or(self.heads.len());
        if known.is_none() {
            heads.insert(head.clone(), number);
            self.heads.push(head);
        }
        self.number_of[i] = Some(self.tails.len());
        self.head_of.push(number);
        self.tails.push(base64(tail));
    }

    /// The number of the picture of the `i`-th file.
    pub(super) fn number_of(&self, i: usize) -> Option<usize> {
        self.number_of.get(i).copied().flatten()
    }

    pub(super) fn to_json(&self) -> String {
        // strings and numbers: nothing in it can fail
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The smaller one of PNG and JPEG, not counting the shared head.
fn encode(pixels: &Pixels, (side, quality): (usize, u8)) -> Option<Encoded> {
    /// A PNG's signature and its first chunk, which holds the size.
    const PNG_HEAD: usize = 33;
    let small = fitted(pixels, side).ok()?;
    let png =
        encode_png(&small).ok().map(|bytes| Encoded { kind: "png", head: PNG_HEAD.min(bytes.len()), bytes });
    let jpeg = encode_jpeg(&small, quality).ok().map(|bytes| Encoded {
        kind: "jpeg",
        head: jpeg_head(&bytes),
        bytes,
    });
    [png, jpeg].into_iter().flatten().min_by_key(Encoded::cost)
}

/// The offset of a JPEG's own data, rounded down to a multiple of three.
fn jpeg_head(bytes: &[u8]) -> usize {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2; // behind the start of the image
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        if marker == START_OF_SCAN {
            return at.min(bytes.len()) / 3 * 3;
        }
    }
    0
}

/// Sorts files by name, so that entries of a compressed stream are read from start to end.
fn in_order(numbers: &mut [usize], files: &[&File]) {
    numbers.sort_by(|&a, &b| natural(files[a].name(), files[b].name()).then(a.cmp(&b)));
}

/// Natural order: 9 comes before 10.
fn natural(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while let (Some(&x), Some(&y)) = (a.first(), b.first()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n);
            (m, a) = number(a);
            (n, b) = number(b);
            match m.len().cmp(&n.len()).then(m.cmp(n)) {
                Ordering::Equal => {}
                order => return order,
            }
        } else if x != y {
            return x.cmp(&y);
        } else {
            (a, b) = (&a[1..], &b[1..]);
        }
    }
    a.len().cmp(&b.len())
}

/// The digits at the start, without leading zeros, and what follows.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let (digits, rest) = text.split_at(text.iter().take_while(|c| c.is_ascii_digit()).count());
    (&digits[digits.iter().take_while(|c| **c == b'0').count()..], rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{Limits, decode};

    #[test]
    fn names_are_in_natural_order() {
        let sorted: [&[u8]; 8] = [b"", b"a#9", b"a#10", b"a#10b", b"a#010c", b"a#100", b"b", b"ba"];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(natural(a, b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn heads_are_the_same_for_pictures_of_one_size() {
        let make = |seed: usize, channels: usize| {
            let data = (0..40 * 30 * channels).map(|i| (i * seed % 251) as u8).collect();
            Pixels { width: 40, height: 30, channels, data }
        };
        for channels in [1, 3] {
            let files = [3, 7].map(|seed| encode_jpeg(&make(seed, channels), 70).unwrap());
            let head = jpeg_head(&files[0]);
            assert!(head > 300 && head.is_multiple_of(3) && head < files[0].len(), "{head}");
            assert_eq!(files[0][..head], files[1][..head]);
            let encoded = encode(&make(5, channels), (32, 70)).unwrap();
            let (head, tail) = encoded.bytes.split_at(encoded.head);
            let whole = base64(head) + &base64(tail);
            assert_eq!(whole, base64(&encoded.bytes));
            assert_eq!(decode(&encoded.bytes, &Limits::default()).unwrap().width, 32);
        }
        for cut in [&b""[..], b"\xff\xd8", b"\xff\xd8\xff\xda\xff\xff", b"no"] {
            assert!(jpeg_head(cut) <= cut.len());
        }
    }
}
