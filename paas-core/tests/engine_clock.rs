//! A clock that is set back: nobody waits for a time that was, and nothing is made twice.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

use std::{sync::Arc, time::Duration};

use paas_core::{
    clock::Clock,
    graph::Desired,
    ledger::{Intent, LedgerStore, MemoryLedger, Scope, Settled, Trouble},
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Wanted},
    plan::Verb,
    policy::Policy,
    resource::Key,
    testing::{Fixed, ManualClock, Memory, Pace, Thing, tools},
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

#[tokio::test]
async fn what_was_noted_before_the_clock_was_set_back_holds_nobody_up_for_longer() {
    let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo");
    let scope = Scope {
        owner: owner.clone(),
        stage: "fixed".into(),
    };
    let (ledger, clock) = (
        Arc::new(MemoryLedger::default()),
        Arc::new(ManualClock::default()),
    );
    let noted = clock.now();
    ledger
        .note(
            &scope,
            &[Intent {
                key: key("lost"),
                at: noted,
                id: None,
                missed: 0,
            }],
        )
        .await
        .unwrap();
    let trouble = Trouble {
        verb: Verb::Create,
        count: 1,
        next: noted,
        why: "busy".into(),
        lasting: false,
    };
    ledger
        .settle(&scope, &[Settled::Failed(key("busy"), trouble)])
        .await
        .unwrap();
    clock.set(noted - jiff::SignedDuration::from_hours(24));

    let cloud = Memory::new(clock.clone());
    let mut graph = Desired::builder();
    for name in ["lost", "busy"] {
        graph.add(key(name), Thing::new("thing"));
    }
    let pipeline = Fixed::pipeline(Arc::new(cloud), graph.build().unwrap());
    let mut cx = Context::new(owner, Policy::default(), tools(ledger, clock.clone()));
    let began = clock.elapsed();
    let outcome = pipeline
        .run(&mut cx, Wanted::Spec, Some(Duration::from_secs(3600)))
        .await;
    assert_eq!(outcome.unwrap(), Outcome::Converged);
    let waited = clock.elapsed() - began;
    assert!(waited < Duration::from_secs(600), "{waited:?}");
}

#[tokio::test]
async fn a_run_ends_at_its_deadline_also_when_the_clock_is_set_back_meanwhile() {
    #[derive(Debug)]
    struct SetBack(ManualClock);
    #[async_trait::async_trait]
    impl Clock for SetBack {
        fn now(&self) -> jiff::Timestamp {
            self.0.now()
        }
        fn elapsed(&self) -> Duration {
            self.0.elapsed()
        }
        async fn sleep(&self, time: Duration) {
            self.0.sleep(time).await;
            self.0.set(ManualClock::default().now());
        }
    }
    let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo");
    let clock = Arc::new(SetBack(ManualClock::default()));
    let cloud = Memory::new(clock.clone()).settling(Pace::looks(1_000_000));
    let mut graph = Desired::builder();
    graph.add(key("slow"), Thing::new("thing"));
    let pipeline = Fixed::pipeline(Arc::new(cloud), graph.build().unwrap());
    let mut cx = Context::new(
        owner,
        Policy::default(),
        tools(Arc::new(MemoryLedger::default()), clock),
    );
    let end = pipeline
        .run(&mut cx, Wanted::Spec, Some(Duration::from_secs(60)))
        .await;
    assert_eq!(end.unwrap_err().code(), &paas_core::codes::CORE_TIMED_OUT);
}
