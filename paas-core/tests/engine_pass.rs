//! One pass: the executor's call contracts, intents, fences, cancellation, and what a pass leads to.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, MockActuator, Reach},
    check::check,
    clock::Clock,
    codes,
    error::{Class, Error},
    execute::{Fence, Half, Report, Tools, execute},
    graph::{Desired, Observed},
    ledger::{Intent, Ledger, LedgerStore, MemoryLedger, Scope, Settled},
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Pipeline, Wanted},
    plan::{Verb, plan},
    policy::{Bounds, OnBroken, Policy},
    resource::{Health, Key, Live, Origin},
    testing::{CountedLedger, Counting, Fault, Faulty, Fixed, Fuse, ManualClock, Memory, Pace, Thing, tools},
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn owner() -> Owner {
    Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo")
}

fn scope() -> Scope {
    Scope {
        owner: owner(),
        stage: "fixed".into(),
    }
}

fn thing() -> Thing {
    Thing::new("thing")
}

fn wanted<const N: usize>(things: [(&str, Thing); N]) -> Desired<Thing> {
    let mut graph = Desired::builder();
    for (k, thing) in things {
        graph.add(key(k), thing);
    }
    graph.build().unwrap()
}

fn refused(class: Class) -> Error {
    Error::new(&codes::CORE_PROVIDER, class).happened("the provider's words")
}

struct Bench {
    ledger: Arc<MemoryLedger>,
    clock: Arc<ManualClock>,
    tools: Tools,
}

impl Bench {
    fn new() -> Self {
        let (ledger, clock) = (
            Arc::new(MemoryLedger::default()),
            Arc::new(ManualClock::default()),
        );
        let tools = tools(ledger.clone(), clock.clone());
        Self { ledger, clock, tools }
    }

    fn context(&self) -> Context {
        Context::new(owner(), Policy::default(), self.tools.clone())
    }

    async fn remembered(&self) -> Ledger {
        self.ledger.load(&scope()).await.unwrap()
    }

    async fn execute(
        &self,
        actuator: &dyn Actuator<Thing>,
        desired: &Desired<Thing>,
        observed: &Observed<Thing>,
    ) -> Report<Thing> {
        let policy = Policy::default();
        let plan = plan(desired, observed, &policy);
        assert_eq!(check(desired, observed, &policy, &plan), []);
        let ledger = self.remembered().await;
        let parts = (desired, observed, &plan);
        execute(
            &scope(),
            actuator,
            Half::Both,
            parts,
            (&ledger, &Bounds::default()),
            &self.tools,
        )
        .await
    }
}

fn pipeline(actuator: Arc<dyn Actuator<Thing>>, desired: Desired<Thing>) -> Pipeline {
    Fixed::pipeline(actuator, desired)
}

#[tokio::test]
async fn a_create_gets_the_ids_of_what_it_needs_from_this_pass() {
    let mut hands = MockActuator::<Thing>::new();
    let mut order = mockall::Sequence::new();
    hands
        .expect_create()
        .withf(|_, k, _, ids| k.as_str() == "a" && ids.is_empty())
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, want, _| Ok(Live::ready("id-a", want.clone())));
    hands
        .expect_create()
        .withf(|o, k, want, ids| {
            o == &owner()
                && k.as_str() == "b"
                && want.size == Some(2)
                && ids.get(&key("a")).is_some_and(|id| id == "id-a")
        })
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, want, _| Ok(Live::ready("id-b", want.clone())));
    let desired = wanted([("a", thing()), ("b", thing().size(2).on(&key("a")))]);
    let report = Bench::new().execute(&hands, &desired, &Observed::default()).await;
    assert_eq!(report.done, [(key("a"), Verb::Create), (key("b"), Verb::Create)]);
}

#[tokio::test]
async fn what_still_settles_lets_its_dependants_wait_for_another_pass() {
    let mut hands = MockActuator::<Thing>::new();
    hands
        .expect_create()
        .times(1)
        .returning(|_, _, want, _| Ok(Live::settling("id-a", want.clone(), "boots")));
    let desired = wanted([("a", thing()), ("b", thing().on(&key("a")))]);
    let report = Bench::new().execute(&hands, &desired, &Observed::default()).await;
    assert_eq!(report.done.len(), 1);
    assert!(report.starved.is_empty());
}

#[tokio::test]
async fn an_update_and_a_delete_get_what_is_live() {
    let mut hands = MockActuator::<Thing>::new();
    hands
        .expect_update()
        .withf(|_, k, live, want, changes, ids| {
            k.as_str() == "a"
                && live.id == "id-a"
                && want.size == Some(2)
                && changes[0].field == "size"
                && ids.len() == 2
        })
        .times(1)
        .returning(|_, _, _, _, _, _| Ok(()));
    hands
        .expect_delete()
        .withf(|_, k, live| k.as_str() == "b" && live.id == "id-b")
        .times(1)
        .returning(|_, _, _| Ok(()));
    let mut observed = Observed::default();
    observed.found(key("a"), Live::ready("id-a", thing().size(1)));
    observed.found(key("b"), Live::ready("id-b", thing()));
    let bench = Bench::new();
    let report = bench
        .execute(&hands, &wanted([("a", thing().size(2))]), &observed)
        .await;
    assert_eq!(report.done.len(), 2);
    assert!(bench.remembered().await.intents.is_empty());
}

#[tokio::test]
async fn what_something_stands_on_is_not_deleted_in_the_same_pass() {
    let mut hands = MockActuator::<Thing>::new();
    hands
        .expect_delete()
        .withf(|_, k, _| k.as_str() == "b")
        .times(1)
        .returning(|_, _, _| Ok(()));
    let mut observed = Observed::default();
    observed.found(key("a"), Live::ready("id-a", thing()));
    observed.found(key("b"), Live::ready("id-b", thing().on(&key("a"))));
    Bench::new().execute(&hands, &Desired::nothing(), &observed).await;
}

/// A ledger that writes down when it was written, beside what the hands do.
#[derive(Debug, Default)]
struct Diary(Mutex<Vec<String>>, bool);

#[async_trait]
impl LedgerStore for Diary {
    async fn load(&self, _: &Scope) -> Result<Ledger, Error> {
        Ok(Ledger::default())
    }
    async fn note(&self, _: &Scope, intents: &[Intent]) -> Result<(), Error> {
        let keys: Vec<_> = intents.iter().map(|i| i.key.to_string()).collect();
        self.0.lock().unwrap().push(format!("note {}", keys.join(" ")));
        if self.1 {
            return Err(Error::new(&codes::CORE_LEDGER, Class::Internal));
        }
        Ok(())
    }
    async fn settle(&self, _: &Scope, _: &[Settled]) -> Result<(), Error> {
        Ok(())
    }
    async fn forget(&self, _: &Scope) -> Result<(), Error> {
        Ok(())
    }
}

fn diary(diary: &Arc<Diary>) -> (MockActuator<Thing>, Tools) {
    let mut hands = MockActuator::<Thing>::new();
    let log = diary.clone();
    hands.expect_create().returning(move |_, k, want, _| {
        log.0.lock().unwrap().push(format!("create {k}"));
        Ok(Live::ready(format!("id-{k}"), want.clone()))
    });
    (hands, tools(diary.clone(), Arc::new(ManualClock::default())))
}

#[tokio::test]
async fn intents_of_a_wave_are_written_once_before_the_first_create_is_sent() {
    let log = Arc::new(Diary::default());
    let (hands, tools) = diary(&log);
    let desired = wanted([
        ("a", thing()),
        ("b", thing()),
        ("c", thing().natural()),
        ("d", thing().on(&key("a"))),
    ]);
    let observed = Observed::default();
    let plan = plan(&desired, &observed, &Policy::default());
    let (ledger, bounds) = (Ledger::default(), Bounds::default());
    execute(
        &scope(),
        &hands,
        Half::Both,
        (&desired, &observed, &plan),
        (&ledger, &bounds),
        &tools,
    )
    .await;
    let told = log.0.lock().unwrap().clone();
    assert_eq!(
        told,
        [
            "note a b", "create a", "create b", "create c", "note d", "create d"
        ]
    );
}

#[tokio::test]
async fn without_a_ledger_nothing_is_created() {
    let log = Arc::new(Diary(Mutex::default(), true));
    let (hands, tools) = diary(&log);
    let (desired, observed) = (wanted([("a", thing())]), Observed::default());
    let plan = plan(&desired, &observed, &Policy::default());
    let (ledger, bounds) = (Ledger::default(), Bounds::default());
    let report = execute(
        &scope(),
        &hands,
        Half::Both,
        (&desired, &observed, &plan),
        (&ledger, &bounds),
        &tools,
    )
    .await;
    assert_eq!(report.stopped.unwrap().code().id, codes::CORE_LEDGER.id);
    assert_eq!(*log.0.lock().unwrap(), ["note a"]);
}

#[tokio::test]
async fn a_clear_refusal_clears_the_intent_and_an_unknown_outcome_keeps_it() {
    let mut hands = MockActuator::<Thing>::new();
    hands.expect_create().returning(|_, k, want, _| match k.as_str() {
        "refused" => Err(refused(Class::Quota)),
        "lost" => Err(refused(Class::Transient).effect_unknown()),
        _ => Ok(Live::ready("id-made", want.clone())),
    });
    let bench = Bench::new();
    let desired = wanted([("refused", thing()), ("lost", thing()), ("made", thing())]);
    bench.execute(&hands, &desired, &Observed::default()).await;
    let ledger = bench.remembered().await;
    let intents: Vec<_> = ledger
        .intents
        .iter()
        .map(|(k, i)| (k.as_str(), i.id.as_deref()))
        .collect();
    assert_eq!(intents, [("lost", None), ("made", Some("id-made"))]);
    assert!(ledger.troubles[&key("refused")].lasting && !ledger.troubles[&key("lost")].lasting);
}

#[tokio::test]
async fn only_the_dependants_of_a_failed_step_starve_and_the_root_cause_is_told_once() {
    let mut hands = MockActuator::<Thing>::new();
    hands.expect_create().returning(|_, k, want, _| match k.as_str() {
        "a" => Err(refused(Class::Transient)),
        _ => Ok(Live::ready(format!("id-{k}"), want.clone())),
    });
    let (a, b) = (key("a"), key("b"));
    let desired = wanted([
        ("a", thing()),
        ("b", thing().on(&a)),
        ("c", thing().on(&b)),
        ("x", thing()),
        ("y", thing().on(&key("x"))),
    ]);
    let report = Bench::new().execute(&hands, &desired, &Observed::default()).await;
    assert_eq!(
        report.failed.iter().map(|f| f.key.as_str()).collect::<Vec<_>>(),
        ["a"]
    );
    assert_eq!(report.starved, [(key("b"), a.clone()), (key("c"), a)]);
    assert_eq!(report.done.len(), 2);
}

/// Lets so many steps through.
#[derive(Debug)]
struct LosesLock(AtomicUsize);

#[async_trait]
impl Fence for LosesLock {
    async fn check(&self) -> Result<(), Error> {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.0.store(0, Ordering::Relaxed);
            return Err(Error::new(&codes::CORE_FENCED, Class::Conflict));
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_lost_lock_stops_the_pass_before_the_next_call_and_leaves_no_intent_behind() {
    let cloud = Memory::default();
    let mut bench = Bench::new();
    // Asked before the intents are written, and before each step.
    bench.tools.fence = Arc::new(LosesLock(AtomicUsize::new(2)));
    let desired = wanted([("a", thing()), ("b", thing()), ("c", thing())]);
    let report = bench.execute(&cloud, &desired, &Observed::default()).await;
    assert_eq!(report.stopped.unwrap().code().id, codes::CORE_FENCED.id);
    assert_eq!(cloud.everything().len(), 1);
    assert_eq!(
        bench.remembered().await.intents.keys().collect::<Vec<_>>(),
        [&key("a")]
    );
}

#[tokio::test]
async fn cancelling_stops_between_steps_and_what_was_done_stays_done() {
    let mut hands = MockActuator::<Thing>::new();
    let mut bench = Bench::new();
    let cancel = bench.tools.cancel.clone();
    bench.tools.cancel = cancel.clone();
    hands.expect_create().times(1).returning(move |_, _, want, _| {
        cancel.cancel();
        Ok(Live::ready("id", want.clone()))
    });
    let desired = wanted([("a", thing()), ("b", thing()), ("c", thing().on(&key("a")))]);
    let report = bench.execute(&hands, &desired, &Observed::default()).await;
    assert_eq!(report.stopped.unwrap().code().id, codes::CORE_CANCELLED.id);
    assert_eq!(report.done, [(key("a"), Verb::Create)]);
    let intents = bench.remembered().await.intents;
    assert_eq!(intents[&key("a")].id.as_deref(), Some("id"));
    assert_eq!(intents.len(), 1);
}

/// Counts how many calls are under way at once.
#[derive(Debug, Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Actuator<Thing> for Crowd {
    async fn observe(&self, _: &Owner, _: &Ledger, _: Reach) -> Result<Observed<Thing>, Error> {
        Ok(Observed::default())
    }
    async fn create(
        &self,
        _: &Owner,
        key: &Key,
        want: &Thing,
        _: &paas_core::actuator::Ids,
    ) -> Result<Live<Thing>, Error> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(Live::ready(key.as_str(), want.clone()))
    }
    async fn update(
        &self,
        _: &Owner,
        _: &Key,
        _: &Live<Thing>,
        _: &Thing,
        _: &[paas_core::resource::Change],
        _: &paas_core::actuator::Ids,
    ) -> Result<(), Error> {
        Ok(())
    }
    async fn delete(&self, _: &Owner, _: &Key, _: &Live<Thing>) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test]
async fn calls_are_sent_in_parallel_and_no_more_than_the_bound() {
    let crowd = Crowd::default();
    let mut graph = Desired::builder();
    for i in 0..30 {
        graph.add(key(&format!("t/{i}")), thing());
    }
    let report = Bench::new()
        .execute(&crowd, &graph.build().unwrap(), &Observed::default())
        .await;
    assert_eq!(report.done.len(), 30);
    assert_eq!(crowd.most.load(Ordering::SeqCst), Bounds::default().parallel);
}

#[tokio::test]
async fn an_idle_pass_looks_once_and_writes_nothing() {
    let bench = Bench::new();
    let cloud = Arc::new(Counting::new(Arc::new(
        Memory::new(bench.clock.clone()).settling(Pace::looks(2)),
    )));
    let ledger = Arc::new(CountedLedger::new(bench.ledger.clone()));
    let mut tools = bench.tools.clone();
    tools.ledger = ledger.clone();
    let mut cx = Context::new(owner(), Policy::default(), tools);
    let desired = wanted([
        ("a", thing()),
        ("b", thing().on(&key("a"))),
        ("c", thing().natural()),
    ]);
    let pipeline = pipeline(cloud.clone(), desired);
    assert_eq!(
        pipeline.run(&mut cx, Wanted::Spec, None).await.unwrap(),
        Outcome::Converged
    );
    assert!(ledger.take() > 0);
    cloud.take();
    for asked_anew in [false, true] {
        cx.asked_anew = asked_anew;
        assert_eq!(pipeline.advance(&mut cx).await.unwrap(), Outcome::Converged);
        let counts = cloud.take();
        assert_eq!((counts.observes, counts.mutating(), ledger.take()), (1, 0, 0));
    }
}

#[tokio::test]
async fn down_ends_with_an_empty_ledger_and_a_look_that_lists_nothing() {
    let bench = Bench::new();
    let cloud = Memory::new(bench.clock.clone()).leaving(Pace::looks(2));
    let pipeline = pipeline(
        Arc::new(cloud.clone()),
        wanted([("a", thing()), ("b", thing().on(&key("a")))]),
    );
    let mut cx = bench.context();
    pipeline.run(&mut cx, Wanted::Spec, None).await.unwrap();
    assert_eq!(
        pipeline.run(&mut cx, Wanted::Nothing, None).await.unwrap(),
        Outcome::Converged
    );
    assert!(cloud.everything().is_empty());
    assert_eq!(bench.remembered().await, Ledger::default());
}

#[tokio::test]
async fn what_breaks_again_and_again_is_replaced_ever_more_seldom_and_then_left_to_a_person() {
    let bench = Bench::new();
    let cloud = Memory::new(bench.clock.clone()).settling(Pace::looks(1));
    cloud.break_next(&key("a"), 1000);
    let hands = Arc::new(Counting::new(Arc::new(cloud.clone())));
    let pipeline = pipeline(hands.clone(), wanted([("a", thing())]));
    let mut cx = bench.context();
    let start = bench.clock.now();
    let end = pipeline
        .run(&mut cx, Wanted::Spec, Some(Duration::from_secs(36_000)))
        .await
        .unwrap();
    let Outcome::Blocked { because, .. } = &end else {
        panic!("{end:?}");
    };
    let why = &because[0].why;
    assert!(
        why.contains("broke 8 time(s)") && why.contains("does not boot"),
        "{why}"
    );
    assert_eq!(
        hands.take().creates,
        usize::try_from(Bounds::default().attempts).unwrap()
    );
    assert_eq!(
        cloud.everything().len(),
        1,
        "the last one is left to be looked at"
    );
    assert!(
        bench.clock.now().duration_since(start).as_secs() > 15,
        "each time it waits longer"
    );
    // A person asks again: it is tried again, from the beginning.
    cloud.break_next(&key("a"), 2);
    let mut cx = bench.context();
    assert_eq!(
        pipeline.run(&mut cx, Wanted::Spec, None).await.unwrap(),
        Outcome::Converged
    );
    assert_eq!(bench.remembered().await.breaks.len(), 0);
}

#[tokio::test]
async fn a_call_that_fails_again_and_again_is_backed_off_and_then_left_to_a_person_who_may_ask_again() {
    let fails = Arc::new(AtomicUsize::new(1000));
    let mut hands = MockActuator::<Thing>::new();
    hands
        .expect_observe()
        .returning(|_, _, _| Ok(Observed::default()));
    let left = fails.clone();
    hands.expect_create().returning(move |_, _, want, _| {
        if left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            .is_ok()
        {
            return Err(refused(Class::Transient));
        }
        Ok(Live::ready("id", want.clone()))
    });
    let bench = Bench::new();
    let pipeline = pipeline(Arc::new(hands), wanted([("a", thing())]));
    let mut cx = bench.context();
    let start = bench.clock.now();
    let end = pipeline.run(&mut cx, Wanted::Spec, None).await.unwrap();
    assert!(matches!(end, Outcome::Blocked { .. }), "{end:?}");
    assert_eq!(1000 - fails.load(Ordering::Relaxed), 8);
    assert!(bench.clock.now().duration_since(start).as_secs() > 15);
    // Asked again it is tried at once, and one failure is no reason to give up.
    fails.store(1, Ordering::Relaxed);
    let mut cx = bench.context();
    let first = pipeline.advance(&mut cx).await.unwrap();
    assert!(
        matches!(&first, Outcome::Progressing { failed, .. } if failed.len() == 1),
        "{first:?}"
    );
}

#[tokio::test]
async fn a_trouble_that_is_over_is_forgotten() {
    let (bench, cloud, fuse) = (Bench::new(), Memory::default(), Fuse::new());
    let hands = Arc::new(Faulty::new(Arc::new(cloud), fuse.clone()));
    let mut cx = bench.context();
    let run = async |cx: &mut Context, size: u32| {
        let pipeline = pipeline(hands.clone(), wanted([("a", thing().size(size))]));
        pipeline.run(cx, Wanted::Spec, None).await.unwrap()
    };
    run(&mut cx, 1).await;
    // The update took effect and its reply was lost: nothing is left to be done, and no step cures the trouble.
    fuse.arm(Some((1, Fault::Failed500)));
    assert_eq!(run(&mut cx, 2).await, Outcome::Converged);
    assert!(fuse.is_blown());
    assert!(bench.remembered().await.troubles.is_empty());
}

#[tokio::test]
async fn a_create_of_unknown_outcome_is_sent_again_only_after_so_many_looks_and_so_much_time() {
    let (bench, cloud, fuse) = (Bench::new(), Memory::default(), Fuse::new());
    let hands = Arc::new(Faulty::new(Arc::new(cloud.clone()), fuse.clone()));
    let pipeline = pipeline(hands, wanted([("a", thing())]));
    fuse.arm(Some((1, Fault::LostRequest)));
    let mut cx = bench.context();
    pipeline.advance(&mut cx).await.unwrap();
    // Many looks, no time.
    for _ in 0..10 {
        let outcome = pipeline.advance(&mut cx).await.unwrap();
        assert!(
            matches!(&outcome, Outcome::Progressing { waiting, .. } if waiting.len() == 1),
            "{outcome:?}"
        );
        assert!(cloud.everything().is_empty());
    }
    bench.clock.advance(Bounds::default().grace);
    pipeline.advance(&mut cx).await.unwrap();
    assert_eq!(cloud.everything().len(), 1);
    // Much time, few looks.
    let (bench, cloud) = (Bench::new(), Memory::default());
    let hands = Arc::new(Faulty::new(Arc::new(cloud.clone()), fuse.clone()));
    let pipeline = Fixed::pipeline(hands, wanted([("a", thing())]));
    fuse.arm(Some((1, Fault::LostRequest)));
    let mut cx = bench.context();
    pipeline.advance(&mut cx).await.unwrap();
    for _ in 0..Bounds::default().grace_passes {
        bench.clock.advance(Bounds::default().grace * 2);
        pipeline.advance(&mut cx).await.unwrap();
        assert!(cloud.everything().is_empty());
    }
    pipeline.advance(&mut cx).await.unwrap();
    assert_eq!(cloud.everything().len(), 1);
}

#[tokio::test]
async fn an_old_thing_that_is_still_leaving_does_not_end_the_search_for_the_new_one() {
    let bench = Bench::new();
    let now = bench.clock.now();
    let intent = Intent {
        key: key("a"),
        at: now,
        id: Some("new".into()),
        missed: 0,
    };
    bench.ledger.note(&scope(), &[intent]).await.unwrap();
    let mut observed = Observed::default();
    observed.found(key("a"), Live::ready("old", thing()).health(Health::Leaving));
    let ledger = bench.remembered().await;
    let bounds = Bounds::default();
    assert_eq!(
        paas_core::ledger::doubts(&ledger, &mut observed, now, &bounds, false),
        []
    );
    observed.live.clear();
    observed.found(key("a"), Live::ready("new", thing()));
    let seen = paas_core::ledger::doubts(&ledger, &mut observed, now, &bounds, false);
    assert_eq!(seen, [Settled::Seen(key("a"), "new".into())]);
}

#[tokio::test]
async fn what_takes_longer_than_it_may_is_told_as_overdue() {
    let bench = Bench::new();
    let cloud = Memory::new(bench.clock.clone()).settling(Pace::looks(u64::MAX));
    let pipeline = pipeline(Arc::new(cloud), wanted([("a", thing())]));
    let end = pipeline
        .run(&mut bench.context(), Wanted::Spec, None)
        .await
        .unwrap();
    let Outcome::Blocked { because, .. } = &end else {
        panic!("{end:?}");
    };
    assert_eq!(because[0].code, codes::CORE_WAIT_OVERDUE.id);
    assert!(because[0].why.contains("since 2001-09-09"), "{}", because[0].why);
}

#[tokio::test]
async fn a_deadline_ends_a_run_with_what_it_waited_for_and_not_before_its_time() {
    let bench = Bench::new();
    let cloud = Memory::new(bench.clock.clone()).settling(Pace::looks(u64::MAX));
    let pipeline = pipeline(Arc::new(cloud), wanted([("a", thing())]));
    let limit = Duration::from_secs(60);
    let start = bench.clock.now();
    let error = pipeline
        .run(&mut bench.context(), Wanted::Spec, Some(limit))
        .await
        .unwrap_err();
    assert_eq!(error.code().id, codes::CORE_TIMED_OUT.id);
    assert!(error.words().contains("a: it is being built"), "{error}");
    assert_eq!(bench.clock.now().duration_since(start).as_secs(), 60);
}

#[tokio::test]
async fn a_cancelled_run_ends_as_cancelled_and_the_next_one_goes_on() {
    let bench = Bench::new();
    let cloud = Memory::new(bench.clock.clone()).settling(Pace::looks(3));
    let pipeline = pipeline(Arc::new(cloud.clone()), wanted([("a", thing())]));
    let mut cx = bench.context();
    cx.tools.cancel = tokio_util::sync::CancellationToken::new();
    pipeline.advance(&mut cx).await.unwrap();
    cx.tools.cancel.cancel();
    let error = pipeline.run(&mut cx, Wanted::Spec, None).await.unwrap_err();
    assert_eq!(error.code().id, codes::CORE_CANCELLED.id);
    assert_eq!(
        pipeline
            .run(&mut bench.context(), Wanted::Spec, None)
            .await
            .unwrap(),
        Outcome::Converged
    );
    assert_eq!(cloud.everything().len(), 1);
}

#[tokio::test]
async fn a_change_that_never_takes_does_not_flood_the_other_side() {
    let bench = Bench::new();
    let mut hands = MockActuator::<Thing>::new();
    hands.expect_observe().returning(|_, _, _| {
        let mut seen = Observed::default();
        seen.found(key("a"), Live::ready("id", thing().size(1)));
        Ok(seen)
    });
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    hands.expect_update().returning(move |_, _, _, _, _, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    let pipeline = pipeline(Arc::new(hands), wanted([("a", thing().size(2))]));
    let hour = Some(Duration::from_secs(3600));
    let error = pipeline
        .run(&mut bench.context(), Wanted::Spec, hour)
        .await
        .unwrap_err();
    assert_eq!(error.code().id, codes::CORE_TIMED_OUT.id);
    assert!(calls.load(Ordering::Relaxed) < 1000, "{calls:?}");
}

#[tokio::test]
async fn a_world_that_cannot_be_seen_is_never_an_empty_world() {
    for class in [Class::Transient, Class::Denied] {
        let mut hands = MockActuator::<Thing>::new();
        hands
            .expect_observe()
            .returning(move |_, _, _| Err(refused(class)));
        let pipeline = pipeline(Arc::new(hands), wanted([("a", thing())]));
        for wanted in [Wanted::Spec, Wanted::Nothing] {
            let error = pipeline
                .run(&mut Bench::new().context(), wanted, None)
                .await
                .unwrap_err();
            assert_eq!(error.words(), "the provider's words");
        }
    }
}

#[tokio::test]
async fn the_outcome_of_a_blocked_pass_names_code_reason_and_remedy() {
    let bench = Bench::new();
    let cloud = Memory::default();
    cloud.plant(&owner(), &key("a"), thing(), Origin::Ours);
    cloud.plant(&owner(), &key("a"), thing(), Origin::Ours);
    let pipeline = pipeline(Arc::new(cloud.clone()), wanted([("a", thing())]));
    let end = pipeline
        .run(&mut bench.context(), Wanted::Spec, None)
        .await
        .unwrap();
    let Outcome::Blocked { because, .. } = &end else {
        panic!("{end:?}");
    };
    assert!(because[0].why.contains("thing-1, thing-2"), "{}", because[0].why);
    assert!(because[0].remedy.contains("delete the one"));
    assert_eq!(cloud.everything().len(), 2);
}

#[tokio::test]
async fn a_broken_thing_that_may_not_be_replaced_is_blocked_with_the_providers_words() {
    let bench = Bench::new();
    let cloud = Memory::default();
    let id = cloud.plant(&owner(), &key("a"), thing(), Origin::Ours);
    cloud.break_now(&id, "No valid host was found.");
    let pipeline = pipeline(Arc::new(cloud), wanted([("a", thing())]));
    let mut cx = bench.context();
    cx.policy.broken = OnBroken::Report;
    let end = pipeline.run(&mut cx, Wanted::Spec, None).await.unwrap();
    assert!(
        matches!(&end, Outcome::Blocked { because, .. } if because[0].why.contains("No valid host")),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_group_is_rolled_with_never_two_members_out_of_service() {
    let bench = Bench::new();
    let pace = Pace::looks(2);
    let cloud = Memory::new(bench.clock.clone()).settling(pace).leaving(pace);
    let names = ["s/1", "s/2", "s/3", "s/4"];
    let of = |image: &str| wanted(names.map(|n| (n, thing().group("servers").image(image))));
    let mut cx = bench.context();
    pipeline(Arc::new(cloud.clone()), of("old"))
        .run(&mut cx, Wanted::Spec, None)
        .await
        .unwrap();
    let rolling = pipeline(Arc::new(cloud.clone()), of("new"));
    for _ in 0..200 {
        let outcome = rolling.advance(&mut cx).await.unwrap();
        let seen = cloud
            .observe(&owner(), &Ledger::default(), Reach::Own)
            .await
            .unwrap();
        let in_service = seen.live.values().filter(|l| l.is_ready()).count();
        assert!(in_service >= 3, "{in_service} of 4 in service");
        match outcome {
            Outcome::Converged => {
                assert!(
                    seen.live
                        .values()
                        .all(|l| l.resource.image.as_deref() == Some("new"))
                );
                return;
            }
            Outcome::Progressing { again_in, .. } => bench.clock.advance(again_in),
            Outcome::Blocked { .. } => panic!("{outcome:?}"),
        }
    }
    panic!("it does not end");
}

#[tokio::test]
async fn nothing_is_built_on_what_is_to_be_replaced_also_while_its_deletion_is_refused() {
    let (bench, cloud, fuse) = (Bench::new(), Memory::default(), Fuse::new());
    let base = key("base");
    let of = |image: &str| wanted([("base", thing().image(image)), ("top", thing().on(&base))]);
    let mut cx = bench.context();
    pipeline(Arc::new(cloud.clone()), of("old"))
        .run(&mut cx, Wanted::Spec, None)
        .await
        .unwrap();
    let hands = Arc::new(Counting::new(Arc::new(Faulty::new(
        Arc::new(cloud.clone()),
        fuse.clone(),
    ))));
    // Observe, delete top, observe, delete base: refused for good.
    fuse.arm(Some((3, Fault::Denied401)));
    let change = pipeline(hands.clone(), of("new"));
    let end = change.run(&mut cx, Wanted::Spec, None).await.unwrap();
    assert!(
        fuse.is_blown() && matches!(end, Outcome::Blocked { .. }),
        "{end:?}"
    );
    change.advance(&mut cx).await.unwrap();
    assert_eq!(hands.take().creates, 0, "it would have to go again at once");
    let end = change
        .run(&mut bench.context(), Wanted::Spec, None)
        .await
        .unwrap();
    assert_eq!(end, Outcome::Converged);
}

#[tokio::test]
async fn a_wait_begins_anew_when_what_was_looked_for_in_vain_is_made() {
    let (bench, fuse) = (Bench::new(), Fuse::new());
    let cloud = Memory::new(bench.clock.clone()).settling(Pace::looks(1));
    let hands = Arc::new(Faulty::new(Arc::new(cloud), fuse.clone()));
    let pipeline = pipeline(hands, wanted([("a", thing())]));
    fuse.arm(Some((1, Fault::LostRequest)));
    let mut cx = bench.context();
    let mut last = None;
    while fuse
        .calls()
        .iter()
        .filter(|c| **c == paas_core::testing::Call::Create)
        .count()
        < 2
    {
        last = Some(pipeline.advance(&mut cx).await.unwrap());
        if let Some(Outcome::Progressing { again_in, .. }) = &last {
            bench.clock.advance(*again_in);
        }
    }
    let Some(Outcome::Progressing {
        waiting, again_in, ..
    }) = last
    else {
        panic!("{last:?}");
    };
    assert!(waiting[0].since + again_in == bench.clock.now(), "{waiting:?}");
    assert_eq!(again_in, Bounds::default().poll);
}
