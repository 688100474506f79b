//! A picture to draw on: rectangles, discs, strokes, images fitted into boxes, and text.
//!
//! u8 RGB, `[height, width, 3]`. What lies outside the canvas is left out, so nothing here fails.

use super::text::glyphs;
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pen {
    /// Size of the em, in pixels.
    pub size: f32,
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

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.pixels.width
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
        if width % w == 0 && height % h == 0 {
            for y in 0..height {
                for x in 0..width {
                    self.dot(left + x, top + y, colour(image, (x * w / width, y * h / height)));
                }
            }
            return;
        }
        let shape = InputShape { channels: 3, height, width };
        let mut planes = vec![0f32; shape.size()]; // [3, height, width], 0..=1
        if self.resizer.to_input(image, shape, &mut planes).is_err() {
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

    /// Writes `text` with its top left corner at `at`, `(x, y)`, its edges smoothed.
    pub fn text(&mut self, at: (usize, usize), text: &str, pen: Pen) {
        for glyph in glyphs(at, text, pen.size) {
            let corner = glyph.px_bounds().min;
            glyph.draw(|x, y, cover| {
                let [x, y] = [corner.x as i64 + i64::from(x), corner.y as i64 + i64::from(y)];
                if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) {
                    self.blend((x, y), pen.colour, cover.clamp(0.0, 1.0));
                }
            });
        }
    }

    /// Writes `text` as [`Canvas::text`] does, with an edge of another colour around the letters that keeps
    /// it legible on dots.
    pub fn text_with_edge(&mut self, (x, y): (usize, usize), text: &str, pen: Pen, edge: Colour) {
        const REACH: usize = 3;
        for (dx, dy) in (0..=2 * REACH).flat_map(|dy| (0..=2 * REACH).map(move |dx| (dx, dy))) {
            let [far_x, far_y] = [dx.abs_diff(REACH), dy.abs_diff(REACH)];
            if far_x * far_x + far_y * far_y <= REACH * REACH + 1 {
                let at = ((x + dx).saturating_sub(REACH), (y + dy).saturating_sub(REACH));
                self.text(at, text, Pen { colour: edge, ..pen });
            }
        }
        self.text((x, y), text, pen);
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

/// The colour of a pixel; of grey images, its shade.
fn colour(image: &Pixels, (x, y): (usize, usize)) -> Colour {
    let pixel = &image.data[(y * image.width + x) * image.channels..][..image.channels];
    if let [red, green, blue] = *pixel { [red, green, blue] } else { [pixel[0]; 3] }
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
        canvas.text((3, 3), "text", Pen { size: 14.0, colour: INK });
        assert_eq!(inked(&canvas.into_pixels()), [(3, 2)]);
    }

    #[test]
    fn text_is_legible_and_its_edges_are_smooth() {
        let mut canvas = Canvas::new(20, 20, [255; 3]);
        canvas.text((1, 0), "l.", Pen { size: 14.0, colour: INK });
        let drawn = canvas.into_pixels();
        let dark = |x: usize, y: usize| 255 - drawn.data[3 * (y * 20 + x)];
        let columns: Vec<u32> = (0..20).map(|x| (0..20).map(|y| u32::from(dark(x, y))).sum()).collect();
        let rows: Vec<u32> = (0..20).map(|y| (0..20).map(|x| u32::from(dark(x, y))).sum()).collect();
        let of = |sums: &[u32]| -> Vec<usize> { (0..20).filter(|&i| sums[i] > 60).collect() };
        // a tall stem of one or two pixels, a gap, and a dot that only stands on its line
        let columns = of(&columns);
        assert!(columns.windows(2).any(|two| two[1] > two[0] + 1), "no gap: {columns:?}");
        let [top, bottom] = [of(&rows)[0], of(&rows)[of(&rows).len() - 1]];
        assert!((9..=13).contains(&(bottom - top)) && (12..15).contains(&bottom), "{top} to {bottom}");
        let right = columns[columns.len() - 1];
        assert!((top..bottom - 3).all(|y| dark(right, y) == 0) && dark(right, bottom - 1) > 0);
        assert!(drawn.data.chunks_exact(3).any(|dot| dot[0] > INK[0] && dot[0] < 255), "edges are hard");
    }

    #[test]
    fn accents_are_kept_however_they_are_written() {
        let drawn = |text| {
            let mut canvas = Canvas::new(80, 20, [255; 3]);
            canvas.text((0, 0), text, Pen { size: 14.0, colour: INK });
            canvas.into_pixels().data
        };
        assert_ne!(drawn("Z\u{fc}rich"), drawn("Zurich"));
        assert_eq!(drawn("Cafe\u{301} a"), drawn("Caf\u{e9} a"));
        assert_ne!(drawn("\u{4e2d}"), drawn(" "));
        assert_eq!(drawn("\u{4e2d}"), drawn("\u{6587}"), "both are the box");
    }

    #[test]
    fn an_edge_goes_all_around_the_letters() {
        let mut canvas = Canvas::new(40, 40, [0; 3]);
        canvas.text_with_edge((10, 8), "I", Pen { size: 18.0, colour: [0; 3] }, [255; 3]);
        let drawn = canvas.into_pixels();
        let row: Vec<u8> = (0..40).map(|x| drawn.data[3 * (20 * 40 + x)]).collect();
        let bright: Vec<usize> = (0..40).filter(|&x| row[x] > 200).collect();
        assert!(bright.windows(2).any(|two| two[1] > two[0] + 1), "a letter between two edges: {row:?}");
        let mut corner = Canvas::new(4, 4, [0; 3]);
        corner.text_with_edge((0, 0), "I", Pen { size: 18.0, colour: INK }, [255; 3]); // and no panic
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
}
