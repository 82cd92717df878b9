//! The reconcile engine, the user's words and the platform on this machine.
//!
//! One picture: a spec gives wanted resources ([`driver::Driver::desired`], pure); an [`actuator::Actuator`] observes what bears our
//! mark; [`plan::plan`] decides, synchronously; [`execute::execute`] carries out one pass, one call a step; and again. There is no
//! workflow log and no state file that truth depends on: the outside world is the state.
//!
//! # Laws
//! 1. One step, one mutating call, and the call itself carries the mark. [`actuator`]
//! 2. Observe is total, or an error. [`actuator`]
//! 3. Two live resources for one key stop everything, with both ids. [`plan`]
//! 4. No blind retry of a create; an intent before the call, and a grace before it is sent again. [`ledger`]
//! 5. Delete walks discovery, not memory; only what is ours goes. [`plan`]
//! 6. Precious things go with consent bound to name and uid, else never. [`policy`]
//! 7. What was shown is what may happen. [`policy::Agreed`]
//! 8. Every state has a reason, since when, what it waits for and a deadline. [`pipeline::Outcome`]
//! 9. A secret is a type, stored before its use; everything else holds references. [`secrets`]
//! 10. One writer; time and chance are injected. [`execute::Fence`], [`clock`]
//! 11. Idle costs one look and writes nothing. [`pipeline`]
//! 12. Dependencies point one way.

pub mod actuator;
pub mod check;
pub mod clock;
pub mod codes;
#[cfg(feature = "crd")]
pub mod crd;
pub mod driver;
pub mod durable;
pub mod error;
pub mod event;
pub mod execute;
pub mod graph;
pub mod inventory;
pub mod ledger;
pub mod names;
pub mod owner;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod render;
pub mod resource;
pub mod secrets;
pub mod spec;
pub mod step;
pub mod view;

#[cfg(feature = "database")]
pub mod database;
#[cfg(feature = "installer")]
pub mod installer;
#[cfg(feature = "kube")]
pub mod kube;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timeline;
