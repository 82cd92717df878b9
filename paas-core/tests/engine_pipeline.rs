//! Three stages one on top of the other: outputs go up, holds come down, and every fault at every call.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Reach},
    clock::Clock,
    codes,
    driver::{ClusterAccess, Driver, Hold, Host, Outputs},
    error::{Class, Error},
    graph::{Desired, Observed},
    ledger::{Ledger, LedgerStore, MemoryLedger, Scope},
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    plan::{Verb, plan},
    policy::{Consent, Policy, Retention},
    resource::{Key, Origin},
    testing::{
        CountedLedger, Counting, Fault, Faulty, Fuse, ManualClock, Memory, Outside, Pace, Thing, Variant,
        matrix::{self, Scene, Stand},
        tools,
    },
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn owner() -> Owner {
    Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo")
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Level {
    Machines,
    Cluster,
    Addons,
}

const LEVELS: [Level; 3] = [Level::Machines, Level::Cluster, Level::Addons];

fn members(variant: Variant) -> [u8; 2] {
    if variant == Variant::Changed {
        [1, 3]
    } else {
        [1, 2]
    }
}

/// Machines: servers on a network. Cluster: a node a server, which it holds. Addons: one thing that settles, one on it.
fn graph(level: Level, variant: Variant) -> Desired<Thing> {
    let changed = variant != Variant::First;
    let mut graph = Desired::builder();
    match level {
        Level::Machines => {
            graph = graph
                .want(key("network"), Thing::new("network"))
                .root(key("network"));
            for n in members(variant) {
                graph.add(
                    key(&format!("server/{n}")),
                    Thing::new("server").on(&key("network")),
                );
            }
        }
        Level::Cluster => {
            for n in members(variant) {
                graph.add(key(&format!("node/{n}")), Thing::new("node").natural());
            }
        }
        Level::Addons => {
            let dns = Thing::new("addon").size(1 + u32::from(changed));
            let ingress = Thing::new("addon").image(if changed { "new" } else { "old" });
            graph.add(key("dns"), dns);
            graph.add(key("ingress"), ingress.on(&key("dns")));
        }
    }
    graph.build().unwrap()
}

#[derive(Debug)]
struct Layer {
    level: Level,
    hands: Arc<dyn Actuator<Thing>>,
}

#[async_trait]
impl Driver for Layer {
    type Spec = Variant;
    type Resource = Thing;

    fn stage(&self) -> &'static str {
        match self.level {
            Level::Machines => "machines",
            Level::Cluster => "cluster",
            Level::Addons => "addons",
        }
    }

    fn desired(&self, spec: &Variant, _from: &Outputs) -> Result<Desired<Thing>, Error> {
        Ok(graph(self.level, *spec))
    }

    fn gives(&self, _spec: &Variant, seen: &Observed<Thing>) -> Outputs {
        let mut outputs = Outputs::default();
        let live = |kind: &str| seen.live.iter().filter(|(_, l)| l.resource.kind == kind).count();
        if self.level == Level::Machines && live("server") > 0 {
            let servers = seen.live.iter().filter(|(_, l)| l.resource.kind == "server");
            let host = |(k, l): (&Key, &paas_core::resource::Live<Thing>)| Host {
                name: k.to_string(),
                address: l.id.clone(),
                public_address: None,
                role: "control-plane".into(),
                id: None,
                going: false,
            };
            outputs.hosts = Some(servers.map(host).collect());
        }
        if self.level == Level::Cluster && live("node") > 0 {
            outputs.cluster = Some(ClusterAccess {
                endpoint: "https://10.0.0.1:6443".into(),
                server_name: None,
            });
        }
        outputs
    }

    fn holds(&self, _spec: &Variant, seen: &Observed<Thing>) -> Vec<Hold> {
        let nodes = seen.live.keys().filter_map(|k| k.as_str().strip_prefix("node/"));
        nodes
            .map(|n| Hold {
                stage: "machines".into(),
                key: key(&format!("server/{n}")),
                why: format!("node {n} is not drained"),
            })
            .collect()
    }

    async fn actuator(&self, from: &Outputs) -> Result<Option<Arc<dyn Actuator<Thing>>>, Error> {
        let known = match self.level {
            Level::Machines => true,
            Level::Cluster => from.hosts.is_some(),
            Level::Addons => from.cluster.is_some(),
        };
        Ok(known.then(|| self.hands.clone()))
    }
}

fn pipeline(hands: [Arc<dyn Actuator<Thing>>; 3], variant: Variant) -> Pipeline {
    let stage = |(level, hands)| -> Box<dyn paas_core::pipeline::Stage> {
        Box::new(DriverStage::new(Layer { level, hands }, variant))
    };
    Pipeline::new(LEVELS.into_iter().zip(hands).map(stage).collect())
}

#[derive(Debug)]
struct Clouds {
    clock: Arc<ManualClock>,
    clouds: [Memory; 3],
    faulty: [Arc<Faulty<Thing>>; 3],
}

impl Clouds {
    fn new(fuse: &Arc<Fuse>, pace: Pace) -> Self {
        let clock = Arc::new(ManualClock::default());
        let clouds = LEVELS.map(|_| Memory::new(clock.clone()).settling(pace).leaving(pace));
        clouds[0].foreign("network", Thing::new("network"));
        let faulty = clouds
            .clone()
            .map(|c| Arc::new(Faulty::new(Arc::new(c), fuse.clone())));
        Self {
            clock,
            clouds,
            faulty,
        }
    }

    fn pipeline(&self, variant: Variant) -> Pipeline {
        pipeline(
            self.faulty.clone().map(|f| f as Arc<dyn Actuator<Thing>>),
            variant,
        )
    }

    fn context(&self, ledger: Arc<dyn LedgerStore>) -> Context {
        let policy = Policy {
            retention: Retention::Delete,
            ..Policy::default()
        };
        let mut cx = Context::new(owner(), policy, tools(ledger, self.clock.clone()));
        cx.consent = Consent::none().and("demo", &owner());
        cx
    }

    async fn judge(&self, variant: Option<Variant>) -> Result<(), String> {
        for (level, cloud) in LEVELS.iter().zip(&self.clouds) {
            let wanted = variant.map_or_else(Desired::nothing, |v| graph(*level, v));
            let seen = cloud
                .observe(&owner(), &Ledger::default(), Reach::Own)
                .await
                .map_err(|e| e.to_string())?;
            let left = plan(&wanted, &seen, &Policy::default());
            if !left.is_empty() || seen.live.keys().ne(wanted.wanted().keys()) {
                return Err(format!("{level:?}: {left:?}"));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Stand for Clouds {
    fn owner(&self) -> Owner {
        owner()
    }
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }
    fn pipeline(&self, variant: Variant) -> Result<Pipeline, Error> {
        Ok(Self::pipeline(self, variant))
    }
    fn looks(&self, variant: Option<Variant>) -> usize {
        // With no machines there is nothing to look at above them.
        if variant.is_some() { 3 } else { 1 }
    }
    async fn outside(&self) -> Result<Vec<Outside>, Error> {
        Ok(self.clouds.iter().flat_map(Memory::everything).collect())
    }
    async fn judge(&self, variant: Option<Variant>) -> Result<(), String> {
        Self::judge(self, variant).await
    }
}

#[derive(Debug)]
struct Stages;

#[async_trait]
impl Scene for Stages {
    fn name(&self) -> &str {
        "three stages"
    }
    async fn fresh(&self, fuse: &Arc<Fuse>) -> Result<Box<dyn Stand>, Error> {
        Ok(Box::new(Clouds::new(fuse, Pace::looks(1))))
    }
}

#[tokio::test]
async fn three_stages_survive_every_fault_at_every_call() {
    let table = matrix::run(&Stages, &Fault::ALL).await;
    println!("{table}");
    assert!(table.is_good(), "{table}");
    assert!(table.points() > 500, "{table}");
}

async fn up(clouds: &Clouds, cx: &mut Context, variant: Variant) {
    let end = clouds
        .pipeline(variant)
        .run(cx, Wanted::Spec, Some(Duration::from_secs(3600)))
        .await;
    assert_eq!(end.unwrap(), Outcome::Converged);
}

#[tokio::test]
async fn a_held_server_goes_only_after_its_node_and_the_wait_keeps_its_beginning() {
    let clouds = Clouds::new(&Fuse::new(), Pace::looks(2));
    let ledger = Arc::new(MemoryLedger::default());
    let mut cx = clouds.context(ledger.clone());
    up(&clouds, &mut cx, Variant::First).await;
    let pipeline = clouds.pipeline(Variant::Changed);
    let scope = Scope {
        owner: owner(),
        stage: "machines".into(),
    };
    let mut begun = None;
    loop {
        let outcome = pipeline.advance(&mut cx).await.unwrap();
        let [servers, nodes] = [&clouds.clouds[0], &clouds.clouds[1]];
        let node_there = !nodes.ids(&owner(), &key("node/2")).is_empty();
        let server_there = !servers.ids(&owner(), &key("server/2")).is_empty();
        assert!(
            server_there || !node_there,
            "the server went before its node was drained"
        );
        let wait = ledger
            .load(&scope)
            .await
            .unwrap()
            .waits
            .get(&key("server/2"))
            .cloned();
        if let Some(wait) = wait.filter(|w| w.why.contains("drained")) {
            let since = *begun.get_or_insert(wait.since);
            assert_eq!(wait.since, since, "it waits since then");
        }
        match outcome {
            Outcome::Converged => break,
            Outcome::Progressing { again_in, .. } => clouds.clock.advance(again_in),
            Outcome::Blocked { .. } => panic!("{outcome:?}"),
        }
    }
    assert!(begun.is_some(), "it was held");
    clouds.judge(Some(Variant::Changed)).await.unwrap();
}

#[tokio::test]
async fn a_pass_that_only_waits_for_what_is_held_writes_nothing() {
    let clouds = Clouds::new(&Fuse::new(), Pace::default());
    let ledger = Arc::new(CountedLedger::new(Arc::new(MemoryLedger::default())));
    let mut cx = clouds.context(ledger.clone());
    up(&clouds, &mut cx, Variant::First).await;
    // A node that will not leave: its server is held for long.
    let stuck = clouds.clouds[1].clone().leaving(Pace::looks(u64::MAX));
    drop(stuck);
    let pipeline = clouds.pipeline(Variant::Changed);
    for _ in 0..10 {
        pipeline.advance(&mut cx).await.unwrap();
    }
    ledger.take();
    for _ in 0..5 {
        let outcome = pipeline.advance(&mut cx).await.unwrap();
        assert!(matches!(outcome, Outcome::Progressing { .. }), "{outcome:?}");
    }
    assert_eq!(ledger.take(), 0);
}

#[tokio::test]
async fn down_clears_a_stage_only_when_nothing_is_left_above_it() {
    let clouds = Clouds::new(&Fuse::new(), Pace::looks(1));
    let mut cx = clouds.context(Arc::new(MemoryLedger::default()));
    up(&clouds, &mut cx, Variant::First).await;
    let pipeline = clouds.pipeline(Variant::First);
    let left = || {
        clouds
            .clouds
            .each_ref()
            .map(|c| c.everything().iter().filter(|o| o.owner.is_some()).count())
    };
    loop {
        let before = left();
        let outcome = pipeline.retire(&mut cx).await.unwrap();
        let after = left();
        assert!(
            before[2] == 0 || after[1] == before[1],
            "the cluster was touched while addons were there"
        );
        assert!(
            before[1] == 0 || after[0] == before[0],
            "machines were touched while nodes were there"
        );
        match outcome {
            Outcome::Converged => break,
            Outcome::Progressing { again_in, .. } => clouds.clock.advance(again_in),
            Outcome::Blocked { .. } => panic!("{outcome:?}"),
        }
    }
    assert_eq!(left(), [0, 0, 0]);
}

/// Hands that cannot see for a while.
fn blind(cloud: &Memory) -> Arc<dyn Actuator<Thing>> {
    let mut hands = paas_core::actuator::MockActuator::<Thing>::new();
    hands.expect_observe().returning(|_, _, _| {
        Err(Error::new(&codes::CORE_PROVIDER, Class::Transient).happened("connection refused"))
    });
    drop(cloud.clone());
    Arc::new(hands)
}

#[tokio::test]
async fn past_an_unseen_stage_later_ones_go_on_with_its_last_known_outputs() {
    let clouds = Clouds::new(&Fuse::new(), Pace::default());
    let mut cx = clouds.context(Arc::new(MemoryLedger::default()));
    up(&clouds, &mut cx, Variant::First).await;
    let mut hands = clouds
        .clouds
        .clone()
        .map(|c| Arc::new(c) as Arc<dyn Actuator<Thing>>);
    hands[0] = blind(&clouds.clouds[0]);
    // A new process, which has only the ledger.
    cx.outputs = Outputs::default();
    let error = pipeline(hands, Variant::Changed)
        .advance(&mut cx)
        .await
        .unwrap_err();
    assert_eq!(error.words(), "connection refused");
    let dns = clouds.clouds[2]
        .observe(&owner(), &Ledger::default(), Reach::Own)
        .await
        .unwrap();
    assert_eq!(dns.live[&key("dns")].resource.size, Some(2), "the addons went on");
    assert_eq!(clouds.clouds[0].ids(&owner(), &key("server/2")).len(), 1);
}

#[tokio::test]
async fn below_an_unseen_stage_nothing_is_deleted() {
    let clouds = Clouds::new(&Fuse::new(), Pace::default());
    let mut cx = clouds.context(Arc::new(MemoryLedger::default()));
    up(&clouds, &mut cx, Variant::First).await;
    for at in [1, 2] {
        let mut hands = clouds
            .clouds
            .clone()
            .map(|c| Arc::new(c) as Arc<dyn Actuator<Thing>>);
        hands[at] = blind(&clouds.clouds[at]);
        let servers = clouds.clouds[0].everything();
        let down = pipeline(hands.clone(), Variant::First);
        assert!(down.retire(&mut cx).await.is_err());
        cx.policy.sweep = false;
        let change = pipeline(hands, Variant::Changed);
        assert!(change.advance(&mut cx).await.is_err());
        let now = clouds.clouds[0].everything();
        assert!(
            servers.iter().all(|s| now.contains(s)),
            "stage {at} is not seen: {now:?}"
        );
    }
}

#[tokio::test]
async fn a_plan_shows_stages_whose_world_is_not_known_yet() {
    let clouds = Clouds::new(&Fuse::new(), Pace::default());
    let mut cx = clouds.context(Arc::new(MemoryLedger::default()));
    let shown = clouds
        .pipeline(Variant::First)
        .plan(&mut cx, Wanted::Spec)
        .await
        .unwrap();
    let unknown: Vec<_> = shown.stages.iter().map(|s| s.unknown.is_some()).collect();
    assert_eq!(unknown, [false, true, true]);
    assert_eq!(shown.stages.iter().map(|s| s.steps.len()).sum::<usize>(), 7);
    assert!(
        clouds.clouds[0].everything().iter().all(|o| o.owner.is_none()),
        "a plan changes nothing"
    );
    // What was shown is enough for the whole run.
    cx.shown = Some(shown);
    up(&clouds, &mut cx, Variant::First).await;
}

#[tokio::test]
async fn a_stage_that_waits_for_others_says_so_and_for_how_long() {
    let clouds = Clouds::new(&Fuse::new(), Pace::looks(u64::MAX));
    // Machines that are there and of no use: nothing is given to the next stage.
    let mut cx = clouds.context(Arc::new(MemoryLedger::default()));
    let outcome = clouds.pipeline(Variant::First).advance(&mut cx).await.unwrap();
    let Outcome::Progressing { waiting, .. } = outcome else {
        panic!("{outcome:?}");
    };
    for stage in ["cluster", "addons"] {
        let wait = waiting
            .iter()
            .find(|w| w.stage == stage)
            .unwrap_or_else(|| panic!("{stage}: {waiting:?}"));
        assert!(wait.deadline > wait.since);
        assert!(wait.why.contains("before it"), "{}", wait.why);
    }
    clouds.clock.advance(Duration::from_secs(100));
    let again = clouds.pipeline(Variant::First).advance(&mut cx).await.unwrap();
    let Outcome::Progressing { waiting: again, .. } = again else {
        panic!("{again:?}");
    };
    let since = |w: &[paas_core::pipeline::Pending]| w.iter().find(|w| w.stage == "addons").unwrap().since;
    assert_eq!(since(&waiting), since(&again));
}

#[tokio::test]
async fn an_idle_pass_over_three_stages_looks_once_at_each_and_writes_nothing() {
    let clouds = Clouds::new(&Fuse::new(), Pace::looks(1));
    let ledger = Arc::new(CountedLedger::new(Arc::new(MemoryLedger::default())));
    let mut cx = clouds.context(ledger.clone());
    up(&clouds, &mut cx, Variant::First).await;
    let counting = clouds
        .clouds
        .clone()
        .map(|c| Arc::new(Counting::new(Arc::new(c))));
    let hands = counting.clone().map(|c| c as Arc<dyn Actuator<Thing>>);
    ledger.take();
    assert_eq!(
        pipeline(hands, Variant::First).advance(&mut cx).await.unwrap(),
        Outcome::Converged
    );
    assert_eq!(ledger.take(), 0);
    for cloud in counting {
        let counts = cloud.take();
        assert_eq!((counts.observes, counts.mutating()), (1, 0));
    }
}

#[tokio::test]
async fn a_derived_thing_goes_only_when_everything_goes() {
    let clouds = Clouds::new(&Fuse::new(), Pace::default());
    let mut cx = clouds.context(Arc::new(MemoryLedger::default()));
    up(&clouds, &mut cx, Variant::First).await;
    clouds.clouds[0].plant(
        &owner(),
        &key("lb/abc"),
        Thing::new("loadBalancer"),
        Origin::Derived,
    );
    up(&clouds, &mut cx, Variant::Changed).await;
    assert_eq!(clouds.clouds[0].ids(&owner(), &key("lb/abc")).len(), 1);
    let down = clouds.pipeline(Variant::Changed);
    assert_eq!(
        down.run(&mut cx, Wanted::Nothing, None).await.unwrap(),
        Outcome::Converged
    );
    assert_eq!(clouds.clouds[0].ids(&owner(), &key("lb/abc")).len(), 0);
}

#[tokio::test]
async fn what_was_not_shown_stops_the_run_and_says_so() {
    let clouds = Clouds::new(&Fuse::new(), Pace::default());
    let mut cx = clouds.context(Arc::new(MemoryLedger::default()));
    up(&clouds, &mut cx, Variant::First).await;
    let change = clouds.pipeline(Variant::Changed);
    let shown = change.plan(&mut cx, Wanted::Spec).await.unwrap();
    let verbs = |stage: usize| {
        shown.stages[stage]
            .steps
            .iter()
            .map(|s| s.verb)
            .collect::<Vec<_>>()
    };
    assert_eq!(verbs(2), [Verb::Replace, Verb::Update]);
    // Somebody meddles between the plan and the run.
    let id = clouds.clouds[2].ids(&owner(), &key("dns"))[0].clone();
    clouds.clouds[2].meddle(&id, |t| {
        t.needs = vec![paas_core::resource::Need::Order(key("ingress"))]
    });
    cx.shown = Some(shown);
    let end = change
        .run(&mut cx, Wanted::Spec, Some(Duration::from_secs(60)))
        .await
        .unwrap();
    let Outcome::Blocked { because, .. } = end else {
        panic!("{end:?}");
    };
    assert_eq!(because[0].code, codes::CORE_PLAN_CHANGED.id);
    assert_eq!(clouds.clouds[2].ids(&owner(), &key("dns")), [id]);
}

/// The order of looks and calls over the stages, by what a person would ask: are machines there before nodes?
#[tokio::test]
async fn stages_are_built_from_the_first_to_the_last_in_one_pass_where_nothing_settles() {
    let clouds = Clouds::new(&Fuse::new(), Pace::default());
    let mut cx = clouds.context(Arc::new(MemoryLedger::default()));
    let passes = Mutex::new(0);
    let pipeline = clouds.pipeline(Variant::First);
    while pipeline.advance(&mut cx).await.unwrap() != Outcome::Converged {
        *passes.lock().unwrap() += 1;
        assert!(*passes.lock().unwrap() < 10);
    }
    // The root alone, then the servers, then what is seen of them.
    assert!(*passes.lock().unwrap() <= 5, "{passes:?}");
}
