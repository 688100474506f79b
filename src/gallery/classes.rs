//! Whether names of folders are classes of images. In a training set they are; in a collection of photos they
//! are dates, cameras and albums, and that two copies lie in different ones says nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The share of images that lie as in a collection of photos, in hundredths, from which folders are no classes.
const SHARE: usize = 20;
/// Years that folders are named by.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2099;
/// Names of months, by their first three letters.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Names of folders that say nothing about what is on their images.
const GENERIC: [&str; 24] = [
    "dcim",
    "camera",
    "camera roll",
    "camera uploads",
    "screenshots",
    "whatsapp images",
    "downloads",
    "desktop",
    "pictures",
    "photos",
    "images",
    "my pictures",
    "originals",
    "original",
    "copies",
    "copy",
    "backup",
    "backups",
    "new folder",
    "untitled folder",
    "import",
    "imports",
    "unsorted",
    "tmp",
];
/// Words of names of albums.
const OCCASIONS: [&str; 28] = [
    "album",
    "albums",
    "anniversary",
    "autumn",
    "bday",
    "birthday",
    "christmas",
    "easter",
    "ferien",
    "geburtstag",
    "graduation",
    "halloween",
    "hochzeit",
    "holiday",
    "holidays",
    "honeymoon",
    "silvester",
    "summer",
    "trip",
    "urlaub",
    "vacances",
    "vacation",
    "vacations",
    "wedding",
    "weekend",
    "weihnachten",
    "winter",
    "xmas",
];
/// What cameras and phones put before the number of a picture.
const CAMERAS: [&str; 18] = [
    "_dsc", "_mg_", "cimg", "dji_", "dsc", "dsc_", "dscf", "dscn", "gopr", "hpim", "img", "img_", "img-",
    "mvi_", "p", "pict", "pxl_", "sam_",
];
/// Digits of such a number.
const DIGITS: usize = 4;

/// Whether the labels of some images, given with their names, are classes, as far as they are names of folders.
/// They are where there are several, with several images each, and few that are named as dates, albums or
/// cameras name them.
pub(super) fn are_classes<'a>(images: impl Iterator<Item = (&'a [u8], &'a str)>) -> bool {
    let mut in_folder: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    let (mut others, mut labels, mut years) = (0, BTreeSet::new(), BTreeMap::<_, usize>::new());
    for (name, label) in images {
        labels.insert(label);
        let Some(place) = Place::of(name, label) else { continue };
        let (n, may_be_class) = in_folder.entry(label).or_insert_with(|| (0, is_class(label)));
        *n += 1;
        if !*may_be_class || place.is_month() || is_of_camera(&place.file) {
            others += 1;
        } else if is_date(&place.above.to_lowercase()) {
            *years.entry(place.above.into_owned()).or_default() += 1;
        }
    }
    // albums lie in folders of years; a set of images may lie in one, too
    others += if years.len() > 1 { years.values().sum::<usize>() } else { 0 };
    let all: usize = in_folder.values().map(|(n, _)| n).sum();
    let alone = in_folder.values().filter(|(n, _)| *n == 1).count();
    labels.len() > 1 && 2 * alone <= all && 100 * others <= SHARE * all
}

/// Whether an image's label says what it shows, where names of folders are classes in general.
pub(super) fn names_class(name: &[u8], label: &str) -> bool {
    is_class(label) || Place::of(name, label).is_none()
}

/// Whether a label is the name of the image's folder, rather than what a container says.
pub(super) fn is_folder(name: &[u8], label: &str) -> bool {
    Place::of(name, label).is_some()
}

/// The name of a folder for people: with its year where it is a month, as `2019/06` and `2020/06` are two.
pub(super) fn full_name(name: &[u8], label: &str) -> String {
    match Place::of(name, label).filter(Place::is_month) {
        Some(place) => format!("{}/{label}", place.above),
        None => label.to_owned(),
    }
}

/// Where an image lies.
struct Place<'a> {
    file: Cow<'a, str>,
    /// The folder that bears the label.
    folder: &'a str,
    /// The folder that holds it.
    above: Cow<'a, str>,
}

impl<'a> Place<'a> {
    /// None where the label is not the name of the image's folder: a container says it, or a file beside it.
    fn of(name: &'a [u8], label: &'a str) -> Option<Place<'a>> {
        let mut parts = name.rsplit(|&byte| byte == b'/' || cfg!(windows) && byte == b'\\');
        let file = String::from_utf8_lossy(parts.next()?);
        // in an archive: photos.tar#2019/06/1.jpg
        let inner = |part: &'a [u8]| part.rsplit(|&byte| byte == b'#').next().unwrap_or(part);
        let mut folder =
            || parts.next().map_or(Cow::Borrowed(""), |part| String::from_utf8_lossy(inner(part)));
        (folder() == label).then(|| Place { file, folder: label, above: folder() })
    }

    /// `2019/06`, `2019/2019-06`, `2019/June`
    fn is_month(&self) -> bool {
        let folder = self.folder.trim();
        let is_number = folder.len() <= 2 && folder.parse::<u32>().is_ok_and(|day| (1..=31).contains(&day));
        let is_name = MONTHS.iter().any(|month| folder.to_lowercase().starts_with(month));
        (is_number || is_name) && is_date(&self.above.to_lowercase())
    }
}

/// Whether a name may be that of a class: it is no date, no album, no camera's folder, and none that any folder
/// may have.
fn is_class(label: &str) -> bool {
    let lower = label.trim().to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    !GENERIC.contains(&lower.as_str())
        && !words.any(|word| OCCASIONS.contains(&word))
        && !is_camera(label)
        && !is_date(&lower)
}

/// `IMG_0001.JPG`, `DSC01234.jpg`, `P1010001.JPG`, `20190512_101112.jpg`, `IMG-20190512-WA0001.jpg`
fn is_of_camera(file: &str) -> bool {
    let lower = file.to_lowercase();
    let stem = lower.split('.').next().unwrap_or_default();
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    let is_number = |rest: &str| digits(rest) >= DIGITS;
    let is_stamp = || {
        digits(stem) == 8
            && stem[8..].starts_with(['_', '-'])
            && digits(&stem[9..]) == 6
            && is_date(&stem[..8])
    };
    CAMERAS.iter().any(|camera| stem.strip_prefix(camera).is_some_and(is_number)) || is_stamp()
}

/// Names by the rule for cameras: three digits and five letters, digits or underlines, such as `100CANON`.
fn is_camera(label: &str) -> bool {
    let is_free = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    label.len() == 8
        && label.chars().take(3).all(|c| c.is_ascii_digit())
        && label.chars().skip(3).all(is_free)
        && label.chars().skip(3).any(|c| !c.is_ascii_digit())
}

/// `2019`, `2019-05`, `20190512`, `201905`, `12.05.2019`, `may 2020`, `2019-05-12 rome`; not `audi s5 2012`.
fn is_date(label: &str) -> bool {
    let parts: Vec<&str> =
        label.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let number = |part: &str| part.parse::<u32>().ok();
    let is_year = |part: &str| part.len() == 4 && number(part).is_some_and(|year| YEARS.contains(&year));
    let is_month = |part: &str| {
        let is_name =
            MONTHS.iter().any(|month| part.starts_with(month)) && part.chars().all(char::is_alphabetic);
        is_name || part.len() <= 2 && number(part).is_some_and(|month| (1..=12).contains(&month))
    };
    let is_day = |part: &str| part.len() <= 2 && number(part).is_some_and(|day| (1..=31).contains(&day));
    let in_one = |part: &str| {
        let is_stamp = [6, 8].contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit());
        is_stamp && is_year(&part[..4]) && is_month(&part[4..6]) && (part.len() == 6 || is_day(&part[6..]))
    };
    match parts.as_slice() {
        [] => false,
        [first, ..] if is_year(first) || in_one(first) => true,
        [rest @ .., last] if is_year(last) => rest.iter().all(|part| is_month(part) || is_day(part)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_cameras_are_no_classes() {
        for label in [
            "2019",
            "2019-05",
            "2019_05_12",
            "20190512",
            "201905",
            "12.05.2019",
            "May 2020",
            "2020 May",
            "05 May 2020",
            "2019-05-12 Rome",
            "2021 Summer",
            "20190512_party",
            "100CANON",
            "101_PANA",
            "DCIM",
            "Camera Roll",
            "Photos",
            "copies",
            "Wedding Emma",
            "summer_2021",
            "Urlaub Italien",
        ] {
            assert!(!is_class(label), "{label}");
        }
        for label in [
            "cat",
            "7",
            "00",
            "0017",
            "n01440764",
            "Audi S5 Coupe 2012",
            "may",
            "mars",
            "123456",
            "99999999",
            "class 3",
            "12345678",
            "Granny-Smith",
            "summery",
            "",
        ] {
            assert!(is_class(label), "{label}");
        }
    }

    #[test]
    fn cameras_number_their_files() {
        for file in [
            "IMG_0001.JPG",
            "DSC01234.jpg",
            "P1010001.JPG",
            "20190512_101112.jpg",
            "_MG_1234.CR2",
            "IMG-20190512-WA0001.jpg",
            "PXL_20230101_101112345.MP.jpg",
            "DSCF1234.RAF",
        ] {
            assert!(is_of_camera(file), "{file}");
        }
        for file in [
            "0001.png",
            "cat.17.jpg",
            "img_1.png",
            "image_0001.jpg",
            "n01440764_10026.JPEG",
            "p1.png",
            "100080576_f52e8ee070_n.jpg",
            "12345678_999999.jpg",
            "20190512_\u{e9}.jpg",
            "",
        ] {
            assert!(!is_of_camera(file), "{file}");
        }
    }

    /// Whether labels count, each the folder of so many images.
    fn are(folders: &[(&str, usize)]) -> bool {
        let names: Vec<(String, &str)> = folders
            .iter()
            .flat_map(|(folder, n)| {
                let label = folder.rsplit(['/', '#']).next().unwrap();
                (0..*n).map(move |i| (format!("{folder}/{i}.png"), label))
            })
            .collect();
        are_classes(names.iter().map(|(name, label)| (name.as_bytes(), *label)))
    }

    #[test]
    fn classes_have_several_images_each_and_albums_are_none() {
        assert!(
            are(&[("set/cat", 2), ("set/dog", 2)]) && are(&[("train/1", 2), ("train/7", 3), ("test/7", 1)])
        );
        assert!(!are(&[]) && !are(&[("set/cat", 9)]), "one label tells nothing apart");
        assert!(!are(&[("cat", 1), ("dog", 1), ("cow", 1)]), "one image each");
        assert!(are(&[("cat", 5), ("dog", 4), ("2019", 1)]), "one odd folder");
        assert!(!are(&[("cat", 2), ("2019", 1), ("2020", 1)]));
        assert!(!are(&[("100CANON", 9), ("2019-05", 9)]));
        assert!(!are(&[("2019/06", 9), ("2020/06", 9)]) && !are(&[("photos.tar#2019/Juni", 9), ("a/b", 1)]));
        assert!(!are(&[("2019/rome", 9), ("2020/paris", 9)]), "albums of years");
        assert!(are(&[("2019/cat", 9), ("2019/dog", 9)]), "a set of one year");
        assert!(!are(&[("Wedding", 9), ("Rome trip", 9), ("misc", 2)]));
        let shots: Vec<String> =
            (0..9).map(|i| format!("p/{}/IMG_{i:04}.JPG", ["rome", "oslo"][i % 2])).collect();
        assert!(!are_classes(shots.iter().map(|name| (name.as_bytes(), &name[2..6]))), "a camera's");
    }

    #[test]
    fn what_containers_say_is_no_folder() {
        let label = |i: usize| ["2019", "2020"][i % 2];
        let names: Vec<String> = (0..9).map(|i| format!("years/train-images.gz#{i}")).collect();
        assert!(are_classes(names.iter().enumerate().map(|(i, name)| (name.as_bytes(), label(i)))));
        assert!(names_class(b"a/b.npz#3", "2019") && !names_class(b"a/2019/b.png", "2019"));
        assert!(is_folder(b"a/cat/b.gif#3", "cat") && is_folder(b"s.zip#cat/b.png", "cat"));
        assert!(!is_folder(b"cat.png", "cat") && !is_folder(b"", "cat"));
    }

    #[test]
    fn months_are_told_with_their_year() {
        assert_eq!(full_name(b"p/2019/06/1.jpg", "06"), "2019/06");
        assert_eq!(full_name(b"p/2019/rome/1.jpg", "rome"), "rome");
        assert_eq!(full_name(b"p/train/7/1.png", "7"), "7");
        assert_eq!(full_name(b"p/t.gz#7", "5"), "5");
    }
}
