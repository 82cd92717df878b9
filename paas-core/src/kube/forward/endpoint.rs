//! Which pods a service leads to.

use k8s_openapi::api::{core::v1::Service, discovery::v1::EndpointSlice};
use kube::{Api, Client, api::ListParams};

use crate::{
    error::{Class, Error, Result},
    kube::{codes::K8S_NO_ENDPOINT, fault},
};

/// The label of the slices of a service.
const SERVICE: &str = "kubernetes.io/service-name";

/// A port of a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The pod's name.
    pub pod: String,
    /// The port in the pod.
    pub port: u16,
}

/// The service leads nowhere.
pub(super) fn none(namespace: &str, service: &str, why: &str) -> Error {
    Error::new(&K8S_NO_ENDPOINT, Class::Transient)
        .attempted(format!(
            "find the pod that the service {namespace}/{service} leads to"
        ))
        .happened(why)
}

/// The ready pods behind a port of a service, by name.
pub(super) async fn ready(
    client: &Client,
    namespace: &str,
    service: &str,
    port: u16,
) -> Result<Vec<Endpoint>> {
    let what = format!("find the pods that the service {namespace}/{service} leads to");
    let failed = |e| fault::of(&what, false, e);
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let there = services.get_opt(service).await.map_err(failed)?;
    let there = there.ok_or_else(|| none(namespace, service, "there is no such service"))?;
    let name =
        port_name(&there, port).ok_or_else(|| none(namespace, service, &format!("it has no port {port}")))?;
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let of_it = ListParams::default().labels(&format!("{SERVICE}={service}"));
    let slices = slices.list(&of_it).await.map_err(failed)?;
    Ok(behind(&slices.items, &name))
}

/// What the port is called in the slices; a port alone needs no name.
fn port_name(service: &Service, port: u16) -> Option<String> {
    let ports = service.spec.as_ref()?.ports.as_ref()?;
    let found = ports.iter().find(|p| p.port == i32::from(port))?;
    Some(found.name.clone().unwrap_or_default())
}

fn behind(slices: &[EndpointSlice], name: &str) -> Vec<Endpoint> {
    let mut all: Vec<Endpoint> = Vec::new();
    for slice in slices {
        let ports = slice.ports.iter().flatten();
        let port = ports
            .filter(|p| p.name.as_deref().unwrap_or_default() == name)
            .find_map(|p| u16::try_from(p.port?).ok());
        let Some(port) = port else { continue };
        for endpoint in slice.endpoints.iter().flatten() {
            // Unknown is to be taken for ready, says the definition of the field.
            let ready = endpoint.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true);
            let target = endpoint
                .target_ref
                .as_ref()
                .filter(|t| ready && t.kind.as_deref() == Some("Pod"));
            let pod = target.and_then(|t| t.name.clone());
            all.extend(pod.map(|pod| Endpoint { pod, port }));
        }
    }
    // A service of two address families has two slices of the same pods.
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn slice(port: &Value, endpoints: &Value) -> EndpointSlice {
        serde_json::from_value(json!({
            "addressType": "IPv4", "metadata": {"name": "x"}, "ports": [port], "endpoints": endpoints,
        }))
        .unwrap()
    }

    fn pod(name: &str, ready: &Value) -> Value {
        json!({"addresses": ["10.0.0.1"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": name}})
    }

    #[test]
    fn a_service_leads_to_its_pods_that_are_ready_each_once() {
        let port = json!({"name": "postgres", "port": 5432});
        let pods = json!([
            pod("b", &json!(true)),
            pod("a", &Value::Null),
            pod("c", &json!(false))
        ]);
        let other = json!({"name": "metrics", "port": 9187});
        let slices = [slice(&port, &pods), slice(&port, &pods), slice(&other, &pods)];
        let names = |all: Vec<Endpoint>| all.into_iter().map(|e| (e.pod, e.port)).collect::<Vec<_>>();
        assert_eq!(
            names(behind(&slices, "postgres")),
            [("a".to_owned(), 5432), ("b".to_owned(), 5432)]
        );
        assert!(behind(&slices, "nothing").is_empty());
        let bare = json!([{"addresses": ["10.0.0.9"]}]);
        assert!(
            behind(&[slice(&port, &bare)], "postgres").is_empty(),
            "no pod of ours"
        );
    }

    #[test]
    fn a_port_is_known_by_its_number_and_may_have_no_name() {
        let service: Service = serde_json::from_value(json!({
            "spec": {"ports": [{"name": "pg", "port": 6000, "targetPort": "postgresql"}, {"port": 7000, "targetPort": 7001}] },
        }))
        .unwrap();
        assert_eq!(port_name(&service, 6000).as_deref(), Some("pg"));
        assert_eq!(port_name(&service, 7000).as_deref(), Some(""));
        assert_eq!(port_name(&service, 5432), None);
    }
}
