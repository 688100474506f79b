//! The dimensions of an image as a foreign encoder takes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::images::InputShape;

/// Where channels stand among the dimensions of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// [N, C, H, W], as PyTorch has it.
    Nchw,
    /// [N, H, W, C], as TensorFlow has it.
    Nhwc,
}

impl Layout {
    /// Where channels, height and width stand.
    pub(super) fn axes(self) -> [usize; 3] {
        match self {
            Layout::Nchw => [1, 2, 3],
            Layout::Nhwc => [3, 1, 2],
        }
    }

    /// The dimensions of one image.
    pub fn dims(self, shape: InputShape) -> [usize; 3] {
        let InputShape { channels, height, width } = shape;
        match self {
            Layout::Nchw => [channels, height, width],
            Layout::Nhwc => [height, width, channels],
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Nchw => "nchw",
            Layout::Nhwc => "nhwc",
        })
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "nchw" => Ok(Layout::Nchw),
            "nhwc" => Ok(Layout::Nhwc),
            other => Err(format!("expected nchw or nhwc, got '{other}'")),
        }
    }
}

/// Height and width; in a file `224` or `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(from = "Sides", into = "[usize; 2]")]
pub struct Size {
    /// Rows, in pixels.
    pub height: usize,
    /// Columns, in pixels.
    pub width: usize,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a side such as 224, or [height, width]")]
enum Sides {
    Square(usize),
    Both([usize; 2]),
}

impl From<Sides> for Size {
    fn from(sides: Sides) -> Size {
        let [height, width] = match sides {
            Sides::Square(side) => [side, side],
            Sides::Both(sides) => sides,
        };
        Size { height, width }
    }
}

impl From<Size> for [usize; 2] {
    fn from(Size { height, width }: Size) -> Self {
        [height, width]
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}
