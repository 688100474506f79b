//! Output files: written whole or not at all (`whole`), checked before the work (`places`), HTML pages that
//! need no other file and make no network requests (`page`), numbers as text (`text`), texts that
//! spreadsheets do not run (`formula`); bytes as text (`base64`); where caches go (`cache`). Nothing here knows what the files contain.

mod base64;
mod cache;
mod formula;
mod page;
mod places;
mod text;
mod whole;

pub use base64::{base64, from_base64};
pub use cache::{CacheFolder, use_cache_folder};
pub use formula::{covered, uncovered};
#[cfg(test)]
pub(crate) use page::assert_self_contained;
pub use page::{Page, Parts};
pub use places::{check_picture, check_picture_beside, check_places};
pub use text::{bytes, count, thousands};
pub use whole::{check_empty, sweep, write_folder, write_whole, write_whole_with};
