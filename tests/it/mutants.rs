//! Damaged indexes with right checksums, read by every verb that reads one: none ends in a panic, and none takes more
//! time or memory than the sound index and its size let expect.
//!
//! `cargo test` runs every 300th of [`MUTANTS`]; with AESEARCH_LONG_TESTS all of them, and only then the time is looked
//! at. A mutant that fails is kept in the system's temporary folder.

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

/// Twice what the sound index takes, and what differs from run to run anyway.
const MOST_TIMES: u64 = 2;
const SPARE_MS: u64 = 500;
const SPARE_KIB: u64 = 32 << 10;

/// A run that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(120);

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
    "dedupe scan -o plan.json --force",
    "dedupe check 7.png",
    "diff sound/.aesearch .aesearch",
    "latent -o out.png",
];

/// What a run took.
#[derive(Debug, Default, Clone, Copy)]
struct Cost {
    cpu_ms: u64,
    peak_kib: u64,
}

/// Runs a verb to its end; `Err` says what went wrong.
fn watched(place: &Place, verb: &str) -> Result<Cost, String> {
    let arguments: Vec<&str> = verb.split(' ').chain(["--threads", "1"]).collect();
    let takes_threads = !matches!(arguments[0], "info" | "verify" | "doctor" | "diff");
    let arguments = &arguments[..arguments.len() - if takes_threads { 0 } else { 2 }];
    let [out, err] = ["stdout", "stderr"].map(|name| place.path().join(name));
    let mut command = place.command(arguments);
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
        Some(0 | 2 | 3 | 4) if !said.contains("panicked") => Ok(cost),
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
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
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

/// Replaces the files of an index.
fn put(dir: &Path, new: &BTreeMap<String, Vec<u8>>) {
    files(dir).keys().for_each(|name| fs::remove_file(dir.join(name)).expect("removes"));
    new.iter().for_each(|(name, bytes)| fs::write(dir.join(name), bytes).expect("writes"));
}

/// The first faults of some mutants, each by every verb.
fn try_some(mut next: impl FnMut() -> Option<u64>, is_long: bool) -> Vec<String> {
    let place = place();
    let index = place.path().join(".aesearch");
    let dirs = [index.clone(), index.join("thumbnails")];
    let sound = dirs.each_ref().map(|dir| (Index::parse(&files(dir)), files(dir)));
    let costs = VERBS.map(|verb| {
        [0; 2].map(|_| watched(&place, verb).unwrap_or_else(|fault| panic!("sound: {verb}: {fault}")))
    });
    let most = costs.map(|costs| Cost {
        cpu_ms: costs.iter().map(|cost| cost.cpu_ms).max().unwrap_or(0) * MOST_TIMES + SPARE_MS,
        peak_kib: costs.iter().map(|cost| cost.peak_kib).max().unwrap_or(0) * MOST_TIMES + SPARE_KIB,
    });
    let mut faults = Vec::new();
    while let Some(case) = next() {
        // one in eight damages the thumbnails instead
        let at = usize::from(case % 8 == 7);
        let damaged = mutant(&sound[at].0, case).to_files();
        put(&dirs[at], &damaged);
        for (verb, most) in VERBS.iter().zip(most) {
            let fault = match watched(&place, verb) {
                Err(fault) => fault,
                Ok(cost) if cost.peak_kib > most.peak_kib || (is_long && cost.cpu_ms > most.cpu_ms) => {
                    format!("{cost:?}, expected at most {most:?}")
                }
                Ok(_) => continue,
            };
            let kept = std::env::temp_dir().join(format!("aesearch-mutant-{case}/.aesearch"));
            fs::create_dir_all(&kept).expect("a folder");
            put(&kept, &damaged);
            let fault = format!("mutant {case}: {verb}: {}: {fault}", kept.display());
            eprintln!("{fault}");
            faults.push(fault);
        }
        put(&dirs[at], &sound[at].1);
    }
    faults
}

#[test]
fn no_damage_makes_a_verb_panic() {
    let is_long = std::env::var_os("AESEARCH_LONG_TESTS").is_some();
    let (step, next) = (if is_long { 1 } else { 300 }, AtomicU64::new(0));
    let next = || Some(next.fetch_add(step, Ordering::Relaxed)).filter(|&case| case < MUTANTS);
    let faults: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| try_some(next, is_long))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
