//! Which image of a group is kept, and why.

use std::cmp::{Ordering, Reverse};
use std::str::FromStr;

use super::plan::{File, Flaw};
use crate::error::Error;

/// What makes one image of a group better than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// The whole picture and nothing else: not enlarged, no border, no mark, not a part of another image.
    Whole,
    /// EXIF data that tell which camera took it, or how.
    Camera,
    /// What an image generator was asked for, or the name of the program that drew it.
    Generated,
    /// Neither encoded again nor blurred.
    Encoding,
    /// More pixels.
    Resolution,
    /// A sidecar: a file beside it that belongs to it, such as an XMP file with edits.
    Sidecar,
    /// More bytes.
    Bytes,
    /// The earlier modification time.
    Oldest,
    /// The shorter path.
    Shortest,
    /// A lossless format, then one that may be (WebP, AVIF, HEIC, JPEG XL), then JPEG, then GIF.
    Format,
    /// A JPEG of higher quality, by its quantization tables; other formats count as 100.
    Quality,
    /// EXIF data, of whatever kind.
    Exif,
}

impl Preference {
    /// Those by which the original stays, in their order.
    pub const DEFAULT: [Preference; 9] = [
        Preference::Whole,
        Preference::Camera,
        Preference::Generated,
        Preference::Encoding,
        Preference::Resolution,
        Preference::Sidecar,
        Preference::Bytes,
        Preference::Oldest,
        Preference::Shortest,
    ];

    /// All of them: those of the default order, then the others.
    pub const ALL: [Preference; 12] = {
        let [a, b, c, d, e, f, g, h, i] = Preference::DEFAULT;
        [a, b, c, d, e, f, g, h, i, Preference::Format, Preference::Quality, Preference::Exif]
    };

    /// Its name in options and documents.
    pub fn name(self) -> &'static str {
        match self {
            Preference::Whole => "whole",
            Preference::Camera => "camera",
            Preference::Generated => "generated",
            Preference::Encoding => "encoding",
            Preference::Resolution => "resolution",
            Preference::Sidecar => "sidecar",
            Preference::Bytes => "bytes",
            Preference::Oldest => "oldest",
            Preference::Shortest => "shortest",
            Preference::Format => "format",
            Preference::Quality => "quality",
            Preference::Exif => "exif",
        }
    }

    /// `Less` if `a` is the better one.
    fn order(self, a: &File, b: &File) -> Ordering {
        match self {
            Preference::Whole => {
                by(a, b, |file| file.flaws.iter().filter(|flaw| !is_of_encoding(**flaw)).count())
            }
            Preference::Camera => by(a, b, |file| !file.camera),
            Preference::Generated => by(a, b, |file| !file.generated),
            Preference::Encoding => by(a, b, |file| file.flaws.iter().any(|flaw| is_of_encoding(*flaw))),
            Preference::Resolution => {
                by(a, b, |file| Reverse(u64::from(file.width) * u64::from(file.height)))
            }
            Preference::Sidecar => by(a, b, |file| file.sidecars.is_empty()),
            // the size of a container says nothing about its entries
            Preference::Bytes => by(a, b, |file| Reverse(if file.entry { 0 } else { file.size })),
            Preference::Oldest => by(a, b, |file| file.mtime_ns),
            Preference::Shortest => by(a, b, |file| file.name().len()),
            Preference::Format => by(a, b, |file| match file.format.as_str() {
                "gif" => 3,
                "jpeg" => 2,
                "webp" | "avif" | "heic" | "jxl" => 1,
                _ => 0,
            }),
            Preference::Quality => by(a, b, |file| Reverse(file.jpeg_quality.unwrap_or(100))),
            Preference::Exif => by(a, b, |file| !file.exif),
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

fn by<T: Ord>(a: &File, b: &File, rank: impl Fn(&File) -> T) -> Ordering {
    rank(a).cmp(&rank(b))
}

/// One of the things that decide between two images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Criterion {
    Reference,
    Sound,
    File,
    /// What a camera recorded rather than a picture made of it.
    Raw,
    Colour,
    Preferred(Preference),
}

/// Those that come before all preferences.
const FIRST: [Criterion; 5] =
    [Criterion::Reference, Criterion::Sound, Criterion::File, Criterion::Raw, Criterion::Colour];

impl Criterion {
    /// `Less` if `a` is the better one.
    fn order(self, a: &File, b: &File) -> Ordering {
        match self {
            Criterion::Reference => by(a, b, |file| !file.reference),
            Criterion::Sound => by(a, b, |file| file.damaged.is_some()),
            Criterion::File => by(a, b, |file| file.link),
            // the size that is known of a raw file is that of its preview
            Criterion::Raw => by(a, b, |file| file.format != "raw"),
            Criterion::Colour => by(a, b, |file| file.grey),
            Criterion::Preferred(preference) => preference.order(a, b),
        }
    }

    /// Whether it tells the original from a copy, and not only the better one.
    fn is_evidence(self) -> bool {
        use Preference::{Camera, Encoding, Generated, Whole};
        matches!(
            self,
            Criterion::Raw | Criterion::Colour | Criterion::Preferred(Whole | Camera | Generated | Encoding)
        )
    }

    /// In words; `others` are those that it decides against.
    fn words(self, keeper: &File, others: &[&File]) -> String {
        let words = match self {
            Criterion::Reference => "in the reference",
            Criterion::Sound => "others damaged",
            Criterion::File => "others are links",
            Criterion::Raw => "raw file of a camera",
            Criterion::Colour => "others without colour",
            Criterion::Preferred(preference) => match preference {
                Preference::Whole => return flaws_of(keeper, others, |flaw| !is_of_encoding(flaw)),
                Preference::Camera => "camera EXIF",
                Preference::Generated => "tells how it was generated",
                Preference::Encoding => return flaws_of(keeper, others, is_of_encoding),
                Preference::Resolution => "most pixels",
                Preference::Sidecar => "has a sidecar",
                Preference::Bytes => "largest file",
                Preference::Oldest => "oldest",
                Preference::Shortest => "shortest path",
                Preference::Format => "better format",
                Preference::Quality => "higher quality",
                Preference::Exif => "has EXIF data",
            },
        };
        words.to_owned()
    }
}

/// Whether a flaw is one of the encoding, and not of what is shown.
fn is_of_encoding(flaw: Flaw) -> bool {
    matches!(flaw, Flaw::Reencoded | Flaw::Blurred)
}

/// What of some flaws speaks against the others, and not against the keeper.
fn flaws_of(keeper: &File, others: &[&File], is_asked: impl Fn(Flaw) -> bool) -> String {
    let of = |flaw: Flaw| match flaw {
        Flaw::Enlarged => "enlarged",
        Flaw::Framed => "framed",
        Flaw::Marked => "marked",
        Flaw::Cropped => "cropped",
        Flaw::Reencoded => "re-encoded",
        Flaw::Blurred => "blurred",
    };
    let mut flaws: Vec<Flaw> = others.iter().flat_map(|other| &other.flaws).copied().collect();
    flaws.retain(|flaw| is_asked(*flaw) && !keeper.flaws.contains(flaw));
    flaws.sort_unstable();
    flaws.dedup();
    format!("others {}", flaws.into_iter().map(of).collect::<Vec<_>>().join(" or "))
}

fn criteria(preferences: &[Preference]) -> impl Iterator<Item = Criterion> + '_ {
    FIRST.into_iter().chain(preferences.iter().map(|preference| Criterion::Preferred(*preference)))
}

/// `Less` if `a` is to be kept rather than `b`: references first, then what is not damaged, then files rather than
/// links, then what a camera recorded rather than a picture made of it, then colour rather than grey, then by the
/// preferences, then by name.
pub(super) fn better(a: &File, b: &File, preferences: &[Preference]) -> Ordering {
    let found = criteria(preferences).map(|criterion| criterion.order(a, b)).find(|order| order.is_ne());
    found.unwrap_or_else(|| a.name().cmp(b.name()))
}

/// Phrases of a reason at most.
const PHRASES: usize = 3;

/// Why `keeper` is kept rather than `others`, in one phrase such as `original: camera EXIF, others re-encoded`: what
/// decides against some of them, and what else tells the original from all of them.
pub(super) fn reason(keeper: &File, others: &[&File], preferences: &[Preference]) -> String {
    let mut left = others.to_vec();
    let mut found: Vec<(Criterion, String)> = Vec::new();
    for criterion in criteria(preferences) {
        let is_worse = |other: &&File| criterion.order(keeper, other).is_lt();
        let decided: Vec<&File> = left.iter().copied().filter(|other| is_worse(other)).collect();
        let speaks = criterion.is_evidence() && !others.is_empty() && others.iter().all(is_worse);
        if !decided.is_empty() || speaks {
            found.push((
                criterion,
                criterion.words(keeper, if decided.is_empty() { others } else { &decided }),
            ));
        }
        left.retain(|other| criterion.order(keeper, other).is_eq());
    }
    if found.is_empty() {
        return "first by name".to_owned();
    }
    let is_original = found.iter().any(|(criterion, _)| criterion.is_evidence());
    let phrases: Vec<String> = found.into_iter().map(|(_, words)| words).take(PHRASES).collect();
    format!("{}{}", if is_original { "original: " } else { "" }, phrases.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> File {
        let (path, format) = (path.to_owned(), "png".to_owned());
        File { path, format, size: 100, mtime_ns: 5, width: 10, height: 10, ..File::default() }
    }

    #[test]
    fn each_preference_knows_the_better_one() {
        let plain = file("a/long/name");
        let long = || file("z/longer/name");
        let better_by: [(Preference, File); 12] = [
            (Preference::Whole, long()),
            (Preference::Camera, File { camera: true, ..long() }),
            (Preference::Generated, File { generated: true, ..long() }),
            (Preference::Encoding, long()),
            (Preference::Resolution, File { width: 11, ..long() }),
            (Preference::Sidecar, File { sidecars: vec!["z.xmp".to_owned()], ..long() }),
            (Preference::Format, plain.clone()),
            (Preference::Quality, File { jpeg_quality: Some(91), ..long() }),
            (Preference::Bytes, File { size: 101, ..long() }),
            (Preference::Exif, File { exif: true, ..long() }),
            (Preference::Oldest, File { mtime_ns: 4, ..long() }),
            (Preference::Shortest, file("z")),
        ];
        for (preference, good) in better_by {
            let bad = match preference {
                Preference::Whole => File { flaws: vec![Flaw::Framed], ..file("a") },
                Preference::Encoding => File { flaws: vec![Flaw::Reencoded], ..file("a") },
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

    #[test]
    fn evidence_goes_by_its_order() {
        let large = File { width: 99, size: 999, mtime_ns: 0, ..file("a") };
        let flawed = |flaw| File { flaws: vec![flaw], ..large.clone() };
        let with_camera = |file: File| File { camera: true, ..file };
        let ranked = [
            with_camera(file("z")),
            File { generated: true, ..file("z") },
            File { width: 11, ..file("z") },
            file("y"),
            flawed(Flaw::Reencoded),
            with_camera(flawed(Flaw::Framed)),
            flawed(Flaw::Marked),
            File { flaws: vec![Flaw::Enlarged, Flaw::Cropped], ..with_camera(large.clone()) },
        ];
        for (at, stays) in ranked.iter().enumerate() {
            for goes in &ranked[at + 1..] {
                assert_eq!(better(stays, goes, &Preference::DEFAULT), Ordering::Less, "{stays:?} {goes:?}");
                assert_eq!(better(goes, stays, &Preference::DEFAULT), Ordering::Greater);
            }
        }
    }

    #[test]
    fn a_reason_says_what_decides() {
        let why = |keeper: &File, others: &[&File]| reason(keeper, others, &Preference::DEFAULT);
        let camera = File { camera: true, ..file("z") };
        let copy = File { flaws: vec![Flaw::Reencoded], size: 500, ..file("a") };
        let framed = File { flaws: vec![Flaw::Framed], ..file("a") };
        let cropped = File { flaws: vec![Flaw::Cropped, Flaw::Reencoded], ..file("a") };
        assert_eq!(why(&camera, &[&copy]), "original: camera EXIF, others re-encoded");
        assert_eq!(why(&file("z"), &[&framed, &cropped]), "original: others framed or cropped");
        assert_eq!(why(&file("z"), &[&framed, &copy]), "original: others framed, others re-encoded");
        assert_eq!(why(&File { width: 11, ..file("z") }, &[&file("a")]), "most pixels");
        assert_eq!(
            why(&file("a"), &[&File { size: 9, ..file("b") }, &file("bc")]),
            "largest file, shortest path"
        );
        assert_eq!(why(&file("a"), &[&file("b")]), "first by name");
        let reference = File { reference: true, ..file("a") };
        assert_eq!(why(&reference, &[&camera]), "in the reference");
    }
}
