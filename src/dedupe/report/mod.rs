//! A report to look at and decide in: one HTML file that asks nobody for anything.
//!
//! ```text
//! plan --data--> rows of files, groups ---------------------> JSON block --\
//!          \---> which pictures, by need --album--> thumbnails as text -----> page.html with page.css, page.js
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `data` | what the page knows: each file once, groups by the numbers of their files |
//! | `album` | thumbnails within a budget, as `data:` URIs whose common beginnings are stored once |
//! | `page.html`, `.css`, `.js` | the page itself, filled in by `crate::output` |
//!
//! Paths are anybody's text: they come in as JSON without a `<`, and the page writes them as text alone. Its policy allows
//! this script, this style and pictures of its own, by their hashes; no request leaves it.

mod album;
mod data;

use std::cmp::Reverse;

use self::album::Album;
use self::data::Collected;
use super::plan::{File, Plan};
use crate::images::Pixels;
use crate::output::{Page, Parts};

const PARTS: Parts = Parts {
    template: include_str!("page.html"),
    style: include_str!("page.css"),
    script: include_str!("page.js"),
};

/// How large a report may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportOptions {
    /// The whole file, about, in bytes. Groups that do not fit are left to the plan, which the report says.
    pub max_bytes: usize,
    /// The pictures in it, in bytes. They are made smaller to fit; where that is not enough, some files come without.
    pub max_picture_bytes: usize,
}

impl Default for ReportOptions {
    /// Below 20 MB, of which 15 for pictures.
    fn default() -> Self {
        ReportOptions { max_bytes: 19_500_000, max_picture_bytes: 15_000_000 }
    }
}

/// Gives the pixels of a file, or nothing; it is asked by several threads at once, for files in the order of their names.
pub type Picture<'a> = dyn Fn(&File) -> Option<Pixels> + Sync + 'a;

/// The report as text of an HTML file. The same plan and pictures give the same text.
pub fn html_report(plan: &Plan, picture: &Picture, options: &ReportOptions) -> String {
    let page = Page::new(PARTS);
    let room = options.max_bytes.saturating_sub(page.size());
    // a part is for pictures in any case: groups that nobody can look at are better read in the plan
    let collected = Collected::of(plan, room - room / 4);
    // the numbers of pictures are not known yet, but how many digits they have
    let rows = collected.to_json(plan, &Album::default()).len() + 4 * collected.pictures.len();
    let room = room.saturating_sub(rows).min(options.max_picture_bytes);
    let album = Album::of(&collected.pictures, picture, room);
    page.fill(&collected.to_json(plan, &album), &album.to_json())
}

/// Indices of the groups, those to be looked at first before the others: near ones, then pixels, then bytes.
fn by_need(plan: &Plan) -> Vec<usize> {
    let mut order: Vec<usize> = (0..plan.groups.len()).collect();
    order.sort_by_key(|&i| (Reverse(plan.groups[i].kind), i));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_page_lies_elsewhere() {
        for part in [PARTS.template, PARTS.style, PARTS.script] {
            assert!(!part.contains("http:") && !part.contains("https:") && !part.contains("//cdn"));
            assert!(!part.contains("innerHTML") && !part.contains("eval("));
        }
        for (part, end) in [(PARTS.style, "</style"), (PARTS.script, "</script")] {
            assert!(!part.to_lowercase().contains(end) && !part.contains("<!--"));
        }
        let page = Page::new(PARTS).fill("{}", "{}");
        assert!(!page.contains("{{") && page.ends_with("</html>\n"));
    }
}
