//! Buckets, prefixes and objects among the paths of a walk.
//!
//! Objects are told by their names alone, as none is opened. Folders of keys are what stands between slashes: hidden
//! ones and patterns to exclude are treated as in folders on disk.

use std::collections::HashSet;
use std::path::{Component, Path};
use std::sync::Arc;

use super::{Missing, Rules, Walker};
use crate::cloud::{Object, list};
use crate::images::item::{Item, Origin, Remote};
use crate::images::names::folder_name;
use crate::images::sniff;
use crate::{Error, Result};

/// How names of files end that hold many images.
const CONTAINERS: [&str; 6] = ["tar", "tgz", "zip", "parquet", "npy", "npz"];

impl Walker<'_> {
    /// Adds what a bucket has at or below `root`, a URL.
    ///
    /// # Errors
    /// There is no object, or the store does not list them: the images that an index has from there stay.
    pub(in crate::images) fn visit_url(&mut self, root: &Path) -> Result<()> {
        let url = root.to_str().ok_or_else(|| {
            Error::invalid(format!("{}: expected a URL in UTF-8, got other bytes", root.display()))
        })?;
        let objects = match list(url) {
            Ok(objects) => objects,
            Err(error) if self.options.missing == Missing::Skip => {
                self.walk.unread.push(root.to_path_buf());
                let told = error.to_string();
                let reason = told.strip_prefix(url).and_then(|told| told.strip_prefix(": ")).unwrap_or(&told);
                self.skip(root, reason);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.rules = Rules::new(root, self.typed);
        let before = self.walk.items.len() + self.walk.skipped.len();
        let mut known = self.urls.take();
        if known.is_none() {
            // only for a second root the names of the first are looked at
            let items = self.walk.items.iter().filter(|item| matches!(item.origin, Origin::Remote { .. }));
            let names: HashSet<Vec<u8>> = items.map(|item| item.name().into_owned()).collect();
            known = (!names.is_empty()).then_some(names);
        }
        for object in objects {
            let is_new = |known: &mut HashSet<Vec<u8>>| known.insert(object.url.clone().into_bytes());
            if self.takes(root, &object.url) && known.as_mut().is_none_or(is_new) {
                self.add_object(root, object);
            }
        }
        self.urls = known;
        if self.walk.items.len() + self.walk.skipped.len() == before {
            self.walk.empty.push(root.to_path_buf());
            self.skip(root, "no image there: objects are told by the ends of their names, as .jpg");
        }
        Ok(())
    }

    /// Whether no rule leaves out an object, or a folder between it and the root.
    fn takes(&self, root: &Path, url: &str) -> bool {
        let Ok(inner) = Path::new(url).strip_prefix(root) else { return true };
        let mut path = root.to_path_buf();
        let mut parts = inner.components().peekable();
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else { continue };
            path.push(name);
            if !self.is_wanted(name) || self.rules.ignores(&path, parts.peek().is_some()) {
                return false;
            }
        }
        true
    }

    fn add_object(&mut self, root: &Path, object: Object) {
        let path = Path::new(&object.url);
        let end = path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase);
        if sniff::is_idx_name(path) || end.is_some_and(|end| CONTAINERS.contains(&&*end)) {
            self.skip(
                path,
                "a container in a bucket: only single images are read there; copy it, and index the copy",
            );
            return;
        }
        if !sniff::is_image_name(path) && path != root {
            return;
        }
        let folder = folder_name(path);
        if self.label.as_deref() != folder.as_deref() {
            self.label = folder.map(Arc::from);
        }
        let label = self.label.clone();
        self.walk
            .items
            .push(Item { origin: Origin::Remote { object: Arc::new(Remote::Listed(object)), label } });
    }
}
