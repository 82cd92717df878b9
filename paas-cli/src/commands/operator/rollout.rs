//! Waiting for what was applied, with what is in its way in the words of those who know.

use std::time::Duration;

use kube::Client;
use paas_core::{
    error::{Class, Error},
    kube::Around,
};
use paas_operator::install::{Manifests, NAME, Options, selector};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    api::{Calls, DEFINITION, DEPLOYMENT},
    install::counted,
    tell::Teller,
};
use crate::codes::CLI_OPERATOR_UNREADY;

/// How often is looked.
const LOOK: Duration = Duration::from_secs(1);

/// How often those around are asked: some lists.
const ASK: u32 = 3;

/// Reasons of a container that wait for nothing but time.
const IN_TIME: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Waits until the API server serves our kinds.
///
/// # Errors
/// [`CLI_OPERATOR_UNREADY`] at the deadline; the API server's.
pub(super) async fn established(
    calls: &Calls,
    manifests: &Manifests,
    teller: &Teller,
    until: Instant,
) -> Result<(), Error> {
    for definition in &manifests.definitions {
        let name = definition.metadata.name.as_deref().unwrap_or_default();
        let key = format!("CustomResourceDefinition/{name}");
        loop {
            let there = calls.get(DEFINITION, "", name).await?.unwrap_or_default();
            if holds(&there, "Established") {
                break;
            }
            let why = condition(&there, "NamesAccepted").filter(|c| c["status"] == "False");
            let why = why.map_or("the API server does not serve it yet", |c| text(&c["message"]));
            teller.waits(&key, why);
            pause(&key, why, until).await?;
        }
    }
    Ok(())
}

/// Waits until every pod is of the present version and ready.
///
/// # Errors
/// [`CLI_OPERATOR_UNREADY`] at the deadline, with what is in the way; the API server's.
pub(super) async fn available(
    calls: &Calls,
    client: &Client,
    options: &Options,
    teller: &Teller,
    until: Instant,
) -> Result<(), Error> {
    let namespace = &options.namespace;
    let key = format!("Deployment/{namespace}/{NAME}");
    let mut because = None;
    for turn in 0_u32.. {
        let deployment = calls.get(DEPLOYMENT, namespace, NAME).await?.unwrap_or_default();
        let Some(waits) = waits(&deployment) else {
            teller.is_there(&key);
            return Ok(());
        };
        if turn % ASK == ASK - 1 {
            // Who may not look around is told what the Deployment says.
            let around = Around::of(client, namespace, NAME, &selector(namespace)).await;
            because = trouble(&deployment, &around.unwrap_or_default());
        }
        let why = because
            .as_ref()
            .map_or(waits.clone(), |b| format!("{waits}; {b}"));
        teller.waits(&key, &why);
        pause(&key, &why, until).await?;
    }
    Ok(())
}

async fn pause(key: &str, why: &str, until: Instant) -> Result<(), Error> {
    if Instant::now() >= until {
        return Err(Error::new(&CLI_OPERATOR_UNREADY, Class::TimedOut)
            .attempted(format!("wait for {key}"))
            .happened(why));
    }
    tokio::time::sleep(LOOK).await;
    Ok(())
}

/// What a Deployment waits for; `None` if it does not.
fn waits(deployment: &Value) -> Option<String> {
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    let number = |of: &Value| of.as_u64().unwrap_or(0);
    let wanted = number(&spec["replicas"]);
    if number(&status["observedGeneration"]) < number(&deployment["metadata"]["generation"]) {
        return Some("its controller has not seen it yet".to_owned());
    }
    let (updated, available) = (
        number(&status["updatedReplicas"]),
        number(&status["availableReplicas"]),
    );
    let all = number(&status["replicas"]);
    if updated < wanted {
        return Some(format!("{updated} of {wanted} pods are of this version"));
    }
    if all > updated {
        return Some(format!(
            "the end of {} of the former version",
            counted(usize::try_from(all - updated).unwrap_or(0), "pod")
        ));
    }
    (available < wanted).then(|| format!("{available} of {wanted} pods are ready"))
}

/// What keeps pods from getting ready, in the words of those who know: the container, the scheduler, the events, a quota.
fn trouble(deployment: &Value, around: &Around) -> Option<String> {
    if let Some(failed) = condition(deployment, "ReplicaFailure") {
        return Some(text(&failed["message"]).to_owned());
    }
    let living = |p: &&Value| p["metadata"]["deletionTimestamp"].is_null() && !holds(p, "Ready");
    let troubled: Vec<&Value> = around.pods.iter().filter(living).collect();
    let words = troubled.iter().find_map(|pod| Some((*pod, of_pod(pod)?)));
    if let Some((pod, words)) = words {
        return Some(format!("pod {}: {words}", text(&pod["metadata"]["name"])));
    }
    let about = |e: &&Value| {
        let name = &e["involvedObject"]["name"];
        e["type"] == "Warning" && troubled.iter().any(|p| p["metadata"]["name"] == *name)
    };
    let last = around.events.iter().rfind(about)?;
    let (pod, reason) = (text(&last["involvedObject"]["name"]), text(&last["reason"]));
    Some(format!("pod {pod}: {reason}: {}", text(&last["message"])))
}

fn of_pod(pod: &Value) -> Option<String> {
    let containers = pod["status"]["containerStatuses"]
        .as_array()
        .into_iter()
        .flatten();
    for container in containers {
        let waiting = &container["state"]["waiting"];
        let reason = text(&waiting["reason"]);
        if reason.is_empty() || IN_TIME.contains(&reason) {
            continue;
        }
        // Why it ended says more than that it is started again ever more rarely.
        let ended = &container["lastState"]["terminated"];
        let words = [&ended["message"], &waiting["message"]].map(text);
        let words = words.into_iter().find(|w| !w.is_empty()).unwrap_or_default();
        let code = ended["exitCode"].as_i64();
        let code = code.map_or(String::new(), |c| format!(", exit code {c}"));
        return Some(format!("{reason}{code}: {}", words.trim_end()));
    }
    let scheduled = condition(pod, "PodScheduled").filter(|c| c["status"] == "False");
    scheduled.map(|c| format!("{}: {}", text(&c["reason"]), text(&c["message"])))
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let all = object["status"]["conditions"].as_array()?;
    all.iter().find(|c| c["type"] == kind)
}

/// True if a condition of an object is true.
pub(super) fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|c| c["status"] == "True")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(status: Value) -> Value {
        json!({"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status})
    }

    #[test]
    fn a_deployment_is_there_when_every_pod_is_new_and_ready() {
        let of = |seen: u64, all: u64, updated: u64, available: u64| {
            waits(&deployment(json!({
                "observedGeneration": seen, "replicas": all, "updatedReplicas": updated, "availableReplicas": available,
            })))
        };
        assert_eq!(of(2, 2, 2, 2), None);
        assert_eq!(of(1, 2, 2, 2).unwrap(), "its controller has not seen it yet");
        assert_eq!(of(2, 3, 1, 2).unwrap(), "1 of 2 pods are of this version");
        assert_eq!(of(2, 3, 2, 3).unwrap(), "the end of 1 pod of the former version");
        assert_eq!(of(2, 2, 2, 1).unwrap(), "1 of 2 pods are ready");
        assert!(waits(&deployment(json!({}))).is_some());
    }

    fn pod(status: Value) -> Around {
        Around {
            pods: vec![json!({"metadata": {"name": "p"}, "status": status})],
            ..Around::default()
        }
    }

    #[test]
    fn what_is_in_the_way_is_told_in_the_words_of_who_knows() {
        let none = deployment(json!({}));
        let told = |around: &Around| trouble(&none, around);
        let waiting = |reason: &str, message: &str, last: Value| {
            pod(json!({"containerStatuses": [
                {"state": {"waiting": {"reason": reason, "message": message}}, "lastState": last},
            ]}))
        };
        let pull = waiting("ImagePullBackOff", "Back-off pulling image x", json!({}));
        assert_eq!(
            told(&pull).unwrap(),
            "pod p: ImagePullBackOff: Back-off pulling image x"
        );
        let crash = waiting(
            "CrashLoopBackOff",
            "back-off 10s",
            json!({"terminated": {"exitCode": 1, "message": "error: no cluster\n"}}),
        );
        assert_eq!(
            told(&crash).unwrap(),
            "pod p: CrashLoopBackOff, exit code 1: error: no cluster"
        );
        assert_eq!(told(&waiting("ContainerCreating", "", json!({}))), None);
        let nowhere = pod(json!({"conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"},
        ]}));
        assert_eq!(told(&nowhere).unwrap(), "pod p: Unschedulable: 0/1 nodes");
        let mut probed = pod(json!({"conditions": [{"type": "Ready", "status": "False"}]}));
        probed.events = vec![json!({
            "type": "Warning", "reason": "Unhealthy", "message": "probe failed", "involvedObject": {"name": "p"},
        })];
        assert_eq!(told(&probed).unwrap(), "pod p: Unhealthy: probe failed");
        let quota = deployment(
            json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]}),
        );
        assert_eq!(trouble(&quota, &Around::default()).unwrap(), "exceeded quota");
    }

    #[test]
    fn a_pod_that_ends_or_is_ready_is_in_nobodys_way() {
        let mut ready = pod(json!({"conditions": [{"type": "Ready", "status": "True"}]}));
        assert_eq!(trouble(&json!({}), &ready), None);
        ready.pods[0]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(trouble(&json!({}), &ready), None);
    }
}
