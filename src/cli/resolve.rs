//! From what was typed to settings: flags, then AESEARCH_* variables, then `aesearch.toml`, then defaults.
//!
//! clap has already put the variables below the flags; this file adds the configuration file and the
//! machine's folders (data folder, working directory). The result has no `Option` that stands for a default.

use std::env;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use aesearch_index::{Isa, is_index, use_isa};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::amount;
use super::args::{DeviceArg, Global, IndexDir, InvertArg, Readings, Threads};
use super::print::{Printer, Talk, When};
use super::progress::Bars;
use crate::error::{Error, Result};
use crate::gallery::{FOLDER, Invert, Memory, fetch, find, nearby};
use crate::images::{is_url, read_text};
use crate::output::use_cache_folder;
use crate::runtime::{Device, RuntimeOptions};

const CONFIG_FILE: &str = "aesearch.toml";
/// Indexes that are named where none is found.
const NEARBY: usize = 5;
/// More are a slip, and would all be started.
const MAX_THREADS: usize = 1024;

/// What every command gets: how to print, and the settings that belong to no single command.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) printer: Printer,
    pub(super) progress: Bars,
    pub(super) runtime: RuntimeOptions,
    pub(super) config: Config,
}

/// `aesearch.toml`, from the working directory or the nearest folder above it. It cannot name a library to
/// load: a folder from somebody else must not be able to run code.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Config {
    pub(super) index: Option<PathBuf>,
    pub(super) model: Option<String>,
    pub(super) threads: Option<usize>,
    pub(super) device: Option<String>,
    pub(super) color: Option<When>,
    pub(super) progress: Option<When>,
    pub(super) invert: Option<String>,
    pub(super) k: Option<usize>,
    pub(super) recall: Option<f32>,
    pub(super) rerank: Option<usize>,
    pub(super) bucket_size: Option<usize>,
    pub(super) max_memory: Option<String>,
    pub(super) max_model_size: Option<String>,
}

/// A list of indexes that are searched together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shards {
    /// Relative paths start at the folder of the list.
    indexes: Vec<PathBuf>,
}

impl Shards {
    fn read(path: &Path) -> Result<Vec<PathBuf>> {
        let Shards { indexes } = parse_toml(&read_toml(path)?, path)?;
        if indexes.is_empty() {
            return Err(Error::invalid(format!("{}: indexes: expected some, got none", path.display())));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(indexes.into_iter().map(|index| beside(folder, index)).collect())
    }
}

impl Context {
    pub(super) fn new(global: &Global) -> Result<Self> {
        let config = Config::find(&here()?)?;
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let talk = Talk {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            colour: global.color.or(config.color).unwrap_or_default(),
            no_color,
        };
        use_instruction_set(env::var("AESEARCH_ISA").ok().as_deref())?;
        user_cache_folder(|name| env::var_os(name)).into_iter().for_each(use_cache_folder);
        let mut runtime = RuntimeOptions::from_env();
        runtime.library = global.ort_lib.clone().or(runtime.library);
        runtime.offline |= global.offline;
        Ok(Context {
            printer: Printer::new(&talk),
            progress: Bars::new(global.progress.or(config.progress).unwrap_or_default(), global.quiet),
            runtime,
            config,
        })
    }

    /// The model that AESEARCH_MODEL names, else `aesearch.toml`; for commands that need to know whether it was
    /// typed, so that clap may not see the variable.
    pub(super) fn model(&self) -> Option<String> {
        env::var("AESEARCH_MODEL").ok().or_else(|| self.config.model.clone())
    }

    /// The index to read: the named one, else `.aesearch` here or in the nearest folder above. Where there is none,
    /// the error names indexes nearby. One in a bucket is brought here.
    pub(super) fn index_dir(&self, dir: &IndexDir) -> Result<PathBuf> {
        match dir.index.as_ref().or(self.config.index.as_ref()).filter(|named| is_url(named)) {
            Some(url) => self.folder_of(url),
            None => self.own_index_dir(dir),
        }
    }

    /// The folder of an index, or where one in a bucket is brought to.
    pub(super) fn folder_of(&self, index: &Path) -> Result<PathBuf> {
        let Some(url) = index.to_str().filter(|_| is_url(index)) else { return Ok(index.to_path_buf()) };
        let caches = user_cache_folder(|name| env::var_os(name)).ok_or_else(|| {
            let what = format!("{url}: expected a folder for caches, got none from the system");
            Error::invalid(what).with_hint("set HOME")
        })?;
        fetch(url, &caches, &())
    }

    /// The same of an index that is written.
    pub(super) fn own_index_dir(&self, dir: &IndexDir) -> Result<PathBuf> {
        let dir = self.any_index_dir(dir)?;
        match is_index(&dir) {
            true => Ok(dir),
            false => Err(no_index(&dir, &here()?)),
        }
    }

    /// The indexes to search, the first one and the others: those named and those in lists that are named, else as
    /// [`Context::index_dir`].
    pub(super) fn index_dirs(&self, readings: &Readings) -> Result<(PathBuf, Vec<PathBuf>)> {
        let mut dirs = Vec::new();
        for path in &readings.indexes {
            match path.extension().is_some_and(|end| end == "toml") && path.is_file() {
                true => dirs.extend(Shards::read(path)?),
                false => dirs.push(path.clone()),
            }
        }
        let index_dir = |index| self.index_dir(&IndexDir { index });
        let mut dirs = dirs.into_iter();
        let first = index_dir(dirs.next())?;
        Ok((first, dirs.map(|dir| index_dir(Some(dir))).collect::<Result<Vec<_>>>()?))
    }

    /// The same, which need not be there yet.
    pub(super) fn any_index_dir(&self, dir: &IndexDir) -> Result<PathBuf> {
        if let Some(dir) = dir.index.as_ref().or(self.config.index.as_ref()) {
            if is_url(dir) {
                let what = format!("{}: an index in a bucket, which is only read", dir.display());
                return Err(Error::unsupported(what).with_hint("work on a folder, and use `publish` then"));
            }
            return Ok(dir.clone());
        }
        let here = here()?;
        let found = find(&here).filter(|dir| *dir != here.join(FOLDER));
        Ok(found.unwrap_or_else(|| PathBuf::from(FOLDER))) // a short name for what lies at hand
    }

    /// The folder of models that were added by name.
    pub(super) fn added_models(&self) -> PathBuf {
        self.runtime.data_dir.join("models")
    }

    /// Worker threads, at least one; the process's shared pool gets as many.
    pub(super) fn threads(&self, typed: &Threads) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let asked = typed.threads.or(self.config.threads).filter(|&n| n > 0);
        let threads = asked.map_or_else(cores, |n| n.min(MAX_THREADS));
        // Fails if the pool exists, made by an earlier command of this process with the same settings.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        threads
    }

    /// The memory limit for indexing.
    pub(super) fn memory(&self, typed: Option<&str>) -> Result<Memory> {
        let bytes = self.max_memory(typed)?;
        let asked = typed.is_some() || self.config.max_memory.is_some();
        Ok(if asked { Memory::AtMost(bytes) } else { Memory::About(bytes) })
    }

    /// Bytes that large data may take in memory.
    pub(super) fn max_memory(&self, typed: Option<&str>) -> Result<u64> {
        let amount = typed.or(self.config.max_memory.as_deref());
        amount.map_or_else(|| Ok(amount::half_of_memory()), |text| amount::parse("--max-memory", text))
    }

    /// The requested device, else `default`.
    pub(super) fn device(&self, arg: &DeviceArg, default: Device) -> Result<Device> {
        let name = arg.device.as_deref().or(self.config.device.as_deref());
        name.map_or(Ok(default), str::parse)
    }

    pub(super) fn invert(&self, arg: &InvertArg) -> Result<Invert> {
        arg.invert.as_deref().or(self.config.invert.as_deref()).map_or(Ok(Invert::default()), str::parse)
    }
}

/// What to say where there is no index, though there may be some near.
fn no_index(dir: &Path, here: &Path) -> Error {
    let error = Error::not_found(format!("{}: no index here", dir.display()));
    let named = here.join(dir);
    let start = if named.is_dir() && !named.ends_with(FOLDER) { named.as_path() } else { here };
    let shown = |path: PathBuf| match (path.strip_prefix(here), here.parent()) {
        (Ok(below), _) => below.to_path_buf(),
        (_, Some(above)) => {
            path.strip_prefix(above).map_or_else(|_| path.clone(), |beside| Path::new("..").join(beside))
        }
        _ => path,
    };
    let found: Vec<String> =
        nearby(start, NEARBY).into_iter().map(|path| shown(path).display().to_string()).collect();
    error.with_hint(match &found[..] {
        [] => "make one with `update`".to_owned(),
        [one] => format!("there is one in {one}: pass it as `dir`, or make one here with `update`"),
        _ => format!(
            "there are some in {}: pass one of them as `dir`, or make one here with `update`",
            found.join(", ")
        ),
    })
}

/// Searches with the kernels of the named instruction set instead of the processor's best, to compare them.
fn use_instruction_set(name: Option<&str>) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    let isa = Isa::named(name).ok_or_else(|| {
        let known: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
        Error::invalid(format!("AESEARCH_ISA: expected one of {}, got {name}", known.join(", ")))
    })?;
    use_isa(isa);
    Ok(())
}

/// The folder for caches of this user, by the variables that the system has for it.
fn user_cache_folder(get: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = |inner: &str| folder("HOME").map(|home| home.join(inner));
    let place = match () {
        () if cfg!(windows) => folder("LOCALAPPDATA"),
        () if cfg!(target_os = "macos") => home("Library/Caches"),
        () => folder("XDG_CACHE_HOME").or_else(|| home(".cache")),
    };
    place.map(|place| place.join("aesearch"))
}

impl Config {
    fn find(from: &Path) -> Result<Self> {
        let Some(path) = find_config(from) else { return Ok(Config::default()) };
        Self::parse(&read_toml(&path)?, &path)
    }

    /// Relative paths in the file start at its own folder, wherever the command is run.
    fn parse(text: &str, path: &Path) -> Result<Self> {
        let mut config: Config = parse_toml(text, path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.index = config.index.map(|index| beside(folder, index));
        config.model = config.model.map(|model| match folder.join(&model) {
            path if path.exists() => path.to_string_lossy().into_owned(),
            _ => model, // a shipped one's name
        });
        Ok(config)
    }
}

/// The text of a .toml file.
pub(super) fn read_toml(path: &Path) -> Result<String> {
    let bytes = read_text(path).map_err(|e| Error::io(path, e))?;
    let wrong =
        |_| Error::invalid(format!("{}: expected text, got bytes that are not UTF-8", path.display()));
    String::from_utf8(bytes).map_err(wrong)
}

/// Parses the text of the file `path`; errors name wrong and unknown keys.
pub(super) fn parse_toml<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T> {
    // programs on Windows put a byte order mark in front
    toml::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|e| Error::invalid(format!("{}: {}", path.display(), e.to_string().trim_end())))
}

/// A path that a file in `folder` names.
fn beside(folder: &Path, path: PathBuf) -> PathBuf {
    if is_url(&path) { path } else { folder.join(path) }
}

/// `aesearch.toml` here or in the nearest folder above.
fn find_config(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|folder| folder.join(CONFIG_FILE)).find(|path| path.is_file())
}

fn here() -> Result<PathBuf> {
    env::current_dir().map_err(|e| Error::io(".", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_found_upward_and_its_paths_are_its_own() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).expect("folders");
        std::fs::write(root.path().join(CONFIG_FILE), "index = \"codes\"\nrecall = 0.9\n").expect("a file");
        let config = Config::find(&deep).expect("a valid file");
        assert_eq!(config.index, Some(root.path().join("codes")));
        assert_eq!((config.recall, config.k), (Some(0.9), None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn caches_go_where_the_system_says() {
        let with = |variables: &[(&str, &str)]| {
            let get =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            user_cache_folder(get)
        };
        assert_eq!(with(&[("HOME", "/u/a")]), Some("/u/a/.cache/aesearch".into()));
        assert_eq!(with(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/u/a")]), Some("/c/aesearch".into()));
        assert_eq!(with(&[("XDG_CACHE_HOME", "c")]), None, "nothing is written into the working directory");
    }

    #[test]
    fn only_instruction_sets_of_this_processor_are_used() {
        let told = use_instruction_set(Some("mmx")).expect_err("an unknown set").to_string();
        assert!(told.contains("AESEARCH_ISA") && told.contains("scalar"), "{told}");
        use_instruction_set(None).expect("nothing to do");
        use_instruction_set(Some(Isa::current().name())).expect("the one in use");
    }

    #[test]
    fn unknown_keys_are_told_with_the_file() {
        let error =
            Config::parse("modle = \"x\"", Path::new("dir/aesearch.toml")).expect_err("a misspelt key");
        let text = error.to_string();
        assert!(text.starts_with("dir/aesearch.toml: ") && text.contains("modle"), "{text}");
        assert!(Config::parse("ort-lib = \"evil.so\"", Path::new("aesearch.toml")).is_err());
    }
}
