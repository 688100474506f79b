//! A panic inside a decoder becomes a reason.
//!
//! Decoders of hostile bytes are other people's code; one that panics must cost one image, not the run. The
//! panic is caught, but Rust has called the process's panic hook by then, which prints a message by default.
//! That hook belongs to the program: one that wants to stay quiet sets a hook that asks [`panic_is_caught`].

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread would be caught and become the reason why an image is skipped.
///
/// For a panic hook that prints nothing about such panics:
///
/// ```
/// use std::panic::{set_hook, take_hook};
///
/// let report = take_hook();
/// set_hook(Box::new(move |panic| {
///     if !aesearch::images::panic_is_caught() {
///         report(panic);
///     }
/// }));
/// ```
pub fn panic_is_caught() -> bool {
    CAUGHT.get()
}

/// Runs `work`; if it panics, the panic's message is the error.
pub(super) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = CAUGHT.replace(true);
    // What `work` borrows is dropped or only read after a panic, so nothing half-changed is seen again.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(before);
    outcome.map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(catch_panic(|| 7), Ok(7));
        assert_eq!(catch_panic(|| panic!("at {}", 3)).unwrap_err(), "at 3");
        assert_eq!(catch_panic(|| panic!("plain")).unwrap_err(), "plain");
    }

    #[test]
    fn a_hook_can_tell_which_panics_are_caught() {
        assert!(!panic_is_caught());
        assert_eq!(catch_panic(panic_is_caught), Ok(true));
        let nested = catch_panic(|| catch_panic(|| panic!("inner")).map_err(|_| panic_is_caught()));
        assert_eq!(nested, Ok(Err::<(), _>(true)), "the outer work is still guarded");
        assert!(!panic_is_caught());
    }
}
