//! How something of the cloud is chosen: by name, by id, or by what it must have.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A choice as the user made it; which thing it is, the cloud tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Choice {
    /// A name, or an id where the text is one.
    Named(String),
    /// The only one there is.
    Only,
    /// The smallest flavor with at least this.
    AtLeast {
        /// Virtual processors.
        cpus: u32,
        /// Memory, in MiB.
        memory: u32,
        /// Root disk, in GiB; zero for machines whose root is a volume.
        disk: u32,
    },
    /// The newest image whose property `os_distro`, or else whose name, says one of these distributions, the first that there is.
    Newest {
        /// Distributions: `ubuntu`, `debian`.
        distros: Vec<String>,
    },
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Only => f.write_str("the only one"),
            Self::AtLeast { cpus, memory, disk } => {
                write!(f, "at least {cpus} CPUs, {memory} MiB, {disk} GiB")
            }
            Self::Newest { distros } => write!(f, "the newest of {}", distros.join(" or ")),
        }
    }
}
