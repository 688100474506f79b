//! The document of an answer of `aesearch query`, alone or among others.

use aesearch_index::Mode;
use serde::Serialize;

use crate::gallery::{Answer, Hit};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct HitDocument<'a> {
    /// From 1.
    rank: usize,
    /// Its name in the index.
    path: &'a str,
    /// The bytes of a path that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<&'a [u8]>,
    /// Null where none is known.
    label: Option<&'a str>,
    /// Bits in which the codes differ.
    distance: u32,
    /// -1 to 1: the cosine of the latents; where codes were learned, partly that of the bits.
    similarity: f32,
    /// Nearer than a stranger; null where that was not measured.
    near: Option<bool>,
    /// The index that holds it, where several were searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct AnswerDocument<'a> {
    /// The image that was asked with.
    path: String,
    /// The most similar first.
    hits: Vec<HitDocument<'a>>,
    /// How it was searched: `recall`, `exact` or `radius`.
    mode: &'static str,
    /// Whether dark and light were swapped before encoding.
    inverted: bool,
    /// Wall time.
    seconds: f64,
}

impl<'a> AnswerDocument<'a> {
    /// `indexes` are the names of those that were searched.
    pub(super) fn new(answer: &'a Answer, mode: Mode, indexes: &'a [String]) -> Self {
        AnswerDocument {
            path: answer.item.display(),
            hits: answer.result.hits.iter().map(|hit| HitDocument::new(hit, indexes)).collect(),
            mode: if mode == Mode::Exact { "exact" } else { "recall" },
            inverted: answer.result.inverted,
            seconds: answer.seconds,
        }
    }

    /// Whether no hit is nearer than a stranger.
    pub(super) fn is_lonely(&self) -> bool {
        self.hits.iter().all(|hit| hit.near == Some(false))
    }
}

impl<'a> HitDocument<'a> {
    fn new(hit: &'a Hit, indexes: &'a [String]) -> Self {
        HitDocument {
            rank: hit.rank,
            path: &hit.path,
            path_bytes: hit.path_bytes.as_deref(),
            label: hit.label.as_deref(),
            distance: hit.distance,
            similarity: hit.similarity,
            near: hit.near,
            index: indexes.get(hit.index).map(String::as_str).filter(|_| indexes.len() > 1),
        }
    }
}
