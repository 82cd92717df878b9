//! `paas db restart` and `paas db switchover` in a cluster: asked for by annotation, answered in the status.

use std::{ops::ControlFlow, time::Duration};

use jiff::Timestamp;
use kube::{Api, api::DynamicObject, core::ApiResource};
use paas_core::{
    clock::{Clock, SystemClock},
    error::{Class, Error},
    event::Event,
    kube::{
        Declared, declare, fault,
        standing::{Stand, Standing},
    },
};
use paas_operator::{RESTART, SWITCHOVER};
use serde_json::{Value, json};

use super::{
    Cluster,
    follow::{Watch, moving, stalled, vanished},
    look,
};
use crate::{
    app::App,
    args::{DbRestart, DbSwitchover, Output},
    codes::CLI_REQUEST,
    exit::{Exit, Failure},
    ui::{
        ask,
        progress::{Line, Progress},
    },
};

/// A word that no request had before: the time.
pub(super) fn word() -> String {
    let now: Timestamp = SystemClock.now();
    now.strftime("%Y%m%dT%H%M%S.%fZ").to_string()
}

pub(crate) async fn restart(app: &App, cluster: &Cluster, args: &DbRestart) -> Result<Exit, Failure> {
    let declared = cluster.database(&args.name).await?;
    let question = format!("Clients of {} are cut off for a moment. Restart?", args.name);
    agreed(app, args.yes, &format!("restart {}", declared.title()), &question)?;
    let word = word();
    let seen = answered(app, cluster, &declared, (RESTART, "restart"), &word, args.timeout).await?;
    let servers = look::of(cluster, &seen).await?;
    let words = servers
        .as_ref()
        .map_or(String::new(), |s| format!("; {}", look::sentence(s)));
    tell(
        app,
        &seen,
        &format!("{} was restarted{words}.", args.name),
        json!({"restarted": args.name, "servers": servers}),
    );
    Ok(Exit::Done)
}

pub(crate) async fn switchover(app: &App, cluster: &Cluster, args: &DbSwitchover) -> Result<Exit, Failure> {
    let declared = cluster.database(&args.name).await?;
    let (primary, to) = standby(cluster, &declared, args.to.as_deref()).await?;
    let question = format!(
        "{to} becomes the primary instead of {primary}; clients that write are cut off for a moment. Do it?"
    );
    agreed(
        app,
        args.yes,
        &format!("switch {} over", declared.title()),
        &question,
    )?;
    let request = format!("{to} {}", word());
    let seen = answered(
        app,
        cluster,
        &declared,
        (SWITCHOVER, "switchover"),
        &request,
        args.timeout,
    )
    .await?;
    let servers = look::of(cluster, &seen).await?;
    let now = servers.and_then(|s| s.primary).unwrap_or_default();
    tell(
        app,
        &seen,
        &format!("{now} is the primary of {}; before, it was {primary}.", args.name),
        json!({"from": primary, "to": now}),
    );
    Ok(Exit::Done)
}

fn agreed(app: &App, yes: bool, attempt: &str, question: &str) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if !ask::possible(app.global.no_input) {
        return Err(ask::nobody(attempt)
            .happened("nothing was changed: clients are cut off for a moment, and nobody to ask")
            .remedy("run the same command with --yes"));
    }
    ask::agree(&app.printer, &app.interrupt, question)
}

/// The primary, and the pod that is to take its place: the one that is named, or the first standby that does well.
async fn standby(
    cluster: &Cluster,
    declared: &Declared,
    named: Option<&str>,
) -> Result<(String, String), Error> {
    let cannot = |why: String| {
        Error::new(&CLI_REQUEST, Class::Blocked)
            .attempted(format!("switch {} over", declared.title()))
            .happened(why)
            .remedy("see the servers with `paas db show NAME --cluster`; more of them with `paas db set NAME --replicas N`")
    };
    if declared.object.data["status"]["runtime"] != "CloudNativePG" {
        return Err(cannot(
            "only CloudNativePG has standbys that can take over".to_owned(),
        ));
    }
    let resource = ApiResource {
        group: "postgresql.cnpg.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "postgresql.cnpg.io/v1".to_owned(),
        kind: "Cluster".to_owned(),
        plural: "clusters".to_owned(),
    };
    let api: Api<DynamicObject> =
        Api::namespaced_with(cluster.client.clone(), declared.namespace(), &resource);
    let found = api.get_opt(declared.name()).await;
    let found =
        found.map_err(|e| fault::of(&format!("read the servers of {}", declared.title()), false, e))?;
    let status = found.map_or(Value::Null, |c| c.data["status"].clone());
    let primary = status["currentPrimary"].as_str().unwrap_or_default().to_owned();
    let healthy = status["instancesStatus"]["healthy"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let standbys: Vec<&str> = healthy
        .iter()
        .filter_map(Value::as_str)
        .filter(|p| *p != primary)
        .collect();
    match (named, standbys.first()) {
        (Some(named), _) if named == primary => Err(cannot(format!("{named} is the primary already"))),
        (Some(named), _) if standbys.contains(&named) => Ok((primary, named.to_owned())),
        (Some(named), Some(_)) => Err(cannot(format!(
            "{named} is no standby that is ready; those are: {}",
            standbys.join(", ")
        ))),
        (None, Some(first)) => Ok((primary, (*first).to_owned())),
        (_, None) => Err(cannot("there is no standby that is ready".to_owned())),
    }
}

/// Asks by annotation and waits until the status answers just this request and the object is ready again.
async fn answered(
    app: &App,
    cluster: &Cluster,
    declared: &Declared,
    (annotation, field): (&str, &str),
    request: &str,
    patience: Duration,
) -> Result<Declared, Error> {
    let progress = Progress::new(app.printer.clone());
    let mut watch = Watch::begin(app, cluster, &progress, declared.clone()).await;
    let declared = declare::annotate(&cluster.client, declared, &[(annotation, Some(request))]).await?;
    let waits = watch.until(
        patience,
        || Err(vanished(&declared)),
        async |seen: &Declared, said: &Standing, _: &[Event]| {
            if matches!(said.stand, Stand::Stalled | Stand::Paused) {
                return Err(stalled(seen, said));
            }
            let answers = &seen.object.data["status"]["requests"];
            let done = answers[field] == request;
            if let (true, Some(why)) = (done, answers["refused"].as_str()) {
                return Err(Error::new(&CLI_REQUEST, Class::Blocked)
                    .attempted(format!("{field} of {}", seen.title()))
                    .happened(why));
            }
            Ok(match done && said.stand == Stand::Ready {
                true => ControlFlow::Break(seen.clone()),
                false => ControlFlow::Continue(()),
            })
        },
    );
    moving(&progress, waits).await
}

fn tell(app: &App, seen: &Declared, sentence: &str, value: Value) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json => printer.line(&Line::Result(value)),
        Output::Yaml => printer.value(&value),
        Output::Name => printer.data(seen.name()),
        Output::Table | Output::Wide => printer.data(sentence),
    }
}
