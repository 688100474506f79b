//! From planes of components to grey or RGB.

use super::header::{Frame, Tables};
use super::part::{Decoded, Part};
use super::plane::Plane;

/// What the components are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Grey,
    Rgb,
    YCbCr,
    /// Inverted, as Adobe's programs write it.
    Cmyk,
    /// YCbCr of inverted CMY, and inverted K.
    Ycck,
    /// Whatever they are: not converted.
    Stored,
}

/// What the components of a file are, as libjpeg tells it.
pub(super) fn colour_of(frame: &Frame, tables: &Tables) -> Colour {
    let ids: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
    match (frame.components.len(), tables.adobe) {
        (1, _) => Colour::Grey,
        (4, Some(2)) => Colour::Ycck,
        (4, _) => Colour::Cmyk,
        (_, Some(0)) if !tables.jfif => Colour::Rgb,
        (_, None) if !tables.jfif && ids == *b"RGB" => Colour::Rgb,
        _ => Colour::YCbCr,
    }
}

/// The picture of the planes that are wanted.
pub(super) fn picture(frame: &Frame, colour: Colour, part: Part, planes: &[Plane]) -> Decoded {
    let [width, height] = [frame.width, frame.height].map(|side| (side * part.eighths).div_ceil(8));
    let wanted: Vec<&Plane> = planes.iter().filter(|plane| plane.side > 0).collect();
    let channels = match wanted.len() {
        1 => 1,
        count if colour == Colour::Stored => count,
        _ => 3,
    };
    let mut data = vec![0; width * height * channels];
    let mut rows: Vec<Row> = wanted.iter().map(|plane| Row::new(plane, frame, part, width)).collect();
    for (y, out) in data.chunks_exact_mut(width * channels).enumerate() {
        let rows: Vec<&[u8]> = rows.iter_mut().map(|row| row.at(y)).collect();
        match (colour, &rows[..]) {
            (Colour::Stored, rows) => {
                for (at, row) in rows.iter().enumerate() {
                    out.iter_mut()
                        .skip(at)
                        .step_by(channels)
                        .zip(*row)
                        .for_each(|(out, sample)| *out = *sample);
                }
            }
            (Colour::YCbCr, &[y, cb, cr]) => {
                for (((out, &y), &cb), &cr) in out.as_chunks_mut().0.iter_mut().zip(y).zip(cb).zip(cr) {
                    *out = rgb(y, cb, cr);
                }
            }
            (_, &[r, g, b]) => {
                for (((out, &r), &g), &b) in out.as_chunks_mut().0.iter_mut().zip(r).zip(g).zip(b) {
                    *out = [r, g, b];
                }
            }
            (_, &[c, m, y, k]) => {
                let inks = c.iter().zip(m).zip(y).zip(k);
                for (out, (((&c, &m), &y), &k)) in out.as_chunks_mut().0.iter_mut().zip(inks) {
                    let light =
                        if colour == Colour::Ycck { rgb(c, m, y).map(|ink| 255 - ink) } else { [c, m, y] };
                    *out = light.map(|light| product(light, k));
                }
            }
            (_, &[grey, ..]) => out.copy_from_slice(&grey[..width]),
            _ => {}
        }
    }
    Decoded { width, height, channels, data, damage: None }
}

/// As JFIF says, in 16-bit fixed point.
#[inline(always)]
pub(super) fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = ((i32::from(y) << 16) + 0x8000, i32::from(cb) - 128, i32::from(cr) - 128);
    [y + 91_881 * cr, y - 22_554 * cb - 46_802 * cr, y + 116_130 * cb]
        .map(|value| (value >> 16).clamp(0, 255) as u8)
}

/// a * b / 255, rounded.
fn product(a: u8, b: u8) -> u8 {
    let t = u32::from(a) * u32::from(b) + 128;
    ((t + (t >> 8)) >> 8) as u8
}

/// Rows of a plane at the size of the picture: between its samples where it has fewer, or twice as many.
struct Row<'a> {
    plane: &'a Plane,
    /// Samples for pixels: `of` for `per`, of both sides.
    of: (usize, usize),
    per: (usize, usize),
    row: Vec<u8>,
}

impl<'a> Row<'a> {
    fn new(plane: &'a Plane, frame: &Frame, part: Part, width: usize) -> Self {
        let of = (plane.component.h * plane.side, plane.component.v * plane.side);
        let per = (frame.h_max * part.eighths, frame.v_max * part.eighths);
        Row { plane, of, per, row: vec![0; if of == per { 0 } else { width }] }
    }

    fn at(&mut self, y: usize) -> &[u8] {
        let Plane { stride, size, ref data, .. } = *self.plane;
        if self.of == self.per {
            return &data[y * stride..][..size.0];
        }
        let (above, below, down) = between(y, self.of.1, self.per.1, size.1);
        let (above, below) = (&data[above * stride..], &data[below * stride..]);
        for (x, out) in self.row.iter_mut().enumerate() {
            let (left, right, across) = between(x, self.of.0, self.per.0, size.0);
            let mixed = |x: usize| u32::from(above[x]) * (256 - down) + u32::from(below[x]) * down;
            *out = ((mixed(left) * (256 - across) + mixed(right) * across + 0x8000) >> 16) as u8;
        }
        &self.row
    }
}

/// The two samples next to the centre of pixel `at`, and the share of the second, of 256, where there are
/// `of` samples for `per` pixels, and `size` in all.
fn between(at: usize, of: usize, per: usize, size: usize) -> (usize, usize, u32) {
    let place = ((2 * at + 1) * of).saturating_sub(per); // in units of 1 / (2 per)
    let first = (place / (2 * per)).min(size - 1);
    let share = place % (2 * per) * 256 / (2 * per);
    (first, (first + 1).min(size - 1), share as u32)
}
