//! Which objects are there.

use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};

use super::Object;
use super::faults::{Fault, Kind, again};
use super::object::tag;
use super::stores::{Place, wait};
use crate::error::Result;

/// How often a listing that was cut off is continued without a new object.
const CUT_OFF: usize = 6;

impl Object {
    pub(super) fn of(place: &Place, meta: &ObjectMeta) -> Object {
        Object { url: place.url_of(&meta.location), size: meta.size, tag: tag_of(meta) }
    }
}

/// What tells whether an object is still the same.
pub(super) fn tag_of(meta: &ObjectMeta) -> i64 {
    let modified = meta.last_modified.timestamp_nanos_opt().filter(|ns| *ns > 0);
    tag(meta.e_tag.as_deref(), modified)
}

/// The object at `url`, or all below it, by the names of folders and files, in byte order.
///
/// # Errors
/// There is none, or it cannot be listed.
pub(crate) fn list(url: &str) -> Result<Vec<Object>> {
    let place = Place::of(url)?;
    wait(async {
        if !url.ends_with('/')
            && !place.key.as_ref().is_empty()
            && let Ok(meta) = place.store.head(&place.key).await
        {
            return Ok(vec![Object::of(&place, &meta)]);
        }
        let mut listed = below(&place).await.map_err(|fault| match place.lists_in_order() {
            true => fault.error(url),
            false => {
                fault.error(url).with_hint("web servers list what they have by WebDAV alone: name each image")
            }
        })?;
        if listed.is_empty() {
            return Err(Fault::new(Kind::Missing, "").error(url));
        }
        // as a walk through folders: `a/b.png` before `a.png`
        listed.sort_by(|a, b| a.location.parts().cmp(b.location.parts()));
        listed.dedup_by(|a, b| a.location == b.location);
        Ok(listed.iter().map(|meta| Object::of(&place, meta)).collect())
    })?
}

/// All objects below a prefix. A listing comes in pages: one that is cut off goes on behind the last object.
async fn below(place: &Place) -> Result<Vec<ObjectMeta>, Fault> {
    let prefix = Some(&place.key).filter(|key| !key.as_ref().is_empty());
    let mut listed: Vec<ObjectMeta> = Vec::new();
    let mut cut_off = 0;
    loop {
        let last: Option<Path> = listed.last().map(|meta| meta.location.clone());
        let mut pages = match &last {
            Some(last) => place.store.list_with_offset(prefix, last),
            None => place.store.list(prefix),
        };
        let before = listed.len();
        let fault = loop {
            match pages.try_next().await {
                Ok(Some(meta)) => listed.push(meta),
                Ok(None) => return Ok(listed),
                Err(error) => break Fault::from(error),
            }
        };
        cut_off = if listed.len() > before { 1 } else { cut_off + 1 };
        if fault.kind != Kind::Passing || cut_off > CUT_OFF {
            return Err(fault);
        }
        if !place.lists_in_order() {
            listed.clear();
        }
    }
}

/// The object at `url`; none if there is none.
///
/// # Errors
/// The store does not tell.
pub(crate) fn find(url: &str) -> Result<Option<Object>> {
    let place = Place::of(url)?;
    let head = || async { place.store.head(&place.key).await.map_err(Fault::from) };
    match wait(again(head))? {
        Ok(meta) => Ok(Some(Object::of(&place, &meta))),
        Err(Fault { kind: Kind::Missing, .. }) => Ok(None),
        Err(fault) => Err(fault.error(url)),
    }
}
