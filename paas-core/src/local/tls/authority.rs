//! The certificate authority of a home: made once by whoever is first, and never replaced by itself, because clients trust its file.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use sha2::{Digest, Sha256};

use crate::{
    error::{Class, Error, Result},
    local::{codes::LOC_AUTHORITY, files, home::Home},
};

/// The authority with its key, ready to sign.
#[derive(Debug)]
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    /// The day on which every authority ends.
    pub const ENDS: jiff::civil::Date = jiff::civil::date(2049, 12, 31);

    /// The file that clients trust: `sslrootcert`.
    pub fn file(home: &Home) -> PathBuf {
        home.authority().join("ca.crt")
    }

    /// The authority of a home, made now if there is none.
    ///
    /// # Errors
    /// `PAAS-LOC-0022` if its files are damaged, do not belong together, or the key alone is gone: clients hold the certificate, so
    /// nothing is made anew in its place. `PAAS-LOC-0013`.
    pub fn open(home: &Home) -> Result<Self> {
        let (folder, file) = (home.authority(), Self::file(home));
        let place = folder.join("ca.key");
        let kept = files::read(&place)?;
        let certificate = files::read(&file)?;
        let refused = |why: String| {
            Error::new(&LOC_AUTHORITY, Class::Blocked)
                .attempted(format!("open the certificate authority in {}", folder.display()))
                .happened(why)
        };
        let pem = match kept {
            Some(pem) => pem,
            None if certificate.is_some() => {
                return Err(refused("there is a certificate, and no key to it".to_owned()));
            }
            None => {
                files::make_dir(&folder, 0o711)?;
                let fresh =
                    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|e| refused(e.to_string()))?;
                files::put_if_absent(&place, fresh.serialize_pem().as_bytes(), 0o600)?;
                files::read(&place)?.unwrap_or_default()
            }
        };
        let key = KeyPair::from_pem(&pem).map_err(|e| refused(format!("the key is damaged: {e}")))?;
        let params = params(&key);
        if certificate.is_none() {
            let own = params.self_signed(&key).map_err(|e| refused(e.to_string()))?;
            // Whoever signs first: the key is the same, so both certificates mean the same authority.
            files::put_if_absent(&file, own.pem().as_bytes(), 0o644)?;
        }
        super::certificate::belong_together(&file, &pem)
            .map_err(|why| refused(format!("certificate and key do not belong together: {why}")))?;
        Ok(Self { params, key })
    }

    /// Signs a server's certificate; PEM.
    pub(super) fn sign(&self, server: &CertificateParams, key: &KeyPair) -> Result<String> {
        let signed = server.signed_by(key, &Issuer::from_params(&self.params, &self.key));
        signed.map(|c| c.pem()).map_err(|e| {
            Error::new(&LOC_AUTHORITY, Class::Internal)
                .attempted("sign a server's certificate")
                .happened(e.to_string())
        })
    }
}

/// Everything but the key is fixed, so that the certificate follows from the key alone. The name tells homes apart. The time is long,
/// because whoever can read the key can read the data too.
fn params(key: &KeyPair) -> CertificateParams {
    let hash: String = Sha256::digest(key.public_key_raw())
        .iter()
        .take(4)
        .map(|b| format!("{b:02x}"))
        .collect();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, format!("paas local authority {hash}"));
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = date_time_ymd(2000, 1, 1);
    let end = Authority::ENDS;
    params.not_after = date_time_ymd(
        end.year().into(),
        end.month().unsigned_abs(),
        end.day().unsigned_abs(),
    );
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::local::account::Account;

    fn home(dir: &tempfile::TempDir) -> Home {
        Home::open(dir.path().join("home"), Account::Myself { uid: 1 }).unwrap()
    }

    #[test]
    fn many_who_come_first_at_once_get_one_authority() {
        let dir = tempfile::tempdir().unwrap();
        let home = home(&dir);
        let keys: Vec<String> = std::thread::scope(|s| {
            let all: Vec<_> = (0..8)
                .map(|_| s.spawn(|| Authority::open(&home).unwrap().key.serialize_pem()))
                .collect();
            all.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|k| *k == keys[0]));
        assert_eq!(files::list(&home.authority()).unwrap().len(), 2);
        let mode = fs::metadata(home.authority().join("ca.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_authority_that_clients_trust_is_never_made_anew_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        let home = home(&dir);
        let key = home.authority().join("ca.key");
        Authority::open(&home).unwrap();
        let kept = fs::read(&key).unwrap();
        let certificate = fs::read(Authority::file(&home)).unwrap();
        let refused = || Authority::open(&home).unwrap_err().code().id;

        fs::remove_file(&key).unwrap();
        assert_eq!(refused(), LOC_AUTHORITY.id, "the key is gone");
        fs::write(&key, "damaged").unwrap();
        assert_eq!(refused(), LOC_AUTHORITY.id, "the key is damaged");
        let other = KeyPair::generate().unwrap();
        fs::write(&key, other.serialize_pem()).unwrap();
        assert_eq!(refused(), LOC_AUTHORITY.id, "the key is another");
        assert_eq!(fs::read(Authority::file(&home)).unwrap(), certificate);

        // The certificate alone follows from the key: a crash between the two files is healed.
        fs::write(&key, kept).unwrap();
        fs::remove_file(Authority::file(&home)).unwrap();
        Authority::open(&home).unwrap();
        assert!(Authority::file(&home).exists());
    }
}
