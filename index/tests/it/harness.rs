//! Opens hostile indexes and uses all of them; shared by the fuzz targets in `fuzz/` and the tests.
//!
//! [`open`], [`search`] and [`manifest`] each turn any bytes into an index on disk and run everything that
//! the crate offers on it. There must be no panic and no id that does not exist, and what `verify` finds
//! sound must open.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use aesearch_index::{
    Access, Hit, IdSet, Item, Mode, Pair, Search, SegmentBuilder, Settings, Snapshot, Value, Writer, repair,
    verify, words,
};

use crate::craft::{Index, Input, chain, seal};

/// The files of an index, by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A folder in memory, if the system has one.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Folder(dir.unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Replaces the content of the folder with `files`.
    pub(crate) fn put(&self, files: &Files) {
        for entry in fs::read_dir(self.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, bytes) in files {
            fs::write(self.path().join(name), bytes).unwrap();
        }
    }

    /// All files but the lock.
    pub(crate) fn files(&self) -> Files {
        let entries = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap());
        let read =
            |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        entries.filter(|entry| entry.file_name() != "LOCK").map(read).collect()
    }
}

/// Sound indexes to start from: two segments with tombstones, items without names or latents, and a walk
/// through a graph.
pub(crate) fn seeds() -> &'static [Index] {
    static SEEDS: OnceLock<Vec<Index>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let plain = Settings { bits: 64, ..Settings::default() };
        let rich = Settings { bits: 128, latent_size: 3, bucket_size: Some(8), ..Settings::default() };
        vec![made(&rich, 40, 1), made(&plain, 60, 20), chain(1600)]
    })
}

/// An index of `n` items with `n / alike` distinct codes, after a second commit that removed and added some.
fn made(settings: &Settings, n: u64, alike: u64) -> Index {
    let folder = Folder::new();
    let build = |from: u64, to: u64| {
        let mut builder = SegmentBuilder::new(settings).unwrap();
        for i in from..to {
            let name = if settings.latent_size > 0 { format!("item {i}") } else { String::new() };
            let code = vec![(i / alike).wrapping_mul(0x9E37_79B9_7F4A_7C15); words(settings.bits)];
            let latent: Vec<f32> = (0..settings.latent_size).map(|j| (i as f32 - j as f32) / 9.0).collect();
            builder
                .push(Item {
                    name: name.as_bytes(),
                    payload: &name.as_bytes()[name.len() / 2..],
                    code: &code,
                    latent: &latent,
                })
                .unwrap();
            if settings.latent_size > 0 {
                builder.set("width", Value::Integer(i as i64 * 1000)).unwrap();
                builder.set("camera", Value::Text(["Pixel 8", "EOS R5", ""][i as usize % 3])).unwrap();
            }
        }
        builder
    };
    let mut writer = Writer::lock(folder.path()).unwrap();
    writer.commit(build(0, n), &[]).unwrap();
    writer.commit(build(n, n + 5), &[1, 2, n as u32 - 1]).unwrap();
    assert_eq!(verify(folder.path()).unwrap(), []);
    Index::parse(&folder.files())
}

thread_local! {
    static FOLDER: Folder = Folder::new();
}

/// Replaces a file: `data[0]` says of which index and which file, the rest is its content.
pub(crate) fn open(data: &[u8]) {
    let mut input = Input(data);
    let (which, flags) = (input.byte(), input.byte());
    let mut files = seeds()[usize::from(which % 2)].to_files();
    let tombstones = which & 2 != 0;
    let name =
        files.keys().find(|name| name.ends_with(if tombstones { ".dead" } else { ".seg" })).cloned().unwrap();
    let mut index = Index::parse(&files);
    index.lie_about(&name, input.0.len() as u64);
    files.insert("MANIFEST".into(), index.manifest());
    files.insert(name, input.0.to_vec());
    use_files(&files, flags);
}

/// Edits a sound index and makes its checksums valid again (see [`Index::edit`]).
pub(crate) fn search(data: &[u8]) {
    let mut input = Input(data);
    let (which, flags) = (input.byte(), input.byte());
    let mut index = seeds()[usize::from(which) % seeds().len()].clone();
    for _ in 0..24 {
        if input.0.is_empty() {
            break;
        }
        index.edit(&mut input);
    }
    if flags & 4 == 0 {
        index.fit();
    }
    use_files(&index.to_files(), flags);
}

/// Replaces the record of the MANIFEST of a sound index, with a valid checksum.
pub(crate) fn manifest(data: &[u8]) {
    let mut input = Input(data);
    let (which, flags) = (input.byte(), input.byte());
    let mut files = seeds()[usize::from(which % 2)].to_files();
    let mut bytes = vec![0; 20];
    bytes.extend_from_slice(input.0);
    seal(&mut bytes, *b"AEMANIFE");
    files.insert("MANIFEST".into(), bytes);
    use_files(&files, flags);
}

/// The seeds of each target: sound files, and one edit of each kind.
pub(crate) fn corpus() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let mut corpus = BTreeMap::from([("open", vec![]), ("manifest", vec![]), ("search", vec![])]);
    for which in 0..2u8 {
        let files = seeds()[usize::from(which)].to_files();
        let of = |ending: &str| files.iter().find(|(name, _)| name.ends_with(ending)).unwrap().1;
        corpus.get_mut("open").unwrap().push([&[which, which], &of(".seg")[..]].concat());
        corpus.get_mut("open").unwrap().push([&[which | 2, which], &of(".dead")[..]].concat());
        corpus.get_mut("manifest").unwrap().push([&[which, which], &files["MANIFEST"][20..]].concat());
    }
    for which in 0..seeds().len() as u8 {
        for op in 0..Index::EDITS {
            let edits: Vec<u8> = (0..3).flat_map(|i| [op, i, i * 5, 0, i * 7, 3, 1, 2]).collect();
            corpus.get_mut("search").unwrap().push([&[which, op], &edits[..]].concat());
        }
    }
    corpus
}

fn use_files(files: &Files, flags: u8) {
    FOLDER.with(|folder| {
        folder.put(files);
        use_folder(folder.path(), flags % 8 == 1);
    });
}

/// Runs everything a reader offers and, if `write`, everything a writer offers.
pub(crate) fn use_folder(dir: &Path, write: bool) {
    let [mapped, read] = [Access::Map, Access::Read].map(|access| Snapshot::open_with(dir, access));
    assert_eq!(mapped.is_ok(), read.is_ok());
    let opens = mapped.is_ok();
    if let (Ok(mapped), Ok(read)) = (mapped, read) {
        let [code, all] = [vec![0; words(read.bits())], vec![0; words(read.bits()) * 40]];
        let answers = [&mapped, &read].map(|snapshot| {
            let wanted = Search { radius: Some(40), ..Search::default() };
            let answers = snapshot.search_many(&all, &wanted).unwrap();
            assert_eq!(answers.len(), 40);
            answers.iter().for_each(|hits| assert_sorted(hits));
            let hits = snapshot.search(&code, &wanted).unwrap();
            hits.iter().for_each(|hit| drop((snapshot.latent(hit.id), snapshot.name(hit.id).to_vec())));
            hits
        });
        assert_eq!(answers[0], answers[1]);
        use_snapshot(&mapped);
    }
    let sound = verify(dir).is_ok_and(|problems| problems.is_empty());
    assert!(opens || !sound, "verify finds nothing, and it cannot be opened");
    if write {
        use_writer(dir);
        let dropped = repair(dir);
        let names = dropped.iter().flatten().flat_map(|dropped| dropped.names.iter().flatten());
        assert!(names.map(Vec::len).sum::<usize>() < 1 << 20);
        if sound || dropped.is_ok() {
            assert_eq!(verify(dir).unwrap(), [], "repaired");
            Snapshot::open(dir).unwrap();
        }
    }
}

fn use_writer(dir: &Path) {
    let Ok(mut writer) = Writer::lock(dir) else { return };
    let Ok(Some(last)) = writer.last() else { return };
    let add = || SegmentBuilder::new(&last.settings());
    let remove: Vec<u32> = last.ids().step_by(7).take(9).collect();
    for remove in [&[][..], &remove, &[u32::MAX]] {
        if let Ok(mut add) = add() {
            let (code, latent) = (vec![1; words(last.bits())], vec![0.5; last.latent_size()]);
            let _ = add.push(Item { name: b"new", payload: b"", code: &code, latent: &latent });
            let _ = writer.commit(add, remove);
            // what is committed can be read
            let _ = writer.last().unwrap();
        }
    }
    let _ = writer.compact();
    writer.last().unwrap();
}

/// Hits must be sorted, each once.
fn assert_sorted(hits: &[Hit]) {
    assert!(hits.is_sorted_by(|a, b| (a.distance, a.id) < (b.distance, b.id)));
}

pub(crate) fn use_snapshot(snapshot: &Snapshot) {
    let (bits, width) = (snapshot.bits(), words(snapshot.bits()));
    let mut ones = vec![u64::MAX; width];
    if !bits.is_multiple_of(64) {
        ones[width - 1] = (1 << (bits % 64)) - 1;
    }
    let zeros = vec![0; width];
    let own = snapshot.ids().nth(3).map_or(&zeros[..], |id| snapshot.code(id)).to_vec();
    let latent: Vec<f32> = (0..snapshot.latent_size()).map(|i| i as f32 - 1.5).collect();
    let modes = [Mode::Exact, Mode::Recall(0.0), Mode::Recall(0.99), Mode::Recall(1.0)];
    let ks = [(0, None, true), (1, None, true), (10, None, false), (40, Some(20), true)];
    for mode in modes {
        for (k, radius, ties) in ks {
            let wanted = Search { k, mode, radius, ties, only: None };
            for query in [&zeros, &ones, &own] {
                // a damaged code may have too many bits
                let Ok(hits) = snapshot.search(query, &wanted) else { continue };
                assert!(ties || hits.len() <= k);
                assert_sorted(&hits);
                assert!(hits.iter().all(|hit| snapshot.contains(hit.id) && hit.distance <= 256));
                assert!(radius.is_none_or(|radius| hits.iter().all(|hit| hit.distance <= radius)));
                assert!(snapshot.rerank(&latent, &hits, 5, 0.0).len() <= 5);
            }
        }
        let all = Search { k: usize::MAX, mode, radius: None, ties: true, only: None };
        assert_sorted(&snapshot.search(&zeros, &all).unwrap());
        for one_in in [1, 3, 100] {
            let passing: IdSet = snapshot.ids().filter(|id| id.is_multiple_of(one_in)).collect();
            let only = Some(snapshot.filter(&passing));
            let hits = snapshot.search(&zeros, &Search { mode, only, ..Search::default() }).unwrap();
            assert_sorted(&hits);
            assert!(hits.iter().all(|hit| passing.contains(hit.id)));
        }
    }
    if snapshot.len() < 200 {
        let paired = |pairs: &[Pair]| {
            assert!(pairs.iter().all(|pair| pair.a < pair.b && snapshot.contains(pair.b)));
        };
        let _ = snapshot.pairs_within(3, &paired); // a damaged code may have too many bits
    }
    for id in snapshot.ids().take(1000).chain([snapshot.len() as u32, u32::MAX]) {
        snapshot.name(id);
        snapshot.payload(id);
        snapshot.code(id);
        snapshot.latent(id);
        snapshot
            .columns()
            .into_iter()
            .for_each(|column| drop(snapshot.value(id, column).map(|value| format!("{value:?}"))));
    }
    for column in snapshot.columns() {
        let mut asked = 0u32;
        let some = snapshot.select(column, |_| {
            asked += 1;
            !asked.is_multiple_of(3)
        });
        assert!(some.iter().all(|id| snapshot.contains(id)));
    }
    let rest = (snapshot.len(), snapshot.dead(), snapshot.bytes(), snapshot.distinct_codes());
    let _ = (rest, snapshot.recall_curve(), snapshot.bucket_size(), snapshot.attribute("model"));
    if let Ok(mut builder) = SegmentBuilder::new(&snapshot.settings()) {
        for id in snapshot.ids().take(100).chain([u32::MAX]) {
            let _ = builder.push_from(snapshot, id);
        }
    }
}
