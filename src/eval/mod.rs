//! How good are the codes? Retrieval and classification metrics, with labels where there are some, beside baselines.
//!
//! | file | what it answers |
//! |---|---|
//! | [`report`] | the examination of a gallery: the `eval` command |
//! | `rows` | the codes, latents, labels and pixels that are measured |
//! | [`codes`] | mean average precision, precision@k and kNN accuracy of binary codes, over all queries |
//! | [`ties`] | what one ranking with ties is worth on average: the closed forms |
//! | [`votes`] | which label the neighbours vote for; tie-aware recall of an approximate answer |
//! | [`floats`] | exact search over float latents or raw pixels, as a yardstick |
//!
//! All but the recall need labels; without them a report says `null`.

pub mod report;

mod rows;

pub mod codes;
pub mod ties;
pub mod votes;

pub mod floats;
