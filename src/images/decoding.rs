//! How images are decoded: limits, colour or grey, and the memory that decoders share.

use super::limits::Limits;
use super::memory_budget::MemoryBudget;
use super::stopwatch::Stopwatch;

/// How images are decoded.
#[derive(Debug, Clone, Default)]
pub struct Decoding {
    /// What one image may cost.
    pub limits: Limits,
    /// Grey is enough: a colour image may be decoded to its luma where that is less work.
    pub grey: bool,
    /// The memory that decoders share.
    pub budget: MemoryBudget,
    /// Stopped while waiting for memory, started again after.
    pub stopwatch: Stopwatch,
}
