//! Backups of instances on this machine, with the server's own programs alone.
//!
//! A backup is a copy of the data directory, the write-ahead log that makes it consistent, and a manifest with the digest of every file.
//! It is built beside its place and moved there in one rename, so what is listed as good is whole. It outlives its instance.
//!
//! A running server is copied in PostgreSQL's backup mode, which ends with its session; a temporary replication slot of the same session
//! keeps the log. So nothing is left in the server when this program dies. Passwords are not taken along: a restored instance gets its own.
//!
//! ```no_run
//! # async fn f(demo: paas_core::local::instance::LocalInstance) -> paas_core::error::Result<()> {
//! use paas_core::local::{backup::{self, Cause}, instance::LocalInstance};
//!
//! let backup = backup::take(&demo, Cause::Asked).await?;
//! let again = LocalInstance::new(demo.machine().clone(), "default", "again", backup.spec()?);
//! backup::restore(&again, &backup).await?;
//! again.up().await?;
//! # Ok(()) }
//! ```

mod aside;
mod chore;
mod control;
mod copy;
mod manifest;
mod object;
pub(super) mod origin;
mod restore;
mod schedule;
mod source;
mod store;
mod take;
mod tend;
mod verify;
mod wal;

pub use chore::Scheduled;
pub use manifest::{Cause, Entry, FILE, Manifest};
pub use object::{BackupDriver, Once};
pub use restore::{clone, restore};
pub use schedule::{Kept, due, expired, next};
pub use store::{Backup, State, Store};
pub use take::take;
pub use tend::{Tended, tend};
pub use verify::{Verified, verify};

use super::codes::{LOC_BACKUP, LOC_RESTORE};
use crate::error::{Class, Error};

/// A backup that cannot be made.
fn cannot(why: String) -> Error {
    Error::new(&LOC_BACKUP, Class::Blocked)
        .attempted("back up an instance")
        .happened(why)
}

/// A restore that cannot be done.
fn cannot_restore(to: &str, why: String) -> Error {
    Error::new(&LOC_RESTORE, Class::Blocked)
        .attempted(format!("restore into {to}"))
        .happened(why)
}
