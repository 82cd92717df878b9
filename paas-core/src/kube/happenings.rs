//! What happened to declared objects and to what was made for them: Kubernetes' Events in our own words.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event as KubeEvent;
use kube::{Api, Client, api::ListParams};

use super::fault;
use crate::{
    error::Result,
    event::{Event, State},
    resource::Key,
    spec::Kind,
};

/// How many events are asked for at once.
const PAGE: u32 = 500;

/// The objects of one namespace whose events are looked for, by kind and name.
#[derive(Debug, Clone, Default)]
pub struct Known(BTreeMap<String, Kind>);

impl Known {
    /// Nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object.
    pub fn add(&mut self, kind: Kind, name: &str) {
        self.0.insert(format!("{kind}/{name}"), kind);
    }

    /// Whose the object of that kind and name is: its own, or that of the instance with the longest name that it is named after. All that
    /// is made for an instance `shop` is called `shop`, `shop-…` or `shop.…`; a volume of a StatefulSet ends so.
    fn owner(&self, kind: &str, name: &str) -> Option<(Kind, &str)> {
        let own = format!("{kind}/{name}");
        if let Some((title, kind)) = self.0.get_key_value(&own) {
            return Some((*kind, title.rsplit('/').next().unwrap_or_default()));
        }
        // One of ours that nobody asked for is nobody's part.
        if Kind::ALL.iter().any(|k| k.as_str() == kind) {
            return None;
        }
        let instances = self.0.iter().filter(|(_, k)| **k == Kind::DatabaseInstance);
        instances
            .filter_map(|(title, kind)| Some((*kind, title.rsplit('/').next()?)))
            .filter(|(_, instance)| is_part(name, instance))
            .max_by_key(|(_, instance)| instance.len())
    }
}

fn is_part(name: &str, instance: &str) -> bool {
    let after = |rest: &str| rest.is_empty() || rest.starts_with(['-', '.']);
    let numbered = |rest: &str| {
        rest.strip_prefix('-')
            .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    };
    let volume = name.strip_prefix("data-").and_then(|n| n.strip_prefix(instance));
    name.strip_prefix(instance).is_some_and(after) || volume.is_some_and(numbered)
}

/// Something that happened in a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// What happened; its owner is the declared object.
    pub event: Event,
    /// Tells it from every other one, and from itself after it has happened again.
    pub mark: String,
    /// True if it happened to the declared object itself, not to what was made for it.
    pub own: bool,
}

/// What happened in a namespace to the objects of `known`, oldest first.
///
/// `known` should hold all objects of the namespace: what is named after `shop-app` is then never taken for a part of `shop`.
///
/// # Errors
/// Those of the API server.
pub async fn list(client: &Client, namespace: &str, known: &Known) -> Result<Vec<Happening>> {
    let api: Api<KubeEvent> = Api::namespaced(client.clone(), namespace);
    let mut asked = ListParams::default().limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = api.list(&asked).await;
        let page = page.map_err(|e| fault::of(&format!("list events in {namespace}"), false, e))?;
        all.extend(page.items.iter().filter_map(|e| told(e, known)));
        match page.metadata.continue_.filter(|c| !c.is_empty()) {
            Some(more) => asked.continue_token = Some(more),
            None => break,
        }
    }
    all.sort_by(|a: &Happening, b| (a.event.at, &a.mark).cmp(&(b.event.at, &b.mark)));
    Ok(all)
}

fn told(event: &KubeEvent, known: &Known) -> Option<Happening> {
    let about = &event.involved_object;
    let (kind, name) = (about.kind.as_deref()?, about.name.as_deref()?);
    let (owner, instance) = known.owner(kind, name)?;
    let namespace = about.namespace.as_deref().unwrap_or_default();
    let series = event.series.as_ref();
    let at = series
        .and_then(|s| s.last_observed_time.as_ref().map(|t| t.0))
        .or(event.last_timestamp.as_ref().map(|t| t.0))
        .or(event.event_time.as_ref().map(|t| t.0))
        .or(event.metadata.creation_timestamp.as_ref().map(|t| t.0))
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let times = series.and_then(|s| s.count).or(event.count).unwrap_or(1);
    let mark = format!("{}#{times}", event.metadata.uid.as_deref().unwrap_or_default());
    let reason = event.reason.clone().unwrap_or_default();
    let own = kind == owner.as_str();
    let action = event.action.as_deref().unwrap_or_default();
    // The operator's actions name verb, stage and key: `create database/cluster`.
    let (verb, place) = match action.split_once(' ') {
        Some((verb, place)) if own => (verb.to_owned(), place),
        _ => (reason.clone(), ""),
    };
    let (stage, key) = match place.split_once('/') {
        Some((stage, key)) => (stage.to_owned(), Key::new(key).ok()),
        None if own => (name.to_owned(), None),
        None => (format!("{}/{name}", kind.to_lowercase()), None),
    };
    let warning = event.type_.as_deref() == Some("Warning");
    let more = if times > 1 {
        format!(" (×{times})")
    } else {
        String::new()
    };
    let event = Event {
        at,
        owner: format!("{owner}/{namespace}/{instance}"),
        stage,
        key,
        verb,
        state: state(warning, &reason),
        reason,
        message: format!(
            "{}{more}",
            event.message.as_deref().unwrap_or_default().trim_end()
        ),
        request_id: None,
    };
    Some(Happening { event, mark, own })
}

/// Where a thing stands of which Kubernetes only says whether somebody should look.
fn state(warning: bool, reason: &str) -> State {
    match (warning, reason) {
        (true, "Blocked" | "ConsentNeeded" | "ConsentVoid" | "DeletionProtected") => State::Blocked,
        (true, _) => State::Failed,
        (false, "Waiting" | "Working" | "Settling" | "Retrying") => State::Waiting,
        (false, _) => State::Done,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known() -> Known {
        let mut known = Known::new();
        known.add(Kind::DatabaseInstance, "shop");
        known.add(Kind::DatabaseInstance, "shop-app");
        known.add(Kind::Platform, "shop-app-2");
        known
    }

    #[test]
    fn a_part_is_of_the_instance_with_the_longest_name_that_it_is_named_after() {
        let known = known();
        let table = [
            ("DatabaseInstance", "shop", Some("shop")),
            ("DatabaseInstance", "shop-2", None),
            ("Cluster", "shop", Some("shop")),
            ("Pod", "shop-1", Some("shop")),
            ("Pod", "shop-app-1", Some("shop-app")),
            ("DatabaseRole", "shop.app", Some("shop")),
            ("PersistentVolumeClaim", "data-shop-app-0", Some("shop-app")),
            ("PersistentVolumeClaim", "data-shop-0", Some("shop")),
            ("Pod", "shopping-1", None),
            ("Platform", "shop-app-2", Some("shop-app-2")),
        ];
        for (kind, name, owner) in table {
            assert_eq!(known.owner(kind, name).map(|(_, n)| n), owner, "{kind} {name}");
        }
    }

    #[test]
    fn the_operators_actions_are_told_as_on_a_machine_and_others_by_what_they_are_about() {
        let event = |kind: &str, action: &str| -> KubeEvent {
            serde_json::from_value(json!({
                "metadata": {"uid": "u"}, "involvedObject": {"kind": kind, "name": "shop", "namespace": "a"},
                "reason": "Created", "action": action, "message": "it was", "type": "Normal",
                "eventTime": "2026-01-01T00:00:00.000000Z", "series": {"count": 3, "lastObservedTime": "2026-01-01T00:01:00.000000Z"},
            }))
            .unwrap()
        };
        let told = |kind: &str, action: &str| told(&event(kind, action), &known()).unwrap();
        let Happening {
            event: ours,
            mark,
            own,
        } = told("DatabaseInstance", "create database/cluster");
        assert!(own);
        assert_eq!(
            (mark.as_str(), ours.owner.as_str()),
            ("u#3", "DatabaseInstance/a/shop")
        );
        assert_eq!((ours.verb.as_str(), ours.stage.as_str()), ("create", "database"));
        assert_eq!(
            (ours.key.unwrap().as_str(), ours.message.as_str()),
            ("cluster", "it was (×3)")
        );
        assert_eq!(ours.at, "2026-01-01T00:01:00Z".parse().unwrap());
        let Happening {
            event: theirs, own, ..
        } = told("Cluster", "Creating");
        assert!(!own);
        assert_eq!(
            (theirs.verb.as_str(), theirs.stage.as_str()),
            ("Created", "cluster/shop")
        );
    }
}
