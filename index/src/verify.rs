//! The full check: every byte of every file, and that the arrays are consistent.
//!
//! Each byte is covered: the head's checksum covers MANIFEST, header and section table; a section's checksum
//! covers the section; what lies between sections must be zero. Nothing is repaired and nothing is changed.

use std::path::{Path, PathBuf};

use crate::code::{is_code, is_scale};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::layout::{Header, Kind, section_name};
use crate::manifest::{NAME, SegmentEntry};
use crate::map::Access;
use crate::opened::{Opened, open_segments};
use crate::pieces::piece;
use crate::segment::Segment;
use crate::tombstones::{Tombstones, is_dead};

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// The section of the file.
    pub section: String,
    /// Where in the file, in bytes from its start: the wrong entry, or the start of the wrong section.
    pub offset: u64,
    /// What was expected and what was found.
    pub detail: String,
}

/// Reads the whole index at `dir` and lists what is wrong with it; for a sound index the list is empty.
///
/// ```
/// use aesearch_index::{SegmentBuilder, Settings, Writer, repair, verify};
///
/// # let dir = tempfile::tempdir()?;
/// let mut builder = SegmentBuilder::new(&Settings::default())?;
/// builder.push_codes(&[1, 2, 3])?;
/// Writer::lock(dir.path())?.commit(builder, &[])?;
/// assert!(verify(dir.path())?.is_empty());
///
/// let segment = dir.path().join("0000000000000001.seg");
/// # let flipped = |mut bytes: Vec<u8>| { bytes[500] ^= 1; bytes };
/// std::fs::write(&segment, flipped(std::fs::read(&segment)?))?; // damaged by whatever it may be
/// let problems = verify(dir.path())?;
/// assert_eq!(problems[0].path, segment);
///
/// let dropped = repair(dir.path())?;
/// assert_eq!((dropped.len(), dropped[0].items), (1, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::NotFound`], and [`Error::Io`] if a file cannot be read at all.
pub fn verify(dir: impl AsRef<Path>) -> Result<Vec<Problem>> {
    verify_with(dir, Access::Map)
}

/// As [`verify`], with the files mapped or read.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(dir: impl AsRef<Path>, access: Access) -> Result<Vec<Problem>> {
    let dir = dir.as_ref();
    let mut problems = Vec::new();
    match open_segments(dir, access) {
        Err(error) => problems.push(problem(error, &dir.join(NAME))?),
        Ok((manifest, segments)) => {
            for (entry, opened) in manifest.segments.iter().zip(segments) {
                match opened {
                    Err(error) => problems.push(problem(error, &dir.join(&entry.name))?),
                    Ok(opened) => check(entry, &opened, &mut problems),
                }
            }
        }
    }
    Ok(problems)
}

/// Damage is a finding; a file that cannot be read is an error.
fn problem(error: Error, path: &Path) -> Result<Problem> {
    let at = |path: PathBuf, section: &str, detail| Problem {
        path,
        section: section.to_string(),
        offset: 0,
        detail,
    };
    match error {
        Error::Damaged { path, section, expected, got, .. } => {
            Ok(at(path, &section, format!("expected {expected}, got {got}")))
        }
        Error::TooNew { path, got, supported } | Error::TooOld { path, got, supported } => {
            Ok(at(path, "header", format!("expected format {supported}, got {got}")))
        }
        Error::Input { what, expected, got } => {
            Ok(at(path.to_path_buf(), "header", format!("{what}: expected {expected}, got {got}")))
        }
        other => Err(other),
    }
}

/// What is wrong with a segment or its tombstones, if anything: the file, and the part of it.
pub(crate) fn first_problem(entry: &SegmentEntry, opened: &Opened) -> Option<(PathBuf, String)> {
    let mut problems = Vec::new();
    check(entry, opened, &mut problems);
    problems.into_iter().next().map(|Problem { path, section, .. }| (path, section))
}

fn check(entry: &SegmentEntry, opened: &Opened, problems: &mut Vec<Problem>) {
    let segment = &opened.segment;
    check_file(&segment.path, &segment.map, &segment.header, || meanings(segment), problems);
    if let (Some(tombstones), Some(named)) = (&opened.tombstones, &entry.tombstones) {
        let wrong = || dead_are_items(tombstones.words(), entry.items, named.dead);
        let path = segment.path.with_file_name(&named.name);
        check_file(&path, &tombstones.map, &tombstones.header, wrong, problems);
    }
}

/// A fault in a section: the section, its offset there in bytes, and what is wrong.
type Wrong = (Kind, u64, String);

/// Checksums first: the arrays are checked only if their bytes are those that were written.
fn check_file(
    path: &Path,
    file: &[u8],
    header: &Header,
    meanings: impl FnOnce() -> Vec<Wrong>,
    problems: &mut Vec<Problem>,
) {
    let mut report = |section: String, offset: u64, detail: String| {
        problems.push(Problem { path: path.to_path_buf(), section, offset, detail });
    };
    let damaged = damaged_bytes(file, header);
    if damaged.is_empty() {
        for (kind, before, detail) in meanings() {
            let section = header.sections.iter().find(|section| section.kind == kind as u32);
            report(kind.name().to_string(), section.map_or(0, |section| section.offset) + before, detail);
        }
    }
    damaged.into_iter().for_each(|(section, offset, detail)| report(section, offset, detail));
}

/// Sections with a wrong checksum, and padding that is not zero or overlaps: (section, offset, detail).
fn damaged_bytes(file: &[u8], header: &Header) -> Vec<(String, u64, String)> {
    let mut found = Vec::new();
    let mut sections = header.sections.clone();
    sections.sort_by_key(|section| (section.offset, section.length));
    let mut end = header.length;
    for section in sections {
        let name = section_name(section.kind);
        let start = usize::try_from(section.offset).unwrap_or(usize::MAX);
        let stop = start.saturating_add(usize::try_from(section.length).unwrap_or(usize::MAX));
        let (Some(gap), Some(bytes)) = (file.get(end..start), file.get(start..stop)) else {
            let detail = format!("expected to lie between {end} and {}, got {start}..{stop}", file.len());
            found.push((name, section.offset, detail));
            continue;
        };
        let got = crc32fast::hash(bytes);
        if got != section.checksum {
            let detail = format!("expected checksum {:08x}, got {got:08x}", section.checksum);
            found.push((name.clone(), section.offset, detail));
        }
        if let Some(at) = gap.iter().position(|&byte| byte != 0) {
            let detail = "expected zeros, got other bytes".to_string();
            found.push((format!("padding before {name}"), (end + at) as u64, detail));
        }
        end = stop;
    }
    if end != file.len() {
        let detail = format!("expected to end at {end}, got {} bytes", file.len());
        found.push(("file".to_string(), end as u64, detail));
    }
    found
}

/// What is inconsistent in the arrays of a segment whose checksums are right.
fn meanings(segment: &Segment) -> Vec<Wrong> {
    let view = segment.view(&[]);
    let shape = segment.header.shape;
    let (bits, width) = (shape.bits as usize, view.words * 8);
    let (name_offsets, names) = segment.names();
    let (payload_offsets, payloads) = segment.payloads();
    let (_, scales) = segment.latents();
    let graph = &view.graph;
    let wide = |kind: Kind, codes: &[u64]| {
        let at = codes.chunks_exact(view.words).position(|code| !is_code(code, bits))?;
        Some((kind, (at * width) as u64, format!("expected {bits} bits, got more in code {at}")))
    };
    let u32s = |kind: Kind, offsets: &[u32], end: usize| {
        rising(offsets.iter().map(|&offset| u64::from(offset)), end)
            .map(|(at, detail)| (kind, at * 4, detail))
    };
    let u64s = |kind: Kind, offsets: &[u64], end: usize| {
        let wrong = || rising(offsets.iter().copied(), end).map(|(at, detail)| (kind, at * 8, detail));
        if offsets.is_empty() && end == 0 { None } else { wrong() }
    };
    let no_items = view.code_offsets.windows(2).position(|pair| pair[0] == pair[1]);
    let scale = scales.iter().position(|&scale| !is_scale(scale));
    let probes = 1..=shape.buckets;
    let point = segment.curve.iter().position(|point| !probes.contains(&point.probes));
    let layers = u32s(Kind::GraphLayers, graph.layers, graph.offsets.len().saturating_sub(1));
    let offsets = u32s(Kind::GraphOffsets, graph.offsets, graph.edges.len());
    // overlapping lists could take forever to walk
    let edges =
        if layers.is_none() && offsets.is_none() { check_edges(graph, view.n_buckets()) } else { None };
    let all = [
        wide(Kind::Codes, view.codes),
        u32s(Kind::CodeOffsets, view.code_offsets, shape.items as usize),
        no_items.map(|at| {
            (Kind::CodeOffsets, at as u64 * 4, format!("expected items under code {at}, got none"))
        }),
        u32s(Kind::Buckets, view.buckets, view.n_codes()),
        wide(Kind::Representatives, graph.representatives),
        layers,
        offsets,
        edges.map(|detail| (Kind::GraphEdges, 0, detail)),
        point.map(|at| {
            let detail = format!("expected 1 to {} probes, got {:?}", shape.buckets, segment.curve[at]);
            (Kind::Calibration, at as u64 * 20, detail)
        }),
        u64s(Kind::NameOffsets, name_offsets, names.len()),
        u64s(Kind::PayloadOffsets, payload_offsets, payloads.len()),
        scale.map(|at| {
            (Kind::LatentScales, at as u64 * 4, format!("expected finite scales, got {}", scales[at]))
        }),
        segment.columns().problem(segment.columns_section()).map(|(at, detail)| (Kind::Columns, at, detail)),
    ];
    all.into_iter().flatten().collect()
}

/// The first of some offsets that does not rise from 0 to `end`, and what is wrong.
fn rising(offsets: impl Iterator<Item = u64> + Clone, end: usize) -> Option<(u64, String)> {
    let falls = offsets.clone().zip(offsets.clone().skip(1)).position(|(a, b)| a > b);
    let (first, last) = (offsets.clone().next(), offsets.clone().last());
    if falls.is_none() && first == Some(0) && last == Some(end as u64) {
        return None;
    }
    let at = falls
        .map_or_else(|| if first == Some(0) { offsets.count().saturating_sub(1) } else { 0 }, |at| at + 1);
    Some((at as u64, format!("expected offsets that rise from 0 to {end}, got {first:?} to {last:?}")))
}

/// What is wrong with the tombstones of a segment of `items` items, `dead` of which should have one.
fn dead_are_items(words: &[u64], items: u32, dead: u32) -> Vec<Wrong> {
    let set: u64 = words.iter().map(|word| u64::from(word.count_ones())).sum();
    let beyond = words.last().is_some_and(|last| !items.is_multiple_of(64) && last >> (items % 64) != 0);
    let wrong = |detail| (Kind::Tombstones, 0, detail);
    let mut found = Vec::new();
    if set != u64::from(dead) {
        found.push(wrong(format!("expected {dead} dead items, got {set}")));
    }
    if beyond {
        found.push(wrong(format!("expected bits for {items} items, got more")));
    }
    found
}

/// The names of the live items of a segment, or of all items if its tombstones are damaged; nothing if the
/// names are damaged.
pub(crate) fn readable_names(opened: &Opened) -> Option<Vec<Vec<u8>>> {
    let segment = &opened.segment;
    let of_names = [Kind::NameOffsets.name(), Kind::Names.name(), Kind::Tombstones.name()];
    let damaged = |file: &[u8], header: &Header| {
        damaged_bytes(file, header).iter().any(|(section, _, _)| of_names.contains(&section.as_str()))
    };
    let sound = |tombstones: &&Tombstones| !damaged(&tombstones.map, &tombstones.header);
    let tombstones = opened.tombstones.as_ref().filter(sound);
    let (offsets, bytes) = segment.names();
    if damaged(&segment.map, &segment.header) || offsets.is_empty() || !offsets.is_sorted()
    // overlapping names could take any amount of memory
    {
        return None;
    }
    let dead = tombstones.map_or(&[][..], |tombstones| tombstones.words());
    let live = (0..segment.items()).filter(|&item| !is_dead(dead, item));
    Some(live.map(|item| piece(offsets, bytes, item as usize).to_vec()).collect())
}

/// Checks that edges stay inside their layer and the entry reaches every node.
fn check_edges(graph: &Graph<'_>, nodes: usize) -> Option<String> {
    let sizes: Vec<usize> =
        graph.layers.windows(2).map(|pair| pair[1].saturating_sub(pair[0]) as usize).collect();
    if sizes.first().copied().unwrap_or_default() != nodes || !sizes.is_sorted_by(|a, b| a >= b) {
        return Some(format!("expected layers that shrink from {nodes} nodes, got {sizes:?}"));
    }
    for (layer, &size) in sizes.iter().enumerate() {
        for node in 0..size as u32 {
            if let Some(edge) = graph.neighbours(layer, node).iter().find(|edge| **edge as usize >= size) {
                return Some(format!("expected nodes below {size} on layer {layer}, got {edge}"));
            }
        }
    }
    let mut reached = vec![false; nodes];
    let mut waiting: Vec<u32> = (0..nodes.min(1) as u32).collect();
    reached.iter_mut().take(1).for_each(|entry| *entry = true);
    let mut count = 0;
    while let Some(node) = waiting.pop() {
        count += 1;
        for &next in graph.neighbours(0, node) {
            if !std::mem::replace(&mut reached[next as usize], true) {
                waiting.push(next);
            }
        }
    }
    (count != nodes).then(|| format!("expected {nodes} nodes within reach, got {count}"))
}
