//! Large PNG and TIFF files decoded smaller than they are: the mean of squares of what a whole decode gives.

use aesearch::images::{Decoding, Item, Limits, Needed, Pixels, read};
use image::{DynamicImage, ImageFormat};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::fixtures::{RawPng, RawTiff, Value, encode};
use crate::scenes::{groups, place_of, scan};

/// Chunks of a PNG file by their names; tags of a TIFF file by their numbers.
type Parts<'a> = &'a [(&'a [u8; 4], &'a [u8])];
type Tags<'a> = &'a [(u16, &'a [u16])];

fn decoded(file: &[u8], needed: Needed) -> Result<Pixels, String> {
    let how = Decoding { needed, ..Decoding::default() };
    read(&Item::from_bytes("a", file.to_vec()), &how.limits)?.decode(&how)
}

/// So many bytes, most of them near their neighbours; they recur, but at no row.
fn noise(rng: &mut ChaCha8Rng, bytes: usize) -> Vec<u8> {
    let mut level = 0_u8;
    let step = |_| {
        level = level.wrapping_add(rng.random_range(0..9)).wrapping_sub(4);
        level
    };
    let block: Vec<u8> = (0..8191).map(step).collect();
    block.into_iter().cycle().take(bytes).collect()
}

/// Checks a file against the means of squares of `side` pixels.
fn assert_shrunk(name: &str, file: &[u8], side: usize) {
    let whole = decoded(file, Needed::Whole).expect(name);
    let (width, height) = (whole.width.div_ceil(side), whole.height.div_ceil(side));
    // at this size, and not at half of it
    let needed = Needed::Stretched { width: whole.width / side * 2 / 3, height: whole.height / side * 2 / 3 };
    let found = decoded(file, needed).expect(name);
    assert_eq!((found.width, found.height, found.channels), (width, height, whole.channels), "{name}");
    for (at, &value) in found.data.iter().enumerate() {
        let (channel, pixel) = (at % whole.channels, at / whole.channels);
        let (left, top) = (pixel % width * side, pixel / width * side);
        let (right, bottom) = (whole.width.min(left + side), whole.height.min(top + side));
        let mut sum = 0.0;
        for y in top..bottom {
            for x in left..right {
                sum += f64::from(whole.data[(y * whole.width + x) * whole.channels + channel]);
            }
        }
        let mean = sum / ((right - left) * (bottom - top)) as f64;
        assert!((f64::from(value) - mean).abs() <= 1.0, "{name}: {value} at {at}, expected {mean}");
    }
}

/// Bytes of a row of so many samples of so many bits.
fn row_bytes(samples: usize, bits: usize) -> usize {
    (samples * bits).div_ceil(8)
}

#[test]
fn large_png_files_become_means_of_squares() {
    let mut rng = ChaCha8Rng::seed_from_u64(19);
    let palette = noise(&mut rng, 256 * 3);
    let alphas = noise(&mut rng, 256);
    // orientation 6, a quarter turn to the right
    let turned = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let kinds: [(&str, [u8; 2], [u32; 2], Parts); 11] = [
        ("grey", [8, 0], [2101, 2050], &[]),
        ("grey of 1 bit", [1, 0], [2101, 2050], &[]),
        ("grey of 16 bits", [16, 0], [2101, 2050], &[]),
        ("grey and alpha", [8, 4], [1501, 1402], &[]),
        ("RGB", [8, 2], [1311, 1090], &[]),
        ("RGB, turned", [8, 2], [1320, 1096], &[(b"eXIf", turned)]),
        ("RGB of 16 bits", [16, 2], [1311, 1090], &[]),
        ("palette", [8, 3], [1311, 1090], &[(b"PLTE", &palette)]),
        ("palette with alpha", [4, 3], [1201, 903], &[(b"PLTE", &palette[..48]), (b"tRNS", &alphas[..9])]),
        ("RGBA", [8, 6], [1201, 903], &[]),
        ("RGBA of 16 bits", [16, 6], [1201, 903], &[]),
    ];
    for ((name, depth_and_colour, [width, height], chunks), side) in
        kinds.into_iter().zip([2, 4, 8].repeat(4))
    {
        let samples = [1, 0, 3, 1, 2, 0, 4][usize::from(depth_and_colour[1])] * width as usize;
        let row = 1 + row_bytes(samples, depth_and_colour[0].into());
        let mut rows = noise(&mut rng, row * height as usize);
        rows.iter_mut().step_by(row).for_each(|filter| *filter %= 5);
        let file = RawPng { width, height, depth_and_colour, chunks, rows: &rows }.bytes();
        assert_shrunk(name, &file, side);
    }
}

/// Cuts samples of whole bytes, [H, W, size], into strips or tiles; tiles are filled up with 77.
fn cut(pixels: &[u8], [width, height]: [usize; 2], size: usize, [columns, rows]: [usize; 2]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    for top in (0..height).step_by(rows) {
        for left in (0..width).step_by(columns) {
            let (right, is_tile) = (width.min(left + columns), columns < width);
            let mut chunk = Vec::new();
            for y in top..height.min(top + rows) {
                chunk.extend(&pixels[(y * width + left) * size..(y * width + right) * size]);
                chunk.resize(chunk.len() + (left + columns - right) * size, 77);
            }
            chunk.resize(if is_tile { columns * rows * size } else { chunk.len() }, 77);
            chunks.push(chunk);
        }
    }
    chunks
}

fn tiff(
    sides: [usize; 2],
    samples_and_bits: [u16; 2],
    tags: &[(u16, &[u16])],
    chunks: Vec<Vec<u8>>,
) -> RawTiff {
    let is_tiled = tags.iter().any(|(tag, _)| *tag == 322);
    let mut file = RawTiff::new(sides.map(|side| side as u32), samples_and_bits, &[]);
    file.tags.extend(tags.iter().map(|(tag, values)| (*tag, Value::Shorts(values.to_vec()))));
    RawTiff { chunks, is_tiled, ..file }
}

fn deflated(chunks: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let packed = |bytes: Vec<u8>| {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, &bytes).expect("to memory");
        packed.finish().expect("to memory")
    };
    chunks.into_iter().map(packed).collect()
}

/// Strips of RGB with so many columns as JPEG files.
fn as_jpeg(chunks: Vec<Vec<u8>>, columns: u32) -> Vec<Vec<u8>> {
    let packed = |bytes: Vec<u8>| {
        let rows = bytes.len() as u32 / 3 / columns;
        let strip = image::RgbImage::from_raw(columns, rows, bytes).expect("fits");
        encode(&DynamicImage::ImageRgb8(strip), ImageFormat::Jpeg)
    };
    chunks.into_iter().map(packed).collect()
}

/// RGB in one strip, strips, tiles and planes, by their names.
fn files_of_rgb(rng: &mut ChaCha8Rng) -> Vec<(&'static str, RawTiff)> {
    let sides = [1311, 1090];
    let [width, height] = sides;
    let pixels = noise(rng, width * height * 3);
    let plane = |channel: usize| pixels[channel..].iter().step_by(3).copied().collect::<Vec<u8>>();
    let planes = |chunk| (0..3).flat_map(|c| cut(&plane(c), sides, 1, chunk)).collect::<Vec<_>>();
    let pieces = |chunk| cut(&pixels, sides, 3, chunk);
    let tiles: [(u16, &[u16]); 2] = [(322, &[208]), (323, &[96])];
    let reversed = |chunks: Vec<Vec<u8>>| {
        let reversed = |chunk: Vec<u8>| chunk.into_iter().map(u8::reverse_bits).collect();
        chunks.into_iter().map(reversed).collect::<Vec<_>>()
    };
    vec![
        ("one strip, deflated", tiff(sides, [3, 8], &[(262, &[2]), (259, &[8])], deflated(pieces(sides)))),
        (
            "bits in reverse",
            tiff(
                sides,
                [3, 8],
                &[(262, &[2]), (259, &[8]), (266, &[2]), (278, &[40])],
                reversed(deflated(pieces([width, 40]))),
            ),
        ),
        (
            "JPEG strips",
            tiff(
                sides,
                [3, 8],
                &[(262, &[6]), (259, &[7]), (530, &[1, 1]), (278, &[48])],
                as_jpeg(pieces([width, 48]), width as u32),
            ),
        ),
        ("one strip", tiff(sides, [3, 8], &[(262, &[2])], pieces(sides))),
        (
            "strips",
            tiff(sides, [3, 8], &[(262, &[2]), (259, &[8]), (278, &[13])], deflated(pieces([width, 13]))),
        ),
        ("tiles", tiff(sides, [3, 8], &[&[(262, &[2][..])], &tiles[..]].concat(), pieces([208, 96]))),
        ("planes", tiff(sides, [3, 8], &[(262, &[2]), (284, &[2]), (278, &[101])], planes([width, 101]))),
        (
            "planes of tiles",
            tiff(sides, [3, 8], &[&[(262, &[2][..]), (284, &[2])], &tiles[..]].concat(), planes([208, 96])),
        ),
    ]
}

#[test]
fn large_tiff_files_become_means_of_squares() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    for ((name, file), side) in files_of_rgb(&mut rng).into_iter().zip([4, 8, 2].repeat(3)) {
        assert_shrunk(name, &file.bytes(), side);
    }
    let table: Vec<u16> = noise(&mut rng, 768).into_iter().map(|value| u16::from(value) << 8 | 1).collect();
    let kinds: [(&str, [usize; 2], [u16; 2], Tags); 10] = [
        ("grey of 16 bits", [2103, 2001], [1, 16], &[(262, &[1])]),
        ("white is 0, of 1 bit", [2103, 2001], [1, 1], &[(262, &[0])]),
        ("white is 0, of 12 bits", [2103, 2001], [1, 12], &[(262, &[0])]),
        ("RGB of 16 bits", [1311, 1090], [3, 16], &[(262, &[2])]),
        ("palette", [1311, 1090], [1, 8], &[(262, &[3]), (320, &table)]),
        ("CMYK", [1203, 901], [4, 8], &[(262, &[5])]),
        ("LAB", [1311, 1090], [3, 8], &[(262, &[8])]),
        ("RGBA, multiplied", [1203, 901], [4, 8], &[(262, &[2]), (338, &[1])]),
        ("grey and alpha of 16 bits", [1503, 1401], [2, 16], &[(262, &[1]), (338, &[2])]),
        ("YCbCr", [1312, 1090], [3, 8], &[(262, &[6]), (530, &[2, 2])]),
    ];
    for ((name, sides, [samples, bits], tags), side) in kinds.into_iter().zip([2, 4, 8].repeat(4)) {
        let is_split = name == "YCbCr";
        let row =
            if is_split { sides[0] * 3 / 2 } else { row_bytes(sides[0] * usize::from(samples), bits.into()) };
        let pixels = noise(&mut rng, row * sides[1]);
        // in strips, or in one
        let rows = if is_split { 2 * rng.random_range(1..90) } else { rng.random_range(1..90) };
        let [several, one] = [rows, sides[1]].map(|rows| {
            let strips = pixels.chunks(row * rows).map(<[u8]>::to_vec).collect();
            let tags: Vec<(u16, &[u16])> = tags.to_vec();
            let strip = [rows as u16];
            let tags = [tags, vec![(278, &strip[..])]].concat();
            tiff(sides, [samples, bits], &tags, strips).bytes()
        });
        assert_shrunk(name, &several, side);
        let needed = Needed::Fitted { side: 99 };
        assert_eq!(decoded(&several, needed), decoded(&one, needed), "{name}");
    }
}

#[test]
fn damage_has_the_same_reason_at_any_size() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    let pixels = image::RgbImage::from_raw(1311, 1090, noise(&mut rng, 1311 * 1090 * 3)).expect("fits");
    let mut files: Vec<(&str, Vec<u8>)> =
        files_of_rgb(&mut rng).into_iter().map(|(name, file)| (name, file.bytes())).collect();
    files.push(("png", encode(&DynamicImage::ImageRgb8(pixels), ImageFormat::Png)));
    let mut reasons = std::collections::BTreeSet::new();
    for (name, file) in files {
        for case in 0..6 {
            let mut damaged = file.clone();
            let at = rng.random_range(file.len() / 9..file.len() - 40);
            match case % 2 {
                0 => damaged.truncate(at),
                _ => damaged[at..at + 30].fill(0xff),
            }
            let [whole, small] =
                [Needed::Whole, Needed::Fitted { side: 60 }].map(|needed| decoded(&damaged, needed));
            assert_eq!(small.is_ok(), whole.is_ok(), "{name}: {small:?}");
            if let (Err(small), Err(whole)) = (small, whole) {
                assert_eq!(small, whole, "{name}");
                reasons.insert(small.chars().filter(|c| !c.is_ascii_digit()).collect::<String>());
            }
        }
    }
    assert!(reasons.len() >= 4, "{reasons:?}");
}

#[test]
fn less_memory_is_enough_for_a_smaller_picture() {
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    let pixels =
        image::RgbImage::from_raw(1600, 1600, noise(&mut rng, 1600 * 1600 * 3)).expect("fits").into();
    let limits = Limits { max_decoded_bytes: 2 << 20, ..Limits::default() };
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let file = encode(&pixels, format);
        let budget = aesearch::images::MemoryBudget::new(3 << 20);
        let decoded = |needed| {
            let how = Decoding { limits, needed, budget: budget.clone(), ..Decoding::default() };
            read(&Item::from_bytes("a", file.clone()), &limits)?.decode(&how)
        };
        let small = decoded(Needed::Fitted { side: 130 }).expect("fits");
        assert_eq!((small.width, small.height), (200, 200), "{format:?}");
        assert!(decoded(Needed::Whole).unwrap_err().contains("too large"), "{format:?}");
    }
}

/// Those of PNG and TIFF are read twice: smaller, and whole where they may be the same.
#[test]
fn large_pictures_are_the_same_by_all_their_pixels() {
    let file = |format, changed: u8, hidden: u32| {
        let pixel = |x: u32, y: u32| {
            let alpha = if x / 100 % 4 == hidden { 0 } else { 255 };
            match y / 50 % 2 {
                0 => image::Rgba([255, 255, 255, alpha]),
                _ => image::Rgba([40, (x / 8) as u8, (y / 8) as u8, 255]),
            }
        };
        let mut image = image::RgbaImage::from_fn(1200, 900, pixel);
        image.put_pixel(700, 60, image::Rgba([changed, 50, 50, 255]));
        encode(&DynamicImage::ImageRgba8(image), format)
    };
    let place = place_of(&[
        ("p/1.png", file(ImageFormat::Png, 50, 0)),
        ("p/1.tiff", file(ImageFormat::Tiff, 50, 0)),
        ("p/a pixel.png", file(ImageFormat::Png, 51, 0)),
        ("p/transparency.png", file(ImageFormat::Png, 50, 1)),
    ]);
    let found = groups(&scan(&place, &["p"]));
    let same: Vec<&String> = found.iter().filter(|group| group.starts_with("pixels")).collect();
    assert!(same.len() == 1 && same[0].contains("1.png") && same[0].contains("1.tiff"), "{found:?}");
    assert!(!same[0].contains("a pixel") && !same[0].contains("transparency"), "{found:?}");
}
