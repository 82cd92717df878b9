//! Talking to a PostgreSQL, wherever it runs.

pub mod codes;
