//! Every access that changes the disk, one function each. None overwrites anything, and none removes more
//! than it is asked.
//!
//! A hook is called before each access: there tests stop a run as a kill would, or interfere with the files.
//! Nothing in this folder cleans up on drop, because a kill drops nothing.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempPath;

use super::inspect::{self, Expected, Inspection};
use crate::error::Error;

/// Why a step does not continue.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file is left alone, for this reason.
    Refused(String),
    /// The run ends at once; nothing else is changed.
    Fatal(Error),
}

pub(super) type Outcome<T = ()> = Result<T, Fault>;

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Fault::Refused(reason)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Fatal(error)
    }
}

/// The disk, as a run accesses it.
pub(super) struct Disk<'a> {
    /// Called before each access, with its name; an error ends the run.
    pub(super) before: &'a mut dyn FnMut(&'static str) -> Result<(), Error>,
    /// Whether to wait until changes are on disk. Only tests do not.
    pub(super) sync: bool,
    /// Makes a file that shares its blocks with another one.
    pub(super) clone: fn(&Path, &Path) -> io::Result<()>,
    /// Whether every other folder counts as another file system, for tests.
    pub(super) far: bool,
}

/// How placing a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    Done,
    /// The name is taken.
    Taken,
    /// The destination is on another file system.
    Far,
}

/// Shares blocks, or fails, as it does on most file systems.
pub(super) fn clone_blocks(from: &Path, to: &Path) -> io::Result<()> {
    reflink_copy::reflink(from, to)
}

impl Disk<'_> {
    fn at(&mut self, what: &'static str) -> Outcome {
        (self.before)(what).map_err(Fault::Fatal)
    }

    /// Reads a file, which must be as expected.
    pub(super) fn inspect(&mut self, path: &Path, expected: &Expected) -> Outcome<Inspection> {
        self.at("inspect")?;
        Ok(inspect::inspect(path, expected)?)
    }

    /// Makes a folder; returns whether it did not exist before.
    pub(super) fn make_folder(&mut self, path: &Path) -> Outcome<bool> {
        self.at("make a folder")?;
        match fs::create_dir(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(path) => Ok(false),
            Err(error) => Err(failed("a folder cannot be made", path, &error)),
        }
    }

    /// Renames into a folder of ours, where nobody else makes names: the file is taken as it is at this
    /// moment.
    pub(super) fn take(&mut self, from: &Path, to: &Path) -> Outcome {
        if inspect::is_there(to) {
            return Err(Fault::Refused(format!("{} is in the way", to.display())));
        }
        self.at("take")?;
        fs::rename(from, to).map_err(|error| failed("it cannot be renamed", from, &error))
    }

    /// Renames to a name that must be free; the source must be in a folder of ours.
    pub(super) fn place(&mut self, from: &Path, to: &Path) -> Outcome<Placed> {
        self.at("place")?;
        // except for a move to another folder, both are beside or below each other
        if self.far && to.parent() != from.parent().and_then(Path::parent) {
            return Ok(Placed::Far);
        }
        let source = TempPath::try_from_path(from);
        let mut source = source.map_err(|error| failed("it cannot be renamed", from, &error))?;
        source.disable_cleanup(true); // a failure must not remove the file
        match source.persist_noclobber(to) {
            Ok(()) => Ok(Placed::Done),
            Err(error) => match error.error.kind() {
                io::ErrorKind::AlreadyExists => Ok(Placed::Taken),
                io::ErrorKind::CrossesDevices => Ok(Placed::Far),
                _ => Err(failed("it cannot be renamed", to, &error.error)),
            },
        }
    }

    /// Makes another name for a file.
    pub(super) fn hard_link(&mut self, file: &Path, name: &Path) -> Outcome {
        self.at("hard link")?;
        fs::hard_link(file, name).map_err(|error| match error.kind() {
            io::ErrorKind::CrossesDevices => Fault::Refused(
                "the file that is kept is on another file system: no hard link can be made".to_owned(),
            ),
            _ => failed("a hard link cannot be made", name, &error),
        })
    }

    /// Makes a symbolic link.
    pub(super) fn symlink(&mut self, target: &Path, name: &Path) -> Outcome {
        self.at("symbolic link")?;
        #[cfg(unix)]
        let made = std::os::unix::fs::symlink(target, name);
        #[cfg(windows)]
        let made = std::os::windows::fs::symlink_file(target, name);
        #[cfg(not(any(unix, windows)))]
        let made: io::Result<()> = Err(io::ErrorKind::Unsupported.into());
        made.map_err(|error| failed("a symbolic link cannot be made", name, &error))
    }

    /// Makes a file that shares its blocks with `file`, and sets its time and permissions.
    pub(super) fn share(&mut self, file: &Path, name: &Path, attributes: &Attributes) -> Outcome {
        self.at("share blocks")?;
        (self.clone)(file, name).map_err(|error| {
            Fault::Refused(format!("this file system cannot share blocks between the two files: {error}"))
        })?;
        self.set_attributes(name, attributes)
    }

    /// Sets time and permissions.
    pub(super) fn set_attributes(&mut self, path: &Path, attributes: &Attributes) -> Outcome {
        self.at("set attributes")?;
        // to set times, Windows must be allowed to write
        let file = File::options().read(true).write(cfg!(windows)).open(path);
        let set = file.and_then(|file| attributes.set_on(&file, self.sync));
        set.map_err(|error| failed("its modification time cannot be set", path, &error))
    }

    /// Copies to a new name, sets time and permissions, and reads the copy back.
    pub(super) fn copy(
        &mut self,
        mut from: &File,
        to: &Path,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Outcome {
        self.at("create")?;
        let mut copy = File::create_new(to).map_err(|error| failed("a copy cannot be made", to, &error))?;
        self.at("copy")?;
        let copied = io::copy(&mut from, &mut copy);
        let copied = copied.and_then(|_| attributes.set_on(&copy, self.sync));
        copied.map_err(|error| failed("a copy cannot be made", to, &error))?;
        drop(copy);
        self.inspect(to, expected)?;
        Ok(())
    }

    /// Writes a new file.
    pub(super) fn write(&mut self, to: &Path, content: &[u8]) -> Outcome {
        self.at("create")?;
        let file = File::create_new(to).map_err(|error| failed("a sidecar cannot be written", to, &error));
        let mut file = file?;
        self.at("write")?;
        let written = file.write_all(content).and_then(|()| if self.sync { file.sync_all() } else { Ok(()) });
        written.map_err(|error| failed("a sidecar cannot be written", to, &error))
    }

    /// Opens a file for reading. While it is open its bytes exist, even if the file is removed.
    pub(super) fn open(&mut self, path: &Path) -> Outcome<File> {
        self.at("open")?;
        File::open(path).map_err(|error| failed("it cannot be read", path, &error))
    }

    /// Removes one name of a file.
    pub(super) fn remove(&mut self, path: &Path) -> Outcome {
        self.at("remove")?;
        fs::remove_file(path).map_err(|error| failed("it cannot be removed", path, &error))
    }

    /// Removes a folder if it exists and is empty.
    pub(super) fn remove_folder(&mut self, path: &Path) -> Outcome {
        if is_folder(path) {
            self.at("remove a folder")?;
            // it fails if somebody else has put files there
            let _ = fs::remove_dir(path);
        }
        Ok(())
    }

    /// Waits until the names in the folder of `path` are on disk.
    pub(super) fn sync_around(&mut self, path: &Path) -> Outcome {
        self.at("sync")?;
        match path.parent() {
            Some(folder) if self.sync => {
                sync_folder(folder).map_err(|error| failed("it cannot be written to disk", folder, &error))
            }
            _ => Ok(()),
        }
    }

    /// A point at which tests may interfere.
    pub(super) fn pause(&mut self, what: &'static str) -> Outcome {
        self.at(what)
    }
}

/// The modification time and permissions that a copy gets.
#[derive(Debug, Clone)]
pub(super) struct Attributes {
    mtime: SystemTime,
    permissions: Option<Permissions>,
}

impl Attributes {
    /// `mtime_ns` in nanoseconds since 1970, `mode` as of [`inspect::mode`].
    pub(super) fn new(mtime_ns: i64, mode: Option<u32>) -> Attributes {
        let since = Duration::from_nanos(mtime_ns.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        let mtime = if mtime_ns < 0 { epoch.checked_sub(since) } else { epoch.checked_add(since) };
        Attributes { mtime: mtime.unwrap_or(epoch), permissions: mode.and_then(permissions) }
    }

    fn set_on(&self, file: &File, sync: bool) -> io::Result<()> {
        file.set_modified(self.mtime)?;
        if let Some(permissions) = &self.permissions {
            file.set_permissions(permissions.clone())?;
        }
        if sync { file.sync_all() } else { Ok(()) }
    }
}

#[cfg(unix)]
fn permissions(mode: u32) -> Option<Permissions> {
    Some(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// None, because the time of a read-only file could not be set.
#[cfg(not(unix))]
fn permissions(_mode: u32) -> Option<Permissions> {
    None
}

/// Waits until the folder's names are on disk, on systems that can do that.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        match File::open(folder)?.sync_all() {
            // some network file systems do not support it
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Fault {
    Fault::Refused(format!("{what}: {}: {error}", path.display()))
}
