//! The platform on this machine: PostgreSQL as plain processes, without containers and without root.

pub mod account;
pub mod build;
pub mod codes;
mod files;
pub mod home;
pub mod lock;
pub mod mark;
