//! Parts for tests of engines, drivers and actuators: public, so that third parties hold theirs to the same laws.
//!
//! - [`Memory`] is a stateful cloud in memory, [`Thing`] what is in it, [`ManualClock`] a clock that never makes a test wait.
//! - [`Faulty`] injects one fault at one call, [`Counting`] counts calls, [`CountedLedger`] counts writes.
//! - [`conformance`] checks the laws of [`crate::actuator::Actuator`] on any actuator, given a [`Fixture`].
//! - [`stores`] checks those of [`crate::ledger::LedgerStore`] and [`crate::secrets::SecretStore`].
//! - `postgres()`, with the feature `local`, is an isolated database of a real PostgreSQL for each test.
//! - `kube::control_plane()`, with the features `kube` and `local`, is a real Kubernetes API server with a namespace for each test.
//! - `machines`, with the features `installer` and `local`, plays the machines that a cluster is made of.
//! - `faults`, with the feature `kube`, breaks the calls and watches of any kube client, or of any program by a proxy.
//! - [`matrix`] breaks every call of a run in every way and asks whether it still ends well.

mod clock;
pub mod conformance;
mod counting;
#[cfg(feature = "kube")]
pub mod faults;
mod faulty;
mod fixed;
mod fixture;
#[cfg(all(feature = "kube", feature = "local"))]
pub mod kube;
#[cfg(all(feature = "installer", feature = "local"))]
pub mod machines;
pub mod matrix;
mod memory;
#[cfg(feature = "local")]
mod place;
#[cfg(feature = "local")]
pub mod postgres;
pub mod shapes;
pub mod stores;
mod thing;

pub use clock::ManualClock;
pub use counting::{CountedLedger, Counting, Counts};
pub use faulty::{Call, Fault, Faulty, Fuse};
pub use fixed::{Fixed, tools};
pub use fixture::{Fixture, Outside, Variant, World};
pub use memory::{Memory, Pace};
#[cfg(feature = "local")]
pub use postgres::{postgres, postgres_blocking, postgres_blocking_with, postgres_with};
pub use thing::Thing;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock whose holder panicked in a test still guards plain data.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
