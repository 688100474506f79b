//! The Python module `aesearch._native`: the library's calls, with arrays in and out.
//!
//! What people type, and what they see, is Python, in `python/aesearch/`. Here is only what needs the library: each
//! call converts its arguments, lets go of the interpreter, calls the library once, and converts the result.
//!
//! | file | responsibility |
//! |---|---|
//! | `index` | an index: add, query, look at |
//! | `codes` | a search by codes |
//! | `encoder` | a model's encoder on its own |
//! | `encoded` | what an encoder makes of images, as a table; similarities of fingerprints |
//! | `dedupe` | duplicates: plans, decisions, checks |
//! | `explore` | clusters, maps, outliers, pages, tables |
//! | `export` | tables in memory, by Arrow's C data interface |
//! | `train` | trains models, and decodes with them |
//! | `demo` | digits to try it on |
//! | `images` | what Python hands over as an image |
//! | `arrays` | results as NumPy arrays without a copy |
//! | `runtime` | where ONNX Runtime and models are |
//! | `calls` | long calls: without the interpreter's lock, with progress, ended by Ctrl-C, never after a fork |
//! | `errors` | the library's errors as Python's exceptions |
#![allow(unsafe_code)] // what PyO3's macros write; none is written here

mod arrays;
mod calls;
mod codes;
mod dedupe;
mod demo;
mod encoded;
mod encoder;
mod errors;
mod explore;
mod export;
mod images;
mod index;
mod runtime;
mod train;

use std::ffi::OsString;
use std::io::Write as _;
use std::panic;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    silence_caught_panics();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(command_line, module)?)?;
    arrays::register(module)?;
    calls::register(module)?;
    runtime::register(module)?;
    index::register(module)?;
    encoder::register(module)?;
    encoded::register(module)?;
    dedupe::register(module)?;
    demo::register(module)?;
    explore::register(module)?;
    export::register(module)?;
    train::register(module)?;
    Ok(())
}

/// Runs a command line, the program's name first, and returns its exit code.
#[pyfunction]
fn command_line(py: Python<'_>, args: Vec<OsString>) -> u8 {
    py.detach(|| {
        let code = aesearch::cli::exit_code_of(args);
        let _ = std::io::stdout().flush(); // who closed it has read enough
        code
    })
}

/// A decoder's panic, which the library catches and gives as a reason, prints nothing.
fn silence_caught_panics() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !aesearch::images::panic_is_caught() {
            report(panic);
        }
    }));
}
