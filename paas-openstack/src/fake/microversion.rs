//! Microversions: asked for in a header, refused with 406, repeated in the answer.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, request::Parts},
};
use serde_json::json;

use super::{refusal::Refusal, setup::Shape};
use crate::client::service::Kind;

/// The microversion of a call; 0.0 for services that have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Microversion(pub(super) u16, pub(super) u16);

impl Microversion {
    /// Whether the call is of this microversion or a later one: `has(2, 52)`.
    pub(super) fn has(self, major: u16, minor: u16) -> bool {
        self >= Self(major, minor)
    }

    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl std::fmt::Display for Microversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A service's word in the header, and its oldest and newest microversion.
pub(super) fn range(kind: Kind, shape: &Shape) -> Option<(&'static str, Microversion, Microversion)> {
    let parsed = |text: &str| Microversion::parse(text).unwrap_or_default();
    match kind {
        Kind::Compute => Some(("compute", Microversion(2, 1), parsed(&shape.compute_maximum))),
        Kind::BlockStorage => Some(("volume", Microversion(3, 0), parsed(&shape.volume_maximum))),
        Kind::Placement => Some(("placement", Microversion(1, 0), parsed(&shape.placement_maximum))),
        Kind::Identity | Kind::Network | Kind::Image | Kind::LoadBalancer => None,
    }
}

/// What was asked for, as it was said.
pub(super) fn asked(kind: Kind, word: &str, headers: &HeaderMap) -> Option<String> {
    let said = headers
        .get_all("openstack-api-version")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let modern = said.flat_map(|value| value.split(',')).find_map(|part| {
        let (service, version) = part.trim().split_once(' ')?;
        (service == word).then(|| version.trim().to_owned())
    });
    let old = || {
        headers
            .get("x-openstack-nova-api-version")?
            .to_str()
            .ok()
            .map(str::to_owned)
    };
    modern.or_else(|| if kind == Kind::Compute { old() } else { None })
}

/// The microversion that a call is answered in.
pub(super) fn negotiated(kind: Kind, shape: &Shape, headers: &HeaderMap) -> Result<Microversion, Refusal> {
    let Some((word, oldest, newest)) = range(kind, shape) else {
        return Ok(Microversion::default());
    };
    match asked(kind, word, headers).as_deref() {
        None => Ok(oldest),
        Some("latest") => Ok(newest),
        Some(text) => match Microversion::parse(text) {
            None => Err(Refusal::of(
                kind,
                400,
                &format!(
                    "API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
                ),
            )),
            Some(version) if version < oldest || version > newest => {
                Err(unsupported(kind, version, oldest, newest))
            }
            Some(version) => Ok(version),
        },
    }
}

fn unsupported(kind: Kind, version: Microversion, oldest: Microversion, newest: Microversion) -> Refusal {
    let words = format!(
        "Version {version} is not supported by the API. Minimum is {oldest} and maximum is {newest}."
    );
    match kind {
        Kind::Placement => Refusal::new(
            406,
            json!({"errors": [{"status": 406, "title": "Not Acceptable", "detail": format!("Invalid microversion: Unacceptable version header: {version}"),
                "max_version": newest.to_string(), "min_version": oldest.to_string()}]}),
        ),
        _ => {
            let mut refusal = Refusal::nova(406, &words);
            say(kind, oldest, refusal.headers_mut());
            refusal
        }
    }
}

/// Says in the answer what it is in.
pub(super) fn say(kind: Kind, version: Microversion, headers: &mut HeaderMap) {
    let word = match kind {
        Kind::Compute => "compute",
        Kind::BlockStorage => "volume",
        Kind::Placement => "placement",
        Kind::Identity | Kind::Network | Kind::Image | Kind::LoadBalancer => return,
    };
    if let Ok(value) = HeaderValue::from_str(&format!("{word} {version}")) {
        headers.insert("openstack-api-version", value);
        headers.append("vary", HeaderValue::from_static("OpenStack-API-Version"));
    }
    if kind == Kind::Compute
        && let Ok(value) = HeaderValue::from_str(&version.to_string())
    {
        headers.insert("x-openstack-nova-api-version", value);
        headers.append("vary", HeaderValue::from_static("X-OpenStack-Nova-API-Version"));
    }
}

impl<S: Sync> FromRequestParts<S> for Microversion {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or_default())
    }
}
