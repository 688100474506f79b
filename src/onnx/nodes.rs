//! The nodes of a graph that another program wrote, to be read one by one.

use super::file::OnnxFile;
use super::messages::{AttributeProto, NodeProto};

/// A node of an [`OnnxFile`].
#[derive(Debug, Clone, Copy)]
pub struct Node<'a>(&'a NodeProto);

impl OnnxFile {
    /// The nodes of the graph, in the order of the file: each after those whose results it takes.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.graph().into_iter().flat_map(|graph| &graph.node).map(Node)
    }
}

impl<'a> Node<'a> {
    /// The operator, such as `Conv`.
    pub fn operator(&self) -> &'a str {
        &self.0.op_type
    }

    /// The node's name; where it has none, its first result's.
    pub fn name(&self) -> &'a str {
        if self.0.name.is_empty() { self.output() } else { &self.0.name }
    }

    /// The name of the `i`-th input; none where there are fewer, or it is left out.
    pub fn input(&self, i: usize) -> Option<&'a str> {
        self.0.input.get(i).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The name of the first result.
    pub fn output(&self) -> &'a str {
        self.0.output.first().map_or("", String::as_str)
    }

    /// A whole number among the attributes.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|attribute| attribute.i)
    }

    /// A list of whole numbers among the attributes.
    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    /// A number among the attributes.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name).map(|attribute| attribute.f)
    }

    /// A text among the attributes.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.attribute(name).and_then(|attribute| std::str::from_utf8(&attribute.s).ok())
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0.attribute.iter().find(|attribute| attribute.name == name)
    }
}
