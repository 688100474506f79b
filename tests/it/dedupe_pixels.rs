//! When `dedupe` calls files the same in pixels: where every sample is the same as it is stored, whatever the
//! file's format, and where colours mean the same.

use std::io::{Cursor, Write as _};

use aesearch::images::{Decoding, Item, Limits, SampleHash, read};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ImageEncoder as _, ImageFormat, imageops};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::containers::tar;
use crate::fixtures::{RawPng, RawTiff, Value, encode, gzip};
use crate::scenes::{groups, place_of, scan, scene};

/// Samples, [H, W, C], of 8 or 16 bits: grey, grey and alpha, RGB, RGBA.
#[derive(Clone)]
struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    bits: u16,
    samples: Vec<u16>,
}

impl Picture {
    fn random(rng: &mut ChaCha8Rng, channels: usize, bits: u16) -> Picture {
        let [width, height] = [0; 2].map(|_: usize| rng.random_range(1..24));
        let most = if bits == 8 { 255 } else { 65_535 };
        // even numbers, so that a lowest bit can be set
        let samples = (0..width * height * channels).map(|_| rng.random_range(0..=most) & !1).collect();
        Picture { width, height, channels, bits, samples }
    }

    fn bytes(&self, is_big_endian: bool) -> Vec<u8> {
        let of = |&sample: &u16| match (self.bits, is_big_endian) {
            (8, _) => vec![sample as u8],
            (_, true) => sample.to_be_bytes().to_vec(),
            (_, false) => sample.to_le_bytes().to_vec(),
        };
        self.samples.iter().flat_map(of).collect()
    }

    fn has_alpha(&self) -> bool {
        self.channels.is_multiple_of(2)
    }

    fn png(&self, compression: CompressionType, filter: FilterType, profile: Option<&[u8]>) -> Vec<u8> {
        use image::ExtendedColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16};
        let colour = [[L8, La8, Rgb8, Rgba8], [L16, La16, Rgb16, Rgba16]];
        let colour = colour[usize::from(self.bits == 16)][self.channels - 1];
        let mut file = Vec::new();
        let mut encoder = PngEncoder::new_with_quality(&mut file, compression, filter);
        if let Some(profile) = profile {
            encoder.set_icc_profile(profile.to_vec()).expect("can be set");
        }
        // the encoder takes samples in the machine's order
        let samples = self.bytes(cfg!(target_endian = "big"));
        encoder.write_image(&samples, self.width as u32, self.height as u32, colour).expect("encodes");
        file
    }

    /// One strip, as `compression` says: 1 not at all, 8 by deflate.
    fn tiff(&self, compression: u16, is_big_endian: bool) -> RawTiff {
        let mut strip = self.bytes(is_big_endian);
        if compression == 8 {
            let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            packed.write_all(&strip).expect("to memory");
            strip = packed.finish().expect("to memory");
        }
        let sides = [self.width as u32, self.height as u32];
        let tiff = RawTiff::new(sides, [self.channels as u16, self.bits], &strip);
        let tiff = tiff.with(262, &[if self.channels < 3 { 1 } else { 2 }]).with(259, &[compression]);
        let tiff = if self.has_alpha() { tiff.with(338, &[2]) } else { tiff };
        RawTiff { is_big_endian, ..tiff }
    }

    /// Each sample in a strip of its own.
    fn planar_tiff(&self) -> RawTiff {
        let mut tiff = self.tiff(1, false).with(284, &[2]);
        let size = usize::from(self.bits / 8);
        let plane = |channel: usize| -> Vec<u8> {
            let pixels = self.bytes(false);
            pixels.chunks(size).skip(channel).step_by(self.channels).flatten().copied().collect()
        };
        tiff.chunks = (0..self.channels).map(plane).collect();
        tiff
    }

    fn pam(&self) -> Vec<u8> {
        let kind = ["GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"][self.channels - 1];
        let most = (1_u32 << self.bits) - 1;
        let Picture { width, height, channels, .. } = self;
        let head = format!(
            "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {most}\nTUPLTYPE {kind}\nENDHDR\n"
        );
        [head.into_bytes(), self.bytes(true)].concat()
    }

    fn image(&self) -> DynamicImage {
        let (width, height, bytes) = (self.width as u32, self.height as u32, self.bytes(false));
        let image = match self.channels {
            1 => image::GrayImage::from_raw(width, height, bytes).map(DynamicImage::from),
            2 => image::GrayAlphaImage::from_raw(width, height, bytes).map(DynamicImage::from),
            3 => image::RgbImage::from_raw(width, height, bytes).map(DynamicImage::from),
            _ => image::RgbaImage::from_raw(width, height, bytes).map(DynamicImage::from),
        };
        image.expect("8 bits")
    }

    /// In every format that can hold it.
    fn files(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut files = vec![
            ("fast PNG", self.png(CompressionType::Fast, FilterType::NoFilter, None)),
            ("small PNG", self.png(CompressionType::Best, FilterType::Paeth, None)),
            ("TIFF", self.tiff(1, false).bytes()),
            ("packed TIFF", self.tiff(8, true).bytes()),
            ("planar TIFF", self.planar_tiff().bytes()),
            ("PAM", self.pam()),
        ];
        if self.channels == 1 {
            let most = (1_u32 << self.bits) - 1;
            let mut inverted = self.clone();
            inverted.samples.iter_mut().for_each(|sample| *sample = most as u16 - *sample);
            let mut tiff = inverted.tiff(1, false);
            tiff.tags.retain(|(tag, _)| *tag != 262);
            files.push(("TIFF of ink", tiff.with(262, &[0]).bytes()));
            let grey_as_rgb = Picture {
                channels: 3,
                samples: self.samples.iter().flat_map(|&sample| [sample; 3]).collect(),
                ..*self
            };
            files.push(("RGB TIFF", grey_as_rgb.tiff(1, false).bytes()));
            files.push((
                "PGM",
                [format!("P5 {} {} {most}\n", self.width, self.height).as_bytes(), &self.bytes(true)]
                    .concat(),
            ));
        }
        if !self.has_alpha() {
            let most = if self.bits == 8 { 255 } else { 65_535 };
            let mut opaque = self.clone();
            opaque.channels += 1;
            let pixels = self.samples.chunks(self.channels);
            opaque.samples = pixels.flat_map(|pixel| pixel.iter().copied().chain([most])).collect();
            files.push(("opaque PNG", opaque.png(CompressionType::Fast, FilterType::Sub, None)));
            let unset = opaque.samples.chunks_mut(opaque.channels);
            unset.for_each(|pixel| pixel[self.channels] = 0);
            files.push(("PAM of no alpha", opaque.pam()));
        }
        if self.bits == 8 {
            let formats = [("TGA", ImageFormat::Tga), ("BMP", ImageFormat::Bmp), ("WebP", ImageFormat::WebP)];
            let colours = if self.has_alpha() {
                self.image().into_rgba8().into()
            } else {
                self.image().into_rgb8().into()
            };
            // others lay them over black, or clear what is below
            let count = if self.has_alpha() { 1 } else { 3 };
            files.extend(formats[..count].iter().map(|(name, format)| (*name, encode(&colours, *format))));
            files.push(("QOI", encode(&colours, ImageFormat::Qoi)));
        }
        files
    }
}

fn hash(file: &[u8]) -> Option<[u8; 32]> {
    let how = Decoding { samples: SampleHash::wanted(), ..Decoding::default() };
    let source = read(&Item::from_bytes("picture", file.to_vec()), &Limits::default()).expect("can be read");
    source.decode(&how).expect("can be decoded");
    how.samples.take()
}

#[test]
fn the_same_samples_are_the_same_in_any_format_and_any_change_is_one() {
    let mut rng = ChaCha8Rng::seed_from_u64(19);
    for round in 0..24 {
        let (channels, bits) = (round % 4 + 1, if round / 4 % 2 == 0 { 8 } else { 16 });
        let picture = Picture::random(&mut rng, channels, bits);
        let shown = format!("round {round}: {}x{}x{channels}, {bits} bits", picture.width, picture.height);
        let expected = hash(&picture.png(CompressionType::Default, FilterType::Adaptive, None));
        assert!(expected.is_some(), "{shown}");
        for (name, file) in picture.files() {
            assert_eq!(hash(&file), expected, "{shown}: {name}");
        }
        // the lowest bit of one sample, of a colour or of alpha
        let mut changed = picture.clone();
        let at = rng.random_range(0..changed.samples.len());
        changed.samples[at] |= 1;
        let found: Vec<_> = changed.files().into_iter().map(|(name, file)| (name, hash(&file))).collect();
        assert!(found.iter().all(|(_, hash)| *hash != expected && *hash == found[0].1), "{shown}: {at}");
    }
}

#[test]
fn bits_palettes_and_associated_alpha_count() {
    let picture = Picture {
        width: 4,
        height: 2,
        channels: 1,
        bits: 8,
        samples: vec![0, 85, 170, 255, 255, 0, 85, 170],
    };
    let expected = hash(&picture.png(CompressionType::Fast, FilterType::NoFilter, None));
    let (width, height) = (4, 2);
    let rows = [0, 0b0001_1011, 0, 0b1100_0110];
    let two_bits = RawPng { width, height, depth_and_colour: [2, 0], chunks: &[], rows: &rows };
    assert_eq!(hash(&two_bits.bytes()), expected);
    let colours = [0, 85, 170, 255].map(|grey| [grey; 3]).concat();
    let palette =
        RawPng { width, height, depth_and_colour: [2, 3], chunks: &[(b"PLTE", &colours)], rows: &rows };
    assert_eq!(hash(&palette.bytes()), expected);
    // 16 bits are others, even if they say the same
    let wide =
        Picture { bits: 16, samples: picture.samples.iter().map(|v| v * 257).collect(), ..picture.clone() };
    let wide = hash(&wide.tiff(1, false).bytes());
    assert!(wide.is_some() && wide != expected);

    let indexes = RawTiff::new([4, 2], [1, 8], &[0, 1, 2, 3, 3, 0, 1, 2]).with(262, &[3]);
    let table = |of: &dyn Fn(u16) -> u16| -> Vec<u16> {
        (0..3).flat_map(|_| (0..256_u16).map(|i| of(i.min(3) * 85))).collect()
    };
    for coarse in [table(&|grey| grey * 257), table(&|grey| grey << 8), table(&|grey| grey)] {
        assert_eq!(hash(&indexes.clone().with(320, &coarse).bytes()), expected);
    }
    assert_eq!(hash(&indexes.with(320, &table(&|grey| grey * 256 + 7)).bytes()), None, "finer colours");

    let alpha = Picture { channels: 2, width: 2, ..picture };
    let plain = hash(&alpha.tiff(1, false).bytes());
    let mut associated = alpha.tiff(1, false);
    associated.tags.retain(|(tag, _)| *tag != 338);
    let associated = hash(&associated.with(338, &[1]).bytes());
    assert!(plain.is_some() && associated.is_some() && plain != associated);
}

/// What is decoded of these is not all that they hold.
#[test]
fn files_that_are_not_decoded_exactly_have_no_hash() {
    let tiff = |samples: u16, bits: u16, tags: &[(u16, &[u16])]| {
        let strip = vec![9; usize::from(samples * bits) / 8 * 8];
        let tiff = RawTiff::new([4, 2], [samples, bits], &strip);
        tags.iter().fold(tiff, |tiff, (tag, values)| tiff.with(*tag, values)).bytes()
    };
    for (name, file) in [
        ("floats", tiff(1, 32, &[(262, &[1]), (339, &[3])])),
        ("signed", tiff(1, 16, &[(262, &[1]), (339, &[2])])),
        ("32 bits", tiff(1, 32, &[(262, &[1])])),
        ("LAB", tiff(3, 8, &[(262, &[8])])),
        ("LAB in 16 bits", tiff(3, 16, &[(262, &[8])])),
        ("YCbCr", tiff(3, 8, &[(262, &[6]), (530, &[1, 1])])),
        ("more channels", tiff(5, 8, &[(262, &[2]), (338, &[0, 0])])),
        ("more channels of 16 bits", tiff(2, 16, &[(262, &[1]), (338, &[0])])),
        ("PGM of 10 bits", [&b"P5 2 1 1023\n"[..], &[1, 2, 3, 4]].concat()),
        ("PGM of labels beyond its maximum", b"P5 2 1 10\n\x14\x28".to_vec()),
    ] {
        assert_eq!(hash(&file), None, "{name}");
    }
    assert!(hash(&tiff(5, 8, &[(262, &[5]), (338, &[0])])).is_none(), "CMYK and more");
    assert!(hash(&tiff(4, 16, &[(262, &[5])])).is_some(), "CMYK");
}

/// Inks that give the same colours, with no profile that says how they look.
#[test]
fn inks_are_compared_as_inks() {
    let cmyk = |inks: [u8; 4]| RawTiff::new([2, 2], [4, 8], &inks.repeat(4)).with(262, &[5]).bytes();
    let [black, all, again] =
        [[0, 0, 0, 255], [255, 255, 255, 0], [0, 0, 0, 255]].map(|inks| hash(&cmyk(inks)));
    assert!(black.is_some() && black != all && black == again);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cmyk.jpg");
    assert!(hash(&std::fs::read(path).expect("a fixture")).is_some());
}

#[test]
fn profiles_count_unless_they_are_that_of_srgb() {
    use moxcms::ColorProfile;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (channels, bits) in [(3, 8), (4, 8), (3, 16)] {
        let picture = Picture::random(&mut rng, channels, bits);
        let with =
            |profile: Option<&[u8]>| hash(&picture.png(CompressionType::Fast, FilterType::NoFilter, profile));
        let encoded = |profile: ColorProfile| profile.encode().expect("encodes");
        let [srgb, p3, adobe] =
            [ColorProfile::new_srgb(), ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb()]
                .map(encoded);
        let none = with(None);
        assert_eq!(with(Some(&srgb)), none);
        let mut tiff = picture.tiff(1, false);
        tiff.tags.push((34_675, Value::Bytes(p3.clone())));
        assert_eq!(hash(&tiff.bytes()), with(Some(&p3)));
        let damaged = &p3[..p3.len() / 2];
        let all = [none, with(Some(&p3)), with(Some(&adobe)), with(Some(damaged))];
        (1..all.len()).for_each(|i| assert!(all[i].is_some() && !all[..i].contains(&all[i]), "{i}"));
    }
    let grey = Picture::random(&mut rng, 1, 8);
    let with = |profile: ColorProfile| {
        hash(&grey.png(
            CompressionType::Fast,
            FilterType::NoFilter,
            Some(&profile.encode().expect("encodes")),
        ))
    };
    let none = hash(&grey.pam());
    assert_eq!(with(ColorProfile::new_srgb()), none, "grey of sRGB");
    assert_ne!(with(ColorProfile::new_adobe_rgb()), none);
    assert_ne!(with(ColorProfile::new_gray_with_gamma(1.0)), none);

    let rows = grey
        .samples
        .chunks(grey.width)
        .flat_map(|row| std::iter::once(0).chain(row.iter().map(|&v| v as u8)));
    let rows: Vec<u8> = rows.collect();
    let gamma = |gamma: u32| {
        let (width, height) = (grey.width as u32, grey.height as u32);
        let chunks: &[(&[u8; 4], &[u8])] = &[(b"gAMA", &gamma.to_be_bytes())];
        hash(&RawPng { width, height, depth_and_colour: [8, 0], chunks, rows: &rows }.bytes())
    };
    assert_eq!(gamma(45_455), none);
    assert_ne!(gamma(100_000), none);
}

#[test]
fn a_scan_finds_equal_pictures_of_16_bits_and_no_others() {
    let of =
        |samples: Vec<u16>, channels: usize| Picture { width: 160, height: 120, channels, bits: 16, samples };
    let wide = |seed: u64, low: u16| -> Vec<u16> {
        scene(seed).iter().map(|&value| u16::from(value) * 256 + low).collect()
    };
    let labels = |low: u16| -> Vec<u16> {
        imageops::grayscale(&scene(3)).iter().map(|&value| u16::from(value / 32) + low).collect()
    };
    let small = (CompressionType::Best, FilterType::Paeth);
    let fast = (CompressionType::Fast, FilterType::NoFilter);
    let png = |picture: &Picture, (compression, filter): (CompressionType, FilterType)| {
        picture.png(compression, filter, None)
    };
    let (photo, other) = (of(wide(1, 5), 3), of(wide(1, 6), 3));
    let eight = DynamicImage::ImageRgb8(scene(1));
    let p3 = moxcms::ColorProfile::new_display_p3().encode().expect("encodes");
    let of_8_bits = Picture {
        bits: 8,
        samples: scene(4).iter().map(|&value| value.into()).collect(),
        ..of(Vec::new(), 3)
    };
    let place = place_of(&[
        ("p/photo.png", png(&photo, fast)),
        ("p/photo-small.png", png(&photo, small)),
        ("p/photo.tiff", photo.tiff(8, true).bytes()),
        ("p/other.png", png(&other, fast)),
        ("p/eight.png", encode(&eight, ImageFormat::Png)),
        ("p/labels.png", png(&of(labels(0), 1), fast)),
        ("p/labels-again.tiff", of(labels(0), 1).tiff(1, false).bytes()),
        ("p/labels-shifted.png", png(&of(labels(1), 1), fast)),
        ("p/plain.png", png(&of_8_bits, fast)),
        ("p/plain.bmp", encode(&of_8_bits.image(), ImageFormat::Bmp)),
        ("p/wide-gamut.png", of_8_bits.png(fast.0, fast.1, Some(&p3))),
        ("p/wide-gamut.tiff", {
            let mut tiff = of_8_bits.tiff(8, false);
            tiff.tags.push((34_675, Value::Bytes(p3.clone())));
            tiff.bytes()
        }),
    ]);
    let expected = [
        "pixels p/labels.png = p/labels-again.tiff",
        "pixels p/photo.png = p/photo-small.png p/photo.tiff",
        "pixels p/plain.bmp = p/plain.png",
        "pixels p/wide-gamut.png = p/wide-gamut.tiff",
    ];
    let found = groups(&scan(&place, &["p", "--keep", "shortest"]));
    let pixels: Vec<&String> = found.iter().filter(|group| group.starts_with("pixels")).collect();
    assert_eq!(pixels, expected, "{found:#?}");
    let near: Vec<&String> = found.iter().filter(|group| group.starts_with("near")).collect();
    assert!(!near.iter().any(|group| group.contains("labels") || group.contains("photo")), "{near:?}");
}

#[test]
fn scaled_fingerprints_are_settled_by_every_sample() {
    let mut large = imageops::resize(&scene(5), 1600, 1200, imageops::FilterType::Triangle);
    let jpeg = |image: &image::RgbImage| {
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, ImageFormat::Jpeg).expect("encodes");
        file.into_inner()
    };
    let one = jpeg(&large);
    // a comment changes the bytes and nothing else
    let commented = [&one[..2], b"\xff\xfe\0\x06text", &one[2..]].concat();
    let samples = large.iter().map(|&value| value.into()).collect();
    let picture = Picture { width: 1600, height: 1200, channels: 3, bits: 8, samples };
    let mut changed = picture.clone();
    changed.samples[1_000_000] ^= 1;
    let png = |picture: &Picture| picture.png(CompressionType::Fast, FilterType::NoFilter, None);
    let block = image::RgbImage::from_pixel(8, 8, image::Rgb([9, 9, 9]));
    imageops::replace(&mut large, &block, 400, 400);
    let entries = [("1.jpg", &one), ("1-changed.jpg", &jpeg(&large)), ("1-commented.jpg", &commented)];
    let archive = tar(&entries.map(|(name, bytes)| (name.to_owned(), bytes.clone())));
    let place = place_of(&[
        ("a.tgz", gzip(&archive)),
        ("p/1.jpg", one),
        ("p/1-commented.jpg", commented),
        ("p/1-changed.jpg", jpeg(&large)),
        ("p/2.png", png(&picture)),
        ("p/2.tiff", picture.tiff(8, false).bytes()),
        ("p/2-changed.png", png(&changed)),
    ]);
    let pixels = || {
        let found = groups(&scan(&place, &["p", "--keep", "shortest"]));
        found.into_iter().filter(|group| group.starts_with("pixels")).collect::<Vec<_>>()
    };
    assert_eq!(pixels(), ["pixels p/1.jpg = p/1-commented.jpg", "pixels p/2.png = p/2.tiff"]);
    let kept = || {
        let files = std::fs::read_dir(place.path().join(".aesearch/looks")).expect("fingerprints");
        let named = |file: std::io::Result<std::fs::DirEntry>| {
            let path = file.expect("a file").path();
            (path.clone(), std::fs::read(path).expect("its bytes"))
        };
        files.map(named).collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = kept();
    assert_eq!(pixels().len(), 2);
    assert!(kept() == before, "fingerprints are kept as they were");
    // in an archive that is read in its order
    let found = groups(&scan(&place, &["a.tgz", "--index", "of-archive", "--keep", "shortest"]));
    assert!(found.contains(&"pixels a.tgz#1.jpg = a.tgz#1-commented.jpg".to_owned()), "{found:?}");
}
