//! Who calls: the token as keystonemiddleware checks it.

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{refusal::Refusal, world::Shared};
use crate::client::service::Kind;

/// The bearer of a valid token.
#[derive(Debug, Clone)]
pub(super) struct Who {
    /// The user's id.
    pub(super) user: String,
    /// The project's id. Only Keystone's own calls see an empty one: other services refuse a token that is for no project.
    pub(super) project: String,
    /// Names of roles.
    pub(super) roles: Vec<String>,
    /// The token.
    pub(super) token: String,
}

/// The project's id in the path of a call to Nova or Cinder.
#[derive(Debug, Clone)]
pub(super) struct ProjectInPath(pub(super) String);

impl Who {
    pub(super) fn is_admin(&self) -> bool {
        self.has("admin")
    }

    pub(super) fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|has| has == role)
    }

    /// Whether something of a project may be seen.
    pub(super) fn sees(&self, project: &str) -> bool {
        self.is_admin() || self.project == project
    }
}

impl FromRequestParts<Shared> for Who {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, world: &Shared) -> Result<Self, Refusal> {
        let service = parts.extensions.get::<Kind>().copied().unwrap_or(Kind::Identity);
        let said = parts
            .headers
            .get("x-auth-token")
            .and_then(|token| token.to_str().ok())
            .unwrap_or_default();
        let who = world.state().keystone.who(said, world.now());
        let Some(who) = who else {
            return Err(Refusal::token(&world.url(Kind::Identity, "")));
        };
        if service != Kind::Identity && who.project.is_empty() {
            return Err(Refusal::of(
                service,
                403,
                "Policy doesn't allow this action to be performed: the token is for no project.",
            ));
        }
        if let Some(ProjectInPath(project)) = parts.extensions.get()
            && *project != who.project
            && !who.is_admin()
        {
            return Err(Refusal::of(
                service,
                400,
                &format!(
                    "Malformed request URL: URL's project_id '{project}' doesn't match Context's project_id '{}'",
                    who.project
                ),
            ));
        }
        Ok(who)
    }
}
