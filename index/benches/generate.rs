//! Writes synthetic codes to files, for benchmarks: codes to search, and queries of the same kind.
//!
//! ```text
//! cargo bench -p aesearch-index --bench generate -- clustered base.u64 queries.u64 --bits 128 --items 1000000
//! ```
//!
//! The files are `[n, words]` u64, little-endian, without a header; `common/generator.rs` describes the
//! codes.

mod common;

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

use common::args::Args;
use common::clock;
use common::generator::{Generator, Part};
use common::start::{Start, start};

const USAGE: &str = "usage: generate clustered|latent BASE QUERIES \
    [--bits 128] [--items 1000000] [--queries 2000] [--seed 1]";
const KINDS: [&str; 2] = ["clustered", "latent"];
const OPTIONS: [&str; 4] = ["bits", "items", "queries", "seed"];

fn main() -> ExitCode {
    let done = start(&KINDS, &OPTIONS).map_err(Box::from).and_then(|start| match start {
        Start::Asked(args) => generate(&args),
        Start::Bench => quick(200_000),
        Start::Test => quick(2000),
        Start::Skip => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Generates codes of each kind in a temporary folder, and prints the time as a line of JSON.
fn quick(items: usize) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let [base, queries] =
        ["base.u64", "queries.u64"].map(|name| folder.path().join(name).display().to_string());
    for kind in KINDS {
        let typed = [kind, &base, &queries, "--items", &items.to_string()].map(String::from);
        let start = clock::process_cpu();
        generate(&Args::parse(typed, &OPTIONS)?)?;
        let cpu = (clock::process_cpu() - start).as_secs_f64();
        println!("{{\"kind\": \"{kind}\", \"items\": {items}, \"cpu_s\": {cpu:.3}}}");
    }
    Ok(())
}

fn generate(args: &Args) -> Result<(), Box<dyn Error>> {
    let [name, base, queries] = args.exactly()?;
    let bits = args.option("bits", 128)?;
    if !aesearch_index::BITS.contains(&bits) {
        return Err(format!("--bits: expected {:?}, got {bits}", aesearch_index::BITS).into());
    }
    let generator = Generator::named(name, bits, args.option("seed", 1)?)
        .ok_or_else(|| format!("{name}: there are no such codes"))?;
    for (path, part, n) in [
        (base, Part::Base, args.option("items", 1_000_000)?),
        (queries, Part::Queries, args.option("queries", 2000)?),
    ] {
        let create = || -> std::io::Result<()> {
            let mut out = BufWriter::new(File::create(path)?);
            generator.for_each(part, n, |codes| {
                codes.iter().try_for_each(|word| out.write_all(&word.to_le_bytes()))
            })?;
            out.flush()
        };
        create().map_err(|error| format!("{path}: cannot write: {error}"))?;
    }
    Ok(())
}
