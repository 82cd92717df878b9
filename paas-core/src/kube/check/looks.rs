//! How each hop is looked at.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Api, Client, api::ListParams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Target, Unseen, pods::Pods};
use crate::{
    database::{check::ASK_FOR_TLS, codes::PG_CONNECT},
    error::{Class, Error, Result},
    kube::{Bound, Forward, bound::ServiceAt, codes::K8S_NO_ENDPOINT, fault, forward::Endpoint},
};

pub(super) async fn api(client: &Client) -> Result<((), String)> {
    let said = client.apiserver_version().await;
    let said = said.map_err(|e| fault::of("ask the API server for its version", false, e))?;
    Ok(((), format!("Kubernetes {} answers", said.git_version)))
}

pub(super) async fn servers(client: &Client, target: &Target) -> Result<(Pods, String), Unseen> {
    let api: Api<Pod> = Api::namespaced(client.clone(), &target.namespace);
    let none = |why: String| {
        Error::new(&K8S_NO_ENDPOINT, Class::Transient)
            .attempted("find a pod of the server that is ready")
            .happened(why)
            .remedy("see why with `paas status` and the events; a database with `stopped: true` has no pods")
    };
    if target.pods.is_empty() {
        return Err(none("the object does not say yet which pods are its servers'".to_owned()).into());
    }
    let of_it = ListParams::default().labels(&target.pods);
    let listed = api.list(&of_it).await;
    let all = Pods::of(
        listed
            .map_err(|e| fault::of("list the pods of the servers", false, e))?
            .items,
    );
    let words = all.words();
    if all.any_ready() {
        return Ok((all, words));
    }
    Err(none(match words.as_str() {
        "" => format!("there is no pod with the labels {}", target.pods),
        words => words.to_owned(),
    })
    .into())
}

pub(super) async fn service(client: &Client, at: &ServiceAt) -> Result<((), String), Unseen> {
    let api: Api<Service> = Api::namespaced(client.clone(), &at.namespace);
    let what = format!("look at the service {}/{}", at.namespace, at.name);
    let there = api.get_opt(&at.name).await;
    let broken = |why: &str| {
        Error::new(&K8S_NO_ENDPOINT, Class::NotFound)
            .attempted(what.as_str())
            .happened(why)
            .remedy("it is made anew by whoever made it: wait, and see that its operator runs")
    };
    let there = there.map_err(|e| fault::of(&what, false, e))?;
    let spec = there
        .ok_or_else(|| broken("it is not there"))?
        .spec
        .unwrap_or_default();
    let ports = spec.ports.unwrap_or_default();
    if !ports.iter().any(|p| p.port == i32::from(at.port)) {
        return Err(broken(&format!("it has no port {}", at.port)).into());
    }
    let selector: Vec<String> = spec
        .selector
        .unwrap_or_default()
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    Ok((
        (),
        format!("{} is for the pods with {}", at.name, selector.join(",")),
    ))
}

/// Where the service leads; where it leads nowhere while pods are ready, its selector is wrong.
pub(super) async fn endpoint(
    forward: &Forward,
    at: &ServiceAt,
    pods: Option<&Pods>,
) -> Result<(Endpoint, String)> {
    let ready = pods.map_or_else(String::new, Pods::ready);
    match forward.leads_to().await {
        Ok(to) => {
            let words = format!("{} leads to port {} of {}", at.name, to.port, to.pod);
            Ok((to, words))
        }
        Err(e) if e.code() == &K8S_NO_ENDPOINT && !ready.is_empty() => Err(e.remedy(format!(
            "{ready} is ready, and the selector of the service {} does not fit it: in a failover that passes within seconds; if somebody \
             changed the selector, put it back",
            at.name
        ))),
        Err(e) => Err(e),
    }
}

/// Opens a way and waits for a byte: that the API server opens one does not mean that anybody is at its end.
pub(super) async fn spoken(forward: &Forward, to: &Endpoint) -> Result<((), String)> {
    let mut way = forward.open(to).await?;
    let asked = async {
        way.stream.write_all(&ASK_FOR_TLS).await?;
        way.stream.read_u8().await
    };
    match asked.await {
        Ok(_) => Ok((
            (),
            format!("the API server leads to {}, and somebody speaks there", to.pod),
        )),
        Err(e) => {
            let trouble = tokio::time::timeout(Duration::from_secs(1), way.trouble).await;
            let words = trouble.ok().flatten().unwrap_or_else(|| e.to_string());
            Err(Error::new(&PG_CONNECT, Class::Transient)
                .attempted(format!("speak to port {} of the pod {}", to.port, to.pod))
                .happened(words.trim().to_owned())
                .remedy("the pod runs, and nobody listens in it: read its log with `paas db logs NAME`"))
        }
    }
}

pub(super) fn login(e: Error, bound: &Bound) -> Error {
    match e.class() {
        Class::Denied => e.remedy(format!(
            "the login in the Secret {} is not one that the server knows: `paas db rotate NAME` makes another password; if the Secret was \
             changed by hand, delete it, and the operator publishes it anew",
            bound.secret()
        )),
        _ => e,
    }
}
