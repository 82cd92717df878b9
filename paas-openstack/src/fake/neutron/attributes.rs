//! The attributes of every kind, as Neutron's API reference lists them.

use super::Kind;

/// One attribute of a kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) post: Post,
    pub(super) put: bool,
    pub(super) right: Right,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Text(usize),
    Flag,
    Whole,
    List,
    Dict,
    Any,
}

/// What happens when the attribute is, or is not, in a POST.
#[derive(Debug, Clone, Copy)]
pub(super) enum Post {
    /// It must be there.
    Required,
    /// It may be left out, and the kind's own code decides what then.
    Optional,
    /// It may be left out, and is this then.
    Or(Fallback),
    /// It must not be there.
    No,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fallback {
    Null,
    Text(&'static str),
    Flag(bool),
    List,
    Dict,
}

/// Who may set an attribute, and see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    All,
    SetByAdmin,
    Admin,
}

const fn attribute(name: &'static str, shape: Shape, post: Post, put: bool) -> Attribute {
    Attribute {
        name,
        shape,
        post,
        put,
        right: Right::All,
    }
}

const fn shown(name: &'static str) -> Attribute {
    attribute(name, Shape::Any, Post::No, false)
}

const fn words(name: &'static str) -> Attribute {
    attribute(name, Shape::Text(255), Post::Or(Fallback::Text("")), true)
}

const fn switch(name: &'static str, on: bool) -> Attribute {
    attribute(name, Shape::Flag, Post::Or(Fallback::Flag(on)), true)
}

const fn nothing(name: &'static str) -> Attribute {
    attribute(name, Shape::Any, Post::Or(Fallback::Null), true)
}

const fn many(name: &'static str) -> Attribute {
    attribute(name, Shape::List, Post::Or(Fallback::List), true)
}

const fn required(name: &'static str) -> Attribute {
    attribute(name, Shape::Text(255), Post::Required, false)
}

const fn optional(name: &'static str, shape: Shape) -> Attribute {
    attribute(name, shape, Post::Optional, true)
}

impl Attribute {
    const fn by_admin(mut self) -> Self {
        self.right = Right::SetByAdmin;
        self
    }

    const fn for_admin(mut self) -> Self {
        self.right = Right::Admin;
        self
    }

    const fn fixed(mut self) -> Self {
        self.put = false;
        self
    }
}

const STANDARD: &[Attribute] = &[
    shown("id"),
    shown("status"),
    shown("created_at"),
    shown("updated_at"),
    shown("revision_number"),
    words("description"),
];

const NETWORK: &[Attribute] = &[
    words("name"),
    switch("admin_state_up", true),
    optional("mtu", Shape::Whole),
    switch("port_security_enabled", true),
    switch("router:external", false).by_admin(),
    switch("shared", false).by_admin(),
    switch("is_default", false).by_admin(),
    many("availability_zone_hints").fixed(),
    words("dns_domain"),
    nothing("qos_policy_id"),
    switch("vlan_transparent", false).fixed(),
    switch("qinq", false).fixed(),
    switch("pvlan", false).fixed(),
    nothing("provider:network_type").for_admin(),
    nothing("provider:physical_network").for_admin(),
    nothing("provider:segmentation_id").for_admin(),
    shown("tags"),
    shown("subnets"),
    shown("availability_zones"),
    shown("ipv4_address_scope"),
    shown("ipv6_address_scope"),
    shown("l2_adjacency"),
];

const SUBNET: &[Attribute] = &[
    words("name"),
    required("network_id"),
    attribute("ip_version", Shape::Whole, Post::Required, false),
    optional("cidr", Shape::Text(64)).fixed(),
    optional("prefixlen", Shape::Whole).fixed(),
    optional("use_default_subnetpool", Shape::Flag).fixed(),
    optional("gateway_ip", Shape::Any),
    optional("allocation_pools", Shape::List),
    many("dns_nameservers"),
    many("host_routes"),
    switch("enable_dhcp", true),
    nothing("ipv6_address_mode").fixed(),
    nothing("ipv6_ra_mode").fixed(),
    nothing("subnetpool_id").fixed(),
    nothing("segment_id"),
    many("service_types"),
    switch("dns_publish_fixed_ip", false),
    shown("tags"),
    shown("router:external"),
];

const PORT: &[Attribute] = &[
    words("name"),
    required("network_id"),
    switch("admin_state_up", true),
    optional("mac_address", Shape::Text(32)).by_admin_later(),
    optional("fixed_ips", Shape::List),
    words("device_id"),
    words("device_owner"),
    optional("security_groups", Shape::List),
    many("allowed_address_pairs"),
    optional("port_security_enabled", Shape::Flag),
    many("extra_dhcp_opts"),
    words("dns_name"),
    words("dns_domain"),
    nothing("qos_policy_id"),
    nothing("data_plane_status").by_admin(),
    nothing("hardware_offload_type"),
    nothing("pvlan_type"),
    nothing("pvlan_community"),
    nothing("trusted").by_admin(),
    switch("propagate_uplink_status", true).fixed(),
    attribute(
        "binding:vnic_type",
        Shape::Text(64),
        Post::Or(Fallback::Text("normal")),
        true,
    ),
    attribute(
        "binding:host_id",
        Shape::Text(255),
        Post::Or(Fallback::Text("")),
        true,
    )
    .for_admin(),
    attribute("binding:profile", Shape::Dict, Post::Or(Fallback::Dict), true).for_admin(),
    shown("binding:vif_type").for_admin(),
    shown("binding:vif_details").for_admin(),
    shown("resource_request").for_admin(),
    many("tags").fixed(),
    shown("dns_assignment"),
    shown("ip_allocation"),
    shown("qos_network_policy_id"),
];

const ROUTER: &[Attribute] = &[
    words("name"),
    switch("admin_state_up", true),
    optional("external_gateway_info", Shape::Dict),
    switch("distributed", false).for_admin(),
    switch("ha", false).for_admin(),
    nothing("flavor_id").fixed(),
    nothing("service_type_id").fixed(),
    many("availability_zone_hints").fixed(),
    attribute("routes", Shape::List, Post::No, true),
    shown("tags"),
    shown("availability_zones"),
    shown("conntrack_helpers"),
];

const SECURITY_GROUP: &[Attribute] = &[
    words("name"),
    switch("stateful", true),
    shown("tags"),
    shown("shared"),
    shown("security_group_rules"),
];

const RULE: &[Attribute] = &[
    required("security_group_id"),
    required("direction"),
    attribute("ethertype", Shape::Any, Post::Or(Fallback::Text("IPv4")), false),
    nothing("protocol").fixed(),
    attribute("port_range_min", Shape::Whole, Post::Or(Fallback::Null), false),
    attribute("port_range_max", Shape::Whole, Post::Or(Fallback::Null), false),
    nothing("remote_ip_prefix").fixed(),
    nothing("remote_group_id").fixed(),
    nothing("remote_address_group_id").fixed(),
    shown("tags"),
    shown("normalized_cidr"),
    shown("belongs_to_default_sg"),
];

const FLOATING_IP: &[Attribute] = &[
    required("floating_network_id"),
    nothing("port_id"),
    nothing("fixed_ip_address"),
    optional("floating_ip_address", Shape::Text(64))
        .by_admin()
        .fixed(),
    optional("subnet_id", Shape::Text(64)).fixed(),
    attribute("dns_name", Shape::Text(255), Post::Or(Fallback::Text("")), false),
    attribute(
        "dns_domain",
        Shape::Text(255),
        Post::Or(Fallback::Text("")),
        false,
    ),
    nothing("qos_policy_id"),
    attribute("distributed", Shape::Flag, Post::Optional, false).for_admin(),
    shown("tags"),
    shown("router_id"),
    shown("port_details"),
    shown("port_forwardings"),
];

impl Attribute {
    /// A MAC may be chosen by the owner of the network when a port is made; changing it is for admins.
    const fn by_admin_later(mut self) -> Self {
        self.put = false;
        self
    }
}

/// All attributes of a kind but the project, which every kind has.
pub(super) fn of(kind: Kind) -> impl Iterator<Item = &'static Attribute> {
    let own = match kind {
        Kind::Network => NETWORK,
        Kind::Subnet => SUBNET,
        Kind::Port => PORT,
        Kind::Router => ROUTER,
        Kind::SecurityGroup => SECURITY_GROUP,
        Kind::Rule => RULE,
        Kind::FloatingIp => FLOATING_IP,
    };
    STANDARD.iter().chain(own)
}

/// Attributes that are there only where Neutron has an extension.
const EXTENDED: &[(&str, &str)] = &[
    ("conntrack_helpers", "l3-conntrack-helper"),
    ("data_plane_status", "data-plane-status"),
    ("dns_assignment", "dns-integration"),
    ("dns_domain", "dns-integration"),
    ("dns_name", "dns-integration"),
    ("dns_publish_fixed_ip", "subnet-dns-publish-fixed-ip"),
    ("hardware_offload_type", "port-hardware-offload-type"),
    ("ip_allocation", "ip_allocation"),
    ("l2_adjacency", "l2_adjacency"),
    ("port_forwardings", "floating-ip-port-forwarding"),
    ("propagate_uplink_status", "uplink-status-propagation"),
    ("pvlan", "pvlan"),
    ("pvlan_community", "pvlan"),
    ("pvlan_type", "pvlan"),
    ("segment_id", "segment"),
    ("service_type_id", "service-type"),
    ("trusted", "port-trusted-vif"),
];

/// Whether a cloud without these extensions lacks the attribute.
pub(super) fn is_absent(name: &str, without: &[String]) -> bool {
    EXTENDED
        .iter()
        .any(|(attribute, alias)| *attribute == name && without.iter().any(|absent| absent == alias))
}
