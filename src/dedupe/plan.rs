//! The plan: what a scan found and proposes, as one JSON document that people read and `apply` carries out.
//!
//! It names every file with what is needed to recognise it (size, time, BLAKE3). A plan changes nothing, and
//! `apply` reads each file again before it changes anything. `docs/dedupe-plan.md` describes the document.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The `command` of the document.
pub const COMMAND: &str = "dedupe scan";
/// The version of the document; a reader refuses others.
pub const SCHEMA_VERSION: u32 = 1;

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Plan {
    /// The number of images compared.
    pub images: usize,
    /// The absolute path at which relative paths of files start.
    pub base: PathBuf,
    /// The similarity from which images count as near.
    pub threshold: Threshold,
    /// Which image of a group is kept: preferences, the most important first.
    pub keep: Vec<String>,
    /// Groups with the same bytes first, then those with the same pixels, then near ones. An image that one
    /// group keeps may be a duplicate in a later group, but not the reverse.
    pub groups: Vec<Group>,
    /// Pairs just below the threshold, the most similar first.
    pub near_misses: Vec<NearMiss>,
    /// Images that could not be compared.
    #[serde(default)]
    pub skipped: Vec<Unread>,
    /// Images that were compared although their files are damaged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<Unread>,
    /// The number of files with the EXIF data of a camera that would go for a file that has none.
    #[serde(default)]
    pub cameras_lost: usize,
}

/// In what way the images of a group are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum GroupKind {
    /// Byte for byte.
    Bytes,
    /// Decoded and turned upright, pixel for pixel.
    Pixels,
    /// To the eye: the whole picture, at another size, quality or tone, slightly cropped or turned.
    Near,
    /// The same picture, of which a part differs or is missing, or which is mirrored or turned.
    Edited,
    /// Different pictures of the same scene or template. Nothing is ever proposed for them.
    Related,
}

impl GroupKind {
    /// All kinds, the strictest first.
    pub const ALL: [GroupKind; 5] =
        [GroupKind::Bytes, GroupKind::Pixels, GroupKind::Near, GroupKind::Edited, GroupKind::Related];
    /// The kinds whose images are duplicates of each other, the strictest first.
    pub const DUPLICATES: [GroupKind; 4] =
        [GroupKind::Bytes, GroupKind::Pixels, GroupKind::Near, GroupKind::Edited];

    /// Its name in options and documents.
    pub fn name(self) -> &'static str {
        match self {
            GroupKind::Bytes => "bytes",
            GroupKind::Pixels => "pixels",
            GroupKind::Near => "near",
            GroupKind::Edited => "edited",
            GroupKind::Related => "related",
        }
    }

    /// What its images have in common, in words.
    pub fn words(self) -> &'static str {
        match self {
            GroupKind::Bytes => "same bytes",
            GroupKind::Pixels => "same pixels",
            GroupKind::Near => "near",
            GroupKind::Edited => "edited",
            GroupKind::Related => "related",
        }
    }

    /// Whether its images show the same to the last bit.
    pub fn is_exact(self) -> bool {
        matches!(self, GroupKind::Bytes | GroupKind::Pixels)
    }
}

impl FromStr for GroupKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<GroupKind> {
        GroupKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let names = GroupKind::ALL.map(GroupKind::name).join(", ");
            Error::invalid(format!("`kinds`: expected some of {names}, got {name:?}"))
        })
    }
}

/// Images that are the same, and which of them is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Group {
    /// A short name, made from hashes and paths of the members: the same members give the same name.
    pub id: String,
    /// In what way they are the same.
    pub kind: GroupKind,
    /// The path of the keeper.
    pub keep: String,
    /// Why it is kept, in one phrase.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The file that is kept.
    pub keeper: File,
    /// Others that stay: those of a reference, those kept by decision, and with `across` those in the
    /// keeper's own path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_kept: Vec<Duplicate>,
    /// The other files.
    pub duplicates: Vec<Duplicate>,
    /// 1 minus the least similarity of two members that were compared.
    pub diameter: f32,
    /// The path of the member most similar to the others.
    pub medoid: String,
    /// The labels of the members, if there are different ones: at most one of them is right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicting_labels: Vec<String>,
}

/// What speaks against an image being the original of its group, as others of the group show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Flaw {
    /// It was made larger.
    Enlarged,
    /// It has a border, a strip with words, or another picture beside it.
    Framed,
    /// It has something on it, such as a watermark, a caption or a sticker, that the others have not.
    Marked,
    /// It is a part of another one.
    Cropped,
    /// It was encoded again: it shows an earlier JPEG file, or its format or tables are those of conversions.
    Reencoded,
    /// It has far less detail than another one of its size.
    Blurred,
}

impl Group {
    /// The number of duplicates with the EXIF data of a camera, where the keeper has none.
    pub(super) fn cameras_lost(&self) -> usize {
        let is_lost = |duplicate: &&Duplicate| duplicate.file.camera && !self.keeper.camera;
        if self.kind == GroupKind::Related { 0 } else { self.duplicates.iter().filter(is_lost).count() }
    }
}

/// An image file, or an entry of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct File {
    /// Its path, or `container#entry`; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// The bytes of a path that is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<Vec<u8>>,
    /// Whether it is in a container, which is never changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub entry: bool,
    /// Whether it is one picture of an image file that holds several, or of a film; it is then an entry, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frame: bool,
    /// Whether it belongs to a reference, which is never changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reference: bool,
    /// Size of the file, or of the container that holds the entry, in bytes.
    pub size: u64,
    /// Its modification time, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// BLAKE3 of its bytes, hex.
    pub hash: String,
    /// Width of the upright image, in pixels.
    pub width: u32,
    /// Height of the upright image, in pixels.
    pub height: u32,
    /// The file's format, such as `jpeg`; empty for plain pixels.
    pub format: String,
    /// Whether it has EXIF data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exif: bool,
    /// Whether its EXIF data tells which camera took it, or how.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub camera: bool,
    /// Whether it tells how it was generated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generated: bool,
    /// What speaks against it being the original.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaws: Vec<Flaw>,
    /// The quality of a JPEG file, 1 to 100, by its quantization tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jpeg_quality: Option<u8>,
    /// The names of files beside it that belong to it, such as `a.xmp` to `a.jpg`; empty for an entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<String>,
    /// The names of other files beside it that are of the same shot, such as `a.cr2` to `a.jpg`: they go together
    /// or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shot: Vec<String>,
    /// Whether it has no colour.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
    /// Whether it is a symbolic link to a file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub link: bool,
    /// What is wrong with it, if anything: its pixels may not be those that were written. It is never kept
    /// before a whole file, and no whole file goes for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
    /// Its label, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A file that is the same as its group's keeper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Duplicate {
    /// The file.
    #[serde(flatten)]
    pub file: File,
    /// Hamming distance between its structural code and the keeper's, in bits.
    pub distance: u32,
    /// 1 minus how much it differs from the keeper in the worst place, once both are aligned.
    pub similarity: f32,
    /// How it is mirrored or turned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<String>,
    /// Where the two differ, if they do in one place: left, top, right and bottom in this image, upright, as
    /// shares of its sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<[f32; 4]>,
}

/// Two images that are almost near.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NearMiss {
    /// The first.
    pub a: File,
    /// The second.
    pub b: File,
    /// As for a duplicate.
    pub distance: u32,
    /// As for a duplicate.
    pub similarity: f32,
}

/// The similarity from which images count as near, and what that means.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Threshold {
    /// The least similarity of near images.
    pub similarity: f64,
    /// The rate that was asked for: the share of compared pairs of different images that may be called near.
    pub false_positive_rate: f64,
    /// The number of pairs that were compared.
    pub pairs_tested: u64,
    /// The number of false pairs to expect among them; none if there are too few images to tell.
    pub expected_false_pairs: Option<f64>,
    /// The number of pairs that were compared, on which the threshold is calibrated, copies left out.
    pub null_pairs: u64,
    /// The largest similarity among them; 0 if there are none.
    pub null_largest: f64,
    /// How many corners of two pictures must lie alike for local features to count.
    #[serde(default)]
    pub inliers: InlierNull,
    /// The share of copies, made for this purpose, that is found; edited ones of those that are brought near.
    pub recall: Vec<CopyRecall>,
}

/// How many corners of two pictures must lie alike, inliers, for local features to count, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InlierNull {
    /// The number that counts: the larger of the next two. With fewer, all of the picture must agree.
    pub counts: usize,
    /// What follows from the null that comes with the program.
    pub shipped: usize,
    /// What follows from pairs of this collection; none if there are too few.
    pub own: Option<usize>,
    /// Pairs of this collection that were verified and have nothing in common.
    pub strangers: u64,
    /// The most inliers of one of them.
    pub largest: usize,
}

/// The share of copies of one kind that is found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CopyRecall {
    /// How the copies were made.
    pub copy: String,
    /// What most of them are found as: near or edited.
    #[serde(default = "near")]
    pub kind: GroupKind,
    /// The number of copies.
    pub copies: usize,
    /// The share of them that was found, 0 to 1.
    pub recall: f64,
}

/// What all copies were found as that earlier builds looked for.
fn near() -> GroupKind {
    GroupKind::Near
}

/// An image that could not be compared, or only with damage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unread {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// The document that holds a plan.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Document<T> {
    schema_version: u32,
    command: String,
    #[serde(flatten)]
    body: T,
}

/// What all versions of the document have.
#[derive(Deserialize)]
struct Head {
    schema_version: Option<u32>,
    command: Option<String>,
}

impl Plan {
    /// The document as text; the same plan gives the same bytes.
    pub fn to_json(&self) -> String {
        let document = Document { schema_version: SCHEMA_VERSION, command: COMMAND.to_owned(), body: self };
        // strings and finite numbers: nothing in it can fail
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }

    /// The indices of the groups, those to be reviewed first coming first: near ones, then pixels, then
    /// bytes.
    pub(super) fn by_need(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by_key(|&i| (Reverse(self.groups[i].kind), i));
        order
    }

    /// Reads the document; `path` is for messages.
    ///
    /// # Errors
    /// When it is not a plan, or one of another version.
    pub fn from_json(text: &str, path: &Path) -> Result<Plan> {
        let place = path.display();
        let no_plan = |what: String| {
            Error::invalid(format!("{place}: expected a plan, got {what}"))
                .with_hint("`ScanOutputs::plan` writes one")
        };
        let head: Head = serde_json::from_str(text).map_err(|error| no_plan(error.to_string()))?;
        if head.command.as_deref() != Some(COMMAND) {
            return Err(no_plan("another document".to_owned()));
        }
        if head.schema_version != Some(SCHEMA_VERSION) {
            let got = head.schema_version.map_or("none".to_owned(), |version| version.to_string());
            let what = format!("{place}: plan: expected schema version {SCHEMA_VERSION}, got {got}");
            return Err(Error::unsupported(what)
                .with_hint("scan again with this version, or apply it with the version that wrote it"));
        }
        let document: Document<Plan> =
            serde_json::from_str(text).map_err(|error| no_plan(error.to_string()))?;
        Ok(document.body)
    }
}

impl File {
    /// The bytes of its name.
    pub fn name(&self) -> &[u8] {
        self.path_bytes.as_deref().unwrap_or(self.path.as_bytes())
    }

    /// The name of the file of which it is one picture of several.
    pub(super) fn file_of_frame(&self) -> Option<&[u8]> {
        let name = self.name();
        let end = name.iter().rposition(|byte| *byte == b'#').filter(|_| self.frame)?;
        Some(&name[..end])
    }
}
