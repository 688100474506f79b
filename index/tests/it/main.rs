//! Integration tests of the index: what survives commits, crashes, readers, damage and time.
//!
//! Everything is seeded and offline. `AESEARCH_LONG_TESTS=1` runs more rounds of the random histories and
//! flips every bit, `AESEARCH_FUZZ_SEC=N` makes hostile files for N seconds per target.

mod calls;
mod columns;
mod commits;
mod craft;
mod damage;
mod filters;
mod golden;
mod harness;
mod histories;
mod hostile;
mod mutator;
mod searches;
mod together;

use std::collections::HashMap;
use std::path::Path;

use aesearch_index::{Item, SegmentBuilder, Settings, Snapshot, Writer, words};

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.word() % n as u64) as usize
    }

    /// A code near one of `centres` points, each bit flipped with probability 1/8.
    pub(crate) fn code(&mut self, bits: usize, centres: usize) -> Vec<u64> {
        let mut centre = Random(self.below(centres) as u64 + 1000);
        let mut code: Vec<u64> =
            (0..words(bits)).map(|_| centre.word() ^ (self.word() & self.word() & self.word())).collect();
        if !bits.is_multiple_of(64) {
            *code.last_mut().unwrap() &= (1 << (bits % 64)) - 1;
        }
        code
    }

    pub(crate) fn latent(&mut self, size: usize) -> Vec<f32> {
        (0..size).map(|_| (self.word() >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
    }
}

/// An item that owns its data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Owned {
    pub(crate) name: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) code: Vec<u64>,
    pub(crate) latent: Vec<f32>,
}

impl Owned {
    pub(crate) fn random(random: &mut Random, settings: &Settings) -> Self {
        let number = random.word();
        Owned {
            name: number.to_string().into_bytes(),
            payload: number.to_le_bytes()[..random.below(9)].to_vec(),
            code: random.code(settings.bits, 50),
            latent: random.latent(settings.latent_size),
        }
    }

    pub(crate) fn push_to(&self, builder: &mut SegmentBuilder) {
        let Owned { name, payload, code, latent } = self;
        builder.push(Item { name, payload, code, latent }).unwrap();
    }
}

pub(crate) fn items(n: usize, settings: &Settings, seed: u64) -> Vec<Owned> {
    let mut random = Random(seed);
    (0..n).map(|_| Owned::random(&mut random, settings)).collect()
}

/// Commits `items` as the whole content of the index at `dir`.
pub(crate) fn commit(dir: &Path, items: &[Owned], settings: &Settings) {
    let mut builder = SegmentBuilder::new(settings).unwrap();
    items.iter().for_each(|item| item.push_to(&mut builder));
    Writer::lock(dir).unwrap().replace(builder).unwrap();
}

pub(crate) fn open(dir: &Path) -> Snapshot {
    Snapshot::open(dir).unwrap()
}

/// The ids of `items`, found by their names.
pub(crate) fn ids_of(snapshot: &Snapshot, items: &[Owned]) -> Vec<u32> {
    let by_name: HashMap<&[u8], u32> = snapshot.ids().map(|id| (snapshot.name(id), id)).collect();
    items.iter().map(|item| by_name[&item.name[..]]).collect()
}

/// The segment files of the index at `dir`, by name.
pub(crate) fn segment_files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .collect();
    files.sort();
    files
}
