//! The room `images` on files made to break it: each is named with a reason or decodes, nothing panics, the
//! rest loads.

use std::fs;
use std::path::{Path, PathBuf};

use aesearch::images::{Limits, Skipped, WalkOptions, decode, encode_png, load, walk, write_png};
use image::ImageFormat;

use crate::fixtures::{self, FORMATS, RawPng, encoded_picture, picture};

/// Decoding that must fail without a panic reaching it.
fn refusal(bytes: &[u8]) -> String {
    decode(bytes, &Limits::default()).expect_err("is refused")
}

/// How many items of these paths load, and everything that does not, names without the folder.
fn loaded(root: &Path, data: &[&Path]) -> (usize, Vec<(String, String)>) {
    let mut walk =
        walk(&data.iter().map(PathBuf::from).collect::<Vec<_>>(), &WalkOptions::default()).expect("walks");
    let mut good = 0;
    for item in &walk.items {
        match load(item, &Limits::default()) {
            Ok(_) => good += 1,
            Err(reason) => walk.skipped.push(Skipped::new(item.name(), reason)),
        }
    }
    let root = format!("{}/", root.display());
    let mut bad: Vec<_> = walk.skipped.into_iter().map(|s| (s.path.replace(&root, ""), s.reason)).collect();
    bad.sort();
    (good, bad)
}

/// A PNG that claims to be of this size and holds nothing.
fn claiming(width: u32, height: u32) -> Vec<u8> {
    RawPng { width, height, depth_and_colour: [8, 2], chunks: &[], rows: &[] }.bytes()
}

#[test]
fn every_cut_of_every_format_is_refused() {
    for (ending, format) in FORMATS {
        let file = encoded_picture(12, 10, format);
        decode(&file, &Limits::default()).expect("whole, it decodes");
        for cut in 0..file.len() {
            if let Ok(pixels) = decode(&file[..cut], &Limits::default()) {
                // all pixels are there, only a trailer is not
                assert!(cut > file.len() - 40, "{ending}: cut at {cut} of {} gave {pixels:?}", file.len());
                assert_eq!(Ok(pixels), decode(&file, &Limits::default()), "{ending}: cut at {cut}");
            }
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    for (_, format) in FORMATS {
        let mut file = encoded_picture(12, 10, format);
        for bit in 0..file.len() * 8 {
            file[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(&file, &Limits { max_pixels: 1_000_000, ..Limits::default() });
            file[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn sizes_are_refused_by_their_header() {
    let reason = refusal(&claiming(30_000, 30_000));
    assert_eq!(reason, "png: too large: 30000x30000 is 900 megapixels, the limit is 200");
    assert!(refusal(&claiming(u32::MAX >> 1, u32::MAX >> 1)).starts_with("png: "));
    assert!(refusal(&claiming(0, 5)).starts_with("png: "));
    // within the limit of pixels, but of 8 bytes each
    let deep = RawPng { width: 14_000, height: 14_000, depth_and_colour: [16, 6], chunks: &[], rows: &[] };
    assert_eq!(refusal(&deep.bytes()), "png: too large: 14000x14000 decodes to 1495 MiB, the limit is 1024");
    for (ending, header) in [
        ("gif", &b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;"[..]),
        ("pnm", b"P5 60000 60000 255\n"),
        ("qoi", b"qoif\0\0\x3f\xff\0\0\x3f\xff\x03\0\0\0\0\0\0\0\0\x01"),
    ] {
        let reason = refusal(header);
        assert!(reason.contains("megapixels, the limit is 200"), "{ending}: {reason}");
    }
}

#[test]
fn unsupported_formats_are_named() {
    #[cfg(not(feature = "avif"))]
    assert_eq!(
        refusal(b"\0\0\0\x1cftypavif\0\0\0\0"),
        "AVIF images need the feature `avif`: build with it, or convert them to PNG or JPEG"
    );
    assert!(refusal(b"DDS |\0\0\0").starts_with("DDS images are detected but not supported"));
}

#[test]
fn a_hostile_folder_names_each_and_loads_the_rest() {
    let dir = tempfile::tempdir().expect("tempdir");
    let root = dir.path();
    let png = encode_png(&picture(28, 28, 1)).expect("encodes");
    fixtures::write(&root.join("0-good.png"), &png);
    fixtures::write(&root.join("truncated.png"), &png[..png.len() / 2]);
    fixtures::write(&root.join("zero.jpg"), b"");
    fixtures::write(&root.join("text.png"), b"this is no picture");
    fixtures::write(&root.join("really-a-png.jpg"), &png);
    fixtures::write(&root.join("huge.png"), &claiming(30_000, 30_000));
    fixtures::write(&root.join("photo.heic"), b"\0\0\0\x18ftypheic\0\0\0\0");
    fixtures::write(&root.join("README.txt"), b"left out without a word");
    fs::create_dir(root.join("x.png")).expect("creates");
    fixtures::write(&root.join("y.png/inside.png"), &png);
    fixtures::write(&root.join("cut-images-idx3-ubyte"), &fixtures::idx(&[5, 28, 28], &[0; 784]));
    fixtures::write(&root.join("zero-images-idx3-ubyte.gz"), b"");

    let (good, bad) = loaded(root, &[root]);
    assert_eq!(good, 3);
    let expected = [
        ("cut-images-idx3-ubyte", "idx: 5x28x28 takes 3936 bytes, the file has 800"),
        ("huge.png", "png: too large: 30000x30000 is 900 megapixels, the limit is 200"),
        ("photo.heic", "heic: the file ends too early (truncated)"),
        ("text.png", "not an image: the content is of no known format"),
        ("truncated.png", "png: the file ends too early (truncated)"),
        ("x.png", "a folder, not an image file, and no image in it"),
        ("zero-images-idx3-ubyte.gz", "idx: the file ends too early (truncated)"),
        ("zero.jpg", "empty file (0 bytes)"),
    ];
    assert_eq!(bad, expected.map(|(path, reason)| (path.to_owned(), reason.to_owned())));
}

#[test]
fn what_the_user_names_is_answered() {
    let dir = tempfile::tempdir().expect("tempdir");
    let root = dir.path();
    fixtures::write(&root.join("README.txt"), b"a text");
    fixtures::write(&root.join("l-labels-idx1-ubyte"), &fixtures::idx(&[2], &[1, 2]));
    fixtures::write(&root.join("some.gz"), &fixtures::gzip(b"a text"));
    fs::create_dir(root.join("nothing")).expect("creates");
    for name in ["README.txt", "l-labels-idx1-ubyte", "some.gz", "nothing"] {
        let (good, bad) = loaded(root, &[&root.join(name)]);
        assert_eq!((good, bad.len()), (0, 1), "{name}");
        assert_eq!(bad[0].0, name);
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_are_kept() {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let dir = tempfile::tempdir().expect("tempdir");
    let name = std::ffi::OsString::from_vec(b"caf\xe9.png".to_vec());
    let path = dir.path().join(name);
    if let Err(error) = write_png(&path, &picture(3, 3, 1)) {
        eprintln!("SKIPPED: this file system takes no such names: {error}");
        return;
    }
    let walk = walk(&[dir.path().to_path_buf()], &WalkOptions::default()).expect("walks");
    assert_eq!(&*walk.items[0].name(), path.as_os_str().as_bytes());
    assert!(walk.items[0].display().ends_with("caf\u{fffd}.png"));
    assert!(load(&walk.items[0], &Limits::default()).is_ok());
}

#[cfg(unix)]
#[test]
fn sockets_and_dead_links_are_named_not_opened() {
    let dir = tempfile::tempdir().expect("tempdir");
    let root = dir.path();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("a.png")).expect("binds");
    std::os::unix::fs::symlink("nowhere", root.join("b.png")).expect("links");
    let (good, bad) = loaded(root, &[root]);
    assert_eq!(good, 0);
    assert_eq!(bad[0], ("a.png".to_owned(), "neither a file nor a folder: not opened".to_owned()));
    assert_eq!(bad[1], ("b.png".to_owned(), "no such file or folder".to_owned()));
}

#[test]
fn idx_files_that_lie_are_refused_whole() {
    let dir = tempfile::tempdir().expect("tempdir");
    let root = dir.path();
    let images = fixtures::idx(&[4, 8, 8], &[7; 256]);
    let packed = fixtures::gzip(&images);
    let bomb = fixtures::gzip(&fixtures::idx(&[2, 8, 8], &vec![0; 4_000_000]));
    let mut flipped = packed.clone();
    let at = flipped.len() - 6;
    flipped[at] ^= 1; // in the check sum
    for (name, bytes) in [
        ("a-images-idx3-ubyte.gz", &packed[..packed.len() / 2]),
        ("b-images-idx3-ubyte.gz", &flipped),
        ("c-images-idx3-ubyte.gz", &bomb),
        ("d-images-idx3-ubyte.gz", &fixtures::gzip(&fixtures::idx(&[60_000, 28, 28], &[]))),
        ("e-images-idx3-ubyte", &fixtures::idx(&[u32::MAX, u32::MAX, u32::MAX], &[])),
        ("f-images-idx3-ubyte", &fixtures::idx(&[0, 28, 28], &[])),
    ] {
        fixtures::write(&root.join(name), bytes);
    }
    let (good, bad) = loaded(root, &[root]);
    assert_eq!((good, bad.len()), (0, 6), "{bad:?}");
    assert!(bad[2].1.ends_with("the file holds more"), "{bad:?}");
}

#[test]
fn wrong_labels_are_named_and_the_images_kept() {
    let dir = tempfile::tempdir().expect("tempdir");
    fixtures::write(&dir.path().join("x-images-idx3-ubyte"), &fixtures::idx(&[2, 1, 1], &[1, 2]));
    fixtures::write(&dir.path().join("x-labels-idx1-ubyte"), &fixtures::idx(&[3], &[1, 2, 3]));
    let (good, bad) = loaded(dir.path(), &[dir.path()]);
    assert_eq!(good, 2);
    let reason = "idx: expected 2 labels, got 3: used without labels";
    assert_eq!(bad, [("x-labels-idx1-ubyte".to_owned(), reason.to_owned())]);
}

#[test]
fn a_cut_photo_is_named_though_its_decoder_would_fill_it_with_grey() {
    let jpeg = encoded_picture(200, 150, ImageFormat::Jpeg);
    assert_eq!(refusal(&jpeg[..jpeg.len() * 9 / 10]), "jpeg: the file ends too early (truncated)");
}
