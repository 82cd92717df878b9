//! `apiVersion` and `kind`: which of our kinds a document is, and what to say if it is none.

use serde_json::Value;

use crate::spec::{
    API_VERSION, GROUP, Kind, codes,
    validate::{Path, Segment, Violation, nearest},
};

/// Words that people use for what we call otherwise.
const OTHER_WORDS: [(&str, Kind); 9] = [
    ("Postgres", Kind::DatabaseInstance),
    ("PostgreSQL", Kind::DatabaseInstance),
    ("Postgresql", Kind::DatabaseInstance),
    ("Instance", Kind::DatabaseInstance),
    ("Cluster", Kind::DatabaseInstance),
    ("Backup", Kind::DatabaseBackup),
    ("ScheduledBackup", Kind::DatabaseBackup),
    ("Infrastructure", Kind::Platform),
    ("Kubernetes", Kind::Platform),
];

/// The kind of a document, or what is wrong with its head.
pub(super) fn kind(document: &Value) -> Result<Kind, Vec<Violation>> {
    let Value::Object(map) = document else {
        let help = format!("a document begins with apiVersion: {API_VERSION}, kind and metadata");
        return Err(vec![violation(
            None,
            "a document must be a map of fields".to_owned(),
            Some(help),
        )]);
    };
    let mut wrong = Vec::new();
    match map.get("apiVersion") {
        Some(Value::String(version)) if version == API_VERSION => {}
        Some(Value::String(version)) => {
            let ours = version.split('/').next() == Some(GROUP);
            let message = if ours {
                format!("version {version:?} of our kinds is not known")
            } else {
                format!("apiVersion {version:?} is not ours")
            };
            wrong.push(violation(
                Some("apiVersion"),
                message,
                Some(format!("write apiVersion: {API_VERSION}")),
            ));
        }
        Some(_) => wrong.push(violation(
            Some("apiVersion"),
            "apiVersion must be a text".to_owned(),
            Some(format!("write apiVersion: {API_VERSION}")),
        )),
        None => {
            let near = map.keys().find(|k| nearest(k, ["apiVersion"]).is_some());
            let message = match near {
                Some(key) => format!("apiVersion is missing; {key} is not the same"),
                None => "apiVersion is missing".to_owned(),
            };
            wrong.push(violation(
                Some("apiVersion"),
                message,
                Some(format!("add apiVersion: {API_VERSION}")),
            ));
        }
    }
    let names = Kind::ALL.map(Kind::as_str).join(", ");
    let kind = match map.get("kind") {
        Some(Value::String(kind)) => match kind.parse::<Kind>() {
            Ok(kind) => Some(kind),
            Err(_) => {
                let meant = OTHER_WORDS
                    .iter()
                    .find(|(word, _)| word == kind)
                    .map(|(_, k)| k.as_str());
                let meant = meant.or_else(|| nearest(kind, Kind::ALL.map(Kind::as_str)));
                let help = meant.map_or(format!("allowed: {names}"), |m| {
                    format!("did you mean {m}? allowed: {names}")
                });
                wrong.push(violation(
                    Some("kind"),
                    format!("kind {kind:?} is not ours"),
                    Some(help),
                ));
                None
            }
        },
        Some(_) => {
            wrong.push(violation(
                Some("kind"),
                "kind must be a text".to_owned(),
                Some(format!("allowed: {names}")),
            ));
            None
        }
        None => {
            wrong.push(violation(
                Some("kind"),
                "kind is missing".to_owned(),
                Some(format!("add kind: one of {names}")),
            ));
            None
        }
    };
    kind.filter(|_| wrong.is_empty()).ok_or(wrong)
}

fn violation(field: Option<&str>, message: String, help: Option<String>) -> Violation {
    let path = Path(field.map(|f| Segment::Key(f.to_owned())).into_iter().collect());
    Violation {
        code: &codes::SPEC_KIND,
        path,
        on_key: false,
        message,
        help,
    }
}
