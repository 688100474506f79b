//! The golden indexes of formats 2.0 and 2.1: they must stay readable, and the same commits must still make
//! the bytes of 2.1.

use std::fs;
use std::path::{Path, PathBuf};

use aesearch_index::{Mode, Search, SegmentBuilder, Settings, Value, Writer, verify};

use crate::{Owned, commit, ids_of, items, open};

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("format-{version}"))
}

fn settings() -> Settings {
    Settings {
        bits: 64,
        latent_size: 2,
        bucket_size: Some(8),
        attributes: vec![("model".into(), b"golden".to_vec())],
    }
}

/// Two segments, the first with tombstones, the second with columns; returns the live items.
fn make(dir: &Path) -> Vec<Owned> {
    let (first, second) = (items(2000, &settings(), 10), items(5, &settings(), 11));
    commit(dir, &first, &settings());
    let ids = ids_of(&open(dir), &first);
    let mut builder = SegmentBuilder::new(&settings()).unwrap();
    for (item, i) in second.iter().zip(0..) {
        item.push_to(&mut builder);
        builder.set("width", Value::Integer(640 * i)).unwrap();
        builder.set("camera", Value::Text(["Pixel 8", "EOS R5"][i as usize % 2])).unwrap();
    }
    Writer::lock(dir).unwrap().commit(builder, &ids[..3]).unwrap();
    [&first[3..], &second[..]].concat()
}

#[test]
fn the_golden_indexes_are_read_verified_and_searched() {
    for version in ["2.0", "2.1"] {
        is_read(version);
    }
}

fn is_read(version: &str) {
    let dir = tempfile::tempdir().unwrap();
    let pushed = make(dir.path());
    let snapshot = open(&golden(version));
    assert_eq!(verify(golden(version)).unwrap(), []);
    assert_eq!((snapshot.len(), snapshot.segments(), snapshot.dead()), (2002, 2, 3));
    assert!(!snapshot.recall_curve().is_empty(), "calibration and the graph are part of it");
    assert_eq!((snapshot.bits(), snapshot.latent_size()), (64, 2));
    assert_eq!(snapshot.attribute("model"), Some(&b"golden"[..]));
    for (id, item) in ids_of(&snapshot, &pushed).into_iter().zip(&pushed).step_by(20) {
        let search = Search { k: 1, mode: Mode::Exact, radius: None, ties: false, only: None };
        let hits = snapshot.search(&item.code, &search).unwrap();
        assert_eq!((hits[0].id, hits[0].distance), (id, 0));
        assert_eq!((snapshot.name(id), snapshot.payload(id)), (&item.name[..], &item.payload[..]));
    }
    let columns: &[&str] = if version == "2.0" { &[] } else { &["camera", "width"] };
    assert_eq!(snapshot.columns(), columns);
    let wide = snapshot.select("width", |value| matches!(value, Value::Integer(width) if width > 640));
    assert_eq!(wide.len(), if version == "2.0" { 0 } else { 3 });
}

/// After an intended change of the format, bump its version, keep the old folder, and set
/// AESEARCH_WRITE_GOLDEN=1.
#[test]
fn the_same_commits_make_the_golden_bytes() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let names = |dir: &Path| {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.filter(|name| name != "LOCK").collect();
        names.sort();
        names
    };
    if std::env::var_os("AESEARCH_WRITE_GOLDEN").is_some() {
        fs::create_dir_all(golden("2.1")).unwrap();
        for name in names(dir.path()) {
            fs::copy(dir.path().join(&name), golden("2.1").join(&name)).unwrap();
        }
    }
    assert_eq!(names(dir.path()), names(&golden("2.1")));
    for name in names(dir.path()) {
        let (made, kept) = (dir.path().join(&name), golden("2.1").join(&name));
        assert!(
            fs::read(made).unwrap() == fs::read(kept).unwrap(),
            "{} differs from the golden one",
            name.display()
        );
    }
}
