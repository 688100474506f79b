//! Facts about the index, its model, its codes and its duplicates, as the page shows them.

use std::collections::HashMap;
use std::path::Path;

use aesearch_index::{RecallPoint, Snapshot};

use super::content::{DuplicateGroup, DuplicateKind, Duplicates, Fact, Figure, Quality};
use super::pictures::{Pictures, Sizes};
use crate::dedupe::{Group, GroupKind, Plan};
use crate::eval::evaluate::{EvalReport, Promise, RecallAt};
use crate::explore::rows::Rows;
use crate::gallery::Gallery;
use crate::model::Metadata;
use crate::output::{bytes, count, thousands};

/// The kinds of groups, the most certain first, and what their images have in common.
pub(super) const KINDS: [GroupKind; 4] = GroupKind::DUPLICATES;

/// What was indexed, and what is stored.
pub(super) fn collection(gallery: &Gallery, pictures: Option<&Pictures>) -> Vec<Fact> {
    let snapshot = gallery.snapshot();
    let mut facts = Vec::new();
    if let Some(Sizes { least, usual, most, coloured }) = pictures.and_then(Pictures::sizes) {
        let shown = |[width, height]: [usize; 2]| format!("{width} × {height}");
        let range = match least == most {
            true => shown(usual),
            false => format!("{} to {}, mostly {}", shown(least), shown(most), shown(usual)),
        };
        facts.push(Fact::new("image size", format!("{range}, {}", if coloured { "colour" } else { "grey" })));
    }
    let distinct = snapshot.distinct_codes();
    let shared = 100.0 * (1.0 - distinct as f64 / snapshot.len().max(1) as f64);
    facts.push(
        Fact::new("distinct codes", thousands(distinct as u64))
            .about(format!("{shared:.1} % of the images share their code with an earlier one")),
    );
    let latents = match snapshot.latent_size() {
        0 => "no latents".to_owned(),
        size => format!("a latent of {size} bytes"),
    };
    facts.push(Fact::new("stored for each image", format!("{} bits and {latents}", snapshot.bits())));
    let segments = count(snapshot.segments() as u64, "segment");
    facts.push(Fact::new("index", format!("{} in {segments}", bytes(snapshot.bytes()))));
    if snapshot.dead() > 0 {
        let removed = thousands(snapshot.dead() as u64);
        facts.push(Fact::new("removed", removed).about("still stored, until the index is compacted"));
    }
    if gallery.facts().polarity.inverted {
        facts.push(
            Fact::new("polarity", "inverted")
                .about("dark on light, where the model was trained on light on dark"),
        );
    }
    facts
}

/// Facts about the model.
pub(super) fn model(gallery: &Gallery) -> Vec<Fact> {
    let (model, known) = (gallery.model(), &gallery.facts().model);
    let Metadata { family, input, latent_size, .. } = &model.metadata;
    let mut facts = vec![Fact::new("name", &known.name), Fact::new("family", family)];
    facts.push(Fact::new("input", format!("{} × {} × {}", input.width, input.height, input.channels)));
    let binarizer = &gallery.facts().codes.binarizer;
    let (bits, rule) = (binarizer.bits(), binarizer.rule());
    facts.push(Fact::new("code", format!("{bits} bits by {rule}, of a latent of {latent_size}")));
    if let Ok(architecture) = model.architecture() {
        facts.push(Fact::new("parameters", thousands(architecture.parameter_count() as u64)));
        facts.extend(training(&model.metadata));
    } else {
        facts.push(Fact::new("made by", "another program"));
    }
    let sha256 = known.sha256.get(..16).unwrap_or(&known.sha256);
    facts.push(Fact::new("sha256", format!("{sha256}…")));
    facts
}

fn training(metadata: &Metadata) -> Vec<Fact> {
    let Metadata { training_images, epochs, train_loss, val_loss, denoise, augment, .. } = metadata;
    if *training_images == 0 {
        return vec![Fact::new("trained", "no")];
    }
    let (images, epochs) = (count(*training_images as u64, "image"), count(*epochs as u64, "epoch"));
    let mut facts = vec![Fact::new("trained on", format!("{images}, {epochs}, seed {}", metadata.seed))];
    let losses = [("training loss", train_loss), ("validation loss", val_loss)];
    facts.extend(losses.into_iter().filter_map(|(name, loss)| {
        Some(Fact::new(name, format!("{:.4}", (*loss)?)).about("mean binary cross-entropy per value"))
    }));
    if *denoise > 0.0 {
        facts.push(Fact::new("noise", denoise.to_string()));
    }
    if augment != "none" && !augment.is_empty() {
        facts.push(Fact::new("views", augment).about("how training images were varied"));
    }
    facts
}

/// How good the codes are.
pub(super) fn quality(report: &EvalReport, snapshot: &Snapshot) -> Quality {
    let mut figures = Vec::new();
    let mut figure = |name: &str, value: f64, about: &str| {
        figures.push(Figure { name: name.to_owned(), value, about: about.to_owned() });
    };
    if let Some(codes) = report.codes {
        figure("mAP", codes.ranking.map_all, "mean average precision of the whole ranking");
        figure(
            "precision@10",
            codes.ranking.precision_10,
            "of the 10 nearest codes, the share with the same label",
        );
        figure("precision@100", codes.ranking.precision_100, "the same among the 100 nearest");
        figure("kNN accuracy", codes.ranking.knn10_accuracy, "labels predicted by the 10 nearest codes");
    }
    if let Some(accuracy) = report.reranked_knn10_accuracy {
        figure("kNN, re-ranked", accuracy, "the same for query results, re-ranked by latents");
    }
    figure(
        "recall of the graph",
        report.recall_10,
        "of the 10 nearest codes, the share that the index finds",
    );
    if let Some(RecallAt { first_100, .. }) = report.recall_10_at {
        figure(
            "recall of latents",
            first_100,
            "of the 10 nearest latents, the share among the 100 nearest codes",
        );
    }
    let seen = report.without_labels;
    let mut facts = vec![
        Fact::new("effective bits", format!("{:.1} of {}", seen.effective_bits, report.bits))
            .about("independent, balanced bits with the same information"),
        Fact::new("dead bits", seen.dead_bits.to_string())
            .about("the same in more than 99.9 % of the images"),
    ];
    let broken: Vec<String> = report
        .promises
        .iter()
        .filter(|promise| !promise.kept)
        .map(|Promise { asked, measured, .. }| format!("{measured:.3} for {asked:.3}"))
        .collect();
    let promises = if broken.is_empty() { "kept".to_owned() } else { broken.join(", ") };
    facts.push(Fact::new("promised recall", promises).about("whether a search finds the recall it asks for"));
    let mut curve: Vec<(u32, f32)> =
        snapshot.recall_curve().iter().map(|&RecallPoint { cost, recall, .. }| (cost, recall)).collect();
    curve.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut best = f32::NEG_INFINITY;
    curve.retain(|&(_, recall)| {
        let better = recall > best;
        best = best.max(recall);
        better
    });
    let (asked, known) = (count(report.queries as u64, "image"), thousands(report.images as u64));
    let note = match report.codes {
        Some(_) => format!("{asked}, spread evenly, as queries to {known}, each without itself."),
        None => format!(
            "{asked} as queries to {known}. Without labels, none of this shows whether different images are kept apart."
        ),
    };
    Quality { figures, facts, curve, note }
}

/// Duplicates.
pub(super) fn duplicates(plan: &Plan, rows: &Rows) -> Duplicates {
    let by_name: HashMap<&[u8], u32> = (0..rows.len() as u32).map(|row| (rows.raw_name(row), row)).collect();
    let base = [rows.dir().parent().unwrap_or(Path::new("")).as_os_str().as_encoded_bytes(), b"/"].concat();
    let row = |file: &crate::dedupe::File| {
        let name = file.name();
        // the paths of a scan are relative to the working directory
        by_name.get(name).or_else(|| by_name.get(name.strip_prefix(base.as_slice())?)).copied()
    };
    let kind = |kind: GroupKind| {
        let groups = || plan.groups.iter().filter(|group| group.kind == kind);
        let duplicates = groups().map(|group| group.duplicates.len()).sum();
        DuplicateKind { name: kind.words().to_owned(), groups: groups().count(), duplicates }
    };
    let group = |group: &Group| {
        let others = || group.also_kept.iter().chain(&group.duplicates);
        let files = std::iter::once(&group.keeper).chain(others().map(|other| &other.file));
        let rows: Vec<u32> = files.filter_map(row).collect();
        let kind = KINDS.iter().position(|kind| *kind == group.kind)?;
        (rows.len() > 1).then(|| DuplicateGroup {
            kind,
            rows,
            similarity: others().map(|other| other.similarity).fold(1.0, f32::min),
            conflict: !group.conflicting_labels.is_empty(),
        })
    };
    Duplicates {
        kinds: KINDS.map(kind).into(),
        facts: threshold(plan),
        groups: plan.groups.iter().filter_map(group).collect(),
    }
}

fn threshold(plan: &Plan) -> Vec<Fact> {
    let threshold = &plan.threshold;
    let basis = match threshold.null_pairs {
        0 => "the default: there are no pairs to calibrate it on".to_owned(),
        n => format!("calibrated on {} that were compared", count(n, "pair")),
    };
    let compared = count(threshold.pairs_tested, "pair");
    let expected = match threshold.expected_false_pairs {
        None => "not known".to_owned(),
        Some(pairs) => format!("{pairs:.2}"),
    };
    vec![
        Fact::new("similarity of near duplicates, at least", format!("{:.4}", threshold.similarity))
            .about(basis),
        Fact::new("expected false pairs", expected).about(format!("among {compared} compared")),
        Fact::new("near misses", plan.near_misses.len().to_string()).about("pairs just below the threshold"),
    ]
}
