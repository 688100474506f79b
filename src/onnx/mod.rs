//! The room `onnx`; see ARCHITECTURE.md.
