//! What a pretrained student knows of its teacher's features before the first step: the linear layer from its
//! latents to them is fitted by least squares. A random one would first pull the pretrained weights anywhere.

use super::data::Dataset;
use super::source::Source;
use super::student::latents;
use crate::encode::Encoder;
use crate::error::Result;
use crate::images::spread;
use crate::model::{Architecture, Half};
use crate::pca::linear_map;

/// Images that it is fitted to, at most.
const FITTED: usize = 3000;

/// Fits the lesson among the `weights` of `trained` to latents as `encoder` gives them.
///
/// # Errors
/// When images cannot be read, or ONNX Runtime fails.
pub(super) fn first_lesson(
    encoder: &mut Encoder,
    (data, source): (&Dataset, &Source<'_>),
    trained: &Architecture,
    weights: &mut [f32],
) -> Result<()> {
    let ids = spread(data.len(), FITTED);
    let Some(features) = source.features_of(&ids) else { return Ok(()) };
    let latents = latents(encoder, data, &ids)?;
    let (weight, bias) = linear_map(&latents, &features, ids.len());
    for (kind, values) in [("weight", weight), ("bias", bias)] {
        let name = format!("{}.0.{kind}", Half::Lesson.name());
        if let Some(parameter) = trained.parameters().iter().find(|p| p.name == name) {
            weights[parameter.range()].copy_from_slice(&values);
        }
    }
    Ok(())
}
