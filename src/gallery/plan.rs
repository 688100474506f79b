//! What to do with each image of a run: which items of the index stay as they are, which are added, which go.
//!
//! What is added is in the order of the walk, whatever was encoded when, so that the same images make the same index.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf, absolute};

use aesearch_index::{SegmentBuilder, Settings, Snapshot};

use super::coder::{Job, Outcome};
use super::record::{Facts, Record};
use crate::error::Result;
use crate::images::{Item, Skipped, file_of};

/// The items of an index that a run over `data` leaves alone: their files exist, and lie elsewhere. What lies below `data`
/// stays only under a name that is among `walked`. Relative names start at the working directory, else at `base`.
pub(super) fn elsewhere(old: &Snapshot, walked: &[Item], data: &[PathBuf], base: &Path) -> Vec<u32> {
    let walked: HashSet<_> = walked.iter().map(Item::name).collect();
    // A link inside a folder leads out of it, but is below it by name.
    let roots: Vec<PathBuf> =
        data.iter().flat_map(|root| [absolute(root), root.canonicalize()]).flatten().collect();
    let below = |path: &Path| roots.iter().any(|root| path.starts_with(root));
    let mut folders = HashMap::new(); // each is looked up once
    let mut is_elsewhere = |file: PathBuf| {
        let absolute = absolute(&file).unwrap_or(file);
        let (Some(folder), Some(name)) = (absolute.parent(), absolute.file_name()) else { return false };
        let real =
            folders.entry(folder.to_path_buf()).or_insert_with_key(|folder| folder.canonicalize().ok());
        !below(&absolute) && !real.as_ref().is_some_and(|folder| below(&folder.join(name)))
    };
    let stays = |&id: &u32| {
        let name = old.name(id);
        !walked.contains(name) && file_of(name, base).is_some_and(&mut is_elsewhere)
    };
    old.ids().filter(stays).collect()
}

/// The images of a run, each with what is to be done.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    items: &'a [Item],
    steps: Vec<Step>,
    old: Option<&'a Snapshot>,
    reread: bool,
    /// Items of the old index that are kept as they are.
    elsewhere: Vec<u32>,
}

#[derive(Debug)]
enum Step {
    /// Size and time are those of item `id` of the old index.
    Keep { id: u32, relabelled: Option<Record> },
    /// New, or possibly changed: to be read.
    Read { old: Option<(u32, [u8; 32])> },
}

impl<'a> Plan<'a> {
    /// Compares names, sizes and times with the old index; opens no image. With `reread`, codes of the old index are of
    /// no use, and every image is read.
    pub(super) fn new(items: &'a [Item], old: Option<&'a Snapshot>, reread: bool) -> Result<Plan<'a>> {
        let names = |old: &'a Snapshot| old.ids().map(|id| (old.name(id), id)).collect();
        let ids: HashMap<&[u8], u32> = old.map_or_else(HashMap::new, names);
        let mut steps = Vec::with_capacity(items.len());
        for item in items {
            let step = match (old, ids.get(&*item.name())) {
                (Some(old), Some(&id)) => Step::compare(item, id, Record::of(old, id)?, reread),
                _ => Step::Read { old: None },
            };
            steps.push(step);
        }
        Ok(Plan { items, steps, old, reread, elsewhere: Vec::new() })
    }

    /// Keeps these items of the old index as well.
    pub(super) fn keeping(self, elsewhere: Vec<u32>) -> Plan<'a> {
        Plan { elsewhere, ..self }
    }

    /// The positions of the images to be read, with their jobs.
    pub(super) fn jobs(&self) -> Vec<(usize, Job<'a>)> {
        let jobs = self.items.iter().zip(&self.steps).enumerate();
        jobs.filter_map(|(position, (item, step))| match step {
            Step::Read { old } => {
                Some((position, Job { item, known: old.map(|(_, hash)| hash).filter(|_| !self.reread) }))
            }
            Step::Keep { .. } => None,
        })
        .collect()
    }

    /// What was skipped among `outcomes`, in the order of the items.
    pub(super) fn skipped(&self, outcomes: &HashMap<usize, Outcome>) -> Vec<Skipped> {
        let of = |position| match outcomes.get(&position) {
            Some(Outcome::Skipped(reason)) => {
                Some(Skipped::new(self.items[position].name(), reason.as_str()))
            }
            _ => None,
        };
        (0..self.items.len()).filter_map(of).collect()
    }
}

impl Step {
    fn compare(item: &Item, id: u32, mut record: Record, reread: bool) -> Step {
        if reread || item.quick_stamp() != Ok((record.size, record.mtime_ns)) {
            return Step::Read { old: Some((id, record.hash)) };
        }
        let relabelled = (record.label.as_deref() != item.label()).then(|| {
            record.label = item.label().map(str::to_owned);
            record
        });
        Step::Keep { id, relabelled }
    }
}

/// What became of the images.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) added: usize,
    pub(super) unchanged: usize,
    pub(super) changed: usize,
    /// Of the unchanged, those with another time, label or code than before.
    pub(super) rewritten: usize,
    pub(super) skipped: Vec<Skipped>,
}

/// How the index is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Distinct codes per bucket.
    pub(super) bucket_size: Option<usize>,
    /// Whether latents are kept, to re-rank by.
    pub(super) latents: bool,
    /// It was laid out otherwise: everything is written anew.
    pub(super) rebuild: bool,
}

/// A commit in the making.
pub(super) struct Assembly<'a> {
    plan: &'a Plan<'a>,
    facts: &'a Facts,
    builder: SegmentBuilder,
    /// Items of the old index that stay where they are.
    kept: HashSet<u32>,
    /// Nothing stays where it is: all is written anew.
    rebuild: bool,
    /// Outcomes of positions that are not reached yet.
    held: HashMap<usize, Outcome>,
    /// The first position not dealt with.
    next: usize,
    tally: Tally,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(
        plan: &'a Plan<'a>,
        facts: &'a Facts,
        layout: Layout,
        held: HashMap<usize, Outcome>,
    ) -> Result<Assembly<'a>> {
        let Layout { bucket_size, latents, rebuild } = layout;
        let builder = SegmentBuilder::new(&Settings {
            bits: facts.binarizer.bits(),
            latent_size: if latents { facts.binarizer.latent_size() } else { 0 },
            bucket_size,
            attributes: vec![facts.to_attribute()],
        })?;
        let (kept, tally) = (HashSet::new(), Tally::default());
        Ok(Assembly { plan, facts, builder, kept, rebuild, held, next: 0, tally })
    }

    /// Adds the outcome of the job at `position`, and before it what is kept or held up to there.
    pub(super) fn put(&mut self, position: usize, outcome: Outcome) -> Result<()> {
        self.advance(position)?;
        self.next = position + 1;
        self.push(position, outcome)
    }

    /// Adds all that is kept or held; an image whose job was not done stays as it was. Gives what is to be added, and the items
    /// of the old index that are to go: removed images, and those whose entry is written anew.
    pub(super) fn finish(mut self) -> Result<(SegmentBuilder, Vec<u32>, Tally)> {
        self.advance(self.plan.steps.len())?;
        self.plan.elsewhere.iter().try_for_each(|&id| self.keep(id))?;
        let old = self.plan.old.into_iter().flat_map(Snapshot::ids);
        let gone = old.filter(|id| !self.kept.contains(id)).collect();
        Ok((self.builder, gone, self.tally))
    }

    fn advance(&mut self, to: usize) -> Result<()> {
        for position in self.next..to {
            if let Some(outcome) = self.held.remove(&position) {
                self.push(position, outcome)?;
                continue;
            }
            match &self.plan.steps[position] {
                Step::Keep { id, relabelled: Some(record) } => self.rewrite(*id, record)?,
                Step::Keep { id, relabelled: None } | Step::Read { old: Some((id, _)) } => self.keep(*id)?,
                Step::Read { old: None } => {}
            }
        }
        Ok(())
    }

    fn push(&mut self, position: usize, outcome: Outcome) -> Result<()> {
        let item = &self.plan.items[position];
        let old = match self.plan.steps[position] {
            Step::Read { old } => old,
            Step::Keep { .. } => None,
        };
        match (outcome, old) {
            (Outcome::Skipped(reason), _) => self.tally.skipped.push(Skipped::new(item.name(), reason)),
            (Outcome::Same(stamp), Some((id, _))) => self.rewrite(id, &Record::new(item.label(), &stamp))?,
            (Outcome::Same(_), None) => {} // nothing was known of a new image, so it cannot be the same
            (Outcome::Encoded { stamp, latent }, old) => {
                let code = self.facts.binarizer.binarize(&latent);
                self.builder.push(aesearch_index::Item {
                    name: &item.name(),
                    payload: &Record::new(item.label(), &stamp).to_bytes(),
                    code: &code,
                    latent: if self.builder.latent_size() > 0 { &latent } else { &[] },
                })?;
                match old {
                    None => self.tally.added += 1,
                    Some((_, hash)) if hash != stamp.hash => self.tally.changed += 1,
                    Some(_) => {
                        self.tally.unchanged += 1;
                        self.tally.rewritten += 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps an image of the old index as it is.
    fn keep(&mut self, id: u32) -> Result<()> {
        if let Some(old) = self.plan.old {
            if self.rebuild {
                self.builder.push_from(old, id)?;
            } else {
                self.kept.insert(id);
            }
            self.tally.unchanged += 1;
        }
        Ok(())
    }

    /// Keeps an image of the old index under a new record.
    fn rewrite(&mut self, id: u32, record: &Record) -> Result<()> {
        let Some(old) = self.plan.old else { return Ok(()) };
        self.builder.push_from_with(old, id, &record.to_bytes())?;
        self.tally.unchanged += 1;
        self.tally.rewritten += 1;
        Ok(())
    }
}
