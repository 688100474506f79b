//! A disk that is full and a folder that is read-only: a clear error, the index as it was before, and answers
//! all the while.
//!
//! A small disk of its own needs a mount namespace, which not every machine gives; where there is none that
//! is said, and files of limited size stand in for it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::cli::{Place, Ran};
use crate::fixtures::write;
use crate::runs::{answers, many_digits};

/// Runs a shell script with its own view of the disk, where `$A` is the program; nothing where the system
/// does not let us.
fn with_mounts(place: &Place, script: &str) -> Option<Ran> {
    let unshare = |script: &str| {
        let program = place.command(&[]);
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script]).current_dir(place.path()).env("A", program.get_program());
        command.output().map(Ran::from)
    };
    fs::create_dir_all(place.path().join("small")).expect("a folder");
    match unshare("mount -t tmpfs none small") {
        Ok(Ran { code: 0, .. }) => Some(unshare(script).expect("unshare runs")),
        other => {
            let why = other.map_or_else(|error| error.to_string(), |ran| ran.err);
            eprintln!("SKIPPED: no mounts of our own here: {}", why.trim());
            None
        }
    }
}

/// What `echo` said on stdout after every step: its name and exit code.
fn steps(ran: &Ran) -> Vec<&str> {
    ran.out.lines().filter(|line| line.starts_with("step ")).collect()
}

#[test]
fn on_a_full_disk_the_index_stays_as_it_was() {
    let place = many_digits(100);
    let script = "mount -t tmpfs -o size=4096k none small && head -c 3996k /dev/zero > small/others
        $A index digits/0 --index small/i -q; echo step first $?
        $A query 7.png --index small/i --exact > before
        $A index digits --index small/i; echo step full $?
        $A verify --index small/i -q >&2; echo step verify $?
        $A query 7.png --index small/i --exact | cmp - before >&2; echo step same $?
        $A index digits/0 --index small/i -q >&2; echo step again $?
        rm small/others
        $A index digits --index small/i -q >&2; echo step room $?
        $A info --index small/i --json > info.json";
    let Some(ran) = with_mounts(&place, script) else { return };
    let expected =
        ["first 0", "full 2", "verify 0", "same 0", "again 0", "room 0"].map(|s| format!("step {s}"));
    assert_eq!(steps(&ran), expected, "{}", ran.err);
    let ran = ran.says("error: small/i/").says("No space left on device");
    let info = fs::read_to_string(place.path().join("info.json")).expect("a document");
    let info: Value = serde_json::from_str(&info).unwrap_or_else(|error| panic!("{error}: {}", ran.err));
    assert_eq!(info["images"], 1000);
}

#[test]
fn a_checkpoint_that_finds_no_room_leaves_those_before_it() {
    let place = many_digits(200);
    let script = "mount -t tmpfs -o size=4096k none small && head -c 3696k /dev/zero > small/others
        $A index digits --index small/i --checkpoint-seconds 0.001 --threads 1; echo step full $?
        $A verify --index small/i -q >&2; echo step verify $?
        $A info --index small/i --json > info.json
        rm small/others
        $A index digits --index small/i --json > rest.json; echo step room $?";
    let Some(ran) = with_mounts(&place, script) else { return };
    assert_eq!(steps(&ran), ["step full 2", "step verify 0", "step room 0"], "{}", ran.err);
    let read = |name: &str| -> Value {
        let text = fs::read_to_string(place.path().join(name)).expect("a document");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {}", ran.err))
    };
    let (kept, rest) = (read("info.json"), read("rest.json"));
    let kept = kept["images"].as_u64().expect("a number");
    assert!((1..2000).contains(&kept), "{kept}");
    assert_eq!((&rest["unchanged"], &rest["images"]), (&kept.into(), &2000.into()));
}

#[test]
fn a_file_that_may_not_grow_is_named_and_the_index_stays() {
    let place = many_digits(100);
    place.run(&["index", "digits/0"]).expect(0);
    let before = answers(&place, ".aesearch");
    // the limit counts blocks of 512 or 1024 bytes; the signal that comes with it is not for us to die of
    let program = place.command(&[]);
    let limited = "trap '' XFSZ; ulimit -f 40; exec \"$0\" index digits";
    let mut command = Command::new("sh");
    command.args(["-c", limited]).arg(program.get_program()).current_dir(place.path());
    let ran = Ran::from(command.output().expect("a shell"));
    ran.expect(2).says("error: .aesearch/").says("File too large");
    place.run(&["verify"]).expect(0);
    assert_eq!(answers(&place, ".aesearch"), before);
    place.run(&["index", "digits"]).expect(0);
    place.run(&["verify"]).expect(0);
}

#[test]
fn a_read_only_index_answers_and_refuses_to_be_written() {
    let place = Place::indexed();
    write(&place.path().join("digits/1/new.png"), &fs::read(place.path().join("7.png")).expect("a file"));
    let script = "mount --bind .aesearch .aesearch && mount -o remount,bind,ro .aesearch
        $A query 7.png -k 3 >&2; echo step query $?
        $A info -q >&2; echo step info $?
        $A verify -q >&2; echo step verify $?
        $A index digits; echo step index $?
        $A remove digits/1; echo step remove $?";
    let Some(ran) = with_mounts(&place, script) else { return };
    let expected = ["query 0", "info 0", "verify 0", "index 2", "remove 2"].map(|s| format!("step {s}"));
    assert_eq!(steps(&ran), expected, "{}", ran.err);
    ran.says("Read-only file system").says(".aesearch");
}
