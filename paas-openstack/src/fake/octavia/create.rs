//! Making things: one at a time, or a load balancer with everything in it.

use serde_json::{Value, json};

use super::{
    Kind, Object, Refusal, State, Who, World, invalid, moment,
    neutron::{self, VipWish},
    schema::accept_create,
    text, world,
};

/// Makes a load balancer, with all that it describes; its id is returned.
pub(super) fn load_balancer(
    world: &World,
    state: &mut world::State,
    who: &Who,
    sent: &Object,
) -> Result<String, Refusal> {
    let mut balancer = accept_create(Kind::LoadBalancer, sent)?;
    let project = project(who, sent)?;
    state.octavia.within_quota(world, &project, Kind::LoadBalancer)?;
    let provider = text(&balancer, "provider").to_owned();
    if !matches!(provider.as_str(), "" | "amphora" | "octavia") {
        let words = format!("Provider '{provider}' is not enabled.");
        return Err(Refusal::octavia(400, &words));
    }
    let listeners = children(&mut balancer, "listeners");
    let pools = children(&mut balancer, "pools");
    let id = world.id();
    // Everything below the load balancer is checked on a copy, so that a refusal leaves nothing behind.
    let mut planned = state.octavia.clone();
    balancer.insert("id".to_owned(), json!(id));
    balancer.insert("project_id".to_owned(), json!(project));
    planned.load_balancers.insert(balancer.clone());
    planned.populate(world, state, who, &id, listeners, pools)?;
    let said = balancer.clone();
    let given = |name: &str| said.get(name).and_then(Value::as_str);
    let wish = VipWish {
        port: given("vip_port_id"),
        subnet: given("vip_subnet_id"),
        network: given("vip_network_id"),
        address: given("vip_address"),
    };
    let vip = neutron::vip(world, state, &project, (&id, text(&said, "name")), wish)?;
    let now = world.now();
    for (name, value) in [
        ("vip_port_id", json!(vip.port)),
        ("vip_subnet_id", json!(vip.subnet)),
        ("vip_network_id", json!(vip.network)),
        ("vip_address", json!(vip.address)),
        ("vip_vnic_type", json!("normal")),
        (
            "provider",
            json!(if provider.is_empty() { "amphora" } else { &provider }),
        ),
        ("provisioning_status", json!("PENDING_CREATE")),
        ("operating_status", json!("OFFLINE")),
        ("created_at", json!(moment(now))),
        ("updated_at", Value::Null),
        ("_vip_made", json!(vip.made)),
        ("_since", json!(now.to_string())),
    ] {
        balancer.insert(name.to_owned(), value);
    }
    if let Some(stored) = planned.load_balancers.get_mut(&id) {
        *stored = balancer;
    }
    state.octavia = planned;
    Ok(id)
}

/// The objects in a list member, which is taken out.
fn children(object: &mut Object, name: &str) -> Vec<Object> {
    match object.remove(name) {
        Some(Value::Array(all)) => all.into_iter().map(super::super::collection::object).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn project(who: &Who, sent: &Object) -> Result<String, Refusal> {
    let wanted = sent
        .get("project_id")
        .or(sent.get("tenant_id"))
        .and_then(Value::as_str);
    match wanted {
        None | Some("") => Ok(who.project.clone()),
        Some(wanted) if who.sees(wanted) => Ok(wanted.to_owned()),
        Some(_) => Err(super::forbidden()),
    }
}

impl State {
    /// The listeners and pools of a full create: every pool has a name, and is described once.
    fn populate(
        &mut self,
        world: &World,
        all: &world::State,
        who: &Who,
        id: &str,
        mut listeners: Vec<Object>,
        pools: Vec<Object>,
    ) -> Result<(), Refusal> {
        let mut described: Vec<Object> = pools;
        let mut wanted: Vec<Option<String>> = Vec::new();
        for listener in &mut listeners {
            let pool = listener
                .remove("default_pool")
                .and_then(|pool| pool.as_object().cloned());
            wanted.push(pool.as_ref().map(|pool| text(pool, "name").to_owned()));
            if let Some(pool) = pool {
                // A pool with a name alone is described elsewhere.
                if pool.len() > 1 || text(&pool, "name").is_empty() {
                    described.push(pool);
                }
            }
        }
        for (place, pool) in described.iter().enumerate() {
            let name = text(pool, "name");
            if name.is_empty() {
                return Err(invalid(
                    "Pools must be named when creating a fully populated loadbalancer.",
                ));
            }
            if described[..place].iter().any(|other| text(other, "name") == name) {
                return Err(invalid(
                    "Pool names must be unique when creating a fully populated loadbalancer.",
                ));
            }
        }
        let mut made: Vec<(String, String)> = Vec::new();
        for mut pool in described {
            let name = text(&pool, "name").to_owned();
            pool.insert("loadbalancer_id".to_owned(), json!(id));
            let pool = self.pool(world, all, who, &pool)?;
            made.push((name, pool));
        }
        for (mut listener, wanted) in listeners.into_iter().zip(wanted) {
            if let Some(name) = wanted {
                let Some((_, pool)) = made.iter().find(|(known, _)| *known == name) else {
                    return Err(invalid(&format!(
                        "Pool '{name}' was referenced but no full definition was found."
                    )));
                };
                listener.insert("default_pool_id".to_owned(), json!(pool));
            }
            listener.insert("loadbalancer_id".to_owned(), json!(id));
            self.listener(world, who, &listener)?;
        }
        Ok(())
    }

    /// Stores a new child of a load balancer; its id is returned.
    fn insert(
        &mut self,
        world: &World,
        kind: Kind,
        (balancer, project): (&str, &str),
        operating: &str,
        mut object: Object,
    ) -> String {
        let id = world.id();
        let now = json!(moment(world.now()));
        let updated = if kind == Kind::Member {
            now.clone()
        } else {
            Value::Null
        };
        for (name, value) in [
            ("id", json!(id)),
            ("project_id", json!(project)),
            ("provisioning_status", json!("PENDING_CREATE")),
            ("operating_status", json!(operating)),
            ("created_at", now),
            ("updated_at", updated),
            ("_lb", json!(balancer)),
        ] {
            object.insert(name.to_owned(), value);
        }
        self.table_mut(kind).insert(object);
        id
    }

    pub(super) fn listener(&mut self, world: &World, who: &Who, sent: &Object) -> Result<String, Refusal> {
        let mut listener = accept_create(Kind::Listener, sent)?;
        let balancer = text(&listener, "loadbalancer_id").to_owned();
        if balancer.is_empty() {
            return Err(Refusal::octavia(
                400,
                "Invalid input for field/attribute loadbalancer_id. Value: 'None'. Mandatory field missing.",
            ));
        }
        let project = text(self.visible(who, Kind::LoadBalancer, &balancer)?, "project_id").to_owned();
        self.within_quota(world, &project, Kind::Listener)?;
        let family = |protocol: &str| {
            if matches!(protocol, "UDP" | "SCTP") {
                protocol.to_owned()
            } else {
                "TCP".to_owned()
            }
        };
        let (protocol, port) = (
            text(&listener, "protocol").to_owned(),
            listener["protocol_port"].clone(),
        );
        let taken = self.listeners.of("_lb", &balancer).any(|other| {
            other["protocol_port"] == port && family(text(other, "protocol")) == family(&protocol)
        });
        if taken {
            return Err(Refusal::octavia(
                409,
                &format!(
                    "Another Listener on this Load Balancer is already using protocol {protocol} and protocol_port {port}"
                ),
            ));
        }
        if let Some(pool) = listener["default_pool_id"].as_str() {
            self.pool_of(who, pool, &balancer)?;
        }
        for gone in ["loadbalancer_id", "default_pool", "l7policies"] {
            listener.remove(gone);
        }
        Ok(self.insert(world, Kind::Listener, (&balancer, &project), "ONLINE", listener))
    }

    /// A pool that belongs to this load balancer.
    pub(super) fn pool_of(&self, who: &Who, pool: &str, balancer: &str) -> Result<(), Refusal> {
        let found = self.visible(who, Kind::Pool, pool)?;
        if text(found, "_lb") == balancer {
            return Ok(());
        }
        Err(Refusal::octavia(404, &format!("Pool {pool} not found.")))
    }

    pub(super) fn pool(
        &mut self,
        world: &World,
        all: &world::State,
        who: &Who,
        sent: &Object,
    ) -> Result<String, Refusal> {
        let mut pool = accept_create(Kind::Pool, sent)?;
        let listener = pool["listener_id"].as_str().map(str::to_owned);
        let balancer = match (&listener, text(&pool, "loadbalancer_id")) {
            (Some(listener), _) => {
                let found = self.visible(who, Kind::Listener, listener)?;
                if found["default_pool_id"].is_string() {
                    return Err(Refusal::octavia(409, "This listener already has a default pool"));
                }
                text(found, "_lb").to_owned()
            }
            (None, "") => {
                return Err(invalid(
                    "Must provide at least one of: ['listener_id', 'loadbalancer_id'].",
                ));
            }
            (None, balancer) => balancer.to_owned(),
        };
        let project = text(self.visible(who, Kind::LoadBalancer, &balancer)?, "project_id").to_owned();
        self.within_quota(world, &project, Kind::Pool)?;
        let members = children(&mut pool, "members");
        let monitor = pool
            .remove("healthmonitor")
            .and_then(|monitor| monitor.as_object().cloned());
        for gone in ["loadbalancer_id", "listener_id"] {
            pool.remove(gone);
        }
        let id = self.insert(world, Kind::Pool, (&balancer, &project), "ONLINE", pool);
        if let Some(listener) = listener.and_then(|listener| self.listeners.get_mut(&listener)) {
            listener.insert("default_pool_id".to_owned(), json!(id));
        }
        for member in members {
            self.member(world, all, who, &id, &member)?;
        }
        if let Some(mut monitor) = monitor {
            monitor.insert("pool_id".to_owned(), json!(id));
            self.monitor(world, who, &monitor)?;
        }
        Ok(id)
    }

    pub(super) fn member(
        &mut self,
        world: &World,
        all: &world::State,
        who: &Who,
        pool: &str,
        sent: &Object,
    ) -> Result<String, Refusal> {
        let mut member = accept_create(Kind::Member, sent)?;
        let found = self.visible(who, Kind::Pool, pool)?;
        let (balancer, project) = (
            text(found, "_lb").to_owned(),
            text(found, "project_id").to_owned(),
        );
        if let Some(subnet) = member["subnet_id"].as_str()
            && !neutron::sees_subnet(world, all, &project, subnet)
        {
            return Err(Refusal::octavia(400, &format!("Subnet {subnet} not found.")));
        }
        self.within_quota(world, &project, Kind::Member)?;
        let same = self.members.of("_pool", pool).any(|other| {
            other["address"] == member["address"] && other["protocol_port"] == member["protocol_port"]
        });
        if same {
            return Err(Refusal::octavia(
                409,
                &format!(
                    "Another member on this pool is already using ip {} on protocol_port {}",
                    text(&member, "address"),
                    member["protocol_port"]
                ),
            ));
        }
        let monitored = self.monitors.of("_pool", pool).next().is_some();
        member.insert("_pool".to_owned(), json!(pool));
        member.insert("vnic_type".to_owned(), json!("normal"));
        let operating = if monitored { "ONLINE" } else { "NO_MONITOR" };
        Ok(self.insert(world, Kind::Member, (&balancer, &project), operating, member))
    }

    pub(super) fn monitor(&mut self, world: &World, who: &Who, sent: &Object) -> Result<String, Refusal> {
        let mut monitor = accept_create(Kind::Monitor, sent)?;
        let pool = text(&monitor, "pool_id").to_owned();
        let found = self.visible(who, Kind::Pool, &pool)?;
        let (balancer, project) = (
            text(found, "_lb").to_owned(),
            text(found, "project_id").to_owned(),
        );
        if self.monitors.of("_pool", &pool).next().is_some() {
            return Err(Refusal::octavia(409, "This pool already has a health monitor"));
        }
        self.within_quota(world, &project, Kind::Monitor)?;
        monitor.remove("pool_id");
        monitor.insert("_pool".to_owned(), json!(pool));
        let id = self.insert(world, Kind::Monitor, (&balancer, &project), "ONLINE", monitor);
        for member in self
            .members
            .iter_mut()
            .filter(|member| text(member, "_pool") == pool)
        {
            member.insert("operating_status".to_owned(), json!("ONLINE"));
        }
        Ok(id)
    }

    pub(super) fn limit(&self, world: &World, project: &str, kind: Kind) -> i64 {
        let quotas = &world.setup.quotas;
        let own = self
            .quotas
            .get(project)
            .and_then(|own| own.get(kind.singular()))
            .copied();
        own.unwrap_or(match kind {
            Kind::LoadBalancer => quotas.load_balancers,
            Kind::Listener => quotas.listeners,
            Kind::Pool => quotas.pools,
            Kind::Member => quotas.members,
            Kind::Monitor => quotas.health_monitors,
        })
    }

    fn within_quota(&self, world: &World, project: &str, kind: Kind) -> Result<(), Refusal> {
        let limit = self.limit(world, project, kind);
        let used = i64::try_from(self.table(kind).count(project)).unwrap_or(i64::MAX);
        if limit < 0 || used < limit {
            return Ok(());
        }
        Err(Refusal::octavia(
            403,
            &format!("Quota has been met for resources: {}", kind.words()),
        ))
    }
}
