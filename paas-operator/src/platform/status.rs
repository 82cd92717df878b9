//! The status of a platform: a pure function of what it was, the common part, and what the engine tells.

use paas_core::spec::PlatformStatus;

use crate::{engines::PlatformFacts, status::Common};

/// The status now. What the engine does not tell stays as it was.
pub(super) fn status(old: &PlatformStatus, common: Common, facts: PlatformFacts) -> PlatformStatus {
    let Common {
        observed_generation,
        conditions,
        blocked,
    } = common;
    let PlatformFacts {
        kubernetes_version,
        endpoint,
    } = facts;
    PlatformStatus {
        observed_generation,
        conditions,
        blocked,
        kubernetes_version: kubernetes_version.or_else(|| old.kubernetes_version.clone()),
        endpoint: endpoint.or_else(|| old.endpoint.clone()),
    }
}
