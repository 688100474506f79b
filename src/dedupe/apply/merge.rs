//! What only files that go say of their picture (`merge_metadata`): rating, keywords, place and time. A new sidecar of
//! the keeper takes it before any of them goes; nothing that is there is changed.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::disk::{Disk, Fault, Outcome, Placed};
use super::inspect::{Expected, has_bytes, hex, is_there};
use super::journal::{Intent, Journal};
use super::order::Task;
use super::parking::discard;
use super::paths::StepPaths;
use crate::images::{Metadata, Sidecars, Skipped, hash_bytes, metadata};

/// A sidecar to write.
#[derive(Debug)]
pub(super) struct NewSidecar {
    /// The keeper's name in the plan, with the sidecar's ending.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) content: String,
}

impl NewSidecar {
    pub(super) fn expected(&self) -> Expected {
        let bytes = self.content.as_bytes();
        Expected { size: bytes.len() as u64, mtime_ns: 0, hash: hex(&hash_bytes(bytes)) }
    }
}

/// The sidecars to write for tasks. Tasks whose keeper cannot get one, although it lacks something, are refused.
pub(super) fn new_sidecars(tasks: &mut [Result<Task, Skipped>]) -> Vec<NewSidecar> {
    let keepers: HashMap<PathBuf, PathBuf> = tasks
        .iter()
        .flatten()
        .filter_map(|task| Some((task.from.clone(), task.keeper.as_ref()?.path.clone())))
        .collect();
    let mut goers: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
    for (number, task) in tasks.iter().enumerate() {
        let Ok(task) = task else { continue };
        let mut keeper = task.from.clone();
        // the keeper of one group may go in a later one
        for _ in 0..=keepers.len() {
            let Some(next) = keepers.get(&keeper) else { break };
            keeper.clone_from(next);
        }
        goers.entry(keeper).or_default().push(number);
    }
    let sidecars = Sidecars::default();
    let mut new = Vec::new();
    for (keeper, numbers) in goers {
        let kept = said_of(&keeper, &sidecars);
        let lacking: Vec<(usize, Metadata)> = numbers
            .into_iter()
            .filter_map(|number| {
                let from = &tasks[number].as_ref().ok()?.from;
                Some((number, lacking(&kept, &said_of(from, &sidecars))?))
            })
            .collect();
        let Some(all) = lacking.iter().map(|(_, notes)| notes.clone()).reduce(|a, b| joined(a, &b)) else {
            continue;
        };
        let path = joined_name(&keeper);
        let reason = match () {
            () if !keeper.is_file() => Some("the file that is kept can have no sidecar".to_owned()),
            () if sidecars.xmp(&keeper).is_some() || is_there(&path) => {
                Some(format!("{}: it has a sidecar, which is never changed", keeper.display()))
            }
            () => None,
        };
        match reason {
            None => {
                let name = path.to_string_lossy().into_owned();
                new.push(NewSidecar { name, path, content: xmp(&all) });
            }
            Some(reason) => {
                for (number, notes) in lacking {
                    let name =
                        tasks[number].as_ref().map_or_else(|_| String::new(), |task| task.name.clone());
                    let what = format!("only it has {}; {reason}", words(&notes));
                    tasks[number] = Err(Skipped::new(name, what));
                }
            }
        }
    }
    new
}

fn joined_name(image: &Path) -> PathBuf {
    let mut name = image.file_name().unwrap_or_default().to_owned();
    name.push(".xmp");
    image.with_file_name(name)
}

/// What a file says, and its sidecars.
fn said_of(path: &Path, sidecars: &Sidecars) -> Metadata {
    let own = std::fs::read(path).map(|bytes| metadata(&bytes)).unwrap_or_default();
    sidecars.xmp(path).map_or(own.clone(), |packet| own.or_by_xmp(&packet))
}

/// What `goer` has and `kept` lacks, if anything.
fn lacking(kept: &Metadata, goer: &Metadata) -> Option<Metadata> {
    let notes = Metadata {
        rating: goer.rating.filter(|_| kept.rating.is_none()),
        tags: goer.tags.iter().filter(|tag| !kept.tags.contains(tag)).cloned().collect(),
        place: goer.place.clone().filter(|_| kept.place.is_none()),
        taken: goer.taken.clone().filter(|_| kept.taken.is_none()),
        ..Metadata::default()
    };
    (notes != Metadata::default()).then_some(notes)
}

fn joined(a: Metadata, b: &Metadata) -> Metadata {
    let mut tags = [a.tags, b.tags.clone()].concat();
    tags.sort();
    tags.dedup();
    Metadata {
        rating: a.rating.or(b.rating),
        tags,
        place: a.place.or_else(|| b.place.clone()),
        taken: a.taken.or_else(|| b.taken.clone()),
        ..Metadata::default()
    }
}

fn words(notes: &Metadata) -> String {
    let all = [
        (notes.rating.is_some(), "a rating"),
        (!notes.tags.is_empty(), "keywords"),
        (notes.place.is_some(), "a place"),
        (notes.taken.is_some(), "a time"),
    ];
    all.iter().filter(|(is_there, _)| *is_there).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

/// An XMP packet that says this.
fn xmp(notes: &Metadata) -> String {
    let escaped = |text: &str| {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    };
    let mut attributes = Vec::new();
    attributes.extend(notes.rating.map(|rating| format!("xmp:Rating=\"{rating}\"")));
    if let Some([latitude, longitude]) = &notes.place {
        attributes.push(format!("exif:GPSLatitude=\"{}\"", escaped(latitude)));
        attributes.push(format!("exif:GPSLongitude=\"{}\"", escaped(longitude)));
    }
    attributes
        .extend(notes.taken.as_ref().map(|taken| format!("exif:DateTimeOriginal=\"{}\"", escaped(taken))));
    let tags: String =
        notes.tags.iter().map(|tag| format!("     <rdf:li>{}</rdf:li>\n", escaped(tag))).collect();
    let subject = match tags.is_empty() {
        true => String::new(),
        false => format!("   <dc:subject>\n    <rdf:Bag>\n{tags}    </rdf:Bag>\n   </dc:subject>\n"),
    };
    let attributes: String = attributes.iter().map(|attribute| format!("\n    {attribute}")).collect();
    format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n  \
         <rdf:Description rdf:about=\"\"\n    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n    \
         xmlns:exif=\"http://ns.adobe.com/exif/1.0/\"\n    xmlns:dc=\"http://purl.org/dc/elements/1.1/\"{attributes}>\n\
         {subject}  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n"
    )
}

/// Writes the sidecar of a journal entry.
pub(super) fn write(disk: &mut Disk, journal: &Journal, entry: usize, content: &str) -> Outcome {
    let intent = &journal.entries[entry].intent;
    let near = StepPaths::of(&journal.header.id, intent).near;
    disk.make_folder(&near.path)?;
    disk.write(&near.temp, content.as_bytes())?;
    match disk.place(&near.temp, &intent.from.0)? {
        Placed::Done => {}
        _ => return Err(Fault::Refused("something else has taken its place".to_owned())),
    }
    disk.remove_folder(&near.path)?;
    disk.sync_around(&intent.from.0)
}

/// Whether the sidecar of a step is there; if so, what the step left behind is removed.
pub(super) fn is_complete(disk: &mut Disk, id: &str, intent: &Intent) -> Outcome<bool> {
    let near = StepPaths::of(id, intent).near;
    disk.pause("inspect")?;
    let is_done = has_bytes(&intent.from.0, &intent.expected);
    if is_done {
        disk.remove_folder(&near.path)?;
    }
    Ok(is_done)
}

/// Checks whether the sidecar is as it was written.
pub(super) fn can_go_back(intent: &Intent) -> Result<(), String> {
    match !is_there(&intent.from.0) || has_bytes(&intent.from.0, &intent.expected) {
        true => Ok(()),
        false => Err("it has been changed since it was written".to_owned()),
    }
}

/// Removes the sidecar of a step, unless it was changed.
pub(super) fn put_back(disk: &mut Disk, id: &str, intent: &Intent) -> Outcome {
    let (near, from) = (StepPaths::of(id, intent).near, &intent.from.0);
    discard(disk, &near.temp)?;
    disk.pause("inspect")?;
    if !is_there(&near.parked) && is_there(from) {
        can_go_back(intent)?;
        disk.make_folder(&near.path)?;
        disk.take(from, &near.parked)?;
        disk.pause("inspect")?;
    }
    if is_there(&near.parked) {
        if !has_bytes(&near.parked, &intent.expected) {
            disk.place(&near.parked, from)?;
            disk.remove_folder(&near.path)?;
            return Err(Fault::Refused("it has been changed since it was written".to_owned()));
        }
        disk.remove(&near.parked)?;
    }
    disk.remove_folder(&near.path)?;
    disk.sync_around(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let notes = Metadata {
            rating: Some(4),
            tags: vec!["Anna & <Ben>".to_owned(), "sea".to_owned()],
            place: Some(["52,30.50000N".to_owned(), "13,24.00000E".to_owned()]),
            taken: Some("2019-07-04T12:00:00".to_owned()),
            ..Metadata::default()
        };
        assert_eq!(Metadata::default().or_by_xmp(xmp(&notes).as_bytes()), notes);
        assert_eq!(words(&notes), "a rating, keywords, a place, a time");
        let kept = Metadata { rating: Some(1), tags: vec!["sea".to_owned()], ..Metadata::default() };
        let lacks = lacking(&kept, &notes).unwrap();
        assert_eq!((lacks.rating, &lacks.tags[..]), (None, &["Anna & <Ben>".to_owned()][..]));
        assert_eq!((lacking(&notes, &kept), lacking(&kept, &kept)), (None, None));
        let both = joined(lacks, &kept);
        assert_eq!((both.rating, both.tags.len()), (Some(1), 2));
    }
}
