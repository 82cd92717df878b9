//! The status of a database: a pure function of what it was, the common part, and what the engine tells.

use paas_core::spec::DatabaseInstanceStatus;

use crate::{engines::DatabaseFacts, status::Common};

/// The status now. What the engine does not tell stays as it was.
pub(super) fn status(
    old: &DatabaseInstanceStatus,
    common: Common,
    facts: DatabaseFacts,
) -> DatabaseInstanceStatus {
    let Common {
        observed_generation,
        conditions,
        blocked,
    } = common;
    let DatabaseFacts {
        runtime,
        engine_version,
        replicas,
        ready_replicas,
        selector,
        binding,
        requests,
    } = facts;
    DatabaseInstanceStatus {
        observed_generation,
        conditions,
        blocked,
        runtime: runtime.or(old.runtime),
        engine_version: engine_version.or_else(|| old.engine_version.clone()),
        replicas: replicas.or(old.replicas),
        ready_replicas: ready_replicas.or(old.ready_replicas),
        selector: selector.or_else(|| old.selector.clone()),
        binding: binding.or_else(|| old.binding.clone()),
        requests: requests.or_else(|| old.requests.clone()),
    }
}

#[cfg(test)]
mod tests {
    use paas_core::spec::Runtime;

    use super::*;

    #[test]
    fn the_runtime_that_was_chosen_stays_when_nothing_is_told() {
        let old = DatabaseInstanceStatus {
            runtime: Some(Runtime::StatefulSet),
            ready_replicas: Some(1),
            ..DatabaseInstanceStatus::default()
        };
        let common = || Common {
            observed_generation: Some(2),
            conditions: Vec::new(),
            blocked: None,
        };
        let silent = status(&old, common(), DatabaseFacts::default());
        assert_eq!(
            (silent.runtime, silent.ready_replicas),
            (Some(Runtime::StatefulSet), Some(1))
        );
        assert_eq!(silent.observed_generation, Some(2));
        let told = DatabaseFacts {
            ready_replicas: Some(0),
            ..DatabaseFacts::default()
        };
        assert_eq!(status(&old, common(), told).ready_replicas, Some(0));
    }
}
