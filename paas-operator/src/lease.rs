//! Who leads: election over a `Lease` by observed silence, and the fence that is asked before each step.
//!
//! - A candidate takes over only after it has itself seen the lease unchanged for the whole duration, on its own clock that only goes
//!   forward. What times stand in the lease is for people: nobody's clock is trusted.
//! - Who leads counts from the moment *before* the renewal was sent, and stops at `renew_deadline`, which is shorter than the duration.
//!   Between these two no step begins anywhere: that is the time that a call under way has to end.
//! - The lease is let go only after the last pass has ended.

mod election;
mod record;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use paas_core::{
    clock::Clock,
    codes::CORE_FENCED,
    error::{Class, Error},
    execute::Fence,
};

use crate::codes;

pub use election::Election;

/// The times of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// So long a lease must be seen unchanged before another one takes it. Whole seconds.
    pub duration: Duration,
    /// So long after the last renewal the leader begins no step any more. Less than `duration`.
    pub renew_deadline: Duration,
    /// How often is renewed and looked. Less than `renew_deadline`.
    pub retry: Duration,
}

impl Default for Timings {
    /// Those of Kubernetes' own components.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

impl Timings {
    /// The same, if they fit together.
    ///
    /// # Errors
    /// [`codes::OP_ARGUMENT`] with the two that do not.
    pub fn checked(self) -> Result<Self, Error> {
        let wrong = |words: &str| {
            Err(Error::new(&codes::OP_ARGUMENT, Class::Invalid)
                .attempted("read the times of the lease")
                .happened(words))
        };
        if self.duration.as_secs() == 0 || self.duration.subsec_nanos() != 0 {
            return wrong("the duration of a lease is whole seconds, at least 1");
        }
        if self.renew_deadline >= self.duration {
            return wrong("the deadline for renewals must be shorter than the duration of the lease");
        }
        if self.retry.is_zero() || self.retry >= self.renew_deadline {
            return wrong("the time between renewals must be shorter than their deadline, and not 0");
        }
        Ok(self)
    }
}

/// The right to write, for as long as the last renewal allows.
#[derive(Debug, Clone)]
pub struct LeaseFence {
    until: Arc<Mutex<Option<Duration>>>,
    clock: Arc<dyn Clock>,
}

impl LeaseFence {
    /// A fence that is closed.
    pub(crate) fn closed(clock: Arc<dyn Clock>) -> Self {
        Self {
            until: Arc::default(),
            clock,
        }
    }

    /// True while we lead.
    pub fn is_open(&self) -> bool {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| self.clock.elapsed() < until)
    }

    /// Open until then, or closed. It is in nobody's power to open it for longer than the lease was renewed.
    pub(crate) fn set(&self, until: Option<Duration>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

#[async_trait]
impl Fence for LeaseFence {
    async fn check(&self) -> Result<(), Error> {
        if self.is_open() {
            return Ok(());
        }
        Err(Error::new(&CORE_FENCED, Class::Cancelled)
            .attempted("begin a step")
            .happened("the lease of this operator was not renewed in time, or another one took it"))
    }
}

#[cfg(test)]
mod tests {
    use paas_core::testing::ManualClock;

    use super::*;

    #[tokio::test]
    async fn a_fence_closes_by_itself_when_the_lease_was_not_renewed() {
        let clock = Arc::new(ManualClock::default());
        let fence = LeaseFence::closed(clock.clone());
        assert!(fence.check().await.is_err(), "nobody leads yet");
        fence.set(Some(clock.elapsed() + Duration::from_secs(10)));
        clock.advance(Duration::from_secs(9));
        assert!(fence.check().await.is_ok());
        clock.advance(Duration::from_secs(1));
        assert_eq!(fence.check().await.unwrap_err().code().id, CORE_FENCED.id);
    }

    #[test]
    fn times_that_contradict_each_other_are_refused() {
        let of = |duration, renew_deadline, retry| Timings {
            duration: Duration::from_secs(duration),
            renew_deadline: Duration::from_secs(renew_deadline),
            retry: Duration::from_secs(retry),
        };
        assert!(of(15, 10, 2).checked().is_ok());
        for wrong in [of(0, 10, 2), of(10, 10, 2), of(15, 2, 2), of(15, 10, 0)] {
            assert_eq!(wrong.checked().unwrap_err().code().id, codes::OP_ARGUMENT.id);
        }
        let half = Timings {
            duration: Duration::from_millis(1500),
            ..of(15, 1, 0)
        };
        assert!(half.checked().is_err());
    }
}
