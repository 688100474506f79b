//! What an ONNX file from an unknown source would make ONNX Runtime do, examined before the runtime sees it.
//!
//! ```text
//! bytes -> Outline::read -> inputs and outputs, files with its weights; or why it is refused
//! ```
//!
//! Custom operators, weights outside the folder of the file, and graphs that are deeper or larger than any
//! network are refused. Weights are not copied. What an input means is decided in `model`.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::constants::{Constants, Trap};
use super::wire::{Fields, Payload, cut, numbers, text};

/// Domains of the operators that ONNX Runtime has built in; the empty name is ONNX's own.
const DOMAINS: [&str; 4] = ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"];

/// An operator of `com.microsoft` that hands the runtime the name of another file.
const CONTEXT: &str = "EPContext";

/// Functions within functions.
const MAX_DEPTH: usize = 32;

/// A graph within a graph counts like so many functions: the time to load it doubles with each.
const GRAPH_DEPTH: usize = 4;

/// Nodes, their inputs and attributes, weights: large networks have some hundred thousand, functions written
/// out.
const MAX_PARTS: u64 = 4_000_000;

/// The same in graphs within the main one, each counted as often as the runtime examines it: two seconds.
const MAX_NESTED: u64 = 1_000_000;

/// The same in functions that the main graph calls, written out: loading takes time by the square, and some
/// seconds for these.
const MAX_WRITTEN_OUT: u64 = 100_000;

/// Files with weights, and inputs or outputs, that one file may name.
const MAX_NAMES: usize = 10_000;

/// A mark by which ONNX Runtime passes itself addresses in memory in place of the name of a file.
const ADDRESS: &str = "_ORT_MEM_ADDR_";

/// The names of ONNX's element types, by their number.
const ELEMENTS: [&str; 17] = [
    "undefined",
    "float32",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "float64",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
];

/// A file's inputs, outputs and companions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// What must be fed; weights that old files list as inputs are left out.
    pub inputs: Vec<Port>,
    /// What comes out.
    pub outputs: Vec<Port>,
    /// The files that hold weights, by the name the file gives, and how many bytes each must have at least.
    pub external: BTreeMap<String, u64>,
    /// Why it is not to be used as an encoder, although it is sound.
    pub trap: Option<Trap>,
    /// Whether computing ahead what does not depend on inputs takes little time and memory for certain.
    pub folds: bool,
    keys: HashSet<String>,
}

/// An input or output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// ONNX's number of the element type.
    element: u64,
    /// Each dimension, nothing where it is open; nothing at all where the file does not say how many there
    /// are.
    pub dims: Option<Vec<Option<usize>>>,
}

impl Port {
    /// The name of its element type.
    pub fn element(&self) -> &'static str {
        usize::try_from(self.element).ok().and_then(|at| ELEMENTS.get(at)).copied().unwrap_or("another type")
    }
}

impl Outline {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Says why, when the bytes are no ONNX file or one that is not to be run.
    pub fn read(bytes: &[u8]) -> Result<Outline, String> {
        if bytes.get(4..8) == Some(b"ORTM") {
            return Err(
                "expected an ONNX file, got ONNX Runtime's own format: export the model as .onnx".into()
            );
        }
        let mut walk = Walk::default();
        let (mut graphs, mut keys, mut main) = (0, HashSet::new(), &[][..]);
        for field in Fields::of(bytes) {
            match field? {
                (7, Payload::Bytes(graph)) => (graphs, main) = (graphs + 1, graph),
                (14, Payload::Bytes(entry)) if keys.len() < MAX_NAMES => {
                    keys.insert(pair(entry)?.0.to_owned());
                }
                (25, Payload::Bytes(function)) => walk.declare(function)?,
                _ => {}
            }
        }
        if graphs != 1 {
            return Err(format!(
                "not an ONNX file: expected a graph, got {}",
                if graphs == 0 { "none" } else { "several" }
            ));
        }
        walk.file(bytes)?;
        let constants = Constants::of(main)?;
        let folds = constants.folds() && walk.functions.is_empty();
        let trap = constants.trap;
        let external = walk.external.into_iter().map(|(name, end)| (name.to_owned(), end)).collect();
        let inputs =
            walk.inputs.into_iter().filter(|port| !walk.weights.contains(port.name.as_str())).collect();
        Ok(Outline { inputs, outputs: walk.outputs, external, trap, folds, keys })
    }

    /// Whether `metadata_props` has this key.
    pub fn has_key(&self, key: &str) -> bool {
        self.keys.contains(key)
    }
}

/// Domain and name of an operator or function.
type Operator<'a> = (&'a str, &'a str);

/// What was found so far in a file.
#[derive(Default)]
struct Walk<'a> {
    /// The functions that the file defines, and their bodies.
    functions: HashMap<Operator<'a>, &'a [u8]>,
    /// How many parts each of them has when expanded, and how deep it is.
    sizes: HashMap<Operator<'a>, (u64, usize)>,
    /// Parts of graphs within the main one, and of functions that it calls.
    nested: u64,
    written_out: u64,
    /// The greatest depth reached in the current function.
    deepest: usize,
    external: BTreeMap<&'a str, u64>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// Those initializers of the main graph that are listed among its inputs.
    weights: HashSet<&'a str>,
}

/// Where a graph is found.
#[derive(Clone, Copy)]
enum Scope {
    /// The model's own graph.
    Main,
    /// In an attribute, so many graphs and functions deep.
    Nested(usize),
}

impl<'a> Walk<'a> {
    fn declare(&mut self, function: &'a [u8]) -> Result<(), String> {
        let operator = (text(function, 10)?, text(function, 1)?);
        if self.functions.len() >= MAX_NAMES {
            return Err(format!("functions: expected at most {MAX_NAMES}, got more"));
        }
        match self.functions.insert((domain(operator.0), operator.1), function) {
            None => Ok(()),
            Some(_) => Err(format!("function {}: expected one definition, got several", shown(operator))),
        }
    }

    fn file(&mut self, bytes: &'a [u8]) -> Result<(), String> {
        for field in Fields::of(bytes) {
            if let (7, Payload::Bytes(graph)) = field? {
                // Ports first: initializers are looked up among them.
                for field in Fields::of(graph) {
                    match field? {
                        (11, Payload::Bytes(info)) => add(&mut self.inputs, info)?,
                        (12, Payload::Bytes(info)) => add(&mut self.outputs, info)?,
                        _ => {}
                    }
                }
                self.graph(graph, Scope::Main)?;
            }
        }
        let operators: Vec<Operator<'a>> = self.functions.keys().copied().collect();
        operators.into_iter().try_for_each(|operator| self.function(operator, 0).map(|_| ()))
    }

    /// Checks a graph; returns how many parts it has with functions expanded.
    fn graph(&mut self, graph: &'a [u8], scope: Scope) -> Result<u64, String> {
        let depth = match scope {
            Scope::Main => 0,
            Scope::Nested(depth) => depth,
        };
        self.descend(depth)?;
        let mut parts = 0;
        let named: HashSet<String> = match scope {
            Scope::Main => self.inputs.iter().map(|port| port.name.clone()).collect(),
            Scope::Nested(_) => HashSet::new(),
        };
        for field in Fields::of(graph) {
            parts += match field? {
                (1, Payload::Bytes(node)) => self.node(node, depth)?,
                (5, Payload::Bytes(tensor)) => {
                    match scope {
                        Scope::Main => self.weight(tensor, &named)?,
                        Scope::Nested(_) => no_external(tensor)?,
                    }
                    1
                }
                (15, Payload::Bytes(sparse)) => sparse_tensor(sparse).map(|()| 1)?,
                _ => 1,
            };
            limit(parts)?;
        }
        Ok(parts)
    }

    fn node(&mut self, node: &'a [u8], depth: usize) -> Result<u64, String> {
        let operator = (domain(text(node, 7)?), text(node, 4)?);
        let mut parts = if self.functions.contains_key(&operator) {
            let parts = self.function(operator, depth + 1)?;
            if depth == 0 {
                self.written_out += parts;
                limit_to(self.written_out, MAX_WRITTEN_OUT, "functions")?;
            }
            parts
        } else if !DOMAINS.contains(&operator.0) || operator.1 == CONTEXT {
            return Err(format!(
                "operator {}: expected those that ONNX Runtime has built in, got a custom one",
                shown(operator)
            ));
        } else {
            1
        };
        for field in Fields::of(node) {
            parts += match field? {
                (5, Payload::Bytes(attribute)) => self.attribute(attribute, depth)?,
                _ => 1,
            };
            limit(parts)?;
        }
        Ok(parts)
    }

    fn attribute(&mut self, attribute: &'a [u8], depth: usize) -> Result<u64, String> {
        let mut parts = 1;
        for field in Fields::of(attribute) {
            match field? {
                (5 | 10, Payload::Bytes(tensor)) => no_external(tensor)?,
                (22 | 23, Payload::Bytes(sparse)) => sparse_tensor(sparse)?,
                (6 | 11, Payload::Bytes(graph)) => {
                    // the runtime examines it twice, and so what is nested in it four times
                    let nested = 2 * self.graph(graph, Scope::Nested(depth + GRAPH_DEPTH))?;
                    if depth == 0 {
                        self.nested += nested;
                        limit_to(self.nested, MAX_NESTED, "graphs within the graph")?;
                    }
                    parts += nested;
                }
                _ => {}
            }
            parts += 1;
            limit(parts)?;
        }
        Ok(parts)
    }

    /// Each function is examined once, however often it is called; one that calls itself is too deep.
    fn function(&mut self, operator: Operator<'a>, depth: usize) -> Result<u64, String> {
        if let Some(&(parts, height)) = self.sizes.get(&operator) {
            return self.descend(depth + height).map(|()| parts);
        }
        let around = std::mem::replace(&mut self.deepest, depth);
        self.descend(depth)?;
        let body = self.functions.get(&operator).copied().unwrap_or_default();
        let mut parts = 1;
        for field in Fields::of(body) {
            parts += match field? {
                (7, Payload::Bytes(node)) => self.node(node, depth)?,
                (11, Payload::Bytes(attribute)) => self.attribute(attribute, depth)?,
                _ => 1,
            };
            limit(parts)?;
        }
        self.sizes.insert(operator, (parts, self.deepest - depth));
        self.deepest = self.deepest.max(around);
        Ok(parts)
    }

    fn descend(&mut self, depth: usize) -> Result<(), String> {
        self.deepest = self.deepest.max(depth);
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        let graphs = MAX_DEPTH / GRAPH_DEPTH;
        Err(format!(
            "graph: expected at most {graphs} graphs or {MAX_DEPTH} functions within each other, got more"
        ))
    }

    /// An initializer of the main graph: it may lie in another file.
    fn weight(&mut self, tensor: &'a [u8], named: &HashSet<String>) -> Result<(), String> {
        let name = text(tensor, 8)?;
        if named.contains(name) {
            self.weights.insert(name);
        }
        if !is_external(tensor)? {
            return Ok(());
        }
        let (mut location, mut offset, mut length) = (None, 0, None);
        let wrong = |what: &str| format!("weight {}: external data: {what}", cut(name));
        for field in Fields::of(tensor) {
            let (13, Payload::Bytes(entry)) = field? else { continue };
            let (key, value) = pair(entry)?;
            let number = || {
                value.parse().map_err(|_| wrong(&format!("{key}: expected a number, got '{}'", cut(value))))
            };
            match key {
                "location" if location.is_some() => return Err(wrong("location: expected one, got several")),
                "location" => location = Some(value),
                "offset" => offset = number()?,
                "length" => length = Some(number()?),
                _ => {}
            }
        }
        let location = location.ok_or_else(|| wrong("location: expected a file, got none"))?;
        if location.contains(ADDRESS) {
            return Err(wrong("location: expected a file, got an address in memory"));
        }
        let length: u64 = length.ok_or_else(|| wrong("length: expected a number, got none"))?;
        let end = length
            .checked_add(offset)
            .ok_or_else(|| wrong("expected to end in its file, got a larger offset"))?;
        let known = self.external.entry(location).or_default();
        *known = end.max(*known);
        if self.external.len() > MAX_NAMES {
            return Err(format!("external data: expected at most {MAX_NAMES} files, got more"));
        }
        Ok(())
    }
}

fn limit(parts: u64) -> Result<(), String> {
    limit_to(parts, MAX_PARTS, "graph")
}

fn limit_to(parts: u64, most: u64, place: &str) -> Result<(), String> {
    if parts <= most {
        return Ok(());
    }
    Err(format!("{place}: expected at most {most} nodes, wires and weights, got more"))
}

fn is_external(tensor: &[u8]) -> Result<bool, String> {
    let mut external = false;
    for field in Fields::of(tensor) {
        external |= matches!(field?, (13, _) | (14, Payload::Number(1..)));
    }
    Ok(external)
}

/// No exporter puts weights of attributes into other files, and the runtime is not given any.
fn no_external(tensor: &[u8]) -> Result<(), String> {
    if !is_external(tensor)? {
        return Ok(());
    }
    Err("external data: expected it for weights of the main graph only, got it elsewhere".into())
}

fn sparse_tensor(sparse: &[u8]) -> Result<(), String> {
    for field in Fields::of(sparse) {
        if let (1 | 2, Payload::Bytes(tensor)) = field? {
            no_external(tensor)?;
        }
    }
    Ok(())
}

/// Reads a `ValueInfoProto` to the end of `ports`.
fn add(ports: &mut Vec<Port>, info: &[u8]) -> Result<(), String> {
    if ports.len() >= MAX_NAMES {
        return Err(format!("inputs and outputs: expected at most {MAX_NAMES}, got more"));
    }
    let mut port = Port { name: text(info, 1)?.to_owned(), ..Port::default() };
    let tensors = submessages(info, 2)?.into_iter().map(|kind| submessages(kind, 1));
    for tensor in tensors.collect::<Result<Vec<_>, _>>()?.concat() {
        for field in Fields::of(tensor) {
            match field? {
                (1, Payload::Number(element)) => port.element = element,
                (2, Payload::Bytes(shape)) => {
                    let dims =
                        submessages(shape, 1)?.into_iter().map(dimension).collect::<Result<Vec<_>, _>>()?;
                    port.dims.get_or_insert_default().extend(dims);
                }
                _ => {}
            }
        }
    }
    ports.push(port);
    Ok(())
}

/// A dimension's size; nothing where it has a name, or none, or 0 or -1 as old exporters write for open ones.
fn dimension(dimension: &[u8]) -> Result<Option<usize>, String> {
    let mut size = None;
    for field in Fields::of(dimension) {
        match field? {
            (1, payload) => {
                for number in numbers(payload) {
                    size = usize::try_from(number?.cast_signed()).ok().filter(|&size| size > 0);
                }
            }
            (2, _) => size = None,
            _ => {}
        }
    }
    Ok(size)
}

/// The messages in field `number`, of which a sound file has a handful.
fn submessages(message: &[u8], number: u32) -> Result<Vec<&[u8]>, String> {
    const MAX: usize = 16;
    let mut found = Vec::new();
    for field in Fields::of(message) {
        match field? {
            (at, Payload::Bytes(bytes)) if at == number => found.push(bytes),
            _ => {}
        }
        if found.len() > MAX {
            return Err(format!("inputs and outputs: expected at most {MAX} dimensions, got more"));
        }
    }
    Ok(found)
}

/// Key and value of a `StringStringEntryProto`.
fn pair(entry: &[u8]) -> Result<(&str, &str), String> {
    Ok((text(entry, 1)?, text(entry, 2)?))
}

/// ONNX's own domain has two names.
fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

fn shown((domain, name): Operator<'_>) -> String {
    if domain.is_empty() { cut(name) } else { format!("{}.{}", cut(domain), cut(name)) }
}
