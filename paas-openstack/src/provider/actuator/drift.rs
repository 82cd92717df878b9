//! What somebody changed about things of ours that no spec speaks of: names, machines that were switched off or given another flavor, marks
//! that were overwritten.

use std::collections::BTreeMap;

use paas_core::{
    codes::CORE_UNMARKED,
    error::Result,
    graph::{Observed, Wait},
    ledger::{Applied, Ledger},
    names,
    owner::Owner,
    resource::{Change, Health, Key, Live, Origin, Resource as _},
};

use super::{OpenStackActuator, change::is_gone, lists::Lists};
use crate::{
    compute::{Server, ServerFlavor, ServerStatus},
    provider::{choice::Choice, marks, resource::OpenStackResource, tags},
};

/// The field of a name.
pub(super) const NAME: &str = "name";

/// The field of what a machine is doing.
pub(super) const STATE: &str = "state";

/// What a thing says of itself beside its mark.
struct Said<'a> {
    name: &'a str,
    adopted: bool,
}

/// Notes on what is live whether it was taken over, what it is called otherwise, and whether it was switched off.
pub(super) fn note(owner: &Owner, lists: &Lists, observed: &mut Observed<OpenStackResource>) {
    let said = said(lists);
    let servers: BTreeMap<&str, &Server> = lists.servers.iter().map(|s| (s.id.as_str(), s)).collect();
    for (key, live) in &mut observed.live {
        let Some(said) = said.get(live.id.as_str()) else {
            continue;
        };
        if let Some(server) = servers.get(live.id.as_str()) {
            switched_off(server, live);
        }
        if said.adopted {
            live.origin = Origin::Adopted;
            continue;
        }
        let own = match &live.resource {
            OpenStackResource::Server(_) => key.as_str().rsplit('/').next().unwrap_or_default().to_owned(),
            OpenStackResource::FloatingIp(_) => continue,
            other => names::for_kind(owner, other.kind(), key),
        };
        if said.name != own {
            live.drifted.push(Change::new(NAME, said.name, own));
        }
    }
}

/// All that has a name of its own, by id.
fn said(lists: &Lists) -> BTreeMap<&str, Said<'_>> {
    let mut all = BTreeMap::new();
    let mut add = |id, name, adopted| {
        all.insert(id, Said { name, adopted });
    };
    macro_rules! tagged {
        ($($list:ident),*) => {
            $(for it in &lists.$list {
                add(it.id.as_str(), it.name.as_str(), tags::are_of_adopted(&it.tags));
            })*
        };
    }
    tagged!(networks, subnets, routers, groups, ports);
    for it in &lists.addresses {
        add(&it.id, "", tags::are_of_adopted(&it.tags));
    }
    for it in &lists.volumes {
        add(&it.id, &it.name, it.metadata.contains_key(marks::ADOPTED));
    }
    for it in &lists.servers {
        add(&it.id, &it.name, it.metadata.contains_key(marks::ADOPTED));
    }
    all
}

/// A machine that ran and does not any more, with nobody at work on it.
fn switched_off(it: &Server, live: &mut Live<OpenStackResource>) {
    if it.task_state.is_some() || back(&it.status).is_none() {
        return;
    }
    live.health = Health::broken(format!("it is {}", it.status));
    live.drifted
        .push(Change::new(STATE, &it.status, ServerStatus::Active));
}

/// What brings a machine back that does not run.
pub(super) fn back(status: &ServerStatus) -> Option<crate::compute::Action> {
    use crate::compute::Action;
    match status {
        ServerStatus::Shutoff => Some(Action::Start),
        ServerStatus::Paused => Some(Action::Unpause),
        ServerStatus::Suspended => Some(Action::Resume),
        ServerStatus::Shelved | ServerStatus::ShelvedOffloaded => Some(Action::Unshelve),
        ServerStatus::Rescue => Some(Action::Unrescue),
        ServerStatus::VerifyResize => Some(Action::RevertResize),
        _ => None,
    }
}

impl OpenStackActuator {
    /// The flavor in a server's mark is the one that was chosen; the one that it has may be another by now.
    pub(super) async fn resized(
        &self,
        lists: &Lists,
        observed: &mut Observed<OpenStackResource>,
    ) -> Result<()> {
        for live in observed.live.values_mut() {
            let OpenStackResource::Server(server) = &mut live.resource else {
                continue;
            };
            let Some(it) = lists.servers.iter().find(|s| s.id == live.id) else {
                continue;
            };
            if let Some(name) = &it.flavor.original_name
                && !self.is_flavor(&server.flavor, &it.flavor).await?
            {
                server.flavor = Choice::Named(name.clone());
            }
        }
        Ok(())
    }

    /// True if a flavor is one that the choice allows.
    pub(in crate::provider) async fn is_flavor(&self, choice: &Choice, has: &ServerFlavor) -> Result<bool> {
        match choice {
            Choice::Named(word) => {
                let named = has.original_name.as_ref() == Some(word) || has.id.as_ref() == Some(word);
                Ok(named || self.lookups.flavor_name(&self.client, word).await? == has.original_name)
            }
            Choice::AtLeast { cpus, memory, disk } => Ok(has.vcpus.is_none_or(|n| n >= *cpus)
                && has.ram.is_none_or(|n| n >= u64::from(*memory))
                && has.disk.is_none_or(|n| n >= u64::from(*disk))),
            Choice::Only | Choice::Newest { .. } => Ok(true),
        }
    }

    /// What was made or taken over here, should be there, and is in no list: gone, or there without its mark. Costs a call a thing, and
    /// only where something is missing that nobody here removed.
    pub(super) async fn vanished(
        &self,
        hints: &Ledger,
        lists: &Lists,
        observed: &mut Observed<OpenStackResource>,
    ) -> Result<()> {
        for (key, id) in &hints.ids {
            let ours = matches!(hints.applied.get(key), Some(Applied::As(_)));
            if !ours || observed.live.contains_key(key) || observed.live.values().any(|l| l.id == *id) {
                continue;
            }
            match self.bears(key, id, lists).await? {
                None => {}
                Some(mark) if mark.is_marked => {
                    let why = format!("{id} is there, and no listing shows it yet");
                    let wait = Wait {
                        why,
                        until: None,
                        gave_up: false,
                        in_doubt: true,
                    };
                    observed.waits.insert(key.clone(), wait);
                }
                Some(_) => {
                    let why = format!("{id} is there and bears our mark no more: a second one would be made");
                    observed.bar(key.clone(), &CORE_UNMARKED, why);
                }
            }
        }
        Ok(())
    }

    /// Whether something is there, and bears a mark of ours.
    async fn bears(&self, key: &Key, id: &str, lists: &Lists) -> Result<Option<Mark>> {
        let net = self.client.network();
        let kind = key.as_str().split('/').next().unwrap_or_default();
        let marked = |text: String| Mark {
            is_marked: text.starts_with("paas:"),
        };
        let found = match kind {
            "network" => net.networks().show(id).await.map(|it| marked(it.description)),
            "subnet" => net.subnets().show(id).await.map(|it| marked(it.description)),
            "router" => net.routers().show(id).await.map(|it| marked(it.description)),
            "security-group" => net
                .security_groups()
                .show(id)
                .await
                .map(|it| marked(it.description)),
            "port" => net.ports().show(id).await.map(|it| marked(it.description)),
            "load-balancer" => {
                let balancers = self.client.load_balancer().load_balancers();
                balancers.show(id).await.map(|it| marked(it.description))
            }
            "volume" => {
                let volumes = self.client.block_storage().volumes();
                volumes.show(id).await.map(|it| Mark {
                    is_marked: it.metadata.contains_key(marks::OWNER),
                })
            }
            // All of them are listed, with marks and without.
            "server" => {
                let stays = |s: &&Server| s.id == id && s.status != ServerStatus::Deleted;
                return Ok(lists
                    .servers
                    .iter()
                    .find(stays)
                    .map(|_| Mark { is_marked: false }));
            }
            "floating-ip" => {
                let there = lists.addresses.iter().any(|a| a.id == id);
                return Ok(there.then_some(Mark { is_marked: false }));
            }
            _ => return Ok(None),
        };
        match found {
            Ok(mark) => Ok(Some(mark)),
            Err(e) if is_gone(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

struct Mark {
    is_marked: bool,
}
