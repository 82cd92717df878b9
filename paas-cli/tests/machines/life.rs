//! The life of a cluster where nothing goes wrong.

use k8s_openapi::api::apps::v1::DaemonSet;
use kube::Api;

use crate::place::{Place, spec};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_comes_grows_shrinks_loses_a_machine_and_goes_and_leaves_nothing() {
    let Some(place) = Place::new().await else { return };
    let (one, two) = (spec(1), spec(2));
    place.up(&one).await;
    place.has_nodes(&["control-plane-1", "workers-1"]).await;
    assert!(
        place.tokens().await.is_empty(),
        "nobody joins by a token that was used"
    );
    let sets: Api<DaemonSet> = Api::namespaced(place.kube().await, "kube-flannel");
    let status = sets.get("kube-flannel-ds").await.unwrap().status.unwrap();
    assert_eq!((status.number_ready, status.desired_number_scheduled), (2, 2));

    // Again: nothing is written, neither to the cloud nor to the cluster.
    place.fake.forget_calls();
    place.up(&one).await;
    assert_eq!(place.fake.mutations(), 0);

    place.up(&two).await;
    place
        .has_nodes(&["control-plane-1", "workers-1", "workers-2"])
        .await;
    place.up(&one).await;
    place.has_nodes(&["control-plane-1", "workers-1"]).await;

    // A machine dies, and its server with it.
    let gone = place.server("workers-1");
    place.kill("workers-1").await;
    place.up(&one).await;
    assert_ne!(place.server("workers-1"), gone);
    place.has_nodes(&["control-plane-1", "workers-1"]).await;
    assert!(place.tokens().await.is_empty());

    place.down(&one).await;
}
