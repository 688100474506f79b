//! A segment of format 1.0, kept: it must stay readable, and the same items must still make the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use aesearch_index::{Mode, Search, Settings, verify};

use crate::{commit, items, open, segment_files};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/format-1.0")
}

fn settings() -> Settings {
    Settings {
        bits: 64,
        latent_size: 4,
        bucket_size: 8,
        attributes: vec![("model".into(), b"golden".to_vec())],
    }
}

#[test]
fn the_golden_index_is_read_verified_and_searched() {
    let snapshot = open(&golden());
    assert_eq!(verify(&golden()).unwrap(), []);
    let pushed = items(60, &settings(), 10);
    assert_eq!((snapshot.len(), snapshot.bits(), snapshot.latent_size()), (60, 64, 4));
    assert_eq!(snapshot.attribute("model"), Some(&b"golden"[..]));
    for (id, item) in pushed.iter().enumerate() {
        let hits = snapshot
            .search(&item.code, &Search { k: 1, mode: Mode::Exact, radius: None, ties: false })
            .unwrap();
        assert_eq!((hits[0].id, hits[0].distance), (id as u32, 0));
        assert_eq!(
            (snapshot.name(id as u32), snapshot.payload(id as u32)),
            (&item.name[..], &item.payload[..])
        );
    }
}

/// After a wanted change of the format: bump its version, keep the old folder, run with AESEARCH_WRITE_GOLDEN=1.
#[test]
fn the_same_items_make_the_golden_bytes() {
    let dir = tempfile::tempdir().unwrap();
    commit(dir.path(), &items(60, &settings(), 10), &settings());
    let mut files = segment_files(dir.path());
    files.push(dir.path().join("MANIFEST"));
    if std::env::var_os("AESEARCH_WRITE_GOLDEN").is_some() {
        fs::create_dir_all(golden()).unwrap();
        for file in &files {
            fs::copy(file, golden().join(file.file_name().unwrap())).unwrap();
        }
    }
    for file in files {
        let kept = fs::read(golden().join(file.file_name().unwrap())).unwrap();
        assert!(fs::read(&file).unwrap() == kept, "{} differs from the golden one", file.display());
    }
}
