//! What networks for images need of the graph builder: convolutions and pooling over `[N, C, H, W]`, and over
//! `[C, slots, N]` one product per channel.

use super::dims::{Dim, fixed};
use super::fields::{int, ints, string};
use super::graph::{Graph, Value, absent};
use super::messages::data_type;

impl Graph {
    /// 2-D convolution over `[N, C, H, W]` with weights `[filters, C, k, k]` and bias `[filters]`; with weights
    /// `[C, 1, k, k]`, where there are several channels, of each channel by itself.
    ///
    /// `pads` is `[top, left, bottom, right]` in pixels.
    pub fn conv(
        &mut self,
        x: &Value,
        weight: &Value,
        bias: Option<&Value>,
        stride: usize,
        pads: [usize; 4],
    ) -> Value {
        let (filters, kernel) = (weight.size(0), weight.size(2));
        let out = |size: usize, lo: usize, hi: usize| fixed((size + lo + hi - kernel) / stride + 1);
        let (height, width) = (x.size(2), x.size(3));
        let shape =
            vec![x.shape()[0], fixed(filters), out(height, pads[0], pads[2]), out(width, pads[1], pads[3])];
        let groups = x.size(1) / weight.size(1);
        let mut attributes = vec![
            ints("kernel_shape", &[kernel as i64; 2]),
            ints("strides", &[stride as i64; 2]),
            ints("pads", &pads.map(|p| p as i64)),
        ];
        if groups > 1 {
            attributes.push(int("group", groups as i64));
        }
        let inputs: Vec<&Value> = [x, weight].into_iter().chain(bias).collect();
        self.node("Conv", &inputs, attributes, shape)
    }

    /// The mean of each channel of `[N, C, H, W]`, as `[N, C, 1, 1]`.
    pub fn global_average_pool(&mut self, x: &Value) -> Value {
        let shape = vec![x.shape()[0], x.shape()[1], fixed(1), fixed(1)];
        self.node("GlobalAveragePool", &[x], vec![], shape)
    }

    /// Doubles height and width of `[N, C, H, W]` by repeating pixels.
    pub fn upsample(&mut self, x: &Value) -> Value {
        let scales = self.constant(&[4], &[1.0, 1.0, 2.0, 2.0]);
        let no_region = absent();
        let shape = vec![x.shape()[0], x.shape()[1], fixed(2 * x.size(2)), fixed(2 * x.size(3))];
        let attributes = vec![
            string("mode", "nearest"),
            string("coordinate_transformation_mode", "asymmetric"),
            string("nearest_mode", "floor"),
        ];
        self.node("Resize", &[x, &no_region, &scales], attributes, shape)
    }

    /// `a b` of each pair of matrices in two stacks `[C, m, k]` and `[C, k, n]`; `at`/`bt` say which stack
    /// holds them transposed.
    pub fn stacked_matmul(&mut self, (a, at): (&Value, bool), (b, bt): (&Value, bool)) -> Value {
        let [a, b] = [(a, at), (b, bt)].map(|(x, transposed)| match transposed {
            // ONNX Runtime makes one operator of both
            true => self.transpose(x, &[0, 2, 1]),
            false => x.clone(),
        });
        let ([c, m, k], [c_b, k_b, n]) = (three(&a), three(&b));
        assert_eq!((c, k), (c_b, k_b), "stacked matmul {:?} by {:?}", a.shape(), b.shape());
        self.node("MatMul", &[&a, &b], vec![], vec![c, m, n])
    }

    /// `[C, slots, N]` with one more slot for each of `values`, which it holds everywhere.
    pub fn append_slots(&mut self, x: &Value, values: &[f32]) -> Value {
        let (channels, slots) = (x.size(0), x.size(1));
        let size = self.node("Shape", &[x], vec![int("start", 2)], vec![fixed(1)]);
        let outer = self.integers(&[channels as i64, values.len() as i64]);
        let shape = self.node("Concat", &[&outer, &size], vec![int("axis", 0)], vec![fixed(3)]);
        let column = self.constant(&[1, values.len(), 1], values);
        let added = vec![fixed(channels), fixed(values.len()), x.shape()[2]];
        let added = self.node("Expand", &[&column, &shape], vec![], added);
        let longer = vec![fixed(channels), fixed(slots + values.len()), x.shape()[2]];
        self.node("Concat", &[x, &added], vec![int("axis", 1)], longer)
    }

    /// 1 where `low < x < high`, else 0.
    pub fn between(&mut self, x: &Value, low: f32, high: f32) -> Value {
        let (low, high) = (self.scalar(low), self.scalar(high));
        let shape = || x.shape().to_vec();
        let above = self.node("Greater", &[x, &low], vec![], shape());
        let below = self.node("Less", &[x, &high], vec![], shape());
        let both = self.node("And", &[&above, &below], vec![], shape());
        self.node("Cast", &[&both], vec![int("to", data_type::FLOAT.into())], shape())
    }
}

fn three(x: &Value) -> [Dim; 3] {
    std::array::from_fn(|i| x.shape()[i])
}
