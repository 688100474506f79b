//! Takes the files of an index apart and puts them together again, with valid checksums but any content.
//!
//! An independent writer of the format, for files that the crate itself never writes. Shared by the fuzz
//! targets in `fuzz/` and the tests.

use std::collections::BTreeMap;

/// Bytes that control the edits; followed by zeros without end.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl Input<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let (&first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        first
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        let number = usize::from(self.byte()) | usize::from(self.byte()) << 8;
        number * 31 % n.max(1)
    }

    /// A boundary value, or a small number.
    pub(crate) fn number(&mut self) -> u64 {
        const NUMBERS: [u64; 16] = [
            0,
            1,
            2,
            63,
            64,
            65,
            0xff,
            0x1_0000,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_fffe,
            0xffff_ffff,
            0x1_0000_0000,
            0x7fff_ffff_ffff_ffff,
            0xffff_ffff_ffff_ffc0,
            u64::MAX,
        ];
        let which = usize::from(self.byte());
        if which < 0x80 { NUMBERS[which % 16] } else { which as u64 & 0x7f }
    }
}

/// A segment or tombstone file.
#[derive(Debug, Clone)]
pub(crate) struct Framed {
    magic: [u8; 8],
    pub(crate) shape: [u32; 6], // bits, latent size, bucket size, items, codes, buckets
    pub(crate) sections: Vec<(u32, Vec<u8>)>,
    lies: Vec<(usize, u64)>, // what is put over the table, by its place
}

/// An index: its segments, the tombstones of each, and what MANIFEST says of them.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) segments: Vec<Entry>,
    pub(crate) generation: u64,
    pub(crate) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    lengths: BTreeMap<String, u64>, // instead of the true ones
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) segment: Framed,
    pub(crate) tombstones: Option<(String, Framed)>,
}

/// Puts magic, version, length and checksum over the first 20 bytes.
pub(crate) fn seal(bytes: &mut [u8], magic: [u8; 8]) {
    bytes[..8].copy_from_slice(&magic);
    bytes[8..12].copy_from_slice(&[2, 0, 1, 0]);
    let length = bytes.len() as u32;
    bytes[12..16].copy_from_slice(&length.to_le_bytes());
    bytes[16..20].fill(0);
    let checksum = crc32fast::hash(bytes);
    bytes[16..20].copy_from_slice(&checksum.to_le_bytes());
}

pub(crate) fn u32s(values: impl IntoIterator<Item = u32>) -> Vec<u8> {
    values.into_iter().flat_map(u32::to_le_bytes).collect()
}

pub(crate) fn u64s(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    values.into_iter().flat_map(u64::to_le_bytes).collect()
}

fn number_at(bytes: &[u8], at: usize, width: usize) -> u64 {
    bytes[at..at + width].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The attributes in a sound MANIFEST.
fn attributes(manifest: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut at = 44; // head, generation, bits, latent size, number of attributes
    let mut piece = || {
        let length = number_at(manifest, at, 8) as usize;
        at += 8 + length;
        manifest[at - length..at].to_vec()
    };
    (0..number_at(manifest, 36, 8)).map(|_| (piece(), piece())).collect()
}

impl Framed {
    pub(crate) fn new(magic: [u8; 8], shape: [u32; 6], sections: Vec<(u32, Vec<u8>)>) -> Self {
        Framed { magic, shape, sections, lies: Vec::new() }
    }

    /// Takes a sound file apart.
    fn parse(file: &[u8]) -> Self {
        let table = file[64..].chunks_exact(32).take(number_at(file, 20, 4) as usize);
        let section = |line: &[u8]| {
            let (start, length) = (number_at(line, 8, 8) as usize, number_at(line, 16, 8) as usize);
            (number_at(line, 0, 4) as u32, file[start..start + length].to_vec())
        };
        let shape = [32, 36, 40, 44, 48, 52].map(|at| number_at(file, at, 4) as u32);
        Framed::new(file[..8].try_into().unwrap(), shape, table.map(section).collect())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let header = 64 + self.sections.len() * 32;
        let mut file = vec![0; header];
        for (at, (kind, bytes)) in self.sections.iter().enumerate() {
            file.resize(file.len().next_multiple_of(64), 0);
            let offset = file.len() as u64;
            file.extend_from_slice(bytes);
            let line = [u32s([*kind, crc32fast::hash(bytes)]), u64s([offset, bytes.len() as u64])].concat();
            file[64 + at * 32..][..24].copy_from_slice(&line);
        }
        let length = file.len() as u64;
        file[20..24].copy_from_slice(&(self.sections.len() as u32).to_le_bytes());
        file[24..32].copy_from_slice(&length.to_le_bytes());
        file[32..56].copy_from_slice(&u32s(self.shape));
        for &(at, number) in &self.lies {
            let at = 64 + at * 8 % (header - 64).max(8);
            if let Some(place) = file[..header].get_mut(at..at + 8) {
                place.copy_from_slice(&number.to_le_bytes());
            }
        }
        seal(&mut file[..header], self.magic);
        file
    }

    /// The content of the section of this kind, which is added if it is missing.
    pub(crate) fn section(&mut self, kind: u32) -> &mut Vec<u8> {
        let at = self.sections.iter().position(|section| section.0 == kind).unwrap_or_else(|| {
            self.sections.push((kind, Vec::new()));
            self.sections.len() - 1
        });
        &mut self.sections[at].1
    }

    /// One change, as `input` says.
    fn edit(&mut self, op: u8, input: &mut Input<'_>) {
        let count = self.sections.len().max(1);
        let (at, other) = (input.below(count), usize::from(input.byte()) % count);
        if op == 7 {
            let field = input.below(6);
            let number = input.number() as u32;
            self.shape[field] = if at % 2 == 0 { number } else { self.shape[field].wrapping_add(number) };
            return;
        }
        if op == 8 {
            self.lies.push((at * 4 + other % 3, input.number()));
            return;
        }
        if self.sections.is_empty() {
            return;
        }
        let length = self.sections[at].1.len();
        let from = input.below(length.div_ceil(4)) * 4;
        match op {
            0 => {
                let n = usize::from(input.byte() % 64);
                self.sections[at].1[from..].iter_mut().take(n).for_each(|byte| *byte = input.byte());
            }
            1 | 2 => {
                let n = if op == 1 { 4 } else { input.below(length) };
                let number = input.number().to_le_bytes();
                let range = self.sections[at].1[from..].iter_mut().take(n).enumerate();
                range.for_each(|(i, byte)| *byte = number[i % 8]);
            }
            3 => {
                let lengths =
                    [0, length + 1, length.saturating_sub(1), length + 8, length / 2, length * 2, 4, 64];
                self.sections[at].1.resize(lengths[other % 8].min(1 << 18), input.byte());
            }
            4 => {
                let content = std::mem::take(&mut self.sections[at].1);
                let content = std::mem::replace(&mut self.sections[other].1, content);
                self.sections[at].1 = content;
            }
            5 => self.sections[at].0 = u32::from(input.byte() % 18),
            6 if other % 2 == 0 => self.sections.truncate(at),
            6 => self.sections.extend_from_within(at..=at),
            _ => {
                let (step, width) = (input.number(), if other % 2 == 0 { 4 } else { 8 });
                for (i, place) in self.sections[at].1.chunks_exact_mut(width).enumerate() {
                    place.copy_from_slice(&(i as u64).wrapping_mul(step).to_le_bytes()[..width]);
                }
            }
        }
    }

    /// Resizes the sections whose length the header fixes to that length, if it is not too large.
    fn fit(&mut self) {
        let [bits, latent, _, items, codes, buckets] = self.shape.map(|size| size as usize);
        let words = bits.div_ceil(64);
        for (kind, bytes) in &mut self.sections {
            let length = match *kind {
                1 => codes.saturating_mul(words * 8),
                2 => codes.saturating_mul(4) + 4,
                3 => buckets.saturating_mul(4) + 4,
                4 => buckets.saturating_mul(words * 8),
                9 | 11 => items.saturating_mul(8) + 8,
                13 => items.saturating_mul(latent),
                14 => items.saturating_mul(4),
                15 => items.div_ceil(64) * 8,
                _ => continue,
            };
            if length <= 1 << 20 {
                bytes.resize(length, 0);
            }
        }
    }
}

impl Entry {
    pub(crate) fn kill(&mut self, word: u64) {
        let shape = self.segment.shape;
        let words = u64s((0..shape[3].div_ceil(64).min(1 << 16)).map(|_| word));
        let name = self.name.replace(".seg", "-0000000000000002.dead");
        self.tombstones = Some((name, Framed::new(*b"AETOMBST", shape, vec![(15, words)])));
    }
}

impl Index {
    /// How many kinds of edits there are.
    pub(crate) const EDITS: u8 = 12;

    pub(crate) fn parse(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let entry = |name: &String| {
            let stem = name.trim_end_matches(".seg");
            let dead = files.iter().find(|(name, _)| name.ends_with(".dead") && name.starts_with(stem));
            Entry {
                name: name.clone(),
                segment: Framed::parse(&files[name]),
                tombstones: dead.map(|(name, bytes)| (name.clone(), Framed::parse(bytes))),
            }
        };
        let segments = files.keys().filter(|name| name.ends_with(".seg")).map(entry).collect();
        let manifest = &files["MANIFEST"];
        let (generation, attributes) = (number_at(manifest, 20, 8), attributes(manifest));
        Index { segments, generation, attributes, lengths: BTreeMap::new() }
    }

    pub(crate) fn of(segment: Framed) -> Self {
        let segments = vec![Entry { name: "0000000000000001.seg".into(), segment, tombstones: None }];
        Index { segments, generation: 2, attributes: Vec::new(), lengths: BTreeMap::new() }
    }

    /// Gives the first segment tombstones, `word` for each 64 items.
    pub(crate) fn with_dead(mut self, word: u64) -> Self {
        self.segments[0].kill(word);
        self
    }

    /// Makes MANIFEST claim another length for a file.
    pub(crate) fn lie_about(&mut self, name: &str, length: u64) {
        self.lengths.insert(name.to_string(), length);
    }

    pub(crate) fn to_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::from([("MANIFEST".to_string(), self.manifest())]);
        for Entry { name, segment, tombstones } in &self.segments {
            files.insert(name.clone(), segment.to_bytes());
            files.extend(tombstones.iter().map(|(name, tombstones)| (name.clone(), tombstones.to_bytes())));
        }
        files
    }

    /// The MANIFEST that agrees with the headers, sealed.
    pub(crate) fn manifest(&self) -> Vec<u8> {
        let first = self.segments.first().map_or([64, 0, 128, 0, 0, 0], |entry| entry.segment.shape);
        let mut bytes = vec![0; 20];
        bytes.extend(u64s([self.generation]));
        bytes.extend(u32s([first[0], first[1]]));
        bytes.extend(u64s([self.attributes.len() as u64]));
        for piece in self.attributes.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend(u64s([piece.len() as u64]));
            bytes.extend(piece);
        }
        bytes.extend(u64s([self.segments.len() as u64]));
        let file = |bytes: &mut Vec<u8>, name: &str, framed: &Framed| {
            bytes.extend(u64s([name.len() as u64]));
            bytes.extend(name.as_bytes());
            let length = self.lengths.get(name).copied();
            bytes.extend(u64s([length.unwrap_or_else(|| framed.to_bytes().len() as u64)]));
        };
        for Entry { name, segment, tombstones } in &self.segments {
            file(&mut bytes, name, segment);
            bytes.extend(u32s([segment.shape[3]]));
            bytes.push(u8::from(tombstones.is_some()));
            if let Some((name, tombstones)) = tombstones {
                file(&mut bytes, name, tombstones);
                let dead: u32 =
                    tombstones.sections.iter().flat_map(|s| &s.1).map(|byte| byte.count_ones()).sum();
                bytes.extend(u32s([dead.min(segment.shape[3])]));
            }
        }
        seal(&mut bytes, *b"AEMANIFE");
        bytes
    }

    /// One change of one file, as `input` says.
    pub(crate) fn edit(&mut self, input: &mut Input<'_>) {
        let (op, which) = (input.byte() % Index::EDITS, input.byte());
        let count = self.segments.len();
        let entry = &mut self.segments[usize::from(which) % count];
        match (op, &mut entry.tombstones) {
            (10, _) => self.segments.swap(0, count - 1),
            (11, None) => entry.kill(input.number()),
            (_, Some((_, tombstones))) if which & 0x80 != 0 => tombstones.edit(op, input),
            _ => entry.segment.edit(op, input),
        }
    }

    /// Makes the lengths of sections agree with the headers, and the tombstones with their segments.
    pub(crate) fn fit(&mut self) {
        let first = self.segments[0].segment.shape;
        for Entry { segment, tombstones, .. } in &mut self.segments {
            (segment.shape[0], segment.shape[1]) = (first[0], first[1]);
            segment.fit();
            if let Some((_, tombstones)) = tombstones {
                tombstones.shape = segment.shape;
                tombstones.fit();
            }
        }
    }
}

/// A sound segment of `n` codes of 64 bits, with a bucket and an item for each, a graph that is a chain in
/// two layers, and a curve that makes searches walk it.
pub(crate) fn chain(n: u32) -> Index {
    let upper = n.min(40);
    let codes = || u64s((0..u64::from(n)).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    let next = |i: u32, n: u32| (i + 1) % n;
    let edges = (0..n).map(|i| next(i, n)).chain((0..upper).map(|i| next(i, upper)));
    let curve = [[10, 1, 1, 0.5f32.to_bits(), 20], [10, 2, 0, 1f32.to_bits(), 30]];
    let sections = vec![
        (1, codes()),
        (2, u32s(0..=n)),
        (3, u32s(0..=n)),
        (4, codes()),
        (5, u32s([0, n, n + upper])),
        (6, u32s(0..=n + upper)),
        (7, u32s(edges)),
        (8, u32s(curve.into_iter().flatten())),
    ];
    Index::of(Framed::new(*b"AESEGMNT", [64, 0, 128, n, n, n], sections))
}
