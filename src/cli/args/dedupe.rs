//! `dedupe PHOTOS`, and the verbs below `dedupe`: scan, apply, undo, decide, check, evaluate.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::indexing::Walking;
use super::shared::{Compute, IndexDir, LabelsArg, WhereArg};

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "`aesearch dedupe PHOTOS` is the short way: it scans, writes duplicates.json and duplicates.html into the \
                  working directory, and says how to go on; no image is changed. A name that belongs to something else, or to a \
                  plan that was carried out, is left alone: the next is duplicates-2.json. The verbs do the same in single \
                  steps and with all options. A folder that is called like a verb is written ./scan."
)]
pub(in crate::cli) struct Dedupe {
    #[command(subcommand)]
    pub(in crate::cli) verb: Option<DedupeVerb>,
    #[command(flatten)]
    pub(in crate::cli) photos: Photos,
}

/// The short way, without a verb.
#[derive(Debug, Args)]
pub(in crate::cli) struct Photos {
    /// Folders, image files or containers in which to find duplicates
    #[arg(value_name = "PHOTOS")]
    pub(in crate::cli) data: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DedupeVerb {
    /// Find files with the same bytes, the same pixels, nearly the same picture, or edited copies; nothing is
    /// changed
    Scan(Box<Scan>),
    /// Carry out a plan: move, link or delete the duplicates that it names
    Apply(Apply),
    /// Undo what `apply` did
    Undo(Undo),
    /// Record decisions: these are not duplicates, or keep all of these
    Decide(Decide),
    /// Tell whether images are in the index already: the same bytes, pixels, or nearly the same picture
    Check(Check),
    /// Compare the result with known pairs: precision, recall, F1, average precision
    Evaluate(Box<Evaluate>),
}

#[derive(Debug, Args)]
#[command(
    after_help = "The first lines: near, the threshold above which two images count as near, calibrated on the pairs \
                  of the collection that were compared; false pairs, how many to expect at that threshold; copies found, the \
                  share of copies made from your images that it catches, by what they are found as. Then the groups: same bytes, same pixels, near, edited \
                  (a part differs or is missing, or it is mirrored or turned); the file to keep, and its duplicates marked with \
                  =. docs/dedupe.md has the details.\n\n\
                  --keep: whole (not enlarged, no border, no mark on it, not a part of another), camera (EXIF data tells which \
                  camera took it, or how), generated (tells how it was generated), encoding (not encoded again), resolution \
                  (most pixels), sidecar (has a file of its name beside it, .xmp, .json or .aae), bytes (largest file), oldest \
                  (modification time), shortest (path); also format (lossless, then WebP and the like, JPEG, GIF), quality (of a \
                  JPEG file, by its quantization tables), exif (has some); ties go by name. The plan says for each group what \
                  decided. Images below a --reference come first; with --across, those of the path named first.\n\n\
                  --invariant: flip, mirrored copies; rot90, quarter turns; flip,rot90, all eight orientations.\n\n\
                  JSON, the same as the plan: images, base, threshold {similarity, false_positive_rate, pairs_tested, \
                  expected_false_pairs, null_pairs, null_largest, inliers {counts, shipped, own, \
                  strangers, largest}, recall [{copy, kind, copies, recall}]}, keep, groups [{id, kind \
                  (bytes, pixels, near, edited, related), keep, reason, keeper, also_kept, duplicates [{path, size, mtime_ns, hash, \
                  width, height, format, exif, camera, generated, flaws, jpeg_quality, sidecars, distance, similarity, turned, \
                  region}], diameter, medoid, conflicting_labels}], \
                  near_misses [{a, b, distance, similarity}], skipped [{path, reason}], cameras_lost.\n\n\
                  Exit codes: 0 done, 1 there are duplicates (with --exit-code), 2 wrong usage, 3 some images were skipped, 4 the \
                  index is damaged, 5 another process writes it, 130 interrupted."
)]
pub(in crate::cli) struct Scan {
    /// Folders, image files or containers to compare; they are indexed first [default: everything in the
    /// index]
    pub(in crate::cli) data: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
    /// Write the plan to this file, for `dedupe apply`
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Write a page to review and decide in: one self-contained HTML file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) report: Option<PathBuf>,
    /// Draw the first groups, near ones before others, into this PNG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) sheet: Option<PathBuf>,
    /// Highest share of different pairs that may wrongly be called near [default: 1e-6]
    #[arg(long, value_name = "RATE")]
    pub(in crate::cli) false_positive_rate: Option<f64>,
    /// Least similarity of near images, 0 to 1, instead of one that follows from the rate
    #[arg(long, value_name = "S", conflicts_with = "false_positive_rate")]
    pub(in crate::cli) threshold: Option<f64>,
    /// Also list related images: different pictures of one scene or template
    #[arg(long)]
    pub(in crate::cli) related: bool,
    /// Also count mirrored and turned copies as near: flip, rot90
    #[arg(long, value_name = "HOW", value_delimiter = ',')]
    pub(in crate::cli) invariant: Vec<String>,
    /// Folder whose images always stay; their copies elsewhere are duplicates. May be repeated
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) reference: Vec<PathBuf>,
    /// Only duplicates between different paths of DATA, such as a training and a test set; the first path's
    /// images stay
    #[arg(long)]
    pub(in crate::cli) across: bool,
    /// Which image of a group to keep, the most important criterion first [default:
    /// whole,camera,generated,encoding,resolution,sidecar,bytes,oldest,shortest]
    #[arg(long, value_name = "ORDER", value_delimiter = ',')]
    pub(in crate::cli) keep: Vec<String>,
    /// Propose only files whose path matches this regular expression; the others stay
    #[arg(long, value_name = "REGEX")]
    pub(in crate::cli) select: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) labels: LabelsArg,
    #[command(flatten)]
    pub(in crate::cli) only: WhereArg,
    /// Exit with 1 if there are duplicates
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Actions: list prints the paths of the duplicates; move puts them below --to, trash in the desktop's trash; \
                  hardlink, reflink and symlink replace them by links to the kept file, for groups of the same bytes only; \
                  delete cannot be undone, and takes groups of the same bytes or pixels unless --kinds says more.\n\n\
                  Just before each step, the duplicate and the kept file are read again. What changed since the scan, or is the \
                  last copy, is left alone and listed with the reason. Nothing is overwritten. An interrupted run continues \
                  when it is started again. docs/dedupe-plan.md describes the plan and its journal.\n\n\
                  JSON: action, dry_run, done [{path, to, sidecar}] (in a dry run: what would be done), refused [{path, \
                  reason}], orphans (sidecars that stay without their image), done_before (duplicates handled by an earlier run), \
                  left_out (of kinds not asked for, or not selected), bytes_freed, journal, interrupted.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no plan, 3 some files were left alone, 5 another run holds the journal, \
                  130 interrupted."
)]
pub(in crate::cli) struct Apply {
    /// The plan that `dedupe scan -o` wrote
    #[arg(value_name = "PLAN")]
    pub(in crate::cli) plan: PathBuf,
    /// list [default], move, trash, hardlink, reflink, symlink or delete
    #[arg(long, value_name = "ACTION")]
    pub(in crate::cli) action: Option<String>,
    /// Make the changes; without this, only show them
    #[arg(long, conflicts_with = "dry_run")]
    pub(in crate::cli) yes: bool,
    /// Only show what would be done (the default)
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Only groups of these kinds: bytes, pixels, near, edited [default: bytes,pixels,near; to
    /// delete, bytes,pixels; for links, bytes]
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(in crate::cli) kinds: Vec<String>,
    /// Only files whose path in the plan matches this regular expression
    #[arg(long, value_name = "REGEX")]
    pub(in crate::cli) select: Option<String>,
    /// Folder for `move`; files keep their paths below it [default: PLAN.duplicates]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) to: Option<PathBuf>,
    /// First write what only duplicates have (rating, keywords, place, time) into a new XMP sidecar of the kept file
    #[arg(long)]
    pub(in crate::cli) merge_metadata: bool,
    /// Leave sidecars where they are: files beside an image with its name and .xmp, .json or .aae
    #[arg(long)]
    pub(in crate::cli) leave_sidecars: bool,
    /// The default: sidecars go with their image
    #[arg(long, hide = true, conflicts_with = "leave_sidecars")]
    pub(in crate::cli) sidecars: bool,
    /// File that records each step, for `undo` [default: PLAN.journal]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) journal: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The last step is undone first. A file comes back with its name, bytes and times; a link becomes a file of its \
                  own again. What was deleted, or changed since, is listed with the reason. When everything is back, the \
                  journal is removed.\n\n\
                  JSON: action, dry_run, done [{path, to, sidecar}] (to: where it had gone), refused [{path, reason}], \
                  interrupted.\n\n\
                  Exit codes: 0 done, 2 wrong usage or no journal, 3 some files were left as they are, 5 another run holds \
                  the journal, 130 interrupted."
)]
pub(in crate::cli) struct Undo {
    /// The journal that `dedupe apply` wrote, or the plan beside it
    #[arg(value_name = "JOURNAL")]
    pub(in crate::cli) journal: PathBuf,
    /// Make the changes; without this, only show them
    #[arg(long, conflicts_with = "dry_run")]
    pub(in crate::cli) yes: bool,
    /// Only show what would be done (the default)
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Without images, --import and --export, all decisions are listed. They go by file content, are stored beside the \
                  index (decisions.json), and apply to every later scan with it. The page of `dedupe scan --report` saves its \
                  decisions as a file to --import; of two decisions about the same images, the later one counts. --keep wins \
                  over an earlier --keep or --keep-all of the images named with it.\n\n\
                  JSON: decided {added, replaced, unchanged}, imported {added, replaced, unchanged}, forgotten, decisions \
                  [{verdict (different, keep-all, keep), hashes, paths, keep {hash, path}}]: all decisions now in force; the \
                  document can be imported."
)]
pub(in crate::cli) struct Decide {
    /// Images of one group: files, folders, or names like photos.tar#a.jpg
    #[arg(value_name = "IMAGE")]
    pub(in crate::cli) images: Vec<PathBuf>,
    /// They are all different images
    #[arg(long, conflicts_with = "keep_all")]
    pub(in crate::cli) different: bool,
    /// Keep all of them; for one image, all files with the same bytes
    #[arg(long)]
    pub(in crate::cli) keep_all: bool,
    /// Keep this one of its group, whatever else speaks for another; with images, rather than those
    #[arg(long, value_name = "PATH", conflicts_with_all = ["different", "keep_all"])]
    pub(in crate::cli) keep: Option<PathBuf>,
    /// Forget the decisions about them
    #[arg(long, conflicts_with_all = ["different", "keep_all", "keep"])]
    pub(in crate::cli) forget: bool,
    /// Add the decisions of this JSON file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) import: Option<PathBuf>,
    /// Write all decisions into this JSON file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) export: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
}

#[derive(Debug, Args)]
#[command(
    after_help = "In front of an upload or an import: nothing is written, and the index is left as it is. The bytes are compared \
                  first, then the pixels; only for images that may be new, the nearest of the index are looked at. Copies of \
                  which a part differs, or that are mirrored or turned, are edited; related images are different ones.\n\n\
                  JSON: threshold {similarity, from (option, scan, default), images, null_pairs (of the scan, or null)}, images \
                  [{path, known, kind (bytes, pixels, near, edited; related, which is not known; null), match (its \
                  name in the index, or null), similarity (0 to 1, or null)}], skipped [{path, reason}].\n\n\
                  Exit codes: 0 done, 1 some image is not there yet (with --exit-code), 2 wrong usage or no index, 3 some images \
                  could not be read, 4 the index or the model is damaged, 130 interrupted."
)]
pub(in crate::cli) struct Check {
    /// Images, folders or containers to look for
    #[arg(value_name = "IMAGE")]
    pub(in crate::cli) images: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
    /// Least similarity of near images, 0 to 1; what only local features find the same is then edited
    /// [default: that of the last scan of the index; without one, that of a scan of few images]
    #[arg(long, value_name = "S")]
    pub(in crate::cli) threshold: Option<f64>,
    /// Exit with 1 if some image is not there yet
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The truth is CSV: a,b or a,b,word; a first line a,b is a header. Paths are relative to the working directory, \
                  the file's own folder, or one of DATA. The third column judges the pair (1, yes, true, same; 0, no, false, \
                  different) or, in every line, names the kind of copy (crop, jpeg, ...). Without judgements the list is taken \
                  as complete: a near pair that is not in it, and does not follow from it, is false. With judgements only \
                  judged pairs count. Decisions are ignored.\n\n\
                  JSON: images, threshold (as in the plan), true_pairs, at_threshold and best {similarity, precision, recall, \
                  f1}, average_precision, recall_by_kind, edited_by_kind, curve [{similarity, precision, recall, f1}], unjudged, false_pairs \
                  [{a, b, similarity}] (100 at most), unknown (paths that are none of the images).\n\n\
                  Exit codes: 0 done, 2 wrong usage or no pair of the truth was compared, 3 some images were skipped or paths \
                  of the truth are unknown, 4, 5 and 130 as with `dedupe scan`."
)]
pub(in crate::cli) struct Evaluate {
    /// Folders, image files or containers to compare [default: all of the index]
    pub(in crate::cli) data: Vec<PathBuf>,
    /// Known duplicates as CSV: lines of a,b; a third column judges them or names their kind
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) truth: PathBuf,
    /// Draw precision over recall into this SVG file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) curve: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) index: IndexDir,
    /// Highest share of different pairs that may wrongly be called near, as in `dedupe scan` [default: 1e-6]
    #[arg(long, value_name = "RATE")]
    pub(in crate::cli) false_positive_rate: Option<f64>,
    /// Also find mirrored and turned copies, as in `dedupe scan`: flip, rot90
    #[arg(long, value_name = "HOW", value_delimiter = ',')]
    pub(in crate::cli) invariant: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) compute: Compute,
    #[command(flatten)]
    pub(in crate::cli) walking: Walking,
}
