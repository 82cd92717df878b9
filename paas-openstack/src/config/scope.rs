//! What the token is to be for, and which domains names belong to.

use paas_core::error::Error;

use super::{
    auth::{missing, unsupported},
    fields::{Fields, Found},
    place::Place,
};
use crate::{
    cloud::{Domain, Named, Scope},
    codes,
};

/// What was said about projects, domains and the system.
pub(super) struct Targets {
    /// The domain of the user.
    pub(super) user_domain: Option<Domain>,
    project_domain: Option<Domain>,
    project: Option<Project>,
    domain: Option<Domain>,
    system: Option<(String, Found)>,
    trust: Option<Found>,
}

enum Project {
    Id(String),
    Name(String),
}

/// Reads what was said. A `domain_*` beside a project is the domain of the user and the project, else it is what the token is for.
pub(super) fn targets(fields: &Fields) -> Result<Targets, Error> {
    let text = |found: Option<(String, Found)>| found.map(|(text, _)| text);
    let outside = |names: &[&str]| fields.outside_first(names).map(text);
    let inside = |names: &[&str]| fields.auth_first(names).map(text);
    let either = |id: Option<String>, name: Option<String>| id.map(Domain::Id).or(name.map(Domain::Name));

    let project = match outside(&["tenant_id", "project_id"])? {
        Some(id) => Some(Project::Id(id)),
        None => outside(&["tenant_name", "project_name"])?.map(Project::Name),
    };
    let domain = either(outside(&["domain_id"])?, outside(&["domain_name"])?);
    let default = either(
        inside(&["default_domain_id", "default_domain"])?,
        inside(&["default_domain_name"])?,
    );
    let (shared, domain) = if project.is_some() {
        (domain, None)
    } else {
        (None, domain)
    };
    let fallback = || shared.clone().or_else(|| default.clone());
    Ok(Targets {
        user_domain: either(outside(&["user_domain_id"])?, outside(&["user_domain_name"])?).or_else(fallback),
        project_domain: either(
            outside(&["project_domain_id"])?,
            outside(&["project_domain_name"])?,
        )
        .or_else(fallback),
        project,
        domain,
        system: fields.auth_first(&["system_scope"])?,
        trust: fields.auth_first(&["trust_id"])?.map(|(_, found)| found),
    })
}

impl Targets {
    /// True if anything was said.
    pub(super) fn any(&self) -> bool {
        self.project.is_some() || self.domain.is_some() || self.system.is_some() || self.trust.is_some()
    }

    /// The one thing that the token is for.
    pub(super) fn scope(self, entry: &Place) -> Result<Scope, Error> {
        if let Some(trust) = self.trust {
            let what = "trust_id is not supported; an application credential does what a trust is for";
            return Err(unsupported(&trust.node.place, what));
        }
        let said = [
            ("a project", self.project.is_some()),
            ("a domain", self.domain.is_some()),
            ("system_scope", self.system.is_some()),
        ];
        let said: Vec<_> = said
            .iter()
            .filter(|(_, said)| *said)
            .map(|(what, _)| *what)
            .collect();
        if said.len() > 1 {
            let what = format!("there is {}, and a token is for one of them", said.join(" and "));
            return Err(entry.error(&codes::OS_CONTRADICTION, what));
        }
        if let Some((text, found)) = self.system {
            return match text.as_str() {
                "all" => Ok(Scope::System),
                _ => Err(found.node.place.wrong(&found.field, "can only be all")),
            };
        }
        if let Some(domain) = self.domain {
            return Ok(Scope::Domain(domain));
        }
        Ok(match self.project {
            None => Scope::Unspecified,
            Some(Project::Id(id)) => Scope::Project(Named::Id(id)),
            Some(Project::Name(name)) => {
                let domain = self.project_domain.ok_or_else(|| {
                    let help = "a project's name is unique in its domain only: add project_domain_name to its auth; many clouds have one domain, Default";
                    missing(entry, "project_domain_name", help)
                })?;
                Scope::Project(Named::Name { name, domain })
            }
        })
    }
}
