//! All integration tests in one binary.

mod cli;
mod readme;
mod tidy;
