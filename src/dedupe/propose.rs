//! From groups of positions to groups of a plan: which file is kept, which are its duplicates, and how they
//! differ.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::collection::{Collection, Picture, Shape};
use super::decisions::Decisions;
use super::doubt::may_be_damaged;
use super::fingerprints::{Fingerprints, Hash};
use super::grouping::Going;
use super::keep::{better, reason};
use super::options::ScanOptions;
use super::original::Flaws;
use super::pair_table::{PairTable, Relation};
use super::plan::{Duplicate, File, Group, GroupKind, NearMiss};
use super::select::Select;
use super::units::{are_of_one_shot, whole_shots};
use crate::images::hash_bytes;

/// Digits of a group's id.
const ID: usize = 12;

/// What groups are made from, and which files are duplicates already.
pub(super) struct Proposal<'a> {
    /// All files.
    collection: &'a Collection,
    /// The pictures they show, by position.
    pictures: &'a [Picture],
    /// Their fingerprints.
    fingerprints: &'a Fingerprints,
    /// What is asked for.
    options: &'a ScanOptions,
    /// Earlier decisions.
    decisions: &'a Decisions,
    /// What speaks against contents, and whether only near pictures are asked.
    flaws: Flaws,
    in_near: bool,
    /// Contents whose files stay by decision.
    kept: HashSet<Hash>,
    /// Contents that a decision keeps rather than others of their group, each with the name of the file.
    keepers: HashMap<Hash, &'a str>,
    /// Files that are duplicates in an earlier group.
    gone: HashSet<u32>,
    /// The standing of each picture, by position, computed when it is needed.
    standings: Vec<OnceCell<Option<Box<Standing>>>>,
}

/// What near groups need to know about the remaining files that show a picture.
struct Standing {
    /// The one to keep rather than the others.
    best: Member,
    /// Some stay in any case: those of a reference, and those kept by decision.
    fixed: bool,
    /// For each of the others, the path of the data that it is in.
    free: Vec<usize>,
}

/// A file that may become a member.
struct Member {
    number: u32,
    file: File,
    part: usize,
    /// The position of its picture.
    position: u32,
    /// The same for all names of one file; none if it has only one name.
    id: Option<(u64, u64)>,
}

impl<'a> Proposal<'a> {
    /// An empty proposal.
    pub(super) fn new(
        collection: &'a Collection,
        pictures: &'a [Picture],
        fingerprints: &'a Fingerprints,
        options: &'a ScanOptions,
        decisions: &'a Decisions,
    ) -> Self {
        let standings = pictures.iter().map(|_| OnceCell::new()).collect();
        let (kept, keepers, gone) = (decisions.kept(), decisions.keepers(), HashSet::new());
        let flaws = Flaws::default();
        Proposal {
            collection,
            pictures,
            fingerprints,
            options,
            decisions,
            flaws,
            in_near: true,
            kept,
            keepers,
            gone,
            standings,
        }
    }

    /// The same, with what speaks against contents.
    pub(super) fn with_flaws(self, flaws: Flaws) -> Self {
        Proposal { flaws, ..self }
    }

    /// The same, when all near groups are made: edited pictures tell of each other too.
    pub(super) fn beyond_near(self) -> Self {
        let standings = self.pictures.iter().map(|_| OnceCell::new()).collect();
        Proposal { in_near: false, standings, ..self }
    }

    /// Groups of files with the same bytes, and of files with the same pixels. To be called before any method
    /// about near ones.
    pub(super) fn exact(&mut self) -> Vec<Group> {
        [self.same_bytes(), self.same_pixels()].concat()
    }

    fn same_bytes(&mut self) -> Vec<Group> {
        let several: Vec<(Hash, Vec<u32>)> = self
            .collection
            .by_content()
            .filter(|(hash, files)| files.len() > 1 && !self.decisions.separates(hash, hash))
            .map(|(hash, files)| (*hash, files.to_vec()))
            .collect();
        let group = |(_, files): (Hash, Vec<u32>)| {
            let members = files.into_iter().map(|file| self.member(file, 0)).collect();
            self.group(GroupKind::Bytes, members, &|_, _| Relation::same())
        };
        sorted(several.into_iter().filter_map(group).collect())
    }

    fn same_pixels(&mut self) -> Vec<Group> {
        let mut groups = Vec::new();
        let pictures = self.pictures; // borrowed from the caller, not from self
        let several = pictures.iter().zip(0..).filter(|(picture, _)| picture.contents.len() > 1);
        for (_, position) in several {
            let mut members = self.members(position);
            members.sort_by(|a, b| self.order(a, b));
            let hash = |member: &Member| super::unhex(&member.file.hash).unwrap_or_default();
            if let Some(keeper) = members.first().map(hash) {
                // files with the keeper's own bytes stay anyway
                members.retain(|member| {
                    hash(member) == keeper || !self.decisions.separates(&keeper, &hash(member))
                });
            }
            let several = members.iter().any(|member| member.file.hash != members[0].file.hash);
            if several {
                groups.extend(self.group(GroupKind::Pixels, members, &|_, _| Relation::same()));
            }
        }
        sorted(groups)
    }

    /// Groups of a kind of pictures that were compared, by position.
    pub(super) fn compared(
        &mut self,
        kind: GroupKind,
        groups: &[Vec<u32>],
        table: &PairTable<'_>,
    ) -> Vec<Group> {
        let mut made = Vec::new();
        for positions in groups {
            let (medoid, diameter) = table.middle(positions);
            let members: Vec<Member> =
                positions.iter().flat_map(|&position| self.members(position)).collect();
            let of_medoid = members.iter().filter(|member| Some(member.position) == medoid);
            let medoid = of_medoid.min_by(|a, b| self.order(a, b)).map(|member| member.file.path.clone());
            let Some(mut group) = self.group(kind, members, &|a, b| table.relation(a, b)) else {
                continue;
            };
            group.medoid = medoid.unwrap_or(group.medoid);
            group.diameter = diameter;
            made.push(group);
        }
        sorted(made)
    }

    /// A pair just below the threshold, or a near one in no common group; none if nothing could be proposed
    /// for it.
    pub(super) fn near_miss(&self, (a, b): (u32, u32), table: &PairTable<'_>) -> Option<NearMiss> {
        let (anchor, other) = if self.prefer(a, b).is_gt() { (b, a) } else { (a, b) };
        if self.going(anchor, other) == Going::Nothing {
            return None;
        }
        let file = |position: u32| Some(self.standing(position)?.best.file.clone());
        let Relation { distance, similarity, .. } = table.relation(a, b);
        Some(NearMiss { a: file(a)?, b: file(b)?, distance, similarity })
    }

    fn member(&self, number: u32, position: u32) -> Member {
        let shape = |hash: &Hash| self.fingerprints.get(hash).map(Shape::from);
        let mut file = self.collection.file(number, &shape);
        file.flaws =
            super::unhex(&file.hash).map_or_else(Vec::new, |hash| self.flaws.against(&hash, self.in_near));
        Member {
            number,
            file,
            part: self.collection.part(number),
            position,
            id: self.collection.file_id(number),
        }
    }

    /// The files that show a picture, except those that are duplicates already.
    fn members(&self, position: u32) -> Vec<Member> {
        let contents = self.pictures[position as usize].contents.iter();
        let files = contents.flat_map(|hash| self.collection.files_of(hash));
        let left = files.filter(|file| !self.gone.contains(file));
        left.map(|&file| self.member(file, position)).collect()
    }

    fn standing(&self, position: u32) -> Option<&Standing> {
        let compute = || {
            let (fixed, free): (Vec<Member>, Vec<Member>) = self
                .members(position)
                .into_iter()
                .partition(|member| member.file.reference || self.stays(&member.file));
            let (is_fixed, parts) = (!fixed.is_empty(), free.iter().map(|member| member.part).collect());
            let best = fixed.into_iter().chain(free).min_by(|a, b| self.order(a, b))?;
            Some(Box::new(Standing { best, fixed: is_fixed, free: parts }))
        };
        self.standings[position as usize].get_or_init(compute).as_deref()
    }

    /// A picture joins pictures of lower rank. A reference has rank 0; without `across`, all others have rank
    /// 1.
    pub(super) fn rank(&self, position: u32) -> usize {
        match self.standing(position).map(|standing| &standing.best) {
            Some(best) if best.file.reference => 0,
            Some(best) if self.options.across => best.part + 1,
            _ => 1,
        }
    }

    /// What goes of the picture at `other` if the one at `anchor` stays.
    pub(super) fn going(&self, anchor: u32, other: u32) -> Going {
        let (Some(anchor), Some(other)) = (self.standing(anchor), self.standing(other)) else {
            return Going::Nothing;
        };
        let stays = |part: &&usize| self.options.across && **part == anchor.best.part;
        let staying = other.free.iter().filter(stays).count();
        match other.free.len() - staying {
            0 => Going::Nothing,
            _ if other.fixed || staying > 0 => Going::Part,
            _ => Going::All,
        }
    }

    /// `Less` if the picture at `a` is to be kept rather than the one at `b`.
    pub(super) fn prefer(&self, a: u32, b: u32) -> Ordering {
        match (self.standing(a), self.standing(b)) {
            (Some(a), Some(b)) => self.order(&a.best, &b.best),
            _ => Ordering::Equal,
        }
    }

    /// `Less` if `a` is to be kept rather than `b`.
    fn order(&self, a: &Member, b: &Member) -> Ordering {
        // with `across`, the path named first is kept
        let part = |member: &Member| if self.options.across { member.part } else { 0 };
        let first = b.file.reference.cmp(&a.file.reference).then_with(|| part(a).cmp(&part(b)));
        let first = first.then_with(|| self.chosen(&b.file).cmp(&self.chosen(&a.file)));
        // a file stays rather than one picture of another
        let whole = || a.file.frame.cmp(&b.file.frame);
        let sound = || a.file.damaged.is_some().cmp(&b.file.damaged.is_some());
        // one of a shot can only go with the others
        let shot = || b.file.shot.len().cmp(&a.file.shot.len());
        first
            .then_with(whole)
            .then_with(sound)
            .then_with(shot)
            .then_with(|| better(&a.file, &b.file, &self.options.keep))
    }

    fn group(
        &mut self,
        kind: GroupKind,
        mut members: Vec<Member>,
        relation: &dyn Fn(u32, u32) -> Relation,
    ) -> Option<Group> {
        members.sort_by(|a, b| self.order(a, b));
        let mut names: Vec<String> =
            members.iter().map(|member| format!("{} {}", member.file.hash, member.file.path)).collect();
        names.sort_unstable();
        let labels: BTreeSet<&str> =
            members.iter().filter_map(|member| member.file.label.as_deref()).collect();
        let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
        let mut members = members.into_iter();
        let keeper = members.next()?;
        if !matches!(kind, GroupKind::Bytes | GroupKind::Pixels)
            && !members.as_slice().iter().all(|member| is_certain(&keeper.file, &member.file))
        {
            return None;
        }
        let (mut duplicates, mut also_kept, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let hash = |file: &File| super::unhex(&file.hash).unwrap_or_default();
        let mut seen = vec![(keeper.position, hash(&keeper.file))];
        for Member { number, file, part, position, id } in members {
            // pairs of different pictures kept apart are in no group; files that show the same picture can be
            // kept apart here
            let own = hash(&file);
            let apart = |(other, seen): &(u32, Hash)| {
                *other == position && *seen != own && self.decisions.separates(seen, &own)
            };
            if !kind.is_exact()
                && (self.decisions.separates(&seen[0].1, &own) && seen[0].1 != own || seen.iter().any(apart))
            {
                continue;
            }
            if keeper.file.frame && keeper.file.file_of_frame() == file.file_of_frame() {
                continue; // frames of one file resemble each other
            }
            seen.push((position, own));
            // with the same bytes it does not matter which one is kept, and if all are, there is no group
            let is_kept = kind != GroupKind::Bytes && self.is_kept(&file);
            let stays = file.reference
                || is_kept
                || !Select::allows(self.options.select.as_ref(), &file)
                || (keeper.file.frame && !file.frame) // no file goes for one picture of another
                || (id.is_some() && id == keeper.id) // another name of the same file
                || are_of_one_shot(&keeper.file, &file)
                || (self.options.across && part == keeper.part);
            let Relation { distance, similarity, turned, region } = relation(keeper.position, position);
            let list = if stays { &mut also_kept } else { &mut duplicates };
            list.push(Duplicate { file, distance, similarity, turned, region });
            gone.extend((!stays).then_some(number));
        }
        if duplicates.is_empty() {
            return None;
        }
        if kind != GroupKind::Related {
            self.gone.extend(gone);
        }
        let reason = self.why(&keeper.file, &duplicates);
        Some(Group {
            reason,
            id: super::hex(&hash_bytes(format!("{kind:?} {}", names.join("\n")).as_bytes()))[..ID].to_owned(),
            kind,
            keep: keeper.file.path.clone(),
            medoid: keeper.file.path.clone(),
            keeper: keeper.file,
            also_kept,
            duplicates,
            diameter: 0.0,
            conflicting_labels: if labels.len() > 1 { labels } else { Vec::new() },
        })
    }

    /// Why a file stays rather than these duplicates.
    fn why(&self, keeper: &File, duplicates: &[Duplicate]) -> String {
        if self.chosen(keeper) > 0 {
            return "you chose it".to_owned();
        }
        let others: Vec<&File> = duplicates.iter().map(|duplicate| &duplicate.file).collect();
        match () {
            () if self.options.across && !keeper.reference => "in the path named first".to_owned(),
            () if others.iter().all(|other| other.frame && !keeper.frame) => "a file of its own".to_owned(),
            () if others.iter().all(|other| other.shot.len() < keeper.shot.len()) => {
                "has all files of the shot".to_owned()
            }
            () => reason(keeper, &others, &self.options.keep),
        }
    }

    /// Whether a file stays in any case.
    fn stays(&self, file: &File) -> bool {
        self.is_kept(file) || !Select::allows(self.options.select.as_ref(), file)
    }

    /// Whether a decision keeps this content.
    fn is_kept(&self, file: &File) -> bool {
        let is_kept = |hash| self.kept.contains(&hash) || self.keepers.contains_key(&hash);
        super::unhex(&file.hash).is_some_and(is_kept)
    }

    /// Whether a decision keeps this content rather than others: 2 for the file that was meant, 1 for others
    /// with the same bytes.
    fn chosen(&self, file: &File) -> u8 {
        if self.keepers.is_empty() {
            return 0;
        }
        let path = super::unhex(&file.hash).and_then(|hash| self.keepers.get(&hash));
        path.map_or(0, |path| 1 + u8::from(*path == file.path))
    }
}

/// Whether files that are not the same byte for byte may go for this keeper: not if it is damaged, or if it or `other`
/// may be a damaged copy of the other.
fn is_certain(keeper: &File, other: &File) -> bool {
    keeper.damaged.is_none() && (other.damaged.is_some() || !may_be_damaged(keeper, other))
}

/// Keeps shots together, and leaves out of `also_kept` the files that are a duplicate in another group.
pub(super) fn settled(groups: Vec<Group>) -> Vec<Group> {
    let mut groups = whole_shots(groups);
    let duplicates = groups.iter().flat_map(|group| &group.duplicates);
    let goes: HashSet<Vec<u8>> = duplicates.map(|duplicate| duplicate.file.name().to_vec()).collect();
    for group in &mut groups {
        group.also_kept.retain(|other| !goes.contains(other.file.name()));
    }
    groups
}

fn sorted(mut groups: Vec<Group>) -> Vec<Group> {
    groups.sort_by(|a, b| a.keeper.name().cmp(b.keeper.name()));
    groups
}
