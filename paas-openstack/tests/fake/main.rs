//! The fake cloud, asked with plain HTTP: none of our own client is in the way.

mod asked;
mod balancer;
mod core;
mod image;
mod keystone;
mod network;
mod nova;
mod volume;
