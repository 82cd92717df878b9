//! The first boot of a machine of a k3s cluster.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    boot::Asked,
    cloud_init::{File, Mode},
    content::{Content, Part, Placeholder},
    machine::{self, FOLDER, INSTANCE_ID, lines, required},
    pki::{
        K3S_AGENT_PASSWORD, K3S_CLIENT, K3S_ETCD_PEER, K3S_ETCD_SERVER, K3S_REQUEST_HEADER, K3S_SERVER,
        K3S_SERVER_PASSWORD, SERVICE_ACCOUNT,
    },
    script::{Phase, quote},
    token, yaml,
};
use crate::{error::Result, spec::Packages};

const CONFIG: &str = "/etc/rancher/k3s/config.yaml";

/// Where an image with k3s on it has the installer.
const INSTALLER: &str = "/usr/local/share/k3s/install.sh";

const UPSTREAM: &str = "https://get.k3s.io";

/// The configuration of a server or an agent; keys are the flags' names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    token: String,
    node_name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    node_label: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kubelet_arg: Vec<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    plane: Option<Plane>,
}

/// What a server is told beside.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Plane {
    cluster_init: bool,
    agent_token: String,
    tls_san: Vec<String>,
    node_ip: String,
    cluster_cidr: String,
    service_cidr: String,
    cluster_dns: String,
    flannel_backend: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_network_policy: bool,
    disable: Vec<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_cloud_controller: bool,
    secrets_encryption: bool,
    write_kubeconfig_mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    node_taint: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_default_registry: Option<String>,
}

/// Files and phases of a machine.
pub(super) fn boot(asked: &Asked<'_>) -> Result<(Vec<File>, Vec<Phase>)> {
    let plane = asked.is_control_plane();
    let unit = if plane { "k3s" } else { "k3s-agent" };
    let from = format!("{FOLDER}/k3s.in");
    let tokens = format!("{FOLDER}/join-tokens.in");
    let mut files = machine::files(&format!("{unit}.service"));
    files.push(File {
        path: from.clone(),
        mode: Mode::Secret,
        content: if plane { server(asked)? } else { agent(asked)? },
    });
    let mut phases = vec![
        machine::system(asked.spec),
        packages(asked),
        machine::metadata_rule(),
        machine::identity(&from, CONFIG, &[]),
        install(asked, unit),
    ];
    if plane {
        files.extend(authorities());
        phases.push(start("k3s-server", unit));
        if !asked.workers().is_empty() {
            files.push(File {
                path: tokens.clone(),
                mode: Mode::Secret,
                content: joining(asked)?,
            });
            phases.push(let_join(&tokens));
        }
    } else {
        phases.push(start("k3s-agent", unit));
    }
    phases.push(machine::tidy(&[&from, &tokens]));
    Ok((files, phases))
}

/// The authorities, where k3s looks for them before it makes its own.
fn authorities() -> Vec<File> {
    let mut files = Vec::new();
    let mut add = |path: &str, mode, name: &str, part| {
        files.push(File {
            path: format!("/var/lib/rancher/k3s/server/tls/{path}"),
            mode,
            content: Content::secret(Placeholder::new(name, part)),
        });
    };
    for (path, name) in [
        ("server-ca", K3S_SERVER),
        ("client-ca", K3S_CLIENT),
        ("request-header-ca", K3S_REQUEST_HEADER),
        ("etcd/peer-ca", K3S_ETCD_PEER),
        ("etcd/server-ca", K3S_ETCD_SERVER),
    ] {
        add(&format!("{path}.crt"), Mode::Public, name, Part::Certificate);
        add(&format!("{path}.key"), Mode::Secret, name, Part::Key);
    }
    add("service.key", Mode::Secret, SERVICE_ACCOUNT, Part::Key);
    files
}

/// A token that knows its cluster: `K10<hash>::<who>`.
fn secure(hash: &Placeholder, who: &str) -> String {
    format!("K10{}::{who}", hash.marker())
}

fn server(asked: &Asked<'_>) -> Result<Content> {
    let hash = Placeholder::new(K3S_SERVER, Part::Hash);
    let password = Placeholder::new(K3S_SERVER_PASSWORD, Part::Whole);
    let agents = Placeholder::new(K3S_AGENT_PASSWORD, Part::Whole);
    let (address, kubernetes) = (&asked.machine.control_plane, &asked.kubernetes);
    let mut names = vec![address.clone()];
    names.extend(
        kubernetes
            .api_names
            .iter()
            .filter(|name| *name != address)
            .cloned(),
    );
    let own_network = asked.spec.addons.as_ref().and_then(|a| a.cni) != Some(false);
    let taint = "node-role.kubernetes.io/control-plane=:NoSchedule";
    let plane = Plane {
        // etcd and not SQLite, so that more servers can join one day.
        cluster_init: true,
        agent_token: agents.marker(),
        tls_san: names,
        node_ip: address.clone(),
        cluster_cidr: asked.spec.pod_cidr().to_owned(),
        service_cidr: asked.spec.service_cidr().to_owned(),
        cluster_dns: asked.dns_address(),
        flannel_backend: if own_network { "vxlan" } else { "none" },
        disable_network_policy: !own_network,
        disable: vec!["servicelb", "traefik", "local-storage"],
        disable_cloud_controller: asked.has_cloud_controller(),
        secrets_encryption: true,
        write_kubeconfig_mode: "0600",
        node_taint: if asked.is_alone() { Vec::new() } else { vec![taint] },
        system_default_registry: kubernetes.image_registry.clone(),
    };
    let config = Config {
        token: secure(&hash, &format!("server:{}", password.marker())),
        plane: Some(plane),
        ..node(asked)
    };
    Ok(Content::marked(
        &yaml::quoted(&config)?,
        &[hash, password, agents],
    ))
}

fn agent(asked: &Asked<'_>) -> Result<Content> {
    let hash = Placeholder::new(K3S_SERVER, Part::Hash);
    let token = Placeholder::new(token::name(&asked.machine.name), Part::Whole);
    let config = Config {
        server: Some(format!("https://{}:6443", asked.machine.control_plane)),
        token: secure(&hash, &token.marker()),
        ..node(asked)
    };
    Ok(Content::marked(&yaml::quoted(&config)?, &[hash, token]))
}

fn node(asked: &Asked<'_>) -> Config {
    let mut args = Vec::new();
    // Without its own controller k3s does not say so to its kubelets.
    if asked.has_cloud_controller() {
        args.push("cloud-provider=external".to_owned());
    }
    args.push(format!("provider-id=openstack:///{INSTANCE_ID}"));
    Config {
        node_name: asked.machine.name.clone(),
        node_label: asked.labels(),
        kubelet_arg: args,
        ..Config::default()
    }
}

/// The workers' tokens as Secrets, with a place for the time of their end, which only the machine can know.
fn joining(asked: &Asked<'_>) -> Result<Content> {
    let mut places = Vec::new();
    let mut documents = Vec::new();
    for worker in asked.workers() {
        let id = Placeholder::new(token::name(&worker), Part::TokenId);
        let secret = Placeholder::new(token::name(&worker), Part::TokenSecret);
        let mut data = token::described(&worker, token::K3S, "@EXPIRES@");
        data["token-id"] = json!(id.marker());
        data["token-secret"] = json!(secret.marker());
        let object: Value = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": token::SECRET_TYPE,
            "metadata": {"name": format!("bootstrap-token-{}", id.marker()), "namespace": "kube-system"},
            "stringData": data,
        });
        documents.push(yaml::quoted(&object)?);
        places.extend([id, secret]);
    }
    Ok(Content::marked(&documents.join("---\n"), &places))
}

fn packages(asked: &Asked<'_>) -> Phase {
    let text = match asked.packages() {
        Packages::Preinstalled => {
            let mut text = required(&["k3s", "nft"]);
            text.push(format!("[ -f {INSTALLER} ] || die 'the image lacks {INSTALLER}'"));
            text
        }
        Packages::Upstream | Packages::Mirror => lines(
            "if command -v apt-get >/dev/null; then\n\
             \x20 export DEBIAN_FRONTEND=noninteractive\n\
             \x20 apt='apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300'\n\
             \x20 retry $apt update\n\
             \x20 retry $apt install ca-certificates curl nftables iptables\n\
             elif command -v dnf >/dev/null; then\n\
             \x20 retry dnf -q -y install ca-certificates curl nftables iptables-nft\n\
             else\n\
             \x20 die 'this image has neither apt-get nor dnf: use one of Debian, Ubuntu or Fedora, or spec.kubernetes.packages: Preinstalled'\n\
             fi",
        ),
    };
    Phase::new("packages", text)
}

/// The project's own installer, told by its environment; it starts nothing, since that is a phase of its own.
fn install(asked: &Asked<'_>, unit: &str) -> Phase {
    let kind = if unit == "k3s" { "server" } else { "agent" };
    let mut environment = vec![
        format!("INSTALL_K3S_EXEC={kind}"),
        "INSTALL_K3S_SKIP_START=true".to_owned(),
        "INSTALL_K3S_SKIP_SELINUX_RPM=true".to_owned(),
    ];
    let mirror = asked.kubernetes.mirror.as_deref().unwrap_or_default();
    let mirror = mirror.trim_end_matches('/');
    let version = asked.version;
    let mut text = Vec::new();
    let script = match asked.packages() {
        Packages::Preinstalled => {
            environment.push("INSTALL_K3S_SKIP_DOWNLOAD=true".to_owned());
            INSTALLER.to_owned()
        }
        Packages::Mirror => {
            environment.push("INSTALL_K3S_SKIP_DOWNLOAD=true".to_owned());
            let folder = quote(&format!("{mirror}/k3s/v{version}"));
            text.push(format!(
                "retry curl -fsSL -o {FOLDER}/k3s-install.sh {folder}/install.sh"
            ));
            text.push(format!("retry curl -fsSL -o /usr/local/bin/k3s.new {folder}/k3s"));
            text.push("chmod 0755 /usr/local/bin/k3s.new".to_owned());
            text.push("mv /usr/local/bin/k3s.new /usr/local/bin/k3s".to_owned());
            format!("{FOLDER}/k3s-install.sh")
        }
        Packages::Upstream => {
            environment.push(match version.patch {
                Some(_) => format!("INSTALL_K3S_VERSION=v{version}+k3s1"),
                None => format!("INSTALL_K3S_CHANNEL=v{version}"),
            });
            text.push(format!("retry curl -fsSL -o {FOLDER}/k3s-install.sh {UPSTREAM}"));
            format!("{FOLDER}/k3s-install.sh")
        }
    };
    text.push(format!("{} sh {script}", environment.join(" ")));
    Phase::new("k3s-install", text)
}

fn start(phase: &'static str, unit: &str) -> Phase {
    Phase::new(
        phase,
        lines(&format!(
            "systemctl start {unit}.service || {{\n\
             \x20 status=$?\n\
             \x20 journalctl -q --no-pager -o cat -n 25 -u {unit}.service | cut -c 1-300\n\
             \x20 exit \"$status\"\n\
             }}"
        )),
    )
}

fn let_join(tokens: &str) -> Phase {
    Phase::new(
        "k3s-tokens",
        lines(&format!(
            "expires=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)\n\
             put() {{ sed \"s|@EXPIRES@|$expires|g\" {tokens} | k3s kubectl apply -f -; }}\n\
             retry put"
        )),
    )
}
