//! When the certificates of a cluster end.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{
    examine::{Check, State},
    login::{PkiLogin, SERVER_NAME},
    pki::der,
};
use crate::{clock::Clock, driver::ClusterAccess, error::Result};

/// From so long before its end a certificate is told of: kubeadm renews those of a control plane with each upgrade, at most a year apart.
const NEAR: SignedDuration = SignedDuration::from_hours(30 * 24);

const PART: &str = "certificates";

/// How long the API may take to show its certificate.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at the authorities as they are stored, and at the certificate that the API shows, which is made and renewed together with the
/// others of its machine.
pub async fn check(login: &PkiLogin, access: &ClusterAccess, clock: &dyn Clock) -> Check {
    let authorities = match login.authorities().await {
        Ok(authorities) => authorities,
        Err(error) => return Check::of(PART, State::Bad, error.sentence(), error.advice()),
    };
    let mut ends: Vec<(String, Timestamp)> = authorities
        .into_iter()
        .map(|(name, ends)| (format!("the authority {name}"), ends))
        .collect();
    let shown = match login.trusted().await {
        Ok(trusted) => tokio::time::timeout(PATIENCE, shown(access, &trusted)).await,
        Err(error) => return Check::of(PART, State::Bad, error.sentence(), error.advice()),
    };
    match shown {
        Ok(Ok(end)) => ends.push(("that of the API".to_owned(), end)),
        Ok(Err(why)) => {
            let what = format!("that of the API cannot be trusted: {why}");
            return Check::of(PART, State::Bad, what, RENEW);
        }
        Err(_) => {
            let what = format!("the API has not shown its own for {} s", PATIENCE.as_secs());
            return Check::of(PART, State::Bad, what, "");
        }
    }
    judged(&ends, clock.now())
}

const RENEW: &str =
    "on the machine of the control plane: `kubeadm certs renew all`, then restart its static pods";

fn judged(ends: &[(String, Timestamp)], now: Timestamp) -> Check {
    let Some((whose, end)) = ends.iter().min_by_key(|(_, end)| *end) else {
        return Check::of(PART, State::Warning, "none is known", "");
    };
    let day = end.to_zoned(TimeZone::UTC).date();
    let left = end.duration_since(now);
    if left.is_negative() {
        return Check::of(PART, State::Bad, format!("{whose} ended on {day}"), RENEW);
    }
    let days = left.as_hours() / 24;
    match left < NEAR {
        true => Check::of(
            PART,
            State::Warning,
            format!("{whose} ends on {day}, in {days} days"),
            RENEW,
        ),
        false => Check::good(
            PART,
            format!("the first to end is {whose}, on {day}, in {days} days"),
        ),
    }
}

/// When the certificate ends that the API shows to whom trusts its authority.
async fn shown(access: &ClusterAccess, trusted: &str) -> std::result::Result<Timestamp, String> {
    let told = |e: &dyn std::fmt::Display| e.to_string();
    let at: http::Uri = access.endpoint.parse().map_err(|e| told(&e))?;
    let host = at.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = access
        .server_name
        .clone()
        .unwrap_or_else(|| SERVER_NAME.to_owned());
    let name = ServerName::try_from(name).map_err(|e| told(&e))?;
    let mut roots = RootCertStore::empty();
    for authority in der::certificates(trusted) {
        roots.add(CertificateDer::from(authority)).map_err(|e| told(&e))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| told(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let wire = TcpStream::connect((host.as_str(), at.port_u16().unwrap_or(443)));
    let wire = wire.await.map_err(|e| told(&e))?;
    let wire = TlsConnector::from(Arc::new(config)).connect(name, wire);
    let wire = wire.await.map_err(|e| told(&e))?;
    let (_, session) = wire.get_ref();
    let own = session.peer_certificates().and_then(|all| all.first());
    own.and_then(|own| der::ends(own))
        .ok_or_else(|| "it shows none".to_owned())
}

impl PkiLogin {
    /// The stored authorities, and when each ends.
    ///
    /// # Errors
    /// As [`PkiLogin::kubeconfig_for`].
    pub async fn authorities(&self) -> Result<Vec<(&'static str, Timestamp)>> {
        let pki = self.pki().await?;
        Ok(pki
            .authorities_by_name()
            .filter_map(|(name, authority)| {
                let certificates = der::certificates(authority.certificate());
                Some((name, der::ends(certificates.first()?)?))
            })
            .collect())
    }

    /// The certificate by which the API server is known, PEM.
    ///
    /// # Errors
    /// As [`PkiLogin::kubeconfig_for`].
    pub async fn trusted(&self) -> Result<String> {
        Ok(self.pki().await?.trusted().unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_to_end_decides() {
        let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        let ends = |text: &str| ("that of the API".to_owned(), text.parse().unwrap());
        let far = (
            "the authority kubernetes-ca".to_owned(),
            "2037-01-01T00:00:00Z".parse().unwrap(),
        );
        let state = |api: &str| judged(&[far.clone(), ends(api)], now);
        let good = state("2027-12-31T00:00:00Z");
        assert_eq!(
            (good.state, good.what.as_str()),
            (
                State::Good,
                "the first to end is that of the API, on 2027-12-31, in 364 days"
            )
        );
        let near = state("2027-01-21T00:00:00Z");
        assert_eq!(
            (near.state, near.what.as_str()),
            (State::Warning, "that of the API ends on 2027-01-21, in 20 days")
        );
        assert!(!near.remedy.is_empty());
        assert_eq!(state("2026-12-31T00:00:00Z").state, State::Bad);
        assert_eq!(judged(&[], now).state, State::Warning);
    }
}
