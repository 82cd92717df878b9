//! A token and what Keystone says with it.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use paas_core::secrets::SecretString;
use serde::Deserialize;

use super::{catalog::Catalog, lenient::nullable};

/// Who we are to the cloud, for how long, and where its services are.
pub struct Token {
    pub(crate) secret: SecretString,
    /// Who we are.
    pub user: Named,
    /// The project that it is for, if it is for one.
    pub project: Option<Named>,
    /// The domain that it is for, if it is for one.
    pub domain: Option<Named>,
    /// It is for the whole system.
    pub system: bool,
    /// What we may do there.
    pub roles: Vec<Named>,
    /// How we proved who we are: `password`, `application_credential`, `token`.
    pub methods: Vec<String>,
    /// The application credential that it was made with.
    pub application_credential: Option<Named>,
    /// That application credential may neither make nor delete others.
    pub restricted: bool,
    /// When Keystone made it, by Keystone's clock.
    pub issued: Option<Timestamp>,
    /// When it ends, by Keystone's clock.
    pub expires: Option<Timestamp>,
    /// When the password has to be changed, where the cloud asks for that.
    pub password_expires: Option<String>,
    /// Where the services are; empty for a token without a project.
    pub catalog: Catalog,
}

/// Something with an id and a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Named {
    /// Unique.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    /// For people.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// The domain it belongs to, where that is said.
    pub domain: Option<Box<Named>>,
}

impl Token {
    /// How long it lives from its making on, by Keystone's clock alone: so it does not matter whether ours is right.
    pub fn lifetime(&self) -> Option<Duration> {
        Duration::try_from(self.expires?.duration_since(self.issued?)).ok()
    }

    /// Reads Keystone's answer.
    pub(crate) fn read(body: &[u8], secret: SecretString) -> Result<Self, String> {
        let body: Body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        let said = body.token;
        let time = |text: &Option<String>| text.as_deref().and_then(|t| t.parse().ok());
        Ok(Self {
            secret,
            password_expires: said.user.password_expires_at,
            user: said.user.named,
            project: said.project,
            domain: said.domain,
            system: said.system.is_some_and(|s| !s.is_null()),
            roles: said.roles,
            methods: said.methods,
            restricted: said.application_credential.as_ref().is_some_and(|c| c.restricted),
            application_credential: said.application_credential.map(|c| c.named),
            issued: time(&said.issued_at),
            expires: time(&said.expires_at),
            catalog: said.catalog,
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("user", &self.user.name)
            .field("project", &self.project.as_ref().map(|p| &p.name))
            .field("roles", &self.roles.iter().map(|r| &r.name).collect::<Vec<_>>())
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Body {
    token: Said,
}

/// The application credential that a token was made with.
#[derive(Deserialize)]
struct Made {
    #[serde(flatten)]
    named: Named,
    #[serde(default, deserialize_with = "nullable")]
    restricted: bool,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default, deserialize_with = "nullable")]
    user: User,
    project: Option<Named>,
    domain: Option<Named>,
    system: Option<serde_json::Value>,
    #[serde(default, deserialize_with = "nullable")]
    roles: Vec<Named>,
    #[serde(default, deserialize_with = "nullable")]
    methods: Vec<String>,
    application_credential: Option<Made>,
    issued_at: Option<String>,
    expires_at: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    catalog: Catalog,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(flatten)]
    named: Named,
    password_expires_at: Option<String>,
}
