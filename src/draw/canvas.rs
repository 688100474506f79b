//! A picture to draw on: rectangles, images fitted into boxes, and text in a small built-in font.
//!
//! u8 RGB, `[height, width, 3]`. What lies outside the canvas is left out, so nothing here fails. The font has the printable
//! characters of ASCII, 5 x 7 pixels and two rows below the baseline, and is drawn in `font.txt`. Other Latin letters lose their
//! accents; any other character is a box.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::images::{InputShape, Pixels, Resizer};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// A rectangle in pixels from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: usize,
    /// Top edge.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Area {
    /// Whether the two have a pixel in common.
    pub fn meets(self, other: Area) -> bool {
        let apart = |a: usize, width: usize, b: usize| a + width <= b;
        !(apart(self.x, self.width, other.x)
            || apart(other.x, other.width, self.x)
            || apart(self.y, self.height, other.y)
            || apart(other.y, other.height, self.y))
    }

    /// The area that has `by` more pixels on each side; no further than the left and top edge of the canvas.
    #[must_use]
    pub fn grown(self, by: usize) -> Area {
        let (x, y) = (self.x.saturating_sub(by), self.y.saturating_sub(by));
        Area { x, y, width: self.x + self.width + by - x, height: self.y + self.height + by - y }
    }
}

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pen {
    /// Pixels on the canvas for each pixel of the font, in both directions.
    pub scale: usize,
    /// The colour.
    pub colour: Colour,
}

/// A picture being drawn.
pub struct Canvas {
    pixels: Pixels,
    resizer: Resizer,
}

impl Canvas {
    /// A canvas all of one colour.
    pub fn new(width: usize, height: usize, colour: Colour) -> Self {
        let data = colour.repeat(width * height);
        Canvas { pixels: Pixels { width, height, channels: 3, data }, resizer: Resizer::new() }
    }

    /// The finished picture.
    pub fn into_pixels(self) -> Pixels {
        self.pixels
    }

    /// Fills `area`.
    pub fn fill(&mut self, area: Area, colour: Colour) {
        let (width, height) = (self.pixels.width, self.pixels.height);
        let (left, right) = (area.x.min(width), (area.x + area.width).min(width));
        for y in area.y..(area.y + area.height).min(height) {
            let row = &mut self.pixels.data[3 * (y * width + left)..3 * (y * width + right)];
            row.as_chunks_mut().0.fill(colour);
        }
    }

    /// Draws `image` as large as it fits into `area`, its proportions kept, in the middle.
    ///
    /// Whole multiples keep the pixels of a small image sharp; any other scale is smoothed.
    pub fn image(&mut self, image: &Pixels, area: Area) {
        let (w, h) = (image.width, image.height);
        if w == 0 || h == 0 || area.width == 0 || area.height == 0 {
            return;
        }
        // the side that fills the area decides; the other one is rounded, and never nothing
        let (width, height) = if w * area.height >= h * area.width {
            (area.width, ((h * area.width + w / 2) / w).max(1))
        } else {
            (((w * area.height + h / 2) / h).max(1), area.height)
        };
        let (left, top) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
        let shape = InputShape { channels: 3, height, width };
        let mut planes = vec![0f32; shape.size()]; // [3, height, width], 0..=1
        if width % w == 0 && height % h == 0 {
            magnify(image, shape, &mut planes);
        } else if self.resizer.to_input(image, shape, &mut planes).is_err() {
            return;
        }
        for y in 0..height {
            for x in 0..width {
                let value = |c: usize| (planes[(c * height + y) * width + x] * 255.0).round() as u8;
                self.dot(left + x, top + y, [value(0), value(1), value(2)]);
            }
        }
    }

    /// Draws the border of `area`, one pixel wide and inside of it.
    pub fn outline(&mut self, area: Area, colour: Colour) {
        let Area { x, y, width, height } = area;
        for (x, y, width, height) in [
            (x, y, width, 1),
            (x, (y + height).saturating_sub(1), width, 1),
            (x, y, 1, height),
            ((x + width).saturating_sub(1), y, 1, height),
        ] {
            self.fill(Area { x, y, width, height }, colour);
        }
    }

    /// Draws a disc around `(x, y)`, its edge smoothed.
    pub fn disc(&mut self, (x, y): (f32, f32), radius: f32, colour: Colour) {
        let span = |centre: f32| {
            (centre - radius - 1.0).max(0.0) as usize..=(centre + radius + 1.0).max(0.0) as usize
        };
        for (row, column) in span(y).flat_map(|row| span(x).map(move |column| (row, column))) {
            let distance = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y);
            self.blend((column, row), colour, (radius + 0.5 - distance).clamp(0.0, 1.0));
        }
    }

    /// Draws a straight stroke with round ends, its edges smoothed.
    pub fn stroke(&mut self, [from, to]: [(f32, f32); 2], width: f32, colour: Colour) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let square = (dx * dx + dy * dy).max(f32::MIN_POSITIVE);
        let span = |a: f32, b: f32, side: usize| {
            let reach = width / 2.0 + 1.0;
            (a.min(b) - reach).max(0.0) as usize..((a.max(b) + reach).max(0.0) as usize + 1).min(side)
        };
        for row in span(from.1, to.1, self.pixels.height) {
            for column in span(from.0, to.0, self.pixels.width) {
                let (x, y) = (column as f32 + 0.5 - from.0, row as f32 + 0.5 - from.1);
                let along = ((x * dx + y * dy) / square).clamp(0.0, 1.0);
                let distance = (x - along * dx).hypot(y - along * dy);
                self.blend((column, row), colour, (width / 2.0 + 0.5 - distance).clamp(0.0, 1.0));
            }
        }
    }

    /// Writes `text` with its top left corner at `at`, `(x, y)`.
    pub fn text(&mut self, at: (usize, usize), text: &str, pen: Pen) {
        let Pen { scale, colour } = pen;
        for (i, character) in text.nfd().filter(|&character| !is_combining_mark(character)).enumerate() {
            let left = at.0 + i * scale * (GLYPH_WIDTH + 1);
            for (row, column) in (0..GLYPH_HEIGHT).flat_map(|r| (0..GLYPH_WIDTH).map(move |c| (r, c))) {
                if glyph(character, column, row) {
                    let (x, y) = (left + column * scale, at.1 + row * scale);
                    self.fill(Area { x, y, width: scale, height: scale }, colour);
                }
            }
        }
    }

    /// Lays `cover`, 0 to 1, of a colour over a pixel.
    fn blend(&mut self, (x, y): (usize, usize), colour: Colour, cover: f32) {
        if x < self.pixels.width && y < self.pixels.height {
            let at = 3 * (y * self.pixels.width + x);
            for (below, above) in self.pixels.data[at..at + 3].iter_mut().zip(colour) {
                let (from, to) = (f32::from(*below), f32::from(above));
                *below = (from + cover * (to - from)).round() as u8;
            }
        }
    }

    fn dot(&mut self, x: usize, y: usize, colour: Colour) {
        if x < self.pixels.width && y < self.pixels.height {
            let at = 3 * (y * self.pixels.width + x);
            self.pixels.data[at..at + 3].copy_from_slice(&colour);
        }
    }
}

/// Repeats the pixels of `image` to fill `planes`, `[3, height, width]`, whose sides are multiples of the image's.
fn magnify(image: &Pixels, shape: InputShape, planes: &mut [f32]) {
    for (i, value) in planes.iter_mut().enumerate() {
        let (x, y) = (i % shape.width, i / shape.width % shape.height);
        let channel = if image.channels == 3 { i / (shape.width * shape.height) } else { 0 };
        let from = (y * image.height / shape.height) * image.width + x * image.width / shape.width;
        *value = f32::from(image.data[from * image.channels + channel]) / 255.0;
    }
}

const GLYPH_WIDTH: usize = 5;
const GLYPH_HEIGHT: usize = 9;
/// Six bands of sixteen characters from the space on, each five pixels and a gap wide; `#` is ink.
const FONT: &[u8; BANDS * GLYPH_HEIGHT * LINE] = include_bytes!("font.txt");
const BANDS: usize = 6;
const LINE: usize = 16 * (GLYPH_WIDTH + 1) + 1;

fn glyph(character: char, column: usize, row: usize) -> bool {
    let index = match character {
        ' '..='~' => character as usize - ' ' as usize,
        _ => 95,
    };
    let line = index / 16 * GLYPH_HEIGHT + row;
    FONT[line * LINE + index % 16 * (GLYPH_WIDTH + 1) + column] == b'#'
}

/// Width in pixels of a text of `characters` characters.
pub fn text_width(characters: usize, scale: usize) -> usize {
    (characters * (GLYPH_WIDTH + 1)).saturating_sub(1) * scale
}

/// Height in pixels of a line of text, with what reaches below the baseline.
pub fn text_height(scale: usize) -> usize {
    GLYPH_HEIGHT * scale
}

/// Characters that fit into `width` pixels.
fn room(scale: usize, width: usize) -> usize {
    (width / scale.max(1) + 1) / (GLYPH_WIDTH + 1)
}

/// `text` as it fits into `width` pixels: where it is too long, its end gives way to dots (of a title, the beginning tells more).
pub fn headed(text: &str, scale: usize, width: usize) -> String {
    let room = room(scale, width);
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let dots = room.min(2);
    text.chars().take(room - dots).chain(".".repeat(dots).chars()).collect()
}

/// `text` as it fits into `width` pixels: where it is too long, its beginning gives way to dots (of a path, the end tells more).
pub fn fitted(text: &str, scale: usize, width: usize) -> String {
    let room = room(scale, width);
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let dots = room.min(2);
    ".".repeat(dots).chars().chain(text.chars().skip(length - (room - dots))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INK: Colour = [9, 8, 7];

    fn inked(pixels: &Pixels) -> Vec<(usize, usize)> {
        let dots = pixels.data.chunks_exact(3).enumerate();
        dots.filter(|(_, dot)| *dot == INK).map(|(i, _)| (i % pixels.width, i / pixels.width)).collect()
    }

    #[test]
    fn what_is_outside_is_left_out() {
        let mut canvas = Canvas::new(4, 3, [255; 3]);
        canvas.fill(Area { x: 3, y: 2, width: 9, height: 9 }, INK);
        canvas.fill(Area { x: 7, y: 7, width: 9, height: 9 }, INK);
        canvas.text((3, 3), "text", Pen { scale: 2, colour: INK });
        assert_eq!(inked(&canvas.into_pixels()), [(3, 2)]);
    }

    #[test]
    fn text_is_legible() {
        let mut canvas = Canvas::new(11, 9, [255; 3]);
        canvas.text((0, 0), "l.", Pen { scale: 1, colour: INK });
        let mut expected = vec![(1, 0), (2, 0)];
        expected.extend((1..6).map(|y| (2, y)));
        expected.splice(6..7, [(2, 5), (7, 5), (8, 5)]);
        expected.extend([(1, 6), (2, 6), (3, 6), (7, 6), (8, 6)]);
        assert_eq!(inked(&canvas.into_pixels()), expected);
    }

    #[test]
    fn every_character_has_ink_and_the_others_are_a_box() {
        let ink = |c| (0..GLYPH_HEIGHT).any(|row| (0..GLYPH_WIDTH).any(|column| glyph(c, column, row)));
        assert!(('!'..='~').all(ink) && !ink(' '));
        assert!((0..5).all(|column| glyph('\u{e9}', column, 0) && glyph('\n', column, 6)));
    }

    #[test]
    fn accents_are_left_out() {
        let drawn = |text| {
            let mut canvas = Canvas::new(40, 9, [255; 3]);
            canvas.text((0, 0), text, Pen { scale: 1, colour: INK });
            inked(&canvas.into_pixels())
        };
        assert_eq!(drawn("Zürich"), drawn("Zurich"));
        assert_eq!(drawn("Cafe\u{301} a"), drawn("Café a"));
        assert_ne!(drawn("中"), drawn(" "));
    }

    #[test]
    fn images_keep_their_proportions() {
        for (width, height, expected) in [(1, 2, 5 * 10), (4, 1, 10 * 3), (2, 2, 10 * 10), (30, 30, 10 * 10)]
        {
            let image = Pixels { width, height, channels: 3, data: INK.repeat(width * height) };
            let mut canvas = Canvas::new(14, 14, [255; 3]);
            canvas.image(&image, Area { x: 2, y: 2, width: 10, height: 10 });
            assert_eq!(inked(&canvas.into_pixels()).len(), expected, "{width} x {height}");
        }
    }

    #[test]
    fn discs_are_round_and_outlines_hollow() {
        let mut canvas = Canvas::new(21, 21, [255; 3]);
        canvas.disc((10.5, 10.5), 8.0, INK);
        let full = inked(&canvas.into_pixels()).len() as f32;
        assert!((full / (std::f32::consts::PI * 64.0) - 0.9).abs() < 0.1, "the edge is lighter: {full}");
        let mut canvas = Canvas::new(5, 5, [255; 3]);
        canvas.disc((90.0, -9.0), 3.0, INK);
        canvas.outline(Area { x: 0, y: 1, width: 4, height: 3 }, INK);
        assert_eq!(inked(&canvas.into_pixels()).len(), 10);
    }

    #[test]
    fn strokes_are_as_wide_as_they_should_be() {
        let mut canvas = Canvas::new(30, 20, [255; 3]);
        canvas.stroke([(5.0, 10.0), (25.0, 10.0)], 4.0, INK);
        let drawn = inked(&canvas.into_pixels());
        assert!(
            (8..12).all(|y| drawn.contains(&(15, y)))
                && !drawn.contains(&(15, 12))
                && !drawn.contains(&(1, 10))
        );
        let mut canvas = Canvas::new(9, 9, [255; 3]);
        canvas.stroke([(4.5, 4.5), (4.5, 4.5)], 3.0, INK);
        canvas.stroke([(-90.0, -3.0), (-9.0, -9.0)], 3.0, INK);
        assert!(inked(&canvas.into_pixels()).contains(&(4, 4)));
    }

    #[test]
    fn whole_multiples_stay_sharp() {
        let image = Pixels { width: 2, height: 1, channels: 1, data: vec![0, 200] };
        let mut canvas = Canvas::new(6, 3, [255; 3]);
        canvas.image(&image, Area { x: 0, y: 0, width: 6, height: 3 });
        let row = [[0; 3], [0; 3], [0; 3], [200; 3], [200; 3], [200; 3]].concat();
        assert_eq!(canvas.into_pixels().data, row.repeat(3));
    }

    #[test]
    fn long_texts_keep_their_end() {
        assert_eq!(fitted("short", 2, 200), "short");
        assert_eq!(fitted("digits/7/0001.png", 2, text_width(10, 2)), "..0001.png");
        assert_eq!(fitted("digits", 1, 0), "");
    }

    #[test]
    fn long_titles_keep_their_beginning() {
        assert_eq!(headed("short", 2, 200), "short");
        assert_eq!(headed("cluster 12, 8 images", 2, text_width(10, 2)), "cluster ..");
        assert_eq!(headed("digits", 1, text_width(1, 1)), ".");
        assert_eq!(headed("digits", 1, 0), "");
    }
}
