//! What programs read to reach a database: entries in the words of the Service Binding specification, and where they are published.
//!
//! The layout is that of <https://servicebinding.io/spec/core/1.1.0/>: a directory a service, a file an entry, the file's name the key.

use std::{collections::BTreeMap, fmt, path::Path};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::{codes::PG_AUTHORITY, connection::Connection};
use crate::{
    error::{Class, Error, Result},
    owner::Owner,
    resource::Change,
};

/// The entries of a binding, by key.
pub type Entries = BTreeMap<String, SecretString>;

/// Entries whose values hold no password.
const OPEN: [&str; 8] = [
    "type", "provider", "host", "port", "database", "username", "sslmode", "ca.crt",
];

/// Under which of its two names a user's binding is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// The instance's: for one user of it.
    Main,
    /// `<instance>.<user>`.
    User,
}

impl Slot {
    /// The name.
    pub fn name(self, instance: &str, user: &str) -> String {
        match self {
            Self::Main => instance.to_owned(),
            Self::User => format!("{instance}.{user}"),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Main => "the instance's name",
            Self::User => "the user's name",
        }
    }
}

/// A published binding of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceBinding {
    /// The user.
    pub user: String,
    /// Where it is published: wanted, one slot; seen, all in which this user's is found.
    pub slots: Vec<Slot>,
    /// The database.
    pub database: String,
    /// What is published and is not so any more; seen, never wanted.
    pub stale: Vec<Change>,
}

impl ServiceBinding {
    /// A wanted binding.
    pub fn wanted(slot: Slot, user: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            slots: vec![slot],
            database: database.into(),
            stale: Vec::new(),
        }
    }

    /// What would have to change so that `live` becomes this.
    pub(super) fn changes(&self, live: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.slots != live.slots {
            let words = |of: &Self| {
                of.slots
                    .iter()
                    .map(|s| s.word())
                    .collect::<Vec<_>>()
                    .join(" and ")
            };
            changes.push(Change::new("published under", words(live), words(self)));
        }
        if self.database != live.database {
            changes.push(Change::new("database", &live.database, &self.database));
        }
        let stale = live.stale.iter().filter(|c| !self.stale.contains(c));
        changes.extend(stale.cloned());
        changes
    }
}

/// One published binding as it is found.
#[derive(Clone)]
pub struct Published {
    /// Under which name.
    pub slot: Slot,
    /// Whose it is.
    pub user: String,
    /// What it says; entries that cannot be read are left out.
    pub entries: Entries,
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Published({:?} of {})", self.slot, self.user)
    }
}

impl Published {
    /// An entry that holds no password, or nothing.
    pub fn entry(&self, key: &str) -> &str {
        let value = self.entries.get(key).filter(|_| OPEN.contains(&key));
        value.map_or("", |v| v.expose_secret())
    }
}

/// Where bindings are published: a directory on this machine, a Secret in a cluster.
///
/// Laws: a publication is switched as a whole, so that a reader sees the old entries or the new ones; it is durable before the call
/// returns; removing what is not there is no error; only what is of this owner is listed or changed.
#[async_trait]
pub trait BindingStore: fmt::Debug + Send + Sync {
    /// All that is published for an owner, by user. Whose user cannot be told is left out: publishing again mends it.
    async fn list(&self, owner: &Owner) -> Result<Vec<Published>>;
    /// Publishes a user's entries in a slot, in place of what was there.
    async fn publish(&self, owner: &Owner, slot: Slot, user: &str, entries: &Entries) -> Result<()>;
    /// Takes back what is published in a slot, if it is this user's.
    async fn remove(&self, owner: &Owner, slot: Slot, user: &str) -> Result<()>;
    /// Removes what earlier publications left for readers that had begun with it.
    async fn tidy(&self, owner: &Owner) -> Result<()>;
    /// Takes back everything of an owner.
    async fn forget(&self, owner: &Owner) -> Result<()>;
}

/// The entries for a way into a database.
///
/// # Errors
/// `PAAS-PG-0009` if the authority's certificate, which is copied into them, cannot be read.
pub fn entries(to: &Connection) -> Result<Entries> {
    let plain = |text: &str| SecretString::from(text.to_owned());
    let mut all: Entries = [
        ("type", plain("postgresql")),
        ("provider", plain("paas")),
        ("host", plain(&to.host)),
        ("port", plain(&to.port.to_string())),
        ("database", plain(&to.database)),
        ("dbname", plain(&to.database)),
        ("username", plain(&to.user)),
        ("password", to.password.clone()),
        ("sslmode", plain(to.sslmode.as_str())),
        ("uri", to.url()),
        ("jdbc-uri", to.jdbc()),
        ("pgpass", to.pgpass()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    if let Some(ca) = &to.ca {
        all.insert("ca.crt".to_owned(), authority(ca)?);
    }
    Ok(all)
}

fn authority(path: &Path) -> Result<SecretString> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::new(&PG_AUTHORITY, Class::Blocked)
            .attempted(format!("read {}", path.display()))
            .happened(e.to_string())
            .source_error(e)
    })?;
    Ok(text.into())
}

/// What differs between what is published and what is true, without a password.
pub(super) fn stale(published: &Entries, truth: &Entries) -> Vec<Change> {
    let differ: Vec<&str> = truth
        .keys()
        .chain(published.keys().filter(|k| !truth.contains_key(*k)))
        .map(String::as_str)
        .filter(|k| exposed(published, k) != exposed(truth, k))
        .collect();
    let mut changes: Vec<Change> = OPEN
        .into_iter()
        .filter(|key| *key != "ca.crt" && differ.contains(key))
        .map(|key| {
            let shown = |e| exposed(e, key).unwrap_or("missing").to_owned();
            Change::new(key, shown(published), shown(truth))
        })
        .collect();
    if differ.contains(&"password") {
        changes.push(Change::new("password", "another", "the active login's"));
    }
    if changes.is_empty() && !differ.is_empty() {
        changes.push(Change::new(
            "entries",
            format!("{} wrong", differ.join(", ")),
            "whole",
        ));
    }
    changes
}

fn exposed<'a>(entries: &'a Entries, key: &str) -> Option<&'a str> {
    entries.get(key).map(ExposeSecret::expose_secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::connection::SslMode;

    fn connection(user: &str, password: &str) -> Connection {
        Connection {
            host: "127.0.0.1".into(),
            port: 5433,
            database: "shop".into(),
            user: user.into(),
            password: password.to_owned().into(),
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        }
    }

    #[test]
    fn what_is_stale_is_told_by_key_and_never_with_a_password() {
        let old = entries(&connection("app_a", "one-secret")).unwrap();
        let new = entries(&connection("app_b", "another-secret")).unwrap();
        assert!(stale(&old, &old).is_empty());
        let told = stale(&old, &new);
        let fields: Vec<&str> = told.iter().map(|c| c.field.as_str()).collect();
        assert_eq!(fields, ["username", "password"]);
        assert!(!format!("{told:?}").contains("secret"));
        let mut damaged = old.clone();
        damaged.remove("uri");
        damaged.insert("more".into(), "x".to_owned().into());
        assert_eq!(stale(&damaged, &old)[0].from, "uri, more wrong");
        damaged.remove("host");
        assert_eq!(stale(&damaged, &old)[0].from, "missing");
    }

    #[test]
    fn an_authority_that_cannot_be_read_is_told_and_one_that_can_is_handed_out() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.crt");
        let to = Connection {
            ca: Some(ca.clone()),
            ..connection("app_a", "x")
        };
        assert_eq!(entries(&to).unwrap_err().code().id, PG_AUTHORITY.id);
        std::fs::write(&ca, "PEM").unwrap();
        assert_eq!(entries(&to).unwrap()["ca.crt"].expose_secret(), "PEM");
    }
}
