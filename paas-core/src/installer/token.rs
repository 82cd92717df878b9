//! The token by which one machine joins its cluster: made for it alone, good for a short time, forgotten once it has joined.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{codes::INS_TOKEN, login::seconds};
use crate::{
    error::{Class, Error, Result},
    owner::Owner,
    secrets::{ExposeSecret, Generate, SecretStore, SecretString},
};

/// The group whose members kubeadm lets join.
const KUBEADM: &str = "system:bootstrappers:kubeadm:default-node-token";

/// The same of k3s.
pub(super) const K3S: &str = "system:bootstrappers:k3s:default-node-token";

/// How the names of kept tokens begin.
pub(super) const PREFIX: &str = "join-";

/// The type of the Secret in `kube-system` that is a token to the cluster.
pub const SECRET_TYPE: &str = "bootstrap.kubernetes.io/token";

/// A token for joining: `[a-z0-9]{6}.[a-z0-9]{16}`. The first half is its name and no secret.
#[derive(Clone)]
pub struct BootstrapToken {
    machine: String,
    id: String,
    secret: SecretString,
}

impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BootstrapToken")
            .field("machine", &self.machine)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl BootstrapToken {
    /// A token made of chance: 113 bits of it if there are that many in `random`. It begins with a letter, so that nothing takes it for
    /// a number.
    fn make(machine: &str, random: &SecretString) -> Self {
        const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let digest = Sha256::digest(random.expose_secret().as_bytes());
        let letter = |(n, byte): (usize, &u8)| {
            let of = if n == 0 { 26 } else { 36 };
            char::from(LETTERS[usize::from(*byte) % of])
        };
        let text: String = digest.iter().take(22).enumerate().map(letter).collect();
        let (id, secret) = text.split_at(6);
        Self {
            machine: machine.to_owned(),
            id: id.to_owned(),
            secret: secret.to_owned().into(),
        }
    }

    fn read(machine: &str, text: &SecretString) -> Result<Self> {
        let good = |part: &str, length| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        match text.expose_secret().split_once('.') {
            Some((id, secret)) if good(id, 6) && good(secret, 16) => Ok(Self {
                machine: machine.to_owned(),
                id: id.to_owned(),
                secret: secret.to_owned().into(),
            }),
            _ => Err(Error::new(&INS_TOKEN, Class::Blocked)
                .attempted(format!("read the token of {machine}"))
                .happened(format!("the secret {} is no token", name(machine)))),
        }
    }

    /// The half that may be seen.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The half that may not.
    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// The token whole.
    pub fn text(&self) -> SecretString {
        format!("{}.{}", self.id, self.secret.expose_secret()).into()
    }

    /// The name of its Secret in `kube-system`.
    pub fn secret_name(&self) -> String {
        format!("bootstrap-token-{}", self.id)
    }

    /// What is in that Secret, of type [`SECRET_TYPE`], as `stringData`: for a cluster of kubeadm. It holds the token.
    pub fn data(&self, expiration: Timestamp) -> Value {
        self.written(KUBEADM, &seconds(expiration))
    }

    /// The same for a cluster of k3s.
    pub fn k3s_data(&self, expiration: Timestamp) -> Value {
        self.written(K3S, &seconds(expiration))
    }

    fn written(&self, group: &str, expiration: &str) -> Value {
        let mut data = described(&self.machine, group, expiration);
        data["token-id"] = json!(self.id);
        data["token-secret"] = json!(self.secret.expose_secret());
        data
    }
}

/// The data of a token's Secret but for the token.
pub(super) fn described(machine: &str, group: &str, expiration: &str) -> Value {
    json!({
        "description": format!("for {machine} to join, made by paas"),
        "token-id": "",
        "token-secret": "",
        "expiration": expiration,
        "usage-bootstrap-authentication": "true",
        "usage-bootstrap-signing": "true",
        "auth-extra-groups": group,
    })
}

/// The name under which a machine's token is kept.
pub fn name(machine: &str) -> String {
    format!("{PREFIX}{machine}")
}

/// The token of a machine, made and kept now if there is none.
///
/// # Errors
/// [`INS_TOKEN`]; those of the store.
pub async fn ensure(
    store: &dyn SecretStore,
    owner: &Owner,
    machine: &str,
    random: &dyn Generate,
) -> Result<BootstrapToken> {
    if let Some(token) = stored(store, owner, machine).await? {
        return Ok(token);
    }
    let fresh = BootstrapToken::make(machine, &random.secret()).text();
    let kept = store.put_if_absent(owner, &name(machine), fresh).await?;
    BootstrapToken::read(machine, &kept)
}

/// The token of a machine, if it has one.
///
/// # Errors
/// As [`ensure`].
pub async fn stored(store: &dyn SecretStore, owner: &Owner, machine: &str) -> Result<Option<BootstrapToken>> {
    let text = store.get(owner, &name(machine)).await?;
    text.map(|text| BootstrapToken::read(machine, &text)).transpose()
}

/// Forgets the token of a machine.
///
/// # Errors
/// Those of the store.
pub async fn forget(store: &dyn SecretStore, owner: &Owner, machine: &str) -> Result<()> {
    store.delete(owner, &name(machine)).await
}
