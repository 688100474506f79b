//! What a walk leaves out: by `.aesearchignore` files and by patterns of the user, both with the rules of
//! `.gitignore`.
//!
//! The rules of a file apply to its folder and everything below. The deepest file with a matching rule
//! decides, and a pattern of the user comes before all files. An ignored folder is not entered, so nothing
//! below can be included again. The crate `ignore` matches the globs.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::list::without_mark;
use super::plain_file::io_reason;
use crate::{Error, Result};

/// The name of files with rules.
pub(super) const FILE_NAME: &str = ".aesearchignore";
/// Largest file of rules, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The patterns of the user; they apply to every root.
pub(super) type Typed = Gitignore;

/// Parses the patterns of the user.
///
/// # Errors
/// One is not a glob.
pub(super) fn typed(patterns: &[String]) -> Result<Typed> {
    let wrong = |pattern: &str, error: ignore::Error| {
        Error::invalid(format!("`exclude`: {pattern}: expected a glob as in .gitignore, got {error}"))
    };
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| wrong(pattern, error))?;
    }
    builder.build().map_err(|error| wrong("all together", error))
}

/// The rules that apply at the current folder of a walk.
#[derive(Debug)]
pub(super) struct Rules {
    root: PathBuf,
    typed: Typed,
    /// Folders with rules of their own, from the root to the current one.
    files: Vec<(PathBuf, Gitignore)>,
}

impl Rules {
    /// The rules at a root, before any file is read.
    pub(super) fn new(root: &Path, typed: &Typed) -> Self {
        Rules { root: root.to_path_buf(), typed: typed.clone(), files: Vec::new() }
    }

    /// Reads the rules in `folder`, if there are any; [`leave`](Self::leave) drops them.
    ///
    /// # Errors
    /// What is wrong with them; the others are used.
    pub(super) fn enter(&mut self, folder: &Path) -> std::result::Result<(), String> {
        let path = folder.join(FILE_NAME);
        // never a pipe: opening one waits for a writer
        if !fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(());
        }
        let mut text = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
        read.map_err(io_reason)?;
        let mut builder = GitignoreBuilder::new("");
        let mut wrong = None;
        for (number, line) in String::from_utf8_lossy(without_mark(&text)).lines().enumerate() {
            if let Err(error) = builder.add_line(None, line) {
                wrong.get_or_insert(format!("line {}: {error}: not used", number + 1));
            }
        }
        let rules = builder.build().map_err(|error| error.to_string())?;
        self.files.push((folder.to_path_buf(), rules));
        wrong.map_or(Ok(()), Err)
    }

    /// The walk is done with `folder`.
    pub(super) fn leave(&mut self, folder: &Path) {
        self.files.pop_if(|(with_rules, _)| with_rules == folder);
    }

    /// Whether this path is left out.
    pub(super) fn ignores(&self, path: &Path, is_dir: bool) -> bool {
        let files = self.files.iter().rev().map(|(folder, rules)| (folder, rules));
        let all = std::iter::once((&self.root, &self.typed)).chain(files);
        for (folder, rules) in all.filter(|(_, rules)| !rules.is_empty()) {
            let Ok(inner) = path.strip_prefix(folder) else { continue };
            match rules.matched(inner, is_dir) {
                Match::None => {}
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_rule_decides_after_the_patterns_of_the_user() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(dir.path().join(FILE_NAME), "*.gif\n/top.png\nthumbs/\n# comment\n").unwrap();
        fs::write(deep.join(FILE_NAME), "!*.gif\n").unwrap();
        let mut rules = Rules::new(dir.path(), &typed(&["raw-*.png".into(), "/a/x.png".into()]).unwrap());
        rules.enter(dir.path()).unwrap();
        let ignores = |rules: &Rules, path: &str, is_dir| rules.ignores(&dir.path().join(path), is_dir);
        for (path, is_dir, expected) in [
            ("x.gif", false, true),
            ("a/x.gif", false, true),
            ("top.png", false, true),
            ("a/top.png", false, false),
            ("a/thumbs", true, true),
            ("a/thumbs", false, false),
            ("a/b/raw-1.png", false, true),
            ("a/x.png", false, true),
            ("a/b/a/x.png", false, false),
        ] {
            assert_eq!(ignores(&rules, path, is_dir), expected, "{path}");
        }
        rules.enter(&dir.path().join("a")).unwrap();
        rules.enter(&deep).unwrap();
        assert!(!ignores(&rules, "a/b/x.gif", false));
        rules.leave(&deep);
        rules.leave(&dir.path().join("a"));
        assert!(ignores(&rules, "a/b/x.gif", false));
    }

    #[test]
    fn wrong_patterns_are_named() {
        assert!(
            typed(&["a{b".into()]).unwrap_err().to_string().starts_with("`exclude`: a{b: expected a glob")
        );
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE_NAME), "*.gif\na{b\n").unwrap();
        let mut rules = Rules::new(dir.path(), &Gitignore::empty());
        assert!(rules.enter(dir.path()).unwrap_err().starts_with("line 2: "));
        assert!(rules.ignores(&dir.path().join("x.gif"), false));
    }
}
