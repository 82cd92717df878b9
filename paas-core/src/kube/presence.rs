//! Whether an operator works in a cluster, by its lease: why nothing happens to an object.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, api::ListParams};

use super::fault;
use crate::error::Result;

/// The lease that operators lead by.
pub const LEASE: &str = "paas-operator";

/// A leader that has been silent for so much longer than its lease says, by our clock, is gone; clocks may differ by less.
const GRACE: Duration = Duration::from_secs(60);

/// Whether an operator works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// No operator ever led where we may look.
    Never,
    /// One led, and has been silent for longer than its lease says.
    Silent {
        /// Who.
        holder: String,
        /// Its last word.
        since: Timestamp,
    },
    /// Nobody leads at the moment: the last one ended in peace.
    Ended,
    /// One leads.
    Leads {
        /// Who.
        holder: String,
    },
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("no operator has ever worked in this cluster"),
            Self::Silent { holder, since } => {
                write!(f, "the operator {holder} has said nothing since {since:.0}")
            }
            Self::Ended => f.write_str("no operator works now; the last one ended in peace"),
            Self::Leads { holder } => write!(
                f,
                "the operator {holder} works, and has not come to it yet or is not for its namespace"
            ),
        }
    }
}

/// Looks for the lease of an operator: in all namespaces, where that is not allowed in `namespace` alone.
///
/// # Errors
/// Those of the API server; who may not look at leases knows nothing.
pub async fn look(client: &Client, namespace: &str, now: Timestamp) -> Result<Presence> {
    let named = ListParams::default().fields(&format!("metadata.name={LEASE}"));
    let everywhere = Api::<Lease>::all(client.clone()).list(&named).await;
    let leases = match everywhere {
        Err(kube::Error::Api(status)) if status.code == 403 => {
            Api::<Lease>::namespaced(client.clone(), namespace)
                .list(&named)
                .await
        }
        other => other,
    };
    let leases = leases.map_err(|e| fault::of("look for the operator's lease", false, e))?;
    Ok(judge(&leases.items, now))
}

/// The best word of all leases.
fn judge(leases: &[Lease], now: Timestamp) -> Presence {
    let one = |lease: &Lease| {
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.unwrap_or_default();
        let since = spec.renew_time.map(|t| t.0);
        let (Some(since), false) = (since, holder.is_empty()) else {
            return Presence::Ended;
        };
        let seconds = spec
            .lease_duration_seconds
            .and_then(|s| u64::try_from(s).ok())
            .unwrap_or(0);
        let silent = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        match silent > Duration::from_secs(seconds) + GRACE {
            true => Presence::Silent { holder, since },
            false => Presence::Leads { holder },
        }
    };
    let rank = |p: &Presence| match p {
        Presence::Never => 0,
        Presence::Ended => 1,
        Presence::Silent { .. } => 2,
        Presence::Leads { .. } => 3,
    };
    leases.iter().map(one).max_by_key(rank).unwrap_or(Presence::Never)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lease(holder: &str, renewed: &str) -> Lease {
        serde_json::from_value(json!({
            "metadata": {"name": LEASE},
            "spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 15},
        }))
        .unwrap()
    }

    #[test]
    fn a_leader_is_there_until_it_was_silent_for_longer_than_its_lease_and_clocks_differ() {
        let now: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        let fresh = lease("a", "2026-01-01T00:09:00.000000Z");
        let old = lease("b", "2026-01-01T00:08:30.000000Z");
        assert_eq!(judge(&[], now), Presence::Never);
        assert_eq!(
            judge(&[old.clone(), fresh], now),
            Presence::Leads { holder: "a".into() }
        );
        assert!(matches!(judge(&[old], now), Presence::Silent { .. }));
        assert_eq!(
            judge(&[lease("", "2026-01-01T00:09:00.000000Z")], now),
            Presence::Ended
        );
        assert!(Presence::Never.to_string().contains("ever"));
    }
}
