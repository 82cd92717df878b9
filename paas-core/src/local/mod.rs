//! The platform on this machine: PostgreSQL as plain processes, without containers and without root.

pub mod account;
pub mod actuator;
pub mod backup;
pub mod binding;
pub mod build;
pub mod check;
pub mod codes;
pub mod config;
mod control;
mod copy;
pub mod data;
pub mod doctor;
pub mod driver;
#[cfg(feature = "local-download")]
pub mod fetch;
pub(crate) mod files;
pub mod home;
pub mod instance;
pub mod lock;
pub mod machine;
pub mod mark;
pub mod port;
pub mod postmaster;
pub(crate) mod proc;
pub(crate) mod program;
pub mod resource;
pub mod retained;
pub mod service;
pub mod sizing;
pub mod storage;
pub mod supervise;
mod taken_down;
pub mod template;
pub mod tls;
pub mod upgrade;
mod verifier;
