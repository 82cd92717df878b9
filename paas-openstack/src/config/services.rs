//! What was said about endpoints: interfaces, and single services.

use std::collections::BTreeMap;

use paas_core::error::Error;

use super::{auth::url, fields::Fields, tree::Content};
use crate::{client::service::Kind, cloud::ServiceOptions};

/// Interfaces in their order; `publicURL` is an old word for `public`.
pub(super) fn interfaces(fields: &Fields, name: &str) -> Result<Option<Vec<String>>, Error> {
    let Some(node) = fields.top(name) else {
        return Ok(None);
    };
    let texts = match &node.content {
        Content::List(list) => list
            .iter()
            .map(|node| node.text(name))
            .collect::<Result<Vec<_>, _>>()?,
        _ => vec![node.text(name)?],
    };
    let mut found = Vec::new();
    for text in texts.into_iter().flatten() {
        let text = text.strip_suffix("URL").unwrap_or(&text);
        if !["public", "internal", "admin"].contains(&text) {
            return Err(node
                .place
                .wrong(name, "must be public, internal or admin, or a list of these"));
        }
        found.push(text.to_owned());
    }
    Ok(Some(found).filter(|found| !found.is_empty()))
}

/// What was said about each service, by any of the names that it has.
pub(super) fn read(fields: &Fields) -> Result<BTreeMap<Kind, ServiceOptions>, Error> {
    let mut services = BTreeMap::new();
    for kind in Kind::ALL {
        let names = |suffix: &str| {
            let names = kind
                .types()
                .iter()
                .map(|name| format!("{}_{suffix}", name.replace('-', "_")));
            names
                .collect::<Vec<_>>()
                .into_iter()
                .find(|name| fields.top(name).is_some())
        };
        let text = |suffix| names(suffix).map_or(Ok(None), |name| fields.expanded(&name));
        let endpoint = match names("endpoint_override").or_else(|| names("endpoint")) {
            None => None,
            Some(name) => match (fields.expanded(&name)?, fields.top(&name)) {
                (Some(text), Some(node)) => Some(url(&text, &node.place, &name)?),
                _ => None,
            },
        };
        let microversion = match names("default_microversion") {
            None => None,
            Some(name) => fields.top(&name).map_or(Ok(None), |node| node.written(&name))?,
        };
        let options = ServiceOptions {
            endpoint,
            region: text("region_name")?,
            interfaces: names("interface")
                .map_or(Ok(None), |name| interfaces(fields, &name))?
                .unwrap_or_default(),
            microversion,
        };
        if options != ServiceOptions::default() {
            services.insert(kind, options);
        }
    }
    Ok(services)
}
