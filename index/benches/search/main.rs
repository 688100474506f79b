//! Builds and searches for `benches/compare/search.py`, one verb per process. Prints lines of JSON.
//!
//! ```text
//! search build BASE BITS INDEX [--bucket-size N]   an index of the codes, without names and payloads
//! search open INDEX                                time to open it
//! search curve INDEX                               what calibration promises, and how long that takes here
//! search search INDEX QUERIES TRUTH                a sweep: time per query and measured recall
//! search exact INDEX QUERIES TRUTH                 the whole scan, beside a plain read of as many bytes
//! search threads INDEX QUERIES                     queries per second, wall time, of one thread and of two
//! search pairs INDEX RADIUS                        all pairs within a radius, beside the naive loop
//! search codes INDEX OUT                           the codes of any index of this crate, to a file
//! search hnsw_rs BASE BITS QUERIES TRUTH           the rival, built and swept
//! ```
//!
//! `common/codes.rs` describes the files. Times are CPU time of the calling thread unless said otherwise.
//! Only `threads` starts threads; RAYON_NUM_THREADS sets those of the build and the pairs. AESEARCH_ISA
//! forces an instruction set.

#[path = "../common/mod.rs"]
mod common;
mod hnsw;
mod sweep;

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use aesearch_index::{distance, words};
use common::args::{Args, number};
use common::codes::PairSet;
use common::generator::{Generator, Part};
use common::start::{Start, start};
use common::{api, clock, codes};

const USAGE: &str = "usage: search build|open|curve|search|exact|threads|pairs|codes|hnsw_rs ARGUMENTS.. \
    [--bucket-size N] [--targets 0.9,0.99,..] [--budget SECONDS]";

const VERBS: [&str; 9] =
    ["build", "open", "curve", "search", "exact", "threads", "pairs", "codes", "hnsw_rs"];
const OPTIONS: [&str; 3] = ["bucket-size", "targets", "budget"];

fn main() -> ExitCode {
    let done = start(&VERBS, &OPTIONS).map_err(Box::from).and_then(|start| match start {
        Start::Asked(args) => run(&args),
        Start::Bench => quick(100_000, "0.2", &VERBS[..6]),
        Start::Test => quick(2000, "0", &VERBS),
        Start::Skip => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("search: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Runs `verbs` on synthetic codes in a temporary folder.
fn quick(items: usize, budget: &str, verbs: &[&str]) -> Result<(), Box<dyn Error>> {
    const BITS: usize = 128;
    calling_thread_only();
    let folder = tempfile::tempdir()?;
    let [base, index, queries, truth, out] =
        ["base", "index", "queries", "truth", "out"].map(|name| folder.path().join(name));
    let generator = Generator::named("clustered", BITS, 1).ok_or("clustered: there are no such codes")?;
    let (codes, asked) = (generator.codes(Part::Base, items), generator.codes(Part::Queries, 200));
    codes::write_truth(&truth, &codes, &asked, words(BITS))?;
    codes::write(&base, codes)?;
    codes::write(&queries, asked)?;
    let [base, index, queries, truth, out] =
        [base, index, queries, truth, out].map(|path| path.display().to_string());
    for &verb in verbs {
        let arguments: &[&str] = match verb {
            "build" => &[&base, "128", &index],
            "search" | "exact" => &[&index, &queries, &truth],
            "threads" => &[&index, &queries],
            "pairs" => &[&index, "6"],
            "codes" => &[&index, &out],
            "hnsw_rs" => &[&base, "128", &queries, &truth],
            _ => &[&index],
        };
        let options = ["--budget", budget, "--targets", "0.9,0.99,0.999"];
        println!("# {verb}");
        run(&Args::parse([&[verb], arguments, &options].concat().into_iter().map(String::from), &OPTIONS)?)?;
    }
    Ok(())
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    api::force_isa()?;
    if std::env::var("RAYON_NUM_THREADS").is_ok_and(|n| n == "1") {
        calling_thread_only();
    }
    match args.verb() {
        Some("build") => build(args),
        Some("open") => open(args),
        Some("search") => sweep::search(args),
        Some("exact") => sweep::exact(args),
        Some("threads") => sweep::threads(args),
        Some("pairs") => pairs(args),
        Some("curve") => curve(args),
        Some("codes") => dump(args),
        Some("hnsw_rs") => hnsw::run(args),
        _ => Err("which of these?".into()),
    }
}

/// Makes rayon use only this thread, whose CPU time is measured.
fn calling_thread_only() {
    // a pool that is there already, from an earlier call, stays
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
}

fn build(args: &Args) -> Result<(), Box<dyn Error>> {
    let [_, base, bits, index] = args.exactly()?;
    let (bits, index) = (number("BITS", bits)?, Path::new(index));
    let bucket_size = match args.text("bucket-size") {
        Some(text) => Some(number("--bucket-size", text)?),
        None => None,
    };
    let codes = codes::read(Path::new(base), words(bits))?;
    let items = codes.len() / words(bits);
    let (cpu, wall) = (clock::process_cpu(), Instant::now());
    let mut builder = api::builder(bits, bucket_size)?;
    api::push(&mut builder, &codes, words(bits))?;
    drop(codes);
    api::commit(builder, index)?;
    let (cpu, wall) = ((clock::process_cpu() - cpu).as_secs_f64(), wall.elapsed().as_secs_f64());
    let bytes = api::bytes(index)?;
    let per_item = |bytes: u64| bytes as f64 / items as f64;
    let (search, all) = (per_item(bytes.search), per_item(bytes.all));
    println!(
        "{{\"build_s\": {cpu:.3}, \"build_wall_s\": {wall:.3}, \"bytes_per_item\": {search:.3}, \"bytes_per_item_all\": {all:.3}}}"
    );
    Ok(())
}

/// Wall time, as opening waits for the file system: of the first opening, and the median of more.
fn open(args: &Args) -> Result<(), Box<dyn Error>> {
    let [_, index] = args.exactly()?;
    let mut ms = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        let snapshot = api::open(Path::new(index))?;
        ms.push(start.elapsed().as_secs_f64() * 1e3);
        drop(snapshot);
    }
    let first = ms[0];
    ms.sort_by(f64::total_cmp);
    println!("{{\"open_ms\": {first:.4}, \"open_again_ms\": {:.4}}}", ms[ms.len() / 2]);
    Ok(())
}

fn dump(args: &Args) -> Result<(), Box<dyn Error>> {
    let [_, index, out] = args.exactly()?;
    let snapshot = api::open(Path::new(index))?;
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(out)?);
        for id in snapshot.ids() {
            for word in snapshot.code(id) {
                file.write_all(&word.to_le_bytes())?;
            }
        }
        file.flush()
    };
    write().map_err(|error| format!("{out}: cannot write: {error}"))?;
    println!("{{\"items\": {}, \"bits\": {}}}", snapshot.len(), snapshot.bits());
    Ok(())
}

/// `curve INDEX`: what calibration promises, and how long it takes here.
fn curve(args: &Args) -> Result<(), Box<dyn Error>> {
    let [_, index] = args.exactly()?;
    let snapshot = api::open(Path::new(index))?;
    let times = snapshot.measure();
    for (point, us) in snapshot.recall_curve().iter().zip(&times.curve) {
        let aesearch_index::RecallPoint { k, probes, graph, recall, cost, .. } = point;
        println!(
            "{{\"k\": {k}, \"probes\": {probes}, \"graph\": {graph}, \"recall\": {recall:.5}, \"cost\": {cost}, \"us\": {us:.3}}}"
        );
    }
    println!("{{\"exact_us\": {:.3}}}", times.exact.unwrap_or_default());
    Ok(())
}

fn pairs(args: &Args) -> Result<(), Box<dyn Error>> {
    let [_, index, radius] = args.exactly()?;
    let (snapshot, radius) = (api::open(Path::new(index))?, number("RADIUS", radius)?);
    let ours = PairSet::default();
    let start = clock::process_cpu();
    api::pairs(&snapshot, radius, &ours)?;
    let ours_s = (clock::process_cpu() - start).as_secs_f64();

    let codes: Vec<(u32, &[u64])> = snapshot.ids().map(|id| (id, snapshot.code(id))).collect();
    let naive = PairSet::default();
    let start = clock::process_cpu();
    for (at, &(a, code)) in codes.iter().enumerate() {
        let all = codes[at + 1..].iter().map(|&(b, other)| (a, b, distance(code, other)));
        naive.add(all.filter(|&(_, _, distance)| distance <= radius));
    }
    let naive_s = (clock::process_cpu() - start).as_secs_f64();
    let same = ours.take() == naive.take();
    let found = naive.take().0;
    println!(
        "{{\"pairs\": {found}, \"cpu_s\": {ours_s:.3}, \"naive_cpu_s\": {naive_s:.3}, \"same\": {same}}}"
    );
    Ok(())
}
