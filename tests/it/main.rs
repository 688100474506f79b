//! All integration tests in one binary.

mod fixtures;
mod onnx;

mod cli;
mod eval;
mod foreign;
mod hostile;
mod images;
mod life;
mod mnist;
mod models;
mod pictures;
mod readme;
mod resume;
mod runtime;
mod tidy;
mod train;
