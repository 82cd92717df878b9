//! Restarts and switchovers, said to CloudNativePG as its own tool says them.

use std::sync::Arc;

use async_trait::async_trait;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

use super::{codes::CNPG_SWITCHOVER, health, kinds::CLUSTER, names};
use crate::{
    clock::Clock,
    database::acts::Acts,
    error::{Class, Error, Result},
    kube::{ASKED, fault},
    owner::Owner,
};

/// The annotation of a Cluster at whose change CloudNativePG restarts every server that does not bear the same.
const RESTART: &str = "kubectl.kubernetes.io/restartedAt";

/// The phase in which CloudNativePG lets a standby take over (`PhaseSwitchover` of 1.30).
const PHASE: &str = "Switchover in progress";

/// CloudNativePG's own form of a time: with microseconds, in UTC.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// What can be done to the servers of one Cluster.
#[derive(Debug, Clone)]
pub struct CnpgActs {
    clusters: Api<DynamicObject>,
    cluster: String,
    clock: Arc<dyn Clock>,
}

impl CnpgActs {
    /// Of the Cluster of `owner`. The role needs `get` and `patch` on Clusters and `patch` on their status.
    ///
    /// # Errors
    /// As [`names::cluster`].
    pub fn new(client: Client, owner: &Owner, clock: Arc<dyn Clock>) -> Result<Self> {
        let kind = GroupVersionKind::gvk(CLUSTER.group, CLUSTER.version, CLUSTER.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, CLUSTER.plural);
        Ok(Self {
            clusters: Api::namespaced_with(client, owner.namespace(), &resource),
            cluster: names::cluster(owner)?,
            clock,
        })
    }
}

#[async_trait]
impl Acts for CnpgActs {
    async fn restart(&self, word: &str) -> Result<()> {
        let patch = json!({"metadata": {"annotations": {RESTART: word}}});
        let patched = self
            .clusters
            .patch(&self.cluster, &by_us(), &Patch::Merge(patch))
            .await;
        let doing = format!("restart the servers of {}", self.cluster);
        patched.map(drop).map_err(|e| fault::of(&doing, true, e))
    }

    async fn switchover(&self, server: &str) -> Result<()> {
        let doing = format!("make {server} the primary of {}", self.cluster);
        let there = self.clusters.get(&self.cluster).await;
        let there = there.map_err(|e| fault::of(&doing, false, e))?;
        match course(&there.data["status"], server).map_err(|e| e.attempted(&doing))? {
            Course::Done => Ok(()),
            Course::Ask => {
                let status = json!({
                    "targetPrimary": server,
                    "targetPrimaryTimestamp": self.clock.now().strftime(TIME).to_string(),
                    "phase": PHASE,
                    "phaseReason": format!("Switching over to {server}"),
                });
                // Whoever chose another one since we looked has the say.
                let patch = json!({
                    "metadata": {"resourceVersion": there.metadata.resource_version}, "status": status,
                });
                let patched = self
                    .clusters
                    .patch_status(&self.cluster, &by_us(), &Patch::Merge(patch))
                    .await;
                patched.map(drop).map_err(|e| fault::of(&doing, true, e))
            }
        }
    }
}

/// What is left to do for a switchover.
#[derive(Debug, PartialEq, Eq)]
enum Course {
    /// It is the primary, or becomes it.
    Done,
    /// CloudNativePG is to be asked.
    Ask,
}

fn course(status: &Value, server: &str) -> Result<Course> {
    let refused = |why: String| {
        Err(Error::new(&CNPG_SWITCHOVER, Class::Blocked)
            .attempted(format!("make {server} the primary"))
            .happened(why))
    };
    if status["currentPrimary"] == server || status["targetPrimary"] == server {
        return Ok(Course::Done);
    }
    let names = |list: &Value| -> Vec<String> {
        let all = list.as_array().into_iter().flatten();
        all.filter_map(|n| n.as_str().map(str::to_owned)).collect()
    };
    let all = names(&status["instanceNames"]);
    let ready = names(&status["instancesStatus"]["healthy"]);
    let primary = health::text(&status["currentPrimary"]);
    let standbys: Vec<&str> = ready
        .iter()
        .map(String::as_str)
        .filter(|n| *n != primary)
        .collect();
    if all.iter().all(|n| n != server) {
        let there = match standbys.as_slice() {
            [] => "there is no standby".to_owned(),
            some => format!("the standbys are: {}", some.join(", ")),
        };
        return refused(format!("there is no such server; {there}"));
    }
    if !standbys.contains(&server) {
        return refused("it is not ready".to_owned());
    }
    if status["targetPrimary"].is_string() && status["targetPrimary"] != status["currentPrimary"] {
        return refused("another switchover or failover is under way".to_owned());
    }
    Ok(Course::Ask)
}

fn by_us() -> PatchParams {
    PatchParams {
        field_manager: Some(ASKED.to_owned()),
        ..PatchParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Value {
        json!({
            "currentPrimary": "shop-1", "targetPrimary": "shop-1",
            "instanceNames": ["shop-1", "shop-2", "shop-3"],
            "instancesStatus": {"healthy": ["shop-1", "shop-2"], "failed": ["shop-3"]},
        })
    }

    #[test]
    fn a_ready_standby_is_asked_for_and_the_primary_is_left_alone() {
        assert_eq!(course(&status(), "shop-2").unwrap(), Course::Ask);
        assert_eq!(course(&status(), "shop-1").unwrap(), Course::Done);
        let mut under_way = status();
        under_way["targetPrimary"] = "shop-2".into();
        assert_eq!(course(&under_way, "shop-2").unwrap(), Course::Done);
    }

    #[test]
    fn a_server_that_is_not_there_or_not_ready_is_refused_with_words_and_does_not_pass_by_itself() {
        let refused = |status: &Value, server| {
            let error = course(status, server).unwrap_err();
            assert!(!error.may_pass());
            error.words().to_owned()
        };
        assert!(refused(&status(), "shop-9").contains("the standbys are: shop-2"));
        assert_eq!(refused(&status(), "shop-3"), "it is not ready");
        assert!(refused(&json!({}), "shop-2").contains("there is no standby"));
        let mut under_way = status();
        under_way["targetPrimary"] = "shop-3".into();
        assert!(refused(&under_way, "shop-2").contains("under way"));
    }
}
