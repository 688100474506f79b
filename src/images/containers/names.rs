//! What the names of files claim about containers.

use std::path::Path;

use crate::images::sniff;

/// A tar archive that is not packed.
pub(super) const TAR: &str = "a tar archive";
/// Endings of names and what they claim.
const NAMES: [(&str, &str); 8] = [
    (".tar", TAR),
    (".tar.gz", "a packed tar archive"),
    (".tgz", "a packed tar archive"),
    (".zip", "a zip archive"),
    (".cbz", "a zip archive"),
    (".npz", "a NumPy archive"),
    (".npy", "a NumPy array"),
    (".parquet", "a Parquet table"),
];

/// Whether the name is that of a container.
pub(super) fn is_container_name(path: &Path) -> bool {
    claim(path).is_some() || sniff::is_idx_name(path)
}

/// What the name claims.
pub(super) fn claim(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    NAMES
        .iter()
        .find(|(ending, _)| name.ends_with(ending) && name.len() > ending.len())
        .map(|(_, what)| *what)
}
