//! Every typed call that there is, in the order in which a platform makes them; nothing is left behind.

use std::collections::BTreeMap;

use paas_core::error::{Class, Result};
use paas_openstack::{
    block_storage::{Metadata, NewVolume, VolumeChange, VolumeFilter, VolumeStatus},
    collection::All,
    compute::{
        Action, GroupPolicy, Networks, NewAttachment, NewKeypair, NewServer, NewServerGroup, ServerChange,
        ServerFilter, ServerStatus,
    },
    identity::{ApplicationCredentialFilter, NewApplicationCredential},
    image::{ImageFilter, ImageStatus, NewImage},
    load_balancer::{
        Algorithm, HealthMonitorChange, ListenerFilter, LoadBalancerChange, LoadBalancerFilter, MemberChange,
        MonitorType, NewHealthMonitor, NewListener, NewLoadBalancer, NewMember, NewPool, PoolFilter,
        Protocol, ProvisioningStatus,
    },
    network::{
        FixedIp, FloatingIpChange, FloatingIpFilter, Gateway, NetworkChange, NetworkFilter, NewFloatingIp,
        NewNetwork, NewPort, NewRouter, NewRule, NewSecurityGroup, NewSubnet, Plug, PortChange, PortFilter,
        RouterChange, RouterFilter, RuleFilter, SecurityGroupChange, SecurityGroupFilter, SubnetChange,
        SubnetFilter,
    },
    overview,
};
use serde_json::json;

use crate::{ALONE, Lab, name, until};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAlvWJPYlpAcRjTfJBbIGSeUgWtyPS4tZcG5rUM x";

fn gone<T>(answer: &Result<T>) -> bool {
    matches!(answer, Err(e) if e.class() == Class::NotFound)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_calls_comes_and_goes() {
    let Some(lab) = Lab::here() else { return };
    let _shared = ALONE.read().await;
    let me = lab.client("lab-appcred");
    let (net, nova, cinder, octavia) = (me.network(), me.compute(), me.block_storage(), me.load_balancer());
    let mark = name("walk");
    let project = me
        .token()
        .await
        .expect("token")
        .project
        .clone()
        .expect("project")
        .id;

    // What there is.
    let seen = overview::look(&me).await.expect("an overview");
    assert!(seen.services.len() >= 6, "{seen:?}");
    assert!(net.extensions().await.expect("extensions").contains("router"));
    net.quota(&project).await.expect("network quota");
    nova.limits().await.expect("limits");
    nova.quota(&project).await.expect("compute quota");
    assert!(!nova.availability_zones().await.expect("zones").is_empty());
    cinder.limits().await.expect("volume limits");
    cinder.quota(&project).await.expect("volume quota");
    assert!(
        !cinder
            .availability_zones()
            .await
            .expect("volume zones")
            .is_empty()
    );
    assert!(!cinder.volume_types().all(&All).await.expect("types").is_empty());
    assert!(!octavia.providers().all(&All).await.expect("providers").is_empty());
    octavia.quota(&project).await.expect("balancer quota");
    assert!(
        !me.identity()
            .regions()
            .all(&All)
            .await
            .expect("regions")
            .is_empty()
    );
    assert!(
        !me.identity()
            .my_projects()
            .all(&All)
            .await
            .expect("projects")
            .is_empty()
    );
    let flavors = nova.flavors().all(&Default::default()).await.expect("flavors");
    let flavor = flavors.iter().min_by_key(|f| f.ram).expect("a flavor");
    assert_eq!(
        nova.flavors().show(&flavor.id).await.expect("flavor").name,
        flavor.name
    );
    let picture = me
        .image()
        .newest(&ImageFilter::all().status(ImageStatus::Active))
        .await
        .expect("images")
        .expect("an image");
    let public = net
        .networks()
        .all(&NetworkFilter::all().external(true))
        .await
        .expect("external")
        .remove(0);

    // Network.
    let network = net
        .networks()
        .create(&NewNetwork::new(mark.clone()).description(mark.clone()))
        .await
        .expect("network");
    let found = net
        .networks()
        .all(&NetworkFilter::all().description(mark.clone()))
        .await
        .expect("networks");
    assert_eq!(found.len(), 1);
    net.networks().show(&network.id).await.expect("network");
    net.networks()
        .update(&network.id, &NetworkChange::new().name(mark.clone()))
        .await
        .expect("renamed");
    net.networks()
        .replace_tags(&network.id, &["a".into(), "b".into()])
        .await
        .expect("tags");
    net.networks().add_tag(&network.id, "c").await.expect("tag");
    net.networks().remove_tag(&network.id, "c").await.expect("untag");
    let subnet = net
        .subnets()
        .create(&NewSubnet::new(network.id.clone(), 4, "10.88.0.0/24").name(mark.clone()))
        .await
        .expect("subnet");
    let found = net
        .subnets()
        .all(&SubnetFilter::all().network_id(network.id.clone()))
        .await
        .expect("subnets");
    assert_eq!(found.len(), 1);
    let told = SubnetChange::new().dns_nameservers(vec!["9.9.9.9".to_owned()]);
    net.subnets()
        .update(&subnet.id, &told)
        .await
        .expect("subnet changed");
    let shown = net.subnets().show(&subnet.id).await.expect("subnet");
    assert_eq!(shown.dns_nameservers, ["9.9.9.9"]);
    let router = net
        .routers()
        .create(&NewRouter::new(mark.clone()).gateway(Gateway::to(public.id.clone())))
        .await
        .expect("router");
    let said = RouterChange::new().description(mark.clone());
    net.routers()
        .update(&router.id, &said)
        .await
        .expect("router changed");
    assert_eq!(
        net.routers().show(&router.id).await.expect("router").description,
        mark
    );
    let found = net
        .routers()
        .all(&RouterFilter::all().description(mark.clone()))
        .await;
    assert_eq!(found.expect("routers").len(), 1);
    let plug = Plug::Subnet(subnet.id.clone());
    net.routers()
        .add_interface(&router.id, &plug)
        .await
        .expect("interface");
    let group = net
        .security_groups()
        .create(&NewSecurityGroup::new(mark.clone()).description(mark.clone()))
        .await
        .expect("security group");
    let named = SecurityGroupChange::new().name(mark.clone());
    net.security_groups()
        .update(&group.id, &named)
        .await
        .expect("group changed");
    net.security_groups()
        .show(&group.id)
        .await
        .expect("security group");
    let found = net
        .security_groups()
        .all(&SecurityGroupFilter::all().description(mark.clone()))
        .await;
    assert_eq!(found.expect("security groups").len(), 1);
    let rule = NewRule::tcp_in(group.id.clone(), 22..=22, "0.0.0.0/0");
    let rule = net.security_group_rules().create(&rule).await.expect("rule");
    net.security_group_rules().show(&rule.id).await.expect("rule");
    let rules = RuleFilter::all().security_group_id(group.id.clone());
    assert_eq!(
        net.security_group_rules().all(&rules).await.expect("rules").len(),
        3
    );
    net.security_group_rules()
        .delete(&rule.id)
        .await
        .expect("rule deleted");
    let address = "10.88.0.10".parse().expect("an address");
    let wanted = NewPort::new(network.id.clone())
        .name(mark.clone())
        .fixed_ips(vec![FixedIp::at(subnet.id.clone(), address)])
        .security_groups(vec![group.id.clone()]);
    let port = net.ports().create(&wanted).await.expect("port");
    assert_eq!(port.addresses().collect::<Vec<_>>(), [address]);
    net.ports()
        .update(&port.id, &PortChange::new().name(mark.clone()))
        .await
        .expect("port renamed");
    net.ports().show(&port.id).await.expect("port");
    let ports = net
        .ports()
        .all(&PortFilter::all().network_id(network.id.clone()))
        .await
        .expect("ports");
    assert!(ports.iter().any(|p| p.id == port.id));

    // A server on the port, with a volume and a floating IP.
    let pair = nova
        .keypairs()
        .create(&NewKeypair::new(mark.clone(), KEY))
        .await
        .expect("key pair");
    nova.keypairs().show(&pair.name).await.expect("key pair");
    let servers = nova
        .server_groups()
        .create(&NewServerGroup::new(mark.clone(), GroupPolicy::SoftAntiAffinity))
        .await
        .expect("server group");
    let wanted = NewServer::new(mark.clone(), flavor.id.clone(), Networks::port(port.id.clone()))
        .image(picture.id.clone())
        .key_name(pair.name.clone())
        .metadata(BTreeMap::from([("mark".to_owned(), mark.clone())]))
        .tags(vec!["judge".to_owned()])
        .group(servers.id.clone());
    let server = nova.servers().create(&wanted).await.expect("server").id;
    let be = async |status: ServerStatus| {
        let collection = nova.servers();
        let settled = |answer: &Result<paas_openstack::compute::Server>| {
            answer.as_ref().is_ok_and(|s| s.is_settled(&status))
        };
        until("the server's state", || collection.show(&server), settled)
            .await
            .expect("server")
    };
    be(ServerStatus::Active).await;
    let found = nova
        .servers()
        .all(&ServerFilter::all().name(mark.clone()))
        .await
        .expect("servers");
    assert_eq!(found.len(), 1);
    nova.servers()
        .update(&server, &ServerChange::new().name(mark.clone()))
        .await
        .expect("renamed");
    nova.servers()
        .set_metadata(&server, &BTreeMap::from([("more".to_owned(), "x".to_owned())]))
        .await
        .expect("metadata");
    nova.servers()
        .delete_metadata(&server, "more")
        .await
        .expect("metadata deleted");
    nova.servers()
        .replace_tags(&server, &["a".into()])
        .await
        .expect("tags");
    nova.servers().console_output(&server, 10).await.expect("console");
    let actions = nova.servers().actions(&server).await.expect("actions");
    nova.servers()
        .action(&server, &actions[0].request_id)
        .await
        .expect("action");
    assert_eq!(
        nova.servers()
            .interfaces(&server)
            .await
            .expect("interfaces")
            .len(),
        1
    );
    nova.servers().act(&server, Action::Stop).await.expect("stop");
    be(ServerStatus::Shutoff).await;
    nova.servers().act(&server, Action::Start).await.expect("start");
    be(ServerStatus::Active).await;
    for again in [Action::Reboot, Action::HardReboot] {
        nova.servers().act(&server, again).await.expect("reboot");
        be(ServerStatus::Active).await;
    }
    for lock in [Action::Lock, Action::Unlock] {
        nova.servers().act(&server, lock).await.expect("lock");
    }
    nova.server_groups()
        .show(&servers.id)
        .await
        .expect("server group");
    let second = net
        .ports()
        .create(&NewPort::new(network.id.clone()))
        .await
        .expect("second port");
    nova.servers()
        .attach_port(&server, &second.id)
        .await
        .expect("attached");
    let collection = nova.servers();
    until(
        "the port is there",
        || collection.interfaces(&server),
        |answer| answer.as_ref().is_ok_and(|all| all.len() == 2),
    )
    .await
    .expect("interfaces");
    nova.servers()
        .detach_port(&server, &second.id)
        .await
        .expect("detached");
    until(
        "the port is gone",
        || collection.interfaces(&server),
        |answer| answer.as_ref().is_ok_and(|all| all.len() == 1),
    )
    .await
    .expect("interfaces");
    let _ = net.ports().delete(&second.id).await;

    let marked = BTreeMap::from([("mark".to_owned(), mark.clone())]);
    let volume = cinder
        .volumes()
        .create(&NewVolume::new(1u64).name(mark.clone()).metadata(marked.clone()))
        .await
        .expect("volume")
        .id;
    let be_volume = async |status: VolumeStatus| {
        let collection = cinder.volumes();
        until(
            "the volume's state",
            || collection.show(&volume),
            |answer| answer.as_ref().is_ok_and(|v| v.status == status),
        )
        .await
        .expect("volume")
    };
    be_volume(VolumeStatus::Available).await;
    let found = cinder
        .volumes()
        .all(&VolumeFilter::all().metadata(Metadata(marked)))
        .await
        .expect("volumes");
    assert_eq!(found.len(), 1);
    cinder
        .volumes()
        .update(&volume, &VolumeChange::new().name(mark.clone()))
        .await
        .expect("renamed");
    cinder.volumes().extend(&volume, 2).await.expect("extended");
    be_volume(VolumeStatus::Available).await;
    nova.servers()
        .attach_volume(&server, &NewAttachment::new(volume.clone()))
        .await
        .expect("attached");
    be_volume(VolumeStatus::InUse).await;
    assert_eq!(nova.servers().volumes(&server).await.expect("volumes").len(), 1);
    let kept = cinder.volumes().delete(&volume).await.expect_err("it is in use");
    assert_eq!(kept.class(), Class::Conflict, "{kept}");
    nova.servers()
        .detach_volume(&server, &volume)
        .await
        .expect("detached");
    be_volume(VolumeStatus::Available).await;

    let wanted = NewFloatingIp::new(public.id.clone())
        .port_id(port.id.clone())
        .description(mark.clone());
    let floating = net.floating_ips().create(&wanted).await.expect("floating IP");
    let ips = FloatingIpFilter::all().port_id(port.id.clone());
    assert_eq!(net.floating_ips().all(&ips).await.expect("floating IPs").len(), 1);
    let free = FloatingIpChange::new().port_id(None);
    net.floating_ips()
        .update(&floating.id, &free)
        .await
        .expect("taken from the port");
    net.floating_ips()
        .delete(&floating.id)
        .await
        .expect("floating IP deleted");

    // A load balancer with all it has.
    let wanted = NewLoadBalancer::new(mark.clone())
        .vip_subnet_id(subnet.id.clone())
        .description(mark.clone());
    let balancer = octavia
        .load_balancers()
        .create(&wanted)
        .await
        .expect("balancer")
        .id;
    let ready = async || {
        let collection = octavia.load_balancers();
        until(
            "the balancer is ready",
            || collection.show(&balancer),
            |answer| {
                answer
                    .as_ref()
                    .is_ok_and(|b| b.provisioning_status == ProvisioningStatus::Active)
            },
        )
        .await
        .expect("balancer")
    };
    ready().await;
    let wanted = NewListener::new(Protocol::Tcp, 6443u16)
        .loadbalancer_id(balancer.clone())
        .name(mark.clone());
    let listener = octavia.listeners().create(&wanted).await.expect("listener");
    ready().await;
    let listeners = octavia
        .listeners()
        .all(&ListenerFilter::all().name(mark.clone()))
        .await
        .expect("listeners");
    assert_eq!(listeners.len(), 1);
    let wanted = NewPool::of(Protocol::Tcp, Algorithm::RoundRobin)
        .listener_id(listener.id)
        .name(mark.clone());
    let pool = octavia.pools().create(&wanted).await.expect("pool").id;
    ready().await;
    let member = |last: u8| NewMember::new(format!("10.88.0.{last}"), 6443u16).subnet_id(subnet.id.clone());
    octavia.members(&pool).create(&member(20)).await.expect("member");
    ready().await;
    octavia
        .members(&pool)
        .replace(&[member(20), member(21)])
        .await
        .expect("members");
    ready().await;
    assert_eq!(
        octavia
            .members(&pool)
            .all(&Default::default())
            .await
            .expect("members")
            .len(),
        2
    );
    let members = octavia.members(&pool);
    let one = members.all(&Default::default()).await.expect("members").remove(0);
    members.show(&one.id).await.expect("member");
    members
        .update(&one.id, &MemberChange::new().weight(5u32))
        .await
        .expect("member changed");
    ready().await;
    members.delete(&one.id).await.expect("member deleted");
    ready().await;
    octavia.pools().show(&pool).await.expect("pool");
    let pools = octavia.pools().all(&PoolFilter::all().name(mark.clone())).await;
    assert_eq!(pools.expect("pools").len(), 1);
    let wanted = NewHealthMonitor::new(MonitorType::Tcp, 5u32, 3u32, 3u32).pool_id(pool.clone());
    let monitor = octavia.health_monitors().create(&wanted).await.expect("monitor");
    ready().await;
    let slower = HealthMonitorChange::new().delay(7u32);
    octavia
        .health_monitors()
        .update(&monitor.id, &slower)
        .await
        .expect("monitor changed");
    ready().await;
    octavia
        .health_monitors()
        .show(&monitor.id)
        .await
        .expect("monitor");
    octavia.load_balancers().status(&balancer).await.expect("tree");
    let change = LoadBalancerChange::new().name(mark.clone());
    octavia
        .load_balancers()
        .update(&balancer, &change)
        .await
        .expect("renamed");
    ready().await;
    let all = octavia
        .load_balancers()
        .all(&LoadBalancerFilter::all().name(mark.clone()))
        .await
        .expect("balancers");
    assert_eq!(all.len(), 1);
    octavia
        .load_balancers()
        .delete_cascade(&balancer)
        .await
        .expect("balancer deleted");
    let collection = octavia.load_balancers();
    until("the balancer is gone", || collection.show(&balancer), gone)
        .await
        .expect_err("it is gone");

    // An image of our own.
    let image = me
        .image()
        .images()
        .create(&NewImage::new(mark.clone(), "raw", "bare"))
        .await
        .expect("image");
    me.image()
        .images()
        .upload(&image.id, vec![0u8; 4096])
        .await
        .expect("data");
    me.image()
        .images()
        .set(&image.id, &[("paas", json!("x"))])
        .await
        .expect("property");
    let shown = me.image().images().show(&image.id).await.expect("image");
    assert_eq!(
        (&shown.status, shown.property("paas")),
        (&ImageStatus::Active, Some("x"))
    );
    me.image()
        .images()
        .delete(&image.id)
        .await
        .expect("image deleted");

    // Everything goes.
    nova.servers().delete(&server).await.expect("server deleted");
    let collection = nova.servers();
    until("the server is gone", || collection.show(&server), gone)
        .await
        .expect_err("it is gone");
    nova.server_groups()
        .delete(&servers.id)
        .await
        .expect("server group deleted");
    nova.keypairs()
        .delete(&pair.name)
        .await
        .expect("key pair deleted");
    cinder.volumes().delete(&volume).await.expect("volume deleted");
    net.ports().delete(&port.id).await.expect("port deleted");
    net.routers()
        .remove_interface(&router.id, &plug)
        .await
        .expect("interface removed");
    net.routers().delete(&router.id).await.expect("router deleted");
    net.subnets().delete(&subnet.id).await.expect("subnet deleted");
    let networks = net.networks();
    until(
        "the network is free",
        || networks.delete(&network.id),
        Result::is_ok,
    )
    .await
    .expect("network deleted");
    net.security_groups()
        .delete(&group.id)
        .await
        .expect("security group deleted");
    let left = net
        .networks()
        .all(&NetworkFilter::all().description(mark.clone()))
        .await
        .expect("networks");
    assert!(left.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_and_providers_are_read_by_those_who_may() {
    let Some(lab) = Lab::here() else { return };
    let _shared = ALONE.read().await;
    let (me, admin) = (lab.client("lab"), lab.client("lab-admin"));
    let user = me.token().await.expect("token").user.id.clone();
    let mine = me.identity().application_credentials(&user);
    let mark = name("credential");
    let made = mine
        .create(&NewApplicationCredential::new(mark.clone()), None)
        .await
        .expect("credential");
    let again = mine
        .create(&NewApplicationCredential::new(mark.clone()), None)
        .await
        .expect_err("one of that name");
    assert_eq!(again.class(), Class::Conflict, "{again}");
    let found = mine
        .all(&ApplicationCredentialFilter::all().name(mark))
        .await
        .expect("credentials");
    assert_eq!(found.len(), 1);
    mine.show(&made.credential.id).await.expect("credential");
    mine.delete(&made.credential.id).await.expect("deleted");
    assert!(gone(&mine.show(&made.credential.id).await));
    me.identity()
        .access_rules(&user)
        .all(&All)
        .await
        .expect("access rules");
    assert!(
        admin
            .identity()
            .roles()
            .all(&Default::default())
            .await
            .expect("roles")
            .len()
            > 3
    );
    assert!(
        admin
            .identity()
            .projects()
            .all(&All)
            .await
            .expect("projects")
            .len()
            > 2
    );
    let providers = admin.placement().resource_providers();
    let hosts = providers.all(&Default::default()).await.expect("providers");
    assert!(!hosts.is_empty());
    providers.usages(&hosts[0].uuid).await.expect("usages");
}
