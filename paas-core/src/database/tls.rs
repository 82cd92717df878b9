//! TLS for sessions: rustls with aws-lc-rs, the chain and the name verified against one authority's certificate.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, pem::PemObject},
};
pub use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    codes::PG_TLS,
    connection::{Connection, SslMode},
};
use crate::error::{Class, Error, Result};

/// The one cryptography of this program. It is passed on and never installed for the whole process, which is the program's to decide.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// What a session encrypts with; a way without TLS gets one that trusts nobody and is never asked.
///
/// # Errors
/// `PAAS-PG-0014` if the authority's file cannot be read, or the way asks for TLS without verification or without an authority's file:
/// a session of ours verifies.
pub fn connector(to: &Connection) -> Result<MakeRustlsConnect> {
    let refused = |class, why: String| {
        Error::new(&PG_TLS, class)
            .attempted(format!("encrypt the way {to}"))
            .happened(why)
    };
    let roots = match (to.sslmode, &to.ca) {
        (SslMode::Disable, _) => RootCertStore::empty(),
        (SslMode::VerifyFull, Some(file)) => roots(file).map_err(|why| refused(Class::NotFound, why))?,
        (SslMode::VerifyFull, None) => {
            return Err(refused(Class::Unsupported, "no authority's file is named".into()));
        }
        (SslMode::Require, _) => {
            let why = "sslmode=require does not look at the certificate";
            return Err(refused(Class::Unsupported, why.into()));
        }
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| refused(Class::Internal, e.to_string()))?;
    Ok(MakeRustlsConnect::new(
        config.with_root_certificates(roots).with_no_client_auth(),
    ))
}

/// The certificates of a PEM file as trusted authorities, or why not.
pub(crate) fn roots(file: &Path) -> Result<RootCertStore, String> {
    let told = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| told(&e))? {
        let certificate = certificate.map_err(|e| told(&e))?;
        roots.add(certificate).map_err(|e| told(&e))?;
    }
    if roots.is_empty() {
        return Err(told(&"it holds no certificate"));
    }
    Ok(roots)
}

/// What to do about a certificate that is not the expected one.
pub(crate) fn remedy(words: &str) -> Option<&'static str> {
    if words.contains("UnknownIssuer") || words.contains("BadSignature") {
        return Some(
            "the client's authority file (sslrootcert) is not the one that signed this server's certificate: use the home's \
             authority/ca.crt; if that file was replaced, put it back, or run `paas up`, which renews what does not fit",
        );
    }
    if words.contains("No such file") {
        return Some(
            "put the authority's file back; or run `paas up`, which makes a new authority, whose ca.crt all clients must get",
        );
    }
    if words.contains("expired") || words.contains("not valid") {
        return Some(
            "run `paas up`: it renews the certificate and reloads the server; also check this machine's clock",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_ours_never_encrypts_without_verifying() {
        let mut to = Connection {
            host: "localhost".into(),
            port: 1,
            database: "app".into(),
            user: "app_a".into(),
            password: "x".to_owned().into(),
            sslmode: SslMode::Require,
            address: None,
            ca: None,
        };
        let code = |to: &Connection| connector(to).map(|_| ()).map_err(|e| e.code().id);
        assert_eq!(code(&to), Err(PG_TLS.id));
        to.sslmode = SslMode::VerifyFull;
        assert_eq!(code(&to), Err(PG_TLS.id));
        let dir = tempfile::tempdir().unwrap();
        to.ca = Some(dir.path().join("ca.crt"));
        assert_eq!(code(&to), Err(PG_TLS.id), "it is not there");
        std::fs::write(dir.path().join("ca.crt"), "nothing").unwrap();
        assert_eq!(code(&to), Err(PG_TLS.id), "it is empty");
        to.sslmode = SslMode::Disable;
        assert_eq!(code(&to), Ok(()));
    }
}
