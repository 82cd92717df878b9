//! What runs: the database software, its version, its runtime and its size.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Cpu, Quantity, document::text_or_integer};

/// The database software and its version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.type == oldSelf.type", "fieldPath": ".type",
     "message": "an instance cannot change its engine; make a new DatabaseInstance"},
]))]
pub struct Engine {
    /// The database software.
    #[serde(rename = "type", default)]
    pub type_: EngineType,
    /// A major version such as 18, or an exact one such as "18.4"; left out, the newest that is at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<EngineVersion>,
}

/// The database software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum EngineType {
    /// PostgreSQL.
    #[default]
    #[serde(rename = "PostgreSQL")]
    PostgreSql,
}

/// A major version, or major and minor: `18`, `18.4`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EngineVersion(String);

impl EngineVersion {
    /// The major version.
    pub fn major(&self) -> u32 {
        self.0.split('.').next().and_then(|m| m.parse().ok()).unwrap_or(0)
    }

    /// The minor version, if one is asked for.
    pub fn minor(&self) -> Option<u32> {
        self.0.split_once('.').and_then(|(_, m)| m.parse().ok())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EngineVersion {
    type Err = EngineVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |s: &str, n: std::ops::RangeInclusive<usize>| {
            n.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit())
        };
        let (major, minor) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
        let fits = digits(major, 2..=2) && !major.starts_with('0') && minor.is_none_or(|m| digits(m, 1..=2));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(EngineVersionError(text.to_owned()))
        }
    }
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a version: write a major version such as 18, or an exact one in quotes such as \"18.4\""
)]
pub struct EngineVersionError(String);

impl fmt::Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EngineVersion {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        text_or_integer(d)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for EngineVersion {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EngineVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true, "maxLength": 5, "pattern": r"^[1-9][0-9](\.[0-9]{1,2})?$",
            "minimum": 10, "maximum": 99,
            "x-paas-help": "a major version such as 18, or an exact one in quotes such as \"18.4\"",
        })
    }
}

/// What runs the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Runtime {
    /// What fits the platform; the choice is kept in status.runtime.
    #[default]
    Auto,
    /// The CloudNativePG operator in a cluster: replicas, failover, backups.
    CloudNativePG,
    /// One plain server in a cluster.
    StatefulSet,
    /// One server as a process of this machine.
    Process,
    /// The managed PostgreSQL Flex of STACKIT.
    StackitFlex,
}

/// A ready-made size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// A quarter of a processor, 512Mi of memory.
    Dev,
    /// One processor, 2Gi of memory.
    Small,
    /// Two processors, 8Gi of memory.
    Medium,
}

impl Plan {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Dev, Self::Small, Self::Medium];

    /// The word for it in a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Small => "small",
            Self::Medium => "medium",
        }
    }

    /// What the plan stands for.
    pub fn resources(self) -> Resources {
        let (cpu, memory) = match self {
            Self::Dev => ("250m", "512Mi"),
            Self::Small => ("1", "2Gi"),
            Self::Medium => ("2", "8Gi"),
        };
        Resources {
            cpu: cpu.parse().ok(),
            memory: memory.parse().ok(),
        }
    }
}

/// Processors and memory of each server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// Processors: 2, "0.5" or 500m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory: 2Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}
