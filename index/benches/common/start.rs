//! How a bench was started: with arguments, by `cargo bench`, or by `cargo test --benches`.

use super::args::Args;

/// What to do.
pub(crate) enum Start {
    /// Run with these arguments.
    Asked(Args),
    /// A quick measurement: `cargo bench` without arguments.
    Bench,
    /// A smoke test on very little data: no arguments and no `--bench`, as from `cargo test --benches`.
    Test,
    /// Nothing: `cargo bench FILTER` names a criterion bench.
    Skip,
}

/// Reads the command line; `verbs` are the first words that this bench accepts.
pub(crate) fn start(verbs: &[&str], options: &[&str]) -> Result<Start, String> {
    let mut typed: Vec<String> = std::env::args().skip(1).collect();
    let by_cargo_bench = typed.iter().any(|word| word == "--bench");
    typed.retain(|word| word != "--bench" && word != "--test");
    match typed.first() {
        None if by_cargo_bench => Ok(Start::Bench),
        None => Ok(Start::Test),
        Some(word) if by_cargo_bench && !word.starts_with("--") && !verbs.contains(&word.as_str()) => {
            Ok(Start::Skip)
        }
        Some(_) => Ok(Start::Asked(Args::parse(typed, options)?)),
    }
}
