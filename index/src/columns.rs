//! Typed columns: what items know apart from their codes, such as a year or the name of a species.
//!
//! An item has at most one value per column, an integer or a text. The columns of a segment are one section:
//! a directory, then for each column a number per item in as few bytes as its range needs, and its texts
//! once each. `FORMAT.md` has the layout. Opening checks the directory; values are range-checked as they are
//! read, and a damaged one counts as missing.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use crate::error::{Error, Result};
use crate::layout::{Fault, Kind, u32_at, u64_at};

/// A segment has no more columns.
const MOST_COLUMNS: usize = 64;
/// Bytes of the longest name of a column.
const NAME: usize = 24;
/// Bytes of the longest text.
pub(crate) const MOST_TEXT: usize = 1024;
/// Integers lie within so many of 0.
const LARGEST: u64 = 1 << 62;
/// Bytes before the directory, and of one of its lines.
const HEAD: usize = 8;
const LINE: usize = 56;

/// A value of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Within 2^62 of 0.
    Integer(i64),
    /// At most 1,024 bytes.
    Text(&'a str),
}

/// The columns of a segment that is being built.
#[derive(Debug, Default)]
pub(crate) struct Columns(BTreeMap<String, Filling>);

/// (item, value) in the order of the items, for those that have one.
#[derive(Debug)]
enum Filling {
    Integers(Vec<(u32, i64)>),
    Texts { known: HashMap<Box<str>, u32>, values: Vec<(u32, u32)> },
}

impl Columns {
    /// Gives item `item`, the last one so far, a value; a second one in the same column replaces the first.
    pub(crate) fn set(&mut self, item: u32, column: &str, value: Value<'_>) -> Result<()> {
        if !self.0.contains_key(column) {
            let fits = (1..=NAME).contains(&column.len()) && !column.contains('\0');
            if !fits || self.0.len() == MOST_COLUMNS {
                let expected = format!("at most {MOST_COLUMNS} with names of 1 to {NAME} bytes");
                return Err(Error::input("column", expected, format!("{column:?}")));
            }
            let filling = match value {
                Value::Integer(_) => Filling::Integers(Vec::new()),
                Value::Text(_) => Filling::Texts { known: HashMap::new(), values: Vec::new() },
            };
            self.0.insert(column.to_owned(), filling);
        }
        match (self.0.get_mut(column), value) {
            (Some(Filling::Integers(values)), Value::Integer(value)) if value.unsigned_abs() <= LARGEST => {
                put(values, item, value);
                Ok(())
            }
            (Some(Filling::Texts { known, values }), Value::Text(text)) if text.len() <= MOST_TEXT => {
                let next = known.len() as u32;
                let number = known.get(text).copied();
                let number = number.unwrap_or_else(|| *known.entry(text.into()).or_insert(next));
                put(values, item, number);
                Ok(())
            }
            _ => {
                let expected =
                    format!("integers within 2^62, or texts of at most {MOST_TEXT} bytes, for all items");
                Err(Error::input("value of a column", expected, format!("{value:?} in {column}")))
            }
        }
    }

    /// Copies the values that item `item` of `from` has.
    pub(crate) fn copy(&mut self, item: u32, from: &Stored<'_>, old: usize) -> Result<()> {
        for column in &from.0 {
            if let Some(value) = column.value(old) {
                self.set(item, column.name, value)?;
            }
        }
        Ok(())
    }

    /// Adds the columns of items that follow the first `before` ones.
    pub(crate) fn append(&mut self, before: u32, other: Columns) -> Result<()> {
        for (name, filling) in other.0 {
            match filling {
                Filling::Integers(values) => {
                    let set = |(item, value)| self.set(before + item, &name, Value::Integer(value));
                    values.into_iter().try_for_each(set)?;
                }
                Filling::Texts { known, values } => {
                    let texts = by_number(&known);
                    let text = |number: u32| texts.get(number as usize).copied().unwrap_or_default();
                    let set = |(item, number)| self.set(before + item, &name, Value::Text(text(number)));
                    values.into_iter().try_for_each(set)?;
                }
            }
        }
        Ok(())
    }

    /// True when no item has a value.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the section, items in the order given.
    pub(crate) fn write(&self, out: &mut dyn Write, order: &[u32]) -> io::Result<()> {
        let columns: Vec<(&String, Packed)> =
            self.0.iter().map(|(name, filling)| (name, Packed::of(filling, order.len()))).collect();
        out.write_all(&(columns.len() as u64).to_le_bytes())?;
        for (name, packed) in &columns {
            packed.write_line(out, name)?;
        }
        columns.iter().try_for_each(|(_, packed)| packed.write(out, order))
    }
}

/// Adds a value, or replaces that of the same item.
fn put<T>(values: &mut Vec<(u32, T)>, item: u32, value: T) {
    match values.last_mut() {
        Some(last) if last.0 == item => last.1 = value,
        _ => values.push((item, value)),
    }
}

/// The texts of a column in the order of their numbers.
fn by_number(known: &HashMap<Box<str>, u32>) -> Vec<&str> {
    let mut texts: Vec<(u32, &str)> = known.iter().map(|(text, &number)| (number, &**text)).collect();
    texts.sort_unstable();
    texts.into_iter().map(|(_, text)| text).collect()
}

/// A column as it is stored.
struct Packed<'a> {
    base: i64,
    width: usize,
    numbers: Vec<u64>, // [items], 0: no value
    is_text: bool,
    texts: Vec<&'a str>, // sorted
}

impl<'a> Packed<'a> {
    fn of(filling: &'a Filling, items: usize) -> Packed<'a> {
        let mut numbers = vec![0; items];
        let (base, texts) = match filling {
            Filling::Integers(values) => {
                let base = values.iter().map(|(_, value)| *value).min().unwrap_or_default();
                values
                    .iter()
                    .for_each(|&(item, value)| numbers[item as usize] = value.wrapping_sub(base) as u64 + 1);
                (base, Vec::new())
            }
            Filling::Texts { known, values } => {
                let mut texts: Vec<(&str, u32)> =
                    known.iter().map(|(text, &number)| (&**text, number)).collect();
                texts.sort_unstable();
                let mut rank = vec![0u32; texts.len()];
                (0..).zip(&texts).for_each(|(at, &(_, number))| rank[number as usize] = at);
                values.iter().for_each(|&(item, number)| {
                    numbers[item as usize] = u64::from(rank[number as usize]) + 1;
                });
                (0, texts.into_iter().map(|(text, _)| text).collect())
            }
        };
        let largest = numbers.iter().copied().max().unwrap_or_default();
        let width = [1, 2, 4].into_iter().find(|width| largest < 1 << (8 * width)).unwrap_or(8);
        Packed { base, width, numbers, is_text: matches!(filling, Filling::Texts { .. }), texts }
    }

    fn bytes_of_texts(&self) -> u64 {
        self.texts.iter().map(|text| text.len() as u64).sum()
    }

    /// The line of the directory.
    fn write_line(&self, out: &mut dyn Write, name: &str) -> io::Result<()> {
        let mut line = [0; LINE];
        line[..name.len()].copy_from_slice(name.as_bytes());
        line[24..28].copy_from_slice(&u32::from(self.is_text).to_le_bytes());
        line[28..32].copy_from_slice(&(self.width as u32).to_le_bytes());
        line[32..40].copy_from_slice(&self.base.to_le_bytes());
        line[40..48].copy_from_slice(&(self.texts.len() as u64).to_le_bytes());
        line[48..56].copy_from_slice(&self.bytes_of_texts().to_le_bytes());
        out.write_all(&line)
    }

    fn write(&self, out: &mut dyn Write, order: &[u32]) -> io::Result<()> {
        for &item in order {
            out.write_all(&self.numbers[item as usize].to_le_bytes()[..self.width])?;
        }
        let mut end = 0u64;
        for text in &self.texts {
            end += text.len() as u64;
            out.write_all(&end.to_le_bytes())?;
        }
        self.texts.iter().try_for_each(|text| out.write_all(text.as_bytes()))
    }
}

/// A column of an open segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    name: &'a str,
    is_text: bool,
    width: usize,
    base: i64,
    numbers: &'a [u8], // [items, width]
    ends: &'a [u8],    // u64 [texts]
    bytes: &'a [u8],
}

/// The columns of an open segment.
#[derive(Debug, Default)]
pub(crate) struct Stored<'a>(Vec<Column<'a>>);

impl<'a> Stored<'a> {
    /// Reads the directory of a section for `items` items; everything must lie inside the section, one after
    /// the other, to its end.
    pub(crate) fn of(section: &'a [u8], items: u32) -> Result<Self, Fault> {
        let fault = |expected: String, got: String| Fault::new(Kind::Columns.name(), expected, got);
        let count = section.first_chunk::<HEAD>().map_or(u64::MAX, |head| u64::from_le_bytes(*head));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let Some((directory, mut rest)) =
            (count <= MOST_COLUMNS).then(|| section[HEAD..].split_at_checked(count * LINE)).flatten()
        else {
            let expected = format!("a directory of at most {MOST_COLUMNS} columns");
            return Err(fault(expected, format!("{count} in {} bytes", section.len())));
        };
        let mut take = |count: u64, size: usize| {
            let bytes = usize::try_from(count).ok()?.checked_mul(size)?;
            let (taken, left) = rest.split_at_checked(bytes)?;
            rest = left;
            Some(taken)
        };
        let mut columns: Vec<Column<'a>> = Vec::with_capacity(count);
        for line in directory.chunks_exact(LINE) {
            let name = line[..NAME].split(|&byte| byte == 0).next().unwrap_or_default();
            let name = std::str::from_utf8(name).unwrap_or_default();
            let (kind, width, texts) = (u32_at(line, 24), u32_at(line, 28) as usize, u64_at(line, 40));
            let is_known = kind <= 1 && [1, 2, 4, 8].contains(&width) && texts <= u64::from(items);
            let follows = columns.last().is_none_or(|last| last.name < name);
            let column = || {
                Some(Column {
                    name,
                    is_text: kind == 1,
                    width,
                    base: u64_at(line, 32) as i64,
                    numbers: take(items.into(), width)?,
                    ends: take(texts, 8)?,
                    bytes: take(u64_at(line, 48), 1)?,
                })
            };
            let Some(column) = (is_known && follows && !name.is_empty()).then(column).flatten() else {
                let expected = "columns of integers or texts, by name, inside the section".to_owned();
                return Err(fault(
                    expected,
                    format!("{name:?} of kind {kind}, {width} bytes, {texts} texts"),
                ));
            };
            columns.push(column);
        }
        match rest {
            [] => Ok(Stored(columns)),
            _ => Err(fault("the end of the section".to_owned(), format!("{} more bytes", rest.len()))),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|column| column.name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Column<'a>> {
        self.0.iter().find(|column| column.name == name)
    }

    /// The first thing that is wrong in the values: what, and where in the section, in bytes.
    pub(crate) fn problem(&self, section: &[u8]) -> Option<(u64, String)> {
        let at = |part: &[u8]| (part.as_ptr() as u64).saturating_sub(section.as_ptr() as u64);
        let is_held = |value: i64| value.unsigned_abs() <= LARGEST;
        let wrong = |column: &Column<'_>| {
            let Column { name, numbers, width, ends, .. } = *column;
            let texts = (ends.len() / 8) as u64;
            let is_wrong = |stored: u64| match column.is_text {
                true => stored > texts,
                false => stored > 0 && !column.base.checked_add_unsigned(stored - 1).is_some_and(is_held),
            };
            let items = numbers.len() / width;
            if let Some(item) = (0..items).find(|&item| is_wrong(column.stored(item))) {
                let detail = format!("expected a value of column {name}, got {}", column.stored(item));
                return Some((at(numbers) + (item * width) as u64, detail));
            }
            let texts = (0..texts as u32).map(|number| column.text(number));
            let is_sound = texts.clone().all(|text| text.is_some()) && texts.is_sorted_by(|a, b| a < b);
            let end = ends.last_chunk::<8>().map_or(0, |end| u64::from_le_bytes(*end));
            let detail = || format!("expected the texts of column {name}, sorted, got others");
            (!is_sound || end != column.bytes.len() as u64).then(|| (at(ends), detail()))
        };
        self.0.iter().find_map(wrong)
    }
}

impl<'a> Column<'a> {
    /// 0: the item has no value.
    #[inline]
    fn stored(&self, item: usize) -> u64 {
        let mut word = [0; 8];
        if let Some(bytes) = self.numbers.get(item * self.width..(item + 1) * self.width) {
            word[..self.width].copy_from_slice(bytes);
        }
        u64::from_le_bytes(word)
    }

    fn text(&self, number: u32) -> Option<&'a str> {
        let end = |number: usize| Some(u64::from_le_bytes(*self.ends.get(number * 8..)?.first_chunk()?));
        let number = number as usize;
        let start = number.checked_sub(1).map_or(Some(0), end)?;
        let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end(number)?).ok()?);
        let bytes = self.bytes.get(start..end).filter(|bytes| bytes.len() <= MOST_TEXT)?;
        std::str::from_utf8(bytes).ok()
    }

    /// What a stored number other than 0 stands for.
    fn meaning(&self, stored: u64) -> Option<Value<'a>> {
        match self.is_text {
            true => u32::try_from(stored - 1).ok().and_then(|number| self.text(number)).map(Value::Text),
            false => self.base.checked_add_unsigned(stored - 1).map(Value::Integer),
        }
    }

    /// The value of an item.
    pub(crate) fn value(&self, item: usize) -> Option<Value<'a>> {
        match self.stored(item) {
            0 => None,
            stored => self.meaning(stored),
        }
    }

    /// Passes the items whose value makes `holds` true to `found`, in order; each text is asked about once.
    pub(crate) fn each(&self, holds: &mut dyn FnMut(Value<'_>) -> bool, found: &mut dyn FnMut(u32)) {
        let texts = if self.is_text { self.ends.len() as u64 / 8 } else { 0 };
        let mut asks = |stored| self.meaning(stored).is_some_and(&mut *holds);
        let known: Vec<bool> = (1..=texts).map(&mut asks).collect();
        for item in 0..self.numbers.len() / self.width {
            let stored = self.stored(item);
            let is_wanted = match stored.checked_sub(1) {
                None => false,
                Some(number) if self.is_text => known.get(number as usize).copied().unwrap_or(false),
                Some(_) => asks(stored),
            };
            if is_wanted {
                found(item as u32); // fewer than 2^32
            }
        }
    }
}
