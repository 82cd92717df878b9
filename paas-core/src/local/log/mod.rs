//! A server's log: what the lines of `postgres.log` say, the end of it, and what is added while somebody looks.
//!
//! The server writes it itself, by the prefix that [`super::config`] gives it, which [`Parser`] knows.

mod limit;
mod tail;

pub use crate::database::log::{Entry, Parser};
pub use limit::LogLimit;
pub use tail::{Log, Tail};

use crate::database::log::LIMIT;
