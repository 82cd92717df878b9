//! TLS and deadlines.

use std::time::Duration;

use paas_core::error::Error;

use super::{fields::Fields, scalar, sources::Sources, warning::Warning};
use crate::cloud::Tls;

/// How TLS is checked. `insecure` wins over `verify`, and that over `cacert`.
pub(super) fn tls(
    fields: &Fields,
    sources: &Sources,
    name: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Tls, Error> {
    let path = |name: &str| Ok::<_, Error>(fields.expanded(name)?.map(|text| sources.path(&text)));
    let insecure = fields
        .top("insecure")
        .map_or(Ok(None), |node| node.boolean("insecure"))?;
    let mut ca = path("cacert")?;
    let mut verify = true;
    if let Some(node) = fields.top("verify") {
        // As in Python's requests, verify can also be the file of certificates.
        match node.written("verify")? {
            Some(text) if scalar::boolean(&text).is_none() && text.contains(['/', '.']) => {
                ca = ca.or_else(|| Some(sources.path(&text)));
            }
            _ => verify = node.boolean("verify")?.unwrap_or(true),
        }
    }
    let verify = verify && !insecure.unwrap_or(false);
    if !verify {
        warnings.push(Warning::Unverified {
            cloud: name.to_owned(),
        });
    }
    let client = match (path("cert")?, path("key")?) {
        // One file can have both.
        (Some(cert), key) => Some((cert.clone(), key.unwrap_or(cert))),
        (None, _) => None,
    };
    Ok(Tls {
        verify,
        ca: ca.filter(|_| verify),
        client,
    })
}

/// The deadline of one exchange, in seconds and parts of them.
pub(super) fn timeout(fields: &Fields) -> Result<Option<Duration>, Error> {
    let Some(node) = fields.top("api_timeout") else {
        return Ok(None);
    };
    let Some(text) = node.written("api_timeout")? else {
        return Ok(None);
    };
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map(Some)
        .ok_or_else(|| {
            node.place
                .wrong("api_timeout", "must be a number of seconds above 0")
        })
}
