//! hnsw_rs as a rival: a graph over single codes, searched by its own search.
//!
//! Built and searched in one process, as its dump format is never read here (ARCHITECTURE.md, "Invariants").

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use aesearch_index::{distance, words};
use hnsw_rs::prelude::{Distance, Hnsw};

use crate::common::args::Args;
use crate::common::codes::{self, K};
use crate::common::{args, clock};

/// M and efConstruction, as for the rivals in search.py.
const NEIGHBOURS: usize = 16;
const CANDIDATES: usize = 128;
const MAX_LAYERS: usize = 16;
const SWEEP: [usize; 10] = [10, 16, 24, 32, 48, 64, 128, 256, 512, 1024];
/// The sweep ends at the first search with this recall.
const ENOUGH: f64 = 0.9995;

/// Hamming distance in bits: the crate's own `DistHamming` counts unequal words.
#[derive(Clone, Copy)]
struct Hamming;

impl Distance<u64> for Hamming {
    #[inline]
    fn eval(&self, a: &[u64], b: &[u64]) -> f32 {
        distance(a, b) as f32
    }
}

/// `hnsw_rs BASE BITS QUERIES TRUTH`
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let [_, base, bits, queries, truth] = args.exactly()?;
    let words = words(args::number("BITS", bits)?);
    let base = codes::read(Path::new(base), words)?;
    let queries = codes::read(Path::new(queries), words)?;
    let truth = codes::read_truth(Path::new(truth), queries.len() / words)?;
    let budget = Duration::from_secs_f64(args.option("budget", 0.5)?);

    let before = resident_peak();
    let start = clock::process_cpu();
    let mut hnsw = Hnsw::<u64, Hamming>::new(NEIGHBOURS, base.len() / words, MAX_LAYERS, CANDIDATES, Hamming);
    for (i, code) in base.chunks_exact(words).enumerate() {
        hnsw.insert_slice((code, i));
    }
    hnsw.set_searching_mode(true);
    let seconds = (clock::process_cpu() - start).as_secs_f64();
    let bytes = (resident_peak() - before) as f64 / (base.len() / words) as f64;
    println!("{{\"build_s\": {seconds:.3}, \"bytes_per_item\": {bytes:.1}}}");

    for ef in SWEEP {
        let search = |query: &[u64]| hnsw.search(query, K, ef);
        let found: Vec<Vec<u32>> = queries
            .chunks_exact(words)
            .map(|query| search(query).iter().map(|neighbour| neighbour.distance as u32).collect())
            .collect();
        let recall = codes::recall(&found, &truth);
        let timing = clock::time(budget, || {
            queries.chunks_exact(words).for_each(|query| drop(std::hint::black_box(search(query))));
        });
        let us = |seconds: f64| seconds * 1e6 / truth.len() as f64;
        let (best, median) = (us(timing.best), us(timing.median));
        println!(
            "{{\"at\": \"ef {ef}\", \"recall\": {recall:.6}, \"us_best\": {best:.4}, \"us\": {median:.4}}}"
        );
        if recall >= ENOUGH {
            break;
        }
    }
    Ok(())
}

fn resident_peak() -> u64 {
    clock::peak_bytes().unwrap_or_default()
}
