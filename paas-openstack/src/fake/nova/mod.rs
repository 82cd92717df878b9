//! Nova: servers, and what they are made with.

mod act;
mod attach;
mod boot;
mod console;
mod create;
mod flavors;
mod groups;
pub(super) mod guest;
mod hosts;
mod invalid;
mod keypairs;
mod limits;
mod list;
mod order;
mod page;
mod parts;
mod server;
mod versions;
mod view;
mod wanted;

use std::collections::BTreeMap;

use axum::{
    Router,
    routing::{get, post},
};
use jiff::Timestamp;

use super::{
    collection::{Object, Schedule},
    refusal::Refusal,
    setup::{Flavor, Quotas},
    who::Who,
    world::{self, Shared, World},
};

use groups::Group;
use keypairs::KeyPair;
use server::Server;

pub(super) use hosts::{PROCESSOR_RATIO, usage};

/// What exists.
#[derive(Debug, Default)]
pub(super) struct State {
    servers: Vec<Server>,
    flavors: Vec<Flavor>,
    keypairs: Vec<KeyPair>,
    groups: Vec<Group>,
    /// Of projects whose quotas an administrator set.
    quotas: BTreeMap<String, Quotas>,
    schedule: Schedule<Due>,
}

/// What is to happen to a server.
#[derive(Debug)]
enum Due {
    /// It becomes ACTIVE.
    Up(String),
    /// It becomes ERROR, with these words.
    Failed(String, String),
    /// Its power state or task ends in this state.
    Settled(String, server::Machine),
    /// It is gone, and lets go of what it had.
    Gone(String),
}

impl State {
    /// Everything, by kind, as the paths of this service name it.
    pub(super) fn everything(&self) -> Vec<(&'static str, Vec<Object>)> {
        vec![
            ("servers", self.servers.iter().map(Server::kept).collect()),
            ("os-keypairs", self.keypairs.iter().map(KeyPair::kept).collect()),
            ("os-server-groups", self.groups.iter().map(Group::kept).collect()),
        ]
    }

    fn server_mut(&mut self, id: &str) -> Option<&mut Server> {
        self.servers.iter_mut().find(|server| server.id == id)
    }

    /// The server that somebody asks for; nobody learns of others' servers.
    fn server(&self, who: &Who, id: &str) -> Result<&Server, Refusal> {
        self.servers
            .iter()
            .find(|server| server.id == id && who.sees(&server.project))
            .ok_or_else(|| unknown(id))
    }

    /// The same, to be changed.
    fn own(&mut self, who: &Who, id: &str) -> Result<&mut Server, Refusal> {
        self.server_mut(id)
            .filter(|server| who.sees(&server.project))
            .ok_or_else(|| unknown(id))
    }
}

fn unknown(id: &str) -> Refusal {
    Refusal::nova(404, &format!("Instance {id} could not be found."))
}

/// What Nova says to who may not.
fn forbidden(rule: &str) -> Refusal {
    Refusal::nova(403, &format!("Policy doesn't allow {rule} to be performed."))
}

/// What is there from the start.
pub(super) fn seed(world: &World, state: &mut world::State) {
    state.nova.flavors = world.setup.flavors.clone();
}

/// Carries out what is due.
pub(super) fn settle(world: &World, state: &mut world::State, now: Timestamp) {
    while let Some((at, due)) = state.nova.schedule.due(now) {
        match due {
            Due::Up(id) => state
                .nova
                .server_mut(&id)
                .into_iter()
                .for_each(|server| server.is_up(at)),
            Due::Failed(id, words) => {
                state
                    .nova
                    .server_mut(&id)
                    .into_iter()
                    .for_each(|server| server.has_failed(&words, at));
            }
            Due::Settled(id, machine) => {
                state
                    .nova
                    .server_mut(&id)
                    .into_iter()
                    .for_each(|server| server.settles(machine, at));
            }
            Due::Gone(id) => boot::let_go(world, state, &id, at),
        }
    }
}

/// The calls, below this service's prefix.
pub(super) fn router() -> Router<Shared> {
    let server = Router::new()
        .route("/", get(list::show).put(act::rename).delete(act::delete))
        .route("/action", post(act::action))
        .route("/remote-consoles", post(console::remote))
        .route("/ips", get(list::ips))
        .route(
            "/metadata",
            get(parts::metadata)
                .post(parts::add_metadata)
                .put(parts::replace_metadata),
        )
        .route(
            "/metadata/{key}",
            get(parts::item).put(parts::set_item).delete(parts::delete_item),
        )
        .route(
            "/tags",
            get(parts::tags)
                .put(parts::replace_tags)
                .delete(parts::delete_tags),
        )
        .route(
            "/tags/{tag}",
            get(parts::has_tag).put(parts::add_tag).delete(parts::delete_tag),
        )
        .route("/os-security-groups", get(list::security_groups))
        .route("/os-instance-actions", get(list::actions))
        .route("/os-instance-actions/{request}", get(list::one_action))
        .route(
            "/os-volume_attachments",
            get(attach::volumes).post(attach::attach_volume),
        )
        .route(
            "/os-volume_attachments/{volume}",
            get(attach::volume).delete(attach::detach_volume),
        )
        .route("/os-interface", get(attach::interfaces).post(attach::attach_port))
        .route(
            "/os-interface/{port}",
            get(attach::interface).delete(attach::detach_port),
        );
    let v21 = Router::new()
        .route("/", get(versions::version))
        .route("/servers", get(list::brief).post(create::create))
        .route("/servers/detail", get(list::detail))
        .nest("/servers/{id}", server)
        .route("/os-keypairs", get(keypairs::list).post(keypairs::create))
        .route(
            "/os-keypairs/{name}",
            get(keypairs::show).delete(keypairs::delete),
        )
        .route("/os-server-groups", get(groups::list).post(groups::create))
        .route("/os-server-groups/{id}", get(groups::show).delete(groups::delete))
        .route("/flavors", get(flavors::brief).post(flavors::create))
        .route("/flavors/detail", get(flavors::detail))
        .route("/flavors/{id}", get(flavors::show).delete(flavors::delete))
        .route("/flavors/{id}/os-extra_specs", get(flavors::extra_specs))
        .route("/limits", get(limits::limits))
        .route(
            "/os-quota-sets/{project}",
            get(limits::quotas)
                .put(limits::set_quotas)
                .delete(limits::reset_quotas),
        )
        .route("/os-quota-sets/{project}/detail", get(limits::quota_detail))
        .route("/os-quota-sets/{project}/defaults", get(limits::default_quotas))
        .route("/os-availability-zone", get(hosts::zones))
        .route("/os-availability-zone/detail", get(hosts::zones_detail))
        .route("/os-hypervisors", get(hosts::hypervisors))
        .route("/os-hypervisors/detail", get(hosts::hypervisors))
        .route("/os-services", get(hosts::services))
        .route("/extensions", get(versions::extensions));
    Router::new()
        .route("/", get(versions::versions))
        .nest("/v2.1", v21)
}
