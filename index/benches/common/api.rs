//! Every call of the crate that the benchmarks measure, in one place.
//!
//! When the crate's interface changes, this is the file to change.

use std::error::Error;
use std::fs;
use std::path::Path;

use aesearch_index::{
    Hit, Isa, Item, Mode, Pair, Search, SegmentBuilder, Settings, Snapshot, Writer, use_isa,
};

use crate::common::codes::{K, PairSet};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A builder of codes only: no names, payloads or latents.
pub(crate) fn builder(bits: usize, bucket_size: Option<usize>) -> Result<SegmentBuilder> {
    Ok(SegmentBuilder::new(&Settings { bits, bucket_size, ..Settings::default() })?)
}

/// Adds codes `[n, words]`.
pub(crate) fn push(builder: &mut SegmentBuilder, codes: &[u64], words: usize) -> Result<()> {
    for code in codes.chunks_exact(words) {
        builder.push(Item { name: &[], payload: &[], code, latent: &[] })?;
    }
    Ok(())
}

/// Arranges, calibrates, writes and syncs.
pub(crate) fn commit(builder: SegmentBuilder, dir: &Path) -> Result<()> {
    Ok(Writer::lock(dir)?.replace(builder)?)
}

pub(crate) fn open(dir: &Path) -> Result<Snapshot> {
    Ok(Snapshot::open(dir)?)
}

/// The `K` nearest; without a `recall`, by a scan of every code.
pub(crate) fn wanted(recall: Option<f32>) -> Search {
    Search { k: K, mode: recall.map_or(Mode::Exact, Mode::Recall), ..Search::default() }
}

/// One query `[words]`.
pub(crate) fn search(snapshot: &Snapshot, query: &[u64], wanted: &Search) -> Result<Vec<Hit>> {
    Ok(snapshot.search(query, wanted)?)
}

/// The `K` nearest of several indexes, each searched in turn.
pub(crate) fn search_shards(snapshots: &[Snapshot], query: &[u64], wanted: &Search) -> Result<Vec<Hit>> {
    let mut hits = Vec::new();
    for snapshot in snapshots {
        hits.extend(search(snapshot, query, wanted)?);
    }
    hits.sort_by_key(|hit| hit.distance); // stable: equal ones in the order of the indexes
    hits.truncate(K);
    Ok(hits)
}

/// Bytes of the codes that an exact scan reads.
pub(crate) fn scanned_bytes(snapshot: &Snapshot) -> usize {
    snapshot.distinct_codes() * aesearch_index::words(snapshot.bits()) * 8
}

/// Bytes on disk by section (FORMAT.md, "Segment"): those of codes, ids, directory and graph, and all.
pub(crate) struct Bytes {
    pub(crate) search: u64,
    pub(crate) all: u64,
}

/// Reads the section tables of all segments; calibration, names, payloads and latents (kinds from 8 on) are
/// not what a search needs.
pub(crate) fn bytes(dir: &Path) -> Result<Bytes> {
    let mut bytes = Bytes { search: 0, all: 0 };
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        bytes.all += fs::metadata(&path)?.len();
        if path.extension().is_some_and(|extension| extension == "seg") {
            let head = read_head(&path)?;
            let (fields, _) = head.as_chunks::<4>();
            let field = |at: usize| fields.get(at / 4).map_or(0, |field| u32::from_le_bytes(*field));
            for line in (64..).step_by(32).take(field(20) as usize) {
                let length = u64::from(field(line + 16)) | u64::from(field(line + 20)) << 32;
                bytes.search += if field(line) < 8 { length } else { 0 };
            }
        }
    }
    Ok(bytes)
}

/// Header and section table, and what follows them.
fn read_head(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut head = Vec::new();
    fs::File::open(path)?.take(4096).read_to_end(&mut head)?;
    Ok(head)
}

/// Uses the instruction set named in `AESEARCH_ISA` instead of the best one. Returns its name.
pub(crate) fn force_isa() -> Result<Option<String>> {
    let Some(name) = std::env::var_os("AESEARCH_ISA") else { return Ok(None) };
    let name = name.to_string_lossy().into_owned();
    let isa =
        Isa::named(&name).ok_or_else(|| format!("AESEARCH_ISA: {name}: this processor has no such set"))?;
    use_isa(isa);
    Ok(Some(name))
}

/// All queries `[n, words]` in one call.
pub(crate) fn search_many(snapshot: &Snapshot, queries: &[u64], wanted: &Search) -> Result<Vec<Vec<Hit>>> {
    Ok(snapshot.search_many(queries, wanted)?)
}

/// Adds every pair of items within `radius` to `found`.
pub(crate) fn pairs(snapshot: &Snapshot, radius: u32, found: &PairSet) -> Result<()> {
    snapshot.pairs_within(radius, &|pairs: &[Pair]| {
        found.add(pairs.iter().map(|pair| (pair.a, pair.b, pair.distance)));
    })?;
    Ok(())
}
