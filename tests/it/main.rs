//! All integration tests in one binary.

mod fixtures;

mod cli;
mod hostile;
mod images;
mod readme;
mod tidy;
