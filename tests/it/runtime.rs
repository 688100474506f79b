//! The library that cannot be had, as a user meets it: one error, one hint, exit code 2, nothing left behind.
//!
//! Each case is a process of its own, because a process loads ONNX Runtime once.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Indexes one image in `dir` with these settings; returns the exit code and what was said on stderr.
fn index(dir: &Path, settings: &[(&str, &Path)]) -> (Option<i32>, String) {
    fs::write(dir.join("a.pgm"), b"P5 1 1 255 0").expect("writes");
    let mut command = Command::new(env!("CARGO_BIN_EXE_aesearch"));
    command.args(["index", "a.pgm"]).current_dir(dir).env_remove("ORT_DYLIB_PATH");
    let output = command.envs(settings.iter().copied()).output().expect("the binary starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_named_file_that_is_no_library_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let library = dir.path().join("libonnxruntime.so");
    fs::write(&library, b"not a library").expect("writes");
    let (code, said) = index(dir.path(), &[("ORT_DYLIB_PATH", &library)]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("expected ONNX Runtime, got a file that does not load"), "{said}");
    assert!(said.contains("hint: correct --ort-lib or ORT_DYLIB_PATH"), "{said}");
}

#[test]
fn a_named_library_that_is_too_old_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let library = dir.path().join("libonnxruntime.so.1.20.1");
    fs::write(&library, b"").expect("writes");
    let (code, said) = index(dir.path(), &[("ORT_DYLIB_PATH", &library)]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("expected version 1.24 or a newer 1.x, got 1.20.1"), "{said}");
}
