//! How much, how long, and in which of the shapes that clouds have.

use std::{collections::BTreeMap, time::Duration};

use crate::client::service::Kind;

/// How much a project may have; -1 is without bound. The defaults are those of the services.
#[derive(Debug, Clone)]
#[allow(
    missing_docs,
    reason = "each is the number of what its name says, as the services call it"
)]
pub struct Quotas {
    pub instances: i64,
    pub cores: i64,
    /// MiB.
    pub ram: i64,
    pub key_pairs: i64,
    pub metadata_items: i64,
    pub server_groups: i64,
    pub server_group_members: i64,
    pub networks: i64,
    pub subnets: i64,
    pub routers: i64,
    pub ports: i64,
    pub floating_ips: i64,
    pub security_groups: i64,
    pub security_group_rules: i64,
    pub trunks: i64,
    pub volumes: i64,
    /// GiB.
    pub gigabytes: i64,
    pub snapshots: i64,
    pub load_balancers: i64,
    pub listeners: i64,
    pub pools: i64,
    pub members: i64,
    pub health_monitors: i64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            instances: 10,
            cores: 20,
            ram: 51200,
            key_pairs: 100,
            metadata_items: 128,
            server_groups: 10,
            server_group_members: 10,
            networks: 100,
            subnets: 100,
            routers: 10,
            ports: 500,
            floating_ips: 50,
            security_groups: 10,
            security_group_rules: 100,
            trunks: -1,
            volumes: 10,
            gigabytes: 1000,
            snapshots: 10,
            load_balancers: 10,
            listeners: -1,
            pools: -1,
            members: -1,
            health_monitors: -1,
        }
    }
}

/// How long each call takes: `fixed`, and more for some services. It is slept on the setup's clock.
#[derive(Debug, Clone, Default)]
pub struct Latency {
    /// For every call.
    pub fixed: Duration,
    /// In addition, for calls to a service.
    pub services: BTreeMap<Kind, Duration>,
}

/// How long things take after the call that began them.
#[derive(Debug, Clone)]
pub struct Times {
    /// A token's life.
    pub token: Duration,
    /// From BUILD to ACTIVE.
    pub boot: Duration,
    /// Until a deleted server is gone.
    pub server_delete: Duration,
    /// Starting, stopping, rebooting a server.
    pub power: Duration,
    /// From `creating` to `available`; attaching takes none.
    pub volume: Duration,
    /// Until a deleted volume is gone.
    pub volume_delete: Duration,
    /// From PENDING_* to ACTIVE.
    pub load_balancer: Duration,
    /// Until an imported image is active.
    pub image: Duration,
}

impl Default for Times {
    /// A token lives an hour, other things take a second or less, so that clients who poll need not be patient.
    fn default() -> Self {
        Self {
            token: Duration::from_secs(3600),
            boot: Duration::from_secs(1),
            server_delete: Duration::from_millis(300),
            power: Duration::from_millis(300),
            volume: Duration::from_millis(300),
            volume_delete: Duration::from_millis(300),
            load_balancer: Duration::from_secs(1),
            image: Duration::from_millis(300),
        }
    }
}

/// In which of the shapes that clouds have this one answers.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Links in version documents say `https` although the cloud speaks `http`, as behind a proxy that ends TLS (there it is the
    /// other way round). Who follows them fails.
    pub wrong_scheme_in_links: bool,
    /// A second region whose endpoints come first in the catalog and lead nowhere.
    pub second_region: Option<String>,
    /// The catalog names Cinder `volumev3` only.
    pub volumev3_only: bool,
    /// Catalog URLs end before the version, also where they usually have one.
    pub unversioned_catalog: bool,
    /// Catalog URLs of Nova and Cinder end in the project's id.
    pub project_in_urls: bool,
    /// Services that are not in the catalog.
    pub without: Vec<Kind>,
    /// Zones of Nova whose services are all switched off: they are listed, and take nothing.
    pub closed_zones: Vec<String>,
    /// Aliases of Neutron's extensions that this cloud lacks: they are not in its list, nor are their attributes shown or accepted.
    pub without_extensions: Vec<String>,
    /// Every subnet with DHCP has a port of Neutron's own.
    pub dhcp_ports: bool,
    /// The most that one page of Neutron's lists has, also where no limit was asked for.
    pub network_page: Option<usize>,
    /// Every answer ends its connection.
    pub close_connections: bool,
    /// Nova's newest microversion.
    pub compute_maximum: String,
    /// Cinder's newest microversion.
    pub volume_maximum: String,
    /// Placement's newest microversion.
    pub placement_maximum: String,
    /// False: an application credential or a token may not be exchanged for another token (403).
    pub rescope: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            wrong_scheme_in_links: false,
            second_region: None,
            volumev3_only: false,
            unversioned_catalog: false,
            project_in_urls: false,
            without: Vec::new(),
            closed_zones: Vec::new(),
            without_extensions: Vec::new(),
            dhcp_ports: false,
            network_page: None,
            close_connections: false,
            compute_maximum: "2.96".into(),
            volume_maximum: "3.71".into(),
            placement_maximum: "1.39".into(),
            rescope: true,
        }
    }
}
