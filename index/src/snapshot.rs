//! A reader's view of one commit: opened in constant time, unchanged by later commits. `query` searches it.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::Path;

use crate::code::{is_code, is_scale};
use crate::curve::RecallPoint;
use crate::error::{Error, Result};
use crate::ids::IdSet;
use crate::layout::{Fault, Shape};
use crate::manifest::{self, Manifest, SegmentEntry};
use crate::map::Access;
use crate::opened::{Opened, open_segments};
use crate::settings::Settings;
use crate::tombstones::is_dead;
use crate::verify::first_problem;

/// The items of one commit.
///
/// Ids are below 2^32 and hold for this commit only; ids of removed items are skipped, see [`Snapshot::ids`].
/// Accessors return empty slices for an item that does not exist. Where the file is damaged a name or
/// payload is empty, a code or the scale of a latent zero; all names together are never longer than their section.
/// A snapshot is `Send` and `Sync`: threads may share one, by reference or in an `Arc`.
///
/// ```
/// use aesearch_index::{SegmentBuilder, Settings, Snapshot, Writer};
///
/// # let dir = tempfile::tempdir()?;
/// let mut builder = SegmentBuilder::new(&Settings::default())?;
/// builder.push_codes(&[1, 2, 2])?;
/// Writer::lock(dir.path())?.commit(builder, &[])?;
///
/// let index = Snapshot::open(dir.path())?;
/// assert_eq!((index.len(), index.distinct_codes(), index.bits()), (3, 2, 64));
/// let codes: Vec<(u32, u64)> = index.ids().map(|id| (id, index.code(id)[0])).collect();
/// assert_eq!(codes, [(0, 1), (1, 2), (2, 2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Snapshot {
    manifest: Manifest,
    segments: Vec<Opened>, // as in the manifest
    bytes: u64,
}

/// An item's latent: value `i` is `values[i] * scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latent<'a> {
    /// `[latent_size]`
    pub values: &'a [i8],
    /// The largest magnitude of the latent, over 127.
    pub scale: f32,
}

impl Snapshot {
    /// Opens the last commit of the index at `dir`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Damaged`], [`Error::TooNew`], [`Error::TooOld`], [`Error::Io`]. Only the
    /// frames of the files are checked; [`verify`](crate::verify()) reads everything.
    pub fn open(dir: impl AsRef<Path>) -> Result<Snapshot> {
        Snapshot::open_with(dir, Access::Map)
    }

    /// Opens the last commit of the index at `dir`, with its files mapped or read.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn open_with(dir: impl AsRef<Path>, access: Access) -> Result<Snapshot> {
        let dir = dir.as_ref();
        let (manifest, segments) = open_segments(dir, access)?;
        let segments = segments.into_iter().collect::<Result<Vec<_>>>()?;
        let mut bytes = Manifest::bytes(dir);
        for Opened { segment, tombstones, .. } in &segments {
            bytes += segment.map.len() as u64;
            bytes += tombstones.as_ref().map_or(0, |tombstones| tombstones.map.len() as u64);
        }
        Ok(Snapshot { manifest, segments, bytes })
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.manifest.segments.iter().map(|entry| entry.live() as usize).sum()
    }

    /// True when there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of all items, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.segments.iter().flat_map(|opened| {
            let dead = opened.dead();
            let live = (0..opened.segment.items()).filter(move |&item| !is_dead(dead, item));
            live.map(move |item| opened.first + item)
        })
    }

    /// The ids of all items with one of these names, in one pass over all names: to remove items, to replace
    /// them, or to search among them.
    ///
    /// ```
    /// use aesearch_index::{Item, SegmentBuilder, Settings, Snapshot, Writer};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// for (name, code) in [("sparrow", 3), ("robin", 7), ("whale", 9)] {
    ///     builder.push(Item::named(name, &[code]))?;
    /// }
    /// let mut writer = Writer::lock(dir.path())?;
    /// writer.commit(builder, &[])?;
    ///
    /// let index = Snapshot::open(dir.path())?;
    /// let whales: Vec<u32> = index.ids_named(["whale"]).iter().collect();
    /// assert_eq!(index.name(whales[0]), b"whale");
    /// writer.remove(&whales)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ids_named<N: AsRef<[u8]>>(&self, names: impl IntoIterator<Item = N>) -> IdSet {
        let names: Vec<N> = names.into_iter().collect();
        let names: HashSet<&[u8]> = names.iter().map(AsRef::as_ref).collect();
        self.ids().filter(|&id| names.contains(self.name(id))).collect()
    }

    /// True if there is an item `id`.
    pub fn contains(&self, id: u32) -> bool {
        self.locate(id).is_some()
    }

    /// Number of removed items that still take space on disk.
    pub fn dead(&self) -> usize {
        self.manifest.segments.iter().map(|entry| (entry.items - entry.live()) as usize).sum()
    }

    /// Width of the codes, in bits.
    pub fn bits(&self) -> usize {
        self.manifest.bits as usize
    }

    /// Values per latent; 0 when there are none.
    pub fn latent_size(&self) -> usize {
        self.manifest.latent_size as usize
    }

    /// The bucket size that was asked for when the youngest segment was written; `None` for the default.
    pub fn bucket_size(&self) -> Option<usize> {
        let asked = self.segments.last().map_or(0, |opened| opened.segment.header.shape.bucket_size);
        Some(asked as usize).filter(|&asked| asked > 0)
    }

    /// The settings of the index, for a builder of more items.
    pub fn settings(&self) -> Settings {
        Settings {
            bits: self.bits(),
            latent_size: self.latent_size(),
            bucket_size: self.bucket_size(),
            attributes: self.manifest.attributes.clone(),
        }
    }

    /// The attribute `name` of the index.
    pub fn attribute(&self, name: &str) -> Option<&[u8]> {
        self.manifest.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// The name of item `id`.
    pub fn name(&self, id: u32) -> &[u8] {
        self.locate(id).map_or(&[], |(opened, item)| opened.segment.name(item))
    }

    /// The payload of item `id`.
    pub fn payload(&self, id: u32) -> &[u8] {
        self.locate(id).map_or(&[], |(opened, item)| opened.segment.payload(item))
    }

    /// The code of item `id`: `[words(bits)]`, zeros where the file is damaged.
    pub fn code(&self, id: u32) -> &[u64] {
        static ZEROS: [u64; 4] = [0; 4]; // as many words as the widest code has
        let Some((opened, item)) = self.locate(id) else { return &[] };
        let view = opened.view();
        let stored = || {
            let code = view.code_offsets.partition_point(|&first| first as usize <= item).checked_sub(1)?;
            let code = view.codes.get(code * view.words..(code + 1) * view.words)?;
            is_code(code, self.bits()).then_some(code)
        };
        stored().unwrap_or(&ZEROS[..view.words])
    }

    /// The latent of item `id`; none when the index keeps none. Its scale is finite, 0 where the file is damaged.
    pub fn latent(&self, id: u32) -> Option<Latent<'_>> {
        let (opened, item) = self.locate(id)?;
        let (values, scales) = opened.segment.latents();
        let (size, scale) = (self.latent_size(), *scales.get(item)?);
        let values = values.get(item * size..(item + 1) * size)?;
        Some(Latent { values, scale: if is_scale(scale) { scale } else { 0.0 } })
    }

    /// The latents of all items in one piece, where the index has one segment and no removed items: values
    /// `[len, latent_size]` and scales `[len]`, in the order of [`Snapshot::ids`]. They lie in the map. A scale that is
    /// damaged is not replaced, as [`Snapshot::latent`] does.
    pub fn all_latents(&self) -> Option<(&[i8], &[f32])> {
        match &self.segments[..] {
            [only] if only.dead().is_empty() && self.latent_size() > 0 => Some(only.segment.latents()),
            _ => None,
        }
    }

    /// Number of distinct codes, summed over the segments, including those of removed items.
    pub fn distinct_codes(&self) -> usize {
        self.segments.iter().map(|opened| opened.segment.header.shape.codes as usize).sum()
    }

    /// True if all segments are arranged for search; those of an unfinished run are not.
    pub(crate) fn is_arranged(&self) -> bool {
        let asked = self.bucket_size().unwrap_or(crate::arrange::SMALLEST_BUCKET);
        let in_one_bucket = |shape: Shape| shape.buckets == 1 && shape.codes as usize > 2 * asked;
        (0..self.segments()).all(|at| !in_one_bucket(self.shape(at)))
    }

    /// Number of segment files.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The names of its segments' files and of their tombstones, in the folder of the index. They never change; with
    /// MANIFEST they are all that the commit consists of.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.manifest.segments.iter().flat_map(SegmentEntry::files)
    }

    /// Number of this commit, from 1.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What calibration measured for 10 neighbours on the largest segment; empty if every search scans every
    /// code.
    pub fn recall_curve(&self) -> &[RecallPoint] {
        let largest = self.segments.iter().max_by_key(|opened| opened.segment.items());
        let curve = largest.map_or(&[][..], |opened| &opened.segment.curve);
        let end = curve.iter().take_while(|point| point.k == curve[0].k).count();
        &curve[..end]
    }

    pub(crate) fn opened(&self) -> &[Opened] {
        &self.segments
    }

    pub(crate) fn entries(&self) -> &[SegmentEntry] {
        &self.manifest.segments
    }

    /// Refuses to copy item `id` from a segment in which `verify` would find anything: damage would get a new
    /// checksum and never be found. The first copy from a segment reads all of it.
    pub(crate) fn check_sound(&self, id: u32) -> Result<()> {
        self.segment_of(id).map_or(Ok(()), |at| self.check_segment(at))
    }

    pub(crate) fn check_segment(&self, at: usize) -> Result<()> {
        let (entry, opened) = (&self.manifest.segments[at], &self.segments[at]);
        match opened.problem.get_or_init(|| first_problem(entry, opened)) {
            Some((path, section)) => Err(Fault::new(section, "what was written", "something else").at(path)),
            None => Ok(()),
        }
    }

    pub(crate) fn shape(&self, segment: usize) -> Shape {
        self.segments[segment].segment.header.shape
    }

    /// The ids of the items of a segment, including removed ones.
    pub(crate) fn ids_of(&self, segment: usize) -> Range<u32> {
        let Opened { first, segment, .. } = &self.segments[segment];
        *first..first + segment.items()
    }

    /// The segments that hold the items `ids`, each with its tombstones once these items are removed.
    pub(crate) fn by_segment(&self, ids: &[u32]) -> Result<BTreeMap<usize, Vec<u64>>> {
        let mut words: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for &id in ids {
            let Some(at) = self.segment_of(id).filter(|_| self.contains(id)) else {
                return Err(Error::input("item to remove", "the id of an item of the index", id));
            };
            let Opened { first, segment, tombstones, .. } = &self.segments[at];
            if tombstones.is_some() && !words.contains_key(&at) {
                self.check_segment(at)?; // new tombstones are made from the old ones
            }
            let words = words.entry(at).or_insert_with(|| {
                let mut words = self.segments[at].dead().to_vec();
                words.resize(segment.items().div_ceil(64) as usize, 0);
                words
            });
            let item = id - first;
            words[item as usize / 64] |= 1 << (item % 64);
        }
        Ok(words)
    }

    fn segment_of(&self, id: u32) -> Option<usize> {
        self.segments.partition_point(|opened| opened.first <= id).checked_sub(1)
    }

    /// The segment of item `id`, and the item's number in it.
    pub(crate) fn locate(&self, id: u32) -> Option<(&Opened, usize)> {
        let opened = &self.segments[self.segment_of(id)?];
        let item = id - opened.first;
        (item < opened.segment.items() && !is_dead(opened.dead(), item)).then_some((opened, item as usize))
    }
}

/// True if something was ever committed at `dir`; a folder with nothing but a lock file is not an index.
pub fn is_index(dir: impl AsRef<Path>) -> bool {
    dir.as_ref().join(manifest::NAME).is_file()
}
