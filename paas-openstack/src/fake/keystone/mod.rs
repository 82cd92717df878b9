//! Keystone: who is who, tokens, the catalog.

mod auth;
mod catalog;
mod credentials;
mod directory;
mod tokens;

use std::collections::{BTreeSet, HashMap};

use axum::{
    Router,
    routing::{get, post},
};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use super::{
    collection::{Object, object},
    setup::{Project, User},
    who::Who,
    world::{self, Shared, World, later},
};

use credentials::Credential;
use tokens::Token;

/// What exists.
#[derive(Debug, Default)]
pub(super) struct State {
    tokens: HashMap<String, Token>,
    users: Vec<User>,
    projects: Vec<Project>,
    roles: Vec<Role>,
    credentials: Vec<Credential>,
    /// Ids of projects that are switched off.
    closed: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Role {
    id: String,
    name: String,
}

impl State {
    /// Everything, by kind, as the paths of this service name it.
    pub(super) fn everything(&self) -> Vec<(&'static str, Vec<Object>)> {
        vec![(
            "application_credentials",
            self.credentials.iter().map(Credential::kept).collect(),
        )]
    }

    /// The bearer of a token that is valid now.
    pub(super) fn who(&self, token: &str, now: Timestamp) -> Option<Who> {
        let found = self.tokens.get(token).filter(|found| found.expires > now)?;
        Some(Who {
            user: found.user.clone(),
            project: found.project.clone().unwrap_or_default(),
            roles: found.roles.clone(),
            token: SecretString::from(token),
        })
    }

    /// Makes every token invalid.
    pub(super) fn revoke_all(&mut self) {
        self.tokens.clear();
    }

    /// Switches a user on or off. Off, its tokens end, and none of its secrets is accepted.
    pub(super) fn switch_user(&mut self, name: &str, on: bool) {
        for user in self.users.iter_mut().filter(|user| user.name == name) {
            user.enabled = on;
            self.tokens.retain(|_, token| on || token.user != user.id);
        }
    }

    /// Switches a project on or off. Off, the tokens for it end, and nobody gets another one; what is in it stays.
    pub(super) fn switch_project(&mut self, name: &str, on: bool) {
        for project in self.projects.iter().filter(|project| project.name == name) {
            if on {
                self.closed.remove(&project.id);
            } else {
                self.closed.insert(project.id.clone());
                self.tokens
                    .retain(|_, token| token.project.as_ref() != Some(&project.id));
            }
        }
    }

    fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    fn project(&self, id: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id)
    }

    /// The roles of a user in a project.
    fn roles_in(&self, user: &User, project: &str) -> Vec<String> {
        let there = self
            .project(project)
            .is_some_and(|project| user.projects.contains(&project.name));
        if there { user.roles.clone() } else { Vec::new() }
    }

    fn role_id(&self, name: &str) -> &str {
        self.roles
            .iter()
            .find(|role| role.name == name)
            .map_or("", |role| role.id.as_str())
    }

    fn roles_shown(&self, names: &[String]) -> Vec<Object> {
        names
            .iter()
            .map(|name| object(json!({"id": self.role_id(name), "name": name})))
            .collect()
    }
}

/// What is there from the start.
pub(super) fn seed(world: &World, state: &mut world::State) {
    let keystone = &mut state.keystone;
    keystone.users = world.setup.users.clone();
    keystone.projects = world.setup.projects.clone();
    let usual = ["admin", "manager", "member", "reader", "load-balancer_member"].map(str::to_owned);
    for name in usual
        .into_iter()
        .chain(world.setup.users.iter().flat_map(|user| user.roles.clone()))
    {
        if !keystone.roles.iter().any(|role| role.name == name) {
            keystone.roles.push(Role {
                id: world.hex_id(),
                name,
            });
        }
    }
    for given in &world.setup.credentials {
        let Some(user) = keystone.users.iter().find(|user| user.name == given.user) else {
            continue;
        };
        let Some(project) = keystone
            .projects
            .iter()
            .find(|project| project.name == given.project)
        else {
            continue;
        };
        keystone.credentials.push(Credential {
            id: given.id.clone(),
            name: given.name.clone(),
            description: None,
            secret: given.secret.clone(),
            user: user.id.clone(),
            project: project.id.clone(),
            roles: user.roles.clone(),
            unrestricted: given.unrestricted.then_some(true),
            expires: given.lifetime.map(|life| later(world.now(), life)),
            seeded: true,
        });
    }
}

/// The calls, below this service's prefix.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(directory::versions))
        .route("/v3", get(directory::version))
        .route(
            "/v3/auth/tokens",
            post(auth::token)
                .get(tokens::show)
                .head(tokens::show)
                .delete(tokens::revoke),
        )
        .route("/v3/auth/catalog", get(catalog::show))
        .route("/v3/auth/projects", get(directory::my_projects))
        .route("/v3/auth/domains", get(directory::my_domains))
        .route("/v3/projects", get(directory::projects))
        .route("/v3/projects/{id}", get(directory::project))
        .route("/v3/users", get(directory::users).post(directory::make_user))
        .route("/v3/users/{id}", get(directory::user))
        .route("/v3/users/{id}/projects", get(directory::user_projects))
        .route("/v3/domains", get(directory::domains))
        .route("/v3/domains/{id}", get(directory::domain))
        .route("/v3/roles", get(directory::roles))
        .route("/v3/roles/{id}", get(directory::role))
        .route("/v3/role_assignments", get(directory::role_assignments))
        .route("/v3/regions", get(catalog::regions))
        .route("/v3/services", get(catalog::services))
        .route("/v3/endpoints", get(catalog::endpoints))
        .route("/v3/users/{id}/access_rules", get(credentials::access_rules))
        .route(
            "/v3/users/{id}/application_credentials",
            get(credentials::list).post(credentials::create),
        )
        .route(
            "/v3/users/{id}/application_credentials/{credential}",
            get(credentials::show).delete(credentials::delete),
        )
}
