//! The 2,000 digits of `aesearch demo`: a query from file to hits, and the search for duplicates, where
//! almost all time goes into laying images on one another (what it keeps of each image is there after the
//! first scan).

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use aesearch::dedupe::{self, Decisions, ScanOptions};
use aesearch::gallery::{FOLDER, Gallery, OpenOptions, QueryOptions};
use aesearch::images::{Limits, WalkOptions, load, walk};
use aesearch::runtime::RuntimeOptions;
use criterion::{Criterion, criterion_group, criterion_main};

fn demo(folder: &Path) {
    let done = Command::new(env!("CARGO_BIN_EXE_aesearch"))
        .args(["demo", "--quiet"])
        .current_dir(folder)
        .output()
        .expect("starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn collection(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    demo(folder.path());
    let index = folder.path().join(FOLDER);
    let runtime = RuntimeOptions::from_env();

    let gallery = Gallery::open(&index, &OpenOptions::new(runtime), &()).expect("opens");
    let options = QueryOptions::default();
    let found = walk(&[folder.path().join("7.png")], &WalkOptions::default()).expect("can be read");
    let seven = &found.items[0];
    let mut group = c.benchmark_group("query");
    group.bench_function("from file to hits", |b| {
        b.iter(|| gallery.query(black_box(seven), &options).expect("hits"))
    });
    let pixels = load(seven, &Limits::default()).expect("decodes").pixels;
    let (latent, _) = gallery.latent(&pixels).expect("encodes");
    group.bench_function("encode", |b| b.iter(|| gallery.latent(black_box(&pixels)).expect("encodes")));
    group.bench_function("search and re-rank", |b| {
        b.iter(|| gallery.search(black_box(&latent), &options).expect("hits"))
    });
    group.finish();

    let mut group = c.benchmark_group("dedupe");
    group.sample_size(10).bench_function("scan", |b| {
        b.iter(|| {
            let (options, decisions) = (ScanOptions::default(), Decisions::default());
            dedupe::scan(black_box(&index), &[], &options, &decisions, &()).expect("is compared")
        })
    });
}

criterion_group!(benches, collection);
criterion_main!(benches);
