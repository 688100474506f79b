//! Files and folders that appear complete under their name, or not at all: written beside it, synced,
//! renamed.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// How temporary names begin, and how many random letters follow.
const PREFIX: &str = ".aesearch-";
const RANDOM: usize = 6;

/// Writes `bytes` into the file `path`. A reader finds the old file or the new one, also after a crash.
///
/// # Errors
/// When the folder is not there or the file cannot be written; nothing of it is left then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_whole_with(path, &mut |out| out.write_all(bytes))
}

/// The same for what `write` writes, so that it need not be in memory at once.
///
/// # Errors
/// As [`write_whole`], and the errors of `write`.
pub fn write_whole_with(
    path: &Path,
    write: &mut dyn FnMut(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<()> {
    let fail = |error| Error::io(path, error);
    let folder = folder_of(path);
    let mut file = beside(0o666).tempfile_in(folder).map_err(fail)?;
    let mut out = BufWriter::new(file.as_file_mut());
    write(&mut out).and_then(|()| out.flush()).map_err(fail)?;
    drop(out);
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    sync_folder(folder).map_err(fail)
}

/// Removes what calls of [`write_whole`] that were killed left in `folder`, which nobody else may be writing.
///
/// # Errors
/// When the folder cannot be read, or one of them not be removed.
pub fn sweep(folder: &Path) -> Result<()> {
    let fail = |error| Error::io(folder, error);
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let is_ours = random.is_some_and(|random| {
            random.len() == RANDOM && random.bytes().all(|letter| letter.is_ascii_alphanumeric())
        });
        if is_ours && entry.file_type().map_err(fail)?.is_file() {
            fs::remove_file(entry.path()).map_err(fail)?;
        }
    }
    Ok(())
}

/// Makes the folder `path`, which must be new or empty: `fill` fills a temporary folder, which then gets that
/// name. Missing parent folders are created.
///
/// # Errors
/// As [`check_empty`], and the errors of `fill`; or the folder cannot be made. Nothing of it is left then.
pub fn write_folder<T>(path: &Path, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    check_empty(path)?;
    let fail = |error| Error::io(path, error);
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(fail)?;
    let made = beside(0o777).tempdir_in(folder).map_err(fail)?;
    let filled = fill(made.path()).map_err(|error| error.moved(made.path(), path))?;
    // an empty folder is removed: not every system renames over one
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        _ => fs::rename(made.path(), path).map_err(fail)?,
    }
    let _ = made.keep(); // under that name it is no more
    sync_folder(folder).map_err(fail)?;
    Ok(filled)
}

/// Refuses a place where something is.
///
/// # Errors
/// When `path` is no folder, or has something in it.
pub fn check_empty(path: &Path) -> Result<()> {
    let something = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io(path, error)),
    };
    if something {
        let what = format!("{}: expected a new or empty folder, got one with files", path.display());
        return Err(Error::invalid(what).with_hint("nothing was written; name another folder"));
    }
    Ok(())
}

/// The parent folder of a path.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file or folder beside the path, with the permissions of any new one, not those of temporary
/// ones.
fn beside(#[allow(unused)] mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).rand_bytes(RANDOM);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    builder
}

/// Makes the names in a folder durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// On other systems a folder cannot be opened as a file.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        for text in ["one", "two"] {
            write_whole(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::create_dir(dir.path().join("b")).unwrap();
        assert!(write_whole(&dir.path().join("b"), b"a folder is in the way").is_err());
        assert!(write_whole(&dir.path().join("none/c"), b"no folder").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_was_left_half_written_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let left = beside(0o666).tempfile_in(dir.path()).unwrap().keep().unwrap().1;
        let others = [".aesearch-notes.txt", ".aesearch-mine99x", "a.json", ".aesearch"];
        others.iter().for_each(|name| std::fs::write(dir.path().join(name), "").unwrap());
        std::fs::create_dir(dir.path().join(".aesearch-abcdef")).unwrap();
        sweep(dir.path()).unwrap();
        assert!(!left.exists() && dir.path().join(".aesearch-abcdef").is_dir());
        assert!(others.iter().all(|name| dir.path().join(name).exists()));
        assert!(sweep(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let here = || std::fs::read_dir(dir.path()).unwrap().count();
        let fill =
            |folder: &Path| std::fs::write(folder.join("a"), "a").map_err(|error| Error::io(folder, error));
        let path = dir.path().join("new");
        let stopped = write_folder(&path, |folder| fill(folder).and(Err::<(), _>(Error::Interrupted)));
        assert!(matches!(stopped, Err(Error::Interrupted)) && here() == 0);
        write_folder(&path, fill).unwrap();
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        write_folder(&dir.path().join("empty"), fill).unwrap();
        write_folder(&dir.path().join("b/c"), fill).unwrap();
        for folder in ["new", "empty", "b/c"] {
            assert_eq!(std::fs::read_to_string(dir.path().join(folder).join("a")).unwrap(), "a");
        }
        let other = dir.path().join("other");
        let inside =
            |folder: &Path| Err::<(), _>(Error::io(folder.join("a.bin"), io::ErrorKind::StorageFull.into()));
        let error = write_folder(&other, inside).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: ", other.join("a.bin").display())), "{error}");
        let error = write_folder(&path, fill).unwrap_err().to_string();
        assert!(error.contains("new: expected a new or empty folder") && here() == 3, "{error}");
        assert!(write_folder(&path.join("a/b"), fill).is_err());
    }

    #[test]
    fn errors_name_what_was_asked_for() {
        let error = write_whole(Path::new("no-such-folder/map.png"), b"").unwrap_err().to_string();
        assert!(error.starts_with("no-such-folder/map.png: ") && !error.contains(".aesearch-"), "{error}");
    }
}
