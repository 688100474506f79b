//! What the library reports on the way, told on stderr: remarks, the model that was chosen, a bar. And Ctrl-C, the other way.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;

use crate::cli::print::{Printer, count, quoted};
use crate::cli::resolve::Context;
use crate::gallery::{Candidate, Choice, Observer, Progress};

/// Where a model of one's own is suggested to be put.
const OWN_MODEL: &str = "models/mine";

/// Tells what is heard of work on the images of `data`.
pub(super) struct Teller<'a> {
    context: &'a Context,
    data: &'a [PathBuf],
    /// The index that is being made; none where pictures are.
    indexing: bool,
    /// What is done, and to what.
    stage: Cell<[&'static str; 2]>,
    stop: Option<&'static AtomicBool>,
    /// Made at the first report of a stage, when the number of images is known.
    bar: RefCell<Option<ProgressBar>>,
}

impl<'a> Teller<'a> {
    /// For a picture of `data`.
    pub(super) fn picture(context: &'a Context, data: &'a [PathBuf]) -> Self {
        Teller {
            context,
            data,
            indexing: false,
            stage: Cell::new(["encoding", "images"]),
            stop: None,
            bar: RefCell::default(),
        }
    }

    /// For an index of `data`.
    pub(super) fn index(context: &'a Context, data: &'a [PathBuf]) -> Self {
        Teller { indexing: true, stage: Cell::new(["indexing", "images"]), ..Teller::picture(context, data) }
    }

    /// For looks at the images of an index.
    pub(super) fn looks(context: &'a Context) -> Self {
        Teller::stage(context, "comparing")
    }

    /// For one stage of a longer work on the images of an index; `what` it does.
    pub(super) fn stage(context: &'a Context, what: &'static str) -> Self {
        Teller { stage: Cell::new([what, "images"]), ..Teller::picture(context, &[]) }
    }

    /// For the rounds in which a map comes about.
    pub(super) fn map(context: &'a Context) -> Self {
        Teller { stage: Cell::new(["arranging", "rounds"]), ..Teller::picture(context, &[]) }
    }

    /// For a choice of images.
    pub(super) fn choosing(context: &'a Context) -> Self {
        Teller::stage(context, "choosing")
    }

    /// Ends the work when `stop` is set.
    pub(super) fn until(self, stop: &'static AtomicBool) -> Self {
        Teller { stop: Some(stop), ..self }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Teller<'_> {
    fn note(&self, text: &str) {
        self.context.printer.note(text);
    }

    fn chosen(&self, choice: &Choice) {
        let data: Vec<String> = self.data.iter().map(|path| quoted(&path.to_string_lossy())).collect();
        let data = data.join(" ");
        let then = match self.indexing {
            // The index of this run is the chosen model's: another model needs another one.
            true => format!("`aesearch index {data} --model {OWN_MODEL} --index mine`"),
            false => format!("say `--model {OWN_MODEL}`"),
        };
        tell(&self.context.printer, choice, &[&data, &then]);
    }

    fn starts(&self, what: &'static str, of: &'static str) {
        self.finish();
        self.stage.set([what, of]);
    }

    fn progress(&self, progress: &Progress) {
        let mut bar = self.bar.borrow_mut();
        let [what, of] = self.stage.get();
        let bar = bar.get_or_insert_with(|| self.context.progress.bar(progress.total as u64, what, of));
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        let (seconds, bytes) = (bar.elapsed().as_secs_f64(), progress.bytes as f64);
        let speed = if bytes > 0.0 {
            format!(", {:.1} MB/s", bytes / 1e6 / seconds.max(1e-3))
        } else {
            String::new()
        };
        let skipped =
            if progress.skipped > 0 { format!(", {} skipped", progress.skipped) } else { String::new() };
        bar.set_prefix(speed + &skipped);
    }

    fn interrupted(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// Which model `auto` stands for, and why. Where even that one hardly knows the images, a warning, the command that trains
/// one on `data`, and what to do `then`.
fn tell(printer: &Printer, choice: &Choice, [data, then]: &[&str; 2]) {
    let share = |candidate: &Candidate| format!("{:.0} %", 100.0 * candidate.explained);
    let taken = choice.taken();
    let others = choice.candidates.iter().filter(|other| other.name != taken.name);
    let others: Vec<String> = others.map(|other| format!("{} {}", other.name, share(other))).collect();
    let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
    let (name, explained) = (&taken.name, share(taken));
    let sampled = count(choice.sampled as u64, "image");
    printer.note(&format!("model {name}: it explains {explained} of the variance of {sampled}{others}"));
    if choice.is_poor() {
        printer.warning(&format!(
            "no shipped model knows images like these; {name} loses most of what they show"
        ));
        printer.hint(&format!("train one on them: `aesearch train {data} -o {OWN_MODEL}`; then {then}"));
    }
}
