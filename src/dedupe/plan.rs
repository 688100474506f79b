//! The plan: what a scan found and proposes, as one JSON document that people read and `apply` carries out.
//!
//! Every file stands in it with what is needed to know it again (size, time, BLAKE3). A plan changes nothing; whoever carries
//! it out looks at each file again first. `docs/dedupe-plan.md` describes the document.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The `command` of the document.
pub const COMMAND: &str = "dedupe scan";
/// The version of the document; a reader refuses others.
pub const SCHEMA_VERSION: u32 = 1;

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Images compared.
    pub images: usize,
    /// Absolute; relative paths of files start here.
    pub base: PathBuf,
    /// From when on images are near.
    pub threshold: Threshold,
    /// Which of a group is kept: preferences, the most important first.
    pub keep: Vec<String>,
    /// Those of the same bytes first, then those of the same pixels, then near ones. An image that one group keeps may be a
    /// duplicate in a later one; never the reverse.
    pub groups: Vec<Group>,
    /// Pairs just below the threshold, and near ones that are in no group together as others of those are not near; the most similar
    /// first.
    pub near_misses: Vec<NearMiss>,
    /// Images that could not be compared.
    #[serde(default)]
    pub skipped: Vec<Unread>,
}

/// In what way the images of a group are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Byte for byte.
    Bytes,
    /// Decoded and turned upright, pixel for pixel.
    Pixels,
    /// To the eye.
    Near,
}

/// Images that are the same, and which of them stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// A short name made of the members' hashes: the same for the same members.
    pub id: String,
    /// In what way they are the same.
    pub kind: Kind,
    /// The path of the one that stays.
    pub keep: String,
    /// That file.
    pub keeper: File,
    /// Others that stay: those of a reference, those that were decided to be kept, with `across` those of the keeper's own path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_kept: Vec<Duplicate>,
    /// The others.
    pub duplicates: Vec<Duplicate>,
    /// 1 minus the least similarity of two members that were compared.
    pub diameter: f32,
    /// The path of the member that is most similar to the others.
    pub medoid: String,
    /// The different labels of the members, where there are several: at most one of them is right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicting_labels: Vec<String>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// Its path, or `container#entry`; bytes that are not UTF-8 are shown as U+FFFD.
    pub path: String,
    /// The bytes of such a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<Vec<u8>>,
    /// It lies in a container, which is never changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub entry: bool,
    /// It belongs to a reference and is never changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reference: bool,
    /// Size of the file (for an entry: of its container), in bytes.
    pub size: u64,
    /// Its time of change, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// BLAKE3 of its bytes, hex.
    pub hash: String,
    /// Columns, upright.
    pub width: u32,
    /// Rows, upright.
    pub height: u32,
    /// The file's format, such as `jpeg`; empty for plain pixels.
    pub format: String,
    /// It has EXIF data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exif: bool,
    /// It shows no colour.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
    /// It is a symbolic link to a file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub link: bool,
    /// Its label, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// An image that is the same as its group's keeper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The file.
    #[serde(flatten)]
    pub file: File,
    /// Hamming distance of its structural code to the keeper's, in bits.
    pub distance: u32,
    /// 1 less how much it differs from the keeper in the worst place, once both lie on each other.
    pub similarity: f32,
    /// How it lies: mirrored, turned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<String>,
}

/// Two images that are nearly near.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearMiss {
    /// One.
    pub a: File,
    /// The other.
    pub b: File,
    /// As of a [`Duplicate`].
    pub distance: u32,
    /// As of a [`Duplicate`].
    pub similarity: f32,
}

/// From when on images are near, and what that means.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// Least similarity of near images.
    pub similarity: f64,
    /// How often different images may be called near: asked for, per pair tested.
    pub false_positive_rate: f64,
    /// Pairs whose pixels were compared.
    pub pairs_tested: u64,
    /// False pairs to expect among them; none where the collection does not tell.
    pub expected_false_pairs: Option<f64>,
    /// Pairs that cannot be duplicates, on which the threshold rests.
    pub null_pairs: u64,
    /// The largest similarity among them; 0 where there are none.
    pub null_largest: f64,
    /// Which part of self-made copies is found.
    pub recall: Vec<CopyRecall>,
}

/// How many self-made copies of one kind are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopyRecall {
    /// What was done to the images.
    pub copy: String,
    /// Copies made.
    pub copies: usize,
    /// The part of them that was found, 0 to 1.
    pub recall: f64,
}

/// An image that could not be compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// The document around a plan.
#[derive(Serialize, Deserialize)]
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
    /// The document as text; the same as of `dedupe scan --json`.
    pub fn to_json(&self) -> String {
        let document = Document { schema_version: SCHEMA_VERSION, command: COMMAND.to_owned(), body: self };
        // Strings and finite numbers: nothing in it fails.
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }

    /// Reads the document; `path` is for messages.
    ///
    /// # Errors
    /// When it is no plan, or one of another version.
    pub fn from_json(text: &str, path: &Path) -> Result<Plan> {
        let place = path.display();
        let no_plan = |what: String| {
            Error::invalid(format!("{place}: expected a plan, got {what}"))
                .with_hint("`aesearch dedupe scan -o plan.json` writes one")
        };
        let head: Head = serde_json::from_str(text).map_err(|error| no_plan(error.to_string()))?;
        if head.command.as_deref() != Some(COMMAND) {
            return Err(no_plan("another document".to_owned()));
        }
        if head.schema_version != Some(SCHEMA_VERSION) {
            let got = head.schema_version.map_or("none".to_owned(), |version| version.to_string());
            let what = format!("{place}: plan: expected schema version {SCHEMA_VERSION}, got {got}");
            return Err(
                Error::invalid(what).with_hint("scan again with this program, or apply with that one")
            );
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
}
