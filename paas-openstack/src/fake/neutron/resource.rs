//! What is done in the same way with every kind: create, show, update, delete, and the revision that goes with it.

use serde_json::{Value, json};

use super::{Caller, Denial, Kind, Object, State, attributes, flag, list, schema, text};

impl State {
    /// Creates a resource; what is shown of it is returned.
    pub(super) fn create(&mut self, caller: &Caller<'_>, kind: Kind, body: Object) -> Result<Object, Denial> {
        let mut object = schema::accept_create(kind, caller, body)?;
        self.welcome(caller, text(&object, "project_id"));
        self.within_quota(kind, text(&object, "project_id"), 1)?;
        object.insert("id".to_owned(), json!(caller.world.id()));
        match kind {
            Kind::Network => self.new_network(&mut object),
            Kind::Subnet => self.new_subnet(caller, &mut object),
            Kind::Port => self.new_port(caller, &mut object),
            Kind::Router => self.new_router(caller, &mut object),
            Kind::SecurityGroup => self.new_security_group(caller, &mut object),
            Kind::Rule => self.new_rule(caller, &mut object),
            Kind::FloatingIp => self.new_floating_ip(caller, &mut object),
        }?;
        let id = self.insert(caller, kind, object);
        if kind == Kind::Subnet {
            self.subnet_made(caller, &id)?;
        }
        let made = self.get(kind, &id).ok_or_else(|| kind.missing(&id))?;
        let mut shown = self.view(caller, kind, made);
        if kind == Kind::Network {
            // Later only external networks say so.
            shown.insert("is_default".to_owned(), json!(flag(made, "is_default")));
        }
        Ok(shown)
    }

    /// Creates all of them, or none.
    pub(super) fn create_many(
        &mut self,
        caller: &Caller<'_>,
        kind: Kind,
        bodies: Vec<Object>,
    ) -> Result<Vec<Object>, Denial> {
        let before = self.clone();
        let made: Result<Vec<Object>, Denial> = bodies
            .into_iter()
            .map(|body| self.create(caller, kind, body))
            .collect();
        if made.is_err() {
            *self = before;
        }
        made
    }

    /// Stores a new resource with the attributes that all have.
    pub(super) fn insert(&mut self, caller: &Caller<'_>, kind: Kind, mut object: Object) -> String {
        let id = match text(&object, "id") {
            "" => caller.world.id(),
            id => id.to_owned(),
        };
        object.insert("id".to_owned(), json!(id));
        object.insert("created_at".to_owned(), caller.time());
        object.insert("updated_at".to_owned(), caller.time());
        object.insert("revision_number".to_owned(), json!(1));
        object.entry("tags").or_insert_with(|| json!([]));
        self.table_mut(kind).insert(object);
        id
    }

    /// The resource as the caller sees it.
    pub(super) fn show(&self, caller: &Caller<'_>, kind: Kind, id: &str) -> Result<Object, Denial> {
        Ok(self.view(caller, kind, self.visible(caller, kind, id)?))
    }

    /// Changes a resource; what is shown of it afterwards is returned.
    pub(super) fn update(
        &mut self,
        caller: &Caller<'_>,
        kind: Kind,
        id: &str,
        body: Object,
        revision: Option<i64>,
    ) -> Result<Object, Denial> {
        let changes = schema::accept_update(kind, caller, body)?;
        self.ours(caller, kind, id, "update")?;
        self.at_revision(kind, id, revision)?;
        match kind {
            Kind::Network => self.change_network(id, &changes),
            Kind::Subnet => self.change_subnet(id, changes),
            Kind::Port => self.change_port(caller, id, changes),
            Kind::Router => self.change_router(caller, id, changes),
            Kind::SecurityGroup => self.change_security_group(id, changes),
            Kind::Rule => {
                self.merge(kind, id, changes);
                Ok(())
            }
            Kind::FloatingIp => self.change_floating_ip(caller, id, changes),
        }?;
        self.touch(caller, kind, id);
        self.show(caller, kind, id)
    }

    /// Deletes a resource.
    pub(super) fn delete(
        &mut self,
        caller: &Caller<'_>,
        kind: Kind,
        id: &str,
        revision: Option<i64>,
    ) -> Result<(), Denial> {
        self.ours(caller, kind, id, "delete")?;
        self.at_revision(kind, id, revision)?;
        match kind {
            Kind::Network => self.delete_network(caller, id),
            Kind::Subnet => self.delete_subnet(caller, id),
            Kind::Port => self.delete_port(caller, id),
            Kind::Router => self.delete_router(id),
            Kind::SecurityGroup => self.delete_security_group(caller, id),
            Kind::Rule => self.delete_rule(caller, id),
            Kind::FloatingIp => self.delete_floating_ip(id),
        }
    }

    /// Writes the members of `changes` over those of the resource.
    pub(super) fn merge(&mut self, kind: Kind, id: &str, changes: Object) {
        if let Some(object) = self.get_mut(kind, id) {
            for (name, value) in changes {
                object.insert(name, value);
            }
        }
    }

    /// Raises the revision.
    pub(super) fn touch(&mut self, caller: &Caller<'_>, kind: Kind, id: &str) {
        if let Some(object) = self.get_mut(kind, id) {
            let revision = object.get("revision_number").and_then(Value::as_i64).unwrap_or(0);
            object.insert("revision_number".to_owned(), json!(revision + 1));
            object.insert("updated_at".to_owned(), caller.time());
        }
    }

    /// The resource, if the caller may see it: its own, and what is shared or external.
    pub(super) fn visible(&self, caller: &Caller<'_>, kind: Kind, id: &str) -> Result<&Object, Denial> {
        self.get(kind, id)
            .filter(|object| self.may_see(caller, kind, object))
            .ok_or_else(|| kind.missing(id))
    }

    pub(super) fn may_see(&self, caller: &Caller<'_>, kind: Kind, object: &Object) -> bool {
        if caller.admin || text(object, "project_id") == caller.project {
            return true;
        }
        let network = match kind {
            Kind::Network => Some(object),
            Kind::Subnet | Kind::Port => self.get(Kind::Network, text(object, "network_id")),
            Kind::Router | Kind::SecurityGroup | Kind::Rule | Kind::FloatingIp => None,
        };
        network.is_some_and(|network| {
            if kind == Kind::Port {
                text(network, "project_id") == caller.project
            } else {
                flag(network, "shared") || flag(network, "router:external")
            }
        })
    }

    /// What is seen but not owned is refused with 403, what is not seen with 404.
    pub(super) fn ours(
        &self,
        caller: &Caller<'_>,
        kind: Kind,
        id: &str,
        verb: &str,
    ) -> Result<&Object, Denial> {
        let object = self.visible(caller, kind, id)?;
        let of_our_network = kind == Kind::Port
            && self
                .get(Kind::Network, text(object, "network_id"))
                .is_some_and(|network| text(network, "project_id") == caller.project);
        if caller.admin || of_our_network || text(object, "project_id") == caller.project {
            return Ok(object);
        }
        Err(Denial::policy(&format!("{verb}_{}", kind.singular()), None))
    }

    fn at_revision(&self, kind: Kind, id: &str, wanted: Option<i64>) -> Result<(), Denial> {
        let current = self
            .get(kind, id)
            .and_then(|object| object.get("revision_number"))
            .and_then(Value::as_i64);
        match (wanted, current) {
            (Some(wanted), Some(current)) if wanted != current => Err(Denial::new(
                412,
                "RevisionNumberConstraintFailed",
                format!("Constrained to {wanted}, but current revision is {current}"),
            )),
            _ => Ok(()),
        }
    }

    /// What the caller sees: with what follows from other resources, without what only admins see.
    pub(super) fn view(&self, caller: &Caller<'_>, kind: Kind, object: &Object) -> Object {
        let mut shown = object.clone();
        let zones = json!(["nova"]);
        match kind {
            Kind::Network => {
                let id = text(object, "id");
                let subnets: Vec<&Value> = self
                    .all(Kind::Subnet)
                    .filter(|subnet| text(subnet, "network_id") == id)
                    .filter_map(|subnet| subnet.get("id"))
                    .collect();
                shown.insert("subnets".to_owned(), json!(subnets));
                if !flag(object, "router:external") {
                    shown.remove("is_default");
                }
                shown.insert("availability_zones".to_owned(), zones);
            }
            Kind::Subnet => {
                let external = self
                    .get(Kind::Network, text(object, "network_id"))
                    .is_some_and(|network| flag(network, "router:external"));
                shown.insert("router:external".to_owned(), json!(external));
            }
            Kind::Port => self.finish_port(&mut shown),
            Kind::Router => {
                shown.insert(
                    "external_gateway_info".to_owned(),
                    self.gateway_info(text(object, "id")),
                );
                shown.insert("availability_zones".to_owned(), zones);
            }
            Kind::SecurityGroup => {
                let id = text(object, "id");
                let rules: Vec<Object> = self
                    .all(Kind::Rule)
                    .filter(|rule| text(rule, "security_group_id") == id)
                    .enumerate()
                    .map(|(place, rule)| {
                        let mut shown = self.view(caller, Kind::Rule, rule);
                        // Inside its group a rule is shown as the database has it.
                        shown.insert("standard_attr_id".to_owned(), json!(place + 1));
                        shown.insert("tags".to_owned(), json!(list(rule, "tags")));
                        shown
                    })
                    .collect();
                shown.insert("security_group_rules".to_owned(), json!(rules));
            }
            Kind::Rule => {
                shown.remove("tags");
            }
            Kind::FloatingIp => {
                shown.insert(
                    "port_details".to_owned(),
                    self.port_details(text(object, "port_id")),
                );
            }
        }
        let project = shown.get("project_id").cloned().unwrap_or(Value::Null);
        shown.insert("tenant_id".to_owned(), project);
        let without = &caller.world.setup.shape.without_extensions;
        shown.retain(|name, _| !name.starts_with('_') && !attributes::is_absent(name, without));
        if !caller.admin {
            schema::redact(kind, &mut shown);
        }
        shown
    }

    /// Whether a list of ids in the resource has this one.
    pub(super) fn names(object: &Object, member: &str, id: &str) -> bool {
        list(object, member)
            .iter()
            .any(|value| value.as_str() == Some(id))
    }
}
