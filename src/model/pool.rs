//! How several vectors of an image become one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the vectors of an output [N, T, D], one for each token, become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Pool {
    /// The mean of all of them, a class token and registers included.
    Mean,
    /// The first one, which is the class token of vision transformers.
    Cls,
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pool::Mean => "mean",
            Pool::Cls => "cls",
        })
    }
}

impl FromStr for Pool {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "mean" => Ok(Pool::Mean),
            "cls" => Ok(Pool::Cls),
            other => Err(format!("expected mean or cls, got {other:?}")),
        }
    }
}
