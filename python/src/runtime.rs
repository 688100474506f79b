//! Where ONNX Runtime and models are: where the environment says, else in the packages of this interpreter.

use std::path::PathBuf;
use std::sync::OnceLock;

use aesearch::Result;
use aesearch::model::{LoadOptions, Model};
use aesearch::runtime::{Runtime, RuntimeOptions, ensure};
use pyo3::prelude::*;

/// This interpreter, and the folder of its own ONNX Runtime.
struct Interpreter {
    executable: Option<PathBuf>,
    library: Option<PathBuf>,
}

static INTERPRETER: OnceLock<Interpreter> = OnceLock::new();

/// Tells the interpreter's program and the folder of its ONNX Runtime, where it has one.
#[pyfunction]
fn use_interpreter(executable: Option<PathBuf>, library: Option<PathBuf>) {
    INTERPRETER.get_or_init(|| Interpreter { executable, library }); // it stays the same
}

/// Where to look for ONNX Runtime.
pub(crate) fn runtime() -> RuntimeOptions {
    let mut options = RuntimeOptions::from_env();
    if let Some(Interpreter { executable, library }) = INTERPRETER.get() {
        options.pythons.splice(..0, executable.clone());
        options.candidates.extend(library.clone());
    }
    options
}

/// How a model's file is opened, by name too.
pub(crate) fn load_options(runtime: &RuntimeOptions) -> LoadOptions {
    LoadOptions { added: Some(runtime.data_dir.join("models")), ..LoadOptions::default() }
}

/// A model, and what runs it.
pub(crate) fn model(name: &str) -> Result<(Model, Runtime)> {
    let runtime = runtime();
    let model = Model::load_any(name, &load_options(&runtime))?;
    Ok((model, ensure(&runtime, &())?))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(use_interpreter, module)?)
}
