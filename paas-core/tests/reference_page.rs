//! The book's reference of our kinds is made of the same schema that files and clusters are judged by. `UPDATE_DOCS=1` writes it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{env, fmt::Write, fs, path::Path};

use paas_core::spec::{API_VERSION, Kind, schema};
use serde_json::Value;

const HEAD: &str = "# Reference of the kinds

<!-- Made from the schema by the test `reference_page` of paas-core; UPDATE_DOCS=1 writes it. -->

Every field of `Platform`, `DatabaseInstance` and `DatabaseBackup`, as files (`paas up`) and clusters (`kubectl apply`) take them: both judge by this
schema and say the same words. A field without a default may be left out unless it is **required**. The same is in the cluster:
`kubectl explain dbi.spec.storage`.

[`Platform`](#platform) · [`DatabaseInstance`](#databaseinstance) · [`DatabaseBackup`](#databasebackup)

## Names, annotations, labels

| where | what |
| --- | --- |
| `metadata.name` | NAME |
| annotation `paas.rs/paused` | there and not `false`: nothing is done with the object, it is not even deleted |
| annotation `paas.rs/consent` | agrees to what takes data away: on an object the hash of `status.blocked`, on a namespace or definition its uid |
| label `paas.rs/protected` | on a namespace: it is not deleted by the way ([The operator](operator.md)) |
| finalizer `paas.rs/retire` | on an object: something of it is there; the operator takes it off at the end |
";

/// An object in the schema that has fields: where it stands, what it is.
struct Section<'a> {
    place: String,
    schema: &'a Value,
}

/// The objects with fields, outer before inner.
fn sections<'a>(place: &str, schema: &'a Value, all: &mut Vec<Section<'a>>) {
    let Some(fields) = schema["properties"].as_object() else {
        return;
    };
    all.push(Section {
        place: place.to_owned(),
        schema,
    });
    for (name, field) in fields {
        sections(&format!("{place}.{name}"), field, all);
        sections(&format!("{place}.{name}[]"), &field["items"], all);
    }
}

/// How a type is called.
fn type_of(schema: &Value) -> String {
    if schema["x-kubernetes-int-or-string"] == true {
        return "text or whole number".to_owned();
    }
    if schema["x-paas-type"] == "quantity" {
        return "size".to_owned();
    }
    match schema["type"].as_str().unwrap() {
        "array" => format!("list of {}", type_of(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map to {}", type_of(&schema["additionalProperties"]))
        }
        "object" => "object".to_owned(),
        "string" if schema["enum"].is_array() => "word".to_owned(),
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    }
}

/// A pair of bounds in words.
fn between(schema: &Value, [least, most]: [&str; 2], unit: &str) -> Option<String> {
    match (
        schema[least].as_i64().filter(|n| *n > 0 || unit.is_empty()),
        schema[most].as_i64(),
    ) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (Some(least), None) => Some(format!("at least {least}{unit}")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        (None, None) => None,
    }
}

/// What a value has to be like, in words.
fn rules(schema: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let described = |w: &str| {
        let description = schema["description"].as_str();
        description.is_some_and(|d| d.contains(&format!("{w}: ")))
    };
    let words = || {
        schema["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    };
    if words().next().is_some() && !words().all(described) {
        let words = words().map(|w| format!("`{w}`"));
        all.push(format!("one of {}", words.collect::<Vec<_>>().join(", ")));
    }
    if let Some(help) = schema["x-paas-help"].as_str() {
        // What stands between asterisks has none of its own.
        all.push(help.replace('*', "\\*").replace('_', "\\_"));
    } else if schema["x-paas-type"] == "quantity" {
        all.push("a number with Ki, Mi, Gi, Ti, Pi, or k, M, G, T, P".to_owned());
    } else if let Some(pattern) = schema["pattern"].as_str() {
        all.push(format!("matches `{}`", pattern.replace('|', "\\|")));
    }
    let is_text = schema["type"] == "string" && schema["enum"].is_null() && schema["x-paas-type"].is_null();
    if schema["x-kubernetes-int-or-string"].is_null() {
        all.extend(between(schema, ["minimum", "maximum"], ""));
    }
    if is_text {
        all.extend(between(schema, ["minLength", "maxLength"], " characters"));
    }
    all.extend(between(schema, ["minItems", "maxItems"], " entries"));
    all.extend(between(schema, ["minProperties", "maxProperties"], " entries"));
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => all.push("no entry twice".to_owned()),
        Some("map") => {
            let key = schema["x-kubernetes-list-map-keys"][0].as_str().unwrap();
            all.push(format!("each `{key}` once"));
        }
        _ => {}
    }
    if schema["items"].is_object() && schema["items"]["properties"].is_null() {
        let inner = rules(&schema["items"]);
        all.extend((!inner.is_empty()).then(|| format!("each: {}", inner.join(", "))));
    }
    if schema["additionalProperties"].is_object() {
        let inner = rules(&schema["additionalProperties"]);
        all.extend((!inner.is_empty()).then(|| format!("each value: {}", inner.join(", "))));
    }
    all
}

/// The anchor that mdBook gives a heading.
fn anchor(heading: &str) -> String {
    let keep =
        |c: char| (c.is_ascii_alphanumeric() || c == '-' || c == '_').then_some(c.to_ascii_lowercase());
    heading.chars().filter_map(keep).collect()
}

/// The description in one line, with the words that are described in it as such.
fn described(schema: &Value) -> String {
    let mut text = schema["description"].as_str().unwrap().replace('\n', " ");
    for word in schema["enum"].as_array().into_iter().flatten() {
        let word = word.as_str().unwrap();
        for before in [". ", " "] {
            text = text.replacen(&format!("{before}{word}: "), &format!("{before}**{word}**: "), 1);
        }
    }
    text
}

fn section(page: &mut String, kind: Kind, section: &Section<'_>) {
    let Section { place, schema } = section;
    let title = |place: &str| format!("{kind} {place}").replace(' ', ".");
    writeln!(page, "\n### {}\n", title(place)).unwrap();
    writeln!(page, "{}\n", schema["description"].as_str().unwrap()).unwrap();
    let fields = schema["properties"].as_object().unwrap();
    if fields.is_empty() {
        writeln!(page, "It has no fields.").unwrap();
    } else {
        writeln!(
            page,
            "| field | type | default | what |\n| --- | --- | --- | --- |"
        )
        .unwrap();
    }
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
    for (name, field) in fields {
        let has_fields = [("", field), ("[]", &field["items"])];
        let inner = has_fields.iter().find(|(_, s)| s["properties"].is_object());
        let inner = inner.map(|(end, _)| title(&format!("{place}.{name}{end}")));
        let shown = inner.map_or(format!("`{name}`"), |to| format!("[`{name}`](#{})", anchor(&to)));
        let default = match field.get("default") {
            Some(Value::String(text)) => format!("`{text}`"),
            Some(other) => format!("`{other}`"),
            None if required.iter().any(|r| *r == name) => "**required**".to_owned(),
            None => String::new(),
        };
        let rules = rules(field);
        let rules = if rules.is_empty() {
            String::new()
        } else {
            format!(" *{}.*", rules.join("; "))
        };
        let what = format!("{}{rules}", described(field));
        writeln!(page, "| {shown} | {} | {default} | {what} |", type_of(field)).unwrap();
    }
    let told: Vec<_> = schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    if !told.is_empty() {
        writeln!(page, "\nRules:\n").unwrap();
    }
    for rule in told {
        let is_change = rule["rule"].as_str().unwrap().contains("oldSelf");
        let at = rule["fieldPath"]
            .as_str()
            .map(|p| format!("`{}`: ", p.trim_start_matches('.')));
        let when = if is_change { " (on a change)" } else { "" };
        let message = rule["message"].as_str().unwrap();
        writeln!(page, "- {}{message}{when}", at.unwrap_or_default()).unwrap();
    }
}

fn page() -> String {
    let name = &schema::metadata()["properties"]["name"];
    let mut page = HEAD.replace("NAME", name["description"].as_str().unwrap());
    for kind in Kind::ALL {
        let (spec, status) = (schema::spec(kind), schema::status(kind));
        writeln!(page, "\n## {kind}\n").unwrap();
        writeln!(
            page,
            "`apiVersion: {API_VERSION}`, `kind: {kind}`; short `{}`, in the category `paas`.",
            kind.short()
        )
        .unwrap();
        let mut all = Vec::new();
        sections("spec", &spec, &mut all);
        sections("status", &status, &mut all);
        for one in &all {
            section(&mut page, kind, one);
        }
    }
    page
}

#[test]
fn the_books_reference_says_what_the_schema_says() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/reference.md");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, page,
        "write docs/src/reference.md anew with UPDATE_DOCS=1"
    );
}

#[test]
fn every_link_in_the_reference_leads_to_a_heading() {
    let page = page();
    let headings: Vec<String> = page
        .lines()
        .filter_map(|l| l.strip_prefix("### ").or_else(|| l.strip_prefix("## ")))
        .map(anchor)
        .collect();
    let links: Vec<&str> = page
        .split("](#")
        .skip(1)
        .filter_map(|l| l.split(')').next())
        .collect();
    assert!(links.len() > 20, "{}", links.len());
    for link in links {
        assert!(headings.iter().any(|h| h == link), "{link} leads nowhere");
    }
}
