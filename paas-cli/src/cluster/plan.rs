//! `paas plan` in a cluster: what an apply would change, by the API server's own dry run.

use paas_core::{
    kube::{
        Declared,
        declare::{self, How},
    },
    resource::Change,
};
use serde_json::{Value, json};

use super::{Cluster, meant, only_here};
use crate::{
    app::App,
    args::{Output, Plan},
    exit::{Exit, Failure},
};

/// What would become of one object.
struct Planned {
    title: String,
    verb: &'static str,
    changes: Vec<Change>,
}

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &Plan) -> Result<Exit, Failure> {
    only_here(&[("--down", args.down), ("--trace", args.calls.trace.is_some())])?;
    let mut all = Vec::new();
    for one in meant::by_files(app, cluster, &args.files)? {
        let d = &one.document;
        let before = Declared::get(&cluster.client, d.kind(), d.namespace(), d.name()).await?;
        let how = How {
            dry_run: true,
            force: args.conflicts.force_conflicts,
        };
        let after = declare::apply(&cluster.client, &one.written, how).await?;
        let changes = changes(before.as_ref(), &after);
        let verb = match (&before, changes.is_empty()) {
            (None, _) => "create",
            (Some(_), false) => "update",
            (Some(_), true) => "none",
        };
        all.push(Planned {
            title: after.title(),
            verb,
            changes,
        });
    }
    print(app, &all);
    let changes = all.iter().any(|p| p.verb != "none");
    Ok(if args.detailed_exitcode && changes {
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// What would differ of what a person declares: spec, labels, annotations.
fn changes(before: Option<&Declared>, after: &Declared) -> Vec<Change> {
    let part = |d: Option<&Declared>| {
        let metadata = d.map(|d| &d.object.metadata);
        let mut labels = metadata.and_then(|m| m.labels.clone()).unwrap_or_default();
        // Our own mark is nothing that somebody declares.
        labels.remove(declare::APPLIED_BY);
        json!({
            "labels": labels, "annotations": metadata.and_then(|m| m.annotations.clone()).unwrap_or_default(),
            "spec": d.map_or(Value::Null, |d| d.object.data["spec"].clone()),
        })
    };
    let mut all = Vec::new();
    compare(&part(before), &part(Some(after)), "", &mut all);
    all
}

fn compare(before: &Value, after: &Value, path: &str, changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    let empty = serde_json::Map::new();
    let map = |v: &Value| v.as_object().cloned().or(v.is_null().then(|| empty.clone()));
    match (map(before), map(after)) {
        (Some(old), Some(new)) if !(old.is_empty() && new.is_empty()) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let at = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let side = |m: &serde_json::Map<String, Value>| m.get(name).cloned().unwrap_or_default();
                compare(&side(&old), &side(&new), &at, changes);
            }
        }
        _ => changes.push(Change::new(path, said(before), said(after))),
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn print(app: &App, all: &[Planned]) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => {
            let one = |p: &Planned| json!({"owner": p.title, "verb": p.verb, "changes": p.changes});
            let plans: Vec<Value> = all.iter().map(one).collect();
            printer.value(&json!({"version": 1, "plans": plans}));
        }
        Output::Name => {
            let busy = all.iter().filter(|p| p.verb != "none");
            busy.for_each(|p| printer.data(&format!("{} {}", p.verb, p.title)));
        }
        Output::Table | Output::Wide => {
            let paint = printer.paint();
            for one in all {
                let head = paint.strong(&one.title);
                match one.verb {
                    "none" => printer.data(&format!("{head}: nothing to do")),
                    "create" => printer.data(&format!("{head}\n  {} create", paint.good("+"))),
                    _ => printer.data(&format!("{head}\n  {} update", paint.change("~"))),
                }
                for change in &one.changes {
                    let words = match change.from.as_str() {
                        "-" => format!("{}: {}", change.field, change.to),
                        from => format!("{}: {from} → {}", change.field, change.to),
                    };
                    printer.data(&format!("      {words}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_by_its_path() {
        let mut all = Vec::new();
        let before = json!({"spec": {"replicas": 1, "users": [1], "plan": "dev"}, "labels": {}});
        let after =
            json!({"spec": {"replicas": 3, "users": [1], "parameters": {"jit": "off"}}, "labels": {}});
        compare(&before, &after, "", &mut all);
        let told: Vec<String> = all
            .iter()
            .map(|c| format!("{} {} {}", c.field, c.from, c.to))
            .collect();
        assert_eq!(
            told,
            [
                "spec.parameters.jit - off",
                "spec.plan dev -",
                "spec.replicas 1 3"
            ]
        );
    }
}
