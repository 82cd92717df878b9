//! The logs of the servers of a database, from their pods through the API server, and what is added while somebody looks.
//!
//! What is told are PostgreSQL's messages. Each pod is read on its own; messages of several are put in the order in which the nodes
//! took them. The role needs `list` on `pods` and `get` on `pods/log`.

mod follow;
mod record;

use std::fmt;

use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, LogParams},
};
use serde::Serialize;

use self::record::Reader;
use super::fault;
use crate::{database::log::Entry, error::Result};

pub use follow::Following;

/// How many lines a message has with what surrounds it, at first; more are asked for where that was too little.
const LINES: usize = 4;

/// Lines that are asked for at least and at most.
const AT_LEAST: usize = 100;
const AT_MOST: usize = 1 << 20;

/// A message, and the pod that said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The pod.
    pub pod: String,
    /// The message.
    #[serde(flatten)]
    pub entry: Entry,
}

/// The logs of the pods with some labels.
#[derive(Clone)]
pub struct PodLogs {
    pods: Api<Pod>,
    selector: String,
    all: bool,
}

impl fmt::Debug for PodLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PodLogs")
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

/// What was there when somebody looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// How many pods there were.
    pub pods: usize,
    /// Their messages, oldest first.
    pub lines: Vec<Line>,
    /// Up to where each pod was read, by its uid.
    read: Vec<(String, Option<Timestamp>)>,
}

/// A pod, as far as its log is concerned.
#[derive(Debug, Clone)]
struct One {
    name: String,
    uid: String,
    container: Option<String>,
}

impl PodLogs {
    /// The logs of the pods with the labels of `selector`.
    pub fn new(client: Client, namespace: &str, selector: impl Into<String>) -> Self {
        Self {
            pods: Api::namespaced(client, namespace),
            selector: selector.into(),
            all: false,
        }
    }

    /// Tells also what CloudNativePG's manager in the pods says.
    #[must_use]
    pub fn all(mut self, all: bool) -> Self {
        self.all = all;
        self
    }

    /// All that the nodes keep, or the last messages.
    ///
    /// # Errors
    /// Those of the API server.
    pub async fn history(&self, last: Option<usize>) -> Result<History> {
        let pods = self.list().await?;
        let texts = try_join_all(pods.iter().map(|pod| self.read(pod, last))).await?;
        let mut all: Vec<(Option<Timestamp>, Line)> = Vec::new();
        let mut read = Vec::new();
        for (pod, text) in pods.iter().zip(texts) {
            let (lines, until) = self.parse(pod, &text);
            all.extend(lines);
            read.push((pod.uid.clone(), until));
        }
        // A stable sort: what one pod said stays in its order.
        all.sort_by_key(|(at, _)| *at);
        let mut lines: Vec<Line> = all.into_iter().map(|(_, line)| line).collect();
        if let Some(last) = last {
            lines.drain(..lines.len().saturating_sub(last));
        }
        Ok(History {
            pods: pods.len(),
            lines,
            read,
        })
    }

    /// Goes on after what was there, also with pods that come later and with containers that are started again.
    pub fn follow(&self, from: History) -> Following {
        Following::new(self.clone(), from.read)
    }

    async fn list(&self) -> Result<Vec<One>> {
        let listed = self
            .pods
            .list(&ListParams::default().labels(&self.selector))
            .await;
        let listed = listed.map_err(|e| fault::of("list the pods of the servers", false, e))?;
        let one = |pod: Pod| One {
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            container: pod
                .spec
                .and_then(|s| s.containers.into_iter().next())
                .map(|c| c.name),
        };
        Ok(listed.items.into_iter().map(one).collect())
    }

    fn params(pod: &One) -> LogParams {
        LogParams {
            container: pod.container.clone(),
            timestamps: true,
            ..LogParams::default()
        }
    }

    /// The text of one pod's log, with so many messages at its end if there are so many. A pod that has not begun has none.
    async fn read(&self, pod: &One, last: Option<usize>) -> Result<String> {
        let mut ask = last.map(|n| n.saturating_mul(LINES).clamp(AT_LEAST, AT_MOST));
        loop {
            let params = LogParams {
                tail_lines: ask.and_then(|n| i64::try_from(n).ok()),
                ..Self::params(pod)
            };
            let text = match self.pods.logs(&pod.name, &params).await {
                Ok(text) => text,
                // Its container does not run yet, or it is gone: 400 and 404.
                Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => return Ok(String::new()),
                Err(e) => {
                    let what = format!("read the log of the pod {}", pod.name);
                    return Err(fault::of(&what, false, e));
                }
            };
            match (ask, last) {
                (Some(asked), Some(last)) if asked < AT_MOST && text.lines().count() >= asked => {
                    if self.parse(pod, &text).0.len() >= last {
                        return Ok(text);
                    }
                    ask = Some(asked.saturating_mul(LINES).min(AT_MOST));
                }
                _ => return Ok(text),
            }
        }
    }

    fn parse(&self, pod: &One, text: &str) -> (Vec<(Option<Timestamp>, Line)>, Option<Timestamp>) {
        let mut reader = Reader::new(self.all);
        let (mut lines, mut until) = (Vec::new(), None);
        for stamped in text.lines() {
            let (at, line) = split(stamped);
            until = at.or(until);
            lines.extend(reader.line(line).into_iter().map(|e| (until, told(pod, e))));
        }
        lines.extend(reader.end().map(|e| (until, told(pod, e))));
        (lines, until)
    }
}

fn told(pod: &One, entry: Entry) -> Line {
    Line {
        pod: pod.name.clone(),
        entry,
    }
}

/// When the node took a line, and the line.
fn split(stamped: &str) -> (Option<Timestamp>, &str) {
    match stamped.split_once(' ') {
        Some((at, line)) => match at.parse() {
            Ok(at) => (Some(at), line),
            Err(_) => (None, stamped),
        },
        None => (
            stamped.parse().ok(),
            if stamped.parse::<Timestamp>().is_ok() {
                ""
            } else {
                stamped
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_the_node_puts_before_a_line_is_taken_off() {
        let (at, line) = split("2026-11-23T15:05:19.123456789Z hello there");
        assert_eq!(line, "hello there");
        assert_eq!(at.unwrap().to_string(), "2026-11-23T15:05:19.123456789Z");
        assert_eq!(split("no time here"), (None, "no time here"));
        assert_eq!(split("2026-11-23T15:05:19Z").1, "");
        assert_eq!(split(""), (None, ""));
    }
}
