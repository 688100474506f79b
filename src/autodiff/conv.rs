//! Convolution as one constant-index Gather (im2col) and one matrix product, with its gradients.
//!
//! ```text
//! x [C, slots, N] --gather--> columns [C*taps, P*N] --W [F, C*taps]--> y [F, P, N]
//! ```
//!
//! Tables say which slot each tap of each output pixel reads, so that padding, stride and any order of pixels
//! cost nothing at run time. Three forms of the input's gradient exist, chosen by shape; convolution after
//! nearest-neighbour upsampling is in `upconv.rs`.

use super::ops::{Feature, compact, matrix, planes};
use super::tape::Tape;
use crate::model::Extent;
use crate::onnx::{Graph, Value, batch, fixed};

/// A square convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conv {
    pub(crate) filters: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    /// Zeros before and behind, vertically.
    pub(crate) pad_y: (usize, usize),
    /// Zeros before and behind, horizontally.
    pub(crate) pad_x: (usize, usize),
}

impl Conv {
    pub(crate) fn taps(&self) -> usize {
        self.kernel * self.kernel
    }
}

/// Which slot every tap of every output pixel reads; `None` is the zero border.
#[derive(Clone)]
pub(crate) struct TapTable {
    /// `[taps][pixels]`, outputs in raster order until permuted.
    pub(crate) rows: Vec<Vec<Option<usize>>>,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl TapTable {
    pub(crate) fn new(conv: &Conv, extent: Extent, order: &[usize]) -> Self {
        let out = |size: usize, (lo, hi): (usize, usize)| (size + lo + hi - conv.kernel) / conv.stride + 1;
        let (height, width) = (out(extent.height, conv.pad_y), out(extent.width, conv.pad_x));
        let read = |ky: usize, kx: usize, pixel: usize| {
            let y = (pixel / width * conv.stride + ky).checked_sub(conv.pad_y.0)?;
            let x = (pixel % width * conv.stride + kx).checked_sub(conv.pad_x.0)?;
            (y < extent.height && x < extent.width).then(|| order[y * extent.width + x])
        };
        let taps = (0..conv.taps()).map(|t| (t / conv.kernel, t % conv.kernel));
        let rows = taps.map(|(ky, kx)| (0..height * width).map(|p| read(ky, kx, p)).collect()).collect();
        TapTable { rows, height, width }
    }

    pub(crate) fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Puts the output pixels into the order that the layer that reads them wants, if it wants one. Gives the
    /// slot of every pixel.
    pub(crate) fn reorder(&mut self, wanted: Option<&[usize]>) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.pixels()).collect();
        if let Some(pixel_at) = wanted {
            for row in &mut self.rows {
                *row = pixel_at.iter().map(|&p| row[p]).collect();
            }
            for (slot, &pixel) in pixel_at.iter().enumerate() {
                order[pixel] = slot;
            }
        }
        order
    }

    /// For each tap and input slot, the output pixel that reads it: `[taps][slots]`.
    pub(crate) fn adjoint(&self, slots: usize) -> Vec<Vec<Option<usize>>> {
        self.rows.iter().map(|row| super::ops::inverse(row, slots)).collect()
    }
}

/// `gather` of a table `[rows][columns]`: from `[channels, slots, N]` to the matrix `[channels*rows,
/// columns*N]`.
pub(crate) fn columns(graph: &mut Graph, x: &Value, table: &[Vec<Option<usize>>]) -> Value {
    let (channels, width) = (x.size(0), table[0].len());
    let gathered = graph.gather(x, &table.concat());
    matrix(graph, &gathered, channels * table.len(), width)
}

/// Sorts output pixels by their phase in a stride-2 convolution with padding `lo` that reads them next.
///
/// In this order each phase's gradient is one contiguous block.
pub(crate) fn phase_order(height: usize, width: usize, lo: (usize, usize)) -> Vec<usize> {
    let mut pixels: Vec<usize> = (0..height * width).collect();
    pixels.sort_by_key(|&p| phase(p, width, lo));
    pixels
}

/// Which of the four phases of a stride-2 convolution with padding `lo` pixel `p` belongs to.
fn phase(p: usize, width: usize, lo: (usize, usize)) -> usize {
    (p / width + lo.0) % 2 * 2 + (p % width + lo.1) % 2
}

/// Convolution. `weight` holds `[filters, channels, k, k]`, `bias` `[filters]`.
///
/// `wanted` is the order, pixel by slot, in which the layer that reads the result wants it, if it wants one.
pub(crate) fn conv(
    tape: &mut Tape,
    x: &Feature,
    (weight, bias): (&Value, Option<&Value>),
    conv: Conv,
    wanted: Option<&[usize]>,
) -> Feature {
    let x = compact(tape, x);
    let g = &mut tape.graph;
    let channels = x.extent.channels;
    let mut table = TapTable::new(&conv, x.extent, &x.order);
    let (height, width, pixels) = (table.height, table.width, table.pixels());
    let order = table.reorder(wanted);
    let source = x.planes(g);
    let cols = columns(g, &source, &table.rows);
    let w = g.reshape(weight, vec![fixed(conv.filters), fixed(channels * conv.taps())]);
    let b = bias.map(|bias| g.reshape(bias, vec![fixed(conv.filters), fixed(1)]));
    let y = g.gemm((&w, false), (&cols, false), b.as_ref());
    let input = InputSide::new(&conv, &x, &table);
    let inputs: Vec<&Value> = [&x.value, weight].into_iter().chain(bias).collect();
    tape.record(&y, &inputs, move |g, dy, wanted| {
        let dw = g.gemm((dy, false), (&cols, true), None);
        let db = wanted.get(2).map(|_| g.sum_axis(dy, 1));
        let dx = wanted[0].then(|| input.gradient(g, dy, &w));
        vec![dx, Some(dw), db]
    });
    Feature { value: y, extent: Extent { channels: conv.filters, height, width }, order, slots: pixels }
}

/// What the gradient of the input needs to know.
struct InputSide {
    channels: usize,
    filters: usize,
    kernel: usize,
    /// `[taps][slots]`: the output pixel that reads the slot through the tap.
    adjoint: Vec<Vec<Option<usize>>>,
    pixels: usize,
    /// For stride 2 over an input in phase order: slots of each phase, contiguous.
    phases: Option<[std::ops::Range<usize>; 4]>,
    stride: usize,
}

impl InputSide {
    fn new(conv: &Conv, x: &Feature, table: &TapTable) -> Self {
        let lo = (conv.pad_y.0, conv.pad_x.0);
        let in_phase_order = conv.stride == 2
            && phase_order(x.extent.height, x.extent.width, lo)
                .iter()
                .enumerate()
                .all(|(slot, &pixel)| x.order[pixel] == slot);
        let phases = in_phase_order.then(|| {
            let mut counts = [0; 4];
            (0..x.slots).for_each(|p| counts[phase(p, x.extent.width, lo)] += 1);
            let mut start = 0;
            counts.map(|n| {
                start += n;
                start - n..start
            })
        });
        InputSide {
            channels: x.extent.channels,
            filters: conv.filters,
            kernel: conv.kernel,
            adjoint: table.adjoint(x.slots),
            pixels: table.pixels(),
            phases,
            stride: conv.stride,
        }
    }

    /// Gradient of the input, `[channels, slots*N]`, from that of the output, `[filters, pixels*N]`.
    fn gradient(&self, g: &mut Graph, dy: &Value, w: &Value) -> Value {
        let dy = planes(g, dy, self.filters, self.pixels);
        let taps = self.adjoint.len();
        match &self.phases {
            Some(phases) => {
                let pieces: Vec<Value> = (phases.iter().enumerate().filter(|(_, slots)| !slots.is_empty()))
                    .map(|(phase, slots)| {
                        let touches =
                            |t: &usize| t / self.kernel % 2 == phase / 2 && t % self.kernel % 2 == phase % 2;
                        let taps: Vec<usize> = (0..taps).filter(touches).collect();
                        let dx = self.gather_and_multiply(g, &dy, w, &taps, slots.clone());
                        planes(g, &dx, self.channels, slots.len())
                    })
                    .collect();
                g.concat(&pieces, 1)
            }
            None if self.stride == 1 => {
                let slots = 0..self.adjoint[0].len();
                self.gather_and_multiply(g, &dy, w, &(0..taps).collect::<Vec<_>>(), slots)
            }
            None => {
                let dy = matrix(g, &dy, self.filters, self.pixels);
                let dcols = g.gemm((w, true), (&dy, false), None);
                fold_columns(g, &dcols, &self.adjoint, self.channels, self.pixels)
            }
        }
    }

    /// im2col of the output's gradient over some taps and slots, times the weights of those taps.
    fn gather_and_multiply(
        &self,
        g: &mut Graph,
        dy: &Value,
        w: &Value,
        taps: &[usize],
        slots: std::ops::Range<usize>,
    ) -> Value {
        let table: Vec<Vec<Option<usize>>> =
            taps.iter().map(|&t| self.adjoint[t][slots.clone()].to_vec()).collect();
        let dcols = columns(g, dy, &table);
        let all = self.adjoint.len();
        let mut w = g.reshape(w, vec![fixed(self.filters * self.channels), fixed(all)]);
        if taps.len() < all {
            w = g.gather(&w, &taps.iter().map(|&t| Some(t)).collect::<Vec<_>>());
        }
        let w = g.reshape(&w, vec![fixed(self.filters), fixed(self.channels), fixed(taps.len())]);
        let w = g.transpose(&w, &[1, 0, 2]);
        let w = g.reshape(&w, vec![fixed(self.channels), fixed(self.filters * taps.len())]);
        g.gemm((&w, false), (&dcols, false), None)
    }
}

/// col2im: sums the column gradients `[channels*taps, pixels*N]` into `[channels, slots, N]`.
pub(crate) fn fold_columns(
    g: &mut Graph,
    dcols: &Value,
    adjoint: &[Vec<Option<usize>>],
    channels: usize,
    pixels: usize,
) -> Value {
    let taps = adjoint.len();
    let slots = adjoint[0].len();
    let table: Vec<Option<usize>> = (adjoint.iter().enumerate())
        .flat_map(|(t, row)| row.iter().map(move |p| p.map(|p| t * pixels + p)))
        .collect();
    let dcols = planes(g, dcols, channels, taps * pixels);
    let spread = g.gather(&dcols, &table);
    let spread = g.reshape(&spread, vec![fixed(channels), fixed(taps), batch(slots)]);
    g.sum_axis(&spread, 1)
}
