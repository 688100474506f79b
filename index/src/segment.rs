//! An open segment: the map, its header, and a checked span per section.
//!
//! Opening touches the header, and the ends of what must rise: checksum, exact length, bounds, alignment and lengths of
//! the sections. The rest of their contents is read at search time and range-checked there.

use std::path::{Path, PathBuf};

use crate::code::{BITS, MAX_SIZE, words};
use crate::columns::Stored;
use crate::curve::{self, RecallPoint};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::layout::{Fault, Header, ITEMS_PER_CODE, Kind, SEGMENT_MAGIC, Shape};
use crate::map::{Access, Map, Plain, Span};
use crate::pieces::Pieces;
use crate::view::View;

/// An open segment file.
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
    buckets: Span<u32>,
    representatives: Span<u64>,
    graph_layers: Span<u32>,
    graph_offsets: Span<u32>,
    graph_edges: Span<u32>,
    names: Pieces,
    payloads: Pieces,
    latents: Span<i8>,
    latent_scales: Span<f32>,
    columns: Span<u8>, // checked when it was opened; empty without columns
}

impl Segment {
    /// Opens the segment file at `path`, of `bytes` bytes, and checks its frame.
    pub(crate) fn open(path: &Path, access: Access, bytes: u64) -> Result<Self> {
        let map = open_map(path, access, bytes)?;
        Self::read(path, map).map_err(|fault| fault.at(path))
    }

    fn read(path: &Path, map: Map) -> Result<Self, Fault> {
        let header = Header::parse(&map, SEGMENT_MAGIC)?;
        check_shape(&header)?;
        let Shape { bits, latent_size, items, codes, buckets, .. } = header.shape;
        let words = words(bits as usize) as u64;
        let (items, codes, buckets) = (u64::from(items), u64::from(codes), u64::from(buckets));
        let pieces = |offsets, bytes| {
            if absent(&header, offsets) && absent(&header, bytes) {
                return Ok(Pieces::none());
            }
            let spans = (span(&map, &header, offsets, Some(items + 1))?, span(&map, &header, bytes, None)?);
            Pieces::new(&map, offsets, spans.0, spans.1)
        };
        let has_latents = latent_size > 0;
        let spans = Spans {
            codes: span(&map, &header, Kind::Codes, Some(codes * words))?,
            code_offsets: span(&map, &header, Kind::CodeOffsets, Some(codes + 1))?,
            buckets: span(&map, &header, Kind::Buckets, Some(buckets + 1))?,
            representatives: span(&map, &header, Kind::Representatives, Some(buckets * words))?,
            graph_layers: span(&map, &header, Kind::GraphLayers, None)?,
            graph_offsets: span(&map, &header, Kind::GraphOffsets, None)?,
            graph_edges: span(&map, &header, Kind::GraphEdges, None)?,
            names: pieces(Kind::NameOffsets, Kind::Names)?,
            payloads: pieces(Kind::PayloadOffsets, Kind::Payloads)?,
            latents: match has_latents {
                true => span(&map, &header, Kind::Latents, Some(items * u64::from(latent_size)))?,
                false => Span::empty(),
            },
            latent_scales: match has_latents {
                true => span(&map, &header, Kind::LatentScales, Some(items))?,
                false => Span::empty(),
            },
            columns: match absent(&header, Kind::Columns) {
                true => Span::empty(),
                false => span(&map, &header, Kind::Columns, None)?,
            },
        };
        check_ends(Kind::CodeOffsets, map.get(&spans.code_offsets), items)?;
        check_ends(Kind::Buckets, map.get(&spans.buckets), codes)?;
        if !absent(&header, Kind::Columns) {
            Stored::of(map.get(&spans.columns), header.shape.items)?;
        }
        let curve = curve::decode(map.get(&span(&map, &header, Kind::Calibration, None)?))?;
        Ok(Segment { path: path.to_path_buf(), header, curve, map, spans })
    }

    /// The arrays that a search reads; `dead` are the tombstones of its items.
    pub(crate) fn view<'a>(&'a self, dead: &'a [u64]) -> View<'a> {
        View {
            words: words(self.header.shape.bits as usize),
            items: self.items(),
            codes: self.map.get(&self.spans.codes),
            code_offsets: self.map.get(&self.spans.code_offsets),
            dead,
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

    /// `[items + 1]` offsets into the bytes of the names; both empty if all names are.
    pub(crate) fn names(&self) -> (&[u64], &[u8]) {
        self.spans.names.all(&self.map)
    }

    /// `[items + 1]` offsets into the bytes of the payloads; both empty if all payloads are.
    pub(crate) fn payloads(&self) -> (&[u64], &[u8]) {
        self.spans.payloads.all(&self.map)
    }

    /// The name of an item; empty if its offsets are damaged.
    pub(crate) fn name(&self, item: usize) -> &[u8] {
        self.spans.names.get(&self.map, item)
    }

    /// The payload of an item; empty if its offsets are damaged.
    pub(crate) fn payload(&self, item: usize) -> &[u8] {
        self.spans.payloads.get(&self.map, item)
    }

    /// The columns of the items.
    pub(crate) fn columns(&self) -> Stored<'_> {
        Stored::of(self.columns_section(), self.items()).unwrap_or_default()
    }

    pub(crate) fn columns_section(&self) -> &[u8] {
        self.map.get(&self.spans.columns)
    }

    /// `[items, latent_size]`, and the scale of each item; both empty without latents.
    pub(crate) fn latents(&self) -> (&[i8], &[f32]) {
        (self.map.get(&self.spans.latents), self.map.get(&self.spans.latent_scales))
    }
}

/// The bytes of the file at `path`, which must be of the length that MANIFEST says.
pub(crate) fn open_map(path: &Path, access: Access, bytes: u64) -> Result<Map> {
    Map::open(path, access, Some(bytes)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::new("file", "what MANIFEST names", "none").at(path),
        std::io::ErrorKind::InvalidData => Fault::new("file", format!("{bytes} bytes"), error).at(path),
        _ => Error::io(path, "cannot read", error),
    })
}

/// Refuses offsets that do not begin with 0 or end with `end`; those between are looked at as they are used.
fn check_ends(kind: Kind, offsets: &[u32], end: u64) -> Result<(), Fault> {
    let [first, last] = [offsets.first(), offsets.last()].map(|end| end.copied().map(u64::from));
    if (first, last) == (Some(0), Some(end)) {
        return Ok(());
    }
    let got = format!("{} to {}", first.unwrap_or_default(), last.unwrap_or_default());
    Err(Fault::new(kind.name(), format!("offsets from 0 to {end}"), got))
}

fn check_shape(header: &Header) -> Result<(), Fault> {
    let shape = &header.shape;
    let (low, high) = (*BITS.start(), *BITS.end());
    if !BITS.contains(&(shape.bits as usize)) {
        return Err(Fault::new("header", format!("{low} to {high} bits"), shape.bits));
    }
    if shape.codes > shape.items || shape.buckets > shape.codes {
        let got = format!("{} codes, {} buckets", shape.codes, shape.buckets);
        return Err(Fault::new("header", format!("no more than {} codes and buckets", shape.items), got));
    }
    let (latent, bucket) = (shape.latent_size as usize, shape.bucket_size as usize);
    if latent > MAX_SIZE || bucket > MAX_SIZE {
        let got = format!("latents of {latent} values, buckets of {bucket} codes");
        return Err(Fault::new("header", format!("at most {} of each", MAX_SIZE), got));
    }
    // else a few bytes could claim billions of items
    let counted = latent > 0 || !absent(header, Kind::NameOffsets) || !absent(header, Kind::PayloadOffsets);
    let most = u64::from(shape.codes) * ITEMS_PER_CODE;
    if !counted && u64::from(shape.items) > most {
        return Err(Fault::new("header", format!("at most {most} items without name offsets"), shape.items));
    }
    Ok(())
}

/// True when there is no section of `kind`.
fn absent(header: &Header, kind: Kind) -> bool {
    !header.sections.iter().any(|section| section.kind == kind as u32)
}

/// The span of the one section of `kind`, of `count` values where the header fixes it.
pub(crate) fn span<T: Plain>(
    map: &Map,
    header: &Header,
    kind: Kind,
    count: Option<u64>,
) -> Result<Span<T>, Fault> {
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
