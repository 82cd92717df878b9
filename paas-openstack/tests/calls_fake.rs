//! Every typed call against the fake cloud: made, listed, shown, changed, deleted, and nothing left.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

use std::{collections::BTreeMap, time::Duration};

use futures::TryStreamExt as _;
use paas_core::error::Class;
use paas_openstack::{
    Client,
    block_storage::{Metadata, NewVolume, VolumeChange, VolumeFilter, VolumeStatus},
    client::Options,
    collection::{All, Collection, Show},
    compute::{
        Action, FlavorFilter, GroupPolicy, Networks, NewAttachment, NewDisk, NewKeypair, NewServer,
        NewServerGroup, ServerChange, ServerFilter, ServerStatus, UserData,
    },
    fake::{Fake, Setup},
    identity::{ApplicationCredentialFilter, NewApplicationCredential, RoleFilter},
    image::{ImageFilter, ImageStatus, NewImage},
    load_balancer::{
        Algorithm, HealthMonitorChange, ListenerFilter, LoadBalancerChange, LoadBalancerFilter, MemberChange,
        MemberFilter, MonitorType, NewHealthMonitor, NewListener, NewLoadBalancer, NewMember, NewPool,
        PoolFilter, Protocol, ProvisioningStatus,
    },
    network::{
        DeviceOwner, Direction, Ethertype, FixedIp, FloatingIpChange, FloatingIpFilter, Gateway,
        NetworkChange, NetworkFilter, NewFloatingIp, NewNetwork, NewPort, NewRouter, NewRule,
        NewSecurityGroup, NewSubnet, Plug, PortChange, PortFilter, RouterChange, RouterFilter, RuleFilter,
        SecurityGroupChange, SecurityGroupFilter, SubnetChange, SubnetFilter,
    },
    overview,
    placement::ResourceProviderFilter,
};
use serde_json::json;

/// Longer than anything takes in the fake.
const LONG: Duration = Duration::from_secs(600);

async fn cloud() -> (Fake, Client) {
    let fake = Fake::start(Setup::default()).await.expect("a fake cloud");
    let client = Client::new(fake.cloud(), Options::default()).expect("a client");
    (fake, client)
}

async fn admin(fake: &Fake) -> Client {
    let mut cloud = fake.cloud();
    let setup = Setup::default();
    let user = &setup.users[1];
    let named = |name: &str| paas_openstack::cloud::Named::Name {
        name: name.to_owned(),
        domain: paas_openstack::cloud::Domain::Name("Default".to_owned()),
    };
    cloud.identity = paas_openstack::cloud::Identity::Password {
        user: named(&user.name),
        password: user.password.clone(),
    };
    cloud.scope = paas_openstack::cloud::Scope::Project(named(&user.projects[0]));
    Client::new(cloud, Options::default()).expect("a client")
}

async fn is_gone<R: Show>(all: &Collection<'_, R>, id: &str) -> bool {
    matches!(all.show(id).await, Err(e) if e.class() == Class::NotFound)
}

#[tokio::test]
async fn keystone_tells_who_we_are_and_makes_credentials() {
    let (fake, client) = cloud().await;
    let token = client.token().await.expect("a token");
    let project = token.project.as_ref().expect("a project").id.clone();
    let identity = client.identity();
    let mine = identity.my_projects().all(&All).await.expect("my projects");
    assert_eq!(mine.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["demo"]);
    assert_eq!(
        identity.projects().show(&project).await.expect("mine").name,
        "demo"
    );
    assert_eq!(
        identity.regions().all(&All).await.expect("regions")[0].id,
        "RegionOne"
    );

    let credentials = identity.application_credentials(&token.user.id);
    let new = NewApplicationCredential::new("ours")
        .description("of a test")
        .roles(vec!["reader".into()]);
    let made = credentials.create(&new, None).await.expect("made");
    assert_eq!(made.credential.roles[0].name, "reader");
    let again = credentials
        .create(&new, None)
        .await
        .expect_err("the name is taken");
    assert_eq!(again.class(), Class::Conflict);
    let found = credentials
        .all(&ApplicationCredentialFilter::all().name("ours"))
        .await
        .expect("a list");
    assert_eq!(
        found,
        [credentials.show(&made.credential.id).await.expect("it is there")]
    );
    credentials.delete(&made.credential.id).await.expect("deleted");
    assert!(is_gone(&credentials, &made.credential.id).await);

    let admin = admin(&fake).await;
    let roles = admin
        .identity()
        .roles()
        .all(&RoleFilter::all().name("member"))
        .await
        .expect("an administrator may");
    assert_eq!(roles.len(), 1);
    identity
        .access_rules(&token.user.id)
        .all(&All)
        .await
        .expect("none is no error");
}

#[tokio::test]
async fn neutron_makes_a_network_with_everything_and_takes_it_away() {
    let (fake, client) = cloud().await;
    let network = client.network();
    let extensions = network.extensions().await.expect("extensions");
    assert!(extensions.contains("router") && extensions.contains("standard-attr-tag"));
    let project = client
        .token()
        .await
        .expect("a token")
        .project
        .as_ref()
        .expect("a project")
        .id
        .clone();
    let before = network.quota(&project).await.expect("a quota");

    let (networks, subnets) = (network.networks(), network.subnets());
    let outside = &networks
        .all(&NetworkFilter::all().external(true))
        .await
        .expect("networks")[0];
    let inside = networks
        .create(&NewNetwork::new("in").description("paas:1"))
        .await
        .expect("a network");
    let found = networks
        .all(&NetworkFilter::all().description("paas:1"))
        .await
        .expect("a list");
    assert_eq!((found.len(), found[0].id.as_str()), (1, inside.id.as_str()));
    let renamed = networks
        .update(&inside.id, &NetworkChange::default().name("inside"))
        .await
        .expect("renamed");
    assert_eq!(networks.show(&inside.id).await.expect("it is there"), renamed);
    let tags = networks
        .replace_tags(&inside.id, &["a".to_owned()])
        .await
        .expect("tags");
    assert_eq!(tags, ["a"]);
    networks
        .add_tag(&inside.id, "b c")
        .await
        .expect("a tag with a space");
    networks.remove_tag(&inside.id, "a").await.expect("a tag less");
    assert_eq!(
        networks
            .all(&NetworkFilter::all().tags("b c"))
            .await
            .expect("a list")[0]
            .tags,
        ["b c"]
    );

    let subnet = subnets
        .create(
            &NewSubnet::new(inside.id.as_str(), 4, "10.9.0.0/24")
                .name("s")
                .dns_nameservers(vec!["1.1.1.1".to_owned()]),
        )
        .await
        .expect("a subnet");
    let change = SubnetChange::default()
        .dns_nameservers(Vec::new())
        .enable_dhcp(false);
    assert!(
        !subnets
            .update(&subnet.id, &change)
            .await
            .expect("changed")
            .enable_dhcp
    );
    let filter = SubnetFilter::all()
        .network_id(inside.id.as_str())
        .cidr("10.9.0.0/24");
    assert_eq!(subnets.all(&filter).await.expect("a list").len(), 1);

    let routers = network.routers();
    let router = routers
        .create(&NewRouter::new("r").gateway(Gateway::to(outside.id.as_str())))
        .await
        .expect("a router");
    let plug = Plug::Subnet(subnet.id.clone());
    let plugged = routers
        .add_interface(&router.id, &plug)
        .await
        .expect("plugged in");
    let again = routers
        .add_interface(&router.id, &plug)
        .await
        .expect_err("it is plugged in already");
    assert!(
        matches!(again.class(), Class::Invalid | Class::Conflict),
        "{again}"
    );
    assert_eq!(
        routers
            .all(&RouterFilter::all().name("r"))
            .await
            .expect("a list")
            .len(),
        1
    );
    let ports = network.ports();
    let interface = ports
        .show(&plugged.port_id)
        .await
        .expect("the interface is a port");
    assert!(interface.device_owner.is_router_interface() && interface.device_id == router.id);
    let owner = PortFilter::all().device_owner(DeviceOwner::RouterInterface);
    assert_eq!(ports.all(&owner).await.expect("a list").len(), 1);

    let (groups, rules) = (network.security_groups(), network.security_group_rules());
    let group = groups
        .create(&NewSecurityGroup::new("g").description("paas:1"))
        .await
        .expect("a group");
    let rule = rules
        .create(&NewRule::tcp_in(group.id.as_str(), 22..=22, "0.0.0.0/0"))
        .await
        .expect("a rule");
    let twice = rules
        .create(&NewRule::tcp_in(group.id.as_str(), 22..=22, "0.0.0.0/0"))
        .await
        .expect_err("a second one");
    assert_eq!(twice.class(), Class::Conflict);
    let ping = NewRule::new(group.id.as_str(), Direction::Ingress, Ethertype::Ipv4).protocol("icmp");
    rules.create(&ping).await.expect("another rule");
    let of_group = RuleFilter::all()
        .security_group_id(group.id.as_str())
        .direction(Direction::Ingress);
    assert_eq!(rules.all(&of_group).await.expect("a list").len(), 2);
    rules.delete(&rule.id).await.expect("a rule less");
    groups
        .update(&group.id, &SecurityGroupChange::default().name("group"))
        .await
        .expect("renamed");
    assert_eq!(
        groups
            .all(&SecurityGroupFilter::all().name("group"))
            .await
            .expect("a list")[0]
            .id,
        group.id
    );

    let address = "10.9.0.7".parse().expect("an address");
    let new = NewPort::new(inside.id.as_str())
        .name("p")
        .fixed_ips(vec![FixedIp::at(subnet.id.as_str(), address)])
        .security_groups(vec![group.id.clone()]);
    let port = ports.create(&new).await.expect("a port");
    assert_eq!(
        ports
            .create(&new)
            .await
            .expect_err("the address is taken")
            .class(),
        Class::Conflict
    );
    assert_eq!(
        ports
            .all(&PortFilter::all().address(address))
            .await
            .expect("a list")[0]
            .id,
        port.id
    );
    ports
        .update(&port.id, &PortChange::default().name("port"))
        .await
        .expect("renamed");

    let floating = network.floating_ips();
    let new = NewFloatingIp::new(outside.id.as_str())
        .port_id(port.id.as_str())
        .description("paas:1/p");
    let ip = floating.create(&new).await.expect("a floating IP");
    assert_eq!(
        floating.create(&new).await.expect_err("the port has one").class(),
        Class::Conflict
    );
    let found = floating
        .all(&FloatingIpFilter::all().port_id(port.id.as_str()))
        .await
        .expect("a list");
    assert_eq!(found[0].address, ip.address);
    let off = floating
        .update(&ip.id, &FloatingIpChange::default().port_id(None))
        .await
        .expect("taken off");
    assert_eq!(off.port_id, None);

    let used = network.quota(&project).await.expect("a quota");
    assert_eq!(used.network.in_use, before.network.in_use + 1);
    assert_eq!(used.floating_ip.in_use, before.floating_ip.in_use + 1);

    floating.delete(&ip.id).await.expect("deleted");
    ports.delete(&port.id).await.expect("deleted");
    groups.delete(&group.id).await.expect("deleted");
    let in_use = networks.delete(&inside.id).await.expect_err("it is in use");
    assert_eq!(in_use.class(), Class::Conflict);
    routers
        .remove_interface(&router.id, &plug)
        .await
        .expect("plugged out");
    routers
        .update(&router.id, &RouterChange::default().gateway(None))
        .await
        .expect("no gateway");
    routers.delete(&router.id).await.expect("deleted");
    subnets.delete(&subnet.id).await.expect("deleted");
    networks.delete(&inside.id).await.expect("deleted");
    assert!(is_gone(&networks, &inside.id).await);
    assert!(fake.leftovers().is_empty(), "{:?}", fake.leftovers());
}

#[tokio::test]
async fn glance_takes_an_image_and_finds_the_newest() {
    let (fake, client) = cloud().await;
    let images = client.image().images();
    let id = "7a3c1f0e-5b9d-4c7e-8a11-2f6d9e0b4c55";
    let new = NewImage::new("debian-12", "raw", "bare")
        .id(id)
        .min_disk(2_u64)
        .tags(vec!["t".to_owned()]);
    let new = new.properties(BTreeMap::from([("hw_disk_bus".to_owned(), "scsi".to_owned())]));
    let made = images.create(&new).await.expect("an image");
    assert_eq!(
        (made.status.clone(), made.property("hw_disk_bus")),
        (ImageStatus::Queued, Some("scsi"))
    );
    assert_eq!(
        images.create(&new).await.expect_err("the id is taken").class(),
        Class::Conflict
    );
    let filter = ImageFilter::all().name("debian-12");
    let before = client
        .image()
        .newest(&filter)
        .await
        .expect("a list")
        .expect("the public one");
    assert_ne!(before.id, id, "an image without data cannot be used");
    images.upload(id, &b"a disk"[..]).await.expect("taken");
    fake.advance(LONG);
    assert_eq!(
        images.show(id).await.expect("it is there").status,
        ImageStatus::Active
    );
    let newest = client
        .image()
        .newest(&filter)
        .await
        .expect("a list")
        .expect("ours");
    assert_eq!(newest.id, id);
    assert!(
        client
            .image()
            .newest(&ImageFilter::all().name("debian"))
            .await
            .expect("a list")
            .is_none()
    );
    assert_eq!(
        images
            .all(&ImageFilter::all().tag("t"))
            .await
            .expect("a list")
            .len(),
        1
    );
    let set = images
        .set(id, &[("name", json!("renamed")), ("os_distro", json!("ours"))])
        .await
        .expect("changed");
    assert_eq!(
        (set.name.as_str(), set.property("os_distro")),
        ("renamed", Some("ours"))
    );
    images.delete(id).await.expect("deleted");
    fake.advance(LONG);
    assert!(is_gone(&images, id).await);
}

#[tokio::test]
async fn cinder_makes_a_volume_that_is_found_by_its_metadata() {
    let (fake, client) = cloud().await;
    let storage = client.block_storage();
    let volumes = storage.volumes();
    let project = client
        .token()
        .await
        .expect("a token")
        .project
        .as_ref()
        .expect("a project")
        .id
        .clone();
    assert_eq!(storage.volume_types().all(&All).await.expect("types").len(), 2);
    assert!(
        storage
            .availability_zones()
            .await
            .expect("zones")
            .iter()
            .any(|z| z.state.available)
    );

    let new = NewVolume::new(3_u64).name("v").volume_type("ssd");
    let new = new.metadata(BTreeMap::from([("paas".to_owned(), "1-2".to_owned())]));
    let made = volumes.create(&new).await.expect("a volume");
    assert_eq!(made.status, VolumeStatus::Creating);
    fake.advance(LONG);
    let filter = VolumeFilter::all().metadata(Metadata::from(("paas", "1-2")));
    let found = volumes.all(&filter).await.expect("a list");
    assert_eq!(
        (found.len(), found[0].status.clone()),
        (1, VolumeStatus::Available)
    );
    assert!(
        volumes
            .all(&VolumeFilter::all().name("w"))
            .await
            .expect("a list")
            .is_empty()
    );
    volumes
        .update(&made.id, &VolumeChange::default().name("w"))
        .await
        .expect("renamed");
    volumes.extend(&made.id, 5).await.expect("taken");
    fake.advance(LONG);
    let shown = volumes.show(&made.id).await.expect("it is there");
    assert_eq!((shown.name.as_str(), shown.size), ("w", 5));
    let (limits, quota) = (
        storage.limits().await.expect("limits"),
        storage.quota(&project).await.expect("a quota"),
    );
    assert_eq!((limits.gigabytes_used, quota.gigabytes.in_use), (5, 5));
    volumes.delete(&made.id).await.expect("deleted");
    fake.advance(LONG);
    assert!(is_gone(&volumes, &made.id).await);
    assert!(fake.leftovers().is_empty(), "{:?}", fake.leftovers());
}

#[tokio::test]
async fn nova_boots_a_server_on_a_port_and_does_everything_with_it() {
    let (fake, client) = cloud().await;
    let (compute, network) = (client.compute(), client.network());
    let project = client
        .token()
        .await
        .expect("a token")
        .project
        .as_ref()
        .expect("a project")
        .id
        .clone();
    let inside = network
        .networks()
        .create(&NewNetwork::new("in"))
        .await
        .expect("a network");
    network
        .subnets()
        .create(&NewSubnet::new(inside.id.as_str(), 4, "10.9.0.0/24"))
        .await
        .expect("a subnet");
    let port = network
        .ports()
        .create(&NewPort::new(inside.id.as_str()))
        .await
        .expect("a port");
    let image = client
        .image()
        .newest(&ImageFilter::all().name("debian-12"))
        .await
        .expect("a list")
        .expect("one");
    let fits = FlavorFilter::all().min_ram(2048_u64).min_disk(20_u64);
    let flavors = compute.flavors().all(&fits).await.expect("flavors");
    let flavor = flavors.iter().find(|f| f.name == "m1.small").expect("it fits");
    assert!(flavors.iter().all(|f| f.ram >= 2048));
    assert_eq!(
        compute
            .flavors()
            .show(&flavor.id)
            .await
            .expect("it is there")
            .vcpus,
        1
    );

    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJJgeGE9yDvEJ3HqRJYGPKQZ9Gd9Q9XQWPy3bJZ0Yb0l test";
    let keypairs = compute.keypairs();
    let keypair = keypairs
        .create(&NewKeypair::new("k", key))
        .await
        .expect("a key pair");
    assert_eq!(
        keypairs
            .create(&NewKeypair::new("k", key))
            .await
            .expect_err("taken")
            .class(),
        Class::Conflict
    );
    assert_eq!(
        keypairs.show("k").await.expect("it is there").fingerprint,
        keypair.fingerprint
    );
    let listed: Vec<_> = keypairs.list().try_collect().await.expect("a list");
    assert_eq!(listed.len(), 1);

    let groups = compute.server_groups();
    let group = groups
        .create(&NewServerGroup::new("g", GroupPolicy::SoftAntiAffinity))
        .await
        .expect("a group");
    assert_eq!(
        groups.all(&All).await.expect("a list")[0].policy(),
        Some(&GroupPolicy::SoftAntiAffinity)
    );

    let servers = compute.servers();
    let new = NewServer::new("web.0", flavor.id.as_str(), Networks::port(port.id.as_str()))
        .image(image.id.as_str())
        .key_name("k")
        .user_data(UserData::new(b"#!/bin/sh\n").expect("small"))
        .metadata(BTreeMap::from([("paas".to_owned(), "1".to_owned())]))
        .tags(vec!["mine".to_owned()])
        .group(group.id.as_str());
    let made = servers.create(&new).await.expect("a server");
    let again = servers.create(&new).await.expect_err("its port is in use");
    assert_eq!(again.class(), Class::Conflict, "{again}");
    assert_eq!(
        servers.show(&made.id).await.expect("it is there").status,
        ServerStatus::Build
    );
    fake.advance(LONG);
    let found = servers
        .all(&ServerFilter::all().name("web.0").tags("mine"))
        .await
        .expect("a list");
    assert_eq!((found.len(), found[0].id.as_str()), (1, made.id.as_str()));
    assert!(found[0].is_settled(&ServerStatus::Active) && found[0].metadata["paas"] == "1");
    assert_eq!(found[0].flavor.vcpus, Some(1));
    assert!(
        servers
            .all(&ServerFilter::all().name("web-0"))
            .await
            .expect("a list")
            .is_empty()
    );
    let shown = groups.show(&group.id).await.expect("it is there");
    assert_eq!(shown.members, std::slice::from_ref(&made.id));

    servers
        .update(&made.id, &ServerChange::default().name("web"))
        .await
        .expect("renamed");
    let set = BTreeMap::from([("more".to_owned(), "2".to_owned())]);
    assert_eq!(
        servers.set_metadata(&made.id, &set).await.expect("set")["more"],
        "2"
    );
    servers.delete_metadata(&made.id, "more").await.expect("one less");
    assert_eq!(
        servers
            .replace_tags(&made.id, &["a".to_owned()])
            .await
            .expect("tags"),
        ["a"]
    );
    assert!(
        !servers
            .console_output(&made.id, 10)
            .await
            .expect("output")
            .is_empty()
    );
    for action in [
        Action::Stop,
        Action::Start,
        Action::Reboot,
        Action::HardReboot,
        Action::Lock,
        Action::Unlock,
    ] {
        servers
            .act(&made.id, action)
            .await
            .unwrap_or_else(|e| panic!("{action:?}: {e}"));
        fake.advance(LONG);
    }
    let actions = servers.actions(&made.id).await.expect("actions");
    let first = actions
        .iter()
        .find(|a| a.action == "create")
        .expect("it was made");
    assert_eq!(
        servers
            .action(&made.id, &first.request_id)
            .await
            .expect("it is there")
            .action,
        "create"
    );

    assert_eq!(
        servers.interfaces(&made.id).await.expect("a list")[0].port_id,
        port.id
    );
    let second = network
        .ports()
        .create(&NewPort::new(inside.id.as_str()))
        .await
        .expect("a port");
    servers.attach_port(&made.id, &second.id).await.expect("attached");
    servers.detach_port(&made.id, &second.id).await.expect("detached");
    let volume = client
        .block_storage()
        .volumes()
        .create(&NewVolume::new(1_u64))
        .await
        .expect("a volume");
    fake.advance(LONG);
    servers
        .attach_volume(&made.id, &NewAttachment::new(volume.id.as_str()))
        .await
        .expect("attached");
    fake.advance(LONG);
    assert_eq!(
        servers.volumes(&made.id).await.expect("a list")[0].volume_id,
        volume.id
    );
    servers
        .detach_volume(&made.id, &volume.id)
        .await
        .expect("detached");
    fake.advance(LONG);

    assert_eq!(compute.limits().await.expect("limits").instances_used, 1);
    assert_eq!(
        compute.quota(&project).await.expect("a quota").instances.in_use,
        1
    );
    assert!(
        compute.availability_zones().await.expect("zones")[0]
            .state
            .available
    );

    servers.delete(&made.id).await.expect("deleted");
    fake.advance(LONG);
    assert!(is_gone(&servers, &made.id).await);
    groups.delete(&group.id).await.expect("deleted");
    keypairs.delete("k").await.expect("deleted");
    client
        .block_storage()
        .volumes()
        .delete(&volume.id)
        .await
        .expect("deleted");
    for port in [&port, &second] {
        network
            .ports()
            .delete(&port.id)
            .await
            .expect("it survived its server");
    }
    network.networks().delete(&inside.id).await.expect("deleted");
    fake.advance(LONG);
    assert!(fake.leftovers().is_empty(), "{:?}", fake.leftovers());
}

#[tokio::test]
async fn nova_boots_from_a_volume_of_a_type() {
    let (fake, client) = cloud().await;
    let image = client
        .image()
        .newest(&ImageFilter::all())
        .await
        .expect("a list")
        .expect("one");
    let flavors = client
        .compute()
        .flavors()
        .all(&FlavorFilter::all())
        .await
        .expect("flavors");
    let flavor = flavors.iter().find(|f| f.name == "m1.tiny").expect("it is there");
    let root = NewDisk::root_from_image(image.id.as_str(), 4).volume_type("hdd");
    let new = NewServer::new("bfv", flavor.id.as_str(), Networks::None).disks(vec![root]);
    let servers = client.compute().servers();
    let made = servers.create(&new).await.expect("a server");
    fake.advance(LONG);
    let shown = servers.show(&made.id).await.expect("it is there");
    assert_eq!(shown.image.0, None);
    let volume = client
        .block_storage()
        .volumes()
        .show(&shown.volumes[0].id)
        .await
        .expect("its root");
    assert_eq!(
        (volume.volume_type.as_deref(), volume.status),
        (Some("hdd"), VolumeStatus::InUse)
    );
    servers.delete(&made.id).await.expect("deleted");
    fake.advance(LONG);
    assert!(is_gone(&servers, &made.id).await);
    // Cinder was told only now, and takes its own time.
    fake.advance(LONG);
    assert!(
        is_gone(&client.block_storage().volumes(), &volume.id).await,
        "the root goes with its server"
    );
    assert!(fake.leftovers().is_empty(), "{:?}", fake.leftovers());
}

#[tokio::test]
async fn octavia_makes_a_balancer_with_everything_in_one_call() {
    let (fake, client) = cloud().await;
    let (balancing, network) = (client.load_balancer(), client.network());
    let project = client
        .token()
        .await
        .expect("a token")
        .project
        .as_ref()
        .expect("a project")
        .id
        .clone();
    let inside = network
        .networks()
        .create(&NewNetwork::new("in"))
        .await
        .expect("a network");
    let subnet = network
        .subnets()
        .create(&NewSubnet::new(inside.id.as_str(), 4, "10.9.0.0/24"))
        .await
        .expect("a subnet");
    assert!(
        !balancing
            .providers()
            .all(&All)
            .await
            .expect("providers")
            .is_empty()
    );
    assert!(
        balancing
            .quota(&project)
            .await
            .expect("a quota")
            .loadbalancer
            .is_some()
    );

    let balancers = balancing.load_balancers();
    let member = |n: u8| NewMember::new(format!("10.9.0.{n}"), 6443_u16).subnet_id(subnet.id.as_str());
    let pool = NewPool::of(Protocol::Tcp, Algorithm::RoundRobin)
        .name("pool")
        .members(vec![member(11), member(12)])
        .health_monitor(NewHealthMonitor::new(MonitorType::Tcp, 5_u32, 3_u32, 2_u32));
    let listener = NewListener::new(Protocol::Tcp, 6443_u16)
        .name("api")
        .default_pool(pool);
    let new = NewLoadBalancer::new("lb")
        .vip_subnet_id(subnet.id.as_str())
        .listeners(vec![listener]);
    let made = balancers
        .create(&new.tags(vec!["mine".to_owned()]))
        .await
        .expect("a balancer");
    let busy = balancers
        .update(&made.id, &LoadBalancerChange::default().name("x"))
        .await
        .expect_err("it is being made");
    assert_eq!(busy.class(), Class::Conflict, "{busy}");
    fake.advance(LONG);
    let found = balancers
        .all(&LoadBalancerFilter::all().name("lb").tags("mine"))
        .await
        .expect("a list");
    assert_eq!(found[0].provisioning_status, ProvisioningStatus::Active);
    let tree = balancers.status(&made.id).await.expect("a tree");
    assert_eq!(tree.listeners[0].pools[0].members.len(), 2);
    assert!(tree.pools[0].health_monitor.id.is_some());

    let of_it = ListenerFilter::all().loadbalancer_id(made.id.as_str());
    let listener = balancing.listeners().all(&of_it).await.expect("a list").remove(0);
    assert_eq!(
        listener.default_pool_id.as_deref(),
        Some(tree.pools[0].id.as_str())
    );
    let pool = balancing
        .pools()
        .all(&PoolFilter::all().loadbalancer_id(made.id.as_str()))
        .await
        .expect("a list")
        .remove(0);
    assert_eq!(pool.algorithm, Algorithm::RoundRobin);
    let members = balancing.members(&pool.id);
    let third = members.create(&member(13)).await.expect("a member");
    fake.advance(LONG);
    members
        .update(&third.id, &MemberChange::default().weight(0_u32))
        .await
        .expect("drained");
    fake.advance(LONG);
    assert_eq!(members.show(&third.id).await.expect("it is there").weight, 0);
    members.delete(&third.id).await.expect("deleted");
    fake.advance(LONG);
    members
        .replace(&[member(12), member(14)])
        .await
        .expect("replaced");
    fake.advance(LONG);
    let left = members.all(&MemberFilter::all()).await.expect("a list");
    assert_eq!(
        left.iter().map(|m| m.address.as_str()).collect::<Vec<_>>(),
        ["10.9.0.12", "10.9.0.14"]
    );

    let monitors = balancing.health_monitors();
    let monitor = monitors.all(&All).await.expect("a list").remove(0);
    monitors
        .update(&monitor.id, &HealthMonitorChange::default().delay(9_u32))
        .await
        .expect("slower");
    fake.advance(LONG);
    assert_eq!(monitors.show(&monitor.id).await.expect("it is there").delay, 9);
    monitors.delete(&monitor.id).await.expect("deleted");
    fake.advance(LONG);
    let udp = NewListener::new(Protocol::Udp, 53_u16).loadbalancer_id(made.id.as_str());
    let udp = balancing
        .listeners()
        .create(&udp)
        .await
        .expect("a second listener");
    fake.advance(LONG);
    balancing.listeners().delete(&udp.id).await.expect("deleted");
    fake.advance(LONG);
    balancers.delete(&made.id).await.expect_err("it has children");
    balancers
        .delete_cascade(&made.id)
        .await
        .expect("deleted with everything");
    fake.advance(LONG);
    assert!(is_gone(&balancers, &made.id).await);
    network
        .networks()
        .delete(&inside.id)
        .await
        .expect("its port went too");
    assert!(fake.leftovers().is_empty(), "{:?}", fake.leftovers());
}

#[tokio::test]
async fn placement_tells_an_administrator_what_hosts_have() {
    let (fake, client) = cloud().await;
    let refused = client
        .placement()
        .resource_providers()
        .all(&ResourceProviderFilter::all())
        .await;
    assert_eq!(refused.expect_err("others may not ask").class(), Class::Denied);
    let admin = admin(&fake).await;
    let providers = admin.placement().resource_providers();
    let all = providers
        .all(&ResourceProviderFilter::all())
        .await
        .expect("a list");
    assert_eq!(all.len(), Setup::default().hypervisors.len());
    let named = providers
        .all(&ResourceProviderFilter::all().name(all[0].name.as_str()))
        .await
        .expect("a list");
    assert_eq!(named.len(), 1);
    assert_eq!(
        providers.usages(&all[0].uuid).await.expect("usages").get("VCPU"),
        Some(&0)
    );
}

#[tokio::test]
async fn an_overview_of_the_fake_is_well() {
    let (_fake, client) = cloud().await;
    let seen = overview::look(&client).await.expect("a token");
    assert!(seen.is_well(), "{:#?}", seen.services);
    assert_eq!(seen.identity.roles, ["member", "reader", "load-balancer_member"]);
    assert!(seen.quota.iter().any(|q| q.what == "servers"));
}
