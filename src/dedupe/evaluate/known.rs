//! What the truth knows about the files of a scan, and how similar the scan found them. Equal images make
//! very many pairs, so these are counted, not enumerated.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use super::result::FalsePair;
use super::steps::Steps;
use super::truth::Truth;
use crate::dedupe::scan::Scan;

/// The largest number of false pairs that are listed.
const FALSE: usize = 100;

/// What is known about a pair of files.
pub(super) struct Judgement {
    pub(super) same: bool,
    pub(super) kind: Option<String>,
}

/// What is known about the files of a scan, by their numbers (a < b).
pub(super) struct Known {
    pub(super) pairs: BTreeMap<(u32, u32), Judgement>,
    /// A union-find forest: files connected by true pairs have the same root.
    pub(super) roots: HashMap<u32, u32>,
}

impl Known {
    pub(super) fn new(scan: &Scan, truth: &Truth, roots: &[PathBuf]) -> (Known, Vec<String>) {
        let files = truth.files(scan, roots);
        let mut known = Known { pairs: BTreeMap::new(), roots: HashMap::new() };
        let mut unknown = BTreeSet::new();
        for row in &truth.rows {
            let (Some(&a), Some(&b)) = (files.get(row.a.as_str()), files.get(row.b.as_str())) else {
                unknown.extend(
                    [&row.a, &row.b].into_iter().filter(|path| !files.contains_key(path.as_str())).cloned(),
                );
                continue;
            };
            if a != b {
                // a later judgement of the same pair replaces it
                known
                    .pairs
                    .insert((a.min(b), a.max(b)), Judgement { same: row.same, kind: row.kind.clone() });
            }
        }
        for (a, b) in known.pairs.iter().filter(|(_, judgement)| judgement.same).map(|(pair, _)| *pair) {
            join(&mut known.roots, a, b);
        }
        (known, unknown.into_iter().collect())
    }

    /// The steps of all judged pairs.
    pub(super) fn judged_steps(&self, similarity: &Similarity) -> Steps {
        let mut steps = Steps::default();
        for (pair, judgement) in &self.pairs {
            if let Some(similarity) = similarity.of_files(*pair) {
                steps.add(similarity, usize::from(judgement.same), usize::from(!judgement.same));
            }
        }
        steps
    }

    /// The steps of all pairs with a similarity, counted without enumerating pairs of equal images.
    pub(super) fn complete_steps(&self, similarity: &Similarity) -> Steps {
        let mut steps = Steps::default();
        for pair in self.pairs.keys() {
            if let Some(similarity) = similarity.of_files(*pair) {
                steps.add(similarity, 1, 0);
            }
        }
        for files in similarity.files.values() {
            let implied: usize =
                self.same(files).values().map(|same| same.len() * (same.len() - 1) / 2).sum();
            steps.add(1.0, 0, files.len() * (files.len() - 1) / 2 - implied);
        }
        for ((a, b), value) in &similarity.pictures {
            let (a, b) = (&similarity.files[a], &similarity.files[b]);
            let (of_a, of_b) = (self.same(a), self.same(b));
            let implied: usize =
                of_a.iter().map(|(root, same)| same.len() * of_b.get(root).map_or(0, Vec::len)).sum();
            steps.add(*value, 0, a.len() * b.len() - implied);
        }
        steps
    }

    /// Pairs called near that are not duplicates, the most similar first.
    pub(super) fn false_pairs(
        &self,
        scan: &Scan,
        similarity: &Similarity,
        (limit, judged): (f32, bool),
    ) -> Vec<FalsePair> {
        let pair =
            |(a, b): (u32, u32), similarity| FalsePair { a: scan.shown(a), b: scan.shown(b), similarity };
        if judged {
            let wrong = self.pairs.iter().filter(|(_, judgement)| !judgement.same).map(|(pair, _)| *pair);
            let mut wrong: Vec<_> =
                wrong.filter_map(|pair| Some((similarity.of_files(pair)?, pair))).collect();
            wrong.retain(|(similarity, _)| *similarity >= limit);
            wrong.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            return wrong
                .into_iter()
                .take(FALSE)
                .map(|(similarity, files)| pair(files, similarity))
                .collect();
        }
        let same = similarity.files.keys().map(|picture| (1.0, (*picture, *picture)));
        let near = similarity.pictures.iter().map(|(pair, similarity)| (*similarity, *pair));
        let mut called: Vec<(f32, (u32, u32))> =
            same.chain(near).filter(|(similarity, _)| *similarity >= limit).collect();
        called.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let wrong = called.into_iter().flat_map(|(value, (a, b))| {
            let of_a: Vec<(u32, Vec<u32>)> = self.same(&similarity.files[&a]).into_iter().collect();
            let of_b = self.same(&similarity.files[&b]);
            let across = of_a.into_iter().flat_map(move |(root, files)| {
                // within one picture, each pair once
                let is_other = |other: u32| if a == b { other > root } else { other != root };
                let others = of_b.iter().filter(|(other, _)| is_other(**other)).flat_map(|(_, files)| files);
                let others: Vec<u32> = others.take(FALSE).copied().collect();
                files.into_iter().flat_map(move |x| others.clone().into_iter().map(move |y| (value, (x, y))))
            });
            across.take(FALSE)
        });
        wrong.take(FALSE).map(|(similarity, files)| pair(files, similarity)).collect()
    }

    /// Files that are duplicates of each other according to the truth, by their root; a file without a root
    /// is alone.
    fn same(&self, files: &[u32]) -> BTreeMap<u32, Vec<u32>> {
        let mut same: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for &file in files {
            same.entry(root(&self.roots, file).unwrap_or(file)).or_default().push(file);
        }
        same
    }
}

/// How similar a scan found pairs of files.
pub(super) struct Similarity {
    /// Similarity of pictures that were compared, by position (a < b).
    pub(super) pictures: HashMap<(u32, u32), f32>,
    /// Those of which a part differs.
    edited: HashSet<(u32, u32)>,
    /// The files that show each picture.
    pub(super) files: BTreeMap<u32, Vec<u32>>,
    pub(super) picture_of: Vec<u32>,
}

impl Similarity {
    pub(super) fn of(scan: &Scan) -> Similarity {
        let pictures = scan.pairs.iter().map(|pair| ((pair.a, pair.b), 1.0 - pair.unlikeness)).collect();
        let picture_of = scan.names().map(|(_, number)| scan.picture_of(number)).collect();
        Similarity { pictures, edited: scan.edited.clone(), files: scan.by_picture(), picture_of }
    }

    pub(super) fn of_files(&self, (a, b): (u32, u32)) -> Option<f32> {
        match (self.picture_of[a as usize], self.picture_of[b as usize]) {
            (a, b) if a == b => Some(1.0),
            (a, b) => self.pictures.get(&(a.min(b), a.max(b))).copied(),
        }
    }

    /// Whether a part of the picture differs between two files.
    pub(super) fn is_edited(&self, (a, b): (u32, u32)) -> bool {
        let (a, b) = (self.picture_of[a as usize], self.picture_of[b as usize]);
        self.edited.contains(&(a.min(b), a.max(b)))
    }

    /// The number of pairs of files that are called near.
    pub(super) fn called(&self, limit: f32) -> usize {
        let same: usize = self.files.values().map(|files| files.len() * (files.len() - 1) / 2).sum();
        let near = self.pictures.iter().filter(|(_, similarity)| **similarity >= limit);
        same + near.map(|((a, b), _)| self.files[a].len() * self.files[b].len()).sum::<usize>()
    }
}

fn root(roots: &HashMap<u32, u32>, file: u32) -> Option<u32> {
    let mut at = *roots.get(&file)?;
    while roots[&at] != at {
        at = roots[&at];
    }
    Some(at)
}

fn join(roots: &mut HashMap<u32, u32>, a: u32, b: u32) {
    roots.entry(a).or_insert(a);
    roots.entry(b).or_insert(b);
    if let (Some(a), Some(b)) = (root(roots, a), root(roots, b)) {
        roots.insert(a.max(b), a.min(b));
    }
}
