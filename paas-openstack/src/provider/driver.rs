//! A Platform's infrastructure on OpenStack, as a stage of its pipeline.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use paas_core::{
    actuator::Actuator,
    driver::{Boot, CloudAccess, Driver, Host, InfrastructureProvider, Outputs},
    error::{Class, Error, Result},
    graph::{Desired, Observed},
    policy::Bounds,
    preflight::{Ahead, Finding},
    resource::{Health, Key, Live},
    secrets::SecretStore,
    spec::{OpenStack, PlatformSpec},
    step::{Step, Verb},
};

use super::{
    OpenStackActuator,
    actuator::credential,
    desired::{BALANCER, Layout, desired, external},
    preflight,
    resource::OpenStackResource,
    shape::has_credential,
};
use crate::{
    client::Client,
    codes::{OS_RESTRICTED, OS_SHAPE},
};

/// Networks and machines in the project that a client's token is for.
///
/// Both are one stage: a machine's port needs the network and nothing else, so the graph alone says what can be made at the same time.
#[derive(Debug, Clone)]
pub struct OpenStackDriver {
    hands: OpenStackActuator,
    client: Client,
    boot: Option<Arc<dyn Boot>>,
    /// Machines that are left out for now.
    without: Vec<String>,
    /// How long the look ahead may take.
    patience: Duration,
}

/// What a look costs is a dozen calls, and lists of a cloud lag behind by as much anyway.
const FRESH: Duration = Duration::from_secs(5);

/// How a platform on a cloud is brought about: many calls at once, and pauses that a machine's boot is worth.
pub fn bounds() -> Bounds {
    Bounds {
        parallel: 16,
        poll: Duration::from_millis(250),
        backoff: Duration::from_millis(500),
        ..Bounds::default()
    }
}

/// What is looked for, in the order in which it is listed.
const KINDS: &[&str] = &[
    "network",
    "subnet",
    "router",
    "interface",
    "port",
    "securityGroup",
    "securityGroupRule",
    "floatingIp",
    "loadBalancer",
    "server",
    "serverGroup",
    "keyPair",
    "volume",
    "applicationCredential",
];

impl OpenStackDriver {
    /// The stage's name.
    pub const STAGE: &'static str = "infrastructure";

    /// For a Platform; of its spec only the choice of the external network is remembered, to tell it in the user's words.
    pub fn new(client: Client, secrets: Arc<dyn SecretStore>, spec: &PlatformSpec) -> Self {
        let external = cloud(spec).ok().map(external);
        let hands = OpenStackActuator::new(client.clone(), secrets, external);
        Self {
            hands: hands
                .with_credential(has_credential(spec, false))
                .protecting(spec.deletion_protection),
            client,
            boot: None,
            without: Vec::new(),
            patience: preflight::DEADLINE,
        }
    }

    /// Machines do on their first boot what `boot` says: they become a cluster. Without it they stay bare.
    #[must_use]
    pub fn booting(mut self, spec: &PlatformSpec, boot: Arc<dyn Boot>) -> Self {
        let credential = has_credential(spec, true);
        self.hands = self.hands.with_credential(credential).booting(Arc::clone(&boot));
        self.boot = Some(boot);
        self
    }

    /// That the cluster is to get the credential that we are logged in with, since that can make no other.
    async fn lends(&self, ahead: &Ahead<'_, OpenStackResource>) -> Option<Finding> {
        let made = |s: &Step<OpenStackResource>| {
            s.key.as_str() == credential::KEY && s.action.verb() == Verb::Create
        };
        if !ahead.plan.steps.iter().any(made) {
            return None;
        }
        // Who cannot log in at all is told by the rest.
        let token = self.client.token().await.ok()?;
        let own = token
            .application_credential
            .as_ref()
            .filter(|_| token.restricted)?;
        let what = format!(
            "the application credential {} that we are logged in with is restricted and can make none for the cluster, which gets \
             this one itself",
            own.name
        );
        Some(Finding::warning(&OS_RESTRICTED, what))
    }

    /// What the cluster has to know of this cloud, once its credential and its subnet are there.
    fn cloud_access(&self, seen: &Observed<OpenStackResource>) -> Option<CloudAccess> {
        let kept = seen.live.values().find_map(|live| match &live.resource {
            OpenStackResource::Credential(it) => it.kept.clone(),
            _ => None,
        });
        let (credential_id, credential_secret) = kept?;
        let cloud = self.client.cloud();
        let subnet = seen.live.iter().find(|(key, _)| key.as_str() == "subnet");
        Some(CloudAccess {
            auth_url: cloud.auth_url.to_string(),
            region: cloud.region.clone().unwrap_or_default(),
            credential_id,
            credential_secret,
            subnet: subnet.map(|(_, live)| live.id.clone()).unwrap_or_default(),
        })
    }

    /// Leaves the servers of these machines out, so that they are made anew the next time: their ports, addresses and volumes stay.
    #[must_use]
    pub fn without(mut self, machines: impl IntoIterator<Item = String>) -> Self {
        self.without.extend(machines);
        self
    }

    /// Looks ahead for so long at most, instead of 5 seconds; what was not told by then is a warning in the plan.
    #[must_use]
    pub fn looking_ahead_for(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }
}

fn cloud(spec: &PlatformSpec) -> Result<&OpenStack> {
    spec.infrastructure.open_stack.as_deref().ok_or_else(|| {
        Error::new(&OS_SHAPE, Class::Invalid)
            .attempted("lay out the machines")
            .happened("spec.infrastructure.openStack is missing")
    })
}

#[async_trait]
impl Driver for OpenStackDriver {
    type Spec = PlatformSpec;
    type Resource = OpenStackResource;

    fn stage(&self) -> &'static str {
        Self::STAGE
    }

    fn kinds(&self) -> &'static [&'static str] {
        KINDS
    }

    fn desired(&self, spec: &PlatformSpec, _from: &Outputs) -> Result<Desired<OpenStackResource>> {
        let layout = Layout {
            boots: self.boot.is_some(),
            without: &self.without,
        };
        desired(spec, cloud(spec)?, layout)
    }

    /// The machines whose server and port are there, with their addresses, in the order of their names.
    fn gives(&self, _spec: &PlatformSpec, seen: &Observed<OpenStackResource>) -> Outputs {
        let hosts: Vec<Host> = seen
            .live
            .iter()
            .filter_map(|(key, live)| host(seen, key, live))
            .collect();
        Outputs {
            hosts: (!hosts.is_empty()).then_some(hosts),
            api_address: api_address(seen),
            cloud: self.cloud_access(seen),
            ..Outputs::default()
        }
    }

    fn foretells(&self, going: &BTreeSet<Key>, outputs: &mut Outputs) {
        for host in outputs.hosts.iter_mut().flatten() {
            let server = Key::new(format!("server/{}", host.name));
            host.going = server.is_ok_and(|server| going.contains(&server));
        }
    }

    fn fresh(&self) -> Duration {
        FRESH
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<OpenStackResource>>>> {
        Ok(Some(Arc::new(self.hands.clone())))
    }

    async fn preflight(
        &self,
        _spec: &PlatformSpec,
        ahead: Ahead<'_, OpenStackResource>,
    ) -> Result<Vec<Finding>> {
        let mut findings: Vec<Finding> = self.boot.iter().flat_map(|boot| boot.findings()).collect();
        findings.extend(self.lends(&ahead).await);
        findings
            .extend(preflight::look_ahead(&self.client, ahead, self.patience, self.hands.lookups()).await);
        Ok(findings)
    }
}

impl InfrastructureProvider for OpenStackDriver {}

/// The address of the load balancer before the API, outside.
fn api_address(seen: &Observed<OpenStackResource>) -> Option<String> {
    seen.live.values().find_map(|live| match &live.resource {
        OpenStackResource::FloatingIp(it) if it.target.as_str() == BALANCER => it.address.clone(),
        _ => None,
    })
}

/// A machine whose server and port are there and not on their way out, with its addresses.
pub(crate) fn host(
    seen: &Observed<OpenStackResource>,
    key: &Key,
    live: &Live<OpenStackResource>,
) -> Option<Host> {
    let OpenStackResource::Server(server) = &live.resource else {
        return None;
    };
    if live.health == Health::Leaving {
        return None;
    }
    let OpenStackResource::Port(port) = &seen.live.get(&server.port)?.resource else {
        return None;
    };
    let outside = seen.live.values().find_map(|live| match &live.resource {
        OpenStackResource::FloatingIp(it) if it.target == server.port => it.address.clone(),
        _ => None,
    });
    Some(Host {
        name: key.as_str().rsplit('/').next()?.to_owned(),
        address: port.address.clone()?,
        public_address: outside,
        role: server.pool.clone(),
        id: Some(live.id.clone()),
        going: false,
    })
}
