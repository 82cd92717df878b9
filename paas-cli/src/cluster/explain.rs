//! `paas explain NAME` in a cluster.

use paas_core::{
    event::Event,
    kube::happenings::{self, Known},
    spec::Kind,
};

use super::{Cluster, look};
use crate::{
    commands::{events::is_of, status::Standing},
    exit::Failure,
};

/// The objects of that name in the namespace that is meant, and what happened to them and to what was made for them.
pub(crate) async fn look(cluster: &Cluster, name: &str) -> Result<(Vec<Standing>, Vec<Event>), Failure> {
    let mut standings = Vec::new();
    let mut known = Known::new();
    for kind in Kind::ALL {
        for declared in cluster.all(kind, false).await? {
            if declared.name() == name {
                known.add(kind, name);
                standings.push(look::standing(cluster, &declared).await?);
            }
        }
    }
    if standings.is_empty() {
        return Ok((standings, Vec::new()));
    }
    let all = happenings::list(&cluster.client, &cluster.namespace, &known).await?;
    let mine = all
        .into_iter()
        .map(|one| one.event)
        .filter(|e| is_of(e, &[name.to_owned()]));
    Ok((standings, mine.collect()))
}
