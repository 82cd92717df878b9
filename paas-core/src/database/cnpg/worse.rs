//! What pods, jobs, volumes and events say of a Cluster that does not get ready, before its own status does, or better than it.
//!
//! A Cluster waits in the phase `Setting up primary` for an image that does not exist or a node that has no room as long as it takes: it
//! is the pod that says so. Everything here is as Kubernetes lists it, and only what bears the Cluster's label ([`super::CLUSTER_LABEL`])
//! or is an event about one of these.

use serde_json::Value;

use super::{
    codes::{CNPG_BOOTSTRAP, CNPG_IMAGE, CNPG_STUCK, CNPG_UNSCHEDULABLE, CNPG_VOLUME},
    health::{broken, text},
};
use crate::resource::Health;

/// Reasons of a waiting container whose image does not come.
const IMAGE: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Reasons of a waiting container that will not start as it is.
const CONTAINER: &[&str] = &[
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// Reasons of events about a claim that gets no volume.
const VOLUME: &[&str] = &["ProvisioningFailed", "FailedBinding", "VolumeResizeFailed"];

/// The worst that is said, with the words of whoever says it; `None` if nothing is.
///
/// The cause comes before what follows from it: an image before the job that failed for want of it, a volume before the pod that waits
/// for it.
pub fn worse(pods: &[Value], jobs: &[Value], claims: &[Value], events: &[Value]) -> Option<Health> {
    pods.iter()
        .find_map(image)
        .or_else(|| claims.iter().find_map(|claim| volume(claim, events)))
        .or_else(|| pods.iter().find_map(|pod| unschedulable(pod, claims)))
        .or_else(|| jobs.iter().find_map(|job| failed(job, pods)))
        .or_else(|| pods.iter().find_map(container))
        .or_else(|| jobs.iter().chain(pods).find_map(|of| refused(of, events)))
}

fn image(pod: &Value) -> Option<Health> {
    let waiting = waiting(pod, IMAGE)?;
    Some(broken(&CNPG_IMAGE, waiting))
}

/// A container that ends again and again, or cannot begin.
fn container(pod: &Value) -> Option<Health> {
    if let Some(why) = waiting(pod, CONTAINER) {
        return Some(broken(&CNPG_STUCK, why));
    }
    let again = containers(pod).find(|c| c["state"]["waiting"]["reason"] == "CrashLoopBackOff")?;
    let last = &again["lastState"]["terminated"];
    let why = format!(
        "{}: {} ends again and again: {} {}",
        name(pod),
        text(&again["name"]),
        text(&last["reason"]),
        text(&last["message"])
    );
    Some(broken(&CNPG_STUCK, why.trim_end()))
}

/// A pod that no node takes. A scheduler that has not heard yet of a claim that is there looks again by itself.
fn unschedulable(pod: &Value, claims: &[Value]) -> Option<Health> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let condition = conditions
        .iter()
        .find(|c| c["type"] == "PodScheduled" && c["status"] == "False" && c["reason"] == "Unschedulable")?;
    let message = text(&condition["message"]);
    let unheard =
        |claim: &Value| message.contains(&format!("persistentvolumeclaim {:?} not found", name(claim)));
    if claims.iter().any(unheard) {
        return None;
    }
    Some(broken(&CNPG_UNSCHEDULABLE, format!("{}: {message}", name(pod))))
}

/// A job that failed, or fails again and again: it is tried six times more, with longer and longer pauses, before it counts as failed.
fn failed(job: &Value, pods: &[Value]) -> Option<Health> {
    let status = &job["status"];
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    let condition = conditions.find(|c| c["type"] == "Failed" && c["status"] == "True");
    let mut why = match (condition, status["failed"].as_u64()) {
        (Some(condition), _) => format!("the job {} failed: {}", name(job), text(&condition["message"])),
        (None, Some(times)) if times > 1 && status["succeeded"].as_u64().unwrap_or(0) == 0 => {
            format!("the job {} failed {times} times", name(job))
        }
        (None, _) => return None,
    };
    let of_job = |pod: &&Value| pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == name(job);
    let ended = pods.iter().filter(of_job).flat_map(containers);
    let words: Vec<&str> = ended
        .map(|c| text(&c["state"]["terminated"]["message"]).trim())
        .filter(|m| !m.is_empty())
        .collect();
    if let Some(last) = words.last() {
        why = format!("{why}: {last}");
    }
    Some(broken(&CNPG_BOOTSTRAP, why))
}

/// The last error in the log of a job's pod, with what PostgreSQL itself said of it. CloudNativePG leaves no words in a pod's status, so
/// whoever reads logs may put them there for [`worse`], as `state.terminated.message`. The log has a JSON object a line; at its end may stand
/// what `cobra` prints.
pub fn last_words(log: &str) -> Option<String> {
    let words = log.lines().rev().find_map(|line| {
        if let Some(words) = line.strip_prefix("Error: ") {
            return Some(words.to_owned());
        }
        let line: Value = serde_json::from_str(line).ok()?;
        let error = line["error"].as_str().filter(|_| line["level"] == "error")?;
        Some(error.to_owned())
    })?;
    Some(match fatal(log) {
        Some(why) => format!("{words}: {why}"),
        None => words,
    })
}

/// Why PostgreSQL did not start, as `pg_ctl` passed it on. Of its settings the server says at the end only that there are errors; which,
/// stands before that.
fn fatal(log: &str) -> Option<String> {
    let (mut before, mut why) = (None, None);
    for line in log.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let message = text(&line["msg"]);
        if let Some((_, words)) = message.split_once("FATAL:  ") {
            let settings = words.ends_with("contains errors");
            why = before.take().filter(|_| settings).or(Some(words.to_owned()));
        } else if let Some((_, words)) = message.split_once("LOG:  ") {
            before = Some(words.to_owned());
        }
    }
    why
}

/// A claim that waits for a volume, if an event tells why it gets none. That it waits for its first pod is no failure.
fn volume(claim: &Value, events: &[Value]) -> Option<Health> {
    if claim["status"]["phase"] != "Pending" {
        return None;
    }
    let event = about(claim, "PersistentVolumeClaim", events)
        .filter(|e| VOLUME.contains(&text(&e["reason"])))
        .last()?;
    let why = format!("the volume {}: {}", name(claim), text(&event["message"]));
    Some(broken(&CNPG_VOLUME, why))
}

/// What the API server refused to be made for it: a quota, an admission policy.
fn refused(of: &Value, events: &[Value]) -> Option<Health> {
    let event = about(of, "", events)
        .filter(|e| e["type"] == "Warning" && e["reason"] == "FailedCreate")
        .last()?;
    let why = format!("{}: {}", name(of), text(&event["message"]));
    Some(broken(&CNPG_UNSCHEDULABLE, why))
}

fn about<'a>(object: &'a Value, kind: &'a str, events: &'a [Value]) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| {
        let of = &event["involvedObject"];
        of["name"] == object["metadata"]["name"] && (kind.is_empty() || of["kind"] == kind)
    })
}

fn waiting(pod: &Value, reasons: &[&str]) -> Option<String> {
    let mut found = containers(pod).filter(|c| reasons.contains(&text(&c["state"]["waiting"]["reason"])));
    let container = found.next()?;
    let state = &container["state"]["waiting"];
    let message = text(&state["message"]);
    let reason = text(&state["reason"]);
    let image = text(&container["image"]);
    Some(format!("{}: {reason} of {image}: {message}", name(pod)))
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .filter_map(|list| pod["status"][list].as_array())
        .flatten()
}

fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}
