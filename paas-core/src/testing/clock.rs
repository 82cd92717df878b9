//! Time that passes only when somebody waits for it.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use super::locked;
use crate::{clock::Clock, ledger::later};

/// A clock that stands still until somebody sleeps; a sleep moves it at once.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock at a time.
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Lets time pass.
    pub fn advance(&self, time: Duration) {
        let mut now = locked(&self.0);
        *now = later(*now, time);
    }
}

impl Default for ManualClock {
    /// At 2001-09-09T01:46:40Z, a time that is easy to know again.
    fn default() -> Self {
        Self::at(Timestamp::from_second(1_000_000_000).unwrap_or_default())
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *locked(&self.0)
    }

    async fn sleep(&self, time: Duration) {
        self.advance(time);
        // Others get their turn, as they would while somebody really sleeps.
        tokio::task::yield_now().await;
    }
}
