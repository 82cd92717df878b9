//! Every write of the operator × every fault, on a real API server with the real hands; CloudNativePG is stood in for.
//!
//! A point is one scene with one fault at one write. Where the process dies, the operator is dropped as a whole and another one begins
//! with nothing but what the cluster has. In the end there is what the undisturbed run of the same scene left in the same namespace,
//! field by field with who owns it; on the way nobody saw a second object for one, a second password for a login, or a deletion that
//! the undisturbed run does not have.
//!
//! What is not a number of the object's own writes is a point too: the lease, events, the namespace's label. A call that this run did not
//! make (a status that came to the same by another way) is no point.
//!
//! Some points each run; `PAAS_TEST_FULL=1` for all. `PAAS_TEST_SEED` chooses which, and `PAAS_TEST_ONLY` those whose scene, fault
//! and call have these words.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic")]

#[path = "support/cnpg.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of several tests, each of which uses a part"
)]
mod cnpg;
#[path = "sequences/compare.rs"]
mod compare;
#[path = "faults/judge.rs"]
mod judge;
#[path = "faults/scene.rs"]
mod scene;
#[path = "faults/stage.rs"]
mod stage;
mod support;
#[path = "faults/witness.rs"]
mod witness;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use paas_core::{
    clock::{Clock, SystemClock},
    crd,
    testing::{
        faults::{Call, Fault, Table},
        kube::{self as harness, ControlPlane},
    },
};
use scene::Scene;
use stage::Stage;

/// Points of each scene where not all are wanted.
const SAMPLE: usize = 3;

/// Namespaces of each scene where all are wanted: most of a point is waiting.
const AT_ONCE: usize = 2;

/// A fault at the n-th call that is told so.
#[derive(Debug, Clone, PartialEq)]
struct Point {
    call: String,
    nth: usize,
    fault: Fault,
}

/// A call without what is another one in another run or namespace: names by chance, or by a hash of the owner.
fn told(call: &Call) -> String {
    let mut call = call.clone();
    if call.resource == "events" {
        call.name.clear();
    }
    if let Some(rest) = call.name.strip_prefix(&format!("{}-", call.namespace)) {
        call.name = rest.rsplit_once('-').map_or(rest, |(name, _)| name).to_owned();
    }
    if call.resource == "namespaces" {
        call.name.clear();
    }
    call.namespace.clear();
    call.to_string()
}

/// Every write of an undisturbed run × every fault. Of renewals of the lease, which go on for ever, the first alone.
fn points(writes: &[Call]) -> Vec<Point> {
    let mut counts = BTreeMap::<String, usize>::new();
    let mut all = Vec::new();
    for write in writes {
        let call = told(write);
        let nth = counts.entry(call.clone()).or_default();
        if write.resource != "leases" || *nth == 0 {
            all.extend(Fault::WRITES.map(|fault| Point {
                call: call.clone(),
                nth: *nth,
                fault,
            }));
        }
        *nth += 1;
    }
    all
}

/// The Fisher–Yates shuffle by a linear congruential generator: which points come first.
fn shuffle<T>(seed: u64, items: &mut [T]) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, usize::try_from(state >> 33).unwrap() % (last + 1));
    }
}

/// What all namespaces of a scene work off.
#[derive(Default)]
struct Work {
    todo: Mutex<Option<VecDeque<Point>>>,
    table: Mutex<Table>,
}

/// One namespace of a scene: an undisturbed run, and then point by point.
async fn work(cluster: ControlPlane, scene: Scene, most: usize, seed: u64, work: Arc<Work>) {
    let stage = Stage::new(&cluster, scene).await;
    let clean = match stage.clean().await {
        Ok(clean) => clean,
        Err(why) => panic!("{scene:?} without a fault: {why}"),
    };
    {
        let mut todo = work.todo.lock().unwrap();
        todo.get_or_insert_with(|| {
            let mut all = points(&clean.writes);
            eprintln!("{scene:?}: {} writes, {} points", clean.writes.len(), all.len());
            if let Ok(only) = std::env::var("PAAS_TEST_ONLY") {
                all.retain(|p| format!("{scene:?} {p:?}").contains(&only));
            }
            shuffle(seed, &mut all);
            all.truncate(most);
            all.into()
        });
    }
    loop {
        let next = work.todo.lock().unwrap().as_mut().unwrap().pop_front();
        let Some(point) = next else { break };
        let began = SystemClock.elapsed();
        let outcome = stage.point(&clean, &point).await;
        let at = format!("{} #{}", point.call, point.nth);
        let mut table = work.table.lock().unwrap();
        let took = SystemClock.elapsed() - began;
        if took > Duration::from_secs(1) || outcome.is_err() {
            eprintln!("{scene:?}, {} at {at}: {took:?}, {outcome:?}", point.fault);
        }
        match outcome {
            Ok(true) => table.point(&format!("{scene:?}"), point.fault, &at, Ok(())),
            Ok(false) => table.unstruck(),
            Err(why) => table.point(&format!("{scene:?}"), point.fault, &at, Err(why)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_befalls_a_write_an_instance_ends_as_it_would_and_nothing_wrong_is_done() {
    let sentence = "every write, every fault";
    let Some(cluster) = harness::unless_absent(harness::control_plane().await).unwrap() else {
        return;
    };
    if !cnpg::define(&cluster, sentence).await {
        return;
    }
    cluster.define(&crd::all()).await.unwrap();
    let variable = |name: &str| std::env::var(name).ok();
    let full = variable("PAAS_TEST_FULL").is_some_and(|said| said == "1");
    let seed = variable("PAAS_TEST_SEED").map_or_else(
        || u64::from(uuid::Uuid::new_v4().as_fields().0),
        |text| text.parse().unwrap(),
    );
    let (most, at_once) = match full {
        true => (usize::MAX, AT_ONCE),
        false => (SAMPLE, 1),
    };
    let mut works = Vec::new();
    let mut tasks = Vec::new();
    for scene in Scene::ALL {
        let shared = Arc::new(Work::default());
        works.push(Arc::clone(&shared));
        for _ in 0..at_once {
            let doing = work(cluster.clone(), scene, most, seed, Arc::clone(&shared));
            tasks.push(tokio::spawn(doing));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let tables = works.iter().map(|work| work.table.lock().unwrap().clone());
    let table = tables.fold(Table::default(), Table::and);
    eprintln!("{table}seed {seed}");
    let points = table.points();
    assert!(table.is_good(), "PAAS_TEST_SEED={seed} gives the same points");
    let wanted = variable("PAAS_TEST_ONLY").is_none();
    assert!(!wanted || points > Scene::ALL.len(), "{points}");
}
