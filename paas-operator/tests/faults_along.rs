//! What goes wrong around an operator while objects change: its watches, its API server, its lease, its clock, itself.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic")]

mod support;

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use paas_core::{
    clock::{Clock, SystemClock},
    crd,
    spec::Kind,
    testing::{
        faults::{Call, Fault, Plan, Verb},
        kube::{self as harness, ControlPlane, Options},
    },
};
use serde_json::json;
use support::{DEADLINE, Place, World, place};

const SOON: Duration = Duration::from_millis(100);

async fn rest(time: Duration) {
    SystemClock.sleep(time).await;
}

/// Waits for something; says what, if it does not come.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = SystemClock.elapsed();
    while !is_so() {
        assert!(SystemClock.elapsed() - began < DEADLINE, "{what}");
        rest(Duration::from_millis(10)).await;
    }
}

/// Three instances come, change twice each, and one goes; `between` is done after each step.
async fn live(place: &Place, between: impl AsyncFn()) {
    let names = ["one", "two", "three"];
    for name in names {
        place.database(name, json!({"runtime": "CloudNativePG"})).await;
        between().await;
    }
    for replicas in [2, 3] {
        for name in names {
            place.change(name, json!({"spec": {"replicas": replicas}})).await;
            between().await;
        }
    }
    for name in names {
        place.until_ready(name).await;
    }
    place.delete("two").await;
    between().await;
    place.until_gone("two").await;
}

/// What a life like that does, whatever befell it: everything once, in the right order, by whoever had the lease.
fn judge(world: &World, what: &str) {
    let told = world.told();
    for name in ["one", "two", "three"] {
        let of: Vec<&String> = told.iter().filter(|t| t.contains(&format!(" {name} "))).collect();
        let count = |words: &str| of.iter().filter(|t| t.starts_with(words)).count();
        assert_eq!(
            (count("create"), count("delete")),
            (2, usize::from(name == "two")),
            "{what}: {told:#?}"
        );
        assert!(
            of[0].ends_with("data") && of[1].ends_with("server"),
            "{what}: {told:#?}"
        );
    }
    assert!(
        told.contains(&"delete two server".to_owned()),
        "{what}: {told:#?}"
    );
    assert_eq!(
        world.things(),
        5,
        "{what}: two volumes with their servers, and the one that was kept"
    );
    for effect in world.effects() {
        assert!(effect.held, "{what}: {effect:?} without the finalizer");
        assert_eq!(effect.who, effect.leader, "{what}: {effect:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_befalls_its_watches_an_operator_does_everything_once() {
    let lives = Fault::WATCHES.map(|fault| async move {
        let Some(place) = place(&format!("watches {fault}")).await else {
            return 0;
        };
        let world = World::taking(SOON);
        world.injector.arm(Plan::seeded(7, 2, &[fault]));
        let running = place.operate("a", &world).await;
        // Each step ends the watches that run, so that there are always more to be struck.
        live(&place, async || {
            rest(SOON).await;
            world.injector.cut();
        })
        .await;
        judge(&world, &fault.to_string());
        running.stop().await;
        let hits = world.injector.hits().len();
        assert!(hits > 0, "{fault} struck nothing: {:#?}", world.injector.calls());
        hits
    });
    let hits = join_all(lives).await;
    eprintln!(
        "watches struck: {:?}",
        Fault::WATCHES.iter().zip(hits).collect::<Vec<_>>()
    );
}

/// A list or a watch of instances.
fn of_instances(call: &Call) -> bool {
    call.resource == "databaseinstances" && call.verb != Verb::Get
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_does_not_come_back_by_a_list_from_the_past() {
    let Some(place) = place("a list from the past").await else {
        return;
    };
    let world = World::taking(Duration::ZERO);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({})).await;
    let ready = place.until_ready("demo").await;
    place.delete("demo").await;
    place.until_gone("demo").await;
    let before = world.told();
    let revision = ready["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let plan = Plan::nth(0, Fault::WatchExpired).and(Plan::nth(0, Fault::StaleList));
    world.injector.arm(plan.only(of_instances));
    world.injector.remember(revision);
    world.injector.cut();
    until("nothing stale was served", || world.injector.hits().len() == 2).await;
    // By the watch that follows the list it is heard that the instance is gone; then another one is carried out as ever.
    place.database("next", json!({})).await;
    place.until_ready("next").await;
    let after = world.told().split_off(before.len());
    assert_eq!(after, ["create next data", "create next server"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_restarts_again_and_again_costs_nothing_but_time() {
    let made = ControlPlane::start_own(Options::default()).await;
    let Some(cluster) = harness::unless_absent(made).unwrap() else {
        return;
    };
    cluster.define(&crd::all()).await.unwrap();
    let place = Place::of(&cluster, "an API server that restarts").await;
    let world = World::taking(SOON);
    let running = place.operate("a", &world).await;
    let steps = Mutex::new(0);
    live(&place, async || {
        let step = {
            let mut steps = steps.lock().unwrap();
            *steps += 1;
            *steps
        };
        if step % 3 == 0 {
            cluster.restart_api_server().await.unwrap();
        }
    })
    .await;
    judge(&world, "restarts");
    running.stop().await;
}

/// The holder of the lease, and how often it changed.
async fn lease(place: &Place) -> (String, i32) {
    let leases: Api<Lease> = Api::default_namespaced(place.client.clone());
    let lease = leases.get_opt("paas-operator").await.unwrap();
    let spec = lease.and_then(|l| l.spec).unwrap_or_default();
    (
        spec.holder_identity.unwrap_or_default(),
        spec.lease_transitions.unwrap_or(0),
    )
}

/// A clock that stops whoever looks at it: a process that was stopped, of which time passes outside.
#[derive(Debug, Default)]
struct Stoppable {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stoppable {
    fn stop(&self, stopped: bool) {
        *self.stopped.lock().unwrap() = stopped;
        self.changed.notify_all();
    }
}

#[async_trait]
impl Clock for Stoppable {
    fn now(&self) -> Timestamp {
        self.elapsed();
        SystemClock.now()
    }

    fn elapsed(&self) -> Duration {
        let stopped = self.stopped.lock().unwrap();
        drop(self.changed.wait_while(stopped, |stopped| *stopped).unwrap());
        SystemClock.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        SystemClock.sleep(time).await;
    }
}

#[test]
fn a_leader_that_was_stopped_past_its_lease_writes_nothing_when_it_goes_on() {
    let tokio = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    // The first operator has a thread of its own, which stands still as a whole.
    let (others, first) = (tokio(), tokio());
    others.block_on(async {
        let Some(place) = place("a leader that was stopped").await else {
            return;
        };
        let place = Arc::new(place);
        let clock = Arc::new(Stoppable::default());
        let world = World::taking(Duration::from_secs(2));
        let of_first = world.for_another(clock.clone());
        let injector = of_first.injector.clone();
        let on_first = Arc::clone(&place);
        let running = first.spawn(async move { on_first.operate("first", &of_first).await });
        let running = running.await.unwrap();
        place.database("demo", json!({})).await;
        until("the first one does not begin", || !world.told().is_empty()).await;
        // It waits for the volume now, and has nothing under way.
        rest(Duration::from_millis(700)).await;
        clock.stop(true);
        let second = place.operate("second", &world).await;
        until("the second one does not go on", || world.told().len() == 2).await;
        assert_eq!(lease(&place).await.0, "second");
        injector.arm(Plan::none());
        clock.stop(false);
        until("the first one does not notice", || {
            running.metric("leader_election_master_status") < 1.0
        })
        .await;
        place.until_ready("demo").await;
        place
            .change("demo", json!({"spec": {"parameters": {"work_mem": "8MB"}}}))
            .await;
        place.until_ready("demo").await;
        let effects: Vec<_> = world.effects().into_iter().map(|e| (e.who, e.leader)).collect();
        let as_leader = |who: &str| (who.to_owned(), who.to_owned());
        assert_eq!(effects, [as_leader("first"), as_leader("second")]);
        let mut written = injector.writes();
        // It may ask for the lease, and say what it has seen.
        written.retain(|call| !["leases", "events"].contains(&call.resource.as_str()));
        assert_eq!(written, [], "what was led by somebody else was written to");
        second.stop().await;
        first.spawn(running.stop()).await.unwrap();
    });
    first.shutdown_background();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_that_contend_for_a_lease_they_can_hardly_write_never_both_do() {
    let faults = [
        Fault::Unsent,
        Fault::LostRequest,
        Fault::LostReply,
        Fault::Failed500,
        Fault::Conflict409,
    ];
    let lives = faults.map(|fault| async move {
        let Some(place) = place(&format!("two operators {fault}")).await else {
            return 0;
        };
        let world = World::taking(SOON);
        let other = world.for_another(Arc::new(SystemClock));
        for (seed, world) in [(1, &world), (2, &other)] {
            let plan = Plan::seeded(seed, 2, &[fault]).only(|call| call.resource == "leases");
            world.injector.arm(plan);
        }
        let short = |s: &mut paas_operator::Settings| {
            s.lease.timings.duration = Duration::from_secs(2);
            s.lease.timings.renew_deadline = Duration::from_millis(700);
            s.lease.timings.retry = Duration::from_millis(200);
        };
        let first = place.operate_with("first", &world, short).await;
        let second = place.operate_with("second", &other, short).await;
        live(&place, async || rest(Duration::from_millis(400)).await).await;
        judge(&world, &fault.to_string());
        let (_, turns) = lease(&place).await;
        first.stop().await;
        second.stop().await;
        assert!(
            !world.injector.hits().is_empty() || !other.injector.hits().is_empty(),
            "{fault}"
        );
        turns
    });
    let turns = join_all(lives).await;
    eprintln!(
        "turns of the lease: {:?}",
        faults.iter().zip(turns).collect::<Vec<_>>()
    );
}

/// A clock that somebody set wrongly.
#[derive(Debug)]
struct Skewed(i64);

#[async_trait]
impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(SystemClock.now().as_second() + self.0).unwrap()
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        SystemClock.sleep(time).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_hours_apart_change_neither_who_leads_nor_what_is_done() {
    let both = [3600, -3600].map(|skew| async move {
        let Some(place) = place(&format!("clocks {skew}")).await else {
            return;
        };
        let world = World::taking(Duration::from_secs(1));
        let ahead = world.for_another(Arc::new(Skewed(skew)));
        let behind = world.for_another(Arc::new(Skewed(-skew)));
        let first = place.operate("first", &ahead).await;
        until("nobody leads", || {
            first.metric("leader_election_master_status") > 0.0
        })
        .await;
        let before = lease(&place).await;
        let second = place.operate("second", &behind).await;
        place.database("demo", json!({"runtime": "CloudNativePG"})).await;
        until("nothing is begun", || !world.told().is_empty()).await;
        // Longer than the lease lasts: the other one's clock says that it has been silent for two hours, or is from the future.
        rest(Duration::from_secs(6)).await;
        assert_eq!(lease(&place).await, before, "nobody took it");
        place.change("demo", json!({"spec": {"replicas": 2}})).await;
        until("the change is not begun", || {
            world.told().contains(&"update demo server".to_owned())
        })
        .await;
        first.kill().await;
        place.until_ready("demo").await;
        place.change("demo", json!({"spec": {"replicas": 3}})).await;
        place.until_ready("demo").await;
        for effect in world.effects() {
            assert_eq!(effect.who, effect.leader, "{effect:?}");
        }
        assert_eq!(
            world.told(),
            [
                "create demo data",
                "create demo server",
                "update demo server",
                "update demo server"
            ]
        );
        let events = place.events().await;
        assert!(!events.iter().any(|e| e.contains("overdue")), "{events:#?}");
        let demo = place
            .until(Kind::DatabaseInstance, "demo", "there", |o| !o.is_null())
            .await;
        assert_eq!(demo["status"]["blocked"], json!(null));
        second.stop().await;
    });
    join_all(both).await;
}
