//! `paas db show` in a cluster.

use std::fmt::Write;

use paas_core::{kube::Declared, spec::DatabaseInstanceStatus};
use serde_json::{Value, json};

use super::{Cluster, look, spec};
use crate::{
    app::App,
    args::Output,
    commands::{db::show::declared_fields, status::Standing},
    exit::{Exit, Failure},
    ui::printer::yaml,
};

pub(crate) async fn run(app: &App, cluster: &Cluster, name: &str) -> Result<Exit, Failure> {
    let declared = cluster.database(name).await?;
    let standing = look::standing(cluster, &declared).await?;
    let printer = &app.printer;
    match printer.output() {
        Output::Yaml => printer.data(&yaml(&declared.document()?)),
        Output::Json => printer.value(&value(&declared, &standing)?),
        Output::Name => printer.data(name),
        Output::Table | Output::Wide => printer.data(&text(app, &declared, &standing)?),
    }
    Ok(Exit::Done)
}

fn value(declared: &Declared, standing: &Standing) -> Result<Value, Failure> {
    let mut value = declared.document()?.to_json();
    let observed = &declared.object.data["status"];
    value["status"] = json!(standing);
    value["status"]["version"] = observed["engineVersion"].clone();
    value["status"]["runtime"] = observed["runtime"].clone();
    value["status"]["secret"] = observed["binding"]["name"].clone();
    value["status"]["blocked"] = observed["blocked"].clone();
    Ok(value)
}

fn text(app: &App, declared: &Declared, standing: &Standing) -> Result<String, Failure> {
    let (paint, spec) = (app.printer.paint(), spec(declared)?);
    let status: DatabaseInstanceStatus = declared.status()?;
    let mut out = String::new();
    let mut field = |name: &str, text: &str| {
        let _ = writeln!(out, "{}  {text}", paint.dim(&format!("{name:10}")));
    };
    field("name", &paint.strong(declared.name()));
    field("namespace", declared.namespace());
    field("state", &format!("{:?}: {}", standing.state, standing.reason));
    if let Some(since) = standing.since {
        field("since", &format!("{since:.0}"));
    }
    if let Some(version) = &status.engine_version {
        field("engine", &format!("PostgreSQL {version}"));
    }
    if let Some(servers) = &standing.servers {
        field("servers", &look::sentence(servers));
        if let Some(timeline) = servers.timeline {
            field("timeline", &timeline.to_string());
        }
    }
    if let Some(runtime) = status.runtime {
        let said = standing.servers.as_ref().and_then(|s| s.phase.as_ref());
        let said = said.map_or(String::new(), |phase| format!(", which says: {phase}"));
        field("runtime", &format!("{runtime:?}{said}"));
    }
    if let Some(binding) = &status.binding {
        field("secret", &paint.name(&binding.name));
    }
    if let Some(platform) = &spec.platform_ref {
        field("platform", &platform.name);
    }
    let size = spec.storage.size.as_str();
    let class = spec
        .storage
        .class
        .as_ref()
        .map_or(String::new(), |c| format!(" of the class {c}"));
    field("storage", &format!("{size} for each server{class}"));
    for step in status.blocked.iter().flat_map(|b| &b.steps) {
        field("consent", &format!("{} {}: {}", step.verb, step.key, step.reason));
    }
    if let Some(code) = standing.codes.first() {
        field("note", &format!("paas explain {code}"));
    }
    declared_fields(&spec, &mut field);
    Ok(out)
}
