//! Which paths a command works on: those typed, and those in lists.

use std::io::{Read as _, stdin};
use std::path::{Path, PathBuf};

use super::args::Walking;
use crate::error::{Error, NO_SUCH_FILE, Result};
use crate::images::{Item, Missing, Walk, WalkOptions, from_list, is_url, read_text, walk};

/// What stands for standard input.
const STDIN: &str = "-";

/// The paths, and what to take from them. A typed path that does not exist is an error; one from a list is
/// skipped later.
pub(super) fn resolve(typed: &[PathBuf], args: &Walking) -> Result<(Vec<PathBuf>, WalkOptions)> {
    let is_stdin = |path: &Path| path == Path::new(STDIN);
    let (mut paths, mut missing) = (Vec::new(), Missing::Refuse);
    let mut lists: Vec<&Path> = args.files_from.iter().map(PathBuf::as_path).collect();
    for path in typed {
        if is_stdin(path) {
            lists.push(path);
        } else {
            paths.push(path.clone());
        }
    }
    if lists.is_empty() && args.null {
        let error = Error::invalid("--null: expected a list of paths, got none");
        return Err(error.with_hint("add --files-from FILE, or - for standard input"));
    }
    if lists.iter().filter(|list| is_stdin(list)).count() > 1 {
        return Err(Error::invalid("-: expected standard input once, got it several times"));
    }
    if !lists.is_empty() {
        let is_gone = |path: &&PathBuf| !is_url(path) && std::fs::symlink_metadata(path).is_err();
        if let Some(gone) = paths.iter().find(is_gone) {
            return Err(Error::invalid(format!("{}: {NO_SUCH_FILE}", gone.display())));
        }
        missing = Missing::Skip;
    }
    for list in lists {
        paths.extend(match is_stdin(list) {
            true => from_list(stdin().lock(), args.null)?,
            false => {
                from_list(read_text(list).map_err(|error| Error::io(list, error))?.as_slice(), args.null)?
            }
        });
    }
    let Walking { exclude, hidden, follow, .. } = args;
    let (exclude, hidden, follow) = (exclude.clone(), *hidden, *follow);
    Ok((paths, WalkOptions { exclude, hidden, follow, missing, ..WalkOptions::default() }))
}

/// The images to query with: those at `typed` and in lists, and where `-` was typed the one on standard input.
/// What does not exist is skipped.
pub(super) fn images(typed: &[PathBuf], args: &Walking) -> Result<Walk> {
    let is_stdin = |path: &PathBuf| path == Path::new(STDIN);
    let is_list = args.files_from.as_ref().is_some_and(is_stdin);
    if typed.iter().filter(|path| is_stdin(path)).count() + usize::from(is_list) > 1 {
        return Err(Error::invalid("-: expected standard input once, got it several times"));
    }
    let (listed, options) = resolve(&[], args)?;
    let options = WalkOptions { missing: Missing::Skip, ..options };
    let mut parts = typed.split(is_stdin);
    let mut all = walk(&[parts.next().unwrap_or_default(), &listed].concat(), &options)?;
    for part in parts {
        let mut bytes = Vec::new();
        stdin().lock().read_to_end(&mut bytes).map_err(|error| Error::io("standard input", error))?;
        all.items.push(Item::from_bytes(STDIN, bytes));
        let Walk { items, skipped, .. } = walk(part, &options)?;
        all.items.extend(items);
        all.skipped.extend(skipped);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_add_to_what_was_typed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let list = dir.path().join("list");
        std::fs::write(&list, "a.png\0b\nc.png\0").expect("a file");
        let args = Walking { files_from: Some(list.clone()), null: true, ..Walking::default() };
        let (paths, options) = resolve(&[dir.path().to_path_buf()], &args).expect("paths");
        assert_eq!(paths, [dir.path(), Path::new("a.png"), Path::new("b\nc.png")]);
        assert_eq!(options.missing, Missing::Skip);
        let told = |typed: &[&str], args: &Walking| {
            let typed: Vec<PathBuf> = typed.iter().map(PathBuf::from).collect();
            resolve(&typed, args).expect_err("refused").to_string()
        };
        assert!(told(&["no/such/place"], &args).contains("no such file"));
        assert!(told(&["x"], &Walking { null: true, ..Walking::default() }).contains("--null"));
        assert!(told(&["-", "-"], &args).contains("once"));
        let (_, options) = resolve(&["no/such/place".into()], &Walking::default()).expect("walk tells");
        assert_eq!(options.missing, Missing::Refuse);
    }
}
