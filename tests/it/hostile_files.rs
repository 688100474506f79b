//! Files made to break a reader of images, seeded: cut at every boundary of their format, with flipped bits,
//! with headers that lie, under wrong names, or small and large at once. Each says what has to become of it.

use std::io::Write as _;

use image::ImageFormat;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fixtures::{FORMATS, RawPng, encoded_picture, gzip, idx};
use crate::runs::large_qoi;

/// Files with flipped bits, of each format.
const FLIPPED: usize = 8;

/// Behind its last so many bytes a cut file may still hold all of its pixels.
const TRAILER: usize = 40;

/// What has to become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Indexed,
    Skipped,
    /// One of the two: damage may leave an image.
    Either,
}

/// A file by its name.
pub(crate) struct Hostile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) fate: Fate,
}

fn hostile(name: impl Into<String>, fate: Fate, bytes: impl Into<Vec<u8>>) -> Hostile {
    Hostile { name: name.into(), bytes: bytes.into(), fate }
}

/// All of them.
pub(crate) fn hostile_files() -> Vec<Hostile> {
    [cut(), flipped(), lying(), disguised(), bombs()].into_iter().flatten().collect()
}

/// A picture of each format, cut wherever a part of the format begins or ends, and in the middle of it.
fn cut() -> Vec<Hostile> {
    let mut files = Vec::new();
    for (ending, format) in FORMATS {
        let whole = encoded_picture(24, 20, format);
        let mut cuts = boundaries(format, &whole);
        cuts.sort_unstable();
        cuts.dedup();
        for at in cuts.into_iter().filter(|&at| at < whole.len()) {
            let fate = if at + TRAILER < whole.len() { Fate::Skipped } else { Fate::Either };
            files.push(hostile(format!("cut-{at:04}.{ending}"), fate, &whole[..at]));
        }
    }
    files
}

fn boundaries(format: ImageFormat, file: &[u8]) -> Vec<usize> {
    let every = |step: usize| (0..file.len()).step_by(step);
    match format {
        ImageFormat::Png => [1, 8].into_iter().chain(parts(file, 8, png_chunk)).collect(),
        ImageFormat::Jpeg => [1, 2].into_iter().chain(parts(file, 2, jpeg_segment)).collect(),
        ImageFormat::WebP => [4, 8, 12].into_iter().chain(parts(file, 12, riff_chunk)).collect(),
        ImageFormat::Gif => [3, 6, 10, 13].into_iter().chain(every(64)).collect(),
        // the header's fields, then rows or records
        ImageFormat::Bmp => {
            [2, 6, 10, 14, 18, 22, 26, 28, 30, 34, 54].into_iter().chain(every(144)).collect()
        }
        ImageFormat::Tiff => [2, 4, 8].into_iter().chain(tiff_entries(file)).collect(),
        ImageFormat::Pnm => (0..12).chain(every(144)).collect(),
        ImageFormat::Qoi => [4, 8, 12, 13, 14].into_iter().chain(every(48)).collect(),
        ImageFormat::Tga => [1, 3, 8, 12, 14, 16, 18].into_iter().chain(every(144)).collect(),
        _ => [2, 4, 6, 10, 14, 18, 22].into_iter().chain(every(64)).collect(),
    }
}

/// Beginning, inner boundary, middle and end of every part from `start` on; `measure` gives the sizes of a
/// part's head and body.
fn parts(file: &[u8], start: usize, measure: fn(&[u8]) -> Option<(usize, usize)>) -> Vec<usize> {
    let (mut at, mut cuts) = (start, vec![]);
    while let Some((head, body)) = file.get(at..).and_then(measure) {
        cuts.extend([at, at + head / 2, at + head, at + head + body / 2, at + head + body]);
        at += head + body;
    }
    cuts
}

/// Length and name, then the content and its check sum.
fn png_chunk(rest: &[u8]) -> Option<(usize, usize)> {
    let length = u32::from_be_bytes(*rest.first_chunk()?);
    Some((8, length as usize + 4))
}

/// Marker and length, then the content; the scan takes the rest.
fn jpeg_segment(rest: &[u8]) -> Option<(usize, usize)> {
    let &[_, marker, high, low] = rest.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low])) - 2;
    Some((4, if marker == 0xda { rest.len() - 4 } else { length }))
}

/// Name and length, then the content.
fn riff_chunk(rest: &[u8]) -> Option<(usize, usize)> {
    let length = u32::from_le_bytes(*rest.get(4..)?.first_chunk()?) as usize;
    Some((8, length.next_multiple_of(2)))
}

/// The entries of the directory that a TIFF's header points at.
fn tiff_entries(file: &[u8]) -> Vec<usize> {
    let directory = u32::from_le_bytes(*file[4..].first_chunk().expect("a header")) as usize;
    let count = usize::from(u16::from_le_bytes(*file[directory..].first_chunk().expect("a directory")));
    let entries = (0..=count).map(|entry| directory + 2 + 12 * entry);
    entries.chain([directory / 2, directory, directory + 1]).collect()
}

/// A picture of each format with a bit flipped at random.
fn flipped() -> Vec<Hostile> {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut files = Vec::new();
    for (ending, format) in FORMATS {
        for n in 0..FLIPPED {
            let mut bytes = encoded_picture(24, 20, format);
            // half of them near the beginning, where the headers are
            let end = if n % 2 == 0 { bytes.len() } else { 64 };
            bytes[random.random_range(0..end)] ^= 1 << random.random_range(0..8);
            files.push(hostile(format!("flipped-{n}.{ending}"), Fate::Either, bytes));
        }
    }
    files
}

/// A PNG that claims so many pixels and holds none.
fn claiming(width: u32, height: u32, depth_and_colour: [u8; 2]) -> Vec<u8> {
    RawPng { width, height, depth_and_colour, chunks: &[], rows: &[0; 64] }.bytes()
}

/// Headers that promise what is not there, or more than there may be.
fn lying() -> Vec<Hostile> {
    const MOST: u32 = u32::MAX >> 1;
    let patched = |format, at: usize, bytes: &[u8]| {
        let mut file = encoded_picture(24, 20, format);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    // little-endian; the directory at 8: width and height far too large, one strip
    let tiff = |directory: &[u8]| [b"II*\0\x08\0\0\0", directory].concat();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let vast = [entry(256, 4, 1, MOST), entry(257, 4, 1, MOST), entry(258, 3, 1, 8), entry(262, 3, 1, 1)];
    let strips = [entry(273, 4, u32::MAX, 8), entry(279, 4, u32::MAX, 8)];
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("vast.png", claiming(MOST, MOST, [8, 2])),
        ("wide.png", claiming(MOST, 1, [8, 2])),
        ("no-rows.png", claiming(5, 0, [8, 2])),
        ("no-depth.png", claiming(5, 5, [0, 2])),
        ("900-megapixels.png", claiming(30_000, 30_000, [8, 2])),
        ("deep.png", claiming(14_000, 14_000, [16, 6])),
        ("within-the-limit.png", claiming(8_000, 8_000, [8, 2])),
        ("vast.gif", b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;".to_vec()),
        ("vast.bmp", patched(ImageFormat::Bmp, 18, &[0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f])),
        ("negative.bmp", patched(ImageFormat::Bmp, 18, &[0, 0, 0, 0x80, 0, 0, 0, 0x80])),
        ("pixels-elsewhere.bmp", patched(ImageFormat::Bmp, 10, &[0xff; 4])),
        ("vast.tga", patched(ImageFormat::Tga, 12, &[0xff; 4])),
        ("vast.pnm", b"P6 4000000000 4000000000 255\n".to_vec()),
        ("endless-number.pnm", [b"P6 ", &[b'9'; 5000][..], b" 1 255\n"].concat()),
        ("endless-comment.pnm", [b"P6 #", &[b'x'; 100_000][..]].concat()),
        ("vast.qoi", [b"qoif", &[0xff; 8][..], b"\x03\0", &[0; 8]].concat()),
        ("no-pixels.qoi", [b"qoif", &[0; 8][..], b"\x03\0\0\0\0\0\0\0\0\x01"].concat()),
        ("vast.webp", b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff".to_vec()),
        ("chunk-beyond.webp", b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff\x2f".to_vec()),
        (
            "elsewhere.ico",
            b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        ),
        ("vast.jpg", jpeg(0xffff, 0xc0, 0)),
        ("no-scan.jpg", b"\xff\xd8\xff\xd9".to_vec()),
        ("vast.tiff", tiff(&[&[4, 0], &vast.concat()[..], &[0; 4]].concat())),
        ("endless-strips.tiff", tiff(&[&[6, 0], &vast.concat()[..], &strips.concat(), &[0; 4]].concat())),
        ("endless-directory.tiff", tiff(b"\xff\xff")),
        ("directory-in-itself.tiff", tiff(b"\0\0\x08\0\0\0")),
        ("directory-elsewhere.tiff", b"II*\0\xff\xff\xff\xff".to_vec()),
        ("cut-images-idx3-ubyte", idx(&[5, 28, 28], &[0; 784])),
        ("vast-images-idx3-ubyte", idx(&[u32::MAX; 3], &[])),
    ];
    files.into_iter().map(|(name, bytes)| hostile(name, Fate::Skipped, bytes)).collect()
}

/// Files under the name of something else.
fn disguised() -> Vec<Hostile> {
    let png = encoded_picture(24, 20, ImageFormat::Png);
    let script = b"#!/bin/sh\nexit 1\n";
    vec![
        hostile("png-in-truth.jpg", Fate::Indexed, &png[..]),
        hostile("png-in-truth.doc", Fate::Indexed, &png[..]),
        hostile("png-without-a-name", Fate::Indexed, &png[..]),
        hostile("more-behind-its-end.png", Fate::Indexed, [&png[..], &[0; 5000]].concat()),
        hostile("something-before.png", Fate::Skipped, [b"\n", &png[..]].concat()),
        hostile("text.png", Fate::Skipped, "no picture, but a text\n".repeat(50)),
        hostile("script.jpg", Fate::Skipped, script),
        hostile("page.gif", Fate::Skipped, "<!DOCTYPE html><title>404</title>"),
        hostile("drawing.png", Fate::Skipped, "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        hostile("zeros.bmp", Fate::Skipped, [0; 5000]),
        hostile("ones.tga", Fate::Skipped, [0xff; 5000]),
        hostile("one-byte.jpg", Fate::Skipped, [0xff]),
        hostile("new.heic", Fate::Skipped, *b"\0\0\0\x18ftypheic\0\0\0\0"),
        hostile("new.avif", Fate::Skipped, *b"\0\0\0\x1cftypavif\0\0\0\0"),
        hostile("new.jxl", Fate::Skipped, *b"\xff\x0a\0\0\0\0\0\0"),
        hostile("new.psd", Fate::Skipped, *b"8BPS\0\x01\0\0\0\0\0\0\0\x03"),
        hostile("empty-images-idx3-ubyte.gz", Fate::Skipped, []),
    ]
    .into_iter()
    .chain(
        ["png", "jpg", "gif", "bmp", "tiff", "webp", "qoi", "ppm", "tga", "ico"]
            .map(|ending| hostile(format!("empty.{ending}"), Fate::Skipped, [])),
    )
    .collect()
}

/// Small files that become large when they are read.
fn bombs() -> Vec<Hostile> {
    let zeros = |side: u32| vec![0; (side as usize + 1) * side as usize];
    let png = |side: u32, rows: &[u8], chunks: &[(&[u8; 4], &[u8])]| {
        RawPng { width: side, height: side, depth_and_colour: [8, 0], chunks, rows }.bytes()
    };
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&vec![0; 100 << 20]).expect("to memory");
    let packed = packed.finish().expect("to memory");
    let [profile, text] = [[b"p\0\0", &packed[..]].concat(), [b"t\0\0", &packed[..]].concat()];
    vec![
        hostile("more-than-the-limit.png", Fate::Skipped, png(15_000, &zeros(15_000), &[])),
        hostile("more-than-the-memory.qoi", Fate::Skipped, large_qoi(7_506, 0)),
        hostile("long-enough-for-rows.png", Fate::Indexed, png(13_000, &zeros(13_000), &[])),
        hostile("rows-without-end.png", Fate::Either, png(24, &zeros(10_000), &[])),
        hostile("profile.png", Fate::Either, png(24, &zeros(24), &[(b"iCCP", &profile)])),
        hostile("text-inside.png", Fate::Either, png(24, &zeros(24), &[(b"zTXt", &text)])),
        hostile("too-many-scans.jpg", Fate::Skipped, jpeg(1024, 0xc2, 5000)),
        hostile("more-images-idx3-ubyte.gz", Fate::Skipped, gzip(&idx(&[2, 8, 8], &vec![0; 100 << 20]))),
        hostile("fewer-images-idx3-ubyte.gz", Fate::Skipped, gzip(&idx(&[1_000_000, 28, 28], &[0; 784]))),
    ]
}

/// A container, and what has to become of it and of what is in it, by the name that is told.
pub(crate) struct HostileContainer {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) fates: Vec<(&'static str, Fate)>,
}

fn container(name: &'static str, bytes: Vec<u8>, fates: &[(&'static str, Fate)]) -> HostileContainer {
    HostileContainer { name, bytes, fates: fates.to_vec() }
}

/// Containers that lie, are cut short, lead elsewhere, hold others or become large.
pub(crate) fn hostile_containers() -> Vec<HostileContainer> {
    use Fate::{Indexed, Skipped};
    let png = encoded_picture(24, 20, ImageFormat::Png);
    let other = encoded_picture(20, 24, ImageFormat::Png);
    let zeros = vec![0; 300 << 20];
    let inner = zip_of(&[("a.png", &png)]);
    let leading: [(&str, &[u8]); 4] =
        [("good.png", &png), ("../out.png", &png), ("b/../../out.png", &other), ("/root.png", &png)];
    let sound = tar_of(&[("a.png", &png), ("b.png", &other)]);
    let packed = gzip(&sound);
    let mut flipped = zip_of(&[("a.png", &png), ("b.png", &other)]);
    flipped[100] ^= 1; // in the first entry
    let whole = |name, bytes| container(name, bytes, &[(name, Skipped)]);
    let mut containers = vec![
        whole("empty.zip", vec![]),
        whole("empty.tar", vec![]),
        whole("text.tgz", b"no archive".to_vec()),
        whole("text.parquet", b"PAR1 no table PAR1".to_vec()),
        whole("no-directory.zip", inner[..inner.len() / 2].to_vec()),
        whole("cut.npz", inner[..inner.len() - 10].to_vec()),
        whole("vast.npy", npy("(4000000000, 4000000000, 3)")),
        whole("cut.npy", npy("(5, 28, 28)")),
        whole("bomb.tgz", gzip(&tar_of(&[("zeros.png", &zeros)]))),
        container(
            "bomb.zip",
            zip_of(&[("a.png", &png), ("zeros.png", &zeros)]),
            &[("bomb.zip#a.png", Indexed), ("bomb.zip#zeros.png", Skipped)],
        ),
        container("flipped.zip", flipped, &[("flipped.zip#a.png", Skipped), ("flipped.zip#b.png", Indexed)]),
        container(
            "cut.tar",
            sound[..1024 + png.len().next_multiple_of(512)].to_vec(),
            &[("cut.tar", Skipped), ("cut.tar#a.png", Indexed)],
        ),
        container("cut.tgz", packed[..packed.len() / 3].to_vec(), &[("cut.tgz", Skipped)]),
        container(
            "leading-out.tar",
            tar_of(&leading),
            &[
                ("leading-out.tar#good.png", Indexed),
                ("leading-out.tar#../out.png", Skipped),
                ("leading-out.tar#b/../../out.png", Skipped),
                ("leading-out.tar#/root.png", Skipped),
            ],
        ),
        container(
            "leading-out.zip",
            zip_of(&leading),
            &[
                ("leading-out.zip#good.png", Indexed),
                ("leading-out.zip#../out.png", Skipped),
                ("leading-out.zip#b/../../out.png", Skipped),
                ("leading-out.zip#/root.png", Skipped),
            ],
        ),
    ];
    containers.extend(nested_containers(&png, &other, &inner));
    containers
}

/// Containers in containers, which are not opened.
fn nested_containers(png: &[u8], other: &[u8], inner: &[u8]) -> [HostileContainer; 2] {
    use Fate::{Indexed, Skipped};
    let nested: [(&str, &[u8]); 4] = [
        ("a.png", png),
        ("inner.zip", inner),
        ("inner.tar", &tar_of(&[("b.png", other)])),
        ("inner.npy", b"\x93NUMPY"),
    ];
    [
        container(
            "nested.tar",
            tar_of(&nested),
            &[
                ("nested.tar#a.png", Indexed),
                ("nested.tar#inner.zip", Skipped),
                ("nested.tar#inner.tar", Skipped),
                ("nested.tar#inner.npy", Skipped),
            ],
        ),
        container(
            "nested.zip",
            zip_of(&nested),
            &[
                ("nested.zip#a.png", Indexed),
                ("nested.zip#inner.zip", Skipped),
                ("nested.zip#inner.tar", Skipped),
                ("nested.zip#inner.npy", Skipped),
            ],
        ),
    ]
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes()); // unchecked
        header.set_size(content.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        bytes.extend(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
        zip.write_all(content).expect("to memory");
    }
    zip.finish().expect("to memory").into_inner()
}

/// An array of bytes of that shape, of which no more than some are there.
fn npy(shape: &str) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &[0; 784]].concat()
}

/// A grey JPEG of `side` x `side` pixels, all of them the same. As a progressive one (0xc2) with a whole
/// number of KiB to a side it has `scans` scans of a few bytes, each of which makes the decoder go over all
/// of the image.
pub(crate) fn jpeg(side: u16, kind: u8, scans: usize) -> Vec<u8> {
    let segment = |marker: u8, body: &[u8]| {
        [&[0xff, marker][..], &(body.len() as u16 + 2).to_be_bytes(), body].concat()
    };
    let [high, low] = side.to_be_bytes();
    // each table knows one symbol, of one bit: no difference for DC, and for AC a run of 2^14 empty blocks
    // and more
    let table = |class: u8, symbol: u8| segment(0xc4, &[&[class, 1][..], &[0; 15], &[symbol]].concat());
    let blocks = usize::from(side / 8).pow(2);
    let mut file = vec![0xff, 0xd8];
    file.extend(segment(0xdb, &[&[0][..], &[1; 64]].concat()));
    file.extend(segment(kind, &[8, high, low, high, low, 1, 1, 0x11, 0]));
    file.extend([table(0, 0), table(0x10, 0xe0)].concat());
    file.extend(segment(0xda, &[1, 1, 0, 0, 0, 0]));
    file.extend(vec![0; blocks / 8]);
    let scan = [segment(0xda, &[1, 1, 0, 1, 63, 0]), vec![0; (blocks / (1 << 14) * 15).div_ceil(8)]].concat();
    file.extend(scan.repeat(scans));
    file.extend([0xff, 0xd9]);
    file
}
