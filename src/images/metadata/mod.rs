//! What an image file says about itself apart from its pixels: EXIF data, XMP, the colour profile, the
//! quantization tables of JPEG, and the files beside it.
//!
//! ```text
//! bytes --segments, chunks, gif, boxes--> blocks --exif, xmp--> Metadata
//! ```
//!
//! | file | what it answers |
//! |---|---|
//! | `segments`, `chunks`, `gif`, `boxes` | the parts of JPEG files; of PNG and WebP; of GIF; of HEIC, CR3 and JPEG XL |
//! | `blocks` | where does a format keep EXIF data, XMP and its profile |
//! | `exif`, `xmp` | what do they say |
//! | `quality` | with which quality was a JPEG written |
//! | `generated` | does it tell how it was generated |
//! | `sidecars` | which files belong to an image by their name |
//!
//! Nothing else reads this, except the decoders of JPEG scans and TIFF pixels. Nothing is decoded here,
//! lengths are trusted only if they stay inside the file, and a damaged block counts as missing: it is no
//! reason to lose the image.

mod blocks;
mod boxes;
mod chunks;
mod exif;
mod generated;
mod gif;
mod quality;
mod segments;
mod sidecars;
mod xmp;

pub(super) use blocks::{profile, xmp as xmp_packet};
#[cfg(any(feature = "heic", feature = "raw"))]
pub(super) use boxes::boxes;
pub(super) use chunks::{png_chunks, riff_chunks};
pub(super) use gif::{GifBlock, gif_blocks, gif_end};
#[cfg(feature = "raw")]
pub(super) use segments::SCAN;
pub(super) use segments::segments;
pub use sidecars::{Sidecars, is_sidecar, owner_of_sidecar};

use exif::Exif;

/// What an image file says about itself. Nothing here is certain: programs write what they like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// It has EXIF data; in a TIFF file, only tags of a camera or scanner count.
    pub exif: bool,
    /// Its EXIF data tells which camera took it (maker or model), or how (time, aperture or sensitivity).
    pub by_camera: bool,
    /// It tells how it was generated: what an image generator was asked for, the program that drew it, or content
    /// credentials (C2PA).
    pub generated: bool,
    /// It has an XMP packet.
    pub xmp: bool,
    /// How it is to be turned, 1 to 8 as in EXIF. HEIC, AVIF and JPEG XL files are turned by properties of
    /// their own instead.
    pub orientation: Option<u8>,
    /// When it was taken, by the clock of the camera: `2019-07-04T12:00:00`.
    pub taken: Option<String>,
    /// Who made the camera.
    pub make: Option<String>,
    /// Which camera it was.
    pub model: Option<String>,
    /// The lens.
    pub lens: Option<String>,
    /// The program that wrote the file, or the camera's own.
    pub software: Option<String>,
    /// Columns and rows that the camera wrote; a program that makes the image smaller may leave them
    /// unchanged.
    pub size: Option<(u32, u32)>,
    /// The quality of a JPEG file, 1 to 100, by its quantization tables: exact for libjpeg, otherwise an
    /// estimate.
    pub jpeg_quality: Option<u8>,
    /// The step by which a JPEG file quantizes the first coefficient of luma.
    pub jpeg_step: Option<u16>,
    /// The quantization tables of a JPEG file are those of libjpeg, which most programs use, not a camera's own.
    pub standard_tables: bool,
    /// Stars, 1 to 5.
    pub rating: Option<u8>,
    /// Keywords, sorted.
    pub tags: Vec<String>,
    /// Latitude and longitude as XMP writes them, such as `52,30.5N` and `13,24E`.
    pub place: Option<[String; 2]>,
}

impl Metadata {
    /// Reads a file of this format, such as `jpeg`.
    pub(super) fn of(format: &str, bytes: &[u8]) -> Metadata {
        let (blocks, packet) = (blocks::exif(format, bytes), blocks::xmp(format, bytes));
        let exif = Exif::of(&blocks);
        let is_there = match format {
            "tiff" => exif.is_of_camera(),
            "raw" => true,
            _ => !blocks.is_empty() || blocks::has_packed_exif(format, bytes),
        };
        let tables = if format == "jpeg" { quality::quantization(bytes) } else { None };
        let found = Metadata {
            exif: is_there,
            by_camera: format == "raw" || exif.tells_camera(),
            generated: generated::is_told(format, bytes, &exif),
            xmp: packet.is_some(),
            orientation: exif.orientation(),
            taken: exif.taken(),
            make: exif.make(),
            model: exif.model(),
            lens: exif.lens(),
            software: exif.software(),
            size: exif.size(),
            jpeg_quality: tables.map(|tables| tables.quality),
            jpeg_step: tables.map(|tables| tables.step),
            standard_tables: tables.is_some_and(|tables| tables.is_standard),
            rating: exif.rating(),
            tags: Vec::new(),
            place: exif.place(),
        };
        packet.map_or_else(|| found.clone(), |packet| found.clone().or_by_xmp(&packet))
    }

    /// The same, with what is missing filled in from an XMP packet, such as that of a sidecar.
    #[must_use]
    pub fn or_by_xmp(self, packet: &[u8]) -> Metadata {
        Metadata {
            orientation: self.orientation.or_else(|| xmp::orientation(packet)),
            taken: self.taken.or_else(|| xmp::taken(packet)),
            make: self.make.or_else(|| xmp::make(packet)),
            model: self.model.or_else(|| xmp::model(packet)),
            lens: self.lens.or_else(|| xmp::lens(packet)),
            software: self.software.or_else(|| xmp::software(packet)),
            rating: self.rating.or_else(|| xmp::rating(packet)),
            tags: if self.tags.is_empty() { xmp::tags(packet) } else { self.tags },
            place: self.place.or_else(|| xmp::place(packet)),
            ..self
        }
    }

    /// Latitude and longitude in degrees, north and east positive; none where [`Metadata::place`] is damaged.
    pub fn degrees(&self) -> Option<[f64; 2]> {
        let [latitude, longitude] = self.place.as_ref()?;
        let degrees = |angle: &str, [plus, minus]: [char; 2], most: f64| {
            let side = angle.chars().last().filter(|side| [plus, minus].contains(side))?;
            // degrees and minutes, or degrees, minutes and seconds
            let parts = angle[..angle.len() - 1].split(',').map(|part| part.trim().parse::<f64>().ok());
            let parts = parts.collect::<Option<Vec<f64>>>().filter(|parts| parts.len() <= 3)?;
            let units = parts.iter().zip([1.0, 60.0, 3600.0]);
            let sum: f64 = units.map(|(part, unit)| part / unit).sum();
            let is_sound = parts.iter().all(|part| *part >= 0.0) && sum <= most;
            is_sound.then_some(if side == minus { -sum } else { sum })
        };
        Some([degrees(latitude, ['N', 'S'], 90.0)?, degrees(longitude, ['E', 'W'], 180.0)?])
    }

    /// The camera: its maker, unless the model begins with it, and its model.
    pub fn camera(&self) -> Option<String> {
        match (&self.make, &self.model) {
            (Some(make), Some(model)) => {
                let first = make.split_whitespace().next().unwrap_or_default().to_lowercase();
                let has_make = model.to_lowercase().starts_with(&first);
                Some(if has_make { model.clone() } else { format!("{make} {model}") })
            }
            (make, model) => model.clone().or_else(|| make.clone()),
        }
    }
}

/// How an image is to be turned, 1 to 8 as in EXIF: by EXIF data, or by XMP if that says nothing; 1 if
/// neither says anything.
pub(super) fn turned(format: &str, bytes: &[u8]) -> u8 {
    let blocks = blocks::exif(format, bytes);
    let by_xmp = || xmp::orientation(&blocks::xmp(format, bytes)?);
    Exif::of(&blocks).orientation().or_else(by_xmp).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXIF data of a camera, big-endian: make, model, orientation 6; date and size in the directory below.
    fn exif() -> Vec<u8> {
        let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
        };
        let at = |at: u32| at.to_be_bytes();
        let first = [
            entry(271, 2, 4, *b"Cam\0"),
            entry(272, 2, 7, at(62)),
            entry(274, 3, 1, [0, 6, 0, 0]),
            entry(34_665, 4, 1, at(70)),
        ];
        let camera = [
            entry(36_867, 2, 20, at(112)),
            entry(40_962, 4, 1, at(4032)),
            entry(40_963, 3, 1, [0x0b, 0xd0, 0, 0]),
        ];
        let head = [b"MM\0*\0\0\0\x08\0\x04", &first.concat()[..], &[0; 4], b"One 2\0\0\0"].concat();
        [&head[..], b"\0\x03", &camera.concat(), &[0; 4], b"2019:07:04 12:00:59\0"].concat()
    }

    fn jpeg(exif: &[u8], xmp: &[u8]) -> Vec<u8> {
        let segment = |name: &[u8], body: &[u8]| {
            let length = (2 + name.len() + body.len()) as u16;
            [b"\xff\xe1", &length.to_be_bytes()[..], name, body].concat()
        };
        let exif = segment(b"Exif\0\0", exif);
        [b"\xff\xd8", &exif[..], &segment(b"http://ns.adobe.com/xap/1.0/\0", xmp), b"\xff\xda\0\x02"].concat()
    }

    #[test]
    fn cameras_say_when_and_how() {
        let found = Metadata::of("jpeg", &jpeg(&exif(), b""));
        let expected = Metadata {
            exif: true,
            by_camera: true,
            xmp: true,
            orientation: Some(6),
            taken: Some("2019-07-04T12:00:59".to_owned()),
            make: Some("Cam".to_owned()),
            model: Some("One 2".to_owned()),
            size: Some((4032, 3024)),
            ..Metadata::default()
        };
        assert_eq!(found, expected);
        assert_eq!(found.camera().as_deref(), Some("Cam One 2"));
        let with = |make: Option<&str>, model: Option<&str>| {
            Metadata { make: make.map(str::to_owned), model: model.map(str::to_owned), ..Metadata::default() }
                .camera()
        };
        assert_eq!(with(Some("NIKON CORPORATION"), Some("NIKON D5")).as_deref(), Some("NIKON D5"));
        assert_eq!((with(Some("Cam"), None).as_deref(), with(None, None)), (Some("Cam"), None));
        // the file itself is the block
        assert_eq!(Metadata { xmp: false, ..expected }, Metadata::of("tiff", &exif()));
        assert!(!Metadata::of("tiff", b"II*\0\x08\0\0\0\0\0\0\0\0\0").exif);
    }

    #[test]
    fn places_are_given_in_degrees() {
        let degrees = |latitude: &str, longitude: &str| {
            let place = Some([latitude.to_owned(), longitude.to_owned()]);
            Metadata { place, ..Metadata::default() }.degrees()
        };
        assert_eq!(degrees("52,30.0N", "13,24E"), Some([52.5, 13.4]));
        assert_eq!(degrees("33,51,36S", "70,30W"), Some([-33.86, -70.5]));
        for [latitude, longitude] in [["", ""], ["52N", "13,24"], ["91N", "13E"], ["5,xN", "13E"], ["ä", "ä"]]
        {
            assert_eq!(degrees(latitude, longitude), None, "{latitude} {longitude}");
        }
    }

    #[test]
    fn exif_goes_before_xmp() {
        let small = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let xmp = b"<rdf:Description tiff:Orientation=\"8\" tiff:Model='Two'>";
        let of = |exif: &[u8], xmp: &[u8]| {
            (turned("jpeg", &jpeg(exif, xmp)), Metadata::of("jpeg", &jpeg(exif, xmp)))
        };
        let (turn, found) = of(small, xmp);
        assert_eq!((turn, found.orientation, found.model.as_deref()), (6, Some(6), Some("Two")));
        assert_eq!((of(b"MM\0*", xmp).0, of(b"", b"").0, turned("gif", small)), (8, 1, 1));
        assert_eq!(turned("jpeg", &jpeg(&[b"Exif\0\0", &small[..]].concat(), xmp)), 6);
        for end in 0..small.len() - 4 {
            assert!(matches!(of(&small[..end], b"").0, 1 | 6));
        }
    }

    #[test]
    fn damage_never_panics_and_costs_little() {
        let whole = jpeg(&exif(), b"<x tiff:Make=\"Cam\"/>");
        for end in 0..whole.len() {
            let _ = Metadata::of("jpeg", &whole[..end]);
            let mut damaged = whole.clone();
            damaged[end] ^= 0xff;
            for format in ["jpeg", "png", "webp", "tiff", "psd", "heic", "avif", "jxl", "raw"] {
                let _ = Metadata::of(format, &damaged);
                let _ = turned(format, &exif()[..end.min(exif().len())]);
            }
        }
        // a directory that is its own subdirectory, a text that is longer than the file
        let mut looped = exif();
        let below = 10 + 3 * 12 + 8;
        looped[below..below + 4].copy_from_slice(&8_u32.to_be_bytes());
        assert_eq!(Metadata::of("jpeg", &jpeg(&looped, b"")).taken, None);
        looped[10 + 12 + 4..10 + 12 + 8].copy_from_slice(&[0xff; 4]);
        assert_eq!(Metadata::of("jpeg", &jpeg(&looped, b"")).model, None);
    }
}
