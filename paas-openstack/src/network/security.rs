//! Security groups and their rules. Source: neutron-lib `api-ref/source/v2/{security-groups,security-group-rules}.inc`.

use crate::wire::{AllTags, Stamp, filter, open_enum, record, request};

record! {
    /// A security group: what may reach a port. Neutron puts two rules into a new one that let everything out.
    pub struct SecurityGroup {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// Up to 255 characters; exact filters find it.
        description: String,
        /// Its rules.
        #[serde(rename = "security_group_rules")]
        rules: Vec<SecurityGroupRule>,
        /// Whether answers are let through; always so without the extension `stateful-security-group`.
        stateful: Option<bool>,
        /// Its tags.
        tags: Vec<String>,
        /// The project it belongs to.
        project_id: String,
        /// Grows with each change.
        revision_number: u64,
        /// When it was made.
        created_at: Stamp,
    }
}

filter! {
    /// Which security groups.
    pub struct SecurityGroupFilter of SecurityGroup {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
        /// Exactly this description.
        description: String = "description", |it, want| it.description == *want;
        /// Of this project.
        project_id: String = "project_id", |it, want| it.project_id == *want;
        /// With all these tags.
        tags: AllTags = "tags", |it, want| want.within(&it.tags);
    }
}

request! {
    /// A security group to be made.
    pub struct NewSecurityGroup {
        must {
            /// Not unique.
            name: String,
        }
        may {
            /// Up to 255 characters.
            description: String,
            /// Whether answers are let through; with the extension `stateful-security-group`.
            stateful: bool,
        }
    }
}

request! {
    /// What is to be changed of a security group.
    #[derive(Default)]
    pub struct SecurityGroupChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Said about it.
            description: String,
        }
    }
}

open_enum! {
    /// Which way.
    pub enum Direction {
        /// To the port.
        Ingress = "ingress",
        /// From the port.
        Egress = "egress",
    }
}

open_enum! {
    /// Which kind of addresses.
    pub enum Ethertype {
        /// Version 4.
        Ipv4 = "IPv4",
        /// Version 6.
        Ipv6 = "IPv6",
    }
}

record! {
    /// A rule. It cannot be changed, only made and deleted; its tuple is unique in its group.
    pub struct SecurityGroupRule {
        /// Its id.
        key id: String,
        /// Its group's id.
        security_group_id: String,
        /// Which way.
        direction: Direction,
        /// Which kind of addresses.
        ethertype: Ethertype,
        /// `tcp`, `udp`, `icmp`, a number; `None` for any.
        protocol: Option<String>,
        /// The first port, or the type of ICMP; `None` for any.
        port_range_min: Option<u32>,
        /// The last port, or the code of ICMP; `None` for any.
        port_range_max: Option<u32>,
        /// The other side's addresses; `None` for any.
        remote_ip_prefix: Option<String>,
        /// The other side's security group.
        remote_group_id: Option<String>,
        /// Up to 255 characters.
        description: String,
        /// The project it belongs to.
        project_id: String,
    }
}

filter! {
    /// Which rules.
    pub struct RuleFilter of SecurityGroupRule {
        /// Of this group.
        security_group_id: String = "security_group_id", |it, want| it.security_group_id == *want;
        /// That let this group in or out.
        remote_group_id: String = "remote_group_id", |it, want| it.remote_group_id.as_deref() == Some(want.as_str());
        /// Exactly this description.
        description: String = "description", |it, want| it.description == *want;
        /// Which way.
        direction: Direction = "direction", |it, want| it.direction == *want;
    }
}

request! {
    /// A rule to be made. The same a second time is refused (409) with the id of the first.
    pub struct NewRule {
        must {
            /// Its group's id.
            security_group_id: String,
            /// Which way.
            direction: Direction,
            /// Which kind of addresses.
            ethertype: Ethertype,
        }
        may {
            /// `tcp`, `udp`, `icmp`, a number; not said, any.
            protocol: String,
            /// The first port, or the type of ICMP.
            port_range_min: u32,
            /// The last port, or the code of ICMP.
            port_range_max: u32,
            /// The other side's addresses as CIDR.
            remote_ip_prefix: String,
            /// The other side's security group.
            remote_group_id: String,
            /// Up to 255 characters.
            description: String,
        }
    }
}

impl NewRule {
    /// Lets TCP to these ports in, from these addresses.
    pub fn tcp_in(
        group: impl Into<String>,
        ports: std::ops::RangeInclusive<u16>,
        from: impl Into<String>,
    ) -> Self {
        let from = from.into();
        let kind = if from.contains(':') {
            Ethertype::Ipv6
        } else {
            Ethertype::Ipv4
        };
        Self::new(group, Direction::Ingress, kind)
            .protocol("tcp")
            .port_range_min(*ports.start())
            .port_range_max(*ports.end())
            .remote_ip_prefix(from)
    }
}
