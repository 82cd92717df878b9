//! How a server is reached where its address is none that this program can connect to.

use std::fmt;

use async_trait::async_trait;
use tokio::io::DuplexStream;

use crate::error::Result;

/// Opens ways to the port of one server.
///
/// Laws: each call opens another way; it ends within seconds of its own accord, with a way or an error; whoever moves the bytes at the
/// other end of the pipe stops when this end is dropped.
#[async_trait]
pub trait Dial: fmt::Debug + Send + Sync {
    /// Opens a way.
    ///
    /// # Errors
    /// `PAAS-PG-0001` if the server cannot be reached so, or what else stands in the way.
    async fn dial(&self) -> Result<DuplexStream>;
}
