//! The data of the page, in few bytes: each file once, groups and near misses by the numbers of their files.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path};

use serde::Serialize;

use super::album::Album;
use crate::dedupe::decisions::unhex;
use crate::dedupe::plan::{File, Group, GroupKind, Plan, Threshold, Unread};
use crate::output::base64;

/// The largest number of near misses and of unreadable images that are listed; the others are counted.
const LISTED: usize = 2000;

/// The part of a plan that fits into the page.
pub(super) struct Collected<'a> {
    files: Vec<&'a File>,
    /// For each file, the number of its picture in `pictures`.
    shown_by: Vec<usize>,
    /// The files to make pictures of, the most needed first. One picture serves all files with the same bytes
    /// or pixels.
    pub(super) pictures: Vec<&'a File>,
    groups: Vec<(usize, GroupRow<'a>)>,
    misses: Vec<(usize, usize, u32, f64)>,
    /// The approximate size as JSON, in bytes.
    size: usize,
}

/// A group; its files are the keeper, others that stay, and the duplicates.
#[derive(Serialize)]
struct GroupRow<'a> {
    id: &'a str,
    kind: GroupKind,
    /// Why the first is kept.
    reason: &'a str,
    files: Vec<usize>,
    /// The number of files after the keeper that stay as well.
    also: usize,
    /// For all files but the keeper: bits, similarity, orientation.
    distances: Vec<u32>,
    similarities: Vec<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    turned: Vec<Option<&'a str>>,
    /// Where they differ from the keeper: left, top, right, bottom.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<Option<[f64; 4]>>,
    diameter: f64,
    medoid: Option<usize>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    labels: &'a [String],
}

/// Folder, name, bytes, milliseconds since 1970, hash (0: that of the row before), width, height, format,
/// marks, label, picture.
#[derive(Serialize)]
struct FileRow<'a>(usize, &'a str, u64, i64, HashCell, u32, u32, &'a str, u8, Option<&'a str>, Option<usize>);

#[derive(Serialize)]
#[serde(untagged)]
enum HashCell {
    AsBefore(u8),
    /// Base64 of its 32 bytes.
    Of(String),
}

#[derive(Serialize)]
struct Data<'a> {
    base: String,
    /// What leads from the page's folder to the base, with a slash at its end; none where the page shows no files.
    root: Option<String>,
    images: usize,
    threshold: &'a Threshold,
    keep: &'a [String],
    folders: Vec<&'a str>,
    files: Vec<FileRow<'a>>,
    groups: Vec<&'a GroupRow<'a>>,
    /// For each group, its number in the plan, from 1.
    numbers: Vec<usize>,
    /// Pairs of files, bits, similarity.
    misses: &'a [(usize, usize, u32, f64)],
    skipped: &'a [Unread],
    /// What is in the plan but not in the page.
    more: More,
    /// The number of files without a picture.
    pictureless: usize,
}

#[derive(Serialize)]
struct More {
    groups: usize,
    misses: usize,
    skipped: usize,
}

impl<'a> Collected<'a> {
    /// As many groups as fit into `space` bytes, the most needed first.
    pub(super) fn of(plan: &'a Plan, space: usize) -> Collected<'a> {
        let mut collected = Collected {
            files: Vec::new(),
            shown_by: Vec::new(),
            pictures: Vec::new(),
            groups: Vec::new(),
            misses: Vec::new(),
            size: 0,
        };
        let mut known = Known::default();
        let order = plan.by_need();
        let near = order.partition_point(|&i| !plan.groups[i].kind.is_exact());
        collected.add_groups(plan, &order[..near], space, &mut known);
        for miss in plan.near_misses.iter().take(LISTED) {
            let [a, b] = [&miss.a, &miss.b].map(|file| {
                let picture = collected.picture(file, &mut known);
                collected.file(file, picture, &mut known)
            });
            collected.size += 40;
            collected.misses.push((a, b, miss.distance, short(miss.similarity)));
        }
        collected.add_groups(plan, &order[near..], space, &mut known);
        collected.groups.sort_by_key(|(i, _)| *i);
        collected
    }

    fn add_groups(&mut self, plan: &'a Plan, order: &[usize], space: usize, known: &mut Known<'a>) {
        for &i in order {
            if self.size >= space {
                return;
            }
            let row = self.group(&plan.groups[i], known);
            self.size += 150 + row.reason.len() + 24 * row.files.len();
            self.groups.push((i, row));
        }
    }

    fn group(&mut self, group: &'a Group, known: &mut Known<'a>) -> GroupRow<'a> {
        let kept = self.picture(&group.keeper, known);
        let mut files = vec![self.file(&group.keeper, kept, known)];
        let others = || group.also_kept.iter().chain(&group.duplicates);
        for other in others() {
            let is_same = group.kind.is_exact() && other.turned.is_none();
            let picture = if is_same { kept } else { self.picture(&other.file, known) };
            files.push(self.file(&other.file, picture, known));
        }
        let turned = others().any(|other| other.turned.is_some());
        let regions = others().any(|other| other.region.is_some());
        let shares = |region: [f32; 4]| region.map(short);
        GroupRow {
            id: &group.id,
            kind: group.kind,
            reason: &group.reason,
            also: group.also_kept.len(),
            distances: others().map(|other| other.distance).collect(),
            similarities: others().map(|other| short(other.similarity)).collect(),
            turned: others().filter(|_| turned).map(|other| other.turned.as_deref()).collect(),
            regions: others().filter(|_| regions).map(|other| other.region.map(shares)).collect(),
            diameter: short(group.diameter),
            medoid: files.iter().position(|&file| self.files[file].path == group.medoid),
            labels: &group.conflicting_labels,
            files,
        }
    }

    /// The number of the picture that shows this file.
    fn picture(&mut self, file: &'a File, known: &mut Known<'a>) -> usize {
        *known.pictures.entry(&file.hash).or_insert_with(|| {
            self.pictures.push(file);
            self.pictures.len() - 1
        })
    }

    /// The number of this file.
    fn file(&mut self, file: &'a File, picture: usize, known: &mut Known<'a>) -> usize {
        *known.files.entry(file.name()).or_insert_with(|| {
            self.files.push(file);
            self.shown_by.push(picture);
            let (folder, name) = split(&file.path);
            if known.folders.insert(folder) {
                self.size += folder.len() + 8;
            }
            self.size += name.len() + file.label.as_ref().map_or(4, String::len) + 110;
            self.files.len() - 1
        })
    }

    /// `folder` is where the page will be, absolute.
    pub(super) fn to_json(&self, plan: &'a Plan, album: &Album, folder: Option<&Path>) -> String {
        let mut folders = Vec::new();
        let mut numbers = HashMap::new();
        let mut before = "";
        let row = |(file, &picture): (&&'a File, &usize)| {
            let (folder, name) = split(&file.path);
            let folder = *numbers.entry(folder).or_insert_with(|| {
                folders.push(folder);
                folders.len() - 1
            });
            let hash = match unhex(&file.hash) {
                Some(_) if file.hash == before => HashCell::AsBefore(0),
                hash => HashCell::Of(hash.map_or(String::new(), |hash| base64(&hash))),
            };
            before = &file.hash;
            let marks = [file.entry, file.reference, file.exif, file.damaged.is_some()];
            let marks = (0..).zip(marks).map(|(bit, is_set)| u8::from(is_set) << bit).sum();
            let (size, mtime_ms, label) = (file.size, file.mtime_ns / 1_000_000, file.label.as_deref());
            let (width, height, format) = (file.width, file.height, file.format.as_str());
            FileRow(
                folder,
                name,
                size,
                mtime_ms,
                hash,
                width,
                height,
                format,
                marks,
                label,
                album.number_of(picture),
            )
        };
        let files: Vec<FileRow> = self.files.iter().zip(&self.shown_by).map(row).collect();
        let skipped = &plan.skipped[..plan.skipped.len().min(LISTED)];
        let data = Data {
            base: plan.base.to_string_lossy().into_owned(),
            root: folder.map(|folder| root(folder, &plan.base)),
            images: plan.images,
            threshold: &plan.threshold,
            keep: &plan.keep,
            folders,
            groups: self.groups.iter().map(|(_, row)| row).collect(),
            numbers: self.groups.iter().map(|(i, _)| i + 1).collect(),
            misses: &self.misses,
            skipped,
            more: More {
                groups: plan.groups.len() - self.groups.len(),
                misses: plan.near_misses.len() - self.misses.len(),
                skipped: plan.skipped.len() - skipped.len(),
            },
            pictureless: files.iter().filter(|row| row.10.is_none()).count(),
            files,
        };
        // strings and numbers: nothing in it can fail
        serde_json::to_string(&data).unwrap_or_default()
    }
}

/// What has a number already.
#[derive(Default)]
struct Known<'a> {
    /// Files by name.
    files: HashMap<&'a [u8], usize>,
    /// Pictures by the hash of a file.
    pictures: HashMap<&'a str, usize>,
    folders: HashSet<&'a str>,
}

/// The folder, to its last separator, and the name.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind(['/', '\\']).map_or(0, |at| at + 1))
}

/// What leads from `folder` to `base`: empty for the same folder, else with a slash at its end.
fn root(folder: &Path, base: &Path) -> String {
    let [from, to] = [folder, base].map(|path| path.components().collect::<Vec<Component<'_>>>());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if common == 0 || from.contains(&Component::ParentDir) {
        return format!("{}/", base.to_string_lossy());
    }
    let down = to[common..].iter().map(|part| part.as_os_str().to_string_lossy());
    let parts = from[common..].iter().map(|_| "..".into()).chain(down);
    parts.map(|part| format!("{part}/")).collect()
}

/// Rounded to five decimals, to save bytes.
fn short(value: f32) -> f64 {
    (f64::from(value) * 1e5).round() / 1e5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_the_page_to_the_files_is_relative() {
        let cases = [
            ("/a/b", "/a/b", ""),
            ("/a/b/c", "/a/b", "../"),
            ("/a/b", "/a/b/c d", "c d/"),
            ("/a/x/y", "/a/b", "../../b/"),
            ("/a/../x", "/a/b", "/a/b/"),
        ];
        for (folder, base, expected) in cases {
            assert_eq!(root(Path::new(folder), Path::new(base)), expected, "{folder} {base}");
        }
    }
}
