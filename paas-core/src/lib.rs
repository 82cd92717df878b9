//! The reconcile engine, the user's words and the platform on this machine.
pub mod clock;
pub mod codes;
pub mod error;
pub mod spec;
