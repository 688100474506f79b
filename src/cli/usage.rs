//! Wrong usage in words that name the flag, what it takes and what it got.

use std::ffi::OsString;
use std::num::{ParseFloatError, ParseIntError};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _, Error, FromArgMatches as _};

use super::args::Cli;

/// The command line as typed.
///
/// # Errors
/// clap's: wrong usage, or a call for help.
pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Error> {
    let mut matches = signed(Cli::command()).try_get_matches_from(args)?;
    Cli::from_arg_matches_mut(&mut matches)
}

/// The command with flags that take `-3` for a value, to say what is wrong with it; else it would be a flag.
fn signed(command: Command) -> Command {
    let flags = |arg: clap::Arg| match arg.get_action().takes_values() && !arg.is_positional() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    command.mut_args(flags).mut_subcommands(signed)
}

/// Whether `--version` and `-v` stand together. clap answers the first before it sees what follows.
pub(super) fn asks_for_build(error: &Error, args: &[OsString]) -> bool {
    let is_verbose = |arg: &OsString| {
        let arg = arg.to_string_lossy();
        arg == "--verbose" || (arg.starts_with('-') && !arg.starts_with("--") && arg.contains('v'))
    };
    error.kind() == ErrorKind::DisplayVersion && args.iter().skip(1).any(is_verbose)
}

/// `--k: expected a whole number, 0 or more, got abc`, where a value is no number; none for all else, which
/// clap says well.
pub(super) fn no_number(error: &Error) -> Option<String> {
    use std::error::Error as _;
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let source = error.source().filter(|_| error.kind() == ErrorKind::ValueValidation)?;
    let expected = match source.is::<ParseIntError>() {
        true => "a whole number, 0 or more",
        false => source.is::<ParseFloatError>().then_some("a number")?,
    };
    let flag = text(ContextKind::InvalidArg)?.split([' ', '=']).next()?;
    Some(format!("{flag}: expected {expected}, got {}", text(ContextKind::InvalidValue)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(args: &str) -> Option<String> {
        let words = std::iter::once("aesearch").chain(args.split(' ')).map(OsString::from);
        no_number(&parse(words).expect_err("wrong usage"))
    }

    #[test]
    fn values_that_are_no_numbers_are_told_with_their_flag() {
        let whole = "expected a whole number, 0 or more, got";
        assert_eq!(told("query a.png --k abc"), Some(format!("--k: {whole} abc")));
        for flag in ["--k -3", "-k -3", "--k=-3", "-k=-3"] {
            assert_eq!(told(&format!("query a.png {flag}")), Some(format!("--k: {whole} -3")), "{flag}");
        }
        assert_eq!(told("dedupe scan --threads 1.5"), Some(format!("--threads: {whole} 1.5")));
        assert_eq!(told("query a.png --recall much"), Some("--recall: expected a number, got much".into()));
        assert_eq!(told("query a.png --no-such-flag"), None);
        assert_eq!(told("query a.png --k"), None);
    }

    #[test]
    fn a_verbose_version_is_about_the_build() {
        let asks = |line: &str| {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            asks_for_build(&parse(args.iter().cloned()).expect_err("an answer"), &args)
        };
        for line in ["--version -v", "-v --version", "-Vv", "-vV", "--verbose -V", "-q --version --verbose"] {
            assert!(asks(&format!("aesearch {line}")), "{line}");
        }
        for line in ["--version", "-V", "-qV", "--help -v", "-v", "query -v --version"] {
            assert!(!asks(&format!("aesearch {line}")), "{line}");
        }
    }

    #[test]
    fn flags_that_look_like_numbers_are_flags() {
        for args in ["index - -0", "index --files-from list -0", "query --files-from list -0 -k 3"] {
            let words = std::iter::once("aesearch").chain(args.split(' ')).map(OsString::from);
            assert!(parse(words).is_ok(), "{args}");
        }
    }
}
