//! Time, injected: the engine never asks the system what time it is (law 10).

use std::{
    fmt,
    sync::OnceLock,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::Timestamp;

/// Where time comes from.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now, in UTC.
    fn now(&self) -> Timestamp;
    /// How long this clock has run. It never goes back, also when the time is set: waits are measured with it, and nothing else.
    fn elapsed(&self) -> Duration;
    /// Waits; dropping the future cancels the wait.
    async fn sleep(&self, time: Duration);
}

/// The system's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where time enters")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where time is measured")]
    fn elapsed(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where waiting happens")]
    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
