//! Quotas and limits. Over one of them is 413 with `Retry-After: 0`, which means quota and not rate.

use serde_json::{Value, json};

use super::{Object, Refusal, State, Who, World, number, text};

/// What is limited.
const LIMITED: [&str; 7] = [
    "volumes",
    "snapshots",
    "gigabytes",
    "per_volume_gigabytes",
    "backups",
    "backup_gigabytes",
    "groups",
];

impl State {
    fn limit(&self, world: &World, project: &str, resource: &str) -> i64 {
        let quotas = &world.setup.quotas;
        let own = self
            .quotas
            .get(project)
            .and_then(|own| own.get(resource))
            .copied();
        own.unwrap_or(match resource {
            "volumes" => quotas.volumes,
            "snapshots" => quotas.snapshots,
            "gigabytes" => quotas.gigabytes,
            "backups" | "groups" => 10,
            "backup_gigabytes" => 1000,
            _ => -1,
        })
    }

    fn used(&self, project: &str, resource: &str) -> i64 {
        let count = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
        match resource {
            "volumes" => count(self.volumes.count(project)),
            "snapshots" => count(self.snapshots.count(project)),
            "gigabytes" => self
                .volumes
                .of("project_id", project)
                .chain(self.snapshots.of("project_id", project))
                .map(|one| number(one, "size"))
                .sum(),
            _ => self.used_of_type(project, resource),
        }
    }

    /// `volumes_ssd` and `gigabytes_ssd`; other names count nothing.
    fn used_of_type(&self, project: &str, resource: &str) -> i64 {
        let of = |kind: &str| {
            let volumes = self.volumes.of("project_id", project);
            volumes
                .filter(|volume| text(volume, "volume_type") == kind)
                .map(|volume| number(volume, "size"))
                .collect::<Vec<i64>>()
        };
        match resource.split_once('_') {
            Some(("volumes", kind)) => i64::try_from(of(kind).len()).unwrap_or(i64::MAX),
            Some(("gigabytes", kind)) => of(kind).iter().sum(),
            _ => 0,
        }
    }

    /// Whether the project may have another volume of this size.
    pub(super) fn within_quota(&self, world: &World, project: &str, size: i64) -> Result<(), Refusal> {
        self.within_gigabytes(world, project, size)?;
        self.within_count(world, project, "volumes")
    }

    pub(super) fn within_count(&self, world: &World, project: &str, resource: &str) -> Result<(), Refusal> {
        let limit = self.limit(world, project, resource);
        if limit < 0 || self.used(project, resource) < limit {
            return Ok(());
        }
        let words = if resource == "snapshots" {
            format!("SnapshotLimitExceeded: Maximum number of snapshots allowed ({limit}) exceeded")
        } else {
            format!(
                "VolumeLimitExceeded: Maximum number of volumes allowed ({limit}) exceeded for quota 'volumes'."
            )
        };
        Err(Refusal::nova(413, &words))
    }

    pub(super) fn within_gigabytes(&self, world: &World, project: &str, more: i64) -> Result<(), Refusal> {
        let limit = self.limit(world, project, "gigabytes");
        let used = self.used(project, "gigabytes");
        if limit < 0 || used + more <= limit {
            return Ok(());
        }
        Err(Refusal::nova(
            413,
            &format!(
                "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested {more}G, quota is {limit}G and {used}G has been consumed."
            ),
        ))
    }

    pub(super) fn quota_set(&self, world: &World, project: &str, usage: bool) -> Value {
        let mut set = Object::new();
        let of_types = self.types.iter().flat_map(|kind| {
            ["volumes", "snapshots", "gigabytes"].map(|resource| format!("{resource}_{}", text(kind, "name")))
        });
        let names = LIMITED.iter().map(|name| (*name).to_owned()).chain(of_types);
        for name in names {
            let limit = self.limit(world, project, &name);
            let value = if usage {
                json!({"limit": limit, "in_use": self.used(project, &name), "reserved": 0})
            } else {
                json!(limit)
            };
            set.insert(name, value);
        }
        set.insert("id".to_owned(), json!(project));
        json!({ "quota_set": set })
    }

    pub(super) fn set_quota(
        &mut self,
        world: &World,
        who: &Who,
        project: &str,
        body: &Value,
    ) -> Result<Value, Refusal> {
        if !who.is_admin() {
            return Err(Refusal::nova(
                403,
                "Policy doesn't allow volume_extension:quotas:update to be performed.",
            ));
        }
        let own = self.quotas.entry(project.to_owned()).or_default();
        for (name, limit) in body["quota_set"].as_object().into_iter().flatten() {
            if let Some(limit) = limit.as_i64() {
                own.insert(name.clone(), limit);
            }
        }
        let mut set = self.quota_set(world, project, false);
        if let Some(set) = set["quota_set"].as_object_mut() {
            set.remove("id");
        }
        Ok(set)
    }

    pub(super) fn limits(&self, world: &World, project: &str) -> Value {
        let limit = |resource| self.limit(world, project, resource);
        let used = |resource| self.used(project, resource);
        json!({"limits": {"rate": [], "absolute": {
            "maxTotalVolumes": limit("volumes"), "totalVolumesUsed": used("volumes"),
            "maxTotalSnapshots": limit("snapshots"), "totalSnapshotsUsed": used("snapshots"),
            "maxTotalVolumeGigabytes": limit("gigabytes"), "totalGigabytesUsed": used("gigabytes"),
            "maxTotalBackups": limit("backups"), "totalBackupsUsed": 0,
            "maxTotalBackupGigabytes": limit("backup_gigabytes"), "totalBackupGigabytesUsed": 0,
        }}})
    }
}
