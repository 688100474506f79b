//! Properties of models that have few values, and their names in model files: the binarizer, brightness, the
//! prior of latents, the precision of weights.

use std::fmt;
use std::str::FromStr;

/// How latents become bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinarizerKind {
    /// A bit is set where the latent is positive: for latents trained to be cut at zero.
    Sign,
    /// Mean-centred iterative quantization (Gong & Lazebnik, 2011), fitted when an index is made.
    Itq,
}

impl fmt::Display for BinarizerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BinarizerKind::Sign => "sign",
            BinarizerKind::Itq => "itq",
        })
    }
}

impl FromStr for BinarizerKind {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "sign" => Ok(BinarizerKind::Sign),
            "itq" => Ok(BinarizerKind::Itq),
            other => Err(format!("expected sign or itq, got '{other}'")),
        }
    }
}

/// Whether the encoder normalizes brightness and contrast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Brightness {
    /// Pixels go in as they are.
    #[default]
    Kept,
    /// The encoder's first layer is [`super::Layer::Normalize`], and the decoder reconstructs the normalized
    /// image.
    Normalized,
}

impl fmt::Display for Brightness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Brightness::Kept => "kept",
            Brightness::Normalized => "normalized",
        })
    }
}

impl FromStr for Brightness {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "kept" => Ok(Brightness::Kept),
            "normalized" => Ok(Brightness::Normalized),
            other => Err(format!("expected kept or normalized, got '{other}'")),
        }
    }
}

/// How a model's files store its weights. Networks compute in 32 bits either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32 bits each.
    #[default]
    Float32,
    /// 16 bits each (IEEE 754 half precision), widened when the file is loaded.
    Float16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::Float32 => "float32",
            Precision::Float16 => "float16",
        })
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "float32" => Ok(Precision::Float32),
            "float16" => Ok(Precision::Float16),
            other => Err(format!("expected float32 or float16, got '{other}'")),
        }
    }
}

/// A distribution of latents that decode to new images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prior {
    /// Independent numbers of mean 0 and variance 1.
    Normal,
}

impl fmt::Display for Prior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("normal")
    }
}

impl FromStr for Prior {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        if s == "normal" { Ok(Prior::Normal) } else { Err(format!("expected normal, got '{s}'")) }
    }
}
