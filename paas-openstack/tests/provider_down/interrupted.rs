//! Going wrong at a change of the cloud on the way down, and running again.

use paas_core::pipeline::Outcome;
use paas_openstack::fake::{Fault, What};

use super::place::{Place, SMALL, left, spec};

async fn furnished() -> Place {
    let addons = r#"{"cloudController": true}"#;
    let place = Place::new(spec(r#"{"antiAffinity": "Off"}"#, SMALL, addons)).await;
    place.up().await;
    let _ = place.cluster_works().await;
    place.fake.forget_calls();
    place
}

/// `PAAS_TEST_FULL=1` for every call; else every ninth, others by `PAAS_SEED`.
#[tokio::test(flavor = "multi_thread")]
async fn it_may_go_wrong_at_any_deletion_and_the_next_run_finds_the_rest() {
    let clean = furnished().await;
    assert_eq!(clean.down_with_data().await.unwrap(), Outcome::Converged);
    let deletions = clean.fake.count("DELETE") + clean.fake.count("PUT");
    assert!(deletions > 15, "{deletions}");
    let full = std::env::var_os("PAAS_TEST_FULL").is_some();
    let seed: usize = std::env::var("PAAS_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    let mut points = 0;
    for call in (0..deletions).filter(|n| full || (n + seed).is_multiple_of(9)) {
        for what in [
            What::FailAfter(500),
            What::Reset,
            What::LoseAnswer,
            What::Refuse(409),
        ] {
            if !full && (call + seed).is_multiple_of(2) && matches!(what, What::Reset | What::Refuse(_)) {
                continue;
            }
            points += 1;
            let place = furnished().await;
            // The process dies with the call: a later one knows nothing of it.
            place
                .fake
                .inject(Fault::new(what.clone()).method("DELETE").after(call));
            let first = place.down_with_data().await;
            place.fake.heal();
            let again = place.down_with_data().await;
            assert_eq!(
                again.unwrap(),
                Outcome::Converged,
                "call {call}, {what:?}, first {first:?}"
            );
            assert!(
                left(&place).is_empty(),
                "call {call}, {what:?}: {:?}",
                left(&place)
            );
        }
    }
    println!("{points} points of {deletions} calls: each was taken down by a second run");
}
