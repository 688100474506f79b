//! What of a container is not used, and why; and the bounds beyond which nothing is.

use std::path::Path;

use crate::images::Skipped;

/// Most images in one container; a larger one is refused, or used up to there.
pub(super) const MAX_ENTRIES: u64 = 1 << 24;
/// Longest name of an entry, in bytes; entries with longer names are refused.
pub(super) const MAX_NAME: usize = 4096;
/// Most unusable entries of one container that are listed by name; the others are counted.
pub(super) const MAX_NAMED: usize = 10_000;

/// What cannot be used of one container.
pub(super) struct Skips {
    /// The container's path and a `#`.
    prefix: Vec<u8>,
    pub(super) list: Vec<Skipped>,
    /// Entries beyond those that are named.
    more: usize,
    pub(super) is_partial: bool,
}

impl Skips {
    pub(super) fn new(path: &Path) -> Self {
        let prefix = [path.as_os_str().as_encoded_bytes(), b"#"].concat();
        Skips { prefix, list: Vec::new(), more: 0, is_partial: false }
    }

    /// An entry is not used.
    pub(super) fn entry(&mut self, name: &[u8], reason: &str) {
        if self.list.len() >= MAX_NAMED {
            self.more += 1;
            return;
        }
        let shown = &name[..name.len().min(MAX_NAME)];
        self.list.push(Skipped::new([&self.prefix, shown].concat(), reason));
    }

    /// The container is not all there.
    pub(super) fn container(&mut self, reason: &str) {
        self.is_partial = true;
        self.list.push(Skipped::new(&self.prefix[..self.prefix.len() - 1], reason));
    }

    /// All of it.
    pub(super) fn finish(mut self) -> Vec<Skipped> {
        if self.more > 0 {
            let reason = format!("{} more of its entries are not used", self.more);
            self.list.push(Skipped::new(&self.prefix[..self.prefix.len() - 1], reason));
        }
        self.list
    }
}
