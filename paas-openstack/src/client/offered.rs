//! What a service offers: asked for once, and kept.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use paas_core::error::{Class, Error, Result};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderValue},
};
use tokio::sync::Mutex;
use url::Url;

use super::{
    Client,
    discovery::{self, Document, Parts},
    header,
    service::Kind,
    token::Token,
    transport::Request,
};
use crate::codes::OS_UNSUPPORTED;

/// How long it is believed that a service does not show its versions. Then it is asked again: a proxy that has lost its service
/// for a moment answers like a cloud that hides them.
const HIDDEN_FOR: Duration = Duration::from_secs(600);

/// The version document of one service.
#[derive(Debug, Default)]
pub(crate) struct Offered(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    document: Arc<Document>,
    until: Option<Duration>,
}

impl Offered {
    /// The document; an empty one if the service does not show it. Then the known path is used, and calls that need a microversion
    /// say that none is offered. A service that cannot answer now is an error, of which nothing is kept.
    pub(crate) async fn get(&self, client: &Client, kind: Kind, parts: &Parts) -> Result<Arc<Document>> {
        let mut kept = self.0.lock().await;
        let now = client.0.transport.clock.elapsed();
        if let Some(Kept { document, until }) = &*kept
            && until.is_none_or(|end| now < end)
        {
            return Ok(document.clone());
        }
        let shown = shown(client, kind, parts).await?;
        let until = shown.is_none().then_some(now + HIDDEN_FOR);
        let document = Arc::new(shown.unwrap_or_default());
        *kept = Some(Kept {
            document: document.clone(),
            until,
        });
        Ok(document)
    }
}

async fn shown(client: &Client, kind: Kind, parts: &Parts) -> Result<Option<Document>> {
    let url = parts.document(kind);
    let mut answer = ask(client, kind, url.clone(), None).await?;
    if matches!(answer.0, 401 | 403) {
        answer = ask(client, kind, url, Some(client.token().await?)).await?;
    }
    let document = match answer {
        (200 | 300, body) => discovery::read(kind, &body),
        _ => None,
    };
    match document {
        Some(found) if found.segment.is_none() && !found.versions.ids.is_empty() => {
            let offers = found.versions.ids.join(", ");
            Err(Error::new(&OS_UNSUPPORTED, Class::Unsupported)
                .attempted(format!("find a version of {kind} that is spoken here"))
                .happened(format!("{kind} offers {offers}, and {} is needed", kind.suffix())))
        }
        document => Ok(document),
    }
}

async fn ask(client: &Client, kind: Kind, url: Url, token: Option<Arc<Token>>) -> Result<(u16, Bytes)> {
    let transport = &client.0.transport;
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("application/json"));
    if let Some(token) = token {
        headers.insert("x-auth-token", header(&token)?);
    }
    let request = Request {
        service: kind,
        operation: "ask for versions".into(),
        method: Method::GET,
        url,
        headers,
        body: None,
        mutates: false,
        timeout: None,
        secrets: Vec::new(),
        began: transport.clock.elapsed(),
        expects: &[
            300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 410, 501,
        ],
    };
    let raw = transport.send(&request).await?;
    Ok((raw.status, raw.body))
}
