//! Findings as a world that the planner understands: nothing is wanted of it, what is not chosen is not ours.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use paas_core::{
    error::Result,
    graph::Observed,
    resource::{Diff, Health, Key, Live, Need, Origin, Resource, View},
};
use uuid::Uuid;

use super::{Chosen, Findings, Kind, Leftover, Ref, Remains};

/// A thing as the planner sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// What it is; `None` for what is not ours.
    pub(super) it: Option<Ref>,
    pub(super) made_of: Vec<Need>,
    pub(super) precious: bool,
}

impl Resource for Node {
    fn kind(&self) -> &'static str {
        self.it.as_ref().map_or("outsider", |it| it.kind.word())
    }

    fn needs(&self) -> Vec<Need> {
        self.made_of.clone()
    }

    /// Nothing is ever wanted.
    fn diff(&self, _live: &Self) -> Diff {
        Diff::Same
    }

    fn precious(&self) -> bool {
        self.precious
    }

    /// Whatever takes its time has until the end of the run.
    fn patience(&self) -> Duration {
        Duration::from_secs(24 * 3600)
    }

    fn view(&self) -> View {
        View::new()
    }
}

/// What the planner sees, and which thing each key means.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) observed: Observed<Node>,
    pub(super) keys: BTreeMap<Ref, Key>,
}

/// The world of the chosen owners. Keys say which thing it is in people's words: `demo/server/workers-1`.
pub(super) fn of(findings: &Findings, chosen: &Chosen) -> Result<Graph> {
    let names = short_names(&findings.owners);
    let taken: BTreeSet<&Ref> = chosen_of(findings, chosen).map(|(_, it)| &it.it).collect();
    let mut keys: BTreeMap<Ref, Key> = BTreeMap::new();
    let mut used: BTreeSet<Key> = BTreeSet::new();
    for remains in &findings.owners {
        for it in &remains.leftovers {
            let key = key(&names[&remains.uid], it, &mut used)?;
            keys.insert(it.it.clone(), key);
        }
    }
    let mut observed = Observed::default();
    for remains in &findings.owners {
        let data = chosen.data.contains(&remains.uid);
        let last = remains
            .leftovers
            .iter()
            .filter(|it| it.it.kind == Kind::ApplicationCredential);
        let last: Vec<Need> = last
            .filter_map(|it| keys.get(&it.it).cloned())
            .map(Need::Order)
            .collect();
        for it in &remains.leftovers {
            let ours = taken.contains(&it.it) && it.stays.is_none();
            if !ours && !it.on.iter().any(|on| taken.contains(on)) {
                continue;
            }
            let mut needs: Vec<Need> = it
                .on
                .iter()
                .filter_map(|on| need(it.it.kind, ours, on, &keys))
                .collect();
            if it.it.kind != Kind::ApplicationCredential {
                needs.extend(last.iter().cloned());
            }
            let node = Node {
                it: Some(it.it.clone()),
                made_of: needs,
                precious: it.holds_data && !data,
            };
            let live = if ours {
                Live::ready(&it.it.id, node)
            } else {
                let whose = format!(
                    "{} {} ({}) of {}",
                    it.it.kind,
                    it.name,
                    it.it.id,
                    remains.name.clone().unwrap_or(remains.uid.to_string())
                );
                Live::ready(whose, node).origin(Origin::External)
            };
            let live = if it.leaving {
                live.health(Health::Leaving)
            } else {
                live
            };
            observed.found(keys[&it.it].clone(), live);
        }
    }
    for outsider in &findings.outsiders {
        let in_the_way = outsider.on.iter().any(|on| taken.contains(on));
        if !in_the_way || outsider.goes_with.iter().any(|with| taken.contains(with)) {
            continue;
        }
        let needs = outsider
            .on
            .iter()
            .filter_map(|on| keys.get(on).cloned())
            .map(Need::Built);
        let node = Node {
            it: None,
            made_of: needs.collect(),
            precious: false,
        };
        let live = Live::ready(&outsider.said, node).origin(Origin::External);
        observed.found(Key::new(format!("outsider/{}", outsider.id))?, live);
    }
    Ok(Graph { observed, keys })
}

/// The things of the chosen owners.
pub(super) fn chosen_of<'a>(
    findings: &'a Findings,
    chosen: &'a Chosen,
) -> impl Iterator<Item = (&'a Remains, &'a Leftover)> {
    let owners = findings
        .owners
        .iter()
        .filter(|remains| chosen.owners.contains(&remains.uid));
    owners.flat_map(|remains| remains.leftovers.iter().map(move |it| (remains, it)))
}

/// A floating IP only comes first; all else is made of what it stands on. Groups of one owner that name each other go in any order.
fn need(kind: Kind, ours: bool, on: &Ref, keys: &BTreeMap<Ref, Key>) -> Option<Need> {
    let key = keys.get(on)?.clone();
    match (kind, on.kind) {
        (Kind::SecurityGroup, Kind::SecurityGroup) if ours => None,
        (Kind::FloatingIp, _) if ours => Some(Need::Order(key)),
        _ => Some(Need::Built(key)),
    }
}

/// Each owner by its object's name, or by the beginning of its uid; by all of it where two would be the same.
fn short_names(owners: &[Remains]) -> BTreeMap<Uuid, String> {
    let count = |short: &String| owners.iter().filter(|it| it.short() == *short).count();
    let name = |it: &Remains| {
        let short = it.short();
        if count(&short) > 1 {
            it.uid.to_string()
        } else {
            short
        }
    };
    owners.iter().map(|it| (it.uid, name(it))).collect()
}

fn key(owner: &str, it: &Leftover, used: &mut BTreeSet<Key>) -> Result<Key> {
    let by_id = || Key::new(format!("{owner}/{}/{}", it.it.kind.segment(), it.it.id));
    // Where names are foreign, or two things answer to one key, the id says which it is.
    let readable = it
        .key
        .as_ref()
        .and_then(|key| Key::new(format!("{owner}/{key}")).ok());
    let key = match readable.filter(|key| !used.contains(key)) {
        Some(key) => key,
        None => by_id()?,
    };
    used.insert(key.clone());
    Ok(key)
}
