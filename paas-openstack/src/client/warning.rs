//! What a person should know about a configuration that works.

use std::fmt;

use url::Host;

use crate::Cloud;

/// Something that is dangerous and was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// `verify: false`.
    NotVerified {
        /// The cloud's name.
        cloud: String,
    },
    /// The password goes over the network as it is.
    PlainText {
        /// Where to.
        host: String,
    },
}

impl Warning {
    pub(crate) fn of(cloud: &Cloud) -> Vec<Self> {
        let mut all = Vec::new();
        if !cloud.tls.verify {
            all.push(Self::NotVerified {
                cloud: cloud.name.clone(),
            });
        }
        let here = match cloud.auth_url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => true,
        };
        if cloud.auth_url.scheme() == "http" && !here {
            all.push(Self::PlainText {
                host: cloud.auth_url.host_str().unwrap_or_default().to_owned(),
            });
        }
        all
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVerified { cloud } => write!(
                f,
                "TLS certificates of the cloud '{cloud}' are NOT verified: whoever is on the way can read the password and \
                 change every answer. Name its authority with `cacert` instead of `verify: false`."
            ),
            Self::PlainText { host } => {
                write!(
                    f,
                    "the credentials go to {host} without TLS: whoever is on the way can read them"
                )
            }
        }
    }
}
