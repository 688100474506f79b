//! The thin binary: everything lives in the library, and `cli::run` is the table of contents.

use std::process::ExitCode;

fn main() -> ExitCode {
    aesearch::cli::run(std::env::args_os())
}
