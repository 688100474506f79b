//! The page as one HTML file: content as JSON, pictures as sheets, and the parts of the page put together.

use std::borrow::Cow;

use rayon::prelude::*;

use super::content::Content;
use super::data::Collected;
use super::pictures::{Pictures, SIDES};
use super::sprites::SpriteSheets;
use crate::images::{Limits, Needed, Pixels, fitted, load_for};
use crate::output::{Page, Parts};

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

/// Sides of the pictures of listed images that are tried, the largest first.
const LISTED_SIDES: [usize; 4] = [128, 96, 64, 48];

/// Pictures may take this many bytes however large the rest is: a page without any would be of little use.
const LEAST_PICTURES: usize = 3_000_000;

/// The page as the text of an HTML file. The same content gives the same text.
pub(super) fn html(content: &Content<'_>) -> String {
    let page = Page::new(PARTS);
    let collected = Collected::of(content);
    let (data, columns) = (collected.data(), collected.columns());
    let rest = page.size() + data.len() + columns.len();
    let budget = content.size.max_bytes.saturating_sub(rest).max(LEAST_PICTURES);
    let (small, large) = match content.pictures {
        Some(pictures) => sprite_sheets(content, &collected, pictures, budget),
        None => (SpriteSheets::default(), SpriteSheets::default()),
    };
    // only numbers and text, which cannot fail
    let json = |sheets: &SpriteSheets| serde_json::to_string(sheets).unwrap_or_default();
    let heavy = format!("{{\"columns\":{columns},\"small\":{},\"large\":{}}}", json(&small), json(&large));
    page.fill(&data, &heavy)
}

/// Small pictures of all images, and larger ones of the listed images, which are read again where those kept
/// are too small.
fn sprite_sheets(
    content: &Content<'_>,
    collected: &Collected<'_>,
    pictures: &Pictures,
    budget: usize,
) -> (SpriteSheets, SpriteSheets) {
    let longest = pictures.longest();
    let sides = |all: &[usize]| -> Vec<usize> {
        // images that are no larger than that are kept as they are
        let natural = (longest > 0 && all.first().is_some_and(|&most| longest <= most)).then_some(longest);
        natural.into_iter().chain(all.iter().copied().filter(|&side| side < longest)).collect()
    };
    let kept = |row: u32| pictures.get(row).map(Cow::Borrowed);
    let along = collected.along_the_curve();
    let (listed, of_all) = (collected.listed(), sides(&SIDES));
    // if all images have their natural size, no larger pictures are needed
    let natural = of_all.first() == Some(&longest) && SpriteSheets::fits(&along, &kept, longest, budget);
    let for_listed = if natural { 0 } else { content.size.max_listed_bytes.min(budget / 3) };
    let small = SpriteSheets::of(&along, &kept, &of_all, budget - for_listed);
    let larger: Vec<usize> = sides(&LISTED_SIDES).into_iter().filter(|&side| side > small.side()).collect();
    let Some(&most) = larger.first() else { return (small, SpriteSheets::default()) };
    let found = content.rows.find_to_show(&listed).0;
    let read: Vec<Option<Pixels>> = found
        .into_par_iter()
        .map(|item| {
            let loaded = load_for(&item.ok()?, &Limits::default(), Needed::Fitted { side: most }).ok()?;
            fitted(&loaded.pixels, most).ok()
        })
        .collect();
    let again = |row: u32| {
        let at = listed.binary_search(&row).ok()?;
        read[at].as_ref().map(Cow::Borrowed)
    };
    let large =
        SpriteSheets::of(&listed, &again, &larger, for_listed.min(budget.saturating_sub(small.len())));
    (small, large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_page_lies_elsewhere() {
        crate::output::assert_self_contained(PARTS);
    }
}
