//! Columns of values, side by side.

/// The values of a column, one for each row.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Text.
    Texts(Vec<Option<String>>),
    /// Whole numbers.
    Integers(Vec<Option<u32>>),
    /// Numbers; those that are not finite count as missing.
    Numbers(Vec<Option<f32>>),
    /// Whole numbers, any number of them in each row.
    Lists(Vec<Vec<u32>>),
    /// Numbers, any number of them in each row.
    NumberLists(Vec<Vec<f32>>),
    /// Finite numbers, `size` in each row.
    Vectors {
        /// Numbers in a row.
        size: usize,
        /// `[rows, size]`
        values: Vec<f32>,
    },
    /// The contents of files.
    Bytes(Vec<Option<Vec<u8>>>),
    /// Columns that belong together, of the same length; at least one.
    Struct(Vec<(&'static str, Column)>),
}

impl Column {
    pub(super) fn len(&self) -> usize {
        match self {
            Column::Texts(values) => values.len(),
            Column::Integers(values) => values.len(),
            Column::Numbers(values) => values.len(),
            Column::Lists(values) => values.len(),
            Column::NumberLists(values) => values.len(),
            Column::Vectors { size, values } => values.len() / size.max(&1),
            Column::Bytes(values) => values.len(),
            Column::Struct(fields) => fields.first().map_or(0, |(_, field)| field.len()),
        }
    }
}

/// Columns of the same length, each with a name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub(super) columns: Vec<(&'static str, Column)>,
}

impl Table {
    /// Adds a column.
    ///
    /// # Panics
    /// When its length differs from that of the other columns.
    pub fn with(mut self, name: &'static str, column: Column) -> Table {
        assert!(self.columns.first().is_none_or(|(_, first)| first.len() == column.len()), "{name}: length");
        self.columns.push((name, column));
        self
    }

    /// Adds the columns of another table with the same number of rows.
    ///
    /// # Panics
    /// When the number of rows differs.
    pub fn and(self, other: Table) -> Table {
        other.columns.into_iter().fold(self, |table, (name, column)| table.with(name, column))
    }

    /// Renames the column `name` to `new`, if there is one.
    pub fn renamed(mut self, name: &str, new: &'static str) -> Table {
        self.columns.iter_mut().filter(|(old, _)| *old == name).for_each(|(old, _)| *old = new);
        self
    }

    /// Replaces the column `name`, if there is one, by what `change` makes of it.
    pub(in crate::explore) fn map(mut self, name: &str, change: impl FnOnce(Column) -> Column) -> Table {
        if let Some((_, column)) = self.columns.iter_mut().find(|(old, _)| *old == name) {
            *column = change(std::mem::replace(column, Column::Texts(Vec::new())));
        }
        self
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.columns.iter().map(|(name, _)| *name)
    }
}
