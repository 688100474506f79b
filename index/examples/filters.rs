//! Filters and payloads: the nearest items among those that pass, by their columns, by their names, and by
//! whatever else the caller knows of them.
//!
//! ```text
//! cargo run --example filters
//! ```

use aesearch_index::{IdSet, Item, Result, Search, SegmentBuilder, Settings, Snapshot, Value, Writer};

const BIRDS: [(&str, &str, i64, u64); 6] = [
    ("house sparrow", "Passer domesticus", 30, 0b0000_0111),
    ("tree sparrow", "Passer montanus", 22, 0b0000_0011),
    ("robin", "Erithacus rubecula", 18, 0b0000_1011),
    ("mallard", "Anas platyrhynchos", 1100, 0b1111_0011),
    ("mute swan", "Cygnus olor", 11_000, 0b1111_0111),
    ("wren", "Troglodytes troglodytes", 9, 0b0000_1111),
];

/// The names and payloads of the items nearest to `query`, all of them or those in `ids`.
fn show(index: &Snapshot, query: u64, ids: Option<&IdSet>) -> Result<()> {
    let only = ids.map(|ids| index.filter(ids)); // prepared once, for any number of searches
    for hit in index.search(&[query], &Search { k: 3, only, ..Search::default() })? {
        let [name, payload] =
            [index.name(hit.id), index.payload(hit.id)].map(|bytes| String::from_utf8_lossy(bytes));
        println!("  {} bits  {name} ({payload})", hit.distance);
    }
    Ok(())
}

fn main() -> Result<()> {
    let dir = std::env::temp_dir().join("birds");
    let mut builder = SegmentBuilder::new(&Settings::default())?; // 64 bits
    for (name, payload, grams, code) in BIRDS {
        builder.push(Item { payload: payload.as_bytes(), ..Item::named(name, &[code]) })?;
        builder.set("grams", Value::Integer(grams))?; // of the item that was pushed last
    }
    Writer::lock(&dir)?.replace(builder)?;
    let index = Snapshot::open(&dir)?;

    println!("near a tree sparrow:");
    show(&index, 0b0000_0011, None)?;

    println!("of less than 25 g:");
    let light = index.select("grams", |value| matches!(value, Value::Integer(grams) if grams < 25));
    show(&index, 0b0000_0011, Some(&light))?;

    println!("of less than 25 g, and no wren:");
    show(&index, 0b0000_0011, Some(&light.without(&index.ids_named(["wren"]))))?;

    println!("whose payload begins with C:");
    let by_payload: IdSet = index.ids().filter(|&id| index.payload(id).starts_with(b"C")).collect();
    show(&index, 0b0000_0011, Some(&by_payload))
}
