//! What a platform costs in calls, by the cloud's own count: a plan with nothing to do, making 2 and 30 machines, and taking them down.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use paas_core::{
    event::Kept,
    execute::{Alone, Tools},
    inventory::Inventory,
    ledger::MemoryLedger,
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::Policy,
    secrets::FileSecrets,
    spec::PlatformSpec,
    testing::ManualClock,
};
use paas_openstack::{
    Client,
    client::{Options, Rate, service::Kind},
    fake::{Fake, Recorded, Setup},
    network::{NetworkFilter, NewNetwork},
    provider::{OpenStackDriver, bounds},
};
use tokio_util::sync::CancellationToken;

struct Place {
    fake: Fake,
    client: Client,
    clock: Arc<ManualClock>,
    secrets: tempfile::TempDir,
    ledger: Arc<MemoryLedger>,
}

/// A control plane of one machine, and workers.
fn spec(servers: usize) -> PlatformSpec {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK";
    let text = format!(
        r#"{{"infrastructure": {{"type": "OpenStack", "openStack": {{"sshPublicKey": "{key}"}}}},
            "kubernetes": {{"controlPlane": {{"replicas": 1}}, "pools": [{{"name": "workers", "replicas": {}}}]}}}}"#,
        servers - 1
    );
    serde_json::from_str(&text).unwrap()
}

impl Place {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let mut setup = Setup {
            clock: clock.clone(),
            ..Setup::default()
        };
        setup.times.boot = Duration::from_secs(2);
        setup.quotas.instances = -1;
        setup.quotas.cores = -1;
        setup.quotas.ram = -1;
        setup.quotas.server_group_members = -1;
        let fake = Fake::start(setup).await.unwrap();
        let options = Options {
            clock: clock.clone(),
            // Else the budget makes time go by.
            rate: Rate {
                per_second: 1e6,
                burst: 1e6,
            },
            ..Options::default()
        };
        Self {
            client: Client::new(fake.cloud(), options).unwrap(),
            fake,
            clock,
            secrets: tempfile::tempdir().unwrap(),
            ledger: Arc::default(),
        }
    }

    fn pipeline(&self, spec: &PlatformSpec) -> (Pipeline, Context) {
        let secrets = Arc::new(FileSecrets::new(self.secrets.path()));
        let driver = OpenStackDriver::new(self.client.clone(), secrets, spec);
        let tools = Tools {
            ledger: self.ledger.clone(),
            fence: Arc::new(Alone),
            clock: self.clock.clone(),
            events: Arc::new(Kept::default()),
            cancel: CancellationToken::new(),
        };
        let owner = Owner::new(&Identity::of(&["openstack", "fake"]), "Platform", "default", "p");
        let policy = Policy {
            bounds: bounds(),
            ..Policy::default()
        };
        (
            Pipeline::new(vec![Box::new(DriverStage::new(driver, spec.clone()))]),
            Context::new(owner, policy, tools),
        )
    }

    /// As `paas up` and `paas down` do it: plan, what is planned, and after all is gone the proof.
    async fn bring(&self, spec: &PlatformSpec, wanted: Wanted) -> Calls {
        self.fake.forget_calls();
        let (pipeline, mut cx) = self.pipeline(spec);
        cx.shown = Some(pipeline.plan(&mut cx, wanted).await.unwrap());
        let outcome = pipeline
            .run(&mut cx, wanted, Some(Duration::from_secs(600)))
            .await;
        assert_eq!(outcome.unwrap(), Outcome::Converged);
        if wanted == Wanted::Nothing {
            assert!(pipeline.plan(&mut cx, wanted).await.unwrap().is_empty());
            let listed = pipeline.inventory(&mut cx).await.unwrap();
            assert!(listed.iter().all(Inventory::is_empty), "{listed:#?}");
        }
        Calls::of(&self.fake.calls())
    }
}

/// By verb, without tokens and documents of versions.
#[derive(Debug, PartialEq, Eq)]
struct Calls {
    reads: usize,
    writes: usize,
}

impl Calls {
    fn of(calls: &[Recorded]) -> Self {
        let asked = calls.iter().filter(|c| !is_entry(c));
        let (writes, reads): (Vec<&Recorded>, Vec<&Recorded>) = asked.partition(|c| c.mutates());
        Self {
            reads: reads.len(),
            writes: writes.len(),
        }
    }
}

fn is_entry(call: &Recorded) -> bool {
    let path = call.path.trim_matches('/');
    (call.service == Kind::Identity && path == "v3/auth/tokens") || !path.contains('/')
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_costs_in_calls() {
    let mut table = String::new();
    for servers in [2, 30] {
        let (place, spec) = (Place::new().await, spec(servers));
        let up = place.bring(&spec, Wanted::Spec).await;
        let again = place.bring(&spec, Wanted::Spec).await;
        let down = place.bring(&spec, Wanted::Nothing).await;
        assert_eq!(again.writes, 0, "{again:?}");
        assert!(place.fake.leftovers().is_empty(), "{:#?}", place.fake.leftovers());
        for (what, calls) in [("up", up), ("up again", again), ("down", down)] {
            let Calls { reads, writes } = calls;
            table += &format!("{servers} servers, {what}: {writes} writes, {reads} reads\n");
        }
    }
    insta::assert_snapshot!(table, @r"
    2 servers, up: 15 writes, 36 reads
    2 servers, up again: 0 writes, 11 reads
    2 servers, down: 12 writes, 47 reads
    30 servers, up: 72 writes, 36 reads
    30 servers, up again: 0 writes, 11 reads
    30 servers, down: 69 writes, 47 reads
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_nothing_to_do_makes_one_list_a_type_and_no_write() {
    let (place, spec) = (Place::new().await, spec(2));
    place.bring(&spec, Wanted::Spec).await;
    place.fake.forget_calls();
    let (pipeline, mut cx) = place.pipeline(&spec);
    assert!(pipeline.plan(&mut cx, Wanted::Spec).await.unwrap().is_empty());
    let calls = place.fake.calls();
    let mut lists: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls.iter().filter(|c| !is_entry(c)) {
        assert_eq!(call.method, "GET", "{call:?}");
        *lists.entry(&call.path).or_default() += 1;
    }
    assert!(lists.len() <= 12, "{lists:#?}");
    assert!(lists.values().all(|n| *n == 1), "{lists:#?}");
}

/// Somebody else with the same mark begins at the same moment: both are there when the root is looked at again, and nothing is built on
/// a guess.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_network_of_ours_is_seen_before_anything_is_built_on_the_first() {
    let (place, spec) = (Place::new().await, spec(2));
    let (pipeline, mut cx) = place.pipeline(&spec);
    cx.shown = Some(pipeline.plan(&mut cx, Wanted::Spec).await.unwrap());
    assert!(matches!(
        pipeline.advance(&mut cx).await.unwrap(),
        Outcome::Progressing { .. }
    ));
    let ours = place
        .client
        .network()
        .networks()
        .all(&NetworkFilter::all())
        .await
        .unwrap();
    let ours = ours.iter().find(|n| n.description == cx.owner.mark()).unwrap();
    let twin = NewNetwork::new(&*ours.name).description(&*ours.description);
    place.client.network().networks().create(&twin).await.unwrap();
    let before = place.fake.mutations();
    let end = pipeline
        .run(&mut cx, Wanted::Spec, Some(Duration::from_secs(600)))
        .await;
    assert!(matches!(end, Ok(Outcome::Blocked { .. })), "{end:?}");
    assert_eq!(place.fake.mutations(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_look_does_not_serve_a_later_pass() {
    let (place, spec) = (Place::new().await, spec(2));
    let (pipeline, mut cx) = place.pipeline(&spec);
    cx.shown = Some(pipeline.plan(&mut cx, Wanted::Spec).await.unwrap());
    place.clock.advance(Duration::from_secs(6));
    place.fake.forget_calls();
    pipeline.advance(&mut cx).await.unwrap();
    let reads = Calls::of(&place.fake.calls()).reads;
    assert!(
        reads >= 11,
        "it acted on what it saw 6 seconds ago: {reads} reads"
    );
}
