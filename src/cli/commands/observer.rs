//! What the library reports on the way, shown on stderr: notes, warnings, a progress bar. And Ctrl-C, the
//! other way.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::ProgressBar;

use crate::cli::exit::catch_interrupts;
use crate::cli::print::seconds;
use crate::cli::resolve::Context;
use crate::cli::wording;
use crate::observer::{Note, Observer, Progress, Stage};

/// Shows what it hears on stderr.
pub(super) struct TerminalObserver<'a> {
    context: &'a Context,
    stage: Cell<Stage>,
    /// When the library began the stage; nothing before it names one.
    began: Cell<Option<Instant>>,
    stop: Option<&'static AtomicBool>,
    /// Made at the first report of a stage, when the total is known.
    bar: RefCell<Option<ProgressBar>>,
}

impl<'a> TerminalObserver<'a> {
    /// Stops the work when the user presses Ctrl-C; `stage` is what is shown before the library names one.
    pub(super) fn new(context: &'a Context, stage: &'static str) -> Self {
        TerminalObserver::with(context, stage, Some(catch_interrupts()))
    }

    /// For work that is over in a moment: Ctrl-C ends the process as it does by default.
    pub(super) fn unstoppable(context: &'a Context, stage: &'static str) -> Self {
        TerminalObserver::with(context, stage, None)
    }

    fn with(context: &'a Context, stage: &'static str, stop: Option<&'static AtomicBool>) -> Self {
        let stage = Cell::new(Stage::images(stage));
        TerminalObserver { context, stage, began: Cell::default(), stop, bar: RefCell::default() }
    }

    /// Removes the bar; with `-v`, says how long the stage took.
    pub(super) fn finish(&self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if let Some(began) = self.began.take() {
            let (name, took) = (self.stage.get().name, seconds(began.elapsed().as_secs_f64()));
            self.context.printer.detail(&format!("{name}: {took}"));
        }
    }
}

impl Drop for TerminalObserver<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Observer for TerminalObserver<'_> {
    fn stage(&self, stage: Stage) {
        self.finish();
        self.stage.set(stage);
        self.began.set(Some(Instant::now()));
    }

    fn progress(&self, progress: &Progress) {
        let mut bar = self.bar.borrow_mut();
        let Stage { name, unit } = self.stage.get();
        let bar = bar.get_or_insert_with(|| self.context.progress.bar(progress.total as u64, name, unit));
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        let mut prefix = String::new();
        if progress.bytes > 0 {
            let seconds = bar.elapsed().as_secs_f64().max(1e-3);
            prefix += &format!(", {:.1} MB/s", progress.bytes as f64 / 1e6 / seconds);
        }
        if progress.skipped > 0 {
            prefix += &format!(", {} skipped", progress.skipped);
        }
        if let Some(loss) = progress.loss {
            prefix += &format!(", loss {loss:.4}");
        }
        bar.set_prefix(prefix);
    }

    fn note(&self, note: &Note) {
        let printer = &self.context.printer;
        let say = || {
            let text = wording::of_command_line(&note.text);
            if note.is_warning {
                printer.warning(&text)
            } else {
                printer.note(&text)
            }
            if let Some(hint) = &note.hint {
                printer.hint(&wording::of_command_line(hint));
            }
        };
        match &*self.bar.borrow() {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }

    fn should_stop(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}
