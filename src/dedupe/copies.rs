//! Copies made on purpose, to measure the share that is found: of the whole picture, re-encoded, scaled, brightened,
//! turned a little; and edited ones, marked, framed, cropped, mirrored.

use super::fingerprint::Turn;
use crate::draw::canvas::{Area, Canvas, Colour, Pen};
use crate::draw::text::text_width;
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
    /// Without colour.
    Grey,
    /// With large letters across it that one sees through.
    Watermark,
    /// With a mark in a corner.
    Logo,
    /// With a line of text over its lower edge.
    Caption,
    /// With a white border.
    Border,
    /// With black bars above and below.
    Letterbox,
    /// With the bars of a telephone above and below.
    Screenshot,
    /// Beside another picture.
    Collage,
    /// Mirrored left to right.
    Mirrored,
    /// Turned by a quarter, clockwise.
    Quarter,
}

/// Images with a longer side than this are reduced first.
pub(super) const LARGEST: usize = 512;

impl Alteration {
    /// Those of the whole picture.
    pub(super) const NEAR: [Alteration; 9] = [
        Alteration::Jpeg(50),
        Alteration::Jpeg(30),
        Alteration::Scaled(60),
        Alteration::Cropped(90),
        Alteration::Brightness(70),
        Alteration::Brightness(130),
        Alteration::Blurred,
        Alteration::Turned(5),
        Alteration::Grey,
    ];
    /// Those of which a part differs or is missing, or that lie otherwise.
    pub(super) const EDITED: [Alteration; 11] = [
        Alteration::Watermark,
        Alteration::Logo,
        Alteration::Caption,
        Alteration::Border,
        Alteration::Letterbox,
        Alteration::Screenshot,
        Alteration::Cropped(75),
        Alteration::Cropped(50),
        Alteration::Collage,
        Alteration::Mirrored,
        Alteration::Quarter,
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
            Alteration::Grey => "grey".to_owned(),
            Alteration::Watermark => "with a watermark".to_owned(),
            Alteration::Logo => "with a logo".to_owned(),
            Alteration::Caption => "with a caption".to_owned(),
            Alteration::Border => "with a border".to_owned(),
            Alteration::Letterbox => "letterboxed".to_owned(),
            Alteration::Screenshot => "as a screenshot".to_owned(),
            Alteration::Collage => "in a collage".to_owned(),
            Alteration::Mirrored => "mirrored".to_owned(),
            Alteration::Quarter => "turned by 90 degrees".to_owned(),
        }
    }

    /// How it turns the picture; the original one if it does not.
    pub(super) fn turn(self) -> Turn {
        match self {
            Alteration::Mirrored => Turn::MIRRORED,
            Alteration::Quarter => Turn { mirrored: false, quarters: 1 },
            _ => Turn::NONE,
        }
    }

    /// The copy of an image; a collage shows it `beside` another one.
    ///
    /// # Errors
    /// When one of them is empty.
    pub(super) fn of(self, image: &Pixels, beside: &Pixels) -> Result<Pixels, String> {
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
            Alteration::Turned(degrees) => turned(&image, (degrees as f32).to_radians()),
            Alteration::Mirrored => {
                let row =
                    |row: &[u8]| row.chunks_exact(channels).rev().flatten().copied().collect::<Vec<u8>>();
                Pixels { data: image.data.chunks_exact(width * channels).flat_map(row).collect(), ..image }
            }
            Alteration::Quarter => {
                let at = |x: usize, y: usize| &image.data[(y * width + x) * channels..][..channels];
                let pixel = |i: usize| at(i / height, height - 1 - i % height);
                let data = (0..width * height).flat_map(|i| pixel(i).iter().copied()).collect();
                Pixels { width: height, height: width, channels, data }
            }
            Alteration::Grey => grey(image),
            Alteration::Watermark => watermarked(&image),
            Alteration::Logo => with_logo(&image),
            Alteration::Caption => captioned(&image),
            Alteration::Border => {
                let wide = (width.min(height) * 7 / 100).max(1);
                framed(&image, [wide; 4], [255; 3]).into_pixels()
            }
            Alteration::Letterbox => {
                let high = (height * 15 / 100).max(1);
                framed(&image, [0, high, 0, high], [0; 3]).into_pixels()
            }
            Alteration::Screenshot => screenshot(&image),
            Alteration::Collage => collage(&image, &fitted(beside, LARGEST)?),
        })
    }
}

fn scaled(image: &Pixels, width: usize, height: usize) -> Result<Pixels, String> {
    let shape = InputShape { channels: image.channels, height, width };
    let mut planes = vec![0.0; shape.size()];
    Resizer::new().to_input(image, shape, &mut planes)?;
    Ok(to_pixels(&planes, shape))
}

/// Each pixel is the mean of nine: of three across, then of three down.
fn blurred(image: &Pixels) -> Pixels {
    let Pixels { width, height, channels, ref data } = *image;
    let line = width * channels;
    let mut across = vec![0u16; data.len()];
    for (row, out) in data.chunks_exact(line).zip(across.chunks_exact_mut(line)) {
        for (at, out) in out.iter_mut().enumerate() {
            let before = if at < channels { at } else { at - channels };
            let after = if at + channels < line { at + channels } else { at };
            *out = [before, at, after].iter().map(|&at| u16::from(row[at])).sum();
        }
    }
    let row = |y: usize| &across[y * line..][..line];
    let mean = |y: usize| {
        let rows = [y.saturating_sub(1), y, (y + 1).min(height - 1)].map(row);
        (0..line).map(move |at| ((rows[0][at] + rows[1][at] + rows[2][at] + 4) / 9) as u8)
    };
    Pixels { width, height, channels, data: (0..height).flat_map(mean).collect() }
}

/// Turned around the middle; outside the image it is black.
fn turned(image: &Pixels, angle: f32) -> Pixels {
    let Pixels { width, height, channels, ref data } = *image;
    let (sine, cosine) = angle.sin_cos();
    let middle = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
    let mut out = Vec::with_capacity(data.len());
    // pixels beyond the edge are black; one more than the index, so that both are at least 0
    let at = |x: usize, y: usize| match (1..=width).contains(&x) && (1..=height).contains(&y) {
        true => Some(((y - 1) * width + x - 1) * channels),
        false => None,
    };
    for i in 0..width * height {
        let (x, y) = ((i % width) as f32 - middle.0, (i / width) as f32 - middle.1);
        let (x, y) = (cosine * x - sine * y + middle.0 + 1.0, sine * x + cosine * y + middle.1 + 1.0);
        if x < 0.0 || y < 0.0 {
            out.extend(std::iter::repeat_n(0, channels));
            continue;
        }
        let (left, top) = (x as usize, y as usize);
        let (tx, ty) = (x - left as f32, y - top as f32);
        let corners = [
            (at(left, top), (1.0 - tx) * (1.0 - ty)),
            (at(left + 1, top), tx * (1.0 - ty)),
            (at(left, top + 1), (1.0 - tx) * ty),
            (at(left + 1, top + 1), tx * ty),
        ];
        out.extend((0..channels).map(|c| {
            let light = corners.iter().filter_map(|(at, share)| Some(share * f32::from(data[(*at)? + c])));
            (light.sum::<f32>() + 0.5) as u8
        }));
    }
    Pixels { width, height, channels, data: out }
}

/// The mean of the three colours.
fn grey(image: Pixels) -> Pixels {
    if image.channels < 3 {
        return image;
    }
    let mean = |pixel: &[u8]| (pixel[..3].iter().map(|&value| u32::from(value)).sum::<u32>() / 3) as u8;
    Pixels { channels: 1, data: image.data.chunks_exact(image.channels).map(mean).collect(), ..image }
}

/// The image with so much of a colour around it: left, above, right, below.
fn framed(image: &Pixels, [left, above, right, below]: [usize; 4], colour: Colour) -> Canvas {
    let Pixels { width, height, .. } = *image;
    let mut canvas = Canvas::new(left + width + right, above + height + below, colour);
    canvas.image(image, Area { x: left, y: above, width, height });
    canvas
}

/// The size of a pen that writes a text so wide, and no larger than `most`.
fn pen(text: &str, width: f32, most: f32, colour: Colour) -> Pen {
    const SIZE: f32 = 100.0;
    Pen { size: (width * SIZE / text_width(text, SIZE).max(1) as f32).min(most).max(1.0), colour }
}

fn watermarked(image: &Pixels) -> Pixels {
    const COVER: u32 = 50; // hundredths
    let (width, height) = (image.width as f32, image.height as f32);
    let text = "SAMPLE PHOTO";
    let pen = pen(text, 0.8 * width, width.max(height) / 8.0, [255; 3]);
    let left = image.width.saturating_sub(text_width(text, pen.size)) / 2;
    let mut letters = Canvas::new(image.width, image.height, [0; 3]);
    letters.text((left, ((height - pen.size) / 2.0) as usize), text, pen);
    let mut marked = framed(image, [0; 4], [0; 3]).into_pixels();
    for (value, letter) in marked.data.iter_mut().zip(letters.into_pixels().data) {
        let below = u32::from(*value);
        *value = (below + (255 - below) * u32::from(letter) * COVER / (255 * 100)) as u8;
    }
    marked
}

fn with_logo(image: &Pixels) -> Pixels {
    let (width, height) = (image.width as f32, image.height as f32);
    let radius = 0.07 * width.min(height);
    let middle = (width - 1.5 * radius, height - 1.5 * radius);
    let mut canvas = framed(image, [0; 4], [0; 3]);
    for (share, colour) in [(1.0, [255; 3]), (0.85, [200, 30, 40]), (0.4, [255; 3])] {
        canvas.disc(middle, share * radius, colour);
    }
    canvas.into_pixels()
}

fn captioned(image: &Pixels) -> Pixels {
    let Pixels { width, height, .. } = *image;
    let high = (height * 12 / 100).max(1);
    let mut canvas = framed(image, [0; 4], [0; 3]);
    canvas.fill(Area { x: 0, y: height - high, width, height: high }, [250; 3]);
    let text = "what a day this was";
    let pen = pen(text, 0.8 * width as f32, 0.7 * high as f32, [10; 3]);
    canvas.text((width / 10, height - high + high / 8), text, pen);
    canvas.into_pixels()
}

fn screenshot(image: &Pixels) -> Pixels {
    let Pixels { width, height, .. } = *image;
    let high = (width.max(height) / 10).max(2);
    let mut canvas = framed(image, [0, high, 0, 2 * high], [24, 24, 28]);
    let pen = Pen { size: 0.5 * high as f32, colour: [230; 3] };
    canvas.text((high / 3, high / 5), "12:34", pen);
    canvas.text((width.saturating_sub(2 * high), high / 5), "87 %", pen);
    canvas.text((high / 3, high + height + high / 5), "Liked by 21 others", pen);
    for place in 0..5 {
        let x = (place as f32 + 0.5) / 5.0 * width as f32;
        canvas.disc((x, (2 * high + height + high / 2) as f32), 0.25 * high as f32, [120, 130, 150]);
    }
    canvas.into_pixels()
}

/// Both at the height of the image, side by side.
fn collage(image: &Pixels, beside: &Pixels) -> Pixels {
    let Pixels { width, height, .. } = *image;
    let (gap, other) =
        ((height / 50).max(1), (beside.width * height / beside.height.max(1)).clamp(1, 4 * LARGEST));
    let mut canvas = framed(image, [0, 0, gap + other, 0], [255; 3]);
    canvas.image(beside, Area { x: width + gap, y: 0, width: other, height });
    canvas.into_pixels()
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
        let (original, beside) = (image(60, 40), image(30, 50));
        for change in Alteration::NEAR.into_iter().chain(Alteration::EDITED) {
            let copy = change.of(&original, &beside).unwrap();
            assert_eq!(copy.data.len(), copy.width * copy.height * copy.channels, "{}", change.name());
            assert_ne!(copy, original, "{}", change.name());
        }
        let tiny = image(1, 1);
        let all = Alteration::NEAR.into_iter().chain(Alteration::EDITED);
        assert!(all.into_iter().all(|change| change.of(&tiny, &tiny).is_ok()));
    }

    #[test]
    fn changes_are_what_they_are_called() {
        let original = image(20, 10);
        let of = |change: Alteration| change.of(&original, &original).unwrap();
        let size = |change: Alteration| (of(change).width, of(change).height);
        let mirrored = of(Alteration::Mirrored);
        assert_eq!(mirrored.data[..3], original.data[57..60]);
        assert_eq!(Alteration::Mirrored.of(&mirrored, &original).unwrap(), original);
        let cropped = of(Alteration::Cropped(90));
        assert_eq!((cropped.width, cropped.height), (18, 9));
        assert_eq!(cropped.data[..3], original.data[3..6]);
        assert_eq!(of(Alteration::Brightness(130)).data[10], 65);
        assert_eq!(of(Alteration::Turned(0)), original);

        // clockwise: the lower left corner goes to the upper left
        let turned = of(Alteration::Quarter);
        assert_eq!((turned.width, turned.height), (10, 20));
        assert_eq!(turned.data[..3], original.data[9 * 60..9 * 60 + 3]);
        assert_eq!(of(Alteration::Grey).channels, 1);
        assert_eq!(size(Alteration::Letterbox), (20, 12));
        assert_eq!(of(Alteration::Border).data[..3], [255; 3]);
        assert!(size(Alteration::Collage).0 > 40 && size(Alteration::Screenshot).1 > 10);
    }

    #[test]
    fn marks_change_a_part_and_leave_the_rest() {
        let original = image(200, 150);
        let changed = |change: Alteration| {
            let copy = change.of(&original, &original).unwrap();
            let pixels = copy.data.chunks(3).zip(original.data.chunks(3));
            pixels.filter(|(a, b)| a != b).count() as f32 / (200.0 * 150.0)
        };
        for (change, share) in [
            (Alteration::Logo, 0.005..0.03),
            (Alteration::Caption, 0.1..0.15),
            (Alteration::Watermark, 0.02..0.3),
        ] {
            assert!(share.contains(&changed(change)), "{}: {}", change.name(), changed(change));
        }
    }
}
