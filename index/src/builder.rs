//! Collects items in memory and turns them into the sections of one segment.
//!
//! The same items with the same settings make the same bytes; the order in which they are pushed matters only
//! among items of the same code and name. The segment stores them in the order of their codes (see
//! `arrange`), then of their names.

use std::io::{self, Seek, Write};

use crate::arrange::arrange;
use crate::calibrate::calibrate;
use crate::code::{MAX_SIZE, check_bits, check_codes, is_code, words};
use crate::columns::{Columns, Value};
use crate::curve;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::layout::{ITEMS_PER_CODE, Kind, SEGMENT_MAGIC, Shape};
use crate::map::{Plain, bytes_of};
use crate::settings::Settings;
use crate::snapshot::{Latent, Snapshot};

/// One item to be indexed. Name and payload are the caller's bytes: the index keeps them as they are.
///
/// ```
/// use aesearch_index::Item;
///
/// let item = Item { payload: b"Passer domesticus", ..Item::named("sparrow", &[7]) };
/// # assert_eq!((item.name, item.code), (&b"sparrow"[..], &[7][..]));
/// let key = 1234u64.to_le_bytes(); // a number is a name too
/// let item = Item::named(&key, &[7]);
/// # assert_eq!(item.name.len(), 8);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Item<'a> {
    /// Identifies the item to the caller. The index does not ask for names to be there, or to be different.
    pub name: &'a [u8],
    /// Whatever the caller wants back with it.
    pub payload: &'a [u8],
    /// `[words(bits)]`, unused bits zero.
    pub code: &'a [u64],
    /// `[latent_size]`; empty where the settings say 0.
    pub latent: &'a [f32],
}

impl<'a> Item<'a> {
    /// An item with a name and a code `[words(bits)]`, and nothing else.
    #[must_use]
    pub fn named<N: AsRef<[u8]> + ?Sized>(name: &'a N, code: &'a [u64]) -> Self {
        Item { name: name.as_ref(), code, ..Item::default() }
    }
}

/// What is different about an item that is copied from a snapshot; `None` keeps what it has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes<'a> {
    /// Another name.
    pub name: Option<&'a [u8]>,
    /// Another payload.
    pub payload: Option<&'a [u8]>,
    /// Another code `[words(bits)]`, of the builder's bits, which may differ from the snapshot's.
    pub code: Option<&'a [u64]>,
}

/// The items of the next segment, in memory until [`Writer::commit`](crate::Writer::commit) writes them.
///
/// Pushing copies a few bytes. The commit sorts codes into buckets, builds the graph and calibrates, on all
/// threads of rayon's current pool.
///
/// ```
/// use aesearch_index::{Item, SegmentBuilder, Settings};
///
/// let mut builder = SegmentBuilder::new(&Settings { bits: 128, ..Settings::default() })?;
/// builder.push(Item::named("sparrow", &[7, 0]))?; // one item
/// builder.push_codes(&[8, 0, 9, 1])?; // many, without names
/// assert_eq!(builder.len(), 3);
///
/// let wrong = builder.push(Item::named("whale", &[7])).unwrap_err();
/// assert_eq!(wrong.to_string(), "code: expected 128 bits in 2 words, got [7]");
/// # Ok::<(), aesearch_index::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is written until `Writer::commit`"]
pub struct SegmentBuilder {
    settings: Settings,
    items: usize,
    codes: Vec<u64>, // [items, words]
    names: ByteStrings,
    payloads: ByteStrings,
    latents: Vec<i8>,        // [items, latent_size]
    latent_scales: Vec<f32>, // [items], or none
    columns: Columns,
    /// All codes in one bucket: quick to write, but a search scans all of them.
    pub(crate) in_one_bucket: bool,
}

/// A byte string per item. While all are empty, they take no memory.
#[derive(Debug, Default)]
struct ByteStrings {
    ends: Vec<u64>, // [items]; the last ones are left out while they repeat
    bytes: Vec<u8>,
}

impl ByteStrings {
    /// Adds the bytes of item `item`.
    fn push(&mut self, item: usize, piece: &[u8]) {
        if !piece.is_empty() {
            self.ends.resize(item, self.bytes.len() as u64);
            self.bytes.extend_from_slice(piece);
            self.ends.push(self.bytes.len() as u64);
        }
    }

    fn get(&self, item: u32) -> &[u8] {
        let end = |item: usize| self.ends.get(item).map_or(self.bytes.len(), |&end| end as usize);
        let item = item as usize;
        &self.bytes[item.checked_sub(1).map_or(0, end)..end(item)]
    }

    /// Writes offsets and bytes as two sections, in the order given.
    fn write<W: Write + Seek>(
        &self,
        frame: &mut Frame<W>,
        order: &[u32],
        kinds: [Kind; 2],
    ) -> io::Result<()> {
        frame.section(kinds[0], |out| {
            let mut end = 0u64;
            out.write_all(&end.to_le_bytes())?;
            order.iter().try_for_each(|&item| {
                end += self.get(item).len() as u64;
                out.write_all(&end.to_le_bytes())
            })
        })?;
        frame.section(kinds[1], |out| order.iter().try_for_each(|&item| out.write_all(self.get(item))))
    }
}

impl SegmentBuilder {
    /// An empty builder.
    ///
    /// # Errors
    /// [`Error::Input`] for settings that the format cannot hold.
    pub fn new(settings: &Settings) -> Result<Self> {
        check_bits(settings.bits)?;
        for (what, size, least) in
            [("bucket size", settings.bucket_size.unwrap_or(1), 1), ("latent size", settings.latent_size, 0)]
        {
            if !(least..=MAX_SIZE).contains(&size) {
                return Err(Error::input(what, format!("{least} to {MAX_SIZE}"), size));
            }
        }
        Ok(SegmentBuilder {
            settings: settings.clone(),
            items: 0,
            codes: Vec::new(),
            names: ByteStrings::default(),
            payloads: ByteStrings::default(),
            latents: Vec::new(),
            latent_scales: Vec::new(),
            columns: Columns::default(),
            in_one_bucket: false,
        })
    }

    /// Adds an item. Nothing is added on an error.
    ///
    /// # Errors
    /// [`Error::Input`] when the code or latent does not fit the settings, or the latent is not finite.
    pub fn push(&mut self, item: Item<'_>) -> Result<()> {
        if !is_code(item.code, self.settings.bits) {
            let expected = format!("{} bits in {} words", self.settings.bits, words(self.settings.bits));
            return Err(Error::input("code", expected, format!("{:x?}", item.code)));
        }
        if item.latent.len() != self.settings.latent_size {
            let expected = format!("{} values", self.settings.latent_size);
            return Err(Error::input("latent", expected, item.latent.len()));
        }
        if let Some(value) = item.latent.iter().find(|value| !value.is_finite()) {
            return Err(Error::input("latent", "finite values", value));
        }
        self.push_checked(&item, |builder| {
            if !item.latent.is_empty() {
                let (values, scale) = quantize(item.latent);
                builder.latents.extend(values);
                builder.latent_scales.push(scale);
            }
        })
    }

    /// Adds items `codes` `[n, words(bits)]` without names and payloads. Nothing is added on an error.
    ///
    /// # Errors
    /// [`Error::Input`] when the last code is incomplete, a bit is set beyond the settings' bits, or the
    /// settings ask for latents.
    pub fn push_codes(&mut self, codes: &[u64]) -> Result<()> {
        let Settings { bits, latent_size, .. } = self.settings;
        check_codes(codes, bits)?;
        if latent_size > 0 {
            return Err(Error::input("latent", format!("{latent_size} values"), 0));
        }
        self.check_room(codes.len() / words(bits))?;
        self.codes.extend_from_slice(codes);
        self.items += codes.len() / words(bits);
        Ok(())
    }

    /// Gives the item that was pushed last a value in a column. A column holds integers or texts.
    ///
    /// ```
    /// use aesearch_index::{Item, SegmentBuilder, Settings, Value};
    ///
    /// let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// builder.push(Item::named("sparrow", &[7]))?;
    /// builder.set("year", Value::Integer(1758))?;
    /// builder.set("family", Value::Text("Passeridae"))?;
    /// # Ok::<(), aesearch_index::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Input`] when there is no item, the value is too large or of another kind than the column's,
    /// the name is longer than 24 bytes, or there are more than 64 columns.
    pub fn set(&mut self, column: &str, value: Value<'_>) -> Result<()> {
        match self.items.checked_sub(1) {
            Some(last) => self.columns.set(last as u32, column, value),
            None => Err(Error::input("column", "an item to give a value", "none")),
        }
    }

    /// Copies item `id` of `snapshot` bit for bit, with its values in columns; its latent only if the
    /// settings keep latents.
    ///
    /// # Errors
    /// [`Error::Input`] when there is no such item, or its code or latent does not fit the settings;
    /// [`Error::Damaged`] when [`verify`](crate::verify()) would find anything wrong with its segment.
    pub fn push_from(&mut self, snapshot: &Snapshot, id: u32) -> Result<()> {
        self.push_changed(snapshot, id, &Changes::default())
    }

    /// Copies item `id` of `snapshot` with some changes.
    ///
    /// ```
    /// use aesearch_index::{Changes, Item, SegmentBuilder, Settings, Snapshot, Writer};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let mut builder = SegmentBuilder::new(&Settings::default())?;
    /// # builder.push(Item::named("sparow", &[7]))?;
    /// # Writer::lock(dir.path())?.commit(builder, &[])?;
    /// let mut writer = Writer::lock(dir.path())?;
    /// let index = Snapshot::open(dir.path())?; // holds one item, "sparow"
    /// let mut renamed = SegmentBuilder::new(&index.settings())?;
    /// renamed.push_changed(&index, 0, &Changes { name: Some(b"sparrow"), ..Changes::default() })?;
    /// writer.commit(renamed, &[0])?; // adds the new one, removes the old one
    /// # let index = Snapshot::open(dir.path())?;
    /// # assert_eq!(index.ids().map(|id| index.name(id)).collect::<Vec<_>>(), [b"sparrow"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`SegmentBuilder::push_from`].
    pub fn push_changed(&mut self, snapshot: &Snapshot, id: u32, changes: &Changes<'_>) -> Result<()> {
        if !snapshot.contains(id) {
            return Err(Error::input("item", "the id of an item of the index", id));
        }
        if changes.code.is_none() && snapshot.bits() != self.settings.bits {
            return Err(Error::input("kept code", format!("{} bits", self.settings.bits), snapshot.bits()));
        }
        let item = Item {
            name: changes.name.unwrap_or_else(|| snapshot.name(id)),
            payload: changes.payload.unwrap_or_else(|| snapshot.payload(id)),
            code: changes.code.unwrap_or_else(|| snapshot.code(id)),
            latent: &[],
        };
        self.push_kept(snapshot, id, &item)
    }

    /// Adds an item with the latent of item `id` of `snapshot`.
    fn push_kept(&mut self, snapshot: &Snapshot, id: u32, item: &Item<'_>) -> Result<()> {
        let latent = snapshot.latent(id);
        let values = latent.as_ref().map_or(&[][..], |latent| latent.values);
        if !is_code(item.code, self.settings.bits) {
            let expected = format!("{} bits", self.settings.bits);
            return Err(Error::input("kept code", expected, format!("{:x?}", item.code)));
        }
        let keeps = self.settings.latent_size > 0; // a builder without latents drops those of others
        if keeps && values.len() != self.settings.latent_size {
            let expected = format!("{} values", self.settings.latent_size);
            return Err(Error::input("kept latent", expected, values.len()));
        }
        snapshot.check_sound(id)?;
        self.push_checked(item, |builder| {
            if let Some(Latent { values, scale }) = latent.filter(|_| keeps) {
                builder.latents.extend_from_slice(values);
                builder.latent_scales.push(scale);
            }
        })?;
        match snapshot.locate(id) {
            Some((opened, item)) => self.columns.copy(self.items as u32 - 1, &opened.segment.columns(), item),
            None => Ok(()),
        }
    }

    fn push_checked(&mut self, item: &Item<'_>, push_latent: impl FnOnce(&mut Self)) -> Result<()> {
        self.check_room(1)?;
        push_latent(self);
        self.codes.extend_from_slice(item.code);
        self.names.push(self.items, item.name);
        self.payloads.push(self.items, item.payload);
        self.items += 1;
        Ok(())
    }

    fn check_room(&self, more: usize) -> Result<()> {
        match self.items.saturating_add(more) {
            items if items < u32::MAX as usize => Ok(()),
            items => Err(Error::input("items", "fewer than 2^32 - 1 in a segment", items)),
        }
    }

    /// The same items, with other attributes for the index.
    pub fn with_attributes(mut self, attributes: Vec<(String, Vec<u8>)>) -> Self {
        self.settings.attributes = attributes;
        self
    }

    /// The attributes of the index.
    pub fn attributes(&self) -> &[(String, Vec<u8>)] {
        &self.settings.attributes
    }

    /// Number of items pushed.
    pub fn len(&self) -> usize {
        self.items
    }

    /// Values per latent; 0 when none are kept.
    pub fn latent_size(&self) -> usize {
        self.settings.latent_size
    }

    /// True when nothing was pushed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the items of another builder of the same bits and latent size.
    pub(crate) fn append(&mut self, other: SegmentBuilder) -> Result<()> {
        self.columns.append(self.items as u32, other.columns)?;
        for item in 0..other.items as u32 {
            self.names.push(self.items + item as usize, other.names.get(item));
            self.payloads.push(self.items + item as usize, other.payloads.get(item));
        }
        self.codes.extend(other.codes);
        self.latents.extend(other.latents);
        self.latent_scales.extend(other.latent_scales);
        self.items += other.items;
        Ok(())
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Arranges, calibrates and writes the segment file. Returns the file, its length in bytes and its shape.
    pub(crate) fn write<W: Write + Seek>(self, out: W) -> io::Result<(W, u64, Shape)> {
        let Settings { bits, latent_size, bucket_size, .. } = self.settings;
        let wanted = if self.in_one_bucket { Some(usize::MAX) } else { bucket_size };
        let mut arranged = arrange(self.codes, words(bits), wanted);
        // items of one code are sorted by name; those without names keep the order in which they were pushed
        for run in arranged.code_offsets.windows(2).filter(|run| run[1] - run[0] > 1) {
            let items = &mut arranged.order[run[0] as usize..run[1] as usize];
            items.sort_by(|&a, &b| self.names.get(a).cmp(self.names.get(b)));
        }
        let curve = curve::encode(&calibrate(&arranged.view(), bits));
        let order = &arranged.order;
        let shape = Shape {
            bits: bits as u32,
            latent_size: latent_size as u32,
            bucket_size: bucket_size.unwrap_or(0) as u32,
            items: self.items as u32,
            codes: arranged.code_offsets.len() as u32 - 1,
            buckets: arranged.buckets.len() as u32 - 1,
        };
        // a reader refuses more items than the file has entries for: then offsets of empty names are written
        let few_codes = u64::from(shape.items) > u64::from(shape.codes) * ITEMS_PER_CODE;
        let payloads = !self.payloads.bytes.is_empty();
        let names = !self.names.bytes.is_empty() || (few_codes && !payloads && latent_size == 0);
        let pieces = [names, payloads, latent_size > 0].into_iter().filter(|there| *there);
        let n_sections = 8 + 2 * pieces.count() + usize::from(!self.columns.is_empty());
        let mut frame = Frame::start(out, n_sections)?;
        let arrays = [
            (Kind::Codes, bytes_of(&arranged.codes)),
            (Kind::CodeOffsets, bytes_of(&arranged.code_offsets)),
            (Kind::Buckets, bytes_of(&arranged.buckets)),
            (Kind::Representatives, bytes_of(&arranged.representatives)),
            (Kind::GraphLayers, bytes_of(&arranged.graph.layers)),
            (Kind::GraphOffsets, bytes_of(&arranged.graph.offsets)),
            (Kind::GraphEdges, bytes_of(&arranged.graph.edges)),
            (Kind::Calibration, &curve),
        ];
        for (kind, bytes) in arrays {
            frame.section(kind, |out| out.write_all(bytes))?;
        }
        if names {
            self.names.write(&mut frame, order, [Kind::NameOffsets, Kind::Names])?;
        }
        if payloads {
            self.payloads.write(&mut frame, order, [Kind::PayloadOffsets, Kind::Payloads])?;
        }
        if latent_size > 0 {
            frame.section(Kind::Latents, |out| write_rows(out, &self.latents, latent_size, order))?;
            frame.section(Kind::LatentScales, |out| write_rows(out, &self.latent_scales, 1, order))?;
        }
        if !self.columns.is_empty() {
            frame.section(Kind::Columns, |out| self.columns.write(out, order))?;
        }
        let (out, bytes) = frame.finish(SEGMENT_MAGIC, &shape)?;
        Ok((out, bytes, shape))
    }
}

/// A latent in 8 bits, as an index keeps it, and its scale: symmetric, the largest magnitude becomes 127.
pub fn quantize(latent: &[f32]) -> (Vec<i8>, f32) {
    let largest = latent.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let steps = if largest > 0.0 { 127.0 / f64::from(largest) } else { 0.0 };
    (latent.iter().map(|&value| (f64::from(value) * steps).round() as i8).collect(), largest / 127.0)
}

/// Writes the rows of `values` `[rows, width]` in the order given.
fn write_rows<T: Plain>(out: &mut dyn Write, values: &[T], width: usize, order: &[u32]) -> io::Result<()> {
    order.iter().try_for_each(|&row| out.write_all(bytes_of(&values[row as usize * width..][..width])))
}
