//! A stateful OpenStack in memory, served over HTTP on loopback: Keystone, Nova, Placement, Neutron, Glance, Cinder and Octavia.
//!
//! It is made for tests of things that use a cloud: ids, state machines, quotas, names that are not unique, in-use refusals, each
//! service's own error bodies, pages and microversions are there; packets, guests and disks are not. Other people's clients accept it.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use paas_openstack::fake::{Fake, Fault, Setup, What};
//! use paas_openstack::client::service::Kind;
//!
//! let fake = Fake::start(Setup::default()).await?;
//! fake.inject(Fault::new(What::LoseAnswer).on(Kind::Compute).call("POST", "/v2.1/servers"));
//! // … use fake.cloud() or fake.clouds_yaml() …
//! assert_eq!(fake.mutations(), 0);
//! assert!(fake.leftovers().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! Laws:
//! - Time comes from the setup's clock, and everything that takes time is computed from it when somebody looks: there are no background tasks.
//! - Ids come from a counter, so that two runs with the same calls in the same order give the same ids.
//! - Every call is in [`Fake::calls`], also those that a fault swallowed.
//! - The listener ends when the [`Fake`] is dropped.

mod cinder;
mod collection;
mod edge;
mod faults;
mod frame;
mod glance;
mod keystone;
mod ledger;
mod microversion;
mod neutron;
mod nova;
mod octavia;
mod placement;
mod query;
mod refusal;
mod request;
mod serve;
mod setup;
mod snapshot;
mod who;
mod world;

use std::{io, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::{
    client::service::Kind,
    cloud::{Cloud, Credential, Domain, Identity, Named, Scope, Tls},
};

pub use collection::Object;
pub use faults::{Fault, What};
pub use ledger::Recorded;
pub use nova::guest::Guest;
pub use setup::{
    ApplicationCredential, Flavor, Hypervisor, Image, Latency, Network, Project, Quotas, Setup, Shape, Times,
    User,
};
pub use snapshot::{Leftover, Snapshot};

use world::{Shared, World};

/// A cloud that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Fake {
    world: Shared,
    auth_url: Url,
    _running: DropGuard,
}

impl Fake {
    /// Starts a cloud on a free port of 127.0.0.1, in a task of the current runtime.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start(setup: Setup) -> io::Result<Self> {
        let listener = serve::listen().await?;
        let address = listener.address();
        let world: Shared = Arc::new(World::new(setup, address));
        let auth_url = Url::parse(&world.url(Kind::Identity, "/v3")).map_err(io::Error::other)?;
        let running = CancellationToken::new();
        serve::run(listener, Arc::clone(&world), running.clone());
        Ok(Self {
            world,
            auth_url,
            _running: running.drop_guard(),
        })
    }

    /// Where Keystone is: `http://127.0.0.1:<port>/identity/v3`.
    pub fn auth_url(&self) -> String {
        self.auth_url.to_string()
    }

    /// Where a service's versions are listed, such as `http://127.0.0.1:<port>/compute`.
    pub fn url(&self, kind: Kind) -> String {
        self.world.url(kind, "")
    }

    /// The cloud as the first user sees it, with name and password.
    pub fn cloud(&self) -> Cloud {
        let user = self.world.setup.users.first().cloned().unwrap_or_default();
        self.described(Identity::Password {
            user: named(&user.name),
            password: user.password,
        })
        .scoped(Scope::Project(named(
            &user.projects.first().cloned().unwrap_or_default(),
        )))
    }

    /// The cloud as the first application credential sees it.
    pub fn cloud_by_credential(&self) -> Cloud {
        let credential = self.world.setup.credentials.first().cloned().unwrap_or_default();
        self.described(Identity::ApplicationCredential {
            credential: Credential::Id(credential.id),
            secret: credential.secret,
        })
    }

    /// A clouds.yaml with a cloud for each user, named after it (the first one is also `fake`), and one for each application
    /// credential, named after that. It holds the secrets of this cloud.
    pub fn clouds_yaml(&self) -> String {
        let setup = &self.world.setup;
        let mut text = String::from("clouds:\n");
        let first = setup.users.first().map(|user| ("fake", user));
        for (name, user) in first
            .into_iter()
            .chain(setup.users.iter().map(|user| (user.name.as_str(), user)))
        {
            let project = user.projects.first().map_or("", String::as_str);
            text.push_str(&format!(
                "  {name}:\n    auth:\n      auth_url: {}\n      username: {}\n      password: {}\n      project_name: {project}\n      \
                 user_domain_name: Default\n      project_domain_name: Default\n    region_name: {}\n    identity_api_version: 3\n",
                self.auth_url(),
                user.name,
                user.password.expose_secret(),
                setup.region,
            ));
        }
        for credential in &setup.credentials {
            text.push_str(&format!(
                "  {}:\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: {}\n      application_credential_id: {}\n      \
                 application_credential_secret: {}\n    region_name: {}\n    identity_api_version: 3\n",
                credential.name,
                self.auth_url(),
                credential.id,
                credential.secret.expose_secret(),
                setup.region,
            ));
        }
        text
    }

    /// What was asked, in the order in which the answers began.
    pub fn calls(&self) -> Vec<Recorded> {
        self.world.ledger.calls()
    }

    /// How often a verb was used, such as `POST`.
    pub fn count(&self, method: &str) -> usize {
        self.calls().iter().filter(|call| call.method == method).count()
    }

    /// How many calls could have changed something: every POST, PUT, PATCH and DELETE but those that get a token.
    pub fn mutations(&self) -> usize {
        self.calls().iter().filter(|call| call.mutates()).count()
    }

    /// Forgets what was asked so far.
    pub fn forget_calls(&self) {
        self.world.ledger.forget();
    }

    /// Makes calls go wrong. Of several faults that match a call, the one that was injected first counts.
    pub fn inject(&self, fault: Fault) {
        self.world.faults.inject(fault);
    }

    /// Takes back every fault that is not yet used up.
    pub fn heal(&self) {
        self.world.faults.heal();
    }

    /// Lets time pass in this cloud, beyond what its clock says.
    pub fn advance(&self, time: Duration) {
        self.world.advance(time);
    }

    /// Everything that exists now.
    pub fn world(&self) -> Snapshot {
        snapshot::of(&self.world)
    }

    /// Everything that exists now and was not there at the start: what a test forgot to delete.
    pub fn leftovers(&self) -> Vec<Leftover> {
        snapshot::of(&self.world).leftovers()
    }

    /// Makes every token invalid that was given so far, as an operator who changes Keystone's keys does.
    pub fn revoke_tokens(&self) {
        self.world.state().keystone.revoke_all();
    }

    /// Switches a user off, by name, as an operator does who takes its access back: its tokens end, and neither its password nor its
    /// application credentials are accepted. Or on again.
    pub fn switch_user(&self, name: &str, on: bool) {
        self.world.state().keystone.switch_user(name, on);
    }

    /// Switches a project off, by name: for who works in it, it has vanished. What is in it stays, and is there when it is switched on again.
    pub fn switch_project(&self, name: &str, on: bool) {
        self.world.state().keystone.switch_project(name, on);
    }

    /// The servers as their hypervisors see them, with what each is told on its first boot: for tests that play the guests.
    pub fn guests(&self) -> Vec<Guest> {
        nova::guest::all(&self.world.state())
    }

    /// Sets what a server has written on its console so far; false if there is no such server.
    pub fn write_console(&self, id: &str, text: impl Into<String>) -> bool {
        self.world.state().nova.write(id, text.into())
    }

    /// A server loses its power, and is SHUTOFF without anybody having asked for it; false if there is no such server.
    pub fn power_lost(&self, id: &str) -> bool {
        self.world.state().nova.is_off(&self.world, id)
    }

    /// A server's hypervisor loses it, and it is in ERROR with these words; false if there is no such server.
    pub fn server_lost(&self, id: &str, words: &str) -> bool {
        self.world.state().nova.is_lost(&self.world, id, words)
    }

    fn described(&self, identity: Identity) -> Cloud {
        Cloud {
            name: "fake".into(),
            auth_url: self.auth_url.clone(),
            identity,
            scope: Scope::Unspecified,
            region: Some(self.world.setup.region.clone()),
            interfaces: vec!["public".into()],
            tls: Tls::default(),
            services: std::collections::BTreeMap::new(),
            timeout: None,
        }
    }
}

impl Cloud {
    fn scoped(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

fn named(name: &str) -> Named {
    Named::Name {
        name: name.to_owned(),
        domain: Domain::Name("Default".into()),
    }
}
