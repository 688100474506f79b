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
