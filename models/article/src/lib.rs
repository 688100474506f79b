//! The models of the classic walk-through of autoencoders. They show what autoencoders do; their codes are no better than those of the
//! digits.

/// Name, `encoder.onnx`, `decoder.onnx`, the card `README.md`, and `golden.json`, what the model must give for a fixed image.
pub type Model = (&'static str, &'static [u8], &'static [u8], &'static str, &'static str);

/// All models of this crate, in the order of the walk-through.
pub static MODELS: [Model; 6] = [
    (
        "article-dense",
        include_bytes!("../article-dense/encoder.onnx"),
        include_bytes!("../article-dense/decoder.onnx"),
        include_str!("../article-dense/README.md"),
        include_str!("../article-dense/golden.json"),
    ),
    (
        "article-conv",
        include_bytes!("../article-conv/encoder.onnx"),
        include_bytes!("../article-conv/decoder.onnx"),
        include_str!("../article-conv/README.md"),
        include_str!("../article-conv/golden.json"),
    ),
    (
        "article-denoise",
        include_bytes!("../article-denoise/encoder.onnx"),
        include_bytes!("../article-denoise/decoder.onnx"),
        include_str!("../article-denoise/README.md"),
        include_str!("../article-denoise/golden.json"),
    ),
    (
        "article-vae",
        include_bytes!("../article-vae/encoder.onnx"),
        include_bytes!("../article-vae/decoder.onnx"),
        include_str!("../article-vae/README.md"),
        include_str!("../article-vae/golden.json"),
    ),
    (
        "article-aae",
        include_bytes!("../article-aae/encoder.onnx"),
        include_bytes!("../article-aae/decoder.onnx"),
        include_str!("../article-aae/README.md"),
        include_str!("../article-aae/golden.json"),
    ),
    (
        "article-lstm",
        include_bytes!("../article-lstm/encoder.onnx"),
        include_bytes!("../article-lstm/decoder.onnx"),
        include_str!("../article-lstm/README.md"),
        include_str!("../article-lstm/golden.json"),
    ),
];
