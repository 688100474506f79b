//! A collection as one HTML file that asks nobody for anything: what is in it, its groups, its oddities, and a map to walk around in.
//!
//! ```text
//! items, clusters, outliers, neighbours, map --data----> two JSON blocks (what is read first, what the map needs) --\
//! pictures, taken while images were read ----atlas----> sheets of thumbnails as data: URIs ---------------------------> page.html
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `data` | what the page knows |
//! | `pack` | columns of numbers, names and places in few bytes |
//! | `pictures` | small pictures of all images, taken while something else reads them |
//! | `atlas` | pictures side by side on sheets, within a budget |
//! | `page.html`, `.css` | the page, filled in by `crate::output` |
//! | `base.js`, `sheets.js`, `scene.js`, `map.js`, `picked.js`, `lists.js` | its script, put together in this order |
//!
//! How good the codes are and what is there twice is told by others: it comes in as plain [`Fact`]s. Paths and labels are anybody's text:
//! they come in as JSON without a `<`, and the page writes them as text alone.

mod data;
mod pack;
mod pictures;
mod sprites;

use std::borrow::Cow;
use std::path::Path;

use rayon::prelude::*;

use self::data::Collected;
use self::sprites::SpriteSheets;
use crate::explore::cluster::Clustering;
use crate::explore::map::Map;
use crate::explore::neighbours::Neighbours;
use crate::explore::outliers::Outliers;
use crate::explore::rows::Rows;
use crate::images::{Limits, Pixels, Skipped, load};
use crate::output::{Page, Parts};

pub use pictures::{Pictures, Sizes};

const PARTS: Parts = Parts {
    template: include_str!("page.html"),
    style: include_str!("page.css"),
    script: concat!(
        include_str!("base.js"),
        include_str!("sheets.js"),
        include_str!("scene.js"),
        include_str!("map.js"),
        include_str!("picked.js"),
        include_str!("lists.js"),
    ),
};

/// Sides of the pictures of images that are listed somewhere, the largest first.
const LISTED_SIDES: [usize; 4] = [128, 96, 64, 48];

/// Pictures may take so many bytes, however large the rest is: a page without any would be of little use.
const LEAST_PICTURES: usize = 3_000_000;

/// What a page tells.
pub struct Report<'a> {
    /// The images.
    pub items: &'a Rows<'a>,
    /// The folder of the index.
    pub dir: &'a Path,
    /// What was indexed, and how.
    pub collection: Vec<Fact>,
    /// The model that made the codes.
    pub model: Vec<Fact>,
    /// How good the codes are.
    pub quality: Quality,
    /// Groups of images.
    pub clustering: &'a Clustering,
    /// Where images lie.
    pub map: &'a Map,
    /// Oddities.
    pub outliers: &'a Outliers,
    /// Who is near to whom.
    pub near: &'a Neighbours,
    /// So many of them are told of each image.
    pub n_near: usize,
    /// Small pictures; nothing where the images were not read.
    pub pictures: Option<&'a Pictures>,
    /// What is there twice, where it was looked for.
    pub duplicates: Option<Duplicates>,
    /// What could not be read.
    pub skipped: &'a [Skipped],
    /// How large the page may be.
    pub options: ReportOptions,
}

/// How large a page may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportOptions {
    /// The whole of it, about, in bytes. Pictures are made smaller and fewer to fit; the rest is as large as it is.
    pub max_bytes: usize,
    /// Pictures of images that are listed somewhere, in bytes; the map has those of all.
    pub max_listed_bytes: usize,
}

impl Default for ReportOptions {
    /// Below 25 MB.
    fn default() -> Self {
        ReportOptions { max_bytes: 24_000_000, max_listed_bytes: 4_500_000 }
    }
}

/// Something that is known, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub value: String,
    /// What that means; empty where it needs no words.
    pub about: String,
}

impl Fact {
    /// A fact that needs no more words.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Fact {
        Fact { name: name.into(), value: value.into(), about: String::new() }
    }

    /// The same with what it means.
    pub fn about(self, about: impl Into<String>) -> Fact {
        Fact { about: about.into(), ..self }
    }
}

/// A figure from 0 to 1, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it is called.
    pub name: String,
    /// 1 is the best.
    pub value: f64,
    /// What it means.
    pub about: String,
}

/// How good the codes are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quality {
    /// Figures.
    pub figures: Vec<Figure>,
    /// What else there is to say.
    pub facts: Vec<Fact>,
    /// Recall of the index, and what it takes: so many codes compared in a row, and the part that is found.
    pub curve: Vec<(u32, f32)>,
    /// How all of it was measured.
    pub note: String,
}

/// What is there twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Duplicates {
    /// Groups of each kind, the surest kind first.
    pub kinds: Vec<DuplicateKind>,
    /// From when on images are near, and how sure that is.
    pub facts: Vec<Fact>,
    /// The first groups.
    pub groups: Vec<DuplicateGroup>,
}

/// Groups of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateKind {
    /// What they have in common.
    pub name: String,
    /// Groups.
    pub groups: usize,
    /// Images in them beside the one of each that would stay.
    pub duplicates: usize,
}

/// Images that are the same.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicateGroup {
    /// The position of its kind.
    pub kind: usize,
    /// Their rows, the one that would stay first.
    pub rows: Vec<u32>,
    /// How similar the least similar one is to the first, 0 to 1.
    pub similarity: f32,
    /// Whether their labels differ.
    pub conflict: bool,
}

/// The page as text of an HTML file. The same report gives the same text.
pub fn html(report: &Report<'_>) -> String {
    let page = Page::new(PARTS);
    let collected = Collected::of(report);
    let (data, columns) = (collected.data(), collected.columns());
    let rest = page.size() + data.len() + columns.len();
    let room = report.options.max_bytes.saturating_sub(rest).max(LEAST_PICTURES);
    let (small, large) = match report.pictures {
        Some(pictures) => sprite_sheets(report, &collected, pictures, room),
        None => (SpriteSheets::default(), SpriteSheets::default()),
    };
    // numbers and text: nothing in it fails
    let json = |atlas: &SpriteSheets| serde_json::to_string(atlas).unwrap_or_default();
    let heavy = format!("{{\"columns\":{columns},\"small\":{},\"large\":{}}}", json(&small), json(&large));
    page.fill(&data, &heavy)
}

/// Small pictures of all images, and larger ones of those that are listed, read again where they were not kept as large.
fn sprite_sheets(
    report: &Report<'_>,
    collected: &Collected<'_>,
    pictures: &Pictures,
    room: usize,
) -> (SpriteSheets, SpriteSheets) {
    let longest = pictures.longest();
    let sides = |all: &[usize]| -> Vec<usize> {
        // an image that is no larger than that is kept as it is
        let natural = (longest > 0 && all.first().is_some_and(|&most| longest <= most)).then_some(longest);
        natural.into_iter().chain(all.iter().copied().filter(|&side| side < longest)).collect()
    };
    let kept = |row: u32| pictures.get(row).map(Cow::Borrowed);
    let along = collected.along_the_curve();
    let (listed, of_all) = (collected.listed(), sides(&pictures::SIDES));
    // where all are as large as they ever were, none need be there in a larger size as well
    let natural = of_all.first() == Some(&longest) && SpriteSheets::fits(&along, &kept, longest, room);
    let for_listed = if natural { 0 } else { report.options.max_listed_bytes.min(room / 3) };
    let small = SpriteSheets::of(&along, &kept, &of_all, room - for_listed);
    let larger: Vec<usize> = sides(&LISTED_SIDES).into_iter().filter(|&side| side > small.side()).collect();
    let Some(&most) = larger.first() else { return (small, SpriteSheets::default()) };
    let found = report.items.find(listed.iter().copied(), report.dir);
    let read: Vec<Option<Pixels>> = found
        .into_par_iter()
        .map(|item| {
            let loaded = load(&item.ok()?, &Limits::default()).ok()?;
            crate::images::fitted(&loaded.pixels, most).ok()
        })
        .collect();
    let again = |row: u32| {
        let at = listed.binary_search(&row).ok()?;
        read[at].as_ref().map(Cow::Borrowed)
    };
    let large = SpriteSheets::of(&listed, &again, &larger, for_listed.min(room.saturating_sub(small.len())));
    (small, large)
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
