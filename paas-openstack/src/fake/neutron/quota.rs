//! Quotas: how many of each kind a project may have.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Caller, Denial, Kind, Object, State, text};

/// What is limited.
const LIMITED: [&str; 9] = [
    "network",
    "subnet",
    "subnetpool",
    "port",
    "router",
    "floatingip",
    "security_group",
    "security_group_rule",
    "rbac_policy",
];

impl State {
    fn default_limit(&self, resource: &str) -> i64 {
        let quotas = &self.default_quotas;
        match resource {
            "network" => quotas.networks,
            "subnet" => quotas.subnets,
            "port" => quotas.ports,
            "router" => quotas.routers,
            "floatingip" => quotas.floating_ips,
            "security_group" => quotas.security_groups,
            "security_group_rule" => quotas.security_group_rules,
            "rbac_policy" => 10,
            _ => -1,
        }
    }

    fn limits(&self, project: &str) -> BTreeMap<String, i64> {
        let mut limits: BTreeMap<String, i64> = LIMITED
            .into_iter()
            .map(|name| (name.to_owned(), self.default_limit(name)))
            .collect();
        limits.extend(self.quotas.get(project).cloned().unwrap_or_default());
        limits
    }

    fn used(&self, kind: Kind, project: &str) -> i64 {
        let count = self
            .all(kind)
            .filter(|object| text(object, "project_id") == project)
            .count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    /// Whether the project may have this many more.
    pub(super) fn within_quota(&self, kind: Kind, project: &str, more: i64) -> Result<(), Denial> {
        let limit = self.limits(project).get(kind.singular()).copied().unwrap_or(-1);
        if limit < 0 || project.is_empty() || self.used(kind, project) + more <= limit {
            return Ok(());
        }
        Err(Denial::new(
            409,
            "OverQuota",
            format!("Quota exceeded for resources: ['{}'].", kind.singular()),
        ))
    }

    pub(super) fn quota(&self, caller: &Caller<'_>, project: &str) -> Result<Value, Denial> {
        may_read(caller, project)?;
        let quota: Object = self
            .limits(project)
            .into_iter()
            .map(|(name, limit)| (name, json!(limit)))
            .collect();
        Ok(json!({ "quota": quota }))
    }

    pub(super) fn quota_details(&self, caller: &Caller<'_>, project: &str) -> Result<Value, Denial> {
        may_read(caller, project)?;
        let details: Object = self
            .limits(project)
            .into_iter()
            .map(|(name, limit)| {
                let used = Kind::ALL
                    .into_iter()
                    .find(|kind| kind.singular() == name)
                    .map_or(0, |kind| self.used(kind, project));
                (name, json!({"limit": limit, "used": used, "reserved": 0}))
            })
            .collect();
        Ok(json!({ "quota": details }))
    }

    pub(super) fn default_quota(&self) -> Value {
        let quota: Object = LIMITED
            .into_iter()
            .map(|name| (name.to_owned(), json!(self.default_limit(name))))
            .collect();
        json!({ "quota": quota })
    }

    pub(super) fn quotas(&self, caller: &Caller<'_>) -> Result<Value, Denial> {
        may_read(caller, "")?;
        let all: Result<Vec<Value>, Denial> = self
            .quotas
            .keys()
            .map(|project| {
                let mut quota = self.quota(caller, project)?["quota"].clone();
                quota["project_id"] = json!(project);
                Ok(quota)
            })
            .collect();
        Ok(json!({ "quotas": all? }))
    }

    pub(super) fn change_quota(
        &mut self,
        caller: &Caller<'_>,
        project: &str,
        body: &Value,
    ) -> Result<Value, Denial> {
        if !caller.admin {
            return Err(Denial::policy("update_quota", None));
        }
        let Some(limits) = body["quota"].as_object() else {
            return Err(Denial::http("Unable to find 'quota' in request body"));
        };
        for (name, limit) in limits {
            let known = LIMITED.contains(&name.as_str());
            match limit.as_i64().filter(|limit| *limit >= -1) {
                _ if matches!(name.as_str(), "force" | "check_limit") => {}
                _ if !known => {
                    return Err(Denial::http(format!("Unrecognized attribute(s) '{name}'")));
                }
                Some(limit) => {
                    let own = self.quotas.entry(project.to_owned()).or_default();
                    own.insert(name.clone(), limit);
                }
                None => {
                    return Err(Denial::http(format!(
                        "Invalid input for {name}. Reason: '{limit}' is not in range -1 through 2147483647."
                    )));
                }
            }
        }
        self.quota(caller, project)
    }

    pub(super) fn drop_quota(&mut self, caller: &Caller<'_>, project: &str) -> Result<(), Denial> {
        if !caller.admin {
            return Err(Denial::policy("delete_quota", None));
        }
        self.quotas.remove(project).map(|_| ()).ok_or_else(|| {
            Denial::new(
                404,
                "TenantQuotaNotFound",
                format!("Quota for project {project} could not be found."),
            )
        })
    }
}

fn may_read(caller: &Caller<'_>, project: &str) -> Result<(), Denial> {
    if caller.admin || caller.project == project {
        Ok(())
    } else {
        Err(Denial::policy("get_quota", None))
    }
}
