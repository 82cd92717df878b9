//! Keystone: projects, roles, regions, application credentials. Who we are is told by the token: [`Client::token`].

mod records;

use paas_core::error::{Class, Error, Result};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

pub use records::{
    AccessRule, ApplicationCredential, ApplicationCredentialFilter, NewApplicationCredential, Project,
    Region, Role, RoleFilter, RoleName,
};

use crate::{
    client::{Call, Client, segment, service::Kind},
    codes,
    collection::{All, Collection, Delete, List, Resource, Show},
};

/// Keystone, over a client.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'c>(&'c Client);

impl Client {
    /// Keystone.
    pub fn identity(&self) -> Identity<'_> {
        Identity(self)
    }
}

impl<'c> Identity<'c> {
    /// The projects that the user has a role in.
    pub fn my_projects(self) -> Collection<'c, Project> {
        Collection::at(self.0, "auth/projects")
    }

    /// Projects by id.
    pub fn projects(self) -> Collection<'c, Project> {
        Collection::new(self.0)
    }

    /// Roles; in most clouds administrators only may ask.
    pub fn roles(self) -> Collection<'c, Role> {
        Collection::new(self.0)
    }

    /// The cloud's regions.
    pub fn regions(self) -> Collection<'c, Region> {
        Collection::new(self.0)
    }

    /// A user's application credentials.
    pub fn application_credentials(self, user: &str) -> Collection<'c, ApplicationCredential> {
        Collection::at(self.0, format!("users/{}/application_credentials", segment(user)))
    }

    /// Access rules that a user's application credentials left behind or still use.
    pub fn access_rules(self, user: &str) -> Collection<'c, AccessRule> {
        Collection::at(self.0, format!("users/{}/access_rules", segment(user)))
    }
}

/// An application credential and its secret, which is shown this once.
#[derive(Debug)]
pub struct CreatedCredential {
    /// It.
    pub credential: ApplicationCredential,
    /// Its secret.
    pub secret: SecretString,
}

impl Collection<'_, ApplicationCredential> {
    /// Makes one. Keystone makes the secret, or takes one that was stored before, so that it cannot be lost with the answer.
    ///
    /// # Errors
    ///
    /// Class `Conflict` if the user has one of that name, `Denied` if the token comes from a restricted one.
    pub async fn create(
        &self,
        new: &NewApplicationCredential,
        secret: Option<&SecretString>,
    ) -> Result<CreatedCredential> {
        let mut body = json!(new);
        if let Some(secret) = secret {
            body["secret"] = Value::from(secret.expose_secret());
        }
        let call = Call::post(Kind::Identity, "create application credential", self.path.clone())
            .body(json!({ "application_credential": body }));
        let told: Told = self.client.fetch(call, "application_credential").await?;
        let secret = told.secret.map(SecretString::from).or_else(|| secret.cloned());
        let secret = secret.ok_or_else(|| {
            Error::new(&codes::OS_ANSWER, Class::Invalid)
                .attempted("create application credential")
                .happened(format!(
                    "Keystone made '{}' and did not show its secret",
                    told.credential.name
                ))
                .remedy("delete it and make it again under another name: a secret is shown only once")
                .effect_unknown()
        })?;
        Ok(CreatedCredential {
            credential: told.credential,
            secret,
        })
    }
}

/// What Keystone answers once.
#[derive(Deserialize)]
struct Told {
    secret: Option<String>,
    #[serde(flatten)]
    credential: ApplicationCredential,
}

impl Resource for Project {
    const KIND: Kind = Kind::Identity;
    const SAID: &'static str = "project";
    const SAID_MANY: &'static str = "projects";
    const PATH: &'static str = "projects";
    const ONE: Option<&'static str> = Some("project");
}

impl List for Project {
    const MANY: &'static str = "projects";
    type Filter = All;
}

impl Show for Project {}

impl Resource for Role {
    const KIND: Kind = Kind::Identity;
    const SAID: &'static str = "role";
    const SAID_MANY: &'static str = "roles";
    const PATH: &'static str = "roles";
    const ONE: Option<&'static str> = Some("role");
}

impl List for Role {
    const MANY: &'static str = "roles";
    type Filter = RoleFilter;
}

impl Resource for Region {
    const KIND: Kind = Kind::Identity;
    const SAID: &'static str = "region";
    const SAID_MANY: &'static str = "regions";
    const PATH: &'static str = "regions";
    const ONE: Option<&'static str> = Some("region");
}

impl List for Region {
    const MANY: &'static str = "regions";
    type Filter = All;
}

impl Show for Region {}

impl Resource for ApplicationCredential {
    const KIND: Kind = Kind::Identity;
    const SAID: &'static str = "application credential";
    const SAID_MANY: &'static str = "application credentials";
    const PATH: &'static str = "application_credentials";
    const ONE: Option<&'static str> = Some("application_credential");
}

impl List for ApplicationCredential {
    const MANY: &'static str = "application_credentials";
    type Filter = ApplicationCredentialFilter;
}

impl Show for ApplicationCredential {}
impl Delete for ApplicationCredential {}

impl Resource for AccessRule {
    const KIND: Kind = Kind::Identity;
    const SAID: &'static str = "access rule";
    const SAID_MANY: &'static str = "access rules";
    const PATH: &'static str = "access_rules";
    const ONE: Option<&'static str> = Some("access_rule");
}

impl List for AccessRule {
    const MANY: &'static str = "access_rules";
    type Filter = All;
}

impl Delete for AccessRule {}
