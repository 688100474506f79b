//! TIFF files of every kind, written by hand: each becomes the pixels that its samples mean.

use std::io::Write as _;

use aesearch::images::{Limits, Pixels, decode, encode_jpeg};

use crate::fixtures::{RawTiff, Value, encode, picture};

fn decoded(file: RawTiff) -> Pixels {
    decode(&file.bytes(), &Limits::default()).expect("decodes")
}

fn reason(file: RawTiff) -> String {
    decode(&file.bytes(), &Limits::default()).expect_err("is refused")
}

/// Grey, so many columns and rows.
fn grey(sides: [u32; 2], bits: u16, strip: &[u8]) -> RawTiff {
    RawTiff::new(sides, [1, bits], strip).with(262, &[1])
}

fn rgb(sides: [u32; 2], bits: u16, strip: &[u8]) -> RawTiff {
    RawTiff::new(sides, [3, bits], strip).with(262, &[2])
}

fn big_endian(file: RawTiff) -> RawTiff {
    RawTiff { is_big_endian: true, ..file }
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("to memory");
    packed.finish().expect("to memory")
}

#[test]
fn whole_numbers_of_any_depth_are_scaled() {
    assert_eq!(
        decoded(grey([9, 2], 1, &[0b1010_0000, 0x80, 0, 0])).data[..10],
        [255, 0, 255, 0, 0, 0, 0, 0, 255, 0]
    );
    assert_eq!(decoded(grey([3, 1], 2, &[0b00_01_11_00])).data, [0, 85, 255]);
    assert_eq!(decoded(grey([3, 1], 4, &[0x0f, 0x30])).data, [0, 255, 51]);
    assert_eq!(decoded(grey([2, 2], 6, &[0b1111_1101, 0b0101_0000, 0, 0])).data, [255, 85, 0, 0]);
    assert_eq!(decoded(grey([2, 1], 12, &[0xff, 0xf8, 0x00])).data, [255, 128]);
    assert_eq!(decoded(grey([3, 1], 16, &[0, 0, 129, 0, 255, 255])).data, [0, 1, 255]);
    assert_eq!(decoded(big_endian(grey([3, 1], 16, &[0, 0, 0, 129, 255, 255]))).data, [0, 1, 255]);
    assert_eq!(decoded(rgb([1, 1], 12, &[0xff, 0xf0, 0x00, 0x80, 0x00])).data, [255, 0, 128]);
    let inverted = RawTiff::new([2, 1], [1, 8], &[0, 200]).with(262, &[0]);
    assert_eq!(decoded(inverted).data, [255, 55], "0 is white");
    let reversed = grey([8, 1], 1, &[0b0000_0101]).with(266, &[2]);
    assert_eq!(decoded(reversed).data, [255, 0, 255, 0, 0, 0, 0, 0], "the lowest bit first");
}

#[test]
fn measurements_lie_between_their_least_and_largest() {
    let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let float = |sides, bits, strip: &[u8]| decoded(grey(sides, bits, strip).with(339, &[3])).data;
    assert_eq!(float([3, 1], 32, &floats(&[0.0, 0.5, 1.0])), [0, 128, 255], "as they are");
    assert_eq!(float([2, 1], 32, &floats(&[0.25, 0.5])), [64, 128], "as they are");
    assert_eq!(float([4, 1], 32, &floats(&[-100.0, 0.0, 100.0, f32::NAN])), [0, 128, 255, 0]);
    assert_eq!(float([2, 1], 32, &floats(&[f32::NAN, f32::INFINITY])), [0, 255]);
    assert_eq!(float([2, 1], 16, &[0, 0x38, 0, 0x3c]), [128, 255]);
    assert_eq!(float([2, 1], 64, &[0.5_f64.to_le_bytes(), 1e300_f64.to_le_bytes()].concat()), [128, 255]);
    let colours = rgb([1, 1], 32, &floats(&[-1.0, 0.5, 7.0])).with(339, &[3]);
    assert_eq!(decoded(colours).data, [0, 128, 255], "colours in floats are cut");

    let signed = |bits, strip: &[u8]| decoded(grey([3, 1], bits, strip).with(339, &[2])).data;
    assert_eq!(signed(8, &[0x80, 0, 0x7f]), [0, 128, 255]);
    assert_eq!(signed(16, &[0xf6, 0xff, 0, 0, 10, 0]), [0, 128, 255], "-10, 0, 10");
    let long: Vec<u8> = [7_u32, 8, 9].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(decoded(grey([3, 1], 32, &long)).data, [0, 128, 255]);
    assert_eq!(decoded(grey([3, 1], 24, &[0, 0, 0, 1, 0, 0, 2, 0, 0])).data, [0, 128, 255]);
}

#[test]
fn palettes_are_looked_up() {
    for bits in [1, 2, 4, 8_u16] {
        let count = 1 << bits;
        let mut table = vec![0_u16; 3 * count];
        [table[1], table[count + 1], table[2 * count + 1]] = [0xffff, 0x1234, 0x0100];
        let strip = [1 << (8 - bits), 0];
        let file = RawTiff::new([2, 1], [1, bits], &strip[..if bits == 8 { 2 } else { 1 }]);
        let pixels = decoded(file.with(262, &[3]).with(320, &table));
        assert_eq!(pixels.data, [255, 0x12, 1, 0, 0, 0], "{bits}");
    }
    let narrow = RawTiff::new([2, 1], [1, 1], &[0x40]).with(262, &[3]).with(320, &[9, 200, 8, 100, 7, 50]);
    assert_eq!(decoded(narrow).data, [9, 8, 7, 200, 100, 50], "8 bits in 16");
    let missing = RawTiff::new([2, 1], [1, 1], &[0x40]).with(262, &[3]);
    assert_eq!(reason(missing), "tiff: damaged: the palette is missing or cut short");
}

#[test]
fn alpha_is_told_from_other_samples() {
    let samples = |kinds: &[u16], strip: &[u8]| {
        let count = strip.len() as u16 / 2;
        let meaning = if count > 2 { 2 } else { 1 };
        decoded(RawTiff::new([2, 1], [count, 8], strip).with(262, &[meaning]).with(338, kinds)).data
    };
    assert_eq!(samples(&[2], &[0, 128, 9, 0]), [127, 255], "grey over white");
    assert_eq!(samples(&[0], &[0, 128, 9, 0]), [0, 9], "something else");
    assert_eq!(samples(&[2], &[200, 100, 50, 128, 9, 9, 9, 0]), [227, 177, 152, 255, 255, 255]);
    assert_eq!(samples(&[1], &[100, 50, 25, 128, 0, 0, 0, 0]), [227, 177, 152, 255, 255, 255], "associated");
    assert_eq!(samples(&[0], &[200, 100, 50, 128, 9, 9, 9, 0]), [200, 100, 50, 9, 9, 9]);
    assert_eq!(samples(&[0, 2], &[200, 100, 50, 7, 255, 9, 9, 9, 7, 0]), [200, 100, 50, 255, 255, 255]);
    let untold = RawTiff::new([1, 1], [4, 8], &[0, 0, 0, 128]).with(262, &[2]);
    assert_eq!(decoded(untold).data, [127, 127, 127], "a fourth sample without a word");
}

#[test]
fn colours_become_rgb() {
    let cmyk = RawTiff::new([2, 1], [4, 8], &[255, 0, 0, 51, 0, 0, 0, 0]).with(262, &[5]);
    assert_eq!(decoded(cmyk).data, [0, 204, 204, 255, 255, 255]);
    let ycbcr = RawTiff::new([1, 1], [3, 8], &[76, 85, 255]).with(262, &[6]).with(530, &[1, 1]);
    assert_eq!(decoded(ycbcr).data, [254, 0, 0]);
    // two by two of luma to one chroma; the last column and row are filled up
    let units =
        [10, 20, 30, 40, 128, 128, 50, 0, 60, 0, 128, 128, 70, 80, 0, 0, 128, 128, 90, 0, 0, 0, 128, 128];
    let halved = RawTiff::new([3, 3], [3, 8], &units).with(262, &[6]);
    let expected = [10, 20, 50, 30, 40, 60, 70, 80, 90].map(|grey| [grey; 3]);
    assert_eq!(decoded(halved).data, expected.concat());
    for (meaning, flip) in [(8, 0), (9, 128)] {
        let lab = RawTiff::new([2, 1], [3, 8], &[255, flip, flip, 136, 81 ^ flip, 70 ^ flip]);
        let data = decoded(lab.with(262, &[meaning])).data;
        assert!(data[..3] == [255; 3] && data[3] > 250 && data[4] < 12 && data[5] < 12, "{data:?}");
    }
}

#[test]
fn planes_tiles_and_strips_are_put_together() {
    let whole = picture(20, 18, 3);
    let expected = decoded(rgb([20, 18], 8, &whole.data));
    assert_eq!(expected, whole);

    let mut planes = rgb([20, 18], 8, &[]).with(284, &[2]).with(278, &[5]);
    planes.chunks.clear();
    for channel in 0..3 {
        let plane: Vec<u8> = whole.data.iter().skip(channel).step_by(3).copied().collect();
        planes.chunks.extend(plane.chunks(20 * 5).map(<[u8]>::to_vec));
    }
    assert_eq!(decoded(planes.clone()), whole);
    assert_eq!(decoded(big_endian(planes.clone())), whole);
    assert_eq!(decoded(RawTiff { is_large: true, ..planes.clone() }), whole, "BigTIFF");
    assert_eq!(decoded(RawTiff { is_large: true, ..big_endian(planes) }), whole, "BigTIFF");

    let mut tiles = rgb([20, 18], 8, &[]).with(322, &[16]).with(323, &[16]);
    tiles.is_tiled = true;
    tiles.chunks.clear();
    for (left, top) in [(0, 0), (16, 0), (0, 16), (16, 16)] {
        let mut tile = vec![77; 16 * 16 * 3];
        for y in top..18.min(top + 16) {
            for x in left..20.min(left + 16) {
                let pixel = &whole.data[(y * 20 + x) * 3..][..3];
                tile[((y - top) * 16 + x - left) * 3..][..3].copy_from_slice(pixel);
            }
        }
        tiles.chunks.push(tile);
    }
    assert_eq!(decoded(tiles), whole);
}

#[test]
fn compressed_strips_are_unpacked() {
    let whole = picture(30, 20, 3);
    let file = |kind: u16, strip: Vec<u8>| rgb([30, 20], 8, &strip).with(259, &[kind]);
    let lzw = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&whole.data);
    let runs: Vec<u8> = whole.data.chunks(100).flat_map(|run| [&[99], run].concat()).collect();
    for (kind, strip) in [
        (5, lzw.expect("to memory")),
        (8, zlib(&whole.data)),
        (32_946, zlib(&whole.data)),
        (32_773, runs),
        (50_000, zstd::encode_all(&whole.data[..], 1).expect("to memory")),
    ] {
        assert_eq!(decoded(file(kind, strip.clone())), whole, "{kind}");
        let cut = file(kind, strip[..strip.len() / 2].to_vec());
        assert_eq!(reason(cut), "tiff: strip 1 of 1: its bytes end before its pixels (truncated)", "{kind}");
    }
    // a row of differences
    let differences = |width: usize, samples: usize, row: &[u8]| -> Vec<u8> {
        let left = |i: usize| if i % (width * samples) < samples { 0 } else { row[i - samples] };
        (0..row.len()).map(|i| row[i].wrapping_sub(left(i))).collect()
    };
    let packed = zlib(&differences(30, 3, &whole.data));
    assert_eq!(decoded(file(8, packed).with(317, &[2])), whole);
    let deep = grey([3, 1], 16, &zlib(&[0, 255, 0, 1, 0xff, 0xff])).with(259, &[8]).with(317, &[2]);
    assert_eq!(decoded(big_endian(deep)).data, [1, 1, 1], "255, 256, 255");
    // 0.5 and 1.0: the high bytes of both, then the next ones, as differences
    let float = zlib(&[0x3f, 0, 0xc1, 0x80, 0x80, 0, 0, 0]);
    let float = grey([2, 1], 32, &float).with(259, &[8]).with(339, &[3]).with(317, &[3]);
    assert_eq!(decoded(float).data, [128, 255]);
    // elsewhere the tag does not count
    assert_eq!(decoded(rgb([30, 20], 8, &whole.data).with(317, &[2])), whole);
    let runs = [[99].as_slice(), &whole.data[..100]].concat();
    let runs = grey([100, 1], 8, &runs).with(259, &[32_773]).with(317, &[2]);
    assert_eq!(decoded(runs).data, whole.data[..100]);
}

#[test]
fn faxes_are_read() {
    // 20x3, by libtiff, with white stored as black
    let strips: [(u16, u16, &[u8]); 5] = [
        (2, 0, b"5\xb8(5\xa8(\x18\x80"),
        (3, 0, b"\x00\x13[\x82\x80\t\xadA@\x04b"),
        (3, 1, b"\x00\x19\xad\xc1@\x05\x83\x80\x0cb"),
        (3, 4, b"\x00\x015\xb8(\x00\x015\xa8(\x00\x01\x18\x80"),
        (4, 0, b"&\xb1\xe0\xb88\x9a\x90\x00\x80\x08"),
    ];
    let row = |ink: std::ops::Range<usize>| (0..20).map(move |x| if ink.contains(&x) { 0 } else { 255 });
    let expected: Vec<u8> = row(3..9).chain(row(3..12)).chain(row(0..19)).collect();
    for (kind, options, strip) in strips {
        let file = grey([20, 3], 1, strip).with(259, &[kind]).with(292, &[options]);
        assert_eq!(decoded(file.clone()).data, expected, "{kind}, {options}");
        let cut = RawTiff { chunks: vec![strip[..2].to_vec()], ..file };
        assert!(reason(cut).starts_with("tiff: strip 1 of 1: "), "{kind}");
    }
}

#[test]
fn jpeg_strips_have_their_tables_elsewhere() {
    let whole = picture(32, 16, 1);
    let jpeg = encode_jpeg(&whole, 90).expect("encodes");
    let expected = decode(&jpeg, &Limits::default()).expect("decodes");
    let (mut tables, mut rest, mut at) = (b"\xff\xd8".to_vec(), b"\xff\xd8".to_vec(), 2);
    while jpeg[at + 1] != 0xda {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let is_table = matches!(jpeg[at + 1], 0xdb | 0xc4);
        if is_table { &mut tables } else { &mut rest }.extend(&jpeg[at..end]);
        at = end;
    }
    rest.extend(&jpeg[at..]);
    tables.extend(b"\xff\xd9");
    let mut file = grey([32, 16], 8, &rest).with(259, &[7]);
    assert!(reason(file.clone()).contains("JPEG: damaged: a scan without its"));
    file.tags.push((347, Value::Bytes(tables)));
    let pixels = decoded(file);
    let worst = pixels.data.iter().zip(&expected.data).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(2), "{worst:?}: of two decoders");
    let other = grey([32, 17], 8, &jpeg).with(259, &[7]);
    assert!(reason(other).contains("expected 32x17 of 1 samples, got 32x16 of 1"));
}

#[test]
fn jpeg_strips_are_whole_or_refused() {
    let jpeg = encode_jpeg(&picture(64, 48, 1), 90).expect("encodes");
    let file = |jpeg: &[u8]| grey([64, 48], 8, jpeg).with(259, &[7]);
    let pixels = decoded(file(&jpeg));
    assert_eq!(decoded(file(&jpeg[..jpeg.len() - 2])), pixels, "without the end marker");
    for end in [jpeg.len() / 2, jpeg.len() - 12] {
        assert!(reason(file(&jpeg[..end])).ends_with("JPEG: the file ends too early (truncated)"), "{end}");
    }
    // the file ends in the strip
    let bytes = file(&jpeg).bytes();
    let reason_of = |bytes: &[u8]| decode(bytes, &Limits::default()).expect_err("is refused");
    assert!(reason_of(&bytes[..bytes.len() - 12]).ends_with("truncated)"));
    let mut marked = jpeg.clone();
    let at = marked.len() - 20;
    marked[at..at + 2].copy_from_slice(&[0xff, 0xc0]);
    assert!(reason(file(&marked)).contains("JPEG: damaged: "));
}

#[test]
fn jpeg_strips_may_be_wide_but_not_larger_than_told() {
    let wide = picture(20_000, 8, 1);
    let jpeg = encode_jpeg(&wide, 90).expect("encodes");
    let pixels = decoded(grey([20_000, 8], 8, &jpeg).with(259, &[7]));
    assert!(pixels.data.iter().zip(&wide.data).all(|(a, b)| a.abs_diff(*b) < 20));
    let small = reason(grey([1, 1], 8, &jpeg).with(259, &[7]));
    assert!(small.contains("expected 1x1 of 1 samples, got 20000x8 of 1"), "{small}");
    let filled = encode_jpeg(&picture(32, 32, 1), 90).expect("encodes");
    assert_eq!(decoded(grey([30, 20], 8, &filled).with(259, &[7])).data.len(), 600, "up to whole MCUs");
}

#[test]
fn luma_and_chroma_in_jpeg_become_rgb_in_planes_too() {
    let whole = picture(32, 16, 3);
    let ycbcr = |&[r, g, b]: &[u8; 3]| {
        let [r, g, b] = [r, g, b].map(f32::from);
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        [luma, (b - luma) / 1.772 + 128.0, (r - luma) / 1.402 + 128.0].map(|value| value.round() as u8)
    };
    let stored: Vec<[u8; 3]> = whole.data.as_chunks::<3>().0.iter().map(ycbcr).collect();
    let mut planes = RawTiff::new([32, 16], [3, 8], &[]).with(259, &[7]).with(262, &[6]).with(284, &[2]);
    planes.chunks = (0..3)
        .map(|channel| {
            let data = stored.iter().map(|pixel| pixel[channel]).collect();
            encode_jpeg(&Pixels { width: 32, height: 16, channels: 1, data }, 100).expect("encodes")
        })
        .collect();
    let found = decoded(planes.with(530, &[1, 1]));
    let worst = found.data.iter().zip(&whole.data).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(6), "{worst:?}");
    // one strip of all three
    let jpeg = encode_jpeg(&whole, 100).expect("encodes");
    let strip = decoded(RawTiff::new([32, 16], [3, 8], &jpeg).with(259, &[7]).with(262, &[6]));
    let converted = decode(&jpeg, &Limits::default()).expect("decodes");
    let worst = strip.data.iter().zip(&converted.data).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(6), "{worst:?}: of two decoders");
}

#[test]
fn strips_without_lengths_end_where_the_next_one_begins() {
    let without_lengths = |file: RawTiff| {
        let mut bytes = file.bytes();
        let entries = usize::from(bytes[8]);
        let lengths =
            (0..entries).map(|i| 10 + 12 * i).find(|&at| bytes[at..at + 2] == 279_u16.to_le_bytes());
        bytes[lengths.expect("is there")..][..2].copy_from_slice(&280_u16.to_le_bytes());
        decode(&bytes, &Limits::default())
    };
    let mut file = grey([2, 4], 8, &[1, 2, 3, 4]).with(278, &[2]);
    file.chunks.push(vec![5, 6, 7, 8]);
    assert_eq!(without_lengths(file.clone()).expect("decodes").data, [1, 2, 3, 4, 5, 6, 7, 8]);
    file.chunks[0].pop();
    let reason = without_lengths(file).expect_err("is refused");
    assert_eq!(reason, "tiff: strip 1 of 2: its bytes end before its pixels (truncated)");
}

#[test]
fn tags_and_xmp_turn_the_image() {
    // 1 2
    // 3 4
    let turned = [
        [1, 2, 3, 4],
        [2, 1, 4, 3],
        [4, 3, 2, 1],
        [3, 4, 1, 2],
        [1, 3, 2, 4],
        [3, 1, 4, 2],
        [4, 2, 3, 1],
        [2, 4, 1, 3],
    ];
    for (orientation, expected) in (1..).zip(turned) {
        let file = grey([2, 2], 8, &[1, 2, 3, 4]);
        assert_eq!(decoded(file.clone().with(274, &[orientation])).data, expected, "{orientation}");
        let mut by_xmp = file;
        by_xmp.tags.push((700, Value::Bytes(format!("tiff:Orientation=\"{orientation}\"").into())));
        assert_eq!(decoded(by_xmp.clone()).data, expected, "{orientation}");
        assert_eq!(decoded(by_xmp.with(274, &[1])).data, [1, 2, 3, 4], "the tag goes first");
    }
}

#[test]
fn profiles_are_applied() {
    let mut file = rgb([1, 1], 8, &[200, 100, 50]);
    let profile = moxcms::ColorProfile::new_display_p3().encode().expect("encodes");
    file.tags.push((34_675, Value::Bytes(profile)));
    let data = decoded(file).data;
    let near = data.iter().zip([215, 93, 31]).all(|(a, b): (&u8, u8)| a.abs_diff(b) <= 2);
    assert!(near, "{data:?}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let one = || grey([1, 1], 8, &[0]);
    for (file, expected) in [
        (one().with(259, &[34_887]), "tiff: not supported: LERC compression; "),
        (one().with(259, &[34_712]), "tiff: not supported: JPEG 2000 compression; "),
        (one().with(259, &[6]), "tiff: not supported: old-style JPEG compression; "),
        (one().with(259, &[999]), "tiff: not supported: compression 999, "),
        (RawTiff::new([1, 1], [3, 16], &[0; 6]).with(262, &[32_845]), "tiff: not supported: LogLuv"),
        (one().with(339, &[6]), "tiff: not supported: complex numbers"),
        (grey([1, 1], 24, &[0; 3]).with(339, &[3]), "tiff: not supported: grey in float samples of 24 bits"),
        (one().with(259, &[8]).with(317, &[3]), "tiff: not supported: grey in unsigned samples of 8 bits"),
        (one().with(278, &[0]), "tiff: damaged: strips of 0 rows"),
        (grey([0, 1], 8, &[0]), "tiff: damaged: the size is 0x1"),
        (RawTiff::new([1, 1], [2, 8], &[0, 0]).with(262, &[2]), "tiff: damaged: expected 3 samples a pixel"),
        (grey([1, 9], 8, &[0]).with(278, &[3]), "tiff: damaged: expected 3 strips, got 1"),
    ] {
        let reason = reason(file);
        assert!(reason.starts_with(expected), "{reason}, expected {expected}");
    }
    assert_eq!(
        reason(grey([2, 3], 8, &[1, 2, 3, 4]).with(278, &[3])),
        "tiff: strip 1 of 1: its bytes end before its pixels (truncated)"
    );
}

#[test]
fn strips_of_webp_are_read() {
    let colours = picture(20, 12, 3);
    let webp = |picture: &Pixels| {
        let buffer =
            image::RgbImage::from_raw(20, picture.height as u32, picture.data.clone()).expect("fits");
        encode(&buffer.into(), image::ImageFormat::WebP)
    };
    let file = rgb([20, 12], 8, &webp(&colours)).with(259, &[50_001]);
    assert_eq!(decoded(file.clone()), colours);
    // strips of eight rows
    let [first, second] = [(0, 8), (8, 4)].map(|(top, height)| {
        let data = colours.data[top * 60..(top + height) * 60].to_vec();
        webp(&Pixels { height, data, ..colours })
    });
    let mut strips = rgb([20, 12], 8, &first).with(259, &[50_001]).with(278, &[8]);
    strips.chunks.push(second);
    assert_eq!(decoded(strips), colours);

    // a tile has more rows than are wanted
    let tile = |height: u16| {
        let file = rgb([20, 10], 8, &webp(&colours)).with(259, &[50_001]);
        RawTiff { is_tiled: true, ..file.with(322, &[20]).with(323, &[height]) }
    };
    assert_eq!(decoded(tile(12)).data, colours.data[..600]);
    assert!(reason(tile(11)).ends_with("damaged: WebP of another size than its strip or tile"));
    let short = rgb([20, 13], 8, &webp(&colours)).with(259, &[50_001]);
    assert!(reason(short).ends_with("damaged: WebP of another size than its strip or tile"));

    let other = rgb([21, 12], 8, &webp(&colours)).with(259, &[50_001]);
    assert!(reason(other).ends_with("damaged: WebP of another size than its strip or tile"));
    let cut = rgb([20, 12], 8, &webp(&colours)[..40]).with(259, &[50_001]);
    assert!(reason(cut).contains("damaged: WebP"));
}
