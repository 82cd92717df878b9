//! The platform on this machine: PostgreSQL as plain processes, without containers and without root.

pub mod account;
pub mod build;
pub mod codes;
pub mod config;
pub mod data;
mod files;
pub mod home;
pub mod lock;
pub mod mark;
pub mod port;
pub mod postmaster;
mod proc;
