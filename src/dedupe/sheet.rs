//! The groups of a plan as one picture.

use super::pictures::PictureSource;
use super::plan::{File, Group, Plan};
use crate::draw::group_sheet::{GroupSheet, SheetGroup, group_sheet};
use crate::draw::query_sheet::{Cell, Frame};
use crate::images::Pixels;
use crate::output::{count, thousands};

/// The largest number of groups on a sheet.
const GROUPS: usize = 40;
/// The largest number of images shown of a group.
const IMAGES: usize = 9;
/// Letters above an image.
const LETTERS: usize = 18;

/// Draws the first groups of `plan`, near ones first; `picture` reads a file again.
pub(super) fn sheet(plan: &Plan, picture: &PictureSource) -> Pixels {
    group_sheet(&laid_out(plan, picture))
}

fn laid_out(plan: &Plan, picture: &PictureSource) -> GroupSheet {
    let groups: Vec<(usize, &Group)> = plan.by_need().into_iter().map(|i| (i, &plan.groups[i])).collect();
    let shown = groups.len().min(GROUPS);
    let duplicates: usize = plan.groups.iter().map(|group| group.duplicates.len()).sum();
    let title = [
        format!(
            "{} with {} among {}",
            count(plan.groups.len() as u64, "group"),
            count(duplicates as u64, "duplicate"),
            count(plan.images as u64, "image")
        ),
        format!("near: similarity {:.3} and more; green frame: kept", plan.threshold.similarity),
    ];
    let foot = match groups.len() - shown {
        0 => String::new(),
        more => format!("and {}: see the plan or the report", count(more as u64, "more group")),
    };
    let groups = groups[..shown].iter().map(|(i, group)| sheet_group(i + 1, group, picture)).collect();
    GroupSheet { title, groups, foot }
}

fn sheet_group(number: usize, group: &Group, picture: &PictureSource) -> SheetGroup {
    let kind = group.kind.words();
    let others = group.also_kept.len() + group.duplicates.len();
    let left_out = others.saturating_sub(IMAGES - 1);
    let mut title = format!("{}  {kind}", thousands(number as u64));
    if left_out > 0 {
        title += &format!("  and {} more", thousands(left_out as u64));
    }
    let labels = group.conflicting_labels.join("/");
    title += &match labels.len() {
        0 => String::new(),
        // a longer title would be cut off
        1..=12 => format!("  labels {labels}"),
        _ => "  labels differ".to_owned(),
    };
    // the whole reason, or its first part, where that fits above the images
    let first = group.reason.split(", ").next().unwrap_or_default();
    let fits = |reason: &&str| title.len() + reason.len() <= LETTERS * (1 + others.min(IMAGES - 1));
    let reason = [group.reason.as_str(), first].into_iter().find(fits).filter(|reason| !reason.is_empty());
    title += &reason.map_or_else(String::new, |reason| format!("  {reason}"));
    let differs = |file: &File| {
        !group.conflicting_labels.is_empty() && file.label.is_some() && file.label != group.keeper.label
    };
    let cell = |file: &File, role: String, kept: bool| Cell {
        image: picture(file).unwrap_or_else(missing),
        caption: match file.label.as_ref().filter(|_| !group.conflicting_labels.is_empty()) {
            Some(label) => vec![role, file.path.clone(), label.clone()],
            None => vec![role, file.path.clone()],
        },
        frame: if kept {
            Frame::Agrees
        } else if differs(file) {
            Frame::Differs
        } else {
            Frame::Plain
        },
    };
    let mut cells = vec![cell(&group.keeper, "kept".to_owned(), true)];
    let also = group.also_kept.iter().map(|other| (other, true));
    for (other, kept) in also.chain(group.duplicates.iter().map(|other| (other, false))).take(IMAGES - 1) {
        let role = match (kept, group.kind) {
            (true, _) => "stays".to_owned(),
            (_, kind) if kind.is_exact() => "same".to_owned(),
            (_, kind) => format!("{} {:.3}", kind.name(), other.similarity),
        };
        cells.push(cell(&other.file, role, kept));
    }
    SheetGroup { title, cells }
}

/// Drawn for an image that cannot be read any more.
fn missing() -> Pixels {
    Pixels { width: 1, height: 1, channels: 1, data: vec![128] }
}

#[cfg(test)]
mod tests {
    use super::super::plan::GroupKind;
    use super::*;
    use crate::dedupe::plan::{Duplicate, Threshold};

    fn file(path: &str, label: &str) -> File {
        let (label, format) = ((!label.is_empty()).then(|| label.to_owned()), "png".to_owned());
        let (path, hash) = (path.to_owned(), "00".repeat(32));
        let (size, mtime_ns, width, height) = (900, 0, 28, 28);
        File { path, size, mtime_ns, hash, width, height, format, label, ..File::default() }
    }

    fn group(i: usize, kind: GroupKind, n: usize) -> Group {
        let keeper = file(&format!("digits/{}/{i:04}.png", i % 10), "3");
        let copy = |j: usize| Duplicate {
            file: file(&format!("copies/{i}/copy-{j}.png"), if j == 1 && i == 4 { "8" } else { "3" }),
            distance: 2,
            similarity: 0.991,
            turned: None,
            region: None,
        };
        let (id, keep, medoid) = (i.to_string(), keeper.path.clone(), keeper.path.clone());
        let duplicates = (1..n).map(copy).collect();
        let conflicting_labels = if i == 4 { vec!["3".to_owned(), "8".to_owned()] } else { vec![] };
        let (also_kept, diameter) = (vec![], 0.01);
        let reason = "original: camera EXIF".to_owned();
        Group { id, kind, keep, reason, keeper, also_kept, duplicates, diameter, medoid, conflicting_labels }
    }

    fn plan(n_groups: usize) -> Plan {
        let kind = |i: usize| [GroupKind::Bytes, GroupKind::Pixels, GroupKind::Near][3 * i / n_groups.max(1)];
        Plan {
            images: 2000,
            base: ".".into(),
            threshold: Threshold { similarity: 0.96, ..Threshold::default() },
            keep: vec![],
            groups: (0..n_groups).map(|i| group(i, kind(i), [2, 2, 3, 2, 4, 30][i % 6])).collect(),
            near_misses: vec![],
            skipped: vec![],
            damaged: Vec::new(),
            cameras_lost: 0,
        }
    }

    #[test]
    fn near_groups_come_first_and_what_is_left_out_is_counted() {
        let drawn =
            Pixels { width: 28, height: 28, channels: 1, data: (0..28 * 28).map(|i| i as u8).collect() };
        let of = |n: usize| {
            laid_out(&plan(n), &|file: &File| (!file.path.ends_with("copy-2.png")).then(|| drawn.clone()))
        };
        let all = of(12);
        assert_eq!((all.groups.len(), all.foot.as_str()), (12, ""));
        assert!(all.groups[0].title.starts_with("9  near") && all.groups[11].title.contains("same bytes"));
        let many = of(90);
        assert_eq!(
            (many.groups.len(), many.foot.as_str()),
            (GROUPS, "and 50 more groups: see the plan or the report")
        );
        let large = many.groups.iter().find(|group| group.title.contains("more")).expect("a large group");
        assert!(large.cells.len() == IMAGES && large.title.contains("and 21 more"), "{}", large.title);
        let odd = all.groups.iter().find(|group| group.title.contains("labels 3/8")).expect("labels");
        assert_eq!(odd.cells.iter().filter(|cell| cell.frame == Frame::Differs).count(), 1);
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("sheet.png");
        crate::images::write_png(&path, &sheet(&plan(90), &|_: &File| Some(drawn.clone())))
            .expect("the sheet is written");
        assert!(std::fs::read(path).expect("it is there").starts_with(b"\x89PNG"));
    }
}
