//! An open segment: the map, its header, and a checked span per section.
//!
//! Opening touches the header only: checksum, exact length, bounds, alignment and lengths of the sections. What the
//! sections say is read at search time and range-checked there.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::layout::{Fault, Header, Kind, Shape, u32_at};
use crate::map::{Map, Plain, Span};
use crate::search::{RecallPoint, View};

/// Bytes of one recorded [`RecallPoint`].
const POINT: usize = 12;

/// A segment file, mapped.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    pub(crate) curve: Vec<RecallPoint>,
    pub(crate) map: Map,
    spans: Spans,
}

#[derive(Debug)]
struct Spans {
    codes: Span<u64>,
    code_offsets: Span<u32>,
    code_items: Span<u32>,
    item_codes: Span<u32>,
    name_offsets: Span<u64>,
    names: Span<u8>,
    payload_offsets: Span<u64>,
    payloads: Span<u8>,
    latents: Span<i8>,
    latent_scales: Span<f32>,
    buckets: Span<u32>,
    representatives: Span<u64>,
    graph_layers: Span<u32>,
    graph_offsets: Span<u32>,
    graph_edges: Span<u32>,
}

impl Segment {
    /// Maps the segment file at `path` and checks its frame.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, "cannot open", error))?;
        let length = file.metadata().map_err(|error| Error::io(path, "cannot read", error))?.len();
        if length == 0 {
            return Err(Fault::new("header", "a segment", "an empty file").at(path));
        }
        let map = Map::new(&file).map_err(|error| Error::io(path, "cannot map", error))?;
        Self::read(path, map).map_err(|fault| fault.at(path))
    }

    fn read(path: &Path, map: Map) -> Result<Self, Fault> {
        let header = Header::parse(&map)?;
        check_shape(&header.shape)?;
        let Shape { bits, latent_size, items, codes, buckets, .. } = header.shape;
        let words = crate::words(bits as usize) as u64;
        let (items, codes, buckets) = (u64::from(items), u64::from(codes), u64::from(buckets));
        let latents = if latent_size == 0 { 0 } else { items };
        let spans = Spans {
            codes: span(&map, &header, Kind::Codes, Some(codes * words))?,
            code_offsets: span(&map, &header, Kind::CodeOffsets, Some(codes + 1))?,
            code_items: span(&map, &header, Kind::CodeItems, Some(items))?,
            item_codes: span(&map, &header, Kind::ItemCodes, Some(items))?,
            name_offsets: span(&map, &header, Kind::NameOffsets, Some(items + 1))?,
            names: span(&map, &header, Kind::Names, None)?,
            payload_offsets: span(&map, &header, Kind::PayloadOffsets, Some(items + 1))?,
            payloads: span(&map, &header, Kind::Payloads, None)?,
            latents: span(&map, &header, Kind::Latents, Some(items * u64::from(latent_size)))?,
            latent_scales: span(&map, &header, Kind::LatentScales, Some(latents))?,
            buckets: span(&map, &header, Kind::Buckets, Some(buckets + 1))?,
            representatives: span(&map, &header, Kind::Representatives, Some(buckets * words))?,
            graph_layers: span(&map, &header, Kind::GraphLayers, None)?,
            graph_offsets: span(&map, &header, Kind::GraphOffsets, None)?,
            graph_edges: span(&map, &header, Kind::GraphEdges, None)?,
        };
        let curve = map.get(&span::<u8>(&map, &header, Kind::Calibration, None)?);
        let curve = curve.chunks_exact(POINT).map(decode_point).collect();
        Ok(Segment { path: path.to_path_buf(), header, curve, map, spans })
    }

    /// The arrays that a search reads.
    pub(crate) fn view(&self) -> View<'_> {
        View {
            words: crate::words(self.header.shape.bits as usize),
            codes: self.map.get(&self.spans.codes),
            code_offsets: self.map.get(&self.spans.code_offsets),
            code_items: self.map.get(&self.spans.code_items),
            buckets: self.map.get(&self.spans.buckets),
            graph: Graph {
                layers: self.map.get(&self.spans.graph_layers),
                offsets: self.map.get(&self.spans.graph_offsets),
                edges: self.map.get(&self.spans.graph_edges),
                representatives: self.map.get(&self.spans.representatives),
            },
        }
    }

    pub(crate) fn items(&self) -> u32 {
        self.header.shape.items
    }

    /// `[items]`, position of each item's code.
    pub(crate) fn item_codes(&self) -> &[u32] {
        self.map.get(&self.spans.item_codes)
    }

    /// `[items + 1]` offsets and the bytes they cut.
    pub(crate) fn names(&self) -> (&[u64], &[u8]) {
        (self.map.get(&self.spans.name_offsets), self.map.get(&self.spans.names))
    }

    /// `[items + 1]` offsets and the bytes they cut.
    pub(crate) fn payloads(&self) -> (&[u64], &[u8]) {
        (self.map.get(&self.spans.payload_offsets), self.map.get(&self.spans.payloads))
    }

    /// `[items, latent_size]`, and the scale of each item; both empty without latents.
    pub(crate) fn latents(&self) -> (&[i8], &[f32]) {
        (self.map.get(&self.spans.latents), self.map.get(&self.spans.latent_scales))
    }
}

/// Piece `i` of `bytes` as cut by `offsets`; empty where the offsets do not say.
pub(crate) fn piece<'a>(offsets: &[u64], bytes: &'a [u8], i: usize) -> &'a [u8] {
    match offsets.get(i..i.saturating_add(2)) {
        Some(&[start, end]) => {
            let (start, end) = (usize::try_from(start), usize::try_from(end));
            start.ok().zip(end.ok()).and_then(|(start, end)| bytes.get(start..end)).unwrap_or_default()
        }
        _ => &[],
    }
}

/// The recorded form of a curve.
pub(crate) fn encode_curve(curve: &[RecallPoint]) -> Vec<u8> {
    curve
        .iter()
        .flat_map(|point| [point.k.to_le_bytes(), point.probes.to_le_bytes(), point.recall.to_le_bytes()])
        .flatten()
        .collect()
}

fn decode_point(bytes: &[u8]) -> RecallPoint {
    RecallPoint { k: u32_at(bytes, 0), probes: u32_at(bytes, 4), recall: f32::from_bits(u32_at(bytes, 8)) }
}

fn check_shape(shape: &Shape) -> Result<(), Fault> {
    let (low, high) = (*crate::BITS.start(), *crate::BITS.end());
    if !crate::BITS.contains(&(shape.bits as usize)) {
        return Err(Fault::new("header", format!("{low} to {high} bits"), shape.bits));
    }
    if shape.codes > shape.items || shape.buckets > shape.codes {
        let got = format!("{} codes, {} buckets", shape.codes, shape.buckets);
        return Err(Fault::new("header", format!("no more than {} codes and buckets", shape.items), got));
    }
    Ok(())
}

/// The span of the one section of `kind`, of `count` values where the header fixes it.
fn span<T: Plain>(map: &Map, header: &Header, kind: Kind, count: Option<u64>) -> Result<Span<T>, Fault> {
    let mut sections = header.sections.iter().filter(|section| section.kind == kind as u32);
    let (Some(section), None) = (sections.next(), sections.next()) else {
        return Err(Fault::new(kind.name(), "one such section", "none or several"));
    };
    let size = size_of::<T>() as u64;
    if let Some(count) = count
        && count.checked_mul(size) != Some(section.length)
    {
        return Err(Fault::new(
            kind.name(),
            format!("{count} values of {size} bytes"),
            format!("{} bytes", section.length),
        ));
    }
    map.span(section.offset, section.length).ok_or_else(|| {
        let got = format!("{} bytes at {}", section.length, section.offset);
        Fault::new(kind.name(), format!("aligned values of {size} bytes inside {} bytes", map.len()), got)
    })
}
