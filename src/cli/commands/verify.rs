//! `aesearch verify`: check every byte of the index against its checksums, and name what is damaged.

use aesearch_index::Problem;
use serde::Serialize;

use crate::cli::args::Reading;
use crate::cli::exit::Exit;
use crate::cli::resolve::Context;
use crate::gallery::verify;

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProblemDocument {
    /// A file of the index.
    path: String,
    /// A part of it.
    section: String,
    /// Bytes from the start of the file.
    offset: u64,
    /// What is wrong.
    detail: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct VerifyDocument {
    /// Whether nothing is wrong.
    ok: bool,
    /// What is damaged.
    problems: Vec<ProblemDocument>,
}

pub(in crate::cli) fn run(context: &Context, args: &Reading) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.index)?;
    let problems: Vec<ProblemDocument> = verify(&dir, args.access())?
        .into_iter()
        .map(|Problem { path, section, offset, detail }| ProblemDocument {
            path: path.display().to_string(),
            section,
            offset,
            detail,
        })
        .collect();
    let document = VerifyDocument { ok: problems.is_empty(), problems };
    if context.printer.json {
        context.printer.document("verify", &document)?;
    } else if document.ok {
        context.printer.text(&format!("{}: sound", dir.display()))?;
    } else {
        for problem in &document.problems {
            let ProblemDocument { path, section, offset, detail } = problem;
            context.printer.text(&format!("{path}: {section} at byte {offset}: {detail}"))?;
        }
        context.printer.hint("`aesearch repair` drops what is damaged and lists the images to index again");
    }
    Ok(if document.ok { Exit::Done } else { Exit::Damaged })
}
