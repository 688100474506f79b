//! What a file of codes holds of an image.

use crate::gallery::Coded;

/// An image of a file of codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What an index would hold of it.
    pub image: Coded,
    /// What `dedupe` compares it by; empty where that is not kept.
    pub fingerprint: Vec<u8>,
}

/// The bits of a code, the first one first, as PostgreSQL writes them.
pub(super) fn bit_text(code: &[u64], bits: usize) -> String {
    (0..bits).map(|bit| if code[bit / 64] >> (bit % 64) & 1 == 1 { '1' } else { '0' }).collect()
}
