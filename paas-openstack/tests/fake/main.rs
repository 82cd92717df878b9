//! The fake cloud, asked with plain HTTP: none of our own client is in the way.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod asked;
mod balancer;
mod core;
mod image;
mod keystone;
mod network;
mod nova;
mod volume;
