//! Sidecars: which of them go with their image, and where to. What a network storage notes of an image goes with it
//! as well.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::images::{is_sidecar, owner_of_sidecar};

/// The sidecars of `image`, which is in `gone`, sorted by name. A sidecar that it shares with another file
/// stays: if `a.cr2` stays, so does the `a.xmp` that it shares with `a.jpg`.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn sidecars(image: &Path, gone: &HashSet<PathBuf>) -> std::io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (image.parent(), image.file_name()) else { return Ok(Vec::new()) };
    let mut found = of_images(folder, &[name], gone)?;
    let notes = notes_of(image);
    let files = |folder: &PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().collect::<Vec<_>>();
    let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let own = files(&notes[0]).into_iter().filter(is_file);
    // streams of the image that the storage keeps apart
    let start = [name.as_encoded_bytes(), b"@Syno"].concat();
    let beside = files(&notes[1]).into_iter().filter(is_file);
    let beside = beside.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(&start));
    found.extend(own.chain(beside).map(|entry| entry.path()));
    found.sort();
    Ok(found)
}

/// The folders in which a network storage (Synology) keeps thumbnails and notes: those of this image, and that with
/// the folders of all.
pub(super) fn notes_of(image: &Path) -> [PathBuf; 2] {
    let all = image.with_file_name("@eaDir");
    [all.join(image.file_name().unwrap_or_default()), all]
}

/// The sidecars of `images` (names of files in `folder` that are in `gone`), sorted by name. A sidecar that
/// belongs to another file too is left out.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn of_images(
    folder: &Path,
    images: &[&OsStr],
    gone: &HashSet<PathBuf>,
) -> std::io::Result<Vec<PathBuf>> {
    let owners =
        |name: &OsStr| [Some(name), Path::new(name).file_stem()].map(|name| name.map(OsStr::to_owned));
    let ours: HashSet<OsString> = images.iter().flat_map(|name| owners(name)).flatten().collect();
    let (mut found, mut others) = (Vec::new(), HashSet::new());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if is_sidecar(&name) {
            if owner_of_sidecar(&name).is_some_and(|owner| ours.contains(&owner))
                && entry.file_type()?.is_file()
            {
                found.push(entry.path());
            }
        } else if !gone.contains(&entry.path()) {
            others.extend(owners(&name).into_iter().flatten());
        }
    }
    let is_shared = |sidecar: &PathBuf| {
        sidecar.file_name().and_then(owner_of_sidecar).is_some_and(|owner| others.contains(&owner))
    };
    found.retain(|sidecar| !is_shared(sidecar));
    found.sort();
    Ok(found)
}

/// Where a sidecar goes with its image: beside it, with a name of the same form.
pub(super) fn destination(sidecar: &Path, image: &Path, image_to: &Path) -> PathBuf {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_owned();
    let [of_image, notes] = notes_of(image);
    let [of_image_to, notes_to] = notes_of(image_to);
    if let Ok(below) = sidecar.strip_prefix(of_image) {
        return of_image_to.join(below);
    }
    let own = name(sidecar);
    let after = |start: &OsStr| Some(own.as_encoded_bytes().strip_prefix(start.as_encoded_bytes())?.len());
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_owned();
    let to = match (after(&name(image)), after(&stem(image))) {
        (Some(length), _) => joined(name(image_to), &own, length),
        (None, Some(length)) => joined(stem(image_to), &own, length),
        (None, None) => own.clone(),
    };
    if sidecar.parent() == Some(&*notes) { notes_to.join(to) } else { image_to.with_file_name(to) }
}

/// A name with the last `length` bytes of another behind it.
fn joined(mut start: OsString, name: &OsStr, length: usize) -> OsString {
    let bytes = name.as_encoded_bytes();
    let end = super::journal::path_of(&bytes[bytes.len().saturating_sub(length)..]);
    start.push(end.unwrap_or_default());
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_go_along_and_shared_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.jpg", "a.xmp", "a.jpg.XMP", "a.AAE", "a.txt.json", "ab.xmp", "a.b.xmp"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let image = dir.path().join("a.jpg");
        let names = || -> Vec<String> {
            let found = sidecars(&image, &HashSet::from([image.clone()])).unwrap();
            found.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(), ["a.AAE", "a.jpg.XMP", "a.xmp"]);
        fs::write(dir.path().join("a.cr2"), "").unwrap();
        assert_eq!(names(), ["a.jpg.XMP"]);
        // if the image is back, they belong to it
        assert!(sidecars(&image, &HashSet::new()).unwrap().is_empty());
    }

    #[test]
    fn names_follow_the_image() {
        let place =
            |sidecar: &str| destination(Path::new(sidecar), Path::new("d/a.jpg"), Path::new("to/a-1.jpg"));
        assert_eq!(place("d/a.XMP"), Path::new("to/a-1.XMP"));
        assert_eq!(place("d/a.jpg.json"), Path::new("to/a-1.jpg.json"));
        assert_eq!(
            place("d/a.jpg.supplemental-metadata.json"),
            Path::new("to/a-1.jpg.supplemental-metadata.json")
        );
        assert_eq!(place("d/@eaDir/a.jpg/thumb.jpg"), Path::new("to/@eaDir/a-1.jpg/thumb.jpg"));
        assert_eq!(place("d/@eaDir/a.jpg@SynoResource"), Path::new("to/@eaDir/a-1.jpg@SynoResource"));
    }
}
