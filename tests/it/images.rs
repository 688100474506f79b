//! The room `images` on good files: what is found, in which order, under which names, and that every format
//! becomes the pixels it should.

use std::fs;
use std::path::{Path, PathBuf};

use aesearch::images::{
    InputShape, Limits, Pixels, Resizer, Walk, WalkOptions, decode, encode_png, load, walk, write_png,
};
use image::{DynamicImage, ImageBuffer, ImageFormat};

use crate::fixtures::{self, FORMATS, RawPng, encode, encoded_picture, picture, webp_with_exif};

fn decoded(bytes: &[u8]) -> Pixels {
    decode(bytes, &Limits::default()).expect("decodes")
}

fn walked(data: &[&Path]) -> Walk {
    walk(&data.iter().map(PathBuf::from).collect::<Vec<_>>(), &WalkOptions::default()).expect("walks")
}

/// Names below `root`, each with its label.
fn found(walk: &Walk, root: &Path) -> Vec<String> {
    let root = format!("{}/", root.display());
    let one = |item: &aesearch::images::Item| {
        format!("{} {}", item.display().replace(&root, ""), item.label().unwrap_or("-"))
    };
    walk.items.iter().map(one).collect()
}

#[test]
fn every_format_decodes() {
    let expected = picture(20, 30, 3);
    for (ending, format) in FORMATS {
        let pixels = decoded(&encoded_picture(20, 30, format));
        assert_eq!((pixels.width, pixels.height, pixels.channels), (20, 30, 3), "{ending}");
        let most = match format {
            ImageFormat::Jpeg => 24,
            ImageFormat::Gif => 64, // 256 colours
            _ => 0,
        };
        let worst = pixels.data.iter().zip(&expected.data).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(most), "{ending}: off by {worst:?}");
    }
}

#[test]
fn grey_stays_grey() {
    let grey = picture(5, 4, 1);
    assert_eq!(decoded(&encode_png(&grey).expect("encodes")), grey);
}

#[test]
fn sixteen_bits_are_rounded_to_eight() {
    let grey = ImageBuffer::from_raw(4, 1, vec![0_u16, 128, 129, 65_535]).expect("fits");
    let pixels = decoded(&encode(&DynamicImage::ImageLuma16(grey), ImageFormat::Png));
    assert_eq!(pixels, Pixels { width: 4, height: 1, channels: 1, data: vec![0, 0, 1, 255] });
}

#[test]
fn transparent_images_are_laid_over_a_ground() {
    let rgba =
        |data: &[u8]| DynamicImage::ImageRgba8(ImageBuffer::from_raw(2, 1, data.to_vec()).expect("fits"));
    let formats =
        [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Tga, ImageFormat::Qoi];
    for format in formats.into_iter().chain([ImageFormat::Bmp, ImageFormat::Ico]) {
        let data = |values: &[u8]| decoded(&encode(&rgba(values), format)).data;
        assert_eq!(data(&[200, 100, 50, 128, 9, 9, 9, 0]), [227, 177, 152, 255, 255, 255], "{format:?}");
        assert_eq!(data(&[250, 255, 255, 255, 255, 255, 255, 0]), [250, 255, 255, 0, 0, 0], "{format:?}");
        assert_eq!(data(&[1, 2, 3, 255, 255, 255, 255, 255]), [1, 2, 3, 255, 255, 255], "opaque: {format:?}");
        assert_eq!(data(&[1, 2, 3, 0, 4, 5, 6, 0]), [1, 2, 3, 4, 5, 6], "never set: {format:?}");
    }
    let grey = ImageBuffer::from_raw(2, 1, vec![0_u16, 32_768, 65_535, 0]).expect("fits");
    let pixels = decoded(&encode(&DynamicImage::ImageLumaA16(grey), ImageFormat::Png));
    assert_eq!((pixels.channels, &pixels.data[..]), (1, &[127, 255][..]));
}

#[test]
fn palettes_are_looked_up() {
    let palette = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255];
    let png = RawPng {
        width: 4,
        height: 1,
        depth_and_colour: [2, 3],
        chunks: &[(b"PLTE", &palette), (b"tRNS", &[255, 255, 0])],
        rows: &[0, 0b00_01_10_11],
    };
    assert_eq!(decoded(&png.bytes()).data, [0, 0, 0, 255, 0, 0, 255, 255, 255, 0, 0, 255]);
}

#[test]
fn cmyk_becomes_rgb() {
    // four blocks of 8x8: red, green over blue, white; written by Pillow
    let pixels = decoded(include_bytes!("../data/cmyk.jpg"));
    let corners =
        [(0, [255, 0, 0]), (15, [0, 255, 0]), (15 * 16, [0, 0, 255]), (15 * 16 + 15, [255, 255, 255])];
    for (at, expected) in corners {
        let pixel = &pixels.data[at * 3..][..3];
        assert!(pixel.iter().zip(expected).all(|(a, b): (&u8, u8)| a.abs_diff(b) < 16), "{at}: {pixel:?}");
    }
}

#[test]
fn exif_turns_the_image_upright() {
    // orientation 6: the camera stood on its side, the picture is to be turned clockwise
    let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut jpeg = encoded_picture(24, 16, ImageFormat::Jpeg);
    let segment = [b"\xff\xe1\0\x22Exif\0\0", &tiff[..]].concat();
    assert_eq!(segment.len(), 0x22 + 2);
    jpeg.splice(2..2, segment);
    let upright = decoded(&jpeg);
    assert_eq!((upright.width, upright.height), (16, 24));
    let [red, green] = [upright.data[15 * 3], upright.data[15 * 3 + 1]];
    assert!(red < 16 && green < 16, "the first pixel is now top right, got {red} {green}");

    let png = RawPng {
        width: 2,
        height: 1,
        depth_and_colour: [8, 0],
        chunks: &[(b"eXIf", tiff)],
        rows: &[0, 10, 20],
    };
    assert_eq!(decoded(&png.bytes()), Pixels { width: 1, height: 2, channels: 1, data: vec![10, 20] });

    // some writers put the prefix of JPEG into WebP too
    let upright = picture(5, 7, 3);
    for prefix in [&b""[..], b"Exif\0\0"] {
        let lying = upright_by(&upright, |x, y| (4 - y, x), 7, 5);
        let webp = webp_with_exif(&lying, &[prefix, tiff].concat());
        assert_eq!(decoded(&webp), upright, "{prefix:?}");
    }
}

/// What shows, at each place, the pixel of an image at another one.
fn upright_by(
    image: &Pixels,
    place: impl Fn(usize, usize) -> (usize, usize),
    width: u32,
    height: u32,
) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        let (from_x, from_y) = place(x as usize, y as usize);
        image::Rgb(*image.data[(from_y * image.width + from_x) * 3..].first_chunk().expect("inside"))
    })
}

#[test]
fn xmp_turns_the_image_where_exif_does_not() {
    let xmp = b"XML:com.adobe.xmp\0\0\0\0\0<rdf:Description tiff:Orientation=\"3\"/>";
    let png = RawPng {
        width: 2,
        height: 1,
        depth_and_colour: [8, 0],
        chunks: &[(b"iTXt", xmp)],
        rows: &[0, 10, 20],
    };
    assert_eq!(decoded(&png.bytes()).data, [20, 10]);
}

#[test]
fn os2_bitmaps_and_bare_ones_are_read() {
    let windows = encoded_picture(5, 4, ImageFormat::Bmp);
    let expected = decoded(&windows);
    assert_eq!(windows[14], 40, "the header of Windows");
    assert_eq!(decoded(&windows[14..]), expected, "without a file header");
    for size in [16, 64_u8] {
        let mut os2 = windows[..14].to_vec();
        os2[10] = 14 + size;
        let mut header = windows[14..54].to_vec();
        header.resize(64, 7);
        header.truncate(usize::from(size));
        header[0] = size;
        os2.extend(header);
        os2.extend(&windows[54..]);
        assert_eq!(decoded(&os2), expected, "{size}");
        if size == 64 {
            os2[14 + 16] = 4;
            let reason = decode(&os2, &Limits::default()).expect_err("run-length");
            assert!(reason.starts_with("bmp: not supported: OS/2's 24-bit run-length"), "{reason}");
        }
    }
}

#[test]
fn icons_may_hold_any_png_and_bitmaps_with_masks() {
    let icon = |content: &[u8]| {
        let mut file = b"\0\0\x01\0\x01\0\x05\x04\0\0\x01\0\x08\0".to_vec();
        file.extend((content.len() as u32).to_le_bytes());
        file.extend([22, 0, 0, 0]);
        file.extend(content);
        file
    };
    let grey = picture(5, 4, 1);
    assert_eq!(decoded(&icon(&encode_png(&grey).expect("encodes"))), grey);

    let bmp = encoded_picture(5, 4, ImageFormat::Bmp);
    let mut bitmap = bmp[14..].to_vec();
    bitmap[8] *= 2;
    let expected = decoded(&bmp);
    assert_eq!(decoded(&icon(&bitmap)), expected, "without a mask");
    // the last row of the mask is the first of the picture
    bitmap.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0b0100_0000, 0, 0, 0]);
    let mut masked = expected.clone();
    masked.data[3..6].fill(255);
    assert_eq!(decoded(&icon(&bitmap)), masked);
}

#[test]
fn written_png_reads_back_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("a.png");
    for pixels in [picture(3, 2, 1), picture(2, 3, 3)] {
        write_png(&path, &pixels).expect("writes");
        assert_eq!(decoded(&fs::read(&path).expect("reads")), pixels);
    }
    assert_eq!(fs::read_dir(dir.path()).expect("lists").count(), 1);
    let wrong = Pixels { width: 3, height: 2, channels: 1, data: vec![0; 5] };
    assert!(write_png(&path, &wrong).is_err());
    assert!(encode_png(&Pixels { width: 0, height: 0, channels: 1, data: vec![] }).is_err());
}

#[test]
fn a_folder_is_walked_in_order() {
    let dir = tempfile::tempdir().expect("tempdir");
    let root = dir.path().join("set");
    let png = encode_png(&picture(3, 3, 1)).expect("encodes");
    for name in ["7/b.png", "7/a.PNG", "7/deep/c.png", "10/x.png", ".hidden/y.png", "7/.z.png", "no_ending"] {
        fixtures::write(&root.join(name), &png);
    }
    fixtures::write(&root.join("README.txt"), b"BMP files are images, this is none");
    fixtures::write(&root.join("notes.gz"), &fixtures::gzip(b"neither"));
    fixtures::write(&root.join("empty.txt"), b"");
    let expected = ["10/x.png 10", "7/a.PNG 7", "7/b.png 7", "7/deep/c.png deep", "no_ending set"];

    let once = walked(&[&root]);
    assert_eq!(found(&once, &root), expected);
    assert_eq!(once.skipped, []);
    // reached again, by folder or by name, before or after: still once
    for data in [[&root, &root.join("7")], [&root, &root.join("7/b.png")], [&root, &root]] {
        assert_eq!(found(&walked(&data.map(PathBuf::as_path)), &root), expected);
    }
    let first = walked(&[&root.join("7/./b.png"), &root]);
    assert_eq!((first.items.len(), first.skipped.len()), (5, 0));
    for item in &once.items {
        assert_eq!(load(item, &Limits::default()).expect("loads").pixels, picture(3, 3, 1));
    }
}

#[test]
fn a_path_that_does_not_exist_is_an_error() {
    let error =
        walk(&[PathBuf::from("no/such/place")], &WalkOptions::default()).expect_err("fails").to_string();
    assert_eq!(error, "no/such/place: no such file or folder");
}

#[cfg(unix)]
#[test]
fn loops_of_links_end() {
    let dir = tempfile::tempdir().expect("tempdir");
    let root = dir.path().join("set");
    fixtures::write(&root.join("a/x.png"), &encode_png(&picture(3, 3, 1)).expect("encodes"));
    fs::create_dir(root.join("b")).expect("creates");
    for (target, link) in [("..", "a/up"), ("../b", "a/b"), ("../a", "b/a"), ("a/x.png", "linked.png")] {
        std::os::unix::fs::symlink(target, root.join(link)).expect("links");
    }
    let walk = walked(&[&root]);
    assert_eq!(found(&walk, &root), ["a/x.png a", "linked.png set"]);
    assert_eq!(walk.skipped, []);
}

#[test]
fn idx_entries_have_names_labels_and_stamps() {
    let dir = tempfile::tempdir().expect("tempdir");
    let images = fixtures::idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    let path = dir.path().join("t-images-idx3-ubyte.gz");
    fixtures::write(&path, &fixtures::gzip(&images));
    fixtures::write(&dir.path().join("t-labels-idx1-ubyte"), &fixtures::idx(&[2], &[9, 4]));
    fixtures::write(&dir.path().join("plain"), &images);

    let walk = walked(&[dir.path()]);
    assert_eq!(walk.skipped, []);
    let names = ["plain#0 -", "plain#1 -", "t-images-idx3-ubyte.gz#0 9", "t-images-idx3-ubyte.gz#1 4"];
    assert_eq!(found(&walk, dir.path()), names);
    let loaded: Vec<_> =
        walk.items.iter().map(|item| load(item, &Limits::default()).expect("loads")).collect();
    assert_eq!(loaded[3].pixels, Pixels { width: 3, height: 1, channels: 1, data: vec![4, 5, 6] });
    assert_eq!(loaded[1].stamp.hash, loaded[3].stamp.hash);
    assert_ne!(loaded[0].stamp.hash, loaded[1].stamp.hash);
    let stamp = loaded[3].stamp;
    assert_eq!(walk.items[3].quick_stamp(), Ok((stamp.size, stamp.mtime_ns)));
    assert_eq!(stamp.size, fs::metadata(&path).expect("stat").len());
}

#[test]
fn a_stamp_follows_the_file() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("a.png");
    write_png(&path, &picture(3, 3, 1)).expect("writes");
    let item = walked(&[&path]).items.remove(0);
    let before = load(&item, &Limits::default()).expect("loads").stamp;
    assert_eq!(item.quick_stamp(), Ok((before.size, before.mtime_ns)));
    assert_eq!(load(&item, &Limits::default()).expect("loads").stamp, before);
    write_png(&path, &picture(4, 3, 1)).expect("writes");
    assert_ne!(load(&item, &Limits::default()).expect("loads").stamp.hash, before.hash);
}

#[test]
fn mnist_is_read_as_it_is() {
    let Some(data) = fixtures::shared_data() else { return };
    let walk = walked(&[&data.join("mnist/t10k-images-idx3-ubyte.gz")]);
    assert_eq!((walk.items.len(), walk.skipped.len()), (10_000, 0));
    let first: Vec<_> = walk.items[..10].iter().filter_map(|item| item.label()).collect();
    assert_eq!(first.join(""), "7210414959");
    let pixels = load(&walk.items[0], &Limits::default()).expect("loads").pixels;
    let mut input = vec![0.0; 784]; // [C, H, W], 0..=1
    let shape = InputShape { channels: 1, height: 28, width: 28 };
    Resizer::new().to_input(&pixels, shape, &mut input).expect("fits");
    let sum: f32 = input.iter().sum();
    assert_eq!((sum * 255.0).round(), pixels.data.iter().map(|&v| f32::from(v)).sum::<f32>());
    assert_eq!(walked(&[&data.join("mnist")]).items.len(), 70_000);
}
