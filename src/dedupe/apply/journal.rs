//! The journal: what is going to be done, written down before it is done, and how it ended.
//!
//! It consists of JSON lines: a header, then records. An intent is on disk before a file is changed, so that
//! a run that was cut short at any moment can be understood from its journal and the files alone. An
//! incomplete last line is ignored. `docs/dedupe-plan.md` describes the records.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use super::disk::sync_folder;
use super::inspect::Expected;
use super::options::Action;
use crate::error::{Error, Result};

/// The first value in the header; a file that begins differently is not a journal.
const MAGIC: &str = concat!("aesearch", " dedupe"); // not the verb, which the library does not know
/// The version of the records; a reader refuses others.
const VERSION: u32 = 1;

/// An open journal, which one process at a time holds.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    sync: bool,
    /// The offset of an incomplete last line.
    half_line: Option<u64>,
    pub(super) header: Header,
    pub(super) entries: Vec<Entry>,
}

/// What is being carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Header {
    journal: String,
    version: u32,
    /// Part of the names of this journal's temporary folders.
    pub(super) id: String,
    pub(super) action: Action,
    pub(super) plan: Name,
    /// BLAKE3 of the plan's file, hex.
    pub(super) plan_hash: String,
    pub(super) base: Name,
    /// Where `move` puts files.
    pub(super) to: Name,
}

/// A step, and how far it got.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) intent: Intent,
    pub(super) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Begun; the end is not known.
    Open,
    Done,
    /// Nothing was changed, or everything was put back.
    Refused,
    /// The file could not be put back, and is at its temporary path.
    Stuck,
    Undone,
}

/// One line after the header.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "record", rename_all = "lowercase")]
enum Record {
    Intent(Intent),
    /// The file gets another name, because the intended one was taken.
    To {
        step: u64,
        to: Name,
    },
    Done {
        step: u64,
    },
    Refused {
        step: u64,
        reason: String,
    },
    Stuck {
        step: u64,
        reason: String,
        at: Name,
    },
    Undone {
        step: u64,
    },
}

/// What is going to be done to one file, with everything needed to recognise it later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Intent {
    /// Counts up from 1.
    pub(super) step: u64,
    /// The absolute path of the file.
    pub(super) from: Name,
    #[serde(flatten)]
    pub(super) expected: Expected,
    /// Its permissions, if the system has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<u32>,
    /// Whether the file is new: a sidecar that was written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_new: bool,
    /// The file that is kept; none for a sidecar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keeper: Option<Name>,
    /// With `move`: the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<Name>,
    /// With `symlink`: the target of the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<Name>,
    /// With `move`: the folders made for it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) folders: Vec<Name>,
}

/// The shapes of the header and of the other lines.
#[cfg(test)]
pub(crate) fn schemas(settings: &schemars::generate::SchemaSettings) -> [schemars::Schema; 2] {
    let generator = || settings.clone().into_generator();
    [generator().into_root_schema_for::<Header>(), generator().into_root_schema_for::<Record>()]
}

/// A path in a JSON document: a string, or a list of bytes if it is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(pub(super) PathBuf);

#[cfg(test)]
impl schemars::JsonSchema for Name {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Path".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let bytes = generator.subschema_for::<Vec<u8>>();
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, bytes] })
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => text.serialize(serializer),
            None => self.0.as_os_str().as_encoded_bytes().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Bytes(Vec<u8>),
        }
        match Either::deserialize(deserializer)? {
            Either::Text(text) => Ok(Name(text.into())),
            Either::Bytes(bytes) => path_of(&bytes).map(Name).ok_or_else(|| D::Error::custom("no path")),
        }
    }
}

/// The path with these bytes; none if the system's paths must be UTF-8 and the bytes are not.
pub(super) fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    #[cfg(unix)]
    return Some(PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes)));
    #[cfg(not(unix))]
    return std::str::from_utf8(bytes).ok().map(PathBuf::from);
}

impl Header {
    pub(super) fn new(action: Action, plan: &Path, plan_hash: &str, base: &Path, to: &Path) -> Header {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Header {
            journal: MAGIC.to_owned(),
            version: VERSION,
            id: format!("{:x}", now.as_nanos() as u64 ^ (u64::from(std::process::id()) << 40)),
            action,
            plan: Name(plan.to_path_buf()),
            plan_hash: plan_hash.to_owned(),
            base: Name(base.to_path_buf()),
            to: Name(to.to_path_buf()),
        }
    }

    /// Why a journal with this header cannot go on as `wanted`.
    fn differs(&self, wanted: &Header) -> Option<String> {
        if self.action != wanted.action {
            Some(format!("expected steps of {}, got those of {}", wanted.action, self.action))
        } else if self.plan_hash != wanted.plan_hash {
            Some("expected steps of this plan, got those of another".to_owned())
        } else if self.action == Action::Move && self.to != wanted.to {
            Some(format!("expected files moved to {}, got {}", wanted.to.0.display(), self.to.0.display()))
        } else {
            None
        }
    }
}

impl Journal {
    /// Opens the journal at `path` to continue it, or makes a new one.
    ///
    /// # Errors
    /// When the file is not a journal, is one of other steps, or another process holds it.
    pub(super) fn open(path: &Path, wanted: Header, sync: bool) -> Result<Journal> {
        let failed = |error| Error::io(path, error);
        check_plain(path)?;
        let file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        let mut journal = Journal::new(file, path, sync, wanted);
        journal.lock()?;
        let text = journal.text()?;
        match parse(&text, path)? {
            Some((header, entries)) => {
                if let Some(what) = header.differs(&journal.header) {
                    return Err(Error::invalid(format!("{}: journal: {what}", path.display()))
                        .with_hint("take them back with `undo`, or name another `journal`"));
                }
                (journal.header, journal.entries) = (header, entries);
            }
            None => {
                journal.half_line = (!text.is_empty()).then_some(0);
                let line = serde_json::to_string(&journal.header).unwrap_or_default();
                journal.write(&line, true)?;
                if sync && let Some(folder) = path.parent() {
                    sync_folder(folder).map_err(failed)?;
                }
            }
        }
        Ok(journal)
    }

    /// Opens the journal at `path`, which must exist.
    ///
    /// # Errors
    /// When the file is not a journal, or another process holds it.
    pub(super) fn existing(path: &Path, sync: bool) -> Result<Journal> {
        let failed = |error| Error::io(path, error);
        check_plain(path)?;
        let file = File::options().read(true).append(true).open(path).map_err(failed)?;
        // a placeholder until the header of the file is read
        let header = Header::new(Action::List, path, "", path, path);
        let mut journal = Journal::new(file, path, sync, header);
        journal.lock()?;
        let text = journal.text()?;
        let (header, entries) = parse(&text, path)?.ok_or_else(|| no_journal(path, "an empty file"))?;
        (journal.header, journal.entries) = (header, entries);
        Ok(journal)
    }

    /// The entries of the journal at `path`, without holding it; none if there is no such file.
    pub(super) fn peek(path: &Path, wanted: &Header) -> Result<Vec<Entry>> {
        check_plain(path)?;
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(path, error)),
        };
        match parse(&bytes, path)? {
            Some((header, entries)) if header.differs(wanted).is_none() => Ok(entries),
            _ => Ok(Vec::new()),
        }
    }

    /// Records an intent, which is on disk when this returns, and returns the index of its entry.
    pub(super) fn begin(&mut self, intent: Intent) -> Result<usize> {
        self.record(&Record::Intent(intent.clone()), true)?;
        self.entries.push(Entry { intent, state: State::Open });
        Ok(self.entries.len() - 1)
    }

    /// The number of the next step.
    pub(super) fn next_step(&self) -> u64 {
        self.entries.last().map_or(1, |entry| entry.intent.step + 1)
    }

    /// Records that the file of this entry goes to `to` instead, which is on disk when this returns.
    pub(super) fn retarget(&mut self, entry: usize, to: &Path) -> Result<()> {
        let step = self.entries[entry].intent.step;
        self.record(&Record::To { step, to: Name(to.to_path_buf()) }, true)?;
        self.entries[entry].intent.to = Some(Name(to.to_path_buf()));
        Ok(())
    }

    /// Records how a step ended. This is not forced to disk: if it is lost, the files show the same.
    pub(super) fn end(&mut self, entry: usize, state: State, reason: &str, at: &Path) -> Result<()> {
        let step = self.entries[entry].intent.step;
        let record = match state {
            State::Open => return Ok(()),
            State::Done => Record::Done { step },
            State::Refused => Record::Refused { step, reason: reason.to_owned() },
            State::Stuck => Record::Stuck { step, reason: reason.to_owned(), at: Name(at.to_path_buf()) },
            State::Undone => Record::Undone { step },
        };
        self.record(&record, false)?;
        self.entries[entry].state = state;
        Ok(())
    }

    /// Waits until everything is on disk.
    pub(super) fn flush(&self) -> Result<()> {
        if self.sync { self.file.sync_data().map_err(|error| Error::io(&self.path, error)) } else { Ok(()) }
    }

    /// Removes the file, because nothing in it is valid any more.
    pub(super) fn remove(self) -> Result<()> {
        let Journal { file, path, .. } = self;
        drop(file);
        std::fs::remove_file(&path).map_err(|error| Error::io(&path, error))
    }

    fn new(file: File, path: &Path, sync: bool, header: Header) -> Journal {
        Journal { file, path: path.to_path_buf(), sync, half_line: None, header, entries: Vec::new() }
    }

    fn lock(&self) -> Result<()> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                Err(aesearch_index::Error::Locked { path: self.path.clone() }.into())
            }
            // a file system without locks: other processes cannot be kept out
            Err(TryLockError::Error(_)) => Ok(()),
        }
    }

    fn text(&mut self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut text));
        read.map_err(|error| Error::io(&self.path, error))?;
        let whole = whole_lines(&text);
        self.half_line = (whole < text.len()).then_some(whole as u64);
        Ok(text)
    }

    fn record(&mut self, record: &Record, sync: bool) -> Result<()> {
        // strings and numbers: nothing in it can fail
        self.write(&serde_json::to_string(record).unwrap_or_default(), sync)
    }

    fn write(&mut self, line: &str, sync: bool) -> Result<()> {
        // a new record must not be appended to an incomplete line
        let cut = self.half_line.take().map_or(Ok(()), |length| self.file.set_len(length));
        let written = cut.and_then(|()| self.file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|error| Error::io(&self.path, error))?;
        if sync { self.flush() } else { Ok(()) }
    }
}

/// Refuses what is there and no plain file: a device may never end, and opening a pipe would wait.
fn check_plain(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(no_journal(path, "no file")),
        _ => Ok(()),
    }
}

fn no_journal(path: &Path, got: &str) -> Error {
    Error::invalid(format!("{}: expected a journal, got {got}", path.display()))
        .with_hint("`apply` writes one beside the plan")
}

/// The length up to the last newline; what follows is an incomplete line.
fn whole_lines(text: &[u8]) -> usize {
    text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)
}

/// Header and entries; none if even the header is incomplete.
fn parse(text: &[u8], path: &Path) -> Result<Option<(Header, Vec<Entry>)>> {
    let start = format!("{{\"journal\":\"{MAGIC}\"");
    let common = start.len().min(text.len());
    if text[..common] != start.as_bytes()[..common] {
        return Err(no_journal(path, "another file"));
    }
    let mut lines = text[..whole_lines(text)]
        .split(|&byte| byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty());
    let Some((_, first)) = lines.next() else { return Ok(None) };
    let header: Header =
        serde_json::from_slice(first).map_err(|error| no_journal(path, &error.to_string()))?;
    if header.version != VERSION {
        let what = format!("{}: journal: expected version {VERSION}, got {}", path.display(), header.version);
        return Err(Error::unsupported(what).with_hint("undo it with the version that wrote it"));
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (number, line) in lines {
        let wrong = |what: String| {
            Error::invalid(format!("{}: line {}: expected a record, got {what}", path.display(), number + 1))
        };
        let record = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
        if let Record::Intent(intent) = record {
            if entries.last().is_some_and(|last| last.intent.step >= intent.step) {
                return Err(wrong(format!("step {} again", intent.step)));
            }
            entries.push(Entry { intent, state: State::Open });
            continue;
        }
        let (step, state, to) = match record {
            Record::Intent(_) => continue,
            Record::To { step, to } => (step, State::Open, Some(to)),
            Record::Done { step } => (step, State::Done, None),
            Record::Refused { step, .. } => (step, State::Refused, None),
            Record::Stuck { step, .. } => (step, State::Stuck, None),
            Record::Undone { step } => (step, State::Undone, None),
        };
        let found = entries.binary_search_by_key(&step, |entry| entry.intent.step);
        let entry =
            &mut entries[found.map_err(|_| wrong(format!("the end of step {step}, which was not begun")))?];
        entry.state = state;
        entry.intent.to = to.or(entry.intent.to.take());
    }
    Ok(Some((header, entries)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header::new(Action::Move, Path::new("plan.json"), "ab", Path::new("/base"), Path::new("/to"))
    }

    fn intent(step: u64) -> Intent {
        Intent {
            step,
            from: Name("/base/a.png".into()),
            expected: Expected { size: 3, mtime_ns: -5, hash: "cd".to_owned() },
            mode: None,
            is_new: false,
            keeper: None,
            to: Some(Name("/to/a.png".into())),
            target: None,
            folders: Vec::new(),
        }
    }

    #[test]
    fn a_journal_cut_at_any_byte_is_read_up_to_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut journal = Journal::open(&path, header(), false).unwrap();
        let entry = journal.begin(intent(1)).unwrap();
        journal.retarget(entry, Path::new("/to/a-1.png")).unwrap();
        journal.end(entry, State::Done, "", &path).unwrap();
        journal.begin(intent(2)).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        let mut seen = 0;
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&path, header(), false).unwrap();
            assert!(journal.entries.len() >= seen && journal.entries.len() <= 2);
            seen = journal.entries.len();
            let step = journal.next_step();
            journal.begin(intent(step)).unwrap();
            drop(journal);
            let again = Journal::existing(&path, false).unwrap();
            assert_eq!(again.entries.len(), seen + 1);
        }
        assert_eq!(seen, 2);
        let journal = Journal::existing(&path, false).unwrap();
        assert_eq!(journal.entries[0].state, State::Done);
        assert_eq!(journal.entries[0].intent.to, Some(Name("/to/a-1.png".into())));
        assert_eq!(journal.entries[1], Entry { intent: intent(2), state: State::Open });
    }

    impl PartialEq for Entry {
        fn eq(&self, other: &Entry) -> bool {
            (&self.intent, self.state) == (&other.intent, other.state)
        }
    }

    #[test]
    fn other_files_and_journals_of_other_steps_stay_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let no_header = format!("{{\"journal\":\"{MAGIC}\"}}\n");
        for other in ["picture", "{\"journal\":\"x\"}\n", &no_header] {
            std::fs::write(&path, other).unwrap();
            Journal::open(&path, header(), false).unwrap_err();
            Journal::existing(&path, false).unwrap_err();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
        }
        std::fs::remove_file(&path).unwrap();
        let journal = Journal::open(&path, header(), false).unwrap();
        assert!(Journal::open(&path, header(), false).unwrap_err().to_string().contains("locked"));
        drop(journal);
        for other in [
            Header { action: Action::Trash, ..header() },
            Header { plan_hash: "x".to_owned(), ..header() },
            Header { to: Name("/far".into()), ..header() },
        ] {
            let error = Journal::open(&path, other, false).unwrap_err();
            assert!(error.hint().is_some_and(|hint| hint.contains("`journal`")), "{error}");
        }
        std::fs::write(
            &path,
            [&std::fs::read(&path).unwrap()[..], b"{\"record\":\"done\",\"step\":9}\n"].concat(),
        )
        .unwrap();
        assert!(Journal::existing(&path, false).unwrap_err().to_string().contains("line 2"));
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_not_text_are_kept() {
        let path = path_of(b"/a/\xff.png").unwrap();
        let text = serde_json::to_string(&Name(path.clone())).unwrap();
        assert_eq!(text, "[47,97,47,255,46,112,110,103]");
        assert_eq!(serde_json::from_str::<Name>(&text).unwrap().0, path);
    }
}
