//! What a collection is like as a whole: clusters, outliers, a map, a few images that stand for all.
//!
//! | file | responsibility |
//! |---|---|
//! | `rows`, `neighbours` | the images of an index as rows, and the nearest others of each |
//! | `read_all` | reads all images once, on several threads |
//! | `cluster/` | which images belong together |
//! | `map/` | all images in the plane |
//! | `outliers/` | which images do not fit, and which labels are doubtful |
//! | `subset` | a few images that represent the collection |
//! | `diff` | what changed between two indexes |
//! | `table/`, `copy_out` | results for other programs: rows, and folders of images |
//! | `export/` | everything at once: one table, or the files of a particular program |

pub mod neighbours;
mod read_all;
pub mod rows;

pub mod cluster;
pub mod diff;
pub mod map;
pub mod outliers;
pub mod subset;

pub mod copy_out;
pub mod export;
pub mod table;
