//! Everything that an instance wants, put together, as far as things are.

use super::{Administrator, CnpgDriver, cluster, contents, kinds, names, net, pooler, steps::MONITOR};
use crate::{
    database::login::{LoginState, Turn},
    error::Result,
    graph::{Builder, Desired},
    kube::KubeObject,
    resource::{Key, Need},
    spec::DatabaseInstanceSpec,
};

/// The key of the servers.
const CLUSTER: &str = "cluster";

impl CnpgDriver {
    /// Adds what makes up the servers.
    fn servers(
        &self,
        cluster: &str,
        spec: &DatabaseInstanceSpec,
        builder: &mut Builder<KubeObject>,
    ) -> Result<()> {
        let mut servers = contents::object(
            self,
            &kinds::CLUSTER,
            cluster.to_owned(),
            cluster::manifest(self, spec)?,
        )
        .holding_data();
        if let Some(Administrator { secret, password }) = &self.administrator {
            let key = Key::new("password/postgres")?;
            builder.add(
                key.clone(),
                contents::password(self, secret.clone(), "postgres", password.clone()),
            );
            servers = servers.need(Need::Order(key));
        }
        builder.add(Key::new(CLUSTER)?, servers);
        if let Some(asked) = &spec.pooler {
            builder.add(
                Key::new("pooler")?,
                self.beside(pooler::object(self, cluster, asked))?,
            );
        }
        // Somebody else's clients may come from anywhere, and somebody else's monitoring is there already.
        if self.steps.adopted {
            return Ok(());
        }
        let policy = self.beside(net::policy(self, cluster, spec))?;
        builder.add(Key::new("networkPolicy")?, policy);
        if self.monitored || self.steps.monitors {
            builder.add(Key::new(MONITOR)?, self.beside(net::monitor(self, cluster))?);
        }
        Ok(())
    }

    /// What is beside the Cluster and speaks of it by its name: nothing for one that is not known to be ours.
    fn beside(&self, object: KubeObject) -> Result<KubeObject> {
        Ok(match self.steps.there {
            true => object,
            false => object.after(Key::new(CLUSTER)?),
        })
    }

    /// What CloudNativePG makes inside a server, and would look at again only half a minute later if there was none yet.
    fn inside(&self, object: KubeObject) -> Result<KubeObject> {
        Ok(match self.steps.primary {
            true => object,
            false => object.after(Key::new(CLUSTER)?),
        })
    }

    /// Everything that is wanted, as far as things are.
    pub(super) fn everything(&self, spec: &DatabaseInstanceSpec) -> Result<Desired<KubeObject>> {
        let cluster = names::cluster(&self.owner)?;
        let mut builder = Desired::builder();
        self.servers(&cluster, spec, &mut builder)?;
        for user in &spec.users {
            self.user(&cluster, spec, user, &mut builder)?;
        }
        for (at, database) in spec.databases.iter().enumerate() {
            let mut object = self.inside(contents::database(self, &cluster, spec, database))?;
            if at > 0 {
                let owner = Key::new(format!("role/{}", spec.owner_of(database)))?;
                object = object.need(Need::Order(owner));
            }
            builder.add(Key::new(format!("database/{}", database.name))?, object);
        }
        builder.build()
    }

    /// Adds what lets a user in.
    fn user(
        &self,
        cluster: &str,
        spec: &DatabaseInstanceSpec,
        user: &crate::spec::User,
        builder: &mut Builder<KubeObject>,
    ) -> Result<()> {
        let role = Key::new(format!("role/{}", user.name))?;
        builder.add(
            role.clone(),
            self.inside(contents::owner_role(self, cluster, user))?,
        );
        let turns = self.turns(&user.name);
        for turn in [Turn::A, Turn::B] {
            let login = turn.login(&user.name);
            let mut object = contents::login_role(self, cluster, user, turn);
            let open = turns.state(turn) != LoginState::Locked;
            // What is open names a Secret, which CloudNativePG lets the servers read as soon as it has seen the role; so the role is
            // there before them.
            object = match open {
                true => self.beside(object)?,
                false => self.inside(object)?,
            };
            if self.steps.primary && !is_first(spec, &user.name) {
                object = object.after(role.clone());
            }
            if open {
                let key = Key::new(format!("password/{login}"))?;
                let name = names::password(cluster, &login);
                let secret = self.logins.password(&login);
                builder.add(key.clone(), contents::password(self, name, &login, secret));
                object = object.need(Need::Order(key));
            }
            builder.add(Key::new(format!("login/{login}"))?, object);
        }
        if let Some(binding) = contents::binding(self, cluster, spec, &user.name)? {
            let active = turns.active.login(&user.name);
            let key = Key::new(format!("login/{active}"))?;
            builder.add(
                Key::new(format!("binding/{}", user.name))?,
                binding.need(Need::Order(key)),
            );
        }
        Ok(())
    }
}

/// True for the owner of the first database: its roles are there as soon as a server is.
fn is_first(spec: &DatabaseInstanceSpec, user: &str) -> bool {
    spec.databases.first().is_some_and(|d| spec.owner_of(d) == user)
}
