//! Objects of the three kinds, and a document that holds one of them.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned},
    ser::SerializeStruct,
};
use serde_json::{Map, Value};

use super::{API_VERSION, DatabaseBackupSpec, DatabaseInstanceSpec, Meta, PlatformSpec};

/// The kinds of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Infrastructure, a Kubernetes cluster on it, and addons.
    Platform,
    /// One managed database.
    DatabaseInstance,
    /// One backup, run once.
    DatabaseBackup,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Platform, Self::DatabaseInstance, Self::DatabaseBackup];

    /// As it stands in `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "Platform",
            Self::DatabaseInstance => "DatabaseInstance",
            Self::DatabaseBackup => "DatabaseBackup",
        }
    }

    /// As it stands in URLs and on kubectl's command line.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Platform => "platforms",
            Self::DatabaseInstance => "databaseinstances",
            Self::DatabaseBackup => "databasebackups",
        }
    }

    /// For kubectl's command line.
    pub fn short(self) -> &'static str {
        match self {
            Self::Platform => "pf",
            Self::DatabaseInstance => "dbi",
            Self::DatabaseBackup => "dbb",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|k| k.as_str() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// A kind that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not one of Platform, DatabaseInstance, DatabaseBackup")]
pub struct UnknownKind(pub String);

/// The spec of one kind.
pub trait Spec:
    Serialize + DeserializeOwned + JsonSchema + Clone + PartialEq + fmt::Debug + Send + Sync
{
    /// The kind whose spec this is.
    const KIND: Kind;
}

impl Spec for PlatformSpec {
    const KIND: Kind = Kind::Platform;
}

impl Spec for DatabaseInstanceSpec {
    const KIND: Kind = Kind::DatabaseInstance;
}

impl Spec for DatabaseBackupSpec {
    const KIND: Kind = Kind::DatabaseBackup;
}

/// One object: who it is and what is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<S> {
    /// Name, namespace, labels.
    pub metadata: Meta,
    /// What is wanted.
    pub spec: S,
}

impl<S: Spec> Serialize for Object<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut object = serializer.serialize_struct("Object", 4)?;
        object.serialize_field("apiVersion", API_VERSION)?;
        object.serialize_field("kind", S::KIND.as_str())?;
        object.serialize_field("metadata", &self.metadata)?;
        object.serialize_field("spec", &self.spec)?;
        object.end()
    }
}

/// An object of any of the kinds.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// Infrastructure, a Kubernetes cluster on it, and addons.
    Platform(Object<PlatformSpec>),
    /// One managed database.
    DatabaseInstance(Object<DatabaseInstanceSpec>),
    /// One backup, run once.
    DatabaseBackup(Object<DatabaseBackupSpec>),
}

impl Document {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Platform(_) => Kind::Platform,
            Self::DatabaseInstance(_) => Kind::DatabaseInstance,
            Self::DatabaseBackup(_) => Kind::DatabaseBackup,
        }
    }

    /// Its metadata.
    pub fn metadata(&self) -> &Meta {
        match self {
            Self::Platform(o) => &o.metadata,
            Self::DatabaseInstance(o) => &o.metadata,
            Self::DatabaseBackup(o) => &o.metadata,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.metadata().name
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.metadata().namespace
    }

    /// The document as a JSON object with `apiVersion`, `kind`, `metadata` and `spec`.
    pub fn to_json(&self) -> Value {
        // Only maps with text keys, text, numbers and lists occur: this conversion has nothing to fail on.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// The document as YAML, in block style.
    #[cfg(feature = "load")]
    pub fn to_yaml(&self) -> String {
        let json = self.to_json();
        // JSON is YAML too: the same document, less pleasant to read.
        serde_saphyr::to_string(&json).unwrap_or_else(|_| json.to_string())
    }
}

impl Serialize for Document {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        match self {
            Self::Platform(o) => o.serialize(serializer),
            Self::DatabaseInstance(o) => o.serialize(serializer),
            Self::DatabaseBackup(o) => o.serialize(serializer),
        }
    }
}

/// Metadata that a cluster adds and nobody writes; it is let through and forgotten.
const FROM_THE_CLUSTER: [&str; 7] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
];

/// Takes away what an object has when it comes back from a cluster and what a description does not have: its status and
/// the metadata that the cluster keeps.
pub(super) fn forget_cluster_fields(object: &mut Map<String, Value>) {
    object.shift_remove("status");
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.retain(|key, _| !FROM_THE_CLUSTER.contains(&key.as_str()));
    }
}

/// Reads an object of one of our kinds; what a cluster added to it is forgotten. The spec is read, not judged: see
/// `validate`.
impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Raw {
            api_version: String,
            kind: String,
            metadata: Meta,
            spec: Value,
        }
        let mut map = Map::deserialize(d)?;
        forget_cluster_fields(&mut map);
        let raw: Raw = serde_json::from_value(Value::Object(map)).map_err(de::Error::custom)?;
        if raw.api_version != API_VERSION {
            return Err(de::Error::custom(format!(
                "apiVersion is {:?} instead of {API_VERSION:?}",
                raw.api_version
            )));
        }
        let kind: Kind = raw.kind.parse().map_err(de::Error::custom)?;
        Ok(match kind {
            Kind::Platform => Self::Platform(object(raw.metadata, raw.spec)?),
            Kind::DatabaseInstance => Self::DatabaseInstance(object(raw.metadata, raw.spec)?),
            Kind::DatabaseBackup => Self::DatabaseBackup(object(raw.metadata, raw.spec)?),
        })
    }
}

fn object<S: Spec, E: de::Error>(metadata: Meta, spec: Value) -> Result<Object<S>, E> {
    Ok(Object {
        metadata,
        spec: serde_json::from_value(spec).map_err(de::Error::custom)?,
    })
}

/// Reads a text, or a whole number as its text: the two forms that `x-kubernetes-int-or-string` lets through.
pub(super) fn text_or_integer<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a whole number")]
    enum Either {
        Integer(i64),
        Text(String),
    }
    Ok(match Either::deserialize(d)? {
        Either::Integer(n) => n.to_string(),
        Either::Text(s) => s,
    })
}
