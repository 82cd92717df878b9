//! The provider on the fake cloud: from a spec to machines and back to nothing, the laws of an actuator, and the fault matrix over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and shows the table"
)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use paas_core::{
    actuator::Actuator,
    clock::Clock,
    error::Error,
    event::Kept,
    execute::{Alone, Tools},
    graph::Desired,
    ledger::MemoryLedger,
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::Policy,
    resource::Key,
    secrets::FileSecrets,
    spec::PlatformSpec,
    testing::{Fault, Fixture, ManualClock, Outside, Variant, World, conformance, matrix},
};
use paas_openstack::{
    Client,
    client::{Options, service::Kind},
    compute::{GroupPolicy, Networks, NewKeypair, NewServer, NewServerGroup},
    fake::{Fake, Object, Setup},
    network::{NetworkFilter, NewFloatingIp, NewNetwork, NewPort, NewSecurityGroup, NewSubnet},
    provider::{Layout, OpenStackActuator, OpenStackDriver, OpenStackResource, choice::Choice, desired},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn spec(openstack: &str, kubernetes: &str) -> PlatformSpec {
    let text = format!(
        r#"{{"infrastructure": {{"type": "OpenStack", "openStack": {openstack}}}, "kubernetes": {kubernetes}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[derive(Debug, Clone)]
struct OnTheFake;

#[derive(Debug)]
struct Place {
    fake: Fake,
    client: Client,
    clock: Arc<ManualClock>,
    secrets: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let fake = Fake::start(Setup {
            clock: clock.clone(),
            ..Setup::default()
        })
        .await
        .unwrap();
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        let client = Client::new(fake.cloud(), options).unwrap();
        Self {
            fake,
            client,
            clock,
            secrets: tempfile::tempdir().unwrap(),
        }
    }

    /// Things that look like ours and are not.
    async fn strangers(&self) {
        let (net, nova) = (self.client.network(), self.client.compute());
        let network = net
            .networks()
            .create(&NewNetwork::new("default-p0-network").description("paas:"))
            .await
            .unwrap();
        let subnet = NewSubnet::new(&*network.id, 4, "10.20.0.0/16").name("default-p0-subnet");
        net.subnets().create(&subnet).await.unwrap();
        let port = net
            .ports()
            .create(&NewPort::new(&*network.id).name("default-p0-port-workers-1"))
            .await
            .unwrap();
        net.security_groups()
            .create(&NewSecurityGroup::new("default-p0-security-group-nodes"))
            .await
            .unwrap();
        nova.keypairs()
            .create(&NewKeypair::new(
                "default-p0-key-pair",
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK",
            ))
            .await
            .unwrap();
        nova.server_groups()
            .create(&NewServerGroup::new(
                "default-p0-server-group",
                GroupPolicy::SoftAntiAffinity,
            ))
            .await
            .unwrap();
        let setup = Setup::default();
        let mut server = NewServer::new("workers-1", &*setup.flavors[0].id, Networks::port(&*port.id));
        server.image = Some(setup.images[0].id.clone());
        server.metadata = Some(BTreeMap::from([(
            "paas-key".to_owned(),
            "server/workers-1".to_owned(),
        )]));
        nova.servers().create(&server).await.unwrap();
        let outside = net
            .networks()
            .all(&NetworkFilter::all().external(true))
            .await
            .unwrap()
            .remove(0);
        net.floating_ips()
            .create(&NewFloatingIp::new(&*outside.id).description("somebody's"))
            .await
            .unwrap();
    }
}

fn text<'a>(object: &'a Object, field: &str) -> &'a str {
    object.get(field).and_then(|v| v.as_str()).unwrap_or_default()
}

/// The owner that something says itself, or that what it is part of says.
fn marked(object: &Object) -> Option<Uuid> {
    let by_text = text(object, "description")
        .strip_prefix("paas:")
        .and_then(|rest| rest.split('/').next()?.parse().ok());
    by_text.or_else(|| object.get("metadata")?.get("paas-owner")?.as_str()?.parse().ok())
}

#[async_trait]
impl World<OpenStackResource> for Place {
    fn actuator(&self) -> Arc<dyn Actuator<OpenStackResource>> {
        let secrets = Arc::new(FileSecrets::new(self.secrets.path()));
        Arc::new(OpenStackActuator::new(
            self.client.clone(),
            secrets,
            Some(Choice::Only),
        ))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    async fn outside(&self) -> Result<Vec<Outside>, Error> {
        let world = self.fake.world();
        let owners: BTreeMap<String, Uuid> = [(Kind::Network, "security-groups"), (Kind::Network, "subnets")]
            .into_iter()
            .flat_map(|(service, kind)| world.of(service, kind))
            .filter_map(|it| Some((text(it, "id").to_owned(), marked(it)?)))
            .collect();
        let named = |it: &Object| {
            OWNERS
                .iter()
                .map(|n| OnTheFake.owner(*n))
                .find(|owner| text(it, "name").ends_with(&hash(owner)))
                .map(|o| o.uid())
        };
        let mut all = Vec::new();
        for (service, kind) in KINDS {
            for it in world.of(service, kind) {
                let part_of = |field: &str| owners.get(text(it, field)).copied();
                let leg = || {
                    let subnet = it.get("fixed_ips")?.get(0)?.get("subnet_id")?.as_str()?;
                    text(it, "device_owner")
                        .starts_with("network:router_interface")
                        .then(|| owners.get(subnet).copied())?
                };
                let owner = match kind {
                    "security-group-rules" => part_of("security_group_id"),
                    "ports" => marked(it).or_else(leg),
                    "os-keypairs" | "os-server-groups" => named(it),
                    _ => marked(it),
                };
                // Neutron's own ports come and go with what they serve.
                if kind == "ports" && owner.is_none() && text(it, "device_owner").starts_with("network:") {
                    continue;
                }
                let id = match text(it, "id") {
                    "" => text(it, "name"),
                    id => id,
                };
                all.push(Outside {
                    id: format!("{kind}/{id}"),
                    owner,
                    state: format!(
                        "{} {} {}",
                        text(it, "name"),
                        text(it, "description"),
                        text(it, "device_id")
                    ),
                });
            }
        }
        Ok(all)
    }
}

const OWNERS: [u8; 2] = [0, 1];

const KINDS: [(Kind, &str); 11] = [
    (Kind::Network, "networks"),
    (Kind::Network, "subnets"),
    (Kind::Network, "ports"),
    (Kind::Network, "routers"),
    (Kind::Network, "security-groups"),
    (Kind::Network, "security-group-rules"),
    (Kind::Network, "floatingips"),
    (Kind::Compute, "servers"),
    (Kind::Compute, "os-keypairs"),
    (Kind::Compute, "os-server-groups"),
    (Kind::BlockStorage, "volumes"),
];

/// The end of the name of an owner's key pair, which has a hash of the owner in it.
fn hash(owner: &Owner) -> String {
    let name = |kind: &str, key: &str| paas_core::names::for_kind(owner, kind, &Key::new(key).unwrap());
    name("keyPair", "key-pair")
}

#[async_trait]
impl Fixture for OnTheFake {
    type Resource = OpenStackResource;

    fn name(&self) -> &str {
        "the fake cloud"
    }

    async fn world(&self) -> Result<Arc<dyn World<OpenStackResource>>, Error> {
        let place = Place::new().await;
        place.strangers().await;
        Ok(Arc::new(place))
    }

    fn owner(&self, n: u8) -> Owner {
        Owner::new(
            &Identity::of(&["openstack", "fake"]),
            "Platform",
            "default",
            &format!("p{n}"),
        )
    }

    fn desired(&self, variant: Variant) -> Result<Desired<OpenStackResource>, Error> {
        let key = r#""sshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK me""#;
        let (cloud, machines) = match variant {
            Variant::First => (
                format!(r#"{{"antiAffinity": "Off", {key}, "dnsServers": ["9.9.9.9"]}}"#),
                r#"{"pools": [{"name": "workers", "replicas": 1, "dataVolumeSize": "1Gi"}]}"#,
            ),
            Variant::Updated => (
                format!(r#"{{"antiAffinity": "Off", {key}, "dnsServers": ["1.1.1.1"]}}"#),
                r#"{"pools": [{"name": "workers", "replicas": 1, "dataVolumeSize": "1Gi"}]}"#,
            ),
            Variant::Changed => (
                format!(
                    r#"{{"antiAffinity": "Off", {key}, "allowedRanges": ["198.51.100.0/24"], "floatingIps": "All"}}"#
                ),
                r#"{"pools": [{"name": "others", "replicas": 1}]}"#,
            ),
        };
        let spec = spec(&cloud, machines);
        desired(
            &spec,
            spec.infrastructure.open_stack.as_ref().unwrap(),
            Layout::default(),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_law_of_an_actuator_holds() {
    let report = conformance::run(&OnTheFake).await;
    println!("{report}");
    assert!(report.is_good(), "{report}");
}

/// `PAAS_TEST_FULL=1` for every point; else a few, another few each day by `PAAS_SEED`.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_may_fail_in_every_way_and_it_still_ends_well() {
    let scene = matrix::OneStage::new(OnTheFake);
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let table = if std::env::var_os("PAAS_TEST_FULL").is_some() {
        matrix::run(&scene, &Fault::ALL).await
    } else {
        let (points, seed) = (24, number("PAAS_SEED").unwrap_or(7));
        matrix::sample(&scene, &Fault::ALL, matrix::Sample { points, seed }).await
    };
    println!("{table}");
    assert!(table.is_good(), "{table}");
}

fn context(place: &Place, owner: Owner, events: Arc<Kept>) -> Context {
    let tools = Tools {
        ledger: Arc::new(MemoryLedger::default()),
        fence: Arc::new(Alone),
        clock: place.clock.clone(),
        events,
        cancel: CancellationToken::new(),
    };
    Context::new(owner, Policy::default(), tools)
}

fn pipeline(place: &Place, spec: &PlatformSpec) -> Pipeline {
    let secrets = Arc::new(FileSecrets::new(place.secrets.path()));
    let driver = OpenStackDriver::new(place.client.clone(), secrets, spec);
    Pipeline::new(vec![Box::new(DriverStage::new(driver, spec.clone()))])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_is_made_found_unchanged_and_taken_down_to_nothing() {
    let place = Place::new().await;
    let spec = spec("{}", "{}");
    let events = Arc::new(Kept::default());
    let mut cx = context(&place, OnTheFake.owner(0), events.clone());
    let outcome = pipeline(&place, &spec)
        .run(&mut cx, Wanted::Spec, Some(Duration::from_secs(300)))
        .await;
    for event in events.all() {
        println!(
            "{:8} {:?} {:?} {}",
            event.verb, event.key, event.state, event.message
        );
    }
    assert_eq!(outcome.unwrap(), Outcome::Converged);
    let hosts = cx.outputs.hosts.clone().unwrap();
    assert_eq!(
        hosts.iter().map(|h| h.name.as_str()).collect::<Vec<_>>(),
        ["control-plane-1", "workers-1"]
    );
    assert!(
        hosts[0].public_address.is_some() && hosts[1].public_address.is_none(),
        "{hosts:?}"
    );

    place.fake.forget_calls();
    assert!(
        pipeline(&place, &spec)
            .plan(&mut cx, Wanted::Spec)
            .await
            .unwrap()
            .is_empty()
    );
    for call in place.fake.calls() {
        println!("{} {}", call.method, call.path);
    }
    assert_eq!(place.fake.mutations(), 0);

    let outcome = pipeline(&place, &spec)
        .run(&mut cx, Wanted::Nothing, Some(Duration::from_secs(300)))
        .await;
    assert_eq!(outcome.unwrap(), Outcome::Converged, "{:#?}", events.all().last());
    assert!(place.fake.leftovers().is_empty(), "{:#?}", place.fake.leftovers());
}
