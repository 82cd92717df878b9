//! Which versions a service offers, and where the one spoken here has its root.
//!
//! Catalog URLs come in many forms (with and without version, with a project at the end, below a prefix), and links in version
//! documents often have the wrong scheme or host behind a proxy. So only the last part of a link is believed; everything before
//! the version is the catalog's.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{
    lenient::nullable,
    service::Kind,
    version::{Microversion, Range},
};

/// What a service offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// Its versions as it calls them, in its order: `v2.0`, `v3.14`.
    pub ids: Vec<String>,
    /// The microversions of the one that is spoken here, if it has them.
    pub microversions: Option<Range>,
}

/// A catalog URL in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Scheme, host and path before the version.
    base: Url,
    /// `v2.1`, if it is there.
    version: Option<String>,
    /// What follows the version: a project.
    rest: String,
}

impl Parts {
    pub(crate) fn of(url: &Url) -> Self {
        let mut base = url.clone();
        base.set_query(None);
        base.set_fragment(None);
        let segments: Vec<String> = url
            .path()
            .split('/')
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect();
        let at = segments.iter().rposition(|segment| major(segment).is_some());
        let (before, version, rest) = match at {
            Some(at) => (
                &segments[..at],
                Some(segments[at].clone()),
                segments[at + 1..].join("/"),
            ),
            None => (&segments[..], None, String::new()),
        };
        base.set_path(&before.join("/"));
        Self { base, version, rest }
    }

    /// True if the URL says the version that is spoken here, so that nobody has to be asked.
    pub(crate) fn is_spoken(&self, kind: Kind) -> bool {
        match &self.version {
            Some(version) => major(version) == major(kind.suffix()),
            None => kind.suffix().is_empty(),
        }
    }

    /// Where the documents are: of one version if the URL says ours, else of all.
    pub(crate) fn document(&self, kind: Kind) -> Url {
        let mut url = match &self.version {
            Some(version) if self.is_spoken(kind) => joined(&self.base, &[version]),
            _ => self.base.clone(),
        };
        // Without the slash at the end some services redirect.
        let path = format!("{}/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    /// The root of the version that is spoken here. `found` is the path segment that the documents name for it.
    pub(crate) fn root(&self, kind: Kind, found: Option<&str>) -> Url {
        let version = match &self.version {
            Some(version) if self.is_spoken(kind) => version,
            _ => found.unwrap_or(kind.suffix()),
        };
        joined(&self.base, &[version, &self.rest])
    }
}

/// A version document, as far as it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) versions: Versions,
    /// The path segment of the version that is spoken here; empty for a service whose root is its version.
    pub(crate) segment: Option<String>,
}

/// Reads a version document; `None` if it is something else.
pub(crate) fn read(kind: Kind, body: &[u8]) -> Option<Document> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let entries = match (json.get("versions"), json.get("version")) {
        (Some(Value::Array(entries)), _) => entries.clone(),
        (Some(nested), _) => nested.get("values")?.as_array()?.clone(),
        (None, Some(one @ Value::Object(_))) => vec![one.clone()],
        (None, _) => return None,
    };
    let entries: Vec<Entry> = entries
        .into_iter()
        .filter_map(|e| serde_json::from_value(e).ok())
        .collect();
    let wanted = major(kind.suffix());
    let ours = entries
        .iter()
        .filter(|entry| wanted.is_none() || major(&entry.id) == wanted)
        .max_by_key(|entry| {
            (
                entry.range().map(|range| range.max),
                entry.is_current(),
                number(&entry.id),
            )
        });
    Some(Document {
        segment: ours.map(|entry| entry.segment().unwrap_or_else(|| kind.suffix().to_owned())),
        versions: Versions {
            microversions: ours.and_then(Entry::range),
            ids: entries.iter().map(|entry| entry.id.clone()).collect(),
        },
    })
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "nullable")]
    id: String,
    #[serde(default, deserialize_with = "nullable")]
    status: String,
    #[serde(default, deserialize_with = "nullable")]
    version: String,
    /// Placement's name for `version`.
    #[serde(default, deserialize_with = "nullable")]
    max_version: String,
    #[serde(default, deserialize_with = "nullable")]
    min_version: String,
    #[serde(default, deserialize_with = "nullable")]
    links: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    #[serde(default, deserialize_with = "nullable")]
    rel: String,
    #[serde(default, deserialize_with = "nullable")]
    href: String,
}

impl Entry {
    fn is_current(&self) -> bool {
        ["current", "stable"]
            .iter()
            .any(|s| self.status.eq_ignore_ascii_case(s))
    }

    fn range(&self) -> Option<Range> {
        let max = [&self.version, &self.max_version]
            .into_iter()
            .find(|v| !v.is_empty())?;
        Some(Range {
            min: self.min_version.parse().ok()?,
            max: max.parse().ok()?,
        })
    }

    fn segment(&self) -> Option<String> {
        let link = self.links.iter().find(|link| link.rel == "self")?;
        // A relative link is as good: only its path counts.
        let path = match Url::parse(&link.href) {
            Ok(url) => url.path().to_owned(),
            Err(_) => link.href.clone(),
        };
        let last = path.split('/').rfind(|s| !s.is_empty())?;
        major(last).map(|_| last.to_owned())
    }
}

/// 2 of `v2.1`; nothing else is a version.
fn major(segment: &str) -> Option<u16> {
    number(segment).map(|version| version.major)
}

fn number(segment: &str) -> Option<Microversion> {
    let digits = segment.strip_prefix('v')?;
    digits
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| segment.parse().ok())?
}

fn joined(base: &Url, parts: &[&str]) -> Url {
    let mut path = base.path().trim_end_matches('/').to_owned();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        path.push('/');
        path.push_str(part);
    }
    let mut url = base.clone();
    url.set_path(&path);
    url
}
