//! How a run ends: exit codes, errors with their hints, and the flag that Ctrl-C sets.
//!
//! The codes are the same with and without `--json`. A closed pipe is not an error: the reader has read
//! enough.

use std::io;
use std::panic::{set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::print::Printer;
use super::wording;
use crate::error::Error;
use crate::images::panic_is_caught;

/// What the process returns to its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    /// Only with `--exit-code`: the answer is "no".
    Negative = 1,
    Usage = 2,
    /// Done, but some inputs were skipped; each was listed with its reason.
    Skipped = 3,
    Damaged = 4,
    Locked = 5,
    Interrupted = 130,
}

/// Prints what went wrong on stderr (`error: ...`, then `hint: ...`) and returns the code for it.
pub(super) fn report(error: &anyhow::Error, printer: &Printer) -> Exit {
    // Commands write to stdout with plain io::Write; the library wraps its own io errors with their path.
    if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
        return Exit::Done;
    }
    printer.error(&wording::of_command_line(&format!("{error}")));
    let Some(error) = error.downcast_ref::<Error>() else { return Exit::Usage };
    if let Some(hint) = error.hint() {
        printer.hint(&wording::of_command_line(hint));
    }
    match error {
        Error::Damaged(_) | Error::Version(_) | Error::Mismatch(_) => Exit::Damaged,
        Error::Locked(_) => Exit::Locked,
        Error::Interrupted => Exit::Interrupted,
        _ => Exit::Usage,
    }
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C only sets the returned flag, so that the current batch can be finished and kept; a
/// second Ctrl-C ends the process at once. Quick commands do not call this, and end like any process.
pub(super) fn catch_interrupts() -> &'static AtomicBool {
    // The handler can be set once per process; a second command in it (`demo` runs two) finds it in place.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Interrupted as i32);
        }
    });
    &INTERRUPTED
}

/// From here on a decoder's panic, which the library catches and gives as a reason, prints nothing; others
/// print what they did.
pub(super) fn silence_caught_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if !panic_is_caught() {
                report(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: impl Into<anyhow::Error>) -> Exit {
        report(&error.into(), &Printer::silent())
    }

    #[test]
    fn every_kind_of_error_has_its_code() {
        assert_eq!(code(Error::invalid("x")), Exit::Usage);
        assert_eq!(code(Error::damaged("m", "too new")), Exit::Damaged);
        assert_eq!(code(Error::Interrupted), Exit::Interrupted);
        assert_eq!(code(anyhow::anyhow!("x")), Exit::Usage);
    }

    #[test]
    fn only_a_closed_stdout_is_forgiven() {
        assert_eq!(code(io::Error::from(io::ErrorKind::BrokenPipe)), Exit::Done);
        let of_a_file = Error::io("a.png", io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(code(of_a_file), Exit::Usage);
    }
}
