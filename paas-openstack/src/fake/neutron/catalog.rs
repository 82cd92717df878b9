//! What this Neutron can do, said in its extensions; and lists that are always the same.

use serde_json::{Value, json};

/// Alias and name of every extension that this fake answers for.
const EXTENSIONS: &[(&str, &str)] = &[
    ("address-group", "Address group"),
    ("address-scope", "Address scope"),
    ("agent", "agent"),
    ("allowed-address-pairs", "Allowed Address Pairs"),
    ("availability_zone", "Availability Zone"),
    ("binding", "Port Binding"),
    ("binding-extended", "Port Bindings Extended"),
    ("data-plane-status", "Neutron Port Data Plane Status"),
    ("default-subnetpools", "Default Subnetpools"),
    ("dns-integration", "DNS Integration"),
    ("empty-string-filtering", "Empty String Filtering Extension"),
    ("ext-gw-mode", "Neutron L3 Configurable external gateway mode"),
    ("external-net", "Neutron external network"),
    ("extra_dhcp_opt", "Neutron Extra DHCP options"),
    ("extraroute", "Neutron Extra Route"),
    ("filter-validation", "Filter parameters validation"),
    ("fip-port-details", "Floating IP Port Details Extension"),
    ("floating-ip-port-forwarding", "Floating IP Port Forwarding"),
    ("floatingip-pools", "Floating IP Pools Extension"),
    ("ip_allocation", "IP Allocation"),
    ("ip-substring-filtering", "IP address substring filtering"),
    ("l2_adjacency", "L2 Adjacency"),
    ("l3-conntrack-helper", "Conntrack helpers for the router"),
    ("net-mtu", "Network MTU"),
    ("net-mtu-writable", "Network MTU (writable)"),
    ("network_availability_zone", "Network Availability Zone"),
    ("pagination", "Pagination support"),
    ("port-hardware-offload-type", "Port hardware offload type"),
    ("port-security", "Port Security"),
    ("port-trusted-vif", "Port trusted vif"),
    ("project-id", "project_id field enabled"),
    ("provider", "Provider Network"),
    ("pvlan", "Private VLAN"),
    ("quota_details", "Quota details management support"),
    ("quotas", "Quota management support"),
    (
        "revision-if-match",
        "If-Match constraints based on revision_number",
    ),
    ("router", "Neutron L3 Router"),
    ("router_availability_zone", "Router Availability Zone"),
    ("security-group", "security-group"),
    (
        "security-groups-normalized-cidr",
        "Normalized CIDR field for security group rules",
    ),
    (
        "security-groups-remote-address-group",
        "Remote address group id field for security group rules",
    ),
    ("segment", "Segment"),
    ("service-type", "Neutron Service Type Management"),
    ("sorting", "Sorting support"),
    ("standard-attr-description", "standard-attr-description"),
    ("standard-attr-revisions", "Resource revision numbers"),
    (
        "standard-attr-tag",
        "Tag support for resources with standard attribute: port, subnet, router, network, security_group, security_group_rule, floatingip",
    ),
    ("standard-attr-timestamp", "Resource timestamps"),
    ("stateful-security-group", "Stateful security group"),
    ("subnet-dns-publish-fixed-ip", "Subnet DNS publish fixed IP"),
    ("subnet-external-network", "Subnet belongs to an external network"),
    ("subnet-service-types", "Subnet service types"),
    ("tag-creation", "Tag creation extension"),
    ("tag-ports-during-bulk-creation", "Tag Ports During Bulk Creation"),
    ("uplink-status-propagation", "Uplink Status Propagation"),
];

/// Kinds that exist in Neutron and never have anything here.
pub(super) const EMPTY: &[&str] = &[
    "address-groups",
    "address-scopes",
    "agents",
    "default-security-group-rules",
    "network-ip-availabilities",
    "rbac-policies",
    "segments",
    "service-providers",
    "subnetpools",
    "trunks",
];

/// The extensions, without those that this cloud lacks.
pub(super) fn extensions(without: &[String]) -> impl Iterator<Item = Value> {
    EXTENSIONS
        .iter()
        .filter(|(alias, _)| !without.iter().any(|absent| absent == alias))
        .map(|(alias, name)| {
            json!({
                "alias": alias, "name": name, "description": name, "links": [],
                "updated": "2016-01-24T10:00:00-00:00",
            })
        })
}

/// The zones of hypervisors, as DHCP and L3 agents have them.
pub(super) fn zones() -> Value {
    let zone = |resource: &str| json!({"name": "nova", "resource": resource, "state": "available"});
    json!({"availability_zones": [zone("network"), zone("router")]})
}

/// The document of the one version.
pub(super) fn versions(url: &str) -> Value {
    json!({"versions": [{
        "id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": format!("{url}/v2.0/")}],
    }]})
}

/// What the version's own root lists.
pub(super) fn resources(url: &str) -> Value {
    let resource = |name: &str| {
        json!({
            "name": name, "collection": format!("{name}s"),
            "links": [{"rel": "self", "href": format!("{url}/v2.0/{name}s")}],
        })
    };
    json!({"resources": [resource("network"), resource("subnet"), resource("subnetpool"), resource("port")]})
}
