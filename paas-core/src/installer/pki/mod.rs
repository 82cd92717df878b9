//! The authorities that a cluster stands on: made before its first machine, kept in the secret store, and never made anew.

mod authority;
pub(super) mod der;
pub mod hash;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};

pub use authority::{Authority, ClientCertificate};
use authority::{lines, unusable};

use super::content::Part;
use crate::{
    clock::Clock,
    codes::CORE_SECRET_MISSING,
    error::{Class, Error, Result},
    owner::Owner,
    secrets::{ExposeSecret, Generate, SecretStore, SecretString},
    spec::Installer,
};

/// How the names of all these secrets begin.
pub(super) const PREFIX: &str = "pki-";

/// The key that service accounts' tokens are signed with; it has no certificate.
pub const SERVICE_ACCOUNT: &str = "pki-service-account";

/// Of kubeadm: who signs for the API server and its clients, for etcd, and for the API server towards its extensions.
pub const KUBERNETES: &str = "pki-kubernetes";
/// See [`KUBERNETES`].
pub const ETCD: &str = "pki-etcd";
/// See [`KUBERNETES`].
pub const FRONT_PROXY: &str = "pki-front-proxy";

/// Of k3s: who signs for servers, for clients, for the API server towards its extensions, and for etcd.
pub const K3S_SERVER: &str = "pki-k3s-server";
/// See [`K3S_SERVER`].
pub const K3S_CLIENT: &str = "pki-k3s-client";
/// See [`K3S_SERVER`].
pub const K3S_REQUEST_HEADER: &str = "pki-k3s-request-header";
/// See [`K3S_SERVER`].
pub const K3S_ETCD_PEER: &str = "pki-k3s-etcd-peer";
/// See [`K3S_SERVER`].
pub const K3S_ETCD_SERVER: &str = "pki-k3s-etcd-server";

/// The password of k3s servers, which also encrypts what they keep about themselves.
pub const K3S_SERVER_PASSWORD: &str = "pki-k3s-server-password";
/// The password that any agent could join with: set, so that k3s does not take the servers' for it, and given to nobody.
pub const K3S_AGENT_PASSWORD: &str = "pki-k3s-agent-password";

/// The authorities of a kind of cluster.
pub fn authorities(installer: Installer) -> &'static [&'static str] {
    match installer {
        Installer::Kubeadm => &[KUBERNETES, ETCD, FRONT_PROXY],
        Installer::K3s => &[
            K3S_SERVER,
            K3S_CLIENT,
            K3S_REQUEST_HEADER,
            K3S_ETCD_PEER,
            K3S_ETCD_SERVER,
        ],
        Installer::None => &[],
    }
}

fn passwords(installer: Installer) -> &'static [&'static str] {
    match installer {
        Installer::K3s => &[K3S_SERVER_PASSWORD, K3S_AGENT_PASSWORD],
        Installer::Kubeadm | Installer::None => &[],
    }
}

/// What a cluster stands on, as it is stored.
#[derive(Debug, Clone)]
pub struct Pki {
    owner: Owner,
    authorities: BTreeMap<&'static str, Authority>,
    stored: BTreeMap<&'static str, SecretString>,
}

impl Pki {
    /// What is stored; what is missing is made where `first` is true, and kept before anything uses it: of several that make it at
    /// once, the one that is stored first counts for all.
    ///
    /// # Errors
    /// [`CORE_SECRET_MISSING`] where `first` is false and something is missing: the machines that are there trust the authority that is
    /// gone, and no new one. [`super::codes::INS_AUTHORITY`] if what is stored cannot be used.
    pub async fn ensure(
        store: &dyn SecretStore,
        owner: &Owner,
        installer: Installer,
        first: bool,
        random: &dyn Generate,
        clock: &dyn Clock,
    ) -> Result<Self> {
        let mut pki = Self {
            owner: owner.clone(),
            authorities: BTreeMap::new(),
            stored: BTreeMap::new(),
        };
        if installer == Installer::None {
            return Ok(pki);
        }
        for name in authorities(installer) {
            let make = || Authority::generate(owner, name, clock.now());
            let secret = kept(store, owner, name, first, make).await?;
            pki.authorities
                .insert(name, Authority::open(owner, name, &secret)?);
        }
        let key = kept(store, owner, SERVICE_ACCOUNT, first, signing_key).await?;
        public_key(&key)?;
        pki.stored.insert(SERVICE_ACCOUNT, key);
        for name in passwords(installer) {
            let secret = kept(store, owner, name, first, || Ok(random.secret())).await?;
            pki.stored.insert(name, secret);
        }
        Ok(pki)
    }

    /// What is stored, with nothing made.
    ///
    /// # Errors
    /// As [`Self::ensure`] where `first` is false.
    pub async fn stored(store: &dyn SecretStore, owner: &Owner, installer: Installer) -> Result<Self> {
        Self::ensure(
            store,
            owner,
            installer,
            false,
            &Nothing,
            &crate::clock::SystemClock,
        )
        .await
    }

    /// An authority by its secret's name.
    pub fn authority(&self, name: &str) -> Option<&Authority> {
        self.authorities.get(name)
    }

    /// All authorities, each with its secret's name.
    pub(super) fn authorities_by_name(&self) -> impl Iterator<Item = (&'static str, &Authority)> {
        self.authorities
            .iter()
            .map(|(name, authority)| (*name, authority))
    }

    /// A certificate for a client of the API server, as `user` in `groups`. It is good at once, also on machines whose clock goes
    /// five minutes behind.
    ///
    /// # Errors
    /// [`super::codes::INS_AUTHORITY`].
    pub fn client_certificate(
        &self,
        user: &str,
        groups: &[&str],
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<ClientCertificate> {
        let signer = [KUBERNETES, K3S_CLIENT];
        let signer = signer.iter().find_map(|name| self.authorities.get(name));
        let signer = signer.ok_or_else(|| missing(&self.owner, KUBERNETES))?;
        client_certificate(signer, user, groups, lifetime, now)
    }

    /// The certificate by which the API server is known, PEM.
    pub fn trusted(&self) -> Option<&str> {
        let server = [KUBERNETES, K3S_SERVER];
        let server = server.iter().find_map(|name| self.authorities.get(name));
        server.map(Authority::certificate)
    }

    /// A part of one of these secrets; `None` if the secret is none of them.
    ///
    /// # Errors
    /// [`super::codes::INS_AUTHORITY`].
    pub(super) fn part(&self, name: &str, part: Part) -> Result<Option<SecretString>> {
        if let Some(authority) = self.authorities.get(name) {
            return Ok(Some(match part {
                Part::Certificate => authority.certificate().to_owned().into(),
                Part::Pin => authority.pin()?.into(),
                Part::Hash => authority.hash()?.into(),
                Part::Key => authority.key().clone(),
                Part::Whole | Part::PublicKey | Part::TokenId | Part::TokenSecret => return Ok(None),
            }));
        }
        let Some(secret) = self.stored.get(name) else {
            return Ok(None);
        };
        match part {
            Part::PublicKey => Ok(Some(public_key(secret)?.into())),
            _ => Ok(Some(secret.clone())),
        }
    }
}

/// A certificate for a client, signed by `authority`.
///
/// # Errors
/// [`super::codes::INS_AUTHORITY`].
pub fn client_certificate(
    authority: &Authority,
    user: &str,
    groups: &[&str],
    lifetime: Duration,
    now: Timestamp,
) -> Result<ClientCertificate> {
    authority.sign(user, groups, lifetime, now)
}

/// Chance for where nothing is made.
#[derive(Debug)]
struct Nothing;

impl Generate for Nothing {
    fn secret(&self) -> SecretString {
        SecretString::default()
    }
}

async fn kept(
    store: &dyn SecretStore,
    owner: &Owner,
    name: &str,
    first: bool,
    make: impl FnOnce() -> Result<SecretString> + Send,
) -> Result<SecretString> {
    if let Some(secret) = store.get(owner, name).await? {
        return Ok(secret);
    }
    if !first {
        return Err(missing(owner, name));
    }
    store.put_if_absent(owner, name, make()?).await
}

pub(super) fn missing(owner: &Owner, name: &str) -> Error {
    Error::new(&CORE_SECRET_MISSING, Class::Blocked)
        .attempted(format!("find what the cluster of {owner} stands on"))
        .happened(format!(
            "the secret {name} is missing, and the cluster's machines are there; the authority of an existing cluster is never made anew"
        ))
        .remedy(format!(
            "Bring the secret {name} back from where the cluster was made: PAAS_HOME of that machine, or the Secrets of its operator."
        ))
}

fn signing_key() -> Result<SecretString> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256);
    let key = key.map_err(|e| unusable(SERVICE_ACCOUNT, Class::Internal, e.to_string()))?;
    Ok(lines(key.serialize_pem()).into())
}

fn public_key(secret: &SecretString) -> Result<String> {
    let key = KeyPair::from_pem(secret.expose_secret());
    let key = key.map_err(|_| {
        unusable(
            SERVICE_ACCOUNT,
            Class::Blocked,
            "the key cannot be read".to_owned(),
        )
    })?;
    Ok(lines(key.public_key_pem()))
}
