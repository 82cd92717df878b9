//! The Kubernetes operator: a thin loop that calls [`paas_core::pipeline::Pipeline::advance`] once per reconcile.
//!
//! ```text
//! watch (objects as they are, even broken ones) ─► queue ─► reconcile, one object at a time, so many at once
//!     fresh?  ─► read  ─► paused?  ─► finalizer  ─► one pass  ─► status, events, requeue: pure functions of (object, verdict, now)
//! ```
//!
//! [`Operator`] is for programs that embed the controllers; they bring [`Engines`], which make the pipeline of an object. The program
//! `paas-operator` is [`main`].
//!
//! # Laws
//! - The finalizer [`FINALIZER`] is set before the first effect, and goes when an observe lists nothing of the object any more.
//! - One reconcile makes one pass. Who may write is asked before each step ([`lease`]).
//! - An object that cannot be read stops nobody else; it says so itself, in the log and in the metrics.
//! - A converged object is observed and nothing is written ([`status`]).
//! - What is read from a cache is never older than what this operator wrote itself.

#[cfg(feature = "run")]
pub mod args;
#[cfg(feature = "run")]
mod backup;
#[cfg(feature = "run")]
mod calls;
pub mod codes;
#[cfg(feature = "run")]
pub mod condition;
#[cfg(feature = "run")]
mod consent;
#[cfg(feature = "run")]
mod context;
#[cfg(feature = "run")]
mod database;
#[cfg(feature = "run")]
pub mod engines;
#[cfg(feature = "run")]
mod events;
#[cfg(feature = "run")]
mod finalizer;
#[cfg(feature = "run")]
mod fresh;
#[cfg(feature = "run")]
mod health;
#[cfg(feature = "run")]
mod hold;
#[cfg(feature = "run")]
mod holdings;
#[cfg(feature = "run")]
mod identity;
#[cfg(feature = "install")]
pub mod install;
#[cfg(feature = "run")]
pub mod lease;
#[cfg(feature = "run")]
pub mod metrics;
#[cfg(feature = "run")]
mod namespaces;
#[cfg(feature = "run")]
mod object;
#[cfg(feature = "run")]
mod platform;
#[cfg(feature = "run")]
mod process;
#[cfg(feature = "run")]
mod reconcile;
#[cfg(feature = "run")]
mod refusal;
#[cfg(feature = "run")]
pub mod run;
#[cfg(feature = "run")]
pub mod status;
#[cfg(feature = "run")]
mod telemetry;
#[cfg(feature = "otel")]
mod traces;
#[cfg(feature = "run")]
mod watch;

#[cfg(feature = "run")]
pub use engines::{DatabaseFacts, Engine, Engines, PlatformFacts};
#[cfg(feature = "run")]
pub use run::{Operator, Settings};

/// The finalizer of objects that have something outside.
pub const FINALIZER: &str = "paas.rs/retire";

/// The annotation that stops passes over an object while it is there and not `false`.
pub const PAUSED: &str = "paas.rs/paused";

/// The annotation with the hash of `status.blocked`, which agrees to these steps.
pub const CONSENT: &str = "paas.rs/consent";

/// The annotation that takes over what somebody else made for the object, with its uid: a Cluster of CloudNativePG of the same name.
#[cfg(feature = "run")]
pub const ADOPT: &str = paas_core::database::cnpg::ADOPT;

/// The annotation that gives every user another password, once for each word that it says.
pub const ROTATE: &str = "paas.rs/rotate";

/// The annotation that says for how many seconds the former password still works after a rotation.
pub const ROTATE_OVERLAP: &str = "paas.rs/rotate-overlap";

/// The annotation that restarts the servers, once for each word that it says.
pub const RESTART: &str = "paas.rs/restart";

/// The annotation that makes a standby the primary, once for each text: the server's name, and after a blank any word.
pub const SWITCHOVER: &str = "paas.rs/switchover";

/// The field manager of what the operator writes into the objects of people: finalizer and status. What it makes beside them is
/// written as [`paas_core::kube::MANAGER`]; one name for both would take the spec for its own.
pub const FIELD_MANAGER: &str = "paas-operator";

/// Runs the program `paas-operator` by its arguments.
#[cfg(feature = "run")]
pub fn main() -> std::process::ExitCode {
    args::main()
}
