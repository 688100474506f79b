//! How good are the codes? Retrieval and classification metrics, with labels where there are some, beside
//! baselines.
//!
//! | file | what it answers |
//! |---|---|
//! | [`evaluate`] | the whole evaluation of a gallery |
//! | `image_set` | the codes, latents, labels and pixels that are evaluated |
//! | [`quality`] | queries, database and labels, and the metrics of any ranking |
//! | [`codes`] | rankings by binary codes, over all queries; how much of the order of the latents they keep |
//! | [`floats`] | rankings by float latents or raw pixels, exact, as a baseline |
//! | [`ties`] | metrics of one ranking with ties: the closed forms |
//! | [`votes`] | which label the neighbours vote for; recall of an approximate search |
//! | [`bits`] | dead and effective bits |
//! | [`views`] | reconstruction, and images against slightly changed views of themselves |
//!
//! `bits`, `views` and recall need no labels; without labels the other metrics are none.

pub mod evaluate;

mod image_set;

pub mod quality;

pub mod codes;
pub mod floats;
pub mod ties;
pub mod votes;

pub mod bits;
pub mod views;
