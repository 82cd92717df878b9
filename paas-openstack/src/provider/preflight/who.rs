//! Who we are: whether the roles suffice, and how long the credential lasts.

use std::time::Duration;

use jiff::Timestamp;
use paas_core::preflight::Finding;

use super::{
    facts::{Facts, Silence},
    silent,
};
use crate::{
    client::{Client, Token},
    cloud::Identity,
    codes::{OS_ENDS_SOON, OS_NO_PROJECT, OS_ROLES},
};

/// A credential that ends within this time is told: somebody has to make another one, and may be away.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// A token that nobody can renew has to last for as long as it takes to make everything.
const BUILDING: Duration = Duration::from_secs(3600);

/// Roles that may look and not make, in the words of the services' own policies. Clouds have roles of their own: what is not known here
/// may make things.
const READERS: [&str; 5] = [
    "reader",
    "load-balancer_observer",
    "load-balancer_global_observer",
    "load-balancer_quota_admin",
    "audit",
];

pub(super) fn judge(client: &Client, facts: &Facts, now: Timestamp) -> Vec<Finding> {
    let token = match &facts.token {
        None => return Vec::new(),
        Some(Ok(token)) => token,
        Some(Err(silence)) => return vec![silent("the token", silence)],
    };
    let mut found = Vec::new();
    if token.project.is_none() {
        found.push(Finding::error(&OS_NO_PROJECT, "the token is for no project"));
    }
    found.extend(roles(token));
    if facts.balancers.is_some() {
        found.extend(balancing(token));
    }
    if matches!(client.cloud().identity, Identity::Token(_)) {
        let ends = token.expires.map(|at| (at, BUILDING));
        found.extend(
            ends.and_then(|(at, least)| ending("the token, which cannot be renewed,", at, now, least)),
        );
    }
    let password = token.password_expires.as_deref();
    if let Some(at) = password.and_then(|at| crate::wire::Stamp(at.to_owned()).at()) {
        let whose = format!("the password of {}", token.user.name);
        found.extend(ending(&whose, at, now, SOON));
    }
    // Access rules may forbid to look at it, which says nothing about it.
    if let Some(Ok(Some(credential))) = &facts.credential {
        let at = credential.expires_at.as_ref().and_then(|stamp| stamp.at());
        let whose = format!("the application credential {}", credential.name);
        found.extend(at.and_then(|at| ending(&whose, at, now, SOON)));
    }
    if let Some(Err(silence @ Silence::Late(_))) = &facts.credential {
        found.push(silent("when the application credential ends", silence));
    }
    found
}

fn roles(token: &Token) -> Option<Finding> {
    let names: Vec<&str> = token.roles.iter().map(|r| r.name.as_str()).collect();
    let reads = |name: &&str| READERS.iter().any(|reader| reader.eq_ignore_ascii_case(name));
    if names.is_empty() || !names.iter().all(reads) {
        return None;
    }
    let project = token.project.as_ref().map_or("this project", |p| p.name.as_str());
    let said = format!(
        "{} has the roles {} in {project}, which may only look",
        token.user.name,
        names.join(", ")
    );
    Some(Finding::error(&OS_ROLES, said).remedy(format!("ask for the role member in {project}")))
}

/// Who was given one of Octavia's own roles that only look, and none that makes, works in a cloud where the general roles do not count.
fn balancing(token: &Token) -> Option<Finding> {
    let has = |wanted: &[&str]| token.roles.iter().any(|r| wanted.contains(&r.name.as_str()));
    let makes = ["load-balancer_member", "load-balancer_admin", "admin"];
    if has(&makes) || !has(&READERS[1..4]) {
        return None;
    }
    let said = format!("{} may only look at load balancers", token.user.name);
    let remedy = "ask for the role load-balancer_member in this project, or set loadBalancer: false";
    Some(Finding::error(&OS_ROLES, said).remedy(remedy))
}

fn ending(what: &str, at: Timestamp, now: Timestamp, least: Duration) -> Option<Finding> {
    let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    if left > least {
        return None;
    }
    let when = match (left.as_secs() / 86400, left.as_secs() / 60) {
        (_, 0) => "now".to_owned(),
        (0, minutes @ 0..=119) => format!("in {minutes} minutes"),
        (0, minutes) => format!("in {} hours", minutes / 60),
        (1, _) => "in a day".to_owned(),
        (days, _) => format!("in {days} days"),
    };
    let remedy = "make a new one before, and write it into clouds.yaml; without one nothing can be changed or taken down";
    Some(Finding::warning(&OS_ENDS_SOON, format!("{what} ends {when} ({at:.0})")).remedy(remedy))
}
