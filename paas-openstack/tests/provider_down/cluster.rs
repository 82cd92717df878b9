//! What the cluster made, and what others have in the way.

use paas_core::{
    pipeline::{Outcome, Wanted},
    resource::Origin,
};
use paas_openstack::{
    client::{Call, service::Kind},
    compute::{Networks, NewServer},
    fake::Setup,
    load_balancer::NewLoadBalancer,
    network::{NewFloatingIp, NewNetwork, NewPort, NewSubnet, Plug},
};
use serde_json::json;

use super::place::{Place, SMALL, left, spec};

fn platform() -> paas_core::spec::PlatformSpec {
    spec(r#"{"antiAffinity": "Off"}"#, SMALL, "null")
}

#[tokio::test]
async fn up_leaves_alone_what_the_cluster_made() {
    let place = Place::new(platform()).await;
    place.up().await;
    let _ = place.cluster_works().await;
    place.fake.forget_calls();
    let plan = place.plan(Wanted::Spec).await;
    assert!(plan.is_empty(), "{plan:#?}");
    place.up().await;
    assert_eq!(place.fake.mutations(), 0, "{:#?}", place.changes());
}

#[tokio::test]
async fn down_deletes_what_the_cluster_made_after_the_machines_that_would_make_it_again() {
    let place = Place::new(platform()).await;
    place.up().await;
    let made = place.cluster_works().await;
    let (network, subnet, worker, port) = place.ours().await;
    place.fake.forget_calls();
    let outcome = place.down_with_data().await.unwrap();
    assert_eq!(outcome, Outcome::Converged);
    assert!(left(&place).is_empty(), "{:?}", left(&place));
    let at = |id: &str| place.deleted_at(id);
    assert!(at(&worker) < at(&made.address) && at(&made.address) < at(&made.balancer));
    assert!(at(&made.balancer) < at(&subnet) && at(&subnet) < at(&network));
    assert!(at(&port) < at(&made.group) && at(&worker) < at(&made.volume));
    let proof = place.inventory().await;
    assert!(proof.is_empty(), "{proof}");
    assert_eq!(
        proof.to_string(),
        "networks 0 · subnets 0 · routers 0 · interfaces 0 · ports 0 · security groups 0 · security group rules 0 · floating IPs 0 · \
         load balancers 0 · servers 0 · server groups 0 · key pairs 0 · volumes 0 · application credentials 0"
    );
}

#[tokio::test]
async fn volumes_of_claims_are_kept_with_their_ids_and_go_with_consent() {
    let place = Place::new(platform()).await;
    place.up().await;
    let made = place.cluster_works().await;
    let plan = place.plan(Wanted::Nothing).await;
    let kept: Vec<_> = plan.stages[0]
        .kept
        .iter()
        .map(|k| k.id.clone().unwrap())
        .collect();
    assert_eq!(kept, [made.volume.clone()]);
    assert_eq!(place.down().await.unwrap(), Outcome::Converged);
    assert_eq!(left(&place), [(Kind::BlockStorage, made.volume.clone())]);
    let proof = place.inventory().await;
    let found: Vec<_> = proof
        .found
        .iter()
        .map(|f| (f.id.as_str(), f.origin, f.precious))
        .collect();
    assert_eq!(found, [(made.volume.as_str(), Origin::Derived, true)]);
    assert_eq!(
        proof.found[0].resource["about"],
        "the claim default/data-web-0, 1 GiB"
    );
    // A word for data that is somebody else's is none.
    let mut cx = place.context();
    cx.policy.retention = paas_core::policy::Retention::Delete;
    let outcome = place.run(&mut cx, Wanted::Nothing).await.unwrap();
    assert!(matches!(outcome, Outcome::Blocked { .. }), "{outcome:?}");
    assert_eq!(place.volumes().await, 1);
    assert_eq!(place.down_with_data().await.unwrap(), Outcome::Converged);
    assert_eq!(place.volumes().await, 0);
}

/// What blocks, as one text.
fn reasons(outcome: &Outcome) -> String {
    let Outcome::Blocked { because, .. } = outcome else {
        panic!("it is not blocked: {outcome:?}")
    };
    let lines = because
        .iter()
        .map(|b| format!("{} [{}] {}", b.key, b.code, b.why));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_port_of_somebody_else_is_named_and_not_touched_and_all_else_goes() {
    let place = Place::new(platform()).await;
    place.up().await;
    let (network, subnet, worker, _) = place.ours().await;
    let net = place.client.network();
    let theirs = net
        .ports()
        .create(&NewPort::new(&*network).name("their-port"))
        .await
        .unwrap();
    let idle = net
        .ports()
        .create(&NewPort::new(&*network).name("idle"))
        .await
        .unwrap();
    let setup = Setup::default();
    let mut server = NewServer::new("their-server", &*setup.flavors[0].id, Networks::port(&*theirs.id));
    server.image = Some(setup.images[0].id.clone());
    let server = place.client.compute().servers().create(&server).await.unwrap();
    place.clock.advance(std::time::Duration::from_secs(5));
    place.fake.forget_calls();

    let plan = place.plan(Wanted::Nothing).await;
    let notes: Vec<&str> = plan.stages[0].blocked.iter().map(|b| b.key.as_str()).collect();
    assert_eq!(notes, ["network", "router", "subnet", "interface"]);
    let words = reasons(&place.down().await.unwrap());
    println!("{words}");
    assert!(words.contains("PAAS-OS-0042"), "{words}");
    for word in [
        theirs.id.as_str(),
        idle.id.as_str(),
        "their-server",
        server.id.as_str(),
        "which nothing is plugged into",
    ] {
        assert!(words.contains(word), "{word} is not in:\n{words}");
    }
    let _ = place.deleted_at(&worker);
    for id in [&theirs.id, &server.id, &idle.id, &network, &subnet] {
        assert!(
            place
                .changes()
                .iter()
                .all(|(_, path)| !path.contains(id.as_str())),
            "{id} was touched"
        );
    }
    place.client.compute().servers().delete(&server.id).await.unwrap();
    place.clock.advance(std::time::Duration::from_secs(5));
    for port in [&theirs.id, &idle.id] {
        net.ports().delete(port).await.unwrap();
    }
    assert_eq!(place.down().await.unwrap(), Outcome::Converged);
    assert!(left(&place).is_empty(), "{:?}", left(&place));
}

#[tokio::test]
async fn subnets_balancers_and_legs_of_others_in_the_way_are_all_named_at_once() {
    let place = Place::new(platform()).await;
    place.up().await;
    let (network, subnet, ..) = place.ours().await;
    let net = place.client.network();
    let strange = net
        .subnets()
        .create(&NewSubnet::new(&*network, 4, "192.168.77.0/24").name("their-subnet"))
        .await
        .unwrap();
    let balancer = NewLoadBalancer::new("their-balancer").vip_subnet_id(&*subnet);
    let balancer = place
        .client
        .load_balancer()
        .load_balancers()
        .create(&balancer)
        .await
        .unwrap();
    let elsewhere = net
        .networks()
        .create(&NewNetwork::new("elsewhere"))
        .await
        .unwrap();
    let other = NewSubnet::new(&*elsewhere.id, 4, "192.168.78.0/24");
    let other = net.subnets().create(&other).await.unwrap();
    let routers = net
        .routers()
        .all(&paas_openstack::network::RouterFilter::all())
        .await
        .unwrap();
    net.routers()
        .add_interface(&routers[0].id, &Plug::Subnet(other.id.clone()))
        .await
        .unwrap();
    place.clock.advance(std::time::Duration::from_secs(5));

    let plan = place.plan(Wanted::Nothing).await;
    let notes: Vec<String> = plan.stages[0]
        .blocked
        .iter()
        .map(|b| format!("{}: {}", b.key, b.why))
        .collect();
    let words = notes.join("\n");
    println!("{words}");
    for word in [
        strange.id.as_str(),
        "their-balancer",
        balancer.id.as_str(),
        elsewhere.id.as_str(),
    ] {
        assert!(words.contains(word), "{word} is not in:\n{words}");
    }
    let words = reasons(&place.down().await.unwrap());
    assert!(
        words.contains("their-subnet") && words.contains("their-balancer"),
        "{words}"
    );
    let still = left(&place);
    assert!(
        [strange.id, balancer.id, other.id]
            .iter()
            .all(|id| still.iter().any(|(_, left)| left == id))
    );
}

#[tokio::test]
async fn the_address_of_somebody_else_on_a_machine_of_ours_stays() {
    let place = Place::new(platform()).await;
    place.up().await;
    let (.., port) = place.ours().await;
    let theirs = NewFloatingIp::new(place.outside().await)
        .port_id(port)
        .description("theirs");
    let theirs = place
        .client
        .network()
        .floating_ips()
        .create(&theirs)
        .await
        .unwrap();
    assert_eq!(place.down().await.unwrap(), Outcome::Converged);
    assert_eq!(left(&place), [(Kind::Network, theirs.id)]);
}

#[tokio::test]
async fn the_balancer_of_any_cloud_controller_in_our_own_network_goes_and_elsewhere_only_that_of_our_cluster()
{
    let place = Place::new(platform()).await;
    place.up().await;
    let (_, subnet, ..) = place.ours().await;
    let net = place.client.network();
    let elsewhere = net
        .networks()
        .create(&NewNetwork::new("elsewhere"))
        .await
        .unwrap();
    let other = NewSubnet::new(&*elsewhere.id, 4, "192.168.78.0/24");
    let other = net.subnets().create(&other).await.unwrap();
    let balancers = place.client.load_balancer();
    let uid = place.owner.uid();
    let mut ids = Vec::new();
    for (name, subnet) in [
        ("kube_service_kubernetes_default_web".to_owned(), &subnet),
        (format!("kube_service_{uid}_default_web"), &other.id),
        ("kube_service_kubernetes_default_web".to_owned(), &other.id),
    ] {
        let new = NewLoadBalancer::new(name).vip_subnet_id(&**subnet);
        ids.push(balancers.load_balancers().create(&new).await.unwrap().id);
    }
    assert_eq!(place.down().await.unwrap(), Outcome::Converged);
    let still: Vec<_> = left(&place)
        .into_iter()
        .filter(|(kind, _)| *kind == Kind::LoadBalancer)
        .collect();
    assert_eq!(still, [(Kind::LoadBalancer, ids[2].clone())]);
}

/// The project's administrator sets a state, as things that went wrong do.
async fn set_free(place: &Place, service: Kind, path: String, body: serde_json::Value) {
    let mut cloud = place.fake.cloud();
    let text = place.fake.clouds_yaml();
    assert!(text.contains("admin"), "there is an administrator");
    cloud.identity = paas_openstack::cloud::Identity::Password {
        user: paas_openstack::cloud::Named::Name {
            name: "admin".to_owned(),
            domain: paas_openstack::cloud::Domain::Name("Default".to_owned()),
        },
        password: "admin-password".into(),
    };
    cloud.scope = paas_openstack::cloud::Scope::Project(paas_openstack::cloud::Named::Name {
        name: "admin".to_owned(),
        domain: paas_openstack::cloud::Domain::Name("Default".to_owned()),
    });
    let admin = place.client_for(cloud);
    admin
        .send(Call::post(service, "reset state", path).body(body))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_volume_that_cinder_failed_to_delete_is_told_and_not_asked_for_again_and_again() {
    let place = Place::new(platform()).await;
    let volume = place.claim("pvc-1").await;
    place.clock.advance(std::time::Duration::from_secs(5));
    let path = format!("volumes/{volume}/action");
    set_free(
        &place,
        Kind::BlockStorage,
        path,
        json!({"os-reset_status": {"status": "error_deleting"}}),
    )
    .await;
    place.fake.forget_calls();
    let words = reasons(&place.down_with_data().await.unwrap());
    assert!(
        words.contains("error_deleting") && words.contains("operator"),
        "{words}"
    );
    assert_eq!(place.fake.mutations(), 0);
}

#[tokio::test]
async fn a_protected_platform_is_left_as_it_is() {
    let mut place = Place::new(platform()).await;
    place.up().await;
    place.spec.deletion_protection = true;
    place.fake.forget_calls();
    let words = reasons(&place.down().await.unwrap());
    assert!(
        words.contains("PAAS-CORE-0016") && words.contains("deletionProtection"),
        "{words}"
    );
    assert_eq!(place.fake.mutations(), 0);
    place.spec.deletion_protection = false;
    assert_eq!(place.down().await.unwrap(), Outcome::Converged);
}
