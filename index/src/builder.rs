//! Collects items in memory and turns them into the sections of one segment.
//!
//! The same items pushed in the same order with the same settings make the same bytes.

use std::io::Write;

use crate::arrange::arrange;
use crate::calibrate::calibrate;
use crate::error::{Error, Result};
use crate::layout::{Kind, Shape, write_segment};
use crate::map::bytes_of;
use crate::segment::encode_curve;
use crate::snapshot::{Latent, Snapshot};
use crate::{BITS, is_code, words};

/// One item to be indexed. Name and payload are the caller's bytes: the index keeps them as they are.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Identifies the item to the caller.
    pub name: &'a [u8],
    /// Whatever the caller wants back with it.
    pub payload: &'a [u8],
    /// `[words(bits)]`, unused bits zero.
    pub code: &'a [u64],
    /// `[latent_size]`; empty where the settings say 0.
    pub latent: &'a [f32],
}

/// What an index is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Width of the codes, 32 to 256.
    pub bits: usize,
    /// Values per latent; 0 keeps none.
    pub latent_size: usize,
    /// Distinct codes per bucket; 1 is textbook HNSW over all of them, slower to build and to search.
    pub bucket_size: usize,
    /// The caller's own facts about the index, such as the model's identity; opaque to the index.
    pub attributes: Vec<(String, Vec<u8>)>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { bits: 64, latent_size: 0, bucket_size: 128, attributes: Vec::new() }
    }
}

/// The items of the next segment.
#[derive(Debug)]
pub struct SegmentBuilder {
    settings: Settings,
    codes: Vec<u64>,        // [items, words]
    name_offsets: Vec<u64>, // [items + 1]
    names: Vec<u8>,
    payload_offsets: Vec<u64>, // [items + 1]
    payloads: Vec<u8>,
    latents: Vec<i8>,        // [items, latent_size]
    latent_scales: Vec<f32>, // [items], or none
}

impl SegmentBuilder {
    /// An empty builder.
    ///
    /// # Errors
    /// [`Error::Input`] for settings outside what the format holds.
    pub fn new(settings: &Settings) -> Result<Self> {
        if !BITS.contains(&settings.bits) {
            return Err(Error::input("bits", format!("{} to {}", BITS.start(), BITS.end()), settings.bits));
        }
        for (what, size, least) in
            [("bucket size", settings.bucket_size, 1), ("latent size", settings.latent_size, 0)]
        {
            if !(least..=1 << 20).contains(&size) {
                return Err(Error::input(what, format!("{least} to {}", 1 << 20), size));
            }
        }
        Ok(SegmentBuilder {
            settings: settings.clone(),
            codes: Vec::new(),
            name_offsets: vec![0],
            names: Vec::new(),
            payload_offsets: vec![0],
            payloads: Vec::new(),
            latents: Vec::new(),
            latent_scales: Vec::new(),
        })
    }

    /// Adds an item; its id is the number of items before it. Nothing is added on an error.
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
        self.push_checked(&item, |builder| builder.quantize(item.latent))
    }

    /// Copies item `id` of `snapshot` bit for bit.
    ///
    /// # Errors
    /// [`Error::Input`] when there is no such item, or its code or latent does not fit the settings.
    pub fn push_from(&mut self, snapshot: &Snapshot, id: u32) -> Result<()> {
        let latent = snapshot.latent(id);
        let values = latent.as_ref().map_or(&[][..], |latent| latent.values);
        if id as usize >= snapshot.len() {
            return Err(Error::input("item", format!("an id below {}", snapshot.len()), id));
        }
        if snapshot.bits() != self.settings.bits || !is_code(snapshot.code(id), self.settings.bits) {
            return Err(Error::input("kept code", format!("{} bits", self.settings.bits), snapshot.bits()));
        }
        if values.len() != self.settings.latent_size {
            let expected = format!("{} values", self.settings.latent_size);
            return Err(Error::input("kept latent", expected, values.len()));
        }
        let (name, payload, code) = (snapshot.name(id), snapshot.payload(id), snapshot.code(id));
        self.push_checked(&Item { name, payload, code, latent: &[] }, |builder| {
            if let Some(Latent { values, scale }) = latent {
                builder.latents.extend_from_slice(values);
                builder.latent_scales.push(scale);
            }
        })
    }

    fn push_checked(&mut self, item: &Item<'_>, push_latent: impl FnOnce(&mut Self)) -> Result<()> {
        if self.len() >= u32::MAX as usize - 1 {
            return Err(Error::input("items", "fewer than 2^32 - 1 in a segment", self.len()));
        }
        push_latent(self);
        self.codes.extend_from_slice(item.code);
        self.names.extend_from_slice(item.name);
        self.name_offsets.push(self.names.len() as u64);
        self.payloads.extend_from_slice(item.payload);
        self.payload_offsets.push(self.payloads.len() as u64);
        Ok(())
    }

    /// Symmetric int8: the largest magnitude becomes 127.
    fn quantize(&mut self, latent: &[f32]) {
        if latent.is_empty() {
            return;
        }
        let largest = latent.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let steps = if largest > 0.0 { 127.0 / f64::from(largest) } else { 0.0 };
        self.latents.extend(latent.iter().map(|&value| (f64::from(value) * steps).round() as i8));
        self.latent_scales.push(largest / 127.0);
    }

    /// Number of items pushed.
    pub fn len(&self) -> usize {
        self.name_offsets.len() - 1
    }

    /// True when nothing was pushed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Arranges, calibrates and writes the segment file. Returns its length in bytes.
    pub(crate) fn write(&self, out: &mut impl Write) -> std::io::Result<u64> {
        let bits = self.settings.bits;
        let arranged = arrange(&self.codes, words(bits), self.settings.bucket_size);
        let curve = encode_curve(&calibrate(&arranged.view(), bits));
        let shape = Shape {
            bits: bits as u32,
            latent_size: self.settings.latent_size as u32,
            bucket_size: self.settings.bucket_size as u32,
            items: self.len() as u32,
            codes: arranged.code_offsets.len() as u32 - 1,
            buckets: arranged.buckets.len() as u32 - 1,
        };
        let sections = [
            (Kind::Codes, bytes_of(&arranged.codes)),
            (Kind::CodeOffsets, bytes_of(&arranged.code_offsets)),
            (Kind::CodeItems, bytes_of(&arranged.code_items)),
            (Kind::ItemCodes, bytes_of(&arranged.item_codes)),
            (Kind::NameOffsets, bytes_of(&self.name_offsets)),
            (Kind::Names, &self.names),
            (Kind::PayloadOffsets, bytes_of(&self.payload_offsets)),
            (Kind::Payloads, &self.payloads),
            (Kind::Latents, bytes_of(&self.latents)),
            (Kind::LatentScales, bytes_of(&self.latent_scales)),
            (Kind::Buckets, bytes_of(&arranged.buckets)),
            (Kind::Representatives, bytes_of(&arranged.representatives)),
            (Kind::GraphLayers, bytes_of(&arranged.graph.layers)),
            (Kind::GraphOffsets, bytes_of(&arranged.graph.offsets)),
            (Kind::GraphEdges, bytes_of(&arranged.graph.edges)),
            (Kind::Calibration, &curve),
        ]
        .map(|(kind, bytes)| (kind as u32, bytes));
        write_segment(out, &shape, &sections)
    }
}
