//! What is to be done about a lease as it was seen: a pure decision.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};

/// A lease as a candidate has seen it, and when it changed last, on the candidate's own clock.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    spec: LeaseSpec,
    at: Duration,
}

/// What a candidate does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is free: take it.
    Take,
    /// It is ours: renew it.
    Renew,
    /// Somebody has it. Silence is over after so long.
    Wait(Duration),
}

/// Looks at a lease, given what was seen before, and decides.
pub(super) fn decide(
    before: &mut Option<Seen>,
    lease: &Lease,
    identity: &str,
    own_duration: Duration,
    now: Duration,
) -> Decision {
    let spec = lease.spec.clone().unwrap_or_default();
    let holder = spec.holder_identity.clone().unwrap_or_default();
    if holder.is_empty() {
        *before = None;
        return Decision::Take;
    }
    if holder == identity {
        *before = None;
        return Decision::Renew;
    }
    let at = match before {
        Some(seen) if seen.spec == spec => seen.at,
        _ => now,
    };
    // The holder counts with its own duration, which may be longer than ours.
    let declared = spec
        .lease_duration_seconds
        .and_then(|s| u64::try_from(s).ok())
        .unwrap_or(0);
    let duration = own_duration.max(Duration::from_secs(declared));
    *before = Some(Seen { spec, at });
    let silence = now.saturating_sub(at);
    if silence >= duration {
        Decision::Take
    } else {
        Decision::Wait(duration - silence)
    }
}

/// The lease with us as its holder.
pub(super) fn held(mut lease: Lease, identity: &str, duration: Duration, now: Timestamp) -> Lease {
    let before = lease.spec.take().unwrap_or_default();
    let ours = before.holder_identity.as_deref() == Some(identity);
    let transitions = before.lease_transitions.unwrap_or(0);
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
        acquire_time: before.acquire_time.filter(|_| ours).or(Some(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(if ours {
            transitions
        } else {
            transitions.saturating_add(1)
        }),
        ..before
    });
    lease
}

/// The lease without a holder.
pub(super) fn free(mut lease: Lease, now: Timestamp) -> Lease {
    let before = lease.spec.take().unwrap_or_default();
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(String::new()),
        renew_time: Some(MicroTime(now)),
        ..before
    });
    lease
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIFTEEN: Duration = Duration::from_secs(15);

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    fn lease(holder: &str, renewed: i64, seconds: i32) -> Lease {
        Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                renew_time: Timestamp::from_second(renewed).ok().map(MicroTime),
                lease_duration_seconds: Some(seconds),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        }
    }

    #[test]
    fn a_lease_is_taken_only_after_a_silence_that_was_observed() {
        let mut seen = None;
        let mut look = |lease: &Lease, now| decide(&mut seen, lease, "me", FIFTEEN, at(now));
        // Its time is from long ago, by its holder's clock: that says nothing.
        assert_eq!(look(&lease("you", 5, 15), 100), Decision::Wait(FIFTEEN));
        assert_eq!(look(&lease("you", 5, 15), 114), Decision::Wait(at(1)));
        assert_eq!(
            look(&lease("you", 6, 15), 115),
            Decision::Wait(FIFTEEN),
            "it was renewed"
        );
        assert_eq!(
            look(&lease("she", 6, 15), 129),
            Decision::Wait(FIFTEEN),
            "another one has it"
        );
        assert_eq!(look(&lease("she", 6, 15), 144), Decision::Take);
    }

    #[test]
    fn a_time_in_the_future_keeps_nobody_out() {
        let mut seen = None;
        let far = lease("you", 4_000_000_000, 15);
        assert_eq!(
            decide(&mut seen, &far, "me", FIFTEEN, at(0)),
            Decision::Wait(FIFTEEN)
        );
        assert_eq!(decide(&mut seen, &far, "me", FIFTEEN, at(15)), Decision::Take);
    }

    #[test]
    fn a_holder_that_counts_longer_is_waited_for_longer() {
        let mut seen = None;
        let long = lease("you", 5, 60);
        assert_eq!(
            decide(&mut seen, &long, "me", FIFTEEN, at(0)),
            Decision::Wait(at(60))
        );
    }

    #[test]
    fn a_lease_that_was_let_go_is_taken_at_once_and_our_own_is_renewed() {
        let mut seen = None;
        assert_eq!(
            decide(&mut seen, &Lease::default(), "me", FIFTEEN, at(0)),
            Decision::Take
        );
        let gone = free(lease("you", 5, 15), Timestamp::UNIX_EPOCH);
        assert_eq!(decide(&mut seen, &gone, "me", FIFTEEN, at(0)), Decision::Take);
        assert_eq!(
            decide(&mut seen, &lease("me", 5, 15), "me", FIFTEEN, at(0)),
            Decision::Renew
        );
    }

    #[test]
    fn only_another_holder_is_a_transition() {
        let now = Timestamp::from_second(50).unwrap();
        let taken = held(lease("you", 5, 15), "me", FIFTEEN, now);
        let renewed = held(taken.clone(), "me", FIFTEEN, Timestamp::from_second(60).unwrap());
        let (taken, renewed) = (taken.spec.unwrap(), renewed.spec.unwrap());
        assert_eq!(
            (taken.lease_transitions, renewed.lease_transitions),
            (Some(1), Some(1))
        );
        assert_eq!(renewed.acquire_time, Some(MicroTime(now)));
        assert_ne!(renewed.renew_time, taken.renew_time);
    }
}
