//! One cloud, resolved: where it is, who we are, and what was said about its services. Nothing here reads files or the environment.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use secrecy::SecretString;
use url::Url;

use crate::client::service::Kind;

/// What a client needs to know of a cloud.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// Its name in clouds.yaml, or `envvars`; for messages.
    pub name: String,
    /// Where Keystone is, with or without `/v3`.
    pub auth_url: Url,
    /// Who we are there.
    pub identity: Identity,
    /// What the token is for.
    pub scope: Scope,
    /// The region; without one, a catalog with several is refused rather than guessed.
    pub region: Option<String>,
    /// Interfaces of endpoints, the preferred one first: `public`, `internal`, `admin`.
    pub interfaces: Vec<String>,
    /// How TLS is checked.
    pub tls: Tls,
    /// What was said about single services.
    pub services: BTreeMap<Kind, ServiceOptions>,
    /// The deadline of one HTTP exchange.
    pub timeout: Option<Duration>,
}

/// Who asks Keystone for a token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Identity {
    /// `v3password`.
    Password {
        /// The user.
        user: Named,
        /// Its password.
        password: SecretString,
    },
    /// `v3applicationcredential`, by id.
    ApplicationCredential {
        /// Its id, or its name together with the user whose it is.
        credential: Credential,
        /// Its secret.
        secret: SecretString,
    },
    /// `v3token`: a token that somebody else got.
    Token(SecretString),
}

/// An application credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// By id.
    Id(String),
    /// By name, which is unique for one user only.
    Name {
        /// Its name.
        name: String,
        /// Whose it is.
        user: Named,
    },
}

/// A user or a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By id, which is unique.
    Id(String),
    /// By name, which is unique in its domain.
    Name {
        /// Its name.
        name: String,
        /// The domain that it belongs to.
        domain: Domain,
    },
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// A project.
    Project(Named),
    /// A domain.
    Domain(Domain),
    /// The whole system.
    System,
    /// Whatever Keystone gives by itself: the user's default project, or the one of the application credential.
    Unspecified,
}

/// How TLS is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// False accepts every certificate: whoever is on the way can read the password.
    pub verify: bool,
    /// Certificates that are trusted beside the system's.
    pub ca: Option<PathBuf>,
    /// Our own certificate, with its key.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            verify: true,
            ca: None,
            client: None,
        }
    }
}

/// What was said about one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceOptions {
    /// Used instead of what the catalog says.
    pub endpoint: Option<Url>,
    /// Another region than the cloud's.
    pub region: Option<String>,
    /// Other interfaces than the cloud's.
    pub interfaces: Vec<String>,
    /// The newest microversion that may be used.
    pub microversion: Option<String>,
}
