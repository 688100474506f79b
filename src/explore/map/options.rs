//! How to make a map, and the map.

use std::str::FromStr;

use serde::Serialize;

use super::tsne::TsneOptions;
use crate::error::{Error, Result};

/// More neighbours would take gigabytes for 70,000 images.
const MAX_PERPLEXITY: f32 = 200.0;

/// How images are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The plane along which latents vary most: fast, and distances are meaningful, but groups overlap.
    Pca,
    /// t-SNE: separates groups; distances between groups mean little.
    #[default]
    Tsne,
}

impl Method {
    /// The name in options and documents.
    pub fn name(self) -> &'static str {
        match self {
            Method::Pca => "pca",
            Method::Tsne => "tsne",
        }
    }

    /// The name in prose.
    pub fn title(self) -> &'static str {
        match self {
            Method::Pca => "PCA",
            Method::Tsne => "t-SNE",
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Method> {
        match name {
            "pca" => Ok(Method::Pca),
            "tsne" | "t-sne" => Ok(Method::Tsne),
            _ => Err(Error::invalid(format!("`method`: expected pca or tsne, got {name:?}"))),
        }
    }
}

/// How to make a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapOptions {
    /// How images are placed.
    pub method: Method,
    /// t-SNE: the effective number of neighbours, 1 to 200.
    pub perplexity: f32,
    /// Seed of t-SNE, and of the sample that the plane is fitted to.
    pub seed: u64,
}

impl Default for MapOptions {
    fn default() -> MapOptions {
        MapOptions { method: Method::default(), perplexity: TsneOptions::default().perplexity, seed: 0 }
    }
}

impl MapOptions {
    /// Refuses options that cannot be used.
    ///
    /// # Errors
    /// When the perplexity is not from 1 to 200.
    pub fn check(&self) -> Result<()> {
        let perplexity = self.perplexity;
        if !(perplexity.is_finite() && perplexity >= 1.0) {
            let what = format!("`perplexity`: expected a number of neighbours, 1 or more, got {perplexity}");
            return Err(Error::invalid(what));
        }
        if perplexity > MAX_PERPLEXITY {
            let what = format!("`perplexity`: expected at most {MAX_PERPLEXITY}, got {perplexity}");
            return Err(Error::invalid(what));
        }
        Ok(())
    }
}

/// The positions of all images in the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// How it was made.
    pub options: MapOptions,
    /// Across and up, `[n, 2]`, by row; all are finite.
    pub points: Vec<[f32; 2]>,
    /// Whether the map was read from the index folder instead of computed.
    pub was_stored: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_names() {
        for method in [Method::Pca, Method::Tsne] {
            assert_eq!(method.name().parse::<Method>().unwrap(), method);
        }
        let error = "umap".parse::<Method>().unwrap_err().to_string();
        assert!(error.contains("expected pca or tsne"), "{error}");
    }
}
