//! Runs the fuzz targets on a fixed number of cases: no bytes make the crate panic or hang.
//!
//! With `AESEARCH_FUZZ_SEC=N` each target runs for N seconds instead; `AESEARCH_WRITE_CORPUS=1` writes the
//! seeds of `fuzz/`. A failing case is saved in the system's temporary folder; once fixed, it goes into
//! `tests/data/hostile/`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use aesearch_index::{Item, SegmentBuilder, Settings, Snapshot, Writer, verify, words};

use crate::craft::chain;
use crate::harness::{self, Folder};
use crate::mutator::mutant;
use crate::{Random, open};

/// A fuzz target, and how many cases of it a plain `cargo test` runs: about a second of CPU time.
struct Target {
    name: &'static str,
    run: fn(&[u8]),
    cases: usize,
}

const TARGETS: [Target; 3] = [
    Target { name: "open", run: harness::open, cases: 3000 },
    Target { name: "search", run: harness::search, cases: 1500 },
    Target { name: "manifest", run: harness::manifest, cases: 3000 },
];

/// A case that takes longer hangs, as most take a millisecond. Only long runs check it.
const WATCHDOG: Duration = Duration::from_secs(120);

#[test]
fn no_bytes_make_the_crate_panic() {
    let seconds: Option<f64> = std::env::var("AESEARCH_FUZZ_SEC").ok().map(|text| text.parse().unwrap());
    let corpus = harness::corpus();
    for Target { name, run, cases } in TARGETS {
        let seeds = &corpus[name];
        let started = Instant::now();
        let goes_on = |case| match seconds {
            Some(seconds) => started.elapsed().as_secs_f64() < seconds,
            None => case < cases,
        };
        let mut case = 0;
        while goes_on(case) {
            let mut random = Random(case as u64);
            let mutant = || mutated(&seeds[random.below(seeds.len())], &mut random);
            let bytes = seeds.get(case).cloned().unwrap_or_else(mutant);
            let named = Named { name, case, bytes: &bytes };
            let begun = Instant::now();
            run(&bytes);
            assert!(seconds.is_none() || begun.elapsed() < WATCHDOG, "{name}: case {case} hangs");
            drop(named);
            case += 1;
        }
        eprintln!("{name}: {case} hostile indexes in {:.1} s", started.elapsed().as_secs_f64());
    }
}

/// The mutator that `tests/it/mutants.rs` of the program uses: as many cases, or for N seconds.
#[test]
fn no_mutant_makes_the_crate_panic() {
    let seconds: Option<f64> = std::env::var("AESEARCH_FUZZ_SEC").ok().map(|text| text.parse().unwrap());
    let (started, folder) = (Instant::now(), Folder::new());
    let (mut case, mut opened) = (0, 0);
    while seconds.map_or(case < 600, |seconds| started.elapsed().as_secs_f64() < seconds) {
        let files = mutant(&harness::seeds()[case as usize % 3], case).to_files();
        folder.put(&files);
        if let Ok(snapshot) = Snapshot::open(folder.path()) {
            opened += 1;
            let pieces = snapshot.ids().map(|id| snapshot.name(id).len() + snapshot.payload(id).len());
            let most: usize = files.values().map(Vec::len).sum();
            assert!(pieces.sum::<usize>() <= most, "mutant {case}");
            let wide = snapshot.ids().find(|&id| snapshot.code(id).len() != words(snapshot.bits()));
            assert_eq!(wide, None, "mutant {case}");
        }
        harness::use_folder(folder.path(), case % 8 == 1);
        case += 1;
    }
    eprintln!("mutants: {opened} of {case} open, in {:.1} s", started.elapsed().as_secs_f64());
    assert!(opened * 4 > case, "most are refused at once: {opened} of {case}");
}

/// Each file in `tests/data/hostile/` is named after its target and its fault.
#[test]
fn cases_that_once_failed_pass() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hostile");
    let mut cases = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let target = TARGETS.iter().find(|target| name.starts_with(target.name)).unwrap();
        (target.run)(&fs::read(&path).unwrap());
        cases += 1;
    }
    assert!(cases > 0);
}

/// Saves the case if it panics.
struct Named<'a> {
    name: &'a str,
    case: usize,
    bytes: &'a [u8],
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = std::env::temp_dir().join(format!("aesearch-{}-{}", self.name, self.case));
            let _ = fs::write(&path, self.bytes);
            eprintln!("{}: case {}: kept as {}", self.name, self.case, path.display());
        }
    }
}

/// `seed` with some bytes overwritten, removed, added or moved.
fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
    const NUMBERS: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff_ffff, 0x8000_0000, 1 << 32, u64::MAX];
    let mut bytes = seed.to_vec();
    for _ in 0..1 + random.below(6) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.word() as u8,
            2 => {
                let number = NUMBERS[random.below(8)].to_le_bytes();
                let width = [1, 4, 8][random.below(3)];
                bytes[at..].iter_mut().zip(&number[..width]).for_each(|(byte, &new)| *byte = new);
            }
            3 => bytes.truncate(at.max(2)),
            4 => bytes.extend((0..random.below(40)).map(|_| random.word() as u8)),
            _ => {
                let from = random.below(bytes.len());
                let n = random.below(64).min(bytes.len() - from.max(at));
                bytes.copy_within(from..from + n, at);
            }
        }
    }
    if random.below(3) == 0 {
        bytes.extend((0..random.below(200)).map(|_| random.word() as u8));
    }
    bytes
}

#[test]
fn the_seeds_are_sound_and_small() {
    let folder = Folder::new();
    for index in harness::seeds() {
        folder.put(&index.to_files());
        assert_eq!(verify(folder.path()).unwrap(), []);
        harness::use_folder(folder.path(), true);
    }
    let corpus = harness::corpus();
    assert!(corpus.values().flatten().map(Vec::len).sum::<usize>() < 20_000);
    if std::env::var_os("AESEARCH_WRITE_CORPUS").is_some() {
        for (name, seeds) in corpus {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
            fs::create_dir_all(&dir).unwrap();
            for (at, seed) in seeds.iter().enumerate() {
                fs::write(dir.join(format!("{at:02}")), seed).unwrap();
            }
        }
    }
}

#[test]
fn items_without_anything_of_their_own_need_codes_that_make_up_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = SegmentBuilder::new(&Settings::default()).unwrap();
    for _ in 0..1000 {
        builder.push(Item { name: b"", payload: b"", code: &[7], latent: &[] }).unwrap();
    }
    Writer::lock(dir.path()).unwrap().commit(builder, &[]).unwrap();
    assert_eq!((open(dir.path()).len(), verify(dir.path()).unwrap()), (1000, vec![]));

    let mut index = chain(10);
    let segment = &mut index.segments[0].segment;
    for (items, readable) in [(640, true), (641, false), (u32::MAX - 1, false)] {
        segment_of(segment, items);
        let folder = Folder::new();
        folder.put(&crate::craft::Index::of(segment.clone()).to_files());
        assert_eq!(Snapshot::open(folder.path()).is_ok(), readable, "{items}");
        assert_eq!(verify(folder.path()).unwrap().is_empty(), readable, "{items}");
    }
}

/// Assigns the rest of `items` items to the last code of a segment.
fn segment_of(segment: &mut crate::craft::Framed, items: u32) {
    segment.shape[3] = items;
    let offsets = segment.section(2);
    let last = offsets.len() - 4;
    offsets[last..].copy_from_slice(&items.to_le_bytes());
}

#[test]
fn tombstones_of_items_that_do_not_exist_are_not_built_on() {
    let folder = Folder::new();
    folder.put(&chain(70).with_dead(0b1011 << 60).to_files());
    assert!(verify(folder.path()).unwrap().iter().any(|problem| problem.section == "tombstones"));
    let mut writer = Writer::lock(folder.path()).unwrap();
    let last = open(folder.path());
    let remove: Vec<u32> = last.ids().take(40).collect();
    let add = || SegmentBuilder::new(&last.settings()).unwrap();
    let error = writer.commit(add(), &remove).unwrap_err();
    assert!(error.is_damaged(), "mostly dead, and not copied: {error}");
    let error = writer.commit(add(), &remove[..3]).unwrap_err();
    assert!(error.is_damaged(), "{error}");
    assert_eq!(open(folder.path()).len(), last.len(), "nothing was changed");
}

#[test]
fn damage_is_not_copied_by_merging() {
    let folder = Folder::new();
    let mut files = harness::seeds()[0].to_files();
    let (_, segment) = files.iter_mut().find(|(name, _)| name.ends_with(".seg")).unwrap();
    *segment.last_mut().unwrap() ^= 1;
    folder.put(&files);
    let error = Writer::lock(folder.path()).unwrap().compact().unwrap_err();
    assert!(error.is_damaged() && error.to_string().contains("repair"), "{error}");
    assert_eq!(folder.files(), files, "nothing was changed");
}

#[test]
fn damage_is_not_copied_item_by_item() {
    let folder = Folder::new();
    let mut files = harness::seeds()[0].to_files();
    let (_, segment) = files.iter_mut().find(|(name, _)| name.ends_with(".seg")).unwrap();
    *segment.last_mut().unwrap() ^= 1;
    folder.put(&files);
    let last = open(folder.path());
    let mut builder = SegmentBuilder::new(&last.settings()).unwrap();
    let errors = last.ids().filter_map(|id| builder.push_from(&last, id).err()).collect::<Vec<_>>();
    assert!(!errors.is_empty() && errors.iter().all(aesearch_index::Error::is_damaged), "{errors:?}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_at_once() {
    use std::os::unix::fs::symlink;
    let files = harness::seeds()[0].to_files();
    let folder = Folder::new();
    let names = files.keys().cloned().chain(["LOCK".to_string()]);
    for name in names {
        for what in ["pipe", "folder", "endless", "loop", "nothing"] {
            folder.put(&files);
            let path = folder.path().join(&name);
            let _ = fs::remove_file(&path);
            match what {
                "pipe" => {
                    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success())
                }
                "folder" => fs::create_dir(&path).unwrap(),
                "endless" => symlink("/dev/zero", &path).unwrap(),
                "loop" => symlink(&path, &path).unwrap(),
                _ => symlink(folder.path().join("nowhere"), &path).unwrap(),
            }
            let writes = Writer::lock(folder.path()).and_then(|writer| writer.last());
            if name == "LOCK" {
                assert!(writes.is_err() || what == "nothing", "{what}");
            } else {
                assert!(Snapshot::open(folder.path()).is_err(), "{name}: {what}");
                assert!(
                    verify(folder.path()).map_or(true, |problems| !problems.is_empty()),
                    "{name}: {what}"
                );
                assert!(writes.is_err() || name == "MANIFEST", "{name}: {what}");
            }
            let _ = fs::remove_dir(&path);
        }
    }
}
