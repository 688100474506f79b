//! Damaged images: each decoder on mutants of small files. None makes a decoder of ours panic, takes long, or takes
//! more memory than its size lets expect.
//!
//! `cargo test` runs some thousand cases of each format; with `AESEARCH_FUZZ_SEC=N` each runs for N seconds instead,
//! and only then time and memory are looked at, best of one format at a time: `-- damage::psd --test-threads 1`.
//! A case that fails is kept in the system's temporary folder.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aesearch::images::{
    Decoding, Frames, Item, Limits, Needed, Pixels, SampleHash, WalkOptions, decode, metadata, read, walk,
};
use image::{DynamicImage, GrayImage, ImageFormat, Luma};

use crate::fixtures::{encode, encoded_picture};

/// No image of a million pixels may take longer.
const LONGEST: Duration = Duration::from_secs(20);

/// Nor more memory, whatever its header says: it is twice what decoders may take for themselves.
const MOST_BYTES: u64 = 256 << 20;

/// Images that decode although they were damaged join the seeds, so that damage adds up; so many at most.
const MOST_SEEDS: usize = 400;
const MOST_SEED_BYTES: usize = 64 << 20;

/// A generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `end`, without it; 0 for no numbers.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// A file with one to eight changes; `other` is one of the same format to take parts from.
fn mutated(file: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    /// What breaks sums and signs.
    const NUMBERS: [u32; 10] = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, u32::MAX];
    let mut file = file.to_vec();
    let most = [1, 2, 4, 8][random.below(4)];
    for _ in 0..=random.below(most) {
        // half of all changes in what is likely to be a header
        let within = if random.below(2) == 0 { file.len() } else { file.len().min(200) };
        let at = random.below(within);
        let span = 1 + random.below(16).min(file.len().saturating_sub(at + 1));
        if at + span > file.len() {
            return file;
        }
        match random.below(9) {
            0 | 1 => file[at] ^= 1 << random.below(8),
            2 => file[at] = random.next() as u8,
            3 | 4 => {
                let number = NUMBERS[random.below(NUMBERS.len())];
                let size = [1, 2, 4][random.below(3)];
                let digits = if random.below(2) == 0 {
                    number.rotate_right(8 * size).to_be_bytes()
                } else {
                    number.to_le_bytes()
                };
                file[at..].iter_mut().zip(&digits[..size as usize]).for_each(|(byte, digit)| *byte = *digit);
            }
            5 => drop(file.drain(at..at + span)),
            6 => {
                let copy = file[at..at + span].to_vec();
                let to = random.below(file.len());
                file.splice(to..to, copy);
            }
            7 => {
                let from = random.below(other.len());
                let part = &other[from..other.len().min(from + 4 * span)];
                file[at..].iter_mut().zip(part).for_each(|(byte, new)| *byte = *new);
            }
            _ if random.below(4) == 0 => file.truncate(at),
            _ => file[at..at + span].fill(random.next() as u8),
        }
    }
    file
}

/// Gives the chunks of a PNG file the checksums of what they hold now: else nothing of a mutant is decoded.
fn mend(file: &mut [u8]) {
    let mut at = 8;
    while let Some(&length) = file.get(at..).and_then(|rest| rest.first_chunk()) {
        let end = (at + 8).saturating_add(u32::from_be_bytes(length) as usize);
        let Some(covered) = file.get(at + 4..end) else { return };
        let mut sum = flate2::Crc::new();
        sum.update(covered);
        let Some(stored) = file.get_mut(end..end + 4) else { return };
        stored.copy_from_slice(&sum.sum().to_be_bytes());
        at = end + 4;
    }
}

/// Small files of a format: those of `tests/data` with one of these endings.
fn seeds(endings: &[&str]) -> Vec<Vec<u8>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files: Vec<_> = ["table", "jpeg", "jxl", "avif", "heic"]
        .iter()
        .flat_map(|folder| fs::read_dir(data.join(folder)).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| endings.iter().any(|ending| path.extension().is_some_and(|found| found == *ending)))
        .collect();
    files.sort();
    files.iter().map(|path| fs::read(path).expect("reads")).collect()
}

/// The memory of this process, where the system tells: the most since the last call, and now.
fn memory_bytes() -> [u64; 2] {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let found = ["VmHWM:", "VmRSS:"].map(|name| kilobytes(name).unwrap_or(0) << 10);
    let _ = fs::write("/proc/self/clear_refs", "5");
    found
}

/// Ends the tests if a case takes too long; dropped when it is over.
struct Watch(mpsc::Sender<Option<Vec<u8>>>);

impl Watch {
    fn new(name: &'static str) -> Watch {
        let (sender, receiver) = mpsc::channel::<Option<Vec<u8>>>();
        std::thread::spawn(move || {
            let mut running = None;
            loop {
                let message = if running.is_some() {
                    receiver.recv_timeout(LONGEST)
                } else {
                    receiver.recv().map_err(Into::into)
                };
                match (message, running.take()) {
                    (Ok(next), _) => running = next,
                    (Err(mpsc::RecvTimeoutError::Timeout), Some(bytes)) => {
                        eprintln!("{name}: a case takes longer than {LONGEST:?}: {}", keep(name, &bytes));
                        std::process::exit(1);
                    }
                    _ => return,
                }
            }
        });
        Watch(sender)
    }
}

/// Writes a case to where it can be looked at.
fn keep(name: &str, bytes: &[u8]) -> String {
    let path = std::env::temp_dir().join(format!("aesearch-damaged-{}.{name}", bytes.len()));
    fs::write(&path, bytes).expect("keeps the case");
    path.display().to_string()
}

/// Every picture of a file that holds several, each as `--frames all` reads it.
fn frames(bytes: &[u8], limits: &Limits) {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("a");
    fs::write(&path, bytes).expect("writes");
    let options = WalkOptions { frames: Frames::All, limits: *limits, ..WalkOptions::default() };
    let Ok(found) = walk(&[path], &options) else { return };
    let how = Decoding { limits: *limits, ..Decoding::default() };
    // there may be ten thousand
    for item in found.items.iter().take(8) {
        drop(read(item, limits).and_then(|source| source.decode(&how)));
    }
}

/// Runs cases of one format. A decoder of ours must not panic at all; of others it is counted, as a panic becomes
/// a reason.
fn survive(name: &'static str, is_ours: bool, cases: usize, seeds: Vec<Vec<u8>>) {
    survive_within(1 << 20, name, is_ours, cases, seeds);
}

/// As [`survive`], for pictures of at most so many pixels.
fn survive_within(max_pixels: u64, name: &'static str, is_ours: bool, cases: usize, mut seeds: Vec<Vec<u8>>) {
    let seconds: Option<f64> =
        std::env::var("AESEARCH_FUZZ_SEC").ok().map(|text| text.parse().expect("seconds"));
    let limits = Limits { max_pixels, max_decoded_bytes: 16 * max_pixels, ..Limits::default() };
    let watch = seconds.map(|_| Watch::new(name));
    let started = Instant::now();
    let (mut case, mut images, mut panics, mut slowest, mut most) = (0, 0, 0, Duration::ZERO, 0);
    assert!(!seeds.is_empty(), "{name}: no files to begin with");
    let largest = seeds.iter().map(Vec::len).max().unwrap_or(1);
    let most_seeds = MOST_SEEDS.min(MOST_SEED_BYTES / largest);
    let [_, at_first] = memory_bytes();
    let mut before = at_first;
    while seconds.map_or(case < cases, |seconds| started.elapsed().as_secs_f64() < seconds) {
        let mut random = Random(case as u64);
        let [one, other] = [0, 1].map(|_| random.below(seeds.len()));
        let mut bytes = mutated(&seeds[one], &seeds[other], &mut random);
        if name == "rows.png" && case % 4 > 0 {
            mend(&mut bytes);
        }
        if let Some(watch) = &watch {
            watch.0.send(Some(bytes.clone())).expect("watches");
        }
        let begun = Instant::now();
        let found = decode(&bytes, &limits);
        let _ = (metadata(&bytes), small(&bytes, &limits));
        if name == "heic" {
            frames(&bytes, &limits);
        }
        slowest = slowest.max(begun.elapsed());
        if let Some(watch) = &watch {
            watch.0.send(None).expect("watches");
            let [peak, now] = memory_bytes();
            let taken = peak.saturating_sub(before);
            (most, before) = (most.max(taken), now);
            let grown = now.saturating_sub(at_first);
            assert!(grown < MOST_BYTES, "{name}: {case} cases leave {} MiB behind", grown >> 20);
            assert!(
                taken < MOST_BYTES,
                "{name}: case {case} takes {} MiB: {}",
                taken >> 20,
                keep(name, &bytes)
            );
        }
        match found {
            Ok(_) if seeds.len() < most_seeds && random.below(20) == 0 => seeds.push(bytes),
            Ok(_) => images += 1,
            Err(reason) if reason.contains("panicked") => {
                panics += 1;
                let kept = if is_ours || panics == 1 { keep(name, &bytes) } else { String::new() };
                assert!(!is_ours, "{name}: case {case}: {reason}: {kept}");
                eprintln!("{name}: case {case}: {reason} {kept}");
            }
            Err(_) => {}
        }
        case += 1;
    }
    eprintln!(
        "{name}: {case} cases in {:.0} s, {images} images, {panics} panics, slowest {slowest:.1?}, at most {} MiB",
        started.elapsed().as_secs_f64(),
        most >> 20
    );
}

/// As thumbnails and fingerprints are made: what is large is decoded smaller; then whole, with all that is compared.
fn small(bytes: &[u8], limits: &Limits) -> [Result<Pixels, String>; 2] {
    let source = || read(&Item::from_bytes("a", bytes.to_vec()), limits);
    let ways = [(Needed::Fitted { side: 8 }, SampleHash::default()), (Needed::Whole, SampleHash::wanted())];
    ways.map(|(needed, samples)| {
        let how = Decoding { limits: *limits, needed, samples, ..Decoding::default() };
        source()?.decode(&how)
    })
}

/// Files that are large enough to be read by rows, though they are small.
fn by_rows(format: ImageFormat) -> Vec<Vec<u8>> {
    let picture = DynamicImage::from(GrayImage::from_fn(2100, 2000, |x, y| Luma([(x / 64 + y / 32) as u8])));
    [picture.clone(), picture.to_rgba8().into(), picture.to_luma16().into()]
        .map(|picture| encode(&picture, format))
        .into()
}

/// Rows are decoded, and few files: as many cases as whole files have would take long.
#[test]
fn png_by_rows() {
    survive_within(5 << 20, "rows.png", false, 60, by_rows(ImageFormat::Png));
}

#[test]
fn tiff_by_rows() {
    survive_within(5 << 20, "rows.tif", true, 60, by_rows(ImageFormat::Tiff));
}

#[test]
fn jpeg() {
    survive("jpg", true, 3000, seeds(&["jpg"]));
}

#[test]
fn tiff() {
    survive("tif", true, 5000, seeds(&["tif"]));
}

#[test]
fn bmp() {
    survive("bmp", true, 5000, seeds(&["bmp"]));
}

#[test]
fn tga() {
    survive("tga", true, 5000, seeds(&["tga"]));
}

#[test]
fn ico() {
    let icons =
        [(9, 5), (16, 16), (3, 2)].map(|(width, height)| encoded_picture(width, height, ImageFormat::Ico));
    survive("ico", true, 3000, icons.to_vec());
}

#[test]
#[cfg(feature = "psd")]
fn psd() {
    survive("psd", true, 5000, seeds(&["psd", "psb"]));
}

#[test]
#[cfg(feature = "raw")]
fn raw() {
    survive("dng", true, 3000, seeds(&["dng"]));
}

#[test]
#[cfg(feature = "heic")]
fn heic() {
    survive("heic", false, 1500, seeds(&["heic"]));
}

#[test]
#[cfg(feature = "jxl")]
fn jxl() {
    survive("jxl", false, 1500, seeds(&["jxl"]));
}

#[test]
#[cfg(feature = "avif")]
fn avif() {
    survive("avif", false, 1500, seeds(&["avif"]));
}
