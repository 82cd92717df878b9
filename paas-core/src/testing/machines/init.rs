//! `kubeadm init`: a control plane on the authorities of the machine's user-data, and what kubeadm puts into a new cluster.

use std::time::Duration;

use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    discovery::ApiResource,
};
use serde_json::{Value, json};

use super::{
    join::BOOTSTRAPPERS,
    kubelet::Kubelet,
    scheduler,
    site::{Plane, Site},
    user_data::FirstBoot,
};
use crate::{
    clock::{Clock, SystemClock},
    ledger::later,
    testing::kube::{Authorities, ControlPlane, Options, Part},
};

/// Where kubeadm looks for authorities.
const PKI: &str = "/etc/kubernetes/pki";

/// Brings the cluster up.
///
/// # Errors
/// In words of kubeadm's.
pub(super) async fn init(site: &Site, boot: &FirstBoot) -> Result<(), String> {
    let (init, cluster) = (
        boot.document("InitConfiguration")?,
        boot.document("ClusterConfiguration")?,
    );
    let file = |name: &str| boot.file(&format!("{PKI}/{name}"));
    for name in [
        "etcd/ca.crt",
        "etcd/ca.key",
        "front-proxy-ca.crt",
        "front-proxy-ca.key",
        "sa.pub",
    ] {
        file(name)?;
    }
    let address = text(&init["localAPIEndpoint"]["advertiseAddress"]);
    if address != site.machine.address {
        return Err(format!(
            "error execution phase control-plane: the address {address} is none of this machine's"
        ));
    }
    let names = cluster["apiServer"]["certSANs"].as_array().into_iter().flatten();
    let mut names: Vec<String> = names.map(|n| text(n).to_owned()).collect();
    names.push(address.to_owned());
    let (pods, arguments) = (text(&cluster["networking"]["podSubnet"]), &cluster["networking"]);
    let options = Options {
        api_server_arguments: vec![
            "--enable-bootstrap-token-auth".to_owned(),
            "--authorization-mode=Node".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            format!("--service-cluster-ip-range={}", text(&arguments["serviceSubnet"])),
        ],
        controller_arguments: vec![
            "--controllers=*,bootstrapsigner,tokencleaner".to_owned(),
            "--allocate-node-cidrs=true".to_owned(),
            format!("--cluster-cidr={pods}"),
            // A node that tells nothing is noticed in time for a test.
            "--node-monitor-period=1s".to_owned(),
            "--node-monitor-grace-period=12s".to_owned(),
        ],
        authorities: Some(Authorities {
            certificate: file("ca.crt")?.to_owned(),
            key: file("ca.key")?.into(),
            service_account: file("sa.key")?.into(),
            names,
        }),
        ..Options::default()
    };
    let servers = ControlPlane::start_own(options).await;
    let servers = servers.map_err(|e| format!("error execution phase wait-control-plane: {e}"))?;
    let client = servers.client().await.map_err(|e| e.to_string())?;
    let version = client.apiserver_version().await.map_err(|e| e.to_string())?;
    let kubelet = Kubelet {
        client: client.clone(),
        name: text(&init["nodeRegistration"]["name"]).to_owned(),
        address: address.to_owned(),
        version: version.git_version.clone(),
    };
    site.serves(Plane::new(
        servers,
        file("ca.crt")?.to_owned(),
        version.git_version,
    ));
    for object in objects(init) {
        let kind = text(&object["kind"]).to_owned();
        apply(&client, object)
            .await
            .map_err(|e| format!("error execution phase upload-config: {kind}: {e}"))?;
    }
    let registered = kubelet.register(&init["nodeRegistration"]).await;
    registered.map_err(|e| format!("error execution phase kubelet-start: {e}"))?;
    let tainted = taint(&client, &init["nodeRegistration"]).await;
    tainted.map_err(|e| format!("error execution phase mark-control-plane: {e}"))?;
    site.goes_on(scheduler::run(client));
    site.is_node(kubelet);
    Ok(())
}

/// The servers of a machine that has power again.
pub(super) async fn start_again(site: &Site, plane: &Plane) {
    for part in [Part::Etcd, Part::ApiServer, Part::Controllers] {
        if let Err(error) = plane.servers.start_again(part).await {
            return site.says(&format!("kubelet[812]: {error}"));
        }
    }
    if let Ok(client) = plane.servers.client().await {
        site.goes_on(scheduler::run(client));
    }
}

/// Roles that let machines join, their tokens, and the cluster's DNS.
fn objects(init: &Value) -> Vec<Value> {
    let role = |name: &str, role: &str, group: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
        })
    };
    let approve = "system:certificates.k8s.io:certificatesigningrequests:nodeclient";
    let mut all = vec![
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "kubeadm:get-nodes"},
            "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}],
        }),
        role("kubeadm:get-nodes", "kubeadm:get-nodes", BOOTSTRAPPERS),
        role(
            "kubeadm:kubelet-bootstrap",
            "system:node-bootstrapper",
            BOOTSTRAPPERS,
        ),
        role("kubeadm:node-autoapprove-bootstrap", approve, BOOTSTRAPPERS),
        dns(),
    ];
    for token in init["bootstrapTokens"].as_array().into_iter().flatten() {
        let (id, secret) = text(&token["token"]).split_once('.').unwrap_or_default();
        let ends = later(SystemClock.now(), duration(text(&token["ttl"])));
        all.push(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"name": format!("bootstrap-token-{id}"), "namespace": "kube-system"},
            "stringData": {
                "token-id": id, "token-secret": secret, "expiration": jiff::Timestamp::from_second(ends.as_second()).unwrap_or(ends).to_string(),
                "description": token["description"], "auth-extra-groups": BOOTSTRAPPERS,
                "usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true",
            },
        }));
    }
    all
}

fn dns() -> Value {
    let chosen = json!({"k8s-app": "kube-dns"});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "coredns", "namespace": "kube-system", "labels": chosen},
        "spec": {"replicas": 2, "selector": {"matchLabels": chosen}, "template": {"metadata": {"labels": chosen}, "spec": {
            "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
            "automountServiceAccountToken": false,
            "containers": [{"name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.13.1"}],
        }}},
    })
}

/// Nobody's pods come to a control plane, unless it says so.
async fn taint(client: &Client, registration: &Value) -> kube::Result<()> {
    let key = "node-role.kubernetes.io/control-plane";
    let taints = match &registration["taints"] {
        Value::Null => json!([{"key": key, "effect": "NoSchedule"}]),
        said => said.clone(),
    };
    let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(client.clone());
    let patch = json!({"metadata": {"labels": {key: ""}}, "spec": {"taints": taints}});
    let name = text(&registration["name"]);
    let done = nodes
        .patch(name, &PatchParams::default(), &Patch::Strategic(patch))
        .await;
    done.map(drop)
}

async fn apply(client: &Client, object: Value) -> kube::Result<()> {
    let (group, version) = match text(&object["apiVersion"]).split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", text(&object["apiVersion"])),
    };
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text(&object["kind"])));
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    let params = PatchParams::apply("kubeadm").force();
    let done = api
        .patch(text(&object["metadata"]["name"]), &params, &Patch::Apply(&object))
        .await;
    done.map(drop)
}

/// Reads `1h30m0s`.
pub(super) fn duration(text: &str) -> Duration {
    let mut seconds = 0;
    let mut number = 0;
    for letter in text.chars() {
        let unit = match letter {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            digit => {
                number = number * 10 + u64::from(digit.to_digit(10).unwrap_or_default());
                continue;
            }
        };
        seconds += number * unit;
        number = 0;
    }
    Duration::from_secs(seconds)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
