//! What a driver finds ahead of the first write: who is asked when, what is shown, and that nothing is begun.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use paas_core::{
    actuator::Actuator,
    codes,
    driver::{Driver, Outputs},
    error::Error,
    graph::{Desired, Observed},
    ledger::MemoryLedger,
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::Policy,
    preflight::{Ahead, Finding},
    resource::Key,
    testing::{ManualClock, Memory, Thing, tools},
    view::PlanView,
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// A small world whose driver says what it was told to say.
#[derive(Debug, Clone)]
struct World {
    cloud: Memory,
    says: Vec<Finding>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl Driver for World {
    type Spec = u32;
    type Resource = Thing;

    fn stage(&self) -> &'static str {
        "machines"
    }

    fn desired(&self, size: &u32, _from: &Outputs) -> Result<Desired<Thing>, Error> {
        let graph = Desired::builder().want(key("network"), Thing::new("network").size(*size));
        graph
            .want(key("server"), Thing::new("server").on(&key("network")))
            .build()
    }

    fn gives(&self, _size: &u32, _seen: &Observed<Thing>) -> Outputs {
        Outputs::default()
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<Thing>>>, Error> {
        Ok(Some(Arc::new(self.cloud.clone())))
    }

    async fn preflight(&self, _size: &u32, ahead: Ahead<'_, Thing>) -> Result<Vec<Finding>, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(!ahead.plan.steps.is_empty());
        Ok(self.says.clone())
    }
}

struct Bench {
    world: World,
    cx: Context,
}

impl Bench {
    fn new(says: Vec<Finding>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo");
        Self {
            world: World {
                cloud: Memory::new(clock.clone()),
                says,
                asked: Arc::default(),
            },
            cx: Context::new(
                owner,
                Policy::default(),
                tools(Arc::new(MemoryLedger::default()), clock),
            ),
        }
    }

    fn pipeline(&self, size: u32) -> Pipeline {
        Pipeline::new(vec![Box::new(DriverStage::new(self.world.clone(), size))])
    }

    async fn plan(&mut self, size: u32, wanted: Wanted) -> PlanView {
        self.pipeline(size).plan(&mut self.cx, wanted).await.unwrap()
    }

    async fn up(&mut self, size: u32) -> Outcome {
        self.pipeline(size)
            .run(&mut self.cx, Wanted::Spec, None)
            .await
            .unwrap()
    }

    fn asked(&self) -> usize {
        self.world.asked.swap(0, Ordering::Relaxed)
    }

    fn is_untouched(&self) -> bool {
        self.world.cloud.everything().is_empty()
    }
}

fn findings() -> Vec<Finding> {
    vec![
        Finding::warning(&codes::CORE_PROVIDER, "the quota is not known"),
        Finding::error(
            &codes::CORE_PREFLIGHT,
            "cores: 4 more are needed, 2 of 20 are free",
        )
        .remedy("ask for a quota of 22")
        .about(&key("server")),
        Finding::error(&codes::CORE_UNSUPPORTED, "there is no such service"),
    ]
}

#[tokio::test]
async fn a_plan_shows_what_was_found_errors_first_and_it_survives_json() {
    let mut bench = Bench::new(findings());
    let plan = bench.plan(1, Wanted::Spec).await;
    let said: Vec<&str> = plan.stages[0].findings.iter().map(|f| f.what.as_str()).collect();
    assert_eq!(
        said,
        [
            "cores: 4 more are needed, 2 of 20 are free",
            "there is no such service",
            "the quota is not known"
        ]
    );
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<PlanView>(&json).unwrap(), plan);
    // Consent is bound to what would be done, not to what was found.
    let sound = Bench::new(Vec::new()).plan(1, Wanted::Spec).await;
    assert_eq!(sound.hash, plan.hash);
    assert!(!serde_json::to_string(&sound).unwrap().contains("findings"));
}

#[tokio::test]
async fn errors_stop_a_run_whether_its_plan_was_shown_or_not_and_nothing_is_written() {
    let mut bench = Bench::new(findings());
    let plan = bench.plan(1, Wanted::Spec).await;
    for shown in [Some(plan), None] {
        bench.cx.shown = shown;
        let Outcome::Blocked { because, .. } = bench.up(1).await else {
            panic!("it was begun");
        };
        let told: Vec<(&str, &str)> = because
            .iter()
            .map(|b| (b.key.as_str(), b.code.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("server", codes::CORE_PREFLIGHT.id),
                ("machines", codes::CORE_UNSUPPORTED.id)
            ]
        );
        assert_eq!(because[0].remedy, "ask for a quota of 22");
        assert_eq!(because[1].remedy, codes::CORE_UNSUPPORTED.remedy);
        assert!(bench.is_untouched());
    }
}

#[tokio::test]
async fn warnings_stop_nothing() {
    let mut bench = Bench::new(findings()[..1].to_vec());
    let plan = bench.plan(1, Wanted::Spec).await;
    assert!(plan.obstructed().is_none());
    assert_eq!(bench.up(1).await, Outcome::Converged);
}

#[tokio::test]
async fn a_driver_is_asked_once_before_the_first_write_and_never_where_nothing_is_made_or_changed() {
    let mut bench = Bench::new(Vec::new());
    assert_eq!(bench.up(1).await, Outcome::Converged);
    assert_eq!(bench.asked(), 1, "a run that nobody planned");
    assert!(bench.plan(1, Wanted::Spec).await.is_empty());
    assert_eq!(bench.asked(), 0, "an idle plan");
    bench.plan(2, Wanted::Spec).await;
    assert_eq!(bench.asked(), 1, "a change");
    bench.plan(1, Wanted::Nothing).await;
    assert_eq!(bench.asked(), 0, "the way down");
    let down = bench
        .pipeline(1)
        .run(&mut bench.cx, Wanted::Nothing, None)
        .await
        .unwrap();
    assert_eq!((down, bench.asked()), (Outcome::Converged, 0));
    // Who plans first is not asked again in the run.
    bench.cx.shown = Some(bench.plan(1, Wanted::Spec).await);
    assert_eq!(bench.asked(), 1);
    assert_eq!((bench.up(1).await, bench.asked()), (Outcome::Converged, 0));
}
