//! The certificate of one server: made for it, judged as a client would judge it, and renewed long before it ends.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd, string::Ia5String,
};
use rustls::{
    CertificateError,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};

use super::{HOST, authority::Authority};
use crate::{
    database::tls,
    error::Result,
    local::{account::Account, files, home::Home},
};

/// The folder in the instance's.
pub const FOLDER: &str = "tls";

/// How long a certificate is good: below the 825 days that some clients allow at most.
const GOOD: SignedDuration = SignedDuration::from_hours(730 * 24);

/// How long before its end it is renewed: whoever runs `up` twice a year never meets the end.
const AHEAD: SignedDuration = SignedDuration::from_hours(180 * 24);

/// How far back it is good, for clocks that go behind.
const BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A certificate that clients take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Tells it from others.
    pub fingerprint: String,
    /// When it ends.
    pub ends: Timestamp,
}

/// What is to be said of a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Clients take it, and go on taking it for a good while.
    Good(Served),
    /// There has to be a new one, and why.
    Due(String),
}

/// Where the certificate is.
pub fn file(instance: &Path) -> PathBuf {
    instance.join(FOLDER).join("server.crt")
}

fn key_file(instance: &Path) -> PathBuf {
    instance.join(FOLDER).join("server.key")
}

/// Looks at the certificate of an instance as a client would that has the home's authority.
pub fn look(home: &Home, instance: &Path, now: Timestamp) -> Standing {
    let good = || -> Result<Served, String> {
        let key = files::read(&key_file(instance)).map_err(|e| e.to_string())?;
        let key = key.ok_or("there is none yet")?;
        if !Authority::file(home).exists() {
            return Err("this home has no authority; a new one is made".to_owned());
        }
        if !file(instance).exists() {
            return Err("it is missing".to_owned());
        }
        let certificate = belong_together(&file(instance), &key)?;
        let ends = verify(&Authority::file(home), &certificate, now)?;
        if ends.duration_since(now) < AHEAD {
            return Err(format!("it ends on {}", day(ends)));
        }
        Ok(Served {
            fingerprint: fingerprint(&certificate),
            ends,
        })
    };
    match good() {
        Ok(served) => Standing::Good(served),
        Err(why) => Standing::Due(why),
    }
}

/// The fingerprint of a certificate that clients take, made now if there is none. The key stays the same for as long as it can be
/// read, so that key and certificate fit after a crash between the two.
///
/// # Errors
/// `PAAS-LOC-0022` if the authority cannot sign; `PAAS-LOC-0013`.
pub fn ensure(home: &Home, instance: &Path, account: &Account, now: Timestamp) -> Result<String> {
    if let Standing::Good(served) = look(home, instance, now) {
        return Ok(served.fingerprint);
    }
    let authority = Authority::open(home)?;
    files::make_own_dir(&instance.join(FOLDER), account)?;
    let kept = files::read(&key_file(instance))?;
    let key = match kept.and_then(|pem| KeyPair::from_pem(&pem).ok()) {
        Some(key) => key,
        None => {
            let fresh = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(unsigned)?;
            files::replace_unsynced(
                &key_file(instance),
                fresh.serialize_pem().as_bytes(),
                0o600,
                account,
            )?;
            fresh
        }
    };
    let pem = authority.sign(&params(now), &key)?;
    files::replace_unsynced(&file(instance), pem.as_bytes(), 0o600, account)?;
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(unsigned)?;
    Ok(fingerprint(&certificate))
}

/// The fingerprint of whatever certificate a server could still be started with, good or not.
pub fn kept(instance: &Path) -> Option<String> {
    let key = files::read(&key_file(instance)).ok().flatten()?;
    let certificate = belong_together(&file(instance), &key).ok()?;
    Some(fingerprint(&certificate))
}

fn unsigned(e: impl std::fmt::Display) -> crate::error::Error {
    crate::error::Error::new(&crate::local::codes::LOC_AUTHORITY, crate::error::Class::Internal)
        .attempted("make a server's certificate")
        .happened(e.to_string())
}

fn params(now: Timestamp) -> CertificateParams {
    let date = |t: Timestamp| {
        let date = t.to_zoned(TimeZone::UTC).date();
        // A calendar's month and day fit.
        date_time_ymd(
            date.year().into(),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    let mut params = CertificateParams::default();
    params.not_before = date(now.saturating_sub(BACK).unwrap_or(now));
    params.not_after = date(now.saturating_add(GOOD).unwrap_or(now));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, HOST);
    let machine = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .to_lowercase();
    let ours = machine
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    let names = [HOST.to_owned(), machine]
        .into_iter()
        .take(if ours { 2 } else { 1 });
    let mut names: Vec<String> = names.filter(|n| !n.is_empty()).collect();
    names.dedup();
    params.subject_alt_names = names
        .into_iter()
        .filter_map(|n| Ia5String::try_from(n).ok().map(SanType::DnsName))
        .chain(
            ["127.0.0.1", "::1"]
                .iter()
                .filter_map(|ip| ip.parse().ok().map(SanType::IpAddress)),
        )
        .collect();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// The certificate in a file, if this key is its own.
pub(super) fn belong_together(file: &Path, key: &str) -> Result<CertificateDer<'static>, String> {
    let told = |e: &dyn std::fmt::Display| e.to_string();
    let certificate = CertificateDer::from_pem_file(file).map_err(|e| told(&e))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| told(&e))?;
    CertifiedKey::from_der(vec![certificate.clone()], key, &tls::provider()).map_err(|e| told(&e))?;
    Ok(certificate)
}

/// Chain, name and time as a client sees them; gives when the certificate ends.
fn verify(ca: &Path, certificate: &CertificateDer<'_>, now: Timestamp) -> Result<Timestamp, String> {
    let told = |e: &dyn std::fmt::Display| e.to_string();
    let roots = tls::roots(ca)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), tls::provider())
        .build()
        .map_err(|e| told(&e))?;
    let name = ServerName::try_from(HOST).map_err(|e| told(&e))?;
    let at = |t: Timestamp| {
        let seconds = u64::try_from(t.as_second()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        verifier.verify_server_cert(certificate, &[], &name, &[], time)
    };
    at(now).map_err(|e| told(&e))?;
    // What is refused at the end of time names its own end.
    match at(Timestamp::MAX) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            let seconds = i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX);
            Timestamp::from_second(seconds).map_err(|e| told(&e))
        }
        Ok(_) => Ok(Timestamp::MAX),
        Err(e) => Err(told(&e)),
    }
}

/// A day in UTC.
fn day(t: Timestamp) -> String {
    t.to_zoned(TimeZone::UTC).date().to_string()
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate)
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_certificate_is_renewed_before_its_end_and_whenever_a_client_would_refuse_it() {
        let dir = tempfile::tempdir().unwrap();
        let me = Account::current().unwrap();
        let home = Home::open(dir.path().join("home"), Account::Myself { uid: me.uid() }).unwrap();
        let instance = home.instances().join("demo");
        fs::create_dir(&instance).unwrap();
        let now: Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
        let days = |n: i64| now + SignedDuration::from_hours(24 * n);
        let due = |t| match look(&home, &instance, t) {
            Standing::Due(why) => why,
            Standing::Good(served) => panic!("{served:?}"),
        };
        let ensure = |t| ensure(&home, &instance, &me, t).unwrap();
        assert_eq!(due(now), "there is none yet");
        let first = ensure(now);
        assert_eq!(ensure(days(500)), first, "it is good for long");
        assert!(matches!(look(&home, &instance, days(-20)), Standing::Good(_)));
        assert_eq!(due(days(551)), "it ends on 2029-02-28");
        assert!(due(days(731)).contains("expired"), "{}", due(days(731)));
        assert!(due(days(-40)).contains("not valid yet"), "{}", due(days(-40)));
        let key = fs::read(key_file(&instance)).unwrap();
        assert_ne!(ensure(days(551)), first);
        assert_eq!(fs::read(key_file(&instance)).unwrap(), key, "the key stays");

        fs::write(key_file(&instance), KeyPair::generate().unwrap().serialize_pem()).unwrap();
        due(now);
        ensure(now);
        fs::write(file(&instance), "half").unwrap();
        due(now);
        let last = ensure(now);
        assert_eq!(ensure(now), last);

        fs::remove_dir_all(home.authority()).unwrap();
        due(now);
        ensure(now);
        assert!(matches!(look(&home, &instance, now), Standing::Good(_)));
    }
}
