//! How often something broke in a row, and how long to wait before it is brought back once more.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What held for this long counts as mended.
const CALM: SignedDuration = SignedDuration::from_secs(60);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(300);

/// The count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Strikes {
    count: u32,
    last: Option<Timestamp>,
}

impl Strikes {
    /// One attempt more.
    pub(super) fn strike(&mut self, now: Timestamp) {
        self.count = self.count.saturating_add(1);
        self.last = Some(now);
    }

    /// It is as it should be: once that has held for a while, the past is forgotten.
    pub(super) fn fine(&mut self, now: Timestamp) {
        if self.last.is_some_and(|last| now.duration_since(last) >= CALM) {
            *self = Self::default();
        }
    }

    /// How often in a row.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// How long the next attempt has to wait: the first not at all, then 1, 2, 4 … 300 seconds after the last.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        let Some(last) = self.last.filter(|_| self.count > 0) else {
            return Duration::ZERO;
        };
        let pause = Duration::from_secs(1 << (self.count - 1).min(16)).min(LONGEST);
        // A clock that was set back must not stretch the wait.
        let past = Duration::try_from(now.duration_since(last)).unwrap_or_default();
        pause.saturating_sub(past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_is_at_once_and_later_ones_wait_longer_until_it_holds() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let mut strikes = Strikes::default();
        assert_eq!(strikes.wait(at(0)), Duration::ZERO);
        let mut waits = Vec::new();
        for _ in 0..12 {
            strikes.strike(at(0));
            strikes.fine(at(59));
            waits.push(strikes.wait(at(0)).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(strikes.wait(at(299)).as_secs(), 1);
        assert_eq!(strikes.wait(at(-5000)).as_secs(), 300);
        strikes.fine(at(60));
        assert_eq!((strikes.count(), strikes.wait(at(60))), (0, Duration::ZERO));
    }
}
