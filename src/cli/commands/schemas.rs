//! In tests: the shape of every document that a command prints or writes as JSON, by the types it is made of.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Value, json};

use super::dedupe::{ApplyDocument, CheckDocument, DecideDocument, EvaluateDocument, UndoDocument};
use super::{
    SkippedDocument, cluster, compact, demo, denoise, diff, doctor, encode, encode_lines, estimate, eval,
    export, index, info, latent, man, map, merge, model, outliers, publish, push, quantize, query,
    query_lines, reconstruct, remove, repair, report, runtime, sample, subset, train, verify,
};
use crate::cli::print::{Document, SCHEMA_VERSION};
use crate::codes::LineDocument;
use crate::dedupe::{DecisionsDocument, Plan, journal_schemas};
use crate::train::EpochReport;

/// One kind of document.
pub(in crate::cli) struct Shape {
    /// The command that prints it, else what it is.
    pub(in crate::cli) title: &'static str,
    /// When it is printed or written.
    pub(in crate::cli) about: &'static str,
    /// JSON Schema, draft 2020-12.
    pub(in crate::cli) schema: Value,
}

impl Shape {
    /// Of its file, and of its heading.
    pub(in crate::cli) fn name(&self) -> String {
        self.title.replace(' ', "-")
    }
}

/// A command that has two documents.
#[expect(dead_code)] // only its schema is asked for
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Either<A, B> {
    First(A),
    Second(B),
}

fn printed<T: JsonSchema + 'static>(title: &'static str, about: &'static str) -> Shape {
    let mut shape = written::<Document<'static, T>>(title, about);
    shape.schema["properties"]["schema_version"]["const"] = json!(SCHEMA_VERSION);
    shape.schema["properties"]["command"]["const"] = json!(title);
    shape
}

fn written<T: JsonSchema>(title: &'static str, about: &'static str) -> Shape {
    let generator = settings().into_generator();
    finished(title, about, generator.into_root_schema_for::<T>())
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().for_serialize()
}

fn read<T: JsonSchema>(title: &'static str, about: &'static str) -> Shape {
    let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    finished(title, about, generator.into_root_schema_for::<T>())
}

fn finished(title: &'static str, about: &'static str, schema: Schema) -> Shape {
    let mut schema = schema.to_value();
    plain_words(&mut schema);
    schema["title"] = json!(format!("aesearch: {title}"));
    schema["description"] = json!(about);
    Shape { title, about, schema }
}

/// Descriptions come from the documentation of the code: links within it lead nowhere here.
fn plain_words(schema: &mut Value) {
    match schema {
        Value::String(text) => *text = text.replace("[`", "`").replace("`]", "`").replace('\n', " "),
        Value::Array(list) => list.iter_mut().for_each(plain_words),
        Value::Object(fields) => fields.values_mut().for_each(plain_words),
        _ => {}
    }
}

/// All of them, in the order of the page.
pub(in crate::cli) fn shapes() -> Vec<Shape> {
    let mut shapes = collections();
    shapes.extend(duplicates());
    shapes.extend(models());
    shapes.extend(upkeep());
    shapes.extend(files());
    shapes
}

fn collections() -> Vec<Shape> {
    vec![
        printed::<index::IndexDocument>(
            "index",
            "What indexing did. With `--watch`, a document after each change.",
        ),
        printed::<encode::EncodeDocument>("encode", "What was encoded into a file."),
        printed::<query::QueryDocument>("query", "The images most similar to each query."),
        printed::<eval::EvalDocument>(
            "eval",
            "How good the codes are. What needs labels or images that are not there is null.",
        ),
        printed::<cluster::Document>(
            "cluster",
            "The clusters. With labels also `purity`, `nmi`, `ari` and `accuracy`.",
        ),
        printed::<outliers::Document>("outliers", "Images that do not fit, faults, and doubtful labels."),
        printed::<map::Document>(
            "map",
            "Where the map was written; the positions of images are in its table.",
        ),
        printed::<Either<subset::Document, sample::SampleDocument>>(
            "sample",
            "With `--diverse` or `--random` the chosen images, otherwise the images that were drawn.",
        ),
        printed::<diff::Document>("diff", "What differs between two indexes."),
        printed::<export::Document>("export", "What was written where."),
        printed::<report::Document>("report", "What the page shows."),
    ]
}

fn duplicates() -> Vec<Shape> {
    vec![
        printed::<Plan>(
            "dedupe scan",
            "The plan; `-o` writes the same document, which `dedupe apply` reads.",
        ),
        printed::<ApplyDocument>("dedupe apply", "What was done, or in a dry run what would be done."),
        printed::<UndoDocument>("dedupe undo", "What was put back, or in a dry run what would be."),
        printed::<DecideDocument>("dedupe decide", "What was decided now, and all decisions."),
        printed::<CheckDocument>("dedupe check", "Whether images are in the collection already."),
        printed::<EvaluateDocument>("dedupe evaluate", "What a scan finds, compared with known pairs."),
    ]
}

fn models() -> Vec<Shape> {
    vec![
        printed::<train::TrainDocument>("train", "How the training went."),
        printed::<model::ListDocument>("model list", "The models at hand."),
        printed::<Either<model::ShowDocument, model::ForeignDocument>>(
            "model show",
            "What a model is; the second list for encoders of other programs.",
        ),
        printed::<model::ForeignDocument>("model add", "The encoder that was added."),
        printed::<model::ImportDocument>("model import", "The network that was imported."),
        printed::<quantize::QuantizeDocument>("model quantize", "What a model in int8 is worth."),
        printed::<reconstruct::ReconstructDocument>("reconstruct", "How well images are reconstructed."),
        printed::<denoise::DenoiseDocument>("denoise", "The cleaned images."),
        printed::<latent::LatentDocument>("latent", "Where latents lie in the plane of the sheet."),
    ]
}

fn upkeep() -> Vec<Shape> {
    vec![
        printed::<info::InfoDocument>("info", "The facts of an index."),
        printed::<verify::VerifyDocument>("verify", "Whether every byte of the index is as it was written."),
        printed::<repair::RepairDocument>("repair", "What was dropped from a damaged index."),
        printed::<remove::RemoveDocument>("remove", "What was taken out of the index."),
        printed::<compact::CompactDocument>("compact", "The index before and after."),
        printed::<merge::MergeDocument>("merge", "The index that was made of several."),
        printed::<publish::PublishDocument>("publish", "What was sent into the bucket."),
        printed::<push::PushDocument>("push", "What was pushed into a table."),
        printed::<estimate::EstimateDocument>("estimate", "What indexing would take."),
        printed::<doctor::DoctorDocument>("doctor", "The state of the installation and of the index."),
        printed::<runtime::ShowDocument>("runtime show", "Which ONNX Runtime is used."),
        printed::<runtime::InstallDocument>("runtime install", "The library that was installed."),
        printed::<demo::DemoDocument>("demo", "The commands of the demo, and their documents."),
        printed::<man::ManDocument>("man", "The pages of the manual that were written."),
    ]
}

fn files() -> Vec<Shape> {
    let [header, record] = journal_schemas(&settings());
    vec![
        read::<query_lines::Line>("query line", "A line that `query --stdin` reads."),
        written::<query_lines::LineDocument>("query answer", "A line that `query --stdin` answers with."),
        written::<LineDocument>("encoded line", "A line of a file that `encode` writes as `.jsonl`."),
        read::<encode_lines::ImageLine>("image line", "A line that `encode --stdin` reads."),
        written::<encode_lines::RowDocument>("row line", "A line that `encode --stdin` answers with."),
        written::<SkippedDocument>("skipped line", "A line of `index --report-skipped FILE`."),
        written::<DecisionsDocument>(
            "decisions",
            "The file that `dedupe decide --export` and the page of `dedupe scan --report` write.",
        ),
        finished("journal header", "The first line of the journal of `dedupe apply`.", header),
        finished("journal record", "The other lines of the journal.", record),
        written::<EpochReport>("training line", "A line of `log.jsonl` in a model folder: one epoch."),
    ]
}
