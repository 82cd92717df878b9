//! How a Cluster, a role or a database does, by what CloudNativePG says in its status.
//!
//! A Cluster's `status.phase` is a sentence (`api/v1/cluster_types.go` of 1.30.0), and its condition `Ready` is true in one phase only.
//! A phase does not say which generation of the spec it speaks of: what can be compared is.

use serde_json::Value;

use super::{
    cluster::HIBERNATION,
    codes::{CNPG_BOOTSTRAP, CNPG_CONTENT, CNPG_IMAGE, CNPG_STUCK, CNPG_VERSION},
    steps::SESSION,
};
use crate::{codes::Code, resource::Health};

/// The annotation that takes servers out of service, as a JSON list of their names or `["*"]`.
pub const FENCED: &str = "cnpg.io/fencedInstances";

/// The phase of a Cluster that does well.
const HEALTHY: &str = "Cluster in healthy state";

/// The phase of a Cluster that is beyond CloudNativePG's help.
const UNRECOVERABLE: &str = "Cluster is unrecoverable and needs manual intervention";

/// Phases that end by a person's hand only, with the code that explains each.
const TERMINAL: &[(&str, &Code)] = &[
    (UNRECOVERABLE, &CNPG_STUCK),
    ("Waiting for user action", &CNPG_STUCK),
    ("Not enough disk space", &CNPG_STUCK),
    ("Invalid cluster definition", &CNPG_STUCK),
    ("Unable to create required cluster objects", &CNPG_STUCK),
    ("Cluster has incomplete or invalid image catalog", &CNPG_VERSION),
    (
        "Cluster cannot execute instance online upgrade due to missing architecture binary",
        &CNPG_STUCK,
    ),
    (
        "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
        &CNPG_STUCK,
    ),
    (
        "Cluster cannot proceed to reconciliation due to an error while interacting with plugins",
        &CNPG_STUCK,
    ),
];

/// How a `Cluster` does. A hibernated one that is to be hibernated is ready: nothing is left to be done.
pub fn of_cluster(object: &Value) -> Health {
    if object["metadata"]["annotations"][HIBERNATION] == "on" {
        return hibernating(object);
    }
    let status = &object["status"];
    if let Some(fenced) = fenced(object) {
        return broken(
            &CNPG_STUCK,
            format!("{fenced} is fenced by the annotation {FENCED}"),
        );
    }
    let phase = text(&status["phase"]);
    let said = sentence(phase, text(&status["phaseReason"]));
    if let Some((_, code)) = TERMINAL.iter().find(|(terminal, _)| *terminal == phase) {
        let bootstrap = phase == UNRECOVERABLE && said.contains("Instance creation failed");
        return broken(if bootstrap { &CNPG_BOOTSTRAP } else { code }, said);
    }
    match phase {
        "" => settling("CloudNativePG has not looked at it yet; is its operator running?"),
        HEALTHY => healthy(object),
        _ => settling(progress(status, said)),
    }
}

/// How a `Database` or a `DatabaseRole` does.
pub fn of_content(object: &Value) -> Health {
    let status = &object["status"];
    let message = text(&status["message"]);
    match status["applied"].as_bool() {
        Some(false) if is_passing(message) => settling(message),
        Some(false) => broken(&CNPG_CONTENT, refused(status, message)),
        Some(true) if is_applied(object) => session(object),
        Some(true) => settling("its change is not applied yet"),
        None if message.is_empty() => settling("no server has taken it up yet"),
        None => settling(message),
    }
}

/// How a `Pooler` does, as far as it says itself: whether its pods answer is said by its Deployment.
pub fn of_pooler(object: &Value) -> Health {
    let (spec, status) = (&object["spec"], &object["status"]);
    let reason = text(&status["phaseReason"]);
    match text(&status["phase"]) {
        "failed" => broken(&CNPG_IMAGE, reason.to_owned()),
        "active" | "paused" if status["instances"].as_u64() == spec["instances"].as_u64() => Health::Ready,
        "active" | "paused" => settling("its pods come and go"),
        "" => settling("CloudNativePG has not looked at it yet"),
        phase => settling(format!("{phase}: {reason}")),
    }
}

/// True if PostgreSQL has it as the object says now.
pub(super) fn is_applied(object: &Value) -> bool {
    let status = &object["status"];
    let observed = status["observedGeneration"].as_i64();
    status["applied"] == true
        && observed.is_some()
        && observed == object["metadata"]["generation"].as_i64()
        && password_is_taken(status)
}

/// A login role is of use once its sessions begin as its owner role: what they made before would be its own.
fn session(object: &Value) -> Health {
    let login = object["spec"]["login"] == true && object["spec"]["inRoles"].is_array();
    if login && object["metadata"]["annotations"][SESSION].is_null() {
        return settling("its sessions do not begin as its owner role yet");
    }
    Health::Ready
}

/// True if no server of the Cluster is to run.
pub fn is_hibernated(object: &Value) -> bool {
    object["metadata"]["annotations"][HIBERNATION] == "on"
}

/// The phase is the former one while a change has not been looked at; of what a status repeats, that is seen.
fn healthy(object: &Value) -> Health {
    let (spec, status) = (&object["spec"], &object["status"]);
    let (wanted, ready) = (spec["instances"].as_u64(), status["readyInstances"].as_u64());
    if let Some(wanted) = wanted
        && (ready != Some(wanted) || status["instances"].as_u64() != Some(wanted))
    {
        let ready = ready.unwrap_or(0);
        return settling(format!("{ready} of {wanted} servers are ready"));
    }
    let (wanted, runs) = (text(&spec["imageName"]), text(&status["image"]));
    if !wanted.is_empty() && !runs.is_empty() && wanted != runs {
        return settling(format!("it runs {runs} and is to run {wanted}"));
    }
    if let (primary, target) = (text(&status["currentPrimary"]), text(&status["targetPrimary"]))
        && primary != target
    {
        return settling(format!("{target} takes over from {primary}"));
    }
    Health::Ready
}

/// True if its servers are stopped, or will be as soon as they do well: CloudNativePG stops none that does not.
pub(super) fn is_at_rest(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let condition = conditions.and_then(|all| all.iter().find(|c| c["type"] == HIBERNATION));
    is_hibernated(object)
        && condition.is_some_and(|c| c["status"] == "True" || c["reason"] == "WaitingForHealthy")
}

/// While it hibernates the phase is the last one before; the condition tells how far it is.
fn hibernating(object: &Value) -> Health {
    let conditions = object["status"]["conditions"].as_array();
    let condition = conditions.and_then(|all| all.iter().find(|c| c["type"] == HIBERNATION));
    match condition {
        Some(c) if c["status"] == "True" => Health::Ready,
        Some(c) => settling(text(&c["message"])),
        None => settling("CloudNativePG has not begun to stop the servers yet"),
    }
}

/// The servers that are fenced, if nobody can write while they are: all of them, or the primary.
fn fenced(object: &Value) -> Option<String> {
    let text = object["metadata"]["annotations"][FENCED].as_str()?;
    let names: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    let primary = object["status"]["currentPrimary"].as_str();
    if names.iter().any(|n| n == "*") {
        return Some("every server".to_owned());
    }
    names.into_iter().find(|n| Some(n.as_str()) == primary)
}

fn progress(status: &Value, said: String) -> String {
    let (ready, all) = (status["readyInstances"].as_u64(), status["instances"].as_u64());
    match all {
        Some(all) if all > 0 => format!("{said} ({} of {all} servers ready)", ready.unwrap_or(0)),
        _ => said,
    }
}

/// What each extension was refused for stands beside the message of the database.
fn refused(status: &Value, message: &str) -> String {
    let parts = status["extensions"].as_array();
    let failed = parts.into_iter().flatten().filter(|e| e["applied"] == false);
    let told: Vec<String> = failed
        .map(|e| format!("{}: {}", text(&e["name"]), text(&e["message"])))
        .filter(|one| !message.contains(one.as_str()))
        .collect();
    [vec![message.to_owned()], told].concat().join("; ")
}

/// A password is applied when the version of its Secret that CloudNativePG saw last is the one that PostgreSQL was given.
fn password_is_taken(status: &Value) -> bool {
    let conditions = status["conditions"].as_array();
    let change = conditions.and_then(|all| all.iter().find(|c| c["type"] == "PasswordSecretChange"));
    change.is_none_or(|c| c["message"] == status["secretResourceVersion"])
}

/// Refusals that end by themselves: what is needed is on its way, or the server is.
fn is_passing(message: &str) -> bool {
    [
        "not found",
        // A server may read a password only once CloudNativePG has seen whose it is.
        "is forbidden: User",
        "does not exist",
        "while getting DB connection",
        "failed to connect",
        "connection refused",
        "waiting for the cluster to become primary",
        "the database system is",
    ]
    .iter()
    .any(|words| message.contains(words))
        && !message.contains("extension")
}

fn sentence(phase: &str, reason: &str) -> String {
    match reason.trim() {
        "" => phase.to_owned(),
        reason => format!("{phase}: {reason}"),
    }
}

fn settling(why: impl Into<String>) -> Health {
    Health::Settling { why: why.into() }
}

pub(super) fn broken(code: &'static Code, why: impl Into<String>) -> Health {
    let (why, code) = (why.into(), Some(code));
    Health::Broken { why, code }
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
