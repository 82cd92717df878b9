//! Keys and certificates of a control plane: made anew for each, EC P-256, good for as long as its folder lives.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use serde_json::json;

use super::{Authorities, codes::TEST_KUBE_START};
use crate::{
    error::{Class, Error, Result},
    local::{account::Account, files},
    secrets::ExposeSecret,
};

/// The first address of the range of Services, under which pods would know the API server.
const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// The names of the API server within a cluster.
const NAMES: [&str; 5] = [
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// The folder of keys and certificates of a control plane.
#[derive(Debug, Clone)]
pub(super) struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// Makes everything that is not given; `server` is the address that clients use.
    ///
    /// # Errors
    /// `PAAS-TEST-0003` if a key cannot be made or used, `PAAS-LOC-0013`.
    pub(super) fn make(
        place: &Path,
        server: &str,
        given: Option<&Authorities>,
        account: &Account,
    ) -> Result<Self> {
        let pki = Self {
            folder: place.join("pki"),
        };
        files::make_new_dir(&pki.folder, 0o700, account)?;
        let made = |e: rcgen::Error| {
            Error::new(&TEST_KUBE_START, Class::Internal)
                .attempted("make certificates for a control plane")
                .happened(e.to_string())
        };
        let both = &[
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let (as_server, as_client) = (&both[..1], &both[1..]);

        // etcd trusts an authority of its own: whoever may talk to it may do anything.
        let etcd = Authority::new("etcd for tests").map_err(made)?;
        pki.write("etcd-ca.crt", &etcd.pem, account)?;
        pki.pair("etcd", etcd.sign("etcd", None, both, &[]).map_err(made)?, account)?;

        let cluster = match given {
            Some(given) => Authority::given(given),
            None => Authority::new("kubernetes for tests"),
        };
        let cluster = cluster.map_err(made)?;
        pki.write("ca.crt", &cluster.pem, account)?;
        if given.is_some() {
            pki.write("ca.key", &cluster.key.serialize_pem(), account)?;
        }
        let names = given.map_or(&[][..], |g| &g.names);
        let server_pair = cluster
            .sign("kube-apiserver", None, as_server, names)
            .map_err(made)?;
        pki.pair("apiserver", server_pair, account)?;
        let users = [
            ("admin", "admin", Some("system:masters")),
            ("controllers", "system:kube-controller-manager", None),
        ];
        for (name, user, group) in users {
            pki.pair(
                name,
                cluster.sign(user, group, as_client, &[]).map_err(made)?,
                account,
            )?;
            pki.kubeconfig(name, server, account)?;
        }
        let tokens = match given {
            Some(given) => KeyPair::from_pem(given.service_account.expose_secret()),
            None => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        };
        let tokens = tokens.map_err(made)?;
        pki.write("tokens.key", &tokens.serialize_pem(), account)?;
        pki.write("tokens.pub", &tokens.public_key_pem(), account)?;
        Ok(pki)
    }

    /// A file of it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, text: &str, account: &Account) -> Result<()> {
        files::replace_unsynced(&self.file(name), text.as_bytes(), 0o600, account)
    }

    fn pair(&self, name: &str, pair: Pair, account: &Account) -> Result<()> {
        self.write(&format!("{name}.crt"), &pair.certificate, account)?;
        self.write(&format!("{name}.key"), &pair.key, account)
    }

    /// JSON is YAML too.
    fn kubeconfig(&self, name: &str, server: &str, account: &Account) -> Result<()> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "test", "cluster": {
                "server": server,
                "certificate-authority": self.file("ca.crt"),
            }}],
            "users": [{ "name": name, "user": {
                "client-certificate": self.file(&format!("{name}.crt")),
                "client-key": self.file(&format!("{name}.key")),
            }}],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": name } }],
            "current-context": "test",
        });
        self.write(&format!("{name}.kubeconfig"), &format!("{config:#}\n"), account)
    }
}

/// A certificate with its key, both PEM.
struct Pair {
    certificate: String,
    key: String,
}

struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = params(name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { params, key, pem })
    }

    /// One that was made before. What it signs bears its name, which is the first in its certificate.
    fn given(given: &Authorities) -> Result<Self, rcgen::Error> {
        let name = common_name(&given.certificate).ok_or(rcgen::Error::CouldNotParseCertificate)?;
        let mut params = params(&name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self {
            params,
            key: KeyPair::from_pem(given.key.expose_secret())?,
            pem: given.certificate.clone(),
        })
    }

    /// The common name is the user to the API server, the organization its group.
    fn sign(
        &self,
        user: &str,
        group: Option<&str>,
        usages: &[ExtendedKeyUsagePurpose],
        names: &[String],
    ) -> Result<Pair, rcgen::Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = params(user, group);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages.to_vec();
        if usages.contains(&ExtendedKeyUsagePurpose::ServerAuth) {
            for name in NAMES {
                params.subject_alt_names.push(SanType::DnsName(name.try_into()?));
            }
            for address in [Ipv4Addr::LOCALHOST, SERVICE] {
                params
                    .subject_alt_names
                    .push(SanType::IpAddress(IpAddr::V4(address)));
            }
            for name in names {
                params.subject_alt_names.push(match name.parse() {
                    Ok(address) => SanType::IpAddress(address),
                    Err(_) => SanType::DnsName(name.as_str().try_into()?),
                });
            }
        }
        let signed = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key))?;
        Ok(Pair {
            certificate: signed.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// The first common name in a certificate: of one that signed itself it is its own.
fn common_name(pem: &str) -> Option<String> {
    const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
    let (_, body) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = body.split_once("-----END CERTIFICATE-----")?;
    let letters: String = body.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(letters).ok()?;
    let at = bytes.windows(COMMON_NAME.len()).position(|w| w == COMMON_NAME)? + COMMON_NAME.len();
    // A tag, a length below 128, the text.
    let length = usize::from(*bytes.get(at + 1)?);
    let text = bytes.get(at + 2..at + 2 + length)?;
    String::from_utf8(text.to_vec()).ok()
}

/// The time is long, because the folder with the key lives no longer than the servers.
fn params(user: &str, group: Option<&str>) -> CertificateParams {
    let mut name = DistinguishedName::new();
    if let Some(group) = group {
        name.push(DnType::OrganizationName, group);
    }
    name.push(DnType::CommonName, user);
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params.use_authority_key_identifier_extension = true;
    params
}
