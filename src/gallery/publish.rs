//! An index in a bucket: `publish` puts it there, `fetch` brings it into a folder of caches, to be opened as any other.
//!
//! ```text
//! index.json            names MANIFEST, segments and tombstones, with their sizes and hashes: the only commit point
//! files/<SHA-256>       their bytes; never changed, and sent once
//! ```
//!
//! `index.json` is written last, as one object: readers see the index of before or that of after, whatever ends a run
//! on the way. Files are fetched whole, checked by their hashes, and kept.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

use aesearch_index::Snapshot;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::cloud::{download, find, get, put, upload};
use crate::error::{Error, Result};
use crate::images::is_url;
use crate::observer::{Observer, Progress, Stage};

/// The object that names the files.
const CONTENTS: &str = "index.json";
/// What all their names begin with.
const FILES: &str = "files";
/// The file that the index crate commits by.
const MANIFEST: &str = "MANIFEST";
/// The version of `index.json`, and its bytes at most.
const FORMAT: u32 = 1;
const MOST_CONTENTS: u64 = 16 << 20;
/// Hexadecimal digits that name a folder of caches.
const NAMED_BY: usize = 20;

/// What was published.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishReport {
    /// In the index.
    pub images: usize,
    /// Files of it that were sent, and their bytes.
    pub sent: (usize, u64),
    /// Files that the bucket had already, and their bytes.
    pub kept: (usize, u64),
    /// Wall time.
    pub seconds: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    format: u32,
    /// The number of the commit.
    generation: u64,
    images: usize,
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    bytes: u64,
    sha256: String,
}

impl Entry {
    fn url(&self, index: &str) -> String {
        format!("{index}/{FILES}/{}", self.sha256)
    }

    /// Whether it names a file of an index, and nothing outside its folder.
    fn is_sound(&self) -> bool {
        let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_name = |name: &str| match name.rsplit_once('.') {
            Some((stem, "seg" | "dead")) => stem.split('-').all(is_hex),
            _ => name == MANIFEST,
        };
        is_name(&self.name) && self.sha256.len() == 64 && is_hex(&self.sha256)
    }
}

/// Puts the index at `dir` below `url`, such as `s3://bucket/index`, as its last commit left it. Files that are there
/// already are not sent again; those of earlier commits stay. Thumbnails, maps and what was decided about duplicates are
/// not published, nor is a model of another program.
///
/// # Errors
/// `NotFound` when there is no index, `Damaged`, `Version` or `Io` when it cannot be read; when the store refuses an
/// object, or the observer stops the work: then readers see what was published before.
pub fn publish(dir: &Path, url: &str, observer: &dyn Observer) -> Result<PublishReport> {
    let start = Instant::now();
    if !is_url(Path::new(url)) {
        let what = format!("{url}: expected a URL as s3://bucket/index, got a path");
        return Err(Error::invalid(what).with_hint("a folder is copied as it is"));
    }
    let url = url.trim_end_matches('/');
    let (snapshot, mut files) = open_files(dir)?;
    let (mut sent, mut kept) = ((0, 0), (0, 0));
    let mut contents =
        Contents { format: FORMAT, generation: snapshot.generation(), images: snapshot.len(), files: vec![] };
    observer.stage(Stage::new("publishing", "files"));
    let total = files.len();
    for (done, (name, file)) in files.iter_mut().enumerate() {
        observer.progress(&Progress::of(done, total));
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        let path = dir.join(&*name);
        let io = |error| Error::io(&path, error);
        let (bytes, sha256) = hashed(file).map_err(io)?;
        let entry = Entry { name: name.clone(), bytes, sha256 };
        let to = entry.url(url);
        let counted = match find(&to)? {
            Some(object) if object.size == bytes => &mut kept,
            _ => {
                file.seek(SeekFrom::Start(0)).map_err(io)?;
                upload((&path, file), &to)?;
                &mut sent
            }
        };
        *counted = (counted.0 + 1, counted.1 + bytes);
        contents.files.push(entry);
    }
    let bytes = serde_json::to_vec_pretty(&contents).map_err(|error| Error::invalid(error.to_string()))?;
    put(&format!("{url}/{CONTENTS}"), bytes)?;
    Ok(PublishReport { images: snapshot.len(), sent, kept, seconds: start.elapsed().as_secs_f64() })
}

/// The files of one commit, open, so that they stay readable when the next one removes them.
fn open_files(dir: &Path) -> Result<(Snapshot, Vec<(String, File)>)> {
    /// How often to try again when commits overtake it.
    const ATTEMPTS: usize = 16;
    let manifest = || fs::read(dir.join(MANIFEST)).ok();
    for _ in 0..ATTEMPTS {
        let before = manifest();
        let snapshot = Snapshot::open(dir)?;
        let names = snapshot.files().chain([MANIFEST]);
        let opened = names.map(|name| Some((name.to_owned(), File::open(dir.join(name)).ok()?)));
        let opened: Option<Vec<_>> = opened.collect();
        if let Some(files) = opened.filter(|_| manifest() == before) {
            return Ok((snapshot, files));
        }
    }
    Err(Error::locked(format!("{}: commits follow each other too fast", dir.display())))
}

/// Bytes and SHA-256 of what is left of a file.
fn hashed(file: &mut File) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match file.read(&mut piece)? {
            0 => break,
            n => {
                bytes += n as u64;
                hasher.update(&piece[..n]);
            }
        }
    }
    Ok((bytes, hex(&hasher.finalize())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder, below `caches`, of the index that was published below `url`, as it is there now. What an earlier call has
/// fetched is not fetched again.
///
/// # Errors
/// `NotFound` when no index was published there, `Version` when a newer program did, `Damaged` when a file is not what
/// it is said to be; when the store or the disk refuses.
pub fn fetch(url: &str, caches: &Path, observer: &dyn Observer) -> Result<PathBuf> {
    let url = url.trim_end_matches('/');
    let place = format!("{url}/{CONTENTS}");
    if find(&place)?.is_none() {
        let what = format!("{url}: no index was published there");
        return Err(Error::not_found(what).with_hint("`publish` puts one there"));
    }
    let bytes =
        get(&place, None, MOST_CONTENTS).map_err(|why| Error::invalid(format!("{place}: {why}")))?.bytes;
    let contents = parse(&bytes, &place)?;
    let published = caches.join("published");
    let named = hex(&Sha256::digest([url.as_bytes(), &b"\n"[..], &bytes].concat()));
    let view = published.join(&named[..NAMED_BY]);
    if contents.files.iter().all(|entry| has_size(&view.join(&entry.name), entry.bytes)) {
        return Ok(view);
    }
    let files = published.join(FILES);
    fs::create_dir_all(&files).map_err(|error| Error::io(&files, error))?;
    let building = tempfile::tempdir_in(&published).map_err(|error| Error::io(&published, error))?;
    observer.stage(Stage::new("fetching the index", "files"));
    for (done, entry) in contents.files.iter().enumerate() {
        observer.progress(&Progress::of(done, contents.files.len()));
        if observer.should_stop() {
            return Err(Error::Interrupted);
        }
        let file = files.join(&entry.sha256);
        if !has_size(&file, entry.bytes) {
            fetch_file(entry, (url, &files), &file)?;
        }
        let to = building.path().join(&entry.name);
        fs::hard_link(&file, &to)
            .or_else(|_| fs::copy(&file, &to).map(drop))
            .map_err(|error| Error::io(&to, error))?;
    }
    if view.exists() {
        // it lacks files, which somebody has removed
        fs::remove_dir_all(&view).map_err(|error| Error::io(&view, error))?;
    }
    match fs::rename(building.path(), &view) {
        Err(error) if !view.exists() => Err(Error::io(&view, error)),
        _ => Ok(view), // another process may have been faster
    }
}

fn has_size(file: &Path, bytes: u64) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes)
}

fn parse(bytes: &[u8], place: &str) -> Result<Contents> {
    let damaged = |what: String| Error::damaged(place, what).with_hint("publish the index again");
    let contents: Contents = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if contents.format > FORMAT {
        let what = format!("format: expected at most {FORMAT}, got {}", contents.format);
        return Err(Error::version(place, what).with_hint("a newer program published it"));
    }
    if let Some(entry) = contents.files.iter().find(|entry| !entry.is_sound()) {
        return Err(damaged(format!("expected files of an index, got {:?}", entry.name)));
    }
    Ok(contents)
}

/// Fetches one file and checks that it is what was published.
fn fetch_file(entry: &Entry, (url, files): (&str, &Path), to: &Path) -> Result<()> {
    let io = |error| Error::io(files, error);
    let mut file = NamedTempFile::new_in(files).map_err(io)?;
    let from = entry.url(url);
    download(&from, entry.bytes, file.as_file_mut())?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let (_, sha256) = hashed(file.as_file_mut()).map_err(io)?;
    if sha256 != entry.sha256 {
        let what = format!("expected the SHA-256 {}, got {sha256}", entry.sha256);
        return Err(Error::damaged(from, what).with_hint("publish the index again"));
    }
    file.persist(to).map_err(|error| Error::io(to, error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_an_index_are_taken() {
        let sha256 = "ab".repeat(32);
        let entry = |name: &str, sha256: &str| {
            let files = vec![Entry { name: name.to_owned(), bytes: 1, sha256: sha256.to_owned() }];
            let contents = Contents { format: 1, generation: 1, images: 0, files };
            parse(&serde_json::to_vec(&contents).unwrap(), "x")
        };
        for name in ["MANIFEST", "00000000000000a7.seg", "00000000000000a7-00000000000000b2.dead"] {
            assert!(entry(name, &sha256).is_ok(), "{name}");
        }
        for name in ["../a.seg", "a/b.seg", ".seg", "LOCK", "/etc/passwd", "x.seg", "MANIFEST.tmp"] {
            assert!(matches!(entry(name, &sha256), Err(Error::Damaged(_))), "{name}");
        }
        assert!(entry("MANIFEST", "../../a").is_err() && entry("MANIFEST", "").is_err());
        let newer = br#"{"format": 2, "generation": 1, "images": 0, "files": []}"#;
        assert!(matches!(parse(newer, "x"), Err(Error::Version(_))));
    }

    #[test]
    fn a_path_is_no_bucket() {
        let dir = tempfile::tempdir().unwrap();
        let told = publish(dir.path(), "somewhere", &()).unwrap_err().to_string();
        assert!(told.starts_with("somewhere: expected a URL"), "{told}");
    }
}
