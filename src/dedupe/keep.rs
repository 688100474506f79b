//! Which image of a group is kept.

use std::cmp::{Ordering, Reverse};
use std::str::FromStr;

use super::plan::File;
use crate::error::Error;

/// What makes one image of a group better than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// More pixels.
    Resolution,
    /// A sidecar: a file beside it that belongs to it, such as an XMP file with edits.
    Sidecar,
    /// A lossless format, then one that may be (WebP, AVIF, HEIC, JPEG XL), then JPEG, then GIF.
    Format,
    /// A JPEG of higher quality, by its quantization tables; other formats count as 100.
    Quality,
    /// More bytes.
    Bytes,
    /// EXIF data.
    Exif,
    /// The earlier modification time.
    Oldest,
    /// The shorter path.
    Shortest,
}

impl Preference {
    /// All of them, in their default order.
    pub const ALL: [Preference; 8] = [
        Preference::Resolution,
        Preference::Sidecar,
        Preference::Format,
        Preference::Quality,
        Preference::Bytes,
        Preference::Exif,
        Preference::Oldest,
        Preference::Shortest,
    ];

    /// Its name in options and documents.
    pub fn name(self) -> &'static str {
        match self {
            Preference::Resolution => "resolution",
            Preference::Sidecar => "sidecar",
            Preference::Format => "format",
            Preference::Quality => "quality",
            Preference::Bytes => "bytes",
            Preference::Exif => "exif",
            Preference::Oldest => "oldest",
            Preference::Shortest => "shortest",
        }
    }

    /// `Less` if `a` is the better one.
    fn order(self, a: &File, b: &File) -> Ordering {
        fn by<T: Ord>(a: &File, b: &File, rank: impl Fn(&File) -> T) -> Ordering {
            rank(a).cmp(&rank(b))
        }
        match self {
            Preference::Resolution => {
                by(a, b, |file| Reverse(u64::from(file.width) * u64::from(file.height)))
            }
            Preference::Sidecar => by(a, b, |file| file.sidecars.is_empty()),
            Preference::Format => by(a, b, |file| match file.format.as_str() {
                "gif" => 3,
                "jpeg" => 2,
                "webp" | "avif" | "heic" | "jxl" => 1,
                _ => 0,
            }),
            Preference::Quality => by(a, b, |file| Reverse(file.jpeg_quality.unwrap_or(100))),
            // the size of a container says nothing about its entries
            Preference::Bytes => by(a, b, |file| Reverse(if file.entry { 0 } else { file.size })),
            Preference::Exif => by(a, b, |file| !file.exif),
            Preference::Oldest => by(a, b, |file| file.mtime_ns),
            Preference::Shortest => by(a, b, |file| file.name().len()),
        }
    }
}

impl FromStr for Preference {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Preference::ALL;
        known.into_iter().find(|preference| preference.name() == name).ok_or_else(|| {
            let names = known.map(Preference::name).join(", ");
            Error::invalid(format!("`keep`: expected some of {names}, got {name}"))
        })
    }
}

/// `Less` if `a` is to be kept rather than `b`: references first, then what is not damaged, then files rather than links, then what a
/// camera recorded rather than a picture made of it, then colour rather than grey, then by the preferences,
/// then by name.
pub(super) fn better(a: &File, b: &File, preferences: &[Preference]) -> Ordering {
    // the size that is known of a raw file is that of its preview
    let is_raw = |file: &File| file.format == "raw";
    let first = [
        b.reference.cmp(&a.reference),
        a.damaged.is_some().cmp(&b.damaged.is_some()),
        a.link.cmp(&b.link),
        is_raw(b).cmp(&is_raw(a)),
        a.grey.cmp(&b.grey),
    ];
    let then = preferences.iter().map(|preference| preference.order(a, b));
    first.into_iter().chain(then).find(|order| order.is_ne()).unwrap_or_else(|| a.name().cmp(b.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> File {
        File {
            path: path.to_owned(),
            path_bytes: None,
            entry: false,
            frame: false,
            reference: false,
            size: 100,
            mtime_ns: 5,
            hash: String::new(),
            width: 10,
            height: 10,
            format: "png".to_owned(),
            exif: false,
            jpeg_quality: None,
            sidecars: Vec::new(),
            shot: Vec::new(),
            damaged: None,
            grey: false,
            link: false,
            label: None,
        }
    }

    #[test]
    fn each_preference_knows_the_better_one() {
        let plain = file("a/long/name");
        let better_by: [(Preference, File); 8] = [
            (Preference::Resolution, File { width: 11, ..file("z/longer/name") }),
            (Preference::Sidecar, File { sidecars: vec!["z.xmp".to_owned()], ..file("z/longer/name") }),
            (Preference::Format, plain.clone()),
            (Preference::Quality, File { jpeg_quality: Some(91), ..file("z/longer/name") }),
            (Preference::Bytes, File { size: 101, ..file("z/longer/name") }),
            (Preference::Exif, File { exif: true, ..file("z/longer/name") }),
            (Preference::Oldest, File { mtime_ns: 4, ..file("z/longer/name") }),
            (Preference::Shortest, file("z")),
        ];
        for (preference, good) in better_by {
            let bad = match preference {
                Preference::Format => File { format: "jpeg".to_owned(), ..file("a") },
                Preference::Quality => File { jpeg_quality: Some(90), ..file("a") },
                _ => plain.clone(),
            };
            assert_eq!(better(&good, &bad, &[preference]), Ordering::Less, "{}", preference.name());
            assert_eq!(better(&bad, &good, &[preference]), Ordering::Greater);
            assert_eq!(preference.name().parse::<Preference>().unwrap(), preference);
        }
    }

    #[test]
    fn a_reference_comes_before_all_and_names_decide_in_the_end() {
        let reference = File { reference: true, width: 1, ..file("z") };
        assert_eq!(better(&reference, &file("a"), &Preference::ALL), Ordering::Less);
        assert_eq!(better(&file("a"), &file("b"), &Preference::ALL), Ordering::Less);
        assert!("nicest".parse::<Preference>().is_err());
        let grey = File { grey: true, width: 99, ..file("a") };
        let link = File { link: true, ..file("a") };
        let raw = File { format: "raw".to_owned(), width: 1, ..file("z") };
        let damaged = File { damaged: Some("its end is missing".to_owned()), ..raw.clone() };
        for (stays, goes) in [
            (&link, &damaged),
            (&reference, &damaged),
            (&file("z"), &grey),
            (&grey, &link),
            (&reference, &grey),
            (&reference, &raw),
            (&raw, &file("a")),
        ] {
            assert_eq!(better(stays, goes, &Preference::ALL), Ordering::Less);
            assert_eq!(better(goes, stays, &Preference::ALL), Ordering::Greater);
        }
    }
}
