//! What the page knows: files once each, groups and near misses by the numbers of their files, in few bytes.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::album::Album;
use super::by_need;
use crate::dedupe::decisions::unhex;
use crate::dedupe::plan::{File, Group, Kind, Plan, Threshold, Unread};
use crate::output::base64;

/// Near misses and images that could not be read: so many are listed, and the others counted.
const LISTED: usize = 2000;

/// What of a plan has a place in the page.
pub(super) struct Collected<'a> {
    files: Vec<&'a File>,
    /// Of each file, which of `pictures` shows it.
    shown_by: Vec<usize>,
    /// Files whose pictures are wanted, the most needed first. One picture stands for all files of the same bytes or pixels.
    pub(super) pictures: Vec<&'a File>,
    groups: Vec<(usize, GroupRow<'a>)>,
    misses: Vec<(usize, usize, u32, f64)>,
    /// About the bytes that it takes.
    size: usize,
}

/// A group; files are keeper, others that stay, duplicates.
#[derive(Serialize)]
struct GroupRow<'a> {
    id: &'a str,
    kind: Kind,
    files: Vec<usize>,
    /// So many after the keeper stay as well.
    also: usize,
    /// Of those that are not the keeper: bits, similarity, how they lie.
    distances: Vec<u32>,
    similarities: Vec<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    turned: Vec<Option<&'a str>>,
    diameter: f64,
    medoid: Option<usize>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    labels: &'a [String],
}

/// Folder, name, bytes, milliseconds since 1970, hash (0: that of the row before), width, height, format, marks, label, picture.
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
    images: usize,
    threshold: &'a Threshold,
    keep: &'a [String],
    folders: Vec<&'a str>,
    files: Vec<FileRow<'a>>,
    groups: Vec<&'a GroupRow<'a>>,
    /// Of each group, its number in the plan, from 1.
    numbers: Vec<usize>,
    /// Pairs of files, bits, similarity.
    misses: &'a [(usize, usize, u32, f64)],
    skipped: &'a [Unread],
    /// What the plan has and the page has not.
    more: More,
    /// Files of which a picture was wanted and is not there.
    pictureless: usize,
}

#[derive(Serialize)]
struct More {
    groups: usize,
    misses: usize,
    skipped: usize,
}

impl<'a> Collected<'a> {
    /// As many groups as `room` bytes hold, the most needed first.
    pub(super) fn of(plan: &'a Plan, room: usize) -> Collected<'a> {
        let mut collected = Collected {
            files: Vec::new(),
            shown_by: Vec::new(),
            pictures: Vec::new(),
            groups: Vec::new(),
            misses: Vec::new(),
            size: 0,
        };
        let mut known = Known::default();
        let order = by_need(plan);
        let near = order.partition_point(|&i| plan.groups[i].kind == Kind::Near);
        collected.add_groups(plan, &order[..near], room, &mut known);
        for miss in plan.near_misses.iter().take(LISTED) {
            let [a, b] = [&miss.a, &miss.b].map(|file| {
                let picture = collected.picture(file, &mut known);
                collected.file(file, picture, &mut known)
            });
            collected.size += 40;
            collected.misses.push((a, b, miss.distance, short(miss.similarity)));
        }
        collected.add_groups(plan, &order[near..], room, &mut known);
        collected.groups.sort_by_key(|(i, _)| *i);
        collected
    }

    fn add_groups(&mut self, plan: &'a Plan, order: &[usize], room: usize, known: &mut Known<'a>) {
        for &i in order {
            if self.size >= room {
                return;
            }
            let row = self.group(&plan.groups[i], known);
            self.size += 150 + 24 * row.files.len();
            self.groups.push((i, row));
        }
    }

    fn group(&mut self, group: &'a Group, known: &mut Known<'a>) -> GroupRow<'a> {
        let kept = self.picture(&group.keeper, known);
        let mut files = vec![self.file(&group.keeper, kept, known)];
        let others = || group.also_kept.iter().chain(&group.duplicates);
        for other in others() {
            let is_same = group.kind != Kind::Near && other.turned.is_none();
            let picture = if is_same { kept } else { self.picture(&other.file, known) };
            files.push(self.file(&other.file, picture, known));
        }
        let turned = others().any(|other| other.turned.is_some());
        GroupRow {
            id: &group.id,
            kind: group.kind,
            also: group.also_kept.len(),
            distances: others().map(|other| other.distance).collect(),
            similarities: others().map(|other| short(other.similarity)).collect(),
            turned: others().filter(|_| turned).map(|other| other.turned.as_deref()).collect(),
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

    pub(super) fn to_json(&self, plan: &'a Plan, album: &Album) -> String {
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
            let marks = u8::from(file.entry) | u8::from(file.reference) << 1 | u8::from(file.exif) << 2;
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
                album.place(picture),
            )
        };
        let files: Vec<FileRow> = self.files.iter().zip(&self.shown_by).map(row).collect();
        let skipped = &plan.skipped[..plan.skipped.len().min(LISTED)];
        let data = Data {
            base: plan.base.to_string_lossy().into_owned(),
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
        // Strings and numbers: nothing in it fails.
        serde_json::to_string(&data).unwrap_or_default()
    }
}

/// What has a number already.
#[derive(Default)]
struct Known<'a> {
    /// By their names.
    files: HashMap<&'a [u8], usize>,
    /// By the hashes of what they show.
    pictures: HashMap<&'a str, usize>,
    folders: HashSet<&'a str>,
}

/// The folder, to its last separator, and the name.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind(['/', '\\']).map_or(0, |at| at + 1))
}

/// Five digits after the point say enough.
fn short(value: f32) -> f64 {
    (f64::from(value) * 1e5).round() / 1e5
}
