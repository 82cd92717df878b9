//! Kubernetes objects as resources of the engine: written by server-side apply, found by a label, judged by their metadata.
//!
//! An object of ours bears the label [`OWNER`] with the owner's uid, which one list a kind finds, and the annotations [`KEY`],
//! [`APPLIED`] and [`NEEDS`]. Whether somebody else changed what we wrote is told by `managedFields`: a field that is no longer
//! ours was changed or removed ([`ownership`]). So a list of metadata suffices, and no memory of ours is needed for it.

pub mod codes;
pub mod kind;
pub mod names;
pub mod object;
pub mod ownership;

pub use kind::ObjectKind;
pub use object::{KubeObject, Seen};

/// The field manager of everything that we write.
pub const MANAGER: &str = "paas";

/// The label with the owner's uid: the mark.
pub const OWNER: &str = "paas.rs/owner";

/// The annotation with the key inside the owner.
pub const KEY: &str = "paas.rs/key";

/// The annotation with the fingerprint of what was wanted when the object was applied last ([`KubeObject::fingerprint`]).
pub const APPLIED: &str = "paas.rs/applied";

/// The annotation with the keys that the object needs, as [`KubeObject::needs_text`] writes them; it tells the order of deletion.
pub const NEEDS: &str = "paas.rs/needs";
