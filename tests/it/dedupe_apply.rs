//! `aesearch dedupe apply` and `undo` as their users meet them: a plan by hand, the trash, a run that is
//! killed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use aesearch::images::{Stamp, stamp_file};
use serde_json::{Value, json};

use crate::cli::{Place, Ran, assert_keys};
use crate::fixtures::write;

/// Files by path, each with content and time; links by what they say.
type Tree = BTreeMap<PathBuf, (String, Option<SystemTime>)>;

fn file(place: &Path, name: &str) -> Value {
    let Stamp { size, mtime_ns, hash } = stamp_file(&place.join(name)).expect("a file");
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "path": name, "size": size, "mtime_ns": mtime_ns, "hash": hash,
        "width": 1, "height": 1, "format": "png", "distance": 0, "similarity": 1.0,
    })
}

fn group(place: &Path, kind: &str, keep: &str, duplicates: &[&str]) -> Value {
    let duplicates: Vec<Value> = duplicates.iter().map(|name| file(place, name)).collect();
    json!({
        "id": keep, "kind": kind, "keep": keep, "keeper": file(place, keep), "duplicates": duplicates,
        "diameter": 0.0, "medoid": keep,
    })
}

/// Writes `plan.json` as `dedupe scan` would.
fn write_plan(place: &Path, groups: &[Value]) {
    let plan = json!({
        "schema_version": 1, "command": "dedupe scan", "images": 9, "base": place, "keep": [],
        "threshold": {
            "similarity": 0.9, "false_positive_rate": 1e-6, "pairs_tested": 0, "expected_false_pairs": 0.0,
            "null_pairs": 0, "null_largest": 0.0, "recall": [],
        },
        "groups": groups, "near_misses": [],
    });
    fs::write(place.join("plan.json"), plan.to_string()).expect("writes");
}

fn old(path: &Path, content: &str) {
    write(path, content.as_bytes());
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + content.len() as u64);
    File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("sets a time");
}

/// A folder with two groups of two, one with a sidecar, and their plan.
fn planned() -> Place {
    let place = Place::empty();
    for (name, content) in [
        ("a/1.png", "one"),
        ("b/1.png", "one"),
        ("a/2.png", "two"),
        ("b/2.png", "zwei"),
        ("b/1.xmp", "about"),
    ] {
        old(&place.path().join(name), content);
    }
    let here = place.path();
    let groups =
        [group(here, "bytes", "a/1.png", &["b/1.png"]), group(here, "near", "a/2.png", &["b/2.png"])];
    write_plan(here, &groups);
    place
}

fn tree(place: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut pending = vec![place.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            if metadata.is_dir() {
                pending.push(path);
                continue;
            }
            let seen = match fs::read_link(&path) {
                Ok(target) => (target.display().to_string(), None),
                Err(_) => (fs::read_to_string(&path).expect("text"), metadata.modified().ok()),
            };
            tree.insert(path.strip_prefix(place).expect("below").to_path_buf(), seen);
        }
    }
    tree
}

fn paths(document: &Value) -> Vec<&str> {
    let done = document["done"].as_array().expect("a list");
    done.iter().map(|step| step["path"].as_str().expect("a path")).collect()
}

#[test]
fn without_yes_nothing_is_changed_and_it_says_so() {
    let place = planned();
    let before = tree(place.path());
    let listed = place.run(&["dedupe", "apply", "plan.json"]).expect(0);
    let lines: Vec<&Path> = listed.out.lines().map(Path::new).collect();
    assert_eq!(lines, [place.path().join("b/1.png"), place.path().join("b/2.png")]);
    for action in ["move", "trash", "delete", "hardlink", "symlink"] {
        let ran = place.run(&["dedupe", "apply", "plan.json", "--action", action]).expect(0);
        assert!(ran.out.contains("nothing was changed: --yes does it"), "{}", ran.out);
        assert_eq!(ran.err.contains("warning: deleting cannot be undone"), action == "delete", "{}", ran.err);
        assert_eq!(tree(place.path()), before, "{action}");
    }
    let delete = ["dedupe", "apply", "plan.json", "--action", "delete", "--sidecars"];
    assert_eq!(paths(&place.json(&delete)), ["b/1.png", "b/1.xmp"], "only what is certain");
    let document = place.json(&[&delete[..], &["--kinds", "bytes,near"]].concat());
    assert_keys(&document, &["schema_version", "action", "dry_run", "done", "refused", "bytes_freed"]);
    assert_eq!((&document["command"], &document["dry_run"]), (&"dedupe apply".into(), &true.into()));
    assert_eq!(paths(&document), ["b/1.png", "b/1.xmp", "b/2.png"]);
    assert_eq!(document["bytes_freed"], 3 + 5 + 4);
    assert!(document.get("orphans").is_none(), "{document:#}");
}

#[test]
fn a_sidecar_that_loses_its_image_is_named() {
    let place = planned();
    let orphan = place.path().join("b/1.xmp");
    let apply = ["dedupe", "apply", "plan.json", "--leave-sidecars", "--action"];
    for action in ["hardlink", "list"] {
        assert!(place.json(&[&apply[..], &[action]].concat()).get("orphans").is_none(), "{action}");
    }
    // only to be looked at, then done
    for more in [&["trash"][..], &["delete"], &["move", "--yes"]] {
        let ran = place.run(&[&apply[..], more].concat()).expect(0);
        let said = format!("{}: this sidecar stays, but its image goes", orphan.display());
        assert!(ran.err.contains(&said) && ran.err.contains("without --leave-sidecars"), "{}", ran.err);
    }
    assert!(orphan.is_file() && !place.path().join("b/1.png").exists());
    place.run(&["dedupe", "undo", "plan.json", "--yes"]).expect(0);
    let document = place.json(&[&apply[..], &["delete"]].concat());
    assert_eq!(document["orphans"], json!([orphan.to_string_lossy()]));
    // another file of its name stays
    fs::write(place.path().join("b/1.cr2"), "raw").expect("a file");
    assert!(place.json(&[&apply[..], &["delete"]].concat()).get("orphans").is_none());
}

#[test]
fn a_plan_is_carried_out_and_taken_back() {
    for action in ["move", "hardlink", "symlink"] {
        let place = planned();
        let before = tree(place.path());
        let args = ["dedupe", "apply", "plan.json", "--yes", "--action", action];
        let ran = place.run(&args).expect(0).says("aesearch dedupe undo plan.json.journal --yes");
        assert!(ran.out.contains("b/1.png -> "), "{}", ran.out);
        let there = tree(place.path());
        if action == "move" {
            assert!(there.contains_key(Path::new("plan.json.duplicates/b/1.xmp")), "{there:#?}");
            ran.says("aesearch index");
        } else {
            assert!(ran.err.contains("1 duplicate of other kinds left out"), "{}", ran.err);
        }
        place.run(&args).expect(0);
        place
            .run(&["dedupe", "apply", "plan.json", "--yes", "--action", "delete"])
            .expect(2)
            .says("hint: take them back with `aesearch dedupe undo`");
        let dry = place.run(&["dedupe", "undo", "plan.json"]).expect(0);
        assert!(dry.out.contains("nothing was changed: --yes does it"), "{}", dry.out);
        let document = place.json(&["dedupe", "undo", "plan.json.journal", "--yes"]);
        assert_eq!((&document["command"], &document["action"]), (&"dedupe undo".into(), &action.into()));
        assert_eq!(document["refused"], json!([]));
        assert_eq!(tree(place.path()), before, "{action}");
    }
}

#[test]
fn what_changed_is_left_alone_and_the_exit_code_tells() {
    let place = planned();
    fs::write(place.path().join("b/1.png"), "edited").expect("writes");
    let delete = ["dedupe", "apply", "plan.json", "--action", "delete", "--kinds", "bytes,near", "--yes"];
    let ran = place.run(&delete).expect(3);
    ran.says("warning: left alone b/1.png: its size: expected 3 bytes, got 6");
    assert_eq!(fs::read_to_string(place.path().join("b/1.png")).expect("still there"), "edited");
    assert!(!place.path().join("b/2.png").exists());
    place.run(&["dedupe", "undo", "plan.json", "--yes"]).expect(3).says("b/2.png: it was deleted for good");
}

#[test]
fn a_file_in_a_container_keeps_others_but_no_link_points_to_it() {
    let place = Place::empty();
    let here = place.path();
    old(&here.join("b/1.png"), "one");
    let mut archive = tar_of("1.png", b"one");
    archive.resize(10240, 0);
    write(&here.join("a.tar"), &archive);
    let mut group = group(here, "bytes", "b/1.png", &["b/1.png"]);
    let tar = fs::metadata(here.join("a.tar")).expect("metadata");
    let since = tar.modified().expect("a time").duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    group["keep"] = json!("a.tar#1.png");
    group["keeper"]["path"] = json!("a.tar#1.png");
    group["keeper"]["entry"] = json!(true);
    group["keeper"]["size"] = json!(tar.len());
    group["keeper"]["mtime_ns"] = json!(since.as_nanos() as u64);
    write_plan(here, &[group]);
    let apply = |action: &str| place.run(&["dedupe", "apply", "plan.json", "--yes", "--action", action]);
    apply("hardlink").expect(3).says("inside a container, which no link can point into");
    fs::remove_file(here.join("plan.json.journal")).expect("it was made");
    apply("move").expect(0);
    assert!(!here.join("b/1.png").exists());
    place.run(&["dedupe", "undo", "plan.json", "--yes"]).expect(0);
    write(&here.join("a.tar"), &tar_of("1.png", b"two"));
    apply("move").expect(3).says("the file that is kept");
    assert!(here.join("b/1.png").exists());
}

/// A .tar file with one entry.
fn tar_of(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend(content);
    header.resize(header.len().next_multiple_of(512) + 1024, 0);
    header
}

#[test]
fn wrong_usage_is_told() {
    let place = planned();
    let wrong: [(&[&str], &str); 6] = [
        (&["--action", "burn"], "--action: expected one of list, move"),
        (&["--kinds", "far"], "--kinds: expected some of bytes, pixels, near, edited, related, got \"far\""),
        (&["--action", "hardlink", "--kinds", "near"], "would change what the file holds"),
        (&["--action", "symlink", "--sidecars"], "--sidecars"),
        (&["--action", "trash", "--to", "x"], "--to: expected --action move"),
        (
            &["--action", "move", "--yes", "--journal", "a/1.png"],
            "a/1.png: expected a journal, got another file",
        ),
    ];
    for (args, told) in wrong {
        place.run(&[&["dedupe", "apply", "plan.json"], args].concat()).expect(2).says(told);
    }
    place.run(&["dedupe", "apply", "a/1.png"]).expect(2).says("expected a plan");
    place.run(&["dedupe", "undo", "a/1.png", "--yes"]).expect(2).says("expected a journal, got another file");
    place
        .run(&["dedupe", "undo", "plan.json", "--yes"])
        .expect(2)
        .says("expected a journal beside this plan, got none");
}

/// The desktop's trash, for the run a folder of its own.
#[cfg(target_os = "linux")]
#[test]
fn the_trash_gives_back_what_it_got() {
    let place = planned();
    let before = tree(place.path());
    let data = place.path().join(".data");
    let run = |args: &[&str]| -> Ran {
        let mut command = place.command(args);
        command.env("XDG_DATA_HOME", &data).env("HOME", place.path()).output().expect("starts").into()
    };
    run(&["dedupe", "apply", "plan.json", "--action", "trash", "--sidecars", "--yes"]).expect(0);
    assert!(!place.path().join("b/1.png").exists() && !place.path().join("b/1.xmp").exists());
    let trashed = fs::read_dir(data.join("Trash/files")).expect("a trash").count();
    assert_eq!(trashed, 3);
    run(&["dedupe", "undo", "plan.json"]).expect(0);
    run(&["dedupe", "undo", "plan.json", "--yes"]).expect(0);
    assert_eq!(tree(place.path()), before);

    run(&["dedupe", "apply", "plan.json", "--action", "trash", "--yes"]).expect(0);
    fs::remove_dir_all(data.join("Trash")).expect("it is emptied");
    run(&["dedupe", "undo", "plan.json", "--yes"]).expect(3).says("it is not in the trash any more");
}

/// Killed for true, at moments that differ: it goes on, and everything comes back.
#[test]
fn a_run_that_is_killed_goes_on_and_back() {
    const FILES: usize = 80;
    let place = Place::empty();
    let here = place.path();
    let names: Vec<String> = (0..FILES).map(|number| format!("{}/{number}.png", number % 7)).collect();
    old(&here.join("kept.png"), "the same");
    names.iter().for_each(|name| old(&here.join(name), "the same"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    write_plan(here, &[group(here, "bytes", "kept.png", &names)]);
    let before = tree(here);
    let mut interrupted = 0;
    for (action, kill_ms) in [("move", 15), ("hardlink", 25), ("symlink", 35), ("move", 60), ("symlink", 90)]
    {
        let args = ["dedupe", "apply", "plan.json", "--yes", "--action", action];
        let mut command: Command = place.command(&args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        std::thread::sleep(Duration::from_millis(kill_ms));
        child.kill().expect("it is killed, or over");
        child.wait().expect("it ends");
        let done = tree(here).iter().filter(|entry| before.get(entry.0) != Some(entry.1)).count();
        interrupted += usize::from(done > 0 && done < FILES);
        if kill_ms % 2 == 1 {
            place.run(&args).expect(0);
        }
        if here.join("plan.json.journal").exists() {
            place.run(&["dedupe", "undo", "plan.json", "--yes"]).expect(0);
        }
        assert_eq!(tree(here), before, "{action} after {kill_ms} ms");
    }
    eprintln!("{interrupted} of 5 runs were cut short halfway");
}

#[test]
fn what_only_duplicates_say_is_written_beside_the_kept_file() {
    let place = planned();
    old(&place.path().join("b/1.xmp"), "<x xmp:Rating='3'/>");
    let before = tree(place.path());
    let apply = ["dedupe", "apply", "plan.json", "--action", "move", "--merge-metadata"];
    let shown = place.run(&apply).expect(0);
    assert!(shown.out.contains("would write") && tree(place.path()) == before, "{}", shown.out);
    place.run(&[&apply[..], &["--yes"]].concat()).expect(0);
    let written = fs::read_to_string(place.path().join("a/1.png.xmp")).expect("a sidecar");
    assert!(written.contains("xmp:Rating=\"3\"") && !place.path().join("b/1.png").exists(), "{written}");
    place.run(&["dedupe", "undo", "plan.json", "--yes"]).expect(0);
    assert_eq!(tree(place.path()), before);

    // a sidecar that is there is not changed, and what only the duplicate has is not lost
    old(&place.path().join("a/1.xmp"), "<x/>");
    let refused = place.run(&[&apply[..], &["--yes"]].concat()).expect(3);
    assert!(
        refused.err.contains("only it has a rating") && place.path().join("b/1.png").exists(),
        "{}",
        refused.err
    );
    place.run(&["dedupe", "apply", "plan.json", "--action", "symlink", "--merge-metadata"]).expect(2);
}
