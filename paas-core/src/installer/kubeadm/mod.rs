//! The first boot of a machine of a kubeadm cluster.

pub mod config;
mod packages;

use config::{
    API, ApiServer, Arg, BootstrapTokenDiscovery, ClusterConfiguration, Discovery, InitConfiguration,
    JoinConfiguration, KubeletConfiguration, LocalApiEndpoint, Networking, NodeRegistration, Timeouts, Token,
};
use serde::Serialize;

use super::{
    boot::{Asked, cluster_name},
    cloud_init::{File, Mode},
    content::{Content, Part, Placeholder},
    machine::{self, FOLDER, INSTANCE_ID, lines},
    pki::{ETCD, FRONT_PROXY, KUBERNETES, SERVICE_ACCOUNT},
    script::Phase,
    token, yaml,
};
use crate::error::Result;

/// For how long the tokens of a new cluster are good: longer than any first boot takes.
const TTL: &str = "1h0m0s";

const SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// The port of the API.
const PORT: u16 = 6443;

/// What the script puts the version of kubeadm in the place of, where the spec names a minor version only.
const VERSION: &str = "@VERSION@";

const KUBELET: &str = "kubelet.service";

/// Files and phases of a machine.
pub(super) fn boot(asked: &Asked<'_>) -> Result<(Vec<File>, Vec<Phase>)> {
    let (packages, kubernetes) = (asked.packages(), &asked.kubernetes);
    let (from, to) = (format!("{FOLDER}/kubeadm.in"), format!("{FOLDER}/kubeadm.yaml"));
    let mut files = machine::files(KUBELET);
    files.extend(packages::files(packages));
    let (documents, last) = match asked.is_control_plane() {
        true => {
            files.extend(authorities());
            (init(asked)?, initialise(&to))
        }
        false => (join(asked)?, vec![joining(&to)]),
    };
    files.push(File {
        path: from.clone(),
        mode: Mode::Secret,
        content: documents,
    });
    let mut phases = vec![
        machine::system(asked.spec),
        packages::packages(kubernetes, packages, asked.version),
        packages::runtime(kubernetes, packages),
        machine::metadata_rule(),
        machine::identity(&from, &to, &[("VERSION", "$(kubeadm version -o short)")]),
    ];
    phases.extend(last);
    phases.push(machine::tidy(&[&from, &to]));
    Ok((files, phases))
}

/// The authorities, where kubeadm looks for them and leaves them as they are.
fn authorities() -> Vec<File> {
    let mut files = Vec::new();
    let mut add = |path: &str, mode, name: &str, part| {
        files.push(File {
            path: format!("/etc/kubernetes/pki/{path}"),
            mode,
            content: Content::secret(Placeholder::new(name, part)),
        });
    };
    for (path, name) in [
        ("ca", KUBERNETES),
        ("etcd/ca", ETCD),
        ("front-proxy-ca", FRONT_PROXY),
    ] {
        add(&format!("{path}.crt"), Mode::Public, name, Part::Certificate);
        add(&format!("{path}.key"), Mode::Secret, name, Part::Key);
    }
    add("sa.pub", Mode::Public, SERVICE_ACCOUNT, Part::PublicKey);
    add("sa.key", Mode::Secret, SERVICE_ACCOUNT, Part::Key);
    files
}

fn init(asked: &Asked<'_>) -> Result<Content> {
    let address = &asked.machine.control_plane;
    let workers = asked.workers();
    let places: Vec<Placeholder> = workers.iter().map(|worker| joins(worker)).collect();
    let tokens = workers.iter().zip(&places).map(|(worker, place)| Token {
        token: place.marker(),
        description: format!("for {worker} to join, made by paas"),
        ttl: TTL,
    });
    let version = match asked.version.patch {
        Some(_) => format!("v{}", asked.version),
        None => VERSION.to_owned(),
    };
    let mut names = vec![address.clone()];
    names.extend(
        asked
            .kubernetes
            .api_names
            .iter()
            .filter(|name| *name != address)
            .cloned(),
    );
    let init = InitConfiguration {
        api_version: API,
        kind: "InitConfiguration",
        bootstrap_tokens: tokens.collect(),
        node_registration: node(asked),
        local_api_endpoint: LocalApiEndpoint {
            advertise_address: address.clone(),
            bind_port: PORT,
        },
        timeouts: Timeouts {
            control_plane_component_health_check: Some("8m0s"),
            ..Timeouts::default()
        },
    };
    let cluster = ClusterConfiguration {
        api_version: API,
        kind: "ClusterConfiguration",
        cluster_name: cluster_name(asked.owner),
        kubernetes_version: version,
        control_plane_endpoint: format!("{address}:{PORT}"),
        image_repository: asked.kubernetes.image_registry.clone(),
        encryption_algorithm: "ECDSA-P256",
        networking: Networking {
            pod_subnet: asked.spec.pod_cidr().to_owned(),
            service_subnet: asked.spec.service_cidr().to_owned(),
        },
        api_server: ApiServer { cert_sans: names },
    };
    let kubelet = KubeletConfiguration {
        api_version: "kubelet.config.k8s.io/v1beta1",
        kind: "KubeletConfiguration",
        cgroup_driver: "systemd",
    };
    let text = [document(&init)?, document(&cluster)?, document(&kubelet)?].join("---\n");
    Ok(Content::marked(&text, &places))
}

/// Nothing but its own token and the name of the authority that it may trust.
fn join(asked: &Asked<'_>) -> Result<Content> {
    let token = joins(&asked.machine.name);
    let pin = Placeholder::new(KUBERNETES, Part::Pin);
    let join = JoinConfiguration {
        api_version: API,
        kind: "JoinConfiguration",
        discovery: Discovery {
            bootstrap_token: BootstrapTokenDiscovery {
                token: token.marker(),
                api_server_endpoint: format!("{}:{PORT}", asked.machine.control_plane),
                ca_cert_hashes: vec![pin.marker()],
            },
        },
        node_registration: node(asked),
        // The control plane may be installing packages still.
        timeouts: Timeouts {
            discovery: Some("25m0s"),
            tls_bootstrap: Some("10m0s"),
            ..Timeouts::default()
        },
    };
    Ok(Content::marked(&document(&join)?, &[token, pin]))
}

fn joins(machine: &str) -> Placeholder {
    Placeholder::new(token::name(machine), Part::Whole)
}

fn node(asked: &Asked<'_>) -> NodeRegistration {
    let mut args = Vec::new();
    if asked.has_cloud_controller() {
        let (name, value) = ("cloud-provider", "external".to_owned());
        args.push(Arg { name, value });
    }
    let (name, value) = ("provider-id", format!("openstack:///{INSTANCE_ID}"));
    args.push(Arg { name, value });
    let labels = asked.labels();
    if !labels.is_empty() {
        let (name, value) = ("node-labels", labels.join(","));
        args.push(Arg { name, value });
    }
    NodeRegistration {
        name: asked.machine.name.clone(),
        cri_socket: SOCKET,
        taints: asked.is_alone().then(Vec::new),
        kubelet_extra_args: args,
    }
}

fn document(value: &impl Serialize) -> Result<String> {
    yaml::quoted(value)
}

/// What is fetched is a phase of its own: it is what takes longest, and what fails where a registry is not reached.
fn initialise(config: &str) -> Vec<Phase> {
    let images = format!("kubeadm init phase preflight --config {config}");
    let init = format!("kubeadm init --config {config} --skip-phases=preflight --skip-token-print");
    vec![
        Phase::new("images", [images]),
        Phase::new("kubeadm-init", kubelet_explains(&init)),
    ]
}

fn joining(config: &str) -> Phase {
    Phase::new(
        "kubeadm-join",
        kubelet_explains(&format!("kubeadm join --config {config}")),
    )
}

/// Where kubeadm waits for the kubelet in vain, the kubelet knows why.
fn kubelet_explains(command: &str) -> Vec<String> {
    lines(&format!(
        "{command} || {{\n\
         \x20 status=$?\n\
         \x20 echo 'the last words of the kubelet:'\n\
         \x20 journalctl -q --no-pager -o cat -n 10 -u {KUBELET} | cut -c 1-300\n\
         \x20 exit \"$status\"\n\
         }}"
    ))
}
