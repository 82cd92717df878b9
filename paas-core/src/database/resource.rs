//! What a server holds for its users: owner roles, login roles, databases, extensions.

use serde_json::json;

use super::{
    binding::ServiceBinding,
    login::{Login, LoginState},
};
use crate::resource::{Change, Diff, Key, Need, Resource, View};

pub use super::login::Turn;

/// One thing inside a PostgreSQL server.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A user's owner role.
    Role(Role),
    /// A user's pair of login roles.
    Login(Login),
    /// A database.
    Database(Database),
    /// An extension in a database.
    Extension(Extension),
    /// What programs read to get in as a user.
    Binding(ServiceBinding),
}

/// The role that owns what a user makes. It cannot log in, so its password never has to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The user's name.
    pub name: String,
}

/// A database, owned by an owner role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The owner role.
    pub owner: String,
}

/// An extension, owned by the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The database it is in.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Extensions of the same database that come before it: wanted, the one declared before it; seen, those it depends on.
    pub after: Vec<String>,
}

impl Content {
    /// The key under which it is wanted and found. Names come from PostgreSQL, so one may not fit into a key.
    ///
    /// # Errors
    /// `PAAS-CORE-0013` for such a name.
    pub fn key(&self) -> Result<Key, crate::error::Error> {
        match self {
            Self::Role(r) => Key::new(format!("role/{}", r.name)),
            Self::Login(l) => Key::new(format!("login/{}", l.user)),
            Self::Database(d) => Key::new(format!("database/{}", d.name)),
            Self::Extension(e) => Key::new(format!("extension/{}/{}", e.database, e.name)),
            Self::Binding(b) => Key::new(format!("binding/{}", b.user)),
        }
    }
}

/// The name of the secret that holds a login role's password.
pub fn password_name(login: &str) -> String {
    format!("login-{login}")
}

impl Resource for Content {
    fn kind(&self) -> &'static str {
        match self {
            Self::Role(_) => "role",
            Self::Login(_) => "login",
            Self::Database(_) => "database",
            Self::Extension(_) => "extension",
            Self::Binding(_) => "binding",
        }
    }

    fn needs(&self) -> Vec<Need> {
        let built = |key: String| -> Vec<Need> { Key::new(key).map(Need::Built).into_iter().collect() };
        match self {
            Self::Role(_) => Vec::new(),
            Self::Login(l) => built(format!("role/{}", l.user)),
            Self::Database(d) => built(format!("role/{}", d.owner)),
            Self::Extension(e) => {
                let key = |name: &String| Key::new(format!("extension/{}/{name}", e.database));
                let before = e.after.iter().flat_map(key).map(Need::Order);
                built(format!("database/{}", e.database))
                    .into_iter()
                    .chain(before)
                    .collect()
            }
            Self::Binding(b) => {
                let database = Key::new(format!("database/{}", b.database)).map(Need::Order);
                built(format!("login/{}", b.user))
                    .into_iter()
                    .chain(database)
                    .collect()
            }
        }
    }

    fn diff(&self, live: &Self) -> Diff {
        let changes = match (self, live) {
            (Self::Login(want), Self::Login(live)) => want.changes(live),
            (Self::Binding(want), Self::Binding(live)) => want.changes(live),
            (Self::Database(want), Self::Database(live)) if want.owner != live.owner => {
                vec![Change::new("owner", &live.owner, &want.owner)]
            }
            _ => return Diff::Same,
        };
        if changes.is_empty() {
            return Diff::Same;
        }
        Diff::Update(changes)
    }

    fn precious(&self) -> bool {
        matches!(self, Self::Database(_))
    }

    fn natural(&self) -> bool {
        // PostgreSQL itself refuses a second one of the same name.
        true
    }

    fn view(&self) -> View {
        let value = match self {
            Self::Role(r) => json!({"name": r.name}),
            Self::Login(login) => {
                let named = |wanted: fn(&LoginState) -> bool| {
                    let role = login.roles.iter().find(|r| wanted(&r.state));
                    role.map(|r| r.turn.login(&login.user))
                };
                json!({
                    "user": login.user, "connectionLimit": login.limit,
                    "active": named(|s| *s == LoginState::Active),
                    "retiring": named(|s| matches!(s, LoginState::Retiring { .. })),
                    "until": login.retiring().map(|(_, until)| until.to_string()),
                    "locked": named(|s| *s == LoginState::Locked),
                    "password": login.binding.as_ref().map(|b| &b.password.name),
                })
            }
            Self::Database(d) => json!({"name": d.name, "owner": d.owner}),
            Self::Extension(e) => json!({"name": e.name, "database": e.database}),
            Self::Binding(b) => {
                json!({"user": b.user, "database": b.database})
            }
        };
        match value {
            serde_json::Value::Object(mut view) => {
                view.retain(|_, v| !v.is_null());
                view
            }
            _ => View::new(),
        }
    }
}
