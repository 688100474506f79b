//! Containers of every kind: what they hold, under which names and labels; what is refused, with which words;
//! and that nothing that is cut short, flipped or false about itself does more than cost its own images.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::container::Opened;
use super::npy::tests::npy;
use super::skips::MAX_ENTRIES;
use super::{Container, Found, recognise};
use crate::images::source::Raw;
use crate::images::{Limits, Pixels, encode_png};

/// The bytes as a gzip file.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file of these bytes, in a folder that goes with the first of the two.
pub(super) fn written(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// A grey image of one pixel, as PNG.
fn png(value: u8) -> Vec<u8> {
    encode_png(&Pixels { width: 1, height: 1, channels: 1, data: vec![value] }).unwrap()
}

fn header(name: &str, kind: tar::EntryType, size: usize) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_cksum();
    header
}

/// A tar archive of these files.
pub(in crate::images) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        bytes.extend(header(name, tar::EntryType::Regular, content.len()).as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (i, (name, content)) in files.iter().enumerate() {
        let method = [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated][i % 2];
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn opened(path: &Path) -> Result<Opened, String> {
    match recognise(path).unwrap() {
        Found::Container(format) => Container::open(path, format, &Limits::default()),
        other => Err(format!("{other:?}")),
    }
}

/// `name label` of all images, and `name: reason` of all that was refused, without the folder.
fn told(path: &Path) -> Result<(Vec<String>, Vec<String>), String> {
    let opened = opened(path)?;
    let folder = format!("{}/", path.parent().unwrap().display());
    let skipped =
        opened.skipped.iter().map(|s| format!("{}: {}", s.path.replace(&folder, ""), s.reason)).collect();
    let Some(container) = opened.container else { return Ok((Vec::new(), skipped)) };
    let name = |index| String::from_utf8_lossy(&container.entry_name(index)).into_owned();
    for index in 0..container.len() {
        assert_eq!(container.find(&container.entry_name(index)), Some(index));
    }
    let shown = |index| format!("{} {}", name(index), container.label(index).unwrap_or("-"));
    Ok(((0..container.len()).map(shown).collect(), skipped))
}

fn bytes_of(raw: Raw) -> Vec<u8> {
    match raw {
        Raw::File(bytes) => bytes,
        Raw::Pixels(pixels) => pixels.data,
        Raw::Part(_) | Raw::Frame(_) => panic!("no image of a file"),
    }
}

/// Opens the file and reads whatever it says it has; returns how many images were read.
fn read_all(path: &Path) -> usize {
    let Ok(Opened { container: Some(container), .. }) = opened(path) else { return 0 };
    assert!(container.len() as u64 <= MAX_ENTRIES);
    let some = 0..container.len().min(100);
    some.filter(|&index| container.read(index, &Limits::default()).is_ok()).count()
}

/// Every cut and every flip of a bit in some of the bytes is survived.
fn survives(name: &str, file: &[u8], cuts: usize, flips: usize) {
    let (_dir, path) = written(name, file);
    let all = read_all(&path);
    assert!(all > 0, "{name}");
    for cut in (0..file.len()).step_by(cuts) {
        std::fs::write(&path, &file[..cut]).unwrap();
        assert!(read_all(&path) <= all, "{name} cut at {cut}");
    }
    for at in (0..file.len()).step_by(flips) {
        let mut damaged = file.to_vec();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&path, &damaged).unwrap();
        read_all(&path);
    }
}

#[test]
fn tars_hold_images_with_labels() {
    let (one, two, three) = (png(1), png(2), png(3));
    let files: [(&str, &[u8]); 8] = [
        ("./cats/1.png", &one),
        ("cats/notes.txt", b"text"),
        ("dogs/no_ending", &two),
        ("000.cls", b"5"),
        ("000.png", &three),
        ("inner.zip", b"PK"),
        ("broken.png", b"text"),
        ("empty.png", b""),
    ];
    for (name, file) in [("a.tar", tar_of(&files)), ("a.tgz", gzip(&tar_of(&files))), ("a", tar_of(&files))] {
        let (_dir, path) = written(name, &file);
        let (images, skipped) = told(&path).unwrap();
        assert_eq!(
            images,
            ["cats/1.png cats", "dogs/no_ending dogs", "000.png 5", "broken.png -", "empty.png -"]
        );
        assert_eq!(skipped, [format!("{name}#inner.zip: an archive inside an archive: not opened")]);
        let container = opened(&path).unwrap().container.unwrap();
        assert_eq!(container.in_sequence(0), name == "a.tgz");
        for (index, expected) in [(2, &three), (0, &one), (1, &two), (4, &Vec::new())] {
            assert_eq!(&bytes_of(container.read(index, &Limits::default()).unwrap()), expected);
        }
    }
}

#[test]
fn tars_say_what_they_refuse() {
    let image = png(1);
    let mut file = Vec::new();
    for (name, kind) in [
        ("link.png", tar::EntryType::Symlink),
        ("hard.png", tar::EntryType::Link),
        ("device.png", tar::EntryType::Block),
        ("pipe.png", tar::EntryType::Fifo),
        ("sparse.png", tar::EntryType::GNUSparse),
        ("folder.png", tar::EntryType::Directory),
        ("link.txt", tar::EntryType::Symlink),
    ] {
        file.extend(header(name, kind, 0).as_bytes());
    }
    file.extend(tar_of(&[
        ("/abs.png", &image),
        ("a/../../b.png", &image),
        ("c.png", &image),
        ("c.png", &image),
    ]));
    let (_dir, path) = written("a.tar", &file);
    let (images, skipped) = told(&path).unwrap();
    assert_eq!(images, ["c.png -"]);
    assert_eq!(
        skipped,
        [
            "a.tar#link.png: a link inside an archive: not followed",
            "a.tar#hard.png: a link inside an archive: not followed",
            "a.tar#device.png: neither a file nor a folder: not used",
            "a.tar#pipe.png: neither a file nor a folder: not used",
            "a.tar#sparse.png: a sparse file inside an archive: not used",
            "a.tar#/abs.png: an absolute path inside an archive: not used",
            "a.tar#a/../../b.png: a path that leads out of the archive: not used",
            "a.tar#c.png: a later entry of the same name takes its place",
        ]
    );
}

#[test]
fn long_names_are_read_and_bounded() {
    let image = png(7);
    let long = format!("{}/x.png", "n".repeat(200));
    let mut builder = tar::Builder::new(Vec::new());
    let mut gnu = tar::Header::new_gnu();
    gnu.set_size(image.len() as u64);
    builder.append_data(&mut gnu, &long, &image[..]).unwrap();
    let record = format!("{} path=pax/\u{e9}.png\n", "24 path=pax/\u{e9}.png\n".len() - 1);
    let mut file = builder.into_inner().unwrap();
    file.truncate(file.len() - 1024);
    file.extend(header("x", tar::EntryType::XHeader, record.len()).as_bytes());
    file.extend(record.as_bytes());
    file.resize(file.len().next_multiple_of(512), 0);
    file.extend(tar_of(&[("short", &image)]));
    let (_dir, path) = written("a.tar", &file);
    let (images, skipped) = told(&path).unwrap();
    assert_eq!(images, [format!("{long} {}", "n".repeat(200)), "pax/\u{e9}.png pax".to_owned()]);
    assert!(skipped.is_empty(), "{skipped:?}");

    let mut file = tar_of(&[("a.png", &image)]);
    file.truncate(file.len() - 1024);
    file.extend(header("x", tar::EntryType::GNULongName, 1 << 30).as_bytes());
    std::fs::write(&path, &file).unwrap();
    let (images, skipped) = told(&path).unwrap();
    assert_eq!(images, ["a.png -"]);
    assert!(skipped[0].starts_with("a.tar: tar: damaged: a name or record of"), "{skipped:?}");
}

#[test]
fn what_lies_before_the_damage_is_used() {
    let image = png(1);
    let whole = tar_of(&[("a.png", &image), ("b.png", &image)]);
    for cut in 0..whole.len() {
        let (_dir, path) = written("a.tar", &whole[..cut]);
        let Ok(opened) = opened(&path) else {
            assert!(cut < 512);
            continue;
        };
        let n = opened.container.as_ref().map_or(0, Container::len);
        let expected = usize::from(cut >= 512 + image.len()) + usize::from(cut >= 1536 + image.len());
        assert_eq!(n, expected, "{cut}");
        assert_eq!(opened.is_partial, !opened.skipped.is_empty());
        // the end mark may be missing
        let is_whole = cut == 1024 || cut == 2048 || cut >= 2560;
        assert_eq!(opened.is_partial, !is_whole, "{cut}");
        assert_eq!(opened.skipped.len(), usize::from(!is_whole));
    }
    let packed = gzip(&whole);
    for cut in 0..packed.len() {
        let (_dir, path) = written("a.tgz", &packed[..cut]);
        read_all(&path);
    }
}

#[test]
fn zips_hold_images_with_labels_and_say_what_they_refuse() {
    let (one, two) = (png(1), png(2));
    let file = zip_of(&[
        ("cats/1.png", &one),
        ("cats/2.png", &two),
        ("cats/notes.txt", b"text"),
        ("003", &two),
        ("004.json", b"{\"label\": \"owl\"}"),
        ("004.png", &two),
        ("/abs.png", &one),
        ("x/../../b.png", &one),
        ("inner.tar", b""),
    ]);
    let (_dir, path) = written("a.zip", &file);
    let (images, skipped) = told(&path).unwrap();
    assert_eq!(images, ["cats/1.png cats", "cats/2.png cats", "003 -", "004.png owl"]);
    assert_eq!(
        skipped,
        [
            "a.zip#/abs.png: an absolute path inside an archive: not used",
            "a.zip#x/../../b.png: a path that leads out of the archive: not used",
            "a.zip#inner.tar: an archive inside an archive: not opened",
        ]
    );
    let container = opened(&path).unwrap().container.unwrap();
    for (index, expected) in [(1, &two), (0, &one), (3, &two)] {
        assert_eq!(&bytes_of(container.read(index, &Limits::default()).unwrap()), expected);
    }
    // an entry that is not what the directory says
    let mut flipped = file.clone();
    flipped[30 + "cats/1.png".len() + 20] ^= 1;
    std::fs::write(&path, &flipped).unwrap();
    let container = opened(&path).unwrap().container.unwrap();
    assert!(container.read(0, &Limits::default()).unwrap_err().starts_with("damaged: the entry"));
    // documents are zips too
    let (_dir, path) = written("text.docx", &file);
    assert_eq!(recognise(&path).unwrap(), Found::SomeZip);
}

#[test]
fn of_two_entries_with_one_name_the_later_counts_and_the_other_is_told() {
    let (one, two) = (png(1), png(2));
    let files = [("d/a.png", one.as_slice()), ("d/b.png", &one), ("d/c.png", &two)];
    // the writer refuses two of one name
    let mut zip = zip_of(&files);
    for at in 0..zip.len() - 7 {
        if &zip[at..at + 7] == b"d/c.png" {
            zip[at..at + 7].copy_from_slice(b"d/a.png");
        }
    }
    let tar = tar_of(&[files[0], files[1], ("d/a.png", &two)]);
    for (name, file) in [("a.zip", zip), ("a.tar", tar)] {
        let (_dir, path) = written(name, &file);
        let (images, skipped) = told(&path).unwrap();
        assert_eq!(images.len(), 2, "{name}: {images:?}");
        assert_eq!(skipped, [format!("{name}#d/a.png: a later entry of the same name takes its place")]);
        let container = opened(&path).unwrap().container.unwrap();
        let at = container.find(b"d/a.png").unwrap();
        assert_eq!(bytes_of(container.read(at, &Limits::default()).unwrap()), two);
    }
}

#[test]
fn an_entry_that_is_too_large_is_not_read() {
    let image = png(1);
    for (name, bytes) in [("a.tar", tar_of(&[("a.png", &image)])), ("a.zip", zip_of(&[("a.png", &image)]))] {
        let (_dir, path) = written(name, &bytes);
        let container = opened(&path).unwrap().container.unwrap();
        let limits = Limits { max_file_bytes: 10, ..Limits::default() };
        assert!(container.read(0, &limits).unwrap_err().starts_with("file too large"), "{name}");
    }
}

#[test]
fn encrypted_and_exotic_entries_are_refused_one_by_one() {
    let image = png(1);
    let mut file = zip_of(&[("a.png", &image), ("b.png", &image), ("c.png", &image)]);
    let directory = file.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let entries: Vec<usize> =
        (directory..file.len() - 4).filter(|&at| &file[at..at + 4] == b"PK\x01\x02").collect();
    file[entries[0] + 8] |= 1; // encrypted
    file[entries[1] + 10] = 14; // LZMA
    let (_dir, path) = written("a.zip", &file);
    let (images, skipped) = told(&path).unwrap();
    assert_eq!(images, ["c.png -"]);
    assert_eq!(skipped[0], "a.zip#a.png: encrypted: not read");
    assert!(skipped[1].starts_with("a.zip#b.png: packed by "), "{skipped:?}");
}

#[test]
fn npz_arrays_have_names_and_labels() {
    let files = [
        ("x_train.npy", npy("|u1", "(2, 1, 2)", &[1, 2, 3, 4])),
        ("y_train.npy", npy("<i8", "(2,)", &[7_i64, 8].map(i64::to_le_bytes).concat())),
        ("x_test.npy", npy("|u1", "(1, 1, 1, 3)", &[5, 6, 7])),
        ("y_test.npy", npy("<i8", "(1, 1)", &9_i64.to_le_bytes())),
        ("mean.npy", npy("<f4", "(1, 1, 1)", &[0; 4])),
    ];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    let (_dir, path) = written("a.npz", &zip_of(&files));
    let (images, skipped) = told(&path).unwrap();
    assert_eq!(images, ["x_train/0 7", "x_train/1 8", "x_test/0 9"]);
    assert_eq!(skipped, ["a.npz#mean: npy: expected images of uint8, got 1x1x1 of dtype <f4"]);
    let container = opened(&path).unwrap().container.unwrap();
    let Raw::Pixels(pixels) = container.read(1, &Limits::default()).unwrap() else { panic!("pixels") };
    assert_eq!(pixels, Pixels { width: 2, height: 1, channels: 1, data: vec![3, 4] });
    assert_eq!(bytes_of(container.read(2, &Limits::default()).unwrap()), [5, 6, 7]);

    let (_dir, path) = written("one.npz", &zip_of(&files[..2]));
    assert_eq!(told(&path).unwrap().0, ["0 7", "1 8"]);
    let (_dir, path) = written("labels.npz", &zip_of(&files[1..2]));
    assert_eq!(told(&path).unwrap(), (vec![], vec![]));
}

#[test]
fn npy_labels_lie_beside() {
    let (dir, path) = written("x_train.npy", &npy("|u1", "(2, 1, 2)", &[1, 2, 3, 4]));
    assert_eq!(told(&path).unwrap().0, ["0 -", "1 -"]);
    std::fs::write(dir.path().join("y_train.npy"), npy("|u1", "(2,)", &[4, 2])).unwrap();
    assert_eq!(told(&path).unwrap().0, ["0 4", "1 2"]);
    std::fs::write(dir.path().join("y_train.npy"), npy("|u1", "(3,)", &[4, 2, 0])).unwrap();
    let (images, skipped) = told(&path).unwrap();
    assert_eq!(images, ["0 -", "1 -"]);
    assert_eq!(skipped, ["y_train.npy: npy: expected 2 labels, got 3: used without labels"]);
}

#[test]
fn large_packed_arrays_are_read_in_passing() {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8 & 15
    });
    let n = 70_000;
    let pixels: Vec<u8> = noise.take(1000).collect::<Vec<_>>().into_iter().cycle().take(n * 1024).collect();
    let file =
        [&[0, 0, 8, 3][..], &(n as u32).to_be_bytes(), &32_u32.to_be_bytes(), &32_u32.to_be_bytes(), &pixels];
    let (_dir, path) = written("big-images-idx3-ubyte.gz", &gzip(&file.concat()));
    let container = opened(&path).unwrap().container.unwrap();
    assert!(container.in_sequence(0));
    for index in [5, 6, 69_999, 7] {
        assert!(
            bytes_of(container.read(index, &Limits::default()).unwrap()) == pixels[index * 1024..][..1024]
        );
    }
}

#[test]
fn claims_of_another_kind_are_told() {
    for (name, what) in [
        ("a.tar", "a tar archive"),
        ("a.TGZ", "a packed tar archive"),
        ("a.zip", "a zip archive"),
        ("a.parquet", "a Parquet table"),
        ("a.npz", "a NumPy archive"),
        ("a.npy", "a NumPy array"),
    ] {
        let (_dir, path) = written(name, b"just a text, longer than some magic");
        assert_eq!(recognise(&path).unwrap(), Found::Misnamed(what));
    }
}

#[test]
fn damage_of_any_kind_is_survived() {
    let image = png(1);
    let files: [(&str, &[u8]); 3] = [("a.png", &image), ("b/c.png", &image), ("b/c.cls", b"3")];
    survives("a.tar", &tar_of(&files), 61, 7);
    survives("a.tgz", &gzip(&tar_of(&files)), 3, 2);
    survives("a.zip", &zip_of(&files), 1, 2);
    let array = npy("|u1", "(2, 2, 2)", &[1, 2, 3, 4, 5, 6, 7, 8]);
    survives("a.npy", &array, 1, 1);
    survives("a.npz", &zip_of(&[("x.npy", &array), ("y.npy", &npy("|u1", "(2,)", &[1, 2]))]), 3, 3);
    survives("a.idx", &[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4], 1, 1);
}
