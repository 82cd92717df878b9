//! The laws of the engine on random worlds.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use paas_core::{
    actuator::{Actuator, Reach},
    check::check,
    event::{Kept, State},
    graph::{Desired, Observed, Wait},
    ledger::{Ledger, MemoryLedger},
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Wanted},
    plan::{Verb, plan},
    policy::{Agreed, Consent, Drift, OnBroken, Policy, Retention},
    resource::{Health, Key, Live, Need, Origin},
    testing::{Counting, Fault, Faulty, Fixed, Fuse, ManualClock, Memory, Pace, Thing, tools},
};
use proptest::{collection::vec, option, prelude::*, sample::subsequence};

const MOST: usize = 9;

fn name(i: usize) -> Key {
    Key::new(format!("t/{i}")).unwrap()
}

fn owner() -> Owner {
    Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo")
}

/// One thing as numbers, so that it can be built into any graph.
#[derive(Debug, Clone)]
struct Part {
    there: bool,
    needs: Vec<(usize, bool)>,
    size: Option<u32>,
    image: Option<u8>,
    precious: bool,
    group: Option<bool>,
    natural: bool,
    /// Goes at once, and along with what it is built on.
    goes: (bool, bool),
}

fn part() -> impl Strategy<Value = Part> {
    (
        prop::bool::weighted(0.8),
        vec((0..MOST, any::<bool>()), 0..3),
        option::of(0..3_u32),
        option::of(0..2_u8),
        prop::bool::weighted(0.15),
        option::weighted(0.4, any::<bool>()),
        prop::bool::weighted(0.2),
        (any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |(there, needs, size, image, precious, group, natural, goes)| Part {
                there,
                needs,
                size,
                image,
                precious,
                group,
                natural,
                goes,
            },
        )
}

/// Needs point to smaller numbers that are there: never a circle.
fn things(parts: &[Part]) -> BTreeMap<usize, Thing> {
    let mut things = BTreeMap::new();
    for (i, p) in parts.iter().enumerate().filter(|(_, p)| p.there) {
        let needs: BTreeMap<usize, bool> = p.needs.iter().copied().collect();
        let needs = needs.into_iter().filter(|(n, _)| *n < i && parts[*n].there);
        let mut thing = Thing::new("thing");
        thing.needs = needs
            .map(|(n, b)| {
                if b {
                    Need::Built(name(n))
                } else {
                    Need::Order(name(n))
                }
            })
            .collect();
        thing.size = p.size;
        thing.image = p.image.map(|i| i.to_string());
        thing.precious = p.precious;
        thing.group = p.group.map(|g| if g { "g1" } else { "g2" }.to_owned());
        thing.natural = p.natural;
        thing.at_once = p.goes.0;
        thing.along = p.goes == (true, true) && !p.precious;
        things.insert(i, thing);
    }
    things
}

fn graph(parts: &[Part]) -> Desired<Thing> {
    let mut graph = Desired::builder();
    for (i, thing) in things(parts) {
        graph.add(name(i), thing);
    }
    graph.build().unwrap()
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    vec(part(), MOST)
}

/// A second wish for the same world: some parts are other ones. What holds data stays what it is, so that both wishes agree on it.
fn change() -> impl Strategy<Value = (Vec<Part>, Vec<Part>)> {
    (parts(), parts(), vec(any::<bool>(), MOST)).prop_map(|(one, other, which)| {
        let two = one.iter().zip(other).zip(which).map(|((a, mut b), other)| {
            (b.natural, b.precious, b.goes) = (a.natural, a.precious, a.goes);
            if other { b } else { a.clone() }
        });
        let two = two.collect();
        (one, two)
    })
}

fn faults() -> impl Strategy<Value = Vec<(usize, Fault)>> {
    let forgets = vec(
        (
            0..40_usize,
            prop::sample::select(vec![
                Fault::Unsent,
                Fault::LostRequest,
                Fault::LostReply,
                Fault::Failed500,
                Fault::DiesForgetting,
                Fault::Denied401,
                Fault::Conflict409,
                Fault::Throttled429,
            ]),
        ),
        0..4,
    );
    // A lost ledger together with a stale list is the one window that is left open, and ends in a told duplicate.
    let remembers = vec(
        (
            0..40_usize,
            prop::sample::select(vec![
                Fault::LostReply,
                Fault::DiesRemembering,
                Fault::OmitsNewest,
                Fault::StaleList,
                Fault::Failed500,
            ]),
        ),
        0..4,
    );
    prop_oneof![forgets, remembers]
}

struct World {
    cloud: Memory,
    hands: Arc<dyn Actuator<Thing>>,
    fuses: Vec<(Arc<Fuse>, Fault)>,
    clock: Arc<ManualClock>,
    ledger: Arc<MemoryLedger>,
}

impl World {
    fn new(pace: Pace, faults: &[(usize, Fault)]) -> Self {
        let clock = Arc::new(ManualClock::default());
        let cloud = Memory::new(clock.clone()).settling(pace).leaving(pace);
        let mut hands: Arc<dyn Actuator<Thing>> = Arc::new(cloud.clone());
        let mut fuses = Vec::new();
        for (at, fault) in faults {
            let fuse = Fuse::new();
            fuse.arm(Some((*at, *fault)));
            hands = Arc::new(Faulty::new(hands, fuse.clone()));
            fuses.push((fuse, *fault));
        }
        Self {
            cloud,
            hands,
            fuses,
            clock,
            ledger: Arc::default(),
        }
    }

    fn context(&self, consent: bool) -> Context {
        let mut cx = Context::new(
            owner(),
            Policy::default(),
            tools(self.ledger.clone(), self.clock.clone()),
        );
        if consent {
            cx.policy.retention = Retention::Delete;
            cx.consent = Consent::none().and("demo", &owner());
        }
        cx
    }

    /// One pass; a process that dies is followed by a new one.
    async fn pass(&mut self, cx: &mut Context, desired: &Desired<Thing>, wanted: Wanted) -> Option<Outcome> {
        let pipeline = Fixed::pipeline(self.hands.clone(), desired.clone());
        let fuses = self.fuses.clone();
        let died = async {
            if fuses.is_empty() {
                std::future::pending::<()>().await;
            }
            futures::future::select_all(fuses.iter().map(|(f, _)| Box::pin(f.died()))).await;
        };
        let pass = async {
            match wanted {
                Wanted::Spec => pipeline.advance(cx).await,
                Wanted::Nothing => pipeline.retire(cx).await,
            }
        };
        let end = tokio::select! { biased; _ = died => None, end = pass => Some(end) };
        if end.is_none() {
            for (fuse, fault) in &self.fuses {
                if fuse.is_blown() && *fault == Fault::DiesForgetting {
                    self.ledger = Arc::default();
                }
                fuse.revive();
            }
            *cx = self.context(cx.policy.retention == Retention::Delete);
        }
        end.and_then(Result::ok)
    }

    async fn passes(
        &mut self,
        desired: &Desired<Thing>,
        wanted: Wanted,
        most: usize,
        consent: bool,
    ) -> Option<Outcome> {
        let mut cx = self.context(consent);
        let mut last = None;
        for _ in 0..most {
            last = self.pass(&mut cx, desired, wanted).await;
            match &last {
                Some(Outcome::Converged) => break,
                Some(Outcome::Progressing { again_in, .. }) => self.clock.advance(*again_in),
                // A person asks again, a little later.
                Some(Outcome::Blocked { .. }) | None => {
                    self.clock.advance(Duration::from_secs(2));
                    cx.asked_anew = true;
                }
            }
        }
        last
    }

    /// What is still to be done, in short.
    async fn left(&self, desired: &Desired<Thing>) -> String {
        let seen = self
            .cloud
            .observe(&owner(), &Ledger::default(), Reach::Own)
            .await
            .unwrap();
        let plan = plan(
            desired,
            &seen,
            &Policy {
                data_may_go: true,
                ..Policy::default()
            },
        );
        let step = |s: &paas_core::plan::Step<Thing>| {
            format!(
                "{} {} after {:?}, hold {:?}: {}",
                s.action.verb(),
                s.key,
                s.after,
                s.hold,
                s.reason
            )
        };
        plan.steps.iter().map(step).collect::<Vec<_>>().join("\n")
    }

    async fn exactly(&self, desired: &Desired<Thing>) {
        let seen = self
            .cloud
            .observe(&owner(), &Ledger::default(), Reach::Own)
            .await
            .unwrap();
        assert!(seen.duplicates.is_empty(), "{:?}", seen.duplicates);
        assert!(seen.live.keys().eq(desired.wanted().keys()), "{seen:?}");
        assert!(plan(desired, &seen, &Policy::default()).is_empty());
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Also when the wish changes after some passes, and `down` afterwards leaves nothing.
    #[test]
    fn finitely_many_faults_and_a_change_midway_never_keep_a_world_from_converging(
        (one, two) in change(), faults in faults(), midway in 0..12_usize, looks in 0..3_u64,
    ) {
        block_on(async {
            let (one, two) = (graph(&one), graph(&two));
            let mut world = World::new(Pace::looks(looks), &faults);
            let foreign = world.cloud.foreign("somebody", Thing::new("thing"));
            world.passes(&one, Wanted::Spec, midway, true).await;
            let end = world.passes(&two, Wanted::Spec, 400, true).await;
            assert_eq!(end, Some(Outcome::Converged), "{}", world.left(&two).await);
            world.exactly(&two).await;
            let counting = Arc::new(Counting::new(Arc::new(world.cloud.clone())));
            let end = Fixed::pipeline(counting.clone(), two.clone()).advance(&mut world.context(true)).await;
            assert_eq!(end.unwrap(), Outcome::Converged);
            assert_eq!((counting.take().mutating(), counting.take().observes), (0, 0));
            let down = world.passes(&two, Wanted::Nothing, 400, true).await;
            assert_eq!(down, Some(Outcome::Converged));
            let left = world.cloud.everything();
            assert_eq!(left.iter().map(|o| &o.id).collect::<Vec<_>>(), [&foreign]);
        });
    }

    #[test]
    fn a_run_does_what_the_plan_showed_and_nothing_else((one, two) in change(), looks in 0..3_u64) {
        block_on(async {
            let (one, two) = (graph(&one), graph(&two));
            let mut world = World::new(Pace::looks(looks), &[]);
            world.passes(&one, Wanted::Spec, 400, true).await;
            let mut cx = world.context(true);
            let events = Arc::new(Kept::default());
            cx.tools.events = events.clone();
            let pipeline = Fixed::pipeline(world.hands.clone(), two.clone());
            let shown = pipeline.plan(&mut cx, Wanted::Spec).await.unwrap();
            let mut want: Vec<(String, String)> = Vec::new();
            for step in &shown.stages[0].steps {
                want.push((step.key.to_string(), step.verb.to_string()));
                if step.verb == Verb::Replace {
                    want.push((step.key.to_string(), Verb::Create.to_string()));
                }
            }
            cx.shown = Some(shown);
            let end = pipeline.run(&mut cx, Wanted::Spec, Some(Duration::from_secs(60))).await;
            assert!(matches!(end, Ok(Outcome::Converged)), "{end:?} {}", world.left(&two).await);
            let is_done = |e: &paas_core::event::Event| e.state == State::Done && e.reason != paas_core::event::WAIT_OVER;
            let done = events.all().into_iter().filter(is_done);
            let mut done: Vec<_> = done.map(|e| (e.key.unwrap().to_string(), e.verb)).collect();
            want.sort();
            done.sort();
            assert_eq!(done, want);
        });
    }

    #[test]
    fn what_holds_data_outlives_every_change_and_down_without_consent((one, two) in change(), faults in faults()) {
        block_on(async {
            let (one, two) = (graph(&one), graph(&two));
            let mut world = World::new(Pace::looks(1), &[]);
            world.passes(&one, Wanted::Spec, 400, true).await;
            let data = |cloud: &Memory| -> Vec<String> {
                let all = cloud.everything().into_iter();
                all.filter(|o| o.state.contains("precious: true")).map(|o| o.id).collect()
            };
            let before = data(&world.cloud);
            for (at, fault) in faults {
                let fuse = Fuse::new();
                fuse.arm(Some((at, fault)));
                world.hands = Arc::new(Faulty::new(world.hands.clone(), fuse.clone()));
                world.fuses.push((fuse, fault));
            }
            world.passes(&two, Wanted::Spec, 60, false).await;
            world.passes(&two, Wanted::Nothing, 60, false).await;
            let after = data(&world.cloud);
            assert!(before.iter().all(|id| after.contains(id)), "{before:?} became {after:?}");
        });
    }
}

fn health() -> impl Strategy<Value = Health> {
    prop_oneof![
        4 => Just(Health::Ready),
        1 => Just(Health::Settling { why: "boots".into() }),
        1 => Just(Health::Leaving),
        1 => Just(Health::broken("no boot")),
    ]
}

fn origin() -> impl Strategy<Value = Origin> {
    prop_oneof![
        8 => Just(Origin::Ours),
        1 => Just(Origin::Adopted),
        1 => Just(Origin::External),
        1 => Just(Origin::Derived),
    ]
}

type Lives = Vec<(Health, Origin, bool)>;

fn lives() -> impl Strategy<Value = Lives> {
    vec((health(), origin(), any::<bool>()), MOST)
}

fn observed(parts: &[Part], lives: &Lives) -> Observed<Thing> {
    let mut observed = Observed::default();
    for (i, thing) in things(parts) {
        let (health, origin, was_ready) = lives[i].clone();
        let live = Live {
            id: format!("id-{i}"),
            resource: thing,
            was_ready: was_ready || health == Health::Ready,
            health,
            origin,
            drifted: Vec::new(),
        };
        observed.found(name(i), live);
    }
    observed
}

fn policy() -> impl Strategy<Value = Policy> {
    let keys = (0..MOST).map(name).collect::<Vec<_>>();
    let verbs = [Verb::Create, Verb::Update, Verb::Replace, Verb::Delete];
    let pairs: Vec<_> = keys
        .iter()
        .flat_map(|k| verbs.iter().map(|v| (k.clone(), *v)))
        .collect();
    let all = pairs.len();
    (
        (
            any::<bool>(),
            any::<bool>(),
            prop::bool::weighted(0.2),
            1..3_usize,
        ),
        prop::sample::select(vec![
            OnBroken::Report,
            OnBroken::ReplaceNeverReady,
            OnBroken::Replace,
        ]),
        prop::bool::weighted(0.15),
        option::weighted(0.4, subsequence(pairs, 0..all)),
        subsequence(keys, 0..3),
        any::<bool>(),
    )
        .prop_map(
            |((delete, data, protected, max), broken, report, shown, held, sweep)| Policy {
                retention: if delete {
                    Retention::Delete
                } else {
                    Retention::Retain
                },
                data_may_go: data,
                protected: protected.then(|| "deletionProtection is on".to_owned()),
                max_unavailable: max,
                broken,
                drift: if report { Drift::Report } else { Drift::Repair },
                agreed: shown.map_or(Agreed::All, |s| Agreed::Shown(s.into_iter().collect())),
                held: held
                    .into_iter()
                    .map(|k| (k, "a node is not drained".to_owned()))
                    .collect(),
                sweep,
                ..Policy::default()
            },
        )
}

fn waits() -> impl Strategy<Value = BTreeMap<Key, Wait>> {
    vec((0..MOST, any::<bool>(), any::<bool>()), 0..3).prop_map(|all| {
        let wait = |(i, gave_up, in_doubt): (usize, bool, bool)| {
            let wait = Wait {
                why: "nobody answered".into(),
                until: None,
                gave_up: gave_up && !in_doubt,
                in_doubt,
            };
            (name(i), wait)
        };
        all.into_iter().map(wait).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_linter_finds_nothing_in_any_plan(
        (one, two) in change(), lives in lives(), policy in policy(), waits in waits(),
        bars in vec(0..MOST, 0..3), also in vec((0..MOST, 0..MOST), 0..4),
    ) {
        let (desired, mut observed) = (graph(&two), observed(&one, &lives));
        bars.into_iter().for_each(|i| observed.bar(name(i), &paas_core::codes::CORE_BLOCKED, "a port of somebody else"));
        // What was found first needs what was found later, so that nothing goes in a circle with what is built on it.
        for (from, to) in also.into_iter().filter(|(from, to)| from > to) {
            observed.also.entry(name(from)).or_default().push(Need::Order(name(to)));
        }
        observed.waits = waits;
        observed.waits.retain(|k, w| !w.in_doubt || !observed.live.contains_key(k));
        let plan = plan(&desired, &observed, &policy);
        prop_assert_eq!(check(&desired, &observed, &policy, &plan), vec![], "{:#?}", plan);
    }

    #[test]
    fn a_plan_depends_on_what_is_there_and_not_on_the_order_in_which_it_was_found(
        (one, two) in change(), lives in lives(), policy in policy(),
    ) {
        let (desired, seen) = (graph(&two), observed(&one, &lives));
        let mut backwards = Observed::default();
        for (key, live) in seen.live.iter().rev() {
            backwards.found(key.clone(), live.clone());
        }
        let mut other = Desired::builder();
        for (i, thing) in things(&two).into_iter().rev() {
            other.add(name(i), thing);
        }
        let other = other.build().unwrap();
        prop_assert_eq!(plan(&desired, &seen, &policy), plan(&other, &backwards, &policy));
    }

    /// Names say nothing: the same world under other names gets the same verbs. (Which member of a group is first may differ.)
    #[test]
    fn a_plan_does_the_same_under_other_names((one, two) in change(), lives in lives()) {
        let policy = Policy { retention: Retention::Delete, data_may_go: true, ..Policy::default() };
        let verbs = |flip: bool| {
            let new = |k: &Key| if flip {
                let i: usize = k.as_str()[2..].parse().unwrap();
                Key::new(format!("z/{}", MOST - i)).unwrap()
            } else { k.clone() };
            let renamed = |mut t: Thing| {
                t.needs = t.needs.iter().map(|n| match n {
                    Need::Built(k) => Need::Built(new(k)),
                    Need::Order(k) => Need::Order(new(k)),
                }).collect();
                t
            };
            let mut seen = Observed::default();
            for (key, mut live) in observed(&one, &lives).live {
                live.resource = renamed(live.resource);
                seen.found(new(&key), live);
            }
            let mut graph = Desired::builder();
            for (i, thing) in things(&two) {
                graph.add(new(&name(i)), renamed(thing));
            }
            let plan = plan(&graph.build().unwrap(), &seen, &policy);
            let mut verbs: Vec<_> = plan.steps.iter().map(|s| {
                let i: usize = s.key.as_str()[2..].parse().unwrap();
                (if flip { MOST - i } else { i }, s.action.verb())
            }).collect();
            verbs.sort();
            verbs
        };
        prop_assert_eq!(verbs(false), verbs(true));
    }

    #[test]
    fn nothing_that_holds_data_is_in_a_plan_without_consent(
        (one, two) in change(), lives in lives(), policy in policy(),
    ) {
        let (desired, seen) = (graph(&two), observed(&one, &lives));
        for policy in [
            Policy { data_may_go: false, ..policy.clone() },
            Policy { protected: Some("on".into()), ..policy },
        ] {
            for step in plan(&desired, &seen, &policy).steps {
                let precious = seen.live.get(&step.key).is_some_and(|l| l.resource.precious);
                prop_assert!(!(precious && step.action.verb().removes()), "{:?}", step);
            }
        }
    }
}
