//! Builds and searches an index of synthetic codes, and prints time and memory as one line of JSON.
//!
//! ```text
//! cargo bench -p aesearch-index --bench scale -- --items 10000000
//! ```
//!
//! Codes are pushed as they are made, without names, payloads and latents, so that the peak of memory is the
//! builder's own; it is read before the index is opened, as mapped pages count as resident. The time to make
//! the codes is measured first and subtracted from that of the build. Without arguments, `cargo bench` takes
//! 100,000 codes.

mod common;

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aesearch_index::{Snapshot, words};
use common::args::{Args, number};
use common::codes::{self, K};
use common::generator::{Generator, Part};
use common::start::{Start, start};
use common::{api, clock};

const USAGE: &str = "usage: scale [--kind clustered|latent] [--bits 128] [--items 1000000] [--queries 1000] [--seed 1] \
    [--recall 0.99,0.999] [--bucket-size N] [--folder PATH] [--budget 1]";
const OPTIONS: [&str; 9] =
    ["kind", "bits", "items", "queries", "seed", "recall", "bucket-size", "folder", "budget"];

fn main() -> ExitCode {
    let quick = |items: &str, queries: &str, budget: &str| -> Result<(), Box<dyn Error>> {
        let typed = ["--items", items, "--queries", queries, "--budget", budget].map(String::from);
        scale(&Args::parse(typed, &OPTIONS)?)
    };
    let done = start(&[], &OPTIONS).map_err(Box::from).and_then(|start| match start {
        Start::Asked(args) => scale(&args),
        Start::Bench => quick("100000", "200", "0.3"),
        Start::Test => quick("2000", "20", "0"),
        Start::Skip => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn scale(args: &Args) -> Result<(), Box<dyn Error>> {
    let [] = args.exactly()?;
    api::force_isa()?;
    let (bits, items) = (args.option("bits", 128)?, args.option("items", 1_000_000)?);
    if !aesearch_index::BITS.contains(&bits) || items < K {
        return Err(format!("expected {:?} bits and {K} items or more", aesearch_index::BITS).into());
    }
    let name = args.text("kind").unwrap_or("clustered");
    let generator = Generator::named(name, bits, args.option("seed", 1)?)
        .ok_or_else(|| format!("{name}: there are no such codes"))?;
    let temporary; // removed when it is dropped
    let folder = match args.text("folder") {
        Some(folder) => PathBuf::from(folder),
        None => {
            temporary = tempfile::tempdir()?;
            temporary.path().to_path_buf()
        }
    };

    let (cpu, wall) = generate(&generator, items);
    let built = build(&generator, items, bits, args, &folder)?;
    let peak = clock::peak_bytes().unwrap_or_default() as f64;
    let bytes = api::bytes(&folder)?;
    let start = Instant::now();
    let snapshot = api::open(&folder)?;
    let open_ms = start.elapsed().as_secs_f64() * 1e3;
    let searched = search(&generator, &snapshot, args)?;

    let n = items as f64;
    println!(
        "{{\"kind\": \"{name}\", \"bits\": {bits}, \"items\": {items}, \"distinct_codes\": {}, \"build_cpu_s\": {:.3}, \
         \"build_wall_s\": {:.3}, \"bytes_per_item\": {:.3}, \"bytes_per_item_all\": {:.3}, \"peak_mb\": {:.1}, \
         \"peak_over_codes\": {:.3}, \"open_ms\": {open_ms:.4}, {searched}}}",
        snapshot.distinct_codes(),
        (built.0 - cpu).max(0.0),
        (built.1 - wall).max(0.0),
        bytes.search as f64 / n,
        bytes.all as f64 / n,
        peak / 1e6,
        peak / (n * 8.0 * words(bits) as f64),
    );
    Ok(())
}

/// CPU and wall seconds of making the codes alone.
fn generate(generator: &Generator, items: usize) -> (f64, f64) {
    let (cpu, wall) = (clock::process_cpu(), Instant::now());
    let done: Result<(), std::convert::Infallible> = generator.for_each(Part::Base, items, |codes| {
        black_box(codes);
        Ok(())
    });
    match done {
        Ok(()) => ((clock::process_cpu() - cpu).as_secs_f64(), wall.elapsed().as_secs_f64()),
    }
}

/// CPU and wall seconds of making the codes and building their index.
fn build(
    generator: &Generator,
    items: usize,
    bits: usize,
    args: &Args,
    folder: &Path,
) -> Result<(f64, f64), Box<dyn Error>> {
    let bucket_size = match args.text("bucket-size") {
        Some(text) => Some(number("--bucket-size", text)?),
        None => None,
    };
    let (cpu, wall) = (clock::process_cpu(), Instant::now());
    let mut builder = api::builder(bits, bucket_size)?;
    generator.for_each(Part::Base, items, |codes| api::push(&mut builder, codes, words(bits)))?;
    api::commit(builder, folder)?;
    Ok(((clock::process_cpu() - cpu).as_secs_f64(), wall.elapsed().as_secs_f64()))
}

/// Times and recalls as JSON fields; the exact scan is the truth.
fn search(generator: &Generator, snapshot: &Snapshot, args: &Args) -> Result<String, Box<dyn Error>> {
    let words = words(snapshot.bits());
    let queries = generator.codes(Part::Queries, args.option("queries", 1000)?);
    let n = (queries.len() / words) as f64;
    let budget = Duration::from_secs_f64(args.option("budget", 1.0)?);
    let mut truth = Vec::new();
    let start = clock::thread_cpu();
    for query in queries.chunks_exact(words) {
        let hits = api::search(snapshot, query, &api::wanted(None))?;
        truth.push(hits.last().map_or(0, |hit| hit.distance));
    }
    let exact_us = (clock::thread_cpu() - start).as_secs_f64() * 1e6 / n;
    let mut points = Vec::new();
    for target in args.text("recall").unwrap_or("0.99,0.999").split(',') {
        let wanted = api::wanted(Some(number("--recall", target)?));
        let find = |query| api::search(snapshot, query, &wanted);
        let mut found = Vec::new();
        for query in queries.chunks_exact(words) {
            found.push(find(query)?.iter().map(|hit| hit.distance).collect());
        }
        let timing = clock::time(budget, || {
            queries.chunks_exact(words).for_each(|query| drop(black_box(find(query))))
        });
        points.push(format!(
            "{{\"target\": {target}, \"recall\": {:.6}, \"us_best\": {:.4}, \"us\": {:.4}}}",
            codes::recall(&found, &truth),
            timing.best * 1e6 / n,
            timing.median * 1e6 / n
        ));
    }
    let bytes = api::scanned_bytes(snapshot);
    let scan = bytes as f64 / exact_us / 1e3;
    let read = clock::gb_per_s(bytes, budget);
    Ok(format!(
        "\"searches\": [{}], \"exact_us\": {exact_us:.2}, \"scan_gb_s\": {scan:.3}, \"read_gb_s\": {read:.3}",
        points.join(", ")
    ))
}
