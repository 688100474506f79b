//! The models of handwritten digits: small strokes on a plain ground become codes of 64 or 128 bits.

/// Name, `encoder.onnx`, `decoder.onnx`, the card `README.md`, and `golden.json`, what the model must give for a fixed image.
pub type Model = (&'static str, &'static [u8], &'static [u8], &'static str, &'static str);

/// All models of this crate, the preferred one first.
pub static MODELS: [Model; 2] = [
    (
        "digits-64",
        include_bytes!("../digits-64/encoder.onnx"),
        include_bytes!("../digits-64/decoder.onnx"),
        include_str!("../digits-64/README.md"),
        include_str!("../digits-64/golden.json"),
    ),
    (
        "digits-128",
        include_bytes!("../digits-128/encoder.onnx"),
        include_bytes!("../digits-128/decoder.onnx"),
        include_str!("../digits-128/README.md"),
        include_str!("../digits-128/golden.json"),
    ),
];
