//! What can stand in the way of an upgrade, or is worth knowing before it.

use std::fmt;

use serde::Serialize;

use crate::local::disk::human;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Finding {
    /// The wanted major is not newer than the data's.
    NotNewer {
        /// The data's.
        is: u32,
        /// The wanted one.
        wanted: u32,
    },
    /// Neither here nor to be fetched.
    NoBuild {
        /// The builds that are here.
        here: Vec<String>,
    },
    /// The build will be fetched; what its extensions are is seen then.
    WillFetch {
        /// Its major.
        major: u32,
    },
    /// There is no room for a second copy.
    NoRoom {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// An earlier upgrade's old data is still kept, and two ways back are one too many.
    KeptBefore {
        /// Its major.
        major: u32,
    },
    /// The new build does not have an extension that is used.
    NoExtension {
        /// The database that uses it.
        database: String,
        /// Its name.
        extension: String,
    },
    /// The new build refuses the declared parameters.
    Parameters {
        /// Its words.
        words: String,
    },
    /// Transactions wait for their second phase; no copy can take them over.
    PreparedTransactions {
        /// How many.
        count: i64,
    },
    /// Replication slots do not survive.
    ReplicationSlots {
        /// Their names.
        names: Vec<String>,
    },
    /// Data outside of the data directory is not copied.
    Tablespaces {
        /// Their names.
        names: Vec<String>,
    },
    /// Columns hold numbers of catalog rows, which pg_upgrade cannot keep: the data is dumped and loaded instead.
    CatalogNumbers {
        /// The database.
        database: String,
        /// How many columns.
        columns: i64,
    },
    /// The server does not answer, so it cannot be looked into.
    NotRunning {
        /// Why.
        words: String,
    },
    /// Others are connected; they will be cut off.
    Connections {
        /// How many.
        count: i64,
    },
    /// There is time for a backup.
    BackUpFirst,
}

impl Finding {
    /// True if the upgrade cannot begin.
    pub fn blocks(&self) -> bool {
        match self {
            Self::WillFetch { .. }
            | Self::Connections { .. }
            | Self::CatalogNumbers { .. }
            | Self::BackUpFirst => false,
            Self::NotNewer { .. }
            | Self::NoBuild { .. }
            | Self::NoRoom { .. }
            | Self::KeptBefore { .. }
            | Self::NoExtension { .. }
            | Self::Parameters { .. }
            | Self::PreparedTransactions { .. }
            | Self::ReplicationSlots { .. }
            | Self::Tablespaces { .. }
            | Self::NotRunning { .. } => true,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNewer { is, wanted } => {
                write!(f, "the data is of version {is}, and {wanted} is not newer")
            }
            Self::NoBuild { here } if here.is_empty() => {
                f.write_str("there is no PostgreSQL here, and none may be fetched")
            }
            Self::NoBuild { here } => write!(
                f,
                "the wanted version is not here, and it may not be fetched; here: {}",
                here.join(", ")
            ),
            Self::WillFetch { major } => write!(
                f,
                "PostgreSQL {major} will be fetched; its extensions are looked at then"
            ),
            Self::NoRoom { needed, free } => {
                write!(
                    f,
                    "a second copy needs {}, and {} are free",
                    human(*needed),
                    human(*free)
                )
            }
            Self::KeptBefore { major } => {
                write!(
                    f,
                    "the data of version {major} is still kept from an earlier upgrade: give it up with --forget-old first"
                )
            }
            Self::NoExtension { database, extension } => {
                write!(
                    f,
                    "the database {database} uses the extension {extension}, which the new build does not have"
                )
            }
            Self::Parameters { words } => {
                write!(f, "the new version refuses the declared parameters: {words}")
            }
            Self::PreparedTransactions { count } => {
                write!(
                    f,
                    "{count} prepared transactions wait: commit them or roll them back (see pg_prepared_xacts)"
                )
            }
            Self::ReplicationSlots { names } => write!(
                f,
                "there are replication slots, which would be lost: {}",
                names.join(", ")
            ),
            Self::Tablespaces { names } => write!(
                f,
                "there are tablespaces, which are not copied: {}",
                names.join(", ")
            ),
            Self::CatalogNumbers { database, columns } => {
                write!(
                    f,
                    "{columns} columns of {database} hold catalog numbers (reg… types), so the data is dumped and loaded"
                )
            }
            Self::NotRunning { words } => write!(f, "the server does not answer: {words}"),
            Self::Connections { count } => write!(f, "{count} connections of others will be cut off"),
            Self::BackUpFirst => f.write_str("a backup made now is a second way back"),
        }
    }
}
