//! The way from a client to its data, walked hop by hop, until the first one that is broken.

mod hops;

use std::time::Duration;

use serde::Serialize;

use super::storage;
pub use crate::database::check::Finding;
use crate::database::check::{self, Hops};

/// The hops, in the order in which they are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Hop {
    /// The instance is known, and so are its port and the address of its host name.
    Name,
    /// Its server process runs.
    Server,
    /// Something takes connections on its port.
    Tcp,
    /// It is PostgreSQL, and its certificate is the one of this home's authority, for this name and this day.
    Tls,
    /// The login is accepted.
    Auth,
    /// A query is answered.
    Query,
    /// Something can be written; what the check writes is rolled back.
    Write,
    /// There is room on the disk. Looked at whatever came before: a full disk is a cause, not a consequence.
    Disk,
}

impl Hop {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Server,
        Self::Tcp,
        Self::Tls,
        Self::Auth,
        Self::Query,
        Self::Write,
        Self::Disk,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Server => "server",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Query => "query",
            Self::Write => "write",
            Self::Disk => "disk",
        }
    }
}

impl Hops for Hop {
    const ALL: &'static [Self] = &Self::ALL;

    fn as_str(self) -> &'static str {
        Self::as_str(self)
    }
}

/// All hops of the way on this machine.
pub type Report = check::Report<Hop>;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long one hop may take.
    pub patience: Duration,
    /// From when on room on the disk is little.
    pub storage: storage::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            storage: storage::Limits::default(),
        }
    }
}
