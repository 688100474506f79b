//! Reads the few tags of EXIF data that are used. EXIF data is TIFF directories; a damaged one says nothing.

use super::blocks::Block;
use crate::images::tiff::Directory;

const MAKE: u16 = 271;
const MODEL: u16 = 272;
const ORIENTATION: u16 = 274;
/// Where the directory with the camera's own tags lies.
const CAMERA: u16 = 34_665;
/// Exposure time, aperture, sensitivity.
const EXPOSURE: [u16; 3] = [33_434, 33_437, 34_855];
const COMMENT: u16 = 37_510;
const TAKEN: u16 = 36_867;
const DIGITIZED: u16 = 36_868;
const WIDTH: u16 = 40_962;
const HEIGHT: u16 = 40_963;
const SOFTWARE: u16 = 305;
const LENS: u16 = 42_036;
const RATING: u16 = 18_246;
/// Where the directory with the place lies; in it, north or south, degrees of latitude, east or west, longitude.
const PLACE: u16 = 34_853;
const LATITUDE: [u16; 2] = [1, 2];
const LONGITUDE: [u16; 2] = [3, 4];

/// Most bytes of a text that are read, and of a comment.
const MOST_TEXT: usize = 200;
const MOST_COMMENT: usize = 1 << 14;

/// The directories of EXIF data.
pub(super) struct Exif<'a> {
    /// The first one of each block.
    first: Vec<Directory<'a>>,
    /// Those with the camera's own tags.
    camera: Vec<Directory<'a>>,
}

impl<'a> Exif<'a> {
    pub(super) fn of(blocks: &'a [Block<'_>]) -> Exif<'a> {
        let first: Vec<Directory> =
            blocks.iter().filter_map(|block| Directory::first_of_any(block)).collect();
        let camera = first.iter().filter_map(|directory| directory.at(directory.number(CAMERA)?)).collect();
        Exif { first, camera }
    }

    /// Whether a camera or scanner wrote the tags: in a TIFF file, those of the picture itself are among
    /// them.
    pub(super) fn is_of_camera(&self) -> bool {
        !self.camera.is_empty()
            || self.first.iter().any(|directory| directory.has(MAKE) || directory.has(MODEL))
    }

    /// Whether it tells which camera took the picture, or how.
    pub(super) fn tells_camera(&self) -> bool {
        let has_exposure = |directory: &Directory<'_>| EXPOSURE.into_iter().any(|tag| directory.has(tag));
        self.make().is_some() || self.model().is_some() || self.camera.iter().any(has_exposure)
    }

    /// The comment of the user without its zeros, so that letters of two bytes are read as well: image generators
    /// write there what they were asked for.
    pub(super) fn comment(&self) -> Vec<u8> {
        let comment = self.camera.iter().find_map(|directory| directory.block(COMMENT)).unwrap_or_default();
        comment.iter().take(MOST_COMMENT).copied().filter(|byte| *byte != 0).collect()
    }

    /// How the image is to be turned, 1 to 8.
    pub(super) fn orientation(&self) -> Option<u8> {
        let told = self.first.iter().find_map(|directory| directory.number(ORIENTATION))?;
        u8::try_from(told).ok().filter(|told| (1..=8).contains(told))
    }

    /// When the picture was taken, or scanned.
    pub(super) fn taken(&self) -> Option<String> {
        [TAKEN, DIGITIZED].into_iter().find_map(|tag| date(&self.text(tag)?))
    }

    /// Stars, 1 to 5.
    pub(super) fn rating(&self) -> Option<u8> {
        let told = self.first.iter().find_map(|directory| directory.number(RATING))?;
        u8::try_from(told).ok().filter(|told| (1..=5).contains(told))
    }

    /// Latitude and longitude as XMP writes them.
    pub(super) fn place(&self) -> Option<[String; 2]> {
        let place = self.first.iter().find_map(|directory| directory.at(directory.number(PLACE)?))?;
        let angle = |[side, angle]: [u16; 2], sides: [u8; 2]| {
            let side = *place.block(side)?.first().filter(|side| sides.contains(side))?;
            let parts = place.fractions(angle, 3).filter(|parts| parts.len() == 3)?;
            let minutes = f64::from(parts[1]) + f64::from(parts[2]) / 60.0;
            let is_sound = parts[0] >= 0.0 && parts[0] <= 180.0 && (0.0..=60.0).contains(&minutes);
            is_sound.then(|| format!("{},{minutes:.5}{}", parts[0], char::from(side)))
        };
        Some([angle(LATITUDE, *b"NS")?, angle(LONGITUDE, *b"EW")?])
    }

    pub(super) fn make(&self) -> Option<String> {
        self.text(MAKE)
    }

    pub(super) fn model(&self) -> Option<String> {
        self.text(MODEL)
    }

    /// The model of the lens.
    pub(super) fn lens(&self) -> Option<String> {
        self.text(LENS)
    }

    /// The program that wrote the file.
    pub(super) fn software(&self) -> Option<String> {
        self.text(SOFTWARE)
    }

    /// Columns and rows of the picture as it was taken.
    pub(super) fn size(&self) -> Option<(u32, u32)> {
        let side = |tag| {
            let found = self.all().find_map(|directory| directory.number(tag))?;
            u32::try_from(found).ok().filter(|&side| side > 0)
        };
        Some((side(WIDTH)?, side(HEIGHT)?))
    }

    /// A text without surrounding blanks; none if nothing is left.
    fn text(&self, tag: u16) -> Option<String> {
        let bytes = self.all().find_map(|directory| directory.block(tag))?;
        let end = bytes.iter().take(MOST_TEXT).take_while(|&&byte| byte != 0).count();
        let text = String::from_utf8_lossy(&bytes[..end]);
        let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn all(&self) -> impl Iterator<Item = &Directory<'a>> {
        self.first.iter().chain(&self.camera)
    }
}

/// A date and time as EXIF and XMP write them, in the form `2019-07-04T12:00:00`; none if the text is no
/// date.
pub(super) fn date(text: &str) -> Option<String> {
    let numbers: Vec<&str> = text.get(..19)?.split([':', '-', ' ', 'T']).collect();
    let [year, month, day, hour, minute, second] = numbers[..] else { return None };
    let number = |digits: &str, len: usize| {
        let is_number = digits.len() == len && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_number.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let fits = number(year, 4)? > 0
        && matches!(number(month, 2)?, 1..=12)
        && matches!(number(day, 2)?, 1..=31)
        && number(hour, 2)? < 24
        && number(minute, 2)? < 60
        && number(second, 2)? <= 60;
    fits.then(|| format!("{year}-{month}-{day}T{hour}:{minute}:{second}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_that_exist() {
        assert_eq!(date("2019:07:04 12:00:59").as_deref(), Some("2019-07-04T12:00:59"));
        assert_eq!(date("2019-07-04T12:00:59.123+02:00").as_deref(), Some("2019-07-04T12:00:59"));
        for wrong in [
            "",
            "2019:07:04",
            "0000:00:00 00:00:00",
            "    :  :     :  :  ",
            "2019:13:04 12:00:00",
            "2019:07:04 24:00:00",
            "20x9:07:04 12:00:00",
            "+019:07:04 12:00:00",
            "äää:07:04 12:00:00 ",
        ] {
            assert_eq!(date(wrong), None, "{wrong:?}");
        }
    }
}
