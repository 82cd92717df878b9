//! What plans, outcomes and errors look like.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use paas_core::{
    codes,
    error::{Class, Error, ErrorView},
    pipeline::{Obstruction, Outcome, Pending, Stumble},
    plan::Verb,
    preflight::Finding,
    render::{self, Counts, Detail, Paint},
    resource::Key,
    view::PlanView,
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn rich() -> PlanView {
    serde_json::from_value(serde_json::json!({
        "version": 1,
        "owner": "Platform/default/shop",
        "uid": "5b0c0f0e-7a9b-5e7a-8d43-0d8a5f9c0001",
        "hash": "00",
        "stages": [
            { "stage": "network", "same": 4, "steps": [], "waiting": [], "blocked": [], "kept": [] },
            { "stage": "machines", "same": 2,
              "steps": [
                { "key": "port/old", "kind": "port", "verb": "delete", "reason": "it is no longer wanted", "id": "p-1", "resource": {} },
                { "key": "server/workers-1", "kind": "server", "verb": "replace", "reason": "flavor cannot be changed in place",
                  "changes": [{ "field": "flavor", "from": "m1.small", "to": "m1.large", "brings": "a new address" }],
                  "id": "s-1", "hold": "1 of 1 in workers may be away, and workers-2 is", "resource": {} },
                { "key": "security", "kind": "group", "verb": "update", "reason": "rules, name differs",
                  "changes": [{ "field": "rules", "from": "", "to": "tcp/5432" }, { "field": "name", "from": "a", "to": "b" }],
                  "id": "g-1", "resource": {} },
                { "key": "server/workers-3", "kind": "server", "verb": "create", "reason": "it does not exist",
                  "after": ["port/workers-3"], "resource": { "flavor": "m1.large", "image": "debian-13", "zones": ["a"] } },
              ],
              "waiting": [{ "key": "server/workers-2", "why": "the machine boots" }],
              "blocked": [{ "key": "volume/data", "why": "deleting it loses data\u{1b}[2J", "code": "PAAS-CORE-0011" }],
              "kept": [{ "key": "volume/logs", "why": "it holds data", "id": "v-7" }] },
            { "stage": "cluster", "same": 0, "unknown": "known after machines",
              "steps": [{ "key": "node/workers-3", "kind": "node", "verb": "create", "reason": "it does not exist", "resource": {} }],
              "waiting": [], "blocked": [], "kept": [] },
        ],
    }))
    .unwrap()
}

fn one_stage(steps: serde_json::Value, same: usize) -> PlanView {
    serde_json::from_value(serde_json::json!({
        "version": 1, "owner": "DatabaseInstance/default/demo", "uid": "5b0c0f0e-7a9b-5e7a-8d43-0d8a5f9c0002", "hash": "00",
        "stages": [{ "stage": "database", "same": same, "steps": steps, "waiting": [], "blocked": [], "kept": [] }],
    }))
    .unwrap()
}

#[test]
fn a_plan_shows_signs_changes_reasons_and_counts() {
    insta::assert_snapshot!(render::plan(&rich(), Paint::Plain, Detail::Full));
}

#[test]
fn a_short_plan_leaves_out_what_is_made_of_what() {
    insta::assert_snapshot!(render::plan(&rich(), Paint::Plain, Detail::Short));
}

#[test]
fn a_colored_plan_is_the_plain_one_with_escapes() {
    let colored = render::plan(&rich(), Paint::Ansi, Detail::Full);
    insta::assert_snapshot!(colored.replace('\u{1b}', "␛"));
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    let trimmed = |t: &str| t.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(
        trimmed(&plain),
        trimmed(&render::plan(&rich(), Paint::Plain, Detail::Full))
    );
}

#[test]
fn an_empty_plan_says_so_and_counts_what_is_right() {
    let view = one_stage(serde_json::json!([]), 7);
    insta::assert_snapshot!(render::plan(&view, Paint::Plain, Detail::Full), @r"
    DatabaseInstance/default/demo
      nothing to do; 7 unchanged.
    ");
}

#[test]
fn losing_data_is_said_aloud() {
    let steps = serde_json::json!([{ "key": "data", "kind": "directory", "verb": "delete", "precious": true,
        "reason": "it is no longer wanted", "id": "/srv/demo", "resource": {} }]);
    insta::assert_snapshot!(render::plan(&one_stage(steps, 0), Paint::Plain, Detail::Short), @r"
    DatabaseInstance/default/demo
      - data (directory)  it is no longer wanted  holds data!
      1 to delete.
    ");
}

/// Steps by their keys, each with why it is not for the next pass.
fn held(steps: &[(&str, Option<&str>)]) -> PlanView {
    let step = |(key, hold): &(&str, Option<&str>)| {
        serde_json::json!({ "key": key, "kind": "server", "verb": "create", "reason": "it does not exist",
            "hold": hold, "resource": {} })
    };
    one_stage(steps.iter().map(step).collect(), 0)
}

#[test]
fn a_reason_that_several_steps_wait_for_is_said_once_and_each_of_them_is_marked() {
    let (seen, quorum) = (
        Some("network is made alone and seen first"),
        Some("1 of 3 may be away"),
    );
    let plan = |steps: &[(&str, Option<&str>)]| render::plan(&held(steps), Paint::Plain, Detail::Short);
    let one = [
        ("a", None),
        ("b", None),
        ("server/c", seen),
        ("d", seen),
        ("e", seen),
    ];
    insta::assert_snapshot!(plan(&one), @r"
    DatabaseInstance/default/demo
      + a (server)
      + b (server)
      + server/c    later
      + d (server)  later
      + e (server)  later
          later: network is made alone and seen first
      5 to create.
    ");
    let several = [
        ("a", None),
        ("b", seen),
        ("c", quorum),
        ("d", seen),
        ("e", quorum),
        ("f", seen),
        ("g", quorum),
        ("h", Some("h waits for itself")),
    ];
    insta::assert_snapshot!(plan(&several), @r"
    DatabaseInstance/default/demo
      + a (server)
      + b (server)  later (1)
      + c (server)  later (2)
      + d (server)  later (1)
      + e (server)  later (2)
      + f (server)  later (1)
      + g (server)  later (2)
      + h (server)
          later: h waits for itself
          later (1): network is made alone and seen first
          later (2): 1 of 3 may be away
      8 to create.
    ");
}

#[test]
fn where_all_steps_or_all_but_one_are_for_later_no_line_is_marked() {
    let seen = Some("network is made alone and seen first");
    let plan = |steps: &[(&str, Option<&str>)]| render::plan(&held(steps), Paint::Plain, Detail::Short);
    insta::assert_snapshot!(plan(&[("network", None), ("b", seen), ("c", seen), ("d", seen)]), @r"
    DatabaseInstance/default/demo
      + network (server)
      + b (server)
      + c (server)
      + d (server)
          the others later: network is made alone and seen first
      4 to create.
    ");
    insta::assert_snapshot!(plan(&[("a", seen), ("network", None), ("c", seen), ("d", seen)]), @r"
    DatabaseInstance/default/demo
      + a (server)
      + network (server)
      + c (server)
      + d (server)
          all but network later: network is made alone and seen first
      4 to create.
    ");
    insta::assert_snapshot!(plan(&[("a", seen), ("b", seen), ("c", seen)]), @r"
    DatabaseInstance/default/demo
      + a (server)
      + b (server)
      + c (server)
          all of it later: network is made alone and seen first
      3 to create.
    ");
}

#[test]
fn a_reason_of_one_or_two_steps_stands_beneath_them() {
    let away = Some("1 of 2 in workers may be away");
    let plan = held(&[("a", None), ("b", away), ("c", away), ("d", None)]);
    insta::assert_snapshot!(render::plan(&plan, Paint::Plain, Detail::Short), @r"
    DatabaseInstance/default/demo
      + a (server)
      + b (server)
          later: 1 of 2 in workers may be away
      + c (server)
          later: 1 of 2 in workers may be away
      + d (server)
      4 to create.
    ");
}

#[test]
fn what_was_found_ahead_stands_under_the_steps_with_its_numbers_and_what_to_do() {
    let steps = serde_json::json!([{ "key": "server/workers-1", "kind": "server", "verb": "create",
        "reason": "it does not exist", "resource": {} }]);
    let mut view = one_stage(steps, 0);
    view.stages[0].findings = vec![
        Finding::error(
            &codes::CORE_PROVIDER,
            "cores: 4 more are needed, 2 of 20 are free",
        )
        .remedy("ask for a quota of 22 (it is 20), or choose a smaller flavor"),
        Finding::error(
            &codes::CORE_BLOCKED,
            "9 servers are wanted in one server group, 5\u{1b}[2J may be",
        )
        .about(&key("server-group/workers"))
        .remedy("use smaller pools"),
        Finding::warning(
            &codes::CORE_PROVIDER,
            "the quota of Neutron was not told within 5 s",
        )
        .remedy("go on, and look at the first failure"),
    ];
    let counts = Counts::of([&view]);
    assert_eq!((counts.errors, counts.warnings, counts.steps()), (2, 1, 1));
    insta::assert_snapshot!(render::plan(&view, Paint::Plain, Detail::Short), @r"
    DatabaseInstance/default/demo
      + server/workers-1
      in the way: nothing is begun before it is gone
        ✗ cores: 4 more are needed, 2 of 20 are free  [PAAS-CORE-0001]
          → ask for a quota of 22 (it is 20), or choose a smaller flavor
        ✗ server-group/workers: 9 servers are wanted in one server group, 5\u{1b}[2J may be  [PAAS-CORE-0011]
          → use smaller pools
      to know before
        ! the quota of Neutron was not told within 5 s  [PAAS-CORE-0001]
          → go on, and look at the first failure
      1 to create; 2 in the way, 1 to know before.
    ");
}

#[test]
fn counts_go_over_all_plans() {
    let counts = Counts::of([&rich(), &one_stage(serde_json::json!([]), 7)]);
    assert_eq!(
        (counts.create, counts.update, counts.replace, counts.delete),
        (1, 1, 1, 1)
    );
    assert_eq!(
        (counts.same, counts.waiting, counts.blocked, counts.kept),
        (13, 1, 1, 1)
    );
    assert_eq!((counts.steps(), counts.removals(), counts.unknown), (4, 2, 1));
}

#[test]
fn outcomes_name_root_causes_waits_and_remedies() {
    let at = "2026-11-02T10:00:00Z".parse().unwrap();
    let error = Error::new(&codes::CORE_PROVIDER, Class::Transient)
        .attempted("create server/a")
        .happened("no host has room");
    let progressing = Outcome::Progressing {
        waiting: vec![Pending {
            stage: "database".into(),
            key: key("server"),
            why: "PostgreSQL recovers".into(),
            since: at,
            deadline: "2026-11-02T10:10:00Z".parse().unwrap(),
            elsewhere: false,
        }],
        failed: vec![Stumble {
            stage: "machines".into(),
            key: key("server/a"),
            verb: Verb::Create,
            error: ErrorView::from(&error),
            starves: vec![key("node/a"), key("addons")],
        }],
        again_in: std::time::Duration::ZERO,
        clears: false,
    };
    let blocked = Outcome::Blocked {
        because: vec![Obstruction {
            stage: "database".into(),
            key: key("data"),
            why: "deleting it loses data".into(),
            code: "PAAS-CORE-0011".into(),
            remedy: "confirm by name".into(),
        }],
        clears: false,
    };
    insta::assert_snapshot!(render::outcome(&progressing, Paint::Plain), @r"
      server waits: PostgreSQL recovers (since 2026-11-02T10:00:00Z, until 2026-11-02T10:10:00Z)
      create server/a failed, tried again: no host has room
          waits for it: node/a, addons
    ");
    insta::assert_snapshot!(render::outcome(&blocked, Paint::Plain), @r"
      data is blocked: deleting it loses data  [PAAS-CORE-0011]
          confirm by name
    ");
    assert_eq!(render::outcome(&Outcome::Converged, Paint::Ansi), "");
}

#[test]
fn an_error_says_what_was_attempted_what_happened_and_what_to_do() {
    let error = Error::new(&codes::CORE_PROVIDER, Class::Quota)
        .attempted("create port")
        .happened("Quota exceeded for resources: ['port'].\u{7}")
        .request_id("req-1f0c")
        .remedy("raise the port quota");
    insta::assert_snapshot!(render::error(&ErrorView::from(&error), Paint::Plain), @r"
    error: cannot create port
      Quota exceeded for resources: ['port'].\u{7} (request req-1f0c)
      → raise the port quota
      paas explain PAAS-CORE-0001
    ");
}
