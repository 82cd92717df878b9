//! What every machine of a cluster gets, whatever installs Kubernetes: settings of its kernel, the rule that keeps pods from the cloud's
//! metadata, and its own id.

use super::{
    cloud_init::{File, Mode},
    content::Content,
    script::{Phase, quote},
};
use crate::spec::PlatformSpec;

/// Where files lie until the script puts them where they belong.
pub(super) const FOLDER: &str = "/etc/paas";

/// What the script puts the machine's id in the place of.
pub(super) const INSTANCE_ID: &str = "@INSTANCE_ID@";

/// The file that keeps pods from the metadata service. User-data holds what a pod must not know, and a cloud hands it out to whoever
/// asks from the machine. Only what is forwarded is dropped: the machine's own processes, cloud-init and drivers of volumes, go on
/// asking. After the addresses of Services were replaced, so that none of them leads there either.
const RULES: &str = "\
# Pods do not reach the metadata service of the cloud: it knows this machine's user-data.
table inet paas_metadata
delete table inet paas_metadata
table inet paas_metadata {
  chain forward {
    type filter hook forward priority -160; policy accept;
    ip daddr 169.254.169.254 counter drop
    ip6 daddr fe80::a9fe:a9fe counter drop
  }
}
";

const RULES_UNIT: &str = "paas-metadata-rule.service";

/// The id as cloud-init keeps it, in the file that all its versions have.
const IDENTITY: &str = "\
id=$(cat /var/lib/cloud/data/instance-id)
case $id in
  ????????-????-????-????-????????????) ;;
  *) die \"cloud-init knows this machine as '$id', which is no server's id of OpenStack\" ;;
esac";

/// Settings of the kernel that pods' networks need.
const SYSCTL: &str = "\
net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
";

/// Lines of a text of shell.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// The files; `kubelet` is the unit that starts pods, which does not start without the rule.
pub(super) fn files(kubelet: &str) -> Vec<File> {
    let unit = format!(
        "[Unit]\n\
         Description=Keeps pods from the metadata service of the cloud\n\
         After=nftables.service firewalld.service ufw.service\n\
         Before={kubelet}\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         ExecStart=/usr/sbin/nft -f {FOLDER}/metadata.nft\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n\
         RequiredBy={kubelet}\n"
    );
    vec![
        file(
            "/etc/modules-load.d/paas.conf",
            Mode::Public,
            "br_netfilter\noverlay\n",
        ),
        file("/etc/sysctl.d/90-paas.conf", Mode::Public, SYSCTL),
        file(&format!("{FOLDER}/metadata.nft"), Mode::Public, RULES),
        file(&format!("/etc/systemd/system/{RULES_UNIT}"), Mode::Public, unit),
    ]
}

/// A file of text without secrets.
pub(super) fn file(path: &str, mode: Mode, text: impl Into<String>) -> File {
    File {
        path: path.to_owned(),
        mode,
        content: Content::text(text),
    }
}

/// The first phase. Where nobody's key is given to the machine, nobody can log in to it, and it does not listen for that either.
pub(super) fn system(spec: &PlatformSpec) -> Phase {
    let cloud = spec.infrastructure.open_stack.as_ref();
    let mut text = lines(
        "modprobe br_netfilter 2>/dev/null || [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || die 'the kernel has no br_netfilter'\n\
         modprobe overlay 2>/dev/null || grep -qw overlay /proc/filesystems || die 'the kernel has no overlay file systems'\n\
         sysctl -q -p /etc/sysctl.d/90-paas.conf",
    );
    if cloud.is_none_or(|cloud| cloud.ssh_public_key.is_none()) {
        text.extend(lines(
            "for unit in ssh.socket ssh.service sshd.socket sshd.service; do\n\
             \x20 [ ! -e \"/lib/systemd/system/$unit\" ] || systemctl disable --now \"$unit\"\n\
             done",
        ));
    }
    Phase::new("system", text)
}

/// The phase before the first pod.
pub(super) fn metadata_rule() -> Phase {
    Phase::new(
        "metadata-rule",
        [
            "systemctl daemon-reload".to_owned(),
            format!("systemctl enable --now {RULES_UNIT}"),
            "nft list table inet paas_metadata".to_owned(),
        ],
    )
}

/// The phase that puts what only the machine itself knows into a file: its id, and what `more` sets as `NAME` for `@NAME@`.
pub(super) fn identity(from: &str, to: &str, more: &[(&str, &str)]) -> Phase {
    let mut text = lines(IDENTITY);
    let mut edit = format!("sed -e \"s|{INSTANCE_ID}|$id|g\"");
    for (name, command) in more {
        text.push(format!("{name}={command}"));
        edit.push_str(&format!(" -e \"s|@{name}@|${name}|g\""));
    }
    text.push(format!("mkdir -p \"$(dirname {})\"", quote(to)));
    text.push("umask 077".to_owned());
    text.push(format!("{edit} {} >{}", quote(from), quote(to)));
    Phase::new("identity", text)
}

/// A line that ends the phase if a program is not there.
pub(super) fn required(programs: &[&str]) -> Vec<String> {
    let all = programs.join(" ");
    lines(&format!(
        "missing=\n\
         for program in {all}; do\n\
         \x20 command -v \"$program\" >/dev/null || missing=\"$missing $program\"\n\
         done\n\
         [ -z \"$missing\" ] || die \"the image lacks$missing: spec.kubernetes.packages is Preinstalled, so nothing is installed here\""
    ))
}

/// The last phase: what a machine needs only once does not stay on its disk.
pub(super) fn tidy(files: &[&str]) -> Phase {
    let own = files.iter().map(|file| quote(file)).collect::<Vec<_>>().join(" ");
    Phase::new(
        "tidy",
        [
            format!("rm -f {own}"),
            "rm -f /var/lib/cloud/instance/cloud-config.txt /var/lib/cloud/instance/user-data.txt /var/lib/cloud/instance/user-data.txt.i"
                .to_owned(),
        ],
    )
}
