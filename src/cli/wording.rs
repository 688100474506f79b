//! From the library's words to those of the command line.
//!
//! The library names its own options and functions, in backticks: "`max_memory`: expected at least 64 MiB",
//! "run `update` again". A user of the command line knows them as `--max-memory` and `aesearch index`.
//! Nothing below `cli` names a flag or a verb; this table does.

use std::borrow::Cow;

/// Options and functions of the library, and what they are called here.
const WORDS: &[(&str, &str)] = &[
    ("DecideOptions::export", "`aesearch dedupe decide --export FILE`"),
    ("ScanOutputs::plan", "`aesearch dedupe scan -o plan.json`"),
    ("ScanOutputs::report", "`aesearch dedupe scan --report FILE`"),
    ("Verdict::KeepAll", "--keep-all"),
    ("across", "--across"),
    ("action", "--action"),
    ("apply", "`aesearch dedupe apply`"),
    ("augment", "--augment"),
    ("batch", "--batch"),
    ("binarizer", "--binarizer"),
    ("bits", "--bits"),
    ("checkpoint_seconds", "--checkpoint-seconds"),
    ("colour_by", "--by"),
    ("count", "--count"),
    ("decode_timeout", "--decode-timeout"),
    ("denoise", "--denoise"),
    ("description", "--model-size and the like, and the .toml file beside the model"),
    ("description.bits", "--model-bits (or `bits` in a .toml file beside the model)"),
    ("description.channels", "--model-channels (or `channels` in a .toml file beside the model)"),
    ("description.input", "--model-input (or `input` in a .toml file beside the model)"),
    ("description.latent", "--model-latent (or `latent` in a .toml file beside the model)"),
    ("description.layout", "--model-layout (or `layout` in a .toml file beside the model)"),
    ("description.output", "--model-output (or `output` in a .toml file beside the model)"),
    ("description.pool", "--model-pool (or `pool` in a .toml file beside the model)"),
    ("description.size", "--model-size (or `size` in a .toml file beside the model)"),
    ("device", "--device"),
    ("dir", "--index"),
    ("diverse", "--diverse"),
    ("early_stop", "--early-stop"),
    ("ef_search", "--ef-search"),
    ("encode", "`aesearch encode`"),
    ("epochs", "--epochs"),
    ("exclude", "--exclude"),
    ("false_positive_rate", "--false-positive-rate"),
    ("follow", "--follow"),
    ("force", "--force"),
    ("format", "--format"),
    ("frames", "--frames"),
    ("freeze", "--freeze"),
    ("from", "--from"),
    ("grid", "--grid"),
    ("images", "--images"),
    ("invert", "--invert"),
    ("itq", "--binarizer itq"),
    ("journal", "--journal"),
    ("k", "--k"),
    ("keep", "--keep"),
    ("kinds", "--kinds"),
    ("labels", "--labels"),
    ("learning_rate", "--lr"),
    ("max_bytes", "--max-model-size"),
    ("max_k", "--max-k"),
    ("max_memory", "--max-memory"),
    ("merge", "`aesearch merge`"),
    ("merge_metadata", "--merge-metadata"),
    ("method", "--method"),
    ("min_size", "--min-size"),
    ("model", "--model"),
    ("moves", "--model on the command line"),
    ("name", "--name"),
    ("neighbours", "--neighbours"),
    ("noise", "--noise"),
    ("outputs", "`aesearch dedupe scan PHOTOS -o plan.json --report FILE`"),
    ("parts", "--with"),
    ("perplexity", "--perplexity"),
    ("prune", "`aesearch index --prune`"),
    ("publish", "`aesearch publish`"),
    ("push", "`aesearch push`"),
    ("random", "--random"),
    ("reference", "--reference"),
    ("refit", "--refit"),
    ("remove", "`aesearch remove`"),
    ("repair", "`aesearch repair`"),
    ("resume", "--resume"),
    ("runtime.cuda", "--cuda"),
    ("runtime.library", "--ort-lib or ORT_DYLIB_PATH"),
    ("runtime.offline", "--offline or AESEARCH_OFFLINE"),
    ("runtime::install", "`aesearch runtime install`"),
    ("select", "--select"),
    ("shard", "--shard"),
    ("sidecars", "--sidecars"),
    ("target", "--to"),
    ("task", "--different, --keep-all, --keep or --forget"),
    ("teacher", "--teacher"),
    ("temperature", "--temperature"),
    ("threshold", "--threshold"),
    ("thumbnails", "--thumbnails"),
    ("to", "--to"),
    ("train", "`aesearch train`"),
    ("undo", "`aesearch dedupe undo`"),
    ("update", "`aesearch index`"),
    ("validation", "--val"),
    ("verify", "`aesearch verify`"),
    ("video", "--video"),
    ("views_sheet", "--augment-sheet"),
    ("weight", "--weight"),
    ("weight_decay", "--weight-decay"),
    ("where", "--where"),
    ("without_latents", "--no-latents"),
    ("write_collection", "`aesearch demo`"),
];

/// `text` with the command line's own names.
pub(super) fn of_command_line(text: &str) -> Cow<'_, str> {
    if !text.contains('`') {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split('`');
    let mut said = parts.next().unwrap_or_default().to_owned();
    while let Some(quoted) = parts.next() {
        let Some(rest) = parts.next() else {
            said = said + "`" + quoted; // a lone backtick
            break;
        };
        match WORDS.iter().find(|(ours, _)| *ours == quoted) {
            Some((_, theirs)) => said += theirs,
            None => said = said + "`" + quoted + "`",
        }
        said += rest;
    }
    Cow::Owned(said)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn names_become_flags_and_verbs_and_the_rest_stays() {
        assert_eq!(of_command_line("`max_memory`: expected 1, got 2"), "--max-memory: expected 1, got 2");
        assert_eq!(of_command_line("use `train` on `a.png`"), "use `aesearch train` on `a.png`");
        for same in ["", "plain", "a ` alone", "`other`", "``", "`a` and ` alone"] {
            assert_eq!(of_command_line(same), same);
        }
    }

    /// All options and verbs of a command and those below it: `--model`, `aesearch dedupe apply`.
    fn names(command: &clap::Command, path: &str, found: &mut HashSet<String>) {
        found
            .extend(command.get_arguments().filter_map(|arg| arg.get_long()).map(|long| format!("--{long}")));
        for inner in command.get_subcommands() {
            let path = format!("{path} {}", inner.get_name());
            names(inner, &path, found);
            found.insert(path);
        }
    }

    #[test]
    fn every_flag_and_verb_of_the_table_exists_and_no_name_stands_twice() {
        let mut known = HashSet::new();
        names(&crate::cli::args::Cli::command(), "aesearch", &mut known);
        for (name, said) in WORDS {
            let words = said.split(|c: char| c.is_whitespace() || "`,()".contains(c));
            for flag in words.filter(|word| word.starts_with("--")) {
                assert!(known.contains(flag), "{name}: {flag}");
            }
            let verb: Vec<&str> = said.split('`').nth(1).unwrap_or_default().split(' ').collect();
            if let ["aesearch", verb @ ..] = verb.as_slice() {
                let end = verb.iter().position(|word| word.starts_with('-') || word.to_uppercase() == *word);
                let verb = verb[..end.unwrap_or(verb.len())].join(" ");
                assert!(known.contains(&format!("aesearch {verb}")), "{name}: aesearch {verb}");
            }
        }
        assert!(WORDS.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, each once");
    }
}
