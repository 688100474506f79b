//! Commits: all or nothing, one writer, readers that keep what they opened.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use aesearch_index::{Error, Search, SegmentBuilder, Settings, Snapshot, Writer, verify};

use crate::{commit, ids_of, items, open, segment_files};

#[test]
fn what_was_pushed_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        bits: 100,
        latent_size: 7,
        attributes: vec![("model".into(), b"digits".to_vec()), ("empty".into(), vec![])],
        ..Settings::default()
    };
    let pushed = items(50, &settings, 1);
    commit(dir.path(), &pushed, &settings);
    let snapshot = open(dir.path());
    assert_eq!((snapshot.len(), snapshot.bits(), snapshot.latent_size()), (50, 100, 7));
    assert_eq!(snapshot.attribute("model"), Some(&b"digits"[..]));
    assert_eq!((snapshot.attribute("empty"), snapshot.attribute("none")), (Some(&[][..]), None));
    for (id, item) in ids_of(&snapshot, &pushed).into_iter().zip(&pushed) {
        assert_eq!((snapshot.name(id), snapshot.payload(id)), (&item.name[..], &item.payload[..]));
        assert_eq!(snapshot.code(id), item.code);
        let latent = snapshot.latent(id).unwrap();
        for (&value, &kept) in item.latent.iter().zip(latent.values) {
            assert!((value - f32::from(kept) * latent.scale).abs() <= latent.scale * 0.51);
        }
    }
    assert!(
        snapshot.name(50).is_empty() && snapshot.code(u32::MAX).is_empty() && snapshot.latent(50).is_none()
    );
    let on_disk: u64 = segment_files(dir.path())
        .iter()
        .chain([&dir.path().join("MANIFEST")])
        .map(|path| fs::metadata(path).unwrap().len())
        .sum();
    assert_eq!(snapshot.bytes(), on_disk);
}

#[test]
fn an_empty_commit_is_an_index() {
    let dir = tempfile::tempdir().unwrap();
    commit(dir.path(), &[], &Settings::default());
    let snapshot = open(dir.path());
    assert!(snapshot.is_empty());
    assert!(snapshot.search(&[0], &Default::default()).unwrap().is_empty());
    assert_eq!(verify(dir.path()).unwrap(), []);
}

#[test]
fn no_index_is_an_error_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_path_buf(), dir.path().join("nowhere")] {
        let error = Snapshot::open(&path).unwrap_err();
        assert!(error.is_not_found());
        assert!(error.to_string().contains("no index here"), "{error}");
        assert!(verify(&path).unwrap_err().is_not_found());
    }
}

#[test]
fn a_second_writer_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::lock(dir.path().join("new/folder")).unwrap();
    let error = Writer::lock(dir.path().join("new/folder")).unwrap_err();
    assert!(error.is_locked(), "{error}");
    drop(writer);
    drop(Writer::lock(dir.path().join("new/folder")).unwrap());
}

#[test]
fn a_writer_that_commits_nothing_leaves_no_folder_behind() {
    let dir = tempfile::tempdir().unwrap();
    let [new, own, full] = ["new", "own", "full"].map(|name| dir.path().join(name));
    fs::create_dir(&own).unwrap();
    for place in [&new, &own, &full] {
        drop(Writer::lock(place).unwrap());
    }
    assert!(!new.exists() && own.exists(), "one that was there before stays");
    let writer = Writer::lock(&full).unwrap();
    fs::write(full.join("notes.txt"), "mine").unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(&full).unwrap().count(), 1, "the user's file");
    commit(&new, &[], &Settings::default());
    assert!(open(&new).is_empty());
}

#[test]
fn a_crash_before_the_rename_leaves_the_last_commit() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    commit(dir.path(), &items(20, &settings, 1), &settings);
    let left_over = [
        ("MANIFEST.tmp", &b"half a mani"[..]),
        ("0000000000000002.seg", b"AESEGMNT half a segment"),
        ("00000000000000ff.seg", b""),
        ("0000000000000001-0000000000000002.dead", b"AETOMBST"),
    ];
    for (name, bytes) in left_over {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    fs::write(dir.path().join("notes.txt"), b"the user's own").unwrap();
    assert_eq!(open(dir.path()).len(), 20);
    assert_eq!(verify(dir.path()).unwrap(), []);

    let mut writer = Writer::lock(dir.path()).unwrap();
    for (name, _) in left_over {
        assert!(!dir.path().join(name).exists(), "{name}");
    }
    writer.replace(SegmentBuilder::new(&settings).unwrap()).unwrap();
    assert!(open(dir.path()).is_empty());
    assert_eq!(segment_files(dir.path()).len(), 0, "an empty index has no segment");
    assert!(dir.path().join("notes.txt").exists());
}

#[test]
fn a_reader_keeps_its_snapshot_while_writers_commit() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    let first = items(300, &settings, 1);
    commit(dir.path(), &first, &settings);
    let reader = open(dir.path());
    for seed in 2..5 {
        commit(dir.path(), &items(100, &settings, seed), &settings);
    }
    assert_eq!(open(dir.path()).len(), 100);
    assert_eq!(reader.len(), 300);
    for item in &first {
        assert_eq!(reader.search(&item.code, &Default::default()).unwrap()[0].distance, 0);
    }
}

/// Reader and writer go on until the reader has seen enough, so that they overlap whatever their speed.
#[test]
fn readers_that_open_during_commits_see_whole_ones() {
    const ENOUGH: u64 = 40;
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    let sizes = [10usize, 20, 30];
    let versions: Vec<_> = sizes.iter().map(|&size| items(size, &settings, size as u64)).collect();
    commit(dir.path(), &versions[0], &settings);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _stop = StopOnDrop(&done); // the writer ends as well when an assertion below fails
            let (mut opened, mut generation) = (0, 0);
            while opened < ENOUGH || generation < ENOUGH {
                let snapshot = match Snapshot::open(dir.path()) {
                    Ok(snapshot) => snapshot,
                    Err(error) if error.to_string().contains("follow each other too fast") => continue,
                    Err(error) => panic!("{error}"),
                };
                let version = &versions[sizes.iter().position(|&size| size == snapshot.len()).unwrap()];
                assert_eq!(ids_of(&snapshot, version).len(), version.len());
                (opened, generation) = (opened + 1, snapshot.generation());
            }
        });
        let commits = (0..).take_while(|_| !done.load(Ordering::Relaxed));
        commits.for_each(|i| commit(dir.path(), &versions[i % 3], &settings));
    });
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn threads_do_not_change_the_bytes() {
    let files = |threads: usize| {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { bits: 128, latent_size: 3, bucket_size: Some(32), ..Settings::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| commit(dir.path(), &items(20_000, &settings, 1), &settings));
        assert!(!open(dir.path()).recall_curve().is_empty(), "calibration is covered");
        let files = segment_files(dir.path()).into_iter().chain([dir.path().join("MANIFEST")]);
        files.map(|file| fs::read(file).unwrap()).collect::<Vec<_>>()
    };
    assert!(files(1) == files(2));
}

#[test]
fn inputs_that_do_not_fit_are_refused_with_both_sides_named() {
    let settings = Settings { bits: 70, latent_size: 2, ..Settings::default() };
    let mut builder = SegmentBuilder::new(&settings).unwrap();
    let item = |code: &'static [u64], latent: &'static [f32]| aesearch_index::Item {
        name: b"",
        payload: b"",
        code,
        latent,
    };
    for wrong in [
        item(&[0], &[0.0; 2]),
        item(&[0, 1 << 6], &[0.0; 2]),
        item(&[0, 0], &[0.0; 3]),
        item(&[0, 0], &[0.0, f32::NAN]),
    ] {
        let error = builder.push(wrong).unwrap_err();
        assert!(matches!(error, Error::Input { .. }) && error.to_string().contains("expected"), "{error}");
    }
    assert!(builder.is_empty());
    for (bits, bucket_size) in [(31, 1), (257, 1), (64, 0)] {
        assert!(
            SegmentBuilder::new(&Settings { bits, bucket_size: Some(bucket_size), ..Settings::default() })
                .is_err()
        );
    }
}

#[test]
fn a_run_of_many_commits_leaves_the_bytes_of_one() {
    let settings = Settings { latent_size: 2, ..Settings::default() };
    let mut pushed = items(600, &settings, 1);
    pushed.iter_mut().step_by(3).for_each(|item| item.code = vec![42]);
    let (old, new) = pushed.split_at(400);
    let index = |parts: &[&[crate::Owned]]| {
        let dir = tempfile::tempdir().unwrap();
        commit(dir.path(), old, &settings);
        let since = open(dir.path()).generation();
        for part in parts {
            let mut builder = SegmentBuilder::new(&settings).unwrap();
            part.iter().for_each(|item| item.push_to(&mut builder));
            Writer::lock(dir.path()).unwrap().checkpoint(builder, &[], since).unwrap();
            assert_eq!(verify(dir.path()).unwrap(), []);
            let snapshot = open(dir.path());
            let hits = snapshot.search(&old[1].code, &Search { k: 1, ..Search::default() }).unwrap();
            assert_eq!(hits[0].distance, 0);
        }
        let nothing = SegmentBuilder::new(&settings).unwrap();
        Writer::lock(dir.path()).unwrap().commit_since(nothing, &[], since).unwrap();
        segment_files(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let at_once = index(&[new]);
    assert_eq!(at_once.len(), 1, "{}", at_once.len());
    let (few, many) = new.split_at(20);
    assert!(index(&[many, few]) == at_once && index(&[few, &many[..90], &many[90..], &[]]) == at_once);
    assert_eq!(index(&[few]).len(), 2, "what is older and larger stays as it is");
    assert!(index(&[few]) == index(&[&few[..7], &few[7..9], &few[9..]]));
}

#[test]
fn compacting_arranges_what_an_unfinished_run_left() {
    let settings = Settings::default();
    let (kept, pushed) = (tempfile::tempdir().unwrap(), items(2000, &settings, 1));
    let mut builder = SegmentBuilder::new(&settings).unwrap();
    pushed.iter().for_each(|item| item.push_to(&mut builder));
    Writer::lock(kept.path()).unwrap().checkpoint(builder, &[], 0).unwrap();
    let size = || fs::metadata(&segment_files(kept.path())[0]).unwrap().len();
    let before = size();
    Writer::lock(kept.path()).unwrap().compact().unwrap();
    let compacted = size();
    assert!(compacted > before, "representatives and a graph: {before}, {compacted}");
    let name = segment_files(kept.path());
    Writer::lock(kept.path()).unwrap().compact().unwrap();
    assert_eq!(segment_files(kept.path()), name, "once is enough");
}
