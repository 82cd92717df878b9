//! Where the machines get Kubernetes' programs and a container runtime from.

use super::super::{
    cloud_init::{File, Mode},
    machine::{FOLDER, file, lines, required},
    script::{Phase, quote},
    version::Version,
};
use crate::spec::{Kubernetes, Packages};

/// Upstream's repositories, below which each minor version has its own.
const UPSTREAM: &str = "https://pkgs.k8s.io";

/// What a container runtime needs to be told: where plugins for networks are, who keeps the control groups, and the image of pause.
/// Version 2 is what containerd 1.6 to 2 read.
const CONTAINERD: &str = r#"version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "@PAUSE@"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/cni/bin"
  conf_dir = "/etc/cni/net.d"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = true
"#;

/// The packages of Kubernetes, and those beside them.
const KUBERNETES: [&str; 3] = ["kubelet", "kubeadm", "kubectl"];
const BESIDE: &str = "containerd nftables iptables conntrack ethtool socat";

/// What a machine with everything on it has.
const PROGRAMS: [&str; 5] = ["kubeadm", "kubelet", "kubectl", "containerd", "nft"];

/// The files that the phases need.
pub(super) fn files(packages: Packages) -> Vec<File> {
    match packages {
        Packages::Preinstalled => Vec::new(),
        Packages::Upstream | Packages::Mirror => {
            vec![file(
                &format!("{FOLDER}/containerd.toml"),
                Mode::Public,
                CONTAINERD,
            )]
        }
    }
}

/// The phase that installs them, or looks whether they are there; in the end `kubeadm` is of the wanted version.
pub(super) fn packages(kubernetes: &Kubernetes, packages: Packages, version: Version) -> Phase {
    let mut text = match packages {
        Packages::Preinstalled => required(&PROGRAMS),
        Packages::Upstream | Packages::Mirror => install(kubernetes, version),
    };
    let wanted = match version.patch {
        Some(_) => format!("v{version}|v{version}[-+]*"),
        None => format!("v{version}.*"),
    };
    text.extend(lines(&format!(
        "found=$(kubeadm version -o short)\n\
         case $found in\n\
         \x20 {wanted}) ;;\n\
         \x20 *) die \"kubeadm is $found, and the spec asks for {version}\" ;;\n\
         esac"
    )));
    Phase::new("packages", text)
}

fn install(kubernetes: &Kubernetes, version: Version) -> Vec<String> {
    let base = kubernetes
        .mirror
        .as_deref()
        .unwrap_or(UPSTREAM)
        .trim_end_matches('/');
    let repository = quote(&format!("{base}/core:/stable:/v{}", version.line()));
    // Debian's versions go on with a revision after the patch, those of RPM too.
    let exact = |joint: &str| {
        let all = KUBERNETES.map(|name| match version.patch {
            Some(_) => format!("'{name}{joint}{version}-*'"),
            None => name.to_owned(),
        });
        all.join(" ")
    };
    let (deb, rpm, names) = (exact("="), exact("-"), KUBERNETES.join(" "));
    lines(&format!(
        "repository={repository}\n\
         if command -v apt-get >/dev/null; then\n\
         \x20 export DEBIAN_FRONTEND=noninteractive\n\
         \x20 apt='apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold'\n\
         \x20 retry $apt update\n\
         \x20 retry $apt install ca-certificates curl {BESIDE}\n\
         \x20 mkdir -p /etc/apt/keyrings\n\
         \x20 retry curl -fsSL --max-time 60 -o /etc/apt/keyrings/paas-kubernetes.asc \"$repository/deb/Release.key\"\n\
         \x20 echo \"deb [signed-by=/etc/apt/keyrings/paas-kubernetes.asc] $repository/deb/ /\" >/etc/apt/sources.list.d/paas-kubernetes.list\n\
         \x20 retry $apt update\n\
         \x20 retry $apt install {deb}\n\
         \x20 apt-mark hold {names}\n\
         elif command -v dnf >/dev/null; then\n\
         \x20 printf '[paas-kubernetes]\\nname=Kubernetes\\nbaseurl=%s/rpm/\\nenabled=1\\ngpgcheck=1\\ngpgkey=%s/rpm/repodata/repomd.xml.key\\n' \"$repository\" \"$repository\" >/etc/yum.repos.d/paas-kubernetes.repo\n\
         \x20 retry dnf -q -y install nftables iptables-nft conntrack-tools ethtool socat\n\
         \x20 dnf -q -y install containerd || retry dnf -q -y install containerd.io\n\
         \x20 retry dnf -q -y install {rpm}\n\
         else\n\
         \x20 die 'this image has neither apt-get nor dnf: use one of Debian, Ubuntu or Fedora, or spec.kubernetes.packages: Preinstalled'\n\
         fi"
    ))
}

/// The phase after which the container runtime runs, and the kubelet starts with the machine.
pub(super) fn runtime(kubernetes: &Kubernetes, packages: Packages) -> Phase {
    let mut text = Vec::new();
    if packages != Packages::Preinstalled {
        let registry = kubernetes.image_registry.as_deref();
        let registry = registry.map(|r| format!(" --image-repository {}", quote(r)));
        let registry = registry.unwrap_or_default();
        text = lines(&format!(
            "version=$(kubeadm version -o short)\n\
             pause=$(kubeadm config images list --kubernetes-version \"$version\"{registry} | grep '/pause:')\n\
             mkdir -p /etc/containerd /opt/cni/bin /etc/cni/net.d\n\
             sed \"s|@PAUSE@|$pause|\" {FOLDER}/containerd.toml >/etc/containerd/config.toml\n\
             systemctl restart containerd"
        ));
    }
    text.extend(lines(
        "systemctl enable --now containerd\n\
         systemctl enable kubelet",
    ));
    Phase::new("runtime", text)
}
