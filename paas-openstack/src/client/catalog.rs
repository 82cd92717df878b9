//! The catalog: which endpoint of which service is ours.

use std::collections::BTreeSet;

use paas_core::error::{Class, Error};
use serde::{Deserialize, Serialize};
use url::Url;

use super::service::Kind;
use crate::codes::{OS_ANSWER, OS_NO_SERVICE, OS_REGION};

/// What Keystone says about where services are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Catalog {
    /// The services, in Keystone's order.
    pub services: Vec<Service>,
}

/// One service in a catalog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// `compute`, `volumev3`, ….
    #[serde(rename = "type", deserialize_with = "super::lenient::nullable")]
    pub kind: String,
    /// `nova`, or whatever the operator likes.
    #[serde(deserialize_with = "super::lenient::nullable")]
    pub name: String,
    /// Where it is, by interface and region.
    #[serde(deserialize_with = "super::lenient::nullable")]
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// `public`, `internal`, `admin`; older clouds say `publicURL`.
    #[serde(deserialize_with = "super::lenient::nullable")]
    pub interface: String,
    /// The region's id.
    pub region_id: Option<String>,
    /// The region's name: the same as its id since regions have ids.
    pub region: Option<String>,
    /// Where it is.
    #[serde(deserialize_with = "super::lenient::nullable")]
    pub url: String,
}

impl Service {
    /// True if it is this service by any of its names.
    fn is(&self, service: Kind) -> bool {
        service.types().iter().any(|kind| same_type(&self.kind, kind))
    }
}

impl Endpoint {
    /// The region as it is chosen by.
    pub fn region(&self) -> Option<&str> {
        self.region_id
            .as_deref()
            .or(self.region.as_deref())
            .filter(|r| !r.is_empty())
    }
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The service.
    pub service: Kind,
    /// Interfaces, the preferred one first; none means `public`.
    pub interfaces: &'a [String],
    /// The region; without one, several are refused.
    pub region: Option<&'a str>,
}

/// The endpoint that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The service's type as the catalog says it.
    pub service_type: String,
    /// Where it is.
    pub url: Url,
    /// Its interface.
    pub interface: String,
    /// Its region, if it has one.
    pub region: Option<String>,
}

impl Catalog {
    /// True if the cloud does not have the service at all. An empty catalog says nothing, and a service that is there for others only
    /// (another interface, another region) may hold things of ours all the same.
    pub fn lacks(&self, service: Kind) -> bool {
        !self.services.is_empty() && !self.services.iter().any(|s| s.is(service))
    }

    /// The endpoint of a service: its official type before older names, then the interface preferred, then the first.
    pub fn choose(&self, wanted: Wanted<'_>) -> Result<Choice, Error> {
        let default = ["public".to_owned()];
        let interfaces = if wanted.interfaces.is_empty() {
            &default[..]
        } else {
            wanted.interfaces
        };
        let mut elsewhere = BTreeSet::new();
        for kind in wanted.service.types() {
            let endpoints = || {
                let of_kind = self.services.iter().filter(|s| same_type(&s.kind, kind));
                of_kind.flat_map(|s| s.endpoints.iter().map(move |e| (s, e)))
            };
            for interface in interfaces {
                let mut fits: Vec<(&Service, &Endpoint)> = endpoints()
                    .filter(|(_, e)| same_interface(&e.interface, interface))
                    .collect();
                match wanted.region {
                    Some(region) => {
                        elsewhere.extend(fits.iter().filter_map(|(_, e)| e.region()));
                        fits.retain(|(_, e)| e.region() == Some(region));
                    }
                    None => one_region(wanted.service, &fits)?,
                }
                if let Some((service, endpoint)) = fits.first() {
                    return chosen(wanted.service, service, endpoint);
                }
            }
        }
        Err(match wanted.region {
            Some(region) if !elsewhere.is_empty() => Error::new(&OS_REGION, Class::Invalid)
                .attempted(format!("find {} in the catalog", wanted.service))
                .happened(format!(
                    "there is no {} in region '{region}'; it is in: {}",
                    wanted.service,
                    listed(elsewhere)
                )),
            _ => self.no_service(wanted.service, interfaces),
        })
    }

    fn no_service(&self, service: Kind, interfaces: &[String]) -> Error {
        let types: BTreeSet<&str> = self.services.iter().map(|s| s.kind.as_str()).collect();
        let there: BTreeSet<&str> = self
            .services
            .iter()
            .filter(|s| s.is(service))
            .flat_map(|s| s.endpoints.iter().map(|e| e.interface.as_str()))
            .collect();
        let happened = if self.services.is_empty() {
            "the token has no catalog: it is for no project".to_owned()
        } else if there.is_empty() {
            let names = service.types().join(", ");
            format!(
                "no service of type {names} in the catalog, which has: {}",
                listed(types)
            )
        } else {
            let wanted = interfaces.join(", ");
            format!(
                "{service} has no endpoint of interface {wanted}; it has: {}",
                listed(there)
            )
        };
        Error::new(&OS_NO_SERVICE, Class::Unsupported)
            .attempted(format!("find {service} in the catalog"))
            .happened(happened)
    }
}

fn one_region(service: Kind, fits: &[(&Service, &Endpoint)]) -> Result<(), Error> {
    let regions: BTreeSet<&str> = fits.iter().filter_map(|(_, e)| e.region()).collect();
    if regions.len() < 2 {
        return Ok(());
    }
    Err(Error::new(&OS_REGION, Class::Invalid)
        .attempted(format!("find {service} in the catalog"))
        .happened(format!(
            "no region was chosen, and {service} is in several: {}",
            listed(regions)
        )))
}

fn chosen(kind: Kind, service: &Service, endpoint: &Endpoint) -> Result<Choice, Error> {
    let url = Url::parse(&endpoint.url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
        .ok_or_else(|| {
            let shown: String = endpoint.url.chars().take(200).collect();
            Error::new(&OS_ANSWER, Class::Invalid)
                .attempted(format!("find {kind} in the catalog"))
                .happened(format!("the catalog's address of {kind} is none: '{shown}'"))
        })?;
    Ok(Choice {
        service_type: service.kind.clone(),
        url,
        interface: endpoint.interface.clone(),
        region: endpoint.region().map(str::to_owned),
    })
}

fn listed(names: BTreeSet<&str>) -> String {
    let mut all: Vec<&str> = names.into_iter().take(40).collect();
    all.retain(|name| !name.is_empty());
    all.join(", ")
}

/// `block_storage` is `block-storage`.
fn same_type(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .all(|(a, b)| a == b || (a == b'_' && b == b'-'))
}

/// `publicURL` is `public`.
fn same_interface(a: &str, b: &str) -> bool {
    let plain = |name: &str| name.strip_suffix("URL").unwrap_or(name).to_ascii_lowercase();
    plain(a) == plain(b)
}
