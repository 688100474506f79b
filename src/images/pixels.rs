//! The two forms of an image in memory: decoded pixels of any size, and the shape that a model takes.

/// What a model takes: channels, height, width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InputShape {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows, in pixels.
    pub height: usize,
    /// Columns, in pixels.
    pub width: usize,
}

impl InputShape {
    /// Values in one image: channels x height x width.
    pub fn size(&self) -> usize {
        self.channels * self.height * self.width
    }
}

/// A decoded image, u8 [height, width, channels], upright, opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows from the top, channels innermost.
    pub data: Vec<u8>,
}

impl Pixels {
    /// Whether there are pixels, and as many bytes of them as the sizes say.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn check(&self) -> Result<(), String> {
        let Pixels { width, height, channels, data } = self;
        let expected = width.checked_mul(*height).and_then(|area| area.checked_mul(*channels));
        if expected != Some(data.len()) || data.is_empty() || !matches!(channels, 1 | 3) {
            return Err(format!("{width}x{height}x{channels} does not fit {} bytes of pixels", data.len()));
        }
        Ok(())
    }
}
