//! Binary codes in, neighbours out.

/// Why the index could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another writer holds the index.
    #[error("locked")]
    Locked,
}

impl Error {
    /// True when another writer holds the index: waiting or trying again later helps.
    pub fn is_locked(&self) -> bool {
        matches!(self, Error::Locked)
    }
}
