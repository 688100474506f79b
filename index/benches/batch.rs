//! Queries per second where all queries come in one call, on all threads and on one. Prints lines of JSON.
//!
//! ```text
//! batch clustered|latent [--items 1000000] [--bits 128] [--queries 10000]   codes as `generate` writes them
//! batch files BASE QUERIES [--bits 128]                                     files of `generate`
//! ```
//!
//! Both take `--targets exact,0.99,..` and `--seconds 2`, for each way. Rates are by wall time, `us` is the CPU
//! time of all threads per query; the ways take turns, so that what else the machine does hits all of them.
//! AESEARCH_ISA forces an instruction set.

mod common;

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aesearch_index::{Search, Snapshot, words};
use common::args::{Args, number};
use common::generator::{Generator, Part};
use common::start::{Start, start};
use common::{api, clock, codes};
use rayon::{ThreadPool, ThreadPoolBuilder};

const USAGE: &str = "usage: batch clustered|latent | files BASE QUERIES \
    [--items 1000000] [--bits 128] [--queries 10000] [--targets exact,0.99] [--seconds 2]";
const VERBS: [&str; 3] = ["clustered", "latent", "files"];
const OPTIONS: [&str; 5] = ["items", "bits", "queries", "targets", "seconds"];

fn main() -> ExitCode {
    let quick = |options: &str| {
        let typed = format!("clustered {options}");
        run(&Args::parse(typed.split(' ').map(String::from), &OPTIONS)?)
    };
    let done = start(&VERBS, &OPTIONS).map_err(Box::from).and_then(|start| match start {
        Start::Asked(args) => run(&args),
        Start::Bench => quick("--items 100000 --seconds 0.5"),
        Start::Test => quick("--items 2000 --queries 100 --seconds 0"),
        Start::Skip => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("batch: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Codes to search, and queries, `[n, words]`.
fn codes_of(args: &Args, bits: usize) -> Result<[Vec<u64>; 2], Box<dyn Error>> {
    if args.verb() == Some("files") {
        let [_, base, queries] = args.exactly()?;
        return Ok([
            codes::read(Path::new(base), words(bits))?,
            codes::read(Path::new(queries), words(bits))?,
        ]);
    }
    let [kind] = args.exactly()?;
    let generator = Generator::named(kind, bits, 1).ok_or("which of these?")?;
    let queries = generator.codes(Part::Queries, args.option("queries", 10_000)?);
    Ok([generator.codes(Part::Base, args.option("items", 1_000_000)?), queries])
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    api::force_isa()?;
    let bits = args.option("bits", 128)?;
    let [base, queries] = codes_of(args, bits)?;
    let folder = tempfile::tempdir()?;
    let mut builder = api::builder(bits, None)?;
    builder.push_codes(&base)?;
    drop(base);
    api::commit(builder, folder.path())?;
    let snapshot = api::open(folder.path())?;
    let budget = Duration::from_secs_f64(args.option("seconds", 2.0)?);
    for target in args.text("targets").unwrap_or("exact,0.99").split(',') {
        let recall = if target == "exact" { None } else { Some(number("--targets", target)?) };
        rates(&snapshot, &queries, (target, &api::wanted(recall)), budget)?;
    }
    Ok(())
}

/// One way to answer all queries, and what it took so far.
struct Way<'a> {
    name: &'a str,
    pool: &'a ThreadPool,
    answer: &'a (dyn Fn() + Sync),
    wall_s: Vec<f64>,
    cpu_s: f64,
}

/// All queries in one call on all threads, the same on one, and one by one on one.
fn rates(
    snapshot: &Snapshot,
    queries: &[u64],
    (target, wanted): (&str, &Search),
    budget: Duration,
) -> Result<(), Box<dyn Error>> {
    let (one, all) = (ThreadPoolBuilder::new().num_threads(1).build()?, ThreadPoolBuilder::new().build()?);
    let words = words(snapshot.bits());
    let together = || drop(black_box(api::search_many(snapshot, queries, wanted)));
    let one_by_one = || {
        queries.chunks_exact(words).for_each(|query| drop(black_box(api::search(snapshot, query, wanted))))
    };
    let way = |name, pool, answer| Way { name, pool, answer, wall_s: Vec::new(), cpu_s: 0.0 };
    let mut ways = [
        way("together", &all, &together),
        way("together", &one, &together),
        way("one by one", &one, &one_by_one),
    ];
    let start = Instant::now();
    for turn in 0.. {
        if turn > 3 && start.elapsed() > budget * 3 {
            break;
        }
        for way in &mut ways {
            let (cpu, wall) = (clock::process_cpu(), Instant::now());
            way.pool.install(way.answer);
            if turn > 0 {
                way.wall_s.push(wall.elapsed().as_secs_f64()); // the first turn warms the caches
                way.cpu_s += (clock::process_cpu() - cpu).as_secs_f64();
            }
        }
    }
    let n = (queries.len() / words) as f64;
    for Way { name, pool, mut wall_s, cpu_s, .. } in ways {
        wall_s.sort_by(f64::total_cmp);
        let (best, median) = (n / wall_s[0], n / wall_s[wall_s.len() / 2]);
        let (threads, us) = (pool.current_num_threads(), cpu_s * 1e6 / (n * wall_s.len() as f64));
        println!(
            "{{\"at\": \"{target}\", \"way\": \"{name}\", \"threads\": {threads}, \"queries_per_s\": {median:.0}, \
             \"queries_per_s_best\": {best:.0}, \"us\": {us:.2}}}"
        );
    }
    Ok(())
}
