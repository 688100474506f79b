//! `aesearch verify`: every byte of the index checked against its checksums; what is damaged is named.

use serde::Serialize;

use crate::cli::args::Reading;
use crate::cli::exit::Exit;
use crate::cli::resolve::Context;

#[derive(Debug, Serialize)]
struct ProblemDocument {
    path: String,
    section: String,
    /// Bytes from the start of the file.
    offset: u64,
    detail: String,
}

#[derive(Debug, Serialize)]
struct VerifyDocument {
    ok: bool,
    problems: Vec<ProblemDocument>,
}

pub(in crate::cli) fn run(context: &Context, args: &Reading) -> anyhow::Result<Exit> {
    let dir = context.index_dir(&args.index)?;
    let problems = aesearch_index::verify_with(&dir, args.access()).map_err(crate::Error::from)?;
    let problems: Vec<ProblemDocument> = problems
        .into_iter()
        .map(|aesearch_index::Problem { path, section, offset, detail }| ProblemDocument {
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
        context.printer.hint("`aesearch repair` drops what is damaged and tells which images to index again");
    }
    Ok(if document.ok { Exit::Done } else { Exit::Damaged })
}
