//! Sidecars: files that belong to an image by their name, such as `a.xmp` and `a.jpg.xmp` to `a.jpg`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use crate::images::listings::Listings;

/// Extensions of sidecars, in either case: XMP by raw converters, JSON by photo services, edits by phones.
const ENDINGS: [&str; 3] = ["xmp", "json", "aae"];

/// Larger XMP files are not read.
const MOST_BYTES: u64 = 4 << 20;

/// Whether a file of this name may be a sidecar.
pub fn is_sidecar(name: &OsStr) -> bool {
    let ending = Path::new(name).extension().map(OsStr::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

/// What a sidecar is named after: an image, with or without its extension.
pub fn owner_of_sidecar(sidecar: &OsStr) -> Option<OsString> {
    /// What Google Takeout puts between the names of an image and of its sidecar, cut off where that gets too long;
    /// the number of a second image of the same name stands behind it.
    const MORE: &str = "supplemental-metadata";
    let owner = Path::new(sidecar).file_stem()?;
    let Some((image, more)) = owner.to_str().and_then(|owner| owner.rsplit_once('.')) else {
        return Some(owner.to_owned());
    };
    let (more, number) = more.split_at(more.find('(').unwrap_or(more.len()));
    if more.is_empty() || !MORE.starts_with(more) || !image.contains('.') {
        return Some(owner.to_owned());
    }
    let (stem, ending) = image.rsplit_once('.').unwrap_or((image, ""));
    Some(format!("{stem}{number}.{ending}").into())
}

/// Sidecars of images, by what they are named after.
#[derive(Debug)]
pub struct Sidecars(Listings);

impl Default for Sidecars {
    fn default() -> Self {
        let owner = |name: &OsStr| is_sidecar(name).then(|| owner_of_sidecar(name).unwrap_or_default());
        Sidecars(Listings::new(owner))
    }
}

impl Sidecars {
    /// The names of the files that belong to an image file, sorted; none where its folder cannot be listed.
    pub fn of(&self, image: &Path) -> Vec<OsString> {
        let (Some(folder), Some(name)) = (image.parent(), image.file_name()) else { return Vec::new() };
        let listing = self.0.of(folder);
        let owners = [Some(name), image.file_stem()].into_iter().flatten();
        let mut found: Vec<OsString> = owners
            .filter_map(|owner| listing.get(owner))
            .flatten()
            .filter(|sidecar| *sidecar != name)
            .cloned()
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// The XMP packet beside an image file, if there is one.
    pub fn xmp(&self, image: &Path) -> Option<Vec<u8>> {
        let is_xmp =
            |name: &OsString| Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("xmp"));
        // `a.jpg.xmp` rather than `a.xmp`, which other files may share
        let name = self.of(image).into_iter().filter(is_xmp).max_by_key(|name| name.len())?;
        let path = image.with_file_name(name);
        fs::metadata(&path).ok().filter(|file| file.is_file() && file.len() <= MOST_BYTES)?;
        fs::read(path).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_names_belong_to_an_image() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.jpg", "a.xmp", "a.jpg.XMP", "a.AAE", "a.txt.json", "ab.xmp", "a.b.xmp", "a"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        fs::create_dir(dir.path().join("a.json")).unwrap();
        let sidecars = Sidecars::default();
        let of = |name: &str| sidecars.of(&dir.path().join(name));
        assert_eq!(of("a.jpg"), ["a.AAE", "a.jpg.XMP", "a.xmp"]);
        assert_eq!((of("a.png"), of("b.jpg")), (vec!["a.AAE".into(), "a.xmp".into()], Vec::new()));
        assert_eq!(sidecars.xmp(&dir.path().join("a.jpg")).unwrap(), b"a.jpg.XMP");
        assert!(sidecars.xmp(&dir.path().join("none/a.jpg")).is_none());
        let owner = |name: &str| owner_of_sidecar(OsStr::new(name)).unwrap();
        for ending in ["supplemental-metadata", "supplemental-me", "s"] {
            assert_eq!(owner(&format!("a.jpg.{ending}.json")), "a.jpg");
        }
        assert_eq!(owner("a.jpg.supplemental-metadata(1).json"), "a(1).jpg");
        assert_eq!((owner("a.jpg.json"), owner("a.supp.json")), ("a.jpg".into(), "a.supp".into()));
        // listed once
        fs::write(dir.path().join("b.xmp"), "").unwrap();
        assert!(of("b.jpg").is_empty() && is_sidecar(OsStr::new("x.Json")));
    }
}
