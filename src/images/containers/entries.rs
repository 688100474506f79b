//! The images of an archive: their names in one piece of memory, the position and the label of each.
//!
//! An archive is not trusted: names that lead out of it, links, and archives inside it are refused; of two
//! entries with the same name the later one counts, as it would on disk. Labels are WebDataset's (`0001.cls`
//! or `0001.json` beside `0001.jpg`), else the names of parent folders.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::OnceLock;

use super::labels::{Labels, Texts};
use super::names::is_container_name;
use super::skips::{MAX_ENTRIES, MAX_NAME, Skips};
use crate::images::Limits;
use crate::images::limits::check_size;
use crate::images::sniff::{self, Content};

/// What is said of an entry whose place another takes.
pub(super) const OVERWRITTEN: &str = "a later entry of the same name takes its place";
/// Longest sidecar that is read, in bytes.
pub(super) const MAX_SIDECAR: u64 = 1 << 16;
/// Keys of a `.json` sidecar that may hold the label, the likeliest first.
const JSON_KEYS: [&str; 4] = ["label", "class", "cls", "class_name"];

/// What a file inside an archive is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// An image.
    Image,
    /// A label, as a text or as JSON.
    Sidecar,
    /// An archive or array file of its own.
    Container,
    /// The name does not say; the first bytes may.
    Unknown,
}

/// The kind that this name suggests.
pub(super) fn kind_of(name: &[u8]) -> EntryKind {
    let lossy = String::from_utf8_lossy(name);
    let path = Path::new(&*lossy);
    match path.extension().and_then(|ending| ending.to_str()) {
        _ if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("._")) => {
            EntryKind::Unknown
        }
        _ if sniff::is_image_name(path) => EntryKind::Image,
        _ if is_container_name(path) => EntryKind::Container,
        Some("cls" | "json") => EntryKind::Sidecar,
        _ => EntryKind::Unknown,
    }
}

/// The same by the first bytes of a file whose name says nothing; none if it cannot be used.
pub(super) fn kind_of_content(head: &[u8]) -> Option<EntryKind> {
    match sniff::sniff(head) {
        Content::Image | Content::Optional(_) => Some(EntryKind::Image),
        _ => None,
    }
}

/// The images of an archive while they are listed; `P` is the position of one.
pub(super) struct Lister<'a, P> {
    limits: &'a Limits,
    pub(super) skips: &'a mut Skips,
    entries: Entries<P>,
    sidecars: Sidecars,
}

impl<'a, P> Lister<'a, P> {
    pub(super) fn new(limits: &'a Limits, skips: &'a mut Skips) -> Self {
        let entries = Entries {
            names: Vec::new(),
            ends: Vec::new(),
            places: Vec::new(),
            labels: Labels::default(),
            order: OnceLock::new(),
        };
        Lister { limits, skips, entries, sidecars: Sidecars::default() }
    }

    /// Adds an image of `size` bytes.
    ///
    /// # Errors
    /// The archive holds more than may be listed.
    pub(super) fn image(&mut self, name: &[u8], size: u64, place: P) -> Result<(), String> {
        if let Some(reason) = refusal(name) {
            self.skips.entry(name, reason);
        } else if let Err(reason) = check_size(size, self.limits.max_file_bytes) {
            self.skips.entry(name, &reason);
        } else {
            let Some(end) = u32::try_from(self.entries.names.len() + name.len()).ok() else {
                return Err("the names of its entries take more than 4 GiB".to_owned());
            };
            if self.entries.places.len() as u64 >= MAX_ENTRIES {
                return Err(format!("more than {} images: those after are left out", MAX_ENTRIES));
            }
            self.entries.names.extend_from_slice(name);
            self.entries.ends.push(end);
            self.entries.places.push(place);
        }
        Ok(())
    }

    /// Notes the label in a sidecar.
    pub(super) fn sidecar(&mut self, name: &[u8], content: &[u8]) {
        self.sidecars.add(name, content);
    }

    /// The images that count, each with its label.
    pub(super) fn finish(self) -> Entries<P> {
        let Lister { mut entries, skips, sidecars, .. } = self;
        entries.drop_overwritten(skips);
        let mut labels = Labels::default();
        for index in 0..entries.len() {
            let name = entries.name(index);
            let text = sidecars.label(name).map(std::borrow::Cow::Borrowed);
            labels.push(text.or_else(|| Some(String::from_utf8_lossy(parent(name)?))).as_deref());
        }
        entries.labels = labels;
        entries
    }
}

/// The images of an archive, in its order.
pub(super) struct Entries<P> {
    /// All names, one after the other.
    names: Vec<u8>,
    /// Where each name ends.
    ends: Vec<u32>,
    places: Vec<P>,
    labels: Labels,
    /// The entries in the order of their names, once that is needed.
    order: OnceLock<Vec<u32>>,
}

impl<P> Entries<P> {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The position of entry `index`.
    pub(super) fn place(&self, index: usize) -> Option<&P> {
        self.places.get(index)
    }

    /// The name of entry `index`, empty if there is none.
    pub(super) fn name(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before.min(self.ends.len() - 1)]);
        let end = self.ends.get(index).copied().unwrap_or(start);
        &self.names[start as usize..end as usize]
    }

    pub(super) fn label(&self, index: usize) -> Option<&str> {
        self.labels.get(index)
    }

    /// The entry of this name.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        let order = self.order.get_or_init(|| {
            let mut order: Vec<u32> = (0..self.len() as u32).collect();
            order.sort_unstable_by_key(|&index| self.name(index as usize));
            order
        });
        let found = order.binary_search_by_key(&name, |&index| self.name(index as usize)).ok()?;
        Some(order[found] as usize)
    }

    fn drop_overwritten(&mut self, skips: &mut Skips) {
        let mut keep = Vec::new();
        {
            let mut last = HashMap::with_capacity(self.len());
            for index in 0..self.len() {
                if let Some(earlier) = last.insert(self.name(index), index as u32) {
                    keep.resize(self.len(), true);
                    keep[earlier as usize] = false;
                    skips.entry(self.name(index), OVERWRITTEN);
                }
            }
        }
        if keep.is_empty() {
            return;
        }
        let (mut names, mut ends) = (Vec::new(), Vec::new());
        for index in (0..self.len()).filter(|&index| keep[index]) {
            names.extend_from_slice(self.name(index));
            ends.push(names.len() as u32);
        }
        (self.names, self.ends) = (names, ends);
        let mut kept = keep.iter();
        self.places.retain(|_| kept.next().copied().unwrap_or(true));
    }
}

/// Why an entry of this name is not used, whatever it holds.
fn refusal(name: &[u8]) -> Option<&'static str> {
    let mut parts = name.split(|byte| matches!(byte, b'/' | b'\\'));
    if name.len() > MAX_NAME {
        return Some("a name of more than 4096 bytes: not used");
    }
    if name.contains(&0) {
        return Some("a name with a zero byte: not used");
    }
    if name.starts_with(b"/") || name.starts_with(b"\\") || matches!(name, [_, b':', b'/' | b'\\', ..]) {
        return Some("an absolute path inside an archive: not used");
    }
    parts.any(|part| part == b"..").then_some("a path that leads out of the archive: not used")
}

/// Without a leading `./`, which means nothing.
pub(super) fn plain_name(mut name: &[u8]) -> &[u8] {
    while let Some(rest) = name.strip_prefix(b"./") {
        name = rest;
    }
    name
}

/// The name of the folder a file lies in.
fn parent(name: &[u8]) -> Option<&[u8]> {
    let folders = &name[..name.iter().rposition(|&byte| byte == b'/')?];
    folders.rsplit(|&byte| byte == b'/').next()
}

/// WebDataset's samples: files whose paths are the same up to the first dot of the file's name.
#[derive(Default)]
struct Sidecars {
    /// By a keyed hash of the sample's key, since a million keys would take much memory.
    labels: HashMap<u64, u32>,
    texts: Texts,
    state: RandomState,
}

impl Sidecars {
    fn add(&mut self, name: &[u8], content: &[u8]) {
        let (key, ending) = sample(name);
        let text = match ending {
            b"cls" => std::str::from_utf8(content).ok().map(str::to_owned),
            b"json" => json_label(content),
            _ => None,
        };
        if let Some(text) = text {
            let (key, label) = (self.state.hash_one(key), self.texts.number(&text));
            match ending {
                b"cls" => drop(self.labels.insert(key, label)),
                _ => drop(self.labels.entry(key).or_insert(label)),
            }
        }
    }

    fn label(&self, name: &[u8]) -> Option<&str> {
        if self.labels.is_empty() {
            return None;
        }
        self.texts.get(*self.labels.get(&self.state.hash_one(sample(name).0))?)
    }
}

/// `a/b.c/0001.seg.png` is the file `seg.png` of the sample `a/b.c/0001`.
fn sample(name: &[u8]) -> (&[u8], &[u8]) {
    let file = name.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    match name[file..].iter().position(|&byte| byte == b'.') {
        Some(dot) => (&name[..file + dot], &name[file + dot + 1..]),
        None => (name, b""),
    }
}

fn json_label(content: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(content).ok()?;
    JSON_KEYS.iter().find_map(|key| match value.get(key)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::skips::MAX_NAMED;
    use super::*;

    fn listed(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let mut skips = Skips::new(Path::new("a.tar"));
        let limits = Limits { max_file_bytes: 100, ..Limits::default() };
        let mut lister = Lister::new(&limits, &mut skips);
        for (i, (name, content)) in files.iter().enumerate() {
            match kind_of(name.as_bytes()) {
                EntryKind::Sidecar => lister.sidecar(name.as_bytes(), content.as_bytes()),
                _ => lister.image(name.as_bytes(), content.len() as u64, i).unwrap(),
            }
        }
        let entries = lister.finish();
        for i in 0..entries.len() {
            assert_eq!(entries.find(entries.name(i)), Some(i));
        }
        assert_eq!(entries.find(b"nothing"), None);
        let shown = |i| {
            let name = String::from_utf8_lossy(entries.name(i)).into_owned();
            format!("{name} {} {}", entries.place(i).unwrap(), entries.label(i).unwrap_or("-"))
        };
        let skipped = skips.list.iter().map(|s| format!("{}: {}", s.path, s.reason)).collect();
        ((0..entries.len()).map(shown).collect(), skipped)
    }

    #[test]
    fn names_that_lead_out_are_refused_and_the_last_of_a_name_holds() {
        let big = "x".repeat(101);
        let (entries, skipped) = listed(&[
            ("a.png", "1"),
            ("/etc/x.png", ""),
            ("a/../b.png", ""),
            ("c:/x.png", ""),
            ("b.png", &big),
            ("d/a.png", ""),
            ("a.png", "2"),
            ("a..png", ""),
        ]);
        assert_eq!(entries, ["d/a.png 5 d", "a.png 6 -", "a..png 7 -"]);
        assert_eq!(skipped.len(), 5);
        assert_eq!(skipped[0], "a.tar#/etc/x.png: an absolute path inside an archive: not used");
        assert!(skipped[1].contains("leads out") && skipped[3].contains("too large: 101 bytes"));
        assert_eq!(skipped[4], "a.tar#a.png: a later entry of the same name takes its place");
    }

    #[test]
    fn long_names_are_refused_and_no_end_of_refusals_is_counted() {
        let long = "x".repeat(MAX_NAME + 1);
        let (entries, skipped) = listed(&[(&long[1..], ""), (&long, "")]);
        assert_eq!(entries.len(), 1);
        assert_eq!(skipped, [format!("a.tar#{}: a name of more than 4096 bytes: not used", &long[1..])]);
        let mut skips = Skips::new(Path::new("a.tar"));
        (0..MAX_NAMED + 5).for_each(|_| skips.entry(b"x", "not used"));
        let list = skips.finish();
        assert_eq!(list.len(), MAX_NAMED + 1);
        let last = list.last().map(|s| (&*s.path, &*s.reason));
        assert_eq!(last, Some(("a.tar", "5 more of its entries are not used")));
    }

    #[test]
    fn samples_have_labels_beside_them() {
        let (entries, skipped) = listed(&[
            ("s/001.cls", "7\n"),
            ("s/001.jpg", ""),
            ("s/002.jpg", ""),
            ("s/002.json", r#"{"class": 3, "label": "cat"}"#),
            ("s/003.seg.png", ""),
            ("s/003.json", r#"{"class": 3.5, "cls": 4}"#),
            ("s/004.png", ""),
            ("s/004.json", "{"),
        ]);
        assert_eq!(entries, ["s/001.jpg 1 7", "s/002.jpg 2 cat", "s/003.seg.png 4 4", "s/004.png 6 s"]);
        assert!(skipped.is_empty());
    }

    #[test]
    fn kinds() {
        for (name, kind) in [
            ("a/b.PNG", EntryKind::Image),
            ("a.tar.gz", EntryKind::Container),
            ("a.zip", EntryKind::Container),
            ("a.json", EntryKind::Sidecar),
            ("a/._b.png", EntryKind::Unknown),
            ("a", EntryKind::Unknown),
        ] {
            assert_eq!(kind_of(name.as_bytes()), kind, "{name}");
        }
    }
}
