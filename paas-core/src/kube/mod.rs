//! Kubernetes objects as resources of the engine: written by server-side apply, found by a label, judged by their metadata.
//!
//! An object of ours bears the label [`OWNER`] with the owner's uid, which one list a kind finds, and the annotations [`KEY`],
//! [`APPLIED`] and [`NEEDS`]. Whether somebody else changed what we wrote is told by `managedFields`: a field that is no longer
//! ours was changed or removed ([`ownership`]). So a list of metadata suffices, and no memory of ours is needed for it.
//!
//! - [`KubeActuator`] are the hands, over a [`kube::Client`]; [`access`] makes one that repeats nothing that changes something.
//! - [`KubeLedger`] and [`KubeSecrets`] keep intents and secrets in the cluster itself.

pub mod access;
mod actuator;
mod around;
#[cfg(feature = "database")]
mod bindings;
#[cfg(feature = "database")]
pub mod bound;
mod call;
#[cfg(feature = "database")]
pub mod check;
pub mod codes;
mod compare;
mod deadline;
pub mod declare;
pub mod declared;
pub mod fault;
#[cfg(feature = "database")]
pub mod forward;
pub mod happenings;
mod hide;
pub mod kind;
mod ledger;
#[cfg(feature = "database")]
pub mod logs;
mod manifest;
pub mod names;
pub mod object;
mod observe;
pub mod ownership;
pub mod presence;
mod secrets;
pub mod servers;
pub mod standing;
pub mod wait;

pub use actuator::{KubeActuator, Namespaces};
pub use around::Around;
#[cfg(feature = "database")]
pub use bindings::KubeBindings;
#[cfg(feature = "database")]
pub use bound::Bound;
pub use declared::Declared;
#[cfg(feature = "database")]
pub use forward::Forward;
pub use kind::ObjectKind;
pub use ledger::KubeLedger;
pub use object::{KubeObject, Seen};
pub use secrets::KubeSecrets;

/// The field manager of everything that we write.
pub const MANAGER: &str = "paas";

/// The field manager of what we write once because somebody asked for it: it is no part of what is wanted, so it is not taken back.
pub const ASKED: &str = "paas-asked";

/// The label with the owner's uid: the mark.
pub const OWNER: &str = "paas.rs/owner";

/// The annotation with the key inside the owner.
pub const KEY: &str = "paas.rs/key";

/// The annotation with the fingerprint of what was wanted when the object was applied last ([`KubeObject::fingerprint`]).
pub const APPLIED: &str = "paas.rs/applied";

/// The annotation with the keys that the object needs, as [`KubeObject::needs_text`] writes them; it tells the order of deletion.
pub const NEEDS: &str = "paas.rs/needs";

/// The annotation of what holds data ([`KubeObject::holding_data`]): whoever finds it must know.
pub const DATA: &str = "paas.rs/holds-data";

/// The annotation with the owner as people know it: `DatabaseInstance/shop/db`.
pub const OBJECT: &str = "paas.rs/object";

/// The label of what is kept for an owner and is no resource: its ledger, its secrets.
pub const STORE: &str = "paas.rs/store";
