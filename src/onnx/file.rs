//! A finished ONNX model: its bytes, and the key-value pairs in `metadata_props`.
//! The meaning of the keys is defined in `model`; this file only stores them.

use super::messages::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, data_type};
use half::f16;
use prost::Message;

/// IR version 8 and opset 17 go together; every ONNX Runtime since 1.12 reads them.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;

/// `x` rounded to the nearest number of 16 bits, as files with such weights have it.
pub fn half_precision(x: f32) -> f32 {
    f16::from_f32(x).to_f32()
}

/// An ONNX model in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxFile(ModelProto);

impl OnnxFile {
    pub(super) fn from_graph(graph: GraphProto) -> Self {
        OnnxFile(ModelProto {
            ir_version: IR_VERSION,
            producer_name: env!("CARGO_PKG_NAME").into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: vec![],
        })
    }

    /// Reads a model.
    ///
    /// # Errors
    /// Says what is wrong with the bytes when they are no ONNX model.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let model = ModelProto::decode(bytes).map_err(|e| format!("not an ONNX file: {e}"))?;
        if model.graph.is_none() {
            return Err("not an ONNX file: expected a graph, got none".into());
        }
        Ok(OnnxFile(model))
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    pub(super) fn graph(&self) -> Option<&GraphProto> {
        self.0.graph.as_ref()
    }

    /// The key-value pairs, in the order they were written.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.metadata_props.iter().map(|p| (p.key.as_str(), p.value.as_str()))
    }

    /// Replaces the key-value pairs.
    #[must_use]
    pub fn with_metadata(mut self, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        self.0.metadata_props =
            pairs.into_iter().map(|(key, value)| StringStringEntryProto { key, value }).collect();
        self
    }

    /// The `f32` initializer called `name`, or the `f16` one, widened: its dimensions and values.
    pub fn weight(&self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        let tensor = self.0.graph.as_ref()?.initializer.iter().find(|t| t.name == name)?;
        let dims = tensor.dims.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>()?;
        let bytes = &tensor.raw_data;
        let values: Vec<f32> = match tensor.data_type {
            data_type::FLOAT16 => {
                bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect()
            }
            data_type::FLOAT if bytes.is_empty() => tensor.float_data.clone(),
            data_type::FLOAT => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            _ => return None,
        };
        (dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d))? == values.len()).then_some((dims, values))
    }
}
