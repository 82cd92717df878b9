//! Speaking to a cloud: one token for many tasks, every call with its deadline, its retries and its error.

pub mod service;
