//! What the manifests depend on beside the spec: how far things are, as a look shows it.
//!
//! CloudNativePG is told something and does it in its own time; what it is told next depends on how far it is. All of that stands in the
//! objects themselves, so whoever looks next goes on from there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    CnpgDriver, health,
    kinds::{CLUSTER, DATABASE, ROLE},
    turns::Turns,
};
use crate::{
    database::login::{LoginState, Turn},
    graph::Observed,
    kube::KubeObject,
    resource::{Health, Live},
    spec::DatabaseInstanceSpec,
};

/// The annotation of a role or a database by which CloudNativePG is made to look at it again: how often that was done, and when the last time.
pub const NUDGE: &str = "paas.rs/nudged";

/// The annotation of a login role whose sessions begin as its owner role, with the owner role.
pub const SESSION: &str = "paas.rs/session-role";

/// The annotation of a user's role with the last rotation that was asked for.
pub const ROTATED: &str = "paas.rs/rotated";

/// The annotation of a Cluster that somebody else made and that was taken over.
pub const ADOPTED: &str = "paas.rs/adopted";

/// The key of what Prometheus reads. A look that shows the kind in the cluster says so in [`Observed::also`].
pub(super) const MONITOR: &str = "podMonitor";

/// How often CloudNativePG is asked to look again before it is left to its own pace, which is half a minute.
const NUDGES: u32 = 5;

/// Within so many seconds CloudNativePG says of a new Cluster that it is not ready, and no server is ready so soon.
const FIRST: i64 = 5;

/// After so many seconds the counting begins anew.
const CALM: i64 = 300;

/// A rotation that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// A word that differs from that of the last one.
    pub word: String,
    /// For how many seconds the former passwords still work.
    pub overlap: u32,
}

/// How far an instance is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Steps {
    /// True once the Cluster is there and ours: what names a Secret is made at once then. Never in a Cluster of somebody else.
    pub there: bool,
    /// True once the primary takes statements: what is inside is made at once then.
    pub primary: bool,
    /// True if the cluster has the kind `PodMonitor`.
    pub monitors: bool,
    /// True if the Cluster was made by somebody else: what it was set up by is not ours to say.
    pub adopted: bool,
    /// By user: whose turn it is.
    pub turns: BTreeMap<String, Turns>,
    /// By user: the last rotation that was asked for.
    pub rotated: BTreeMap<String, String>,
    /// By key: what stands in [`NUDGE`].
    pub nudges: BTreeMap<String, String>,
    /// The login roles whose sessions begin as their owner role, or are to be told so now.
    pub sessions: BTreeSet<String>,
}

impl Steps {
    /// Of a look; without a time nothing moves on.
    pub(super) fn of(
        driver: &CnpgDriver,
        spec: &DatabaseInstanceSpec,
        seen: &Observed<KubeObject>,
        now: Option<Timestamp>,
    ) -> Self {
        let cluster = object(seen, "cluster").filter(|l| *l.resource.object_kind() == CLUSTER);
        let cluster = cluster.and_then(whole);
        let status = cluster.map(|c| &c["status"]);
        let fresh = status.is_none_or(|s| health::text(&s["currentPrimary"]).is_empty());
        let mut steps = Self {
            there: cluster.is_some(),
            primary: cluster.is_some_and(takes_statements),
            monitors: seen.also.keys().any(|k| k.as_str() == MONITOR),
            adopted: match cluster {
                Some(there) => there["metadata"]["annotations"][ADOPTED].is_string(),
                None => driver.adopting,
            },
            ..Self::default()
        };
        for user in &spec.users {
            steps.user(driver, &user.name, fresh && !steps.adopted, seen, now);
        }
        let inside = |l: &Live<KubeObject>| [&ROLE, &DATABASE].contains(&l.resource.object_kind());
        for (key, live) in seen.live.iter().filter(|(_, l)| inside(l)) {
            if let (Some(there), Some(now)) = (whole(live), now) {
                let waits = steps.primary && matches!(live.health, Health::Settling { .. });
                let nudge = nudge(there, waits, now);
                steps.nudges.extend(nudge.map(|n| (key.to_string(), n)));
            }
        }
        steps
    }

    fn user(
        &mut self,
        driver: &CnpgDriver,
        user: &str,
        fresh: bool,
        seen: &Observed<KubeObject>,
        now: Option<Timestamp>,
    ) {
        let role = object(seen, &format!("role/{user}")).and_then(whole);
        let known = role.is_some();
        let mut turns = match (now, driver.logins.turns.get(user)) {
            (Some(now), None) => Turns::seen(user, seen, now),
            (None, None) => Turns::said(user, seen),
            (_, Some(told)) => *told,
        };
        let asked = driver.rotation.as_ref();
        let said = role.and_then(|r| r["metadata"]["annotations"][ROTATED].as_str());
        let mut rotated = said.map(str::to_owned);
        if let Some(Rotation { word, overlap }) = asked.filter(|a| Some(a.word.as_str()) != said) {
            let turned = turns.rotate(*overlap);
            // A role that is yet to be made gets a new password anyway; a rotation under way is finished first.
            if !known || turned != turns {
                rotated = Some(word.clone());
            }
            if known {
                turns = turned;
            }
        }
        self.turns.insert(user.to_owned(), turns);
        self.rotated.extend(rotated.map(|r| (user.to_owned(), r)));
        for turn in [Turn::A, Turn::B] {
            let login = turn.login(user);
            let live = object(seen, &format!("login/{login}")).filter(|l| *l.resource.object_kind() == ROLE);
            let there = live.and_then(whole);
            let set = match there {
                Some(there) => there["metadata"]["annotations"][SESSION] == user || is_open(there),
                // The first server is set up with it, and what is open from the start is made before there is one.
                None => fresh && turns.state(turn) != LoginState::Locked,
            };
            if set {
                self.sessions.insert(login);
            }
        }
    }
}

/// The live object of a key.
pub(super) fn object<'a>(seen: &'a Observed<KubeObject>, key: &str) -> Option<&'a Live<KubeObject>> {
    let found = seen.live.iter().find(|(k, _)| k.as_str() == key);
    found
        .map(|(_, live)| live)
        .filter(|l| l.health != Health::Leaving)
}

fn whole(live: &Live<KubeObject>) -> Option<&Value> {
    live.resource.seen().map(|s| &s.object)
}

/// True if PostgreSQL has the login role as it is wanted, open.
fn is_open(role: &Value) -> bool {
    role["spec"]["login"] == true && health::is_applied(role)
}

/// True once the primary takes statements. The first one is named by itself as soon as it does, before CloudNativePG has counted it as
/// ready; one that wakes up is still named from before, so there the count is what tells.
fn takes_statements(cluster: &Value) -> bool {
    let status = &cluster["status"];
    let (current, target) = (
        health::text(&status["currentPrimary"]),
        health::text(&status["targetPrimary"]),
    );
    let first = !was_ready(cluster);
    let counted = status["readyInstances"].as_u64().unwrap_or(0) > 0;
    !current.is_empty() && current == target && (first || counted) && !health::is_hibernated(cluster)
}

/// True unless the Cluster is known to have been on its way ever since it was made: its condition is then as old as itself.
fn was_ready(cluster: &Value) -> bool {
    let time = |value: &Value| value.as_str().and_then(|t| t.parse::<Timestamp>().ok());
    let made = time(&cluster["metadata"]["creationTimestamp"]);
    let conditions = cluster["status"]["conditions"].as_array();
    let ready = conditions.and_then(|all| all.iter().find(|c| c["type"] == "Ready"));
    match (made, ready) {
        (Some(made), Some(ready)) if ready["status"] == "False" => time(&ready["lastTransitionTime"])
            .is_none_or(|turned| turned.as_second().saturating_sub(made.as_second()) > FIRST),
        _ => true,
    }
}

/// What [`NUDGE`] should say of a role or a database.
///
/// A server reads a role's password only once CloudNativePG has let it, which is some moments after the role names its Secret; what it
/// could not read it looks at again after half a minute (`databaseRoleReconciliationInterval` of 1.30.0), and likewise what was there
/// before the server, or came in the moment before it took statements. A change of the object makes it look at once.
fn nudge(there: &Value, waits: bool, now: Timestamp) -> Option<String> {
    let metadata = &there["metadata"];
    let said = metadata["annotations"][NUDGE].as_str();
    let told = said.and_then(|text| {
        let (count, at) = text.split_once(' ')?;
        Some((count.parse::<u32>().ok()?, at.parse::<i64>().ok()?))
    });
    let stays = said.map(str::to_owned);
    if !waits || health::is_applied(there) {
        return stays;
    }
    let made = metadata["creationTimestamp"].as_str();
    let made = made
        .and_then(|t| t.parse::<Timestamp>().ok())
        .map(|t| t.as_second());
    let now = now.as_second();
    let (count, since) = match told {
        Some((_, at)) if now.saturating_sub(at) > CALM => (0, at),
        Some(told) => told,
        None => (0, made.unwrap_or(0)),
    };
    let pause = 1_i64 << count.min(NUDGES);
    if count >= NUDGES || now.saturating_sub(since) < pause {
        return stays;
    }
    Some(format!("{} {now}", count.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn role(status: Value, nudged: Option<&str>) -> Value {
        let annotations = nudged.map(|n| json!({NUDGE: n})).unwrap_or_default();
        json!({
            "metadata": {"creationTimestamp": "1970-01-01T00:16:40Z", "annotations": annotations, "generation": 1},
            "spec": {"login": true, "passwordSecret": {"name": "s"}},
            "status": status,
        })
    }

    #[test]
    fn a_role_that_was_there_before_its_server_is_nudged_as_soon_as_there_is_one() {
        let waiting = role(json!({}), None);
        assert_eq!(nudge(&waiting, false, at(1100)), None);
        assert_eq!(nudge(&waiting, true, at(1100)).as_deref(), Some("1 1100"));
        // It was made this very moment: CloudNativePG is looking.
        assert_eq!(nudge(&waiting, true, at(1000)), None);
    }

    #[test]
    fn what_a_server_was_not_let_read_is_nudged_ever_more_rarely_and_then_no_more() {
        let refused = |n| {
            role(
                json!({"applied": false, "message": "secrets is forbidden: User"}),
                n,
            )
        };
        assert_eq!(
            nudge(&refused(Some("1 1100")), true, at(1101)).as_deref(),
            Some("1 1100")
        );
        assert_eq!(
            nudge(&refused(Some("1 1100")), true, at(1102)).as_deref(),
            Some("2 1102")
        );
        assert_eq!(
            nudge(&refused(Some("5 1100")), true, at(1200)).as_deref(),
            Some("5 1100")
        );
        assert_eq!(
            nudge(&refused(Some("5 1100")), true, at(1500)).as_deref(),
            Some("1 1500")
        );
    }

    #[test]
    fn what_is_applied_keeps_what_it_says_and_costs_no_write() {
        let applied = json!({"applied": true, "observedGeneration": 1});
        assert_eq!(nudge(&role(applied.clone(), None), true, at(2000)), None);
        assert_eq!(
            nudge(&role(applied, Some("1 1100")), true, at(2000)).as_deref(),
            Some("1 1100")
        );
    }
}
