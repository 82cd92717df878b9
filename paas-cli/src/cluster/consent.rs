//! A person's word about data in a cluster: the steps that wait for it are shown, and the annotation is their hash.

use paas_core::{
    error::Error,
    kube::{Declared, declare},
    spec::BlockedStatus,
};

use super::Cluster;
use crate::{
    app::App,
    args::{Act, Output},
    ui::ask,
};

/// The annotation by which an operator is told.
const CONSENT: &str = paas_operator::CONSENT;

/// The steps that an object waits for its owner's word with.
pub(super) fn asked(declared: &Declared) -> Option<BlockedStatus> {
    serde_json::from_value(declared.object.data["status"]["blocked"].clone()).ok()
}

/// Makes sure that the loss of an object's data was agreed to, by flag or by its name typed in full.
pub(super) fn confirmed(app: &App, act: &Act, name: &str) -> Result<(), Error> {
    if act.confirm.iter().any(|n| n == name) {
        return Ok(());
    }
    if !ask::possible(app.global.no_input) {
        return Err(ask::nobody(&format!("delete the data of {name}"))
            .happened("nothing was changed: data goes only with the object's name, typed in full")
            .remedy(format!("add --confirm {name} if it may be lost for good")));
    }
    let paint = app.printer.talk_paint();
    let question = paint.bad(&format!(
        "All data of {name} is deleted for good. Type {name} to agree:"
    ));
    ask::type_name(&app.printer, &app.interrupt, &question, name)
}

/// Shows the steps, asks where that was not done, and gives the object the word for just these steps. False if it has it already.
pub(super) async fn give(
    app: &App,
    cluster: &Cluster,
    act: &Act,
    declared: &Declared,
    steps: &BlockedStatus,
) -> Result<bool, Error> {
    if declared.annotation(CONSENT) == Some(steps.plan_hash.as_str()) {
        return Ok(false);
    }
    if app.printer.output() != Output::Json {
        let paint = app.printer.talk_paint();
        app.printer
            .talk(&paint.strong(&format!("{} waits for your word:", declared.title())));
        for step in &steps.steps {
            let line = format!("  {} {}: {}", step.verb, step.key, step.reason);
            app.printer.talk(&paint.bad(&line));
        }
    }
    confirmed(app, act, declared.name())?;
    declare::annotate(&cluster.client, declared, &[(CONSENT, Some(&steps.plan_hash))]).await?;
    Ok(true)
}
