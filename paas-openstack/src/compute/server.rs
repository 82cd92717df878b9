//! Servers as Nova tells them. Source: api-ref `servers.inc` and its samples up to 2.90.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Deserializer};

use crate::wire::{AllTags, Flag, Stamp, filter, open_enum, record};

record! {
    /// A server.
    ///
    /// While the cell of a server is down, Nova (from 2.69) knows no more of it than id, project and creation: see [`Server::is_partial`].
    pub struct Server {
        /// Its id.
        key id: String,
        /// Its name; not unique.
        name: String,
        /// What it is doing.
        status: ServerStatus,
        /// What is being done to it: a status counts only once this is `None`.
        #[serde(rename = "OS-EXT-STS:task_state")]
        task_state: Option<String>,
        /// The state beneath the status.
        #[serde(rename = "OS-EXT-STS:vm_state")]
        vm_state: Option<String>,
        /// What the hypervisor says: 0 nothing, 1 running, 3 paused, 4 off, 6 crashed, 7 suspended.
        #[serde(rename = "OS-EXT-STS:power_state")]
        power_state: Option<u8>,
        /// Why it is in `ERROR`, in Nova's words; only then.
        fault: Option<Fault>,
        /// Its addresses, by the name of their network.
        addresses: BTreeMap<String, Vec<Address>>,
        /// What it was built after.
        flavor: ServerFlavor,
        /// The image it was booted from; none if it boots from a volume.
        image: ImageRef,
        /// Its key pair's name.
        key_name: Option<String>,
        /// Its metadata.
        metadata: BTreeMap<String, String>,
        /// Its tags; from 2.26.
        tags: Vec<String>,
        /// The volumes attached to it.
        #[serde(rename = "os-extended-volumes:volumes_attached")]
        volumes: Vec<AttachedVolume>,
        /// Names of the security groups of its ports.
        security_groups: Vec<GroupName>,
        /// Ids of the server groups that it is in; from 2.71, one at most.
        server_groups: Vec<String>,
        /// Its zone; empty before it is scheduled.
        #[serde(rename = "OS-EXT-AZ:availability_zone")]
        availability_zone: Option<String>,
        /// Its host name; from 2.90, before for administrators only.
        #[serde(rename = "OS-EXT-SRV-ATTR:hostname")]
        hostname: Option<String>,
        /// Whether it has a config drive.
        config_drive: Flag,
        /// Whether it refuses to be changed; from 2.9.
        locked: bool,
        /// Said about it; from 2.19.
        description: Option<String>,
        /// An opaque name of its host, the same for servers of one project on one host.
        #[serde(rename = "hostId")]
        host_id: String,
        /// The project it belongs to.
        #[serde(rename = "tenant_id")]
        project_id: String,
        /// Who made it.
        user_id: String,
        /// When it was made.
        created: Stamp,
        /// When it was last changed.
        updated: Stamp,
        /// When it was first powered on.
        #[serde(rename = "OS-SRV-USG:launched_at")]
        launched_at: Option<Stamp>,
    }
}

impl Server {
    /// True while Nova knows no more than that it exists. A filtered list still gives such a server, because nobody can tell that the
    /// filter does not fit; whoever deletes by name must leave it alone.
    pub fn is_partial(&self) -> bool {
        self.name.is_empty()
    }

    /// True once it runs and nothing more is being done to it. It says nothing about the programs on it.
    pub fn is_settled(&self, status: &ServerStatus) -> bool {
        self.status == *status && self.task_state.is_none()
    }
}

open_enum! {
    /// What a server is doing.
    pub enum ServerStatus {
        /// Being made.
        Build = "BUILD",
        /// Powered on.
        Active = "ACTIVE",
        /// Failed: see [`Server::fault`].
        Error = "ERROR",
        /// Powered off.
        Shutoff = "SHUTOFF",
        /// Stopped in memory.
        Paused = "PAUSED",
        /// Stopped on disk.
        Suspended = "SUSPENDED",
        /// Stopped, and kept as an image.
        Shelved = "SHELVED",
        /// Stopped, kept as an image, and off its host.
        ShelvedOffloaded = "SHELVED_OFFLOADED",
        /// Booted from another image, to be repaired.
        Rescue = "RESCUE",
        /// Rebooting.
        Reboot = "REBOOT",
        /// Being switched off and on.
        HardReboot = "HARD_REBOOT",
        /// Being built anew.
        Rebuild = "REBUILD",
        /// Changing its flavor.
        Resize = "RESIZE",
        /// Waits for a word on its new flavor.
        VerifyResize = "VERIFY_RESIZE",
        /// Going back to its old flavor.
        RevertResize = "REVERT_RESIZE",
        /// On its way to another host.
        Migrating = "MIGRATING",
        /// Changing its password.
        Password = "PASSWORD",
        /// Gone.
        Deleted = "DELETED",
        /// Gone, and may come back.
        SoftDeleted = "SOFT_DELETED",
        /// Its host or cell does not answer.
        Unknown = "UNKNOWN",
    }
}

record! {
    /// Why a server failed.
    pub struct Fault {
        /// An HTTP status, 500 as a rule.
        code: u16,
        /// Nova's words.
        message: String,
        /// More, mostly for administrators.
        details: Option<String>,
        /// When.
        created: Stamp,
    }
}

record! {
    /// An address of a server.
    pub struct Address {
        /// The address.
        #[serde(rename = "addr")]
        key address: String,
        /// 4 or 6.
        version: u8,
        /// Whether it is the server's own or leads to it.
        #[serde(rename = "OS-EXT-IPS:type")]
        kind: AddressKind,
        /// The network card's address.
        #[serde(rename = "OS-EXT-IPS-MAC:mac_addr")]
        mac: Option<String>,
    }
}

impl Address {
    /// The address, parsed.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }
}

open_enum! {
    /// Whether an address is the server's own.
    pub enum AddressKind {
        /// On the server's port.
        Fixed = "fixed",
        /// A floating IP that leads to it.
        Floating = "floating",
    }
}

record! {
    /// The flavor that a server was built after: copied into it from 2.47, only its id before.
    pub struct ServerFlavor {
        /// Its id; below 2.47.
        id: Option<String>,
        /// Its name when the server was built; from 2.47.
        original_name: Option<String>,
        /// Virtual CPUs; from 2.47.
        vcpus: Option<u32>,
        /// Memory in MiB; from 2.47.
        ram: Option<u64>,
        /// Root disk in GiB; from 2.47.
        disk: Option<u64>,
    }
}

record! {
    /// A volume of a server.
    pub struct AttachedVolume {
        /// Its id.
        key id: String,
        /// Whether it goes with the server; from 2.3.
        delete_on_termination: bool,
    }
}

record! {
    /// A security group, by name.
    pub struct GroupName {
        /// Its name; not unique.
        key name: String,
    }
}

/// The image of a server: an object with an id, or an empty string where the server boots from a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageRef(pub Option<String>);

impl<'de> Deserialize<'de> for ImageRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let said = serde_json::Value::deserialize(from)?;
        Ok(Self(said.get("id").and_then(|id| id.as_str()).map(str::to_owned)))
    }
}

filter! {
    /// Which servers.
    pub struct ServerFilter of Server {
        /// Exactly this name. Nova takes a regular expression, so the name is escaped and anchored.
        name: String = "name" as exactly, |server, want| server.is_partial() || server.name == *want;
        /// Only in this status.
        status: ServerStatus = "status", |server, want| server.status == *want;
        /// With all these tags (from 2.26; before, Nova would answer with every server).
        tags: AllTags = "tags", |server, want| server.is_partial() || want.within(&server.tags);
    }
}

/// The regular expression that matches this text and nothing else. Nova hands it to its database: what is special to MySQL or
/// PostgreSQL is escaped.
fn exactly(name: &str) -> String {
    let mut out = String::from("^");
    for c in name.chars() {
        if r"\^$.|?*+()[]{}".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('$');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::Filter;

    #[test]
    fn a_name_is_asked_for_anchored_and_escaped_and_compared_again() {
        let filter = ServerFilter::all().name("a.b-1");
        assert_eq!(filter.query(), [("name", r"^a\.b-1$".to_owned())]);
        let named = |name: &str| Server {
            name: name.to_owned(),
            ..Server::default()
        };
        assert!(filter.admits(&named("a.b-1")));
        assert!(!filter.admits(&named("axb-1")));
    }

    #[test]
    fn a_server_that_nobody_can_tell_anything_about_is_not_lost() {
        let partial = Server {
            id: "1".to_owned(),
            status: ServerStatus::Unknown,
            ..Server::default()
        };
        assert!(ServerFilter::all().name("a").tags("mine").admits(&partial));
    }
}
