//! A control plane whose first boot goes wrong: nothing works then, so it had better be said why.

use std::time::Duration;

use futures::future::join_all;
use paas_core::{
    codes::CORE_WAIT_OVERDUE, installer::codes::INS_BOOT, pipeline::Outcome, testing::machines::Trouble,
};

use crate::{
    place::{Place, spec},
    table::Table,
};

const PLANE: &str = "control-plane-1";

/// Longer than anything of a cluster may take.
const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_phase_of_a_control_plane_fails_is_told_at_once_with_its_last_words() {
    let phases = [
        "system",
        "packages",
        "runtime",
        "metadata-rule",
        "identity",
        "images",
        "kubeadm-init",
    ];
    let tried = phases.map(|phase| async move {
        let place = Place::without_programs().await;
        let words = vec!["first line".to_owned(), format!("no room for {phase}")];
        place.machines.trouble(
            PLANE,
            Trouble::Fails {
                phase,
                words: words.clone(),
            },
        );
        let all = [INS_BOOT.id, "control-plane", phase, &words[0], &words[1]];
        place.blocked(&spec(1), &all).await;
        // Nothing is done about it, so that there is something to look at.
        assert_eq!(place.bridge.boots(PLANE), 1);
        place.down(&spec(1)).await;
    });
    let mut table = Table::default();
    join_all(tried)
        .await
        .iter()
        .for_each(|()| table.explained("a phase of the control plane's first boot fails"));
    println!("{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_falls_silent_is_given_up_in_time_with_what_it_did_last() {
    let mut table = Table::default();
    let silent = |trouble: Trouble, words: &'static str| async move {
        let place = Place::without_programs().await;
        place.machines.trouble(PLANE, trouble);
        let one = spec(1);
        place
            .passes(&one, |said| {
                matches!(said, Ok(Outcome::Progressing { .. })) && crate::place::words(said).contains(words)
            })
            .await;
        place.clock.leap(LONG);
        place
            .blocked(&one, &[CORE_WAIT_OVERDUE.id, "control-plane", words])
            .await;
        place.down(&one).await;
    };
    tokio::join!(
        silent(Trouble::NoCloudInit, "its first boot has not begun"),
        // The cloud switches it on again, and cloud-init does nothing a second time.
        silent(
            Trouble::PowerLost {
                phase: "kubeadm-init"
            },
            "its first boot is at kubeadm-init"
        ),
    );
    table.explained("an image without cloud-init");
    table.explained("power lost during init");
    println!("{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_failed_is_made_anew_by_a_persons_word_and_workers_wait_for_it() {
    let Some(place) = Place::new().await else { return };
    let one = spec(1);
    let words = vec!["no room".to_owned()];
    place.machines.trouble(
        PLANE,
        Trouble::Fails {
            phase: "kubeadm-init",
            words,
        },
    );
    place.blocked(&one, &[INS_BOOT.id, "no room"]).await;
    place.replace(&one, PLANE).await;
    place.has_nodes(&[PLANE, "workers-1"]).await;
    assert_eq!(
        (place.bridge.boots(PLANE), place.bridge.boots("workers-1")),
        (2, 1)
    );
    place.down(&one).await;
}
