//! What an instance is made of on this machine: a marked folder, a data directory, a server process.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use jiff::Timestamp;
use serde_json::json;

use super::{build::Version, codes::LOC_UPGRADE};
use crate::{
    driver::Binding,
    resource::{Change, Diff, Key, Need, Resource, View},
};

/// The stage's name.
pub const STAGE: &str = "server";

/// One thing on this machine.
#[derive(Debug, Clone, PartialEq)]
pub enum LocalResource {
    /// The folder that bears the mark.
    Folder(Folder),
    /// The data directory in it.
    Data(Data),
    /// The server process on the data directory.
    Server(Box<Server>),
}

/// The folder of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
}

/// A data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The major version whose format it has; `None` if any will do.
    pub major: Option<u32>,
}

/// A server process.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Server {
    /// The port on the loopback; `None` for one that is chosen once and kept.
    pub port: Option<u16>,
    /// The exact version that is asked for; `None` for any minor of the data's major. Which one runs is [`Seen::version`].
    pub version: Option<Version>,
    /// The declared parameters. Of a live server: what it runs with, or `None` while that cannot be asked.
    pub parameters: Option<BTreeMap<String, String>>,
    /// Seen only.
    pub seen: Seen,
}

/// What is seen of a server and never wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// The version that runs.
    pub version: Option<Version>,
    /// Parameters that take effect at a start only.
    pub at_start: BTreeSet<String>,
    /// Parameters whose new value waits for a restart.
    pub pending: Vec<String>,
    /// True if the server has not read the configuration file as it is now.
    pub stale: bool,
    /// The platform's own login, over the Unix socket.
    pub admin: Option<Binding>,
    /// How it encrypts. Wherever the build can, it is wanted.
    pub tls: Encryption,
}

/// What is seen of a server's TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Encryption {
    /// It was not asked.
    #[default]
    Unknown,
    /// The build has none.
    Absent,
    /// The build has it, and it is off.
    Off,
    /// It is on with a certificate that clients take until then.
    On(Timestamp),
    /// It is on, and a new certificate is needed: why.
    Due(String),
}

impl Encryption {
    fn change(&self) -> Option<Change> {
        let change = match self {
            Self::Unknown | Self::Absent | Self::On(_) => return None,
            Self::Off => Change::new("tls", "off", "on"),
            Self::Due(why) => Change::new("tls.certificate", why, "renewed"),
        };
        Some(change.brings("reload"))
    }
}

impl LocalResource {
    /// The key of the folder.
    pub const FOLDER: &'static str = "folder";
    /// The key of the data directory.
    pub const DATA: &'static str = "data";
    /// The key of the server.
    pub const SERVER: &'static str = "server";

    /// The key: there is one of each.
    ///
    /// # Errors
    /// Never; keys are made by a fallible call.
    pub fn key(&self) -> Result<Key, crate::error::Error> {
        Key::new(match self {
            Self::Folder(_) => Self::FOLDER,
            Self::Data(_) => Self::DATA,
            Self::Server(_) => Self::SERVER,
        })
    }
}

/// How a parameter that is not there is shown.
const UNSET: &str = "default";

impl Server {
    fn changes(&self, live: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if let (Some(want), Some(is)) = (self.port, live.port)
            && want != is
        {
            changes.push(Change::new("port", is, want).brings("restart"));
        }
        // Another major is the data's matter.
        if let (Some(want), Some(is)) = (self.version, live.seen.version)
            && want.major == is.major
            && want != is
        {
            changes.push(Change::new("version", is, want).brings("restart"));
        }
        let (Some(want), Some(is)) = (&self.parameters, &live.parameters) else {
            return changes;
        };
        let names: BTreeSet<&String> = want.keys().chain(is.keys()).collect();
        for name in names {
            let (from, to) = (is.get(name), want.get(name));
            if from != to {
                let shown = |v: Option<&String>| v.cloned().unwrap_or_else(|| UNSET.to_owned());
                let brings = if live.seen.at_start.contains(name) {
                    "restart"
                } else {
                    "reload"
                };
                changes
                    .push(Change::new(format!("parameters.{name}"), shown(from), shown(to)).brings(brings));
            }
        }
        changes.extend(live.seen.tls.change());
        if changes.is_empty() && !live.seen.pending.is_empty() {
            let names = live.seen.pending.join(", ");
            changes.push(Change::new("pending", names, "in effect").brings("restart"));
        } else if changes.is_empty() && live.seen.stale {
            changes.push(Change::new("configuration", "as it was", "as it is in the file").brings("reload"));
        }
        changes
    }
}

impl Resource for LocalResource {
    fn kind(&self) -> &'static str {
        match self {
            Self::Folder(_) => "folder",
            Self::Data(_) => "dataDirectory",
            Self::Server(_) => "postgres",
        }
    }

    fn needs(&self) -> Vec<Need> {
        let built = |key| Key::new(key).map(Need::Built).into_iter().collect();
        match self {
            Self::Folder(_) => Vec::new(),
            Self::Data(_) => built(Self::FOLDER),
            Self::Server(_) => built(Self::DATA),
        }
    }

    fn diff(&self, live: &Self) -> Diff {
        let changes = match (self, live) {
            (Self::Data(Data { major: Some(want) }), Self::Data(Data { major: Some(is) })) if want != is => {
                // Never a replacement: that would offer to lose the data for the sake of a number.
                let changes = vec![Change::new("major", is, want).brings("an upgrade of the data")];
                return Diff::Refuse {
                    changes,
                    code: &LOC_UPGRADE,
                };
            }
            (Self::Server(want), Self::Server(is)) => want.changes(is),
            _ => Vec::new(),
        };
        if changes.is_empty() {
            Diff::Same
        } else {
            Diff::Update(changes)
        }
    }

    fn precious(&self) -> bool {
        matches!(self, Self::Data(_))
    }

    fn natural(&self) -> bool {
        // Each has one place, and the place takes one: a path, or the lock that PostgreSQL holds on its data directory.
        true
    }

    fn view(&self) -> View {
        let value = match self {
            Self::Folder(f) => json!({"path": f.path}),
            Self::Data(d) => json!({"major": d.major}),
            Self::Server(s) => json!({
                "version": s.seen.version.or(s.version).map(|v| v.to_string()),
                "port": s.port,
                "parameters": s.parameters.as_ref().filter(|p| !p.is_empty()),
            }),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn server(port: Option<u16>, parameters: &[(&str, &str)]) -> Server {
        let parameters = parameters
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        Server {
            port,
            parameters: Some(parameters),
            ..Server::default()
        }
    }

    fn told(want: Server, live: Server) -> Vec<String> {
        let changes = match LocalResource::Server(want.into()).diff(&LocalResource::Server(live.into())) {
            Diff::Same => Vec::new(),
            Diff::Update(changes) | Diff::Replace(changes) | Diff::Refuse { changes, .. } => changes,
        };
        let line = |c: Change| {
            format!(
                "{}: {} -> {} ({})",
                c.field,
                c.from,
                c.to,
                c.brings.unwrap_or_default()
            )
        };
        changes.into_iter().map(line).collect()
    }

    #[test]
    fn a_changed_parameter_says_whether_it_brings_a_reload_or_a_restart() {
        let mut live = server(
            Some(20_000),
            &[("work_mem", "4MB"), ("shared_buffers", "128MB"), ("jit", "off")],
        );
        live.seen.at_start = BTreeSet::from(["shared_buffers".to_owned()]);
        let want = server(None, &[("work_mem", "8MB"), ("shared_buffers", "256MB")]);
        assert_eq!(
            told(want, live.clone()),
            [
                "parameters.jit: off -> default (reload)",
                "parameters.shared_buffers: 128MB -> 256MB (restart)",
                "parameters.work_mem: 4MB -> 8MB (reload)",
            ]
        );
        let same = Server {
            seen: Seen::default(),
            ..live.clone()
        };
        assert!(told(same.clone(), live.clone()).is_empty());
        let mut encrypted = live.clone();
        for (seen, change) in [
            (Encryption::Off, "tls: off -> on (reload)"),
            (
                Encryption::Due("it ends on 2029-02-28".into()),
                "tls.certificate: it ends on 2029-02-28 -> renewed (reload)",
            ),
        ] {
            encrypted.seen.tls = seen;
            assert_eq!(told(same.clone(), encrypted.clone()), [change]);
        }
        live.seen.stale = true;
        assert_eq!(
            told(same.clone(), live.clone()),
            ["configuration: as it was -> as it is in the file (reload)"]
        );
        live.seen.pending = vec!["wal_level".to_owned()];
        assert_eq!(
            told(same.clone(), live.clone()),
            ["pending: wal_level -> in effect (restart)"]
        );
        assert_eq!(
            told(
                server(Some(1), &[]),
                Server {
                    port: Some(2),
                    ..Server::default()
                }
            ),
            ["port: 2 -> 1 (restart)"]
        );
        assert!(
            told(same, Server::default()).is_empty(),
            "what cannot be asked is not judged"
        );
    }

    #[test]
    fn another_major_is_never_a_reason_to_replace_data() {
        let data = |major| LocalResource::Data(Data { major });
        assert!(matches!(
            data(Some(18)).diff(&data(Some(15))),
            Diff::Refuse { .. }
        ));
        assert_eq!(data(None).diff(&data(Some(15))), Diff::Same);
    }
}
