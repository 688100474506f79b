//! ONNX Runtime: found on this machine or fetched once, loaded, and used to run graphs. Only this room names
//! `ort`.
//!
//! [`ensure`] is the entry. It takes the library that the options name; else it tries their candidates, the data
//! folder, Python's `onnxruntime` and the system's libraries, in this order; else it fetches a pinned build. Nothing
//! here knows what the graphs mean.
//!
//! | file | responsibility |
//! |---|---|
//! | options | where to look, what is allowed |
//! | find | libraries on this machine, cheapest first |
//! | fetch | the pinned download, checked and moved into place |
//! | pins | versions and hashes |
//! | session | sessions, tensors, devices |
//! | elements | between float32 and the element types of other programs' graphs |
//! | show | the libraries on this machine; fetching one ahead of time |

mod elements;
mod fetch;
mod find;
mod options;
mod pins;
mod session;
mod show;

use crate::observer::Observer;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::ep::ExecutionProvider;

pub use find::Source;
pub use options::RuntimeOptions;
pub use session::{Device, ExternalFile, Input, ModelBytes, Session, SessionOptions, Stopper, Tensor};
pub use show::{Library, Report, install, show};

use crate::error::{Error, Problem, Result};
use find::{Candidate, Version};

/// The version of ONNX Runtime that is fetched where none is found.
pub const PINNED_VERSION: &str = pins::VERSION;

/// The oldest ONNX Runtime 1.x that can be used, by its minor version.
pub const OLDEST_MINOR: u32 = pins::OLDEST_MINOR;

/// A loaded ONNX Runtime; clones share it.
#[derive(Clone, Debug)]
pub struct Runtime(Arc<Loaded>);

#[derive(Debug)]
struct Loaded {
    environment: Environment,
    library: PathBuf,
    source: Source,
    version: String,
    cuda_answers: OnceLock<bool>,
}

/// The library and its environment live as long as the process: neither can be loaded a second time.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// Finds ONNX Runtime, or fetches it, and loads it; `observer` receives a note when a download starts.
///
/// A process has one runtime: later calls return it.
///
/// # Errors
/// No library can be found, fetched or loaded; or one is loaded already and `options` name another one, or
/// need CUDA, which it lacks.
pub fn ensure(options: &RuntimeOptions, observer: &dyn Observer) -> Result<Runtime> {
    once(options, || match &options.library {
        Some(path) => load(&given(path)?),
        None => find_or_fetch(options, observer),
    })
}

/// The library at `path`, which was fetched, and no other.
fn ensure_fetched(path: PathBuf, options: &RuntimeOptions) -> Result<Runtime> {
    let path = std::path::absolute(&path).unwrap_or(path);
    let this = RuntimeOptions { library: Some(path.clone()), ..options.clone() };
    once(&this, || load(&Candidate { source: Source::DataFolder, path }))
}

/// The process's runtime, made by `make` if there is none yet.
fn once(options: &RuntimeOptions, make: impl FnOnce() -> Result<Runtime>) -> Result<Runtime> {
    // The value is written last and whole, so a panic elsewhere cannot have left it broken.
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*loaded {
        return runtime.check_serves(options).map(|()| runtime.clone());
    }
    let runtime = make()?;
    *loaded = Some(runtime.clone());
    runtime.check_serves(options).map(|()| runtime)
}

fn is_loaded() -> bool {
    LOADED.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// The library that the user named: a file, or a folder with the library in it.
fn given(path: &Path) -> Result<Candidate> {
    let found =
        if path.is_dir() { find::library_in(path) } else { path.exists().then(|| path.to_path_buf()) };
    // An absolute path: relative ones would be searched for beside the program first.
    match found.map(|path| std::path::absolute(&path).unwrap_or(path)) {
        Some(path) => Ok(Candidate { source: Source::Given, path }),
        None => Err(Error::runtime(format!("{}: expected a library, got nothing there", path.display()))
            .with_hint(GIVEN_ADVICE)),
    }
}

const GIVEN_ADVICE: &str = "correct `runtime.library`, or leave it out: a library is then found or fetched";

fn find_or_fetch(options: &RuntimeOptions, observer: &dyn Observer) -> Result<Runtime> {
    let mut refused = String::new();
    for candidate in find::candidates(options) {
        match load(&candidate) {
            Ok(runtime) => {
                find::remember(options, &candidate);
                return Ok(runtime);
            }
            Err(Error::Runtime(problem)) => refused.push_str(&format!("; found {problem}")),
            Err(e) => return Err(e),
        }
    }
    match fetch::fetch(options, observer) {
        Ok(path) => load(&Candidate { source: Source::DataFolder, path }),
        Err(Error::Runtime(Problem { what, hint })) => {
            Err(Error::Runtime(Problem { what: what + &refused, hint }))
        }
        Err(e) => Err(e),
    }
}

/// Loads a library and makes the process's environment from it; a refused one leaves the process as it was.
fn load(candidate: &Candidate) -> Result<Runtime> {
    let path = &candidate.path;
    // The name tells before anything of the library is run.
    if let Some(version) = candidate.version()
        && !version.is_supported()
    {
        return Err(too_old(candidate, &version.to_string()));
    }
    let builder = ort::init_from(path).map_err(|e| match e {
        ort::LoadDynamicError::BadVersion { version_str, .. } => too_old(candidate, &version_str),
        ort::LoadDynamicError::Dlopen { error, .. } => {
            refused(candidate, &format!("expected ONNX Runtime, got a file that does not load: {error}"))
        }
        other => refused(candidate, &format!("expected ONNX Runtime, got another library: {other}")),
    })?;
    let environment = builder
        .with_name("aesearch")
        .with_telemetry(false)
        .build()
        .map_err(|e| refused(candidate, &session::one_line(&e.to_string())))?;
    environment.set_log_level(ort::logging::LogLevel::Fatal); // what fails is returned, and said once
    let version = candidate.version().or_else(|| Version::find_in(ort::info()));
    Ok(Runtime(Arc::new(Loaded {
        environment,
        library: path.clone(),
        source: candidate.source,
        version: version.map_or_else(|| format!("1.{} or newer", pins::OLDEST_MINOR), |v| v.to_string()),
        cuda_answers: OnceLock::new(),
    })))
}

fn too_old(candidate: &Candidate, version: &str) -> Error {
    refused(candidate, &format!("expected version 1.{} or a newer 1.x, got {version}", pins::OLDEST_MINOR))
}

/// What to do about a library that cannot be used depends on who put it there.
fn refused(Candidate { source, path }: &Candidate, what: &str) -> Error {
    let advice = match source {
        Source::Given => GIVEN_ADVICE.to_owned(),
        Source::DataFolder => format!(
            "remove {}, or run `runtime::install`, which fetches it again",
            path.parent().unwrap_or(path).display()
        ),
        Source::Python | Source::System => "run `runtime::install`".to_owned(),
    };
    Error::runtime(format!("{}: {what}", path.display())).with_hint(advice)
}

impl Runtime {
    /// The library's version.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The library's path.
    pub fn library(&self) -> &Path {
        &self.0.library
    }

    /// Where the library came from.
    pub fn source(&self) -> Source {
        self.0.source
    }

    /// Whether the library was built with the CUDA provider; a device may still be missing.
    pub fn has_cuda(&self) -> bool {
        ort::ep::CUDA::is_available().unwrap_or(false)
    }

    /// Loads and optimizes a graph, given as the bytes of an ONNX file.
    pub fn session(&self, model: &[u8], options: &SessionOptions) -> Result<Session> {
        self.open(&ModelBytes { graph: model, external: &[] }, options)
    }

    /// The same for a graph that has weights in other files.
    pub fn open(&self, model: &ModelBytes<'_>, options: &SessionOptions) -> Result<Session> {
        match options.device {
            Device::Cpu => Session::open(&self.0.environment, model, options),
            Device::Cuda(number) => self.cuda_session(model, number, options),
            Device::Auto => {
                let cpu = SessionOptions { device: Device::Cpu, ..*options };
                if !self.has_cuda() || self.0.cuda_answers.get() == Some(&false) {
                    return Session::open(&self.0.environment, model, &cpu);
                }
                let attempt = self.cuda_session(model, 0, options);
                if *self.0.cuda_answers.get_or_init(|| attempt.is_ok()) {
                    attempt
                } else {
                    Session::open(&self.0.environment, model, &cpu)
                }
            }
        }
    }

    fn cuda_session(&self, model: &ModelBytes<'_>, number: u32, options: &SessionOptions) -> Result<Session> {
        if !self.has_cuda() {
            return Err(self.without_cuda());
        }
        let options = SessionOptions { device: Device::Cuda(number), ..*options };
        Session::open(&self.0.environment, model, &options).map_err(|e| match e {
            Error::Runtime(problem) => Error::runtime(format!("cuda:{number}: {problem}")).with_hint(
                "check that nvidia-smi lists the device and that CUDA 12 and cuDNN 9 are where the linker finds them, or set `device` to cpu",
            ),
            other => other,
        })
    }

    fn without_cuda(&self) -> Error {
        Error::runtime(format!(
            "{}: expected a library with the CUDA provider, got version {} without it",
            self.library().display(),
            self.version()
        ))
        .with_hint("run `runtime::install` with `runtime.cuda`, or set `device` to cpu")
    }

    /// Whether this library is what `options` ask for.
    fn check_serves(&self, options: &RuntimeOptions) -> Result<()> {
        if let Some(path) = &options.library {
            let wanted = given(path)?.path;
            let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
                (Ok(a), Ok(b)) => a == b,
                _ => a == b,
            };
            if !same(&wanted, self.library()) {
                return Err(Error::runtime(format!(
                    "{}: expected no library in use yet, got {} loaded in this process",
                    wanted.display(),
                    self.library().display()
                )));
            }
        }
        if options.cuda && !self.has_cuda() { Err(self.without_cuda()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
