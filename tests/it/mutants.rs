//! Damaged indexes with right checksums, read by every verb that reads one: none ends in a panic, and none takes more
//! time or memory than the sound index and its size let expect.
//!
//! `cargo test` tries one verb on each of a few mutants; with AESEARCH_LONG_TESTS every verb on each of [`MUTANTS`], or
//! as many of them as AESEARCH_FUZZ_SEC=N seconds allow, and only then the time is looked at. A mutant that fails is kept
//! in the system's temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::cli::Place;
use crate::craft::Index;
use crate::mutator::mutant;

const MUTANTS: u64 = 3000;
/// Two for each verb.
const SAMPLE: u64 = 2 * VERBS.len() as u64;

/// Twice what the sound index takes, and what differs from run to run anyway.
const MOST_TIMES: u64 = 2;
const SPARE_MS: u64 = 500;
const SPARE_KIB: u64 = 32 << 10;

/// A run that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(600);

/// All that reads an index, each with what it takes besides.
const VERBS: [&str; 22] = [
    "info",
    "verify",
    "doctor",
    "query 7.png --sheet out.png",
    "query 7.png digits -k 60 --exact --json",
    "query 7.png --rerank 0 --radius 20",
    "eval",
    "cluster --sheet out.png",
    "cluster --k 3 -o out.csv",
    "cluster --method hdbscan",
    "outliers -o out.csv",
    "outliers --unread",
    "map -o out.svg",
    "map --method pca -o out.png",
    "export --with all -o out.json",
    "export --unread -o out.npz",
    "sample --diverse 5",
    "report -o out.html",
    "dedupe scan digits -o plan.json",
    "dedupe check 7.png",
    "diff sound/.aesearch .aesearch",
    "latent digits -o out.png",
];

/// What a run took.
#[derive(Debug, Default, Clone, Copy)]
struct Cost {
    cpu_ms: u64,
    peak_kib: u64,
}

/// Runs a verb to its end, which must be one of these exit codes; `Err` says what went wrong.
fn watched(place: &Place, verb: &str, codes: &[i32]) -> Result<Cost, String> {
    let arguments: Vec<&str> = verb.split(' ').collect();
    let [out, err] = ["stdout", "stderr"].map(|name| place.path().join(name));
    let mut command = place.command(&arguments);
    command.env("AESEARCH_THREADS", "1");
    command.stdout(fs::File::create(&out).expect("a file")).stderr(fs::File::create(&err).expect("a file"));
    let mut child = command.stdin(Stdio::null()).spawn().expect("the binary starts");
    let (start, mut cost) = (Instant::now(), Cost::default());
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    while !look(&process, &mut cost) && child.try_wait().expect("it can be asked").is_none() {
        if start.elapsed() > LONGEST {
            let _ = child.kill();
            let _ = child.wait();
            return Err("hangs".into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let code = child.wait().expect("it ends").code();
    let said = fs::read(&err).expect("a file");
    let said = String::from_utf8_lossy(&said);
    match code {
        Some(code) if codes.contains(&code) && !said.contains("panicked") => Ok(cost),
        _ => Err(format!("exit {code:?}: {said}")),
    }
}

/// Adds what the system knows of a process, where it tells; true if it has ended and was not waited for.
fn look(process: &Path, cost: &mut Cost) -> bool {
    /// Of a second.
    const TICKS: u64 = 100;
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok());
    cost.peak_kib = cost.peak_kib.max(kib.unwrap_or(0));
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = fields.get(11..13).unwrap_or_default().iter().filter_map(|ticks| ticks.parse::<u64>().ok());
    cost.cpu_ms = cost.cpu_ms.max(ticks.sum::<u64>() * 1000 / TICKS);
    fields.first() == Some(&"Z")
}

/// The files of an index, without its lock.
pub(crate) fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| entry.path().is_file() && entry.file_name() != "LOCK");
    files
        .map(|entry| {
            (entry.file_name().into_string().expect("a name"), fs::read(entry.path()).expect("reads"))
        })
        .collect()
}

/// A folder with digits, an index of them in two segments with thumbnails, and the same index once more, which stays
/// sound.
fn place() -> Place {
    let place = Place::with_digits();
    fs::remove_file(place.path().join("digits/0/0000.png")).expect("removes");
    place.run(&["index", "digits", "--thumbnails", "16"]).expect(0);
    fs::copy(place.path().join("digits/3/0001.png"), place.path().join("digits/0/0000.png")).expect("copies");
    place.run(&["index", "digits"]).expect(0);
    place.run(&["remove", "digits/4/0001.png"]).expect(0);
    let sound = place.path().join("sound/.aesearch");
    fs::create_dir_all(&sound).expect("a folder");
    for (name, bytes) in files(&place.path().join(".aesearch")) {
        fs::write(sound.join(name), bytes).expect("writes");
    }
    place
}

/// Replaces the files of an index, or of thumbnails, which a run removes if they are damaged.
pub(crate) fn put(dir: &Path, new: &BTreeMap<String, Vec<u8>>) {
    fs::create_dir_all(dir).expect("a folder");
    files(dir).keys().for_each(|name| fs::remove_file(dir.join(name)).expect("removes"));
    new.iter().for_each(|(name, bytes)| fs::write(dir.join(name), bytes).expect("writes"));
}

/// The most that a verb may take, by what it takes of the sound index.
fn most(place: &Place, verb: &str) -> Cost {
    let cost = watched(place, verb, &[0, 3]).unwrap_or_else(|fault| panic!("sound: {verb}: {fault}"));
    Cost { cpu_ms: cost.cpu_ms * MOST_TIMES + SPARE_MS, peak_kib: cost.peak_kib * MOST_TIMES + SPARE_KIB }
}

/// The faults that mutants show, each by the verbs that go with it.
fn faults(is_long: bool, mut next: impl FnMut() -> Option<(u64, Vec<usize>)>) -> Vec<String> {
    let place = place();
    let [images, away] = ["digits", "away"].map(|name| place.path().join(name));
    let index = place.path().join(".aesearch");
    let dirs = [index.clone(), index.join("thumbnails")];
    let sound = dirs.each_ref().map(|dir| (Index::parse(&files(dir)), files(dir)));
    let mut known = BTreeMap::new();
    let mut faults = Vec::new();
    while let Some((case, verbs)) = next() {
        for at in verbs {
            let verb = VERBS[at];
            // three in four are read while the images are away, which is quick; `eval` takes long with them
            let is_away = verb == "eval" || (!case.is_multiple_of(4) && !verb.contains("digits"));
            if is_away {
                fs::rename(&images, &away).expect("renames");
            }
            let most = *known.entry((at, is_away)).or_insert_with(|| most(&place, verb));
            // one in eight damages the thumbnails instead
            let which = usize::from(case % 8 == 7);
            let damaged = mutant(&sound[which].0, case).to_files();
            put(&dirs[which], &damaged);
            let tried = watched(&place, verb, &[0, 2, 3, 4]);
            put(&dirs[which], &sound[which].1);
            if is_away {
                fs::rename(&away, &images).expect("renames");
            }
            let fault = match tried {
                Err(fault) => fault,
                Ok(cost) if cost.peak_kib > most.peak_kib || (is_long && cost.cpu_ms > most.cpu_ms) => {
                    format!("{cost:?}, expected at most {most:?}")
                }
                Ok(_) => continue,
            };
            let kept = std::env::temp_dir().join(format!("aesearch-mutant-{case}/.aesearch"));
            fs::create_dir_all(&kept).expect("a folder");
            put(&kept, &damaged);
            faults.push(format!("mutant {case}: {verb}: {}: {fault}", kept.display()));
            eprintln!("{}", faults[faults.len() - 1]);
        }
    }
    faults
}

#[test]
fn no_damage_makes_a_verb_panic() {
    let seconds: Option<u64> =
        std::env::var("AESEARCH_FUZZ_SEC").ok().map(|text| text.parse().expect("seconds"));
    let is_long = seconds.is_some() || std::env::var_os("AESEARCH_LONG_TESTS").is_some();
    let (start, tried) = (Instant::now(), AtomicU64::new(0));
    let next = || {
        let count = tried.fetch_add(1, Ordering::Relaxed);
        let is_late = seconds.is_some_and(|seconds| start.elapsed().as_secs() > seconds);
        match is_long {
            true => (count < MUTANTS && !is_late).then(|| (count, (0..VERBS.len()).collect())),
            false => (count < SAMPLE).then(|| (count * 61, vec![count as usize % VERBS.len()])),
        }
    };
    let found: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| faults(is_long, next))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let (count, took) = (tried.into_inner() - 2, start.elapsed().as_secs());
    eprintln!("{count} mutants in {took} s, {} faults", found.len());
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}
