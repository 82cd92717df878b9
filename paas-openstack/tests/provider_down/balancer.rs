//! The machines behind a load balancer of ours.

use paas_core::pipeline::{Outcome, Wanted};

use super::place::{Place, left, spec};

fn platform(machines: u8) -> paas_core::spec::PlatformSpec {
    let machines = format!(
        r#"{{"controlPlane": {{"replicas": {machines}}}, "pools": [{{"name": "workers", "replicas": 0}}]}}"#
    );
    spec(
        r#"{"antiAffinity": "Off", "loadBalancer": true}"#,
        &machines,
        "null",
    )
}

/// The addresses of members, and of the machines of the control plane.
async fn members(place: &Place) -> (Vec<String>, Vec<String>) {
    let balancers = place.client.load_balancer();
    let any = paas_openstack::load_balancer::LoadBalancerFilter::all();
    let all = balancers.load_balancers().all(&any).await.unwrap();
    let tree = balancers.load_balancers().status(&all[0].id).await.unwrap();
    let pools = tree.listeners.iter().flat_map(|l| &l.pools);
    let mut members: Vec<String> = pools
        .flat_map(|p| &p.members)
        .map(|m| m.address.clone())
        .collect();
    let filter = paas_openstack::network::PortFilter::all().description(place.owner.mark());
    let ports = place.client.network().ports().all(&filter).await.unwrap();
    let mut machines: Vec<String> = ports
        .iter()
        .flat_map(|p| p.addresses())
        .map(|a| a.to_string())
        .collect();
    members.sort();
    machines.sort();
    (members, machines)
}

#[tokio::test]
async fn machines_that_come_and_go_come_and_go_behind_the_balancer_too() {
    let mut place = Place::new(platform(1)).await;
    place.up().await;
    assert!(place.plan(Wanted::Spec).await.is_empty());
    place.spec = platform(3);
    place.fake.forget_calls();
    place.up().await;
    let (behind, machines) = members(&place).await;
    assert_eq!((behind.len(), &behind), (3, &machines));
    let batches = |place: &Place| {
        let is_batch = |(method, path): &&(String, String)| method == "PUT" && path.ends_with("/members");
        place.changes().iter().filter(is_batch).count()
    };
    assert_eq!(batches(&place), 1, "{:#?}", place.changes());
    assert!(place.plan(Wanted::Spec).await.is_empty());
    place.spec = platform(1);
    place.up().await;
    let (behind, machines) = members(&place).await;
    assert_eq!((behind.len(), &behind), (1, &machines));
    assert_eq!(place.down().await.unwrap(), Outcome::Converged);
    assert!(left(&place).is_empty(), "{:?}", left(&place));
}

#[tokio::test]
async fn somebody_who_takes_a_machine_out_of_the_balancer_is_corrected() {
    let place = Place::new(platform(1)).await;
    place.up().await;
    let balancers = place.client.load_balancer();
    let pools = balancers
        .pools()
        .all(&paas_openstack::load_balancer::PoolFilter::all())
        .await
        .unwrap();
    balancers.members(&pools[0].id).replace(&[]).await.unwrap();
    place.clock.advance(std::time::Duration::from_secs(5));
    let plan = place.plan(Wanted::Spec).await;
    let steps: Vec<String> = plan.stages[0]
        .steps
        .iter()
        .map(|s| format!("{} {}", s.verb, s.key))
        .collect();
    assert_eq!(steps, ["update load-balancer/api"]);
    place.up().await;
    let (behind, machines) = members(&place).await;
    assert_eq!((behind.len(), &behind), (1, &machines));
}
