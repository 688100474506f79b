//! The model of photographs: EfficientNet-Lite0, its features projected to 256 numbers.

/// Name, `encoder.onnx`, `decoder.onnx`, the card `README.md`, and `golden.json`, what the model must give for a fixed image.
pub type Model = (&'static str, &'static [u8], &'static [u8], &'static str, &'static str);

/// All models of this crate.
pub static MODELS: [Model; 1] = [(
    "photos",
    include_bytes!("../photos/encoder.onnx"),
    include_bytes!("../photos/decoder.onnx"),
    include_str!("../photos/README.md"),
    include_str!("../photos/golden.json"),
)];
