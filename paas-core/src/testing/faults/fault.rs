//! The ways in which a call to an API server goes wrong.

use std::fmt;

use super::{Call, Verb};

/// A way in which one call goes wrong. Those that [`testing::Fault`](crate::testing::Fault) has too mean the same here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The process dies before the call: no effect.
    DiesBefore,
    /// The process dies after the call: the effect is there, nobody read the answer.
    DiesAfter,
    /// The connection is refused: no effect, and the error says so.
    Unsent,
    /// The request is lost on a connection that was there: no effect, and nobody knows.
    LostRequest,
    /// The effect is there, the answer is lost.
    LostReply,
    /// The effect is there, the answer ends in the middle of its body.
    TruncatedReply,
    /// 409 without an effect: what is to be made is there, or what is to be changed has changed.
    Conflict409,
    /// 429 without an effect, with `Retry-After: 1`.
    Throttled429,
    /// 500 after the effect.
    Failed500,
    /// A list, or an object, as it was at the [oldest revision](super::Injector::remember) that is known. The API server itself serves
    /// it. Of a list that asks for the most recent state no server may do this; one that asks for any (`resourceVersion=0`) allows it.
    StaleList,
    /// A watch that ends, without a word, in the place of its first event.
    WatchEnded,
    /// A watch that breaks in the middle of its first event.
    WatchTruncated,
    /// A watch that tells each event twice.
    WatchDuplicated,
    /// A watch that tells events of different objects in another order; those of one object keep theirs. Kubernetes orders all events
    /// of one watch, and those of two watches not at all.
    WatchReordered,
    /// A watch that stands still for two seconds at its first event, and then goes on.
    WatchLate,
    /// A watch from the [oldest revision](super::Injector::remember) that is known: the past is told once more.
    WatchStale,
    /// A watch whose revision, or bookmark, is too old: 410.
    WatchExpired,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::DiesBefore,
        Self::DiesAfter,
        Self::Unsent,
        Self::LostRequest,
        Self::LostReply,
        Self::TruncatedReply,
        Self::Conflict409,
        Self::Throttled429,
        Self::Failed500,
        Self::StaleList,
        Self::WatchEnded,
        Self::WatchTruncated,
        Self::WatchDuplicated,
        Self::WatchReordered,
        Self::WatchLate,
        Self::WatchStale,
        Self::WatchExpired,
    ];

    /// Those of writes.
    pub const WRITES: [Self; 9] = [
        Self::DiesBefore,
        Self::DiesAfter,
        Self::Unsent,
        Self::LostRequest,
        Self::LostReply,
        Self::TruncatedReply,
        Self::Conflict409,
        Self::Throttled429,
        Self::Failed500,
    ];

    /// Those of watches.
    pub const WATCHES: [Self; 7] = [
        Self::WatchEnded,
        Self::WatchTruncated,
        Self::WatchDuplicated,
        Self::WatchReordered,
        Self::WatchLate,
        Self::WatchStale,
        Self::WatchExpired,
    ];

    /// True if this call is one that the fault is meant for: faults of [writes](Self::WRITES) fit writes, those of
    /// [watches](Self::WATCHES) watches, a stale list lists and reads.
    pub fn fits(self, call: &Call) -> bool {
        if self == Self::StaleList {
            return matches!(call.verb, Verb::List | Verb::Get) && !call.resource.is_empty();
        }
        match Self::WATCHES.contains(&self) {
            true => call.verb == Verb::Watch,
            false => call.writes(),
        }
    }

    /// What it is counted by.
    pub(super) fn counts(self) -> &'static str {
        match self {
            Self::StaleList => "read",
            _ if Self::WATCHES.contains(&self) => "watch",
            _ => "write",
        }
    }

    /// True if it needs to know an older revision.
    pub(super) fn is_stale(self) -> bool {
        matches!(self, Self::StaleList | Self::WatchStale)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
