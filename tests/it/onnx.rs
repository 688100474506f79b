//! ONNX files put together byte by byte, as exporters of this program would not write them: protobuf
//! messages, and the nodes, tensors and ports of a graph made of them.

/// The bytes of a protobuf message, field by field.
#[derive(Default, Clone)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    pub(crate) fn number(self, field: u64, value: u64) -> Self {
        self.varint(field << 3).varint(value)
    }

    pub(crate) fn bytes(self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let mut message = self.varint(field << 3 | 2).varint(value.as_ref().len() as u64);
        message.0.extend_from_slice(value.as_ref());
        message
    }

    pub(crate) fn all<T: AsRef<[u8]>>(self, field: u64, values: impl IntoIterator<Item = T>) -> Self {
        values.into_iter().fold(self, |message, value| message.bytes(field, value))
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

pub(crate) fn message() -> Message {
    Message::default()
}

pub(crate) const FLOAT: u64 = 1;
pub(crate) const BYTE: u64 = 2;
pub(crate) const FLOAT16: u64 = 10;
pub(crate) const DOUBLE: u64 = 11;

/// A dimension: a size, or 0 for an open one.
pub(crate) fn port(name: &str, element: u64, dims: &[u64]) -> Message {
    let dim = |&size: &u64| match size {
        0 => message().bytes(2, "open"),
        _ => message().number(1, size),
    };
    let shape = message().all(1, dims.iter().map(dim));
    let tensor = message().number(1, element).bytes(2, shape);
    message().bytes(1, name).bytes(2, message().bytes(1, tensor))
}

pub(crate) fn node(op: &str, inputs: &[&str], output: &str, attributes: &[Message]) -> Message {
    message().all(1, inputs).bytes(2, output).bytes(4, op).all(5, attributes)
}

pub(crate) fn ints(name: &str, values: &[u64]) -> Message {
    let attribute = message().bytes(1, name).number(20, 7);
    values.iter().fold(attribute, |attribute, &value| attribute.number(8, value))
}

pub(crate) fn int(name: &str, value: u64) -> Message {
    message().bytes(1, name).number(20, 2).number(3, value)
}

pub(crate) fn tensor(name: &str, dims: &[u64]) -> Message {
    dims.iter().fold(message(), |tensor, &dim| tensor.number(1, dim)).number(2, FLOAT).bytes(8, name)
}

/// A tensor of one dimension of int64.
pub(crate) fn int64s(name: &str, values: &[u64]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    message().number(1, values.len() as u64).number(2, 7).bytes(8, name).bytes(9, raw)
}

/// Where an external tensor says it lies.
pub(crate) fn external(name: &str, dims: &[u64], location: &str, place: [usize; 2]) -> Message {
    let entry = |key: &str, value: &str| message().bytes(1, key).bytes(2, value);
    let [offset, length] = place.map(|n| n.to_string());
    tensor(name, dims)
        .bytes(13, entry("location", location))
        .bytes(13, entry("offset", &offset))
        .bytes(13, entry("length", &length))
        .number(14, 1)
}

/// A graph in parts, so that tests can change one of them.
#[derive(Clone, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Message>,
    pub(crate) weights: Vec<Message>,
    pub(crate) inputs: Vec<Message>,
    pub(crate) outputs: Vec<Message>,
    pub(crate) functions: Vec<Message>,
}

impl Graph {
    pub(crate) fn file(&self) -> Vec<u8> {
        let graph = message()
            .all(1, &self.nodes)
            .bytes(2, "g")
            .all(5, &self.weights)
            .all(11, &self.inputs)
            .all(12, &self.outputs);
        let opset = |domain: &str, version| message().bytes(1, domain).number(2, version);
        let opsets = [opset("", 17), opset("mine", 1)];
        message().number(1, 8).bytes(7, graph).all(8, opsets).all(25, &self.functions).0
    }
}
