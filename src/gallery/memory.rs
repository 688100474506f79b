//! How much of the memory that a run may take is left for decoding large images.

use crate::error::{Error, Result};

const MIB: u64 = 1 << 20;

/// ONNX Runtime, the model, the program.
const BASE: u64 = 160 * MIB;
/// A session, a batch and what is read ahead.
const PER_THREAD: u64 = 64 * MIB;
/// What is known of an image while a run lasts, in the index and out of it.
const PER_IMAGE: u64 = 400;
/// Less would refuse photographs.
const LEAST: u64 = 64 * MIB;
/// Where nobody asked for less.
const ENOUGH: u64 = 512 * MIB;

/// Bytes of memory for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// The user's word: what cannot be done with so much is refused.
    AtMost(u64),
    /// As much as seems right; a run that cannot do with it takes what it needs.
    About(u64),
}

/// What a run of so many threads and images takes beside the images that are being decoded, in bytes.
pub(super) fn fixed(threads: usize, n_images: usize) -> u64 {
    BASE + PER_THREAD * threads as u64 + PER_IMAGE * n_images as u64
}

/// What images that are being decoded may take, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ForImages {
    /// The pixels of all of them.
    pub(super) pixels: u64,
    /// The file of one: each thread holds one.
    pub(super) file: u64,
}

/// The memory for images that are being decoded, in a run of so many threads and images: half of it for their files, where that
/// is asked for, half for their pixels.
///
/// # Errors
/// Where the memory asked for is too little for such a run.
pub(super) fn room_for_images(memory: Memory, threads: usize, n_images: usize) -> Result<ForImages> {
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
                "--max-memory: expected at least {needed} MiB for {n_images} images on {threads} threads, got {got} MiB"
            );
            Err(Error::invalid(what).with_hint("fewer threads need less; or index the images in parts"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_for_images_and_too_little_is_refused() {
        let half = (1024 - 160 - 128) / 2 * MIB;
        let for_images = room_for_images(Memory::AtMost(1 << 30), 2, 0).unwrap();
        assert_eq!(for_images, ForImages { pixels: half, file: half / 2 });
        assert!(room_for_images(Memory::AtMost(1 << 30), 2, 1_000_000).is_ok());
        assert_eq!(room_for_images(Memory::About(1 << 20), 2, 10).unwrap().pixels, ENOUGH);
        let told = room_for_images(Memory::AtMost(300 * MIB), 2, 10).unwrap_err().to_string();
        assert!(told.contains("at least 353 MiB for 10 images on 2 threads, got 300 MiB"), "{told}");
    }
}
