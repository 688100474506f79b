//! What the columns of a snapshot say of its items.

use crate::columns::Value;
use crate::ids::IdSet;
use crate::snapshot::Snapshot;

impl Snapshot {
    /// The names of the columns in which any item has a value, sorted.
    pub fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for opened in self.opened() {
            names.extend(opened.segment.columns().names());
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The value of item `id` in a column; none if it has none.
    pub fn value(&self, id: u32, column: &str) -> Option<Value<'_>> {
        let (opened, item) = self.locate(id)?;
        opened.segment.columns().get(column)?.value(item)
    }

    /// The items whose value in `column` makes `holds` true; an item without one is not among them. Each
    /// text is asked about once per segment.
    ///
    /// ```
    /// use aesearch_index::{Item, SegmentBuilder, Settings, Snapshot, Value, Writer};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// for (name, grams) in [("wren", 9), ("mallard", 1100)] {
    ///     builder.push(Item::named(name, &[grams]))?;
    ///     builder.set("grams", Value::Integer(grams as i64))?;
    /// }
    /// Writer::lock(dir.path())?.commit(builder, &[])?;
    ///
    /// let index = Snapshot::open(dir.path())?;
    /// let light = index.select("grams", |value| matches!(value, Value::Integer(grams) if grams < 25));
    /// assert_eq!(light.iter().map(|id| index.name(id)).collect::<Vec<_>>(), [b"wren"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn select(&self, column: &str, mut holds: impl FnMut(Value<'_>) -> bool) -> IdSet {
        let mut found = IdSet::default();
        for opened in self.opened() {
            if let Some(column) = opened.segment.columns().get(column) {
                let mut put = |item| {
                    if self.contains(opened.first + item) {
                        found.insert(opened.first + item);
                    }
                };
                column.each(&mut holds, &mut put);
            }
        }
        found
    }
}
