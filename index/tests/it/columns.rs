//! Columns: values come back after commits, merges and copies, and are stored in few bytes.

use std::collections::BTreeMap;
use std::path::Path;

use aesearch_index::{IdSet, Item, SegmentBuilder, Settings, Snapshot, Value, Writer, verify};

use crate::open;

/// Year, family and a value that only every 10th item has: of item `i`.
fn values(i: u64) -> BTreeMap<&'static str, Owned> {
    let mut values = BTreeMap::new();
    if !i.is_multiple_of(7) {
        values.insert("year", Owned::Integer(600 + (i % 40) as i64));
        values.insert("family", Owned::Text(["Passeridae", "", "Älchen"][i as usize % 3].to_owned()));
    }
    if i.is_multiple_of(10) {
        values.insert("place", Owned::Integer(i as i64 - (1 << 40)));
    }
    values
}

#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Integer(i64),
    Text(String),
}

impl Owned {
    fn of(value: Value<'_>) -> Owned {
        match value {
            Value::Integer(value) => Owned::Integer(value),
            Value::Text(text) => Owned::Text(text.to_owned()),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Owned::Integer(value) => Value::Integer(*value),
            Owned::Text(text) => Value::Text(text),
        }
    }
}

fn add(dir: &Path, items: impl Iterator<Item = u64>, removed: &[u32]) {
    let mut builder = SegmentBuilder::new(&Settings::default()).unwrap();
    for i in items {
        let name = i.to_string();
        let code = [(i / 3).wrapping_mul(0x9E37_79B9_7F4A_7C15)];
        builder.push(Item { name: name.as_bytes(), code: &code, ..Item::default() }).unwrap();
        values(i).iter().for_each(|(column, value)| builder.set(column, value.value()).unwrap());
    }
    Writer::lock(dir).unwrap().commit(builder, removed).unwrap();
}

fn number(snapshot: &Snapshot, id: u32) -> u64 {
    std::str::from_utf8(snapshot.name(id)).unwrap().parse().unwrap()
}

fn check(snapshot: &Snapshot) {
    assert_eq!(snapshot.columns(), ["family", "place", "year"]);
    for id in snapshot.ids() {
        let expected = values(number(snapshot, id));
        for column in ["family", "place", "year", "none"] {
            assert_eq!(snapshot.value(id, column).map(Owned::of).as_ref(), expected.get(column), "{column}");
        }
    }
    let by_hand = |column: &str, holds: &dyn Fn(&Owned) -> bool| -> IdSet {
        let holds = |id: &u32| values(number(snapshot, *id)).get(column).is_some_and(holds);
        snapshot.ids().filter(holds).collect()
    };
    let late = |value: &Owned| matches!(value, Owned::Integer(year) if *year > 620);
    assert_eq!(snapshot.select("year", |value| late(&Owned::of(value))), by_hand("year", &late));
    let named = |value: &Owned| matches!(value, Owned::Text(name) if name.contains('P'));
    assert_eq!(snapshot.select("family", |value| named(&Owned::of(value))), by_hand("family", &named));
    assert!(snapshot.select("none", |_| true).is_empty());
}

#[test]
fn values_survive_commits_merges_and_removals() {
    let dir = tempfile::tempdir().unwrap();
    for (i, (from, to)) in [(0, 900), (900, 1000), (1000, 1300), (1300, 1301)].into_iter().enumerate() {
        let removed: Vec<u32> = (0..i as u32 * 5).map(|id| id * 3).collect();
        let removed: Vec<u32> = if i == 0 { vec![] } else { removed };
        let live: Vec<u32> = if dir.path().join("MANIFEST").exists() {
            let last = open(dir.path());
            removed.into_iter().filter(|&id| last.contains(id)).collect()
        } else {
            vec![]
        };
        add(dir.path(), from..to, &live);
        check(&open(dir.path()));
        assert_eq!(verify(dir.path()).unwrap(), []);
    }
    assert!(open(dir.path()).segments() > 1, "both segments with tombstones and merged ones are tested");
}

#[test]
fn the_order_in_which_items_come_changes_no_byte_and_a_column_takes_few() {
    let file = |items: &mut dyn Iterator<Item = u64>| {
        let dir = tempfile::tempdir().unwrap();
        add(dir.path(), items, &[]);
        std::fs::read(dir.path().join("0000000000000001.seg")).unwrap()
    };
    let bytes = file(&mut (0..3000));
    assert_eq!(bytes, file(&mut (0..3000).rev()));
    let without = {
        let dir = tempfile::tempdir().unwrap();
        let mut builder = SegmentBuilder::new(&Settings::default()).unwrap();
        for i in 0..3000u64 {
            let (name, code) = (i.to_string(), [(i / 3).wrapping_mul(0x9E37_79B9_7F4A_7C15)]);
            builder.push(Item { name: name.as_bytes(), code: &code, ..Item::default() }).unwrap();
        }
        Writer::lock(dir.path()).unwrap().commit(builder, &[]).unwrap();
        std::fs::metadata(dir.path().join("0000000000000001.seg")).unwrap().len()
    };
    // a byte each for year and family, two for the place
    let more = bytes.len() as u64 - without;
    assert!((12_000..12_500).contains(&more), "{more}");
}

#[test]
fn what_a_column_cannot_hold_is_refused() {
    let mut builder = SegmentBuilder::new(&Settings::default()).unwrap();
    assert!(builder.set("year", Value::Integer(1)).is_err(), "no item");
    builder.push(Item { code: &[1], ..Item::default() }).unwrap();
    builder.set("year", Value::Integer(1)).unwrap();
    let long = "x".repeat(1025);
    for (column, value) in [
        ("year", Value::Text("late")),
        ("year", Value::Integer(i64::MIN)),
        ("family", Value::Text(&long)),
        ("", Value::Integer(1)),
        ("a name of twenty-five byte", Value::Integer(1)),
    ] {
        assert!(builder.set(column, value).is_err(), "{column} {value:?}");
    }
    for i in 0..62 {
        builder.set(&format!("c{i}"), Value::Integer(i)).unwrap();
    }
    assert!(builder.set("one more", Value::Integer(1)).is_err(), "family was counted too");
}
