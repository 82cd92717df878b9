//! What is done to a server once because somebody asked for it, and is no state that could be wanted.

use async_trait::async_trait;

use crate::error::Result;

/// What an engine does when it is asked to.
///
/// Laws: each act says what it wants of the servers and returns; that it is done is seen by looking at them. The same act said again,
/// with the same word or name, changes nothing. One that cannot be done here fails with an error that does not pass by itself
/// ([`crate::error::Error::may_pass`]).
#[async_trait]
pub trait Acts: Send + Sync {
    /// Restarts the servers, one after another, the primary last. Another `word` is another restart.
    ///
    /// # Errors
    /// Those of the API server.
    async fn restart(&self, word: &str) -> Result<()>;

    /// Makes the standby of that name the primary.
    ///
    /// # Errors
    /// There is no such standby, it is not ready, or those of the API server.
    async fn switchover(&self, server: &str) -> Result<()>;
}
