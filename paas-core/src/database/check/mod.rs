//! A way from a client to its data, walked hop by hop until the first one that is broken; and the hops that every way to a PostgreSQL
//! ends with.

mod hops;

use std::{fmt, future::Future, pin::pin, time::Duration};

use futures::future::{Either, select};
use serde::{Serialize, Serializer};

#[cfg(feature = "kube")]
pub(crate) use self::hops::ASK_FOR_TLS;
pub use self::hops::{answers, encrypted, writes};
use super::codes::PG_CONNECT;
use crate::{
    clock::Clock,
    error::{Class, Error, Result},
};

/// The hops of one kind of way, in the order in which they are walked.
pub trait Hops: Copy + Eq + Ord + Serialize + fmt::Debug + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The word for one.
    fn as_str(self) -> &'static str;
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
pub struct Step<H> {
    /// Which.
    pub hop: H,
    /// What was found.
    pub finding: Finding,
    /// How long the look took.
    pub took: Duration,
}

/// All hops in their order, each once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<H: Hops> {
    /// The hops.
    pub hops: Vec<Step<H>>,
}

impl<H: Hops> Report<H> {
    /// The report on a way that is broken at its first hop already: it is not even known.
    pub fn unknown(why: Error) -> Self {
        let mut walk = Walk::default();
        if let Some(first) = H::ALL.first() {
            walk.add(*first, Finding::Failed(why), Duration::ZERO);
        }
        walk.report()
    }

    /// The first hop that is broken, and what was said there.
    pub fn broken(&self) -> Option<(H, &Error)> {
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
    pub fn at(&self, hop: H) -> Option<&Finding> {
        self.hops.iter().find(|s| s.hop == hop).map(|s| &s.finding)
    }
}

impl<H: Hops> Serialize for Step<H> {
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
#[derive(Debug)]
pub struct Walk<H> {
    steps: Vec<Step<H>>,
}

impl<H> Default for Walk<H> {
    fn default() -> Self {
        Self { steps: Vec::new() }
    }
}

impl<H: Hops> Walk<H> {
    /// The hop that is broken, if one is known to be.
    pub fn broken(&self) -> Option<H> {
        let failed = |s: &&Step<H>| matches!(s.finding, Finding::Failed(_));
        self.steps.iter().find(failed).map(|s| s.hop)
    }

    /// Notes what was found.
    pub fn add(&mut self, hop: H, finding: Finding, took: Duration) {
        self.steps.push(Step { hop, finding, took });
    }

    /// Takes over what another walk noted.
    pub fn append(&mut self, other: Self) {
        self.steps.extend(other.steps);
    }

    /// Looks at one hop, as long as the patience lasts; gives what the next one needs.
    pub async fn hop<T>(
        &mut self,
        hop: H,
        clock: &dyn Clock,
        patience: Duration,
        look: impl Future<Output = Result<(T, String)>>,
    ) -> Option<T> {
        let began = clock.elapsed();
        let found = within(clock, patience, look).await;
        let took = clock.elapsed().saturating_sub(began);
        let (given, finding) = match found {
            Ok((given, words)) => (Some(given), Finding::Ok(words)),
            Err(e) => (None, Finding::Failed(e)),
        };
        self.add(hop, finding, took);
        given
    }

    /// The report; what was not reached says behind what.
    pub fn report(mut self) -> Report<H> {
        let broken = self.broken().map_or("another hop", Hops::as_str);
        for hop in H::ALL {
            if !self.steps.iter().any(|s| s.hop == *hop) {
                self.steps.push(Step {
                    hop: *hop,
                    finding: Finding::Skipped(format!("not reached: {broken} is broken")),
                    took: Duration::ZERO,
                });
            }
        }
        self.steps.sort_by_key(|s| s.hop);
        Report { hops: self.steps }
    }
}

/// A look with an end: what accepts a connection and never answers is told too.
async fn within<T>(
    clock: &dyn Clock,
    patience: Duration,
    look: impl Future<Output = Result<T>>,
) -> Result<T> {
    match select(pin!(look), pin!(clock.sleep(patience))).await {
        Either::Left((found, _)) => found,
        Either::Right(((), _)) => Err(Error::new(&PG_CONNECT, Class::TimedOut)
            .attempted("wait for an answer")
            .happened(format!("there was none within {patience:?}"))
            .remedy("look whether another program holds the port, or the machine is overloaded")),
    }
}
