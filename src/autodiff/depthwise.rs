//! Depthwise convolution as one Gather and one small matrix product per channel, with its gradients.
//!
//! ```text
//! x [C, slots, N] --gather--> windows [C, I, tiles*N] --T [C, O, I]--> y [C, O, tiles*N]
//! ```
//!
//! The output is cut into tiles of O pixels, each of which reads a window of I pixels of the input, and all
//! tiles of a channel share one matrix T that holds the channel's `k * k` weights, each where an output reads
//! an input through it. Most of T is zero, but a dense product is so much faster than a short one for every
//! pixel that this is worth it; and the gradient of the weights is one product too, instead of the `k * k`
//! sums over all pixels that ONNX's own operators would take. The bias is one more column of T, for a slot
//! that holds 1. The gradient of the input is the same with the taps mirrored.
//!
//! How large a tile is, is a trade: small ones read much of the input several times, large ones multiply
//! with many zeros. See [`Axis::cost`].

use super::conv::Conv;
use super::ops::{Feature, planes};
use super::tape::Tape;
use crate::model::Extent;
use crate::onnx::{Graph, Value, batch, fixed};

/// One dimension of a depthwise convolution, or of the gradient of its input: what is computed, `outputs`,
/// from what is read, `inputs`.
#[derive(Debug, Clone, Copy)]
struct Axis {
    outputs: usize,
    inputs: usize,
    kernel: usize,
    stride: usize,
    /// Zeros before the convolution's input.
    pad: usize,
    /// For the gradient: outputs are pixels of the convolution's input, inputs those of its output.
    is_gradient: bool,
    /// Outputs along the side of a tile.
    tile: usize,
}

impl Axis {
    /// The tap through which an output reads an input, if it does.
    fn tap(&self, output: isize, input: isize) -> Option<usize> {
        let (image, result) = if self.is_gradient { (output, input) } else { (input, output) };
        let tap = image + self.pad as isize - result * self.stride as isize;
        usize::try_from(tap).ok().filter(|tap| *tap < self.kernel)
    }

    /// From the first to the last input that the first tile reads.
    fn window(&self) -> std::ops::Range<isize> {
        let reach = (self.tile * self.stride + self.kernel) as isize;
        let is_read =
            |input: &isize| (0..self.tile as isize).any(|output| self.tap(output, *input).is_some());
        let mut read = (-reach..reach).filter(is_read);
        let first = read.next().unwrap_or(0);
        first..read.next_back().unwrap_or(first) + 1
    }

    /// How much further the window of the next tile lies.
    fn step(&self) -> usize {
        if self.is_gradient { self.tile / self.stride } else { self.tile * self.stride }
    }

    fn tiles(&self) -> usize {
        self.outputs.div_ceil(self.tile)
    }

    /// Tiles that are possible: their windows lie at equal distances, and outputs beyond the border, which
    /// cost a pass over memory, are computed only where nothing else is possible.
    fn candidates(self) -> Vec<Axis> {
        let tiles = |fits: &dyn Fn(usize) -> bool| -> Vec<Axis> {
            (1..=self.outputs).filter(|&tile| fits(tile)).map(|tile| Axis { tile, ..self }).collect()
        };
        let is_even = |tile: usize| !self.is_gradient || tile.is_multiple_of(self.stride);
        let all = tiles(&|tile| self.outputs.is_multiple_of(tile) && is_even(tile));
        let whole = tiles(&|tile| tile == self.outputs);
        let over = if all.is_empty() { tiles(&is_even) } else { vec![] };
        [all, whole, over].concat()
    }

    /// Nanoseconds per output and image of a graph with tiles of `[y, x]`, as measured with ONNX Runtime on
    /// one core with AVX-512: moving the windows, multiplying them, spreading the weights over T.
    fn cost([y, x]: &[Axis; 2]) -> f64 {
        let read = |axis: &Axis| axis.window().len().min(axis.inputs) as f64;
        let (window, tile) = (read(y) * read(x), (y.tile * x.tile) as f64);
        let tiles = (y.tiles() * x.tiles()) as f64;
        let waste = tiles * tile / (y.outputs * x.outputs) as f64;
        let moved = if tiles > 1.0 { 1.0 } else { 0.4 } * window / tile;
        waste * (moved + 0.035 * window + 0.07 * window / tiles)
    }
}

/// Tiles and windows of a depthwise convolution, or of the gradient of its input.
struct Tiling {
    /// Outputs per tile.
    places: usize,
    tiles: usize,
    /// `[window][tiles]`: which pixel is read; `None` is the zero border.
    reads: Vec<Vec<Option<usize>>>,
    /// Where a tap stands in T: `(tap, place, window)`.
    taps: Vec<(usize, usize, usize)>,
    /// The slot of each output pixel.
    order: Vec<usize>,
}

impl Tiling {
    fn new([y, x]: &[Axis; 2]) -> Self {
        let (places, tiles) = (y.tile * x.tile, y.tiles() * x.tiles());
        let pixel = |tile: usize, dy: isize, dx: isize| {
            let row = (tile / x.tiles() * y.step()).checked_add_signed(dy)?;
            let column = (tile % x.tiles() * x.step()).checked_add_signed(dx)?;
            (row < y.inputs && column < x.inputs).then_some(row * x.inputs + column)
        };
        let (mut reads, mut taps) = (vec![], vec![]);
        for (dy, dx) in y.window().flat_map(|dy| x.window().map(move |dx| (dy, dx))) {
            let row: Vec<Option<usize>> = (0..tiles).map(|tile| pixel(tile, dy, dx)).collect();
            if row.iter().all(Option::is_none) {
                continue;
            }
            for place in 0..places {
                let (oy, ox) = ((place / x.tile) as isize, (place % x.tile) as isize);
                if let (Some(ty), Some(tx)) = (y.tap(oy, dy), x.tap(ox, dx)) {
                    taps.push((ty * x.kernel + tx, place, reads.len()));
                }
            }
            reads.push(row);
        }
        let slot = |row: usize, column: usize| {
            let place = row % y.tile * x.tile + column % x.tile;
            place * tiles + row / y.tile * x.tiles() + column / x.tile
        };
        let order = (0..y.outputs * x.outputs).map(|p| slot(p / x.outputs, p % x.outputs)).collect();
        Tiling { places, tiles, reads, taps, order }
    }

    /// The fastest tiling; one whose outputs stand in another order than `wanted` has to be paid for.
    fn fastest(axes: [Axis; 2], wanted: Option<&[usize]>) -> Self {
        let [ys, xs] = axes.map(Axis::candidates);
        let mut all: Vec<[Axis; 2]> = ys.iter().flat_map(|&y| xs.iter().map(move |&x| [y, x])).collect();
        all.sort_by(|a, b| Axis::cost(a).total_cmp(&Axis::cost(b)));
        let best = Axis::cost(&all[0]);
        // in another order each output has to be moved once more
        let mut near = all.iter().take_while(|axes| Axis::cost(axes) < best + 1.5).map(Tiling::new);
        let fitting = wanted.and_then(|wanted| near.find(|tiling| tiling.order == wanted));
        fitting.unwrap_or_else(|| Tiling::new(&all[0]))
    }

    /// T, `[C, places, windows]`, of weights `[C, taps]`; with a bias, the last of the taps, one window more.
    fn spread(&self, g: &mut Graph, weights: &Value, bias: bool) -> Value {
        let pattern = self.pattern(g, weights.size(1), bias);
        let spread = g.gemm((weights, false), (&pattern, false), None);
        let windows = self.reads.len() + usize::from(bias);
        g.reshape(&spread, vec![weights.shape()[0], fixed(self.places), fixed(windows)])
    }

    /// The adjoint of [`Tiling::spread`].
    fn collect(&self, g: &mut Graph, spread: &Value, taps: usize, bias: bool) -> Value {
        let pattern = self.pattern(g, taps, bias);
        let flat = g.reshape(spread, vec![spread.shape()[0], fixed(pattern.size(1))]);
        g.gemm((&flat, false), (&pattern, true), None)
    }

    /// `[taps, places * windows]`, 1 where a tap stands.
    fn pattern(&self, g: &mut Graph, taps: usize, bias: bool) -> Value {
        let windows = self.reads.len() + usize::from(bias);
        let columns = self.places * windows;
        let mut pattern = vec![0.0; taps * columns];
        for &(tap, place, window) in &self.taps {
            pattern[tap * columns + place * windows + window] = 1.0;
        }
        if bias {
            let last = &mut pattern[(taps - 1) * columns..];
            last.iter_mut().skip(windows - 1).step_by(windows).for_each(|one| *one = 1.0);
        }
        g.constant(&[taps, columns], &pattern)
    }

    /// The windows of `x` `[C, slots, N]`, whose pixels stand in the slots that `order` says: `[C, windows,
    /// tiles*N]`. `added` are slots that hold one number: 0 for the border, and 1, where there is a bias, for
    /// one window more.
    fn windows(&self, g: &mut Graph, x: &Value, order: &[usize], added: &[f32]) -> Value {
        let holding = |number: f32| added.iter().position(|n| *n == number).map(|i| x.size(1) + i);
        let (border, one) = (holding(0.0), holding(1.0));
        let source = if added.is_empty() { x.clone() } else { g.append_slots(x, added) };
        let read = |pixel: &Option<usize>| pixel.map_or(border, |pixel| Some(order[pixel]));
        let mut table: Vec<Option<usize>> = self.reads.iter().flatten().map(read).collect();
        table.extend(one.into_iter().flat_map(|one| vec![Some(one); self.tiles]));
        let is_all = table.len() == source.size(1) && table.iter().enumerate().all(|(i, s)| *s == Some(i));
        let windows = if is_all { source } else { g.gather(&source, &table) };
        let rows = self.reads.len() + usize::from(one.is_some());
        g.reshape(&windows, vec![x.shape()[0], fixed(rows), batch(self.tiles)])
    }

    /// The zero of the border, if there is one.
    fn border(&self) -> &'static [f32] {
        if self.reads.iter().flatten().any(Option::is_none) { &[0.0] } else { &[] }
    }
}

/// The order, pixel by slot, in which a map is best produced for depthwise convolutions that read it.
pub(crate) fn tile_order(height: usize, width: usize) -> Vec<usize> {
    let side = |size: usize| Axis {
        outputs: size,
        inputs: size,
        kernel: 3,
        stride: 1,
        pad: 1,
        is_gradient: false,
        tile: 1,
    };
    let order = Tiling::fastest([side(height), side(width)], None).order;
    let mut pixels = vec![0; order.len()];
    order.iter().enumerate().for_each(|(pixel, &slot)| pixels[slot] = pixel);
    pixels
}

/// Convolution of each channel by itself. `weight` holds `[C, k, k]`, `bias` `[C]`; `conv.filters` is C.
pub(crate) fn depthwise(tape: &mut Tape, x: &Feature, [weight, bias]: [&Value; 2], conv: Conv) -> Feature {
    let (channels, taps) = (conv.filters, conv.taps());
    let out = |size: usize, (lo, hi): (usize, usize)| (size + lo + hi - conv.kernel) / conv.stride + 1;
    let extent =
        Extent { channels, height: out(x.extent.height, conv.pad_y), width: out(x.extent.width, conv.pad_x) };
    let axes = |is_gradient: bool| {
        let sides =
            [(x.extent.height, extent.height, conv.pad_y.0), (x.extent.width, extent.width, conv.pad_x.0)];
        sides.map(|(image, result, pad)| {
            let (outputs, inputs) = if is_gradient { (image, result) } else { (result, image) };
            Axis { outputs, inputs, kernel: conv.kernel, stride: conv.stride, pad, is_gradient, tile: 1 }
        })
    };
    let forward = Tiling::fastest(axes(false), None);
    let g = &mut tape.graph;
    let w = g.reshape(weight, vec![fixed(channels), fixed(taps)]);
    let b = g.reshape(bias, vec![fixed(channels), fixed(1)]);
    let both = g.concat(&[w.clone(), b], 1);
    let source = x.planes(g);
    let added = [forward.border(), &[1.0]].concat();
    let windows = forward.windows(g, &source, &x.order, &added);
    let t = forward.spread(g, &both, true);
    let y = g.stacked_matmul((&t, false), (&windows, false));
    let (order, slots) = (forward.order.clone(), forward.places * forward.tiles);
    let (gradient, x_order, x_slots) = (axes(true), x.order.clone(), x.slots);
    let y_order = order.clone();
    tape.record(&y, &[&x.value, weight, bias], move |g, dy, wanted| {
        // The same windows, which are several times as large as their input, once more instead of kept: in
        // another form, as ONNX Runtime would see that they are the same.
        let added: Vec<f32> = added.iter().rev().copied().collect();
        let windows = forward.windows(g, &source, &x_order, &added);
        let dt = g.stacked_matmul((dy, false), (&windows, true));
        let dboth = forward.collect(g, &dt, taps + 1, true);
        let (dw, db) = (g.columns(&dboth, 0..taps), g.columns(&dboth, taps..taps + 1));
        let dx = wanted[0].then(|| {
            let tiling = Tiling::fastest(gradient, Some(&x_order));
            let dy = planes(g, dy, channels, slots);
            let windows = tiling.windows(g, &dy, &y_order, tiling.border());
            let t = tiling.spread(g, &w, false);
            let dx = g.stacked_matmul((&t, false), (&windows, false));
            let dx = planes(g, &dx, channels, tiling.places * tiling.tiles);
            let mut table = vec![None; x_slots];
            x_order.iter().zip(&tiling.order).for_each(|(&slot, &place)| table[slot] = Some(place));
            let fits = table.len() == dx.size(1) && table.iter().enumerate().all(|(i, s)| *s == Some(i));
            if fits { dx } else { g.gather(&dx, &table) }
        });
        vec![dx, Some(dw), Some(db)]
    });
    Feature { value: y, extent, order, slots }
}
