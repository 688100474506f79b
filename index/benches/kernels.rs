//! The kernels, with every instruction set of this processor: single distances, the nearest code, the ten
//! nearest of one query and of many, all pairs, and re-ranking by latents.

mod common;

use std::hint::black_box;

use aesearch_index::{
    Isa, Item, Mode, Search, SegmentBuilder, Settings, Snapshot, Writer, distance, nearest, pairs_within,
    use_isa, words,
};
use common::generator::{Generator, Part};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Few enough codes for the L2 cache, so that the kernel is measured and not the memory.
const CODES: usize = 4096;
const QUERIES: usize = 128;
const LATENT: usize = 64;

fn codes_of(bits: usize) -> (Vec<u64>, Vec<u64>) {
    let generator = Generator::named("clustered", bits, 1).expect("there are such codes");
    (generator.codes(Part::Base, CODES), generator.codes(Part::Queries, QUERIES))
}

/// Runs `bench` with each instruction set in use.
fn by_isa(
    criterion: &mut Criterion,
    name: &str,
    codes: usize,
    mut bench: impl FnMut(&mut criterion::Bencher<'_>),
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(codes as u64));
    for isa in Isa::available() {
        use_isa(isa);
        group.bench_function(BenchmarkId::from_parameter(isa.name()), &mut bench);
    }
    group.finish();
}

fn scans(criterion: &mut Criterion) {
    for bits in [64, 128, 192, 256] {
        let (codes, queries) = codes_of(bits);
        let query = &queries[..words(bits)];
        by_isa(criterion, &format!("distance/{bits}"), CODES, |bencher| {
            let sum = || codes.chunks_exact(words(bits)).map(|code| distance(code, query)).sum::<u32>();
            bencher.iter(|| black_box(sum()));
        });
        by_isa(criterion, &format!("nearest/{bits}"), CODES, |bencher| {
            bencher.iter(|| black_box(nearest(&codes, query)));
        });
    }
}

fn searches(criterion: &mut Criterion) {
    let bits = 128;
    let (codes, queries) = codes_of(bits);
    let query = &queries[..words(bits)];
    let dir = tempfile::tempdir().expect("a folder");
    let snapshot = index_of(&codes, bits, dir.path()).expect("an index");
    let ten = Search { mode: Mode::Exact, ..Search::default() };
    by_isa(criterion, "top_10", CODES, |bencher| {
        bencher.iter(|| black_box(snapshot.search(query, &ten)));
    });
    by_isa(criterion, "top_10_of_128_queries", CODES * QUERIES, |bencher| {
        bencher.iter(|| black_box(snapshot.search_many(&queries, &ten)));
    });
    by_isa(criterion, "pairs_within_6", CODES * CODES / 2, |bencher| {
        bencher.iter(|| {
            pairs_within(&codes, bits, 6, &|pairs| {
                black_box(pairs.len());
            })
        });
    });
    let hits = snapshot.search(query, &Search { k: 1000, ..ten.clone() }).expect("hits");
    let latent = [0.5; LATENT];
    by_isa(criterion, "rerank_1000", hits.len(), |bencher| {
        bencher.iter(|| black_box(snapshot.rerank(&latent, &hits, 10, 0.0)));
    });
}

fn index_of(codes: &[u64], bits: usize, dir: &std::path::Path) -> aesearch_index::Result<Snapshot> {
    let mut builder = SegmentBuilder::new(&Settings { bits, latent_size: LATENT, ..Settings::default() })?;
    for (i, code) in codes.chunks_exact(words(bits)).enumerate() {
        let latent: Vec<f32> = (0..LATENT).map(|j| ((i * 31 + j * 17) % 101) as f32 / 50.0 - 1.0).collect();
        builder.push(Item { code, latent: &latent, ..Item::default() })?;
    }
    Writer::lock(dir)?.commit(builder, &[])?;
    Snapshot::open(dir)
}

criterion_group!(benches, scans, searches);
criterion_main!(benches);
