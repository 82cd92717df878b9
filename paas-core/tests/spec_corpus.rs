//! Documents with the verdict that each of them gets. The same folder is meant for a real API server, which has to come to
//! the same verdict about `valid` and `invalid` with the same words where a rule speaks.
//!
//! A file in `invalid`, `text` and `update/refused` begins with what is expected, a line for each error:
//! `# PAAS-SPEC-0006 spec.storage.size: "10GB" is not a size`. `UPDATE_CORPUS=1` writes these lines anew, to be read by a person.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{fs, path::PathBuf};

use paas_core::spec::{Document, Kind, codes, load, schema, validate};
use serde_json::Value;

fn corpus(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
        .into_iter()
        .map(|f| (f.clone(), fs::read_to_string(f).unwrap()))
        .collect()
}

fn body(text: &str) -> String {
    text.lines()
        .filter(|l| !l.starts_with("# PAAS-"))
        .map(|l| format!("{l}\n"))
        .collect()
}

fn check(file: &PathBuf, text: &str, found: &[String]) {
    let expected: Vec<&str> = text.lines().filter(|l| l.starts_with("# PAAS-")).collect();
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        fs::write(file, format!("{}\n{}", found.join("\n"), body(text))).unwrap();
        return;
    }
    assert_eq!(found, expected, "{}", file.display());
}

fn load_errors(text: &str) -> Vec<String> {
    let errors = load::load_text("corpus.yaml", text).expect_err("is refused");
    errors
        .errors
        .iter()
        .map(|e| format!("# {} {}: {}", e.code.id, e.path, e.message))
        .collect()
}

#[test]
fn every_valid_document_loads() {
    for (file, text) in corpus("valid") {
        let loaded =
            load::load_text("corpus.yaml", &text).unwrap_or_else(|e| panic!("{}\n{e}", file.display()));
        assert_eq!(loaded.len(), 1, "{}", file.display());
        validate::document(&loaded[0].document).unwrap();
    }
}

#[test]
fn every_invalid_document_is_refused_with_its_own_words() {
    for (file, text) in corpus("invalid") {
        check(&file, &text, &load_errors(&body(&text)));
    }
}

#[test]
fn every_broken_text_is_refused_with_its_own_words() {
    for (file, text) in corpus("text") {
        check(&file, &text, &load_errors(&body(&text)));
    }
}

#[test]
fn every_error_is_shown_with_its_line_and_what_is_allowed() {
    let mut shown = String::new();
    for (file, text) in corpus("invalid").into_iter().chain(corpus("text")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let errors = load::load_text(&name, &body(&text)).expect_err("is refused");
        shown.push_str(&format!("{errors}\n"));
    }
    insta::assert_snapshot!(shown);
}

fn pair(text: &str) -> (Document, Document) {
    let text = body(text);
    let (old, new) = text.split_once("---\n").expect("two documents");
    let one = |text: &str| load::load_text("corpus.yaml", text).unwrap().remove(0).document;
    (one(old), one(new))
}

#[test]
fn allowed_changes_are_allowed() {
    for (file, text) in corpus("update/allowed") {
        let (old, new) = pair(&text);
        validate::update(&old, &new).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
}

#[test]
fn refused_changes_are_refused_with_their_own_words() {
    for (file, text) in corpus("update/refused") {
        let (old, new) = pair(&text);
        let violations = validate::update(&old, &new).expect_err("is refused");
        let found: Vec<_> = violations
            .0
            .iter()
            .map(|v| format!("# {} {}: {}", v.code.id, v.path, v.message))
            .collect();
        check(&file, &text, &found);
    }
}

#[test]
fn every_code_of_the_area_is_produced() {
    // These two need files and large texts: `what_cannot_be_read_says_why`, `deep_nesting_is_refused_whatever_its_form`.
    let mut produced = vec![
        codes::SPEC_UNREADABLE.id.to_owned(),
        codes::SPEC_LIMIT.id.to_owned(),
    ];
    for (_, text) in ["invalid", "text", "update/refused"].into_iter().flat_map(corpus) {
        produced.extend(
            text.lines()
                .filter_map(|l| l.strip_prefix("# ")?.split(' ').next().map(str::to_owned)),
        );
    }
    for code in codes::ALL {
        assert!(produced.iter().any(|p| p == code.id), "{}", code.id);
    }
}

/// Rules that no object can break yet, with what has to be so for that.
const UNBREAKABLE: [(&str, &str); 1] = [(
    "self.type == oldSelf.type",
    "an instance cannot change its engine; make a new DatabaseInstance",
)];

/// A CEL rule: its kind, its text, its words, and the end of the place that it names.
type Rule = (Kind, String, String, String);

fn rules(kind: Kind, schema: &Value, found: &mut Vec<Rule>) {
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let text = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
        found.push((kind, text("rule"), text("message"), text("fieldPath")));
    }
    for property in schema["properties"].as_object().into_iter().flatten() {
        rules(kind, property.1, found);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            rules(kind, &schema[inner], found);
        }
    }
}

#[test]
fn every_rule_has_an_object_that_breaks_just_this_one() {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        rules(kind, &schema::spec(kind), &mut all);
        rules(kind, &schema::status(kind), &mut all);
    }
    assert!(all.len() > 20, "{}", all.len());
    let broken: Vec<(String, String)> = ["invalid", "update/refused"]
        .into_iter()
        .flat_map(corpus)
        .filter_map(|(_, text)| {
            let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("# PAAS-")).collect();
            let kind = text.lines().find_map(|l| l.strip_prefix("kind: "));
            let [one] = errors[..] else { return None };
            Some((kind?.to_owned(), one.to_owned()))
        })
        .collect();
    for (kind, rule, message, place) in all {
        let code = if rule.contains("oldSelf") {
            codes::SPEC_CHANGE.id
        } else {
            codes::SPEC_RULE.id
        };
        let is_broken = broken.iter().any(|(of, error)| {
            let start = error.strip_prefix(&format!("# {code} spec"));
            let at = start.and_then(|e| e.strip_suffix(&format!(": {message}")));
            of == kind.as_str() && at.is_some_and(|at| at.ends_with(&place))
        });
        let is_unbreakable = UNBREAKABLE.contains(&(&*rule, &*message));
        assert_ne!(
            is_broken, is_unbreakable,
            "{kind}: the rule {rule:?} needs a file in invalid or update/refused that breaks it and nothing else"
        );
    }
    let engine = schema::spec(Kind::DatabaseInstance)["properties"]["engine"].take();
    let types = engine["properties"]["type"]["enum"].as_array().unwrap().len();
    assert_eq!(
        types, 1,
        "with a second engine, the rule about its type can be broken"
    );
}
