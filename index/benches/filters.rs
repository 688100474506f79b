//! Searches with a filter over made-up codes: ours beside a scan of what passes and a scan of all. Prints lines
//! of JSON; `benches/compare/filters.py` runs it beside usearch and faiss.
//!
//! ```text
//! filters make ITEMS BITS INDEX BASE QUERIES   an index and the files of codes
//! filters run INDEX QUERIES MASKS              for each file of a mask [items] u8: times, recall, codes looked at
//! ```
//!
//! Times are CPU time of the calling thread, the median of rounds. A hit counts if it is no farther than the
//! exact 10th that passes.

#[path = "common/mod.rs"]
mod common;

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use aesearch_index::{IdSet, Mode, Search, Snapshot, distance, words};
use common::generator::{Generator, Part};
use common::{api, clock, codes};

const QUERIES: usize = 200;
const BUDGET: Duration = Duration::from_millis(400);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["make", items, bits, index, base, queries] => {
            make(items.parse()?, bits.parse()?, index, [base, queries])
        }
        ["run", index, queries, ref masks @ ..] => run(index, queries, masks),
        _ => {
            let folder = tempfile::tempdir()?;
            let [index, base, queries, mask] = ["index", "base", "queries", "mask"]
                .map(|name| folder.path().join(name).display().to_string());
            make(20_000, 128, &index, [&base, &queries])?;
            std::fs::write(&mask, (0..20_000).map(|i| u8::from(i % 20 == 7)).collect::<Vec<u8>>())?;
            run(&index, &queries, &[&mask])
        }
    }
}

fn make(items: usize, bits: usize, index: &str, [base, queries]: [&str; 2]) -> Result<(), Box<dyn Error>> {
    let generator = Generator::named("clustered", bits, 1).ok_or("clustered: there are no such codes")?;
    let all = generator.codes(Part::Base, items);
    let mut builder = api::builder(bits, None)?;
    api::push(&mut builder, &all, words(bits))?;
    api::commit(builder, Path::new(index))?;
    // in the order of the index, so that its ids are positions
    let snapshot = api::open(Path::new(index))?;
    codes::write(Path::new(base), snapshot.ids().flat_map(|id| snapshot.code(id).to_vec()))?;
    codes::write(Path::new(queries), generator.codes(Part::Queries, QUERIES))?;
    Ok(())
}

fn run(index: &str, queries: &str, masks: &[&str]) -> Result<(), Box<dyn Error>> {
    let snapshot = api::open(Path::new(index))?;
    let queries = codes::read(Path::new(queries), words(snapshot.bits()))?;
    for mask in masks {
        let mask_bytes = std::fs::read(mask)?;
        let passing: IdSet = snapshot.ids().filter(|&id| mask_bytes.get(id as usize) == Some(&1)).collect();
        measure(&snapshot, &queries, &passing, mask)?;
    }
    Ok(())
}

fn measure(snapshot: &Snapshot, queries: &[u64], passing: &IdSet, name: &str) -> Result<(), Box<dyn Error>> {
    let each = || queries.chunks_exact(words(snapshot.bits()));
    let prepare = clock::time(BUDGET, || drop(black_box(snapshot.filter(passing))));
    let only = Some(snapshot.filter(passing));
    let [recall, exact] = [Mode::Recall(0.99), Mode::Exact].map(|mode| Search {
        mode,
        only: only.clone(),
        ..Search::default()
    });
    let (mut found, mut expected, mut visits) = (0, 0, 0);
    for query in each() {
        let true_hits = by_hand(snapshot, query, passing);
        let last = true_hits.last().copied().unwrap_or_default();
        found += snapshot.search(query, &recall)?.iter().filter(|hit| hit.distance <= last).count();
        expected += true_hits.len();
        visits += snapshot.visits(query, &recall)?;
    }
    let us = |search: &Search| {
        let time =
            clock::time(BUDGET, || each().for_each(|query| drop(black_box(snapshot.search(query, search)))));
        time.median * 1e6 / each().len() as f64
    };
    let all = Search { mode: Mode::Exact, ..Search::default() };
    println!(
        "{{\"mask\": {name:?}, \"passing\": {}, \"recall\": {:.5}, \"visits\": {:.1}, \"us\": {:.2}, \"exact_us\": {:.2}, \
         \"scan_of_all_us\": {:.2}, \"list_us\": {:.2}, \"prepare_us\": {:.0}}}",
        passing.len(),
        f64::from(found as u32) / f64::from((expected as u32).max(1)),
        visits as f64 / each().len() as f64,
        us(&recall),
        us(&exact),
        us(&all),
        clock::time(BUDGET, || each().for_each(|query| drop(black_box(by_hand(snapshot, query, passing)))))
            .median
            * 1e6
            / each().len() as f64,
        prepare.median * 1e6
    );
    Ok(())
}

/// The distances of the 10 nearest that pass, by comparing with each.
fn by_hand(snapshot: &Snapshot, query: &[u64], passing: &IdSet) -> Vec<u32> {
    let mut all: Vec<u32> = passing.iter().map(|id| distance(snapshot.code(id), query)).collect();
    let k = codes::K.min(all.len());
    if k < all.len() {
        all.select_nth_unstable(k);
        all.truncate(k);
    }
    all.sort_unstable();
    all
}
