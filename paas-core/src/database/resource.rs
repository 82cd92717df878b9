//! What a server holds for its users: owner roles, login roles, databases, extensions.

use serde_json::json;

use crate::{
    driver::Binding,
    resource::{Change, Diff, Key, Need, Resource, View},
    secrets::SecretRef,
};

/// One thing inside a PostgreSQL server.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A user's owner role.
    Role(Role),
    /// One of a user's login roles.
    Login(Login),
    /// A database.
    Database(Database),
    /// An extension in a database.
    Extension(Extension),
}

/// The role that owns what a user makes. It cannot log in, so its password never has to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The user's name.
    pub name: String,
}

/// A role to log in with. Its sessions act as the owner role, so objects belong to that one, whichever login made them.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// The owner role.
    pub user: String,
    /// `<user>_a` or `<user>_b`.
    pub name: String,
    /// How many sessions it may have; `None` for as many as the server takes.
    pub limit: Option<u32>,
    /// Its password and where it gets in; seen, never wanted.
    pub binding: Option<Binding>,
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

/// Which of a user's two login roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The first one.
    A,
    /// The other one.
    B,
}

impl Turn {
    /// The login role's name.
    pub fn login(self, user: &str) -> String {
        match self {
            Self::A => format!("{user}_a"),
            Self::B => format!("{user}_b"),
        }
    }
}

impl Content {
    /// The key under which it is wanted and found. Names come from PostgreSQL, so one may not fit into a key.
    ///
    /// # Errors
    /// `PAAS-CORE-0013` for such a name.
    pub fn key(&self) -> Result<Key, crate::error::Error> {
        match self {
            Self::Role(r) => Key::new(format!("role/{}", r.name)),
            Self::Login(l) => Key::new(format!("login/{}", l.name)),
            Self::Database(d) => Key::new(format!("database/{}", d.name)),
            Self::Extension(e) => Key::new(format!("extension/{}/{}", e.database, e.name)),
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
        }
    }

    fn diff(&self, live: &Self) -> Diff {
        let changes = match (self, live) {
            (Self::Login(want), Self::Login(live)) if want.limit != live.limit => {
                let shown = |l: Option<u32>| l.map_or_else(|| "none".to_owned(), |n| n.to_string());
                vec![Change::new(
                    "connectionLimit",
                    shown(live.limit),
                    shown(want.limit),
                )]
            }
            (Self::Database(want), Self::Database(live)) if want.owner != live.owner => {
                vec![Change::new("owner", &live.owner, &want.owner)]
            }
            _ => return Diff::Same,
        };
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
            Self::Login(Login {
                user,
                name,
                limit,
                binding,
            }) => {
                let password: Option<&SecretRef> = binding.as_ref().map(|b| &b.password);
                json!({"name": name, "user": user, "connectionLimit": limit, "password": password.map(|p| &p.name)})
            }
            Self::Database(d) => json!({"name": d.name, "owner": d.owner}),
            Self::Extension(e) => json!({"name": e.name, "database": e.database}),
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
