//! From groups of positions to groups of a plan: which file stays, which are its duplicates, what is told of them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::candidates::Codes;
use super::decisions::Decisions;
use super::files::{Collection, Picture, Shape};
use super::keep::better;
use super::linkage::Unlike;
use super::look::{Look, Turn};
use super::looks::{Hash, Looks};
use super::plan::{Duplicate, File, Group, Kind, NearMiss};
use super::scan::ScanOptions;
use crate::images::hash_bytes;

/// Digits of a group's name.
const ID: usize = 12;

/// What is known when groups are made.
pub(super) struct Proposal<'a> {
    /// The files.
    pub(super) collection: &'a Collection,
    /// What they show, by position.
    pub(super) pictures: &'a [Picture],
    /// Looks at them.
    pub(super) looks: &'a Looks,
    /// Those of the pictures, by position.
    pub(super) lookup: &'a [Look<'a>],
    /// Their codes.
    pub(super) codes: &'a Codes,
    /// How the first of two lies as the second, where it is turned.
    pub(super) turned: &'a HashMap<(u32, u32), Turn>,
    /// Unlikeness of all pairs that are known.
    pub(super) unlike: &'a Unlike,
    /// Files that are duplicates in a group that was made before.
    pub(super) gone: HashSet<u32>,
    /// What is wanted.
    pub(super) options: &'a ScanOptions,
    /// What was decided.
    pub(super) decisions: &'a Decisions,
}

/// How a file lies to its group's keeper.
struct Relation {
    distance: u32,
    similarity: f32,
    turned: Option<String>,
}

impl Relation {
    fn same() -> Relation {
        Relation { distance: 0, similarity: 1.0, turned: None }
    }
}

/// A file that may become a member.
struct Member {
    number: u32,
    file: File,
    part: usize,
    /// The position of its picture.
    position: u32,
}

impl Proposal<'_> {
    /// Groups of files with the same bytes; of those that show the same pixels; of pictures that are near each other, by position.
    pub(super) fn groups(&mut self, near: &[Vec<u32>]) -> Vec<Group> {
        [self.same_bytes(), self.same_pixels(), self.near(near)].concat()
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
            self.group(Kind::Bytes, members)
        };
        sorted(several.into_iter().filter_map(group).collect())
    }

    fn same_pixels(&mut self) -> Vec<Group> {
        let mut groups = Vec::new();
        let pictures = self.pictures; // lent by the caller
        let several = pictures.iter().zip(0..).filter(|(picture, _)| picture.contents.len() > 1);
        for (_, position) in several {
            let mut members = self.members(position);
            members.sort_by(|a, b| self.order(a, b));
            let hash = |member: &Member| super::unhex(&member.file.hash).unwrap_or_default();
            if let Some(keeper) = members.first().map(hash) {
                // of the keeper's own bytes are those that stay anyway
                members.retain(|member| {
                    hash(member) == keeper || !self.decisions.separates(&keeper, &hash(member))
                });
            }
            let several = members.iter().any(|member| member.file.hash != members[0].file.hash);
            groups.extend(if several { self.group(Kind::Pixels, members) } else { None });
        }
        sorted(groups)
    }

    fn near(&mut self, groups: &[Vec<u32>]) -> Vec<Group> {
        let mut made = Vec::new();
        for positions in groups {
            let (medoid, diameter) = self.middle(positions);
            // before the group is made, whose duplicates are no members of any other
            let medoid = medoid.and_then(|medoid| self.best_of_picture(medoid));
            let members = positions.iter().flat_map(|&position| self.members(position)).collect();
            let Some(mut group) = self.group(Kind::Near, members) else { continue };
            if let Some(medoid) = medoid {
                group.medoid = medoid.file.path;
            }
            group.diameter = diameter;
            made.push(group);
        }
        sorted(made)
    }

    /// The picture of a group that is most like the others, of those that were compared with most of them; and how unlike two of the group
    /// are at most, of those that were compared.
    fn middle(&self, positions: &[u32]) -> (Option<u32>, f32) {
        let mut sums: BTreeMap<u32, (usize, f32)> =
            positions.iter().map(|&position| (position, (0, 0.0))).collect();
        let mut diameter = 0.0f32;
        for &a in positions {
            for (&(_, b), &unlike) in self.unlike.range((a, a)..=(a, u32::MAX)) {
                if !sums.contains_key(&b) {
                    continue;
                }
                diameter = diameter.max(unlike);
                for end in [a, b] {
                    let (count, sum) = sums.entry(end).or_default();
                    (*count, *sum) = (*count + 1, *sum + unlike);
                }
            }
        }
        let best = positions.iter().copied().min_by(|a, b| {
            let ((a_count, a_sum), (b_count, b_sum)) = (sums[a], sums[b]);
            b_count.cmp(&a_count).then(a_sum.total_cmp(&b_sum))
        });
        (best, diameter)
    }

    /// A pair that is just not near.
    pub(super) fn near_miss(&self, (a, b): (u32, u32)) -> Option<NearMiss> {
        let (first, second) = (self.best_of_picture(a)?, self.best_of_picture(b)?);
        let same_part = self.options.across && first.part == second.part;
        if same_part || (first.file.reference && second.file.reference) {
            return None;
        }
        let Relation { distance, similarity, .. } = self.relation(a, b);
        Some(NearMiss { a: first.file, b: second.file, distance, similarity })
    }

    fn relation(&self, a: u32, b: u32) -> Relation {
        if a == b {
            return Relation::same();
        }
        let pair = (a.min(b), a.max(b));
        let turn = self.turned.get(&pair).copied().unwrap_or_default();
        // the pair's turn makes its first lie as its second; told is how `b` lies
        let turn = if a <= b { turn } else { turn.inverse() };
        Relation {
            distance: self.codes.distance(&turn.of(self.lookup[a as usize].luma), b),
            similarity: 1.0 - self.unlike.get(&pair).copied().unwrap_or(0.0),
            turned: turn.name().map(str::to_owned),
        }
    }

    fn member(&self, number: u32, position: u32) -> Member {
        let shape = |hash: &Hash| self.looks.get(hash).map(Shape::from);
        let file = self.collection.file(number, &shape);
        Member { number, file, part: self.collection.part(number), position }
    }

    /// The files that show a picture, but for those that are duplicates already.
    fn members(&self, position: u32) -> Vec<Member> {
        let contents = self.pictures[position as usize].contents.iter();
        let files = contents.flat_map(|hash| self.collection.files_of(hash));
        let left = files.filter(|file| !self.gone.contains(file));
        left.map(|&file| self.member(file, position)).collect()
    }

    fn best_of_picture(&self, position: u32) -> Option<Member> {
        self.members(position).into_iter().min_by(|a, b| self.order(a, b))
    }

    /// `Less` where the picture at `a` is to stay rather than that at `b`.
    pub(super) fn prefer(&self, a: u32, b: u32) -> Ordering {
        match (self.best_of_picture(a), self.best_of_picture(b)) {
            (Some(a), Some(b)) => self.order(&a, &b),
            _ => Ordering::Equal,
        }
    }

    /// `Less` where `a` rather stays.
    fn order(&self, a: &Member, b: &Member) -> Ordering {
        // between paths the first named is the one to compare with
        let part = |member: &Member| if self.options.across { member.part } else { 0 };
        let first = b.file.reference.cmp(&a.file.reference).then_with(|| part(a).cmp(&part(b)));
        first.then_with(|| better(&a.file, &b.file, &self.options.keep))
    }

    fn group(&mut self, kind: Kind, mut members: Vec<Member>) -> Option<Group> {
        members.sort_by(|a, b| self.order(a, b));
        let mut names: Vec<String> =
            members.iter().map(|member| format!("{} {}", member.file.hash, member.file.path)).collect();
        names.sort_unstable();
        let labels: BTreeSet<&str> =
            members.iter().filter_map(|member| member.file.label.as_deref()).collect();
        let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
        let mut members = members.into_iter();
        let keeper = members.next()?;
        let (mut duplicates, mut also_kept, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        let hash = |file: &File| super::unhex(&file.hash).unwrap_or_default();
        let mut seen = vec![(keeper.position, hash(&keeper.file))];
        for Member { number, file, part, position } in members {
            // different pictures that are to be told apart make no group; of the same picture, files can be
            let own = hash(&file);
            let apart = |(other, seen): &(u32, Hash)| {
                *other == position && *seen != own && self.decisions.separates(seen, &own)
            };
            if kind == Kind::Near
                && (self.decisions.separates(&seen[0].1, &own) && seen[0].1 != own || seen.iter().any(apart))
            {
                continue;
            }
            seen.push((position, own));
            // of equal bytes one is as good as the other, but where all are kept: those make no group
            let is_kept = kind != Kind::Bytes && self.is_kept(&file);
            let stays = file.reference || is_kept || (self.options.across && part == keeper.part);
            let Relation { distance, similarity, turned } = self.relation(keeper.position, position);
            let list = if stays { &mut also_kept } else { &mut duplicates };
            list.push(Duplicate { file, distance, similarity, turned });
            gone.extend((!stays).then_some(number));
        }
        if duplicates.is_empty() {
            return None;
        }
        self.gone.extend(gone);
        Some(Group {
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

    /// Whether it was decided that this content stays.
    fn is_kept(&self, file: &File) -> bool {
        super::unhex(&file.hash).is_some_and(|hash| self.decisions.keeps(&hash))
    }
}

fn sorted(mut groups: Vec<Group>) -> Vec<Group> {
    groups.sort_by(|a, b| a.keeper.name().cmp(b.keeper.name()));
    groups
}
