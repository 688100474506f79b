//! No file of a megabyte makes the crate use much memory or time. A separate binary, as it measures the
//! process.

#[path = "it/craft.rs"]
#[allow(dead_code)]
mod craft;
#[path = "it/harness.rs"]
#[allow(dead_code)]
mod harness;

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aesearch_index::{Error, Mode, Search, SegmentBuilder, Snapshot, Writer, repair, verify};
use craft::{Framed, chain, u32s, u64s};
use harness::Folder;

/// What a case may add to the process: a few times the largest file.
const MEMORY: usize = 64 << 20;
/// CPU time that a case may take, or on a slow machine this many times that of a sound file. All take about
/// 0.1 s; without the limits in the crate some would take minutes and gigabytes.
const PATIENCE: Duration = Duration::from_secs(15);
const TIMES_SOUND: u32 = 1000;
const CODES: u32 = 20_000;

/// Held by each test, as memory and time are those of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// CPU time of this process, in steps of 10 ms; wall time if the system does not report it.
fn process_time(started: Instant) -> Duration {
    let ticks = || {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let fields = stat.rsplit_once(')')?.1; // the name before may hold blanks
        let mut times = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
        Some(times.next()?? + times.next()??)
    };
    ticks().map_or_else(|| started.elapsed(), |ticks| Duration::from_millis(10 * ticks))
}

/// The most memory in use since `forget_peak`, in bytes; `None` if the system does not report it.
fn peak() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<usize>().ok()? << 10)
}

/// Resets the peak to what is in use; false if the system cannot.
fn forget_peak() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// A change of the chain of `CODES` codes.
type Case = (&'static str, fn(&mut Framed));

const CASES: [Case; 8] = [
    ("sound", |_| {}),
    ("every code claims all items", |segment| {
        *segment.section(2) = u32s((0..=CODES).map(|i| if i % 2 == 0 { 0 } else { u32::MAX }));
    }),
    ("one code claims the most items there may be", |segment| {
        segment.shape[3] = CODES * 64;
        *segment.section(2) = u32s((0..=CODES).map(|i| if i == 0 { 0 } else { CODES * 64 }));
    }),
    ("every bucket claims all codes, all equally near", |segment| {
        let buckets = CODES / 8; // the exact scan, too, starts with buckets of 8
        segment.shape[5] = buckets;
        *segment.section(1) = vec![0; CODES as usize * 8];
        *segment.section(3) = u32s((0..=buckets).map(|i| if i % 2 == 0 { 0 } else { CODES }));
        segment.section(4).truncate(buckets as usize * 8);
    }),
    ("every node is linked to all, on thousands of layers", |segment| {
        *segment.section(4) = u64s((0..u64::from(CODES)).map(|i| u64::MAX >> (i % 64)));
        *segment.section(5) = u32s((0..5000).map(|i| i % 2));
        *segment.section(6) = u32s((0..=CODES).map(|i| if i % 2 == 0 { 0 } else { CODES }));
        *segment.section(7) = u32s(0..CODES);
    }),
    ("a curve of the most points", |segment| {
        let probes = |i: u32| if i.is_multiple_of(2) { 30 } else { u32::MAX };
        let point = |i: u32| [i / 4, probes(i), i / 2 % 2, 1f32.to_bits(), 0];
        *segment.section(8) = u32s((0..1024).flat_map(point));
    }),
    ("every name is all names", |segment| {
        *segment.section(9) = u64s((0..=u64::from(CODES)).map(|i| (i % 2) << 20));
        *segment.section(10) = vec![b'n'; 1 << 20];
    }),
    ("every payload is all payloads, and sections that nobody knows overlap", |segment| {
        *segment.section(11) = u64s((0..=u64::from(CODES)).map(|i| (i % 2) << 20));
        *segment.section(12) = vec![b'p'; 1 << 20];
        segment.sections.extend((0..900).map(|i| (100 + i, vec![0; 64])));
    }),
];

#[test]
fn crafted_files_take_little_memory_and_time() {
    let _alone = ALONE.lock().unwrap();
    let (folder, begin) = (Folder::new(), Instant::now());
    let mut sound = None;
    let measured = peak().is_some() && forget_peak();
    if !measured {
        eprintln!("memory is not measured: the system does not say what is in use");
    }
    for (name, lie) in CASES {
        for dead in [None, Some(0), Some(0x5555_5555_5555_5555)] {
            let mut index = chain(CODES);
            lie(&mut index.segments[0].segment);
            if let Some(word) = dead {
                index = index.with_dead(word);
            }
            let files = index.to_files();
            folder.put(&files);
            drop((index, files));
            forget_peak();
            let (before, started) = (peak(), process_time(begin));
            use_all(&folder);
            let took = process_time(begin) - started;
            let sound = *sound.get_or_insert(took); // the first case
            let used = peak().zip(before).map_or(0, |(after, before)| after.saturating_sub(before));
            eprintln!("{name}, dead {dead:x?}: {} MiB, {took:.1?}", used >> 20);
            assert!(!measured || used < MEMORY, "{name}: {used} bytes");
            assert!(took < PATIENCE.max(sound * TIMES_SOUND), "{name}: {took:?}");
        }
    }
}

/// Uses all of the index, but does not rebuild segments, which takes long for sound ones too.
fn use_all(folder: &Folder) {
    let snapshot = match Snapshot::open(folder.path()) {
        Err(Error::Damaged { .. }) => return, // refused
        opened => opened.unwrap(),
    };
    for mode in [Mode::Exact, Mode::Recall(0.0), Mode::Recall(0.999), Mode::Recall(1.0)] {
        for (k, ties) in [(1, true), (10, true), (usize::MAX, true), (1000, false)] {
            let wanted = Search { k, mode, radius: None, ties, only: None };
            snapshot.search(&[0], &wanted).unwrap();
        }
        snapshot.search_many(&[0; 8], &Search { mode, ..Search::default() }).unwrap();
    }
    let mut builder = SegmentBuilder::new(&snapshot.settings()).unwrap();
    for id in snapshot.ids().take(CODES as usize) {
        let _ = builder.push_from(&snapshot, id);
        snapshot.code(id);
    }
    drop((builder, snapshot));
    if !verify(folder.path()).unwrap().is_empty() {
        let _ = Writer::lock(folder.path()).unwrap().compact();
        repair(folder.path()).unwrap();
    }
}

#[test]
fn a_manifest_of_many_times_the_same_segment_is_refused() {
    let _alone = ALONE.lock().unwrap();
    let mut index = chain(CODES);
    index.segments = vec![index.segments[0].clone(); 2];
    let folder = Folder::new();
    folder.put(&index.to_files());
    assert!(Snapshot::open(folder.path()).unwrap_err().is_damaged());
}
