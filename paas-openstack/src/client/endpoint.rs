//! From a call to a request: the service's endpoint, its versions, its headers. What was learnt is kept.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use paas_core::error::{Class, Error, Result};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::OnceCell;
use url::Url;

use super::{
    Client,
    call::Call,
    catalog::{Choice, Wanted},
    discovery::{Document, Parts, Versions},
    offered::Offered,
    page,
    service::Kind,
    shape::one_line,
    token::Token,
    transport::Request,
    version::{Microversion, Need, negotiate},
};
use crate::{
    cloud::ServiceOptions,
    codes::{OS_INVALID, OS_UNSUPPORTED},
};

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// The service.
    pub service: Kind,
    /// Its type as the catalog says it: `volumev3`.
    pub service_type: String,
    /// The interface that was chosen; empty if the endpoint was given in the configuration.
    pub interface: String,
    /// Its region, if it has one.
    pub region: Option<String>,
    /// The root of the version that is spoken here: paths of calls begin after it.
    pub root: Url,
}

/// What is known of the services. A token for the same scope always has the same catalog, so nothing here goes stale with it.
#[derive(Debug, Default)]
pub(crate) struct Endpoints(Mutex<BTreeMap<Kind, Arc<Known>>>);

#[derive(Debug, Default)]
struct Known {
    place: OnceCell<(Endpoint, Parts)>,
    offered: Offered,
}

pub(crate) async fn of(client: &Client, kind: Kind) -> Result<Endpoint> {
    let known = known(client, kind);
    Ok(place(client, kind, &known).await?.0.clone())
}

pub(crate) async fn versions(client: &Client, kind: Kind) -> Result<Versions> {
    let known = known(client, kind);
    let (_, parts) = place(client, kind, &known).await?;
    Ok(known.offered.get(client, kind, parts).await?.versions.clone())
}

/// Everything of the request but the token.
pub(crate) async fn request(client: &Client, call: &Call) -> Result<Request> {
    let began = client.0.transport.clock.elapsed();
    let known = known(client, call.service);
    let (endpoint, parts) = place(client, call.service, &known).await?;
    let mut headers = call.headers.clone();
    // Glance answers with web pages to whoever does not ask for JSON.
    headers
        .entry("accept")
        .or_insert(HeaderValue::from_static("application/json"));
    // The cloud's logs show one call of ours under one id through all its services. It makes nothing idempotent. Chance enters
    // here and nowhere comes back: no decision depends on it.
    if let Ok(id) = HeaderValue::from_str(&format!("req-{}", uuid::Uuid::new_v4())) {
        headers.insert("x-openstack-request-id", id);
    }
    if call.need != Need::None {
        let offered = known.offered.get(client, call.service, parts).await?;
        microversion(client, call, &offered, &mut headers)?;
    }
    let mut url = endpoint.root.clone();
    url.set_path(&path(call, &endpoint.root)?);
    page::with_query(&mut url, &call.query);
    Ok(Request {
        service: call.service,
        operation: call.operation.clone(),
        method: call.method.clone(),
        url,
        headers,
        body: call.body.clone(),
        mutates: call.mutates,
        timeout: call.timeout,
        secrets: call.secrets.clone(),
        began,
        expects: &[],
    })
}

fn known(client: &Client, kind: Kind) -> Arc<Known> {
    let mut all = client
        .0
        .endpoints
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    all.entry(kind).or_default().clone()
}

async fn place<'a>(client: &Client, kind: Kind, known: &'a Known) -> Result<&'a (Endpoint, Parts)> {
    known
        .place
        .get_or_try_init(|| async {
            let token = client.token().await?;
            let choice = choice(client, kind, &token)?;
            let parts = Parts::of(&choice.url);
            let segment = match parts.is_spoken(kind) {
                true => None,
                false => known.offered.get(client, kind, &parts).await?.segment.clone(),
            };
            let endpoint = Endpoint {
                service: kind,
                service_type: choice.service_type,
                interface: choice.interface,
                region: choice.region,
                root: parts.root(kind, segment.as_deref()),
            };
            Ok((endpoint, parts))
        })
        .await
}

fn choice(client: &Client, kind: Kind, token: &Token) -> Result<Choice> {
    let cloud = client.cloud();
    let none = ServiceOptions::default();
    let options = cloud.services.get(&kind).unwrap_or(&none);
    if let Some(url) = &options.endpoint {
        return Ok(Choice {
            service_type: kind.types().first().copied().unwrap_or_default().to_owned(),
            url: filled(url, token),
            interface: String::new(),
            region: options.region.clone().or_else(|| cloud.region.clone()),
        });
    }
    let interfaces = if options.interfaces.is_empty() {
        &cloud.interfaces
    } else {
        &options.interfaces
    };
    let chosen = token.catalog.choose(Wanted {
        service: kind,
        interfaces,
        region: options.region.as_deref().or(cloud.region.as_deref()),
    });
    match chosen {
        // A token for no project has no catalog, and Keystone is where it was.
        Err(_) if kind == Kind::Identity && token.catalog.services.is_empty() => Ok(Choice {
            service_type: "identity".to_owned(),
            url: cloud.auth_url.clone(),
            interface: String::new(),
            region: None,
        }),
        chosen => chosen,
    }
}

/// `https://h/volume/v3/%(project_id)s`, as configurations say it.
fn filled(url: &Url, token: &Token) -> Url {
    let Some(project) = &token.project else {
        return url.clone();
    };
    let mut path = url.path().to_owned();
    for name in ["project_id", "tenant_id"] {
        path = path
            .replace(&format!("%({name})s"), &project.id)
            .replace(&format!("$({name})s"), &project.id);
    }
    let mut url = url.clone();
    url.set_path(&path);
    url
}

fn microversion(client: &Client, call: &Call, offered: &Document, headers: &mut HeaderMap) -> Result<()> {
    let kind = call.service;
    let unsupported = |why: String| {
        Error::new(&OS_UNSUPPORTED, Class::Unsupported)
            .attempted(call.operation.clone())
            .happened(format!("{kind} cannot: {why}"))
    };
    let cap = client
        .cloud()
        .services
        .get(&kind)
        .and_then(|options| options.microversion.as_deref());
    // `latest` caps nothing.
    let cap: Option<Microversion> = match cap.filter(|cap| !cap.eq_ignore_ascii_case("latest")) {
        Some(cap) => Some(
            cap.parse()
                .map_err(|e| unsupported(format!("the configuration's microversion: {e}")))?,
        ),
        None => None,
    };
    let sent =
        negotiate(&call.need, offered.versions.microversions, cap).map_err(|e| unsupported(e.to_string()))?;
    let (Some(version), Some(name)) = (sent, service_name(kind)) else {
        return Ok(());
    };
    let mut set = |header: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(header), value);
        }
    };
    set("openstack-api-version", format!("{name} {version}"));
    if kind == Kind::Compute {
        // The only name that Nova knew before 2.27.
        set("x-openstack-nova-api-version", version.to_string());
    }
    Ok(())
}

/// The name of a service in the header of microversions; those without a name have no microversions.
fn service_name(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Compute => Some("compute"),
        Kind::BlockStorage => Some("volume"),
        Kind::Placement => Some("placement"),
        Kind::Identity | Kind::Network | Kind::Image | Kind::LoadBalancer => None,
    }
}

/// The path of a call below the root. What would climb out of it is refused: ids come from people and from other programs.
fn path(call: &Call, root: &Url) -> Result<String> {
    let climbs = |segment: &str| {
        matches!(
            segment.to_ascii_lowercase().replace("%2e", ".").as_str(),
            "." | ".."
        )
    };
    let odd = call.path.contains(['\\', '?', '#', '\n', '\r', '\t']);
    let wrong = match &call.malformed {
        Some(why) => Some(why.clone()),
        None if odd || call.path.split('/').any(climbs) => {
            Some(format!("a path '{}' that none can be", one_line(&call.path)))
        }
        None => None,
    };
    if let Some(why) = wrong {
        return Err(Error::new(&OS_INVALID, Class::Invalid)
            .attempted(call.operation.clone())
            .happened(format!("the call of {} was not sent: it has {why}", call.service)));
    }
    let root = root.path().trim_end_matches('/');
    Ok(format!("{root}/{}", call.path.trim_start_matches('/')))
}
