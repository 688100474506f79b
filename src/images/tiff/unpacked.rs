//! A strip or tile once it is unpacked.

/// The rows of one.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) row_bytes: usize,
}

/// The reason for one that ends too early.
pub(super) fn cut() -> String {
    "its bytes end before its pixels (truncated)".to_owned()
}
