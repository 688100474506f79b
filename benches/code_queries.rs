//! Times many queries by code in one call, for benches/python.py, which compares Python with this.
//!
//!     cargo bench --bench code_queries -- INDEX CODES K RECALL ROUNDS
//!
//! CODES is a file of u64, little-endian, `[Q, B / 64]`; a recall of 1 scans every code. Prints nothing but what it took:
//! the caller measures CPU time.

use std::path::Path;

use aesearch_index::{Mode, Search, Snapshot};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [index, codes, k, recall, rounds] = &args[..] else {
        return eprintln!("usage: INDEX CODES K RECALL ROUNDS");
    };
    let snapshot = Snapshot::open(Path::new(index)).expect("an index");
    let bytes = std::fs::read(codes).expect("a file of codes");
    let (words, _) = bytes.as_chunks::<8>();
    let codes: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let recall: f32 = recall.parse().expect("a recall");
    let mode = if recall < 1.0 { Mode::Recall(recall) } else { Mode::Exact };
    let search = Search { k: k.parse().expect("a number"), mode, ..Search::default() };
    let rounds: usize = rounds.parse().expect("a number");
    let found: usize =
        (0..rounds).map(|_| snapshot.search_many(&codes, &search).expect("answers").len()).sum();
    println!("{found}");
}
