//! What people decided about images: these are not duplicates, these are all kept, or this one is kept of
//! them. Every later scan respects it.
//!
//! Decisions are kept as `decisions.json` in the index's folder, where the index leaves them alone. Images
//! are known by the BLAKE3 of their bytes, so that a decision outlives names, folders and the index itself.
//! The same decisions give the same bytes: no times, everything sorted. The file is read, changed and renamed
//! into place without a lock: if two programs write at the same moment, one of them wins, and neither leaves
//! a broken file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::images::read_text;
use crate::output::write_whole;

/// The `command` of the document.
pub const DECISIONS_COMMAND: &str = "dedupe decide";
/// The name of the file in the index's folder.
pub const DECISIONS_FILE: &str = "decisions.json";
/// The newest version of the document; a reader refuses later ones. Version 2 added [`Verdict::Keep`], and is
/// written only where there is one, so that earlier programs read everything else.
const VERSION: u64 = 2;
/// The largest file of decisions that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// BLAKE3 of an image file's bytes, or of raw pixels, as in [`Stamp`](crate::images::Stamp).
pub type Hash = [u8; 32];

/// What was decided about some images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No two of them are duplicates.
    Different,
    /// All of them are kept, duplicates or not.
    KeepAll,
    /// One of them is kept, whatever else speaks for the others.
    Keep,
}

impl Verdict {
    /// Its name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Different => "different",
            Verdict::KeepAll => "keep-all",
            Verdict::Keep => "keep",
        }
    }
}

/// The image that is kept by [`Verdict::Keep`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its content.
    pub hash: Hash,
    /// Its name at that time: of several files with this content, the one with this name is kept.
    pub path: String,
}

/// One decision. Pairs among its hashes are not proposed again; a single hash means that all files with these
/// bytes stay. With [`Verdict::Keep`], the image named in `keep` stays, and its duplicates may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// The images, sorted, without repeats.
    pub hashes: Vec<Hash>,
    /// The names of the images at that time, for people; sorted.
    pub paths: Vec<String>,
    /// The one that is kept, with [`Verdict::Keep`].
    pub keep: Option<Kept>,
}

/// All decisions.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    entries: BTreeMap<Vec<Hash>, Entry>,
    /// The numbers of the entries that separate a hash from others, ascending.
    places: HashMap<Hash, Vec<u64>>,
    /// Hashes that are kept rather than others.
    keeping: HashSet<Hash>,
    /// The number of the next new entry.
    next: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    number: u64,
    verdict: Verdict,
    paths: Vec<String>,
    keep: Option<Kept>,
}

/// The effect of a change, in decisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ChangeCounts {
    /// Those about images that no earlier decision was about.
    pub added: usize,
    /// Those that replace a different one about exactly the same images.
    pub replaced: usize,
    /// Those that were there already.
    pub unchanged: usize,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Document {
    schema_version: u64,
    command: String,
    decisions: Vec<Written>,
}

/// A decision as it is written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Written {
    verdict: String,
    hashes: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep: Option<WrittenKept>,
}

/// The one that is kept, as it is written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct WrittenKept {
    hash: String,
    #[serde(default)]
    path: String,
}

impl Decisions {
    /// The decisions beside the index at `dir`; none if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn read(dir: &Path) -> Result<Decisions> {
        let path = dir.join(DECISIONS_FILE);
        if !path.try_exists().map_err(|error| Error::io(&path, error))? {
            return Ok(Decisions::default());
        }
        Decisions::read_file(&path)
            .map_err(|error| error.with_hint("repair the file, or move it away to start without decisions"))
    }

    /// The decisions in the file `path`, which [`Decisions::to_json`] or a report has written.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn read_file(path: &Path) -> Result<Decisions> {
        let fail = |error| Error::io(path, error);
        let bytes = std::fs::metadata(path).map_err(fail)?.len();
        if bytes > LARGEST {
            let (mb, most) = (bytes >> 20, LARGEST >> 20);
            let what = format!("{}: decisions: expected at most {most} MiB, got {mb}", path.display());
            return Err(Error::too_large(what));
        }
        let text = String::from_utf8(read_text(path).map_err(fail)?);
        let text = text.map_err(|_| wrong(path, "bytes that are not UTF-8"))?;
        Decisions::from_json(&text, path)
    }

    /// Writes them beside the index at `dir`, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        write_whole(&dir.join(DECISIONS_FILE), self.to_json().as_bytes())
    }

    /// The document as text; the same decisions give the same bytes.
    pub fn to_json(&self) -> String {
        let decisions = self.iter().map(|decision| Written {
            verdict: decision.verdict.name().to_owned(),
            hashes: decision.hashes.iter().map(hex).collect(),
            paths: decision.paths,
            keep: decision.keep.map(|Kept { hash, path }| WrittenKept { hash: hex(&hash), path }),
        });
        let (command, decisions) = (DECISIONS_COMMAND.to_owned(), decisions.collect());
        let document = Document { schema_version: self.version(), command, decisions };
        // strings and a number: nothing in it can fail
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }

    /// The version of the document that holds them.
    pub fn version(&self) -> u64 {
        if self.entries.values().any(|entry| entry.verdict == Verdict::Keep) { VERSION } else { 1 }
    }

    /// Reads the document; `path` is for messages.
    ///
    /// # Errors
    /// When it is another document, one of another version, or a verdict or a hash in it is invalid.
    pub fn from_json(text: &str, path: &Path) -> Result<Decisions> {
        /// What all versions of the document have.
        #[derive(Deserialize)]
        struct Head {
            schema_version: Option<u64>,
            command: Option<String>,
        }
        let head: Head = serde_json::from_str(text).map_err(|error| wrong(path, &error.to_string()))?;
        if head.command.as_deref() != Some(DECISIONS_COMMAND) {
            let got =
                head.command.map_or("a document without a command".to_owned(), |got| format!("{got:?}"));
            return Err(wrong(path, &got));
        }
        if !head.schema_version.is_some_and(|version| (1..=VERSION).contains(&version)) {
            let got = head.schema_version.map_or("none".to_owned(), |version| version.to_string());
            let place = path.display();
            let what = format!("{place}: decisions: expected schema version 1 to {VERSION}, got {got}");
            return Err(Error::unsupported(what).with_hint("upgrade aesearch to read it"));
        }
        let document: Document =
            serde_json::from_str(text).map_err(|error| wrong(path, &error.to_string()))?;
        let mut decisions = Decisions::default();
        for (written, number) in document.decisions.into_iter().zip(1..) {
            let decision = written
                .decision()
                .map_err(|what| Error::invalid(format!("{}: decision {number}: {what}", path.display())))?;
            decisions.insert(decision);
        }
        Ok(decisions)
    }

    /// Adds a decision about `images`, each with its name. It replaces one about the same hashes.
    ///
    /// If all are kept and some of them have the same bytes, these get a decision of their own: all files
    /// with these bytes stay. With [`Verdict::Keep`], the first image is kept rather than the others, whatever
    /// was decided about them before.
    ///
    /// # Errors
    /// When there is no image, or with [`Verdict::Different`] there are fewer than two or some have the same
    /// bytes.
    pub fn add(&mut self, verdict: Verdict, images: &[(Hash, String)]) -> Result<ChangeCounts> {
        let mut named: BTreeMap<Hash, Vec<String>> = BTreeMap::new();
        for (hash, path) in images {
            named.entry(*hash).or_default().push(path.clone());
        }
        let mut change = ChangeCounts::default();
        let twice = || named.iter().filter(|(_, paths)| paths.len() > 1);
        match (verdict, twice().next()) {
            (Verdict::Different, Some((_, paths))) => {
                let what =
                    format!("{} and {}: expected different images, got the same bytes", paths[0], paths[1]);
                return Err(Error::invalid(what).with_hint("with `Verdict::KeepAll` both of them stay"));
            }
            (Verdict::Different, None) if named.len() < 2 => {
                let what = format!("different: expected two images or more, got {}", named.len());
                return Err(Error::invalid(what));
            }
            (Verdict::KeepAll | Verdict::Keep, _) if named.is_empty() => {
                let verdict = verdict.name();
                return Err(Error::invalid(format!("{verdict}: expected an image or more, got none")));
            }
            _ => {}
        }
        if verdict == Verdict::KeepAll {
            for (hash, paths) in twice().filter(|_| named.len() > 1) {
                change.count(self.insert(Decision::new(verdict, vec![*hash], paths.clone())));
            }
        }
        let paths = named.values().flatten().cloned().collect();
        let keep = images.first().filter(|_| verdict == Verdict::Keep);
        let keep = keep.map(|(hash, path)| Kept { hash: *hash, path: path.clone() });
        let decision = Decision::new(verdict, named.keys().copied().collect(), paths);
        change.count(self.insert(Decision { keep, ..decision }));
        Ok(change)
    }

    /// Removes the decisions about pairs of these images, or all about a single one. Returns how many were
    /// removed.
    pub fn forget(&mut self, hashes: &[Hash]) -> usize {
        let mut asked = hashes.to_vec();
        asked.sort_unstable();
        asked.dedup();
        let before = self.entries.len();
        let alone = asked.len() == 1;
        self.entries.retain(|about, _| {
            let shared = about.iter().filter(|hash| asked.binary_search(hash).is_ok()).count();
            !(shared >= 2 || shared > 0 && (alone || about.len() == 1))
        });
        self.find_places();
        before - self.entries.len()
    }

    fn find_places(&mut self) {
        self.places.clear();
        self.keeping.clear();
        self.keeping.extend(self.entries.values().filter_map(|entry| Some(entry.keep.as_ref()?.hash)));
        for (hashes, entry) in self.entries.iter().filter(|(_, entry)| entry.separates()) {
            for hash in hashes {
                self.places.entry(*hash).or_default().push(entry.number);
            }
        }
        self.places.values_mut().for_each(|numbers| numbers.sort_unstable());
    }

    /// Adds the decisions of `import`, which replace those about the same hashes.
    pub fn merge(&mut self, import: Decisions) -> ChangeCounts {
        let mut change = ChangeCounts::default();
        for decision in import.iter() {
            change.count(self.insert(decision));
        }
        change
    }

    /// Whether a decision says not to propose these two as duplicates; with the same hash twice, files with
    /// these bytes.
    pub fn separates(&self, a: &Hash, b: &Hash) -> bool {
        if a == b {
            return self.entries.get(std::slice::from_ref(a)).is_some_and(Entry::separates);
        }
        let (Some(a), Some(b)) = (self.places.get(a), self.places.get(b)) else { return false };
        let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        few.iter().any(|number| many.binary_search(number).is_ok())
    }

    /// Contents whose files stay, whatever they are duplicates of.
    pub fn kept(&self) -> HashSet<Hash> {
        let kept = self.entries.iter().filter(|(_, entry)| entry.verdict == Verdict::KeepAll);
        kept.flat_map(|(hashes, _)| hashes).copied().collect()
    }

    /// Contents that are kept rather than others of their group, each with the name of the file that is meant.
    pub fn keepers(&self) -> HashMap<Hash, &str> {
        let kept = self.entries.values().filter_map(|entry| entry.keep.as_ref());
        kept.map(|Kept { hash, path }| (*hash, path.as_str())).collect()
    }

    /// All decisions, sorted by their hashes.
    pub fn iter(&self) -> impl Iterator<Item = Decision> {
        self.entries.iter().map(|(hashes, Entry { verdict, paths, keep, .. })| Decision {
            verdict: *verdict,
            hashes: hashes.clone(),
            paths: paths.clone(),
            keep: keep.clone(),
        })
    }

    /// The number of decisions.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The hashes must be sorted, without repeats.
    fn insert(&mut self, Decision { verdict, hashes, paths, keep }: Decision) -> Inserted {
        let earlier = self.entries.get(&hashes);
        if earlier.is_some_and(|entry| (entry.verdict, &entry.paths, &entry.keep) == (verdict, &paths, &keep))
        {
            return Inserted::Unchanged;
        }
        let changed = keep.as_ref().is_some_and(|keep| self.overrule(keep, &hashes));
        let earlier = self.entries.get(&hashes).map(|entry| (entry.number, entry.separates()));
        let number = earlier.map_or(self.next, |(number, _)| number);
        self.next = self.next.max(number + 1);
        let entry = Entry { number, verdict, paths, keep };
        let separates = entry.separates();
        if earlier.is_none() && separates && !changed {
            for hash in &hashes {
                self.places.entry(*hash).or_default().push(number);
            }
        }
        self.keeping.extend(entry.keep.as_ref().map(|keep| keep.hash));
        self.entries.insert(hashes, entry);
        if changed || earlier.is_some_and(|(_, before)| before != separates) {
            self.find_places();
        }
        if earlier.is_some() { Inserted::Replaced } else { Inserted::Added }
    }

    /// Takes `keep` rather than the others of `hashes`: what was decided to keep these ends. Returns whether
    /// anything was.
    fn overrule(&mut self, keep: &Kept, hashes: &[Hash]) -> bool {
        let goes = |hash: &Hash| *hash != keep.hash && hashes.binary_search(hash).is_ok();
        let known = |hash: &Hash| self.places.contains_key(hash) || self.keeping.contains(hash);
        if !hashes.iter().any(known) {
            return false;
        }
        let is_over = |about: &[Hash], entry: &Entry| match (&entry.verdict, &entry.keep) {
            (Verdict::KeepAll, _) => about.iter().any(goes),
            (Verdict::Keep, Some(earlier)) => goes(&earlier.hash) || earlier.hash == keep.hash,
            _ => false,
        };
        let over: Vec<Vec<Hash>> = self
            .entries
            .iter()
            .filter(|(about, entry)| about.as_slice() != hashes && is_over(about, entry))
            .map(|(about, _)| about.clone())
            .collect();
        for about in &over {
            let Some(entry) = self.entries.remove(about) else { continue };
            // the others are still all kept
            let rest: Vec<Hash> = about.iter().filter(|hash| !goes(hash)).copied().collect();
            if entry.verdict == Verdict::KeepAll && rest.len() > 1 {
                self.entries.entry(rest).or_insert(entry);
            }
        }
        !over.is_empty()
    }
}

impl Entry {
    /// Whether pairs of its images are not proposed.
    fn separates(&self) -> bool {
        self.verdict != Verdict::Keep
    }
}

/// Compares the decisions, not the order in which they were made.
impl PartialEq for Decisions {
    fn eq(&self, other: &Decisions) -> bool {
        self.iter().eq(other.iter())
    }
}

enum Inserted {
    Added,
    Replaced,
    Unchanged,
}

impl ChangeCounts {
    fn count(&mut self, inserted: Inserted) {
        match inserted {
            Inserted::Added => self.added += 1,
            Inserted::Replaced => self.replaced += 1,
            Inserted::Unchanged => self.unchanged += 1,
        }
    }
}

impl Decision {
    fn new(verdict: Verdict, mut hashes: Vec<Hash>, mut paths: Vec<String>) -> Decision {
        hashes.sort_unstable();
        hashes.dedup();
        paths.sort_unstable();
        paths.dedup();
        Decision { verdict, hashes, paths, keep: None }
    }
}

impl Written {
    fn decision(self) -> Result<Decision, String> {
        let verdict = match self.verdict.as_str() {
            "different" => Verdict::Different,
            "keep-all" => Verdict::KeepAll,
            "keep" => Verdict::Keep,
            other => return Err(format!("verdict: expected different, keep-all or keep, got {other:?}")),
        };
        let hash = |text: &String| {
            unhex(text).ok_or_else(|| format!("hash: expected 64 hexadecimal digits, got {text:?}"))
        };
        let hashes = self.hashes.iter().map(hash).collect::<Result<_, _>>()?;
        let decision = Decision::new(verdict, hashes, self.paths);
        let least = if verdict == Verdict::Different { 2 } else { 1 };
        if decision.hashes.len() < least {
            return Err(format!("hashes: expected at least {least}, got {}", decision.hashes.len()));
        }
        let keep = match self.keep.filter(|_| verdict == Verdict::Keep) {
            Some(WrittenKept { hash: text, path }) => Some(Kept { hash: hash(&text)?, path }),
            None => None,
        };
        let is_among = |keep: &Kept| decision.hashes.contains(&keep.hash);
        match verdict == Verdict::Keep && !keep.as_ref().is_some_and(is_among) {
            true => Err("keep: expected one of the hashes, got none of them".to_owned()),
            false => Ok(Decision { keep, ..decision }),
        }
    }
}

fn wrong(path: &Path, got: &str) -> Error {
    Error::invalid(format!("{}: expected decisions, got {got}", path.display()))
        .with_hint("`DecideOptions::export` writes some, and so does the page of `ScanOutputs::report`")
}

/// The hash as 64 hexadecimal digits.
pub fn hex(hash: &Hash) -> String {
    hash.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[digit as usize]))
        .collect()
}

/// Reads 64 hexadecimal digits; nothing if the text is something else.
pub fn unhex(text: &str) -> Option<Hash> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests;
