//! Where a database is and how it is entered.

use paas_core::{
    database::{codes::PG_CONNECT, connection::Connection},
    error::{Class, Error},
    local::{
        account::Account,
        check::{Limits, Report},
        data,
        instance::LocalInstance,
        postmaster,
        tls::{Offer, authority::Authority},
        upgrade::Previous,
    },
    spec::Document,
};

use super::{Session, Target};
use crate::codes::CLI_NOT_RUNNING;

/// Where a database is, without its password.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The major version of its data.
    pub(crate) version: String,
    /// The port on the loopback.
    pub(crate) port: u16,
    /// The URL with its password hidden.
    pub(crate) url: String,
    /// The folder that holds everything of it.
    pub(crate) folder: String,
    /// Its TLS: the file of the authority that clients verify with, or why there is none.
    pub(crate) tls: Result<String, &'static str>,
    /// A newer minor that the next start takes.
    pub(crate) newer: Option<String>,
    /// The data from before an upgrade.
    pub(crate) previous: Option<Previous>,
    /// The user that its server runs as, if that is another one than ours: PostgreSQL refuses root.
    pub(crate) runs_as: Option<String>,
}

impl Session {
    /// The way into a running database: as this user or the owner of the database, to this database or the user's first.
    pub(crate) async fn connection(
        &self,
        target: &Target,
        user: Option<&str>,
        database: Option<&str>,
    ) -> Result<Connection, Error> {
        let connection = self.way(target, user, database).await?;
        let folder = self.machine().folder(&target.owner);
        if postmaster::running(&folder, self.machine().home.account())?.is_none() {
            return Err(not_running(target, "its server does not run"));
        }
        Ok(connection)
    }

    /// Where a database is, running or not.
    pub(crate) async fn place(&self, target: &Target) -> Result<Place, Error> {
        let connection = self.way(target, None, None).await?;
        let folder = self.machine().folder(&target.owner);
        Ok(Place {
            version: data::major(&folder)?.map_or(String::new(), |m| m.to_string()),
            port: connection.port,
            url: connection.to_string(),
            folder: folder.display().to_string(),
            tls: match Offer::of(self.machine(), &target.owner)?.absence() {
                None => Ok(Authority::file(&self.machine().home).display().to_string()),
                Some(why) => Err(why),
            },
            newer: None,
            previous: switch_back(target),
            runs_as: match self.machine().home.account() {
                Account::Myself { .. } => None,
                Account::Other { name, .. } => Some(name.clone()),
            },
        })
    }

    /// Walks the way into a database, running or not.
    pub(crate) async fn check(&self, target: &Target, user: Option<&str>, database: Option<&str>) -> Report {
        match meant(target, user, database) {
            Ok((instance, database, user)) => instance.check(database, user, &Limits::default()).await,
            Err(e) => Report::unknown(e),
        }
    }

    /// The same, with what only the running server can tell.
    pub(crate) async fn place_in_full(&self, target: &Target) -> Result<Place, Error> {
        let place = self.place(target).await?;
        let newer = match target.instance() {
            // A server that does not answer has its own line.
            Some(instance) => instance.newer_minor().await.unwrap_or_default(),
            None => None,
        };
        Ok(Place {
            newer: newer.map(|v| v.to_string()),
            ..place
        })
    }

    async fn way(
        &self,
        target: &Target,
        user: Option<&str>,
        database: Option<&str>,
    ) -> Result<Connection, Error> {
        Ok(self.way_with_user(target, user, database).await?.1)
    }

    /// The way into a database, running or not, and the user whose it is.
    pub(crate) async fn way_with_user(
        &self,
        target: &Target,
        user: Option<&str>,
        database: Option<&str>,
    ) -> Result<(String, Connection), Error> {
        let (instance, database, user) = meant(target, user, database)?;
        // That a password is missing is another matter, which `up` does not mend.
        let never = |e: Error| match e.class() {
            Class::NotFound if e.code() == &PG_CONNECT => not_running(target, e.words()),
            _ => e,
        };
        let connection = instance.connection_to(database, user).await.map_err(never)?;
        Ok((user.to_owned(), connection))
    }
}

fn switch_back(target: &Target) -> Option<Previous> {
    target.instance().and_then(|i| i.previous().ok().flatten())
}

/// The instance, and the database and the user of it that are meant.
fn meant<'a>(
    target: &'a Target,
    user: Option<&'a str>,
    database: Option<&'a str>,
) -> Result<(&'a LocalInstance, &'a str, &'a str), Error> {
    let (Some(instance), Some(Document::DatabaseInstance(object))) = (target.instance(), &target.document)
    else {
        return Err(not_running(target, "it is not a database"));
    };
    let (database, user) = crate::meant::meant(&object.spec, user, database)?;
    Ok((instance, database, user))
}

fn not_running(target: &Target, why: &str) -> Error {
    Error::new(&CLI_NOT_RUNNING, Class::Conflict)
        .attempted(format!("find the way into {}", target.owner))
        .happened(why.to_owned())
}
