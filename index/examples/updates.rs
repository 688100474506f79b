//! Updates, removals and merging while other threads read: a reader keeps the commit that it opened, and sees
//! a later one when it opens again. Nobody waits for anybody.
//!
//! ```text
//! cargo run --example updates
//! ```

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use aesearch_index::{Item, Result, Search, SegmentBuilder, Settings, Snapshot, Writer};

const ROUNDS: u64 = 20;
const ITEMS: u64 = 500; // per round

/// Some code or other for item `i`.
fn code_of(i: u64) -> [u64; 1] {
    [(i / 3).wrapping_mul(0x9E37_79B9_7F4A_7C15)]
}

/// Searches until the writer is done, opening the last commit again and again.
fn read(dir: &Path, is_done: &AtomicBool, searches: &AtomicUsize) -> Result<()> {
    while !is_done.load(Ordering::Relaxed) {
        let index = Snapshot::open(dir)?; // some 50 microseconds
        let first = index.len();
        for i in 0..200 {
            index.search(&code_of(i), &Search::default())?;
            searches.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(index.len(), first, "a snapshot never changes");
    }
    Ok(())
}

/// Adds items, replaces some and removes others in each round, then merges all segments.
fn write(dir: &Path) -> Result<()> {
    let mut writer = Writer::lock(dir)?; // a second writer would get `Error::Locked` at once
    for round in 0..ROUNDS {
        let last = Snapshot::open(dir)?;
        let mut add = SegmentBuilder::new(&last.settings())?;
        for i in round * ITEMS..(round + 1) * ITEMS {
            add.push(Item::named(&i.to_string(), &code_of(i)))?;
        }
        // Replacing is removing and adding in one commit. Ids hold for one commit, names for as long as the
        // caller likes.
        let replaced = last.ids_named([(round * 7).to_string()]);
        for id in replaced.iter() {
            add.push(Item { payload: b"replaced", ..Item::named(last.name(id), &[round]) })?;
        }
        let removed: Vec<u32> = last.ids().filter(|id| id % 97 == 0 && !replaced.contains(*id)).collect();
        writer.commit(add, &[replaced.iter().collect(), removed].concat())?;
    }
    let before = Snapshot::open(dir)?;
    writer.compact()?; // one segment, and nothing removed takes space
    let after = Snapshot::open(dir)?;
    println!(
        "{} items; merged from {} segments with {} removed items to {} with {}",
        after.len(),
        before.segments(),
        before.dead(),
        after.segments(),
        after.dead()
    );
    Ok(())
}

fn main() -> Result<()> {
    let dir = std::env::temp_dir().join("updates");
    Writer::lock(&dir)?.replace(SegmentBuilder::new(&Settings::default())?)?; // empty
    let (is_done, searches) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(|| read(&dir, &is_done, &searches))).collect();
        let written = write(&dir);
        is_done.store(true, Ordering::Relaxed);
        readers.into_iter().try_for_each(|reader| reader.join().unwrap_or(Ok(())))?;
        written
    })?;
    println!("searches meanwhile: {}", searches.into_inner());
    Ok(())
}
