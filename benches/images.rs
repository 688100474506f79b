//! Pixels: decode and resize of one image by format, and the walk over a folder of 1,000 files.

use std::hint::black_box;

use aesearch::images::{
    InputShape, Limits, Pixels, Resizer, WalkOptions, decode, encode_jpeg, encode_png, walk,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SHAPE: InputShape = InputShape { channels: 3, height: 32, width: 32 };
const FILES: usize = 1000;

/// Waves of several lengths in colour: smooth as a photograph, but not flat.
fn picture(width: usize, height: usize) -> Pixels {
    let wave = |x: usize, y: usize, c: usize| {
        let (x, y) = (x as f32 / 37.0, y as f32 / 53.0);
        127.5 + 90.0 * (x + c as f32).sin() * y.cos() + 30.0 * (7.0 * x + 3.0 * y).sin()
    };
    let values = (0..width * height * 3).map(|i| wave(i / 3 % width, i / 3 / width, i % 3) as u8);
    Pixels { width, height, channels: 3, data: values.collect() }
}

fn decode_and_resize(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode and resize");
    let mut resizer = Resizer::new();
    let mut input = vec![0.0; SHAPE.size()];
    for (width, height) in [(32, 32), (1024, 768)] {
        let pixels = picture(width, height);
        let jpeg = encode_jpeg(&pixels, 85).expect("a JPEG file");
        let png = encode_png(&pixels).expect("a PNG file");
        group.throughput(Throughput::Elements((width * height) as u64));
        for (format, bytes) in [("jpeg", jpeg), ("png", png)] {
            group.bench_function(format!("{format} {width}x{height}"), |b| {
                b.iter(|| {
                    let pixels = decode(black_box(&bytes), &Limits::default()).expect("decodes");
                    resizer.to_input(&pixels, SHAPE, &mut input).expect("fits");
                })
            });
        }
    }
}

fn walk_a_folder(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let png = encode_png(&picture(8, 8)).expect("a PNG file");
    for n in 0..FILES {
        let inner = folder.path().join((n % 10).to_string());
        std::fs::create_dir_all(&inner).expect("a folder");
        std::fs::write(inner.join(format!("{n}.png")), &png).expect("a file");
    }
    let roots = [folder.path().to_path_buf()];
    let mut group = c.benchmark_group("walk");
    group.throughput(Throughput::Elements(FILES as u64));
    group.bench_function("1,000 files in 10 folders", |b| {
        b.iter(|| {
            let walked = walk(black_box(&roots), &WalkOptions::default()).expect("can be read");
            assert_eq!(walked.items.len(), FILES);
        })
    });
}

criterion_group!(benches, decode_and_resize, walk_a_folder);
criterion_main!(benches);
