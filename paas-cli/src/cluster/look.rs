//! How an object of a cluster is doing, in the words and the shape of this machine.

use paas_core::{
    error::{Class, Error},
    kube::{
        Declared,
        servers::{self, Servers},
        standing::{self, Stand},
    },
    spec::{ConditionStatus, Kind, Runtime},
};

use super::Cluster;
use crate::commands::status::{Condition, Standing, State};

/// The conditions that say where an object stands as a whole.
const WHOLE: [&str; 5] = ["Ready", "Progressing", "Stalled", "Paused", "Deleting"];

/// How an object is doing, with its servers where there are some.
pub(super) async fn standing(cluster: &Cluster, declared: &Declared) -> Result<Standing, Error> {
    let servers = match declared.kind {
        // Who may read our objects and not CloudNativePG's is told less.
        Kind::DatabaseInstance => match of(cluster, declared).await {
            Err(error) if error.class() == Class::Denied => None,
            servers => servers?,
        },
        Kind::Platform | Kind::DatabaseBackup => None,
    };
    Ok(in_words(declared, servers))
}

/// The servers of a database.
pub(super) async fn of(cluster: &Cluster, declared: &Declared) -> Result<Option<Servers>, Error> {
    let runtime = serde_json::from_value(declared.object.data["status"]["runtime"].clone());
    let Ok::<Runtime, _>(runtime) = runtime else {
        return Ok(None);
    };
    servers::look(&cluster.client, declared.namespace(), declared.name(), runtime).await
}

pub(super) fn in_words(declared: &Declared, servers: Option<Servers>) -> Standing {
    let said = standing::of(declared);
    let stopped = declared.object.data["spec"]["stopped"] == true;
    let state = match said.stand {
        Stand::Ready if stopped => State::Stopped,
        Stand::Ready => State::Ready,
        Stand::Unseen | Stand::Progressing => State::Progressing,
        Stand::Stalled => State::Blocked,
        Stand::Paused => State::Paused,
        Stand::Deleting => State::Deleting,
    };
    let mut reason = said.message.clone();
    if let Some(words) = servers.as_ref().map(sentence) {
        reason += &format!("; {words}");
    }
    let conditions = declared.conditions();
    let stages = conditions.iter().filter(|c| c.status != ConditionStatus::True);
    let stages = stages.filter_map(|c| c.type_.strip_suffix("Ready").filter(|s| !s.is_empty()));
    let beside = conditions.iter().filter(|c| {
        c.status == ConditionStatus::True && !WHOLE.contains(&c.type_.as_str()) && !c.type_.ends_with("Ready")
    });
    Standing {
        kind: declared.kind.to_string(),
        namespace: declared.namespace().to_owned(),
        name: declared.name().to_owned(),
        uid: declared.uid().to_owned(),
        state,
        codes: standing::codes(&reason).into_iter().map(str::to_owned).collect(),
        reason,
        since: said.since,
        waits_for: stages.map(str::to_lowercase).collect(),
        conditions: beside
            .map(|c| Condition {
                type_: c.type_.clone(),
                status: "True",
                message: c.message.clone(),
            })
            .collect(),
        listing: Vec::new(),
        storage: None,
        servers,
    }
}

/// What there is to say of servers, in a clause.
pub(super) fn sentence(servers: &Servers) -> String {
    let mut words = format!("{} of {} servers ready", servers.ready, servers.wanted);
    if servers.wanted == 1 {
        words = if servers.ready == 1 {
            "its server is ready"
        } else {
            "its server is not ready"
        }
        .to_owned();
    }
    match (&servers.primary, &servers.target) {
        (Some(primary), Some(target)) => words += &format!(", primary {primary}, moving to {target}"),
        (Some(primary), None) => words += &format!(", primary {primary}"),
        (None, _) => {}
    }
    words
}
