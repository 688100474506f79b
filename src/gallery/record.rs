//! What a gallery stores in its index, as bytes: a record for each item, and one for the whole. The only file
//! that names `bincode`.
//!
//! The index keeps both as opaque bytes. The facts begin with a format version, so that a newer program's
//! index is refused with a clear message rather than misread. Version 2 added how an encoder of another
//! program is fed, as JSON with the keys of the .toml file beside it, and the size of its files; version 3
//! how the binarizer was chosen and how near strangers are, version 4 how near neighbours are, version 5 what is
//! taken of files that hold several pictures. Older versions are still read.

use std::path::Path;

use aesearch_index::Snapshot;
use bincode::config::{Configuration, Limit};
use bincode::{Decode, Encode};

use super::taken::Taken;
use crate::encode::{Binarizer, Survival};
use crate::error::{Error, Result};
use crate::images::Stamp;
use crate::model::Known;

/// The index attribute that holds the facts.
const ATTRIBUTE: &str = "gallery";

/// The setting that holds whether folders look like classes.
const CLASSES: &str = "classes";

/// Version of the records below.
const FORMAT: u32 = 5;

/// No record is larger; a damaged length can never ask for more memory than this.
const LIMIT: usize = 64 << 20;

const CONFIG: Configuration<bincode::config::LittleEndian, bincode::config::Varint, Limit<LIMIT>> =
    bincode::config::standard().with_limit::<LIMIT>();

/// What is stored for an image beside its name, code and latent.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// The label, where one is known.
    pub label: Option<String>,
    /// Size of the file, in bytes.
    pub size: u64,
    /// Time of the last change of the file, in nanoseconds since 1970; [`Stamp::IN_MEMORY`] where there is none.
    pub mtime_ns: i64,
    /// BLAKE3 of the content.
    pub hash: [u8; 32],
}

impl Record {
    pub(super) fn new(label: Option<&str>, stamp: &Stamp) -> Record {
        let Stamp { size, mtime_ns, hash } = *stamp;
        Record { label: label.map(str::to_owned), size, mtime_ns, hash }
    }

    /// The record of an item of the index.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn of(snapshot: &Snapshot, id: u32) -> Result<Record> {
        decode(snapshot.payload(id)).ok_or_else(|| {
            let name = String::from_utf8_lossy(snapshot.name(id)).into_owned();
            damaged(&name, "record")
        })
    }

    /// Whether the image came from memory: there is no file that could be gone.
    pub fn is_in_memory(&self) -> bool {
        self.mtime_ns == Stamp::IN_MEMORY
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }
}

/// The model that an index was made with.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelIdentity {
    /// Its name.
    pub name: String,
    /// SHA-256 of its encoder.onnx, hex.
    pub sha256: String,
    /// What loads it again: a shipped name, or an absolute path.
    pub source: String,
    /// How it is fed, if another program made it.
    pub foreign: Option<Known>,
}

/// Name, SHA-256 and source of a model.
type StoredModel = (String, String, String);

/// The format of a model of another program, as JSON, and the size of its files.
type StoredForeign = Option<(String, u64)>;

impl ModelIdentity {
    fn to_stored(&self) -> (StoredModel, StoredForeign) {
        let ModelIdentity { name, sha256, source, foreign } = self.clone();
        // Numbers and names: nothing in it fails. Empty text is refused when it is read.
        let json = |known: Known| (serde_json::to_string(&known.format).unwrap_or_default(), known.bytes);
        ((name, sha256, source), foreign.map(json))
    }

    fn from_stored((name, sha256, source): StoredModel, foreign: StoredForeign) -> Option<ModelIdentity> {
        let known = |(format, bytes): (String, u64)| {
            let format = serde_json::from_str(&format).ok()?;
            Some(Known { sha256: sha256.clone(), format, bytes })
        };
        let foreign = match foreign {
            Some(stored) => Some(known(stored)?),
            None => None,
        };
        Some(ModelIdentity { name, sha256, source, foreign })
    }
}

/// Whether the images of a collection are inverted before they are encoded, and how that was decided.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub struct Polarity {
    /// Each value x of 0..=1 becomes 1 - x.
    pub inverted: bool,
    /// Images sampled; 0 where the caller decided, or the model has no decoder.
    pub sampled: u32,
    /// Mean binary cross-entropy per pixel of their reconstructions, as they are.
    pub error_as_is: f32,
    /// The same, inverted.
    pub error_inverted: f32,
    /// Mean value of their pixels as they are encoded, 0 to 1; none where none were sampled.
    pub brightness: Option<f32>,
}

/// How near images of a collection are to strangers and to their nearest neighbours: similarities as hits
/// have them, cosines of latents, or of codes where no latents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub struct Strangers {
    /// Images that were compared.
    pub images: u32,
    /// What 16, 50, 84 and 99 of 100 pairs stay below.
    pub quantiles: [f32; 4],
    /// The similarity that 98 of 100 images have to their nearest neighbour, or more.
    pub nearest: f32,
}

impl Strangers {
    /// The similarity above which a hit is no stranger: few images of the collection are further from their
    /// nearest neighbour. Copies would raise it and odd images lower it too far, so it stays between what 84
    /// and 99 of 100 random pairs stay below.
    pub fn nearer(&self) -> f32 {
        let [_, _, some_pairs, few_pairs] = self.quantiles;
        self.nearest.max(some_pairs).min(few_pairs)
    }
}

/// What makes codes of latents, and how it was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// How latents become bits.
    pub binarizer: Binarizer,
    /// Images that it was fitted to; 0 where it needs no fitting.
    pub fitted: u32,
    /// Images that there were when it was fitted, including those that could not be read or were not sampled.
    pub offered: u32,
    /// How well neighbours survived by two binarizers, where both were tried.
    pub survival: Option<Survival>,
    /// It stands in for one that takes longer to fit, as the run was stopped: the next one does it.
    pub provisional: bool,
    /// Its kind was asked for by name, so that it stays when the binarizer is fitted anew.
    pub by_name: bool,
}

/// What holds for the whole index.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The model.
    pub model: ModelIdentity,
    /// How its latents became bits.
    pub codes: Fitted,
    /// Whether images are inverted.
    pub polarity: Polarity,
    /// How near images are to each other that have nothing in common; none where it was not measured.
    pub strangers: Option<Strangers>,
    /// What is taken of files that hold several pictures.
    pub taken: Taken,
    /// Whether the names of the images' folders look like classes; none where nobody has looked.
    pub classes: Option<bool>,
}

/// What version 3 added: shares of survivors by learned codes and by ITQ; provisional; images and quantiles
/// of strangers, which are measured anew.
type Third = (Option<(f32, f32)>, bool, Option<(u32, [f32; 4])>);

/// The same since version 4: with whether the kind was asked for by name.
type Fourth = (Option<(f32, f32)>, (bool, bool), Option<Strangers>);

/// What version 5 added: settings by name and value.
type Fifth = Vec<(String, String)>;

impl Facts {
    /// The facts of an open index; `dir` is for messages.
    ///
    /// # Errors
    /// `Damaged` when the index is damaged or not a gallery's, `Version` when a newer program wrote it.
    pub fn of(snapshot: &Snapshot, dir: &Path) -> Result<Facts> {
        let place = dir.display().to_string();
        let bytes = snapshot.attribute(ATTRIBUTE).unwrap_or_default();
        let facts = Facts::from_bytes(bytes, &place)?;
        if facts.fit(snapshot) { Ok(facts) } else { Err(damaged(&place, "facts")) }
    }

    /// The facts that [`Facts::to_bytes`] wrote; `place` is for messages.
    ///
    /// # Errors
    /// `Damaged` when the bytes are something else, `Version` when a newer program wrote them.
    pub fn from_bytes(bytes: &[u8], place: &str) -> Result<Facts> {
        let (format, used): (u32, usize) =
            bincode::decode_from_slice(bytes, CONFIG).map_err(|_| damaged(place, "facts"))?;
        if format > FORMAT {
            let what = format!("gallery format: expected at most {FORMAT}, got {format}");
            let hint = "upgrade to read this index, or remove it and run `update` again";
            return Err(Error::version(place, what).with_hint(hint));
        }
        type First = (StoredModel, Vec<u8>, u32, u32, Polarity);
        let rest = &bytes[used..];
        let stored: Option<(First, StoredForeign, Fourth, Fifth)> = match format {
            1 => decode(rest).map(|first| (first, None, Fourth::default(), Fifth::new())),
            2 => decode(rest).map(|(first, foreign)| (first, foreign, Fourth::default(), Fifth::new())),
            3 => decode(rest).map(|(first, foreign, third)| {
                let (survival, provisional, _): Third = third;
                (first, foreign, (survival, (provisional, false), None), Fifth::new())
            }),
            4 => decode(rest).map(|(first, foreign, fourth)| (first, foreign, fourth, Fifth::new())),
            _ => decode(rest),
        };
        let facts = stored.and_then(|(first, foreign, fourth, fifth)| {
            let (model, binarizer, fitted, offered, polarity) = first;
            let model = ModelIdentity::from_stored(model, foreign)?;
            let binarizer = Binarizer::from_bytes(&binarizer)?;
            let (survival, (provisional, by_name), strangers) = fourth;
            let survival = survival.map(|(learned, itq)| Survival { learned, itq });
            let codes = Fitted { binarizer, fitted, offered, survival, provisional, by_name };
            let of =
                |name: &str| fifth.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
            let classes = of(CLASSES).and_then(|value| value.parse().ok());
            Some(Facts { model, codes, polarity, strangers, taken: Taken::from_stored(&fifth)?, classes })
        });
        facts.ok_or_else(|| damaged(place, "facts"))
    }

    /// All of them, for a file that holds codes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_attribute().1
    }

    fn fit(&self, snapshot: &Snapshot) -> bool {
        let kept = snapshot.latent_size(); // 0 where the index keeps no latents
        let binarizer = &self.codes.binarizer;
        binarizer.bits() == snapshot.bits() && (kept == 0 || kept == binarizer.latent_size())
    }

    pub(super) fn to_attribute(&self) -> (String, Vec<u8>) {
        let Facts { model, codes, polarity, strangers, taken, classes } = self;
        let Fitted { binarizer, fitted, offered, survival, provisional, by_name } = codes;
        let (model, foreign) = model.to_stored();
        let first = (model, binarizer.to_bytes(), *fitted, *offered, *polarity);
        let survival = survival.map(|Survival { learned, itq }| (learned, itq));
        let fourth: Fourth = (survival, (*provisional, *by_name), *strangers);
        let classes = classes.map(|classes| (CLASSES.to_owned(), classes.to_string()));
        let fifth: Fifth = taken.to_stored().into_iter().chain(classes).collect();
        let bytes = encode(&(FORMAT, first, foreign, fourth, fifth));
        (ATTRIBUTE.to_owned(), bytes)
    }
}

fn damaged(place: &str, what: &str) -> Error {
    Error::damaged(place, format!("{what}: expected a gallery's, got damaged or foreign bytes"))
        .with_hint("run `verify`; if the index is damaged, remove it and run `update` again")
}

fn encode(record: &impl Encode) -> Vec<u8> {
    // Only a record above the limit fails: a label or path of 64 MiB, or a latent of more than 65,000
    // numbers, is no gallery's. The empty bytes that stand for it are refused when they are read.
    bincode::encode_to_vec(record, CONFIG).unwrap_or_default()
}

fn decode<T: Decode<()>>(bytes: &[u8]) -> Option<T> {
    let (record, used) = bincode::decode_from_slice(bytes, CONFIG).ok()?;
    (used == bytes.len()).then_some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{Frames, Video};

    #[test]
    fn models_are_read_back_and_those_of_others_with_how_they_are_fed() {
        let format = r#"{"size":[4,6],"channels":1,"layout":"nhwc","mean":[0.1],"std":[0.3],"range":255,
            "input":"x","output":"y","latent":40,"bits":32}"#;
        let known = Known { sha256: "ab".into(), format: serde_json::from_str(format).unwrap(), bytes: 9 };
        for foreign in [None, Some(known)] {
            let (name, sha256, source) = ("n".to_owned(), "ab".to_owned(), "s".to_owned());
            let model = ModelIdentity { name, sha256, source, foreign };
            let (stored, foreign) = model.to_stored();
            assert_eq!(ModelIdentity::from_stored(stored.clone(), foreign), Some(model));
            assert_eq!(ModelIdentity::from_stored(stored, Some(("{}".into(), 9))), None);
        }
    }

    #[test]
    fn facts_of_every_format_are_read() {
        const FIRST: &[u8] = b"\x01n\x02ab\x01s\
            \x09\x00\x20\x00\x00\x00\x20\x00\x00\x00\
            \xfb\x2c\x01\xfc\x70\x11\x01\x00\
            \x01\x80\x00\x00\x00\x3f\x00\x00\x80\x3e\x01\x00\x00\x40\x3f";
        const SURVIVAL: &[u8] = b"\x01\x00\x00\x80\x3e\x00\x00\x00\x3f";
        const STRANGERS: &[u8] = b"\x01\xfb\xe8\x03\
            \x00\x00\x00\x00\x00\x00\x80\x3e\x00\x00\x00\x3f\x00\x00\x40\x3f";
        let json = r#"{"size":[4,6],"channels":1,"layout":"nhwc","mean":[0.1],"std":[0.3],"range":255,
            "input":"x","output":"y","latent":40,"bits":32}"#;
        let size = [json.len() as u8];
        let foreign = [b"\x01", &size[..], json.as_bytes(), b"\x09"].concat();
        let first = Facts {
            model: ModelIdentity { name: "n".into(), sha256: "ab".into(), source: "s".into(), foreign: None },
            codes: Fitted {
                binarizer: Binarizer::sign(32, 32).unwrap(),
                fitted: 300,
                offered: 70_000,
                survival: None,
                provisional: false,
                by_name: false,
            },
            polarity: Polarity {
                inverted: true,
                sampled: 128,
                error_as_is: 0.5,
                error_inverted: 0.25,
                brightness: Some(0.75),
            },
            strangers: None,
            taken: Taken::default(),
            classes: None,
        };
        let known = Known { sha256: "ab".into(), format: serde_json::from_str(json).unwrap(), bytes: 9 };
        let second =
            Facts { model: ModelIdentity { foreign: Some(known), ..first.model.clone() }, ..first.clone() };
        let survival = Some(Survival { learned: 0.25, itq: 0.5 });
        let third =
            Facts { codes: Fitted { survival, provisional: true, ..first.codes.clone() }, ..first.clone() };
        let strangers = Strangers { images: 1000, quantiles: [0.0, 0.25, 0.5, 0.75], nearest: 0.5 };
        let fourth = Facts {
            codes: Fitted { by_name: true, ..third.codes.clone() },
            strangers: Some(strangers),
            ..third.clone()
        };
        let half = 0.5f32.to_le_bytes();
        let fifth =
            Facts { taken: Taken { frames: Frames::All, video: Video::Every(2500) }, ..fourth.clone() };
        let rests: [Vec<u8>; 5] = [
            vec![],
            foreign,
            [b"\x00", SURVIVAL, b"\x01", STRANGERS].concat(),
            [b"\x00", SURVIVAL, b"\x01\x01", STRANGERS, &half].concat(),
            [b"\x00", SURVIVAL, b"\x01\x01", STRANGERS, &half, b"\x02\x06frames\x03all\x05video\x032.5"]
                .concat(),
        ];
        for (i, (rest, facts)) in rests.iter().zip([first, second, third, fourth, fifth]).enumerate() {
            let bytes = [&[i as u8 + 1], FIRST, rest].concat();
            assert_eq!(Facts::from_bytes(&bytes, "x").unwrap(), facts, "format {}", i + 1);
            assert!(Facts::from_bytes(&bytes[..bytes.len() - 1], "x").is_err());
            if i + 1 == FORMAT as usize {
                assert_eq!(facts.to_attribute().1, bytes, "what is written now");
                let known = Facts { classes: Some(true), ..facts };
                assert_eq!(Facts::from_bytes(&known.to_attribute().1, "x").unwrap(), known);
            }
        }
        let newer = Facts::from_bytes(&[6], "x").unwrap_err();
        assert!(newer.to_string().contains("expected at most 5, got 6"), "{newer}");
    }

    #[test]
    fn records_are_read_back_and_damage_is_noticed() {
        let stamp = Stamp { size: 1 << 40, mtime_ns: -5, hash: [7; 32] };
        let record = Record::new(Some("seven"), &stamp);
        let bytes = record.to_bytes();
        assert_eq!(decode(&bytes), Some(record));
        for end in 0..bytes.len() {
            assert_eq!(decode::<Record>(&bytes[..end]), None);
        }
        assert_eq!(decode::<Record>(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(decode::<Record>(&[0xff; 64]), None);
    }
}
