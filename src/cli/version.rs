//! What `--version -v` says about this build, for reports of faults and for packagers.
//!
//! What only the build knows comes from variables that `.ci/package` sets: without a build script, the same
//! sources and variables give the same bytes.

use super::exit::{self, Exit};
use super::print::{Printer, facts};
use crate::runtime::{OLDEST_MINOR, PINNED_VERSION};

/// The features of this build, as `Cargo.toml` names them.
const FEATURES: [(&str, bool); 10] = [
    ("avif", cfg!(feature = "avif")),
    ("cli", cfg!(feature = "cli")),
    ("cloud", cfg!(feature = "cloud")),
    ("heic", cfg!(feature = "heic")),
    ("jxl", cfg!(feature = "jxl")),
    ("postgres", cfg!(feature = "postgres")),
    ("psd", cfg!(feature = "psd")),
    ("raw", cfg!(feature = "raw")),
    ("shipped-models", cfg!(feature = "shipped-models")),
    ("video", cfg!(feature = "video")),
];

/// Prints the version and what there is to know about this build.
pub(super) fn print() -> u8 {
    let printer = Printer::default();
    let printed = printer.text(&format!("aesearch {}\n{}", env!("CARGO_PKG_VERSION"), build()));
    printed.map_or_else(|error| exit::report(&error, &printer), |()| Exit::Done) as u8
}

fn build() -> String {
    let known = |fact: Option<&str>| fact.unwrap_or("unknown").to_owned();
    let platform = || format!("{} {}", std::env::consts::ARCH, std::env::consts::OS);
    let (major, minor) = aesearch_index::FORMAT_VERSION;
    facts(&[
        ("commit", known(option_env!("AESEARCH_BUILD_COMMIT"))),
        ("target", option_env!("AESEARCH_BUILD_TARGET").map_or_else(platform, str::to_owned)),
        ("compiler", known(option_env!("AESEARCH_BUILD_RUSTC"))),
        ("features", features().join(", ")),
        (
            "onnx runtime",
            format!("1.{OLDEST_MINOR} or a newer 1.x; {PINNED_VERSION} is downloaded if there is none"),
        ),
        ("index format", format!("{major}.{minor}")),
    ])
}

fn features() -> Vec<&'static str> {
    FEATURES.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_of_the_manifest_is_told() {
        let manifest = include_str!("../../Cargo.toml");
        let section = manifest.split("\n[features]\n").nth(1).and_then(|rest| rest.split("\n[").next());
        let lines = section.expect("the section").lines().filter_map(|line| line.split_once(" = "));
        let mut named: Vec<&str> = lines.map(|(name, _)| name).filter(|name| *name != "default").collect();
        named.sort_unstable();
        assert_eq!(named, FEATURES.map(|(name, _)| name));
        assert!(features().contains(&"cli"));
    }

    #[test]
    fn nothing_of_a_build_is_left_open() {
        let text = build();
        for fact in ["commit", "target", "compiler", "features", "onnx runtime", "index format  2."] {
            assert!(text.contains(fact), "{fact}: {text}");
        }
    }
}
