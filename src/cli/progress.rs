//! Progress bars on stderr: what is done, the rate, the time left.
//!
//! The library reports to its observer and knows nothing of this file. A bar is drawn when stderr is a
//! terminal, or with `--progress always`, and leaves no trace when it ends.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::print::{When, thousands};

/// Makes bars, or hides them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bars {
    when: When,
    quiet: bool,
}

impl Bars {
    pub(super) fn new(when: When, quiet: bool) -> Self {
        Bars { when, quiet }
    }

    /// A bar for `len` things called `unit`; `len` 0 means that their number is not known yet.
    pub(super) fn bar(&self, len: u64, what: impl Into<Cow<'static, str>>, unit: &str) -> ProgressBar {
        let target = match self.when {
            When::Always if !io::stderr().is_terminal() => {
                ProgressDrawTarget::term_like_with_hz(Box::new(Plain), 2)
            }
            When::Always => ProgressDrawTarget::stderr(),
            When::Auto if !self.quiet => ProgressDrawTarget::stderr(),
            When::Auto | When::Never => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(len), target);
        bar.set_style(style(unit));
        bar.set_message(what);
        bar
    }
}

/// The stage, how far, how fast (and what the prefix adds), the time left.
fn style(unit: &str) -> ProgressStyle {
    let template = format!(
        "{{msg}} {{wide_bar:.cyan/dim}} {{human_pos}}/{{human_len}} {unit}  {{rate}}{{prefix}}  {{eta}} left"
    );
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
        let _ = write!(text, "{}/s", thousands(state.per_sec() as u64)); // a bar's text is a String
    };
    style.with_key("rate", rate).progress_chars("━╸─")
}

/// A stderr that is not a terminal, such as a log file: each state of the bar is a line.
#[derive(Debug)]
struct Plain;

impl TermLike for Plain {
    fn width(&self) -> u16 {
        100
    }
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, line: &str) -> io::Result<()> {
        writeln!(io::stderr().lock(), "{line}")
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        // indicatif pads with blanks to the end of a line it draws over; here there is no line to draw over.
        if text.trim().is_empty() { Ok(()) } else { writeln!(io::stderr().lock(), "{}", text.trim_end()) }
    }
    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn_only_where_they_are_wanted() {
        for when in [When::Auto, When::Always, When::Never] {
            let bar = Bars::new(when, true).bar(10, "indexing", "images");
            assert_eq!(bar.is_hidden(), when != When::Always);
            bar.finish_and_clear();
        }
    }
}
