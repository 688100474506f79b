//! Writes made-up codes to files, for benchmarks: the codes to be searched, and others of the same kind to search with.
//!
//! ```text
//! cargo run --release -p aesearch-index --example generate -- clustered base.u64 queries.u64 --bits 128 --items 1000000
//! ```
//!
//! The files are `[n, words]` u64, little-endian, without a header; `common/generator.rs` says what the codes look like.

mod common;

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

use common::args::Args;
use common::generator::{Generator, Part};

const USAGE: &str = "usage: generate clustered|latent BASE QUERIES \
    [--bits 128] [--items 1000000] [--queries 2000] [--seed 1]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let args = Args::parse(std::env::args().skip(1), &["bits", "items", "queries", "seed"])?;
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
