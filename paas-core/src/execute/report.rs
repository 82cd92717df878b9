//! What a pass did.

use std::collections::BTreeMap;

use crate::{
    error::Error,
    resource::{Key, Live},
    step::Verb,
};

/// What one pass did.
#[derive(Debug)]
pub struct Report<R> {
    /// Steps that succeeded, in the order of their ends.
    pub done: Vec<(Key, Verb)>,
    /// Steps that failed: the root causes.
    pub failed: Vec<Failed>,
    /// Steps that were not begun because of a failed one: which, and the cause.
    pub starved: Vec<(Key, Key)>,
    /// What was created, as the create call saw it.
    pub created: BTreeMap<Key, Live<R>>,
    /// Why the pass ended early, if it did: cancelled, fenced, no ledger.
    pub stopped: Option<Error>,
}

/// A step that failed.
#[derive(Debug, Clone)]
pub struct Failed {
    /// What.
    pub key: Key,
    /// What was tried.
    pub verb: Verb,
    /// Why.
    pub error: Error,
}
