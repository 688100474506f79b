//! What is walked and what is left out: rules, hidden files, links, pipes, folders without permission, lists,
//! containers.

use std::ffi::OsStr;
use std::fs;

use super::*;
use crate::images::containers::recognise;
use crate::images::containers::tests::tar_of;
use crate::images::plain_file::NO_FILE;
use crate::images::source::Raw;
use crate::images::{Item, Limits, Pixels, encode_png, from_list, load, read, resolve};

fn png() -> Vec<u8> {
    encode_png(&Pixels { width: 1, height: 1, channels: 1, data: vec![1] }).unwrap()
}

/// A folder with an image at each of these paths.
fn folder(paths: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in paths {
        fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
        fs::write(dir.path().join(path), png()).unwrap();
    }
    dir
}

/// Names below the folder.
fn found(dir: &tempfile::TempDir, walk: &Walk) -> Vec<String> {
    let root = format!("{}/", dir.path().display());
    walk.items.iter().map(|item| item.display().replace(&root, "")).collect()
}

fn walked(dir: &tempfile::TempDir, options: &WalkOptions) -> Walk {
    walk(&[dir.path().to_path_buf()], options).unwrap()
}

#[test]
fn rules_leave_out_and_the_user_brings_back() {
    let dir = folder(&["a/1.png", "a/thumbs/2.png", "b/raw.png", "b/3.png", "c.png"]);
    fs::write(dir.path().join(".aesearchignore"), "thumbs/\n").unwrap();
    fs::write(dir.path().join("b/.aesearchignore"), "raw.*\n").unwrap();
    let options = WalkOptions { exclude: vec!["/c.png".into()], ..WalkOptions::default() };
    let walk_of =
        |data: &[&str]| walk(&data.iter().map(|p| dir.path().join(p)).collect::<Vec<_>>(), &options);
    assert_eq!(found(&dir, &walked(&dir, &options)), ["a/1.png", "b/3.png"]);
    let walk = walk_of(&["", "b/raw.png", "c.png", "b/3.png", "a/thumbs"]).unwrap();
    assert_eq!(found(&dir, &walk), ["a/1.png", "b/3.png", "b/raw.png", "c.png", "a/thumbs/2.png"]);
    assert_eq!(walk.skipped, []);
    let wrong = WalkOptions { exclude: vec!["a{".into()], ..WalkOptions::default() };
    assert!(super::walk(&[], &wrong).is_err());
}

#[test]
fn hidden_files_are_taken_on_request_an_index_never() {
    let dir = folder(&["a.png", ".b.png", ".c/d.png", ".aesearch/e.png"]);
    assert_eq!(found(&dir, &walked(&dir, &WalkOptions::default())), ["a.png"]);
    let options = WalkOptions { hidden: true, ..WalkOptions::default() };
    assert_eq!(found(&dir, &walked(&dir, &options)), [".b.png", ".c/d.png", "a.png"]);
    let walk = walk(&[dir.path().to_path_buf(), dir.path().join(".b.png")], &WalkOptions::default()).unwrap();
    assert_eq!(found(&dir, &walk), ["a.png", ".b.png"]);
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_counted_or_followed_once() {
    let dir = folder(&["a/1.png", "b/2.png"]);
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, dir.path().join(name)).unwrap();
    for (target, name) in [("..", "a/up"), ("../b", "a/b"), ("b/2.png", "l.png"), ("nowhere", "n.png")] {
        link(target, name);
    }
    let walk_ = walked(&dir, &WalkOptions::default());
    assert_eq!(
        (found(&dir, &walk_), walk_.links),
        (vec!["a/1.png".into(), "b/2.png".into(), "l.png".into()], 2)
    );
    assert_eq!(walk_.skipped[0].reason, "no such file or folder");
    let follow = WalkOptions { follow: true, ..WalkOptions::default() };
    let walk_ = walked(&dir, &follow);
    assert_eq!(found(&dir, &walk_), ["a/1.png", "a/b/2.png", "l.png"]);
    assert_eq!(walk_.links, 0);
    // a root may be a link; a folder of nothing but links says so
    link("a", "root");
    let roots = walk(&[dir.path().join("root")], &WalkOptions::default()).unwrap();
    assert_eq!(found(&dir, &roots), ["root/1.png"]);
    fs::create_dir(dir.path().join("only")).unwrap();
    link("../a", "only/a");
    let only = walk(&[dir.path().join("only")], &WalkOptions::default()).unwrap();
    assert!(only.skipped[0].reason.contains("links to folders in it (1)"), "{:?}", only.skipped);
}

#[cfg(unix)]
#[test]
fn pipes_and_sockets_are_never_opened() {
    let dir = folder(&["a.png"]);
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe.png")).status();
    let socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket.tar")).unwrap();
    std::os::unix::fs::symlink("socket.tar", dir.path().join("z.npy")).unwrap();
    let walk = walked(&dir, &WalkOptions::default());
    assert_eq!(walk.items.len(), 1);
    assert_eq!(walk.skipped.len(), 2 + usize::from(made.is_ok_and(|status| status.success())));
    assert!(walk.skipped.iter().all(|s| s.reason == "neither a file nor a folder: not opened"));
    drop(socket);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_told_and_kept_in_mind() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = folder(&["a.png", "closed/b.png"]);
    fs::write(dir.path().join("bad.zip"), b"PK\x03\x04 and then nothing").unwrap();
    let closed = dir.path().join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let locked = dir.path().join("locked.tar");
    fs::write(&locked, tar_of(&[])).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let is_closed = fs::read_dir(&closed).is_err(); // not for an administrator
    let walk = walked(&dir, &WalkOptions::default());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    let mut unread = vec![dir.path().join("bad.zip")];
    unread.extend([closed, locked].into_iter().filter(|_| is_closed));
    assert_eq!(walk.unread, unread);
    assert_eq!(walk.skipped.len(), unread.len());
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_are_kept() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(OsStr::from_bytes(b"\xff.png"));
    if fs::write(&path, b"").is_err() {
        return; // a file system that wants UTF-8
    }
    let item = walked(&dir, &WalkOptions::default()).items.remove(0);
    let skipped = Skipped::new(item.name(), load(&item, &Limits::default()).unwrap_err());
    assert_eq!(skipped.path_bytes.as_deref(), Some(path.as_os_str().as_bytes()));
    assert!(skipped.path.ends_with("\u{fffd}.png"));
    assert_eq!(Skipped::new("a.png", "").path_bytes, None);
}

#[test]
fn lists_may_be_older_than_the_files() {
    let dir = folder(&["a.png", "b.png"]);
    let lines = format!("{0}/a.png\n{0}/gone.png\n{0}/b.png\n", dir.path().display());
    let paths = from_list(lines.as_bytes(), false).unwrap();
    assert!(walk(&paths, &WalkOptions::default()).is_err());
    let walk = walk(&paths, &WalkOptions { missing: Missing::Skip, ..WalkOptions::default() }).unwrap();
    assert_eq!(found(&dir, &walk), ["a.png", "b.png"]);
    assert!(walk.skipped[0].path.ends_with("gone.png") && walk.unread.is_empty());
}

#[test]
fn containers_in_folders_are_entered_and_found_again() {
    let dir = folder(&["a.png"]);
    let file = png();
    let archive = tar_of(&[("x/a#1.png", &file)]);
    fs::write(dir.path().join("b#2.tar"), archive).unwrap();
    fs::write(dir.path().join("texts.tar"), [0; 1024]).unwrap();
    fs::write(dir.path().join("text.npy"), "text").unwrap();
    let walk = walked(&dir, &WalkOptions::default());
    assert_eq!(found(&dir, &walk), ["a.png", "b#2.tar#x/a#1.png"]);
    assert_eq!(walk.items[1].label(), Some("x"));
    let reasons: Vec<_> = walk.skipped.iter().map(|s| s.reason.as_str()).collect();
    assert_eq!(reasons, ["named as a NumPy array, but its content is not one"]);
    let hashes: Vec<_> =
        walk.items.iter().map(|item| read(item, &Limits::default()).unwrap().stamp().hash).collect();
    assert_eq!(hashes[0], hashes[1], "an entry is the same image as the lone file");
    let names: Vec<_> = walk.items.iter().map(|item| item.name().into_owned()).collect();
    for (item, name) in resolve(names.iter().map(Vec::as_slice), Path::new("")).into_iter().zip(&names) {
        let item = item.unwrap();
        assert_eq!(*item.name(), **name);
        assert!(matches!(read(&item, &Limits::default()).unwrap().raw, Raw::File(_)));
    }
    let place = crate::images::PathScope::new(&dir.path().join("b#2.tar#x"));
    assert!(place.holds(&names[1], Path::new("")) && !place.holds(&names[0], Path::new("")));
}

#[test]
fn of_two_images_of_one_name_the_later_is_skipped() {
    let dir = folder(&["d/a.tar#b.png", "d/a.tar#e.png"]);
    let file = png();
    fs::write(dir.path().join("d/a.tar"), tar_of(&[("b.png", &file), ("c.tar#d.png", &file)])).unwrap();
    fs::write(dir.path().join("d/a.tar#c.tar"), tar_of(&[("d.png", &file), ("f.png", &file)])).unwrap();
    let walk = walked(&dir, &WalkOptions::default());
    let names = ["d/a.tar#b.png", "d/a.tar#c.tar#d.png", "d/a.tar#c.tar#f.png", "d/a.tar#e.png"];
    assert_eq!(found(&dir, &walk), names);
    assert!(walk.items[..2].iter().all(Item::is_entry), "what came first holds");
    assert!(walk.skipped.iter().all(|s| s.reason == "another image has this name"));
    assert_eq!(walk.skipped.len(), 2);
}

#[cfg(unix)]
#[test]
fn what_became_a_pipe_is_not_waited_for() {
    let dir = folder(&["a.png", "b.tar"]);
    let items = walked(&dir, &WalkOptions::default()).items;
    for name in ["a.png", "b.tar"] {
        let path = dir.path().join(name);
        fs::remove_file(&path).unwrap();
        if !std::process::Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()) {
            return;
        }
        assert_eq!(recognise(&path).unwrap_err().to_string(), NO_FILE);
    }
    assert_eq!(read(&items[0], &Limits::default()).unwrap_err(), NO_FILE);
}

#[test]
fn raw_data_of_cameras_is_no_picture() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.nef"), b"MM\0*\0\0\0\x08 and so on").unwrap();
    fs::write(dir.path().join("b.bin"), b"FUJIFILMCCD-RAW 0201 and so on").unwrap();
    for item in walked(&dir, &WalkOptions::default()).items {
        let reason = load(&item, &Limits::default()).unwrap_err();
        assert!(reason.contains("raw"), "{reason}");
    }
}

#[test]
fn an_entry_of_a_container_is_found_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("three-images-idx3-ubyte");
    fs::write(&file, [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 10, 20, 30]).unwrap();
    let entry = |n: usize| PathBuf::from(format!("{}#{n}", file.display()));
    let walked = walk(&[entry(2), entry(0)], &WalkOptions::default()).unwrap().items;
    let names: Vec<_> = walked.iter().map(Item::display).collect();
    assert_eq!(names, [entry(2), entry(0)].map(|path| path.display().to_string()));
    let again = [file.clone(), entry(1), file.clone()];
    assert_eq!(walk(&again, &WalkOptions::default()).unwrap().items.len(), 3, "reached twice");
    assert_eq!(walk(&[entry(1), entry(1)], &WalkOptions::default()).unwrap().items.len(), 1);
    let told = walk(&[entry(3)], &WalkOptions::default()).unwrap_err().to_string();
    assert!(told.contains("no such entry"), "{told}");
    let skipping = WalkOptions { missing: Missing::Skip, ..WalkOptions::default() };
    assert_eq!(walk(&[entry(3), entry(1)], &skipping).unwrap().skipped.len(), 1);
}

#[test]
fn what_a_plan_moved_away_is_no_part_of_the_collection() {
    let dir = folder(&["1.png", "plan.json.duplicates/2.png", "my.duplicates/3.png"]);
    assert_eq!(walked(&dir, &WalkOptions::default()).items.len(), 3);
    fs::write(dir.path().join("plan.json.journal"), "").unwrap();
    assert_eq!(found(&dir, &walked(&dir, &WalkOptions::default())), ["1.png", "my.duplicates/3.png"]);
    let named = walk(&[dir.path().join("plan.json.duplicates")], &WalkOptions::default()).unwrap();
    assert_eq!(named.items.len(), 1, "who names it gets it");
}

#[test]
fn a_file_that_cannot_be_read_now_may_hold_frames() {
    let dir = folder(&["a.gif/1.png"]);
    let options = WalkOptions { frames: crate::images::Frames::All, ..WalkOptions::default() };
    let typed = rules::typed(&[]).unwrap();
    let mut walker = Walker::new(&options, &typed);
    // as if it were a file
    let path = dir.path().join("a.gif");
    walker.visit_root(&path, &fs::metadata(path.join("1.png")).unwrap());
    assert_eq!((walker.walk.items.len(), walker.walk.skipped.len()), (0, 1));
    assert_eq!(walker.walk.unread, [path]);
}
