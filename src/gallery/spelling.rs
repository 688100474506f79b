//! What the images of a run are called in an index: the name that a file was first given, whichever way leads
//! there now. `./digits`, `digits` and its absolute path are one folder.
//!
//! A new file in a folder that the index knows by another spelling follows that spelling.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use aesearch_index::Snapshot;

use crate::images::{Item, Places, path_of};

/// What the images of a run are called in the index, by position.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The item of the index that is the same file.
    ids: Vec<Option<u32>>,
    /// Names that are not those of the items.
    others: HashMap<usize, Vec<u8>>,
}

impl Names {
    /// Finds `items`, which were walked from `data`, in an index. Relative names of the index start from the
    /// working directory, or else from `base`.
    pub(super) fn of(items: &[Item], old: Option<&Snapshot>, data: &[PathBuf], base: &Path) -> Names {
        let Some(old) = old else { return Names::none(items.len()) };
        let by_name: HashMap<&[u8], u32> = old.ids().map(|id| (old.name(id), id)).collect();
        let ids: Vec<Option<u32>> = items.iter().map(|item| by_name.get(&*item.name()).copied()).collect();
        let mut names = Names { ids, ..Names::default() };
        if names.ids.contains(&None) {
            names.find_others(items, old, base);
            names.follow(items, data);
        }
        names
    }

    /// Those of `n` items of which no index knows any.
    pub(super) fn none(n: usize) -> Names {
        Names { ids: vec![None; n], ..Names::default() }
    }

    /// Finds those that the index knows by other names.
    fn find_others(&mut self, items: &[Item], old: &Snapshot, base: &Path) {
        let found: HashSet<u32> = self.known().collect();
        // they end as an image ends that is not known yet
        let unknown = items.iter().zip(&self.ids).filter(|(_, id)| id.is_none());
        let ends: HashSet<Vec<u8>> = unknown.map(|(item, _)| end(&item.name()).to_vec()).collect();
        let may_be = |id: &u32| !found.contains(id) && ends.contains(end(old.name(*id)));
        let mut rest: Vec<u32> = old.ids().filter(may_be).collect();
        rest.sort_unstable_by(|&a, &b| old.name(b).cmp(old.name(a))); // of several names of a file, the first one
        let places = Places::default();
        let place = |&id: &u32| {
            let (file, entry) = places.of_name(old.name(id), base)?;
            Some(((file, Cow::Borrowed(entry)), id))
        };
        let mut by_place: HashMap<(PathBuf, Cow<'_, [u8]>), u32> = rest.iter().filter_map(place).collect();
        for (position, item) in items.iter().enumerate() {
            let (None, Some((file, entry))) = (self.ids[position], item.place()) else { continue };
            let Some(file) = places.of_file(file).filter(|_| !by_place.is_empty()) else { continue };
            if let Some(id) = by_place.remove(&(file, entry)) {
                self.ids[position] = Some(id);
                self.others.insert(position, old.name(id).to_vec());
            }
        }
    }

    /// Names new images below a folder of `data` as those are named that the index knows there.
    fn follow(&mut self, items: &[Item], data: &[PathBuf]) {
        if self.others.is_empty() || !self.ids.contains(&None) {
            return;
        }
        let roots: HashSet<&Path> = data.iter().map(PathBuf::as_path).collect();
        // the root of an item, and the rest of its name
        let below = |item: &Item| {
            let (file, _) = item.place()?;
            let root = file.ancestors().skip(1).find_map(|folder| roots.get(folder))?;
            let start = file.as_os_str().len() - file.strip_prefix(root).ok()?.as_os_str().len();
            Some((*root, item.name()[start..].to_vec()))
        };
        let mut spelled: HashMap<&Path, Option<Vec<u8>>> = HashMap::new(); // none: as it is
        for (position, item) in items.iter().enumerate().filter(|(position, _)| self.ids[*position].is_some())
        {
            let Some((root, rest)) = below(item) else { continue };
            let other = self.others.get(&position).and_then(|name| name.strip_suffix(&*rest));
            match other.is_some_and(|root| root.is_empty() || root.ends_with(b"/")) {
                true => drop(spelled.entry(root).or_insert_with(|| other.map(<[u8]>::to_vec))),
                false if self.others.contains_key(&position) => {}
                false => drop(spelled.insert(root, None)),
            }
        }
        for (position, item) in items.iter().enumerate().filter(|(position, _)| self.ids[*position].is_none())
        {
            let Some((root, rest)) = below(item) else { continue };
            if let Some(Some(root)) = spelled.get(root) {
                self.others.insert(position, [root, &*rest].concat());
            }
        }
    }

    /// Adds items that the index holds under these numbers, behind the others.
    pub(super) fn extend(&mut self, old: &Snapshot, items: &[Item], ids: &[u32]) {
        for (item, &id) in items.iter().zip(ids) {
            if *item.name() != *old.name(id) {
                self.others.insert(self.ids.len(), old.name(id).to_vec());
            }
            self.ids.push(Some(id));
        }
    }

    /// All items of the index that were found.
    pub(super) fn known(&self) -> impl Iterator<Item = u32> {
        self.ids.iter().flatten().copied()
    }

    /// The item of the index that is the same file.
    pub(super) fn id(&self, position: usize) -> Option<u32> {
        self.ids[position]
    }

    /// What an item is called in the index.
    pub(super) fn name<'a>(&'a self, position: usize, item: &'a Item) -> Cow<'a, [u8]> {
        self.others.get(&position).map_or_else(|| item.name(), |name| Cow::Borrowed(name))
    }

    /// Its label there: of a file, the name of the folder by its name.
    pub(super) fn label<'a>(&self, position: usize, item: &'a Item) -> Option<Cow<'a, str>> {
        match self.others.get(&position).filter(|_| item.file().is_some()) {
            Some(name) => Item::from_path(path_of(name)).label().map(|label| Cow::Owned(label.to_owned())),
            None => item.label().map(Cow::Borrowed),
        }
    }
}

/// What follows the last separator of a name.
fn end(name: &[u8]) -> &[u8] {
    let is_separator = |&byte: &u8| byte == b'/' || (cfg!(windows) && byte == b'\\');
    name.iter().rposition(is_separator).map_or(name, |at| &name[at + 1..])
}
