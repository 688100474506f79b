//! An index that is kept up to date while files change. The only file that names `notify`.
//!
//! What the system tells of changes only says when to look: [`update`] goes through the paths again each time, so
//! that nothing depends on events that come late, twice or not at all. Without events it looks now and then, as
//! network drives do not tell.
//!
//! ```text
//! event -> quiet for a moment, or enough have come -> update -> events since then? -> ...
//! ```

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf, absolute};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::folder::FOLDER;
use super::update::{UpdateOptions, update};
use super::update_report::UpdateReport;
use crate::error::{Error, Result};
use crate::images::{Places, is_url};
use crate::observer::{Note, Observer};

/// Changes come in bursts: one is over when nothing has come for so long ...
const QUIET: Duration = Duration::from_millis(250);
/// ... but no look is put off for longer than this.
const AT_MOST: Duration = Duration::from_secs(1);
/// How often to look where nothing is told.
const NOW_AND_THEN: Duration = Duration::from_secs(300);
/// How often the observer is asked whether to stop.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Brings the index at `dir` up to date with the paths `data`, as [`update`] does, and again whenever something
/// changes there, until the observer stops it. `done` gets the report of each time; the last one may be of a run that
/// was interrupted, which leaves the index sound.
///
/// # Errors
/// Those of [`update`]; when the system cannot watch the paths.
pub fn follow(
    dir: &Path,
    data: &[PathBuf],
    options: &UpdateOptions,
    observer: &dyn Observer,
    done: &mut dyn FnMut(UpdateReport) -> Result<()>,
) -> Result<()> {
    if let Some(url) = data.iter().find(|path| is_url(path)) {
        let what = format!("{}: expected folders to watch, got a bucket", url.display());
        return Err(Error::unsupported(what)
            .with_hint("call `update` now and then: what is unchanged is not fetched"));
    }
    let mut watched = Watched::new(dir, data)?;
    loop {
        watched.look_for_folders(observer);
        let report = update(dir, data, options, observer)?;
        let is_over = report.interrupted;
        done(report)?;
        if is_over || watched.wait(observer) == Next::Stop {
            return Ok(());
        }
    }
}

/// What comes after a wait.
#[derive(Debug, PartialEq)]
enum Next {
    Again,
    Stop,
}

/// How a folder is watched.
#[derive(Debug, Clone, Copy, PartialEq)]
struct How {
    /// With all below it.
    is_deep: bool,
    /// Tells it from another folder of this name, as a drive from its mount point.
    identity: (u64, u64),
}

/// The folders to watch for the sake of `roots`, which may be wanted with all below them: where one is not there now,
/// the nearest folder above it that is.
fn wanted(roots: &BTreeMap<PathBuf, bool>) -> BTreeMap<PathBuf, How> {
    let mut wanted: BTreeMap<PathBuf, How> = BTreeMap::new();
    for (root, &is_deep) in roots {
        let Some(folder) = root.ancestors().find(|path| path.is_dir()) else { continue };
        let Ok(metadata) = fs::metadata(folder) else { continue };
        let is_deep = is_deep && folder == root;
        let how = wanted.entry(folder.to_path_buf());
        how.or_insert(How { is_deep, identity: identity(&metadata) }).is_deep |= is_deep;
    }
    wanted
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(metadata: &Metadata) -> (u64, u64) {
    let made = metadata.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    made.map_or((0, 0), |time| (time.as_secs(), time.subsec_nanos().into()))
}

/// Paths, and what the system tells of them.
struct Watched {
    watcher: RecommendedWatcher,
    events: Receiver<notify::Result<Event>>,
    /// Paths, files by their folders, and whether with all below them.
    roots: BTreeMap<PathBuf, bool>,
    /// What is watched now.
    folders: BTreeMap<PathBuf, How>,
    /// The folder of the index, whose changes are our own.
    index: PathBuf,
    /// What the user has been told that it cannot be watched.
    told: HashSet<PathBuf>,
}

impl Watched {
    fn new(dir: &Path, data: &[PathBuf]) -> Result<Watched> {
        let (sender, events) = channel();
        let watcher = notify::recommended_watcher(move |event| {
            let _ = sender.send(event); // nobody hears it any more when the watch ends
        });
        let places = Places::default();
        let there = |path: &Path| {
            let place = path.canonicalize().ok().or_else(|| places.of_file(path));
            place.or_else(|| absolute(path).ok()).unwrap_or_else(|| path.to_path_buf())
        };
        let mut roots: BTreeMap<PathBuf, bool> = BTreeMap::new();
        for path in data.iter().map(|path| there(path)) {
            let folder = path.parent().filter(|_| path.is_file()).map(Path::to_path_buf);
            let is_deep = folder.is_none();
            *roots.entry(folder.unwrap_or(path)).or_default() |= is_deep;
        }
        Ok(Watched {
            watcher: watcher.map_err(|error| cannot_watch(&error))?,
            events,
            roots,
            folders: BTreeMap::new(),
            index: there(dir),
            told: HashSet::new(),
        })
    }

    /// Watches what has to be watched now.
    fn look_for_folders(&mut self, observer: &dyn Observer) {
        let wanted = wanted(&self.roots);
        for (folder, how) in &self.folders {
            if wanted.get(folder) != Some(how) {
                let _ = self.watcher.unwatch(folder); // the system may have done so
            }
        }
        for (folder, how) in &wanted {
            if self.folders.get(folder) == Some(how) {
                continue;
            }
            let mode = if how.is_deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            if let Err(error) = self.watcher.watch(folder, mode)
                && self.told.insert(folder.clone())
            {
                let (error, minutes) = (cannot_watch(&error), NOW_AND_THEN.as_secs() / 60);
                let what = format!("{}: {error}; it is looked at every {minutes} minutes", folder.display());
                let note = Note::warning(what);
                observer.note(&error.hint().map_or(note.clone(), |hint| note.with_hint(hint)));
            }
        }
        self.folders = wanted;
    }

    /// Whether a drive was mounted or unmounted, or a folder of the paths was replaced: of what is in it then, no event
    /// tells.
    fn is_elsewhere_now(&self) -> bool {
        wanted(&self.roots) != self.folders
    }

    /// Waits until a burst of changes is over, it is time to look anyway, or the observer stops.
    fn wait(&self, observer: &dyn Observer) -> Next {
        let (start, mut compared) = (Instant::now(), Instant::now());
        let mut burst: Option<(Instant, Instant)> = None; // its first change and its last
        loop {
            if observer.should_stop() {
                return Next::Stop;
            }
            let is_over =
                |(first, last): (Instant, Instant)| last.elapsed() >= QUIET || first.elapsed() >= AT_MOST;
            if burst.is_some_and(is_over) || start.elapsed() >= NOW_AND_THEN {
                return Next::Again;
            }
            if compared.elapsed() >= AT_MOST {
                if self.is_elsewhere_now() {
                    return Next::Again;
                }
                compared = Instant::now();
            }
            match self.events.recv_timeout(if burst.is_some() { QUIET.min(ASK_EVERY) } else { ASK_EVERY }) {
                Ok(event) if self.matters(&event) => {
                    let now = Instant::now();
                    burst = Some((burst.map_or(now, |(first, _)| first), now));
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(ASK_EVERY),
            }
        }
    }

    /// Whether something may have changed: not where files were only read, nor in an index.
    fn matters(&self, event: &notify::Result<Event>) -> bool {
        let Ok(event) = event else { return true }; // events may have been lost
        let is_read = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            _ => false,
        };
        if is_read {
            return false;
        }
        let is_ours = |path: &PathBuf| {
            path.starts_with(&self.index) || path.components().any(|part| part.as_os_str() == FOLDER)
        };
        event.need_rescan() || event.paths.is_empty() || !event.paths.iter().all(is_ours)
    }
}

fn cannot_watch(error: &notify::Error) -> Error {
    let hint = "on Linux, fs.inotify.max_user_watches may be too low for so many folders";
    Error::unsupported(format!("changes cannot be watched: {error}")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::super::tests::{Fixture, counts, picture};
    use super::*;
    use crate::images::write_png;
    use crate::model::Family;

    /// Stops when told to.
    #[derive(Default)]
    struct Stop(Cell<bool>);

    impl Observer for Stop {
        fn should_stop(&self) -> bool {
            self.0.get()
        }
    }

    #[test]
    fn what_changes_is_taken_over_until_it_is_stopped() {
        let fixture = Fixture::new(Family::ConvHash);
        fixture.draw(0..4);
        let (stop, reports) = (Stop::default(), RefCell::new(Vec::new()));
        let index = fixture.path("data/.aesearch"); // among the images: its own changes are none
        let mut done = |report: UpdateReport| {
            let data = |name: &str| fixture.path("data").join(name);
            let mut reports = reports.borrow_mut();
            match reports.len() {
                0 => write_png(&data("b/new.png"), &picture(40)).unwrap(),
                1 => fs::rename(data("b"), data("c")).unwrap(),
                2 => {
                    fs::create_dir(data("d")).unwrap();
                    write_png(&data("d/deep.png"), &picture(41)).unwrap();
                }
                _ => stop.0.set(true),
            }
            reports.push((counts(&report), report.renamed));
            Ok(())
        };
        follow(&index, &[fixture.path("data")], &fixture.options, &stop, &mut done).unwrap();
        let expected =
            [([4, 0, 0, 0, 4], 0), ([1, 4, 0, 0, 5], 0), ([0, 4, 0, 0, 5], 1), ([1, 5, 0, 0, 6], 0)];
        assert_eq!(*reports.borrow(), expected);
    }

    #[test]
    fn a_folder_that_is_replaced_is_watched_anew() {
        let dir = tempfile::tempdir().unwrap();
        let [drive, away] = ["drive", "away"].map(|name| dir.path().join(name));
        let mut watched = Watched::new(&dir.path().join("ix"), std::slice::from_ref(&drive)).unwrap();
        watched.look_for_folders(&());
        assert!(!watched.is_elsewhere_now());
        for _ in 0..2 {
            fs::create_dir(&drive).unwrap();
            assert!(watched.is_elsewhere_now(), "it is there now");
            watched.look_for_folders(&());
            assert!(!watched.is_elsewhere_now());
            fs::rename(&drive, &away).unwrap();
            fs::create_dir(&drive).unwrap();
            assert!(watched.is_elsewhere_now(), "another folder of this name");
            watched.look_for_folders(&());
            while watched.events.try_recv().is_ok() {}
            fs::write(drive.join("a.png"), "").unwrap();
            let event = watched.events.recv_timeout(Duration::from_secs(60)).unwrap();
            assert!(watched.matters(&event));
            [&drive, &away].into_iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
            watched.look_for_folders(&());
        }
    }

    #[test]
    fn reading_and_our_own_writing_do_not_matter() {
        let dir = tempfile::tempdir().unwrap();
        let mut watched = Watched::new(&dir.path().join("ix"), &[dir.path().to_path_buf()]).unwrap();
        let there = dir.path().canonicalize().unwrap_or(dir.path().to_path_buf());
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let read = EventKind::Access(AccessKind::Close(AccessMode::Read));
        let mut matters = |kind: EventKind, name: &str| {
            watched.index = there.join("ix");
            watched.matters(&Ok(Event::new(kind).add_path(there.join(name))))
        };
        assert!(matters(written, "a.png") && matters(EventKind::Any, "a/b.png"));
        assert!(!matters(read, "a.png") && !matters(written, "ix/MANIFEST"));
        assert!(!matters(written, "deep/.aesearch/LOCK"));
        assert!(watched.matters(&Err(notify::Error::generic("lost"))));
    }
}
