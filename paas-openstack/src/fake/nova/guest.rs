//! What a hypervisor knows of its servers: for tests that play the guests, which this cloud does not have.

use secrecy::SecretString;

use super::{State, server::Machine, view};
use crate::fake::world::{self, World};

/// A server as its hypervisor and its own metadata service see it.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Nova's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `BUILD`, `ACTIVE`, `SHUTOFF`, … as users see it.
    pub status: &'static str,
    /// Its first address inside.
    pub address: Option<String>,
    /// Its first address outside.
    pub public_address: Option<String>,
    /// What it is told on its first boot, encoded as it was sent.
    pub user_data: Option<SecretString>,
}

/// All servers that are not on their way out.
pub(in crate::fake) fn all(state: &world::State) -> Vec<Guest> {
    let there = state.nova.servers.iter().filter(|server| !server.is_deleting());
    let guest = |server: &super::Server| {
        let addresses = view::addresses(state, server);
        let of = |kind: &str| {
            let mut all = addresses.values().filter_map(|v| v.as_array()).flatten();
            all.find(|a| a["OS-EXT-IPS:type"] == kind)
                .and_then(|a| a["addr"].as_str().map(str::to_owned))
        };
        Guest {
            id: server.id.clone(),
            name: server.name.clone(),
            status: server.status(),
            address: of("fixed"),
            public_address: of("floating"),
            user_data: server.user_data.clone().map(SecretString::from),
        }
    };
    there.map(guest).collect()
}

impl State {
    /// Sets what a server has written on its console; false if it is gone.
    pub(in crate::fake) fn write(&mut self, id: &str, text: String) -> bool {
        let server = self.server_mut(id);
        server.map(|server| server.console = Some(text)).is_some()
    }

    /// A server that is off without anybody having asked for it; false if it is gone.
    pub(in crate::fake) fn is_off(&mut self, world: &World, id: &str) -> bool {
        let server = self.server_mut(id);
        server
            .map(|server| server.settles(Machine::Stopped, world.now()))
            .is_some()
    }

    /// A server that its hypervisor has lost; false if it is gone.
    pub(in crate::fake) fn is_lost(&mut self, world: &World, id: &str, words: &str) -> bool {
        let server = self.server_mut(id);
        server
            .map(|server| server.has_failed(words, world.now()))
            .is_some()
    }
}
