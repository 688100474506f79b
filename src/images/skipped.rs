//! Images that cannot be used: data, with a reason each, and never an error.

/// Something that looked like an image to use, and why it was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The path, or `container#entry`; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// The same byte by byte, where `path` cannot show it.
    pub path_bytes: Option<Vec<u8>>,
    /// Why, in one line.
    pub reason: String,
}

impl Skipped {
    /// What is called `name` is not used.
    pub fn new(name: impl AsRef<[u8]>, reason: impl Into<String>) -> Self {
        let name = name.as_ref();
        let path = String::from_utf8_lossy(name);
        let path_bytes = matches!(path, std::borrow::Cow::Owned(_)).then(|| name.to_vec());
        Skipped { path: path.into_owned(), path_bytes, reason: reason.into() }
    }
}
