//! What the ledger says about an observe, before it is planned on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Ledger, Settled};
use crate::{
    graph::{Observed, Wait},
    policy::Bounds,
    resource::Resource,
};

/// Marks keys that must be left alone in `observed.waits`, and returns what the ledger learns from this look. Pure.
///
/// A create whose outcome is unknown, or whose id no list shows yet, is waited for at least [`Bounds::grace_passes`] looks *and*
/// [`Bounds::grace`]; then nothing is there. `asked_anew` ignores back-offs: a person has just asked to try.
pub fn doubts<R: Resource>(
    ledger: &Ledger,
    observed: &mut Observed<R>,
    now: Timestamp,
    bounds: &Bounds,
    asked_anew: bool,
) -> Vec<Settled> {
    let mut settled = Vec::new();
    for (key, live) in &observed.live {
        if ledger.intents.contains_key(key) {
            settled.push(Settled::Seen(key.clone(), live.id.clone()));
        }
    }
    for key in ledger
        .ids
        .keys()
        .filter(|k| !observed.live.contains_key(*k) && !ledger.intents.contains_key(*k))
    {
        settled.push(Settled::Gone(key.clone()));
    }
    for (key, intent) in &ledger.intents {
        if observed.live.contains_key(key) {
            continue;
        }
        let until = later(intent.at, bounds.grace);
        if intent.missed + 1 > bounds.grace_passes && now >= until {
            settled.push(Settled::Nothing(key.clone()));
            continue;
        }
        let why = match &intent.id {
            Some(id) => format!("{id} was created at {:.0}; no listing shows it yet", intent.at),
            None => format!(
                "its creation was sent at {:.0} and never answered; looking for it",
                intent.at
            ),
        };
        observed.waits.insert(
            key.clone(),
            Wait {
                why,
                until: Some(until),
                gave_up: false,
            },
        );
        settled.push(Settled::Missed(key.clone()));
    }
    for (key, trouble) in &ledger.troubles {
        if asked_anew
            || observed
                .live
                .get(key)
                .is_some_and(|l| l.is_ready() && trouble.verb == crate::plan::Verb::Create)
        {
            settled.push(Settled::Cured(key.clone()));
        } else if now < trouble.next && !observed.waits.contains_key(key) {
            let gave_up = trouble.lasting || trouble.count >= bounds.attempts;
            let why = format!(
                "{} failed {} time(s): {}",
                trouble.verb, trouble.count, trouble.why
            );
            observed.waits.insert(
                key.clone(),
                Wait {
                    why,
                    until: Some(trouble.next),
                    gave_up,
                },
            );
        }
    }
    settled
}

/// `time` later, saturating.
pub(crate) fn later(at: Timestamp, time: Duration) -> Timestamp {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    at.saturating_add(time).unwrap_or(Timestamp::MAX)
}
