//! A real API server comes to the same verdict about every document of the corpus as the local evaluator does, at the same places, and
//! with the same words where a rule speaks. Where the two cannot agree, the file stands in a table here with the reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod kube_verdict;

use std::{collections::BTreeMap, fs, path::PathBuf};

use kube_verdict::{Ours, cluster, compare, load_errors, send};
use paas_core::spec::{Document, Kind, codes::SPEC_RULE, load, validate};

/// Broken texts that an API server takes: it reads one object of one request, with another reader of YAML.
const TAKEN: [(&str, &str); 5] = [
    (
        "broken_document_between_good_and_bad.yaml",
        "a request is one object: what follows the first document is not read",
    ),
    ("merge_key.yaml", "its reader carries merge keys out"),
    ("octal_number.yaml", "03 is 3 to its reader"),
    (
        "same_object_twice.yaml",
        "a request is one object: what follows the first document is not read",
    ),
    ("tag.yaml", "its reader takes no notice of tags"),
];

/// Texts that cannot be sent: the kind says where to.
const NOWHERE: [&str; 5] = [
    "a_text_is_no_document.yaml",
    "kind_of_others.yaml",
    "missing_head.yaml",
    "misspelt_head.yaml",
    "other_group.yaml",
];

/// Changes that are none to an API server: another name in the path is another object.
const OTHERS: [&str; 1] = ["another_object.yaml"];

fn corpus(folder: &str) -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder);
    let files = fs::read_dir(folder).unwrap().map(|e| e.unwrap());
    let read = |e: fs::DirEntry| {
        (
            e.file_name().into_string().unwrap(),
            fs::read_to_string(e.path()).unwrap(),
        )
    };
    let files: BTreeMap<_, _> = files.map(read).collect();
    assert!(!files.is_empty());
    files
}

/// The document as it is written, but in the namespace of the test.
fn text(file: &str) -> String {
    let ours = |l: &&str| !l.starts_with("# PAAS-") && !l.starts_with("  namespace:");
    file.lines().filter(ours).map(|l| format!("{l}\n")).collect()
}

fn kind(text: &str) -> Option<Kind> {
    let named = |k: &Kind| text.lines().any(|l| l == format!("kind: {k}"));
    Kind::ALL.into_iter().find(named)
}

#[tokio::test]
async fn every_valid_document_is_taken_by_an_api_server() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("valid documents").await.unwrap();
    let client = namespace.client().await.unwrap();
    for (name, file) in corpus("valid") {
        let text = text(&file);
        let refused = send(&client, &namespace, kind(&text).unwrap(), None, false, &text).await;
        assert!(refused.is_none(), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn every_invalid_document_is_refused_by_an_api_server_at_the_same_places_and_by_rules_in_the_same_words()
 {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("invalid documents").await.unwrap();
    let client = namespace.client().await.unwrap();
    let mut complaints = Vec::new();
    let mut by_rule = 0;
    for (name, file) in corpus("invalid") {
        let text = text(&file);
        let ours = load_errors(&text);
        by_rule += ours.iter().filter(|o| o.0 == SPEC_RULE.id).count();
        match send(&client, &namespace, kind(&text).unwrap(), None, false, &text).await {
            None => complaints.push(format!("{name}: is taken")),
            Some(status) => complaints.extend(compare(&ours, &status).iter().map(|c| format!("{name}: {c}"))),
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert!(by_rule > 10, "{by_rule}");
}

#[tokio::test]
async fn a_broken_text_is_refused_by_an_api_server_too_but_for_what_its_reader_takes() {
    let Some(cluster) = cluster().await else { return };
    let namespace = cluster.namespace("broken texts").await.unwrap();
    let client = namespace.client().await.unwrap();
    let taken: BTreeMap<_, _> = TAKEN.into_iter().collect();
    for (name, file) in corpus("text") {
        let text = text(&file);
        assert!(!load_errors(&text).is_empty());
        let Some(kind) = kind(&text) else {
            assert!(NOWHERE.contains(&&*name), "{name}");
            continue;
        };
        let refused = send(&client, &namespace, kind, None, false, &text).await;
        // Each line of the table has to be true: a difference that is gone is to leave it.
        assert_eq!(
            refused.is_none(),
            taken.contains_key(&*name),
            "{name}: {refused:?}"
        );
    }
}

/// The two documents of a change, as texts and as we read them.
fn pair(file: &str) -> [(String, Document); 2] {
    let text = text(file);
    let (old, new) = text.split_once("---\n").unwrap();
    [old, new].map(|text| {
        let loaded = load::load_text("corpus.yaml", text).unwrap().remove(0);
        (text.to_owned(), loaded.document)
    })
}

#[tokio::test]
async fn every_change_gets_the_same_verdict_from_an_api_server() {
    let Some(cluster) = cluster().await else { return };
    let mut complaints = Vec::new();
    for folder in ["update/allowed", "update/refused"] {
        for (name, file) in corpus(folder) {
            let namespace = cluster.namespace(&name).await.unwrap();
            let client = namespace.client().await.unwrap();
            let [(old, was), (new, is)] = pair(&file);
            let made = send(&client, &namespace, was.kind(), Some(was.name()), true, &old).await;
            assert!(made.is_none(), "{name}: {made:?}");
            let ours: Vec<Ours> = match validate::update(&was, &is) {
                Ok(()) => Vec::new(),
                Err(found) => found
                    .0
                    .into_iter()
                    .map(|v| (v.code.id, v.path.to_string(), v.message))
                    .collect(),
            };
            let refused = send(&client, &namespace, is.kind(), Some(is.name()), false, &new).await;
            match refused {
                None if ours.is_empty() || OTHERS.contains(&&*name) => {}
                None => complaints.push(format!("{name}: is taken")),
                Some(status) => {
                    complaints.extend(compare(&ours, &status).iter().map(|c| format!("{name}: {c}")))
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}
