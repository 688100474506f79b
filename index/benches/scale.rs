//! Builds and searches an index of synthetic codes, or several that are searched together, and prints time and
//! memory as one line of JSON.
//!
//! ```text
//! cargo bench -p aesearch-index --bench scale -- --items 10000000
//! cargo bench -p aesearch-index --bench scale -- --items 100000000 --bits 64 --shards 50 --cold 1
//! ```
//!
//! With `--cold 1` the files are dropped from the system's cache first (Linux, as root), and what single queries
//! then read from the disk is told.
//! Codes are pushed as they are made, without names, payloads and latents, so that the peak of memory is the
//! builder's own; it is read before the index is opened, as mapped pages count as resident. The time to make
//! the codes is measured first and subtracted from that of the build. Without arguments, `cargo bench` takes
//! 100,000 codes.

mod common;

use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aesearch_index::{Snapshot, words};
use common::args::{Args, number};
use common::codes::{self, K};
use common::generator::{Generator, Part};
use common::start::{Start, start};
use common::{api, clock};

const USAGE: &str = "usage: scale [--kind clustered|latent] [--bits 128] [--items 1000000] [--queries 1000] [--seed 1] \
    [--recall 0.99,0.999] [--bucket-size N] [--folder PATH] [--budget 1] [--shards 1] [--cold 0]";
const OPTIONS: [&str; 11] = [
    "kind",
    "bits",
    "items",
    "queries",
    "seed",
    "recall",
    "bucket-size",
    "folder",
    "budget",
    "shards",
    "cold",
];

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

    let shards = args.option("shards", 1)?;
    if !(1..=items / K).contains(&shards) {
        return Err(format!("expected 1 to {} shards", items / K).into());
    }
    let folders: Vec<PathBuf> = (0..shards).map(|n| folder.join(n.to_string())).collect();
    let (cpu, wall) = generate(&generator, items);
    let built = build(&generator, items, bits, args, &folders)?;
    let peak = clock::peak_bytes().unwrap_or_default() as f64;
    let (mut search_bytes, mut all_bytes) = (0, 0);
    for folder in &folders {
        let bytes = api::bytes(folder)?;
        (search_bytes, all_bytes) = (search_bytes + bytes.search, all_bytes + bytes.all);
    }
    let start = Instant::now();
    let snapshots = folders.iter().map(|folder| api::open(folder)).collect::<Result<Vec<_>, _>>()?;
    let open_ms = start.elapsed().as_secs_f64() * 1e3;
    let read = match args.option("cold", 0)? {
        0 => String::new(),
        _ => cold(&generator, &snapshots)?,
    };
    let searched = search(&generator, &snapshots, args)?;

    let n = items as f64;
    println!(
        "{{\"kind\": \"{name}\", \"bits\": {bits}, \"items\": {items}, \"shards\": {shards}, \"distinct_codes\": {}, \
         \"build_cpu_s\": {:.3}, \"build_wall_s\": {:.3}, \"bytes_per_item\": {:.3}, \"bytes_per_item_all\": {:.3}, \
         \"peak_mb\": {:.1}, \"peak_over_codes\": {:.3}, \"open_ms\": {open_ms:.4}, {read}{searched}}}",
        snapshots.iter().map(Snapshot::distinct_codes).sum::<usize>(),
        (built.0 - cpu).max(0.0),
        (built.1 - wall).max(0.0),
        search_bytes as f64 / n,
        all_bytes as f64 / n,
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

/// CPU and wall seconds of making the codes and building an index of as many in each folder, one after the other.
fn build(
    generator: &Generator,
    items: usize,
    bits: usize,
    args: &Args,
    folders: &[PathBuf],
) -> Result<(f64, f64), Box<dyn Error>> {
    let bucket_size = match args.text("bucket-size") {
        Some(text) => Some(number("--bucket-size", text)?),
        None => None,
    };
    let words = words(bits);
    let (cpu, wall) = (clock::process_cpu(), Instant::now());
    let (mut builder, mut pushed, mut left) =
        (api::builder(bits, bucket_size)?, 0, folders.iter().enumerate());
    let mut folder = left.next();
    generator.for_each(Part::Base, items, |mut codes| -> Result<(), Box<dyn Error>> {
        while let Some((n, path)) = folder {
            let end = items * (n + 1) / folders.len(); // of what goes there
            let (here, rest) = codes.split_at(codes.len().min((end - pushed) * words));
            api::push(&mut builder, here, words)?;
            pushed += here.len() / words;
            if pushed < end {
                break;
            }
            api::commit(std::mem::replace(&mut builder, api::builder(bits, bucket_size)?), path)?;
            (folder, codes) = (left.next(), rest);
        }
        Ok(())
    })?;
    Ok(((clock::process_cpu() - cpu).as_secs_f64(), wall.elapsed().as_secs_f64()))
}

/// What each of a hundred queries reads from the disk when nothing of the index is in memory, as JSON fields: faults
/// that waited for the disk, bytes (which the system reads ahead), and milliseconds.
fn cold(generator: &Generator, snapshots: &[Snapshot]) -> Result<String, Box<dyn Error>> {
    const QUERIES: usize = 100;
    std::fs::write("/proc/sys/vm/drop_caches", "1").map_err(|e| format!("--cold: {e}"))?;
    let queries = generator.codes(Part::Queries, QUERIES);
    let wanted = api::wanted(Some(0.99));
    let (before, start) = (clock::disk(), Instant::now());
    for query in queries.chunks_exact(queries.len() / QUERIES) {
        black_box(api::search_shards(snapshots, query, &wanted)?);
    }
    let (ms, after) = (start.elapsed().as_secs_f64() * 1e3, clock::disk());
    let of_each = |value: fn(&(u64, u64)) -> u64| match (&before, &after) {
        (Some(before), Some(after)) => (value(after) - value(before)) as f64 / QUERIES as f64,
        _ => f64::NAN,
    };
    Ok(format!(
        "\"cold\": {{\"reads_per_query\": {:.1}, \"bytes_per_query\": {:.0}, \"ms_per_query\": {:.2}}}, ",
        of_each(|disk| disk.0),
        of_each(|disk| disk.1),
        ms / QUERIES as f64,
    ))
}

/// Times and recalls as JSON fields; the exact scan is the truth.
fn search(generator: &Generator, snapshots: &[Snapshot], args: &Args) -> Result<String, Box<dyn Error>> {
    let words = words(snapshots[0].bits());
    let queries = generator.codes(Part::Queries, args.option("queries", 1000)?);
    let n = (queries.len() / words) as f64;
    let budget = Duration::from_secs_f64(args.option("budget", 1.0)?);
    let mut truth = Vec::new();
    let start = clock::thread_cpu();
    for query in queries.chunks_exact(words) {
        let hits = api::search_shards(snapshots, query, &api::wanted(None))?;
        truth.push(hits.last().map_or(0, |hit| hit.distance));
    }
    let exact_us = (clock::thread_cpu() - start).as_secs_f64() * 1e6 / n;
    let mut points = Vec::new();
    for target in args.text("recall").unwrap_or("0.99,0.999").split(',') {
        let wanted = api::wanted(Some(number("--recall", target)?));
        let find = |query| api::search_shards(snapshots, query, &wanted);
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
    let bytes = snapshots.iter().map(api::scanned_bytes).sum();
    let scan = bytes as f64 / exact_us / 1e3;
    let read = clock::gb_per_s(bytes, budget);
    Ok(format!(
        "\"searches\": [{}], \"exact_us\": {exact_us:.2}, \"scan_gb_s\": {scan:.3}, \"read_gb_s\": {read:.3}",
        points.join(", ")
    ))
}
