//! The program `ffmpeg`: what it is asked, what it says, and how long it may take.
//!
//! It gets a path of this machine and no other protocol, nothing to read from the terminal, and a time to be
//! done; then it is killed. What it says about a damaged film is quoted briefly.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::choice::Video;
use super::times::milliseconds;
use crate::images::Limits;
use crate::images::frames::MOST;

/// The program.
const PROGRAM: &str = "ffmpeg";
/// Kinds of films that it may take a file for: none that names other files.
const KINDS: &str = "mov,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg";
/// The first picture, and each that differs from the last one as pictures of two scenes do.
const SCENES: &str = "scale=320:-2:flags=fast_bilinear,select='eq(n,0)+gt(scene,0.3)',showinfo";
/// Square pixels, and no side longer than models, fingerprints and thumbnails need.
const SMALLER: &str =
    "scale=w=iw*sar:h=ih,scale=w='min(1024,iw)':h='min(1024,ih)':force_original_aspect_ratio=decrease";
/// Most bytes of such a picture: more than 1024 x 1024 pixels and a header.
const MOST_BYTES: u64 = 4 << 20;
/// How often to see whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long to wait for its last words: another program may hold its streams open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why there are no pictures.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::images) enum Fault {
    /// There is no such program here.
    NoProgram,
    /// This program was built without films.
    NotBuilt,
    /// The user ended it.
    Interrupted,
    /// The film is damaged, for one.
    Film(String),
}

/// The times of a film's pictures, in milliseconds, ascending; at most one more than [`MOST`].
///
/// # Errors
/// Why there are none.
pub(in crate::images) fn list(path: &Path, video: Video, limits: &Limits) -> Result<Vec<u64>, Fault> {
    match video {
        Video::Off => Ok(Vec::new()),
        Video::Scenes => scenes(path, limits),
        Video::Every(ms) => regular(path, u64::from(ms.max(1)), limits),
    }
}

fn scenes(path: &Path, limits: &Limits) -> Result<Vec<u64>, Fault> {
    let output = ["-map", "0:V:0", "-an", "-sn", "-dn", "-vf", SCENES, "-f", "null", "-"];
    let said = run(&arguments("info", &[], path, &output), limits)?.said;
    match said.times.is_empty() {
        true => Err(said.fault()),
        false => Ok(said.times),
    }
}

fn regular(path: &Path, every: u64, limits: &Limits) -> Result<Vec<u64>, Fault> {
    // without an output it only says what the film is
    let said = run(&arguments("info", &[], path, &[]), limits)?.said;
    let Some(length) = said.length else {
        return Err(match said.faults.is_empty() {
            true => Fault::Film("its length is not known: pictures of scenes may be found".to_owned()),
            false => said.fault(),
        });
    };
    let mut times: Vec<u64> = (0..length.max(1)).step_by(every as usize).take(MOST + 1).collect();
    // sound may go on where there is no picture any more
    let (mut some, mut none) = (1, times.len());
    let mut looked_at = times.len() - 1; // the last one, then halfway
    while some < none {
        match picture(path, times[looked_at], limits)? {
            Some(_) => some = looked_at + 1,
            None => none = looked_at,
        }
        looked_at = some.midpoint(none).min(none.saturating_sub(1));
    }
    times.truncate(some);
    Ok(times)
}

/// The first picture at or after a time, as a PPM file; none after the last one.
///
/// # Errors
/// What is damaged, or that it takes too long.
pub(in crate::images) fn picture(path: &Path, ms: u64, limits: &Limits) -> Result<Option<Vec<u8>>, Fault> {
    let at = format!("{}.{:03}", ms / 1000, ms % 1000);
    let output =
        ["-map", "0:V:0", "-frames:v", "1", "-vf", SMALLER, "-f", "image2pipe", "-c:v", "ppm", "pipe:1"];
    let Ran { said, is_success, out } =
        run(&arguments("error", &["-threads", "1", "-ss", &at], path, &output), limits)?;
    match (out.is_empty(), is_success) {
        (false, _) => Ok(Some(out)),
        (true, true) => Ok(None),
        (true, false) => Err(said.fault()),
    }
}

/// What to ask: options of the input, the film, options of the output.
fn arguments(level: &str, input: &[&str], path: &Path, output: &[&str]) -> Vec<OsString> {
    let always = ["-nostdin", "-hide_banner", "-nostats", "-loglevel", level];
    let safe = ["-protocol_whitelist", "file,pipe", "-format_whitelist", KINDS];
    let mut arguments: Vec<OsString> = always.iter().chain(input).chain(&safe).map(OsString::from).collect();
    // with its protocol, a name that looks like an option, a pattern or a protocol is none
    let mut film = OsString::from("file:");
    film.push(path);
    arguments.extend([OsString::from("-i"), film]);
    arguments.extend(output.iter().map(OsString::from));
    arguments
}

/// What it said.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Said {
    /// In milliseconds.
    length: Option<u64>,
    /// Seconds of a unit of its times, as a fraction.
    unit: Option<(u64, u64)>,
    /// Times of pictures, in milliseconds.
    times: Vec<u64>,
    /// Lines about something wrong, the first of them.
    faults: Vec<String>,
    interrupted: bool,
}

impl Said {
    fn line(&mut self, line: &str) {
        const WRONG: [&str; 7] =
            ["error", "invalid", "not found", "unknown", "unsupported", "matches no", "no such"];
        let after = |mark: &str| Some(line.split_once(mark)?.1.trim_start());
        let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok();
        if let Some(length) = after("  Duration: ").filter(|_| self.length.is_none()) {
            self.length = length.split(',').next().and_then(milliseconds);
        } else if line.contains("showinfo") {
            if let Some((numerator, denominator)) =
                after("config in time_base:").and_then(|t| t.split_once('/'))
            {
                self.unit = number(numerator).zip(number(denominator).filter(|n| *n > 0));
            } else if let (Some(pts), Some((numerator, denominator))) =
                (after(" pts:").and_then(number), self.unit)
            {
                // rounded down, as the picture at or after a time is asked for
                let ms = u128::from(pts) * u128::from(numerator) * 1000 / u128::from(denominator);
                let ms = u64::try_from(ms).unwrap_or(u64::MAX);
                let is_next = self.times.last().is_none_or(|last| *last < ms) && self.times.len() <= MOST;
                self.times.extend(is_next.then_some(ms));
            }
        } else if line.contains("received signal") {
            self.interrupted = true;
        } else if WRONG.iter().any(|word| line.to_lowercase().contains(word)) && self.faults.len() < 2 {
            // without the part of the program that says it
            let said = line.rsplit_once("] ").map_or(line, |(_, said)| said).trim();
            self.faults.push(said.chars().take(120).collect());
        }
    }

    fn fault(&self) -> Fault {
        match self.faults.as_slice() {
            [] => Fault::Film(format!("{PROGRAM} found no pictures in it")),
            faults => Fault::Film(format!("{PROGRAM}: {}", faults.join("; "))),
        }
    }
}

/// What a run left behind.
struct Ran {
    said: Said,
    is_success: bool,
    out: Vec<u8>,
}

fn run(arguments: &[OsString], limits: &Limits) -> Result<Ran, Fault> {
    if !cfg!(feature = "video") {
        return Err(Fault::NotBuilt);
    }
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Fault::NoProgram,
        _ => Fault::Film(format!("{PROGRAM}: {error}")),
    };
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let said = Arc::new(Mutex::new(Said::default()));
    let (done, ended) = channel();
    let (bytes, out) = channel();
    if let Some(stderr) = child.stderr.take() {
        let said = said.clone();
        thread::spawn(move || listen(stderr, &said, &done));
    }
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            let mut all = Vec::new();
            // where it ends early, that shows when it is decoded
            let _ = stdout.take(MOST_BYTES).read_to_end(&mut all);
            let _ = bytes.send(all);
        });
    }
    let is_success = wait(&mut child, &said, limits)?;
    // both streams end with the program, unless another one holds them
    let out = out.recv_timeout(LAST_WORDS).unwrap_or_default();
    let _ = ended.recv_timeout(LAST_WORDS);
    let said = locked(&said).clone();
    if said.interrupted { Err(Fault::Interrupted) } else { Ok(Ran { said, is_success, out }) }
}

fn locked(said: &Mutex<Said>) -> MutexGuard<'_, Said> {
    // a line is taken in whole or not at all
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes in each line that it says.
fn listen(stderr: impl Read, said: &Mutex<Said>, done: &Sender<()>) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        locked(said).line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let _ = done.send(());
}

/// Waits until it is done, and says whether it went well. It has the time that an image has, and to go through
/// a film as long again as it plays.
fn wait(child: &mut Child, said: &Mutex<Said>, limits: &Limits) -> Result<bool, Fault> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) => {}
            Err(error) => return Err(Fault::Film(format!("{PROGRAM}: {error}"))),
        }
        let plays = Duration::from_millis(locked(said).length.unwrap_or(0));
        let (is_late, is_enough) =
            (start.elapsed() > limits.decode_timeout + plays, locked(said).times.len() > MOST);
        if is_late || is_enough {
            let _ = child.kill();
            let _ = child.wait();
            if is_enough {
                return Ok(true);
            }
            let timeout = limits.decode_timeout;
            return Err(Fault::Film(format!(
                "{PROGRAM} takes longer than {timeout:?} for it (`decode_timeout`)"
            )));
        }
        thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_understood() {
        let mut said = Said::default();
        for line in [
            "  Duration: 01:00:07.04, start: 0.000000, bitrate: 326 kb/s\n",
            "[Parsed_showinfo_2 @ 0x7f] config in time_base: 1001/30000, frame_rate: 30000/1001\n",
            "[Parsed_showinfo_2 @ 0x7f] config out time_base: 0/0, frame_rate: 0/0\n",
            "[Parsed_showinfo_2 @ 0x7f] n:   0 pts:      0 pts_time:0       duration:      1 fmt:yuv420p\n",
            "[Parsed_showinfo_2 @ 0x7f] color_range:tv color_space:unknown\n",
            "[Parsed_showinfo_2 @ 0x7f] n:   1 pts:     31 pts_time:1.03437 duration:      1 fmt:yuv420p\n",
            "[Parsed_showinfo_2 @ 0x7f] n:   2 pts:     31 pts_time:1.03437 duration:      1 fmt:yuv420p\n",
            "[Parsed_showinfo_2 @ 0x7f] n:   3 pts: 200000 pts_time:6673.33 duration:      1 fmt:yuv420p\n",
        ] {
            said.line(line);
        }
        assert_eq!((said.length, said.times.as_slice()), (Some(3_607_040), &[0, 1034, 6_673_333][..]));
        said.line("[mov,mp4 @ 0x5592] moov atom not found\n");
        said.line("[in#0 @ 0x5592] Error opening input: Invalid data found when processing input\n");
        said.line("Error opening input files: Invalid data found when processing input\n");
        let Fault::Film(reason) = said.fault() else { panic!("a fault of the film") };
        let expected =
            "ffmpeg: moov atom not found; Error opening input: Invalid data found when processing input";
        assert_eq!(reason, expected);
        said.line("Exiting normally, received signal 2.\n");
        assert!(said.interrupted);
        assert_eq!(Said::default().fault(), Fault::Film("ffmpeg found no pictures in it".to_owned()));
    }

    #[test]
    fn names_of_films_are_no_options_and_no_protocols() {
        for name in ["-i.mp4", "http:a.mp4", "a%03d.mp4", "concat:a|b.mp4"] {
            let arguments = arguments("error", &["-ss", "1.000"], Path::new(name), &["-f", "null", "-"]);
            let at = arguments.iter().position(|argument| argument == "-i").unwrap();
            assert_eq!(arguments[at + 1].to_str(), Some(format!("file:{name}").as_str()));
            assert!(arguments[..at].iter().any(|argument| argument == "-protocol_whitelist"));
        }
    }
}
