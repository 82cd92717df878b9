//! Changing and deleting.

use serde_json::{Value, json};

use super::{
    Kind, Object, Refusal, State, Who, World, invalid, moment, pending,
    schema::{accept_create, accept_update},
    text, world,
};

impl State {
    /// The load balancer that something belongs to; itself, if it is one.
    pub(super) fn balancer_of(&self, who: &Who, kind: Kind, id: &str) -> Result<String, Refusal> {
        let object = self.visible(who, kind, id)?;
        Ok(if kind == Kind::LoadBalancer {
            id.to_owned()
        } else {
            text(object, "_lb").to_owned()
        })
    }

    pub(super) fn update(
        &mut self,
        world: &World,
        who: &Who,
        kind: Kind,
        id: &str,
        sent: &Object,
    ) -> Result<(), Refusal> {
        let balancer = self.balancer_of(who, kind, id)?;
        let changes = accept_update(kind, sent)?;
        if let Some(pool) = changes.get("default_pool_id").and_then(Value::as_str) {
            self.pool_of(who, pool, &balancer)?;
        }
        let status = text(self.visible(who, kind, id)?, "provisioning_status").to_owned();
        self.lock(world, &balancer).map_err(|refusal| match kind {
            Kind::LoadBalancer => pending(id, &status),
            _ => refusal,
        })?;
        if let Some(object) = self.table_mut(kind).get_mut(id) {
            object.extend(changes);
            object.insert("provisioning_status".to_owned(), json!("PENDING_UPDATE"));
            object.insert("updated_at".to_owned(), json!(moment(world.now())));
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, world: &World, who: &Who, kind: Kind, id: &str) -> Result<(), Refusal> {
        let balancer = self.balancer_of(who, kind, id)?;
        self.lock(world, &balancer)?;
        self.doom(kind, id);
        match kind {
            Kind::Pool => {
                for child in [Kind::Member, Kind::Monitor] {
                    let theirs: Vec<String> = self
                        .table(child)
                        .of("_pool", id)
                        .map(|one| text(one, "id").to_owned())
                        .collect();
                    for one in theirs {
                        self.doom(child, &one);
                    }
                }
                for listener in self
                    .listeners
                    .iter_mut()
                    .filter(|one| text(one, "default_pool_id") == id)
                {
                    listener.insert("default_pool_id".to_owned(), Value::Null);
                }
            }
            Kind::Monitor => {
                let pool = self
                    .monitors
                    .get(id)
                    .map(|monitor| text(monitor, "_pool").to_owned())
                    .unwrap_or_default();
                for member in self.members.iter_mut().filter(|one| text(one, "_pool") == pool) {
                    member.insert("operating_status".to_owned(), json!("NO_MONITOR"));
                }
            }
            Kind::LoadBalancer | Kind::Listener | Kind::Member => {}
        }
        Ok(())
    }

    fn doom(&mut self, kind: Kind, id: &str) {
        if let Some(object) = self.table_mut(kind).get_mut(id) {
            object.insert("provisioning_status".to_owned(), json!("PENDING_DELETE"));
        }
    }

    /// A load balancer in ERROR may go too.
    pub(super) fn delete_balancer(
        &mut self,
        world: &World,
        who: &Who,
        id: &str,
        cascade: bool,
    ) -> Result<(), Refusal> {
        let status = text(self.visible(who, Kind::LoadBalancer, id)?, "provisioning_status").to_owned();
        let children = self.listeners.of("_lb", id).count() + self.pools.of("_lb", id).count();
        if children > 0 && !cascade {
            return Err(invalid(&format!(
                "Cannot delete Load Balancer {id} - it has children"
            )));
        }
        if !matches!(status.as_str(), "ACTIVE" | "ERROR") {
            return Err(pending(id, &status));
        }
        for kind in [Kind::Listener, Kind::Pool, Kind::Member, Kind::Monitor] {
            let theirs: Vec<String> = self
                .table(kind)
                .of("_lb", id)
                .map(|one| text(one, "id").to_owned())
                .collect();
            for one in theirs {
                self.doom(kind, &one);
            }
        }
        self.doom(Kind::LoadBalancer, id);
        if let Some(balancer) = self.load_balancers.get_mut(id) {
            balancer.insert("_since".to_owned(), json!(world.now().to_string()));
        }
        Ok(())
    }

    /// Makes the members of a pool those of the list: what is there already is changed, what is missing goes, unless the call only adds.
    pub(super) fn set_members(
        &mut self,
        world: &World,
        all: &world::State,
        who: &Who,
        pool: &str,
        sent: &[Value],
        additive: bool,
    ) -> Result<(), Refusal> {
        let balancer = self.balancer_of(who, Kind::Pool, pool)?;
        self.lock(world, &balancer)?;
        let mut kept: Vec<String> = Vec::new();
        for member in sent {
            let member = super::super::collection::object(member.clone());
            let described = accept_create(Kind::Member, &member)?;
            let same = self
                .members
                .of("_pool", pool)
                .find(|other| {
                    other["address"] == described["address"]
                        && other["protocol_port"] == described["protocol_port"]
                })
                .map(|other| text(other, "id").to_owned());
            let id = match same {
                Some(id) if kept.contains(&id) => {
                    return Err(invalid("Member must be updated only once in the same request."));
                }
                Some(id) => {
                    if let Some(stored) = self.members.get_mut(&id) {
                        stored.extend(member);
                        stored.insert("provisioning_status".to_owned(), json!("PENDING_UPDATE"));
                    }
                    id
                }
                None => self.member(world, all, who, pool, &member)?,
            };
            kept.push(id);
        }
        if !additive {
            let gone: Vec<String> = self
                .members
                .of("_pool", pool)
                .map(|one| text(one, "id").to_owned())
                .filter(|id| !kept.contains(id))
                .collect();
            for id in gone {
                self.doom(Kind::Member, &id);
            }
        }
        Ok(())
    }

    pub(super) fn set_quota(
        &mut self,
        world: &World,
        who: &Who,
        project: &str,
        body: &Value,
    ) -> Result<Value, Refusal> {
        if !who.is_admin() {
            return Err(super::forbidden());
        }
        let own = self.quotas.entry(project.to_owned()).or_default();
        for (name, limit) in body["quota"].as_object().into_iter().flatten() {
            if let Some(limit) = limit.as_i64() {
                own.insert(name.replace('_', ""), limit);
            }
        }
        Ok(self.quota(world, project))
    }

    pub(super) fn quota(&self, world: &World, project: &str) -> Value {
        let of = |kind| self.limit(world, project, kind);
        json!({"quota": {
            "loadbalancer": of(Kind::LoadBalancer), "load_balancer": of(Kind::LoadBalancer),
            "listener": of(Kind::Listener), "member": of(Kind::Member), "pool": of(Kind::Pool),
            "healthmonitor": of(Kind::Monitor), "health_monitor": of(Kind::Monitor), "l7policy": -1, "l7rule": -1,
        }})
    }
}
