//! Server groups: who may run beside whom.

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::limits;
use crate::fake::{
    collection::{Object, object, text},
    microversion::Microversion,
    query::Query,
    refusal::{Answer, Refusal},
    request::{Sent, empty, json},
    who::Who,
    world::Shared,
};

/// A server group.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) project: String,
    user: String,
    pub(super) rule: Rule,
}

/// Who may run beside whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// At most so many on a hypervisor.
    AntiAffinity(usize),
    SoftAntiAffinity,
    Affinity,
    SoftAffinity,
}

impl Rule {
    fn word(self) -> &'static str {
        match self {
            Self::AntiAffinity(_) => "anti-affinity",
            Self::SoftAntiAffinity => "soft-anti-affinity",
            Self::Affinity => "affinity",
            Self::SoftAffinity => "soft-affinity",
        }
    }
}

impl Group {
    /// For the snapshot.
    pub(super) fn kept(&self) -> Object {
        object(
            json!({"id": self.id, "name": self.name, "project_id": self.project, "policy": self.rule.word()}),
        )
    }

    fn shown(&self, nova: &super::State, version: Microversion) -> Object {
        let members: Vec<&str> = nova
            .servers
            .iter()
            .filter(|server| server.group.as_ref() == Some(&self.id))
            .map(|server| server.id.as_str())
            .collect();
        let mut shown = object(json!({"id": self.id, "name": self.name, "members": members}));
        if version.has(2, 13) {
            shown.extend(object(json!({"project_id": self.project, "user_id": self.user})));
        }
        if version.has(2, 64) {
            let rules = match self.rule {
                Rule::AntiAffinity(most) if most > 1 => json!({"max_server_per_host": most}),
                _ => json!({}),
            };
            shown.extend(object(json!({"policy": self.rule.word(), "rules": rules})));
        } else {
            shown.extend(object(json!({"policies": [self.rule.word()], "metadata": {}})));
        }
        shown
    }
}

/// `GET /os-server-groups`.
pub(super) async fn list(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    query: Query,
) -> Answer {
    let state = world.state();
    let everyone = who.is_admin() && query.names().contains(&"all_projects");
    let number = |name: &str| query.number(name).and_then(|n| usize::try_from(n).ok());
    let all: Vec<Object> = state
        .nova
        .groups
        .iter()
        .filter(|group| everyone || group.project == who.project)
        .skip(number("offset").unwrap_or(0))
        .take(number("limit").unwrap_or(1000).min(1000))
        .map(|group| group.shown(&state.nova, version))
        .collect();
    Ok(json(200, json!({"server_groups": all})))
}

/// `GET /os-server-groups/{id}`.
pub(super) async fn show(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let state = world.state();
    let group = state
        .nova
        .groups
        .iter()
        .find(|group| group.id == id && who.sees(&group.project))
        .ok_or_else(|| unknown(&id))?;
    Ok(json(
        200,
        json!({"server_group": group.shown(&state.nova, version)}),
    ))
}

/// `POST /os-server-groups`: names are not unique.
pub(super) async fn create(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    sent: Sent,
) -> Answer {
    let wanted = sent.member("server_group")?;
    let name = text(wanted, "name");
    if name.trim().is_empty() || name.chars().count() > 255 {
        return Err(Refusal::nova(
            400,
            "Invalid input for field/attribute name. It must be 1 to 255 characters long.",
        ));
    }
    let rule = rule(wanted, version)?;
    let mut state = world.state();
    let most = limits::of(&world, &state.nova, &who.project).server_groups;
    if most >= 0
        && state
            .nova
            .groups
            .iter()
            .filter(|group| group.project == who.project)
            .count() as i64
            >= most
    {
        return Err(Refusal::nova(403, "Quota exceeded, too many server groups."));
    }
    let group = Group {
        id: world.id(),
        name: name.to_owned(),
        project: who.project,
        user: who.user,
        rule,
    };
    let shown = group.shown(&state.nova, version);
    state.nova.groups.push(group);
    Ok(json(200, json!({"server_group": shown})))
}

/// `DELETE /os-server-groups/{id}`: its members go on without it.
pub(super) async fn delete(State(world): State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    let mut state = world.state();
    let at = state
        .nova
        .groups
        .iter()
        .position(|group| group.id == id && who.sees(&group.project))
        .ok_or_else(|| unknown(&id))?;
    state.nova.groups.remove(at);
    Ok(empty(204))
}

/// One policy and its rules from 2.64 on, a list of one policy before.
fn rule(wanted: &Object, version: Microversion) -> Result<Rule, Refusal> {
    let new = version.has(2, 64);
    if let Some(stray) = wanted.keys().find(|name| !match name.as_str() {
        "name" => true,
        "policy" | "rules" => new,
        "policies" => !new,
        _ => false,
    }) {
        return Err(Refusal::nova(
            400,
            &format!(
                "Invalid input for field/attribute server_group. Additional properties are not allowed ('{stray}' was unexpected)"
            ),
        ));
    }
    let policy = if new {
        wanted.get("policy")
    } else {
        wanted.get("policies").and_then(|list| list.get(0))
    };
    let most = wanted
        .get("rules")
        .and_then(|rules| rules.get("max_server_per_host"))
        .and_then(Value::as_u64);
    let word = policy.and_then(Value::as_str).unwrap_or_default();
    match word {
        "anti-affinity" => Ok(Rule::AntiAffinity(
            most.and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
        )),
        _ if most.is_some() => Err(Refusal::nova(400, "Only anti-affinity policy supports rules.")),
        "affinity" => Ok(Rule::Affinity),
        "soft-anti-affinity" if version.has(2, 15) => Ok(Rule::SoftAntiAffinity),
        "soft-affinity" if version.has(2, 15) => Ok(Rule::SoftAffinity),
        other => Err(Refusal::nova(
            400,
            &format!(
                "Invalid input for field/attribute policy. Value: {other}. '{other}' is not one of ['anti-affinity', 'affinity', 'soft-anti-affinity', 'soft-affinity']"
            ),
        )),
    }
}

fn unknown(id: &str) -> Refusal {
    Refusal::nova(404, &format!("Instance group {id} could not be found."))
}
