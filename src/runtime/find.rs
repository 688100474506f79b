//! Finding ONNX Runtime on this machine: the data folder, Python's own package, the system's libraries.
//!
//! Nothing is loaded here and nothing is fetched; the result is a lazy list of files worth trying, cheapest
//! first. Asking Python costs a process, so its answer is remembered in the data folder and asked for again
//! only when that file is gone.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::options::RuntimeOptions;
use super::pins;

/// A version of ONNX Runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
    pub(super) patch: u32,
}

impl Version {
    /// The first `major.minor.patch` in a text such as a file name or a build description.
    pub(super) fn find_in(text: &str) -> Option<Version> {
        text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|run| {
            let mut numbers = run.split('.').filter(|part| !part.is_empty()).map(|part| part.parse().ok());
            Some(Version { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? })
        })
    }

    /// Whether this program can use it.
    pub(super) fn is_supported(self) -> bool {
        self.major == 1 && self.minor >= pins::OLDEST_MINOR
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Where a library came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Named by the user.
    Given,
    /// Fetched into the data folder, now or earlier.
    DataFolder,
    /// Part of an installed Python package.
    Python,
    /// Installed for the whole system.
    System,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Given => "given",
            Source::DataFolder => "data folder",
            Source::Python => "python package",
            Source::System => "system",
        })
    }
}

/// A file that may be a usable library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) source: Source,
    pub(super) path: PathBuf,
}

impl Candidate {
    /// The version that the file's name states, where it does.
    pub(super) fn version(&self) -> Option<Version> {
        Version::find_in(&self.path.file_name()?.to_string_lossy())
    }

    /// Whether the CUDA provider lies beside the library.
    pub(super) fn has_cuda(&self) -> bool {
        let name = format!(
            "{}onnxruntime_providers_cuda{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        );
        self.path.with_file_name(name).is_file()
    }
}

/// Files worth trying, the preferred one first; each source is searched only if those before it gave nothing
/// usable.
pub(super) fn candidates(options: &RuntimeOptions) -> impl Iterator<Item = Candidate> + '_ {
    let fetched = || [true, false].into_iter().filter_map(|cuda| library_in(&data_folder(options, cuda)));
    let named = |path: &PathBuf| if path.is_dir() { library_in(path) } else { Some(path.clone()) };
    let places = [
        (
            Source::Python,
            Box::new(move || options.candidates.iter().filter_map(named).collect())
                as Box<dyn Fn() -> Vec<PathBuf> + '_>,
        ),
        (Source::DataFolder, Box::new(move || fetched().collect())),
        (Source::Python, Box::new(|| remembered(options).into_iter().collect())),
        (
            Source::Python,
            Box::new(|| options.pythons.iter().find_map(|p| ask_python(p)).into_iter().collect()),
        ),
        (Source::System, Box::new(|| if options.system { system_libraries() } else { Vec::new() })),
    ];
    places
        .into_iter()
        .flat_map(|(source, look)| look().into_iter().map(move |path| Candidate { source, path }))
        .filter(|candidate| !options.cuda || candidate.has_cuda())
}

/// The folder of the pinned version, with or without the CUDA provider.
pub(super) fn data_folder(options: &RuntimeOptions, cuda: bool) -> PathBuf {
    options.data_dir.join(format!("{}-{}", pins::project(cuda), pins::VERSION))
}

/// The library in a folder; the one with the longest name, which states its version, where links stand beside
/// it.
pub(super) fn library_in(folder: &Path) -> Option<PathBuf> {
    let names = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.file_name());
    let libraries = names.filter(|name| is_library_name(&name.to_string_lossy()));
    libraries.max_by_key(|name| name.len()).map(|name| folder.join(name))
}

/// Whether a file of this name is ONNX Runtime itself (not one of its providers).
pub(super) fn is_library_name(name: &str) -> bool {
    let versioned = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    name == "onnxruntime.dll"
        || name.strip_prefix("libonnxruntime.so").is_some_and(versioned)
        || name
            .strip_prefix("libonnxruntime.")
            .and_then(|rest| rest.strip_suffix("dylib"))
            .is_some_and(versioned)
}

/// Remembers what Python answered; failing to write it only costs time at the next start.
pub(super) fn remember(options: &RuntimeOptions, candidate: &Candidate) {
    let is_at_hand = !options.candidates.is_empty(); // who knows it asks nobody
    if candidate.source == Source::Python
        && !is_at_hand
        && remembered(options).as_ref() != Some(&candidate.path)
    {
        let write = || {
            fs::create_dir_all(&options.data_dir)
                .and_then(|()| fs::write(memo(options), text(&candidate.path)))
        };
        let _ = write();
    }
}

fn text(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

fn memo(options: &RuntimeOptions) -> PathBuf {
    options.data_dir.join("python-library.txt")
}

fn remembered(options: &RuntimeOptions) -> Option<PathBuf> {
    let path = PathBuf::from(fs::read_to_string(memo(options)).ok()?);
    path.is_file().then_some(path)
}

/// The library of the `onnxruntime` package that this interpreter would import, without importing it.
fn ask_python(python: &Path) -> Option<PathBuf> {
    const QUESTION: &str = "import importlib.util as u; s = u.find_spec('onnxruntime'); \
                            print(s.submodule_search_locations[0] if s else '')";
    let mut command = Command::new(python);
    command.args(["-c", QUESTION]).stdin(Stdio::null()).stderr(Stdio::null());
    let answer = command.output().ok().filter(|output| output.status.success())?;
    let package = String::from_utf8(answer.stdout).ok()?;
    let package = package.trim_end_matches(['\r', '\n']);
    if package.is_empty() { None } else { library_in(&Path::new(package).join("capi")) }
}

/// Libraries in the folders that the system's linker searches.
fn system_libraries() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["/usr/local/lib", "/usr/lib", "/usr/lib64", "/lib", "/opt/homebrew/lib"]
        .into_iter()
        .map(PathBuf::from)
        .collect();
    folders.push(format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH).into());
    let configs = fs::read_dir("/etc/ld.so.conf.d").into_iter().flatten().flatten().map(|entry| entry.path());
    for config in configs.chain([PathBuf::from("/etc/ld.so.conf")]) {
        let lines = fs::read_to_string(config).unwrap_or_default();
        folders.extend(
            lines.lines().filter(|line| line.starts_with('/')).map(|line| PathBuf::from(line.trim())),
        );
    }
    folders.sort();
    folders.dedup();
    folders.iter().filter_map(|folder| library_in(folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names_and_descriptions() {
        let version = |text| Version::find_in(text).map(|v| v.to_string());
        assert_eq!(version("libonnxruntime.so.1.24.4").as_deref(), Some("1.24.4"));
        assert_eq!(version("libonnxruntime.1.24.4.dylib").as_deref(), Some("1.24.4"));
        assert_eq!(version("git-branch=rel-1.31.1, git-commit-id=26250ae").as_deref(), Some("1.31.1"));
        assert_eq!(version("libonnxruntime.so.1"), None);
        assert_eq!(version("libonnxruntime.so"), None);
    }

    #[test]
    fn versions_before_the_oldest_are_not_supported() {
        let supported = |text| Version::find_in(text).unwrap().is_supported();
        assert!(!supported("1.20.1") && !supported("1.23.9") && !supported("2.0.0"));
        assert!(supported("1.24.0") && supported("1.32.0"));
    }

    #[test]
    fn only_the_runtime_itself_counts_as_the_library() {
        for name in
            ["libonnxruntime.so", "libonnxruntime.so.1", "libonnxruntime.so.1.24.4", "libonnxruntime.dylib"]
        {
            assert!(is_library_name(name), "{name}");
        }
        assert!(is_library_name("libonnxruntime.1.24.4.dylib") && is_library_name("onnxruntime.dll"));
        for name in
            ["libonnxruntime_providers_cuda.so", "libonnxruntime.so.bak", "onnxruntime_pybind11_state.so"]
        {
            assert!(!is_library_name(name), "{name}");
        }
    }

    #[test]
    fn the_file_that_states_its_version_is_preferred() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime.so", "libonnxruntime.so.1.24.4", "libonnxruntime_providers_shared.so"] {
            fs::write(dir.path().join(name), b"").unwrap();
        }
        assert_eq!(library_in(dir.path()), Some(dir.path().join("libonnxruntime.so.1.24.4")));
        assert_eq!(library_in(&dir.path().join("absent")), None);
    }
}
