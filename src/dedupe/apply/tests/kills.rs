//! Runs that nobody disturbs, killed at every access of the disk: they go on to the same end, or back to the
//! same beginning.

use super::*;

const ACTIONS: [Action; 5] =
    [Action::Move, Action::Hardlink, Action::Reflink, Action::Symlink, Action::Delete];

fn world(far: bool) -> World {
    World { far, ..World::new() }
}

/// Accesses of the disk that a run needs.
fn accesses(run: impl FnOnce(&mut Hook)) -> usize {
    let mut number = 0;
    run(&mut |_| {
        number += 1;
        Ok(())
    });
    number
}

#[test]
fn what_is_done_and_undone_is_as_before() {
    for (action, far) in ACTIONS.into_iter().flat_map(|action| [(action, false), (action, true)]) {
        let world = world(far);
        let before = world.tree();
        let report = world.apply(action);
        assert!(report.refused.is_empty(), "{action}: {:?}", report.refused);
        // a clone cannot be told from the file
        assert_eq!(world.tree() == before, action == Action::Reflink, "{action}");
        let temporary = |path: &PathBuf| path.to_string_lossy().contains(".aesearch");
        assert!(!world.tree().keys().any(temporary), "{action}: {:#?}", world.tree());
        let again = world.apply(action);
        assert_eq!((again.done.len(), again.refused.len()), (0, 0), "{action}");
        assert_eq!(again.done_before, if action.is_link() { 3 } else { 5 });
        let undone = world.undo();
        let journal = journal_of(&world.path("plan.json"));
        if action == Action::Delete {
            assert_eq!((undone.done.len(), undone.refused.len()), (0, report.done.len()));
            assert!(undone.refused.iter().all(|refused| refused.reason.contains("deleted for good")));
            assert!(journal.exists());
            continue;
        }
        assert!(undone.refused.is_empty(), "{action}: {:?}", undone.refused);
        assert_eq!(undone.done.len(), report.done.len());
        assert_eq!(world.tree(), before, "{action}");
        assert!(!journal.exists());
        #[cfg(unix)]
        for (name, _) in FILES {
            use std::os::unix::fs::MetadataExt as _;
            assert_eq!(fs::symlink_metadata(world.path(name)).unwrap().nlink(), 1, "{action}: {name}");
        }
    }
}

#[test]
fn killed_anywhere_it_goes_on_to_the_same_end() {
    for (action, far) in ACTIONS.into_iter().flat_map(|action| [(action, false), (action, true)]) {
        if far && action != Action::Move {
            continue;
        }
        let whole = world(far);
        let n = accesses(|hook| drop(whole.apply_with(&whole.options(action), hook).unwrap()));
        assert!(n > 30, "{action}: {n}");
        for at in 0..n {
            let world = world(far);
            let before = world.tree();
            world.apply_with(&world.options(action), &mut killed_at(at)).unwrap_err();
            let report = world.apply(action);
            assert!(report.refused.is_empty(), "{action} at {at}: {:?}", report.refused);
            assert_eq!(world.names(), whole.names(), "{action} at {at}");
            if action != Action::Delete {
                let undone = world.undo();
                assert!(undone.refused.is_empty(), "{action} at {at}: {:?}", undone.refused);
                assert_eq!(world.tree(), before, "{action} at {at}");
            }
        }
    }
}

#[test]
fn killed_anywhere_it_goes_back_to_the_beginning() {
    for (action, far) in ACTIONS.into_iter().flat_map(|action| [(action, false), (action, true)]) {
        if far && action != Action::Move {
            continue;
        }
        let whole = world(far);
        let n = accesses(|hook| drop(whole.apply_with(&whole.options(action), hook).unwrap()));
        for at in 0..n {
            let world = world(far);
            let before = world.tree();
            world.apply_with(&world.options(action), &mut killed_at(at)).unwrap_err();
            // the undo is killed as well, somewhere
            let _ = world.undo_with(&mut killed_at(at * 7 % 31));
            let journal = journal_of(&world.path("plan.json"));
            let undone = if journal.exists() { world.undo() } else { UndoReport::default() };
            if action == Action::Delete {
                let gone = |path: &&PathBuf| !world.tree().contains_key(*path);
                assert_eq!(undone.refused.len(), before.keys().filter(gone).count(), "at {at}");
                assert!(world.tree().iter().all(|(path, seen)| before.get(path) == Some(seen)), "at {at}");
            } else {
                assert!(undone.refused.is_empty(), "{action} at {at}: {:?}", undone.refused);
                assert_eq!(world.tree(), before, "{action} at {at}");
            }
        }
    }
}

#[test]
fn an_undo_killed_anywhere_goes_on() {
    for (action, far) in
        [(Action::Move, false), (Action::Move, true), (Action::Hardlink, false), (Action::Symlink, false)]
    {
        let whole = world(far);
        whole.apply(action);
        let n = accesses(|hook| drop(whole.undo_with(hook).unwrap()));
        for at in 0..n {
            let world = world(far);
            let before = world.tree();
            world.apply(action);
            world.undo_with(&mut killed_at(at)).unwrap_err();
            assert!(world.undo().refused.is_empty(), "{action} at {at}");
            assert_eq!(world.tree(), before, "{action} at {at}");
        }
    }
}

/// A keeper that gets a sidecar, as a file that goes has one with a rating.
#[test]
fn a_new_sidecar_is_written_before_files_go_and_removed_after_they_came_back() {
    let world = || {
        let world = World::new();
        fs::write(world.path("b/two.png.xmp"), "<x xmp:Rating='4'/>").unwrap();
        set_time(&world.path("b/two.png.xmp"), 5);
        world
    };
    let whole = world();
    let options = |world: &World| ApplyOptions { merge_metadata: true, ..world.options(Action::Move) };
    let n = accesses(|hook| drop(whole.apply_with(&options(&whole), hook).unwrap()));
    let new = fs::read_to_string(whole.path("d/three.png.xmp")).unwrap();
    assert!(new.contains("xmp:Rating=\"4\""), "the keeper of the keeper: {new}");
    for at in 0..n {
        let world = world();
        let before = world.tree();
        world.apply_with(&options(&world), &mut killed_at(at)).unwrap_err();
        if at % 2 == 0 {
            let report = world.apply_with(&options(&world), &mut |_| Ok(())).unwrap();
            assert!(report.refused.is_empty(), "at {at}: {:?}", report.refused);
            assert_eq!(world.names(), whole.names(), "at {at}");
        }
        if journal_of(&world.path("plan.json")).exists() {
            let undone = world.undo();
            assert!(undone.refused.is_empty(), "at {at}: {:?}", undone.refused);
        }
        assert_eq!(world.tree(), before, "at {at}");
    }
}

/// What somebody else has put into a temporary folder stays, and is not passed over.
#[test]
fn an_undo_that_leaves_a_folder_behind_says_so() {
    let world = World::new();
    let before = world.tree();
    assert!(!world.apply(Action::Hardlink).done.is_empty());
    let mut strange = None;
    let mut hook = |what: &'static str| {
        let ours = |path: &PathBuf| path.to_string_lossy().contains("/.aesearch-");
        let mut entries = fs::read_dir(world.path("b")).unwrap().map(|entry| entry.unwrap().path());
        if what == "remove a folder" && strange.is_none() {
            strange = entries.find(ours);
            strange.iter().for_each(|folder| fs::write(folder.join("strange"), "x").unwrap());
        }
        Ok(())
    };
    let report = world.undo_with(&mut hook).unwrap();
    let folder = strange.expect("a temporary folder beside a file that comes back");
    assert_eq!(report.refused.len(), 1, "{report:?}");
    assert!(report.refused[0].reason.contains(&folder.display().to_string()), "{report:?}");
    fs::remove_file(folder.join("strange")).unwrap();
    assert!(world.undo().refused.is_empty(), "it can be told again");
    assert_eq!(world.tree(), before);
}
