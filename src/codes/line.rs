//! Rows as lines of JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::head::Head;
use super::row::{Row, bit_text};
use crate::filter::shown;
use crate::images::Stamp;
use aesearch_index::Value;

/// By what all rows were made.
#[derive(Debug, Clone)]
pub(super) struct By {
    model: String,
    binarizer: String,
    bits: usize,
}

impl By {
    pub(super) fn of(head: &Head) -> By {
        let (model, binarizer) = (head.facts.model.sha256.clone(), head.facts.codes.binarizer.sha256());
        By { model, binarizer, bits: head.layout.bits }
    }
}

/// A line of a file of codes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LineDocument<'a> {
    /// The image's name.
    path: String,
    /// The bytes of a name that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<&'a [u8]>,
    /// BLAKE3 of the image file, in hexadecimal.
    hash: String,
    /// Null where none is known.
    label: Option<&'a str>,
    /// Pixels, upright.
    width: Option<i64>,
    /// Pixels, upright.
    height: Option<i64>,
    /// The code's bytes in hexadecimal: bit i is bit i % 8 of byte i / 8.
    code: String,
    /// The same as zeros and ones, the first bit first.
    bits: String,
    /// Numbers of 8 bits; missing where none are kept.
    #[serde(skip_serializing_if = "<[i8]>::is_empty")]
    latent: &'a [i8],
    /// What they are to be multiplied by.
    #[serde(skip_serializing_if = "Option::is_none")]
    latent_scale: Option<f32>,
    /// In hexadecimal, where fingerprints are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// Of the image file.
    bytes: Option<i64>,
    /// Such as `jpeg`.
    format: Option<&'a str>,
    /// By the camera's clock: `2019-07-04T12:00:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    /// Maker and model.
    #[serde(skip_serializing_if = "Option::is_none")]
    camera: Option<&'a str>,
    /// The lens.
    #[serde(skip_serializing_if = "Option::is_none")]
    lens: Option<&'a str>,
    /// Degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    /// Degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    /// Stars.
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<i64>,
    /// 1 to 8, as in EXIF.
    #[serde(skip_serializing_if = "Option::is_none")]
    orientation: Option<i64>,
    /// The program that wrote the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    software: Option<&'a str>,
    /// Bytes of the file, or of the container that holds it.
    size: u64,
    /// Nanoseconds since 1970 of the last change of that file; null for an image from memory.
    mtime_ns: Option<i64>,
    /// SHA-256 of the model.
    model: &'a str,
    /// SHA-256 of the binarizer. Codes of different ones cannot be compared.
    binarizer: &'a str,
}

impl<'a> LineDocument<'a> {
    pub(super) fn new(Row { image, fingerprint }: &'a Row, by: &'a By) -> LineDocument<'a> {
        let micro = |name: &str| image.number(name).map(|micro| micro as f64 / 1e6);
        let code = image.code.iter().flat_map(|word| word.to_le_bytes()).take(by.bits.div_ceil(8));
        LineDocument {
            path: image.shown().into_owned(),
            path_bytes: image.bytes_of_name(),
            hash: hex(image.stamp.hash),
            label: image.label.as_deref(),
            width: image.number("width"),
            height: image.number("height"),
            code: hex(code),
            bits: bit_text(&image.code, by.bits),
            latent: &image.latent,
            latent_scale: (!image.latent.is_empty()).then_some(image.scale),
            fingerprint: (!fingerprint.is_empty()).then(|| hex(fingerprint.iter().copied())),
            bytes: image.number("bytes"),
            format: image.text("format"),
            date: image.number("date").map(|seconds| shown("date", Value::Integer(seconds))),
            camera: image.text("camera"),
            lens: image.text("lens"),
            latitude: micro("latitude"),
            longitude: micro("longitude"),
            rating: image.number("rating"),
            orientation: image.number("orientation"),
            software: image.text("software"),
            size: image.stamp.size,
            mtime_ns: Some(image.stamp.mtime_ns).filter(|time| *time != Stamp::IN_MEMORY),
            model: &by.model,
            binarizer: &by.binarizer,
        }
    }
}

/// Two digits for each byte.
pub(super) fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // into a String: nothing fails
        text
    })
}
