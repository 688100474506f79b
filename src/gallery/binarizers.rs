//! Which binarizer an index gets: by name, by counts, or one that another index has.
//!
//! `Auto` follows the model: what it was trained for, or a fit to the collection. Where latents come from an
//! encoder that was never trained for codes, a network is trained on them, and used unless it keeps far fewer
//! neighbours than a rotation. Nothing here looks at a clock.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::folder::index_at;
use super::record::{Facts, Fitted};
use crate::encode::{
    Binarizer, FEWEST_TO_LEARN, LearnOptions, MAX_FIT, Rule, Survival, at_once, learned_or_itq, learning_work,
};
use crate::error::{Error, Result};
use crate::images::read_text;
use crate::model::{BinarizerKind, Family, Model};
use crate::observer::{Note, Observer};
use crate::runtime::Runtime;

/// Begins a file that holds a binarizer; the model's SHA-256 in hex, a line break and the bytes follow.
const MAGIC: &[u8] = b"aesearch binarizer 1\n";
/// No file of a binarizer is larger.
const MAX_FILE: u64 = 64 << 20;
/// With fewer images than this, `Auto` trains no network: each batch sets half of every bit's codes to 1, and
/// the halves of a few images say nothing about others.
const ENOUGH_TO_LEARN: usize = 256;

/// Which binarizer an index is to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum BinarizerChoice {
    /// The index's own; for a new one what suits its model and the number of images.
    #[default]
    Auto,
    /// The signs of the latent.
    Sign,
    /// A rotation fitted to the collection.
    Itq,
    /// A network trained on the collection.
    Learned,
    /// That of another index, or one in a file that [`save_binarizer`] wrote.
    From(PathBuf),
}

impl BinarizerChoice {
    /// `auto`, `sign`, `itq` or `learned`; anything else is a path.
    pub fn named(text: &str) -> BinarizerChoice {
        match text {
            "auto" => BinarizerChoice::Auto,
            "sign" => BinarizerChoice::Sign,
            "itq" => BinarizerChoice::Itq,
            "learned" => BinarizerChoice::Learned,
            path => BinarizerChoice::From(path.into()),
        }
    }
}

/// What is asked of a binarizer, with what it takes to make it.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    way: Way,
    /// Bits, where they were asked for.
    bits: Option<usize>,
    latent_size: usize,
    default_bits: usize,
    seed: u64,
    /// Threads that may learn codes.
    threads: usize,
    by_name: bool,
}

/// How a binarizer comes about.
#[derive(Debug, Clone, PartialEq)]
enum Way {
    Ready(Binarizer),
    Itq,
    Learned,
    /// The network, unless it keeps far fewer neighbours.
    Either,
}

impl Wanted {
    /// All that its codes depend on, which is not how many threads learn them.
    pub(super) fn key(&self) -> String {
        let Wanted { way, bits, latent_size, default_bits, seed, by_name, threads: _ } = self;
        format!("{way:?} {bits:?} {latent_size} {default_bits} {seed} {by_name}")
    }

    /// What `choice` and `bits` mean for `model`; the file or index that is named is read.
    pub(super) fn new(
        choice: &BinarizerChoice,
        bits: Option<usize>,
        model: &Model,
        (seed, threads): (u64, usize),
    ) -> Result<Wanted> {
        let metadata = &model.metadata;
        let (latent_size, default_bits) = (metadata.latent_size, metadata.bits);
        if let Some(bits) = bits.filter(|bits| !aesearch_index::BITS.contains(bits) || *bits > latent_size) {
            let (least, most) = (aesearch_index::BITS.start(), latent_size.min(*aesearch_index::BITS.end()));
            let what =
                format!("`bits`: expected {least} to {most} for the model {}, got {bits}", metadata.name);
            return Err(Error::invalid(what));
        }
        let sign = || Binarizer::sign(latent_size, bits.unwrap_or(default_bits)).map(Way::Ready);
        let way = match choice {
            BinarizerChoice::From(path) => {
                let binarizer = load(path, model)?;
                if bits.is_some_and(|bits| bits != binarizer.bits()) {
                    let what = format!("`bits`: expected {}, those of the binarizer", binarizer.bits());
                    return Err(Error::mismatch(path.display().to_string(), what));
                }
                Way::Ready(binarizer)
            }
            BinarizerChoice::Sign => sign()?,
            BinarizerChoice::Auto if metadata.binarizer == BinarizerKind::Sign => sign()?,
            BinarizerChoice::Itq => Way::Itq,
            BinarizerChoice::Learned => Way::Learned,
            BinarizerChoice::Auto if has_general_latents(model) => Way::Either,
            BinarizerChoice::Auto => Way::Itq,
        };
        let by_name = *choice != BinarizerChoice::Auto;
        Ok(Wanted { way, bits, latent_size, default_bits, seed, threads, by_name })
    }

    /// Whether an index with these facts has it already, as far as it was asked for.
    pub(super) fn check(&self, dir: &Path, facts: &Facts, choice: &BinarizerChoice) -> Result<()> {
        let has = &facts.codes.binarizer;
        let same = match (choice, &self.way) {
            (BinarizerChoice::Auto, _) => true,
            (_, Way::Ready(binarizer)) => binarizer == has,
            // where it is still to be learned, itq stands in
            (_, Way::Learned) => has.rule() == Rule::Learned || facts.codes.provisional,
            _ => has.rule() == Rule::Itq,
        };
        let bits = self.bits.unwrap_or(has.bits());
        if same && bits == has.bits() {
            return Ok(());
        }
        let wanted = match &self.way {
            Way::Ready(binarizer) if choice != &BinarizerChoice::Auto => named(binarizer),
            Way::Learned => format!("learned of {bits} bits"),
            Way::Itq if choice != &BinarizerChoice::Auto => format!("itq of {bits} bits"),
            _ => format!("one of {bits} bits"),
        };
        let what = format!("binarizer: expected {}, got {wanted}", named(has));
        Err(Error::mismatch(dir.display().to_string(), what).with_hint(
            "codes of different binarizers cannot be compared: with `refit` all images are coded anew, from the latents \
             that the index keeps",
        ))
    }

    /// The same for an index with these facts: its bits stay unless others were asked for, and so does the
    /// kind that was once asked for by name, unless `chooses_again`.
    pub(super) fn again(mut self, facts: &Facts, chooses_again: bool) -> Wanted {
        self.default_bits = facts.codes.binarizer.bits();
        if facts.codes.by_name && !self.by_name && !chooses_again {
            self.by_name = true;
            self.way = match facts.codes.binarizer.rule() {
                Rule::Sign => self.way,
                Rule::Learned => Way::Learned,
                _ if facts.codes.provisional => Way::Learned, // itq stands in for nothing else
                _ => Way::Itq,
            };
        }
        self
    }

    /// Bits per code.
    pub(super) fn bits(&self) -> usize {
        match &self.way {
            Way::Ready(binarizer) => binarizer.bits(),
            _ => self.bits.unwrap_or(self.default_bits),
        }
    }

    /// The binarizer, if it needs no fitting.
    pub(super) fn ready(&self) -> Option<Fitted> {
        match &self.way {
            Way::Ready(binarizer) => Some(self.plain(binarizer.clone())),
            _ => None,
        }
    }

    /// A binarizer that was neither compared with another nor stands in for one; fitted to nothing.
    fn plain(&self, binarizer: Binarizer) -> Fitted {
        let by_name = self.by_name;
        Fitted { binarizer, fitted: 0, offered: 0, survival: None, provisional: false, by_name }
    }

    /// The binarizer for these latents [N, D], of a whole sample of `offered` images or, where a run was stopped, of
    /// a part. Where
    /// training is stopped, a rotation stands in, so that what was encoded can be kept. With it, how long that took,
    /// summed over the threads.
    pub(super) fn fit(
        &self,
        (latents, offered): (&[f32], usize),
        (runtime, observer): (&Runtime, &dyn Observer),
        is_whole: bool,
    ) -> Result<(Fitted, Duration)> {
        let Wanted { latent_size, seed, threads, .. } = *self;
        let (start, mut beside) = (Instant::now(), Duration::ZERO);
        let bits = self.bits();
        let n = latents.len() / latent_size;
        let options = LearnOptions { bits, seed, threads, runtime, observer };
        let (fitted, offered) = (n as u32, offered as u32); // at most MAX_FIT; ids are u32
        let plain = |binarizer| Fitted { fitted, offered, ..self.plain(binarizer) };
        let itq = || Binarizer::fit_itq(latents, latent_size, bits, seed).map(plain);
        let learned = match &self.way {
            Way::Ready(binarizer) => Ok(plain(binarizer.clone())),
            Way::Itq => itq(),
            Way::Either if is_whole && n < ENOUGH_TO_LEARN => itq(),
            Way::Learned | Way::Either if !is_whole => Err(Error::Interrupted),
            Way::Learned => Binarizer::fit_learned(latents, latent_size, &options).map(plain),
            Way::Either => learned_or_itq(latents, latent_size, &options).map(|trial| {
                observer.note(&Note::new(said(&trial.survival, trial.binarizer.rule())));
                beside = trial.beside;
                Fitted { survival: Some(trial.survival), ..plain(trial.binarizer) }
            }),
        };
        let fitted = match learned {
            Err(Error::Interrupted) => Fitted { provisional: true, ..itq()? },
            done => done?,
        };
        Ok((fitted, start.elapsed() + beside))
    }
}

impl Wanted {
    /// How long it takes to fit the binarizer to latents of `n` images, from how long that takes on some of them,
    /// [N, D].
    pub(super) fn time_to_fit(&self, latents: &[f32], n: usize, runtime: &Runtime) -> Result<Duration> {
        let Wanted { latent_size, seed, threads, .. } = *self;
        let (bits, few) = (self.bits(), latents.len() / latent_size);
        let learns = match self.way {
            Way::Ready(_) => return Ok(Duration::ZERO),
            Way::Itq => 0.0,
            Way::Either if n < ENOUGH_TO_LEARN => 0.0,
            Way::Learned => 1.0,
            Way::Either if at_once(n.min(MAX_FIT) * latent_size, threads) => 1.0,
            Way::Either => 2.0, // once without those that are held out
        };
        let start = Instant::now();
        if learns > 0.0 && few >= FEWEST_TO_LEARN {
            let options = LearnOptions { bits, seed, threads, runtime, observer: &() };
            Binarizer::fit_learned(latents, latent_size, &options)?;
            let work = learning_work(n) / learning_work(few);
            return Ok(start.elapsed().mul_f64(learns * work));
        }
        if few < bits {
            return Ok(Duration::ZERO);
        }
        Binarizer::fit_itq(latents, latent_size, bits, seed)?;
        Ok(start.elapsed().mul_f64(n.min(MAX_FIT) as f64 / few as f64))
    }
}

/// `codes are learned from the collection: 31.0 % of held-out neighbourhoods survive, 27.2 % by itq`
fn said(survival: &Survival, kept: Rule) -> String {
    let [learned, itq] = [survival.learned, survival.itq].map(|share| format!("{:.1} %", 100.0 * share));
    match kept {
        Rule::Learned => {
            format!(
                "codes are learned from the collection: {learned} of held-out neighbourhoods survive, {itq} by itq"
            )
        }
        _ => format!(
            "codes are fitted by itq: {itq} of held-out neighbourhoods survive, {learned} by learned codes"
        ),
    }
}

/// Whether the latents come from an encoder that was trained to tell images apart, not for codes.
fn has_general_latents(model: &Model) -> bool {
    model.foreign.is_some() || model.metadata.family == Family::Photo.name()
}

/// `itq 1a2b3c4d5e6f of 64 bits`
pub(super) fn named(binarizer: &Binarizer) -> String {
    let sha256 = binarizer.sha256();
    format!("{} {} of {} bits", binarizer.rule(), &sha256[..12], binarizer.bits())
}

/// Why codes of two indexes cannot be compared, with both models or binarizers by name; none if they can.
pub fn different_codes(a: &Facts, b: &Facts) -> Option<String> {
    if a.model.sha256 != b.model.sha256 {
        return Some(format!("codes of different models, {} and {}", a.model.name, b.model.name));
    }
    let [first, second] = [a, b].map(|facts| named(&facts.codes.binarizer));
    (a.codes.binarizer != b.codes.binarizer)
        .then(|| format!("codes of different binarizers, {first} and {second}"))
}

/// Writes the binarizer of the index at `dir` to a file that [`BinarizerChoice::From`] takes.
///
/// # Errors
/// `NotFound` when there is no index, `Damaged` or `Version` when it cannot be read, `Io` when the file
/// cannot be written.
pub fn save_binarizer(dir: &Path, path: &Path) -> Result<()> {
    let facts = Facts::of(&aesearch_index::Snapshot::open(dir)?, dir)?;
    let bytes = [MAGIC, facts.model.sha256.as_bytes(), b"\n", &facts.codes.binarizer.to_bytes()].concat();
    crate::output::write_whole(path, &bytes)
}

/// The binarizer of another index of this model, or of a file.
pub(super) fn load(path: &Path, model: &Model) -> Result<Binarizer> {
    let place = path.display().to_string();
    let (sha256, binarizer) = if path.is_dir() {
        let dir = index_at(path);
        let facts = Facts::of(&aesearch_index::Snapshot::open(&dir)?, &dir)?;
        (facts.model.sha256, facts.codes.binarizer)
    } else {
        let length = fs::metadata(path).map_err(|error| unreadable(path, error))?.len();
        let bytes =
            if length > MAX_FILE { Vec::new() } else { read_text(path).map_err(|e| Error::io(path, e))? };
        parse(&bytes).ok_or_else(|| {
            let what = "binarizer: expected an index or a file that was written from one, got another";
            Error::damaged(&place, what)
        })?
    };
    if sha256 != model.sha256 {
        let short = |sha256: &str| sha256.get(..12).unwrap_or(sha256).to_owned();
        let (expected, got) = (short(&model.sha256), short(&sha256));
        let what = format!(
            "binarizer: expected one for the model {} (sha256 {expected}), got one for {got}",
            model.metadata.name
        );
        return Err(Error::mismatch(place, what));
    }
    if binarizer.latent_size() != model.metadata.latent_size {
        return Err(Error::damaged(place, "binarizer: expected the model's latent size, got another"));
    }
    Ok(binarizer)
}

/// A file that cannot be looked at; one that is not there may be a kind that was mistyped.
fn unreadable(path: &Path, error: io::Error) -> Error {
    let text = path.display().to_string();
    if error.kind() != io::ErrorKind::NotFound || text.contains(['/', '\\', '.']) {
        return Error::io(path, error);
    }
    let what = "`binarizer`: expected auto, sign, itq, learned, an index or a file of one";
    Error::invalid(format!("{what}, got {text:?}"))
}

fn parse(bytes: &[u8]) -> Option<(String, Binarizer)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (sha256, rest) = (rest.get(..64)?, rest.get(65..)?);
    let binarizer = Binarizer::from_bytes(rest)?;
    Some((std::str::from_utf8(sha256).ok()?.to_owned(), binarizer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_kind_is_told_from_a_file_that_is_not_there() {
        let said = |name: &str| unreadable(Path::new(name), io::ErrorKind::NotFound.into()).to_string();
        let kinds =
            "`binarizer`: expected auto, sign, itq, learned, an index or a file of one, got \"lerned\"";
        assert_eq!(said("lerned"), kinds);
        for path in ["./lerned", "other/index", "b.bin"] {
            assert!(said(path).starts_with(&format!("{path}: ")), "{}", said(path));
        }
        let refused = unreadable(Path::new("lerned"), io::ErrorKind::PermissionDenied.into());
        assert!(matches!(refused, Error::Io { .. }), "{refused}");
    }
}
