//! A typed builder for ONNX graphs: every [`Value`] carries its shape, every method infers the shape of its
//! result.
//!
//! Shapes are lists of [`Dim`]s, fixed or a multiple of the batch size N, which stays open until the graph is
//! run; a matrix `[C, P*N]` and a tensor `[C, P, N]` are the same bytes, and `reshape` between them is free.
//! A wrong shape is a mistake in the caller's code, not in anybody's data, so it is an assertion here.
//! Operators are of opset 17.

use super::dims::{Dim, Shape, broadcast, elements, fixed};
use super::fields::{float, int, ints, value_info};
use super::file::OnnxFile;
use super::messages::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto, data_type};
use half::f16;
use std::collections::HashMap;
use std::rc::Rc;

/// The result of a node, an input, or a constant of one [`Graph`].
#[derive(Debug, Clone)]
pub struct Value {
    name: Rc<str>,
    shape: Shape,
}

impl Value {
    /// The shape, outermost dimension first.
    pub fn shape(&self) -> &[Dim] {
        &self.shape
    }

    /// The name within the graph: unique, and the key by which gradients are kept.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size of dimension `i`, which must be fixed.
    pub fn size(&self, i: usize) -> usize {
        match self.shape[i] {
            Dim::Fixed(n) => n,
            Dim::Batch(_) => panic!("dimension {i} of {:?} depends on the batch", self.shape),
        }
    }
}

/// Stands for an input that is left out.
pub(super) fn absent() -> Value {
    Value { name: "".into(), shape: vec![] }
}

/// A graph under construction.
#[derive(Default)]
pub struct Graph {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<(Value, String)>,
    constants: HashMap<(i32, Vec<i64>, Vec<u8>), Value>,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares an `f32` input.
    pub fn input(&mut self, name: &str, shape: Shape) -> Value {
        self.inputs.push(value_info(name, &shape));
        Value { name: name.into(), shape }
    }

    /// Declares `value` as the next output, called `name` in the finished graph.
    pub fn output(&mut self, name: &str, value: &Value) {
        self.outputs.push((value.clone(), name.to_owned()));
    }

    /// A named `f32` constant: a weight.
    pub fn weight(&mut self, name: &str, dims: &[usize], data: &[f32]) -> Value {
        assert_eq!(dims.iter().product::<usize>(), data.len(), "weight {name}");
        self.stored(data_type::FLOAT, name, dims, data.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// A weight stored in 16 bits, rounded to the nearest, and widened to `f32` by a node that ONNX Runtime
    /// computes once, when it loads the graph.
    pub fn half_weight(&mut self, name: &str, dims: &[usize], data: &[f32]) -> Value {
        assert_eq!(dims.iter().product::<usize>(), data.len(), "weight {name}");
        let bytes = data.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect();
        let stored = self.stored(data_type::FLOAT16, name, dims, bytes);
        self.node("Cast", &[&stored], vec![int("to", data_type::FLOAT.into())], stored.shape.clone())
    }

    /// A named constant of any type, from its bytes.
    pub(super) fn stored(&mut self, kind: i32, name: &str, dims: &[usize], bytes: Vec<u8>) -> Value {
        self.initializers.push(TensorProto {
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type: kind,
            float_data: vec![],
            name: name.to_owned(),
            raw_data: bytes,
        });
        Value { name: name.into(), shape: dims.iter().map(|&d| fixed(d)).collect() }
    }

    /// An `f32` constant; equal constants are stored once.
    pub fn constant(&mut self, dims: &[usize], data: &[f32]) -> Value {
        let bytes = data.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.shared_constant(data_type::FLOAT, dims, bytes)
    }

    /// A scalar `f32` constant.
    pub fn scalar(&mut self, x: f32) -> Value {
        self.constant(&[], &[x])
    }

    pub(crate) fn integers(&mut self, data: &[i64]) -> Value {
        self.shared_constant(
            data_type::INT64,
            &[data.len()],
            data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        )
    }

    /// A constant of any type; equal ones are stored once.
    pub(super) fn shared_constant(&mut self, kind: i32, dims: &[usize], bytes: Vec<u8>) -> Value {
        let dims_i64: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        let name = format!("const{}", self.constants.len());
        let initializers = &mut self.initializers;
        self.constants
            .entry((kind, dims_i64.clone(), bytes.clone()))
            .or_insert_with(|| {
                let tensor = TensorProto {
                    dims: dims_i64,
                    data_type: kind,
                    float_data: vec![],
                    name: name.clone(),
                    raw_data: bytes,
                };
                initializers.push(tensor);
                Value { name: name.into(), shape: dims.iter().map(|&d| fixed(d)).collect() }
            })
            .clone()
    }

    /// Appends a node with one result of the given shape.
    pub(crate) fn node(
        &mut self,
        op: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
        shape: Shape,
    ) -> Value {
        let name: Rc<str> = format!("{op}{}", self.nodes.len()).into();
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|v| v.name.to_string()).collect(),
            output: vec![name.to_string()],
            name: name.to_string(),
            op_type: op.to_owned(),
            attribute: attributes,
        });
        Value { name, shape }
    }

    fn unary(&mut self, op: &str, x: &Value) -> Value {
        self.node(op, &[x], vec![], x.shape.clone())
    }

    /// Elementwise with broadcasting; a fixed dimension of 1 stretches.
    fn binary(&mut self, op: &str, a: &Value, b: &Value) -> Value {
        let shape = broadcast(&a.shape, &b.shape);
        self.node(op, &[a, b], vec![], shape)
    }

    /// `a + b`, broadcasting.
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Add", a, b)
    }

    /// `a - b`, broadcasting.
    pub fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Sub", a, b)
    }

    /// `a * b`, broadcasting.
    pub fn mul(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Mul", a, b)
    }

    /// `a / b`, broadcasting.
    pub fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Div", a, b)
    }

    /// Square root.
    pub fn sqrt(&mut self, x: &Value) -> Value {
        self.unary("Sqrt", x)
    }

    /// `max(x, 0)`.
    pub fn relu(&mut self, x: &Value) -> Value {
        self.unary("Relu", x)
    }

    /// `log(1 + exp(x))`, without overflow: `max(x, 0) - log(sigmoid(|x|))`, which takes a fifth of the time
    /// of ONNX Runtime's own operator.
    pub fn softplus(&mut self, x: &Value) -> Value {
        let size = self.unary("Abs", x);
        let near_one = self.sigmoid(&size);
        let rest = self.unary("Log", &near_one);
        let linear = self.relu(x);
        self.sub(&linear, &rest)
    }

    /// `1 / (1 + exp(-x))`.
    pub fn sigmoid(&mut self, x: &Value) -> Value {
        self.unary("Sigmoid", x)
    }

    /// `exp(x)`.
    pub fn exp(&mut self, x: &Value) -> Value {
        self.unary("Exp", x)
    }

    /// Hyperbolic tangent.
    pub fn tanh(&mut self, x: &Value) -> Value {
        self.unary("Tanh", x)
    }

    /// -1, 0 or 1.
    pub fn sign(&mut self, x: &Value) -> Value {
        self.unary("Sign", x)
    }

    /// `x` kept between two numbers.
    pub fn clip(&mut self, x: &Value, low: f32, high: f32) -> Value {
        let (low, high) = (self.scalar(low), self.scalar(high));
        self.node("Clip", &[x, &low, &high], vec![], x.shape.clone())
    }

    /// 1 where `a >= b`, else 0, broadcasting.
    pub fn at_least(&mut self, a: &Value, b: &Value) -> Value {
        let truth = self.binary("GreaterOrEqual", a, b);
        self.node("Cast", &[&truth], vec![int("to", data_type::FLOAT.into())], truth.shape.clone())
    }

    /// 1 where `a > b`, else 0, broadcasting.
    pub fn above(&mut self, a: &Value, b: &Value) -> Value {
        let truth = self.binary("Greater", a, b);
        self.node("Cast", &[&truth], vec![int("to", data_type::FLOAT.into())], truth.shape.clone())
    }

    /// 1 where `x` is not zero, else 0. Two casts cost less in ONNX Runtime than `Where` or `Sign`.
    pub fn nonzero(&mut self, x: &Value) -> Value {
        let truth = self.node("Cast", &[x], vec![int("to", data_type::BOOL.into())], x.shape.clone());
        self.node("Cast", &[&truth], vec![int("to", data_type::FLOAT.into())], x.shape.clone())
    }

    /// The number of elements of `x`, a scalar known only when the graph runs.
    pub fn count(&mut self, x: &Value) -> Value {
        let count = self.node("Size", &[x], vec![], vec![]);
        self.node("Cast", &[&count], vec![int("to", data_type::FLOAT.into())], vec![])
    }

    /// The mean of all elements, a scalar.
    pub fn mean(&mut self, x: &Value) -> Value {
        self.node("ReduceMean", &[x], vec![int("keepdims", 0)], vec![])
    }

    /// Sums over one axis, which disappears.
    pub fn sum_axis(&mut self, x: &Value, axis: usize) -> Value {
        let axes = self.integers(&[axis as i64]);
        let mut shape = x.shape.clone();
        shape.remove(axis);
        self.node("ReduceSum", &[x, &axes], vec![int("keepdims", 0)], shape)
    }

    /// Means over one axis, which disappears.
    pub fn mean_axis(&mut self, x: &Value, axis: usize) -> Value {
        self.reduce("ReduceMean", x, axis)
    }

    /// Sums of squares over one axis, which disappears.
    pub fn sum_squares_axis(&mut self, x: &Value, axis: usize) -> Value {
        self.reduce("ReduceSumSquare", x, axis)
    }

    /// `log(sum(exp(x)))` over one axis, which disappears; without overflow.
    pub fn log_sum_exp_axis(&mut self, x: &Value, axis: usize) -> Value {
        self.reduce("ReduceLogSumExp", x, axis)
    }

    /// A reduction whose axes are an attribute, as in opset 17 all but `ReduceSum` have them.
    fn reduce(&mut self, op: &str, x: &Value, axis: usize) -> Value {
        let mut shape = x.shape.clone();
        shape.remove(axis);
        self.node(op, &[x], vec![ints("axes", &[axis as i64]), int("keepdims", 0)], shape)
    }

    /// Softmax over the last axis.
    pub fn softmax(&mut self, x: &Value) -> Value {
        self.node("Softmax", &[x], vec![int("axis", -1)], x.shape.clone())
    }

    /// The identity matrix in the shape of the square matrix `x`.
    pub fn identity_like(&mut self, x: &Value) -> Value {
        self.unary("EyeLike", x)
    }

    /// For each row of a matrix `[rows, n]` the smallest of its larger half, `[rows, 1]`; an odd row's half
    /// is rounded down.
    pub fn median_of_rows(&mut self, x: &Value) -> Value {
        let shape = self.node("Shape", &[x], vec![int("start", 1), int("end", 2)], vec![fixed(1)]);
        let two = self.integers(&[2]);
        let half = self.node("Div", &[&shape, &two], vec![], vec![fixed(1)]);
        let one = self.integers(&[1]);
        let half = self.node("Max", &[&half, &one], vec![], vec![fixed(1)]);
        let name = format!("TopK{}", self.nodes.len());
        let values = Value { name: format!("{name}_values").into(), shape: x.shape.clone() };
        self.nodes.push(NodeProto {
            input: vec![x.name.to_string(), half.name.to_string()],
            output: vec![values.name.to_string(), format!("{name}_indices")],
            name,
            op_type: "TopK".into(),
            attribute: vec![int("axis", 1), int("largest", 1), int("sorted", 0)],
        });
        let least = self.reduce("ReduceMin", &values, 1);
        self.reshape(&least, vec![x.shape[0], fixed(1)])
    }

    /// `x * scale + shift` with one scale and shift, `[C]`, per channel of `[C, n]`: one pass over memory.
    pub fn channel_affine(&mut self, x: &Value, scale: &Value, shift: &Value) -> Value {
        let channels = x.size(0);
        let zeros = self.constant(&[channels], &vec![0.0; channels]);
        let ones = self.constant(&[channels], &vec![1.0; channels]);
        let planes = self.reshape(x, vec![fixed(1), x.shape[0], x.shape[1]]);
        let inputs = [&planes, scale, shift, &zeros, &ones];
        let y = self.node("BatchNormalization", &inputs, vec![float("epsilon", 0.0)], planes.shape.clone());
        self.reshape(&y, x.shape.clone())
    }

    /// The two halves of the batch, the last axis, which must be even. Each half is called N again: what is
    /// made of it is a graph of its own until [`Graph::join_halves`].
    pub fn halves(&mut self, x: &Value) -> [Value; 2] {
        let name = format!("Split{}", self.nodes.len());
        let halves =
            ["_0", "_1"].map(|end| Value { name: format!("{name}{end}").into(), shape: x.shape.clone() });
        self.nodes.push(NodeProto {
            input: vec![x.name.to_string()],
            output: halves.iter().map(|v| v.name.to_string()).collect(),
            name,
            op_type: "Split".into(),
            attribute: vec![int("axis", x.shape.len() as i64 - 1)],
        });
        halves
    }

    /// The reverse of [`Graph::halves`].
    pub fn join_halves(&mut self, [a, b]: [&Value; 2]) -> Value {
        let axis = a.shape.len() as i64 - 1;
        self.node("Concat", &[a, b], vec![int("axis", axis)], a.shape.clone())
    }

    /// Zeros in the shape of `x`.
    pub fn zeros_like(&mut self, x: &Value) -> Value {
        let zero = self.scalar(0.0);
        self.mul(x, &zero)
    }

    /// `a b` over the last two axes; `a` is a matrix, `b` a stack of them.
    pub fn matmul(&mut self, a: &Value, b: &Value) -> Value {
        let (rank, last) = (b.shape.len(), b.shape.len() - 1);
        assert_eq!(a.shape[1], b.shape[rank - 2], "matmul {:?} by {:?}", a.shape, b.shape);
        let mut shape = b.shape[..last].to_vec();
        shape[rank - 2] = a.shape[0];
        shape.push(b.shape[last]);
        self.node("MatMul", &[a, b], vec![], shape)
    }

    /// The same elements under another shape; at most one dimension may depend on the batch.
    pub fn reshape(&mut self, x: &Value, shape: Shape) -> Value {
        assert_eq!(elements(&x.shape), elements(&shape), "reshape {:?} to {shape:?}", x.shape);
        if x.shape == shape {
            return x.clone();
        }
        let target: Vec<i64> =
            shape.iter().map(|d| if let Dim::Fixed(n) = d { *n as i64 } else { -1 }).collect();
        let target = self.integers(&target);
        self.node("Reshape", &[x, &target], vec![], shape)
    }

    /// Dimension `permutation[i]` of `x` becomes dimension `i`.
    pub fn transpose(&mut self, x: &Value, permutation: &[usize]) -> Value {
        let shape = permutation.iter().map(|&i| x.shape[i]).collect();
        let axes: Vec<i64> = permutation.iter().map(|&i| i as i64).collect();
        self.node("Transpose", &[x], vec![ints("perm", &axes)], shape)
    }

    /// Columns `range` of a matrix.
    pub fn columns(&mut self, x: &Value, range: std::ops::Range<usize>) -> Value {
        let [from, to, axis] = [range.start, range.end, 1].map(|i| self.integers(&[i as i64]));
        self.node("Slice", &[x, &from, &to, &axis], vec![], vec![x.shape[0], fixed(range.len())])
    }

    /// Joins values along `axis`.
    pub fn concat(&mut self, values: &[Value], axis: usize) -> Value {
        if let [only] = values {
            return only.clone();
        }
        let mut shape = values[0].shape.clone();
        shape[axis] = fixed(values.iter().map(|v| v.size(axis)).sum());
        let inputs: Vec<&Value> = values.iter().collect();
        self.node("Concat", &inputs, vec![int("axis", axis as i64)], shape)
    }

    /// Cuts `x` along axis 0 into pieces of the given sizes.
    pub fn split(&mut self, x: &Value, sizes: &[usize]) -> Vec<Value> {
        assert_eq!(x.size(0), sizes.iter().sum::<usize>(), "split");
        let lengths = self.integers(&sizes.iter().map(|&s| s as i64).collect::<Vec<_>>());
        let name = format!("Split{}", self.nodes.len());
        let pieces: Vec<Value> = (sizes.iter().enumerate())
            .map(|(i, &s)| {
                let mut shape = x.shape.clone();
                shape[0] = fixed(s);
                Value { name: format!("{name}_{i}").into(), shape }
            })
            .collect();
        self.nodes.push(NodeProto {
            input: vec![x.name.to_string(), lengths.name.to_string()],
            output: pieces.iter().map(|v| v.name.to_string()).collect(),
            name,
            op_type: "Split".into(),
            attribute: vec![int("axis", 0)],
        });
        pieces
    }

    /// `x[:, table[0]], x[:, table[1]], ...` along axis 1; an entry of `None` gives zeros.
    ///
    /// This one operator carries im2col, its adjoint, cropping and every change of pixel order.
    pub fn gather(&mut self, x: &Value, table: &[Option<usize>]) -> Value {
        let slots = x.size(1);
        assert!(table.iter().flatten().all(|&s| s < slots), "gather beyond {slots} slots");
        let mut source = x.clone();
        if table.contains(&None) {
            // one more slot, all zeros, at the end
            let mut pads = vec![0; 2 * x.shape.len()];
            pads[x.shape.len() + 1] = 1;
            let pads = self.integers(&pads);
            let mut shape = x.shape.clone();
            shape[1] = fixed(slots + 1);
            source = self.node("Pad", &[x, &pads], vec![], shape);
        }
        let indices: Vec<i64> = table.iter().map(|s| s.unwrap_or(slots) as i64).collect();
        let indices = self.integers(&indices);
        let mut shape = x.shape.clone();
        shape[1] = fixed(table.len());
        self.node("Gather", &[&source, &indices], vec![int("axis", 1)], shape)
    }

    /// `a b`, both matrices; `at`/`bt` say which operand stands transposed. `bias` is added, broadcast.
    pub fn gemm(&mut self, (a, at): (&Value, bool), (b, bt): (&Value, bool), bias: Option<&Value>) -> Value {
        let (rows, inner) = if at { (a.shape[1], a.shape[0]) } else { (a.shape[0], a.shape[1]) };
        let (inner_b, columns) = if bt { (b.shape[1], b.shape[0]) } else { (b.shape[0], b.shape[1]) };
        assert_eq!(inner, inner_b, "gemm {:?} {at} by {:?} {bt}", a.shape, b.shape);
        let mut inputs = vec![a, b];
        inputs.extend(bias);
        let attributes = vec![int("transA", at.into()), int("transB", bt.into())];
        self.node("Gemm", &inputs, attributes, vec![rows, columns])
    }

    /// A forward LSTM over `[steps, N, inputs]` with `[input weight, state weight, bias]`, gates in ONNX's
    /// order: all states `[steps, 1, N, units]` and the last one `[1, N, units]`.
    pub fn lstm(&mut self, x: &Value, [w, r, b]: &[Value; 3], units: usize) -> [Value; 2] {
        let stacked = |v: &Value| [vec![fixed(1)], v.shape.clone()].concat();
        let [w, r] = [w, r].map(|v| self.reshape(v, stacked(v)));
        let b = self.reshape(b, vec![fixed(1), b.shape[0]]);
        let none = self.constant(&[1, 4 * units], &vec![0.0; 4 * units]);
        // the operator wants one bias for each of its two products
        let b = self.node("Concat", &[&b, &none], vec![int("axis", 1)], vec![fixed(1), fixed(8 * units)]);
        let name = format!("LSTM{}", self.nodes.len());
        let all = vec![x.shape[0], fixed(1), x.shape[1], fixed(units)];
        let outputs = [("all", all), ("last", vec![fixed(1), x.shape[1], fixed(units)])]
            .map(|(end, shape)| Value { name: format!("{name}_{end}").into(), shape });
        self.nodes.push(NodeProto {
            input: [x, &w, &r, &b].map(|v| v.name.to_string()).into(),
            output: outputs.iter().map(|v| v.name.to_string()).collect(),
            name,
            op_type: "LSTM".into(),
            attribute: vec![int("hidden_size", units as i64)],
        });
        outputs
    }

    /// The finished model, without metadata.
    pub fn finish(mut self, name: &str) -> OnnxFile {
        let renamed: HashMap<&str, &str> =
            self.outputs.iter().map(|(v, name)| (v.name(), name.as_str())).collect();
        for wire in self.nodes.iter_mut().flat_map(|n| n.input.iter_mut().chain(n.output.iter_mut())) {
            if let Some(&name) = renamed.get(wire.as_str()) {
                *wire = name.to_owned();
            }
        }
        let output = self.outputs.iter().map(|(v, name)| value_info(name, &v.shape)).collect();
        OnnxFile::from_graph(GraphProto {
            node: self.nodes,
            name: name.to_owned(),
            initializer: self.initializers,
            input: self.inputs,
            output,
        })
    }
}
