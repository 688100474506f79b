//! What leaves the program as a file or folder: whole under its name or not at all (`whole`), and HTML pages that need no other file and ask
//! nobody for anything (`page`). Nothing here knows what is in them.

mod page;
mod whole;

pub use page::{Page, Parts, base64};
pub use whole::{check_empty, write_folder, write_whole, write_whole_with};
