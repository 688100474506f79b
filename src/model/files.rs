//! Reading the files of a model from an unknown source: no more bytes than allowed, and none from outside its
//! folder.
//!
//! Sizes are checked before anything is read. The names of files with weights come from the model file, so
//! they are no more trustworthy than that file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::runtime::ExternalFile;

/// How many bytes may still be read.
#[derive(Debug)]
pub(super) struct Budget {
    max: u64,
    read: u64,
}

impl Budget {
    pub(super) fn new(max: u64) -> Self {
        Budget { max, read: 0 }
    }

    /// Bytes read up to now.
    pub(super) fn spent(&self) -> u64 {
        self.read
    }

    /// The content of a file.
    ///
    /// # Errors
    /// When it is larger than what is left, or cannot be read.
    pub(super) fn read(&mut self, path: &Path) -> Result<Vec<u8>> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let size = file.metadata().map_err(|e| Error::io(path, e))?.len();
        let left = self.max - self.read;
        if size > left {
            return Err(self.too_large(path, size));
        }
        let mut bytes = Vec::new();
        let room = usize::try_from(size).ok().and_then(|room| bytes.try_reserve_exact(room).ok());
        room.ok_or_else(|| {
            Error::too_large(format!("{}: expected {size} bytes to fit into memory", path.display()))
        })?;
        // one more than is left, in case the file grows meanwhile
        file.take(left.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
        self.read += bytes.len() as u64;
        if self.read > self.max {
            self.read = self.max;
            return Err(self.too_large(path, bytes.len() as u64));
        }
        Ok(bytes)
    }

    fn too_large(&self, path: &Path, size: u64) -> Error {
        let together = if self.read > 0 {
            format!(" after {} of other files of the model", self.read)
        } else {
            String::new()
        };
        let what =
            format!("{}: size: expected at most {} bytes, got {size}{together}", path.display(), self.max);
        Error::too_large(what).with_hint("if you trust the file, allow it by a larger `max_bytes`")
    }
}

/// The files that the model file in `folder` names, each with the bytes it must have at least.
///
/// # Errors
/// When a name leads out of the folder, or a file is not there, too short, or too large.
pub(super) fn external(
    (name, folder): (&str, &Path),
    wanted: &BTreeMap<String, u64>,
    budget: &mut Budget,
) -> Result<Vec<ExternalFile>> {
    let file = |(location, &end): (&String, &u64)| {
        let path = inside(folder, location).map_err(|what| {
            Error::damaged(name, format!("external data {location:?}: {what}"))
                .with_hint("weights must lie in the folder of the model file, or below it")
        })?;
        let bytes = budget.read(&path)?;
        if (bytes.len() as u64) < end {
            let what =
                format!("external data {location:?}: expected at least {end} bytes, got {}", bytes.len());
            return Err(Error::damaged(name, what).with_hint("the file is incomplete: copy it again"));
        }
        Ok(ExternalFile { location: location.clone(), bytes: bytes.into() })
    };
    wanted.iter().map(file).collect()
}

/// Where `location` leads, links followed.
fn inside(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let path = Path::new(location);
    // The runtime finds weights by their name, letter for letter: `./x` would not be `x`.
    let plain = !location.split('/').any(|step| matches!(step, "" | "." | "..")) && !location.contains('\0');
    if !plain || !path.components().all(|step| matches!(step, Component::Normal(_))) {
        return Err(
            "expected a plain path below the model's folder, got one that leads elsewhere, or around"
                .to_owned(),
        );
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let found = folder.canonicalize().and_then(|folder| Ok((folder.join(path).canonicalize()?, folder)));
    match found {
        Ok((file, folder)) if !file.starts_with(&folder) => {
            Err("expected a file below the model's folder, got a link that leads out of it".to_owned())
        }
        Ok((file, _)) if !file.is_file() => Err("expected a file, got something else".to_owned()),
        Ok((file, _)) => Ok(file),
        Err(_) => Err("expected a file beside the model, got none".to_owned()),
    }
}
