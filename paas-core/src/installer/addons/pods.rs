//! What the pods of an addon say that does not get ready, and the events about them.

use serde_json::Value;

use crate::{
    installer::codes::{INS_IMAGE, INS_POD},
    kube::Around,
    resource::Health,
};

/// Reasons of a container that waits for its image.
const IMAGE: [&str; 4] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "RegistryUnavailable",
    "ImageInspectError",
];

/// Reasons of a container whose image will never come.
const NEVER: [&str; 2] = ["InvalidImageName", "ErrImageNeverPull"];

/// Reasons of a container that cannot be made as it is asked for: a file of a Secret, a path of the machine.
const MADE: [&str; 3] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// So often a container may end before that is more than a beginning: what it needs may start at the same time.
const ENDS: u64 = 5;

/// How pods do, in the words of whoever knows best; `None` if nothing is said. `patient` is true for what is young: what fails at first
/// may be on its way.
///
/// The cause comes before what follows from it: an image before the pod that ends for want of another one.
pub fn judge(around: &Around, patient: bool) -> Option<Health> {
    let pods = &around.pods;
    pods.iter()
        .find_map(|pod| image(pod, patient))
        .or_else(|| pods.iter().find_map(|pod| container(pod, patient)))
        .or_else(|| pods.iter().find_map(unscheduled))
        .or_else(|| pods.iter().find_map(|pod| told(pod, &around.events)))
}

fn image(pod: &Value, patient: bool) -> Option<Health> {
    if let Some(why) = waiting(pod, &NEVER) {
        return Some(broken(&INS_IMAGE, why));
    }
    let why = waiting(pod, &IMAGE)?;
    Some(if patient {
        settling(why)
    } else {
        broken(&INS_IMAGE, why)
    })
}

fn container(pod: &Value, patient: bool) -> Option<Health> {
    if let Some(why) = waiting(pod, &MADE) {
        return Some(if patient {
            settling(why)
        } else {
            broken(&INS_POD, why)
        });
    }
    let again = containers(pod).find(|c| c["state"]["waiting"]["reason"] == "CrashLoopBackOff")?;
    let (times, last) = (
        again["restartCount"].as_u64().unwrap_or_default(),
        &again["lastState"]["terminated"],
    );
    let words = [text(&last["reason"]), text(&last["message"]).trim()].join(" ");
    let code = last["exitCode"].as_i64().unwrap_or_default();
    let why = format!(
        "{}: {} has ended {times} times, the last time with {code}: {}",
        name(pod),
        text(&again["name"]),
        words.trim()
    );
    Some(if times < ENDS {
        settling(why)
    } else {
        broken(&INS_POD, why)
    })
}

/// A pod that no node takes. Nodes come, so it is never more than a wait.
fn unscheduled(pod: &Value) -> Option<Health> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let no = conditions
        .iter()
        .find(|c| c["type"] == "PodScheduled" && c["status"] == "False")?;
    let message = text(&no["message"]);
    Some(settling(match message.contains("node.kubernetes.io/not-ready") {
        true => format!("{}: no node is ready yet", name(pod)),
        false => format!("{}: no node takes it: {message}", name(pod)),
    }))
}

/// The last warning about a pod that has begun and is not ready: its volumes, its network, its probes.
fn told(pod: &Value, events: &[Value]) -> Option<Health> {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|c| c["type"] == "Ready" && c["status"] == "True");
    if ready.next().is_some() {
        return None;
    }
    let warning = events
        .iter()
        .rev()
        .find(|e| e["type"] == "Warning" && e["involvedObject"]["name"] == pod["metadata"]["name"])?;
    Some(settling(format!(
        "{}: {}: {}",
        name(pod),
        text(&warning["reason"]),
        text(&warning["message"]).trim()
    )))
}

fn waiting(pod: &Value, reasons: &[&str]) -> Option<String> {
    let of = |c: &Value| {
        let waiting = &c["state"]["waiting"];
        let reason = waiting["reason"].as_str().filter(|r| reasons.contains(r))?;
        let message = text(&waiting["message"]);
        Some(format!(
            "{}: {} of {}: {reason}: {message}",
            name(pod),
            text(&c["name"]),
            text(&c["image"])
        ))
    };
    containers(pod).find_map(of)
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let of = |part: &str| pod["status"][part].as_array().into_iter().flatten();
    of("initContainerStatuses").chain(of("containerStatuses"))
}

fn name(of: &Value) -> &str {
    text(&of["metadata"]["name"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn settling(why: String) -> Health {
    Health::Settling { why }
}

fn broken(code: &'static crate::codes::Code, why: String) -> Health {
    let code = Some(code);
    Health::Broken { why, code }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn around(status: Value) -> Around {
        let pod = json!({"metadata": {"name": "p"}, "status": status});
        let event = json!({"type": "Warning", "reason": "FailedMount", "message": "no such path", "involvedObject": {"name": "p"}});
        Around {
            pods: vec![pod],
            events: vec![event],
            ..Around::default()
        }
    }

    fn state(reason: &str, times: u64) -> Value {
        json!({"containerStatuses": [{
            "name": "c", "image": "i:1", "restartCount": times, "state": {"waiting": {"reason": reason, "message": "m"}},
            "lastState": {"terminated": {"exitCode": 2, "reason": "Error", "message": "words\n"}},
        }]})
    }

    fn judged(status: Value, patient: bool) -> (Option<&'static str>, String) {
        match judge(&around(status), patient) {
            Some(Health::Broken { why, code }) => (code.map(|c| c.id), why),
            Some(Health::Settling { why }) => (None, why),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_image_that_does_not_come_is_a_wait_at_first_and_then_broken() {
        let pulls = || state("ImagePullBackOff", 0);
        assert_eq!(
            judged(pulls(), true),
            (None, "p: c of i:1: ImagePullBackOff: m".to_owned())
        );
        assert_eq!(judged(pulls(), false).0, Some(INS_IMAGE.id));
        assert_eq!(judged(state("InvalidImageName", 0), true).0, Some(INS_IMAGE.id));
    }

    #[test]
    fn a_container_that_ends_again_and_again_is_told_with_its_last_words() {
        let (code, why) = judged(state("CrashLoopBackOff", 2), false);
        assert_eq!(
            (code, why.as_str()),
            (None, "p: c has ended 2 times, the last time with 2: Error words")
        );
        assert_eq!(judged(state("CrashLoopBackOff", 5), true).0, Some(INS_POD.id));
        assert_eq!(
            judged(state("CreateContainerConfigError", 0), false).0,
            Some(INS_POD.id)
        );
    }

    #[test]
    fn a_pod_without_a_node_waits_and_a_warning_is_told() {
        let no = |message: &str| json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": message}]});
        let taint =
            "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }";
        assert_eq!(
            judged(no(taint), false),
            (None, "p: no node is ready yet".to_owned())
        );
        assert_eq!(judged(no("no room"), false).1, "p: no node takes it: no room");
        assert_eq!(judged(json!({}), false).1, "p: FailedMount: no such path");
        let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        assert_eq!(judge(&around(ready), false), None);
    }
}
