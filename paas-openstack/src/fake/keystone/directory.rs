//! Versions, users, projects, roles: what clients look up.

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use serde_json::{Value, json};

use crate::{
    client::service::Kind,
    fake::{
        query::Query,
        refusal::{Answer, Refusal},
        request,
        setup::{Project, User},
        who::Who,
        world::{Shared, World},
    },
};

/// The root: 300 with the versions, which is no redirect.
pub(super) async fn versions(State(world): State<Shared>) -> Answer {
    let body = request::json(300, json!({"versions": {"values": [v3(&world)]}}));
    Ok(([("location", world.link(Kind::Identity, "/v3/"))], body).into_response())
}

/// `GET /v3`.
pub(super) async fn version(State(world): State<Shared>) -> Answer {
    Ok(request::json(200, json!({"version": v3(&world)})))
}

fn v3(world: &World) -> Value {
    json!({
        "id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": world.link(Kind::Identity, "/v3/")}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    })
}

/// `GET /v3/auth/projects`: where the user has a role.
pub(super) async fn my_projects(State(world): State<Shared>, who: Who) -> Answer {
    let state = world.state();
    let user = state.keystone.user(&who.user);
    let mine = |project: &&Project| user.is_some_and(|user| user.projects.contains(&project.name));
    let projects = state
        .keystone
        .projects
        .iter()
        .filter(mine)
        .map(|one| project_shown(&world, one))
        .collect();
    Ok(listed(&world, "projects", "/v3/auth/projects", projects))
}

/// `GET /v3/auth/domains`: nobody has a role in the domain itself.
pub(super) async fn my_domains(State(world): State<Shared>, _who: Who) -> Answer {
    Ok(listed(&world, "domains", "/v3/auth/domains", Vec::new()))
}

/// `GET /v3/projects`: administrators only.
pub(super) async fn projects(State(world): State<Shared>, who: Who, query: Query) -> Answer {
    admin(&who, "identity:list_projects")?;
    let state = world.state();
    let named = |project: &&Project| query.get("name").is_none_or(|name| name == project.name);
    let projects = state
        .keystone
        .projects
        .iter()
        .filter(named)
        .map(|one| project_shown(&world, one))
        .collect();
    Ok(listed(&world, "projects", "/v3/projects", projects))
}

/// `GET /v3/projects/{id}`.
pub(super) async fn project(State(world): State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    if id != who.project {
        admin(&who, "identity:get_project")?;
    }
    let state = world.state();
    let found = state
        .keystone
        .project(&id)
        .ok_or_else(|| unknown("project", &id))?;
    Ok(request::json(
        200,
        json!({"project": project_shown(&world, found)}),
    ))
}

/// `GET /v3/users`: administrators only.
pub(super) async fn users(State(world): State<Shared>, who: Who, query: Query) -> Answer {
    admin(&who, "identity:list_users")?;
    let state = world.state();
    let named = |user: &&User| query.get("name").is_none_or(|name| name == user.name);
    let users = state
        .keystone
        .users
        .iter()
        .filter(named)
        .map(|one| user_shown(&world, one))
        .collect();
    Ok(listed(&world, "users", "/v3/users", users))
}

/// `POST /v3/users`: here, users are set up at the start.
pub(super) async fn make_user(who: Who) -> Answer {
    admin(&who, "identity:create_user")?;
    Err(Refusal::keystone(
        501,
        "The fake makes no users: name them in its setup.",
    ))
}

/// `GET /v3/users/{id}`.
pub(super) async fn user(State(world): State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    if id != who.user {
        admin(&who, "identity:get_user")?;
    }
    let state = world.state();
    let found = state.keystone.user(&id).ok_or_else(|| unknown("user", &id))?;
    Ok(request::json(200, json!({"user": user_shown(&world, found)})))
}

/// `GET /v3/users/{id}/projects`.
pub(super) async fn user_projects(state: State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    if id != who.user {
        return Err(Refusal::keystone(
            403,
            "You are not authorized to perform the requested action: identity:list_user_projects.",
        ));
    }
    my_projects(state, who).await
}

/// `GET /v3/domains`.
pub(super) async fn domains(State(world): State<Shared>, who: Who, query: Query) -> Answer {
    admin(&who, "identity:list_domains")?;
    let wanted = query
        .get("name")
        .is_none_or(|name| name.eq_ignore_ascii_case("default"));
    let domains = if wanted {
        vec![domain_shown(&world)]
    } else {
        Vec::new()
    };
    Ok(listed(&world, "domains", "/v3/domains", domains))
}

/// `GET /v3/domains/{id}`.
pub(super) async fn domain(State(world): State<Shared>, _who: Who, Path(id): Path<String>) -> Answer {
    if id != "default" {
        return Err(unknown("domain", &id));
    }
    Ok(request::json(200, json!({"domain": domain_shown(&world)})))
}

/// `GET /v3/roles`.
pub(super) async fn roles(State(world): State<Shared>, who: Who, query: Query) -> Answer {
    admin(&who, "identity:list_roles")?;
    let state = world.state();
    let roles = state
        .keystone
        .roles
        .iter()
        .filter(|role| query.get("name").is_none_or(|name| name == role.name));
    let roles = roles
        .map(|role| role_shown(&world, &role.id, &role.name))
        .collect();
    Ok(listed(&world, "roles", "/v3/roles", roles))
}

/// `GET /v3/roles/{id}`.
pub(super) async fn role(State(world): State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    admin(&who, "identity:get_role")?;
    let state = world.state();
    let role = state
        .keystone
        .roles
        .iter()
        .find(|role| role.id == id)
        .ok_or_else(|| unknown("role", &id))?;
    Ok(request::json(
        200,
        json!({"role": role_shown(&world, &role.id, &role.name)}),
    ))
}

/// `GET /v3/role_assignments`: all of them for administrators, one's own for others.
pub(super) async fn role_assignments(State(world): State<Shared>, who: Who, query: Query) -> Answer {
    let wanted = query.get("user.id").map(str::to_owned);
    if wanted.as_deref() != Some(who.user.as_str()) {
        admin(&who, "identity:list_role_assignments")?;
    }
    let names = query.names().contains(&"include_names");
    let state = world.state();
    let keystone = &state.keystone;
    let mut all = Vec::new();
    for user in keystone
        .users
        .iter()
        .filter(|user| wanted.as_ref().is_none_or(|id| *id == user.id))
    {
        for project in keystone
            .projects
            .iter()
            .filter(|project| user.projects.contains(&project.name))
        {
            if query.get("scope.project.id").is_some_and(|id| id != project.id) {
                continue;
            }
            for role in &user.roles {
                let domain = json!({"id": "default", "name": "Default"});
                let named = |id: &str, name: &str, domain: Option<&Value>| match (names, domain) {
                    (false, _) => json!({"id": id}),
                    (true, None) => json!({"id": id, "name": name}),
                    (true, Some(domain)) => json!({"id": id, "name": name, "domain": domain}),
                };
                all.push(json!({
                    "role": named(keystone.role_id(role), role, None),
                    "user": named(&user.id, &user.name, Some(&domain)),
                    "scope": {"project": named(&project.id, &project.name, Some(&domain))},
                    "links": {},
                }));
            }
        }
    }
    Ok(listed(&world, "role_assignments", "/v3/role_assignments", all))
}

fn project_shown(world: &World, project: &Project) -> Value {
    json!({"id": project.id, "name": project.name, "domain_id": "default", "parent_id": "default", "description": "", "enabled": true,
        "is_domain": false, "options": {}, "tags": [], "links": {"self": world.url(Kind::Identity, &format!("/v3/projects/{}", project.id))}})
}

fn user_shown(world: &World, user: &User) -> Value {
    let mut shown = json!({"id": user.id, "name": user.name, "domain_id": "default", "enabled": user.enabled, "options": {}, "password_expires_at": null,
        "links": {"self": world.url(Kind::Identity, &format!("/v3/users/{}", user.id))}});
    let first = user.projects.first().filter(|_| user.default_project);
    if let Some(project) =
        first.and_then(|name| world.setup.projects.iter().find(|project| project.name == *name))
    {
        shown["default_project_id"] = json!(project.id);
    }
    shown
}

fn domain_shown(world: &World) -> Value {
    json!({"id": "default", "name": "Default", "description": "The default domain", "enabled": true, "options": {}, "tags": [],
        "links": {"self": world.url(Kind::Identity, "/v3/domains/default")}})
}

fn role_shown(world: &World, id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "domain_id": null, "description": null, "options": {},
        "links": {"self": world.url(Kind::Identity, &format!("/v3/roles/{id}"))}})
}

fn listed(world: &World, name: &str, path: &str, items: Vec<Value>) -> axum::response::Response {
    let links = json!({"self": world.url(Kind::Identity, path), "previous": null, "next": null});
    request::json(200, json!({name: items, "links": links}))
}

fn admin(who: &Who, action: &str) -> Result<(), Refusal> {
    if who.is_admin() {
        return Ok(());
    }
    Err(Refusal::keystone(
        403,
        &format!("You are not authorized to perform the requested action: {action}."),
    ))
}

fn unknown(what: &str, id: &str) -> Refusal {
    Refusal::keystone(404, &format!("Could not find {what}: {id}."))
}
