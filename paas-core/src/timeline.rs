//! What a run spent its time on: each resource from its first step to the end of its last wait, and the chain that took longest.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    event::{Event, RUN_ENDED, RUN_STARTED, State, WAIT_OVER},
    pipeline::UNKNOWN,
    resource::Key,
};

/// What begins so soon after something else has ended began because of that.
const NEXT: SignedDuration = SignedDuration::from_millis(250);

/// The last run that did something.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// Whose it was: `Platform/default/demo`.
    pub owner: String,
    /// `up` or `down`.
    pub verb: String,
    /// When it began.
    pub began: Timestamp,
    /// When it ended, or the last that is known of it.
    pub ended: Timestamp,
    /// What it did, in the order of its beginnings.
    pub spans: Vec<Span>,
}

/// The time of one resource in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Its stage.
    pub stage: String,
    /// The resource.
    pub key: Key,
    /// What was done to it last; `observe` if it was only waited for.
    pub verb: String,
    /// When the first step began.
    pub began: Timestamp,
    /// When the last step or wait was over.
    pub ended: Timestamp,
    /// What it waited for, one after the other.
    pub waits: Vec<Waited>,
    /// True on the chain that decided how long the run took.
    pub critical: bool,
}

/// One wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waited {
    /// For what, in a sentence.
    pub why: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Timeline {
    /// The timeline of the last run in a log that did anything; `None` if there is none.
    pub fn of(log: &[Event]) -> Option<Self> {
        let starts = log.iter().enumerate().filter(|(_, e)| e.reason == RUN_STARTED);
        let starts: Vec<usize> = starts.map(|(at, _)| at).collect();
        let ends = starts.iter().skip(1).copied().chain([log.len()]);
        let runs: Vec<&[Event]> = starts
            .iter()
            .zip(ends)
            .map(|(from, to)| &log[*from..to])
            .collect();
        let did = |run: &&&[Event]| run.iter().any(|e| e.key.is_some());
        let run = *runs.iter().rev().find(did)?;
        let (first, last) = (run.first()?, run.last()?);
        let mut timeline = Self {
            owner: first.owner.clone(),
            verb: first.verb.clone(),
            began: first.at,
            ended: last.at,
            spans: spans(run),
        };
        timeline.mark();
        Some(timeline)
    }

    /// From the span that ended last back to the beginning: each began when another one had just ended.
    fn mark(&mut self) {
        let last = (0..self.spans.len()).max_by_key(|at| self.spans[*at].ended);
        let mut at = last;
        while let Some(here) = at {
            self.spans[here].critical = true;
            let began = self.spans[here].began;
            let before = |other: &usize| {
                let other = &self.spans[*other];
                !other.critical
                    && other.began < began
                    && other.ended <= began.saturating_add(NEXT).unwrap_or(began)
            };
            at = (0..self.spans.len())
                .filter(before)
                .max_by_key(|at| self.spans[*at].ended);
        }
    }
}

fn spans(run: &[Event]) -> Vec<Span> {
    let mut known: BTreeMap<(&str, &Key), Span> = BTreeMap::new();
    let end = run.last().map_or(Timestamp::MIN, |e| e.at);
    for event in run {
        let Some(key) = &event.key else { continue };
        // Its turn has not come before its stage's has.
        if event.message == UNKNOWN {
            continue;
        }
        let span = known.entry((&event.stage, key)).or_insert_with(|| Span {
            stage: event.stage.clone(),
            key: key.clone(),
            verb: event.verb.clone(),
            began: event.at,
            ended: event.at,
            waits: Vec::new(),
            critical: false,
        });
        if event.verb != "observe" {
            span.verb.clone_from(&event.verb);
        }
        if let Some(open) = span.waits.last_mut().filter(|w| w.until == Timestamp::MAX) {
            open.until = event.at;
        }
        span.ended = event.at;
        let made = event.state == State::Done && event.reason == "Settling";
        if event.reason != WAIT_OVER && (event.state == State::Waiting || made) {
            span.waits.push(Waited {
                why: event.message.clone(),
                from: event.at,
                until: Timestamp::MAX,
            });
        }
    }
    let ended = run.iter().any(|e| e.reason == RUN_ENDED);
    let mut spans: Vec<Span> = known.into_values().collect();
    for span in &mut spans {
        if let Some(open) = span.waits.last_mut().filter(|w| w.until == Timestamp::MAX) {
            // A wait that nobody saw the end of lasted as long as the run, if that was cut off.
            open.until = if ended { span.ended } else { end };
            span.ended = span.ended.max(open.until);
        }
        span.waits.retain(|w| w.until > w.from);
    }
    spans.sort_by(|a, b| (a.began, &a.key).cmp(&(b.began, &b.key)));
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, key: &str, verb: &str, (state, reason): (State, &str), message: &str) -> Event {
        Event {
            at: Timestamp::from_second(1_800_000_000 + second).unwrap(),
            owner: "Platform/default/demo".into(),
            stage: key.split('/').next().unwrap_or_default().into(),
            key: (!key.is_empty()).then(|| Key::new(key).unwrap()),
            verb: verb.into(),
            state,
            reason: reason.into(),
            message: message.into(),
            request_id: None,
        }
    }

    const BEGAN: (State, &str) = (State::Started, "Started");
    const MADE: (State, &str) = (State::Done, "Settling");
    const DONE: (State, &str) = (State::Done, "Done");
    const OVER: (State, &str) = (State::Done, WAIT_OVER);

    fn log() -> Vec<Event> {
        vec![
            event(0, "", "up", (State::Started, RUN_STARTED), ""),
            event(0, "network", "create", BEGAN, ""),
            event(1, "network", "create", DONE, ""),
            event(1, "node/one", "observe", (State::Waiting, "Waiting"), UNKNOWN),
            event(9, "node/one", "observe", OVER, UNKNOWN),
            event(1, "group", "create", BEGAN, ""),
            event(1, "server/one", "create", BEGAN, ""),
            event(2, "group", "create", DONE, ""),
            event(2, "server/one", "create", MADE, "it is BUILD"),
            event(9, "server/one", "observe", OVER, "it is BUILD"),
            event(
                9,
                "node/one",
                "observe",
                (State::Waiting, "Waiting"),
                "it has not joined",
            ),
            event(
                20,
                "node/one",
                "observe",
                (State::Waiting, "Waiting"),
                "no network",
            ),
            event(30, "node/one", "observe", OVER, "no network"),
            event(30, "", "up", (State::Done, RUN_ENDED), ""),
        ]
    }

    #[test]
    fn the_chain_that_took_longest_is_found_and_what_each_waited_for() {
        let timeline = Timeline::of(&log()).unwrap();
        let critical = timeline.spans.iter().filter(|s| s.critical);
        let critical: Vec<&str> = critical.map(|s| s.key.as_str()).collect();
        assert_eq!(critical, ["network", "server/one", "node/one"]);
        let node = timeline
            .spans
            .iter()
            .find(|s| s.key.as_str() == "node/one")
            .unwrap();
        let waits: Vec<(&str, i64)> = node
            .waits
            .iter()
            .map(|w| (w.why.as_str(), w.until.duration_since(w.from).as_secs()))
            .collect();
        assert_eq!(waits, [("it has not joined", 11), ("no network", 10)]);
        assert_eq!(timeline.ended.duration_since(timeline.began).as_secs(), 30);
    }

    #[test]
    fn a_run_that_did_nothing_hides_none_and_one_that_was_cut_off_lasts_to_its_last_word() {
        let mut all = log();
        all.push(event(100, "", "up", (State::Started, RUN_STARTED), ""));
        all.push(event(101, "", "up", (State::Done, RUN_ENDED), ""));
        assert_eq!(Timeline::of(&all), Timeline::of(&log()));
        let cut = Timeline::of(&log()[..10]).unwrap();
        assert_eq!(cut.spans.last().unwrap().ended, cut.ended);
        assert_eq!(Timeline::of(&[]), None);
        assert_eq!(Timeline::of(&log()[1..]), None);
    }
}
