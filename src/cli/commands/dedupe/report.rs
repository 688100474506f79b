//! `dedupe scan --report FILE`: the groups as a page to look at and decide in.

use std::path::Path;

use crate::dedupe::{File, Plan, ReportOptions, html_report};
use crate::error::Result;
use crate::images::Pixels;
use crate::output::write_whole;

/// Writes the page into the file `path`, whole or not at all; `picture` reads a file again.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_report(
    plan: &Plan,
    picture: &(dyn Fn(&File) -> Option<Pixels> + Sync),
    path: &Path,
) -> Result<()> {
    write_whole(path, html_report(plan, picture, &ReportOptions::default()).as_bytes())
}
