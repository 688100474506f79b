//! A reader's view of one commit: opened in constant time, unchanged while writers go on. `query` searches it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::builder::Settings;
use crate::error::{Error, Result};
use crate::layout::{Fault, Shape};
use crate::manifest::{Manifest, NAME, SegmentEntry};
use crate::map::Access;
use crate::merge::Part;
use crate::search::{RecallPoint, View};
use crate::segment::{Segment, piece};
use crate::tombstones::{Tombstones, is_dead};
use crate::verify::first_problem;

/// How often a reader starts over when commits overtake it.
const ATTEMPTS: usize = 16;

/// The items of one commit.
///
/// Ids are below 2^32; those of removed items are missing among them, see [`Snapshot::ids`]. They hold for this commit only.
/// Asking for an item that does not exist, or whose entry is damaged, gives empty slices.
#[derive(Debug)]
pub struct Snapshot {
    manifest: Manifest,
    segments: Vec<Opened>, // as in the manifest
    bytes: u64,
}

/// A segment of a snapshot.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) first: u32, // id of its first item
    pub(crate) segment: Segment,
    pub(crate) tombstones: Option<Tombstones>,
    pub(crate) dead_items: u32,
    problem: OnceLock<Option<(PathBuf, String)>>, // the first that `verify` would find
}

/// An item's latent: value `i` is `values[i] * scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latent<'a> {
    /// `[latent_size]`
    pub values: &'a [i8],
    /// The largest magnitude of the latent, over 127.
    pub scale: f32,
}

impl Opened {
    /// One bit per item; empty where none is dead.
    fn dead(&self) -> &[u64] {
        self.tombstones.as_ref().map_or(&[], Tombstones::words)
    }

    pub(crate) fn view(&self) -> View<'_> {
        self.segment.view(self.dead())
    }
}

impl Snapshot {
    /// Opens the last commit of the index at `dir`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Damaged`], [`Error::TooNew`], [`Error::TooOld`], [`Error::Io`]. Only the frames of the
    /// files are checked; [`verify`](crate::verify()) reads everything.
    pub fn open(dir: &Path) -> Result<Snapshot> {
        Snapshot::open_with(dir, Access::Map)
    }

    /// Opens the last commit of the index at `dir`, its files mapped or read.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn open_with(dir: &Path, access: Access) -> Result<Snapshot> {
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

    /// Whether there is an item `id`.
    pub fn contains(&self, id: u32) -> bool {
        self.locate(id).is_some()
    }

    /// Items that were removed and still take room.
    pub fn dead(&self) -> usize {
        self.manifest.segments.iter().map(|entry| (entry.items - entry.live()) as usize).sum()
    }

    /// Width of the codes.
    pub fn bits(&self) -> usize {
        self.manifest.bits as usize
    }

    /// Values per latent; 0 when there are none.
    pub fn latent_size(&self) -> usize {
        self.manifest.latent_size as usize
    }

    /// The bucket size that was asked for when the youngest segment was written; none where nothing was.
    pub fn bucket_size(&self) -> Option<usize> {
        let asked = self.segments.last().map_or(0, |opened| opened.segment.header.shape.bucket_size);
        Some(asked as usize).filter(|&asked| asked > 0)
    }

    /// What the index is made of, as for a builder of more of it.
    pub fn settings(&self) -> Settings {
        Settings {
            bits: self.bits(),
            latent_size: self.latent_size(),
            bucket_size: self.bucket_size(),
            attributes: self.manifest.attributes.clone(),
        }
    }

    /// What the writer attached under `name`.
    pub fn attribute(&self, name: &str) -> Option<&[u8]> {
        self.manifest.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// The name of item `id`.
    pub fn name(&self, id: u32) -> &[u8] {
        self.locate(id).map_or(&[], |(opened, item)| {
            let (offsets, bytes) = opened.segment.names();
            piece(offsets, bytes, item)
        })
    }

    /// The payload of item `id`.
    pub fn payload(&self, id: u32) -> &[u8] {
        self.locate(id).map_or(&[], |(opened, item)| {
            let (offsets, bytes) = opened.segment.payloads();
            piece(offsets, bytes, item)
        })
    }

    /// The code of item `id`: `[words(bits)]`.
    pub fn code(&self, id: u32) -> &[u64] {
        let code = || {
            let (opened, item) = self.locate(id)?;
            let view = opened.view();
            let code = view.code_offsets.partition_point(|&first| first as usize <= item).checked_sub(1)?;
            view.codes.get(code * view.words..(code + 1) * view.words)
        };
        code().unwrap_or_default()
    }

    /// The latent of item `id`; none when the index keeps none.
    pub fn latent(&self, id: u32) -> Option<Latent<'_>> {
        let (opened, item) = self.locate(id)?;
        let (values, scales) = opened.segment.latents();
        let size = self.latent_size();
        Some(Latent { values: values.get(item * size..(item + 1) * size)?, scale: *scales.get(item)? })
    }

    /// Number of different codes (of each segment, summed), those of dead items among them.
    pub fn distinct_codes(&self) -> usize {
        self.segments.iter().map(|opened| opened.segment.header.shape.codes as usize).sum()
    }

    /// Whether all segments are arranged for search; those of an unfinished run are not.
    pub(crate) fn is_arranged(&self) -> bool {
        let asked = self.bucket_size().unwrap_or(crate::arrange::FEWEST);
        let in_one_bucket = |shape: Shape| shape.buckets == 1 && shape.codes as usize > 2 * asked;
        (0..self.segments()).all(|at| !in_one_bucket(self.shape(at)))
    }

    /// Number of segment files.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Number of this commit, from 1.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What calibration measured for 10 neighbours on the largest segment; empty where every search looks at every code.
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

    /// Refuses to copy item `id` from a segment in which `verify` would find anything: damage would get new checksums, under
    /// which nobody finds it. A segment is read whole by the first who copies from it.
    pub(crate) fn check_sound(&self, id: u32) -> Result<()> {
        self.segment_of(id).map_or(Ok(()), |at| self.check_segment(at))
    }

    fn check_segment(&self, at: usize) -> Result<()> {
        let (entry, opened) = (&self.manifest.segments[at], &self.segments[at]);
        match opened.problem.get_or_init(|| first_problem(entry, opened)) {
            Some((path, section)) => Err(Fault::new(section, "what was written", "something else").at(path)),
            None => Ok(()),
        }
    }

    pub(crate) fn shape(&self, segment: usize) -> Shape {
        self.segments[segment].segment.header.shape
    }

    /// The ids of the items of a segment, the dead among them.
    pub(crate) fn ids_of(&self, segment: usize) -> Range<u32> {
        let Opened { first, segment, .. } = &self.segments[segment];
        *first..first + segment.items()
    }

    /// The segments that hold the items `ids`, and their tombstones as they are once these items are dead.
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

    /// What is left of each segment once those of `removed` have these tombstones.
    pub(crate) fn parts(&self, removed: &BTreeMap<usize, Vec<u64>>) -> Vec<Part> {
        let part = |(at, entry): (usize, &SegmentEntry)| {
            let dead = |words: &Vec<u64>| words.iter().map(|word| word.count_ones() as usize).sum::<usize>();
            let live =
                removed.get(&at).map_or(entry.live() as usize, |words| entry.items as usize - dead(words));
            Part { items: entry.items as usize, live, generation: entry.generation() }
        };
        self.manifest.segments.iter().enumerate().map(part).collect()
    }

    fn segment_of(&self, id: u32) -> Option<usize> {
        self.segments.partition_point(|opened| opened.first <= id).checked_sub(1)
    }

    /// The segment of item `id`, and the item's number in it.
    fn locate(&self, id: u32) -> Option<(&Opened, usize)> {
        let opened = &self.segments[self.segment_of(id)?];
        let item = id - opened.first;
        (item < opened.segment.items() && !is_dead(opened.dead(), item)).then_some((opened, item as usize))
    }
}

/// The last commit's MANIFEST and its segments, each opened or the reason why not.
///
/// Between reading the one and opening the others a commit may replace and remove them: then all starts over.
pub(crate) fn open_segments(dir: &Path, access: Access) -> Result<(Manifest, Vec<Result<Opened>>)> {
    let mut manifest = Manifest::read(dir)?;
    for _ in 0..ATTEMPTS {
        let mut first = 0;
        let segments = manifest.segments.iter().map(|entry| {
            let opened = open_entry(dir, &manifest, entry, (access, first));
            first += entry.items; // the manifest's sum was checked
            opened
        });
        let segments = segments.collect();
        let latest = Manifest::read(dir)?;
        if latest == manifest {
            return Ok((manifest, segments));
        }
        manifest = latest;
    }
    let busy = std::io::Error::other("commits follow each other too fast");
    Err(Error::io(&dir.join(NAME), "cannot read", busy))
}

/// Opens one segment of `manifest` and holds it and its tombstones against its entry.
fn open_entry(
    dir: &Path,
    manifest: &Manifest,
    entry: &SegmentEntry,
    (access, first): (Access, u32),
) -> Result<Opened> {
    let path = dir.join(&entry.name);
    let segment = Segment::open(&path, access, entry.bytes)?;
    let shape = segment.header.shape;
    let (expected, got) =
        ((manifest.bits, manifest.latent_size, entry.items), (shape.bits, shape.latent_size, shape.items));
    if expected != got {
        let show = |(bits, latent, items)| format!("{items} items of {bits} bits and {latent} latent values");
        return Err(Fault::new("header", show(expected), show(got)).at(&path));
    }
    let tombstones = match &entry.tombstones {
        None => None,
        Some(named) => {
            let path = dir.join(&named.name);
            let tombstones = Tombstones::open(&path, access, named.bytes)?;
            if tombstones.header.shape != shape {
                let expected = format!("the shape of {}", entry.name);
                return Err(Fault::new("header", expected, "another").at(&path));
            }
            Some(tombstones)
        }
    };
    Ok(Opened {
        first,
        segment,
        tombstones,
        dead_items: entry.items - entry.live(),
        problem: OnceLock::new(),
    })
}
