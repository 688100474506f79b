//! Formats whose decoders are features: HEIC, JPEG XL, AVIF, camera raw. Files are written here, by hand or by an encoder; those of cameras
//! and of other programs lie in the folder of shared data.

use aesearch::images::{Decoding, Item, Limits, MemoryBudget, Needed, Pixels, decode, load, read};

use crate::fixtures;

/// Every cut and every flip of a bit in some of the bytes ends in pixels or in a reason.
pub(crate) fn survives(file: &[u8], cuts: usize, flips: usize) {
    let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
    let whole = decode(file, &limits).expect("before the damage");
    // what is at the very end may be a mark that nothing is lost without
    for cut in (0..file.len() - file.len() / 10).step_by(cuts) {
        // a thumbnail may be left
        let found = decode(&file[..cut], &limits);
        assert!(found.is_err() || found.is_ok_and(|found| found.width < whole.width), "cut at {cut}");
    }
    for at in (0..file.len()).step_by(flips) {
        let mut damaged = file.to_vec();
        damaged[at] ^= 1 << (at % 8);
        let _ = decode(&damaged, &limits);
    }
}

/// Mean difference of all samples; of as many channels as the first has.
fn mean_difference(a: &Pixels, b: &Pixels) -> f64 {
    assert_eq!((a.width, a.height, a.channels), (b.width, b.height, b.channels));
    let sum: u64 = a.data.iter().zip(&b.data).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.data.len() as f64
}

/// The mean of each quarter of an image, from the top left by rows: a third of its sides at the corner.
fn corners(pixels: &Pixels) -> [[u8; 3]; 4] {
    let &Pixels { width, height, channels, .. } = pixels;
    let (w, h) = (width / 3, height / 3);
    [(0, 0), (width - w, 0), (0, height - h), (width - w, height - h)].map(|(left, top)| {
        let mut sums = [0; 3];
        for y in top..top + h {
            for x in left..left + w {
                let at = (y * width + x) * channels;
                (0..3).for_each(|c| sums[c] += usize::from(pixels.data[at + c.min(channels - 1)]));
            }
        }
        sums.map(|sum| (sum / (w * h)) as u8)
    })
}

fn assert_near(found: &[[u8; 3]], expected: &[[u8; 3]], tolerance: u8, name: &str) {
    let is_near =
        found.as_flattened().iter().zip(expected.as_flattened()).all(|(a, b)| a.abs_diff(*b) <= tolerance);
    assert!(is_near, "{name}: {found:?}, expected {expected:?}");
}

/// A file that a camera or another program wrote, its size, and the means of its corners by a second decoder:
/// libheif, libjxl, libavif, LibRaw.
#[cfg(any(feature = "avif", feature = "heic", feature = "jxl", feature = "raw"))]
fn check_sample(name: &str, size: (usize, usize), expected: [[u8; 3]; 4], tolerance: u8) {
    let Some(data) = fixtures::shared_data() else { return };
    let file = data.join("formats").join(name);
    if !file.is_file() {
        eprintln!("SKIPPED: no {}", file.display());
        return;
    }
    let found = load(&Item::from_path(file), &Limits::default()).expect(name).pixels;
    assert_eq!((found.width, found.height), size, "{name}");
    assert_near(&corners(&found), &expected, tolerance, name);
}

#[cfg(feature = "heic")]
mod heic {
    use super::*;

    fn encoded(pixels: &Pixels) -> Vec<u8> {
        let options = heifer::EncodeOptions { quality: 100, ..Default::default() };
        let (width, height) = (pixels.width as u32, pixels.height as u32);
        let encode = if pixels.channels == 4 { heifer::encode_rgba8 } else { heifer::encode_rgb8 };
        encode(width, height, &pixels.data, &options).expect("encodes")
    }

    /// Another property in the place of one that the picture can do without.
    fn with_property(file: &[u8], old: &[u8; 4], new: &[u8; 5]) -> Vec<u8> {
        let mut file = file.to_vec();
        let places: Vec<_> = (0..file.len() - 4).filter(|&at| &file[at..at + 4] == old).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| file[at..at + 5].copy_from_slice(new));
        file
    }

    #[test]
    fn pictures_of_one_and_of_many_tiles_are_read() {
        for (width, height) in [(64, 48), (61, 33), (1300, 700)] {
            let picture = fixtures::picture(width, height, 3);
            let found = decode(&encoded(&picture), &Limits::default()).expect("decodes");
            let off = mean_difference(&picture, &found);
            assert!(off < 1.5, "{width}x{height}: {off}");
        }
    }

    #[test]
    fn transparent_pictures_are_laid_over_white() {
        let mut picture = fixtures::picture(64, 64, 4);
        let alpha = |at: usize| if at % 64 < 32 { 0 } else { 255 };
        picture.data.iter_mut().skip(3).step_by(4).enumerate().for_each(|(at, value)| *value = alpha(at));
        let found = decode(&encoded(&picture), &Limits::default()).expect("decodes");
        let [left, right, ..] = corners(&found);
        assert_eq!(found.channels, 3);
        assert_near(&[left], &[[255; 3]], 2, "ground");
        assert!(right[0] > 150 && right[1] < 100, "{right:?}");
    }

    #[test]
    fn turns_and_mirrors_are_applied() {
        let picture = fixtures::picture(96, 64, 3);
        let file = encoded(&picture);
        let [a, b, c, d] = corners(&picture);
        for (property, size, expected) in [
            (b"irot\x00", (96, 64), [a, b, c, d]),
            (b"irot\x01", (64, 96), [b, d, a, c]),
            (b"irot\x02", (96, 64), [d, c, b, a]),
            (b"irot\x03", (64, 96), [c, a, d, b]),
            (b"imir\x00", (96, 64), [c, d, a, b]),
            (b"imir\x01", (96, 64), [b, a, d, c]),
        ] {
            let found =
                decode(&with_property(&file, b"pixi", property), &Limits::default()).expect("decodes");
            assert_eq!((found.width, found.height), size, "{property:?}");
            assert_near(&corners(&found), &expected, 6, "turned");
        }
    }

    #[test]
    fn a_thumbnail_of_twice_the_size_needed_is_enough() {
        const SMALL: Needed = Needed::Stretched { width: 40, height: 40 };
        let decoded = |file: &[u8], needed: Needed, max_pixels: u64| {
            let limits = Limits { max_pixels, ..Limits::default() };
            let how = Decoding { limits, needed, ..Decoding::default() };
            read(&Item::from_bytes("a", file.to_vec()), &limits)?.decode(&how)
        };
        let most = Limits::default().max_pixels;
        let sides = |file: &[u8], needed: Needed| {
            let found = decoded(file, needed, most).expect("decodes");
            (found.width, found.height)
        };
        let file = encoded(&fixtures::picture(1300, 700, 3));
        let [small, whole] =
            [SMALL, Needed::Whole].map(|needed| decoded(&file, needed, most).expect("decodes"));
        assert_eq!((small.width, small.height), (320, 172));
        assert_near(&corners(&small), &corners(&whole), 3, "thumbnail");
        // the picture and its thumbnail; the thumbnail alone, as it seems to be that of another one
        assert_eq!(sides(&with_property(&file, b"colr", b"irot\x01"), SMALL), (172, 320));
        assert_eq!(sides(&with_property(&file, b"pixi", b"irot\x01"), SMALL), (1300, 700));

        // a side more than half of the thumbnail's is needed; the picture may be transparent
        assert_eq!(sides(&file, Needed::Stretched { width: 160, height: 87 }), (1300, 700));
        assert_eq!(sides(&encoded(&fixtures::picture(600, 600, 4)), SMALL), (600, 600));
        // what becomes of the picture does not depend on the thumbnail
        assert!(decoded(&file, SMALL, 900_000).unwrap_err().contains("too large"));
        for cut in [&file[..file.len() / 2], &file[..file.len() - 9]] {
            assert_eq!(
                decoded(cut, SMALL, most).unwrap_err(),
                decoded(cut, Needed::Whole, most).unwrap_err()
            );
        }
    }

    #[test]
    fn limits_hold_before_anything_is_decoded() {
        let file = encoded(&fixtures::picture(1300, 700, 3));
        let few = Limits { max_pixels: 900_000, ..Limits::default() };
        let reason = decode(&file, &few).unwrap_err();
        assert!(reason.starts_with("heic: too large: 1300x700"), "{reason}");
        let how = Decoding { budget: MemoryBudget::new(2 << 20), ..Decoding::default() };
        let reason =
            read(&Item::from_bytes("a", file.clone()), &how.limits).unwrap().decode(&how).unwrap_err();
        assert!(reason.contains("`max_memory`"), "{reason}");
        // the file says one size, the coded picture another
        let small = encoded(&fixtures::picture(256, 256, 3));
        let lying = with_size(&small, [256, 256], [16, 16]);
        let reason = decode(&lying, &Limits::default()).unwrap_err();
        assert!(reason.contains("larger than"), "{reason}");
    }

    /// As [`with_property`], but the size that the file says.
    fn with_size(file: &[u8], old: [u32; 2], new: [u32; 2]) -> Vec<u8> {
        let bytes = |[width, height]: [u32; 2]| [width.to_be_bytes(), height.to_be_bytes()].concat();
        let (old, new) = (bytes(old), bytes(new));
        let mut file = file.to_vec();
        let places: Vec<_> = (0..file.len() - 8).filter(|&at| file[at..at + 8] == old).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| file[at..at + 8].copy_from_slice(&new));
        file
    }

    #[test]
    fn damage_of_any_kind_is_survived() {
        survives(&encoded(&fixtures::picture(64, 48, 3)), 3, 1);
        survives(&encoded(&fixtures::picture(40, 40, 4)), 7, 3);
        let whole = encoded(&fixtures::picture(64, 48, 3));
        assert_eq!(
            decode(&whole[..40], &Limits::default()).unwrap_err(),
            "heic: the file ends too early (truncated)"
        );
    }

    #[test]
    fn what_is_not_read_is_named() {
        let file = encoded(&fixtures::picture(64, 48, 3));
        let other = with_property(&file, b"hvc1", b"av01\0");
        let reason = decode(&other, &Limits::default()).unwrap_err();
        assert!(reason.starts_with("heic: unsupported: image item type `av01`"), "{reason}");
        let sequence = b"\0\0\0\x18ftyphevc\0\0\0\0hevciso8\0\0\0\x08moov";
        let reason = decode(sequence, &Limits::default()).unwrap_err();
        let expected = "unsupported: a sequence without a track of HEVC pictures; convert the sequence to a film with `ffmpeg`, which `video` reads";
        assert_eq!(reason, format!("heic: {expected}"));
    }

    #[test]
    fn files_of_other_programs_are_read() {
        let expected = [[86, 60, 29], [145, 111, 89], [97, 60, 16], [114, 77, 45]];
        check_sample("cheers_1440x960.heic", (1440, 960), expected, 2);
        let expected = [[146, 170, 199], [124, 153, 182], [66, 66, 57], [103, 91, 55]];
        check_sample("example.heic", (1280, 854), expected, 2);
        let expected = [[59, 52, 77], [75, 112, 179], [44, 38, 40], [47, 42, 60]];
        check_sample("hopper.heif", (128, 128), expected, 2);
    }
}

/// `tests/data/jxl` holds [`fixtures::picture`] of 91x67 pixels, written by libjxl as the names say.
#[cfg(feature = "jxl")]
mod jxl {
    use std::path::Path;

    use super::*;

    fn file(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jxl");
        std::fs::read(folder.join(name)).expect("the file is there")
    }

    fn decoded(name: &str) -> Pixels {
        decode(&file(name), &Limits::default()).expect(name)
    }

    #[test]
    fn an_animation_holds_several_pictures() {
        for (name, several) in [("animated.jxl", true), ("lossless.jxl", false), ("exif-alone.jxl", false)] {
            let source = read(&Item::from_bytes(name, file(name)), &Limits::default()).expect(name);
            assert_eq!(source.facts().several, several, "{name}");
        }
        // the first one, red on the left
        let first = decoded("animated.jxl");
        assert!(
            first.data[..3].iter().zip([200, 30, 30]).all(|(a, b)| a.abs_diff(b) < 5),
            "{:?}",
            &first.data[..3]
        );
    }

    #[test]
    fn pictures_of_all_kinds_are_read() {
        let picture = fixtures::picture(91, 67, 3);
        assert_eq!(decoded("lossless.jxl"), picture);
        let off = mean_difference(&decoded("lossy.jxl"), &picture);
        assert!(off < 1.5, "{off}");
        let deep = decoded("deep.jxl");
        assert_eq!((deep.width, deep.height, deep.channels), (91, 67, 1));
        // 700 of 65535 a column, in linear light
        let seen = |at: usize| 1.055 * (at as f64 % 91.0 * 700.0 / 65_535.0).powf(1.0 / 2.4) - 0.055;
        let is_near =
            |at: usize| at.is_multiple_of(91) || (f64::from(deep.data[at]) / 255.0 - seen(at)).abs() < 0.01;
        assert!((0..91 * 67).all(is_near));
        let grey = decoded("grey.jxl");
        let luma = |at: usize| {
            let sum =
                [299, 587, 114].into_iter().zip(&picture.data[3 * at..]).map(|(a, &b)| a * i32::from(b));
            sum.sum::<i32>() / 1000
        };
        assert_eq!((grey.width, grey.height, grey.channels), (91, 67, 1));
        assert!((0..91 * 67).all(|at| (i32::from(grey.data[at]) - luma(at)).abs() <= 1));
    }

    #[test]
    fn transparent_pictures_are_laid_over_white() {
        let (found, [_, b, _, d]) = (decoded("alpha.jxl"), corners(&fixtures::picture(91, 67, 3)));
        assert_near(&corners(&found), &[[255; 3], b, [255; 3], d], 0, "alpha");
    }

    #[test]
    fn the_header_says_how_a_picture_is_turned_not_exif() {
        let [a, b, c, d] = corners(&fixtures::picture(91, 67, 3));
        let found = decoded("turned.jxl");
        assert_eq!((found.width, found.height), (67, 91));
        assert_near(&corners(&found), &[c, a, d, b], 3, "turned");
        let facts =
            |name| read(&Item::from_bytes("a", file(name)), &Limits::default()).expect("reads").facts();
        assert!(facts("turned.jxl").exif && !facts("lossless.jxl").exif);
        assert_eq!(facts("lossy.jxl").format, "jxl");
    }

    #[test]
    fn limits_hold_before_anything_is_decoded() {
        let few = Limits { max_pixels: 6000, ..Limits::default() };
        let reason = decode(&file("lossy.jxl"), &few).unwrap_err();
        assert!(reason.starts_with("jxl: too large: 91x67"), "{reason}");
    }

    #[test]
    fn damage_of_any_kind_is_survived() {
        for name in ["lossless.jxl", "lossy.jxl", "grey.jxl", "alpha.jxl"] {
            survives(&file(name), 5, 1);
        }
        let reason = decode(&file("lossy.jxl")[..100], &Limits::default()).unwrap_err();
        assert_eq!(reason, "jxl: the file ends too early (truncated)");
    }

    #[test]
    fn files_of_other_programs_are_read() {
        let expected = [[143, 133, 117], [93, 76, 52], [94, 77, 60], [98, 78, 58]];
        check_sample("8bit-sRGB.jxl", (1440, 1080), expected, 2);
    }
}

/// `tests/data/avif` holds [`fixtures::picture`] of 91x67 pixels, written by libavif as the names say.
#[cfg(feature = "avif")]
mod avif {
    use std::path::Path;

    use super::*;

    fn file(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/avif");
        std::fs::read(folder.join(name)).expect("the file is there")
    }

    fn decoded(name: &str) -> Pixels {
        decode(&file(name), &Limits::default()).expect(name)
    }

    #[test]
    fn pictures_of_all_kinds_are_read() {
        let picture = fixtures::picture(91, 67, 3);
        for name in ["420.avif", "444.avif"] {
            let off = mean_difference(&decoded(name), &picture);
            assert!(off < 1.5, "{name}: {off}");
        }
        let [a, b, c, d] = corners(&picture);
        assert_near(&corners(&decoded("alpha.avif")), &[[255; 3], b, [255; 3], d], 2, "alpha");
        assert_near(&corners(&decoded("turned.avif")), &[c, a, d, b], 2, "turned");
    }

    #[test]
    fn limits_hold_before_anything_is_decoded() {
        let few = Limits { max_pixels: 6000, ..Limits::default() };
        let reason = decode(&file("420.avif"), &few).unwrap_err();
        assert!(reason.starts_with("avif: too large: 91x67"), "{reason}");
    }

    #[test]
    fn a_picture_has_the_size_that_the_file_says() {
        let whole = file("420.avif");
        let bytes = |width: u32, height: u32| [width.to_be_bytes(), height.to_be_bytes()].concat();
        for (size, expected) in [
            (bytes(90, 67), "avif: damaged: a picture of 91x67 where the file says 90x67"),
            (bytes(16, 16), "avif: damaged: AV1: "),
            (bytes(30_000, 30_000), "avif: too large: 30000x30000 is 900 megapixels"),
        ] {
            let at = whole.windows(8).position(|window| window == bytes(91, 67)).expect("its size");
            let mut lying = whole.clone();
            lying[at..at + 8].copy_from_slice(&size);
            let reason = decode(&lying, &Limits::default()).unwrap_err();
            assert!(reason.starts_with(expected), "{reason}");
        }
        // the decoder that failed is good for the next picture
        assert_eq!(decoded("420.avif"), decode(&whole, &Limits::default()).expect("decodes"));
    }

    #[test]
    fn damage_of_any_kind_is_survived() {
        ["420.avif", "alpha.avif"].iter().for_each(|name| survives(&file(name), 7, 3));
    }

    #[test]
    fn files_of_other_programs_are_read() {
        // all turns and mirrors of one picture, each compressed anew
        let expected = [[154, 175, 172], [147, 169, 164], [65, 70, 43], [121, 117, 56]];
        for (turn, mirror) in (0..4).flat_map(|turn| [(turn, 0), (turn, 1)]) {
            check_sample(&format!("rot{turn}mir{mirror}.avif"), (640, 427), expected, 4);
        }
        let expected = [[159, 158, 154], [84, 49, 20], [91, 99, 107], [75, 70, 60]];
        check_sample("sofa_grid1x5_420.avif", (1024, 770), expected, 2);
    }
}

#[cfg(feature = "raw")]
mod raw {
    use aesearch::images::encode_jpeg;

    use super::*;

    /// A file whose first directory lies at 8, or at 16 after more of a header, and up to one more directory
    /// right after it: 12 bytes a tag, all with one long. What comes then begins where `after` says.
    fn tiff(header: &[u8], directories: [&[(u16, u32)]; 2], is_next: bool, rest: &[&[u8]]) -> Vec<u8> {
        let mut file = header.to_vec();
        for (number, tags) in directories.into_iter().filter(|tags| !tags.is_empty()).enumerate() {
            file.extend((tags.len() as u16).to_le_bytes());
            for &(tag, value) in tags {
                file.extend(tag.to_le_bytes());
                file.extend([4, 0, 1, 0, 0, 0]);
                file.extend(value.to_le_bytes());
            }
            let next = if is_next && number == 0 { file.len() + 4 } else { 0 };
            file.extend((next as u32).to_le_bytes());
        }
        rest.iter().for_each(|part| file.extend(*part));
        file
    }

    /// Where the second directory begins, and what comes after it.
    fn after(header: usize, first: usize, second: usize) -> [u32; 2] {
        let second_at = header + 6 + 12 * first;
        [second_at as u32, (second_at + if second > 0 { 6 + 12 * second } else { 0 }) as u32]
    }

    fn a_box(name: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
        let content = content.concat();
        [&(content.len() as u32 + 8).to_be_bytes(), &name[..], &content].concat()
    }

    const PLAIN: &[u8] = b"II*\0\x08\0\0\0";
    const CR2: &[u8] = b"II*\0\x10\0\0\0CR\x02\0\0\0\0\0";

    /// Files of each layout with this picture and a thumbnail, to be turned by a quarter to the right.
    fn files(large: &[u8], small: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        let (small_len, large_len) = (small.len() as u32, large.len() as u32);
        let parts = [small, large];
        let turned = (274, 6);

        let [_, at] = after(16, 4, 2);
        let strips = [(259, 6), (273, at + small_len), turned, (279, large_len)];
        let cr2 = tiff(CR2, [&strips, &[(513, at), (514, small_len)]], true, &parts);

        let [sub, at] = after(8, 3, 2);
        let jpeg = [(513, at + small_len), (514, large_len)];
        let nef = tiff(PLAIN, [&[(254, 1), turned, (330, sub)], &jpeg], false, &parts);

        let [sub, at] = after(8, 3, 3);
        let strips = [(259, 7), (273, at + small_len), (279, large_len)];
        let dng = tiff(PLAIN, [&[turned, (330, sub), (50_706, 0x401)], &strips], false, &parts);

        let [sub, at] = after(8, 5, 2);
        let first = [(254, 1), turned, (330, sub), (513, at), (514, small_len)];
        let arw = tiff(PLAIN, [&first, &[(513, at + small_len), (514, large_len)]], false, &parts);

        let [_, at] = after(8, 3, 0);
        let first = [turned, (513, at), (514, small_len)];
        let orf = tiff(b"IIRO\x08\0\0\0", [&first, &[]], false, &[small, b"OLYMPUS\0", large, b"samples"]);

        let [_, at] = after(8, 2, 0);
        let mut rw2 = tiff(b"IIU\0\x08\0\0\0", [&[(46, at), turned], &[]], false, &[large]);
        rw2[12..18].copy_from_slice(&[&[7, 0], &large_len.to_le_bytes()[..]].concat());

        let tags = tiff(PLAIN, [&[turned], &[]], false, &[]);
        let canon =
            a_box(b"uuid", &[&[7; 16], &a_box(b"CMT1", &[&tags]), &a_box(b"THMB", &[&[0; 16], small])]);
        let start = a_box(b"ftyp", &[b"crx \0\0\0\x01crx isom"]);
        let chunk = |at: usize| {
            let size = [0, large_len, 1].map(u32::to_be_bytes).concat();
            let place = [0, 1, 0, at as u32].map(u32::to_be_bytes).concat();
            let table = a_box(b"stbl", &[&a_box(b"stsz", &[&size]), &a_box(b"co64", &[&place])]);
            let track = a_box(b"trak", &[&a_box(b"mdia", &[&a_box(b"minf", &[&table])])]);
            a_box(b"moov", &[&canon, &track])
        };
        let at = start.len() + chunk(0).len() + 8;
        let cr3 = [start.clone(), chunk(at), a_box(b"mdat", &[large])].concat();
        let preview = a_box(b"PRVW", &[&[0; 16], large]);
        let film = a_box(b"moov", &[&canon]);
        let old_cr3 = [start, film, a_box(b"uuid", &[&[9; 24], &preview])].concat();

        vec![
            ("cr2", cr2),
            ("nef", nef),
            ("dng", dng),
            ("arw", arw),
            ("orf", orf),
            ("rw2", rw2),
            ("cr3", cr3),
            ("cr3 with PRVW", old_cr3),
        ]
    }

    fn raf(jpeg: &[u8]) -> Vec<u8> {
        let mut header = b"FUJIFILMCCD-RAW 0201".to_vec();
        header.resize(84, 0);
        header.extend([148, jpeg.len() as u32].map(u32::to_be_bytes).concat());
        header.resize(148, 0);
        [&header, jpeg, b"samples"].concat()
    }

    fn jpeg(width: usize, height: usize) -> (Pixels, Vec<u8>) {
        let file = encode_jpeg(&fixtures::picture(width, height, 3), 90).expect("encodes");
        (decode(&file, &Limits::default()).expect("decodes"), file)
    }

    #[test]
    fn the_largest_preview_stands_for_the_picture() {
        let (picture, large) = jpeg(800, 600);
        let (_, small) = jpeg(160, 120);
        let [a, b, c, d] = corners(&picture);
        for (name, file) in files(&large, &small) {
            let source = read(&Item::from_bytes("a", file), &Limits::default()).expect("reads");
            assert_eq!((source.facts().format, source.facts().partial), ("raw", true), "{name}");
            let found = source.decode(&Decoding::default()).expect(name);
            assert_eq!((found.width, found.height), (600, 800), "{name}");
            assert_near(&corners(&found), &[c, a, d, b], 1, name);
        }
        let found = decode(&raf(&large), &Limits::default()).expect("decodes");
        assert_eq!((found.width, found.height), (800, 600));
        assert_near(&corners(&found), &[a, b, c, d], 0, "raf");
    }

    #[test]
    fn damage_of_any_kind_is_survived() {
        let ((_, large), (_, small)) = (jpeg(40, 30), jpeg(8, 8));
        files(&large, &small).iter().for_each(|(_, file)| survives(file, 37, 3));
        survives(&raf(&large), 37, 3);
    }

    #[test]
    fn a_thumbnail_does_not_stand_for_a_preview_that_is_cut_off() {
        let ((_, large), (_, small)) = (jpeg(800, 600), jpeg(160, 120));
        for (name, file) in files(&large, &small).into_iter().filter(|(name, _)| *name != "orf") {
            let reason = decode(&file[..file.len() - large.len()], &Limits::default()).expect_err(name);
            assert_eq!(reason, "raw: the file ends too early (truncated)", "{name}");
        }
    }

    #[test]
    fn a_raw_file_without_a_preview_is_no_picture() {
        let dng = tiff(PLAIN, [&[(262, 32_803), (50_706, 0x401)], &[]], false, &[]);
        let reason = decode(&dng, &Limits::default()).unwrap_err();
        assert!(reason.starts_with("raw: unsupported: no JPEG preview"), "{reason}");
    }

    #[test]
    fn limits_hold_for_previews() {
        let ((_, large), (_, small)) = (jpeg(800, 600), jpeg(160, 120));
        let few = Limits { max_pixels: 1000, ..Limits::default() };
        for (name, file) in files(&large, &small) {
            let reason = decode(&file, &few).unwrap_err();
            assert!(reason.starts_with("raw: too large: 800x600"), "{name}: {reason}");
        }
    }

    #[test]
    fn files_of_cameras_are_read() {
        let expected = [[40, 28, 39], [36, 29, 42], [27, 11, 24], [18, 8, 29]];
        check_sample("canon_eos_6d.dng", (1024, 683), expected, 2);
    }
}
