//! Taking a platform down on the fake cloud: what its cluster made goes with it, what others have in it is named, and the proof is a
//! listing without anything of ours.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and shows what happened"
)]

mod balancer;
mod cluster;
mod credential;
mod interrupted;
mod place;
