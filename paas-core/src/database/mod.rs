//! Talking to a PostgreSQL, wherever it runs.

pub mod codes;
pub mod connection;
pub mod session;
