//! Neutron: each refusal with its status and class, addresses, floating IPs, lists, quotas.

use std::collections::BTreeSet;

use paas_openstack::{
    client::service::Kind::Network,
    fake::{Quotas, Setup, Shape},
};
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::asked::{Answer, Asked};

const PUBLIC: &str = "22222222-0000-4000-8000-000000000001";

impl Answer {
    /// The refusal, by status and class.
    #[track_caller]
    pub(crate) fn refuses(self, status: u16, class: &str) -> String {
        let error = &self.body["NeutronError"];
        assert_eq!(
            (self.status.as_u16(), error["type"].as_str()),
            (status, Some(class)),
            "{}",
            self.body
        );
        assert_eq!(error["detail"], "");
        error["message"].as_str().expect("words").to_owned()
    }

    /// The id of the one resource in it.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        let (_, inner) = self
            .body
            .as_object()
            .and_then(|body| body.iter().next())
            .expect("a body");
        inner["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {}", self.body))
            .to_owned()
    }
}

impl Asked {
    pub(crate) async fn network(&self, name: &str) -> String {
        self.post(Network, "/v2.0/networks", json!({"network": {"name": name}}))
            .await
            .is(201)
            .id()
    }

    pub(crate) async fn subnet(&self, network: &str, cidr: &str) -> String {
        let body = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": cidr}});
        self.post(Network, "/v2.0/subnets", body).await.is(201).id()
    }

    pub(crate) async fn port(&self, mut port: Value, network: &str) -> Answer {
        port["network_id"] = json!(network);
        self.post(Network, "/v2.0/ports", json!({ "port": port })).await
    }

    async fn routed(&self) -> (String, String, String) {
        let network = self.network("n").await;
        let subnet = self.subnet(&network, "10.0.0.0/24").await;
        let body = json!({"router": {"name": "r", "external_gateway_info": {"network_id": PUBLIC}}});
        let router = self.post(Network, "/v2.0/routers", body).await.is(201).id();
        self.put(
            Network,
            &format!("/v2.0/routers/{router}/add_router_interface"),
            json!({"subnet_id": subnet}),
        )
        .await
        .is(200);
        (network, subnet, router)
    }
}

fn address(port: &Value) -> String {
    port["fixed_ips"][0]["ip_address"]
        .as_str()
        .expect("an address")
        .to_owned()
}

#[tokio::test]
async fn every_member_of_the_samples_is_shown() {
    let asked = Asked::new().await;
    let (network, subnet, router) = asked.routed().await;
    let port = asked.port(json!({"name": "p"}), &network).await.is(201).id();
    let floating = asked
        .post(
            Network,
            "/v2.0/floatingips",
            json!({"floatingip": {"floating_network_id": PUBLIC, "port_id": port}}),
        )
        .await
        .is(201)
        .id();
    let group = asked
        .post(
            Network,
            "/v2.0/security-groups",
            json!({"security_group": {"name": "g"}}),
        )
        .await
        .is(201);
    let expected = [
        (
            format!("networks/{network}"),
            "admin_state_up availability_zone_hints availability_zones created_at dns_domain id ipv4_address_scope ipv6_address_scope l2_adjacency mtu name port_security_enabled project_id pvlan qos_policy_id revision_number router:external shared status subnets tags tenant_id updated_at vlan_transparent qinq description",
        ),
        (
            format!("subnets/{subnet}"),
            "name enable_dhcp network_id segment_id project_id tenant_id dns_nameservers dns_publish_fixed_ip allocation_pools host_routes ip_version gateway_ip cidr id created_at description ipv6_address_mode ipv6_ra_mode revision_number service_types subnetpool_id tags updated_at router:external",
        ),
        (
            format!("ports/{port}"),
            "admin_state_up allowed_address_pairs created_at data_plane_status description device_id device_owner dns_assignment dns_domain dns_name extra_dhcp_opts fixed_ips id ip_allocation mac_address name network_id port_security_enabled project_id revision_number security_groups status tags tenant_id updated_at qos_network_policy_id qos_policy_id propagate_uplink_status hardware_offload_type pvlan_type pvlan_community trusted binding:vnic_type",
        ),
        (
            format!("routers/{router}"),
            "admin_state_up availability_zone_hints availability_zones created_at description external_gateway_info flavor_id id name routes revision_number status updated_at project_id tenant_id service_type_id tags conntrack_helpers",
        ),
        (
            format!("floatingips/{floating}"),
            "fixed_ip_address floating_ip_address floating_network_id id port_id router_id status project_id tenant_id description dns_domain dns_name created_at updated_at revision_number port_details tags port_forwardings qos_policy_id",
        ),
        (
            format!("security-groups/{}", group.id()),
            "description id name security_group_rules project_id created_at updated_at revision_number tags tenant_id stateful shared",
        ),
    ];
    for (path, members) in expected {
        let body = asked.get(Network, &format!("/v2.0/{path}")).await.is(200).body;
        let shown = body.as_object().unwrap().values().next().unwrap();
        for member in members.split(' ') {
            assert!(shown.get(member).is_some(), "{path} lacks {member}: {shown}");
        }
        assert!(
            shown
                .as_object()
                .unwrap()
                .keys()
                .all(|name| !name.starts_with('_')),
            "{shown}"
        );
    }
    let rules = group.body["security_group"]["security_group_rules"]
        .as_array()
        .unwrap();
    assert_eq!(rules.len(), 2);
    for rule in rules {
        assert_eq!(rule["direction"], "egress");
        for member in "direction ethertype id port_range_max port_range_min protocol remote_group_id remote_ip_prefix security_group_id project_id created_at updated_at revision_number tags tenant_id description belongs_to_default_sg standard_attr_id".split(' ') {
            assert!(rule.get(member).is_some(), "a rule lacks {member}");
        }
    }
}

#[tokio::test]
async fn bodies_are_checked_as_the_schemas_say() {
    let asked = Asked::new().await;
    let cases = [
        (
            "networks",
            json!({"network": {"tags": ["a"]}}),
            400,
            "HTTPBadRequest",
            "Attribute 'tags' not allowed in POST",
        ),
        (
            "networks",
            json!({"network": {"colour": "red"}}),
            400,
            "HTTPBadRequest",
            "Unrecognized attribute(s) 'colour'",
        ),
        (
            "networks",
            json!({"network": {"shared": true}}),
            403,
            "PolicyNotAuthorized",
            "(rule:create_network and rule:create_network:shared) is disallowed by policy",
        ),
        (
            "networks",
            json!({"net": {}}),
            400,
            "HTTPBadRequest",
            "Unable to find 'network' in request body",
        ),
        (
            "networks",
            json!({"network": {"name": 5}}),
            400,
            "HTTPBadRequest",
            "Invalid input for name. Reason: '5' is not a valid string.",
        ),
        (
            "ports",
            json!({"port": {}}),
            400,
            "HTTPBadRequest",
            "Failed to parse request. Required attribute 'network_id' not specified",
        ),
        (
            "ports",
            json!({"port": {"network_id": "nowhere"}}),
            404,
            "NetworkNotFound",
            "Network nowhere could not be found.",
        ),
    ];
    for (path, body, status, class, words) in cases {
        let said = asked
            .post(Network, &format!("/v2.0/{path}"), body)
            .await
            .refuses(status, class);
        assert_eq!(said, words);
    }
    asked
        .get(Network, "/v2.0/trucks")
        .await
        .refuses(404, "HTTPNotFound");
}

#[tokio::test]
async fn subnets_do_not_overlap_in_a_network() {
    let asked = Asked::new().await;
    let network = asked.network("n").await;
    asked.subnet(&network, "10.0.0.0/24").await;
    let create = |subnet: Value| {
        let mut subnet = subnet;
        subnet["network_id"] = json!(network);
        subnet["ip_version"] = json!(4);
        let asked = &asked;
        async move {
            asked
                .post(Network, "/v2.0/subnets", json!({ "subnet": subnet }))
                .await
        }
    };
    let words = create(json!({"cidr": "10.0.0.0/25"}))
        .await
        .refuses(400, "InvalidInput");
    assert!(words.contains("overlaps with another subnet"), "{words}");
    create(json!({})).await.refuses(400, "BadRequest");
    let words = create(json!({"cidr": "10.1.0.1/24"}))
        .await
        .refuses(400, "HTTPBadRequest");
    assert!(words.contains("'10.1.0.0/24' is recommended"), "{words}");
    let pool = |start: &str, end: &str| json!({"cidr": "10.2.0.0/24", "allocation_pools": [{"start": start, "end": end}]});
    create(pool("10.2.0.1", "10.2.0.9"))
        .await
        .refuses(409, "GatewayConflictWithAllocationPools");
    create(pool("10.2.0.5", "10.2.1.9"))
        .await
        .refuses(400, "OutOfBoundsAllocationPool");
    let made = create(json!({"cidr": "10.2.0.0/24", "gateway_ip": null}))
        .await
        .is(201);
    assert_eq!(made.body["subnet"]["gateway_ip"], Value::Null);
    assert_eq!(
        made.body["subnet"]["allocation_pools"],
        json!([{"start": "10.2.0.1", "end": "10.2.0.254"}])
    );
}

#[tokio::test]
async fn an_address_and_a_mac_are_had_by_one_port_only() {
    let asked = Asked::new().await;
    let network = asked.network("n").await;
    let subnet = asked.subnet(&network, "10.0.0.0/29").await;
    let first = asked
        .port(
            json!({"tags": ["a"], "fixed_ips": [{"ip_address": "10.0.0.4"}]}),
            &network,
        )
        .await
        .is(201);
    let first = &first.body["port"];
    assert_eq!(
        first["fixed_ips"],
        json!([{"subnet_id": subnet, "ip_address": "10.0.0.4"}])
    );
    assert_eq!(
        (&first["status"], &first["tags"]),
        (&json!("DOWN"), &json!(["a"]))
    );
    let again = |port: Value| asked.port(port, &network);
    again(json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.0.0.4"}]}))
        .await
        .refuses(409, "IpAddressAlreadyAllocated");
    again(json!({"mac_address": first["mac_address"]}))
        .await
        .refuses(409, "MacAddressInUse");
    again(json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.9.0.4"}]}))
        .await
        .refuses(400, "InvalidIpForSubnet");
    again(json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.0.0.0"}]}))
        .await
        .refuses(400, "InvalidIpForSubnet");
    again(json!({"fixed_ips": [{"ip_address": "10.9.0.4"}]}))
        .await
        .refuses(400, "InvalidIpForNetwork");
    // 10.0.0.2 to 10.0.0.6 without 10.0.0.4 are left.
    for _ in 0..4 {
        again(json!({})).await.is(201);
    }
    again(json!({})).await.refuses(409, "IpAddressGenerationFailure");
}

#[tokio::test]
async fn a_port_has_the_default_group_and_keeps_its_group_in_use() {
    let asked = Asked::new().await;
    let network = asked.network("n").await;
    let port = asked.port(json!({}), &network).await.is(201);
    let default = port.body["port"]["security_groups"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let groups = asked
        .get(Network, "/v2.0/security-groups?name=default")
        .await
        .is(200)
        .body;
    assert_eq!(groups["security_groups"][0]["id"], json!(default));
    assert_eq!(
        groups["security_groups"][0]["security_group_rules"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    asked
        .delete(Network, &format!("/v2.0/security-groups/{default}"))
        .await
        .refuses(409, "SecurityGroupInUse");
    asked
        .delete(Network, &format!("/v2.0/ports/{}", port.id()))
        .await
        .is(204);
    asked
        .delete(Network, &format!("/v2.0/security-groups/{default}"))
        .await
        .refuses(409, "SecurityGroupCannotRemoveDefault");
    let name = json!({"security_group": {"name": "default"}});
    asked
        .post(Network, "/v2.0/security-groups", name)
        .await
        .refuses(409, "SecurityGroupDefaultAlreadyExists");
    asked
        .port(
            json!({"port_security_enabled": false, "security_groups": [default]}),
            &network,
        )
        .await
        .refuses(409, "PortSecurityPortHasSecurityGroup");
    let pairs: Vec<Value> = (0..11)
        .map(|n| json!({"ip_address": format!("10.1.0.{n}")}))
        .collect();
    asked
        .port(json!({ "allowed_address_pairs": pairs }), &network)
        .await
        .refuses(400, "AllowedAddressPairExhausted");
}

#[tokio::test]
async fn a_rule_exists_once_and_its_refusal_names_it() {
    let asked = Asked::new().await;
    let group = asked
        .post(
            Network,
            "/v2.0/security-groups",
            json!({"security_group": {"name": "g"}}),
        )
        .await
        .is(201)
        .id();
    let rule = |more: Value| {
        let mut rule = json!({"security_group_id": group, "direction": "ingress", "protocol": "tcp"});
        rule.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let asked = &asked;
        async move {
            asked
                .post(
                    Network,
                    "/v2.0/security-group-rules",
                    json!({"security_group_rule": rule}),
                )
                .await
        }
    };
    let ssh = json!({"port_range_min": "22", "port_range_max": 22, "remote_ip_prefix": "0.0.0.0/0"});
    let made = rule(ssh.clone()).await.is(201);
    assert_eq!(made.body["security_group_rule"]["port_range_min"], 22);
    let words = rule(ssh).await.refuses(409, "SecurityGroupRuleExists");
    assert_eq!(
        words,
        format!("Security group rule already exists. Rule id is {}.", made.id())
    );
    let cases = [
        (json!({"direction": "sideways"}), 400, "HTTPBadRequest"),
        (
            json!({"protocol": "carrier-pigeon"}),
            400,
            "SecurityGroupRuleInvalidProtocol",
        ),
        (
            json!({"protocol": null, "port_range_min": 1, "port_range_max": 2}),
            400,
            "SecurityGroupProtocolRequiredWithPorts",
        ),
        (
            json!({"port_range_min": 9, "port_range_max": 2}),
            400,
            "SecurityGroupInvalidPortRange",
        ),
        (
            json!({"remote_ip_prefix": "::/0"}),
            400,
            "SecurityGroupRuleParameterConflict",
        ),
        (
            json!({"remote_ip_prefix": "10.0.0.0/8", "remote_group_id": group}),
            400,
            "SecurityGroupMultipleRemoteEntites",
        ),
        (json!({"remote_group_id": "nobody"}), 404, "SecurityGroupNotFound"),
        (
            json!({"security_group_id": "nobody"}),
            404,
            "SecurityGroupNotFound",
        ),
    ];
    for (more, status, class) in cases {
        rule(more).await.refuses(status, class);
    }
    asked
        .delete(Network, &format!("/v2.0/security-group-rules/{}", made.id()))
        .await
        .is(204);
    asked
        .delete(Network, &format!("/v2.0/security-group-rules/{}", made.id()))
        .await
        .refuses(404, "SecurityGroupRuleNotFound");
}

#[tokio::test]
async fn a_router_has_one_interface_on_a_subnet_and_stays_while_it_has_any() {
    let asked = Asked::new().await;
    let (network, subnet, router) = asked.routed().await;
    let add = format!("/v2.0/routers/{router}/add_router_interface");
    let remove = format!("/v2.0/routers/{router}/remove_router_interface");
    let body = json!({ "subnet_id": subnet });
    let words = asked
        .put(Network, &add, body.clone())
        .await
        .refuses(400, "BadRequest");
    assert_eq!(
        words,
        format!("Bad router request: Router already has a port on subnet {subnet}.")
    );
    asked
        .put(Network, &add, json!({}))
        .await
        .refuses(400, "BadRequest");
    asked
        .put(Network, &add, json!({"subnet_id": "gone"}))
        .await
        .refuses(404, "SubnetNotFound");
    let other = asked
        .post(Network, "/v2.0/routers", json!({"router": {}}))
        .await
        .is(201)
        .id();
    // The gateway's address belongs to the first router.
    asked
        .put(
            Network,
            &format!("/v2.0/routers/{other}/add_router_interface"),
            body.clone(),
        )
        .await
        .refuses(409, "IpAddressAlreadyAllocated");
    let ports = asked
        .get(Network, &format!("/v2.0/ports?device_id={router}"))
        .await
        .is(200)
        .body;
    let interface = ports["ports"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        ports["ports"].as_array().unwrap().len(),
        1,
        "the gateway's port is nobody's"
    );
    assert_eq!(ports["ports"][0]["device_owner"], "network:router_interface");
    let words = asked
        .delete(Network, &format!("/v2.0/ports/{interface}"))
        .await
        .refuses(409, "ServicePortInUse");
    assert!(
        words.contains("cannot be deleted directly via the port API"),
        "{words}"
    );
    asked
        .delete(Network, &format!("/v2.0/routers/{router}"))
        .await
        .refuses(409, "RouterInUse");
    asked
        .delete(Network, &format!("/v2.0/subnets/{subnet}"))
        .await
        .refuses(409, "SubnetInUse");
    asked
        .delete(Network, &format!("/v2.0/networks/{network}"))
        .await
        .refuses(409, "NetworkInUse");
    let info = asked.put(Network, &remove, body.clone()).await.is(200).body;
    assert_eq!(info["port_id"], json!(interface));
    asked
        .put(Network, &remove, body)
        .await
        .refuses(404, "RouterInterfaceNotFoundForSubnet");
    asked
        .put(Network, &remove, json!({"port_id": interface}))
        .await
        .refuses(404, "RouterInterfaceNotFound");
    for path in [
        format!("routers/{router}"),
        format!("routers/{other}"),
        format!("networks/{network}"),
    ] {
        asked.delete(Network, &format!("/v2.0/{path}")).await.is(204);
    }
    // Subnets go with their network.
    asked
        .get(Network, &format!("/v2.0/subnets/{subnet}"))
        .await
        .refuses(404, "SubnetNotFound");
    assert_eq!(asked.fake.leftovers(), Vec::new());
}

#[tokio::test]
async fn a_gateway_has_an_address_and_leads_to_an_external_network_only() {
    let asked = Asked::new().await;
    let network = asked.network("n").await;
    let create = |id: &str| json!({"router": {"external_gateway_info": {"network_id": id}}});
    let words = asked
        .post(Network, "/v2.0/routers", create(&network))
        .await
        .refuses(400, "BadRequest");
    assert!(words.contains("is not an external network"), "{words}");
    let router = asked.post(Network, "/v2.0/routers", create(PUBLIC)).await.is(201);
    let info = &router.body["router"]["external_gateway_info"];
    assert_eq!(info["external_fixed_ips"][0]["ip_address"], "203.0.113.2");
    assert_eq!(
        (&info["network_id"], &info["enable_snat"]),
        (&json!(PUBLIC), &json!(true))
    );
    let path = format!("/v2.0/routers/{}", router.id());
    let cleared = asked
        .put(Network, &path, json!({"router": {"external_gateway_info": {}}}))
        .await
        .is(200);
    assert_eq!(cleared.body["router"]["external_gateway_info"], Value::Null);
}

#[tokio::test]
async fn a_floating_ip_needs_a_route_and_a_free_port() {
    let asked = Asked::new().await;
    let (network, subnet, router) = asked.routed().await;
    let port = asked.port(json!({}), &network).await.is(201).id();
    let lonely = asked.network("lonely").await;
    asked.subnet(&lonely, "10.9.0.0/24").await;
    let unreachable = asked.port(json!({}), &lonely).await.is(201).id();
    let create = |port: Value| {
        let body =
            json!({"floatingip": {"floating_network_id": PUBLIC, "port_id": port, "description": "d"}});
        let asked = &asked;
        async move { asked.post(Network, "/v2.0/floatingips", body).await }
    };
    create(json!(unreachable))
        .await
        .refuses(404, "ExternalGatewayForFloatingIPNotFound");
    let made = create(json!(port)).await.is(201);
    let floating = &made.body["floatingip"];
    assert_eq!(
        (&floating["status"], &floating["router_id"]),
        (&json!("ACTIVE"), &json!(router))
    );
    assert_eq!(floating["fixed_ip_address"], json!("10.0.0.2"));
    assert_eq!(floating["port_details"]["device_owner"], "");
    let words = create(json!(port))
        .await
        .refuses(409, "FloatingIPPortAlreadyAssociated");
    assert!(
        words.contains("already has a floating IP on external network"),
        "{words}"
    );
    let found = asked
        .get(
            Network,
            &format!("/v2.0/floatingips?port_id={port}&description=d"),
        )
        .await
        .is(200)
        .body;
    assert_eq!(
        found["floatingips"].as_array().unwrap().len(),
        1,
        "the refused ones left nothing"
    );
    let body = json!({ "subnet_id": subnet });
    asked
        .put(
            Network,
            &format!("/v2.0/routers/{router}/remove_router_interface"),
            body,
        )
        .await
        .refuses(409, "RouterInterfaceInUseByFloatingIP");
    asked
        .put(
            Network,
            &format!("/v2.0/routers/{router}"),
            json!({"router": {"external_gateway_info": null}}),
        )
        .await
        .refuses(409, "RouterExternalGatewayInUseByFloatingIp");
    // A port that goes leaves the address to its owner.
    asked
        .delete(Network, &format!("/v2.0/ports/{port}"))
        .await
        .is(204);
    let path = format!("/v2.0/floatingips/{}", made.id());
    let left = asked.get(Network, &path).await.is(200).body;
    assert_eq!(
        (&left["floatingip"]["port_id"], &left["floatingip"]["status"]),
        (&Value::Null, &json!("DOWN"))
    );
    let second = asked.port(json!({}), &network).await.is(201).id();
    let body = json!({"floatingip": {"port_id": second}});
    let moved = asked.put(Network, &path, body).await.is(200).body;
    assert_eq!(moved["floatingip"]["port_id"], json!(second));
    let body = json!({"floatingip": {"port_id": null}});
    let free = asked.put(Network, &path, body).await.is(200).body;
    assert_eq!(free["floatingip"]["fixed_ip_address"], Value::Null);
    asked.delete(Network, &path).await.is(204);
    asked
        .delete(Network, &path)
        .await
        .refuses(404, "FloatingIPNotFound");
    let body = json!({"floatingip": {"floating_network_id": network}});
    asked
        .post(Network, "/v2.0/floatingips", body)
        .await
        .refuses(400, "BadRequest");
    let body = json!({"floatingip": {"floating_network_id": PUBLIC, "floating_ip_address": "203.0.113.99"}});
    asked
        .post(Network, "/v2.0/floatingips", body)
        .await
        .refuses(403, "PolicyNotAuthorized");
}

#[tokio::test]
async fn tags_are_a_sub_resource_that_lists_filter_by() {
    let asked = Asked::new().await;
    let (one, two) = (asked.network("one").await, asked.network("two").await);
    let path = format!("/v2.0/networks/{one}/tags");
    asked
        .put(Network, &path, json!({"tags": ["red", "blue"]}))
        .await
        .is(200);
    asked
        .put(Network, &format!("{path}/a%20b"), json!(null))
        .await
        .is(201);
    asked
        .post(Network, &path, json!({"tags": ["red", "green"]}))
        .await
        .is(201);
    asked
        .put(
            Network,
            &format!("/v2.0/networks/{two}/tags"),
            json!({"tags": ["red"]}),
        )
        .await
        .is(200);
    asked.get(Network, &format!("{path}/green")).await.is(204);
    asked
        .get(Network, &format!("{path}/black"))
        .await
        .refuses(404, "TagNotFound");
    asked
        .get(Network, "/v2.0/networks/gone/tags")
        .await
        .refuses(404, "TagResourceNotFound");
    let tags = asked.get(Network, &path).await.is(200).body;
    assert_eq!(tags, json!({"tags": ["a b", "blue", "green", "red"]}));
    for (query, expected) in [
        ("tags=red,blue", 1),
        ("tags=red", 2),
        ("tags-any=green,black", 1),
        ("not-tags-any=green", 2),
    ] {
        let found = asked
            .get(Network, &format!("/v2.0/networks?{query}"))
            .await
            .is(200)
            .body;
        assert_eq!(found["networks"].as_array().unwrap().len(), expected, "{query}");
    }
    asked.delete(Network, &format!("{path}/green")).await.is(204);
    asked.delete(Network, &path).await.is(204);
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    asked
        .put(Network, &path, json!({ "tags": many }))
        .await
        .refuses(400, "BadRequest");
    asked
        .put(Network, &path, json!({"tags": ["x".repeat(256)]}))
        .await
        .refuses(400, "InvalidInput");
}

#[tokio::test]
async fn a_revision_that_is_not_the_current_one_is_412() {
    let asked = Asked::new().await;
    let network = asked.network("n").await;
    let path = format!("/v2.0/networks/{network}");
    let change = |revision: &str| {
        let request = asked
            .request(Method::PUT, Network, &path)
            .header("if-match", format!("revision_number={revision}"));
        asked.send(request.json(&json!({"network": {"name": "m"}})))
    };
    let changed = change("1").await.unwrap().is(200);
    assert_eq!(changed.body["network"]["revision_number"], 2);
    let words = change("1")
        .await
        .unwrap()
        .refuses(412, "RevisionNumberConstraintFailed");
    assert_eq!(words, "Constrained to 1, but current revision is 2");
}

#[tokio::test]
async fn filters_are_exact_and_strange_ones_are_refused() {
    let asked = Asked::new().await;
    let (one, _) = (asked.network("one").await, asked.network("one-more").await);
    asked.subnet(&one, "10.0.0.0/24").await;
    let port = asked.port(json!({"description": "paas:1"}), &one).await.is(201);
    let address = address(&port.body["port"]);
    for (query, expected) in [
        ("networks?name=one", 1),
        ("networks?name=one&name=one-more", 2),
        ("networks?router:external=true", 1),
        ("networks?router%3Aexternal=False", 2),
        (&format!("networks?id={one}&fields=id&fields=name"), 1),
        ("ports?description=paas:1", 1),
        (&format!("ports?fixed_ips=ip_address%3D{address}"), 1),
        ("ports?fixed_ips=ip_address=10.0.0.77", 0),
        ("ports?device_id=", 1),
    ] {
        let body = asked.get(Network, &format!("/v2.0/{query}")).await.is(200).body;
        let list = body
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .as_array()
            .unwrap();
        assert_eq!(list.len(), expected, "{query}: {body}");
        if query.contains("fields") {
            assert_eq!(list[0].as_object().unwrap().len(), 2);
        }
    }
    let words = asked
        .get(Network, "/v2.0/networks?colour=red")
        .await
        .refuses(400, "HTTPBadRequest");
    assert_eq!(words, "['colour'] is invalid attribute for filtering");
    asked
        .get(Network, "/v2.0/networks?limit=-1")
        .await
        .refuses(400, "BadRequest");
    asked
        .get(Network, "/v2.0/networks?limit=1&marker=gone")
        .await
        .refuses(404, "NetworkNotFound");
}

#[tokio::test]
async fn others_things_are_not_there_but_shared_and_external_networks_are() {
    let mut asked = Asked::of(Setup::default().with_tenant("other")).await;
    let (network, subnet, router) = asked.routed().await;
    let port = asked.port(json!({}), &network).await.is(201).id();
    asked.become_user("other").await;
    for (path, class) in [
        (format!("networks/{network}"), "NetworkNotFound"),
        (format!("subnets/{subnet}"), "SubnetNotFound"),
        (format!("routers/{router}"), "RouterNotFound"),
        (format!("ports/{port}"), "PortNotFound"),
    ] {
        asked
            .get(Network, &format!("/v2.0/{path}"))
            .await
            .refuses(404, class);
        asked
            .delete(Network, &format!("/v2.0/{path}"))
            .await
            .refuses(404, class);
        let plural = path.split('/').next().unwrap();
        let list = asked
            .get(Network, &format!("/v2.0/{plural}?project_id=&name="))
            .await
            .is(200)
            .body;
        assert_eq!(list[plural], json!([]), "{plural}");
    }
    asked
        .get(Network, &format!("/v2.0/networks/{PUBLIC}"))
        .await
        .is(200);
    asked
        .delete(Network, &format!("/v2.0/networks/{PUBLIC}"))
        .await
        .refuses(403, "PolicyNotAuthorized");
    asked
        .port(json!({}), &network)
        .await
        .refuses(404, "NetworkNotFound");
}

#[tokio::test]
async fn a_quota_is_409_and_its_use_is_told() {
    let quotas = Quotas {
        networks: 1,
        floating_ips: 0,
        ..Quotas::default()
    };
    let mut asked = Asked::of(Setup {
        quotas,
        ..Setup::default()
    })
    .await;
    asked.network("n").await;
    let body = json!({"networks": [{"name": "a"}, {"name": "b"}]});
    let words = asked
        .post(Network, "/v2.0/networks", body)
        .await
        .refuses(409, "OverQuota");
    assert_eq!(words, "Quota exceeded for resources: ['network'].");
    let body = json!({"floatingip": {"floating_network_id": PUBLIC}});
    let words = asked
        .post(Network, "/v2.0/floatingips", body)
        .await
        .refuses(409, "OverQuota");
    assert_eq!(words, "Quota exceeded for resources: ['floatingip'].");
    let me = asked.get(Network, "/v2.0/networks?name=n").await.body["networks"][0]["project_id"].clone();
    let me = me.as_str().unwrap();
    let path = format!("/v2.0/quotas/{me}");
    let details = asked
        .get(Network, &format!("{path}/details.json"))
        .await
        .is(200)
        .body;
    assert_eq!(
        details["quota"]["network"],
        json!({"limit": 1, "used": 1, "reserved": 0})
    );
    asked
        .put(Network, &path, json!({"quota": {"network": 3}}))
        .await
        .refuses(403, "PolicyNotAuthorized");
    asked.become_user("admin").await;
    let set = asked
        .put(Network, &path, json!({"quota": {"network": 3}}))
        .await
        .is(200)
        .body;
    assert_eq!(set["quota"]["network"], 3);
    asked.become_user("demo").await;
    let body = json!({"networks": [{"name": "a"}, {"name": "b"}]});
    let made = asked.post(Network, "/v2.0/networks", body).await.is(201).body;
    assert_eq!(made["networks"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn several_are_made_or_none() {
    let asked = Asked::new().await;
    let network = asked.network("n").await;
    asked.subnet(&network, "10.0.0.0/24").await;
    let fixed = json!({"network_id": network, "fixed_ips": [{"ip_address": "10.0.0.9"}]});
    let body = json!({"ports": [fixed, fixed]});
    asked
        .post(Network, "/v2.0/ports", body)
        .await
        .refuses(409, "IpAddressAlreadyAllocated");
    assert_eq!(asked.get(Network, "/v2.0/ports").await.body["ports"], json!([]));
}

#[tokio::test]
async fn pages_show_each_resource_once_in_both_directions() {
    let shape = Shape {
        network_page: Some(3),
        ..Shape::default()
    };
    let asked = Asked::of(Setup {
        shape,
        ..Setup::default()
    })
    .await;
    for n in 0..7 {
        asked.network(&format!("n{}", n % 3)).await;
    }
    for start in [
        "networks",
        "networks?limit=2",
        "networks?sort_key=name&sort_dir=desc&limit=2",
    ] {
        for rel in ["next", "previous"] {
            let mut path = format!("/v2.0/{start}");
            if rel == "previous" {
                path.push_str(if path.contains('?') {
                    "&page_reverse=True"
                } else {
                    "?page_reverse=True"
                });
            }
            let (mut seen, mut pages) = (Vec::new(), 0);
            loop {
                let body = asked.get(Network, &path).await.is(200).body;
                let items = body["networks"].as_array().unwrap();
                assert!(items.len() <= 3);
                seen.extend(items.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
                pages += 1;
                let links = body["networks_links"].as_array().cloned().unwrap_or_default();
                let Some(link) = links.iter().find(|link| link["rel"] == rel) else {
                    break;
                };
                let href = link["href"].as_str().unwrap();
                path = href.split_once("/network").unwrap().1.to_owned();
                assert!(pages < 10, "it never ends");
            }
            let once: BTreeSet<&String> = seen.iter().collect();
            assert_eq!((seen.len(), once.len()), (8, 8), "{start} {rel}");
        }
    }
}

#[tokio::test]
async fn the_version_documents_and_extensions_are_as_neutron_gives_them() {
    let shape = Shape {
        without_extensions: vec![
            "revision-if-match".into(),
            "dns-integration".into(),
            "filter-validation".into(),
        ],
        dhcp_ports: true,
        ..Shape::default()
    };
    let asked = Asked::of(Setup {
        shape,
        ..Setup::default()
    })
    .await;
    let versions = asked.get(Network, "/").await.is(200).body;
    assert_eq!(versions["versions"][0]["id"], "v2.0");
    let all = asked.get(Network, "/v2.0/extensions").await.is(200).body;
    let aliases: Vec<&str> = all["extensions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["alias"].as_str())
        .collect();
    assert!(aliases.contains(&"standard-attr-tag") && !aliases.contains(&"revision-if-match"));
    asked.get(Network, "/v2.0/extensions/router").await.is(200);
    asked.get(Network, "/v2.0/extensions/lasers").await.is(404);
    // What belongs to an extension is not there without it.
    let body = json!({"network": {"dns_domain": "example.org."}});
    let words = asked
        .post(Network, "/v2.0/networks", body)
        .await
        .refuses(400, "HTTPBadRequest");
    assert_eq!(words, "Unrecognized attribute(s) 'dns_domain'");
    let networks = asked.get(Network, "/v2.0/networks?colour=red").await.is(200).body;
    let networks = networks["networks"].as_array().unwrap();
    assert!(
        networks.len() == 1 && networks[0].get("dns_domain").is_none(),
        "{networks:?}"
    );
    // Neutron's own DHCP port neither holds the network nor is left over.
    let network = asked.network("n").await;
    asked.subnet(&network, "10.0.0.0/24").await;
    let ports = asked.get(Network, "/v2.0/ports").await.body;
    assert_eq!(ports["ports"][0]["device_owner"], "network:dhcp");
    asked
        .delete(Network, &format!("/v2.0/networks/{network}"))
        .await
        .is(204);
    assert_eq!(asked.fake.leftovers(), Vec::new());
}

/// What a test of addresses does: makes a port, or deletes the one at this place.
#[derive(Debug, Clone)]
enum Deed {
    Make,
    MakeAt(u8),
    Delete(usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        3 => Just(Deed::Make),
        1 => (1_u8..15).prop_map(Deed::MakeAt),
        2 => (0_usize..8).prop_map(Deed::Delete),
    ];
    prop::collection::vec(deed, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_two_ports_share_an_address_and_a_deleted_ports_address_comes_back(deeds in deeds()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let asked = Asked::new().await;
            let network = asked.network("n").await;
            asked.subnet(&network, "10.0.0.0/28").await;
            let mut have: Vec<(String, String)> = Vec::new();
            for deed in deeds {
                match deed {
                    Deed::Make => {
                        let answer = asked.port(json!({}), &network).await;
                        // 2 to 14: the gateway is not in the pools, but may be asked for.
                        let in_pool = have.iter().filter(|(_, address)| address != "10.0.0.1").count();
                        if in_pool < 13 {
                            let port = answer.is(201);
                            have.push((port.id(), address(&port.body["port"])));
                        } else {
                            answer.refuses(409, "IpAddressGenerationFailure");
                        }
                    }
                    Deed::MakeAt(last) => {
                        let wish = format!("10.0.0.{last}");
                        let answer = asked.port(json!({"fixed_ips": [{"ip_address": wish}]}), &network).await;
                        if have.iter().any(|(_, address)| *address == wish) {
                            answer.refuses(409, "IpAddressAlreadyAllocated");
                        } else {
                            have.push((answer.is(201).id(), wish));
                        }
                    }
                    Deed::Delete(place) if !have.is_empty() => {
                        let (id, address) = have.remove(place % have.len());
                        asked.delete(Network, &format!("/v2.0/ports/{id}")).await.is(204);
                        let again = asked.port(json!({"fixed_ips": [{"ip_address": address}]}), &network).await.is(201);
                        have.push((again.id(), address));
                        let (id, _) = have.pop().unwrap();
                        asked.delete(Network, &format!("/v2.0/ports/{id}")).await.is(204);
                    }
                    Deed::Delete(_) => {}
                }
                let addresses: BTreeSet<&String> = have.iter().map(|(_, address)| address).collect();
                assert_eq!(addresses.len(), have.len());
            }
        });
    }
}
