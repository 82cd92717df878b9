//! One certificate authority: its key and certificate, kept as one secret, and what it signs.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

use super::{der, hash};
use crate::{
    error::{Class, Error, Result},
    installer::codes::INS_AUTHORITY,
    ledger::later,
    owner::Owner,
    secrets::{ExposeSecret, SecretString},
};

/// How long an authority is good: ten years, as kubeadm and k3s have it.
const GOOD: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// How far back a certificate is good, for machines whose clocks go behind.
pub(super) const BACK: Duration = Duration::from_secs(5 * 60);

/// A certificate authority with its key.
#[derive(Clone)]
pub struct Authority {
    owner: Owner,
    name: &'static str,
    certificate: String,
    key: SecretString,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A client's certificate with its key.
#[derive(Clone)]
pub struct ClientCertificate {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: SecretString,
    /// When it ends.
    pub ends: Timestamp,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes the secret of a new authority: the key first, then the certificate.
    pub(super) fn generate(owner: &Owner, name: &'static str, now: Timestamp) -> Result<SecretString> {
        let made = || {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            let mut params = params(owner, name);
            valid(&mut params, now, GOOD);
            let certificate = params.self_signed(&key)?;
            Ok(format!("{}{}", lines(key.serialize_pem()), lines(certificate.pem())).into())
        };
        made().map_err(|e: rcgen::Error| unusable(name, Class::Internal, e.to_string()))
    }

    /// Reads the secret of an authority.
    ///
    /// # Errors
    /// [`INS_AUTHORITY`] if it is damaged, or key and certificate do not belong together.
    pub(super) fn open(owner: &Owner, name: &'static str, secret: &SecretString) -> Result<Self> {
        let blocked = |why: &str| unusable(name, Class::Blocked, why.to_owned());
        let (key, certificate) = secret
            .expose_secret()
            .find("-----BEGIN CERTIFICATE-----")
            .map(|at| secret.expose_secret().split_at(at))
            .ok_or_else(|| blocked("the secret holds no certificate"))?;
        // The parser's own words could repeat what it was given.
        let pair = KeyPair::from_pem(key).map_err(|_| blocked("the key cannot be read"))?;
        let chain = der::certificates(certificate);
        let parts = chain.first().and_then(|der| der::parts(der));
        let parts = parts.ok_or_else(|| blocked("the certificate cannot be read"))?;
        if rcgen::PublicKeyData::subject_public_key_info(&pair) != parts.public_key {
            return Err(blocked("its key and its certificate do not belong together"));
        }
        Ok(Self {
            owner: owner.clone(),
            name,
            certificate: certificate.to_owned(),
            key: key.to_owned().into(),
        })
    }

    /// The certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The key, PEM.
    pub fn key(&self) -> &SecretString {
        &self.key
    }

    /// By what kubeadm knows it.
    ///
    /// # Errors
    /// [`INS_AUTHORITY`].
    pub fn pin(&self) -> Result<String> {
        hash::kubeadm(&self.certificate).ok_or_else(|| {
            unusable(
                self.name,
                Class::Blocked,
                "the certificate cannot be read".to_owned(),
            )
        })
    }

    /// By what k3s knows it.
    ///
    /// # Errors
    /// [`INS_AUTHORITY`].
    pub fn hash(&self) -> Result<String> {
        hash::k3s(&self.certificate).ok_or_else(|| {
            unusable(
                self.name,
                Class::Blocked,
                "the certificate cannot be read".to_owned(),
            )
        })
    }

    /// Signs a client's certificate: the API server takes its name for the user and its organizations for the groups.
    pub(super) fn sign(
        &self,
        user: &str,
        groups: &[&str],
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<ClientCertificate> {
        let failed = |e: rcgen::Error| unusable(self.name, Class::Internal, e.to_string());
        let signer = KeyPair::from_pem(self.key.expose_secret()).map_err(failed)?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut subject = DistinguishedName::new();
        for group in groups {
            subject.push(DnType::OrganizationName, *group);
        }
        subject.push(DnType::CommonName, user);
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name = subject;
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        valid(&mut leaf, now, lifetime);
        let own = params(&self.owner, self.name);
        let signed = leaf
            .signed_by(&key, &Issuer::from_params(&own, &signer))
            .map_err(failed)?;
        let chain = der::certificates(&self.certificate);
        let authority = chain.first().and_then(|der| der::parts(der));
        let issuer = der::parts(signed.der()).map(|parts| parts.issuer);
        if issuer != authority.map(|parts| parts.subject) {
            let why = format!(
                "its certificate does not bear the name of {}'s authority",
                self.owner
            );
            return Err(unusable(self.name, Class::Blocked, why));
        }
        Ok(ClientCertificate {
            certificate: lines(signed.pem()),
            key: lines(key.serialize_pem()).into(),
            ends: later(now, lifetime),
        })
    }
}

/// Everything of an authority but its key and its time: the same for ever, since what it signs bears its name.
fn params(owner: &Owner, name: &str) -> CertificateParams {
    let mut subject = DistinguishedName::new();
    let uid = owner.uid().simple().to_string();
    let role = name.trim_start_matches(super::PREFIX);
    subject.push(
        DnType::CommonName,
        format!("{role} authority of paas-{}", &uid[..8]),
    );
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
    ];
    params
}

/// From a little before now, for a time.
fn valid(params: &mut CertificateParams, now: Timestamp, lifetime: Duration) {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    params.not_before = now - BACK;
    params.not_after = now + lifetime;
}

/// With the line ends of Unix and one at the end, since k3s hashes the bytes of the file.
pub(super) fn lines(pem: String) -> String {
    let mut text: String = pem.lines().flat_map(|line| [line, "\n"]).collect();
    if text.is_empty() {
        text.push('\n');
    }
    text
}

pub(super) fn unusable(name: &str, class: Class, why: String) -> Error {
    Error::new(&INS_AUTHORITY, class)
        .attempted(format!("use the secret {name}"))
        .happened(why)
}
