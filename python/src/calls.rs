//! Long calls: they run without the interpreter's lock, report to a Python object, and end on Ctrl-C. None runs in a
//! process that was forked from one that made such calls: threads do not survive a fork, and it would wait for them.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aesearch::observer::{EpochReport, Note, Progress, Stage};
use aesearch::{Error, Observer, Result};
use pyo3::prelude::*;

use crate::errors::{exception, in_python};

/// Progress is reported, and signals are looked for, no more often.
const EVERY: Duration = Duration::from_millis(50);

/// Hears of a call for a Python object with the methods `stage(name, unit)`, `progress(done, total, loss)`,
/// `note(text, hint, is_warning)` and `skipped(name, reason)`, and in trainings `epoch(json)`, which ends them by
/// returning false. Whatever one of them raises ends the call.
struct PythonObserver {
    listener: Option<Py<PyAny>>,
    raised: RefCell<Option<PyErr>>,
    reported: Cell<Instant>,
    asked: Cell<Instant>,
    /// The listener said that it is enough.
    stopped: Cell<bool>,
}

impl PythonObserver {
    fn new(listener: Option<Py<PyAny>>) -> PythonObserver {
        let long_ago = Instant::now().checked_sub(EVERY).unwrap_or_else(Instant::now);
        let (reported, asked) = (Cell::new(long_ago), Cell::new(long_ago));
        PythonObserver { listener, raised: RefCell::default(), reported, asked, stopped: Cell::new(false) }
    }

    fn tell(&self, call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<()>) {
        let Some(listener) = &self.listener else { return };
        if self.raised.borrow().is_none() {
            self.keep(Python::attach(|py| call(listener.bind(py))));
        }
    }

    fn keep(&self, result: PyResult<()>) {
        if let Err(error) = result {
            self.raised.borrow_mut().get_or_insert(error);
        }
    }
}

impl Observer for PythonObserver {
    fn stage(&self, stage: Stage) {
        self.tell(|listener| listener.call_method1("stage", (stage.name, stage.unit)).map(drop));
    }

    fn progress(&self, progress: &Progress) {
        let &Progress { done, total, loss, .. } = progress;
        if (total == 0 || done < total) && self.reported.get().elapsed() < EVERY {
            return;
        }
        self.reported.set(Instant::now());
        self.tell(|listener| listener.call_method1("progress", (done, total, loss)).map(drop));
    }

    fn epoch(&self, report: &EpochReport) {
        let text = serde_json::to_string(report).unwrap_or_default(); // numbers: nothing in it can fail
        self.tell(|listener| {
            let goes_on = listener.call_method1("epoch", (text,))?;
            self.stopped.set(self.stopped.get() || goes_on.extract().is_ok_and(|goes_on: bool| !goes_on));
            Ok(())
        });
    }

    fn note(&self, note: &Note) {
        let (text, hint) = (in_python(&note.text), note.hint.as_deref().map(in_python));
        self.tell(|listener| listener.call_method1("note", (text, hint, note.is_warning)).map(drop));
    }

    fn skipped(&self, path: &str, reason: &str) {
        self.tell(|listener| listener.call_method1("skipped", (path, in_python(reason))).map(drop));
    }

    fn should_stop(&self) -> bool {
        if self.raised.borrow().is_none() && self.asked.get().elapsed() >= EVERY {
            self.asked.set(Instant::now());
            self.keep(Python::attach(|py| py.check_signals()));
        }
        self.stopped.get() || self.raised.borrow().is_some()
    }
}

/// Whether there may be threads, and whether this process was forked from one that had some.
static HAS_THREADS: AtomicBool = AtomicBool::new(false);
static LOST_THREADS: AtomicBool = AtomicBool::new(false);

/// What a process does first after it was forked.
#[pyfunction]
fn after_fork() {
    if HAS_THREADS.load(Ordering::Relaxed) {
        LOST_THREADS.store(true, Ordering::Relaxed);
    }
}

/// What every call does first that may need threads.
fn may_have_threads(py: Python<'_>) -> PyResult<()> {
    HAS_THREADS.store(true, Ordering::Relaxed);
    if !LOST_THREADS.load(Ordering::Relaxed) {
        return Ok(());
    }
    let what = "this process was forked from one that had used aesearch, whose threads do not survive a fork";
    let hint = "use the start method spawn or forkserver, as in multiprocessing.get_context(\"spawn\")";
    Err(exception(py, &Error::unsupported(what).with_hint(hint)))
}

/// Runs `work` without the interpreter's lock, reporting to `listener` (see [`PythonObserver`]). What the listener
/// raised, or Ctrl-C, is raised again when the work has come to an end; what it had finished is kept.
pub(crate) fn observed<T: Send>(
    py: Python<'_>,
    listener: Option<Py<PyAny>>,
    work: impl FnOnce(&dyn Observer) -> Result<T> + Send,
) -> PyResult<T> {
    may_have_threads(py)?;
    let (result, raised) = py.detach(|| {
        let observer = PythonObserver::new(listener);
        let result = work(&observer);
        (result, observer.raised.into_inner())
    });
    match (raised, result) {
        (Some(raised), _) => Err(raised),
        (None, result) => result.map_err(|error| exception(py, &error)),
    }
}

/// Runs `work` without the interpreter's lock.
pub(crate) fn unlocked<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    may_have_threads(py)?;
    py.detach(work).map_err(|error: Error| exception(py, &error))
}

/// As [`observed`], for work that makes something of each of `items`, so many at a time. Ctrl-C ends it.
pub(crate) fn in_slices<I: Sync, T: Send>(
    py: Python<'_>,
    (items, at_a_time): (&[I], usize),
    mut make: impl FnMut(&[I]) -> Result<Vec<T>> + Send,
) -> PyResult<Vec<T>> {
    observed(py, None, |observer| {
        let mut all = Vec::new();
        for some in items.chunks(at_a_time) {
            if observer.should_stop() {
                return Err(Error::Interrupted);
            }
            all.extend(make(some)?);
        }
        Ok(all)
    })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(after_fork, module)?)
}
