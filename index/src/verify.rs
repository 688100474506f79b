//! The full check: every byte of every file, and that the arrays mean what the format says.
//!
//! Each byte is covered: the head's checksum covers MANIFEST, header and section table; a section's checksum covers the
//! section; what lies between sections must be zero. Nothing is repaired and nothing is changed.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::is_code;
use crate::layout::{Kind, section_name};
use crate::manifest::NAME;
use crate::search::View;
use crate::segment::Segment;
use crate::snapshot::open_segments;

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// The part of it.
    pub section: String,
    /// What was expected and what was found.
    pub detail: String,
}

/// Reads the whole index at `dir` and lists what is wrong with it; an empty list is a sound index.
///
/// # Errors
/// [`Error::NotFound`], and [`Error::Io`] where a file cannot be read at all.
pub fn verify(dir: &Path) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    match open_segments(dir) {
        Err(error) => problems.push(problem(error, &dir.join(NAME))?),
        Ok((manifest, segments)) => {
            for (entry, segment) in manifest.segments.iter().zip(segments) {
                match segment {
                    Err(error) => problems.push(problem(error, &dir.join(&entry.name))?),
                    Ok(segment) => check_segment(&segment, &mut problems),
                }
            }
        }
    }
    Ok(problems)
}

/// What is wrong with a file is a finding; that it cannot be read is an error.
fn problem(error: Error, path: &Path) -> Result<Problem> {
    match error {
        Error::Damaged { path, section, expected, got, .. } => {
            Ok(Problem { path, section, detail: format!("expected {expected}, got {got}") })
        }
        Error::TooNew { path, got, supported } => {
            let detail = format!("expected format {supported} or older, got {got}");
            Ok(Problem { path, section: "header".to_string(), detail })
        }
        Error::Input { what, expected, got } => {
            let detail = format!("{what}: expected {expected}, got {got}");
            Ok(Problem { path: path.to_path_buf(), section: "header".to_string(), detail })
        }
        other => Err(other),
    }
}

fn check_segment(segment: &Segment, problems: &mut Vec<Problem>) {
    let mut report = |section: String, detail: String| {
        problems.push(Problem { path: segment.path.clone(), section, detail });
    };
    let mut sound = true;
    for (section, detail) in damaged_bytes(segment) {
        sound = false;
        report(section, detail);
    }
    // what the arrays say is only worth reporting when they are what was written
    if sound {
        for (kind, wrong) in meanings(segment) {
            if let Some(detail) = wrong {
                report(kind.name().to_string(), detail);
            }
        }
    }
}

/// Sections whose checksum is wrong, and gaps that are not zero or not gaps: (section, detail).
fn damaged_bytes(segment: &Segment) -> Vec<(String, String)> {
    let file: &[u8] = &segment.map;
    let mut found = Vec::new();
    let mut sections = segment.header.sections.clone();
    sections.sort_by_key(|section| (section.offset, section.length));
    let mut end = segment.header.length;
    for section in sections {
        let name = section_name(section.kind);
        let start = usize::try_from(section.offset).unwrap_or(usize::MAX);
        let stop = start.saturating_add(usize::try_from(section.length).unwrap_or(usize::MAX));
        let (Some(gap), Some(bytes)) = (file.get(end..start), file.get(start..stop)) else {
            found.push((
                name,
                format!("expected to lie between {end} and {}, got {start}..{stop}", file.len()),
            ));
            continue;
        };
        let got = crc32fast::hash(bytes);
        if got != section.checksum {
            found.push((name.clone(), format!("expected checksum {:08x}, got {got:08x}", section.checksum)));
        }
        if gap.iter().any(|&byte| byte != 0) {
            found.push((format!("padding before {name}"), "expected zeros, got other bytes".to_string()));
        }
        end = stop;
    }
    if end != file.len() {
        found.push(("file".to_string(), format!("expected to end at {end}, got {} bytes", file.len())));
    }
    found
}

/// Each section's meaning: what is wrong with it, if anything.
fn meanings(segment: &Segment) -> Vec<(Kind, Option<String>)> {
    let view = segment.view();
    let shape = segment.header.shape;
    let items = shape.items as usize;
    let (name_offsets, names) = segment.names();
    let (payload_offsets, payloads) = segment.payloads();
    let (_, scales) = segment.latents();
    let bits = shape.bits as usize;
    let wide = view.codes.chunks_exact(view.words).position(|code| !is_code(code, bits));
    let stray = view.graph.representatives.chunks_exact(view.words).position(|code| !is_code(code, bits));
    let scale = scales.iter().position(|scale| !(scale.is_finite() && *scale >= 0.0));
    let point =
        segment.curve.iter().position(|point| !point.recall.is_finite() || point.probes > shape.buckets);
    let offsets = |offsets: &[u32], end: usize| rising(offsets.iter().map(|&offset| u64::from(offset)), end);
    vec![
        (Kind::Codes, wide.map(|at| format!("expected {bits} bits, got more in code {at}"))),
        (Kind::CodeOffsets, offsets(view.code_offsets, items)),
        (Kind::CodeItems, check_items(&view, segment.item_codes())),
        (Kind::NameOffsets, rising(name_offsets.iter().copied(), names.len())),
        (Kind::PayloadOffsets, rising(payload_offsets.iter().copied(), payloads.len())),
        (Kind::LatentScales, scale.map(|at| format!("expected finite scales, got {}", scales[at]))),
        (Kind::Buckets, offsets(view.buckets, view.n_codes())),
        (Kind::Representatives, stray.map(|at| format!("expected {bits} bits, got more in bucket {at}"))),
        (Kind::GraphLayers, offsets(view.graph.layers, view.graph.offsets.len().saturating_sub(1))),
        (Kind::GraphOffsets, offsets(view.graph.offsets, view.graph.edges.len())),
        (Kind::GraphEdges, check_edges(&view.graph, view.n_buckets())),
        (Kind::Calibration, point.map(|at| format!("expected a share, got {:?}", segment.curve[at]))),
    ]
}

/// What is wrong with offsets that should rise from 0 to `end`.
fn rising(offsets: impl Iterator<Item = u64> + Clone, end: usize) -> Option<String> {
    let falls = offsets.clone().zip(offsets.clone().skip(1)).any(|(a, b)| a > b);
    let (first, last) = (offsets.clone().next(), offsets.last());
    let sound = !falls && first == Some(0) && last == Some(end as u64);
    (!sound).then(|| format!("expected offsets that rise from 0 to {end}, got {first:?} to {last:?}"))
}

/// Every item must be listed, ascending, under the one code it names.
fn check_items(view: &View<'_>, item_codes: &[u32]) -> Option<String> {
    let mut listed = 0;
    for code in 0..view.n_codes() {
        let offsets: Vec<u64> =
            view.code_offsets[code..code + 2].iter().map(|&offset| offset.into()).collect();
        let (start, end) = (offsets[0] as usize, offsets[1] as usize);
        let items = view.code_items.get(start..end).unwrap_or_default();
        if items.is_empty() || !items.is_sorted_by(|a, b| a < b) {
            return Some(format!("expected ascending items under code {code}, got {items:?}"));
        }
        for &item in items {
            if item_codes.get(item as usize) != Some(&(code as u32)) {
                return Some(format!("expected item {item} under its own code, got it under code {code}"));
            }
        }
        listed += items.len();
    }
    (listed != item_codes.len())
        .then(|| format!("expected {} items under the codes, got {listed}", item_codes.len()))
}

/// Edges must stay inside their layer, and the entry must reach every node.
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
