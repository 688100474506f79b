//! The differentiable operations besides convolution: fully connected, ReLU, pixel order, binary
//! cross-entropy.
//!
//! Layout: batch innermost. A [`Feature`] is `[channels, slots, N]` in memory, so that a matrix product over
//! channels or taps runs along contiguous batches; which slot holds which pixel is a table known when the
//! graph is built.

use super::tape::Tape;
use crate::model::Extent;
use crate::onnx::{Graph, Value, batch, fixed};

/// What flows between layers: `[channels, slots, N]` in memory, whatever the matrix shape of `value`.
#[derive(Clone)]
pub(crate) struct Feature {
    pub(crate) value: Value,
    pub(crate) extent: Extent,
    /// Pixel `y * width + x` stands in slot `order[pixel]`.
    pub(crate) order: Vec<usize>,
    /// Slots in memory; more than pixels where some hold nothing that is needed.
    pub(crate) slots: usize,
}

impl Feature {
    /// A feature whose pixels stand in raster order.
    pub(crate) fn raster(value: Value, extent: Extent) -> Self {
        let pixels = extent.height * extent.width;
        Feature { value, extent, order: (0..pixels).collect(), slots: pixels }
    }

    /// The value as `[channels, slots, N]`.
    pub(crate) fn planes(&self, graph: &mut Graph) -> Value {
        planes(graph, &self.value, self.extent.channels, self.slots)
    }
}

/// `x` as `[rows, slots, N]`.
pub(crate) fn planes(graph: &mut Graph, x: &Value, rows: usize, slots: usize) -> Value {
    graph.reshape(x, vec![fixed(rows), fixed(slots), batch(1)])
}

/// `x` as `[rows, columns*N]`.
pub(crate) fn matrix(graph: &mut Graph, x: &Value, rows: usize, columns: usize) -> Value {
    graph.reshape(x, vec![fixed(rows), batch(columns)])
}

/// For a table that moves slot `table[i]` to place `i`, the table of the way back over `slots` places.
///
/// The table must name each slot at most once.
pub(crate) fn inverse(table: &[Option<usize>], slots: usize) -> Vec<Option<usize>> {
    let mut back = vec![None; slots];
    for (place, slot) in table.iter().enumerate().filter_map(|(p, s)| Some((p, (*s)?))) {
        debug_assert!(back[slot].is_none(), "slot {slot} is named twice");
        back[slot] = Some(place);
    }
    back
}

/// Moves slots: place `i` of the result is slot `table[i]`, each slot at most once.
fn select(tape: &mut Tape, x: &Feature, table: Vec<usize>) -> Value {
    let (channels, slots, places) = (x.extent.channels, x.slots, table.len());
    let table: Vec<Option<usize>> = table.into_iter().map(Some).collect();
    let source = x.planes(&mut tape.graph);
    let y = tape.graph.gather(&source, &table);
    tape.record(&y, &[&x.value], move |g, dy, _| {
        let dy = planes(g, dy, channels, places);
        vec![Some(g.gather(&dy, &inverse(&table, slots)))]
    });
    y
}

/// Drops the slots that hold no pixel; the order of the others stays.
pub(crate) fn compact(tape: &mut Tape, x: &Feature) -> Feature {
    if x.order.len() == x.slots {
        return x.clone();
    }
    let mut used = x.order.clone();
    used.sort_unstable();
    let mut place = vec![0; x.slots];
    for (i, &slot) in used.iter().enumerate() {
        place[slot] = i;
    }
    let order = x.order.iter().map(|&slot| place[slot]).collect();
    let slots = used.len();
    Feature { value: select(tape, x, used), extent: x.extent, order, slots }
}

/// The same pixels in raster order.
pub(crate) fn raster(tape: &mut Tape, x: &Feature) -> Feature {
    reordered(tape, x, &(0..x.order.len()).collect::<Vec<_>>())
}

/// The same pixels in the slots that `order` says, and no others.
pub(crate) fn reordered(tape: &mut Tape, x: &Feature, order: &[usize]) -> Feature {
    if x.slots == order.len() && x.order == order {
        return x.clone();
    }
    let mut table = vec![0; order.len()];
    x.order.iter().zip(order).for_each(|(&from, &to)| table[to] = from);
    Feature { value: select(tape, x, table), extent: x.extent, order: order.to_vec(), slots: order.len() }
}

/// `a + b`, of one extent and order.
pub(crate) fn add(tape: &mut Tape, a: &Feature, b: &Feature) -> Feature {
    let [left, right] = [a, b].map(|feature| feature.planes(&mut tape.graph));
    let sum = tape.graph.add(&left, &right);
    tape.record(&sum, &[&a.value, &b.value], |_, dy, _| vec![Some(dy.clone()), Some(dy.clone())]);
    Feature { value: sum, ..a.clone() }
}

/// `max(x, 0)`.
pub(crate) fn relu(tape: &mut Tape, x: &Feature) -> Feature {
    let y = tape.graph.relu(&x.value);
    let result = y.clone();
    tape.record(&y, &[&x.value], move |g, dy, _| {
        let open = g.nonzero(&result);
        vec![Some(g.mul(dy, &open))]
    });
    Feature { value: y, ..x.clone() }
}

/// `W x + b` over the channels of each pixel: a fully connected layer of a vector, a 1x1 convolution of a
/// map. `weight` holds `[units, channels]`, `bias` `[units]`.
pub(crate) fn dense(
    tape: &mut Tape,
    x: &Feature,
    (weight, bias): (&Value, Option<&Value>),
    units: usize,
) -> Feature {
    let g = &mut tape.graph;
    let inputs = x.extent.channels;
    let input = matrix(g, &x.value, inputs, x.slots);
    let w = g.reshape(weight, vec![fixed(units), fixed(inputs)]);
    let b = bias.map(|bias| g.reshape(bias, vec![fixed(units), fixed(1)]));
    let y = g.gemm((&w, false), (&input, false), b.as_ref());
    let inputs: Vec<&Value> = [&x.value, weight].into_iter().chain(bias).collect();
    tape.record(&y, &inputs, move |g, dy, wanted| {
        let dx = wanted[0].then(|| g.gemm((&w, true), (dy, false), None));
        let dw = g.gemm((dy, false), (&input, true), None);
        let db = wanted.get(2).map(|_| g.sum_axis(dy, 1));
        vec![dx, Some(dw), db]
    });
    Feature { value: y, extent: Extent { channels: units, ..x.extent }, ..x.clone() }
}

/// Mean binary cross-entropy per number, from logits: `mean(softplus(z) - t z)`, exact however large they
/// are.
///
/// Gives the loss, a scalar. `target` is in `0..=1`, of the logits' element order.
pub(crate) fn cross_entropy(tape: &mut Tape, logits: &Value, target: &Value) -> Value {
    let g = &mut tape.graph;
    let target = g.reshape(target, logits.shape().to_vec());
    let probability = g.sigmoid(logits);
    let softplus = g.softplus(logits);
    let product = g.mul(&target, logits);
    let each = g.sub(&softplus, &product);
    let loss = g.mean(&each);
    tape.record(&loss, &[logits], move |g, dloss, _| {
        let count = g.count(&probability);
        let scale = g.div(dloss, &count);
        let difference = g.sub(&probability, &target);
        vec![Some(g.mul(&difference, &scale))]
    });
    loss
}
