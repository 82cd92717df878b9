//! `paas cluster show`.

use paas_core::installer::{
    examine::{self, Member},
    login::Login as _,
};
use serde::Serialize;

use super::{meant, open};
use crate::{
    app::App,
    args::{ClusterAt, Output},
    exit::{Exit, Failure},
    ui::table::table,
};

/// A cluster, for people and programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    platform: String,
    endpoint: String,
    nodes: Vec<Member>,
}

pub(crate) async fn run(app: &App, at: &ClusterAt) -> Result<Exit, Failure> {
    let session = open(app)?;
    let meta = meant(&session, at.name.as_deref())?;
    let made = session.made(&meta.namespace, &meta.name).await?;
    let client = made.login.client(&made.access).await?;
    let shown = Shown {
        platform: meta.name,
        endpoint: made.access.endpoint.clone(),
        nodes: examine::members(&client).await?,
    };
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&serde_json::json!(shown)),
        Output::Name => shown.nodes.iter().for_each(|n| printer.data(&n.name)),
        Output::Table | Output::Wide => {
            let paint = printer.paint();
            let head = format!("The cluster of {} at {}", shown.platform, shown.endpoint);
            printer.data(&paint.strong(&head));
            let rows = shown.nodes.iter().map(|n| {
                let state = match n.cordoned {
                    true => format!("{}, takes no new pods", n.state),
                    false => n.state.clone(),
                };
                vec![
                    n.name.clone(),
                    state,
                    n.version.clone(),
                    n.address.clone(),
                    n.system.clone(),
                ]
            });
            printer.data(table(&["NODE", "STATE", "VERSION", "ADDRESS", "SYSTEM"], rows).trim_end());
        }
    }
    Ok(Exit::Done)
}
