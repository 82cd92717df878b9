//! The Secret by which a cluster speaks to its cloud: `cloud.conf` for the controller manager and the storage driver.
//!
//! The file is read by gcfg: values with `#`, `;`, a quote or a backslash in them stand in quotes, in which quote and backslash are
//! escaped.

use std::fmt::{self, Write};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    documents,
    facts::Facts,
    wire::{Objects, wired},
};
use crate::{
    driver::Outputs,
    error::{Class, Error, Result},
    installer::codes::INS_CLOUD,
    resource::Key,
    secrets::SecretRef,
    spec::PlatformSpec,
};

/// The addon's name.
pub const NAME: &str = "cloud";

/// The Secret.
pub const SECRET: &str = "cloud-config";

/// The annotation of pods that read the Secret: they begin anew when it changes.
pub const ANNOTATION: &str = "paas.rs/cloud-config";

/// Where pods have the Secret's files.
pub(super) const FOLDER: &str = "/etc/config";

const ID: &str = "${application-credential-id}";
const PASSWORD: &str = "${application-credential-secret}";

/// What a cluster has to know of its OpenStack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudConfig {
    /// Keystone's URL.
    pub auth_url: String,
    /// The region.
    pub region: String,
    /// The id of an application credential. With its fingerprint: it is never generated.
    pub credential_id: SecretRef,
    /// Its secret, likewise. What is stored must need no escaping: digits, letters, `-` and `_`, as Keystone makes them.
    pub credential_secret: SecretRef,
    /// The authorities that the cloud's certificates are signed by, PEM; `None` for those that the images know.
    pub ca: Option<String>,
    /// The name of the machines' network: with several, which addresses are the nodes'.
    pub internal_network: Option<String>,
    /// The network that load balancers get their public addresses from, by id.
    pub floating_network: Option<String>,
    /// The subnet that load balancers are in, by id.
    pub subnet: Option<String>,
    /// Octavia's provider: `amphora`, `ovn`.
    pub load_balancer_provider: Option<String>,
    /// True if the zones of volumes are not those of machines: then any volume fits any machine.
    pub ignore_volume_zone: bool,
}

/// What a driver is told of the cloud.
pub trait CloudFacts: fmt::Debug + Send + Sync {
    /// The cloud of a cluster, `None` while it is not known: before there is a network, or a credential. Asks nobody.
    ///
    /// # Errors
    /// [`INS_CLOUD`] where the cluster will never have access: no credential can be made.
    fn cloud(&self, spec: &PlatformSpec, from: &Outputs) -> Result<Option<CloudConfig>>;
}

/// Of a platform whose cluster speaks to no cloud.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCloud;

impl CloudFacts for NoCloud {
    fn cloud(&self, _spec: &PlatformSpec, _from: &Outputs) -> Result<Option<CloudConfig>> {
        Err(missing("there is no credential for the cluster"))
    }
}

impl CloudFacts for CloudConfig {
    fn cloud(&self, _spec: &PlatformSpec, _from: &Outputs) -> Result<Option<CloudConfig>> {
        Ok(Some(self.clone()))
    }
}

impl CloudConfig {
    /// What stands in its place while it is not known: its keys are, and nothing of it is written.
    pub(super) fn unknown() -> Self {
        let secret = |name: &str| SecretRef {
            name: name.to_owned(),
            fingerprint: String::new(),
        };
        Self {
            auth_url: "unknown".to_owned(),
            region: "unknown".to_owned(),
            credential_id: secret("unknown-id"),
            credential_secret: secret("unknown-secret"),
            ca: None,
            internal_network: None,
            floating_network: None,
            subnet: None,
            load_balancer_provider: None,
            ignore_volume_zone: false,
        }
    }

    /// # Errors
    /// [`INS_CLOUD`] for a credential that would be generated, and for values that no line can have.
    pub(super) fn check(&self) -> Result<()> {
        for secret in [&self.credential_id, &self.credential_secret] {
            if secret.fingerprint.is_empty() {
                return Err(missing(format!(
                    "the secret '{}' has no known value",
                    secret.name
                )));
            }
        }
        let others = [
            &self.internal_network,
            &self.floating_network,
            &self.subnet,
            &self.load_balancer_provider,
        ];
        let texts = [&self.auth_url, &self.region];
        for text in texts.into_iter().chain(others.into_iter().flatten()) {
            if text.is_empty() || text.chars().any(char::is_control) {
                return Err(missing(format!(
                    "'{}' cannot be written into cloud.conf",
                    text.escape_debug()
                )));
            }
        }
        Ok(())
    }

    /// The file, with placeholders for what is secret.
    pub fn text(&self) -> String {
        let provider = self.load_balancer_provider.as_deref();
        // OVN's load balancers know this method alone.
        let method = provider.map(|p| {
            if p == "ovn" {
                "SOURCE_IP_PORT"
            } else {
                "ROUND_ROBIN"
            }
        });
        let mut file = String::new();
        section(
            &mut file,
            "Global",
            &[
                ("auth-url", Some(&self.auth_url)),
                ("region", Some(&self.region)),
                ("ca-file", self.ca.as_ref().map(|_| "/etc/config/ca.crt")),
            ],
        );
        let _ = writeln!(file, "application-credential-id=\"{ID}\"");
        let _ = writeln!(file, "application-credential-secret=\"{PASSWORD}\"");
        section(
            &mut file,
            "Networking",
            &[("internal-network-name", self.internal_network.as_deref())],
        );
        section(
            &mut file,
            "LoadBalancer",
            &[
                ("floating-network-id", self.floating_network.as_deref()),
                ("subnet-id", self.subnet.as_deref()),
                ("lb-provider", provider),
                ("lb-method", method),
                ("create-monitor", Some("true")),
                ("manage-security-groups", Some("true")),
                // Each Service has a load balancer of its own, named after the cluster: so it is found when the cluster goes.
                ("max-shared-lb", Some("1")),
            ],
        );
        let ignored = self.ignore_volume_zone.then_some("true");
        section(&mut file, "BlockStorage", &[("ignore-volume-az", ignored)]);
        section(
            &mut file,
            "Metadata",
            &[("search-order", Some("configDrive,metadataService"))],
        );
        file
    }

    /// What tells this file from another one; nothing can be learned from it.
    pub(super) fn fingerprint(&self) -> String {
        let secrets = [
            &self.credential_id.fingerprint,
            &self.credential_secret.fingerprint,
        ];
        let all = json!([self.text(), self.ca, secrets]).to_string();
        Sha256::digest(all.as_bytes())
            .iter()
            .take(16)
            .map(|b| format!("{b:02x}"))
            .collect()
    }
}

/// One section, unless nothing is in it.
fn section(file: &mut String, title: &str, lines: &[(&str, Option<&str>)]) {
    if lines.iter().all(|(_, value)| value.is_none()) {
        return;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(file, "[{title}]");
    for (name, value) in lines.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
        let _ = writeln!(file, "{name}={}", quoted(value));
    }
}

/// A value as gcfg reads it back.
fn quoted(value: &str) -> String {
    let needs = |c: char| matches!(c, '#' | ';' | '"' | '\\') || c.is_whitespace();
    match value.chars().any(needs) {
        true => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
        false => value.to_owned(),
    }
}

/// The Secret of a cluster that speaks to its cloud.
///
/// # Errors
/// [`INS_CLOUD`] if nothing is known of the cloud.
pub fn objects(facts: &Facts) -> Result<Objects> {
    let cloud = of(facts)?;
    let mut files = json!({"cloud.conf": cloud.text()});
    if let Some(ca) = &cloud.ca {
        files["ca.crt"] = ca.as_str().into();
    }
    let document = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": "kube-system"},
        "type": "Opaque",
        "stringData": files,
    });
    let secret = documents::object(document)?
        .secret(ID, cloud.credential_id.clone())
        .secret(PASSWORD, cloud.credential_secret.clone());
    wired(NAME, "kube-system", vec![secret])
}

/// The key of the Secret.
pub(super) fn key() -> Result<Key> {
    Key::new(format!("{NAME}/secret/{SECRET}"))
}

pub(super) fn of(facts: &Facts) -> Result<&CloudConfig> {
    facts
        .cloud
        .as_ref()
        .ok_or_else(|| missing("nothing is known of the cloud"))
}

pub(super) fn missing(what: impl Into<String>) -> Error {
    Error::new(&INS_CLOUD, Class::Blocked)
        .attempted("give the cluster access to its cloud")
        .happened(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_gcfg_would_read_something_else() {
        assert_eq!(quoted("https://a:5000/v3"), "https://a:5000/v3");
        assert_eq!(quoted("a net"), "\"a net\"");
        assert_eq!(quoted("a;b#c"), "\"a;b#c\"");
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
    }

    #[test]
    fn a_credential_without_a_value_and_a_value_with_a_line_break_are_refused() {
        let known = |name: &str| SecretRef::to(name, &"x".repeat(40).into());
        let good = CloudConfig {
            credential_id: known("id"),
            credential_secret: known("secret"),
            ..CloudConfig::unknown()
        };
        good.check().unwrap();
        let generated = CloudConfig {
            credential_id: CloudConfig::unknown().credential_id,
            ..good.clone()
        };
        let broken = CloudConfig {
            region: "a\n[Global]".to_owned(),
            ..good
        };
        for bad in [generated, broken] {
            assert_eq!(bad.check().unwrap_err().code().id, INS_CLOUD.id);
        }
    }
}
