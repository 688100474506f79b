//! How much of the memory that a run may take is left for decoding large images.

use crate::error::{Error, Result};

const MIB: u64 = 1 << 20;

/// ONNX Runtime, the model, the program.
const BASE: u64 = 160 * MIB;
/// A session, a batch and what is read ahead.
const PER_THREAD: u64 = 64 * MIB;
/// What is kept about an image while a run lasts, in the index and elsewhere.
const PER_IMAGE: u64 = 400;
/// With less, photographs would be refused.
const LEAST: u64 = 64 * MIB;
/// Always granted where no limit was set.
const ENOUGH: u64 = 512 * MIB;

/// Bytes of memory for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// A limit: a run that needs more is refused.
    AtMost(u64),
    /// A guideline: a run that needs more takes it.
    About(u64),
}

impl Memory {
    /// The limit or guideline.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Memory::AtMost(bytes) | Memory::About(bytes) => bytes,
        }
    }
}

/// The memory that this process takes now, where the system says.
pub(super) fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1 << 10)
}

/// What a run takes apart from the images that are being decoded, in bytes.
pub(super) fn fixed(threads: usize, n_images: usize) -> u64 {
    BASE + PER_THREAD * threads as u64 + PER_IMAGE * n_images as u64
}

/// What images that are being decoded may take, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ForImages {
    /// The pixels of all of them.
    pub(super) pixels: u64,
    /// The file of one of them: each thread holds one.
    pub(super) file: u64,
}

/// The memory for images that are being decoded. Under a limit, half of it is for their files, and half for
/// their pixels.
///
/// # Errors
/// `Invalid` when the limit is too low for so many threads and images.
pub(super) fn memory_for_images(memory: Memory, threads: usize, n_images: usize) -> Result<ForImages> {
    let fixed = fixed(threads, n_images);
    match memory {
        Memory::About(bytes) => {
            Ok(ForImages { pixels: bytes.saturating_sub(fixed).max(ENOUGH), file: u64::MAX })
        }
        Memory::AtMost(bytes) if bytes >= fixed + LEAST => {
            let half = (bytes - fixed) / 2;
            Ok(ForImages { pixels: half, file: half / threads.max(1) as u64 })
        }
        Memory::AtMost(bytes) => {
            let [needed, got] = [fixed + LEAST, bytes].map(|bytes| bytes.div_ceil(MIB));
            let what = format!(
                "`max_memory`: expected at least {needed} MiB for {n_images} images on {threads} threads, got {got} MiB"
            );
            Err(Error::invalid(what).with_hint("use fewer threads, or index the images in parts"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_for_images_and_too_little_is_refused() {
        let half = (1024 - 160 - 128) / 2 * MIB;
        let for_images = memory_for_images(Memory::AtMost(1 << 30), 2, 0).unwrap();
        assert_eq!(for_images, ForImages { pixels: half, file: half / 2 });
        assert!(memory_for_images(Memory::AtMost(1 << 30), 2, 1_000_000).is_ok());
        assert_eq!(memory_for_images(Memory::About(1 << 20), 2, 10).unwrap().pixels, ENOUGH);
        let error = memory_for_images(Memory::AtMost(300 * MIB), 2, 10).unwrap_err().to_string();
        assert!(error.contains("at least 353 MiB for 10 images on 2 threads, got 300 MiB"), "{error}");
    }
}
