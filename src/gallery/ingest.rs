//! From outcomes to commits: what was encoded is added, and what is gone is removed at the end.
//!
//! A long run commits now and then ([`Checkpoints`]), so that little is lost when it is killed: such commits
//! only add images, and replace changed ones. The last one removes what is gone, and leaves the same segments
//! as a run with a single commit. Ids hold for one commit only, so what is to be removed is remembered by
//! name.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use aesearch_index::{Changes, SegmentBuilder, Settings, Snapshot, Writer};

use super::columns::{keep, values};
use super::outcome::{KnownHashes, Outcome};
use super::plan::{Plan, Step};
use super::record::{Facts, Record};
use crate::error::Result;
use crate::images::{Skipped, Stamp};

/// The index attribute of an unfinished run: the number of the commit before its first one, u64,
/// little-endian.
const RUN: &str = "run";

/// When a run commits before its end: after a number of images or a time, whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoints {
    /// Images since the last commit.
    pub images: usize,
    /// Time since the last commit.
    pub every: Duration,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Checkpoints { images: 50_000, every: Duration::from_secs(10) }
    }
}

/// What became of the images.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) added: usize,
    pub(super) unchanged: usize,
    pub(super) changed: usize,
    pub(super) removed: usize,
    /// Images whose content is known by another name, which is gone.
    pub(super) renamed: usize,
    /// Those of them that would be kept, had their contents not come under other names.
    pub(super) moved: Vec<u32>,
    /// Images that went through the model.
    pub(super) encoded: usize,
    pub(super) skipped: Vec<Skipped>,
    /// Time spent on commits.
    pub(super) write: Duration,
}

/// What the segments of an index hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentLayout {
    /// Distinct codes per bucket.
    pub(super) bucket_size: Option<usize>,
    /// Whether latents are kept, to re-rank by.
    pub(super) latents: bool,
    /// The whole index is written anew: its layout was another, or its codes are of no use any more.
    pub(super) anew: bool,
}

/// What decides what the commits of a run hold.
pub(super) struct Content<'a> {
    pub(super) plan: &'a Plan<'a>,
    /// Contents whose codes can be used again.
    pub(super) known: &'a KnownHashes,
    pub(super) facts: &'a Facts,
    pub(super) layout: SegmentLayout,
    pub(super) checkpoints: Checkpoints,
}

/// What an image is called in the index.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) label: Option<&'a str>,
    /// The item of the old index that it replaces.
    pub(super) old: Option<u32>,
}

/// The next commit as it grows, and what matters of those before.
pub(super) struct Ingest<'a> {
    plan: &'a Plan<'a>,
    known: &'a KnownHashes,
    facts: &'a Facts,
    layout: SegmentLayout,
    checkpoints: Checkpoints,
    writer: &'a mut Writer,
    builder: SegmentBuilder,
    /// Names of items of the last commit that the next one removes.
    going: HashSet<Vec<u8>>,
    /// The next commit replaces the index by what was added and what is kept.
    replaces: bool,
    /// Items of the old index that it does not keep.
    replaced: HashSet<u32>,
    /// Images of the old index that are still to be read.
    old_left: usize,
    /// The commit before the first one of this run, or of an unfinished run that this one continues.
    since: u64,
    committed: Instant,
    /// Contents that the old index has, under new names: how many of each.
    came: HashMap<[u8; 32], usize>,
    tally: Tally,
}

impl<'a> Ingest<'a> {
    pub(super) fn new(content: Content<'a>, writer: &'a mut Writer) -> Result<Ingest<'a>> {
        let Content { plan, known, facts, layout, checkpoints } = content;
        let unfinished = plan.old.and_then(unfinished);
        let since = unfinished.unwrap_or(plan.old.map_or(0, Snapshot::generation));
        let old_left = plan.steps.iter().filter(|step| matches!(step, Step::Read { old: Some(_) })).count();
        let mut ingest = Ingest {
            plan,
            known,
            facts,
            layout,
            checkpoints,
            writer,
            builder: SegmentBuilder::new(&settings(facts, layout))?,
            going: HashSet::new(),
            replaces: plan.old.is_some() && layout.anew,
            replaced: HashSet::new(),
            old_left,
            since,
            committed: Instant::now(),
            came: HashMap::new(),
            tally: Tally::default(),
        };
        ingest.relabel()?;
        Ok(ingest)
    }

    /// Takes the outcome of the image at `position` of the plan, and commits when it is time to.
    pub(super) fn put(&mut self, position: usize, outcome: Outcome) -> Result<()> {
        let plan = self.plan;
        let old = match plan.steps[position] {
            Step::Read { old } => old,
            Step::Keep { .. } => None,
        };
        self.old_left -= usize::from(old.is_some());
        if let Outcome::Skipped(reason) = &outcome {
            self.tally.skipped.push(Skipped::new(plan.items[position].name(), reason.clone()));
        }
        let (name, label) = (plan.name(position), plan.label(position));
        self.take(Entry { name: &name, label: label.as_deref(), old }, outcome)
    }

    /// The same of an image that the plan does not know.
    pub(super) fn take(&mut self, entry: Entry<'_>, outcome: Outcome) -> Result<()> {
        let Entry { name, label, old } = entry;
        match outcome {
            Outcome::Skipped(_) => {
                self.tally.removed += usize::from(old.is_some());
                self.take_out(old);
            }
            Outcome::Same(stamp) => self.use_again(entry, &stamp)?,
            Outcome::Encoded { stamp, latent, facts } => {
                let code = self.facts.codes.binarizer.binarize(&latent);
                self.builder.push(aesearch_index::Item {
                    name,
                    payload: &Record::new(label, &stamp).to_bytes(),
                    code: &code,
                    latent: if self.builder.latent_size() > 0 { &latent } else { &[] },
                })?;
                keep(&mut self.builder, &values(&facts))?;
                self.tally.encoded += 1;
                self.count(old, &stamp)?;
                self.take_out(old);
            }
        }
        let due = self.builder.len() >= self.checkpoints.images
            || self.committed.elapsed() >= self.checkpoints.every;
        // A commit that replaces the index must hold all of it.
        if due && !self.builder.is_empty() && !(self.replaces && self.old_left > 0) {
            self.commit(false)?;
        }
        Ok(())
    }

    /// The last commit. If the run is not finished, a later one continues it: an image that was not reached
    /// stays as it was, and so does what is gone, as its content may reappear under another name.
    pub(super) fn finish(mut self, is_finished: bool) -> Result<Tally> {
        if self.replaces && self.old_left > 0 && self.plan.is_reread() {
            // Old codes cannot be mixed with new ones: nothing was done.
            return Ok(Tally { skipped: self.tally.skipped, ..Tally::default() });
        }
        let kept = self.plan.steps.iter().filter(|step| matches!(step, Step::Keep { .. })).count();
        self.tally.unchanged += kept + self.plan.elsewhere.len() + self.plan.absent.len() + self.old_left;
        if is_finished {
            self.drop_gone()?;
        }
        self.commit(is_finished)?;
        Ok(self.tally)
    }

    /// Removes what is gone. A content that has come under another name was renamed, even where its old place
    /// is not there now.
    fn drop_gone(&mut self) -> Result<()> {
        let (plan, Some(old)) = (self.plan, self.plan.old) else { return Ok(()) };
        let gone: Vec<u32> = plan.gone().collect();
        for (id, is_gone) in
            gone.into_iter().map(|id| (id, true)).chain(plan.absent.iter().map(|&id| (id, false)))
        {
            match self.came.get_mut(&Record::of(old, id)?.hash).filter(|came| **came > 0) {
                Some(came) => {
                    *came -= 1;
                    self.tally.renamed += 1;
                    self.tally.added -= 1;
                    self.tally.unchanged -= usize::from(!is_gone);
                    self.tally.moved.extend((!is_gone).then_some(id));
                }
                None if is_gone => self.tally.removed += 1,
                None => continue,
            }
            self.take_out(Some(id));
        }
        Ok(())
    }

    /// Takes over new labels of images that are kept.
    fn relabel(&mut self) -> Result<()> {
        let (plan, Some(old)) = (self.plan, self.plan.old) else { return Ok(()) };
        for (position, step) in plan.steps.iter().enumerate() {
            if let Step::Keep { id, relabelled: true } = *step {
                let label = plan.label(position).map(Cow::into_owned);
                let record = Record { label, ..Record::of(old, id)? };
                let payload = record.to_bytes();
                let changes = Changes { payload: Some(&payload), ..Changes::default() };
                self.builder.push_changed(old, id, &changes)?;
                self.take_out(Some(id));
            }
        }
        Ok(())
    }

    /// Adds an image whose content is known: its own, from before it was touched, or that of an image of
    /// another name.
    fn use_again(&mut self, entry: Entry<'_>, stamp: &Stamp) -> Result<()> {
        let (Some(old), Some(&known)) = (self.plan.old, self.known.get(&stamp.hash)) else { return Ok(()) };
        let record = Record::new(entry.label, stamp).to_bytes();
        let changes = Changes { name: Some(entry.name), payload: Some(&record), code: None };
        self.builder.push_changed(old, known, &changes)?;
        self.count(entry.old, stamp)?;
        *self.came.entry(stamp.hash).or_default() += usize::from(entry.old.is_none());
        self.take_out(entry.old);
        Ok(())
    }

    /// Counts an image of the old index, or none, that now has the content `stamp`.
    fn count(&mut self, old_id: Option<u32>, stamp: &Stamp) -> Result<()> {
        match self.plan.old.zip(old_id) {
            None => self.tally.added += 1,
            Some((old, id)) if Record::of(old, id)?.hash != stamp.hash => self.tally.changed += 1,
            Some(_) => self.tally.unchanged += 1,
        }
        Ok(())
    }

    /// Removes the item `id` of the old index with the next commit.
    fn take_out(&mut self, id: Option<u32>) {
        match self.plan.old.zip(id) {
            Some((_, id)) if self.replaces => drop(self.replaced.insert(id)),
            Some((old, id)) => drop(self.going.insert(old.name(id).to_vec())),
            None => {}
        }
    }

    fn commit(&mut self, is_last: bool) -> Result<()> {
        let start = Instant::now();
        let next = SegmentBuilder::new(&settings(self.facts, self.layout))?;
        let add = std::mem::replace(&mut self.builder, next);
        let run = (!is_last).then(|| (RUN.to_owned(), self.since.to_le_bytes().to_vec()));
        let add = add.with_attributes([self.facts.to_attribute()].into_iter().chain(run).collect());
        match self.replaces {
            true => self.replace(add)?,
            false => self.change(add, is_last)?,
        }
        self.committed = Instant::now();
        self.tally.write += start.elapsed();
        Ok(())
    }

    /// Writes the index anew: what was added, and what was not replaced of an old one whose codes are still
    /// of use.
    fn replace(&mut self, mut add: SegmentBuilder) -> Result<()> {
        let old = self.plan.old.filter(|_| !self.plan.is_reread());
        for (old, id) in old.into_iter().flat_map(|old| old.ids().map(move |id| (old, id))) {
            if !self.replaced.contains(&id) {
                add.push_from(old, id)?;
            }
        }
        self.writer.replace(add)?;
        self.replaces = false;
        Ok(())
    }

    fn change(&mut self, add: SegmentBuilder, is_last: bool) -> Result<()> {
        let now = self.writer.last()?;
        if add.is_empty() && self.going.is_empty() {
            let same = |now: &Snapshot| now.settings().attributes == add.attributes();
            if now.as_ref().is_none_or(same) {
                return Ok(());
            }
        }
        let goes = |now: &Snapshot| now.ids().filter(|&id| self.going.contains(now.name(id))).collect();
        let gone: Vec<u32> = match &now {
            Some(now) if !self.going.is_empty() => goes(now),
            _ => Vec::new(),
        };
        drop(now);
        match is_last {
            true => self.writer.commit_since(add, &gone, self.since)?,
            false => self.writer.checkpoint(add, &gone, self.since)?,
        }
        self.going.clear();
        Ok(())
    }
}

fn settings(facts: &Facts, layout: SegmentLayout) -> Settings {
    Settings {
        bits: facts.codes.binarizer.bits(),
        latent_size: if layout.latents { facts.codes.binarizer.latent_size() } else { 0 },
        bucket_size: layout.bucket_size,
        attributes: Vec::new(),
    }
}

/// The number of the commit before a run that was not finished.
pub(super) fn unfinished(old: &Snapshot) -> Option<u64> {
    old.attribute(RUN).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes)
}
