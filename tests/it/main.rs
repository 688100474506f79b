//! All integration tests in one binary.

mod fixtures;

mod hostile;
mod images;
