//! One token for many, a token that is taken back, and Keystone going away.

use std::{process::Command, sync::Arc};

use futures::future::join_all;
use paas_core::error::Class;
use paas_openstack::client::{Call, service::Kind};
use serde_json::json;

use crate::{ALONE, Lab, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_one_token_and_survive_closed_connections() {
    let Some(lab) = Lab::here() else { return };
    let _shared = ALONE.read().await;
    // The lab's servers end each connection with its answer.
    let (me, seen) = lab.watched("lab-appcred");
    let found = join_all((0..30).map(|_| {
        let me = me.clone();
        async move { me.compute().flavors().all(&Default::default()).await }
    }))
    .await;
    for flavors in found {
        assert!(flavors.expect("flavors").len() >= 4);
    }
    assert_eq!(seen.logins(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_taken_back_midway_is_renewed_once() {
    let Some(lab) = Lab::here() else { return };
    let _alone = ALONE.write().await;
    let (me, seen) = lab.watched("lab-other");
    let admin = lab.client("lab-admin");
    let before = me.token().await.expect("a token");
    me.network()
        .networks()
        .all(&Default::default())
        .await
        .expect("networks");
    assert_eq!(seen.logins(), 1);
    // Keystone takes back all tokens of a user who is disabled; who is enabled again needs new ones.
    for enabled in [false, true] {
        let call = Call::patch(
            Kind::Identity,
            "switch a user",
            format!("users/{}", before.user.id),
        );
        admin
            .send(call.body(json!({ "user": { "enabled": enabled } })))
            .await
            .expect("an admin may");
    }
    // Keystone counts in seconds: a token of the same second would be taken back, too.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let answers = join_all((0..10).map(|_| {
        let me = me.clone();
        async move { me.compute().servers().all(&Default::default()).await.map(drop) }
    }))
    .await;
    for answer in answers {
        answer.expect("the call succeeds with a new token");
    }
    assert!(!Arc::ptr_eq(&before, &me.token().await.expect("a token")));
    assert_eq!(seen.logins(), 2, "ten tasks that are refused log in once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_keystone_is_a_transient_failure_and_then_nothing() {
    let Some(lab) = Lab::here() else { return };
    let Some(up) = std::env::var_os("PAAS_LAB_OPENSTACK_UP") else {
        return;
    };
    let _alone = ALONE.write().await;
    let (old, fresh) = (lab.client("lab"), lab.client("lab"));
    old.token().await.expect("a token");
    let recorded = std::fs::read_to_string(lab.folder.join("run/keystone.pid")).expect("a pid");
    let pid = recorded.split(' ').next().expect("a pid");
    // The group: uwsgi has children.
    let killed = Command::new("kill")
        .args(["-KILL", "--", &format!("-{pid}")])
        .status();
    assert!(killed.expect("kill runs").success());

    let away = fresh.token().await.expect_err("Keystone is away");
    assert_eq!(away.class(), Class::Transient, "{away}");
    // Who has a token may go on, as far as the services know it; where they must ask Keystone they answer 503.
    if let Err(error) = old.network().networks().all(&Default::default()).await {
        assert_eq!(error.class(), Class::Transient, "{error}");
    }

    let started = Command::new(up)
        .arg(&lab.folder)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    assert!(started.expect("up runs").success());
    until("Keystone is back", || fresh.token(), Result::is_ok)
        .await
        .expect("a token");
    for client in [&old, &fresh] {
        client
            .network()
            .networks()
            .all(&Default::default())
            .await
            .expect("networks");
    }
}
