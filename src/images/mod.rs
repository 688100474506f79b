//! Images: found, decoded, resized to what a model takes.

/// What a model takes: `channels` planes of `height` by `width` pixels, `f32` in `0..=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InputShape {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
}

/// How images are brought to the model's size.
pub const RESIZE_RULE: &str = "stretch-bilinear";
/// How colours are brought to the model's channels.
pub const COLOUR_RULE: &str = "rec601-luma";
