//! A long short-term memory (Hochreiter & Schmidhuber, 1997), unrolled over its steps, with back-propagation
//! through time.
//!
//! ```text
//! all steps at once: P = W_x X + b   [T, 4U, N]         step t: gates = P[t] + W_h h[t-1]
//! c[t] = sigmoid(f) c[t-1] + sigmoid(i) tanh(g)         h[t] = sigmoid(o) tanh(c[t])
//! ```
//!
//! The products with the input and the gradients of all weights are taken for all steps together; only what
//! depends on the step before stays in the loop. Gates stand in ONNX's order i, o, f, g: three sigmoids in
//! one go.

use super::ops::{Feature, matrix, planes, raster};
use super::tape::Tape;
use crate::model::Extent;
use crate::onnx::{Graph, Value, batch, fixed};

/// What back-propagation needs of one step, `[U, N]` each.
struct Moment {
    /// Gates i, o, f in one: `[3U, N]`.
    gates: Value,
    input: Value,
    output: Value,
    forget: Value,
    candidate: Value,
    /// tanh of the cell.
    shown: Value,
    /// The cell before.
    before: Option<Value>,
}

/// Runs over the rows of `x`, `[C, H, W]` as `H` steps of `C * W` numbers, or over a vector that is
/// `repeated` so many times.
///
/// Weights hold `[4U, C*W]`, `[4U, U]` and `[4U]`. Gives the states of all steps, `[U, H, 1]`, or the last
/// one, `[U]`.
pub(crate) fn lstm(
    tape: &mut Tape,
    x: &Feature,
    [w, r, b]: [&Value; 3],
    (units, sequence): (usize, bool),
    repeated: Option<usize>,
) -> Feature {
    let x = raster(tape, x);
    let g = &mut tape.graph;
    let Extent { channels, height, width } = x.extent;
    let inputs = channels * width;
    let steps = repeated.unwrap_or(height);
    let rows = rows(g, &x);
    let leaves = [w, r, b];
    let (w, r) = (
        &g.reshape(w, vec![fixed(4 * units), fixed(inputs)]),
        &g.reshape(r, vec![fixed(4 * units), fixed(units)]),
    );
    let column = g.reshape(b, vec![fixed(4 * units), fixed(1)]);
    let per_step = match repeated {
        // all steps see the same
        Some(_) => {
            let vector = matrix(g, &x.value, inputs, 1);
            vec![g.gemm((w, false), (&vector, false), Some(&column)); steps]
        }
        None => {
            let products = g.matmul(w, &rows);
            let projected = g.add(&products, &column); // [H, 4U, N]
            let pieces = g.split(&projected, &vec![1; steps]);
            pieces.iter().map(|piece| matrix(g, piece, 4 * units, 1)).collect()
        }
    };
    let (states, moments) = forward(g, &per_step, r, units);
    let last = states[steps - 1].clone();
    let y = if sequence { stack(g, &states, units) } else { last };
    let kept = [w, r].map(Value::clone);
    let [leaf_w, leaf_r, leaf_b] = leaves;
    let source = x.value.clone();
    let input = LstmInput { value: x.value, extent: x.extent, rows, repeated: repeated.is_some() };
    tape.record(&y, &[&source, leaf_w, leaf_r, leaf_b], move |g, dy, wanted| {
        let [w, r] = &kept;
        let dstates: Vec<Option<Value>> = if sequence {
            unstack(g, dy, units, steps).into_iter().map(Some).collect()
        } else {
            (1..steps).map(|_| None).chain([Some(dy.clone())]).collect()
        };
        let dgates = through_time(g, &moments, dstates, r, units);
        // [T, 4U, N] to [4U, T*N]: one product for all steps
        let flat = stack(g, &dgates, 4 * units);
        let flat = matrix(g, &flat, 4 * units, steps);
        let db = g.sum_axis(&flat, 1);
        // before the first step the state is zero
        let early: Vec<Value> =
            [g.zeros_like(&states[0])].iter().chain(&states[..steps - 1]).cloned().collect();
        let early = stack(g, &early, units);
        let early = matrix(g, &early, units, steps);
        let dr = g.gemm((&flat, false), (&early, true), None);
        let (dw, dx) = input.gradients(g, &flat, w, (steps, wanted[0]));
        vec![dx, Some(dw), Some(dr), Some(db)]
    });
    let extent =
        if sequence { Extent { channels: units, height: steps, width: 1 } } else { Extent::vector(units) };
    Feature::raster(y, extent)
}

/// All steps in their order: the states, `[U, N]` each, and what back-propagation needs of them. `projected`
/// is the part of the gates that comes from the input, `[4U, N]` for each step.
fn forward(g: &mut Graph, projected: &[Value], r: &Value, units: usize) -> (Vec<Value>, Vec<Moment>) {
    let (mut states, mut moments): (Vec<Value>, Vec<Moment>) = (vec![], vec![]);
    let mut cell: Option<Value> = None;
    for projected in projected {
        let gates = match states.last() {
            Some(state) => g.gemm((r, false), (state, false), Some(projected)),
            None => projected.clone(),
        };
        let pieces = g.split(&gates, &[3 * units, units]);
        let open = g.sigmoid(&pieces[0]);
        let candidate = g.tanh(&pieces[1]);
        let each = g.split(&open, &[units, units, units]);
        let mut next = g.mul(&each[0], &candidate);
        if let Some(cell) = &cell {
            let kept = g.mul(&each[2], cell);
            next = g.add(&next, &kept);
        }
        let shown = g.tanh(&next);
        states.push(g.mul(&each[1], &shown));
        let [input, output, forget] = [0, 1, 2].map(|i| each[i].clone());
        moments.push(Moment { gates: open, input, output, forget, candidate, shown, before: cell });
        cell = Some(next);
    }
    (states, moments)
}

/// What an LSTM reads.
struct LstmInput {
    value: Value,
    extent: Extent,
    /// `[H, C*W, N]`
    rows: Value,
    /// All steps read the same vector.
    repeated: bool,
}

impl LstmInput {
    /// Gradients of the input weights and, where it is wanted, of the input, from those of all gates, `[4U,
    /// T*N]`.
    fn gradients(
        &self,
        g: &mut Graph,
        dgates: &Value,
        w: &Value,
        (steps, wanted): (usize, bool),
    ) -> (Value, Option<Value>) {
        let Extent { channels, width, .. } = self.extent;
        let inputs = channels * width;
        if self.repeated {
            let each = planes(g, dgates, dgates.size(0), steps);
            let sum = g.sum_axis(&each, 1);
            let vector = matrix(g, &self.value, inputs, 1);
            let dw = g.gemm((&sum, false), (&vector, true), None);
            return (dw, wanted.then(|| g.gemm((w, true), (&sum, false), None)));
        }
        let columns = g.transpose(&self.rows, &[1, 0, 2]);
        let columns = matrix(g, &columns, inputs, steps);
        let dw = g.gemm((dgates, false), (&columns, true), None);
        let dx = wanted.then(|| {
            let dcolumns = g.gemm((w, true), (dgates, false), None);
            image(g, &dcolumns, self.extent)
        });
        (dw, dx)
    }
}

/// Gradients of all gates before their squashing, `[4U, N]` per step, from those of the states.
fn through_time(
    g: &mut Graph,
    moments: &[Moment],
    mut dstates: Vec<Option<Value>>,
    r: &Value,
    units: usize,
) -> Vec<Value> {
    let one = g.scalar(1.0);
    let mut dgates = vec![];
    let mut dcell: Option<Value> = None;
    for (step, moment) in moments.iter().enumerate().rev() {
        let Some(dstate) = dstates[step].take() else { continue };
        let square = g.mul(&moment.shown, &moment.shown);
        let slope = g.sub(&one, &square);
        let seen = g.mul(&dstate, &moment.output);
        let mut dnow = g.mul(&seen, &slope);
        if let Some(later) = dcell {
            dnow = g.add(&dnow, &later);
        }
        let dinput = g.mul(&dnow, &moment.candidate);
        let doutput = g.mul(&dstate, &moment.shown);
        let dforget = match &moment.before {
            Some(before) => g.mul(&dnow, before),
            None => g.zeros_like(&dnow),
        };
        let dopen = g.concat(&[dinput, doutput, dforget], 0);
        let shut = g.sub(&one, &moment.gates);
        let slope = g.mul(&moment.gates, &shut);
        let dopen = g.mul(&dopen, &slope);
        let dcandidate = g.mul(&dnow, &moment.input);
        let square = g.mul(&moment.candidate, &moment.candidate);
        let slope = g.sub(&one, &square);
        let dcandidate = g.mul(&dcandidate, &slope);
        let d = g.concat(&[dopen, dcandidate], 0);
        if step > 0 {
            let earlier = g.gemm((r, true), (&d, false), dstates[step - 1].as_ref());
            dstates[step - 1] = Some(earlier);
            dcell = Some(g.mul(&dnow, &moment.forget));
        } else {
            dcell = None;
        }
        dgates.push(d);
    }
    debug_assert_eq!(dgates[0].size(0), 4 * units);
    dgates.reverse();
    dgates
}

/// Steps of `[rows, N]` side by side: `[rows, steps, N]`.
fn stack(g: &mut Graph, steps: &[Value], rows: usize) -> Value {
    let planes: Vec<Value> =
        steps.iter().map(|s| g.reshape(s, vec![fixed(rows), fixed(1), batch(1)])).collect();
    g.concat(&planes, 1)
}

/// The reverse of [`stack`].
fn unstack(g: &mut Graph, x: &Value, rows: usize, steps: usize) -> Vec<Value> {
    let x = planes(g, x, rows, steps);
    let x = g.transpose(&x, &[1, 0, 2]);
    let pieces = g.split(&x, &vec![1; steps]);
    pieces.iter().map(|piece| matrix(g, piece, rows, 1)).collect()
}

/// `[C, H, W]` in memory to `[H, C*W, N]`.
fn rows(g: &mut Graph, x: &Feature) -> Value {
    let Extent { channels, height, width } = x.extent;
    let shape = |a, b, c| vec![fixed(a), fixed(b), fixed(c), batch(1)];
    let mut rows = g.reshape(&x.value, shape(channels, height, width));
    if channels > 1 {
        rows = g.transpose(&rows, &[1, 0, 2, 3]);
    }
    g.reshape(&rows, vec![fixed(height), fixed(channels * width), batch(1)])
}

/// The gradient of [`rows`], from `[C*W, H*N]`.
fn image(g: &mut Graph, columns: &Value, extent: Extent) -> Value {
    let Extent { channels, height, width } = extent;
    let x = g.reshape(columns, vec![fixed(channels), fixed(width), fixed(height), batch(1)]);
    let x = g.transpose(&x, &[0, 2, 1, 3]);
    planes(g, &x, channels, height * width)
}
