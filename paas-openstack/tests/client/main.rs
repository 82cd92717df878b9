//! The client, exchange by exchange: wiremock where an answer is enough, a bare socket where the connection itself misbehaves.

mod bad_input;
mod canary;
mod connections;
mod endpoints;
mod errors;
mod login;
mod pages;
mod retries;
mod support;
