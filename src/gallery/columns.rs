//! What files know of their images (date, camera, size, place ...) as columns of the index.
//!
//! `update` writes them for each image that it reads. An index that was made before there were columns, or
//! that has been merged with such a one, gets them in the folder `columns/` inside it: an index of its own,
//! whose items are named by the hash of their content. It is filled once, from the headers of the files. If
//! it is deleted, it is made again.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use aesearch_index::{IdSet, Item as Entry, SegmentBuilder, Settings, Snapshot, Value, Writer};
use rayon::prelude::*;

use super::folder::base;
use super::record::Record;
use crate::error::{Error, Result};
use crate::images::{Decoding, FileFacts, Item, Limits, by_place, read, resolve};
use crate::observer::{Note, Observer, Progress, Stage};
use crate::output::{CacheFolder, count};

/// The folder, inside the index's folder.
const FOLDER: &str = "columns";
/// The attribute by which it is known.
const OURS: &str = "columns";
/// The column that every image has whose file was asked.
const ASKED: &str = "bytes";
/// Images between two reports of progress.
const BLOCK: usize = 256;
/// Bytes of a longest text.
const MOST_TEXT: usize = 200;

type Hash = [u8; 32];

/// The columns, by name. `date` is in seconds since 1970 by the clock of the camera, `latitude` and
/// `longitude` in millionths of a degree, `width` and `height` in pixels, upright.
pub const COLUMNS: [&str; 12] = [
    "bytes",
    "camera",
    "date",
    "format",
    "height",
    "latitude",
    "lens",
    "longitude",
    "orientation",
    "rating",
    "software",
    "width",
];

/// A value of one of [`COLUMNS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfFile {
    /// A number.
    Integer(i64),
    /// A text, which is not empty.
    Text(String),
}

/// What a file knows, by column.
pub(super) fn values(facts: &FileFacts) -> Vec<(&'static str, OfFile)> {
    let FileFacts { format, bytes, size, metadata } = facts;
    let micro = |degrees: f64| (degrees * 1e6).round() as i64;
    let [latitude, longitude] = match metadata.degrees() {
        Some(place) => place.map(|degrees| Some(micro(degrees))),
        None => [None; 2],
    };
    let integers = [
        ("bytes", i64::try_from(*bytes).ok()),
        ("date", metadata.taken.as_deref().and_then(seconds)),
        ("height", size.map(|(_, height)| height.into())),
        ("latitude", latitude),
        ("longitude", longitude),
        ("orientation", metadata.orientation.map(i64::from)),
        ("rating", metadata.rating.map(i64::from)),
        ("width", size.map(|(width, _)| width.into())),
    ];
    let texts = [
        ("camera", metadata.camera()),
        ("format", Some((*format).to_owned())),
        ("lens", metadata.lens.clone()),
        ("software", metadata.software.clone()),
    ];
    let integers = integers.into_iter().filter_map(|(name, value)| Some((name, OfFile::Integer(value?))));
    let texts = texts.into_iter().filter_map(|(name, text)| {
        let mut text = text?;
        text.truncate(text.floor_char_boundary(MOST_TEXT));
        (!text.is_empty()).then_some((name, OfFile::Text(text)))
    });
    integers.chain(texts).collect()
}

/// Gives the item that was pushed last what its file knows.
pub(super) fn keep(builder: &mut SegmentBuilder, values: &[(&'static str, OfFile)]) -> Result<()> {
    for (column, value) in values {
        let value = match value {
            OfFile::Integer(number) => Value::Integer(*number),
            OfFile::Text(text) => Value::Text(text),
        };
        builder.set(column, value)?;
    }
    Ok(())
}

/// Seconds from 1970 to a date in the form `2019-07-04T12:00:00`, both by the same clock.
fn seconds(date: &str) -> Option<i64> {
    let number = |at: std::ops::Range<usize>| date.get(at)?.parse::<i64>().ok();
    let days = days(number(0..4)?, number(5..7)?, number(8..10)?);
    Some(days * 86_400 + number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar ("days from civil", Howard Hinnant).
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// What the files of an index know.
#[derive(Debug)]
pub struct Known<'a> {
    snapshot: &'a Snapshot,
    /// Columns of images that have none in the index, and where they are.
    beside: Option<(Snapshot, HashMap<u32, u32>)>,
    /// Holds them.
    _folder: Option<CacheFolder>,
}

impl<'a> Known<'a> {
    /// What is known of the images of the index at `dir`. Where images have no columns yet, their files are
    /// asked, and what they say is kept.
    ///
    /// # Errors
    /// When the index is damaged, its folder is full, or the observer stops the work.
    pub fn open(dir: &Path, snapshot: &'a Snapshot, observer: &dyn Observer) -> Result<Known<'a>> {
        let unasked = unasked(snapshot)?;
        if unasked.is_empty() {
            return Ok(Known { snapshot, beside: None, _folder: None });
        }
        let folder = CacheFolder::of(dir, FOLDER)?;
        let mut beside = open(folder.path())?;
        let has: HashSet<Hash> = beside.iter().flat_map(names).map(|(hash, _)| hash).collect();
        let missing = unasked.iter().filter(|(hash, _)| !has.contains(*hash));
        let mut missing: Vec<(Hash, u32)> = missing.map(|(hash, ids)| (*hash, ids[0])).collect();
        missing.sort_unstable_by(|a, b| snapshot.name(a.1).cmp(snapshot.name(b.1)));
        if !missing.is_empty() {
            let found = ask((dir, snapshot), &missing, observer)?;
            tell(missing.len(), found.len(), observer);
            if !found.is_empty() {
                write(&folder.path().join(FOLDER), &found)?;
                beside = open(folder.path())?;
            }
        }
        let beside = beside.map(|beside| with_ids(beside, &unasked));
        Ok(Known { snapshot, beside, _folder: Some(folder) })
    }

    /// The same, without asking any file.
    ///
    /// # Errors
    /// When the index is damaged.
    pub fn kept(dir: &Path, snapshot: &'a Snapshot) -> Result<Known<'a>> {
        let unasked = unasked(snapshot)?;
        let folder = CacheFolder::of(dir, FOLDER)?;
        let beside = open(folder.path())?.map(|beside| with_ids(beside, &unasked));
        Ok(Known { snapshot, beside, _folder: Some(folder) })
    }

    /// In how many images each of [`COLUMNS`] has a value.
    pub fn counts(&self) -> [(&'static str, usize); COLUMNS.len()] {
        COLUMNS.map(|column| (column, self.select(column, |_| true).len()))
    }

    /// The value of image `id` in one of [`COLUMNS`]; none where its file does not say.
    pub fn value(&self, id: u32, column: &str) -> Option<Value<'_>> {
        let beside = || {
            let (beside, ids) = self.beside.as_ref()?;
            beside.value(*ids.get(&id)?, column)
        };
        self.snapshot.value(id, column).or_else(beside)
    }

    /// The images whose value in `column` makes `holds` true; those without a value are not among them.
    pub fn select(&self, column: &str, mut holds: impl FnMut(Value<'_>) -> bool) -> IdSet {
        let mut found = self.snapshot.select(column, &mut holds);
        if let Some((beside, ids)) = &self.beside {
            let there = beside.select(column, holds);
            ids.iter().filter(|(_, at)| there.contains(**at)).for_each(|(id, _)| found.insert(*id));
        }
        found
    }
}

/// The images whose files were never asked, by content.
fn unasked(snapshot: &Snapshot) -> Result<HashMap<Hash, Vec<u32>>> {
    let asked = snapshot.select(ASKED, |_| true);
    let mut unasked: HashMap<Hash, Vec<u32>> = HashMap::new();
    for id in snapshot.ids().filter(|id| !asked.contains(*id)) {
        unasked.entry(Record::of(snapshot, id)?.hash).or_default().push(id);
    }
    Ok(unasked)
}

/// Where each of these images is in the columns beside the index.
fn with_ids(beside: Snapshot, unasked: &HashMap<Hash, Vec<u32>>) -> (Snapshot, HashMap<u32, u32>) {
    let ids = names(&beside).filter_map(|(hash, id)| Some((unasked.get(&hash)?, id)));
    let ids = ids.flat_map(|(ids, at)| ids.iter().map(move |id| (*id, at))).collect();
    (beside, ids)
}

/// What the files of some images say, by content; of those that cannot be read, or hold something else now,
/// nothing.
fn ask(
    (dir, snapshot): (&Path, &Snapshot),
    missing: &[(Hash, u32)],
    observer: &dyn Observer,
) -> Result<Vec<(Hash, FileFacts)>> {
    observer.stage(Stage::images("reading what files know"));
    let items = resolve(missing.iter().map(|(_, id)| snapshot.name(*id)), base(dir));
    let items = missing.iter().zip(items).filter_map(|((hash, _), item)| Some((*hash, item.ok()?)));
    // entries of a compressed stream are read one after the other
    let (mut in_order, apart): (Vec<(Hash, Item)>, Vec<_>) = items.partition(|(_, item)| item.in_sequence());
    in_order.sort_by(|a, b| by_place(&a.1, &b.1));
    let mut found = Vec::with_capacity(missing.len());
    let blocks = apart.chunks(BLOCK).map(|block| (block, false));
    let mut done = 0;
    for (block, in_order) in blocks.chain(in_order.chunks(BLOCK).map(|block| (block, true))) {
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        match in_order {
            true => found.extend(block.iter().filter_map(ask_one)),
            false => found.par_extend(block.par_iter().filter_map(ask_one)),
        }
        done += block.len();
        observer.progress(&Progress::of(done, missing.len()));
    }
    Ok(found)
}

fn ask_one((hash, item): &(Hash, Item)) -> Option<(Hash, FileFacts)> {
    let source = read(item, &Limits::default()).ok()?;
    if source.stamp().hash != *hash {
        return None;
    }
    let mut facts = source.file_facts();
    if facts.size.is_none() {
        let pixels = source.decode(&Decoding::default()).ok();
        facts.size = pixels.map(|pixels| (pixels.width as u32, pixels.height as u32));
    }
    Some((*hash, facts))
}

/// One line of what was done.
fn tell(missing: usize, found: usize, observer: &dyn Observer) {
    let mut what =
        format!("what files know (date, camera, size ...) was read for {}", count(found as u64, "image"));
    if found < missing {
        what += &format!("; {} cannot be read now", count((missing - found) as u64, "other"));
    }
    observer.note(&Note::new(what + ": they were indexed before there were columns"));
}

/// Adds to the columns in `folder`.
fn write(folder: &Path, found: &[(Hash, FileFacts)]) -> Result<()> {
    check_ours(folder)?;
    let attributes = vec![(OURS.to_owned(), vec![1])];
    let mut builder = SegmentBuilder::new(&Settings { attributes, ..Settings::default() })?;
    let mut writer = Writer::lock(folder)?;
    for (hash, facts) in found {
        let code = u64::from_le_bytes(std::array::from_fn(|i| hash[i]));
        builder.push(Entry { name: hash, code: &[code], ..Entry::default() })?;
        keep(&mut builder, &values(facts))?;
    }
    Ok(writer.commit(builder, &[])?)
}

/// Drops the columns beside the index at `dir` of images that it does not hold any more.
///
/// # Errors
/// When they cannot be read or written.
pub(super) fn drop_gone(dir: &Path, index: &Snapshot) -> Result<()> {
    let Some(beside) = open(dir)? else { return Ok(()) };
    let kept = index.ids().map(|id| Ok(Record::of(index, id)?.hash)).collect::<Result<HashSet<Hash>>>()?;
    let gone: Vec<u32> = names(&beside).filter(|(hash, _)| !kept.contains(hash)).map(|(_, id)| id).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let settings = beside.settings();
    drop(beside);
    let mut writer = Writer::lock(dir.join(FOLDER))?;
    writer.commit(SegmentBuilder::new(&settings)?, &gone)?;
    Ok(writer.compact()?) // no place stays on the disk of what was taken out
}

/// The columns beside the index at `dir`; none where there are none, or they are damaged.
fn open(dir: &Path) -> Result<Option<Snapshot>> {
    let folder = dir.join(FOLDER);
    match Snapshot::open(&folder) {
        Ok(snapshot) => Ok(Some(snapshot).filter(|snapshot| snapshot.attribute(OURS).is_some())),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(Error::from(error).with_hint(format!("remove the folder {}", folder.display()))),
    }
}

/// Refuses a folder of that name that is something else, as where an index lies among the user's files.
fn check_ours(folder: &Path) -> Result<()> {
    let is_new = fs::read_dir(folder).map_or(true, |mut files| files.next().is_none());
    if is_new || folder.join("LOCK").is_file() {
        return Ok(());
    }
    let what = format!("{}: expected the columns of the index, got another folder", folder.display());
    Err(Error::invalid(what).with_hint("index into a folder of its own, or rename this one"))
}

/// The contents that have columns, and where they are.
fn names(snapshot: &Snapshot) -> impl Iterator<Item = (Hash, u32)> {
    snapshot.ids().filter_map(|id| Some((Hash::try_from(snapshot.name(id)).ok()?, id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_in_seconds() {
        for (date, expected) in [
            ("1970-01-01T00:00:00", 0),
            ("1969-12-31T23:59:59", -1),
            ("2000-02-29T12:00:00", 951_825_600),
            ("2024-06-30T23:59:60", 1_719_792_000),
        ] {
            assert_eq!(seconds(date), Some(expected), "{date}");
        }
        assert_eq!(seconds("2024-06"), None);
    }
}
