//! Time that passes only when somebody waits for it.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use super::locked;
use crate::{clock::Clock, ledger::later};

/// A clock that stands still until somebody sleeps; a sleep moves it at once.
#[derive(Debug)]
pub struct ManualClock(Mutex<State>);

#[derive(Debug)]
struct State {
    now: Timestamp,
    elapsed: Duration,
}

impl ManualClock {
    /// A clock at a time.
    pub fn at(now: Timestamp) -> Self {
        let elapsed = Duration::ZERO;
        Self(Mutex::new(State { now, elapsed }))
    }

    /// Lets time pass.
    pub fn advance(&self, time: Duration) {
        let mut state = locked(&self.0);
        state.now = later(state.now, time);
        state.elapsed += time;
    }

    /// Sets the time, back or forth, as a person or a time server does. No time passes by that.
    pub fn set(&self, now: Timestamp) {
        locked(&self.0).now = now;
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
        locked(&self.0).now
    }

    fn elapsed(&self) -> Duration {
        locked(&self.0).elapsed
    }

    async fn sleep(&self, time: Duration) {
        self.advance(time);
        // Others get their turn, as they would while somebody really sleeps.
        tokio::task::yield_now().await;
    }
}
