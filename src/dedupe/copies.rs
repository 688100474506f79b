//! Copies made on purpose, to measure the share that is found: re-encoded, scaled, cropped, brightened,
//! blurred, turned a little.

use crate::images::{InputShape, Pixels, Resizer, decode, encode_jpeg, fitted, to_pixels};

/// A way to make a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alteration {
    /// Encoded as JPEG of this quality.
    Jpeg(u8),
    /// Scaled to this percentage of its sides.
    Scaled(u32),
    /// Cropped to the middle, to this percentage of each side.
    Cropped(u32),
    /// Multiplied by this percentage of the brightness.
    Brightness(u32),
    /// Blurred a little.
    Blurred,
    /// Turned by this many degrees; the corners become black.
    Turned(u32),
    /// Mirrored left to right.
    Mirrored,
}

/// Images with a longer side than this are reduced first.
pub(super) const LARGEST: usize = 512;

impl Alteration {
    /// Those that a scan measures.
    pub(super) const ALL: [Alteration; 8] = [
        Alteration::Jpeg(50),
        Alteration::Jpeg(30),
        Alteration::Scaled(60),
        Alteration::Cropped(90),
        Alteration::Brightness(70),
        Alteration::Brightness(130),
        Alteration::Blurred,
        Alteration::Turned(5),
    ];

    /// In words.
    pub(super) fn name(self) -> String {
        match self {
            Alteration::Jpeg(quality) => format!("JPEG of quality {quality}"),
            Alteration::Scaled(hundredths) => format!("scaled to {hundredths} %"),
            Alteration::Cropped(hundredths) => format!("cropped to {hundredths} %"),
            Alteration::Brightness(hundredths) => {
                format!("brightness x {:.1}", f64::from(hundredths) / 100.0)
            }
            Alteration::Blurred => "blurred".to_owned(),
            Alteration::Turned(degrees) => format!("turned by {degrees} degrees"),
            Alteration::Mirrored => "mirrored".to_owned(),
        }
    }

    /// The copy of an image.
    ///
    /// # Errors
    /// When the image is empty.
    pub(super) fn of(self, image: &Pixels) -> Result<Pixels, String> {
        let image = fitted(image, LARGEST)?;
        let Pixels { width, height, channels, .. } = image;
        Ok(match self {
            Alteration::Jpeg(quality) => {
                let bytes = encode_jpeg(&image, quality).map_err(|error| error.to_string())?;
                decode(&bytes, &Default::default())?
            }
            Alteration::Scaled(hundredths) => {
                let side = |side: usize| (side * hundredths as usize / 100).max(1);
                scaled(&image, side(width), side(height))?
            }
            Alteration::Cropped(hundredths) => {
                let side = |side: usize| (side * hundredths as usize / 100).max(1);
                let (columns, rows) = (side(width), side(height));
                let (left, top) = ((width - columns) / 2, (height - rows) / 2);
                let line =
                    |y: usize| &image.data[((top + y) * width + left) * channels..][..columns * channels];
                Pixels {
                    width: columns,
                    height: rows,
                    channels,
                    data: (0..rows).flat_map(line).copied().collect(),
                }
            }
            Alteration::Brightness(hundredths) => {
                let brighter = |&value: &u8| (u32::from(value) * hundredths / 100).min(255) as u8;
                Pixels { data: image.data.iter().map(brighter).collect(), ..image }
            }
            Alteration::Blurred => blurred(&image),
            Alteration::Turned(degrees) => turned(&image, f64::from(degrees).to_radians()),
            Alteration::Mirrored => {
                let row =
                    |row: &[u8]| row.chunks_exact(channels).rev().flatten().copied().collect::<Vec<u8>>();
                Pixels { data: image.data.chunks_exact(width * channels).flat_map(row).collect(), ..image }
            }
        })
    }
}

fn scaled(image: &Pixels, width: usize, height: usize) -> Result<Pixels, String> {
    let shape = InputShape { channels: image.channels, height, width };
    let mut planes = vec![0.0; shape.size()];
    Resizer::new().to_input(image, shape, &mut planes)?;
    Ok(to_pixels(&planes, shape))
}

/// Each pixel is the mean of nine.
fn blurred(image: &Pixels) -> Pixels {
    let Pixels { width, height, channels, data } = image;
    let at = |x: usize, y: usize, c: usize| u32::from(data[(y * width + x) * channels + c]);
    let value = |i: usize| {
        let (x, y, c) = (i / channels % width, i / channels / width, i % channels);
        let near = |at: usize, last: usize| [at.saturating_sub(1), at, (at + 1).min(last)];
        let sum: u32 =
            near(y, height - 1).iter().flat_map(|&y| near(x, width - 1).map(|x| at(x, y, c))).sum();
        ((sum + 4) / 9) as u8
    };
    Pixels { data: (0..data.len()).map(value).collect(), ..*image }
}

/// Turned around the middle; outside the image it is black.
fn turned(image: &Pixels, angle: f64) -> Pixels {
    let Pixels { width, height, channels, data } = image;
    let (sine, cosine) = angle.sin_cos();
    let middle = ((*width as f64 - 1.0) / 2.0, (*height as f64 - 1.0) / 2.0);
    let at = |x: f64, y: f64, c: usize| {
        let inside = x >= 0.0 && y >= 0.0 && x < *width as f64 && y < *height as f64;
        if inside { f64::from(data[(y as usize * width + x as usize) * channels + c]) } else { 0.0 }
    };
    let value = |i: usize| {
        let (x, y, c) = (i / channels % width, i / channels / width, i % channels);
        let (x, y) = (x as f64 - middle.0, y as f64 - middle.1);
        let (x, y) = (cosine * x - sine * y + middle.0, sine * x + cosine * y + middle.1);
        let (left, top) = (x.floor(), y.floor());
        let (tx, ty) = (x - left, y - top);
        let row = |y: f64| at(left, y, c) * (1.0 - tx) + at(left + 1.0, y, c) * tx;
        (row(top) * (1.0 - ty) + row(top + 1.0) * ty).round() as u8
    };
    Pixels { data: (0..data.len()).map(value).collect(), ..*image }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: usize, height: usize) -> Pixels {
        let data = (0..width * height * 3).map(|i| (i * 5 % 256) as u8).collect();
        Pixels { width, height, channels: 3, data }
    }

    #[test]
    fn every_change_makes_an_image_of_its_own() {
        let original = image(60, 40);
        for change in Alteration::ALL.into_iter().chain([Alteration::Mirrored]) {
            let copy = change.of(&original).unwrap();
            assert_eq!(copy.data.len(), copy.width * copy.height * 3, "{}", change.name());
            assert_ne!(copy, original, "{}", change.name());
        }
        let tiny = image(1, 1);
        assert!(Alteration::ALL.iter().all(|change| change.of(&tiny).is_ok()));
    }

    #[test]
    fn changes_are_what_they_are_called() {
        let original = image(20, 10);
        let mirrored = Alteration::Mirrored.of(&original).unwrap();
        assert_eq!(mirrored.data[..3], original.data[57..60]);
        assert_eq!(Alteration::Mirrored.of(&mirrored).unwrap(), original);
        let cropped = Alteration::Cropped(90).of(&original).unwrap();
        assert_eq!((cropped.width, cropped.height), (18, 9));
        assert_eq!(cropped.data[..3], original.data[3..6]);
        assert_eq!(Alteration::Brightness(130).of(&original).unwrap().data[10], 65);
        assert_eq!(Alteration::Turned(0).of(&original).unwrap(), original);
    }
}
