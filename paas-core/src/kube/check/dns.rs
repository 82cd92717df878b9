//! Whether a name is known in a cluster: asked in a pod of it.

use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Status};
use kube::{Api, Client, api::AttachParams};
use tokio::io::AsyncReadExt;

use super::Unseen;
use crate::{
    database::codes::PG_CONNECT,
    error::{Class, Error},
    kube::fault,
};

/// The program that asks as every program of a pod does: C libraries bring it.
const ASK: &str = "getent";

/// What the role has to have.
const NEEDS: &str = "the verbs get and create on pods/exec";

/// As much as is read of an answer.
const LONGEST: u64 = 4096;

/// Resolves `host` in a container of a pod. Where nobody can be asked, nothing is known.
pub(super) async fn resolved(
    client: &Client,
    namespace: &str,
    (pod, container): (&str, &str),
    host: &str,
) -> Result<((), String), Unseen> {
    let what = format!("resolve {host} in the pod {pod}");
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let asked = AttachParams::default().container(container).stderr(false);
    let running = pods.exec(pod, [ASK, "hosts", host], &asked).await;
    let mut running = running.map_err(|e| match fault::denied(&what, NEEDS, &e) {
        Some(denied) => denied.into(),
        None => Unseen::Skipped(format!("the pod {pod} cannot be asked: {}", fault::chain(&e))),
    })?;
    let mut said = Vec::new();
    if let Some(out) = running.stdout() {
        // What was said before it broke is told; the status says the rest.
        let _ = out.take(LONGEST).read_to_end(&mut said).await;
    }
    let status = match running.take_status() {
        Some(status) => status.await,
        None => None,
    };
    judge(&what, host, pod, &String::from_utf8_lossy(&said), status.as_ref())
}

fn judge(
    what: &str,
    host: &str,
    pod: &str,
    said: &str,
    status: Option<&Status>,
) -> Result<((), String), Unseen> {
    let address = said.split_whitespace().next();
    if let Some(address) = address {
        return Ok(((), format!("in the pod {pod}, {host} is {address}")));
    }
    let code = status.and_then(exit_code);
    match code {
        // "One or more supplied key could not be found in the database", says the manual of getent.
        Some(2) => Err(Error::new(&PG_CONNECT, Class::NotFound)
            .attempted(what)
            .happened("the cluster's DNS does not know the name")
            .remedy("see that the service is there and that the pods of the cluster's DNS (CoreDNS) run")
            .into()),
        code => {
            let words = status.and_then(|s| s.message.clone());
            let words = words.unwrap_or_else(|| format!("{ASK} ended with {code:?}"));
            Err(Unseen::Skipped(format!("the pod {pod} cannot be asked: {words}")))
        }
    }
}

fn exit_code(status: &Status) -> Option<i32> {
    let causes = status.details.as_ref()?.causes.as_ref()?;
    let cause = causes.iter().find(|c| c.reason.as_deref() == Some("ExitCode"))?;
    cause.message.as_ref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(said: &str, code: Option<i32>) -> Result<String, Unseen> {
        let status = code.map(|code| {
            let cause = json!({"reason": "ExitCode", "message": code.to_string()});
            serde_json::from_value::<Status>(json!({
                "status": "Failure", "message": "command terminated", "details": {"causes": [cause]},
            }))
            .unwrap()
        });
        let told = judge("resolve it", "demo-rw.shop.svc", "demo-1", said, status.as_ref());
        told.map(|((), words)| words)
    }

    #[test]
    fn only_a_name_that_was_asked_for_and_not_found_is_broken() {
        let words = judged("10.96.1.2       demo-rw.shop.svc.cluster.local\n", None);
        assert!(matches!(words, Ok(words) if words == "in the pod demo-1, demo-rw.shop.svc is 10.96.1.2"));
        assert!(matches!(judged("", Some(2)), Err(Unseen::Broken(e)) if e.code() == &PG_CONNECT));
        for unable in [Some(127), Some(1), None] {
            assert!(
                matches!(judged("", unable), Err(Unseen::Skipped(_))),
                "{unable:?}: nobody could be asked"
            );
        }
    }
}
