//! Between float32 and the element types that graphs of other programs take and give.

use half::f16;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor as OrtTensor, TensorElementType, TensorRef};

/// Row-major values as an input of the type `element`; float32 is lent, not copied. Whole numbers are
/// rounded to.
pub(super) fn input<'a>(
    element: TensorElementType,
    shape: &'a [usize],
    data: &'a [f32],
) -> ort::Result<SessionInputValue<'a>> {
    Ok(match element {
        TensorElementType::Float16 => {
            let data: Vec<f16> = data.iter().map(|&value| f16::from_f32(value)).collect();
            OrtTensor::from_array((shape, data))?.into()
        }
        TensorElementType::Float64 => {
            let data: Vec<f64> = data.iter().map(|&value| f64::from(value)).collect();
            OrtTensor::from_array((shape, data))?.into()
        }
        TensorElementType::Uint8 => {
            // `as` keeps within 0 to 255
            let data: Vec<u8> = data.iter().map(|&value| value.round() as u8).collect();
            OrtTensor::from_array((shape, data))?.into()
        }
        _ => TensorRef::from_array_view((shape, data))?.into(),
    })
}

/// An output as float32; an error for types other than those of 16, 32 and 64 bits.
pub(super) fn output(value: DynValue) -> ort::Result<OrtTensor<f32>> {
    let converted = match value.dtype().tensor_type() {
        Some(TensorElementType::Float16) => {
            let (shape, data) = value.try_extract_tensor::<f16>()?;
            (shape.clone(), data.iter().map(|value| value.to_f32()).collect::<Vec<f32>>())
        }
        Some(TensorElementType::Float64) => {
            let (shape, data) = value.try_extract_tensor::<f64>()?;
            (shape.clone(), data.iter().map(|&value| value as f32).collect())
        }
        _ => return value.downcast(),
    };
    OrtTensor::from_array(converted)
}
