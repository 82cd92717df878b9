//! Looking at less than everything: at the network that was just made, and at what takes its time.

use std::collections::BTreeMap;

use paas_core::{
    error::Result,
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Health, Key, Live, Resource as _},
};

use super::{OpenStackActuator, lists::every, seen::Seen};
use crate::{
    block_storage::{Metadata, VolumeFilter},
    compute::ServerFilter,
    network::NetworkFilter,
    provider::{marks::OWNER, resource::OpenStackResource},
};

impl OpenStackActuator {
    /// What was seen, with the networks as they are now.
    pub(super) async fn look_at_networks(
        &self,
        owner: &Owner,
        hints: &Ledger,
        seen: &Observed<OpenStackResource>,
    ) -> Result<Observed<OpenStackResource>> {
        let ours = NetworkFilter::all().description(owner.mark());
        let networks = every(self.client.network().networks(), ours).await?;
        let mut again = Seen::new(owner, hints);
        again.observed = seen.clone();
        again
            .observed
            .live
            .retain(|_, live| !matches!(live.resource, OpenStackResource::Network(_)));
        for network in &networks {
            again.network(network);
        }
        Ok(again.observed)
    }

    /// One list for each type among them.
    pub(super) async fn glance_at(
        &self,
        owner: &Owner,
        waited: &BTreeMap<Key, Live<OpenStackResource>>,
    ) -> Result<Option<BTreeMap<Key, Health>>> {
        let hints = Ledger::default();
        let mut seen = Seen::new(owner, &hints);
        let mut kinds: Vec<&str> = waited.values().map(|live| live.resource.kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            match kind {
                "server" => {
                    let all = every(self.client.compute().servers(), ServerFilter::all()).await?;
                    if all.iter().any(|s| s.is_partial()) {
                        return Ok(None);
                    }
                    all.iter().for_each(|it| seen.server(it));
                }
                "volume" => {
                    let mark = Metadata::from((OWNER, owner.uid().to_string().as_str()));
                    let ours = VolumeFilter::all().metadata(mark);
                    let all = every(self.client.block_storage().volumes(), ours).await?;
                    all.iter().for_each(|it| seen.volume(it));
                }
                _ => return Ok(None),
            }
        }
        let same = |key: &Key, id: &str| waited.get(key).is_some_and(|live| live.id == id);
        let live = seen
            .observed
            .live
            .into_iter()
            .filter(|(key, live)| same(key, &live.id));
        Ok(Some(live.map(|(key, live)| (key, live.health)).collect()))
    }
}
