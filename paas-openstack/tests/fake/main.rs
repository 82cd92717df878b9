//! The fake cloud, asked with plain HTTP: none of our own client is in the way.

mod asked;
mod core;
mod keystone;
