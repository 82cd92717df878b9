//! The way from a client to its data, walked hop by hop, until the first one that is broken.

mod hops;

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::storage;
use crate::error::Error;

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

/// What was found at a hop.
#[derive(Debug, Clone)]
pub enum Finding {
    /// It holds; what was seen.
    Ok(String),
    /// It is broken: what was said there and what to do.
    Failed(Error),
    /// It was not looked at, or there is nothing to look at; why.
    Skipped(String),
}

/// One hop.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which.
    pub hop: Hop,
    /// What was found.
    pub finding: Finding,
    /// How long the look took.
    pub took: Duration,
}

/// All hops in their order, each once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The hops.
    pub hops: Vec<Step>,
}

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

impl Report {
    /// The report on something that is not even known.
    pub fn unknown(why: Error) -> Self {
        Walk::default().fail(Hop::Name, why).report()
    }

    /// The first hop that is broken, and what was said there.
    pub fn broken(&self) -> Option<(Hop, &Error)> {
        self.hops.iter().find_map(|s| match &s.finding {
            Finding::Failed(e) => Some((s.hop, e)),
            Finding::Ok(_) | Finding::Skipped(_) => None,
        })
    }

    /// True if nothing is broken.
    pub fn holds(&self) -> bool {
        self.broken().is_none()
    }

    /// What was found at a hop.
    pub fn at(&self, hop: Hop) -> Option<&Finding> {
        self.hops.iter().find(|s| s.hop == hop).map(|s| &s.finding)
    }
}

impl Serialize for Step {
    /// `{hop, state, milliseconds, words}`, and of a broken one also `{code, remedy}`.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let (state, words, error) = match &self.finding {
            Finding::Ok(words) => ("ok", words.clone(), None),
            Finding::Failed(e) => ("failed", e.sentence(), Some(e)),
            Finding::Skipped(why) => ("skipped", why.clone(), None),
        };
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("hop", &self.hop)?;
        map.serialize_entry("state", state)?;
        map.serialize_entry("milliseconds", &(self.took.as_micros() as f64 / 1000.0))?;
        map.serialize_entry("words", &words)?;
        if let Some(e) = error {
            map.serialize_entry("code", e.code().id)?;
            map.serialize_entry("remedy", e.advice())?;
        }
        map.end()
    }
}

/// A report in the making.
#[derive(Debug, Default)]
struct Walk {
    steps: Vec<Step>,
}

impl Walk {
    fn broken(&self) -> Option<Hop> {
        let failed = |s: &&Step| matches!(s.finding, Finding::Failed(_));
        self.steps.iter().find(failed).map(|s| s.hop)
    }

    fn add(&mut self, hop: Hop, finding: Finding, took: Duration) {
        self.steps.push(Step { hop, finding, took });
    }

    fn fail(mut self, hop: Hop, why: Error) -> Self {
        self.add(hop, Finding::Failed(why), Duration::ZERO);
        self
    }

    /// The report; what was not reached says behind what.
    fn report(mut self) -> Report {
        let broken = self.broken().map_or("another hop", Hop::as_str);
        for hop in Hop::ALL {
            if !self.steps.iter().any(|s| s.hop == hop) {
                self.steps.push(Step {
                    hop,
                    finding: Finding::Skipped(format!("not reached: {broken} is broken")),
                    took: Duration::ZERO,
                });
            }
        }
        self.steps.sort_by_key(|s| s.hop);
        Report { hops: self.steps }
    }
}
