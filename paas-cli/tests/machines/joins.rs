//! A worker whose first boot goes wrong, and an API that is not reached, in a cluster that runs.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use paas_core::{
    codes::CORE_WAIT_OVERDUE,
    installer::codes::INS_BOOT,
    pipeline::Outcome,
    testing::machines::{Latch, Trouble},
};
use serde_json::json;

use crate::{
    place::{Place, spec, words},
    table::Table,
};

const SECOND: &str = "workers-2";
const ALL: [&str; 3] = ["control-plane-1", "workers-1", SECOND];

/// Longer than a machine may take to join.
const LONG: Duration = Duration::from_secs(1000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_joins_in_the_end_or_it_is_said_why_not() {
    let Some(place) = Place::new().await else { return };
    let mut table = Table::default();
    place.up(&spec(1)).await;
    for lost in [1, 20] {
        place.machines.trouble(SECOND, Trouble::JoinsLost(lost));
        place.up(&spec(2)).await;
        table.converged("lost joins");
        alone_again(&place).await;
    }
    expired(&place).await;
    table.converged("a token that expired before the boot");
    alone_again(&place).await;

    let lines = vec!["[ERROR CRI]: container runtime is not running".to_owned()];
    // kubeadm tries for 25 minutes, every 5 seconds.
    let troubles = [
        (
            "a machine gives up joining",
            Trouble::JoinsLost(300),
            ["kubeadm-join", "i/o timeout"],
        ),
        (
            "joining fails",
            Trouble::Fails {
                phase: "kubeadm-join",
                words: lines,
            },
            ["kubeadm-join", "not running"],
        ),
    ];
    for (fault, trouble, said) in troubles {
        place.machines.trouble(SECOND, trouble);
        place
            .blocked(&spec(2), &[INS_BOOT.id, "node/workers-2", said[0], said[1]])
            .await;
        replaced(&place).await;
        table.explained(fault);
    }
    let silent = [
        (
            "a worker's image without cloud-init",
            Trouble::NoCloudInit,
            "its first boot has not begun",
        ),
        (
            "power lost while joining",
            Trouble::PowerLost {
                phase: "kubeadm-join",
            },
            "its first boot is at kubeadm-join",
        ),
    ];
    for (fault, trouble, said) in silent {
        place.machines.trouble(SECOND, trouble);
        let waits = |outcome: &_| words(outcome).contains(said);
        place.passes(&spec(2), waits).await;
        place.clock.leap(LONG);
        place
            .blocked(&spec(2), &[CORE_WAIT_OVERDUE.id, "node/workers-2", said])
            .await;
        replaced(&place).await;
        table.explained(fault);
    }
    unreachable(&place, &mut table).await;
    place.down(&spec(1)).await;
    println!("{table}");
}

/// The first worker is the only one, and nobody can join.
async fn alone_again(place: &Place) {
    place.has_nodes(&ALL).await;
    place.up(&spec(1)).await;
    place.has_nodes(&ALL[..2]).await;
    assert!(place.tokens().await.is_empty());
}

async fn replaced(place: &Place) {
    place.replace(&spec(2), SECOND).await;
    alone_again(place).await;
}

/// The machine begins so late that its token is no good any more, and nobody runs `paas` meanwhile.
async fn expired(place: &Place) {
    let (latch, two) = (Latch::new(), spec(2));
    place.machines.trouble(SECOND, Trouble::Held(latch.clone()));
    let waits = |said: &_| {
        matches!(said, Ok(Outcome::Progressing { .. })) && words(said).contains("has not joined yet")
    };
    place.passes(&two, waits).await;
    let secrets: Api<Secret> = Api::namespaced(place.kube().await, "kube-system");
    for token in place.tokens().await {
        let past = Patch::Merge(json!({"stringData": {"expiration": "2020-01-01T00:00:00Z"}}));
        secrets
            .patch(&token.name_any(), &PatchParams::default(), &past)
            .await
            .unwrap();
    }
    latch.let_go();
    let id = place.server(SECOND);
    let joins = async || {
        place
            .machines
            .console(&id)
            .contains("phase=kubeadm-join")
            .then_some(())
    };
    place.until("its first boot", joins).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(place.nodes().await.len(), 2, "it is not let in");
    place.up(&two).await;
}

/// Nobody reaches the API from outside for minutes: nothing is taken for gone, and then it goes on.
async fn unreachable(place: &Place, table: &mut Table) {
    let (one, two) = (spec(1), spec(2));
    let away = |said: &paas_core::error::Result<Outcome>| said.is_err() || words(said).contains("onnect");
    for (fault, from, to) in [
        ("the API is away for minutes: idle", &one, &one),
        ("the API is away for minutes: a worker comes", &one, &two),
        ("the API is away for minutes: a worker goes", &two, &one),
    ] {
        place.up(from).await;
        place.machines.reachable(false).await;
        let before = place.fake.guests().len();
        for _ in 0..3 {
            let said = place.pass(to).await;
            assert!(away(&said), "{fault}: {said:#?}");
            place.clock.leap(Duration::from_secs(100));
        }
        assert!(place.fake.guests().len() >= before, "{fault}: a machine went");
        place.machines.reachable(true).await;
        place.up(to).await;
        let nodes = place.nodes().await.len();
        place.has_nodes(&ALL[..nodes]).await;
        table.converged(fault);
    }
}
