//! A cluster on machines, as a stage of its Platform's pipeline.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    ClusterActuator,
    resource::{CONTROL_PLANE, ClusterResource, ControlPlane, Node},
};
use crate::{
    actuator::Actuator,
    clock::Clock,
    driver::{Boot, ClusterAccess, ClusterInstaller, Consoles, Driver, Hold, Host, Outputs},
    error::Error,
    graph::{Desired, Observed},
    installer::{login::Login, version},
    resource::{Health, Key},
    secrets::{Generate, SecretStore, SystemRandom},
    spec::{self, PlatformSpec},
};

/// The stage that makes the machines.
const MACHINES: &str = "infrastructure";

/// The port of the API.
const API: u16 = 6443;

/// What a cluster stage works with.
#[derive(Clone)]
pub struct Parts {
    /// What machines do on their first boot.
    pub boot: Arc<dyn Boot>,
    /// How one logs in.
    pub login: Arc<dyn Login>,
    /// Where tokens are kept.
    pub secrets: Arc<dyn SecretStore>,
    /// What machines wrote on their consoles, if somebody can tell.
    pub consoles: Option<Arc<dyn Consoles>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Generate>,
    /// Where the API of a machine is reached; by default at its address outside, else inside.
    pub endpoint: fn(&Host) -> String,
}

impl Parts {
    /// The parts that a cluster cannot do without.
    pub fn new(
        boot: Arc<dyn Boot>,
        login: Arc<dyn Login>,
        secrets: Arc<dyn SecretStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            boot,
            login,
            secrets,
            consoles: None,
            clock,
            random: Arc::new(SystemRandom),
            endpoint: at_its_address,
        }
    }

    /// Asks `consoles` what machines wrote, so that a boot that fails says why.
    #[must_use]
    pub fn hearing(mut self, consoles: Arc<dyn Consoles>) -> Self {
        self.consoles = Some(consoles);
        self
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

fn at_its_address(host: &Host) -> String {
    let address = host.public_address.as_ref().unwrap_or(&host.address);
    format!("https://{address}:{API}")
}

/// Kubernetes on machines that join by themselves.
#[derive(Debug, Clone)]
pub struct ClusterDriver {
    parts: Parts,
    without: Vec<String>,
    heard: Arc<super::seen::Heard>,
}

impl ClusterDriver {
    /// The stage's name.
    pub const STAGE: &'static str = "cluster";

    /// The driver with these parts.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            without: Vec::new(),
            heard: Arc::default(),
        }
    }

    /// Leaves the nodes of these machines out, so that they are emptied and removed, and come back the next time.
    #[must_use]
    pub fn without(mut self, machines: impl IntoIterator<Item = String>) -> Self {
        self.without.extend(machines);
        self
    }

    /// How one logs in.
    pub(super) fn login(&self) -> &dyn Login {
        &*self.parts.login
    }

    /// How the cluster is reached once its first machine has an address.
    pub(super) fn access(&self, from: &Outputs) -> Option<ClusterAccess> {
        let endpoint = match &from.api_address {
            Some(address) => format!("https://{address}:{API}"),
            None => (self.parts.endpoint)(first(from)?),
        };
        Some(ClusterAccess {
            endpoint,
            server_name: Some("kubernetes".to_owned()),
        })
    }
}

/// The first machine of the control plane.
fn first(from: &Outputs) -> Option<&Host> {
    let planes = from
        .hosts
        .iter()
        .flatten()
        .filter(|h| h.role == spec::CONTROL_PLANE);
    planes.min_by(|a, b| a.name.cmp(&b.name))
}

fn labels(spec: &PlatformSpec, role: &str) -> BTreeMap<String, String> {
    let pools = spec.kubernetes.iter().flat_map(|k| &k.pools);
    let mut pools = pools.filter(|p| p.name == role);
    pools.next().map(|p| p.labels.clone()).unwrap_or_default()
}

#[async_trait]
impl Driver for ClusterDriver {
    type Spec = PlatformSpec;
    type Resource = ClusterResource;

    fn stage(&self) -> &'static str {
        Self::STAGE
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["controlPlane", "node"]
    }

    /// A node for each machine, but for those that the infrastructure is about to take away.
    fn desired(&self, spec: &PlatformSpec, from: &Outputs) -> Result<Desired<ClusterResource>, Error> {
        let mut planes = spec.roles().into_iter().filter(spec::Role::is_control_plane);
        if planes.any(|role| role.machines().all(|name| self.without.contains(&name))) {
            // Without a control plane there is nobody to ask, and no node to be.
            return Ok(Desired::nothing());
        }
        let plane = ControlPlane {
            endpoint: self.access(from).map(|a| a.endpoint).unwrap_or_default(),
            version: match spec.kubernetes.as_ref().is_some_and(|k| k.version.is_some()) {
                true => Some(version::chosen(spec)?),
                false => None,
            },
        };
        let mut all = Desired::builder().want(Key::new(CONTROL_PLANE)?, ClusterResource::ControlPlane(plane));
        for role in spec.roles() {
            for name in role.machines() {
                let host = from.hosts.iter().flatten().find(|h| h.name == name);
                if host.is_some_and(|h| h.going) || self.without.contains(&name) {
                    continue;
                }
                let machine = host.and_then(|h| h.id.clone());
                let node = Node::of(&role.name, machine, labels(spec, &role.name));
                all.add(Key::new(format!("node/{name}"))?, ClusterResource::Node(node));
            }
        }
        all.build()
    }

    fn gives(&self, _spec: &PlatformSpec, seen: &Observed<ClusterResource>) -> Outputs {
        let mut planes = seen.live.values().filter_map(|live| match &live.resource {
            ClusterResource::ControlPlane(it) if live.health == Health::Ready => Some(it.endpoint.clone()),
            ClusterResource::ControlPlane(_) | ClusterResource::Node(_) => None,
        });
        Outputs {
            cluster: planes.next().map(|endpoint| ClusterAccess {
                endpoint,
                server_name: Some("kubernetes".to_owned()),
            }),
            ..Outputs::default()
        }
    }

    /// A machine whose node is a member stays until it is emptied and removed.
    fn holds(&self, _spec: &PlatformSpec, seen: &Observed<ClusterResource>) -> Vec<Hold> {
        let members = seen.live.iter().filter_map(|(key, live)| match &live.resource {
            ClusterResource::Node(node) if live.was_ready && node.machine.is_some() => {
                key.as_str().strip_prefix("node/")
            }
            ClusterResource::Node(_) | ClusterResource::ControlPlane(_) => None,
        });
        members
            .filter_map(|name| {
                Some(Hold {
                    stage: MACHINES.to_owned(),
                    key: Key::new(format!("server/{name}")).ok()?,
                    why: format!("{name} is a node of the cluster, which is emptied first"),
                })
            })
            .collect()
    }

    fn fresh(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn actuator(&self, from: &Outputs) -> Result<Option<Arc<dyn Actuator<ClusterResource>>>, Error> {
        let (Some(access), Some(hosts)) = (self.access(from), &from.hosts) else {
            return Ok(None);
        };
        Ok(Some(Arc::new(ClusterActuator {
            parts: self.parts.clone(),
            access,
            hosts: hosts.clone(),
            heard: Arc::clone(&self.heard),
        })))
    }
}

impl ClusterInstaller for ClusterDriver {
    fn boot(&self) -> Arc<dyn Boot> {
        Arc::clone(&self.parts.boot)
    }
}
