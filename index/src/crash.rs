//! Tests of what a crash leaves behind: a disk that freezes after any step of a commit, as in a killed
//! process or a power cut.
//!
//! Killed: everything done so far is there. Power cut: files that were not synced are empty, half there or
//! whole, and names, renames and removals may or may not have happened. Each time the index must open as it
//! was before the commit or after it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use crate::storage::{Disk, Storage};
use crate::testing::random_words;
use crate::{Item, SegmentBuilder, Settings, Snapshot, Writer, repair, verify};

/// A change of a folder that its sync has not made durable yet.
#[derive(Debug, Clone)]
enum Pending {
    Created(PathBuf),
    Renamed { from: PathBuf, to: PathBuf, old: Option<Vec<u8>> },
    Removed(PathBuf, Vec<u8>),
}

#[derive(Debug, Default)]
struct State {
    steps_left: usize,
    unsynced: BTreeSet<PathBuf>,
    pending: Vec<Pending>,
}

/// The real disk for some steps, then an error at each. Nothing is really synced: what a sync would keep is
/// recorded instead.
#[derive(Debug, Clone)]
struct Freezing(Arc<Mutex<State>>);

impl Freezing {
    fn after(steps: usize) -> Self {
        Freezing(Arc::new(Mutex::new(State { steps_left: steps, ..State::default() })))
    }

    fn step<T>(&self, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.0.lock().unwrap();
        state.steps_left = state.steps_left.checked_sub(1).ok_or_else(|| io::Error::other("frozen"))?;
        act(&mut state)
    }

    fn is_frozen(&self) -> bool {
        self.0.lock().unwrap().steps_left == 0
    }
}

impl Storage for Freezing {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step(|state| {
            state.unsynced.insert(path.to_path_buf());
            state.pending.push(Pending::Created(path.to_path_buf()));
            Disk.create(path)
        })
    }

    fn sync(&self, path: &Path, _: &File) -> io::Result<()> {
        self.step(|state| {
            state.unsynced.remove(path);
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|state| {
            let (from, to) = (from.to_path_buf(), to.to_path_buf());
            state.pending.push(Pending::Renamed {
                old: fs::read(&to).ok(),
                from: from.clone(),
                to: to.clone(),
            });
            Disk.rename(&from, &to)
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|state| {
            state.pending.push(Pending::Removed(path.to_path_buf(), fs::read(path)?));
            Disk.remove(path)
        })
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        self.step(|state| {
            state.pending.clear();
            Ok(())
        })
    }
}

/// What a power cut leaves of the unsynced content of a file.
const CONTENTS: [fn(&mut Vec<u8>); 3] = [
    |_| {},
    |bytes| bytes.clear(),
    |bytes| {
        let half = bytes.len() / 2;
        bytes[half..].fill(0);
    },
];

/// Turns the folder into what a power cut leaves of it: `content` damages unsynced files, and change `i` is
/// undone where bit `i` of `undone` is set.
fn cut_power(state: &State, content: fn(&mut Vec<u8>), undone: u64) {
    for path in &state.unsynced {
        if let Ok(mut bytes) = fs::read(path) {
            content(&mut bytes);
            fs::write(path, bytes).unwrap();
        }
    }
    for (at, pending) in state.pending.iter().enumerate().rev() {
        if undone >> at & 1 == 0 {
            continue;
        }
        match pending {
            Pending::Created(path) => {
                let _ = fs::remove_file(path);
            }
            Pending::Removed(path, bytes) => fs::write(path, bytes).unwrap(),
            Pending::Renamed { from, to, old } => {
                fs::rename(to, from).unwrap();
                if let Some(old) = old {
                    fs::write(to, old).unwrap();
                }
            }
        }
    }
}

fn settings() -> Settings {
    Settings { latent_size: 2, bucket_size: Some(4), ..Settings::default() }
}

fn builder(names: std::ops::Range<u64>) -> SegmentBuilder {
    let mut builder = SegmentBuilder::new(&settings()).unwrap();
    for name in names {
        let code = random_words(1, name);
        let name = name.to_string();
        builder
            .push(Item { name: name.as_bytes(), payload: b"p", code: &code, latent: &[1.0, 0.5] })
            .unwrap();
    }
    builder
}

/// The names in the index, sorted, each found by its own code.
fn content(dir: &Path) -> Vec<u64> {
    let snapshot = Snapshot::open(dir).unwrap();
    let mut names: Vec<u64> =
        snapshot.ids().map(|id| std::str::from_utf8(snapshot.name(id)).unwrap().parse().unwrap()).collect();
    for id in snapshot.ids() {
        assert!(
            snapshot.search(snapshot.code(id), &Default::default()).unwrap().iter().any(|hit| hit.id == id)
        );
    }
    names.sort_unstable();
    names
}

fn remove(snapshot: &Snapshot, names: std::ops::Range<u64>) -> Vec<u32> {
    let name = |id| std::str::from_utf8(snapshot.name(id)).unwrap().parse::<u64>().unwrap();
    snapshot.ids().filter(|&id| names.contains(&name(id))).collect()
}

/// What is done to an index of the items 0 to 29, of which 0 to 4 are gone, and of 30 to 34.
type Change = fn(&mut Writer) -> crate::Result<()>;

const CHANGES: [(&str, Change); 8] = [
    ("repair", |writer| {
        let first = writer.last()?.unwrap().entries()[0].clone();
        writer.drop_segments(&|entry| *entry == first)
    }),
    ("append", |writer| writer.commit(builder(100..102), &[])),
    ("merge", |writer| writer.commit(builder(100..140), &[])),
    ("remove", |writer| {
        let gone = remove(&writer.last()?.unwrap(), 7..12);
        writer.commit(builder(0..0), &gone)
    }),
    ("change", |writer| {
        let gone = remove(&writer.last()?.unwrap(), 28..32);
        writer.commit(builder(100..103), &gone)
    }),
    ("compact", Writer::compact),
    ("replace", |writer| writer.replace(builder(200..210))),
    ("take over", take_over),
];

/// Takes an index of the items 100 to 109 over, but for the third, and adds 110.
fn take_over(writer: &mut Writer) -> crate::Result<()> {
    let other = tempfile::tempdir().unwrap();
    Writer::lock_with(other.path(), Box::new(Freezing::after(usize::MAX)))?.replace(builder(100..110))?;
    writer.take_over(&[(&Snapshot::open(other.path())?, &[2])], builder(110..111))
}

fn start(dir: &Path) {
    let mut writer = Writer::lock_with(dir, Box::new(Freezing::after(usize::MAX))).unwrap();
    writer.replace(builder(0..30)).unwrap();
    let gone = remove(&Snapshot::open(dir).unwrap(), 0..5);
    writer.commit(builder(30..35), &gone).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Runs `change` on a disk that freezes after `steps`; gives the disk and the folder.
fn run(change: Change, steps: usize) -> (Freezing, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    start(dir.path());
    let disk = Freezing::after(steps);
    if let Ok(mut writer) = Writer::lock_with(dir.path(), Box::new(disk.clone())) {
        let _ = change(&mut writer);
    }
    (disk, dir)
}

#[test]
fn after_every_frozen_step_the_index_is_as_before_or_as_after() {
    for (name, change) in CHANGES {
        let (_, whole) = run(change, usize::MAX);
        let (before, after) = {
            let dir = tempfile::tempdir().unwrap();
            start(dir.path());
            (content(dir.path()), content(whole.path()))
        };
        let seen = Rc::new(RefCell::new((0, 0)));
        let check = |dir: &Path, what: &str| {
            let found = content(dir);
            assert!(found == before || found == after, "{name}, {what}: {found:?}");
            let mut seen = seen.borrow_mut();
            if found == before {
                seen.0 += 1
            } else {
                seen.1 += 1
            }
            assert_eq!(verify(dir).unwrap(), [], "{name}, {what}");
            // the next writer cleans up and goes on
            let mut writer = Writer::lock_with(dir, Box::new(Freezing::after(usize::MAX))).unwrap();
            writer.commit(builder(900..901), &[]).unwrap();
            assert!(content(dir).contains(&900), "{name}, {what}");
            let named: usize = Snapshot::open(dir).unwrap().entries().iter().map(|e| e.files().count()).sum();
            assert_eq!(
                fs::read_dir(dir).unwrap().count(),
                named + 2,
                "{name}, {what}: LOCK, MANIFEST and what it names"
            );
        };
        let mut steps = 0;
        loop {
            let (disk, dir) = run(change, steps);
            let finished = !disk.is_frozen();
            let state = disk.0.lock().unwrap();
            let undone = 1u64 << state.pending.len().min(6);
            for (at, kept) in CONTENTS.into_iter().enumerate() {
                for undone in 0..undone {
                    let cut = tempfile::tempdir().unwrap();
                    copy(dir.path(), cut.path());
                    let moved = State {
                        steps_left: 0,
                        unsynced: state.unsynced.iter().map(|path| moved(path, cut.path())).collect(),
                        pending: state.pending.iter().map(|pending| pending.moved(cut.path())).collect(),
                    };
                    cut_power(&moved, kept, undone);
                    check(
                        cut.path(),
                        &format!("power cut after {steps} steps, content {at}, undone {undone:b}"),
                    );
                }
            }
            check(dir.path(), &format!("killed after {steps} steps"));
            if finished {
                break;
            }
            steps += 1;
        }
        // compacting does not change the content
        assert!(seen.borrow().0 > 10, "{name}: {seen:?}");
        assert!(seen.borrow().1 > 1 || before == after, "{name}: {seen:?}");
    }
}

fn moved(path: &Path, dir: &Path) -> PathBuf {
    dir.join(path.file_name().unwrap())
}

impl Pending {
    fn moved(&self, dir: &Path) -> Pending {
        match self {
            Pending::Created(path) => Pending::Created(moved(path, dir)),
            Pending::Removed(path, bytes) => Pending::Removed(moved(path, dir), bytes.clone()),
            Pending::Renamed { from, to, old } => {
                Pending::Renamed { from: moved(from, dir), to: moved(to, dir), old: old.clone() }
            }
        }
    }
}

#[test]
fn a_new_index_that_was_to_take_over_another_is_empty_or_whole() {
    let seen: Vec<usize> = (0..40)
        .filter_map(|steps| {
            let dir = tempfile::tempdir().unwrap();
            let place = dir.path().join("new");
            if let Ok(mut writer) = Writer::lock_with(&place, Box::new(Freezing::after(steps))) {
                let _ = take_over(&mut writer);
            }
            let mut writer = Writer::lock_with(&place, Box::new(Freezing::after(usize::MAX))).unwrap();
            let found = writer.last().unwrap().map(|last| last.len());
            take_over(&mut writer).unwrap();
            found
        })
        .collect();
    assert!(seen.contains(&0) && seen.ends_with(&[10]), "{seen:?}");
    assert!(seen.iter().all(|n| [0, 10].contains(n)), "{seen:?}");
}

#[test]
fn a_full_disk_is_an_error_and_leaves_the_index() {
    let dir = tempfile::tempdir().unwrap();
    start(dir.path());
    let before = content(dir.path());
    let disk = Freezing::after(2);
    let mut writer = Writer::lock_with(dir.path(), Box::new(disk)).unwrap();
    let error = writer.commit(builder(100..150), &[]).unwrap_err();
    assert!(error.to_string().contains("frozen"), "{error}");
    drop(writer);
    assert_eq!(content(dir.path()), before);
}

#[test]
fn repair_drops_damaged_segments_and_names_what_they_held() {
    for damage in ["codes", "names", "tombstones"] {
        let dir = tempfile::tempdir().unwrap();
        start(dir.path());
        assert!(repair(dir.path()).unwrap().is_empty(), "nothing to repair");
        let entry = Snapshot::open(dir.path()).unwrap().entries()[0].clone();
        let (file, at) = match damage {
            "tombstones" => (entry.files().last().unwrap().to_string(), 128),
            "codes" => (entry.name.clone(), 64 + 14 * 32 + 64),
            _ => (entry.name.clone(), entry.bytes as usize - 64),
        };
        let path = dir.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        let at =
            if damage == "names" { bytes.windows(2).rposition(|pair| pair == b"pp").unwrap() } else { at };
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let problems = verify(dir.path()).unwrap();
        assert_eq!(problems.len(), 1, "{damage}: {problems:?}");
        assert!(problems[0].offset > 0 && problems[0].offset <= at as u64, "{problems:?}");
        let dropped = repair(dir.path()).unwrap();
        assert_eq!((dropped.len(), dropped[0].items), (1, 25));
        assert_eq!(dropped[0].problems, problems);
        let names = dropped[0].names.as_ref().map(Vec::len);
        assert_eq!(names, Some(if damage == "tombstones" { 30 } else { 25 }), "{damage}");
        assert_eq!(content(dir.path()), (30..35).collect::<Vec<_>>());
        assert_eq!(verify(dir.path()).unwrap(), []);
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(repair(dir.path().join("none")).unwrap_err().is_not_found());
    assert!(!dir.path().join("none").exists());
}
