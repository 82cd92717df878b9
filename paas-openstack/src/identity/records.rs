//! Projects, roles, regions and application credentials. Source: keystone `api-ref/source/v3/{projects,roles,regions-v3,
//! application-credentials}.inc`.

use serde::Serialize;

use crate::wire::{Stamp, filter, record, request};

record! {
    /// A project: what resources belong to.
    pub struct Project {
        /// Its id.
        key id: String,
        /// Unique in its domain.
        name: String,
        /// The domain it belongs to.
        domain_id: String,
        /// Said about it.
        description: Option<String>,
        /// Whether tokens for it are given.
        enabled: bool,
    }
}

record! {
    /// A role: what somebody may do.
    #[derive(Eq, Serialize)]
    pub struct Role {
        /// Its id.
        key id: String,
        /// Its name.
        name: String,
        /// The domain it belongs to; most belong to none.
        #[serde(skip_serializing_if = "Option::is_none")]
        domain_id: Option<String>,
    }
}

filter! {
    /// Which roles.
    pub struct RoleFilter of Role {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
    }
}

record! {
    /// A region.
    pub struct Region {
        /// Its id, which is its name.
        key id: String,
        /// Said about it.
        description: String,
        /// The region around it.
        parent_region_id: Option<String>,
    }
}

record! {
    /// An application credential: a key to one project with some of its user's roles. It goes when the user goes, and when *any* role of
    /// the user in the project is taken away.
    pub struct ApplicationCredential {
        /// Its id.
        key id: String,
        /// Unique for its user.
        name: String,
        /// Said about it.
        description: Option<String>,
        /// Its project.
        project_id: String,
        /// What it may do.
        roles: Vec<Role>,
        /// When it ends; `None` for never.
        expires_at: Option<Stamp>,
        /// Whether it may make further ones.
        unrestricted: bool,
        /// What it may call; empty for everything.
        access_rules: Vec<AccessRule>,
    }
}

filter! {
    /// Which application credentials.
    pub struct ApplicationCredentialFilter of ApplicationCredential {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
    }
}

record! {
    /// A call that an application credential may make. A service that was not told its own type refuses all calls of such a credential.
    #[derive(Eq, Serialize)]
    pub struct AccessRule {
        /// Its id, once it was made; rules stay when their credential goes.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The service's type in the catalog.
        service: String,
        /// `GET`.
        method: String,
        /// As the service sees it; `*` is one segment, `**` any number.
        path: String,
    }
}

request! {
    /// An application credential to be made. Its name is unique for its user: a second create is refused (409), and the secret of the
    /// first is shown to nobody again.
    pub struct NewApplicationCredential {
        must {
            /// Unique for the user.
            name: String,
        }
        may {
            /// Said about it.
            description: String,
            /// Some of the roles of the token that asks; not said, all of them.
            roles: Vec<RoleName>,
            /// When it ends, in RFC 3339; not said, never.
            expires_at: String,
            /// Whether it may make further ones.
            unrestricted: bool,
            /// What it may call; not said, everything.
            access_rules: Vec<AccessRule>,
        }
    }
}

/// A role, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleName {
    /// Its name.
    pub name: String,
}

impl From<&str> for RoleName {
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }
}
