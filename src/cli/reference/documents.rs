//! The page of all JSON documents: their fields, from the schemas.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::cli::commands::schemas::Shape;

const TOP: &str = "\
# JSON documents

What `--json` prints on stdout, one document for each run, and the files in JSON that the program writes. Each has a JSON
Schema in the folder `docs/reference/schemas`, for programs that want to check what they get.

Fields keep their names and their meaning. New ones may be added, so ignore those that you do not know. `[]` stands for each
entry of a list, `{}` for each value of an object whose keys are names. Every document that a command prints begins with
`schema_version`, which is 1, and `command`.
";
/// Fields of all documents, which the top tells.
const COMMON: [&str; 2] = ["schema_version", "command"];

pub(super) fn page(shapes: &[Shape]) -> String {
    let mut page = TOP.to_owned();
    for shape in shapes {
        let name = shape.name();
        let _ = write!(page, "\n## {}\n\n{} [Schema](schemas/{name}.json).\n", shape.title, shape.about);
        Fields::of(&shape.schema).write(&mut page);
    }
    page
}

/// The tables of one document.
struct Fields<'a> {
    definitions: BTreeMap<&'a str, &'a Value>,
    root: &'a Value,
    /// Definitions that several fields have: they get tables of their own.
    shared: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    fn of(root: &'a Value) -> Self {
        let definitions = root["$defs"].as_object().into_iter().flatten();
        let definitions: BTreeMap<&str, &Value> =
            definitions.map(|(name, schema)| (name.as_str(), schema)).collect();
        let text = root.to_string();
        let shared = definitions.iter().filter(|(name, schema)| {
            text.matches(&format!("\"#/$defs/{name}\"")).count() > 1 && fields(schema).count() > 3
        });
        let shared = shared.map(|(name, _)| *name).collect();
        Fields { definitions, root, shared }
    }

    fn write(&self, page: &mut String) {
        let alternatives = self.root["anyOf"].as_array().or(self.root["oneOf"].as_array());
        if fields(self.root).next().is_some() {
            self.table(page, self.root);
        }
        for alternative in alternatives.into_iter().flatten() {
            let (_, alternative) = self.resolved(alternative);
            match fields(alternative).next() {
                Some(_) => self.table(page, alternative),
                None => *page += &format!("\nIt is a {}, or:\n", self.kind(alternative)),
            }
        }
        for name in &self.shared {
            let _ = write!(page, "\nFields of a **{}**:\n", words(name));
            self.table(page, self.definitions[name]);
        }
    }

    fn table(&self, page: &mut String, schema: &'a Value) {
        let mut rows = Vec::new();
        self.rows("", schema, &mut rows);
        if rows.is_empty() {
            return;
        }
        *page += "\n| field | type | meaning |\n|---|---|---|\n";
        for [name, kind, meaning] in rows {
            let _ = writeln!(page, "| `{name}` | {kind} | {} |", meaning.replace('|', "\\|"));
        }
    }

    fn rows(&self, before: &str, schema: &'a Value, rows: &mut Vec<[String; 3]>) {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, field) in fields(schema) {
            if before.is_empty() && COMMON.contains(&name) {
                continue;
            }
            let mut kind = self.kind(field);
            if !required.contains(&name) {
                kind += ", may be missing";
            }
            let (definition, inner) = self.resolved(field);
            let own = field["description"].as_str().or(inner["description"].as_str());
            let meaning = own.unwrap_or("").to_owned();
            rows.push([format!("{before}{name}"), kind, meaning]);
            if definition.is_some_and(|definition| self.shared.contains(&definition)) {
                continue;
            }
            let after = if is_list(field) { "[]." } else { "." };
            let map = self.of_map(field);
            match map {
                Some(value) => self.rows(&format!("{before}{name}{{}}."), value, rows),
                None => self.rows(&format!("{before}{name}{after}"), inner, rows),
            }
        }
    }

    fn of_map(&self, field: &'a Value) -> Option<&'a Value> {
        let values = &field["additionalProperties"];
        values.is_object().then(|| self.resolved(values).1)
    }

    /// What stands behind references, lists and "or null", and the name of its definition.
    fn resolved(&self, schema: &'a Value) -> (Option<&'a str>, &'a Value) {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            let (inner, schema) = self.resolved(self.definitions[name]);
            return (inner.or(Some(name)), schema);
        }
        let options = schema["anyOf"].as_array().into_iter().flatten();
        if let Some(option) = options.clone().find(|option| option["type"] != "null")
            && options.count() == 2
            && schema["anyOf"].to_string().contains("\"null\"")
        {
            return self.resolved(option);
        }
        if is_list(schema) && schema["items"].is_object() {
            return self.resolved(&schema["items"]);
        }
        (None, schema)
    }

    /// The type in words.
    fn kind(&self, schema: &'a Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            let named = self.definitions[name];
            return match self.shared.contains(&name) {
                true => words(name),
                false if fields(named).next().is_some() => "object".to_owned(),
                false => self.kind(named),
            };
        }
        if let Some(value) = schema.get("const") {
            return format!("`{value}`");
        }
        let choices = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array());
        if let Some(choices) = choices {
            let kinds: Vec<String> = choices.iter().map(|choice| self.kind(choice)).collect();
            return kinds.join(" or ");
        }
        if let Some(values) = schema["enum"].as_array() {
            return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ");
        }
        let types = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            Value::String(one) => vec![one.as_str()],
            _ => return "anything".to_owned(),
        };
        let kind = |one: &str| match one {
            "array" => match schema.get("items") {
                Some(items) => format!("list of {}", plural(&self.kind(items))),
                None => self.tuple(schema),
            },
            "object" if schema["additionalProperties"].is_object() => {
                format!("object of {}", plural(&self.kind(&schema["additionalProperties"])))
            }
            one => one.to_owned(),
        };
        types.into_iter().map(kind).collect::<Vec<_>>().join(" or ")
    }

    fn tuple(&self, schema: &'a Value) -> String {
        let items = schema["prefixItems"].as_array().into_iter().flatten();
        let kinds: Vec<String> = items.map(|item| self.kind(item)).collect();
        format!("list of {} {}", kinds.len(), plural(kinds.first().map_or("value", |kind| kind)))
    }
}

fn is_list(schema: &Value) -> bool {
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == "array"),
        one => one == "array",
    }
}

fn fields(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, field)| (name.as_str(), field))
}

fn plural(kind: &str) -> String {
    if kind.contains(['`', ' ']) { kind.to_owned() } else { format!("{kind}s") }
}

/// The name of a type, as words: `ImageDocument` is an image.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.trim_end_matches("Document").chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}
