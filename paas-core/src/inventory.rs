//! Everything of one owner that there is, by kind: what `down` ends with as its proof, and what a detailed status shows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    graph::Observed,
    resource::{Health, Key, Origin, Resource, View},
};

/// What one look at a stage found. Its text is one line: `networks 0 · subnets 0 · servers 2`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The stage's name.
    pub stage: String,
    /// How many of each kind; of those that were looked for and not found, none.
    pub counts: Vec<Count>,
    /// Each of them.
    pub found: Vec<Found>,
}

/// How many of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// The kind, in the words of [`Resource::kind`].
    pub kind: String,
    /// How many.
    pub count: usize,
}

/// One thing that is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Its key.
    pub key: Key,
    /// Its kind.
    pub kind: String,
    /// The provider's id.
    pub id: String,
    /// Whose it is.
    pub origin: Origin,
    /// True if it holds data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub precious: bool,
    /// What is not as it should be: that it is on its way, leaving or broken, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// What it shows of itself.
    pub resource: View,
}

impl Inventory {
    /// What was observed, with the kinds that were looked for.
    pub fn of<R: Resource>(stage: &str, kinds: &[&str], seen: &Observed<R>) -> Self {
        let mut found: Vec<Found> = seen
            .live
            .iter()
            .map(|(key, live)| Found {
                key: key.clone(),
                kind: live.resource.kind().to_owned(),
                id: live.id.clone(),
                origin: live.origin,
                precious: live.resource.precious(),
                trouble: trouble(&live.health),
                resource: live.resource.view(),
            })
            .collect();
        // What cannot be told apart or read is there all the same: a proof must not miss it.
        for (key, ids) in &seen.duplicates {
            let known = found.iter().find(|f| f.key == *key).cloned();
            found.extend(known.into_iter().flat_map(|first| {
                let others: Vec<String> = ids.iter().filter(|id| **id != first.id).cloned().collect();
                others.into_iter().map(move |id| Found { id, ..first.clone() })
            }));
        }
        let mut counts: Vec<Count> = kinds.iter().map(|kind| Count::none(kind)).collect();
        for one in &found {
            match counts.iter_mut().find(|c| c.kind == one.kind) {
                Some(count) => count.count += 1,
                None => counts.push(Count {
                    kind: one.kind.clone(),
                    count: 1,
                }),
            }
        }
        if !seen.unreadable.is_empty() {
            counts.push(Count {
                kind: "unreadableMark".to_owned(),
                count: seen.unreadable.len(),
            });
        }
        Self {
            stage: stage.to_owned(),
            counts,
            found,
        }
    }

    /// True if there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|c| c.count == 0)
    }
}

impl Count {
    fn none(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            count: 0,
        }
    }

    /// The kind for people, in the plural: `security group rules`, `floating IPs`, `admission policies`.
    pub fn words(&self) -> String {
        let mut words = String::new();
        for letter in self.kind.chars() {
            if letter.is_ascii_uppercase() {
                words.push(' ');
            }
            words.push(letter.to_ascii_lowercase());
        }
        if let Some(head) = words.strip_suffix(" ip") {
            return format!("{head} IPs");
        }
        match words.strip_suffix('y') {
            Some(head) => format!("{head}ies"),
            None if words.ends_with('s') => format!("{words}es"),
            None => format!("{words}s"),
        }
    }
}

impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, count) in self.counts.iter().enumerate() {
            let dot = if at == 0 { "" } else { " · " };
            write!(f, "{dot}{} {}", count.words(), count.count)?;
        }
        Ok(())
    }
}

fn trouble(health: &Health) -> Option<String> {
    match health {
        Health::Ready => None,
        Health::Settling { why } => Some(why.clone()),
        Health::Leaving => Some("it is leaving".to_owned()),
        Health::Broken { why, .. } => Some(format!("it is broken: {why}")),
    }
}
