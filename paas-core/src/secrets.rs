//! Secrets: a type, a reference, and a store. Resources and plans hold references; actuators resolve them at call time (law 9).

mod file;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{error::Error, owner::Owner};

pub use file::FileSecrets;
pub use secrecy::{ExposeSecret, SecretString};

/// A secret's name and the first half of the SHA-256 of its value, so that a change can be seen and the value cannot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// The name inside its owner.
    pub name: String,
    /// 32 hexadecimal digits; empty for whatever value is stored, and for one that is yet to be generated.
    pub fingerprint: String,
}

impl SecretRef {
    /// The reference to `value` under `name`. The value must be one of ours: long and random, so that the fingerprint tells nothing.
    pub fn to(name: impl Into<String>, value: &SecretString) -> Self {
        let digest = Sha256::digest(value.expose_secret().as_bytes());
        Self {
            name: name.into(),
            fingerprint: digest.iter().take(16).map(|b| format!("{b:02x}")).collect(),
        }
    }
}

/// Where secrets live, by owner.
///
/// Laws: `put_if_absent` is atomic between processes and returns what is stored afterwards, which is the earlier value if there
/// was one; a value is durable before the call returns; `delete` of what is not there is no error.
#[async_trait]
pub trait SecretStore: fmt::Debug + Send + Sync {
    /// The value, if there is one.
    async fn get(&self, owner: &Owner, name: &str) -> Result<Option<SecretString>, Error>;
    /// Stores the value unless one is there; the one that counts is returned.
    async fn put_if_absent(
        &self,
        owner: &Owner,
        name: &str,
        value: SecretString,
    ) -> Result<SecretString, Error>;
    /// Forgets the value.
    async fn delete(&self, owner: &Owner, name: &str) -> Result<(), Error>;
    /// The names that are there, sorted.
    async fn list(&self, owner: &Owner) -> Result<Vec<String>, Error>;
    /// Forgets everything of an owner, also what an interrupted `put_if_absent` left.
    async fn forget(&self, owner: &Owner) -> Result<(), Error>;
}

/// Makes secrets. Chance is injected, so that runs can be replayed (law 10).
pub trait Generate: fmt::Debug + Send + Sync {
    /// A fresh secret of at least 128 bits, of characters that need no quoting anywhere: letters and digits.
    fn secret(&self) -> SecretString;
}

/// The system's own randomness: 190 bits.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Generate for SystemRandom {
    #[allow(clippy::disallowed_methods, reason = "the one place where chance enters")]
    fn secret(&self) -> SecretString {
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut text = String::with_capacity(32);
        while text.len() < 32 {
            for byte in uuid::Uuid::new_v4().as_bytes() {
                // Version and variant bits are fixed in bytes 6 and 8; bytes above 247 would make some letters likelier.
                let random = *byte < 248 && text.len() < 32;
                if random {
                    text.push(char::from(LETTERS[usize::from(*byte) % 62]));
                }
            }
        }
        SecretString::from(text)
    }
}
