//! The planner, judged by sentences and by the linter.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

use paas_core::{
    check::check,
    codes,
    graph::{Desired, Observed, Wait},
    owner::{Identity, Owner},
    plan::{Plan, Verb, plan},
    policy::{Agreed, Drift, OnBroken, Policy, Retention},
    render::Counts,
    resource::{Health, Key, Live, Origin},
    testing::Thing,
    view::{PlanView, StageView},
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn wanted<const N: usize>(things: [(&str, Thing); N]) -> Desired<Thing> {
    let mut graph = Desired::builder();
    for (k, thing) in things {
        graph.add(key(k), thing);
    }
    graph.build().unwrap()
}

fn seen<const N: usize>(things: [(&str, Thing); N]) -> Observed<Thing> {
    let mut observed = Observed::default();
    for (k, thing) in things {
        observed.found(key(k), Live::ready(format!("id-{k}"), thing));
    }
    observed
}

fn thing() -> Thing {
    Thing::new("thing")
}

/// Plans and lets the linter judge.
fn good(desired: &Desired<Thing>, observed: &Observed<Thing>, policy: &Policy) -> Plan<Thing> {
    let plan = plan(desired, observed, policy);
    assert_eq!(check(desired, observed, policy, &plan), [], "{plan:#?}");
    plan
}

fn verbs(plan: &Plan<Thing>) -> Vec<(String, Verb)> {
    plan.steps
        .iter()
        .map(|s| (s.key.to_string(), s.action.verb()))
        .collect()
}

fn with_consent() -> Policy {
    Policy {
        retention: Retention::Delete,
        data_may_go: true,
        ..Policy::default()
    }
}

#[test]
fn two_live_resources_for_one_key_stop_everything_and_both_ids_are_told() {
    let mut observed = seen([("network", thing())]);
    observed.found(key("network"), Live::ready("id-second", thing()));
    observed.found(key("unwanted"), Live::ready("id-3", thing()));
    let plan = good(
        &wanted([("network", thing()), ("other", thing())]),
        &observed,
        &Policy::default(),
    );
    assert!(plan.steps.is_empty());
    let why = &plan.blocked[0].why;
    assert!(why.contains("id-network") && why.contains("id-second"), "{why}");
    assert_eq!(plan.blocked[0].code.id, codes::CORE_DUPLICATE.id);
}

#[test]
fn a_mark_whose_name_cannot_be_read_stops_everything() {
    let mut observed = seen([("unwanted", thing())]);
    observed
        .unreadable
        .insert("8f3a".into(), "a network called 'tmp'".into());
    let plan = good(&Desired::nothing(), &observed, &Policy::default());
    assert!(plan.steps.is_empty());
    assert_eq!(plan.blocked[0].code.id, codes::CORE_UNREADABLE_MARK.id);
    assert!(plan.blocked[0].why.contains("8f3a") && plan.blocked[0].why.contains("'tmp'"));
}

#[test]
fn dependants_of_something_replaced_go_first_and_come_back_after_it() {
    let (a, b) = (key("a"), key("b"));
    let observed = seen([
        ("a", thing().image("old")),
        ("b", thing().on(&a)),
        ("c", thing().on(&b)),
        ("d", thing().later_than(&a)),
    ]);
    let desired = wanted([
        ("a", thing().image("new")),
        ("b", thing().on(&a)),
        ("c", thing().on(&b)),
        ("d", thing().later_than(&a)),
    ]);
    let plan = good(&desired, &observed, &Policy::default());
    let replace = |k: &str| (k.to_owned(), Verb::Replace);
    assert_eq!(verbs(&plan), [replace("c"), replace("b"), replace("a")]);
    assert_eq!(plan.steps[2].after, [b]);
    assert!(plan.steps[0].reason.contains('a'), "{}", plan.steps[0].reason);
}

#[test]
fn a_replacement_that_was_not_shown_stops_and_says_so() {
    let observed = seen([("a", thing().image("old")), ("b", thing().size(1))]);
    let desired = wanted([
        ("a", thing().image("new")),
        ("b", thing().size(2)),
        ("c", thing()),
    ]);
    let policy = Policy {
        agreed: Agreed::Shown([(key("c"), Verb::Create)].into()),
        ..Policy::default()
    };
    let plan = good(&desired, &observed, &policy);
    let (create, update) = (Verb::Create, Verb::Update);
    assert_eq!(verbs(&plan), [("b".to_owned(), update), ("c".to_owned(), create)]);
    assert_eq!(plan.blocked[0].code.id, codes::CORE_PLAN_CHANGED.id);
}

#[test]
fn what_was_never_ready_and_holds_no_data_is_replaced_without_having_been_shown() {
    let mut observed = Observed::default();
    let broken = Health::broken("no boot");
    observed.found(
        key("a"),
        Live::settling("id-a", thing(), "boots").health(broken.clone()),
    );
    observed.found(
        key("b"),
        Live::settling("id-b", thing().precious(), "boots").health(broken.clone()),
    );
    observed.found(key("c"), Live::ready("id-c", thing()).health(broken));
    let desired = wanted([("a", thing()), ("b", thing().precious()), ("c", thing())]);
    let policy = Policy {
        agreed: Agreed::Shown([].into()),
        ..Policy::default()
    };
    let plan = good(&desired, &observed, &policy);
    assert_eq!(verbs(&plan), [("a".to_owned(), Verb::Replace)]);
    let told: Vec<_> = plan
        .blocked
        .iter()
        .map(|b| (b.key.as_str(), b.why.contains("no boot")))
        .collect();
    assert_eq!(told, [("b", true), ("c", true)]);
}

#[test]
fn broken_things_are_only_reported_where_the_policy_says_so_and_replaced_where_it_says_that() {
    let mut observed = Observed::default();
    let broken = Health::broken("no boot");
    observed.found(key("a"), Live::ready("id-a", thing()).health(broken));
    let desired = wanted([("a", thing())]);
    let of = |broken| {
        let policy = Policy {
            broken,
            ..Policy::default()
        };
        verbs(&good(&desired, &observed, &policy))
    };
    assert_eq!(of(OnBroken::Report), []);
    assert_eq!(of(OnBroken::ReplaceNeverReady), []);
    assert_eq!(of(OnBroken::Replace), [("a".to_owned(), Verb::Replace)]);
}

#[test]
fn an_update_that_may_be_the_cure_is_sent_to_what_is_broken_or_still_settles() {
    let mut observed = Observed::default();
    let broken = Health::broken("too small");
    observed.found(
        key("a"),
        Live::settling("id-a", thing().size(1), "x").health(broken),
    );
    observed.found(key("b"), Live::settling("id-b", thing().size(1), "starts"));
    let plan = good(
        &wanted([("a", thing().size(2)), ("b", thing().size(2))]),
        &observed,
        &Policy::default(),
    );
    assert_eq!(
        verbs(&plan),
        [("a".to_owned(), Verb::Update), ("b".to_owned(), Verb::Update)]
    );
}

#[test]
fn what_holds_data_is_kept_with_all_it_stands_on_and_the_plan_says_where() {
    let (network, server) = (key("network"), key("server"));
    let observed = seen([
        ("network", thing()),
        ("server", thing().on(&network)),
        ("volume", thing().precious().on(&server)),
        ("other", thing().on(&network)),
    ]);
    let plan = good(&Desired::nothing(), &observed, &Policy::default());
    assert_eq!(verbs(&plan), [("other".to_owned(), Verb::Delete)]);
    let kept: Vec<_> = plan.kept.iter().map(|k| k.id.as_str()).collect();
    assert_eq!(kept, ["id-network", "id-server", "id-volume"]);
    let gone = good(&Desired::nothing(), &observed, &with_consent());
    assert_eq!(gone.steps.len(), 4);
}

#[test]
fn data_is_not_deleted_or_replaced_without_consent_and_never_while_it_is_protected() {
    let observed = seen([("volume", thing().precious().image("old"))]);
    let replaced = wanted([("volume", thing().precious().image("new"))]);
    let mut policies = vec![
        Policy {
            data_may_go: false,
            ..with_consent()
        },
        Policy {
            protected: Some("deletionProtection is on".into()),
            ..with_consent()
        },
    ];
    for policy in policies.drain(..) {
        for desired in [&replaced, &Desired::nothing()] {
            let plan = good(desired, &observed, &policy);
            assert!(plan.steps.is_empty(), "{plan:?}");
            assert_eq!(plan.blocked.len(), 1);
            assert!(plan.blocked[0].why.contains("holds data"));
        }
    }
    assert_eq!(good(&replaced, &observed, &with_consent()).steps.len(), 1);
}

#[test]
fn data_that_stands_on_something_replaced_blocks_it_and_is_not_called_kept() {
    let server = key("server");
    let observed = seen([
        ("server", thing().image("old")),
        ("volume", thing().precious().on(&server)),
    ]);
    // The volume is retained, so the server cannot be made anew: that is not a converged world.
    let plan = good(
        &wanted([("server", thing().image("new"))]),
        &observed,
        &Policy::default(),
    );
    assert!(plan.steps.is_empty());
    let why = &plan.blocked[0].why;
    assert!(why.contains("volume") && why.contains("data"), "{why}");
    assert_eq!(plan.kept.len(), 1, "the volume itself: {:?}", plan.kept);
}

#[test]
fn what_a_later_stage_holds_waits_with_all_it_stands_on() {
    let port = key("port");
    let observed = seen([("port", thing()), ("server", thing().on(&port))]);
    let mut policy = Policy::default();
    policy
        .held
        .insert(key("server"), "node workers-1 is not drained".into());
    let plan = good(&Desired::nothing(), &observed, &policy);
    assert!(plan.steps.is_empty() && plan.blocked.is_empty());
    let waits: Vec<_> = plan
        .waiting
        .iter()
        .map(|w| (w.key.as_str(), w.why.contains("drained")))
        .collect();
    assert_eq!(waits, [("port", true), ("server", true)]);
}

#[test]
fn foreign_and_derived_things_are_left_and_derived_ones_go_only_with_everything() {
    let mut observed = seen([("a", thing())]);
    observed.found(
        key("theirs"),
        Live::ready("id-1", thing()).origin(Origin::External),
    );
    observed.found(key("pvc"), Live::ready("id-2", thing()).origin(Origin::Derived));
    let plan = good(&Desired::nothing(), &observed, &Policy::default());
    assert_eq!(verbs(&plan), [("a".to_owned(), Verb::Delete)]);
    let sweep = Policy {
        sweep: true,
        ..Policy::default()
    };
    let plan = good(&Desired::nothing(), &observed, &sweep);
    assert_eq!(
        verbs(&plan),
        [("pvc".to_owned(), Verb::Delete), ("a".to_owned(), Verb::Delete)]
    );
}

#[test]
fn something_foreign_on_top_of_ours_blocks_its_deletion() {
    let network = key("network");
    let mut observed = seen([("network", thing())]);
    observed.found(
        key("theirs"),
        Live::ready("id-1", thing().on(&network)).origin(Origin::External),
    );
    let plan = good(&Desired::nothing(), &observed, &Policy::default());
    assert!(plan.steps.is_empty());
    assert!(
        plan.blocked[0].why.contains("id-1 is not ours"),
        "{}",
        plan.blocked[0].why
    );
}

#[test]
fn differences_are_only_reported_where_the_policy_says_so() {
    let a = key("a");
    let observed = seen([
        ("a", thing().image("x")),
        ("b", thing().on(&a)),
        ("c", thing().size(1)),
    ]);
    let desired = wanted([
        ("a", thing().image("y")),
        ("b", thing().on(&a)),
        ("c", thing().size(2)),
    ]);
    let policy = Policy {
        drift: Drift::Report,
        ..Policy::default()
    };
    let plan = good(&desired, &observed, &policy);
    assert!(plan.steps.is_empty());
    let told: Vec<_> = plan.blocked.iter().map(|b| b.key.as_str()).collect();
    assert_eq!(told, ["a", "c"]);
}

#[test]
fn the_root_is_made_alone_first() {
    let root = key("network");
    let desired = Desired::builder()
        .want(root.clone(), thing())
        .want(key("keys"), thing())
        .root(root.clone())
        .build()
        .unwrap();
    let plan = good(&desired, &Observed::default(), &Policy::default());
    let held: Vec<_> = plan
        .steps
        .iter()
        .map(|s| (s.key.as_str(), s.hold.is_some()))
        .collect();
    assert_eq!(held, [("keys", true), ("network", false)]);
}

#[test]
fn a_key_that_is_leaving_is_made_anew_only_when_it_is_gone() {
    let mut observed = Observed::default();
    observed.found(
        key("a"),
        Live::ready("id-a", thing().image("x")).health(Health::Leaving),
    );
    let plan = good(
        &wanted([("a", thing().image("y"))]),
        &observed,
        &Policy::default(),
    );
    assert!(plan.steps.is_empty());
    assert_eq!(plan.waiting[0].key, key("a"));
}

#[test]
fn data_that_is_leaving_already_does_not_block_what_it_stands_on() {
    let server = key("server");
    let mut observed = seen([("server", thing())]);
    observed.found(
        key("volume"),
        Live::ready("id-v", thing().precious().on(&server)).health(Health::Leaving),
    );
    let plan = good(&Desired::nothing(), &observed, &Policy::default());
    assert_eq!(verbs(&plan), [("server".to_owned(), Verb::Delete)]);
    assert_eq!(
        plan.steps[0].after,
        [key("volume")],
        "it still waits until the volume is gone"
    );
    assert!(plan.blocked.is_empty() && plan.kept.is_empty());
}

#[test]
fn nobody_waits_for_a_derived_thing_that_leaves_by_itself() {
    let mut observed = Observed::default();
    let leaving = Live::ready("id-lb", thing())
        .origin(Origin::Derived)
        .health(Health::Leaving);
    observed.found(key("lb"), leaving);
    assert!(good(&Desired::nothing(), &observed, &Policy::default()).is_empty());
}

#[test]
fn an_unanswered_create_is_waited_for_even_when_nobody_wants_it_any_more() {
    let mut observed: Observed<Thing> = Observed::default();
    let wait = Wait {
        why: "its creation was never answered".into(),
        until: None,
        gave_up: false,
        in_doubt: true,
    };
    observed.waits.insert(key("a"), wait);
    let plan = good(&Desired::nothing(), &observed, &Policy::default());
    assert_eq!(plan.waiting.len(), 1);
    assert!(!plan.is_empty());
}

#[test]
fn a_group_is_replaced_one_by_one_and_never_while_a_member_is_out() {
    let names = ["s/1", "s/2", "s/3"];
    let old = || thing().group("servers").image("old");
    let new = || thing().group("servers").image("new");
    let desired = wanted(names.map(|n| (n, new())));
    let mut observed = seen(names.map(|n| (n, old())));
    for bound in [1, 2] {
        let policy = Policy {
            max_unavailable: bound,
            ..Policy::default()
        };
        let plan = good(&desired, &observed, &policy);
        assert_eq!(plan.steps.iter().filter(|s| s.hold.is_none()).count(), bound);
        assert_eq!(plan.steps.len(), 3, "what is to come is shown");
    }
    // One is out already: nothing more goes.
    observed.live.remove(&key("s/1"));
    observed.found(key("s/1"), Live::settling("id-new", new(), "boots"));
    let plan = good(&desired, &observed, &Policy::default());
    assert!(plan.steps.iter().all(|s| s.hold.is_some()), "{plan:?}");
}

#[test]
fn the_bound_of_a_group_also_holds_for_what_an_unwanted_thing_takes_along() {
    let names = ["1", "2", "3"];
    let mut observed = Observed::default();
    let mut graph = Desired::builder();
    for n in names {
        let port = key(&format!("port/{n}"));
        observed.found(port.clone(), Live::ready(format!("p-{n}"), thing()));
        let server = thing().group("servers");
        observed.found(
            key(&format!("s/{n}")),
            Live::ready(format!("s-{n}"), server.clone().on(&port)),
        );
        graph.add(key(&format!("s/{n}")), server);
    }
    let plan = good(&graph.build().unwrap(), &observed, &Policy::default());
    let servers = plan
        .steps
        .iter()
        .filter(|s| s.hold.is_none() && s.key.as_str().starts_with("s/"));
    assert_eq!(servers.count(), 1, "{:?}", verbs(&plan));
}

#[test]
fn shrinking_a_group_is_not_bounded() {
    let old = || thing().group("servers");
    let observed = seen(["s/1", "s/2", "s/3"].map(|n| (n, old())));
    let plan = good(&wanted([("s/1", old())]), &observed, &Policy::default());
    assert_eq!(plan.steps.iter().filter(|s| s.hold.is_none()).count(), 2);
}

#[test]
fn what_gave_up_is_blocked_and_its_dependants_are_not_begun() {
    let a = key("a");
    let mut observed: Observed<Thing> = Observed::default();
    let wait = Wait {
        why: "create failed 8 time(s): no host".into(),
        until: None,
        gave_up: true,
        in_doubt: false,
    };
    observed.waits.insert(a.clone(), wait);
    let plan = good(
        &wanted([("a", thing()), ("b", thing().on(&a))]),
        &observed,
        &Policy::default(),
    );
    assert_eq!(plan.blocked.len(), 1);
    assert_eq!(verbs(&plan), [("b".to_owned(), Verb::Create)]);
    assert_eq!(plan.steps[0].after, [a]);
}

fn view(desired: &Desired<Thing>, observed: &Observed<Thing>) -> PlanView {
    let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo");
    let plan = plan(desired, observed, &Policy::default());
    PlanView::new(&owner, vec![StageView::of("machines", &plan)])
}

#[test]
fn the_hash_of_a_plan_is_voided_by_every_change_of_what_would_be_done() {
    let desired = wanted([("a", thing().image("x").size(2)), ("b", thing())]);
    let base = view(&desired, &seen([("a", thing().image("y"))]));
    assert_eq!(base.hash, view(&desired, &seen([("a", thing().image("y"))])).hash);
    let others = [
        view(&desired, &seen([("a", thing().image("z"))])),
        view(&desired, &seen([("a", thing().image("x").size(1))])),
        view(&desired, &seen([("a", thing().image("y")), ("b", thing())])),
        view(&desired, &seen([("a", thing().image("y")), ("c", thing())])),
        view(&Desired::nothing(), &seen([("a", thing().image("y"))])),
    ];
    for other in &others {
        assert_ne!(base.hash, other.hash);
    }
    let mut another = Observed::default();
    another.found(key("a"), Live::ready("another id", thing().image("y")));
    assert_ne!(
        base.hash,
        view(&desired, &another).hash,
        "another thing of the same name is another plan"
    );
    let mut waiting = seen([("a", thing().image("y"))]);
    waiting.found(key("lb"), Live::ready("x", thing()).health(Health::Leaving));
    assert_eq!(base.hash, view(&desired, &waiting).hash, "waits do not count");
}

#[test]
fn a_plan_view_reads_back_from_json() {
    let before = view(
        &wanted([("a", thing().size(3)), ("b", thing().on(&key("a")))]),
        &seen([("c", thing())]),
    );
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(before, serde_json::from_str(&text).unwrap());
    assert!(text.contains("\"version\":1"));
}

#[test]
fn a_graph_with_a_circle_a_gap_or_a_key_used_twice_is_refused_and_told() {
    let (a, b) = (key("a"), key("b"));
    let build = |things: Vec<(&Key, Thing)>| {
        let mut graph = Desired::builder();
        for (k, t) in things {
            graph.add(k.clone(), t);
        }
        graph.build().unwrap_err()
    };
    let circle = build(vec![(&a, thing().on(&b)), (&b, thing().on(&a))]);
    assert!(
        circle.words().contains("circle") && circle.words().contains("a, b"),
        "{circle}"
    );
    let gap = build(vec![(&a, thing().on(&b))]);
    assert!(gap.words().contains("'a' needs 'b'"), "{gap}");
    let twice = build(vec![(&a, thing()), (&a, thing())]);
    assert!(twice.words().contains("'a' is wanted twice"), "{twice}");
    let root = Desired::builder()
        .want(a.clone(), thing())
        .root(b.clone())
        .build()
        .unwrap_err();
    assert!(root.words().contains("'b' is not wanted"), "{root}");
    let given = Desired::builder()
        .want(a.clone(), thing())
        .given(a.clone(), "id")
        .build();
    assert_eq!(given.unwrap_err().code().id, codes::CORE_GRAPH.id);
    let fine = Desired::builder()
        .want(a.clone(), thing().on(&b))
        .given(b, "id")
        .build();
    assert_eq!(fine.unwrap().order(), [a]);
}

#[test]
fn a_circle_tells_only_who_is_in_it_or_behind_it() {
    let keys = ["a", "b", "c"].map(key);
    let mut graph = Desired::builder().want(key("free"), thing());
    graph.add(keys[0].clone(), thing().on(&keys[1]));
    graph.add(keys[1].clone(), thing().on(&keys[0]));
    let error = graph.build().unwrap_err();
    assert!(!error.words().contains("free"), "{error}");
}

#[test]
fn a_group_does_not_wait_for_a_member_that_waits_for_it() {
    // The second member is missing and needs the first, which must be made anew: holding that back would help nobody.
    let first = key("s/1");
    let observed = seen([("s/1", thing().group("servers").image("old"))]);
    let desired = wanted([
        ("s/1", thing().group("servers").image("new")),
        ("s/2", thing().group("servers").on(&first)),
    ]);
    let plan = good(&desired, &observed, &Policy::default());
    assert!(plan.steps[0].hold.is_none(), "{plan:?}");
}

#[test]
fn members_of_a_group_that_stand_on_each_other_are_rolled_from_the_top() {
    let first = key("s/1");
    let old = || thing().group("servers").image("old");
    let new = || thing().group("servers").image("new");
    let observed = seen([("s/1", old()), ("s/2", old().later_than(&first))]);
    let desired = wanted([("s/1", new()), ("s/2", new().later_than(&first))]);
    let plan = good(&desired, &observed, &Policy::default());
    let free: Vec<_> = plan
        .steps
        .iter()
        .filter(|s| s.hold.is_none())
        .map(|s| s.key.as_str())
        .collect();
    assert_eq!(free, ["s/2"], "what waits for the other must not take its place");
}

#[test]
fn replacing_what_was_never_ready_needs_nobodys_word_and_replacing_what_was_does() {
    let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo");
    let broken = Health::broken("half-made");
    for (was_ready, words) in [(false, 0), (true, 1)] {
        let desired = wanted([("a", thing())]);
        let mut observed = seen([("a", thing())]);
        let live = observed.live.get_mut(&key("a")).unwrap();
        (live.health, live.was_ready) = (broken.clone(), was_ready);
        let policy = Policy {
            broken: OnBroken::Replace,
            ..Policy::default()
        };
        let plan = good(&desired, &observed, &policy);
        let view = PlanView::new(&owner, vec![StageView::of("machines", &plan)]);
        let counts = Counts::of([&view]);
        assert_eq!((counts.replace, counts.removals()), (1, words));
    }
}

#[test]
fn what_was_shown_as_leaving_may_be_deleted_when_it_is_seen_staying_after_all() {
    let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo");
    let nothing = Desired::nothing();
    let mut observed = seen([("a", thing())]);
    observed.live.get_mut(&key("a")).unwrap().health = Health::Leaving;
    let shown = good(&nothing, &observed, &Policy::default());
    assert_eq!(verbs(&shown), []);
    let view = PlanView::new(&owner, vec![StageView::of("machines", &shown)]);

    observed.live.get_mut(&key("a")).unwrap().health = Health::Settling {
        why: "starting".into(),
    };
    let policy = Policy {
        agreed: view.agreed("machines"),
        ..Policy::default()
    };
    let plan = good(&nothing, &observed, &policy);
    assert_eq!(verbs(&plan), [("a".to_owned(), Verb::Delete)]);
    assert!(plan.blocked.is_empty());
}
