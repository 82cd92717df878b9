//! Every keyword of every schema is kept by a real API server too: for each of them an object is made that breaks it, out of a good one
//! of the corpus, and both have to refuse it at the same place. A keyword that no object of the corpus reaches makes the test fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod kube_verdict;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use kube_verdict::{cluster, compare, load_errors, send};
use paas_core::spec::{Kind, load, schema};
use regex_lite::Regex;
use serde_json::{Map, Value, json};

/// Keywords that cannot be broken alone, with the reason.
const EXCUSED: [(&str, &str); 1] = [(
    "DatabaseInstance.spec.maintenanceWindow.days maxItems",
    "there are no eight different days of the week",
)];

/// Where a value is: fields and indices.
type Place = Vec<String>;

/// An object that is to be refused, and the keyword that it breaks.
#[derive(Debug)]
struct Bad {
    keyword: String,
    object: Value,
}

/// The good objects of a kind, as they are written.
fn good(kind: Kind) -> Vec<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/valid");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let document = load::load_text("good.yaml", &text).unwrap().remove(0).document;
        (document.kind() == kind).then(|| {
            let mut json = document.to_json();
            json["metadata"] = json!({ "name": document.name() });
            json
        })
    };
    files.into_iter().filter_map(read).collect()
}

fn at<'a>(object: &'a mut Value, place: &[String]) -> &'a mut Value {
    place.iter().fold(object, |value, step| match value {
        Value::Array(list) => &mut list[step.parse::<usize>().unwrap()],
        value => &mut value[step],
    })
}

/// The schema's own words for a node, for every object: `DatabaseInstance.spec.users[].name pattern`.
fn keywords(schema: &Value, name: &str, all: &mut BTreeSet<String>) {
    const SILENT: [&str; 9] = [
        "description",
        "default",
        "properties",
        "items",
        "additionalProperties",
        "x-kubernetes-list-map-keys",
        // Rules have a corpus of their own: `spec_corpus`.
        "x-kubernetes-validations",
        "x-kubernetes-int-or-string",
        "required",
    ];
    for keyword in schema.as_object().unwrap().keys() {
        if !SILENT.contains(&keyword.as_str()) && !keyword.starts_with("x-paas-") {
            all.insert(format!("{name} {keyword}"));
        }
    }
    if schema["x-kubernetes-int-or-string"] == true {
        all.insert(format!("{name} type"));
    }
    for field in schema["required"].as_array().into_iter().flatten() {
        all.insert(format!("{name} required {}", field.as_str().unwrap()));
    }
    for (field, inner) in schema["properties"].as_object().into_iter().flatten() {
        keywords(inner, &format!("{name}.{field}"), all);
    }
    if schema["properties"].is_object() {
        all.insert(format!("{name} unknown field"));
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            keywords(&schema[inner], &format!("{name}[]"), all);
        }
    }
}

/// A text of a certain length that is like another one.
fn stretched(text: &str, length: usize, pattern: Option<&Regex>) -> String {
    let of = |c: char| {
        let more = length - text.chars().count().min(length);
        format!("{text}{}", String::from(c).repeat(more))
    };
    let fits = |t: &String| pattern.is_none_or(|p| p.is_match(t));
    let candidates: Vec<String> = ['a', '0', '1', 'i'].into_iter().map(of).collect();
    candidates
        .iter()
        .find(|t| fits(t))
        .unwrap_or(&candidates[0])
        .clone()
}

/// A text that is not of this form, and short enough.
fn formless(pattern: &Regex) -> String {
    let candidates = [
        "§",
        "A",
        "0",
        "a b",
        "-",
        "a:b",
        "10.0.0.300/8",
        "_§§§§§§§§§§§§§§§§§§§§§§",
    ];
    let candidate = candidates.into_iter().find(|c| !pattern.is_match(c));
    candidate.unwrap().to_owned()
}

/// As many entries that are alike and all different.
fn entries(list: &[Value], count: usize) -> Vec<Value> {
    (0..count)
        .map(|i| match &list[0] {
            Value::String(text) if text.contains('/') => json!(format!("10.0.{}.{}/32", i / 250, i % 250)),
            Value::String(text) if text.contains('.') => json!(format!("10.0.{}.{}", i / 250, i % 250)),
            Value::String(_) => json!(format!("e{i}")),
            Value::Object(entry) => {
                let mut entry = entry.clone();
                entry.insert("name".to_owned(), json!(format!("e{i}")));
                // The databases need their owner among the users.
                entry.remove("owner");
                Value::Object(entry)
            }
            other => other.clone(),
        })
        .collect()
}

/// What breaks one keyword, put where a good value was.
fn broken(schema: &Value, keyword: &str, good: &Value) -> Option<Value> {
    let bound = schema[keyword].as_u64().and_then(|n| usize::try_from(n).ok());
    let pattern = schema["pattern"].as_str().map(|p| Regex::new(p).unwrap());
    Some(match keyword {
        "type" => match good {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => json!({}),
            _ => json!("no"),
        },
        "enum" => json!("Nonsense"),
        "format" => json!("nonsense"),
        "pattern" => json!(formless(pattern.as_ref()?)),
        "minLength" => json!(""),
        "maxLength" => {
            let start = good.as_str().map_or_else(|| good.to_string(), str::to_owned);
            json!(stretched(&start, bound? + 1, pattern.as_ref()))
        }
        "minimum" => json!(schema[keyword].as_f64()? as i64 - 1),
        "maximum" => json!(schema[keyword].as_f64()? as i64 + 1),
        "minItems" => json!([]),
        "maxItems" => Value::Array(entries(good.as_array().filter(|l| !l.is_empty())?, bound? + 1)),
        "maxProperties" => {
            let value = good.as_object()?.values().next()?;
            let all: Map<_, _> = (0..=bound?).map(|i| (format!("k{i}"), value.clone())).collect();
            Value::Object(all)
        }
        "x-kubernetes-list-type" => {
            let first = good.as_array()?.first()?.clone();
            json!([first.clone(), first])
        }
        "unknown field" => {
            let mut map = good.as_object()?.clone();
            map.insert("nonsense".to_owned(), json!(1));
            Value::Object(map)
        }
        required => {
            let mut map = good.as_object()?.clone();
            map.remove(required.strip_prefix("required ")?)?;
            Value::Object(map)
        }
    })
}

/// Walks a good object along its schema, and adds a bad one for each keyword that has none yet.
fn collect(
    schema: &Value,
    object: &mut Value,
    place: &mut Place,
    name: &str,
    all: &mut BTreeMap<String, Value>,
) {
    let good = at(object, place).clone();
    let mut own = BTreeSet::new();
    keywords(schema, name, &mut own);
    let own = own.iter().filter_map(|k| k.strip_prefix(&format!("{name} ")));
    for keyword in own {
        let title = format!("{name} {keyword}");
        if all.contains_key(&title) {
            continue;
        }
        if let Some(bad) = broken(schema, keyword, &good) {
            let mut object = object.clone();
            *at(&mut object, place) = bad;
            // A user that is gone or has another name would break a rule of the databases too.
            let databases = object
                .pointer_mut("/spec/databases")
                .and_then(Value::as_array_mut);
            if name.starts_with("DatabaseInstance.spec.users") {
                for database in databases.into_iter().flatten() {
                    database.as_object_mut().unwrap().remove("owner");
                }
            }
            all.insert(title, object);
        }
    }
    for (field, inner) in schema["properties"].as_object().into_iter().flatten() {
        if good.get(field).is_some() {
            place.push(field.clone());
            collect(inner, object, place, &format!("{name}.{field}"), all);
            place.pop();
        }
    }
    let steps: Vec<String> = match &good {
        Value::Array(list) => (0..list.len()).map(|i| i.to_string()).collect(),
        Value::Object(map) if schema["additionalProperties"].is_object() => map
            .keys()
            // Both quote such a key in a place, each in its own way.
            .filter(|k| !k.contains(['.', '/']))
            .cloned()
            .collect(),
        _ => Vec::new(),
    };
    let inner = ["items", "additionalProperties"].map(|key| &schema[key]);
    let inner = inner.into_iter().find(|s| s.is_object());
    for (step, inner) in steps.into_iter().zip(std::iter::repeat(inner)) {
        place.push(step);
        collect(inner.unwrap(), object, place, &format!("{name}[]"), all);
        place.pop();
    }
}

fn bad(kind: Kind) -> Vec<Bad> {
    let (schema, name) = (schema::spec(kind), format!("{kind}.spec"));
    let mut all = BTreeMap::new();
    for mut object in good(kind) {
        collect(
            &schema,
            &mut object,
            &mut vec!["spec".to_owned()],
            &name,
            &mut all,
        );
    }
    let mut expected = BTreeSet::new();
    keywords(&schema, &name, &mut expected);
    for (keyword, why) in EXCUSED {
        all.remove(keyword);
        expected.remove(keyword);
        assert!(!why.is_empty());
    }
    let missing: Vec<_> = expected.iter().filter(|k| !all.contains_key(*k)).collect();
    assert!(
        missing.is_empty(),
        "a good object in tests/corpus/valid has to have the fields: {missing:#?}"
    );
    all.into_iter()
        .map(|(keyword, object)| Bad { keyword, object })
        .collect()
}

#[test]
fn every_keyword_has_an_object_that_breaks_it_and_is_refused_here() {
    for kind in Kind::ALL {
        let all = bad(kind);
        assert!(all.len() > 3, "{kind}: {}", all.len());
        for Bad { keyword, object } in all {
            let text = object.to_string();
            assert!(load::load_text("bad.yaml", &text).is_err(), "{keyword}: {text}");
        }
    }
}

#[tokio::test]
async fn every_keyword_is_kept_by_an_api_server_at_the_same_place() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("every keyword").await.unwrap();
    let client = namespace.client().await.unwrap();
    let mut complaints = Vec::new();
    let mut judged = 0;
    for kind in Kind::ALL {
        for Bad { keyword, object } in bad(kind) {
            let text = object.to_string();
            let ours = load_errors(&text);
            judged += 1;
            match send(&client, &namespace, kind, None, false, &text).await {
                None => complaints.push(format!("{keyword}: is taken: {text}")),
                Some(status) => {
                    complaints.extend(compare(&ours, &status).iter().map(|c| format!("{keyword}: {c}")));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert!(judged > 200, "{judged}");
}
