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

    /// The middle and the four corners, each with `share`, above 0 and at most 1, of width and height, and at
    /// least a pixel of them. Each is cut out when it is asked for.
    pub fn crops(&self, share: f64) -> impl Iterator<Item = Pixels> + '_ {
        let side = |whole: usize| ((whole as f64 * share).round() as usize).clamp(whole.min(1), whole);
        let (width, height) = (side(self.width), side(self.height));
        let (right, bottom) = (self.width - width, self.height - height);
        let corners = [(right / 2, bottom / 2), (0, 0), (right, 0), (0, bottom), (right, bottom)];
        corners.into_iter().map(move |(left, top)| {
            let row = |y: usize| {
                let start = ((top + y) * self.width + left) * self.channels;
                &self.data[start..start + width * self.channels]
            };
            Pixels {
                width,
                height,
                channels: self.channels,
                data: (0..height).flat_map(row).copied().collect(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_the_middle_and_the_corners() {
        let image = Pixels { width: 4, height: 2, channels: 1, data: (0..8).collect() };
        let crops: Vec<_> = image.crops(0.5).map(|crop| (crop.width, crop.height, crop.data)).collect();
        assert_eq!(crops, [[1, 2], [0, 1], [2, 3], [4, 5], [6, 7]].map(|row| (2, 1, row.to_vec())));
        let dot = Pixels { width: 1, height: 1, channels: 3, data: vec![1, 2, 3] };
        assert!(dot.crops(0.1).all(|crop| crop == dot), "at least a pixel");
    }
}
