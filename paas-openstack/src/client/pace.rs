//! How many calls a cloud gets at once, and how fast: it is shared with others, and a controller in a loop is a polite guest.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use paas_core::clock::Clock;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A bound on calls at once, and a bucket of tokens for calls per second.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    slots: Semaphore,
    rate: Rate,
    bucket: Mutex<Bucket>,
}

/// A budget of calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Calls per second in the long run.
    pub per_second: f64,
    /// Calls that may come at once after a pause.
    pub burst: f64,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            per_second: 20.0,
            burst: 60.0,
        }
    }
}

#[derive(Debug)]
struct Bucket {
    /// Negative when calls are already waiting for tokens to come.
    tokens: f64,
    filled: Duration,
    closed_until: Duration,
}

impl Pace {
    pub(crate) fn new(clock: Arc<dyn Clock>, at_once: usize, rate: Rate) -> Self {
        let filled = clock.elapsed();
        Self {
            clock,
            slots: Semaphore::new(at_once.max(1)),
            rate,
            bucket: Mutex::new(Bucket {
                tokens: rate.burst,
                filled,
                closed_until: filled,
            }),
        }
    }

    /// Waits for a turn; the turn ends when the permit is dropped. `None` if it would come only after `left`.
    pub(crate) async fn turn(&self, left: Duration) -> Option<SemaphorePermit<'_>> {
        let began = self.clock.elapsed();
        let permit = self.slots.acquire().await.ok()?;
        let left = left.saturating_sub(self.clock.elapsed().saturating_sub(began));
        let wait = self.reserve(left)?;
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        Some(permit)
    }

    /// The cloud asked to slow down: nobody's turn comes before that time.
    pub(crate) fn pause(&self, time: Duration) {
        let until = self.clock.elapsed().saturating_add(time);
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.closed_until = bucket.closed_until.max(until);
    }

    fn reserve(&self, left: Duration) -> Option<Duration> {
        let now = self.clock.elapsed();
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = bucket.closed_until.saturating_sub(now);
        if self.rate.per_second <= 0.0 || !self.rate.per_second.is_finite() {
            return (closed < left).then_some(closed);
        }
        let came = now.saturating_sub(bucket.filled).as_secs_f64() * self.rate.per_second;
        bucket.filled = now;
        bucket.tokens = (bucket.tokens + came).min(self.rate.burst.max(1.0));
        let missing = (1.0 - bucket.tokens).max(0.0) / self.rate.per_second;
        let wait = closed.max(Duration::try_from_secs_f64(missing).unwrap_or(Duration::MAX));
        if wait >= left {
            return None;
        }
        bucket.tokens -= 1.0;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use paas_core::testing::ManualClock;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn calls_beyond_the_burst_come_at_the_rate() {
        let clock = Arc::new(ManualClock::default());
        let rate = Rate {
            per_second: 10.0,
            burst: 5.0,
        };
        let pace = Pace::new(clock.clone(), 4, rate);
        for _ in 0..5 {
            drop(pace.turn(LONG).await.unwrap());
        }
        assert_eq!(clock.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            drop(pace.turn(LONG).await.unwrap());
        }
        assert_eq!(clock.elapsed().as_millis(), 2000);
    }

    #[tokio::test]
    async fn when_the_cloud_asks_to_slow_down_everybody_waits() {
        let clock = Arc::new(ManualClock::default());
        let pace = Pace::new(clock.clone(), 4, Rate::default());
        pace.pause(Duration::from_secs(7));
        drop(pace.turn(LONG).await.unwrap());
        assert_eq!(clock.elapsed().as_secs(), 7);
    }

    #[tokio::test]
    async fn who_cannot_wait_so_long_is_not_made_to() {
        let clock = Arc::new(ManualClock::default());
        let pace = Pace::new(clock.clone(), 4, Rate::default());
        pace.pause(Duration::from_secs(86_400));
        assert!(pace.turn(LONG).await.is_none());
        assert_eq!(clock.elapsed(), Duration::ZERO);
    }
}
