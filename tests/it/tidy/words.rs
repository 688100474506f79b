//! Words that must not stand in the code: unfinished work, one person's machine, names that were given up,
//! flags below the command line.

use super::{Source, all_rust, all_text, assert_clean, product, sample, without_comments};

/// Unfinished or silent code. Written in halves, so that this file does not hold them.
const UNFINISHED: [&str; 4] =
    [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[ign", "ore"), concat!("dbg", "!(")];

/// Paths of one person's machine, and hosts that tools know better than this project.
const FOREIGN: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("pypi", ".org"),
    concat!("python", "hosted"),
];

/// Names that were given up for the field's own.
const OLD_NAMES: [&str; 22] = [
    "Look",
    "Looks",
    "Links",
    "Linking",
    "Coder",
    "CoderOptions",
    "Crew",
    "Assembly",
    "Studio",
    "Gathered",
    "Teller",
    "Told",
    "Ink",
    "Room",
    "Clock",
    "decide_ink",
    "invert_ink",
    "look_at_all",
    "studio",
    "linkage",
    "oddity",
    "oddities",
];

/// Verbs that are words of other things as well would be found in sentences; these are enough.
const VERBS: [&str; 12] = [
    "index", "query", "train", "dedupe", "verify", "repair", "runtime", "cluster", "outliers", "map",
    "compact", "eval",
];

/// Words that must not stand in any file.
fn check_words(sources: &[Source], words: &[&str]) -> Vec<String> {
    let found = |s: &Source, word: &str| s.text.contains(word).then(|| format!("{}: holds `{word}`", s.path));
    sources.iter().flat_map(|s| words.iter().filter_map(move |word| found(s, word))).collect()
}

/// `OLD_NAMES` as whole words of code.
fn check_names(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let code = without_comments(&source.text);
        let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let old = words.filter(|word| OLD_NAMES.contains(word));
        complaints.extend(old.map(|word| format!("{}: `{word}` has another name now", source.path)));
    }
    complaints
}

/// Flags and verbs in string literals of the library: they belong to the command line.
fn check_flags(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in
        sources.iter().filter(|s| !s.path.starts_with("src/cli/") && !s.path.starts_with("examples/"))
    {
        for (number, line) in source.text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for text in literals(line).filter(|text| names_a_flag(text) || names_a_verb(text)) {
                complaints.push(format!(
                    "{}:{}: a word of the command line: {text:?}",
                    source.path,
                    number + 1
                ));
            }
        }
    }
    complaints
}

/// The texts between quotes of one line; a literal over several lines gives its first and last part.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

fn names_a_flag(text: &str) -> bool {
    text.match_indices("--").any(|(at, _)| {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let after = text[at + 2..].chars().next().unwrap_or(' ');
        (before.is_whitespace() || "`('".contains(before)) && after.is_ascii_lowercase()
    })
}

fn names_a_verb(text: &str) -> bool {
    text.match_indices("aesearch ").any(|(at, name)| {
        let rest = &text[at + name.len()..];
        let verb: String = rest.chars().take_while(|c| c.is_ascii_lowercase()).collect();
        VERBS.contains(&verb.as_str())
    })
}

#[test]
fn nothing_is_unfinished_and_no_machine_is_named() {
    assert_clean(&check_words(&all_rust(), &UNFINISHED));
    assert_clean(&check_words(&all_text(), &FOREIGN));
}

#[test]
fn forbidden_words_are_found() {
    for word in UNFINISHED.iter().chain(&FOREIGN) {
        let text = format!("//! A file.\nfn f() {{ {word} }}");
        assert_eq!(check_words(&sample("src/a.rs", &text), &[word]).len(), 1, "{word}");
    }
}

#[test]
fn below_the_command_line_nobody_knows_its_words() {
    // pip, which fetches ONNX Runtime, has flags of its own; what Python does not offer is a flag of the program
    let mut library = product();
    library.retain(|source| !["src/runtime/fetch.rs", "python/src/errors.rs"].contains(&&*source.path));
    assert_clean(&check_flags(&library));
    for wrong in ["f(\"try --k 3\")", "f(\"run `aesearch index`\")", "f(\"--k: expected 1\")"] {
        assert_eq!(check_flags(&sample("src/gallery/mod.rs", wrong)).len(), 1, "{wrong}");
        assert_clean(&check_flags(&sample("src/cli/mod.rs", wrong)));
    }
    assert_clean(&check_flags(&sample("src/gallery/mod.rs", "// --k\nf(\"a -- b, `k`\", a--b)")));
}

#[test]
fn one_type_tells_how_far_the_work_is() {
    let of_cli = |source: &&Source| !source.path.starts_with("src/cli/");
    let product = product();
    let with = |word: &str| {
        let found = product.iter().filter(of_cli).filter(|source| source.text.contains(word));
        found.map(|source| source.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(with("pub struct Progress"), ["src/observer.rs"]);
    assert_eq!(with("pub trait Observer"), ["src/observer.rs"]);
    assert_eq!(with("ControlFlow<()>"), Vec::<String>::new());
}

#[test]
fn old_names_are_gone() {
    let mut code = all_rust();
    code.retain(|source| source.path != "tests/it/tidy/words.rs");
    assert_clean(&check_names(&code));
    assert_eq!(
        check_names(&sample("src/a.rs", "let a: Look = b;\n// Look at it\nlet c = Looking;")).len(),
        1
    );
}
