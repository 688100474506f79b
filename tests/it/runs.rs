//! Runs of the program that are watched while they go on, interrupted or disturbed, and what an index answers
//! after them.
//!
//! A collection that takes long has large pictures in between: a run over it is at work long after its first
//! checkpoint.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aesearch::demo::collection::write_collection;
use aesearch_index::Snapshot;
use serde_json::Value;

use crate::cli::{Place, Ran};
use crate::fixtures::{RawPng, write};

/// No run of these tests takes nearly that long; one over a million images takes minutes.
const LONGEST: Duration = Duration::from_secs(900);

/// A run of the program that goes on. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    output: [PathBuf; 2],
    _folder: tempfile::TempDir,
    /// The most memory it was seen to hold, in KiB; 0 where the system does not say.
    peak_kib: u64,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Running {
        // into files: a pipe that nobody reads would stop it
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = ["out", "err"].map(|name| folder.path().join(name));
        let [out, err] = output.each_ref().map(|path| fs::File::create(path).expect("a file"));
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().expect("the binary starts");
        Running { child, output, _folder: folder, peak_kib: 0 }
    }

    pub(crate) fn goes_on(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    /// Waits until `what` holds, which it must before the run ends.
    #[track_caller]
    pub(crate) fn until(&mut self, what: impl Fn() -> bool) {
        while !what() {
            assert!(self.goes_on(), "it ended too early: {}", self.said(1));
            self.look();
        }
    }

    /// Waits until it has said this on stderr.
    #[track_caller]
    pub(crate) fn until_said(&mut self, text: &str) {
        while !self.said(1).contains(text) {
            assert!(self.goes_on(), "it ended without `{text}`: {}", self.said(1));
            self.look();
        }
    }

    /// Sends a signal: INT as Ctrl-C does, STOP to hold the run where it is, CONT to let it go on.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    pub(crate) fn kill(mut self) -> bool {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends").code().is_none()
    }

    /// What the run left behind, and the most memory it held, in KiB.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Ran, u64) {
        let start = Instant::now();
        while self.goes_on() {
            assert!(start.elapsed() < LONGEST, "it does not end: {}", self.said(1));
            self.look();
        }
        let code = self.child.wait().expect("it ends").code().unwrap_or(-1);
        (Ran { code, out: self.said(0), err: self.said(1) }, self.peak_kib)
    }

    fn said(&self, stream: usize) -> String {
        String::from_utf8_lossy(&fs::read(&self.output[stream]).expect("a file")).into_owned()
    }

    fn look(&mut self) {
        std::thread::sleep(Duration::from_millis(3));
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().strip_suffix("kB")?.trim().parse().ok());
        self.peak_kib = self.peak_kib.max(kib.unwrap_or(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

/// A folder with `digits/<label>/*.png`, so many of each, and `7.png`.
pub(crate) fn many_digits(per_digit: usize) -> Place {
    let place = Place::empty();
    write_collection(place.path(), 7, per_digit).expect("digits can be drawn");
    place
}

/// Adds `digits/<label>/large.png`: so many pictures that take a while to decode, all different, behind the
/// others of their folder.
pub(crate) fn add_large(place: &Place, count: u8) {
    for n in 0..count {
        let png = large_png(4000, n);
        write(&place.path().join(format!("digits/{}/large.png", 9 - n)), &png);
    }
}

/// A grey PNG of `side` x `side` pixels, all but the first as its Paeth filter predicts them: small as a
/// file, slow to decode.
pub(crate) fn large_png(side: u32, first: u8) -> Vec<u8> {
    let mut rows = vec![0; (side as usize + 1) * side as usize];
    rows.chunks_exact_mut(side as usize + 1).for_each(|row| row[0] = 4);
    rows[1] = first + 1;
    RawPng { width: side, height: side, depth_and_colour: [8, 0], chunks: &[], rows: &rows }.bytes()
}

/// An RGB image in one colour, which is small as a QOI file, and is decoded whole.
pub(crate) fn large_qoi(side: u32, red: u8) -> Vec<u8> {
    /// Up to 62 pixels as before, less one, in the last six bits.
    const RUN: u8 = 0xc0;
    let side_bytes = side.to_be_bytes();
    let mut file = [b"qoif", &side_bytes[..], &side_bytes, &[3, 0, 0xfe, red, 0, 0]].concat();
    let rest = (side * side - 1) as usize;
    file.extend(vec![RUN | 61; rest / 62]);
    file.extend((rest % 62).checked_sub(1).map(|left| RUN | left as u8));
    file.extend([0, 0, 0, 0, 0, 0, 0, 1]);
    file
}

/// Images in the index at `dir`; 0 where there is none yet.
pub(crate) fn images(dir: &Path) -> usize {
    Snapshot::open(dir).map_or(0, |snapshot| snapshot.len())
}

/// Number of the last commit of the index at `dir`; 0 where there is none.
pub(crate) fn generation(dir: &Path) -> u64 {
    Snapshot::open(dir).map_or(0, |snapshot| snapshot.generation())
}

/// What the index `index` answers for some images, asked in every way.
pub(crate) fn answers(place: &Place, index: &str) -> Vec<Value> {
    let ask = |how: &[&str]| {
        let question = ["query", "7.png", "digits/0/0000.png", "-k", "1000", "--index", index];
        let asked = place.json(&[&question[..], how].concat());
        let answers = asked["queries"].as_array().expect("answers").clone();
        answers.into_iter().map(|answer| answer["hits"].clone())
    };
    let images = place.json(&["info", "--index", index])["images"].clone();
    ask(&["--exact"]).chain(ask(&[])).chain([images]).collect()
}

/// The segments of an index, byte by byte.
pub(crate) fn segments(dir: &Path) -> Vec<Vec<u8>> {
    let files = fs::read_dir(dir).expect("the index folder").map(|entry| entry.expect("an entry").path());
    let segments = files.filter(|file| file.extension().is_some_and(|extension| extension == "seg"));
    let mut segments: Vec<_> = segments.map(|file| fs::read(file).expect("a segment")).collect();
    segments.sort();
    segments
}

/// Makes a file as old as if it had been written an hour ago.
pub(crate) fn touch(path: &Path) {
    let file = fs::File::options().append(true).open(path).expect("a file");
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600)).expect("sets the time");
}

/// Adds bytes to the end of a PNG file, behind its last chunk: another content, the same picture.
pub(crate) fn change(path: &Path, tail: &[u8]) {
    let mut file = fs::File::options().append(true).open(path).expect("a file");
    file.write_all(tail).expect("writes");
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("sets the mode");
}

/// Whether permissions mean nothing to whoever runs the tests.
#[cfg(unix)]
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let own = tempfile::tempfile().and_then(|file| file.metadata()).expect("a file");
    own.uid() == 0
}
