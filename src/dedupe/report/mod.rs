//! A page to review groups and decide about them: one self-contained HTML file that makes no network
//! requests.
//!
//! ```text
//! plan --data--> rows of files, groups ---------------------> JSON block --\
//!          \---> which pictures, by need --album--> thumbnails as text -----> page.html with page.css, page.js
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `data` | the data of the page: each file once, groups by the numbers of their files |
//! | `album` | thumbnails within a budget, as `data:` URIs whose common beginnings are stored once |
//! | `page.html`, `.css`, `.js` | the page itself, filled in by `crate::output` |
//! | `viewer.js` | two images beside each other, in turn, or their difference, with zoom |
//!
//! Paths may hold any text: they are JSON without a `<`, and the page only ever shows them as text. Its
//! security policy allows this script and this style, by their hashes, embedded pictures, and image files of
//! the place that it was opened from, which the viewer shows where they are there; no request goes elsewhere.

mod album;
mod data;

use std::path::PathBuf;

use self::album::Album;
use self::data::Collected;
use super::pictures::PictureSource;
use super::plan::Plan;
use crate::output::{Page, Parts};

const PARTS: Parts = Parts {
    template: include_str!("page.html"),
    style: include_str!("page.css"),
    script: concat!(include_str!("viewer.js"), include_str!("page.js")),
};

/// How large a page may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOptions {
    /// About the size of the whole file, in bytes. Groups that do not fit are only in the plan, and the page
    /// says so.
    pub max_bytes: usize,
    /// The size of the pictures in it, in bytes. They are made smaller to fit; if that is not enough, some
    /// files have none.
    pub max_picture_bytes: usize,
    /// The folder that the page will be in, to show the image files themselves where they still are; none: only
    /// the pictures in the page.
    pub folder: Option<PathBuf>,
}

impl Default for PageOptions {
    /// Less than 20 MB, 15 MB of which are for pictures.
    fn default() -> Self {
        PageOptions { max_bytes: 19_500_000, max_picture_bytes: 15_000_000, folder: None }
    }
}

/// The page as HTML. The same plan and pictures give the same text.
pub fn html_report(plan: &Plan, picture: &PictureSource, options: &PageOptions) -> String {
    let page = Page::with_files(PARTS);
    let folder = options.folder.as_ref().and_then(|folder| std::path::absolute(folder).ok());
    let folder = folder.as_deref();
    let space = options.max_bytes.saturating_sub(page.size());
    // a part is reserved for pictures: groups without any are better read in the plan
    let collected = Collected::of(plan, space - space / 4);
    // the numbers of pictures are not known yet, but the length of their digits is
    let rows = collected.to_json(plan, &Album::default(), folder).len() + 4 * collected.pictures.len();
    let space = space.saturating_sub(rows).min(options.max_picture_bytes);
    let album = Album::of(&collected.pictures, picture, space);
    page.fill(&collected.to_json(plan, &album, folder), &album.to_json())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_self_contained() {
        crate::output::assert_self_contained(PARTS);
    }
}
