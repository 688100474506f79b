//! Parses `POSITIONAL.. [--option value]..`: three programs do not need a crate for that.

use std::collections::BTreeMap;
use std::str::FromStr;

/// The parsed command line.
pub(crate) struct Args {
    positional: Vec<String>,
    options: BTreeMap<String, String>,
}

impl Args {
    /// Splits `typed`; only the options in `known` are allowed, each with a value.
    pub(crate) fn parse(typed: impl IntoIterator<Item = String>, known: &[&str]) -> Result<Args, String> {
        let mut args = Args { positional: Vec::new(), options: BTreeMap::new() };
        let mut typed = typed.into_iter();
        while let Some(word) = typed.next() {
            match word.strip_prefix("--") {
                None => args.positional.push(word),
                Some(name) if known.contains(&name) => {
                    let value =
                        typed.next().ok_or_else(|| format!("--{name}: expected a value, got none"))?;
                    args.options.insert(name.to_owned(), value);
                }
                Some(name) => return Err(format!("--{name}: there is no such option")),
            }
        }
        Ok(args)
    }

    /// The positional arguments, if there are exactly `N`.
    pub(crate) fn exactly<const N: usize>(&self) -> Result<[&str; N], String> {
        let all: Vec<&str> = self.positional.iter().map(String::as_str).collect();
        let got = all.len();
        all.try_into().map_err(|_| format!("expected {N} arguments, got {got}"))
    }

    /// The first positional argument.
    pub(crate) fn verb(&self) -> Option<&str> {
        self.positional.first().map(String::as_str)
    }

    /// The option `name` as typed.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// The option `name`, or `default` if it was not given.
    pub(crate) fn option<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        self.text(name).map_or(Ok(default), |text| number(&format!("--{name}"), text))
    }
}

/// `text` as a number; `what` names it in the message.
pub(crate) fn number<T: FromStr>(what: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{what}: expected a number, got {text}"))
}
