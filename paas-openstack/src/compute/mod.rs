//! Nova: servers and what they need. Asked with microversions up to 2.90, the newest whose answers are understood here.
//!
//! ```no_run
//! # async fn f(client: &paas_openstack::Client) -> paas_core::error::Result<()> {
//! use paas_openstack::compute::ServerFilter;
//! for server in client.compute().servers().all(&ServerFilter::all().name("web-0")).await? {
//!     println!("{} {}", server.id, server.status);
//! }
//! # Ok(()) }
//! ```

mod devices;
mod new_server;
mod project;
mod server;
mod servers;
mod user_data;

use futures::{Stream, TryStreamExt as _};
use paas_core::error::Result;
use serde_json::{Value, json};

pub use devices::{
    Action, GroupPolicy, GroupRules, InstanceAction, InstanceEvent, Interface, NewAttachment, NewServerGroup,
    ServerGroup, VolumeAttachment,
};
pub use new_server::{DiskSource, DiskTarget, Networks, NewDisk, NewNic, NewServer, ServerChange};
pub use project::{ComputeQuota, Flavor, FlavorFilter, Keypair, Limits, NewKeypair};
pub use server::{
    Address, AddressKind, AttachedVolume, Fault, GroupName, ImageRef, Server, ServerFilter, ServerFlavor,
    ServerStatus,
};
pub use servers::ConsoleKind;
pub use user_data::{LIMIT as USER_DATA_LIMIT, UserData};

pub use crate::wire::{Zone, ZoneState};
use crate::{
    client::{Call, Client, Need, segment, service::Kind},
    collection::{All, Collection, Create, Delete, List, Resource, Show, Update},
};

/// The newest microversion that is understood: 2.91 to 2.104 bring nothing that is used here.
const CEILING: &str = "2.90";

/// Nova, over a client.
#[derive(Debug, Clone, Copy)]
pub struct Compute<'c>(&'c Client);

impl Client {
    /// Nova.
    pub fn compute(&self) -> Compute<'_> {
        Compute(self)
    }
}

impl<'c> Compute<'c> {
    /// The project's servers.
    pub fn servers(self) -> Collection<'c, Server> {
        Collection::new(self.0)
    }

    /// The flavors that the project may use.
    pub fn flavors(self) -> Collection<'c, Flavor> {
        Collection::new(self.0)
    }

    /// The user's key pairs; shown and deleted by name.
    pub fn keypairs(self) -> Collection<'c, Keypair> {
        Collection::new(self.0)
    }

    /// The project's server groups.
    pub fn server_groups(self) -> Collection<'c, ServerGroup> {
        Collection::new(self.0)
    }

    /// What the token's project may have and has.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn limits(self) -> Result<Limits> {
        let limits: project::Absolute = self.0.fetch(read("show limits", "limits"), "limits").await?;
        Ok(limits.absolute)
    }

    /// A project's quota with what is in use.
    ///
    /// # Errors
    ///
    /// Class `Denied` for another project than the token's.
    pub async fn quota(self, project: &str) -> Result<ComputeQuota> {
        let path = format!("os-quota-sets/{}/detail", segment(project));
        self.0.fetch(read("show compute quota", path), "quota_set").await
    }

    /// Where servers can go.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn availability_zones(self) -> Result<Vec<Zone>> {
        self.0
            .fetch(
                read("list compute zones", "os-availability-zone"),
                "availabilityZoneInfo",
            )
            .await
    }
}

fn read(operation: &'static str, path: impl Into<String>) -> Call {
    Call::get(Kind::Compute, operation, path).microversion(Need::up_to(CEILING))
}

impl Resource for Server {
    const KIND: Kind = Kind::Compute;
    const SAID: &'static str = "server";
    const SAID_MANY: &'static str = "servers";
    const PATH: &'static str = "servers";
    const ONE: Option<&'static str> = Some("server");
    const CEILING: Option<&'static str> = Some(CEILING);
}

impl List for Server {
    const DETAIL: &'static str = "/detail";
    const MANY: &'static str = "servers";
    type Filter = ServerFilter;
}

impl Show for Server {}

/// The answer has little more than the id.
impl Create for Server {
    type New = NewServer;

    fn body(new: &NewServer) -> Value {
        new_server::body(new)
    }

    fn floor(new: &NewServer) -> Option<&'static str> {
        Some(new.needs())
    }
}

impl Update for Server {
    type Change = ServerChange;
}

impl Delete for Server {}

impl Resource for Flavor {
    const KIND: Kind = Kind::Compute;
    const SAID: &'static str = "flavor";
    const SAID_MANY: &'static str = "flavors";
    const PATH: &'static str = "flavors";
    const ONE: Option<&'static str> = Some("flavor");
    const CEILING: Option<&'static str> = Some(CEILING);
}

impl List for Flavor {
    const DETAIL: &'static str = "/detail";
    const MANY: &'static str = "flavors";
    type Filter = FlavorFilter;
}

impl Show for Flavor {}

impl Resource for ServerGroup {
    const KIND: Kind = Kind::Compute;
    const SAID: &'static str = "server group";
    const SAID_MANY: &'static str = "server groups";
    const PATH: &'static str = "os-server-groups";
    const ONE: Option<&'static str> = Some("server_group");
    const CEILING: Option<&'static str> = Some(CEILING);
}

impl List for ServerGroup {
    const MANY: &'static str = "server_groups";
    type Filter = All;
}

impl Show for ServerGroup {}

impl Create for ServerGroup {
    type New = NewServerGroup;

    fn floor(_: &NewServerGroup) -> Option<&'static str> {
        Some("2.64")
    }
}

impl Delete for ServerGroup {}

impl Resource for Keypair {
    const KIND: Kind = Kind::Compute;
    const SAID: &'static str = "key pair";
    const SAID_MANY: &'static str = "key pairs";
    const PATH: &'static str = "os-keypairs";
    const ONE: Option<&'static str> = Some("keypair");
    const CEILING: Option<&'static str> = Some(CEILING);
}

impl Show for Keypair {}

impl Create for Keypair {
    type New = NewKeypair;

    fn body(new: &NewKeypair) -> Value {
        json!({ "keypair": { "name": new.name, "public_key": new.public_key, "type": "ssh" } })
    }

    fn floor(_: &NewKeypair) -> Option<&'static str> {
        Some("2.2")
    }
}

impl Delete for Keypair {}

impl<'c> Collection<'c, Keypair> {
    /// All key pairs of the user who asks.
    pub fn list(&self) -> impl Stream<Item = Result<Keypair>> + Send + use<'c> {
        let call = read("list key pairs", "os-keypairs");
        self.client
            .pages::<project::Listed>(call, "keypairs")
            .map_ok(|listed| listed.keypair)
    }
}
