//! The pinned downloads of ONNX Runtime: which wheel, for which platform, with which SHA-256.
//!
//! A table and nothing else. A wheel is a zip file that pip can fetch; only the shared libraries inside are
//! used, so the Python version in its name is irrelevant. To move to a newer version, replace the version,
//! the sizes and all hashes (`pip download` each platform's wheel, `sha256sum`), and run the tests.

/// The oldest minor version of ONNX Runtime 1.x that offers the functions this program is compiled against.
pub(super) const OLDEST_MINOR: u32 = 24;

/// The version that is downloaded where no library is found.
pub(super) const VERSION: &str = "1.24.4";

/// The interpreter for which the pinned wheels were built, as pip's `--python-version` and `--abi` want it.
pub(super) const PYTHON_VERSION: &str = "3.12";
pub(super) const PYTHON_ABI: &str = "cp312";

/// One downloadable build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wheel {
    /// The project's name, for pip.
    pub(super) project: &'static str,
    /// The platform tag, for pip.
    pub(super) platform: &'static str,
    /// SHA-256 of the wheel, in lower-case hexadecimal.
    pub(super) sha256: &'static str,
    /// Size of the download in megabytes, to announce it.
    pub(super) megabytes: u32,
}

/// The build for this platform, if there is one; `cuda` asks for the one with the CUDA provider.
pub(super) fn wheel(os: &str, arch: &str, cuda: bool) -> Option<Wheel> {
    let (platform, megabytes, sha256) = match (os, arch, cuda) {
        ("linux", "x86_64", false) => {
            ("manylinux_2_28_x86_64", 17, "0d640eb9f3782689b55cfa715094474cd5662f2f137be6a6f847a594b6e9705c")
        }
        ("linux", "aarch64", false) => {
            ("manylinux_2_28_aarch64", 15, "1a5c5a544b22f90859c88617ecb30e161ee3349fcc73878854f43d77f00558b5")
        }
        ("macos", "aarch64", false) => {
            ("macosx_14_0_arm64", 17, "cad1c2b3f455c55678ab2a8caa51fb420c25e6e3cf10f4c23653cdabedc8de78")
        }
        ("windows", "x86_64", false) => {
            ("win_amd64", 13, "535b29475ca42b593c45fbb2152fbf1cdf3f287315bf650e6a724a0a1d065cdb")
        }
        ("windows", "aarch64", false) => {
            ("win_arm64", 12, "e6214096e14b7b52e3bee1903dc12dc7ca09cb65e26664668a4620cc5e6f9a90")
        }
        ("linux", "x86_64", true) => {
            ("manylinux_2_28_x86_64", 253, "eb0e38f0c1ef3b76ae0081c8e51eed20dd8925aa916f0fc6f9b8b17d05610e99")
        }
        _ => return None,
    };
    Some(Wheel { project: project(cuda), platform, sha256, megabytes })
}

/// The project that publishes the builds with (`cuda`) or without the CUDA provider.
pub(super) fn project(cuda: bool) -> &'static str {
    if cuda { "onnxruntime-gpu" } else { "onnxruntime" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_a_complete_hash() {
        for os in ["linux", "macos", "windows"] {
            for arch in ["x86_64", "aarch64"] {
                for wheel in [false, true].into_iter().filter_map(|cuda| wheel(os, arch, cuda)) {
                    assert_eq!(wheel.sha256.len(), 64, "{wheel:?}");
                    assert!(wheel.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
                }
            }
        }
        assert!(wheel("linux", "x86_64", false).is_some() && wheel("linux", "aarch64", false).is_some());
        assert_eq!(wheel("linux", "riscv64", false), None);
    }
}
