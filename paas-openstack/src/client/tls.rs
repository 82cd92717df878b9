//! From a cloud and options to an HTTP client that follows no redirect and trusts whom it is told to trust.

use std::{path::Path, time::Duration};

use paas_core::error::{Class, Error};
use reqwest::{Certificate, Identity};

use super::options::Options;
use crate::{Cloud, codes::OS_TLS};

/// Apache closes idle connections after five seconds by default. A connection that is closed while a call is being sent leaves
/// the call's effect unknown, so ours are given up before.
const IDLE: Duration = Duration::from_secs(4);

/// Reads certificate files; no network.
pub(crate) fn http(cloud: &Cloud, options: &Options) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(options.user_agent.as_str())
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .tls_danger_accept_invalid_certs(!cloud.tls.verify);
    if !options.system_proxy {
        builder = builder.no_proxy();
    }
    if let Some(path) = &cloud.tls.ca {
        let pem = read(path)?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|e| unreadable(path, &e))?;
        if certificates.is_empty() {
            return Err(unreadable(path, &"there is no certificate in it"));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some((certificate, key)) = &cloud.tls.client {
        let mut pem = read(certificate)?;
        if certificate != key {
            pem.push(b'\n');
            pem.extend(read(key)?);
        }
        builder = builder.identity(Identity::from_pem(&pem).map_err(|e| unreadable(certificate, &e))?);
    }
    builder.build().map_err(|e| {
        Error::new(&OS_TLS, Class::Invalid)
            .attempted(format!("prepare connections to the cloud '{}'", cloud.name))
            .happened(e.to_string())
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::new(&OS_TLS, Class::Invalid)
        .attempted(format!("read the certificates in {}", path.display()))
        .happened(why.to_string())
}
