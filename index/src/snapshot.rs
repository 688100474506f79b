//! A reader's view of one commit: opened in constant time, unchanged while writers go on.

use std::path::Path;

use crate::error::{Error, Result};
use crate::kernels::dot_and_square;
use crate::layout::Fault;
use crate::manifest::{Manifest, NAME};
use crate::search::{Hit, Mode, Ranked, RecallPoint, Search, check};
use crate::segment::{Segment, piece};

/// How often a reader starts over when commits overtake it.
const ATTEMPTS: usize = 16;

/// The items of one commit.
///
/// Ids run from 0 to `len() - 1`. Asking for an item that does not exist, or whose entry is damaged, gives empty slices.
#[derive(Debug)]
pub struct Snapshot {
    manifest: Manifest,
    segments: Vec<(u32, Segment)>, // first id, segment
    items: usize,
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
    /// [`Error::NotFound`], [`Error::Damaged`], [`Error::TooNew`], [`Error::Io`]. Only the frames of the files are
    /// checked; [`verify`](crate::verify()) reads everything.
    pub fn open(dir: &Path) -> Result<Snapshot> {
        let (manifest, segments) = open_segments(dir)?;
        let mut snapshot = Snapshot { bytes: Manifest::bytes(dir), manifest, segments: Vec::new(), items: 0 };
        for segment in segments {
            let segment = segment?;
            let total = snapshot.items + segment.items() as usize;
            if u32::try_from(total).is_err() {
                let fault = Fault::new("record", "fewer than 2^32 items", total);
                return Err(fault.at(&dir.join(NAME)));
            }
            snapshot.bytes += segment.map.len() as u64;
            snapshot.segments.push((snapshot.items as u32, segment));
            snapshot.items = total;
        }
        Ok(snapshot)
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items
    }

    /// True when there are no items.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Width of the codes.
    pub fn bits(&self) -> usize {
        self.manifest.bits as usize
    }

    /// Values per latent; 0 when there are none.
    pub fn latent_size(&self) -> usize {
        self.manifest.latent_size as usize
    }

    /// The bucket size that was asked for when the index was written.
    pub fn bucket_size(&self) -> Option<usize> {
        self.segments.last().map(|(_, segment)| segment.header.shape.bucket_size as usize)
    }

    /// What the writer attached under `name`.
    pub fn attribute(&self, name: &str) -> Option<&[u8]> {
        self.manifest.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// The name of item `id`.
    pub fn name(&self, id: u32) -> &[u8] {
        self.locate(id).map_or(&[], |(segment, at)| {
            let (offsets, bytes) = segment.names();
            piece(offsets, bytes, at)
        })
    }

    /// The payload of item `id`.
    pub fn payload(&self, id: u32) -> &[u8] {
        self.locate(id).map_or(&[], |(segment, at)| {
            let (offsets, bytes) = segment.payloads();
            piece(offsets, bytes, at)
        })
    }

    /// The code of item `id`: `[words(bits)]`.
    pub fn code(&self, id: u32) -> &[u64] {
        let code = || {
            let (segment, at) = self.locate(id)?;
            let code = *segment.item_codes().get(at)? as usize;
            let words = crate::words(self.bits());
            segment.view().codes.get(code * words..(code + 1) * words)
        };
        code().unwrap_or_default()
    }

    /// The latent of item `id`; none when the index keeps none.
    pub fn latent(&self, id: u32) -> Option<Latent<'_>> {
        let (segment, at) = self.locate(id)?;
        let (values, scales) = segment.latents();
        let size = self.latent_size();
        Some(Latent { values: values.get(at * size..(at + 1) * size)?, scale: *scales.get(at)? })
    }

    /// Number of different codes (of each segment, summed).
    pub fn distinct_codes(&self) -> usize {
        self.segments.iter().map(|(_, segment)| segment.header.shape.codes as usize).sum()
    }

    /// Number of segment files.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What calibration measured for 10 neighbours on the largest segment; empty where every search looks at every code.
    pub fn recall_curve(&self) -> &[RecallPoint] {
        let largest = self.segments.iter().max_by_key(|(_, segment)| segment.items());
        let curve = largest.map_or(&[][..], |(_, segment)| &segment.curve);
        let end = curve.iter().take_while(|point| point.k == curve[0].k).count();
        &curve[..end]
    }

    /// The items nearest to `query` `[words(bits)]`, sorted by (distance, id).
    ///
    /// # Errors
    /// [`Error::Input`] when the query is no code of this index, or a recall is not within 0 to 1.
    pub fn search(&self, query: &[u64], search: &Search) -> Result<Vec<Hit>> {
        check(query, search, self.bits())?;
        let search = Search { k: search.k.min(self.items), ..search.clone() };
        let k = search.k;
        let mut hits = Vec::new();
        for (first, segment) in &self.segments {
            let view = segment.view();
            let probes = match search.mode {
                Mode::Exact => None,
                Mode::Recall(recall) => view.plan(&segment.curve, k, recall),
            };
            let found = view.search(query, &search, probes);
            // a damaged id must not become one of another segment's items
            let real = found.into_iter().filter(|hit| hit.id < segment.items());
            hits.extend(real.map(|hit| Hit { id: first + hit.id, ..hit }));
        }
        if self.segments.len() > 1 {
            hits.sort_unstable_by_key(|hit| (hit.distance, hit.id));
            let last = k.checked_sub(1).and_then(|last| hits.get(last)).map(|hit| hit.distance);
            hits.truncate(match last {
                Some(last) if search.ties => hits.partition_point(|hit| hit.distance <= last),
                _ => k,
            });
        }
        Ok(hits)
    }

    /// The best `k` of `hits` by cosine of their latents with `latent` `[latent_size]`, ties by (distance, id).
    ///
    /// Without latents, or with a `latent` of another size, `hits` keep their order and the similarity is that of the
    /// codes read as signs, `1 - 2 * distance / bits`.
    pub fn rerank(&self, latent: &[f32], hits: &[Hit], k: usize) -> Vec<Ranked> {
        let rank = |&Hit { id, distance }: &Hit, similarity| Ranked { id, distance, similarity };
        if self.latent_size() == 0 || latent.len() != self.latent_size() {
            let bits = self.bits() as f32;
            return hits
                .iter()
                .take(k)
                .map(|hit| rank(hit, 1.0 - 2.0 * hit.distance as f32 / bits))
                .collect();
        }
        let (query, length) = quantize_query(latent);
        let similarity = |id| {
            let Some(Latent { values, .. }) = self.latent(id) else { return 0.0 };
            let (dot, square) = dot_and_square(&query, values);
            let lengths = length * (square as f64).sqrt();
            if lengths > 0.0 { (dot as f64 / lengths).clamp(-1.0, 1.0) as f32 } else { 0.0 }
        };
        let mut ranked: Vec<Ranked> = hits.iter().map(|hit| rank(hit, similarity(hit.id))).collect();
        let order = |a: &Ranked, b: &Ranked| {
            b.similarity.total_cmp(&a.similarity).then(a.distance.cmp(&b.distance)).then(a.id.cmp(&b.id))
        };
        if k < ranked.len() {
            ranked.select_nth_unstable_by(k, order);
            ranked.truncate(k);
        }
        ranked.sort_unstable_by(order);
        ranked
    }

    /// The segment of item `id`, and the item's number in it.
    fn locate(&self, id: u32) -> Option<(&Segment, usize)> {
        let at = self.segments.partition_point(|(first, _)| *first <= id).checked_sub(1)?;
        let (first, segment) = &self.segments[at];
        let number = id - first;
        (number < segment.items()).then_some((segment, number as usize))
    }
}

/// The query in 16-bit steps, and its length in them; a cosine does not need the scale.
fn quantize_query(latent: &[f32]) -> (Vec<i16>, f64) {
    let largest = latent.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let steps = if largest > 0.0 { f64::from(i16::MAX) / f64::from(largest) } else { 0.0 };
    let query: Vec<i16> = latent.iter().map(|&value| (f64::from(value) * steps).round() as i16).collect();
    let square: f64 = query.iter().map(|&value| f64::from(value).powi(2)).sum();
    (query, square.sqrt())
}

/// The last commit's MANIFEST and its segments, each opened or the reason why not.
///
/// Between reading the one and opening the others a commit may replace and remove them: then all starts over.
pub(crate) fn open_segments(dir: &Path) -> Result<(Manifest, Vec<Result<Segment>>)> {
    let mut manifest = Manifest::read(dir)?;
    for _ in 0..ATTEMPTS {
        let segments =
            manifest.segments.iter().map(|entry| open_entry(dir, &manifest, &entry.name)).collect();
        let latest = Manifest::read(dir)?;
        if latest == manifest {
            return Ok((manifest, segments));
        }
        manifest = latest;
    }
    let busy = std::io::Error::other("commits follow each other too fast");
    Err(Error::io(&dir.join(NAME), "cannot read", busy))
}

/// Opens one segment of `manifest` and holds it against its entry.
fn open_entry(dir: &Path, manifest: &Manifest, name: &str) -> Result<Segment> {
    let path = dir.join(name);
    let segment = match Segment::open(&path) {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(Fault::new("file", "the segment that MANIFEST names", "none").at(&path));
        }
        opened => opened?,
    };
    let shape = segment.header.shape;
    let got = (shape.bits, shape.latent_size, shape.items, segment.map.len() as u64);
    let entries = manifest.segments.iter().filter(|entry| entry.name == name);
    for entry in entries {
        let expected = (manifest.bits, manifest.latent_size, entry.items, entry.bytes);
        if expected != got {
            let show = |(bits, latent, items, bytes): (u32, u32, u32, u64)| {
                format!("{items} items of {bits} bits and {latent} latent values in {bytes} bytes")
            };
            return Err(Fault::new("header", show(expected), show(got)).at(&path));
        }
    }
    Ok(segment)
}
