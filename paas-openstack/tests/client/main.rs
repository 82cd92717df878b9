//! The client, exchange by exchange: wiremock where an answer is enough, a bare socket where the connection itself misbehaves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it missed and stops"
)]

mod bad_input;
mod canary;
mod connections;
mod endpoints;
mod errors;
mod login;
mod pages;
mod retries;
mod support;
