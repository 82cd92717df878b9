//! Whether a call is sent again: a value, decided from the call and its failure, by a pure function.
//!
//! The law (design law 4): a call that changes nothing is repeated, within bounds. A call that changes something is repeated only
//! if it certainly had no effect: nothing was sent, or the service refused it and said when to come again. Everything else is
//! for the engine to decide, which looks first.

use std::time::Duration;

use paas_core::error::Class;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The failure is the result.
    No,
    /// Send it again after this time.
    After(Duration),
}

/// One failed attempt, as far as the decision needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Failure {
    /// No connection came about, so nothing was sent.
    NotSent {
        /// It will not go away by itself: the certificate is not trusted.
        lasting: bool,
    },
    /// It was sent, or may have been, and no whole answer came.
    Lost,
    /// The service, or a proxy before it, answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// What the status and the words mean.
        class: Class,
        /// What `Retry-After` said.
        retry_after: Option<Duration>,
        /// The service itself said that it was busy and did nothing.
        busy: bool,
    },
}

/// Where the call stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// The call changes something.
    pub mutates: bool,
    /// What is left of the call's whole deadline.
    pub left: Duration,
    /// Chance, from 0 to 1: without it all clients of a cloud that was away come back in the same moment.
    pub jitter: f64,
}

/// How often and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Attempts in all.
    pub attempts: u32,
    /// The wait after the first failure; it doubles with each further one.
    pub base: Duration,
    /// The longest wait of our own choice.
    pub cap: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            attempts: 5,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(10),
        }
    }
}

/// Decides.
pub fn decide(bounds: Bounds, attempt: Attempt, failure: Failure) -> Retry {
    if attempt.number >= bounds.attempts {
        return Retry::No;
    }
    let said = match failure {
        Failure::NotSent { lasting: true } => return Retry::No,
        Failure::NotSent { lasting: false } => None,
        Failure::Lost if attempt.mutates => return Retry::No,
        Failure::Lost => None,
        Failure::Answered {
            status,
            class,
            retry_after,
            busy,
        } => {
            let refused = busy || (matches!(status, 429 | 498 | 503) && retry_after.is_some());
            let passing = matches!(class, Class::Throttled | Class::Transient);
            if !passing || (attempt.mutates && !refused) {
                return Retry::No;
            }
            retry_after
        }
    };
    let after = backoff(bounds, attempt).max(said.unwrap_or_default());
    // Waiting to the end of the deadline only to give up there helps nobody.
    if after < attempt.left {
        Retry::After(after)
    } else {
        Retry::No
    }
}

/// Doubles with each attempt up to the cap; between half of that and all of it, by chance.
fn backoff(bounds: Bounds, attempt: Attempt) -> Duration {
    let doubled = bounds.base.saturating_mul(
        1u32.checked_shl(attempt.number.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    let jitter = if attempt.jitter.is_finite() {
        attempt.jitter.clamp(0.0, 1.0)
    } else {
        1.0
    };
    doubled.min(bounds.cap).mul_f64(0.5 + jitter / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class() -> impl Strategy<Value = Class> {
        proptest::sample::select(vec![
            Class::Invalid,
            Class::Denied,
            Class::NotFound,
            Class::Conflict,
            Class::Quota,
            Class::Throttled,
            Class::Transient,
            Class::Unsupported,
        ])
    }

    fn status() -> impl Strategy<Value = u16> {
        prop_oneof![
            proptest::sample::select(vec![408, 409, 413, 429, 498, 500, 502, 503, 504]),
            300..600u16
        ]
    }

    fn failure() -> impl Strategy<Value = Failure> {
        prop_oneof![
            any::<bool>().prop_map(|lasting| Failure::NotSent { lasting }),
            Just(Failure::Lost),
            (status(), class(), proptest::option::of(0..1000u64), any::<bool>()).prop_map(
                |(status, class, after, busy)| Failure::Answered {
                    status,
                    class,
                    retry_after: after.map(Duration::from_secs),
                    busy,
                }
            ),
        ]
    }

    fn attempt() -> impl Strategy<Value = Attempt> {
        (1..7u32, any::<bool>(), 0..600u64, any::<f64>()).prop_map(|(number, mutates, left, jitter)| {
            Attempt {
                number,
                mutates,
                left: Duration::from_secs(left),
                jitter,
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_call_that_may_have_had_its_effect_is_never_repeated(attempt in attempt(), failure in failure()) {
            if attempt.mutates && decide(Bounds::default(), attempt, failure) != Retry::No {
                let nothing_happened = match failure {
                    Failure::NotSent { .. } => true,
                    Failure::Lost => false,
                    Failure::Answered { status, retry_after, busy, .. } =>
                        busy || (retry_after.is_some() && matches!(status, 429 | 498 | 503)),
                };
                prop_assert!(nothing_happened);
            }
        }

        #[test]
        fn retries_are_bounded_and_end_within_the_deadline(attempt in attempt(), failure in failure()) {
            let bounds = Bounds::default();
            if let Retry::After(wait) = decide(bounds, attempt, failure) {
                prop_assert!(attempt.number < bounds.attempts);
                prop_assert!(wait < attempt.left);
                prop_assert!(wait >= bounds.base / 2);
                if let Failure::Answered { retry_after: Some(said), .. } = failure {
                    prop_assert!(wait >= said, "never earlier than the service said");
                }
            }
        }
    }

    const FIRST: Attempt = Attempt {
        number: 1,
        mutates: true,
        left: Duration::from_secs(60),
        jitter: 1.0,
    };

    #[test]
    fn a_quota_is_not_waited_for() {
        let quota = Failure::Answered {
            status: 413,
            class: Class::Quota,
            retry_after: Some(Duration::ZERO),
            busy: false,
        };
        for mutates in [true, false] {
            assert_eq!(
                decide(Bounds::default(), Attempt { mutates, ..FIRST }, quota),
                Retry::No
            );
        }
    }

    #[test]
    fn a_read_is_repeated_after_longer_and_longer_waits() {
        let waits: Vec<_> = (1..=5)
            .map(|number| {
                decide(
                    Bounds::default(),
                    Attempt {
                        number,
                        mutates: false,
                        ..FIRST
                    },
                    Failure::Lost,
                )
            })
            .collect();
        let after = |ms| Retry::After(Duration::from_millis(ms));
        assert_eq!(
            waits,
            [after(500), after(1000), after(2000), after(4000), Retry::No]
        );
    }
}
