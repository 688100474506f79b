//! Films: by a script that stands for the program `ffmpeg`, and by the program itself where there is one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::{Place, Ran};
use crate::fixtures::write;
use crate::scenes::{png, scene};

/// Stands for the program. What a film holds says how it behaves; what it was asked is noted, a line a call.
const SCRIPT: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/asked"
what=frames at= film=
for argument in "$@"; do
    case $argument in
        file:*) film=${argument#file:} ;;
        *showinfo*) what=scenes ;;
        ppm) what=picture ;;
        [0-9]*.[0-9][0-9][0-9]) at=$argument ;;
    esac
done
[ $what = frames ] && what=length
case $(cat "$film") in
    *hangs*) sleep 30 ;;
    *damaged*) echo "[mov @ 0x1] moov atom not found" >&2; exit 1 ;;
esac
[ $what = picture ] && { cat "$here/$at.ppm" 2> /dev/null; exit 0; }
echo "  Duration: 00:00:07.50, start: 0.000000, bitrate: 326 kb/s" >&2
[ $what = length ] && exit 1
echo "[Parsed_showinfo_2 @ 0x1] config in time_base: 1/1000, frame_rate: 25/1" >&2
for pts in 0 2000 3500; do
    echo "[Parsed_showinfo_2 @ 0x1] n:   0 pts:   $pts pts_time:1 duration:1 fmt:yuv420p" >&2
done
"#;

/// A place with films, and with a program that knows pictures of them.
struct Films(Place);

impl Films {
    fn new() -> Films {
        let place = Place::empty();
        let script = place.path().join("bin/ffmpeg");
        write(&script, SCRIPT.as_bytes());
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a program");
        for (seed, at) in ["0.000", "2.000", "3.500", "4.000", "6.000"].into_iter().enumerate() {
            let picture = scene(seed as u64);
            let header = format!("P6\n{} {}\n255\n", picture.width(), picture.height());
            let ppm = [header.as_bytes(), picture.as_raw()].concat();
            write(&place.path().join(format!("bin/{at}.ppm")), &ppm);
        }
        let films = Films(place);
        films.film("a.mp4", "");
        write(&films.0.path().join("d/b.png"), &png(&scene(1)));
        write(&films.0.path().join("d/c.png"), &png(&scene(9)));
        films
    }

    fn film(&self, name: &str, says: &str) {
        write(&self.0.path().join("d").join(name), format!("\0\0\0\x20ftypisom {says}").as_bytes());
    }

    fn run(&self, args: &[&str]) -> Ran {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bin = self.0.path().join("bin");
        let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path)));
        self.0.command(args).env("PATH", path.expect("a path")).output().expect("the binary starts").into()
    }

    #[track_caller]
    fn json(&self, code: i32, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat()).expect(code);
        serde_json::from_str(&ran.out).expect("a document")
    }

    #[track_caller]
    fn index(&self, code: i32, more: &[&str]) -> [Option<u64>; 3] {
        let report = self.json(code, &[&["index", "d", "--model", "photos-128"], more].concat());
        ["images", "added", "removed"].map(|key| report[key].as_u64())
    }

    /// What the program was asked since the last time.
    fn asked(&self) -> Vec<String> {
        let notes = self.0.path().join("bin/asked");
        let asked = fs::read_to_string(&notes).unwrap_or_default();
        let _ = fs::remove_file(notes);
        asked.lines().map(str::to_owned).collect()
    }
}

fn paths(hits: &Value) -> Vec<&str> {
    let hits = hits["queries"][0]["hits"].as_array().expect("hits");
    hits.iter().map(|hit| hit["path"].as_str().expect("a path")).collect()
}

#[test]
fn films_are_passed_over_unless_they_are_asked_for() {
    let films = Films::new();
    let ran = films.run(&["index", "d", "--model", "photos-128"]).expect(0);
    assert!(ran.err.contains("1 film passed over; --video takes pictures of films"), "{}", ran.err);
    films
        .run(&["index", "d/a.mp4", "--model", "photos-128"])
        .expect(3)
        .says("a film: --video takes pictures");
    assert!(films.asked().is_empty());
    // without the program
    let ran = films.0.command(&["index", "d", "--video", "scene"]).env("PATH", films.0.path()).output();
    let ran = Ran::from(ran.expect("starts"))
        .expect(2)
        .says("ffmpeg: to take pictures of films, expected it on the PATH");
    assert!(ran.err.contains("apt install ffmpeg") && ran.err.contains("--video off"), "{}", ran.err);
    films.run(&["index", "d", "--video", "often"]).expect(2).says("--video: expected off, scene or seconds");
}

#[test]
fn scenes_are_found_by_query_and_dedupe_and_not_listed_twice() {
    let films = Films::new();
    films.film("broken.mkv", "damaged");
    films.film("-c:%03d.mov", "");
    write(&films.0.path().join("d/notes.mts"), b"import x from 'y'");
    assert_eq!(films.index(3, &["--video", "scene"]), [Some(8), Some(8), Some(0)]);
    let asked = films.asked();
    assert_eq!(asked.iter().filter(|call| call.contains("showinfo")).count(), 3);
    assert!(asked.iter().any(|call| call.contains("-i file:d/-c:%03d.mov ")), "{asked:#?}");
    assert!(
        asked.iter().all(|call| call.contains("-nostdin") && call.contains("-protocol_whitelist file,pipe"))
    );

    // the setting stays, and what is known is not listed again; what is damaged is tried again
    assert_eq!(films.index(3, &[]), [Some(8), Some(0), Some(0)]);
    let asked = films.asked();
    assert!(asked.len() == 1 && asked[0].contains("broken.mkv"), "{asked:#?}");
    films.run(&["index", "d"]).expect(3).says("broken.mkv: ffmpeg: moov atom not found");
    fs::remove_file(films.0.path().join("d/broken.mkv")).expect("removes");
    let info = films.json(0, &["info"]);
    assert_eq!((&info["video"], &info["frames"]), (&"scene".into(), &"first".into()));

    let found = films.json(0, &["query", "d/a.mp4#00:00:02", "-k", "3", "--sheet", "s.png"]);
    let mut hits = paths(&found);
    hits.sort_unstable();
    assert_eq!(hits, ["d/-c:%03d.mov#00:00:02", "d/a.mp4#00:00:02", "d/b.png"]);
    let found = films.json(0, &["query", "d/a.mp4#00:00:03.500", "-k", "2"]);
    let mut hits = paths(&found);
    hits.sort_unstable();
    assert_eq!(hits, ["d/-c:%03d.mov#00:00:03.500", "d/a.mp4#00:00:03.500"]);
    films.run(&["query", "d/a.mp4#00:00:05"]).expect(2).says("the film has no picture at this time");
    films.run(&["report", "-o", "r.html"]).expect(0);

    films.run(&["dedupe", "scan", "-o", "plan.json"]).expect(0);
    let plan = fs::read_to_string(films.0.path().join("plan.json")).expect("a plan");
    assert!(plan.contains("a.mp4#00:00:02"), "{plan}");
    let delete = ["--yes", "--action", "delete", "--kinds", "bytes,pixels,near"];
    films.run(&[&["dedupe", "apply", "plan.json"], &delete[..]].concat()).expect(3).says("never changed");
    for file in ["a.mp4", "b.png", "c.png", "-c:%03d.mov"] {
        assert!(films.0.path().join("d").join(file).exists(), "{file}");
    }

    // a film that changed is listed again, and one that is gone leaves
    films.asked();
    films.film("a.mp4", "of another length");
    fs::remove_file(films.0.path().join("d/-c:%03d.mov")).expect("removes");
    assert_eq!(films.index(0, &[]), [Some(5), Some(0), Some(3)]);
    assert_eq!(films.asked().iter().filter(|call| call.contains("showinfo")).count(), 1);
    assert_eq!(films.index(0, &["--video", "off"]), [Some(2), Some(0), Some(3)]);
}

#[test]
fn every_two_seconds_is_as_long_as_there_are_pictures() {
    let films = Films::new();
    // it plays for 7.5 s; the script has pictures at 0, 2, 4 and 6
    assert_eq!(films.index(0, &["--video", "2"])[0], Some(6));
    assert!(films.asked().iter().all(|call| !call.contains("showinfo")));
    fs::remove_file(films.0.path().join("bin/6.000.ppm")).expect("removes");
    films.film("a.mp4", "changed");
    assert_eq!(films.index(0, &[])[0], Some(5), "sound goes on for longer");
    for at in ["2.000", "4.000"] {
        fs::remove_file(films.0.path().join(format!("bin/{at}.ppm"))).expect("removes");
    }
    films.film("a.mp4", "changed again");
    assert_eq!(films.index(0, &[])[0], Some(3), "sound goes on for much longer");
}

#[test]
fn a_program_that_hangs_is_killed() {
    let films = Films::new();
    films.film("a.mp4", "hangs");
    let start = Instant::now();
    let ran =
        films.run(&["index", "d", "--model", "photos-128", "--video", "scene", "--decode-timeout", "0.5"]);
    ran.expect(3).says("d/a.mp4: ffmpeg takes longer than 500ms for it (--decode-timeout)");
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
}

/// The program itself, if it is there.
fn ffmpeg(args: &[&str], film: &PathBuf) -> bool {
    let made = Command::new("ffmpeg").args(["-nostdin", "-v", "error"]).args(args).arg(film).output();
    match made {
        Ok(made) if made.status.success() => true,
        Ok(made) => panic!("{}", String::from_utf8_lossy(&made.stderr)),
        Err(error) => {
            eprintln!("SKIPPED: no ffmpeg on the PATH: {error}");
            false
        }
    }
}

#[test]
fn the_program_itself_gives_scenes_and_seconds() {
    let place = Place::empty();
    fs::create_dir(place.path().join("d")).expect("a folder");
    let [red, test, bars] =
        ["color=c=red:", "testsrc=", "smptebars="].map(|source| format!("{source}d=2:s=320x240:r=25"));
    for (name, codec) in [("a.mp4", "mpeg4"), ("-b%d.mkv", "ffv1"), ("c:d.avi", "mjpeg"), ("e.mov", "mpeg4")]
    {
        let input = ["-f", "lavfi", "-i", &red, "-f", "lavfi", "-i", &test, "-f", "lavfi", "-i", &bars];
        let output = ["-filter_complex", "concat=n=3", "-pix_fmt", "yuv420p", "-strict", "-2", "-c:v", codec];
        // seen from its folder, as another program would name it
        let film = place.path().join("d").join(name);
        let film = PathBuf::from(format!("file:{}", film.display()));
        if !ffmpeg(&[&input[..], &output[..]].concat(), &film) {
            return;
        }
    }
    let cut = fs::read(place.path().join("d/e.mov")).expect("a film");
    write(&place.path().join("d/e.mov"), &cut[..cut.len() / 3]);
    let index =
        |more: &[&str]| place.run(&[&["index", "d", "--model", "photos-128", "--json"], more].concat());
    let report = |ran: &Ran| serde_json::from_str::<Value>(&ran.out).expect("a document");
    let ran = index(&["--video", "scene"]).expect(3).says("d/e.mov: ffmpeg: moov atom not found");
    assert_eq!(report(&ran)["images"], 9, "{}", ran.err);
    fs::remove_file(place.path().join("d/e.mov")).expect("removes");
    for film in ["d/a.mp4", "d/-b%d.mkv", "d/c:d.avi"] {
        let hits = place.json(&["query", &format!("{film}#00:00:04"), "-k", "3"]);
        let mut hits = paths(&hits);
        hits.sort_unstable();
        assert_eq!(hits, ["d/-b%d.mkv#00:00:04", "d/a.mp4#00:00:04", "d/c:d.avi#00:00:04"]);
    }
    let ran = index(&["--video", "1.5"]).expect(0);
    assert_eq!(report(&ran)["images"], 12, "0, 1.5, 3 and 4.5 of each");
}
