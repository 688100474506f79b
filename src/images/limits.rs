//! What one image may cost: bytes of its file, pixels, bytes once it is decoded, time.

use std::time::Duration;

/// What one image may cost. Checked against its header, before anything of that size is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// Largest width x height. The default, 200 million, is the size of the largest phone cameras.
    pub max_pixels: u64,
    /// Largest decoded image, in bytes; about as much again may be used by the decoder.
    pub max_decoded_bytes: u64,
    /// Longest time to decode it; applied where many images are decoded, see `gallery`.
    pub decode_timeout: Duration,
}

impl Limits {
    /// How often to check whether an image takes too long.
    pub(crate) fn look_every(&self) -> Duration {
        (self.decode_timeout / 4).clamp(Duration::from_millis(5), Duration::from_millis(200))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_file_bytes: 1 << 30,
            max_pixels: 200_000_000,
            max_decoded_bytes: 1 << 30,
            decode_timeout: Duration::from_secs(60),
        }
    }
}

/// Whether an image file of `bytes` may be read.
///
/// # Errors
/// The reason why not.
pub(super) fn check_size(bytes: u64, max_bytes: u64) -> Result<(), String> {
    if bytes > max_bytes {
        return Err(format!("file too large: {bytes} bytes, the limit is {max_bytes}"));
    }
    Ok(())
}

/// Whether an image of this width and height, which takes so many bytes once it is decoded, may be decoded.
///
/// # Errors
/// The reason why not.
pub(super) fn check_pixels((width, height): (u32, u32), bytes: u64, limits: &Limits) -> Result<(), String> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(format!("the image is {width}x{height}: it has no pixels"));
    }
    if pixels > limits.max_pixels {
        let (pixels, most) = (pixels / 1_000_000, limits.max_pixels / 1_000_000);
        return Err(format!("too large: {width}x{height} is {pixels} megapixels, the limit is {most}"));
    }
    if bytes > limits.max_decoded_bytes {
        let (mib, most) = (bytes >> 20, limits.max_decoded_bytes >> 20);
        return Err(format!("too large: {width}x{height} decodes to {mib} MiB, the limit is {most}"));
    }
    Ok(())
}
