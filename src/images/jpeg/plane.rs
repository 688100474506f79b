//! The pixels of one component, block by block.

use super::header::{Component, Frame, Scan, Tables};
use super::idct::{self, Block};
use super::part::{Fault, Part};

/// Where the coefficients of zigzag order lie in a block, whose first axis is horizontal.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 8, 1, 2, 9, 16, 24, 17, 10, 3, 4, 11, 18, 25, 32, 40, 33, 26, 19, 12, 5, 6, 13, 20, 27, 34, 41, 48,
    56, 49, 42, 35, 28, 21, 14, 7, 15, 22, 29, 36, 43, 50, 57, 58, 51, 44, 37, 30, 23, 31, 38, 45, 52, 59,
    60, 53, 46, 39, 47, 54, 61, 62, 55, 63,
];

/// Frequencies that a block may have, either way, whose last coefficient is this one.
const USED: [u8; 64] = {
    let mut used = [8; 64];
    let (mut at, mut diagonal) = (0, 0);
    while diagonal < 8 {
        let mut i = 0;
        while i <= diagonal {
            used[at] = diagonal as u8 + 1;
            (at, i) = (at + 1, i + 1);
        }
        diagonal += 1;
    }
    used
};

/// One component.
pub(super) struct Plane {
    pub(super) component: Component,
    /// Pixels of a block's side, 1, 2, 4 or 8; 0 where the component is not wanted.
    pub(super) side: usize,
    /// Columns and rows that belong to the picture.
    pub(super) size: (usize, usize),
    /// Blocks of a row, in whole MCUs.
    blocks: usize,
    /// Bytes of a row.
    pub(super) stride: usize,
    pub(super) data: Vec<u8>,
    /// The quantization table, in zigzag order, once a scan needs it.
    pub(super) weights: [f32; 64],
    first_weight: i32,
    /// For 2x2 or 4x4 pixels of a block: what each coefficient adds to each of them, `[64, side * side]`.
    shares: Vec<f32>,
    /// Of a progressive file: coefficients that are kept of each block, 64, or 1, or 0.
    pub(super) kept: usize,
    coefficients: Vec<i16>,
    /// For each coefficient, the bits that scans have left out; more than there are where it had no scan.
    open: [u8; 64],
}

impl Plane {
    /// The planes of a frame, still empty; only the first is wanted of luma. A thorough reader keeps all
    /// coefficients of a progressive file, others only those that count.
    pub(super) fn all(frame: &Frame, part: Part, (luma, thorough): (bool, bool)) -> Vec<Plane> {
        let sides = sides(frame, part, luma);
        sides.map(|(component, side)| Plane::new(frame, component, side, thorough)).collect()
    }

    /// Bytes of memory that the planes of a frame take at most.
    pub(super) fn memory(frame: &Frame, part: Part, (luma, thorough): (bool, bool)) -> u64 {
        let (columns, rows) = frame.mcus();
        let bytes = |(component, side): (&Component, usize)| {
            let block = side * side + 2 * kept(frame, side, thorough).max(1);
            (columns * component.h * rows * component.v * block) as u64
        };
        sides(frame, part, luma).map(bytes).sum()
    }

    fn new(frame: &Frame, component: &Component, side: usize, thorough: bool) -> Plane {
        let (columns, rows) = frame.mcus();
        let blocks = (columns * component.h, rows * component.v);
        let kept = kept(frame, side, thorough);
        let (width, height) = frame.size_of(component);
        Plane {
            component: *component,
            side,
            size: ((width * side).div_ceil(8), (height * side).div_ceil(8)),
            blocks: blocks.0,
            stride: blocks.0 * side,
            data: vec![0; blocks.0 * blocks.1 * side * side],
            weights: [0.0; 64],
            first_weight: 0,
            shares: Vec::new(),
            kept,
            coefficients: vec![0; blocks.0 * blocks.1 * kept],
            open: [u8::MAX; 64],
        }
    }

    /// Bytes of its pixels and coefficients.
    #[cfg(test)]
    pub(super) fn bytes_kept(&self) -> usize {
        self.data.len() + size_of_val(&self.coefficients[..])
    }

    /// Columns and rows of blocks in a scan of this component alone.
    pub(super) fn blocks_alone(&self, frame: &Frame) -> (usize, usize) {
        let (width, height) = frame.size_of(&self.component);
        (width.div_ceil(8), height.div_ceil(8))
    }

    /// Makes ready for a scan.
    pub(super) fn begin(&mut self, scan: &Scan, tables: &Tables) -> Result<(), Fault> {
        let wrong = || Fault::damaged("a scan without its quantization table", scan.at);
        let table = tables.quantization[self.component.table].as_ref().ok_or_else(wrong)?;
        self.weights = table.map(f32::from);
        self.first_weight = i32::from(table[0]);
        self.shares.clear();
        if let 2 | 4 = self.side {
            for (place, weight) in ZIGZAG.map(usize::from).into_iter().zip(self.weights) {
                let shares = idct::shares(self.side, (place / 8, place % 8));
                self.shares.extend(shares.map(|share| share * weight));
            }
        }
        self.open[scan.band.0..=scan.band.1].fill(scan.low as u8);
        Ok(())
    }

    /// What its first coefficients are multiplied by.
    pub(super) fn first_step(&self) -> u32 {
        self.first_weight.unsigned_abs()
    }

    /// Whether any scan told something of it.
    pub(super) fn is_begun(&self) -> bool {
        self.open[0] < u8::MAX
    }

    /// Whether scans told everything of it.
    pub(super) fn is_final(&self) -> bool {
        self.open == [0; 64]
    }

    /// The coefficients that are kept of a block.
    #[inline(always)]
    pub(super) fn kept_block(&mut self, (x, y): (usize, usize)) -> &mut [i16] {
        let start = (y * self.blocks + x) * self.kept;
        self.coefficients.get_mut(start..start + self.kept).unwrap_or_default()
    }

    /// Writes the one pixel of a block, of which `dc` is the first coefficient.
    #[inline(always)]
    pub(super) fn put_mean(&mut self, (x, y): (usize, usize), dc: i32) {
        if let Some(pixel) = self.data.get_mut(y * self.stride + x) {
            *pixel = idct::mean(dc.wrapping_mul(self.first_weight));
        }
    }

    /// What each coefficient adds to each of `N` pixels of a block.
    #[inline(always)]
    pub(super) fn shares<const N: usize>(&self) -> Option<&[[f32; N]; 64]> {
        self.shares.as_chunks().0.first_chunk()
    }

    /// Writes the pixels of a block of 2x2 or 4x4.
    #[inline(always)]
    pub(super) fn put_small<const N: usize>(&mut self, (x, y): (usize, usize), pixels: &[f32; N]) {
        let start = (y * self.stride + x) * self.side;
        idct::write_small(pixels, self.data.get_mut(start..).unwrap_or_default(), self.stride);
    }

    /// Writes the pixels of a whole block whose last coefficient is at `last`, in zigzag order.
    #[inline(always)]
    pub(super) fn put(&mut self, (x, y): (usize, usize), block: &Block, last: usize) {
        let start = (y * self.stride + x) * self.side;
        let out = self.data.get_mut(start..).unwrap_or_default();
        idct::inverse(block, usize::from(USED[last & 63]), out, self.stride);
    }

    /// Makes pixels of the coefficients that were kept.
    pub(super) fn finish(&mut self) {
        if self.kept == 0 || self.side == 0 {
            return;
        }
        let coefficients = std::mem::take(&mut self.coefficients);
        for (number, kept) in coefficients.chunks_exact(self.kept).enumerate() {
            let place = (number % self.blocks, number / self.blocks);
            match self.side {
                1 => self.put_mean(place, i32::from(kept[0])),
                2 => self.finish_small::<4>(place, kept),
                4 => self.finish_small::<16>(place, kept),
                _ => self.finish_whole(place, kept),
            }
        }
    }

    fn finish_small<const N: usize>(&mut self, place: (usize, usize), kept: &[i16]) {
        let Some(shares) = self.shares::<N>() else { return };
        let mut pixels = [0.0; N];
        for (shares, &value) in shares.iter().zip(kept).filter(|(_, value)| **value != 0) {
            idct::add(&mut pixels, shares, i32::from(value));
        }
        self.put_small(place, &pixels);
    }

    fn finish_whole(&mut self, place: (usize, usize), kept: &[i16]) {
        let mut block = [[0.0; 8]; 8];
        let flat = block.as_flattened_mut();
        let mut last = 0;
        for (at, &value) in kept.iter().enumerate().filter(|(_, value)| **value != 0) {
            flat[usize::from(ZIGZAG[at])] = self.weights[at] * f32::from(value);
            last = at;
        }
        self.put(place, &block, last);
    }
}

/// Coefficients of a block that are kept until all scans are read.
fn kept(frame: &Frame, side: usize, thorough: bool) -> usize {
    match side {
        _ if !frame.progressive => 0,
        _ if thorough => 64,
        0 | 1 => side,
        _ => 64,
    }
}

/// Components, and pixels of their blocks' sides.
fn sides(frame: &Frame, part: Part, luma: bool) -> impl Iterator<Item = (&Component, usize)> {
    let side = move |number: usize, component: &Component| match number {
        1.. if luma => 0,
        _ => side(frame, component, part.eighths),
    };
    frame.components.iter().enumerate().map(move |(number, component)| (component, side(number, component)))
}

/// Pixels of a block's side for a picture of so many eighths: more than those where the component has fewer
/// samples than others, so that none need be made up.
fn side(frame: &Frame, component: &Component, eighths: usize) -> usize {
    let lacks = |side: usize| {
        component.h * side < frame.h_max * eighths || component.v * side < frame.v_max * eighths
    };
    let mut side = eighths;
    while side < 8 && lacks(side) {
        side *= 2;
    }
    side
}
