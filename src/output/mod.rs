//! Output files: written whole or not at all (`whole`), checked before the work (`places`), HTML pages that
//! need no other file and make no network requests (`page`), numbers as text (`text`), texts that
//! spreadsheets do not run (`formula`); bytes as text (`encoded`); where caches go (`cache`). Nothing here knows what the files contain.

mod cache;
mod encoded;
mod formula;
mod page;
mod places;
mod text;
mod whole;

pub use cache::{CacheFolder, use_cache_folder};
pub use encoded::{base64, from_base64};
pub use formula::{covered, uncovered};
#[cfg(test)]
pub(crate) use page::assert_self_contained;
pub use page::{Page, Parts};
pub use places::{check_picture, check_picture_beside, check_places};
pub use text::{bytes, count, thousands};
pub use whole::{check_empty, sweep, write_folder, write_whole, write_whole_with};
