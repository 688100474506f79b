//! The files of one shot, which belong together: a camera's raw file and the JPEG or HEIC beside it, a picture and
//! the film of a Live Photo. They have one name, and a film also the time of its picture.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::listings::Listings;
use super::plain_file::mtime_ns;
use super::{codec, sniff};

/// Pictures that cameras and phones write beside another file of the shot; the first kind that is there counts.
const STILLS: [&[&str]; 2] = [&["heic", "heif", "hif"], &["jpg", "jpeg"]];
const FILMS: [&str; 3] = ["mov", "mp4", "mp"];
/// Copies of a picture and its film are written this far apart at most, in seconds.
const APART_S: i64 = 600;
/// A film that is larger, in bytes, is none of a Live Photo; nor is its picture.
const MOST_BYTES: u64 = 256 << 20;

/// The files of shots, by what stands before their extension, in lower case.
#[derive(Debug)]
pub struct Shots(Listings);

impl Default for Shots {
    fn default() -> Self {
        Shots(Listings::new(|name| Some(stem(name))))
    }
}

impl Shots {
    /// The names of the other files of the shot that `file` belongs to, sorted.
    pub fn others(&self, file: &Path) -> Vec<OsString> {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Vec::new() };
        let listing = self.0.of(folder);
        let Some(names) = listing.get(&stem(name)).filter(|names| names.len() > 1) else { return Vec::new() };
        let of = |is: &dyn Fn(&Path) -> bool| -> Vec<&OsString> {
            names.iter().filter(|name| is(Path::new(name))).collect()
        };
        let stills = STILLS.map(|endings| of(&|name| has_ending(name, endings)));
        let Some(stills) = stills.into_iter().find(|stills| !stills.is_empty()) else { return Vec::new() };
        let raws = of(&sniff::is_raw_name);
        let mut films = of(&|name| has_ending(name, &FILMS));
        films.retain(|film| {
            stills.iter().any(|still| are_of_one_time(&folder.join(still), &folder.join(film)))
        });
        let mut shot = [raws, films].concat();
        if !shot.is_empty() {
            shot.extend(stills);
        }
        if !shot.iter().any(|other| *other == name) {
            return Vec::new();
        }
        let mut others: Vec<OsString> = shot.into_iter().filter(|other| *other != name).cloned().collect();
        others.sort();
        others
    }
}

fn stem(name: &OsStr) -> OsString {
    Path::new(name).file_stem().unwrap_or_default().to_ascii_lowercase()
}

fn has_ending(name: &Path, endings: &[&str]) -> bool {
    name.extension().is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// Whether a picture and a film were taken at the same time: as they say themselves, otherwise by when they were
/// last changed.
fn are_of_one_time(still: &Path, film: &Path) -> bool {
    /// Clocks of films are of UTC, those of pictures are not, and all zones are whole quarters of an hour.
    const ZONE_S: i64 = 900;
    const FARTHEST_ZONE_S: i64 = 15 * 3600;
    const WITHIN_S: i64 = 30;
    let size = |path: &Path| fs::metadata(path).map_or(u64::MAX, |metadata| metadata.len());
    if size(still).max(size(film)) > MOST_BYTES {
        return false;
    }
    let taken = || codec::metadata(&fs::read(still).ok()?).taken.and_then(|taken| seconds(&taken));
    if let (Some(film), Some(still)) = (film_time(film), taken()) {
        let off = (film - still).rem_euclid(ZONE_S);
        return (film - still).abs() <= FARTHEST_ZONE_S && off.min(ZONE_S - off) <= WITHIN_S;
    }
    let changed = |path: &Path| fs::metadata(path).ok().map(|metadata| mtime_ns(&metadata) / 1_000_000_000);
    matches!((changed(still), changed(film)), (Some(a), Some(b)) if (a - b).abs() <= APART_S)
}

/// Seconds since 1970 of a time such as `2019-07-04T12:00:00`, in its own zone.
fn seconds(time: &str) -> Option<i64> {
    let number = |at: std::ops::Range<usize>| time.get(at)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    // days from 1970-01-01, with years that begin in March
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = days + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?)
}

/// When a film was made, in seconds since 1970, by its header (`mvhd`); none if it does not say.
fn film_time(path: &Path) -> Option<i64> {
    /// Boxes before that of the header; from 1904 to 1970, in seconds.
    const MOST_BOXES: usize = 64;
    const FROM_1904_S: i64 = 2_082_844_800;
    let (mut file, mut at) = (File::open(path).ok()?, 0_u64);
    for _ in 0..MOST_BOXES {
        file.seek(SeekFrom::Start(at)).ok()?;
        let mut head = [0; 16];
        file.read_exact(&mut head).ok()?;
        let [size, name, large @ ..] = head.as_chunks::<4>().0 else { return None };
        let (size, content) = match u32::from_be_bytes(*size) {
            1 => (u64::from_be_bytes(large.as_flattened().try_into().ok()?), 16),
            size => (u64::from(size), 8),
        };
        if name == b"moov" {
            file.seek(SeekFrom::Start(at + content)).ok()?;
            let mut header = [0; 24];
            file.read_exact(&mut header).ok()?;
            let made = match (&header[4..8] == b"mvhd", header[8]) {
                (true, 0) => i64::from(u32::from_be_bytes(*header[12..].first_chunk()?)),
                (true, 1) => i64::try_from(u64::from_be_bytes(*header[12..].first_chunk()?)).ok()?,
                _ => return None,
            };
            return (made > 0).then_some(made - FROM_1904_S);
        }
        if size < content {
            return None;
        }
        at = at.checked_add(size)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// A film made so many seconds after 1970.
    fn film(made: u32) -> Vec<u8> {
        let made = (made + 2_082_844_800).to_be_bytes();
        [b"\0\0\0\x08ftyp\0\0\0\x24moov\0\0\0\x1cmvhd\0\0\0\0", &made[..], &[0; 12]].concat()
    }

    fn photo(taken: &str) -> Vec<u8> {
        let xmp = format!("http://ns.adobe.com/xap/1.0/\0<x exif:DateTimeOriginal=\"{taken}\"/>");
        let length = (2 + xmp.len()) as u16;
        [b"\xff\xd8\xff\xe1", &length.to_be_bytes()[..], xmp.as_bytes(), b"\xff\xda\0\x02"].concat()
    }

    #[test]
    fn files_of_one_shot_are_found_by_name_and_time() {
        let dir = tempfile::tempdir().unwrap();
        let made = 1_562_234_400; // 2019-07-04T10:00:00 UTC
        for (name, bytes) in [
            ("a.JPG", photo("2019-07-04T12:00:01")),
            ("a.cr2", vec![]),
            ("A.mov", film(made)),
            ("b.jpg", photo("2019-07-04T12:07:00")),
            ("b.mov", film(made)),
            ("c.heic", vec![1]),
            ("c.jpg", vec![1]),
            ("c.mov", vec![2]),
            ("d.jpg", vec![1]),
            ("d.mov", vec![2]),
            ("e.cr2", vec![1]),
            ("e.mov", vec![1]),
            ("f.jpg", vec![1]),
            ("f.txt", vec![1]),
        ] {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        File::options().append(true).open(dir.path().join("d.mov")).unwrap().set_modified(long_ago).unwrap();
        let shots = Shots::default();
        let others = |name: &str| shots.others(&dir.path().join(name));
        assert_eq!(others("a.JPG"), ["A.mov", "a.cr2"]);
        assert_eq!((others("a.cr2"), others("A.mov").len()), (vec!["A.mov".into(), "a.JPG".into()], 2));
        assert_eq!((others("c.heic"), others("c.mov")), (vec!["c.mov".into()], vec!["c.heic".into()]));
        for alone in ["b.jpg", "b.mov", "c.jpg", "d.jpg", "e.cr2", "f.jpg", "g.jpg"] {
            assert!(others(alone).is_empty(), "{alone}");
        }
    }

    #[test]
    fn times_are_read() {
        assert_eq!(seconds("1970-01-01T00:00:00"), Some(0));
        assert_eq!(seconds("2019-07-04T10:00:00"), Some(1_562_234_400));
        assert_eq!((seconds("2020-02-29T23:59:59"), seconds("no time")), (Some(1_583_020_799), None));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("film.mov");
        let whole = film(5);
        for end in 0..=whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(film_time(&path), (end >= 40).then_some(5), "{end}");
        }
    }
}
