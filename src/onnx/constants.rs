//! What a graph from an unknown source computes whatever its input is.
//!
//! The runtime computes that once, when it loads the graph, with no limit of time or memory, and cannot be
//! stopped meanwhile. [`Constants::folds`] says whether it is small for certain; the runtime must not do it
//! elsewhere. A [`Trap`] is what no encoder of images has: training mode, and tensors of gigabytes that are
//! made from a few numbers. Only what can be read off the file is found; what depends on computed numbers is
//! noticed when the graph runs.

use std::collections::HashMap;

use super::wire::{Fields, Payload, cut, numbers, text};

/// Elements of a tensor that a node makes of nothing: 1 GB.
const MAX_ELEMENTS: u64 = 1 << 28;

/// Elements that may be computed ahead, and for each of a weight.
const FEW: u64 = 1 << 20;
const PER_WEIGHT: u64 = 4;

/// Tensors of more numbers are no shapes.
const MAX_LITERAL: usize = 16;

/// Operators whose output has no more elements than their first input.
const SAME_SIZE: [&str; 24] = [
    "Abs",
    "Cast",
    "Ceil",
    "CastLike",
    "Clip",
    "DequantizeLinear",
    "Exp",
    "Flatten",
    "Floor",
    "Identity",
    "Log",
    "Neg",
    "Not",
    "QuantizeLinear",
    "Reciprocal",
    "Relu",
    "Reshape",
    "Round",
    "Sigmoid",
    "Slice",
    "Sqrt",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// Operators whose output has at most as many elements as the product of their inputs.
const PRODUCT: [&str; 13] =
    ["Add", "And", "Div", "Equal", "Gather", "Greater", "Less", "Mod", "Mul", "Or", "Pow", "Sub", "Where"];

/// Why a sound file is not to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// What was expected and found.
    pub what: String,
    /// What to do.
    pub hint: &'static str,
}

/// A tensor that does not depend on inputs.
#[derive(Debug, Clone, Default)]
struct Constant {
    /// It has no more elements.
    most: u64,
    /// Its numbers, if they are few integers or truth values that stand in the file.
    literal: Option<Vec<i64>>,
}

/// What was found in a graph.
#[derive(Debug, Default)]
pub(super) struct Constants<'a> {
    /// The first trap.
    pub(super) trap: Option<Trap>,
    known: HashMap<&'a str, Constant>,
    weights: u64,
    /// Elements that are computed ahead.
    work: u64,
    /// Something is computed ahead of which no limit is known.
    is_open: bool,
}

/// The parts of a node.
struct Node<'a> {
    operator: &'a str,
    inputs: Vec<&'a str>,
    outputs: Vec<&'a str>,
    attributes: Vec<&'a [u8]>,
}

impl<'a> Constants<'a> {
    /// Examines a graph, whose depth was checked.
    pub(super) fn of(graph: &'a [u8]) -> Result<Constants<'a>, String> {
        let mut constants = Constants::default();
        constants.graph(graph)?;
        Ok(constants)
    }

    /// Whether what does not depend on inputs is few numbers, or not many more than there are weights.
    pub(super) fn folds(&self) -> bool {
        !self.is_open && self.work <= FEW.max(self.weights.saturating_mul(PER_WEIGHT))
    }

    fn graph(&mut self, graph: &'a [u8]) -> Result<(), String> {
        for field in Fields::of(graph) {
            if let (5, Payload::Bytes(tensor)) = field? {
                let constant = read(tensor)?;
                self.weights = self.weights.saturating_add(constant.most);
                self.known.insert(text(tensor, 8)?, constant);
            }
        }
        for field in Fields::of(graph) {
            if let (1, Payload::Bytes(node)) = field? {
                self.node(&Node::of(node)?)?;
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &Node<'a>) -> Result<(), String> {
        for attribute in &node.attributes {
            for field in Fields::of(attribute) {
                if let (6 | 11, Payload::Bytes(graph)) = field? {
                    self.is_open = true; // as often as the node says
                    self.graph(graph)?;
                }
            }
        }
        if self.trap.is_none() {
            self.trap = self.training(node)?.or(self.huge(node)?);
        }
        let Some(constant) = self.computed_ahead(node)? else { return Ok(()) };
        for output in &node.outputs {
            self.known.insert(output, constant.clone());
        }
        Ok(())
    }

    /// What a node gives, if that does not depend on inputs of the graph.
    fn computed_ahead(&mut self, node: &Node<'a>) -> Result<Option<Constant>, String> {
        match node.operator {
            "Constant" => return node.constant(),
            // The runtime knows the shapes of many tensors that depend on inputs.
            "Shape" | "Size" => return Ok(Some(Constant { most: MAX_LITERAL as u64, literal: None })),
            _ => {}
        }
        let inputs: Vec<u64> =
            node.named_inputs().filter_map(|name| self.known.get(name)).map(|known| known.most).collect();
        if inputs.is_empty() || inputs.len() < node.named_inputs().count() {
            return Ok(None);
        }
        let most = match node.operator {
            operator if SAME_SIZE.contains(&operator) => inputs[0],
            operator if PRODUCT.contains(&operator) => {
                inputs.iter().fold(1, |all: u64, &n| all.saturating_mul(n))
            }
            "Concat" => inputs.iter().fold(0, |all: u64, &n| all.saturating_add(n)),
            "ConstantOfShape" | "Expand" => self.size(node).unwrap_or(u64::MAX),
            _ => u64::MAX,
        };
        self.work = self.work.saturating_add(most);
        Ok(Some(Constant { most, literal: None }))
    }

    /// A node that computes in training mode.
    fn training(&self, node: &Node<'_>) -> Result<Option<Trap>, String> {
        let trains = match node.operator {
            "BatchNormalization" => node.number("training_mode")? == Some(1),
            "Dropout" => self.literal(node, 2).is_some_and(|values| values.first() == Some(&1)),
            _ => false,
        };
        Ok(trains.then(|| Trap {
            what: format!("{}: expected inference mode, got training mode", cut(node.operator)),
            hint: "export the encoder for inference (in PyTorch after model.eval(), with training=EVAL)",
        }))
    }

    /// A node that makes a huge tensor of a few numbers.
    fn huge(&self, node: &Node<'_>) -> Result<Option<Trap>, String> {
        let size = match node.operator {
            "RandomNormal" | "RandomUniform" => Some(product(&node.numbers("shape")?)),
            _ => self.size(node),
        };
        Ok(size.filter(|&size| size > MAX_ELEMENTS).map(|size| Trap {
            what: format!("{}: expected at most {MAX_ELEMENTS} numbers, got {size}", cut(node.operator)),
            hint: "no encoder of images makes such large tensors: do not use this file",
        }))
    }

    /// At least so many elements does the output have, as numbers in the file say.
    fn size(&self, node: &Node<'_>) -> Option<u64> {
        match node.operator {
            "ConstantOfShape" => Some(product(self.literal(node, 0)?)),
            "Expand" | "Tile" => Some(product(self.literal(node, 1)?)),
            "Resize" => Some(product(self.literal(node, 3)?)),
            "Range" => {
                let number = |at| Some(i128::from(*self.literal(node, at)?.first()?));
                let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
                u64::try_from((limit - start).checked_div(step)?.max(0)).ok()
            }
            _ => None,
        }
    }

    /// The numbers of an input, where they stand in the file.
    fn literal(&self, node: &Node<'_>, input: usize) -> Option<&[i64]> {
        self.known.get(*node.inputs.get(input)?)?.literal.as_deref()
    }
}

impl<'a> Node<'a> {
    fn of(node: &'a [u8]) -> Result<Node<'a>, String> {
        let (mut inputs, mut outputs, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
        let name = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        for field in Fields::of(node) {
            match field? {
                (1, Payload::Bytes(input)) => inputs.push(name(input)),
                (2, Payload::Bytes(output)) => outputs.push(name(output)),
                (5, Payload::Bytes(attribute)) => attributes.push(attribute),
                _ => {}
            }
        }
        Ok(Node { operator: text(node, 4)?, inputs, outputs, attributes })
    }

    /// An optional input that is left out has no name.
    fn named_inputs(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.inputs.iter().copied().filter(|name| !name.is_empty())
    }

    fn attribute(&self, name: &str) -> Result<Option<&'a [u8]>, String> {
        for attribute in &self.attributes {
            if text(attribute, 1)? == name {
                return Ok(Some(attribute));
            }
        }
        Ok(None)
    }

    /// The integer of an attribute.
    fn number(&self, name: &str) -> Result<Option<i64>, String> {
        let mut found = None;
        for field in Fields::of(self.attribute(name)?.unwrap_or_default()) {
            if let (3, Payload::Number(number)) = field? {
                found = Some(number.cast_signed());
            }
        }
        Ok(found)
    }

    /// The integers of an attribute.
    fn numbers(&self, name: &str) -> Result<Vec<i64>, String> {
        integers(self.attribute(name)?.unwrap_or_default(), 8)
    }

    /// What a node `Constant` gives.
    fn constant(&self) -> Result<Option<Constant>, String> {
        for field in Fields::of(self.attribute("value")?.unwrap_or_default()) {
            if let (5, Payload::Bytes(tensor)) = field? {
                return read(tensor).map(Some);
            }
        }
        let literal = match self.number("value_int")? {
            Some(number) => vec![number],
            None => self.numbers("value_ints")?,
        };
        // The other kinds are lists of numbers or texts in the file.
        let most = self.attributes.iter().map(|attribute| attribute.len() as u64).sum();
        Ok(Some(Constant { most, literal: (!literal.is_empty()).then_some(literal) }))
    }
}

/// A `TensorProto`.
fn read(tensor: &[u8]) -> Result<Constant, String> {
    const WIDTHS: [(u64, usize); 3] = [(6, 4), (7, 8), (9, 1)]; // int32, int64, bool
    let (mut kind, mut raw) = (0, None);
    for field in Fields::of(tensor) {
        match field? {
            (2, Payload::Number(number)) => kind = number,
            (9, Payload::Bytes(bytes)) => raw = Some(bytes),
            _ => {}
        }
    }
    let most = product(&integers(tensor, 1)?);
    let width = WIDTHS.iter().find(|(number, _)| *number == kind).map(|(_, width)| *width);
    let literal = match (width, raw) {
        (Some(width), Some(raw)) if raw.len() <= MAX_LITERAL * width => {
            Some(raw.chunks_exact(width).map(little_endian).collect())
        }
        (Some(8), None) => Some(integers(tensor, 7)?),
        (Some(_), None) => Some(integers(tensor, 5)?),
        _ => None,
    };
    Ok(Constant { most, literal: literal.filter(|values: &Vec<i64>| values.len() <= MAX_LITERAL) })
}

/// A signed integer of 1 to 8 bytes.
fn little_endian(bytes: &[u8]) -> i64 {
    let negative = bytes.len() > 1 && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut all = [if negative { 0xff } else { 0 }; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(all)
}

/// The integers of a repeated field.
fn integers(message: &[u8], field: u32) -> Result<Vec<i64>, String> {
    let mut found = Vec::new();
    for part in Fields::of(message) {
        match part? {
            (number, payload) if number == field => {
                for number in numbers(payload) {
                    if found.len() <= MAX_LITERAL {
                        found.push(number?.cast_signed());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Elements of a tensor of these dimensions; those that are left to the runtime count once.
fn product(dims: &[i64]) -> u64 {
    dims.iter().map(|&dim| u64::try_from(dim).unwrap_or(1)).fold(1, u64::saturating_mul)
}
