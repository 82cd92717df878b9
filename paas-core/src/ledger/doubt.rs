//! What the ledger says about an observe, before it is planned on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Intent, Ledger, Settled};
use crate::{
    graph::{Observed, Wait},
    policy::Bounds,
    resource::{Health, Live, Resource},
};

/// Marks keys that must be left alone in `observed.waits`, brings along what was applied, and returns what the ledger learns from this look. Pure.
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
    observed.applied.clone_from(&ledger.applied);
    for (key, live) in &observed.live {
        if ledger.intents.get(key).is_some_and(|i| is_seen(i, live)) {
            settled.push(Settled::Seen(key.clone(), live.id.clone()));
        }
    }
    for key in ledger
        .ids
        .keys()
        .filter(|k| !observed.live.contains_key(*k) && !ledger.intents.contains_key(*k))
        .filter(|k| !observed.barred.contains_key(*k))
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
                in_doubt: true,
            },
        );
        settled.push(Settled::Missed(key.clone()));
    }
    for (key, trouble) in &ledger.troubles {
        if asked_anew
            || observed
                .live
                .get(key)
                .is_some_and(|l| l.is_ready() && trouble.verb == crate::step::Verb::Create)
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
                    in_doubt: false,
                },
            );
        }
    }
    breaks(ledger, observed, now, bounds, asked_anew, &mut settled);
    settled
}

/// What breaks again and again is made anew ever more seldom, and in the end left as it is, to be looked at.
fn breaks<R: Resource>(
    ledger: &Ledger,
    observed: &mut Observed<R>,
    now: Timestamp,
    bounds: &Bounds,
    asked_anew: bool,
    settled: &mut Vec<Settled>,
) {
    for (key, breaks) in &ledger.breaks {
        let live = observed.live.get(key);
        if asked_anew || live.is_some_and(Live::is_ready) {
            settled.push(Settled::Mended(key.clone()));
            continue;
        }
        let broken = live.is_some_and(|l| matches!(l.health, Health::Broken { .. }));
        if !(broken || live.is_none()) || observed.waits.contains_key(key) {
            continue;
        }
        let count = breaks.count + u32::from(broken);
        let gave_up = count >= bounds.attempts;
        if gave_up || now < breaks.next {
            let wait = Wait {
                why: format!("it broke {count} time(s), one after the other: {}", breaks.why),
                until: Some(breaks.next),
                gave_up,
                in_doubt: false,
            };
            observed.waits.insert(key.clone(), wait);
        }
    }
}

/// True if this is what the intent was for, and not what was there before it and is still leaving or still listed.
fn is_seen<R: Resource>(intent: &Intent, live: &Live<R>) -> bool {
    match &intent.id {
        Some(id) => *id == live.id,
        None => live.health != Health::Leaving,
    }
}

/// `time` later, saturating.
pub(crate) fn later(at: Timestamp, time: Duration) -> Timestamp {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    at.saturating_add(time).unwrap_or(Timestamp::MAX)
}
