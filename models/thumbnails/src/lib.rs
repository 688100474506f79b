//! The model of thumbnails: pictures of 32 pixels become codes of 128 bits.

/// Name, `encoder.onnx`, `decoder.onnx`, the card `README.md`, and `golden.json`, what the model must give for a fixed image.
pub type Model = (&'static str, &'static [u8], &'static [u8], &'static str, &'static str);

/// All models of this crate.
pub static MODELS: [Model; 1] = [(
    "photos-128",
    include_bytes!("../photos-128/encoder.onnx"),
    include_bytes!("../photos-128/decoder.onnx"),
    include_str!("../photos-128/README.md"),
    include_str!("../photos-128/golden.json"),
)];
