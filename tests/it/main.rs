//! All integration tests in one binary.

mod fixtures;

mod cli;
mod hostile;
mod images;
mod mnist;
mod models;
mod readme;
mod runtime;
mod tidy;
mod train;
