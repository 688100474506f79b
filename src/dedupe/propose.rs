//! From groups of positions to groups of a plan: which file stays, which are its duplicates, what is told of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::candidates::Codes;
use super::decisions::Decisions;
use super::files::{Collection, Picture, Shape};
use super::groups::better;
use super::looks::{Hash, Looks};
use super::pairs::Pair;
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
    /// Their codes.
    pub(super) codes: &'a Codes,
    /// The pairs that were compared.
    pub(super) pairs: HashMap<(u32, u32), Pair>,
    /// Unlikeness of all pairs that are known.
    pub(super) unlike: &'a BTreeMap<(u32, u32), f32>,
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
    file: File,
    part: usize,
    /// Which of the group it is: a position of a picture, or nothing.
    position: u32,
}

impl Proposal<'_> {
    /// Groups of files with the same bytes.
    pub(super) fn same_bytes(&self) -> Vec<Group> {
        let several = self.collection.by_content().filter(|(_, files)| files.len() > 1);
        let open = several.filter(|(hash, _)| !self.decisions.separates(hash, hash));
        let group = |(_, files): (&Hash, &[u32])| {
            let members = files.iter().map(|&file| self.member(file, 0)).collect();
            self.group(Kind::Bytes, members, &|_, _| Relation::same())
        };
        self.sorted(open.filter_map(group).collect())
    }

    /// Groups of contents that show the same pixels.
    pub(super) fn same_pixels(&self) -> Vec<Group> {
        let group = |picture: &Picture| {
            let mut members: Vec<(Hash, Member)> = picture
                .contents
                .iter()
                .filter_map(|hash| Some((*hash, self.best_of_content(hash, 0)?)))
                .collect();
            members.sort_by(|(_, a), (_, b)| self.order(a, b));
            let keeper = members.first()?.0;
            let open = members
                .into_iter()
                .filter(|(hash, _)| *hash == keeper || !self.decisions.separates(&keeper, hash));
            self.group(Kind::Pixels, open.map(|(_, member)| member).collect(), &|_, _| Relation::same())
        };
        let several = self.pictures.iter().filter(|picture| picture.contents.len() > 1);
        self.sorted(several.filter_map(group).collect())
    }

    /// Groups of pictures that are near each other, by position.
    pub(super) fn near(&self, groups: &[Vec<u32>]) -> Vec<Group> {
        let group = |positions: &Vec<u32>| {
            let members: Vec<Member> =
                positions.iter().filter_map(|&position| self.best_of_picture(position)).collect();
            let mut group = self.group(Kind::Near, members, &|a, b| self.relation(a, b))?;
            let unlike = |a: u32, b: u32| self.unlike.get(&(a.min(b), a.max(b))).copied().unwrap_or(0.0);
            let total = |a: u32| positions.iter().map(|&b| unlike(a, b)).sum::<f32>();
            let most = |a: u32| positions.iter().map(|&b| unlike(a, b)).fold(0.0, f32::max);
            let medoid = positions.iter().min_by(|&&a, &&b| total(a).total_cmp(&total(b)))?;
            group.medoid = self.best_of_picture(*medoid)?.file.path;
            group.diameter = positions.iter().map(|&a| most(a)).fold(0.0, f32::max);
            Some(group)
        };
        self.sorted(groups.iter().filter_map(group).collect())
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
        let pair = (a.min(b), a.max(b));
        let turn = self.pairs.get(&pair).map(|pair| pair.turn).unwrap_or_default();
        // the pair's turn makes its first lie as its second; told is how `b` lies
        let turn = if a <= b { turn } else { turn.inverse() };
        Relation {
            distance: self.codes.distance(a, b),
            similarity: 1.0 - self.unlike.get(&pair).copied().unwrap_or(0.0),
            turned: turn.name().map(str::to_owned),
        }
    }

    fn member(&self, file: u32, position: u32) -> Member {
        let shape = |hash: &Hash| self.looks.get(hash).map(Shape::from);
        Member { file: self.collection.file(file, &shape), part: self.collection.part(file), position }
    }

    fn best_of_content(&self, hash: &Hash, position: u32) -> Option<Member> {
        let members = self.collection.files_of(hash).iter().map(|&file| self.member(file, position));
        members.min_by(|a, b| self.order(a, b))
    }

    fn best_of_picture(&self, position: u32) -> Option<Member> {
        let contents = self.pictures[position as usize].contents.iter();
        contents.filter_map(|hash| self.best_of_content(hash, position)).min_by(|a, b| self.order(a, b))
    }

    /// `Less` where `a` rather stays.
    fn order(&self, a: &Member, b: &Member) -> std::cmp::Ordering {
        // between paths the first named is the one to compare with
        let part = |member: &Member| if self.options.across { member.part } else { 0 };
        let first = b.file.reference.cmp(&a.file.reference).then_with(|| part(a).cmp(&part(b)));
        first.then_with(|| better(&a.file, &b.file, &self.options.keep))
    }

    fn group(
        &self,
        kind: Kind,
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
        let (mut duplicates, mut also_kept) = (Vec::new(), Vec::new());
        for Member { file, part, position } in members {
            // of equal bytes one is as good as the other, but where all are kept: those make no group
            let is_kept = kind != Kind::Bytes && self.is_kept(&file);
            let stays = file.reference || is_kept || (self.options.across && part == keeper.part);
            let Relation { distance, similarity, turned } = relation(keeper.position, position);
            let list = if stays { &mut also_kept } else { &mut duplicates };
            list.push(Duplicate { file, distance, similarity, turned });
        }
        if duplicates.is_empty() {
            return None;
        }
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

    fn sorted(&self, mut groups: Vec<Group>) -> Vec<Group> {
        groups.sort_by(|a, b| a.keeper.name().cmp(b.keeper.name()));
        groups
    }
}
