//! How good are the codes? Retrieval and classification metrics, with labels where there are some, beside baselines.
//!
//! | file | what it answers |
//! |---|---|
//! | [`report`] | the examination of a gallery: the `eval` command |
//! | `rows` | the codes, latents, labels and pixels that are measured |
//! | [`quality`] | who asks whom, what is true, and the figures that judge any ranking |
//! | [`codes`] | rankings by binary codes, over all queries; how much of the order of the latents they keep |
//! | [`floats`] | rankings by float latents or raw pixels, exact, as a yardstick |
//! | [`ties`] | what one ranking with ties is worth on average: the closed forms |
//! | [`votes`] | which label the neighbours vote for; tie-aware recall of an approximate answer |
//! | [`bits`] | dead and effective bits |
//! | [`views`] | reconstruction, and images against slightly changed views of themselves |
//!
//! `bits`, `views` and recall need no labels; what does is `null` in a report without them.

pub mod report;

mod rows;

pub mod quality;

pub mod codes;
pub mod floats;
pub mod ties;
pub mod votes;

pub mod bits;
pub mod views;
