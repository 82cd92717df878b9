//! The law of declarative specs: whatever an instance was before, it ends as if its last spec had been the only one.
//!
//! Each case carries out a sequence of valid specs one after the other with the real hands on a real API server, and keeps what there is
//! then; sweeps the namespace, carries out the last spec alone, and compares every object, field by field, with who owns each
//! field. Servers are stood in for: only what we write is judged.
//!
//! What rightly depends on history, and so is no part of the comparison:
//! - **data**: storage only grows within a sequence, a major version only rises (with a StatefulSet it stays), and a database that
//!   was declared under `deletionPolicy: Delete` is not dropped again: each of these is refused or asks for the owner's word, which
//!   other tests are about;
//! - **what was generated or learned**: the values of passwords (each is compared as "that password"), the ledger, and
//!   passwords that are kept of users who are gone;
//! - **what the API server counts or gives**: uids, revisions, generations, times, addresses of services;
//! - **which of a user's two login roles is active**: it changes by rotation, which no spec asks for, so here it is the first one.
//!
//! Four cases each; `PAAS_TEST_FULL=1` for a hundred.
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
#[path = "sequences/specs.rs"]
mod specs;
#[path = "sequences/volumes.rs"]
mod volumes;

use std::{sync::Arc, time::Duration};

use kube::{
    Client, Config,
    api::{DeleteParams, ListParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use paas_core::{
    clock::{Clock, SystemClock},
    database::{
        cnpg::{CnpgDriver, kinds},
        statefulset::{CLAIM, STATEFUL_SET, StatefulSetDriver},
    },
    driver::{Driver, Outputs},
    event::Silent,
    execute::{Alone, Tools},
    kube::{
        KubeActuator, KubeLedger, KubeObject, KubeSecrets, Namespaces, ObjectKind, access,
        kind::{CONFIG_MAP, SECRET, SERVICE},
    },
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline},
    policy::Policy,
    spec::DatabaseInstanceSpec,
    testing::kube::{self as harness, ControlPlane},
};
use proptest::test_runner::{Config as Cases, TestCaseError, TestRunner};

/// More passes than any of these specs takes.
const PASSES: usize = 100;

/// What carries out the specs of one property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runtime {
    CloudNativePG,
    StatefulSet,
}

impl Runtime {
    fn kinds(self) -> Vec<&'static ObjectKind> {
        match self {
            Self::CloudNativePG => kinds::ALL.to_vec(),
            Self::StatefulSet => vec![&CLAIM, &SECRET, &CONFIG_MAP, &SERVICE, &STATEFUL_SET],
        }
    }
}

/// A namespace with an owner, swept between two lives.
struct Life {
    runtime: Runtime,
    client: Client,
    owner: Owner,
}

impl Life {
    fn namespace(&self) -> &str {
        self.owner.namespace()
    }

    fn pipeline(&self, spec: &DatabaseInstanceSpec) -> Pipeline {
        let namespace = self.namespace().to_owned();
        let secrets = Arc::new(KubeSecrets::new(self.client.clone(), namespace.as_str()));
        let reach = Namespaces::These(vec![namespace]);
        let hands = KubeActuator::new(self.client.clone(), self.runtime.kinds(), reach, secrets);
        let (owner, hands) = (self.owner.clone(), Arc::new(hands));
        match self.runtime {
            Runtime::CloudNativePG => stage(CnpgDriver::new(owner).hands(hands), spec),
            Runtime::StatefulSet => stage(StatefulSetDriver::new(owner, hands), spec),
        }
    }

    /// Passes until nothing is left to be done.
    async fn reach(&self, spec: &DatabaseInstanceSpec) -> Result<(), TestCaseError> {
        let tools = Tools {
            ledger: Arc::new(KubeLedger::new(self.client.clone(), self.namespace())),
            fence: Arc::new(Alone),
            clock: Arc::new(SystemClock),
            events: Arc::new(Silent),
            cancel: Default::default(),
        };
        let pipeline = self.pipeline(spec);
        let mut cx = Context::new(self.owner.clone(), Policy::default(), tools);
        let mut last = None;
        for _ in 0..PASSES {
            self.stand_in().await;
            match pipeline.advance(&mut cx).await {
                Ok(Outcome::Converged) => return Ok(()),
                Ok(Outcome::Blocked { because, .. }) => {
                    return Err(TestCaseError::fail(format!(
                        "blocked: {because:#?}\nby {spec:#?}"
                    )));
                }
                other => last = Some(other),
            }
        }
        Err(TestCaseError::fail(format!(
            "it does not end: {last:#?}\nat {spec:#?}"
        )))
    }

    /// Whatever else belongs to a cluster does its part.
    async fn stand_in(&self) {
        match self.runtime {
            Runtime::CloudNativePG => cnpg::do_well(&self.client, self.namespace()).await,
            Runtime::StatefulSet => volumes::serve(&self.client, self.namespace()).await,
        }
    }

    /// Takes everything away, also what a deletion would keep.
    async fn sweep(&self) {
        let everything = ListParams::default();
        let kinds = self.runtime.kinds().into_iter().chain([&CONFIG_MAP]);
        for kind in kinds.filter(|k| !k.optional) {
            let api = cnpg::api(&self.client, self.namespace(), kind);
            // Services cannot be deleted all at once.
            for object in api.list(&everything).await.unwrap() {
                let name = object.metadata.name.unwrap();
                let _ = api.delete(&name, &DeleteParams::background()).await;
            }
        }
        if self.runtime == Runtime::StatefulSet {
            volumes::sweep(&self.client, self.namespace()).await;
        }
        while !compare::everything(&self.client, &self.owner, &self.runtime.kinds())
            .await
            .is_empty()
        {
            SystemClock.sleep(Duration::from_millis(20)).await;
        }
    }
}

fn stage<D>(driver: D, spec: &DatabaseInstanceSpec) -> Pipeline
where
    D: Driver<Spec = DatabaseInstanceSpec, Resource = KubeObject> + 'static,
    DriverStage<D>: paas_core::pipeline::Stage,
{
    driver.desired(spec, &Outputs::default()).unwrap();
    Pipeline::new(vec![Box::new(DriverStage::new(driver, spec.clone()))])
}

/// One case: a life of many specs, and one of the last alone.
async fn compare(
    cluster: &ControlPlane,
    runtime: Runtime,
    specs: &[DatabaseInstanceSpec],
) -> Result<(), TestCaseError> {
    let namespace = cluster.namespace("a sequence of specs").await.unwrap();
    let file = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(file, &options).await.unwrap();
    let client = access::client(config).unwrap();
    let identity = Identity::of(&["sequences"]);
    let life = Life {
        runtime,
        client,
        owner: Owner::new(&identity, "DatabaseInstance", namespace.name(), "db"),
    };
    for spec in specs {
        life.reach(spec).await?;
    }
    let long = compare::everything(&life.client, &life.owner, &runtime.kinds()).await;
    life.sweep().await;
    life.reach(specs.last().unwrap()).await?;
    let short = compare::everything(&life.client, &life.owner, &runtime.kinds()).await;
    life.sweep().await;
    assert!(!short.is_empty());
    match compare::difference(&long, &short) {
        None => Ok(()),
        Some(difference) => Err(TestCaseError::fail(format!("{difference}\nafter {specs:#?}"))),
    }
}

fn hold(runtime: Runtime, sentence: &str) {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let Some(cluster) = harness::unless_absent(tokio.block_on(harness::control_plane())).unwrap() else {
        return;
    };
    if !tokio.block_on(cnpg::define(&cluster, sentence)) {
        return;
    }
    let full = std::env::var_os("PAAS_TEST_FULL").is_some_and(|said| said == "1");
    let cases = if full { 100 } else { 4 };
    let mut runner = TestRunner::new(Cases {
        cases,
        max_shrink_iters: 30,
        failure_persistence: None,
        ..Cases::default()
    });
    let steps = std::cell::Cell::new(0);
    runner
        .run(&specs::sequences(runtime == Runtime::StatefulSet), |specs| {
            steps.set(steps.get() + specs.len());
            tokio.block_on(compare(&cluster, runtime, &specs))
        })
        .unwrap();
    eprintln!("{runtime:?}: {cases} sequences of {} specs in all", steps.get());
}

#[test]
fn cloudnativepg_ends_as_the_last_spec_says_whatever_came_before() {
    hold(Runtime::CloudNativePG, "sequences of specs with CloudNativePG");
}

#[test]
fn a_stateful_set_ends_as_the_last_spec_says_whatever_came_before() {
    hold(Runtime::StatefulSet, "sequences of specs with a StatefulSet");
}
