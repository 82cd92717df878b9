//! What a survey found.

use jiff::Timestamp;
use paas_core::{owner::Identity, resource::Key};
use serde::Serialize;
use uuid::Uuid;

use super::Kind;

/// Everything marked in a project, by owner.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// The project's name.
    pub project: String,
    /// Its id.
    pub project_id: String,
    /// By owner; those with a name first, in its order.
    pub owners: Vec<Remains>,
    /// What is not ours and stands on something marked.
    pub outsiders: Vec<Outsider>,
    /// What could not be listed: there may be leftovers among it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<Unseen>,
    /// What the uids of this project's objects are made with.
    #[serde(skip)]
    pub identity: Identity,
}

impl Findings {
    /// What is left of one owner.
    pub fn of(&self, uid: Uuid) -> Option<&Remains> {
        self.owners.iter().find(|remains| remains.uid == uid)
    }
}

/// What is left of one owner.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remains {
    /// The owner's uid, which the marks carry.
    pub uid: Uuid,
    /// `Platform/default/demo`, where a name or `paas-object` says it and the uid agrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The things, by kind and name.
    pub leftovers: Vec<Leftover>,
}

impl Remains {
    /// When the youngest thing was made, of those that say it.
    pub fn youngest(&self) -> Option<Timestamp> {
        self.leftovers.iter().filter_map(|it| it.made).max()
    }

    /// When the oldest thing was made, of those that say it.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.leftovers.iter().filter_map(|it| it.made).min()
    }

    /// Its name for one line: the object's own, or the beginning of the uid.
    pub fn short(&self) -> String {
        let own = self.name.as_deref().and_then(|name| name.rsplit('/').next());
        own.map_or_else(|| self.uid.to_string().chars().take(8).collect(), str::to_owned)
    }

    /// True if a person who types this means this owner: the object's name, the whole name, or the uid.
    pub fn is_called(&self, typed: &str) -> bool {
        let whole = self.name.as_deref();
        let own = whole.and_then(|name| name.rsplit('/').next());
        whole == Some(typed) || own == Some(typed) || Uuid::try_parse(typed) == Ok(self.uid)
    }

    /// What of it holds data.
    pub fn data(&self) -> impl Iterator<Item = &Leftover> {
        self.leftovers.iter().filter(|it| it.holds_data)
    }
}

/// Names one thing of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ref {
    /// What it is.
    pub kind: Kind,
    /// Its id; a key pair's is its name.
    pub id: String,
}

impl Ref {
    pub(super) fn new(kind: Kind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// One marked thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leftover {
    /// What it is, and its id.
    #[serde(flatten)]
    pub it: Ref,
    /// Its name; a floating IP's is its address.
    pub name: String,
    /// Which one of its owner's it is, where that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// When it was made, where the service says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<Timestamp>,
    /// How it is, in the service's words, and how large.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// True for a volume that is no boot disk: it goes only with consent by name.
    pub holds_data: bool,
    /// True if it is on its way out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// Why it must stay although it is ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stays: Option<String>,
    /// What must stay as long as it is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Ref>,
}

impl Leftover {
    /// It in a sentence: `port default-demo-port (1b2c…)`.
    pub fn said(&self) -> String {
        match self.name.as_str() {
            "" => format!("{} {}", self.it.kind, self.it.id),
            name if name == self.it.id => format!("{} {name}", self.it.kind),
            name => format!("{} {name} ({})", self.it.kind, self.it.id),
        }
    }
}

/// Something that is not ours and stands on something marked, or would be changed by its deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outsider {
    /// What it is, with its name and id: `port web (1b2c…) of server 9a3d…`.
    pub said: String,
    /// Its id.
    pub id: String,
    /// The marked things that it stands on.
    pub on: Vec<Ref>,
    /// Things that take it along when they go, so that it is in nobody's way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goes_with: Vec<Ref>,
}

/// A list that this login may not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unseen {
    /// What it would have listed.
    pub kind: Kind,
    /// The service's words.
    pub why: String,
}
