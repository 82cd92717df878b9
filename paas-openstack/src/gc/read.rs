//! From lists to findings: a pure function.

use std::collections::{BTreeMap, BTreeSet};

use paas_core::{owner::Identity, resource::Key};
use uuid::Uuid;

use super::{
    Findings, Kind, Leftover, Ref, Remains,
    lists::Lists,
    mark, name, outsiders,
    standing::{self, addresses, led_to, stands_on},
};
use crate::{
    block_storage::{Volume, VolumeStatus},
    compute::{Server, ServerStatus},
    load_balancer::ProvisioningStatus,
    provider::marks,
    wire::Stamp,
};

/// What is marked, by owner, with whatever of others stands on it.
pub(super) fn findings(lists: &Lists) -> Findings {
    let identity = &lists.identity;
    let mut reader = Reader {
        lists,
        found: BTreeMap::new(),
    };
    reader.fabric();
    reader.legs();
    reader.machines();
    reader.entries();
    reader.by_name(identity);
    let found = reader.found;
    let outsiders = outsiders::of(lists, &found);
    let mut owners: BTreeMap<Uuid, Vec<Leftover>> = BTreeMap::new();
    for (owner, leftover) in found.into_values() {
        owners.entry(owner).or_default().push(leftover);
    }
    let mut owners: Vec<Remains> = owners
        .into_iter()
        .map(|(uid, leftovers)| name::remains(uid, leftovers, lists, identity))
        .collect();
    owners.sort_by_key(|it| (it.name.is_none(), it.name.clone(), it.uid));
    Findings {
        project_id: lists.project.0.clone(),
        project: lists.project.1.clone(),
        owners,
        outsiders,
        unseen: lists.unseen.clone(),
        identity: identity.clone(),
    }
}

/// What is found so far, with whose it is.
pub(super) type Found = BTreeMap<Ref, (Uuid, Leftover)>;

struct Reader<'a> {
    lists: &'a Lists,
    found: Found,
}

fn leftover(kind: Kind, id: &str, name: &str, made: Option<&Stamp>, on: Vec<Ref>) -> Leftover {
    Leftover {
        it: Ref::new(kind, id),
        name: name.to_owned(),
        key: None,
        made: made.and_then(Stamp::at),
        state: String::new(),
        holds_data: false,
        leaving: false,
        stays: None,
        on,
    }
}

impl Reader<'_> {
    fn add(&mut self, owner: Uuid, leftover: Leftover) {
        self.found.insert(leftover.it.clone(), (owner, leftover));
    }

    /// An administrator sees other projects' things too. What does not say its project is the token's own.
    fn is_here(&self, project: &str) -> bool {
        project.is_empty() || project == self.lists.project.0
    }

    fn fabric(&mut self) {
        let lists = self.lists;
        for it in &lists.networks {
            if let Some(owner) =
                mark::in_description(&it.description).filter(|_| self.is_here(&it.project_id))
            {
                self.add(
                    owner,
                    leftover(Kind::Network, &it.id, &it.name, Some(&it.created_at), Vec::new()),
                );
            }
        }
        for it in &lists.subnets {
            if let Some(owner) =
                mark::in_description(&it.description).filter(|_| self.is_here(&it.project_id))
            {
                let on = vec![Ref::new(Kind::Network, &it.network_id)];
                let state = it.cidr.clone();
                let found = leftover(Kind::Subnet, &it.id, &it.name, Some(&it.created_at), on);
                self.add(owner, Leftover { state, ..found });
            }
        }
        for it in &lists.routers {
            if let Some(owner) =
                mark::in_description(&it.description).filter(|_| self.is_here(&it.project_id))
            {
                self.add(
                    owner,
                    leftover(Kind::Router, &it.id, &it.name, Some(&it.created_at), Vec::new()),
                );
            }
        }
        for it in &lists.groups {
            if let Some(owner) =
                mark::in_description(&it.description).filter(|_| self.is_here(&it.project_id))
            {
                let named = standing::named_by(it);
                self.add(
                    owner,
                    leftover(Kind::SecurityGroup, &it.id, &it.name, Some(&it.created_at), named),
                );
            }
        }
        for it in &lists.ports {
            let plain = !it.device_owner.is_router_interface() && self.is_here(&it.project_id);
            if let Some(owner) = mark::in_description(&it.description).filter(|_| plain) {
                let found = leftover(Kind::Port, &it.id, &it.name, Some(&it.created_at), stands_on(it));
                let state = addresses(it);
                self.add(owner, Leftover { state, ..found });
            }
        }
    }

    /// A leg has no mark: it is ours because the subnet is, and because nobody made its port for something else.
    fn legs(&mut self) {
        let lists = self.lists;
        for it in lists
            .ports
            .iter()
            .filter(|it| it.device_owner.is_router_interface())
        {
            let subnets = it.fixed_ips.iter().filter_map(|ip| ip.subnet_id.as_deref());
            let of_subnet = subnets
                .filter_map(|id| self.found.get(&Ref::new(Kind::Subnet, id)))
                .map(|(owner, _)| *owner)
                .next();
            let unnamed = it.name.is_empty() && it.description.is_empty();
            let by_mark = mark::in_description(&it.description).filter(|_| self.is_here(&it.project_id));
            if let Some(owner) = by_mark.or(of_subnet.filter(|_| unnamed)) {
                let mut on = stands_on(it);
                on.push(Ref::new(Kind::Router, &it.device_id));
                let found = leftover(Kind::Interface, &it.id, &it.name, Some(&it.created_at), on);
                let (key, state) = (Key::new("interface").ok(), addresses(it));
                self.add(owner, Leftover { key, state, ..found });
            }
        }
    }

    fn machines(&mut self) {
        let lists = self.lists;
        for it in &lists.volumes {
            let here = self.is_here(it.project_id.as_deref().unwrap_or_default());
            if let Some((owner, key)) = mark::in_metadata(&it.metadata).filter(|_| here) {
                let found = leftover(Kind::Volume, &it.id, &it.name, Some(&it.created_at), Vec::new());
                let (key, state) = (Some(key), format!("{} GiB, {}", it.size, it.status));
                let (holds_data, leaving) = (holds_data(it), it.status == VolumeStatus::Deleting);
                self.add(
                    owner,
                    Leftover {
                        key,
                        state,
                        holds_data,
                        leaving,
                        ..found
                    },
                );
            }
        }
        for it in lists.servers.iter().filter(|it| !is_gone(it)) {
            if let Some((owner, key)) =
                mark::in_metadata(&it.metadata).filter(|_| self.is_here(&it.project_id))
            {
                let plugged = lists.ports.iter().filter(|port| port.device_id == it.id);
                let mut on: Vec<Ref> = plugged.map(|port| Ref::new(Kind::Port, &port.id)).collect();
                on.extend(it.volumes.iter().map(|volume| Ref::new(Kind::Volume, &volume.id)));
                let member = |group: &&crate::compute::ServerGroup| group.members.contains(&it.id);
                on.extend(
                    lists
                        .server_groups
                        .iter()
                        .filter(member)
                        .map(|group| Ref::new(Kind::ServerGroup, &group.id)),
                );
                let found = leftover(Kind::Server, &it.id, &it.name, Some(&it.created), on);
                let (key, state) = (Some(key), it.status.to_string());
                let leaving = it
                    .task_state
                    .as_deref()
                    .is_some_and(|task| task.ends_with("deleting"));
                self.add(
                    owner,
                    Leftover {
                        key,
                        state,
                        leaving,
                        ..found
                    },
                );
            }
        }
    }

    /// What lets others in: load balancers and floating IPs.
    fn entries(&mut self) {
        let lists = self.lists;
        for it in lists
            .balancers
            .iter()
            .filter(|it| it.provisioning_status != ProvisioningStatus::Deleted)
        {
            if let Some(owner) =
                mark::in_description(&it.description).filter(|_| self.is_here(&it.project_id))
            {
                let on = vec![
                    Ref::new(Kind::Subnet, &it.vip_subnet_id),
                    Ref::new(Kind::Network, &it.vip_network_id),
                ];
                let found = leftover(Kind::LoadBalancer, &it.id, &it.name, Some(&it.created_at), on);
                let state = it.provisioning_status.to_string();
                let leaving = it.provisioning_status == ProvisioningStatus::PendingDelete;
                self.add(
                    owner,
                    Leftover {
                        state,
                        leaving,
                        ..found
                    },
                );
            }
        }
        for it in &lists.addresses {
            if let Some((owner, key)) =
                mark::in_description_with_key(&it.description).filter(|_| self.is_here(&it.project_id))
            {
                let found = leftover(
                    Kind::FloatingIp,
                    &it.id,
                    &it.address,
                    Some(&it.created_at),
                    led_to(lists, it),
                );
                self.add(
                    owner,
                    Leftover {
                        key: Some(key),
                        state: it.status.to_string(),
                        ..found
                    },
                );
            }
        }
    }

    /// What has nothing but its name, once all other marks are known.
    fn by_name(&mut self, identity: &Identity) {
        let lists = self.lists;
        let mut known: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
        for (owner, leftover) in self.found.values() {
            known.entry(*owner).or_default().insert(leftover.name.clone());
        }
        for it in &lists.server_groups {
            if let Some((owner, key)) = mark::in_name(Kind::ServerGroup, &it.name, &known, identity) {
                let found = leftover(Kind::ServerGroup, &it.id, &it.name, None, Vec::new());
                self.add(
                    owner,
                    Leftover {
                        key: Some(key),
                        ..found
                    },
                );
            }
        }
        for it in &lists.key_pairs {
            if let Some((owner, key)) = mark::in_name(Kind::KeyPair, &it.name, &known, identity) {
                let found = leftover(
                    Kind::KeyPair,
                    &it.name,
                    &it.name,
                    it.created_at.as_ref(),
                    Vec::new(),
                );
                self.add(
                    owner,
                    Leftover {
                        key: Some(key),
                        ..found
                    },
                );
            }
        }
        for it in lists
            .credentials
            .iter()
            .filter(|it| it.project_id == lists.project.0)
        {
            if let Some(owner) = it.description.as_deref().and_then(mark::in_description) {
                let found = leftover(Kind::ApplicationCredential, &it.id, &it.name, None, Vec::new());
                let stays = (lists.login.as_ref() == Some(&it.id))
                    .then(|| "this login is by it; another one can delete it".to_owned());
                self.add(owner, Leftover { stays, ..found });
            }
        }
    }
}

/// A boot disk says what image it was made from, and is as little data as a server's own disk.
fn holds_data(volume: &Volume) -> bool {
    marks::choice(&volume.metadata, marks::IMAGE).is_none()
}

pub(super) fn is_gone(server: &Server) -> bool {
    matches!(server.status, ServerStatus::Deleted | ServerStatus::SoftDeleted)
}
