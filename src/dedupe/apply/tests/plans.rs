//! Plans that are out of date, edited by hand or hostile; names, sidecars and links as users see them.

use super::*;

/// The reason for which a file was refused.
#[track_caller]
fn reason(report: &ApplyReport, name: &str) -> String {
    let refused = report.refused.iter().find(|refused| refused.path == name);
    refused.unwrap_or_else(|| panic!("{name} was not refused: {report:#?}")).reason.clone()
}

#[test]
fn files_that_changed_are_refused_one_by_one_with_the_reason() {
    type Deed = fn(&World);
    let changes: [(Deed, &str); 9] = [
        (|w| fs::write(w.path("b/one.png"), "longer").unwrap(), "its size: expected 3 bytes, got 6"),
        (
            |w| set_time(&w.path("b/one.png"), 5),
            "its modification time: expected 1000001.123 s since 1970, got 5.123",
        ),
        (
            |w| {
                fs::write(w.path("b/one.png"), "eno").unwrap();
                set_time(&w.path("b/one.png"), 1_000_001);
            },
            "its bytes have changed since the scan",
        ),
        (|w| fs::remove_file(w.path("b/one.png")).unwrap(), "it is gone"),
        (
            |w| {
                fs::remove_file(w.path("b/one.png")).unwrap();
                fs::create_dir(w.path("b/one.png")).unwrap();
            },
            "it is not a regular file",
        ),
        (|w| fs::remove_file(w.path("a/one.png")).unwrap(), "a/one.png: it is gone"),
        (|w| fs::write(w.path("a/one.png"), "1").unwrap(), "a/one.png: its size: expected 3 bytes, got 1"),
        #[cfg(unix)]
        (
            |w| {
                fs::remove_file(w.path("a/one.png")).unwrap();
                std::os::unix::fs::symlink(w.path("b/one.png"), w.path("a/one.png")).unwrap();
            },
            "a/one.png: it is a symbolic link, not a file of its own",
        ),
        #[cfg(unix)]
        (
            |w| {
                fs::remove_file(w.path("a/one.png")).unwrap();
                fs::hard_link(w.path("b/one.png"), w.path("a/one.png")).unwrap();
                set_time(&w.path("a/one.png"), 1_000_001);
            },
            "a/one.png: its modification time",
        ),
    ];
    for action in Action::ALL.into_iter().filter(|action| *action != Action::Trash) {
        for (change, expected) in changes {
            let world = World::new();
            change(&world);
            let before = world.tree();
            let report = world.apply(action);
            let got = reason(&report, "b/one.png");
            assert!(got.contains(expected), "{action}: expected `{expected}`, got `{got}`");
            assert_eq!(
                world.tree().get(Path::new("b/one.png")),
                before.get(Path::new("b/one.png")),
                "{action}"
            );
            assert!(report.done.iter().any(|step| step.name == "b/two.png"), "{action}: others go on");
        }
    }
}

#[cfg(unix)]
#[test]
fn two_names_of_one_file_are_no_duplicates() {
    for action in [Action::Delete, Action::Move, Action::Hardlink, Action::Symlink] {
        let mut world = World::new();
        fs::remove_file(world.path("b/one.png")).unwrap();
        fs::hard_link(world.path("a/one.png"), world.path("b/one.png")).unwrap();
        // and the same through a folder with two names
        std::os::unix::fs::symlink(world.path("a"), world.path("z")).unwrap();
        world.plan.groups.clear();
        world.group(GroupKind::Bytes, "a/one.png", &["b/one.png", "z/one.png"]);
        let before = world.tree();
        let report = world.apply(action);
        for name in ["b/one.png", "z/one.png"] {
            assert!(reason(&report, name).contains("the same file under another name"), "{action}");
        }
        assert_eq!(world.tree(), before, "{action}");
    }
}

#[test]
fn plans_that_contradict_themselves_lose_nothing() {
    type Twist = fn(&mut World);
    let twists: [(Twist, &str, &str); 8] = [
        (
            |w| w.group(GroupKind::Bytes, "b/one.png", &["a/one.png"]),
            "a/one.png",
            "itself a duplicate in an earlier group",
        ),
        (|w| w.group(GroupKind::Near, "d/three.png", &["b/one.png"]), "b/one.png", "more than once"),
        (
            |w| w.group(GroupKind::Near, "d/../d/./three.png", &["d/three.png"]),
            "d/three.png",
            "it is the file that is kept",
        ),
        (|w| w.group(GroupKind::Bytes, "d/three.png", &["e/three.cr2"]), "e/three.cr2", "the hashes are not"),
        (|w| w.plan.groups[0].duplicates[1].file.reference = true, "c/one.png", "part of a reference"),
        (|w| w.plan.groups[0].duplicates[1].file.entry = true, "c/one.png", "inside a container"),
        (
            |w| w.plan.groups[1].keep = "b/two.png".to_owned(),
            "b/two.png",
            "its fields keep and keeper differ",
        ),
        (
            |w| {
                let mut kept = w.plan.groups[0].duplicates[0].clone();
                kept.file.reference = true;
                w.plan.groups[2].also_kept.push(kept);
            },
            "b/one.png",
            "part of a reference",
        ),
    ];
    for action in [Action::Delete, Action::Move, Action::List] {
        for (twist, name, expected) in twists {
            let mut world = World::new();
            twist(&mut world);
            let before = world.contents();
            let got = reason(&world.apply(action), name);
            assert!(got.contains(expected), "{action}: expected `{expected}`, got `{got}`");
            for content in ["one", "three"] {
                assert!(
                    before.contains(content) && world.contents().contains(content),
                    "{action} of {content}"
                );
            }
        }
    }
}

#[test]
fn a_dry_run_tells_what_a_run_does_and_changes_nothing() {
    for action in [Action::Move, Action::Delete, Action::Hardlink, Action::Symlink, Action::List] {
        let world = World::new();
        // a name that is taken
        fs::create_dir_all(world.path("moved/b")).unwrap();
        fs::write(world.path("moved/b/one.png"), "somebody's").unwrap();
        let before = world.tree();
        let dry = ApplyOptions { dry_run: true, ..world.options(action) };
        let dry = world.apply_with(&dry, &mut |_| Ok(())).unwrap();
        assert_eq!(world.tree(), before, "{action}");
        assert!(!journal_of(&world.path("plan.json")).exists());
        let report = world.apply(action);
        assert_eq!(report.done, dry.done, "{action}");
        assert_eq!((report.freed, report.left_out), (dry.freed, dry.left_out));
        assert_eq!(report.left_out, if action.is_link() { 2 } else { 0 });
        if action == Action::Move {
            let moved: Vec<_> = report.done.iter().map(|step| step.to.clone().unwrap()).collect();
            let names = [
                "b/one-1.png",
                "b/one-1.xmp",
                "c/one.png",
                "c/one.png.json",
                "b/two.png",
                "e/three.png",
                "e/three.png.xmp",
                "a/two.png",
            ];
            assert_eq!(moved, names.map(|name| world.path("moved").join(name)));
            assert!(world.path("e/three.AAE").exists(), "it belongs to the raw image as well");
        }
    }
}

#[cfg(unix)]
#[test]
fn links_are_relative_within_the_folder_of_the_plan() {
    let world = World::new();
    world.apply(Action::Symlink);
    assert_eq!(fs::read_link(world.path("b/one.png")).unwrap(), Path::new("../a/one.png"));
    assert_eq!(fs::read_to_string(world.path("b/one.png")).unwrap(), "one");
    world.undo();
    let mut world = World::new();
    world.plan.base = world.path("b");
    for group in &mut world.plan.groups {
        group.keep = format!("../{}", group.keep);
        group.keeper.path.clone_from(&group.keep);
        for duplicate in &mut group.duplicates {
            duplicate.file.path = format!("../{}", duplicate.file.path);
        }
    }
    let report = world.apply(Action::Symlink);
    assert!(report.refused.is_empty(), "{report:#?}");
    let keeper = world.path("a/one.png").canonicalize().unwrap();
    assert_eq!(fs::read_link(world.path("b/one.png")).unwrap(), keeper);
}

#[test]
fn blocks_are_shared_or_the_file_stays() {
    let world = World::new();
    let before = world.tree();
    let file = PlanFile { plan: world.plan.clone(), path: world.path("plan.json"), hash: [7; 32] };
    let fails = |_: &Path, _: &Path| Err(std::io::ErrorKind::Unsupported.into());
    let disk = Disk { before: &mut |_| Ok(()), sync: true, clone: fails, far: false };
    let options = world.options(Action::Reflink);
    let report = apply_on(disk, &file, &options, &()).unwrap();
    assert_eq!((report.done.len(), report.refused.len()), (0, 3));
    assert!(reason(&report, "b/two.png").starts_with("this file system cannot share blocks"));
    assert_eq!(world.tree(), before);
}

#[test]
fn what_cannot_come_back_or_differs_is_taken_only_by_name() {
    let kinds = |action| ApplyOptions::new(action, Path::new("plan.json")).kinds;
    assert_eq!(kinds(Action::Delete), [GroupKind::Bytes, GroupKind::Pixels]);
    assert_eq!(kinds(Action::Move), [GroupKind::Bytes, GroupKind::Pixels, GroupKind::Near]);
    assert_eq!(kinds(Action::Hardlink), [GroupKind::Bytes]);
}

#[test]
fn what_the_options_contradict_is_wrong_usage() {
    let world = World::new();
    let wrong = [
        (
            ApplyOptions { kinds: vec![GroupKind::Near], ..world.options(Action::Hardlink) },
            "`kinds`: expected bytes alone with hardlink, got near",
        ),
        (
            ApplyOptions { kinds: vec![GroupKind::Related], ..world.options(Action::Move) },
            "`kinds`: expected kinds of duplicates, got related",
        ),
        (ApplyOptions { sidecars: true, ..world.options(Action::Symlink) }, "`sidecars`"),
        (ApplyOptions { to: world.path("b/.."), ..world.options(Action::Move) }, "`to`"),
    ];
    for (options, expected) in wrong {
        let error = world.apply_with(&options, &mut |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    world.apply(Action::Move);
    let error = world.apply_with(&world.options(Action::Delete), &mut |_| Ok(())).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("undo")), "{error}");
}

#[test]
fn a_caller_may_break_off_and_go_on() {
    let world = World::new();
    let before = world.tree();
    let file = PlanFile { plan: world.plan.clone(), path: world.path("plan.json"), hash: [7; 32] };
    let mut n = 0;
    loop {
        let disk = Disk { before: &mut |_| Ok(()), sync: false, clone: |_, _| Ok(()), far: false };
        let report = apply_on(disk, &file, &world.options(Action::Move), &Stop).unwrap();
        assert!(report.done.len() <= 1);
        n += report.done.len();
        if !report.interrupted {
            break;
        }
    }
    assert_eq!(n, 8);
    world.undo();
    assert_eq!(world.tree(), before);
}
