//! Every code of the engine is produced by something that happens here.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use paas_core::{
    codes::{self, Code},
    error::{Class, Error},
    execute::Fence,
    graph::Desired,
    ledger::{FileLedger, MemoryLedger, Scope},
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Wanted},
    policy::{Drift, Policy},
    preflight::{self, Finding},
    resource::{Key, Origin},
    secrets::{FileSecrets, SecretStore},
    testing::{Fault, Faulty, Fixed, Fuse, ManualClock, Memory, Pace, Thing, tools},
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn owner() -> Owner {
    Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo")
}

fn one() -> Desired<Thing> {
    Desired::builder()
        .want(key("a"), Thing::new("thing").image("x"))
        .build()
        .unwrap()
}

fn context(clock: &Arc<ManualClock>) -> Context {
    Context::new(
        owner(),
        Policy::default(),
        tools(Arc::new(MemoryLedger::default()), clock.clone()),
    )
}

/// The codes that a run over `cloud` tells.
async fn told(cloud: &Memory, cx: &mut Context, wanted: Wanted) -> Vec<String> {
    let pipeline = Fixed::pipeline(Arc::new(cloud.clone()), one());
    match pipeline.run(cx, wanted, Some(Duration::from_secs(3600))).await {
        Ok(Outcome::Blocked { because, .. }) => because.into_iter().map(|b| b.code).collect(),
        Ok(other) => panic!("{other:?}"),
        Err(error) => vec![error.code().id.to_owned()],
    }
}

#[derive(Debug)]
struct Lost;

#[async_trait]
impl Fence for Lost {
    async fn check(&self) -> Result<(), Error> {
        Err(Error::new(&codes::CORE_FENCED, Class::Conflict))
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// What produces a code; `None` for the codes that the engine declares and only others produce.
fn produce(code: &Code) -> Option<Vec<String>> {
    let clock = Arc::new(ManualClock::default());
    let cloud = Memory::new(clock.clone());
    let mut cx = context(&clock);
    let folder = tempfile::tempdir().unwrap();
    let run = |cloud: &Memory, cx: &mut Context| block_on(told(cloud, cx, Wanted::Spec));
    let id = |e: Error| vec![e.code().id.to_owned()];
    let codes = match code.id {
        "PAAS-CORE-0001" => {
            let fuse = Fuse::new();
            fuse.arm(Some((0, Fault::Denied401)));
            let hands = Arc::new(Faulty::new(Arc::new(cloud), fuse));
            id(block_on(Fixed::pipeline(hands, one()).advance(&mut cx)).unwrap_err())
        }
        "PAAS-CORE-0002" => {
            cloud.plant(&owner(), &key("a"), Thing::new("thing"), Origin::Ours);
            cloud.plant(&owner(), &key("a"), Thing::new("thing"), Origin::Ours);
            run(&cloud, &mut cx)
        }
        "PAAS-CORE-0003" => {
            let planted = cloud.plant(&owner(), &key("a"), Thing::new("thing"), Origin::Ours);
            cloud.rename(&planted);
            run(&cloud, &mut cx)
        }
        "PAAS-CORE-0004" => {
            let circle = Thing::new("thing").on(&key("a"));
            id(Desired::builder().want(key("a"), circle).build().unwrap_err())
        }
        "PAAS-CORE-0005" => {
            let file = folder
                .path()
                .join(owner().uid().to_string())
                .join("ledger-fixed.json");
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "{").unwrap();
            cx.tools.ledger = Arc::new(FileLedger::new(folder.path()));
            run(&cloud, &mut cx)
        }
        "PAAS-CORE-0006" => {
            std::fs::write(folder.path().join("file"), "").unwrap();
            let store = FileSecrets::new(folder.path().join("file"));
            id(block_on(store.put_if_absent(&owner(), "admin", "x".into())).unwrap_err())
        }
        "PAAS-CORE-0008" => {
            cx.tools.fence = Arc::new(Lost);
            // It is a conflict that may pass: the run asks for the lock again and again, and then says so.
            run(&cloud, &mut cx)
        }
        "PAAS-CORE-0009" => {
            cx.tools.cancel.cancel();
            run(&cloud, &mut cx)
        }
        "PAAS-CORE-0010" => {
            let cloud = cloud.settling(Pace::looks(u64::MAX));
            let pipeline = Fixed::pipeline(Arc::new(cloud), one());
            id(block_on(pipeline.run(&mut cx, Wanted::Spec, Some(Duration::from_secs(1)))).unwrap_err())
        }
        "PAAS-CORE-0011" => {
            cloud.plant(
                &owner(),
                &key("a"),
                Thing::new("thing").image("y").precious(),
                Origin::Ours,
            );
            run(&cloud, &mut cx)
        }
        "PAAS-CORE-0012" => run(&cloud.settling(Pace::looks(u64::MAX)), &mut cx),
        "PAAS-CORE-0013" => id(Key::new("a b").unwrap_err()),
        "PAAS-CORE-0015" => {
            let pipeline = Fixed::pipeline(Arc::new(cloud.clone()), one());
            cx.shown = Some(block_on(pipeline.plan(&mut cx, Wanted::Spec)).unwrap());
            cloud.plant(&owner(), &key("a"), Thing::new("thing").image("y"), Origin::Ours);
            run(&cloud, &mut cx)
        }
        "PAAS-CORE-0016" => {
            cloud.plant(
                &owner(),
                &key("a"),
                Thing::new("thing").image("y").precious(),
                Origin::Ours,
            );
            cx.policy.protected = Some("its spec says so".to_owned());
            run(&cloud, &mut cx)
        }
        "PAAS-CORE-0017" => {
            let pipeline = Fixed::pipeline(Arc::new(cloud.clone()), one());
            let mut plan = block_on(pipeline.plan(&mut cx, Wanted::Spec)).unwrap();
            preflight::clear([&plan]).unwrap();
            plan.stages[0].findings = vec![Finding::error(&codes::CORE_PROVIDER, "no room")];
            id(preflight::clear([&plan]).unwrap_err())
        }
        "PAAS-CORE-0018" => {
            cloud.plant(&owner(), &key("a"), Thing::new("thing").image("y"), Origin::Ours);
            cx.policy.drift = Drift::Report;
            run(&cloud, &mut cx)
        }
        // Of drivers and actuators: a spec that they cannot serve, a secret that they cannot resolve, a mark that is gone.
        "PAAS-CORE-0007" | "PAAS-CORE-0014" | "PAAS-CORE-0019" => return None,
        other => panic!("{other} has no case here: write what produces it"),
    };
    Some(codes)
}

#[test]
fn every_code_of_the_engine_is_produced() {
    for code in codes::ALL {
        if let Some(told) = produce(code) {
            assert!(
                told.iter().any(|t| t == code.id),
                "{} is not among {told:?}",
                code.id
            );
        }
    }
}

#[test]
fn codes_are_well_formed_told_apart_and_found_in_any_case() {
    let mut ids: Vec<_> = codes::ALL.iter().map(|c| c.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), codes::ALL.len());
    for code in codes::ALL {
        assert!(
            code.id.starts_with("PAAS-CORE-") && code.id.len() == 14,
            "{}",
            code.id
        );
        assert!(
            [code.title, code.cause, code.remedy].iter().all(|t| t.len() > 5),
            "{}",
            code.id
        );
        let found = codes::find(&[codes::ALL], &format!(" {} ", code.id.to_lowercase()));
        assert_eq!(found, Some(*code));
    }
    assert_eq!(codes::find(&[codes::ALL], "PAAS-CORE-9999"), None);
}

#[test]
fn a_lost_lock_leaves_nothing_noted() {
    let clock = Arc::new(ManualClock::default());
    let mut cx = context(&clock);
    cx.tools.fence = Arc::new(Lost);
    let cloud = Memory::new(clock);
    assert_eq!(
        block_on(told(&cloud, &mut cx, Wanted::Spec)),
        [codes::CORE_FENCED.id]
    );
    let scope = Scope {
        owner: owner(),
        stage: "fixed".into(),
    };
    assert!(block_on(cx.tools.ledger.load(&scope)).unwrap().intents.is_empty());
    assert!(cloud.everything().is_empty());
}
