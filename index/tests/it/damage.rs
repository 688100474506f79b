//! Damaged files: every flipped byte is found by `verify`, none makes a reader panic.

use std::fs;
use std::path::Path;

use aesearch_index::{Access, Mode, Search, SegmentBuilder, Settings, Snapshot, verify};

use crate::harness::{self, Folder};
use crate::{commit, items, open, segment_files};

/// A brief use of a damaged index: `harness::use_snapshot` would take too long for every byte.
fn use_briefly(snapshot: &Snapshot) {
    for mode in [Mode::Exact, Mode::Recall(0.0)] {
        let hits = snapshot
            .search(&[0x1234, 7], &Search { k: 20, mode, radius: None, ties: false, only: None })
            .unwrap();
        assert!(hits.iter().all(|hit| snapshot.contains(hit.id)));
        snapshot.rerank(&[1.0, 2.0, 3.0], &hits, 5, 0.0);
    }
    let settings = Settings { bits: 128, latent_size: 3, ..Settings::default() };
    let mut builder = SegmentBuilder::new(&settings).unwrap();
    for id in snapshot.ids().chain([snapshot.len() as u32, u32::MAX]) {
        let _ = builder.push_from(snapshot, id);
    }
}

fn small_index(dir: &Path) {
    let settings = Settings {
        bits: 128,
        latent_size: 3,
        bucket_size: Some(8),
        attributes: vec![("model".into(), vec![1, 2, 3])],
    };
    commit(dir, &items(40, &settings, 3), &settings);
}

/// Two segments, the first with tombstones; all bits with AESEARCH_LONG_TESTS, else one per byte.
#[test]
fn every_flipped_byte_is_found() {
    let bits = if std::env::var_os("AESEARCH_LONG_TESTS").is_some() { 8 } else { 1 };
    let folder = Folder::new();
    let sound = harness::seeds()[0].to_files();
    folder.put(&sound);
    assert_eq!(sound.len(), 4);
    for (name, bytes) in &sound {
        let path = folder.path().join(name);
        let mut damaged = bytes.clone();
        for (at, bit) in (0..bytes.len()).flat_map(|at| (at..at + bits).map(move |bit| (at, bit % 8))) {
            damaged[at] ^= 1 << bit;
            fs::write(&path, &damaged).unwrap();
            let problems = verify(folder.path()).unwrap();
            assert!(!problems.is_empty(), "byte {at} of {name}");
            assert!(problems.iter().all(|problem| problem.path == path), "{problems:?}");
            for access in [Access::Map, Access::Read] {
                if let Ok(snapshot) = Snapshot::open_with(folder.path(), access) {
                    use_briefly(&snapshot);
                }
            }
            damaged[at] = bytes[at];
        }
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(verify(folder.path()).unwrap(), []);
}

#[test]
fn nonsense_in_any_section_is_searched_without_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { bits: 128, latent_size: 3, bucket_size: Some(1), ..Settings::default() };
    commit(dir.path(), &items(7000, &settings, 3), &settings);
    assert!(!open(dir.path()).recall_curve().is_empty(), "the walk through the graph is covered");
    let path = segment_files(dir.path()).remove(0);
    let sound = fs::read(&path).unwrap();
    let (body, mut searched) = (64 + 14 * 32, 0); // header and table
    for value in [0x00, 0x01, 0xff] {
        for start in (body..sound.len()).step_by(sound.len() / 40) {
            let mut damaged = sound.clone();
            let end = (start + sound.len() / 30).min(sound.len());
            damaged[start..end].fill(value);
            fs::write(&path, &damaged).unwrap();
            // what is seen at once, such as offsets that do not begin with 0, is refused
            if let Ok(snapshot) = Snapshot::open(dir.path()) {
                use_briefly(&snapshot);
                searched += 1;
            }
        }
    }
    assert!(searched > 60, "{searched}");
}

#[test]
fn every_truncation_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    small_index(dir.path());
    for path in [segment_files(dir.path()).remove(0), dir.path().join("MANIFEST")] {
        let sound = fs::read(&path).unwrap();
        for length in (0..sound.len()).step_by(7).chain([sound.len() - 1]) {
            fs::write(&path, &sound[..length]).unwrap();
            let error = Snapshot::open(dir.path()).unwrap_err();
            assert!(error.is_damaged(), "{length} bytes: {error}");
            assert!(!verify(dir.path()).unwrap().is_empty());
        }
        let longer: Vec<u8> = sound.iter().copied().chain([0]).collect();
        fs::write(&path, longer).unwrap();
        assert!(Snapshot::open(dir.path()).unwrap_err().is_damaged());
        fs::write(&path, &sound).unwrap();
    }
    fs::remove_file(segment_files(dir.path()).remove(0)).unwrap();
    assert!(Snapshot::open(dir.path()).unwrap_err().is_damaged());
    assert_eq!(verify(dir.path()).unwrap().len(), 1);
}

/// Overwrites a field of a head and makes its checksum right again.
fn patch(path: &Path, at: usize, bytes: &[u8]) {
    let mut file = fs::read(path).unwrap();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    let covered = u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize;
    file[16..20].fill(0);
    let checksum = crc32fast::hash(&file[..covered]);
    file[16..20].copy_from_slice(&checksum.to_le_bytes());
    fs::write(path, file).unwrap();
}

#[test]
fn newer_majors_are_refused_and_newer_minors_read() {
    for manifest in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        small_index(dir.path());
        let path = if manifest { dir.path().join("MANIFEST") } else { segment_files(dir.path()).remove(0) };
        patch(&path, 10, &[9, 0]);
        assert_eq!(open(dir.path()).len(), 40);
        assert_eq!(verify(dir.path()).unwrap(), []);
        patch(&path, 8, &[3, 0]);
        let error = Snapshot::open(dir.path()).unwrap_err();
        assert!(error.is_too_new() && error.to_string().contains("upgrade"), "{error}");
        assert_eq!(verify(dir.path()).unwrap().len(), 1);
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    small_index(dir.path());
    let path = segment_files(dir.path()).remove(0);
    let sound = fs::read(&path).unwrap();
    let entry = 64; // the first section's line: kind, checksum, offset, length
    let lies: [(usize, &[u8]); 9] = [
        (20, &[200, 0, 0, 0]),                           // section count
        (32, &[255, 255, 0, 0]),                         // bits
        (44, &[255, 255, 255, 255]),                     // items
        (48, &[255, 255, 255, 255]),                     // codes
        (entry, &[99, 0, 0, 0]),                         // a known section made unknown
        (entry, &[2, 0, 0, 0]),                          // a section twice
        (entry + 8, &[1, 0, 0, 0, 0, 0, 0, 0]),          // not aligned
        (entry + 8, &[255; 8]),                          // beyond everything
        (entry + 16, &[255, 255, 255, 255, 0, 0, 0, 0]), // longer than the file
    ];
    for (at, bytes) in lies {
        patch(&path, at, bytes);
        let error = Snapshot::open(dir.path()).unwrap_err();
        assert!(error.is_damaged(), "{at}: {error}");
        assert!(!verify(dir.path()).unwrap().is_empty());
        fs::write(&path, &sound).unwrap();
    }
}
