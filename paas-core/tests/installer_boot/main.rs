//! First boots of a cluster's machines: what they are told, that it holds together, and where its secrets are.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail, and says when it did not run"
)]

mod goldens;
mod judges;
mod login;
mod pki;
mod progress;
mod refusals;
mod secrets;
mod shapes;
