//! A cloud, a platform in it, and somebody else in the same project who makes what a cluster would make.

use std::{sync::Arc, time::Duration};

use paas_core::{
    error::Error,
    event::Kept,
    execute::{Alone, Tools},
    inventory::Inventory,
    ledger::MemoryLedger,
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::{Consent, Policy, Retention},
    secrets::FileSecrets,
    spec::PlatformSpec,
    testing::ManualClock,
};
use paas_openstack::{
    Client,
    block_storage::{NewVolume, VolumeFilter},
    client::{Options, service::Kind},
    cloud::Cloud,
    compute::{NewAttachment, ServerFilter},
    fake::{Fake, Setup},
    load_balancer::NewLoadBalancer,
    network::{NetworkFilter, NewFloatingIp, NewSecurityGroup, PortChange, PortFilter, SubnetFilter},
    provider::{OpenStackDriver, made, marks},
};
use tokio_util::sync::CancellationToken;

pub(crate) const SMALL: &str = r#"{"pools": [{"name": "workers", "replicas": 1}]}"#;

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) fake: Fake,
    pub(crate) client: Client,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) secrets: tempfile::TempDir,
    pub(crate) owner: Owner,
    pub(crate) spec: PlatformSpec,
}

/// What a cluster made: ids.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) balancer: String,
    pub(crate) address: String,
    pub(crate) group: String,
    pub(crate) volume: String,
}

pub(crate) fn spec(openstack: &str, kubernetes: &str, addons: &str) -> PlatformSpec {
    let text = format!(
        r#"{{"infrastructure": {{"type": "OpenStack", "openStack": {openstack}}}, "kubernetes": {kubernetes}, "addons": {addons}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

impl Place {
    pub(crate) async fn new(spec: PlatformSpec) -> Self {
        Self::with(Setup::default(), spec).await
    }

    pub(crate) async fn with(mut setup: Setup, spec: PlatformSpec) -> Self {
        let clock = Arc::new(ManualClock::default());
        setup.clock = clock.clone();
        setup.shape.dhcp_ports = true;
        let fake = Fake::start(setup).await.unwrap();
        let client = client(&clock, fake.cloud());
        let identity = Identity::of(&["openstack", "fake"]);
        Self {
            fake,
            client,
            clock,
            secrets: tempfile::tempdir().unwrap(),
            owner: Owner::new(&identity, "Platform", "default", "demo"),
            spec,
        }
    }

    pub(crate) fn client_for(&self, cloud: Cloud) -> Client {
        client(&self.clock, cloud)
    }

    fn pipeline(&self, client: &Client) -> Pipeline {
        let secrets = Arc::new(FileSecrets::new(self.secrets.path()));
        let driver = OpenStackDriver::new(client.clone(), secrets, &self.spec);
        Pipeline::new(vec![Box::new(DriverStage::new(driver, self.spec.clone()))])
    }

    pub(crate) fn context(&self) -> Context {
        let tools = Tools {
            ledger: Arc::new(MemoryLedger::default()),
            fence: Arc::new(Alone),
            clock: self.clock.clone(),
            events: Arc::new(Kept::default()),
            cancel: CancellationToken::new(),
        };
        Context::new(self.owner.clone(), Policy::default(), tools)
    }

    pub(crate) async fn run(&self, cx: &mut Context, wanted: Wanted) -> Result<Outcome, Error> {
        let limit = Some(Duration::from_secs(1200));
        self.pipeline(&self.client).run(cx, wanted, limit).await
    }

    pub(crate) async fn up(&self) {
        let outcome = self.run(&mut self.context(), Wanted::Spec).await;
        assert_eq!(outcome.unwrap(), Outcome::Converged);
    }

    pub(crate) async fn down(&self) -> Result<Outcome, Error> {
        self.run(&mut self.context(), Wanted::Nothing).await
    }

    /// With the data, and somebody's word for that.
    pub(crate) async fn down_with_data(&self) -> Result<Outcome, Error> {
        let mut cx = self.context();
        cx.policy.retention = Retention::Delete;
        cx.consent = Consent::none().and("demo", &self.owner);
        self.run(&mut cx, Wanted::Nothing).await
    }

    pub(crate) async fn plan(&self, wanted: Wanted) -> paas_core::view::PlanView {
        self.pipeline(&self.client)
            .plan(&mut self.context(), wanted)
            .await
            .unwrap()
    }

    pub(crate) async fn inventory(&self) -> Inventory {
        self.proof(&mut self.context(), &self.pipeline(&self.client))
            .await
    }

    pub(crate) async fn proof(&self, cx: &mut Context, of: &Pipeline) -> Inventory {
        of.inventory(cx).await.unwrap().remove(0)
    }

    /// Down by another login, and the proof after it with the same hands.
    pub(crate) async fn down_as(&self, client: &Client) -> (Outcome, Inventory) {
        let (pipeline, mut cx) = (self.pipeline(client), self.context());
        let limit = Some(Duration::from_secs(1200));
        let outcome = pipeline.run(&mut cx, Wanted::Nothing, limit).await.unwrap();
        let proof = self.proof(&mut cx, &pipeline).await;
        (outcome, proof)
    }

    /// The network, the subnet, and the id of the worker with the id of its port.
    pub(crate) async fn ours(&self) -> (String, String, String, String) {
        let net = self.client.network();
        let mark = self.owner.mark();
        let networks = net
            .networks()
            .all(&NetworkFilter::all().description(&*mark))
            .await;
        let subnets = net.subnets().all(&SubnetFilter::all().description(&*mark)).await;
        let servers = self
            .client
            .compute()
            .servers()
            .all(&ServerFilter::all())
            .await
            .unwrap();
        let worker = servers.into_iter().find(|s| s.name == "workers-1").unwrap().id;
        let ports = net
            .ports()
            .all(&PortFilter::all().device_id(&*worker))
            .await
            .unwrap();
        (
            networks.unwrap().remove(0).id,
            subnets.unwrap().remove(0).id,
            worker,
            ports[0].id.clone(),
        )
    }

    pub(crate) async fn outside(&self) -> String {
        let external = NetworkFilter::all().external(true);
        let net = self.client.network();
        net.networks().all(&external).await.unwrap().remove(0).id
    }

    /// What a Service of type LoadBalancer and a claim lead to.
    pub(crate) async fn cluster_works(&self) -> Made {
        let uid = marks::cluster(&self.owner);
        let (_, subnet, worker, port) = self.ours().await;
        let net = self.client.network();
        let balancer = NewLoadBalancer::new(format!("kube_service_{uid}_default_web"))
            .description(format!(
                "Kubernetes external service default/web from cluster {uid}"
            ))
            .vip_subnet_id(subnet);
        let balancer = self
            .client
            .load_balancer()
            .load_balancers()
            .create(&balancer)
            .await
            .unwrap();
        let address = NewFloatingIp::new(self.outside().await)
            .port_id(&*balancer.vip_port_id)
            .description(format!(
                "Floating IP for Kubernetes external service default/web from cluster {uid}"
            ));
        let address = net.floating_ips().create(&address).await.unwrap();
        let group = NewSecurityGroup::new("lb-sg-0b1c-default-web").description(format!(
            "Security Group for default/web Service LoadBalancer in cluster {uid}"
        ));
        let group = net.security_groups().create(&group).await.unwrap();
        let mut groups = net.ports().show(&port).await.unwrap().security_groups;
        groups.push(group.id.clone());
        net.ports()
            .update(&port, &PortChange::default().security_groups(groups))
            .await
            .unwrap();
        let volume = self.claim("pvc-1").await;
        self.clock.advance(Duration::from_secs(5));
        let attach = NewAttachment::new(&*volume);
        self.client
            .compute()
            .servers()
            .attach_volume(&worker, &attach)
            .await
            .unwrap();
        self.clock.advance(Duration::from_secs(5));
        Made {
            balancer: balancer.id,
            address: address.id,
            group: group.id,
            volume,
        }
    }

    /// A volume that the storage driver of the cluster makes.
    pub(crate) async fn claim(&self, name: &str) -> String {
        let metadata = [
            (made::CSI_CLUSTER, marks::cluster(&self.owner)),
            ("csi.storage.k8s.io/pvc/namespace", "default".to_owned()),
            ("csi.storage.k8s.io/pvc/name", "data-web-0".to_owned()),
        ];
        let metadata = metadata
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect::<std::collections::BTreeMap<_, _>>();
        let volumes = self.client.block_storage().volumes();
        volumes
            .create(&NewVolume::new(1_u64).name(name).metadata(metadata))
            .await
            .unwrap()
            .id
    }

    pub(crate) async fn volumes(&self) -> usize {
        let all = VolumeFilter::all();
        self.client
            .block_storage()
            .volumes()
            .all(&all)
            .await
            .unwrap()
            .len()
    }

    /// What changed something, as `DELETE floatingips`, in order.
    pub(crate) fn changes(&self) -> Vec<(String, String)> {
        let calls = self.fake.calls();
        let changes = calls.iter().filter(|c| c.mutates());
        changes.map(|c| (c.method.clone(), c.path.clone())).collect()
    }

    /// Where the deletion of this is among the changes.
    pub(crate) fn deleted_at(&self, id: &str) -> usize {
        let changes = self.changes();
        let at = changes
            .iter()
            .position(|(method, path)| method == "DELETE" && path.contains(id));
        at.unwrap_or_else(|| panic!("{id} was not deleted: {changes:#?}"))
    }
}

fn client(clock: &Arc<ManualClock>, cloud: Cloud) -> Client {
    let options = Options {
        clock: clock.clone(),
        ..Options::default()
    };
    Client::new(cloud, options).unwrap()
}

/// Whether a service is one that the test looks at.
pub(crate) fn left(place: &Place) -> Vec<(Kind, String)> {
    let left = place.fake.leftovers();
    left.into_iter().map(|l| (l.service, l.id)).collect()
}
