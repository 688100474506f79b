//! Where to look for ONNX Runtime and what may be done to get it: plain settings.
//!
//! [`RuntimeOptions::default`] knows the user's folders and nothing else. [`RuntimeOptions::from_env`] also
//! heeds the variables in its table; it is the only function of the library that reads such variables, and
//! only runs when it is called.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Where to look for the library, and whether it may be fetched.
///
/// ```
/// use aesearch::runtime::RuntimeOptions;
///
/// let options = RuntimeOptions { offline: true, ..RuntimeOptions::default() };
/// # assert!(options.library.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    /// The library to use, or a folder with the library in it; nothing else is tried then.
    pub library: Option<PathBuf>,
    /// The folder that holds fetched libraries, one subfolder per version.
    pub data_dir: PathBuf,
    /// Never fetch.
    pub offline: bool,
    /// Only a library with the CUDA provider will do.
    pub cuda: bool,
    /// The Python interpreters to ask for an installed `onnxruntime` and for pip; the first that answers is
    /// used.
    pub pythons: Vec<PathBuf>,
    /// Libraries, or folders with one, to try before any other that is found, such as that of the Python interpreter which
    /// this process is. One that cannot be used is passed over.
    pub candidates: Vec<PathBuf>,
    /// Whether to search the folders that the system's linker knows.
    pub system: bool,
}

/// The variables that say where a user's folders are.
const FOLDERS: [&str; 3] = ["XDG_DATA_HOME", HOME, "LOCALAPPDATA"];
const HOME: &str = "HOME";
/// Stands for the folder of a user who has none: nothing lies there.
const NO_HOME: &str = "/nonexistent";

impl Default for RuntimeOptions {
    /// Any library on this machine that can be used, else the pinned build, fetched into this user's data
    /// folder. The environment only says where that folder is.
    fn default() -> Self {
        RuntimeOptions::from_lookup(|name| FOLDERS.contains(&name).then(|| variable(name)).flatten())
    }
}

impl RuntimeOptions {
    /// The defaults, as changed by these environment variables:
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `ORT_DYLIB_PATH` | the library to use |
    /// | `AESEARCH_DATA_DIR` | the data folder; else the platform's own (`$XDG_DATA_HOME/aesearch`, `~/.local/share/aesearch`) |
    /// | `AESEARCH_OFFLINE` | `1`: never fetch |
    /// | `AESEARCH_PYTHON` | the Python interpreter to use instead of `python3` |
    pub fn from_env() -> RuntimeOptions {
        RuntimeOptions::from_lookup(variable)
    }

    /// As [`from_env`](Self::from_env), with the variables that `lookup` finds.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> RuntimeOptions {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let pythons = match get("AESEARCH_PYTHON") {
            Some(python) => vec![PathBuf::from(python)],
            None => ["python3", "python"].map(PathBuf::from).to_vec(),
        };
        RuntimeOptions {
            library: get("ORT_DYLIB_PATH").map(PathBuf::from),
            data_dir: get("AESEARCH_DATA_DIR").map(PathBuf::from).unwrap_or_else(|| platform_data_dir(get)),
            offline: get("AESEARCH_OFFLINE").is_some_and(|value| value != "0"),
            cuda: false,
            pythons,
            candidates: Vec::new(),
            system: true,
        }
    }
}

/// A variable; where HOME is not set, the system knows the user's folder.
fn variable(name: &str) -> Option<OsString> {
    let home = || env::home_dir().filter(|_| name == HOME).map(PathBuf::into_os_string);
    env::var_os(name).filter(|value| !value.is_empty()).or_else(home)
}

/// The platform's folder for an application's data, with the name of this library appended.
fn platform_data_dir(get: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let under = |name: &str, rest: &str| get(name).map(|base| PathBuf::from(base).join(rest));
    let dir = if cfg!(windows) {
        under("LOCALAPPDATA", "aesearch").or_else(|| under(HOME, "AppData/Local/aesearch"))
    } else if cfg!(target_os = "macos") {
        under("XDG_DATA_HOME", "aesearch").or_else(|| under(HOME, "Library/Application Support/aesearch"))
    } else {
        under("XDG_DATA_HOME", "aesearch").or_else(|| under(HOME, ".local/share/aesearch"))
    };
    // never the working directory: what lies there may be somebody else's
    dir.unwrap_or_else(|| PathBuf::from(NO_HOME).join("aesearch"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &'static [(&str, &str)]) -> RuntimeOptions {
        RuntimeOptions::from_lookup(move |name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn variables_are_honoured_and_empty_ones_ignored() {
        let options = with(&[
            ("ORT_DYLIB_PATH", "/opt/libonnxruntime.so"),
            ("AESEARCH_DATA_DIR", "/data"),
            ("AESEARCH_OFFLINE", "1"),
            ("AESEARCH_PYTHON", "/usr/bin/python3.12"),
        ]);
        assert_eq!(options.library, Some("/opt/libonnxruntime.so".into()));
        assert_eq!(options.data_dir, PathBuf::from("/data"));
        assert!(options.offline);
        assert_eq!(options.pythons, [PathBuf::from("/usr/bin/python3.12")]);

        let options = with(&[("ORT_DYLIB_PATH", ""), ("AESEARCH_OFFLINE", "0")]);
        assert_eq!((options.library, options.offline), (None, false));
    }

    #[test]
    fn defaults_name_no_library_and_may_fetch() {
        let options = RuntimeOptions::default();
        assert_eq!(
            (options.library, options.offline, options.cuda, options.system),
            (None, false, false, true)
        );
        assert_eq!(options.pythons, ["python3", "python"].map(PathBuf::from));
        assert!(!options.data_dir.as_os_str().is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_data_folder_follows_the_platform() {
        let options = with(&[("XDG_DATA_HOME", "/xdg"), ("HOME", "/users/a")]);
        assert_eq!(options.data_dir, PathBuf::from("/xdg/aesearch"));
        assert_eq!(with(&[("HOME", "/users/a")]).data_dir, PathBuf::from("/users/a/.local/share/aesearch"));
        assert_eq!(with(&[]).data_dir, PathBuf::from("/nonexistent/aesearch"), "not the working directory");
    }
}
