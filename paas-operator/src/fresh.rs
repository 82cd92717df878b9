//! Read your writes: a cache that has not seen what we wrote ourselves is not acted on.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The revision of our own last write, by the uid of the object.
#[derive(Debug, Default)]
pub(crate) struct OwnWrites(Mutex<HashMap<String, String>>);

impl OwnWrites {
    /// Remembers a write.
    pub(crate) fn wrote(&self, uid: &str, revision: &str) {
        self.all().insert(uid.to_owned(), revision.to_owned());
    }

    /// True if something older than our last write is shown at `revision`. What has caught up is forgotten.
    pub(crate) fn is_stale(&self, uid: &str, revision: &str) -> bool {
        let mut all = self.all();
        let Some(own) = all.get(uid) else { return false };
        if is_older(revision, own) {
            return true;
        }
        all.remove(uid);
        false
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.all().remove(uid);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Revisions of one resource are decimal numbers that only grow, which Kubernetes promises since 1.35 and has kept since its
/// beginning. Where they are not, anything but our own is taken for older: that costs a read and is never wrong.
fn is_older(shown: &str, own: &str) -> bool {
    match (shown.parse::<u128>(), own.parse::<u128>()) {
        (Ok(shown), Ok(own)) => shown < own,
        _ => shown != own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_older_than_our_own_write_is_stale() {
        let writes = OwnWrites::default();
        assert!(!writes.is_stale("a", "5"), "nothing was written");
        writes.wrote("a", "10");
        assert!(writes.is_stale("a", "9"));
        assert!(writes.is_stale("a", "9"), "until it has caught up");
        assert!(!writes.is_stale("b", "9"));
        assert!(!writes.is_stale("a", "10"));
        assert!(
            !writes.is_stale("a", "9"),
            "it caught up once, and caches go forward"
        );
    }

    #[test]
    fn revisions_that_are_no_numbers_are_equal_or_stale() {
        let writes = OwnWrites::default();
        writes.wrote("a", "x");
        assert!(writes.is_stale("a", "y"));
        assert!(!writes.is_stale("a", "x"));
    }
}
