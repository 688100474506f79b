//! Inputs, outputs and attributes of a graph, as messages.

use super::dims::Dim;
use super::messages::{
    AttributeProto, DimensionProto, DimensionValue, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto, attribute_type, data_type,
};

pub(super) fn value_info(name: &str, shape: &[Dim]) -> ValueInfoProto {
    let dim = shape.iter().map(|d| DimensionProto {
        value: Some(match d {
            Dim::Fixed(n) => DimensionValue::Value(*n as i64),
            Dim::Batch(1) => DimensionValue::Parameter("N".into()),
            Dim::Batch(k) => DimensionValue::Parameter(format!("{k}N")),
        }),
    });
    let tensor_type =
        TensorTypeProto { elem_type: data_type::FLOAT, shape: Some(TensorShapeProto { dim: dim.collect() }) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, r#type: attribute_type::INT, ..Default::default() }
}

pub(super) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f, r#type: attribute_type::FLOAT, ..Default::default() }
}

pub(super) fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: ints.into(),
        r#type: attribute_type::INTS,
        ..Default::default()
    }
}

pub(super) fn string(name: &str, s: &str) -> AttributeProto {
    AttributeProto { name: name.into(), s: s.into(), r#type: attribute_type::STRING, ..Default::default() }
}
