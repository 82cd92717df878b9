//! A database of a cluster, as its object declares it, and its binding.

use std::path::PathBuf;

use paas_core::{
    database::{binding::Slot, cnpg::names, connection::Connection, driver::service_binding},
    error::{Class, Error},
    kube::{Bound, Declared, codes::K8S_BINDING},
    owner::{Identity, Owner},
    spec::{Condition, DatabaseInstanceSpec, DatabaseInstanceStatus, Kind},
};

use super::{Cluster, folder::Folder};
use crate::{args::DbAt, codes::CLI_NO_OBJECT, meant::meant};

/// What the name of a binding ends with, for the owner of the first database.
const BINDING: &str = ".binding";

/// A database that is declared in a cluster.
#[derive(Debug)]
pub(crate) struct Database {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// Its name.
    pub(crate) name: String,
    /// What it is to be.
    pub(crate) spec: DatabaseInstanceSpec,
    /// What the operator says of it.
    pub(crate) status: DatabaseInstanceStatus,
    uid: String,
    conditions: Vec<Condition>,
}

impl Database {
    /// The database of that name in the namespace that is meant, and on the Platform, if one is.
    ///
    /// # Errors
    /// `PAAS-CLI-0003` if it is not there, and those of the API server.
    pub(crate) async fn find(cluster: &Cluster, name: &str) -> Result<Self, Error> {
        let namespace = &cluster.namespace;
        let found = Declared::get(&cluster.client, Kind::DatabaseInstance, namespace, name).await?;
        let absent = |why: String| {
            Error::new(&CLI_NO_OBJECT, Class::NotFound)
                .attempted(format!("find the database {name}"))
                .happened(why)
        };
        let there = found.ok_or_else(|| {
            absent(format!(
                "it is not in the namespace {namespace} of {}",
                cluster.name()
            ))
        })?;
        let spec: DatabaseInstanceSpec = there.spec()?;
        let on = spec.platform_ref.as_ref().map(|p| p.name.as_str());
        match &cluster.platform {
            Some(platform) if on != Some(platform) => {
                return Err(absent(format!("it is not on the platform {platform}")));
            }
            _ => {}
        }
        Ok(Self {
            cluster: cluster.clone(),
            name: name.to_owned(),
            status: there.status()?,
            uid: there.uid().to_owned(),
            conditions: there.conditions(),
            spec,
        })
    }

    /// The database and the user that are meant, with the Secret of the user's binding.
    ///
    /// # Errors
    /// `PAAS-CLI-0008` if they are not declared.
    pub(crate) fn meant<'a>(
        &'a self,
        user: Option<&'a str>,
        database: Option<&'a str>,
    ) -> Result<(&'a str, String), Error> {
        let (database, user) = meant(&self.spec, user, database)?;
        Ok((database, self.secret(user)?))
    }

    /// The binding that is meant, and the way in that a program in the cluster has by it.
    ///
    /// # Errors
    /// `PAAS-CLI-0008` if it is not declared, `PAAS-K8S-0028` if it is not published (yet).
    pub(crate) async fn bound(&self, at: &DbAt) -> Result<(Bound, Connection), Error> {
        let (database, secret) = self.meant(at.user.as_deref(), at.database.as_deref())?;
        let bound = Bound::read(&self.cluster.client, &self.cluster.namespace, &secret).await?;
        let to = bound.connection(Some(database))?;
        Ok((bound, to))
    }

    /// The Secret with a user's binding.
    fn secret(&self, user: &str) -> Result<String, Error> {
        let unknown = |why: &str| {
            Error::new(&K8S_BINDING, Class::NotFound)
                .attempted(format!("find the binding of {user} in {}", self.name))
                .happened(why)
        };
        let wanted =
            service_binding(&self.spec, user).ok_or_else(|| unknown("no database is declared to bind to"))?;
        let published = self.status.binding.as_ref().map(|b| b.name.as_str());
        let cluster = match published.and_then(|name| name.strip_suffix(BINDING)) {
            Some(cluster) => cluster.to_owned(),
            // While it is not ready the status names none; where the name is short, it is known all the same.
            None if self.name.len() <= names::LIMIT => {
                let namespace = &self.cluster.namespace;
                let owner = Owner::new(
                    &Identity::of(&[]),
                    Kind::DatabaseInstance.as_str(),
                    namespace,
                    &self.name,
                );
                names::cluster(&owner)?
            }
            None => return Err(unknown("its status names none yet")),
        };
        let main = wanted.slots.contains(&Slot::Main);
        Ok(names::binding(&cluster, (!main).then_some(user)))
    }

    /// The labels of its servers' pods; empty as long as the operator has not said them.
    pub(crate) fn pods(&self) -> &str {
        self.status.selector.as_deref().unwrap_or_default()
    }

    /// What the operator says of it, in a line.
    pub(crate) fn words(&self) -> String {
        let ready = self.conditions.iter().find(|c| c.type_ == "Ready");
        match ready {
            None => "the operator has not looked at it yet".to_owned(),
            Some(c) => {
                let mut words = format!("Ready is {:?}", c.status);
                if !c.message.is_empty() {
                    words += &format!(": {}", c.message);
                }
                words
            }
        }
    }

    /// Where the certificate of its authority is kept on this machine.
    pub(crate) fn authority(&self, folder: &Folder) -> PathBuf {
        folder.path().join(&self.uid).join("ca.crt")
    }
}
