//! Every class of error that real services can be brought to.

use std::time::Duration;

use paas_core::error::{Class, Error};
use paas_openstack::{
    Client,
    block_storage::NewVolume,
    client::{ApiError, Call, Need, Options, service::Kind},
    cloud::{Credential, Domain, Identity, Named, Scope},
    compute::{Networks, NewKeypair, NewServer},
    identity::NewApplicationCredential,
    image::NewImage,
    load_balancer::NewLoadBalancer,
    network::{NewNetwork, NewRouter, NewRule, NewSecurityGroup, NewSubnet, Plug, SubnetFilter},
};
use serde_json::{Value, json};

use crate::{ALONE, Lab, name, until};

const NOBODY: &str = "00000000-0000-4000-8000-00000000dead";

/// Class and status, and that nothing of what makes an error useful is missing.
fn told<T: std::fmt::Debug>(what: &str, answer: Result<T, Error>, class: Class, status: u16) {
    let error = answer.expect_err(what);
    let api = ApiError::of(&error).unwrap_or_else(|| panic!("{what}: no answer beneath {error:?}"));
    assert_eq!((error.class(), api.status), (class, status), "{what}: {error}");
    assert!(!api.words.is_empty(), "{what}: in whose words? {error:?}");
    assert!(
        api.request_id.as_ref().is_some_and(|id| id.starts_with("req-")),
        "{what}: {error:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_real_services_have_their_class() {
    let Some(lab) = Lab::here() else { return };
    let _shared = ALONE.read().await;
    let (me, other) = (lab.client("lab-appcred"), lab.client("lab-other"));
    let (net, nova) = (me.network(), me.compute());

    told(
        "a server",
        nova.servers().show(NOBODY).await,
        Class::NotFound,
        404,
    );
    told(
        "a network",
        net.networks().show(NOBODY).await,
        Class::NotFound,
        404,
    );
    told(
        "a volume",
        me.block_storage().volumes().show(NOBODY).await,
        Class::NotFound,
        404,
    );
    told(
        "an image",
        me.image().images().show(NOBODY).await,
        Class::NotFound,
        404,
    );
    told(
        "a balancer",
        me.load_balancer().load_balancers().show(NOBODY).await,
        Class::NotFound,
        404,
    );
    told(
        "a flavor",
        nova.flavors().show(NOBODY).await,
        Class::NotFound,
        404,
    );

    let network = net
        .networks()
        .create(&NewNetwork::new(name("errors")))
        .await
        .expect("network");
    let subnet = NewSubnet::new(network.id.clone(), 4, "10.90.0.0/24");
    let made = net.subnets().create(&subnet).await.expect("subnet");
    told(
        "the same subnet",
        net.subnets().create(&subnet).await,
        Class::Conflict,
        400,
    );
    told(
        "no CIDR",
        net.subnets()
            .create(&NewSubnet::new(network.id.clone(), 4, "nothing"))
            .await,
        Class::Invalid,
        400,
    );
    told(
        "another's network",
        other.network().networks().show(&network.id).await,
        Class::NotFound,
        404,
    );
    let router = net
        .routers()
        .create(&NewRouter::new(name("errors")))
        .await
        .expect("router");
    let plug = Plug::Subnet(made.id.clone());
    net.routers()
        .add_interface(&router.id, &plug)
        .await
        .expect("interface");
    told(
        "the same interface",
        net.routers().add_interface(&router.id, &plug).await,
        Class::Conflict,
        400,
    );
    told(
        "a router in use",
        net.routers().delete(&router.id).await,
        Class::Conflict,
        409,
    );
    told(
        "a network in use",
        net.networks().delete(&network.id).await,
        Class::Conflict,
        409,
    );
    let group = net
        .security_groups()
        .create(&NewSecurityGroup::new(name("errors")))
        .await
        .expect("group");
    let rule = NewRule::tcp_in(group.id.clone(), 22..=22, "0.0.0.0/0");
    net.security_group_rules().create(&rule).await.expect("rule");
    told(
        "the same rule",
        net.security_group_rules().create(&rule).await,
        Class::Conflict,
        409,
    );
    net.security_groups()
        .delete(&group.id)
        .await
        .expect("group deleted");
    net.routers()
        .remove_interface(&router.id, &plug)
        .await
        .expect("interface removed");
    net.routers().delete(&router.id).await.expect("router deleted");
    net.networks().delete(&network.id).await.expect("network deleted");
    let left = net
        .subnets()
        .all(&SubnetFilter::all().network_id(network.id))
        .await
        .expect("subnets");
    assert!(left.is_empty(), "a network's subnets go with it");

    let server = NewServer::new(name("errors"), NOBODY, Networks::None).image(NOBODY);
    told(
        "no such flavor",
        nova.servers().create(&server).await,
        Class::Invalid,
        400,
    );
    let pair = NewKeypair::new(name("errors"), "none");
    told("no key", nova.keypairs().create(&pair).await, Class::Invalid, 400);
    told(
        "hypervisors",
        me.send(Call::get(Kind::Compute, "list hypervisors", "os-hypervisors"))
            .await,
        Class::Denied,
        403,
    );
    told(
        "providers",
        me.send(Call::get(Kind::Placement, "list providers", "resource_providers"))
            .await,
        Class::Denied,
        403,
    );
    let image =
        NewImage::new(name("errors"), "raw", "bare").visibility(paas_openstack::image::Visibility::Public);
    told(
        "a public image",
        me.image().images().create(&image).await,
        Class::Denied,
        403,
    );
    let user = me.token().await.expect("a token").user.id.clone();
    told(
        "a credential of a restricted one",
        me.identity()
            .application_credentials(&user)
            .create(&NewApplicationCredential::new(name("errors")), None)
            .await,
        Class::Denied,
        403,
    );
    let future = me
        .send(Call::get(Kind::Compute, "list servers", "servers").microversion(Need::at_least("2.999")))
        .await
        .expect_err("no Nova has that");
    assert_eq!(future.class(), Class::Unsupported, "{future}");
    let unrouted = me
        .send(Call::get(Kind::Network, "use an extension", "nothing-here"))
        .await
        .expect_err("no Neutron has that");
    assert_eq!(unrouted.class(), Class::Unsupported, "{unrouted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_says_quota_in_its_own_way() {
    let Some(lab) = Lab::here() else { return };
    let _shared = ALONE.read().await;
    let (other, admin) = (lab.client("lab-other"), lab.client("lab-admin"));
    let project = other
        .token()
        .await
        .expect("a token")
        .project
        .clone()
        .expect("a project")
        .id;
    let set = async |kind: Kind, path: String, body: Value| {
        admin
            .send(Call::put(kind, "set a quota", path).body(body))
            .await
            .expect("an admin sets quotas");
    };
    let nova = format!("os-quota-sets/{project}");
    let cinder = format!("os-quota-sets/{project}");
    let neutron = format!("quotas/{project}");
    let octavia = format!("lbaas/quotas/{project}");
    set(
        Kind::Compute,
        nova.clone(),
        json!({ "quota_set": { "instances": 0, "key_pairs": 0 } }),
    )
    .await;
    set(
        Kind::BlockStorage,
        cinder.clone(),
        json!({ "quota_set": { "volumes": 0 } }),
    )
    .await;
    set(
        Kind::Network,
        neutron.clone(),
        json!({ "quota": { "router": 0 } }),
    )
    .await;
    set(
        Kind::LoadBalancer,
        octavia.clone(),
        json!({ "quota": { "load_balancer": 0 } }),
    )
    .await;

    let flavor = other
        .compute()
        .flavors()
        .all(&Default::default())
        .await
        .expect("flavors")
        .remove(0)
        .id;
    let image = other
        .image()
        .newest(&Default::default())
        .await
        .expect("images")
        .expect("an image")
        .id;
    let server = NewServer::new(name("quota"), flavor, Networks::None).image(image);
    let nova_said = other.compute().servers().create(&server).await;
    let pair = NewKeypair::new(
        name("quota"),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAlvWJPYlpAcRjTfJBbIGSeUgWtyPS4tZcG5rUM x",
    );
    let pair_said = other.compute().keypairs().create(&pair).await;
    let cinder_said = other
        .block_storage()
        .volumes()
        .create(&NewVolume::new(1u64).name(name("quota")))
        .await;
    let neutron_said = other
        .network()
        .routers()
        .create(&NewRouter::new(name("quota")))
        .await;
    let network = other
        .network()
        .networks()
        .create(&NewNetwork::new(name("quota")))
        .await
        .expect("network");
    let subnet = NewSubnet::new(network.id.clone(), 4, "10.89.0.0/24");
    let subnet = other
        .network()
        .subnets()
        .create(&subnet)
        .await
        .expect("subnet")
        .id;
    let octavia_said = other
        .load_balancer()
        .load_balancers()
        .create(&NewLoadBalancer::new(name("quota")).vip_subnet_id(subnet))
        .await;

    set(
        Kind::Compute,
        nova,
        json!({ "quota_set": { "instances": 1000, "key_pairs": 1000 } }),
    )
    .await;
    set(
        Kind::BlockStorage,
        cinder,
        json!({ "quota_set": { "volumes": 1000 } }),
    )
    .await;
    set(Kind::Network, neutron, json!({ "quota": { "router": -1 } })).await;
    set(
        Kind::LoadBalancer,
        octavia,
        json!({ "quota": { "load_balancer": -1 } }),
    )
    .await;
    let networks = other.network().networks();
    until(
        "the network is free",
        || networks.delete(&network.id),
        |answer| !matches!(answer, Err(e) if e.class() == Class::Conflict),
    )
    .await
    .expect("network deleted");

    told("Nova", nova_said, Class::Quota, 403);
    told("Nova's key pairs", pair_said, Class::Quota, 403);
    told("Cinder", cinder_said, Class::Quota, 413);
    told("Neutron", neutron_said, Class::Quota, 409);
    told("Octavia", octavia_said, Class::Quota, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_denied_whatever_status_keystone_gives_them() {
    let Some(lab) = Lab::here() else { return };
    let _shared = ALONE.read().await;
    let right = lab.client("lab").cloud().clone();
    let denied = async |what: &str, identity: Identity, scope: Scope| {
        let mut cloud = right.clone();
        (cloud.identity, cloud.scope) = (identity, scope);
        let client = Client::new(cloud, Options::default()).expect("a client");
        let error = client.token().await.expect_err(what);
        assert_eq!(error.class(), Class::Denied, "{what}: {error}");
        let shown = format!("{error} {error:?} {client:?}");
        assert!(!shown.contains("canary"), "{what}: {shown}");
    };
    let domain = Domain::Id("default".into());
    let user = |name: &str| Named::Name {
        name: name.into(),
        domain: domain.clone(),
    };
    let password = |name: &str| Identity::Password {
        user: user(name),
        password: "canary-password".into(),
    };
    let lab_project = Scope::Project(user("lab"));
    denied("a wrong password", password("lab"), lab_project.clone()).await;
    denied("an unknown user", password("nobody"), lab_project.clone()).await;
    denied(
        "a foreign project",
        right.identity.clone(),
        Scope::Project(user("lab-other")),
    )
    .await;
    denied("a bad token", Identity::Token("canary-token".into()), lab_project).await;
    let credential = |id: &str| Identity::ApplicationCredential {
        credential: Credential::Id(id.into()),
        secret: "canary-secret".into(),
    };
    denied(
        "an unknown credential",
        credential(&"0".repeat(32)),
        Scope::Unspecified,
    )
    .await;
    let known = match &lab.client("lab-appcred").cloud().identity {
        Identity::ApplicationCredential {
            credential: Credential::Id(id),
            ..
        } => id.clone(),
        other => panic!("{other:?}"),
    };
    denied("a wrong secret", credential(&known), Scope::Unspecified).await;

    // One that ended: Keystone takes it for a few seconds only.
    let me = lab.client("lab");
    let token = me.token().await.expect("a token");
    let ends = jiff::Timestamp::now() + Duration::from_secs(3);
    let brief = NewApplicationCredential::new(name("brief"))
        .expires_at(ends.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    let credentials = me.identity();
    let made = credentials
        .application_credentials(&token.user.id)
        .create(&brief, None)
        .await
        .expect("a credential");
    let again = || {
        let mut cloud = right.clone();
        cloud.identity = Identity::ApplicationCredential {
            credential: Credential::Id(made.credential.id.clone()),
            secret: made.secret.clone(),
        };
        cloud.scope = Scope::Unspecified;
        let client = Client::new(cloud, Options::default()).expect("a client");
        async move { client.token().await.map(drop) }
    };
    let ended = until("it ends", again, Result::is_err)
        .await
        .expect_err("it ended");
    assert_eq!(ended.class(), Class::Denied, "{ended}");
    credentials
        .application_credentials(&token.user.id)
        .delete(&made.credential.id)
        .await
        .expect("deleted");
}
