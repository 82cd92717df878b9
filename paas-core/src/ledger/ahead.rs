//! A clock that was set back: times in the ledger lie in the future, and nobody may wait until they come.

use std::time::Duration;

use jiff::Timestamp;

use super::{Ledger, later};

impl Ledger {
    /// True if a time in it lies further ahead of `now` than a clock that only goes forward can have put it: notes of the past lie in the
    /// future, or a next attempt is further away than `longest`, the longest back-off.
    pub fn is_ahead_of(&self, now: Timestamp, longest: Duration) -> bool {
        let mut brought_back = self.clone();
        brought_back.bring_back(now, longest);
        brought_back != *self
    }

    /// Moves what lies ahead to where it would be if it had happened now.
    pub(super) fn bring_back(&mut self, now: Timestamp, longest: Duration) {
        let latest = later(now, longest);
        for intent in self.intents.values_mut() {
            intent.at = intent.at.min(now);
        }
        for wait in self.waits.values_mut() {
            wait.since = wait.since.min(now);
        }
        for trouble in self.troubles.values_mut() {
            trouble.next = trouble.next.min(latest);
        }
        for breaks in self.breaks.values_mut() {
            breaks.next = breaks.next.min(latest);
        }
    }
}
