//! `kubeadm join`: finding the cluster, knowing it, and coming in with nothing but the machine's own token.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::{certificates::v1::CertificateSigningRequest, core::v1::Node};
use kube::{Api, Client, api::PostParams};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use super::{
    init::duration,
    kubelet::Kubelet,
    site::{HURRY, Plane, Site},
    user_data::FirstBoot,
};
use crate::{
    clock::{Clock, SystemClock},
    installer::pki::hash,
    kube::access::from_kubeconfig,
};

/// The group of whoever logs in with a token of kubeadm's.
pub(super) const BOOTSTRAPPERS: &str = "system:bootstrappers:kubeadm:default-node-token";

/// Between two tries of kubeadm's, which counts for how long it tries.
const EVERY: Duration = Duration::from_secs(5);

/// The same here.
const AGAIN: Duration = Duration::from_millis(250);

/// Joins, or says why not within the machine's own patience.
///
/// # Errors
/// In words of kubeadm's.
pub(super) async fn join(site: &Site, boot: &FirstBoot) -> Result<(), String> {
    let join = boot.document("JoinConfiguration")?;
    let cluster = &join["discovery"]["bootstrapToken"];
    let (endpoint, token) = (text(&cluster["apiServerEndpoint"]), text(&cluster["token"]));
    let name = text(&join["nodeRegistration"]["name"]).to_owned();
    let patience = |key: &str| duration(text(&join["timeouts"][key]));
    let mut tries = patience("discovery").as_secs() / EVERY.as_secs();
    let (plane, client) = loop {
        let lost = site.loses_join();
        let why = match discover(site, lost, cluster, endpoint, token).await {
            Ok(found) => break found,
            Err(Refused::Never(why)) => return Err(format!("error execution phase preflight: {why}")),
            Err(Refused::Yet(why)) => why,
            // How long it takes to start servers here says nothing about machines.
            Err(Refused::Early) => {
                SystemClock.sleep(AGAIN).await;
                continue;
            }
        };
        tries = tries.saturating_sub(1);
        if tries == 0 {
            return Err(format!(
                "error execution phase preflight: couldn't validate the identity of the API Server: {why}"
            ));
        }
        if !lost {
            SystemClock.sleep(AGAIN).await;
        }
    };
    let nodes: Api<Node> = Api::all(client.clone());
    let there = nodes.get_opt(&name).await;
    let there =
        there.map_err(|e| format!("error execution phase kubelet-start: cannot get Node {name:?}: {e}"))?;
    if there.is_some_and(|node| is_ready(&node)) {
        return Err(format!(
            "error execution phase kubelet-start: a Node with name {name:?} and status \"Ready\" already exists in the cluster. \
             You must delete the existing Node or change the name of this new joining Node"
        ));
    }
    let until = SystemClock
        .elapsed()
        .saturating_add(patience("tlsBootstrap") / HURRY);
    let user = certified(&client, &name, until)
        .await
        .map_err(|why| format!("error execution phase kubelet-wait-bootstrap: {why}"))?;
    let kubelet = Kubelet {
        client: way(&plane, endpoint, user).await?,
        name,
        address: site.machine.address.clone(),
        version: plane.version.clone(),
    };
    let registered = kubelet.register(&join["nodeRegistration"]).await;
    registered.map_err(|e| format!("kubelet: Unable to register node with API server: {e}"))?;
    site.is_node(kubelet);
    Ok(())
}

enum Refused {
    /// There is no API server at all yet.
    Early,
    /// It may be different a moment later.
    Yet(String),
    /// It stays as it is.
    Never(String),
}

/// The cluster at an address, known by its authority's hash, and a way in by the token.
async fn discover(
    site: &Site,
    lost: bool,
    cluster: &Value,
    endpoint: &str,
    token: &str,
) -> Result<(Plane, Client), Refused> {
    if lost {
        return Err(Refused::Yet(format!(
            "Get \"https://{endpoint}/\": dial tcp {endpoint}: i/o timeout"
        )));
    }
    let plane = site.plane_at(endpoint);
    let plane = plane.ok_or(Refused::Early)?;
    let pin = hash::kubeadm(&plane.trusted).unwrap_or_default();
    let mut pins = cluster["caCertHashes"].as_array().into_iter().flatten();
    if !pins.any(|p| p == pin.as_str()) {
        return Err(Refused::Never(format!(
            "cluster CA found in cluster-info ConfigMap is invalid: none of the public keys {pin:?} are pinned"
        )));
    }
    let client = way(&plane, endpoint, json!({"token": token}))
        .await
        .map_err(Refused::Never)?;
    // Whether the token counts: kubeadm sees it by the signature that the cluster made with it.
    match Api::<Node>::all(client.clone()).get_opt("none").await {
        Ok(_) => Ok((plane, client)),
        Err(kube::Error::Api(status)) if status.code == 401 => {
            let id = token.split('.').next().unwrap_or_default();
            let why = format!("token id {id:?} is invalid for this cluster or it has expired");
            Err(Refused::Yet(why))
        }
        Err(error) => Err(Refused::Yet(error.to_string())),
    }
}

/// A certificate of the cluster's for the machine's kubelet.
async fn certified(client: &Client, name: &str, until: Duration) -> Result<Value, String> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|e| e.to_string())?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "system:nodes");
    subject.push(DnType::CommonName, format!("system:node:{name}"));
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    let request = params.serialize_request(&key).and_then(|r| r.pem());
    let request = json!({
        "metadata": {"generateName": "node-csr-"},
        "spec": {
            "request": STANDARD.encode(request.map_err(|e| e.to_string())?), "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        },
    });
    let request: CertificateSigningRequest = serde_json::from_value(request).map_err(|e| e.to_string())?;
    let requests: Api<CertificateSigningRequest> = Api::all(client.clone());
    let made = requests.create(&PostParams::default(), &request).await;
    let made = made.map_err(|e| format!("cannot create certificate signing request: {e}"))?;
    let asked = made.metadata.name.unwrap_or_default();
    loop {
        let now = requests.get(&asked).await.map_err(|e| e.to_string())?;
        if let Some(certificate) = now.status.and_then(|s| s.certificate) {
            return Ok(json!({
                "client-certificate-data": STANDARD.encode(certificate.0),
                "client-key-data": STANDARD.encode(key.serialize_pem()),
            }));
        }
        if SystemClock.elapsed() > until {
            return Err("timed out waiting for the kubelet to perform the TLS Bootstrap".to_owned());
        }
        SystemClock.sleep(AGAIN / 2).await;
    }
}

/// A client for the API server as it is known inside: by the address that machines have been told.
async fn way(plane: &Plane, endpoint: &str, user: Value) -> Result<Client, String> {
    let address = plane.servers.address();
    let address = address.ok_or_else(|| "the API server has no address".to_owned())?;
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {
            "server": format!("https://{address}"), "certificate-authority-data": STANDARD.encode(&plane.trusted),
            "tls-server-name": endpoint.split(':').next(),
        }}],
        "users": [{"name": "it", "user": user}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    });
    from_kubeconfig(&config.to_string().into(), None)
        .await
        .map_err(|e| e.to_string())
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let mut ready = conditions.filter(|c| c.type_ == "Ready");
    ready.any(|c| c.status == "True")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
