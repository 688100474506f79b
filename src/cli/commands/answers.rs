//! The document of an answer of `aesearch query`, alone or among others.

use aesearch_index::Mode;
use serde::Serialize;

use crate::gallery::{Answer, Hit};

#[derive(Debug, Serialize)]
struct HitDocument<'a> {
    rank: usize,
    path: &'a str,
    /// The bytes of a path that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<&'a [u8]>,
    label: Option<&'a str>,
    distance: u32,
    similarity: f32,
    /// Nearer than a stranger; null where that was not measured.
    near: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(super) struct AnswerDocument<'a> {
    path: String,
    hits: Vec<HitDocument<'a>>,
    mode: &'static str,
    inverted: bool,
    seconds: f64,
}

impl<'a> AnswerDocument<'a> {
    pub(super) fn new(answer: &'a Answer, mode: Mode) -> Self {
        AnswerDocument {
            path: answer.item.display(),
            hits: answer.result.hits.iter().map(HitDocument::from).collect(),
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

impl<'a> From<&'a Hit> for HitDocument<'a> {
    fn from(hit: &'a Hit) -> Self {
        HitDocument {
            rank: hit.rank,
            path: &hit.path,
            path_bytes: hit.path_bytes.as_deref(),
            label: hit.label.as_deref(),
            distance: hit.distance,
            similarity: hit.similarity,
            near: hit.near,
        }
    }
}
