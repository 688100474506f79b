//! Which layers a training leaves as they are.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::model::Architecture;

/// Which of the encoder's layers training leaves as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freeze {
    /// None of them.
    #[default]
    None,
    /// All up to the pooled features.
    Encoder,
    /// All: the decoder alone is trained. A projection to the latent that was never trained becomes the
    /// principal directions of the features first.
    Latent,
    /// So many blocks, counted from the input, the stem with the first one.
    Blocks(usize),
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Freeze::None => f.write_str("none"),
            Freeze::Encoder => f.write_str("encoder"),
            Freeze::Latent => f.write_str("latent"),
            Freeze::Blocks(n) => write!(f, "{n}"),
        }
    }
}

impl FromStr for Freeze {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "none" => Ok(Freeze::None),
            "encoder" => Ok(Freeze::Encoder),
            "latent" => Ok(Freeze::Latent),
            _ => s
                .parse()
                .map(Freeze::Blocks)
                .map_err(|_| format!("expected encoder, latent, none or a number of blocks, got {s:?}")),
        }
    }
}

impl Freeze {
    /// How many layers of the encoder are run for it: with `latent`, those before the latent.
    ///
    /// # Errors
    /// When the architecture has no such blocks.
    pub(crate) fn layers(self, architecture: &Architecture) -> Result<usize> {
        let wrong = |expected: String, got: &str| {
            Err(Error::invalid(format!("`freeze`: expected {expected}, got {got}")))
        };
        let ends = architecture.block_ends();
        match self {
            Freeze::None => Ok(0),
            Freeze::Encoder | Freeze::Latent | Freeze::Blocks(_) if ends.is_empty() => wrong(
                format!("none for family {}, which has no blocks", architecture.family),
                &self.to_string(),
            ),
            Freeze::Encoder | Freeze::Latent => Ok(architecture.feature_layers()),
            Freeze::Blocks(0) => Ok(0),
            Freeze::Blocks(n) => match ends.get(n - 1) {
                Some(&end) => Ok(end),
                None => wrong(format!("at most {} blocks", ends.len()), &n.to_string()),
            },
        }
    }
}
