//! What exists or should exist. No clients, no clocks, no async, no secret.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    codes::{self, Code},
    error::{Class, Error},
};

/// One thing in the outside world, as its driver wants it or as its actuator found it.
///
/// Laws:
/// - `diff` and `needs` are pure: the same values give the same answer.
/// - A field left out of the wanted value (`None`) is not ours to judge: it never appears in a diff.
/// - `x.diff(&x)` is [`Diff::Same`].
/// - No value holds a secret, only a [`crate::secrets::SecretRef`].
pub trait Resource: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The field's own word for it: `network`, `server`, `role`.
    fn kind(&self) -> &'static str;

    /// What must be there first.
    fn needs(&self) -> Vec<Need>;

    /// What would have to change so that `live` becomes what `self` asks for.
    fn diff(&self, live: &Self) -> Diff;

    /// True if it holds data that cannot be made again (law 6).
    fn precious(&self) -> bool {
        false
    }

    /// The group whose replacements are bounded by [`crate::policy::Policy::max_unavailable`].
    fn group(&self) -> Option<&str> {
        None
    }

    /// True if creating it twice is impossible by nature (same path, same PUT, unique tuple) and listings show it as soon as it is
    /// there: no intent is noted for it. Where listings may lag, leave it false: what was made and is no longer wanted would be
    /// overlooked.
    fn natural(&self) -> bool {
        false
    }

    /// True if it is gone as soon as its deletion is accepted, so that what it needed can go in the same pass, if that is such a thing too:
    /// everything else is deleted after a look.
    fn goes_at_once(&self) -> bool {
        false
    }

    /// True if the other side deletes it together with any one of the things that it is built on: where such a one goes for good, it goes
    /// along, without a call of its own. Only of what [goes at once](Resource::goes_at_once) and holds no data.
    fn goes_along(&self) -> bool {
        false
    }

    /// How long it may take to become ready or to leave before that is a failure of its own (law 8).
    fn patience(&self) -> Duration {
        Duration::from_secs(600)
    }

    /// What a plan and a status show; serializable, without secrets.
    fn view(&self) -> View;
}

/// What a resource shows of itself: an ordered JSON object without secrets.
pub type View = serde_json::Map<String, serde_json::Value>;

/// The stable name of a resource inside its owner: `network`, `server/workers-1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// Makes a key of `/`-separated segments of `[A-Za-z0-9._-]`.
    ///
    /// # Errors
    /// [`codes::CORE_NAME`] where a segment is empty or has another character, or the key is longer than 200 bytes.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
        let text = text.as_ref();
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.len() > 200 || text.split('/').any(|s| s.is_empty() || !s.chars().all(good)) {
            return Err(Error::new(&codes::CORE_NAME, Class::Invalid)
                .attempted("name a resource")
                .happened(format!(
                    "'{}' is not a key: segments of [A-Za-z0-9._-], joined by '/'",
                    text.escape_debug()
                )));
        }
        Ok(Self(text.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

/// Why one resource must come after another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Made of it: when that goes or is replaced, this goes with it.
    Built(Key),
    /// Only later than it.
    Order(Key),
}

impl Need {
    /// The key that is needed.
    pub fn key(&self) -> &Key {
        match self {
            Self::Built(k) | Self::Order(k) => k,
        }
    }
}

/// What stands between what is and what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Diff {
    /// Nothing to do.
    Same,
    /// Can be changed in place.
    Update(Vec<Change>),
    /// Must be made anew.
    Replace(Vec<Change>),
    /// Can neither be changed in place nor made anew without loss: a person or another spec is needed.
    Refuse {
        /// What differs.
        changes: Vec<Change>,
        /// The code that explains it.
        code: &'static Code,
    },
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The field's path in the view.
    pub field: String,
    /// What it is.
    pub from: String,
    /// What it will be.
    pub to: String,
    /// What the change brings with it: `restart`, `reload`, `a new address`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<String>,
}

impl Change {
    /// A change of one field.
    pub fn new(field: impl Into<String>, from: impl fmt::Display, to: impl fmt::Display) -> Self {
        Self {
            field: field.into(),
            from: from.to_string(),
            to: to.to_string(),
            brings: None,
        }
    }

    /// Says what the change brings with it.
    #[must_use]
    pub fn brings(mut self, what: impl Into<String>) -> Self {
        self.brings = Some(what.into());
        self
    }
}

/// How a live resource does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Health {
    /// Usable; what needs it may start.
    Ready,
    /// On its way to ready.
    Settling {
        /// What it waits for.
        why: String,
    },
    /// On its way out; its key is taken until it is gone.
    Leaving,
    /// Will not become ready by itself.
    Broken {
        /// The provider's own words.
        why: String,
        /// The code that explains it; `None` for [`codes::CORE_PROVIDER`].
        #[serde(skip)]
        code: Option<&'static Code>,
    },
}

impl Health {
    /// Broken for a reason that has no code of its own.
    pub fn broken(why: impl Into<String>) -> Self {
        let (why, code) = (why.into(), None);
        Self::Broken { why, code }
    }
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Made by us; bears our mark.
    Ours,
    /// Was there; taken over with the user's word.
    Adopted,
    /// Given by the user as it is; never changed or deleted.
    External,
    /// Made by what we made (a volume by the cluster's CSI driver); listed, deleted only when all goes.
    Derived,
}

/// A resource that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Live<R> {
    /// The provider's own id.
    pub id: String,
    /// What it looks like now.
    pub resource: R,
    /// How it does.
    pub health: Health,
    /// Whose it is.
    pub origin: Origin,
    /// True once it was ready: replacing it then needs consent (law 7).
    pub was_ready: bool,
    /// What somebody changed about it that no spec speaks of, and what it should be: a name, a machine that was switched off. The
    /// actuator's `update` brings it back by these very changes.
    pub drifted: Vec<Change>,
}

impl<R> Live<R> {
    /// Ours and ready.
    pub fn ready(id: impl Into<String>, resource: R) -> Self {
        Self {
            id: id.into(),
            resource,
            health: Health::Ready,
            origin: Origin::Ours,
            was_ready: true,
            drifted: Vec::new(),
        }
    }

    /// Ours and on its way to ready, never ready before.
    pub fn settling(id: impl Into<String>, resource: R, why: impl Into<String>) -> Self {
        let health = Health::Settling { why: why.into() };
        Self {
            id: id.into(),
            resource,
            health,
            origin: Origin::Ours,
            was_ready: false,
            drifted: Vec::new(),
        }
    }

    /// The same with another health; `Ready` is remembered.
    #[must_use]
    pub fn health(mut self, health: Health) -> Self {
        self.was_ready |= health == Health::Ready;
        self.health = health;
        self
    }

    /// The same with another origin.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The same, changed by somebody in a way that no spec speaks of.
    #[must_use]
    pub fn drifted(mut self, changes: impl IntoIterator<Item = Change>) -> Self {
        self.drifted.extend(changes);
        self
    }

    /// Why it is broken, if it is.
    pub fn broken(&self) -> Option<&str> {
        match &self.health {
            Health::Broken { why, .. } => Some(why),
            Health::Ready | Health::Settling { .. } | Health::Leaving => None,
        }
    }

    /// True if it can be used now.
    pub fn is_ready(&self) -> bool {
        self.health == Health::Ready
    }

    /// True if we may change or delete it (law 5).
    pub fn is_mine(&self) -> bool {
        matches!(self.origin, Origin::Ours | Origin::Adopted)
    }
}
