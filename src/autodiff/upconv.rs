//! Nearest-neighbour upsampling by 2 and a 3x3 convolution, as four 2x2 convolutions on the small image:
//! exactly the same numbers from less than half of the products.
//!
//! Output pixels of one parity (phase) read a 3x3 patch of the doubled image that covers only 2x2 pixels of
//! the small one; the nine weights fold to four sums per phase by a constant 0/1 matrix. With few filters the
//! product comes before the gather instead of after it: fewer rows to move.

use super::conv::{Conv, TapTable, columns, fold_columns};
use super::ops::{Feature, compact, matrix, planes};
use super::tape::Tape;
use crate::model::Extent;
use crate::onnx::{Graph, Value, fixed};

const PHASES: usize = 4;
const SMALL_TAPS: usize = 4;
const TAPS: usize = 9;

/// `[9][phases * small taps]`: which folded weights the tap of the 3x3 kernel adds to.
fn folding(g: &mut Graph, transposed: bool) -> Value {
    let mut matrix = [[0.0; PHASES * SMALL_TAPS]; TAPS];
    for (tap, row) in matrix.iter_mut().enumerate() {
        for phase in 0..PHASES {
            let small = (phase / 2 + tap / 3) / 2 * 2 + (phase % 2 + tap % 3) / 2;
            row[phase * SMALL_TAPS + small] = 1.0;
        }
    }
    if transposed {
        let flat: Vec<f32> = (0..PHASES * SMALL_TAPS).flat_map(|c| matrix.map(|row| row[c])).collect();
        g.constant(&[PHASES * SMALL_TAPS, TAPS], &flat)
    } else {
        g.constant(&[TAPS, PHASES * SMALL_TAPS], matrix.as_flattened())
    }
}

/// Folds `[filters, channels, 3, 3]` to `[filters, channels, phase, small tap]`.
fn fold_weights(g: &mut Graph, weight: &Value, filters: usize, channels: usize) -> Value {
    let w = g.reshape(weight, vec![fixed(filters * channels), fixed(TAPS)]);
    let fold = folding(g, false);
    let folded = g.gemm((&w, false), (&fold, false), None);
    g.reshape(&folded, vec![fixed(filters), fixed(channels), fixed(PHASES), fixed(SMALL_TAPS)])
}

/// The adjoint of [`fold_weights`], from `[filters, channels, phase, small tap]`.
fn unfold_weights(g: &mut Graph, folded: &Value, filters: usize, channels: usize) -> Value {
    let folded = g.reshape(folded, vec![fixed(filters * channels), fixed(PHASES * SMALL_TAPS)]);
    let unfold = folding(g, true);
    g.gemm((&folded, false), (&unfold, false), None)
}

/// Doubles height and width, then convolves 3x3 with stride 1; `same` keeps the doubled size, otherwise the
/// border of one pixel is lost. `weight` holds `[filters, channels, 3, 3]`, `bias` `[filters]`.
pub(crate) fn upsample_conv(
    tape: &mut Tape,
    x: &Feature,
    [weight, bias]: [&Value; 2],
    filters: usize,
    same: bool,
) -> Feature {
    let x = compact(tape, x);
    // one pixel around the small image is two around the large one: with `same`, one of them is cropped again
    let pad = if same { (1, 1) } else { (0, 0) };
    let small = Conv { filters, kernel: 2, stride: 1, pad_y: pad, pad_x: pad };
    let table = TapTable::new(&small, x.extent, &x.order);
    let crop = usize::from(same);
    let extent =
        Extent { channels: filters, height: 2 * (table.height - crop), width: 2 * (table.width - crop) };
    // (phase, small pixel) of every output pixel
    let places: Vec<(usize, usize)> = (0..extent.height * extent.width)
        .map(|p| (p / extent.width + crop, p % extent.width + crop))
        .map(|(y, x)| (y % 2 * 2 + x % 2, y / 2 * table.width + x / 2))
        .collect();
    if PHASES * filters < x.extent.channels {
        multiply_then_gather(tape, &x, [weight, bias], extent, &table, &places)
    } else {
        gather_then_multiply(tape, &x, [weight, bias], extent, table, &places)
    }
}

fn gather_then_multiply(
    tape: &mut Tape,
    x: &Feature,
    [weight, bias]: [&Value; 2],
    extent: Extent,
    table: TapTable,
    places: &[(usize, usize)],
) -> Feature {
    let g = &mut tape.graph;
    let (channels, filters, slots, pixels) = (x.extent.channels, extent.channels, x.slots, table.pixels());
    let source = x.planes(g);
    let cols = columns(g, &source, &table.rows);
    let w = fold_weights(g, weight, filters, channels);
    let w = g.transpose(&w, &[0, 2, 1, 3]);
    let w = g.reshape(&w, vec![fixed(filters * PHASES), fixed(channels * SMALL_TAPS)]);
    let b = g.reshape(bias, vec![fixed(filters), fixed(1)]);
    let ones = g.constant(&[1, PHASES], &[1.0; PHASES]);
    let b = g.mul(&b, &ones);
    let b = g.reshape(&b, vec![fixed(filters * PHASES), fixed(1)]);
    let y = g.gemm((&w, false), (&cols, false), Some(&b));
    let adjoint = table.adjoint(slots);
    tape.record(&y, &[&x.value, weight, bias], move |g, dy, wanted| {
        let dw = g.gemm((dy, false), (&cols, true), None);
        let dw = g.reshape(&dw, vec![fixed(filters), fixed(PHASES), fixed(channels), fixed(SMALL_TAPS)]);
        let dw = g.transpose(&dw, &[0, 2, 1, 3]);
        let dw = unfold_weights(g, &dw, filters, channels);
        let per_filter = matrix(g, dy, filters, PHASES * pixels);
        let db = g.sum_axis(&per_filter, 1);
        let dx = wanted[0].then(|| {
            if 13 * pixels < 10 * slots {
                // fewer columns than slots: multiply on the small side, then sum what each slot received
                let dcols = g.gemm((&w, true), (dy, false), None);
                return fold_columns(g, &dcols, &adjoint, channels, pixels);
            }
            let dy = planes(g, dy, filters * PHASES, pixels);
            let dcols = columns(g, &dy, &adjoint);
            let w = g.reshape(&w, vec![fixed(filters * PHASES), fixed(channels), fixed(SMALL_TAPS)]);
            let w = g.transpose(&w, &[1, 0, 2]);
            let w = g.reshape(&w, vec![fixed(channels), fixed(filters * PHASES * SMALL_TAPS)]);
            g.gemm((&w, false), (&dcols, false), None)
        });
        vec![dx, Some(dw), Some(db)]
    });
    let order = places.iter().map(|&(phase, pixel)| phase * pixels + pixel).collect();
    Feature { value: y, extent, order, slots: PHASES * pixels }
}

fn multiply_then_gather(
    tape: &mut Tape,
    x: &Feature,
    [weight, bias]: [&Value; 2],
    extent: Extent,
    table: &TapTable,
    places: &[(usize, usize)],
) -> Feature {
    let g = &mut tape.graph;
    let (channels, filters, slots, outputs) = (x.extent.channels, extent.channels, x.slots, places.len());
    let per_filter = PHASES * SMALL_TAPS;
    let w = fold_weights(g, weight, filters, channels);
    let w = g.reshape(&w, vec![fixed(filters), fixed(channels), fixed(per_filter)]);
    let w = g.transpose(&w, &[0, 2, 1]);
    let w = g.reshape(&w, vec![fixed(filters * per_filter), fixed(channels)]);
    let input = matrix(g, &x.value, channels, slots);
    let products = g.gemm((&w, false), (&input, false), None);
    let products = planes(g, &products, filters, per_filter * slots);
    // [small taps][outputs]: which product each output adds up
    let reads: Vec<Vec<Option<usize>>> = (0..SMALL_TAPS)
        .map(|t| {
            let product = |&(phase, pixel): &(usize, usize)| {
                table.rows[t][pixel].map(|slot| (phase * SMALL_TAPS + t) * slots + slot)
            };
            places.iter().map(product).collect()
        })
        .collect();
    let terms = g.gather(&products, &reads.concat());
    let terms = g.reshape(&terms, vec![fixed(filters), fixed(SMALL_TAPS), crate::onnx::batch(outputs)]);
    let sums = g.sum_axis(&terms, 1);
    let b = g.reshape(bias, vec![fixed(filters), fixed(1)]);
    let y = g.add(&sums, &b);
    // each product is read by one output at most
    let mut adjoint = vec![None; per_filter * slots];
    for row in &reads {
        for (output, product) in row.iter().enumerate() {
            if let Some(product) = *product {
                adjoint[product] = Some(output);
            }
        }
    }
    tape.record(&y, &[&x.value, weight, bias], move |g, dy, wanted| {
        let db = g.sum_axis(dy, 1);
        let dy = planes(g, dy, filters, outputs);
        let dproducts = g.gather(&dy, &adjoint);
        let dproducts = matrix(g, &dproducts, filters * per_filter, slots);
        let dw = g.gemm((&dproducts, false), (&input, true), None);
        let dw = g.reshape(&dw, vec![fixed(filters), fixed(per_filter), fixed(channels)]);
        let dw = g.transpose(&dw, &[0, 2, 1]);
        let dw = unfold_weights(g, &dw, filters, channels);
        let dx = wanted[0].then(|| g.gemm((&w, true), (&dproducts, false), None));
        vec![dx, Some(dw), Some(db)]
    });
    Feature::raster(y, extent)
}
