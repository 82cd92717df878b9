//! Access to a cluster that we installed: short-lived certificates from the stored authority, made when they are needed.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{boot::cluster_name, pki, yaml};
use crate::{
    clock::Clock,
    driver::ClusterAccess,
    error::Result,
    kube::access::from_kubeconfig,
    owner::Owner,
    secrets::{ExposeSecret, SecretStore, SecretString},
    spec::Installer,
};

/// As whom we come, in the API server's log.
pub const ADMIN: &str = "paas:admin";

/// The group that may do everything whatever RBAC says: nobody else may do anything before the first role is bound, and we are who
/// binds it. A certificate cannot be taken back, so it is good for [`LIFETIME`] only.
pub const ADMINS: &str = "system:masters";

/// How long a certificate of ours is good.
pub const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// How long before its end a certificate is not begun with any more.
const AHEAD: SignedDuration = SignedDuration::from_mins(15);

/// The name that the API server's certificate has always, by whatever address it is reached.
pub const SERVER_NAME: &str = "kubernetes";

/// Gives access to the cluster of a Platform.
#[async_trait]
pub trait Login: fmt::Debug + Send + Sync {
    /// A kubeconfig of its administrator, good for an hour.
    async fn kubeconfig(&self, access: &ClusterAccess) -> Result<SecretString>;
    /// A client of its administrator; ask again rather than keep it, since its certificate ends.
    async fn client(&self, access: &ClusterAccess) -> Result<kube::Client>;
}

/// [`Login`] by the authorities in the secret store.
pub struct PkiLogin {
    owner: Owner,
    store: Arc<dyn SecretStore>,
    clock: Arc<dyn Clock>,
    clients: Mutex<Clients>,
}

/// Clients by endpoint and server name, each with the time until which it is begun with.
type Clients = BTreeMap<(String, Option<String>), (kube::Client, Timestamp)>;

impl fmt::Debug for PkiLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PkiLogin")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl PkiLogin {
    /// Access to the cluster of `owner`.
    pub fn new(owner: Owner, store: Arc<dyn SecretStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            owner,
            store,
            clock,
            clients: Mutex::new(BTreeMap::new()),
        }
    }

    /// A kubeconfig for whomever, with key and certificate in it.
    ///
    /// # Errors
    /// [`crate::codes::CORE_SECRET_MISSING`], [`super::codes::INS_AUTHORITY`].
    pub async fn kubeconfig_for(
        &self,
        access: &ClusterAccess,
        user: &str,
        groups: &[&str],
        lifetime: Duration,
    ) -> Result<SecretString> {
        let (trusted, leaf) = self.issue(user, groups, lifetime).await?;
        let user = json!({
            "client-certificate-data": STANDARD.encode(&leaf.certificate),
            "client-key-data": STANDARD.encode(leaf.key.expose_secret()),
        });
        Ok(yaml::readable(&kubeconfig(&self.owner, access, &trusted, user))?.into())
    }

    /// What `kubectl` reads from a program that logs it in (client.authentication.k8s.io/v1), JSON: it keeps it until the certificate ends.
    ///
    /// # Errors
    /// As [`Self::kubeconfig_for`].
    pub async fn exec_credential(
        &self,
        user: &str,
        groups: &[&str],
        lifetime: Duration,
    ) -> Result<SecretString> {
        let (_, leaf) = self.issue(user, groups, lifetime).await?;
        let credential = json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {
                "clientCertificateData": leaf.certificate,
                "clientKeyData": leaf.key.expose_secret(),
                "expirationTimestamp": seconds(leaf.ends),
            },
        });
        Ok(credential.to_string().into())
    }

    /// The kubeconfig that runs a program for that, without any secret in it.
    ///
    /// # Errors
    /// As [`Self::kubeconfig_for`].
    pub async fn exec_kubeconfig(
        &self,
        access: &ClusterAccess,
        command: &str,
        arguments: &[&str],
    ) -> Result<String> {
        let pki = self.pki().await?;
        let user = json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": command,
            "args": arguments,
            "interactiveMode": "Never",
            "provideClusterInfo": false,
        }});
        let trusted = pki.trusted().unwrap_or_default();
        yaml::readable(&kubeconfig(&self.owner, access, trusted, user))
    }

    async fn issue(
        &self,
        user: &str,
        groups: &[&str],
        lifetime: Duration,
    ) -> Result<(String, pki::ClientCertificate)> {
        let pki = self.pki().await?;
        let leaf = pki.client_certificate(user, groups, lifetime, self.clock.now())?;
        Ok((pki.trusted().unwrap_or_default().to_owned(), leaf))
    }

    /// The stored authorities: kubeadm's, or those of k3s where they are there.
    pub(super) async fn pki(&self) -> Result<pki::Pki> {
        let k3s = self.store.get(&self.owner, pki::K3S_CLIENT).await?.is_some();
        let kind = if k3s { Installer::K3s } else { Installer::Kubeadm };
        pki::Pki::stored(&*self.store, &self.owner, kind).await
    }

    fn kept(&self, key: &(String, Option<String>)) -> Option<kube::Client> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let (client, until) = clients.get(key)?;
        (self.clock.now() < *until).then(|| client.clone())
    }
}

#[async_trait]
impl Login for PkiLogin {
    async fn kubeconfig(&self, access: &ClusterAccess) -> Result<SecretString> {
        self.kubeconfig_for(access, ADMIN, &[ADMINS], LIFETIME).await
    }

    async fn client(&self, access: &ClusterAccess) -> Result<kube::Client> {
        let key = (access.endpoint.clone(), access.server_name.clone());
        if let Some(client) = self.kept(&key) {
            return Ok(client);
        }
        let until = crate::ledger::later(self.clock.now(), LIFETIME) - AHEAD;
        let client = from_kubeconfig(&self.kubeconfig(access).await?, None).await?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(key, (client.clone(), until));
        Ok(client)
    }
}

fn kubeconfig(owner: &Owner, access: &ClusterAccess, trusted: &str, user: Value) -> Value {
    let name = cluster_name(owner);
    let mut cluster = json!({
        "server": access.endpoint,
        "certificate-authority-data": STANDARD.encode(trusted),
    });
    if let Some(server_name) = &access.server_name {
        cluster["tls-server-name"] = json!(server_name);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    })
}

/// As Kubernetes writes times: whole seconds.
pub(super) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}
