//! Looking: from the lists, what bears the mark, and where all is looked for what bears none.

use std::collections::BTreeMap;

use paas_core::{
    actuator::Reach, error::Result, graph::Observed, ledger::Ledger, owner::Owner, resource::Key,
};

use super::{OpenStackActuator, drift, lists::Lists, seen::Seen, taken::Taken};
use crate::provider::{marks, resource::OpenStackResource};

impl OpenStackActuator {
    pub(super) async fn look(
        &self,
        owner: &Owner,
        hints: &Ledger,
        reach: Reach,
    ) -> Result<Observed<OpenStackResource>> {
        let lists = Box::pin(self.lists(owner, reach, self.has_credential(hints)?)).await?;
        self.read(owner, hints, &lists).await
    }

    /// The look at what is ours that there would be if these bore the mark already.
    pub(in crate::provider) async fn look_as_if(
        &self,
        owner: &Owner,
        hints: &Ledger,
        taken: &[Taken],
    ) -> Result<Observed<OpenStackResource>> {
        let mut lists = Box::pin(self.lists(owner, Reach::Own, self.has_credential(hints)?)).await?;
        if !taken.is_empty() {
            for one in taken {
                one.join(owner, &mut lists);
            }
            let known = BTreeMap::new();
            lists.legs = self
                .legs(&lists.subnets, &lists.routers, &lists.legs, &known)
                .await?;
        }
        self.read(owner, hints, &lists).await
    }

    /// Whether a credential of the Platform is looked for, beside where everything is.
    fn has_credential(&self, hints: &Ledger) -> Result<bool> {
        Ok(self.credential || hints.ids.contains_key(&Key::new(super::CREDENTIAL)?))
    }

    async fn read(
        &self,
        owner: &Owner,
        hints: &Ledger,
        lists: &Lists,
    ) -> Result<Observed<OpenStackResource>> {
        let mut seen = Seen::new(owner, hints);
        for network in &lists.networks {
            seen.network(network);
        }
        for subnet in &lists.subnets {
            seen.subnet(subnet);
        }
        for router in &lists.routers {
            let external = match &router.gateway {
                Some(gateway) => Some(self.words_for(&gateway.network_id).await?),
                None => None,
            };
            seen.router(router, external);
        }
        for leg in &lists.legs {
            seen.leg(leg)?;
        }
        for group in &lists.groups {
            seen.group(group);
        }
        for group in &lists.groups {
            seen.rules(group)?;
        }
        for pair in &lists.key_pairs {
            seen.key_pair(pair);
        }
        for group in &lists.server_groups {
            seen.server_group(group);
        }
        for port in &lists.ports {
            seen.port(port);
        }
        for volume in &lists.volumes {
            seen.volume(volume);
        }
        for balancer in &lists.balancers {
            seen.balancer(balancer, lists.inside.get(&balancer.id));
        }
        for server in &lists.servers {
            seen.server(server);
        }
        for address in &lists.addresses {
            let external = self.words_for(&address.network_id).await?;
            seen.address(address, external);
        }
        let mut observed = seen.observed;
        drift::note(owner, lists, &mut observed);
        self.resized(lists, &mut observed).await?;
        self.vanished(hints, lists, &mut observed).await?;
        if let Some(unmarked) = &lists.unmarked {
            self.derived(owner, (lists, unmarked), &mut observed).await?;
        }
        if let Some(credentials) = &lists.credentials {
            self.credential(owner, credentials, &mut observed).await?;
        }
        if lists.unmarked.is_some() {
            self.hold_back(lists, &mut observed).await?;
        }
        Ok(observed)
    }
}

/// The key of something whose name cannot be read back, if the ledger knows its id.
pub(super) fn remembered(hints: &Ledger, id: &str) -> Option<Key> {
    let known = hints.ids.iter().find(|(_, known)| known.as_str() == id);
    let noted = || {
        hints
            .intents
            .iter()
            .find(|(_, intent)| intent.id.as_deref() == Some(id))
            .map(|(key, _)| key)
    };
    known.map(|(key, _)| key).or_else(noted).cloned()
}

/// The key that a name was made of.
pub(super) fn named(
    owner: &Owner,
    hints: &Ledger,
    kind: &str,
    segment: &str,
    name: &str,
    id: &str,
) -> Option<Key> {
    marks::key_in_name(owner, kind, segment, name).or_else(|| remembered(hints, id))
}
