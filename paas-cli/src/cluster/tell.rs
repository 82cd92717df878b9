//! What became of objects in a cluster, in the look and the shape of this machine.

use paas_core::{
    error::{Error, ErrorView},
    kube::Declared,
    pipeline::Outcome,
    render,
    spec::{DatabaseInstanceStatus, Kind},
};
use serde_json::{Value, json};

use super::{Cluster, look};
use crate::{
    app::App,
    args::Output,
    exit::{self, Exit},
    ui::progress::Line,
};

/// What became of one object.
#[derive(Debug)]
pub(super) struct Done {
    /// The object as it was seen last.
    pub(super) declared: Declared,
    /// True if the cluster had another one before.
    pub(super) changed: bool,
    /// What it came to; `None` if nobody waited for it.
    pub(super) result: Option<Result<(), Error>>,
}

/// Tells what did not come to its end, and gives the worst exit code.
pub(super) fn failures(app: &App, done: &[Done]) -> Exit {
    let mut worst = Exit::Done;
    for one in done {
        let Some(Err(error)) = &one.result else { continue };
        worst = worst.max(exit::of(error));
        if app.printer.output() != Output::Json {
            let paint = app.printer.talk_paint();
            app.printer.talk(&render::error(&ErrorView::from(error), paint));
        }
    }
    worst
}

/// What became of the objects, as data.
pub(super) fn result(done: &[Done]) -> Value {
    let one = |d: &Done| {
        let mut object = json!({
            "kind": d.declared.kind.as_str(), "namespace": d.declared.namespace(), "name": d.declared.name(),
            "uid": d.declared.uid(), "changed": d.changed,
        });
        match &d.result {
            Some(Ok(())) => object["outcome"] = json!(Outcome::Converged),
            Some(Err(error)) => object["error"] = json!(ErrorView::from(error)),
            None => object["outcome"] = json!({"state": "begun"}),
        }
        if let Some(binding) = d.declared.object.data["status"]["binding"]["name"].as_str() {
            object["connection"] = json!({
                "secret": binding, "version": d.declared.object.data["status"]["engineVersion"],
            });
        }
        object
    };
    json!({ "objects": done.iter().map(one).collect::<Vec<_>>() })
}

/// Says what there is now, and what to do next.
pub(super) async fn finish(app: &App, cluster: &Cluster, done: &[Done]) {
    match app.printer.output() {
        Output::Json => app.printer.line(&Line::Result(result(done))),
        Output::Yaml => app.printer.value(&result(done)),
        Output::Name => done.iter().for_each(|d| app.printer.data(&d.declared.title())),
        Output::Table | Output::Wide => summary(app, cluster, done).await,
    }
}

async fn summary(app: &App, cluster: &Cluster, done: &[Done]) {
    let paint = app.printer.paint();
    let begun = done.iter().filter(|d| d.result.is_none());
    for one in begun {
        let state = if one.changed { "applied" } else { "as it was" };
        app.printer.data(&format!(
            "{}: {state}; the operator goes on",
            paint.strong(&one.declared.title())
        ));
    }
    let ready: Vec<&Done> = done.iter().filter(|d| matches!(d.result, Some(Ok(())))).collect();
    if !ready.is_empty() && ready.len() == done.len() && done.iter().all(|d| !d.changed) {
        let names: Vec<String> = ready.iter().map(|d| d.declared.title()).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        app.printer.data(&format!(
            "Nothing to do: {} {verb} as it should be.",
            names.join(", ")
        ));
        return;
    }
    for one in &ready {
        let head = paint.good(&format!("{} is ready", one.declared.title()));
        let status: DatabaseInstanceStatus = one.declared.status().unwrap_or_default();
        let mut facts: Vec<String> = status
            .engine_version
            .iter()
            .map(|v| format!("PostgreSQL {v}"))
            .collect();
        if let Ok(Some(servers)) = look::of(cluster, &one.declared).await {
            facts.push(look::sentence(&servers));
        }
        let facts = if facts.is_empty() {
            String::new()
        } else {
            format!(" ({})", facts.join(", "))
        };
        app.printer.data(&format!("{head}{facts}"));
        if let Some(binding) = &status.binding {
            let words = format!(
                "  for programs: the Secret {} of the namespace {}",
                binding.name,
                one.declared.namespace()
            );
            app.printer.data(&paint.dim(&words));
        }
    }
    if let Some(first) = ready.iter().find(|d| d.declared.kind == Kind::DatabaseInstance) {
        let name = first.declared.name();
        let next = [
            (format!("db connect {name}"), "an SQL prompt"),
            ("status".to_owned(), "how it is doing"),
            (format!("db delete {name}"), "delete it and keep the data"),
        ];
        app.printer.data("\nNext:");
        for (words, what) in next {
            let command = cluster.command(app, &words);
            let pad = 38usize.saturating_sub(command.len());
            app.printer.data(&format!(
                "  {}{:pad$}  {}",
                paint.name(&command),
                "",
                paint.dim(what)
            ));
        }
    }
}
