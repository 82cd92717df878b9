//! Speaking to a cloud: one token for many tasks, every call with its deadline, its retries and its error.
//!
//! [`Client::new`] does nothing on the network. The first call logs in, looks into the catalog and, where it must, asks the
//! service for its versions; what was learnt is kept for all later calls.
//!
//! Laws:
//! - A call that changes something is never sent twice if it may have had its effect ([`retry`]); the error then says so.
//! - No redirect is followed, and no link of a page to another host: the token goes where the catalog says, nowhere else.
//! - No secret is in any `Debug`, error or trace.
//! - A refused credential is not tried again and again: accounts get locked by that.

mod auth;
mod broken;
mod call;
mod catalog;
mod classify;
mod discovery;
mod endpoint;
mod error;
#[cfg(test)]
mod fuzz;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod lenient;
mod offered;
mod options;
mod pace;
mod page;
mod redact;
pub mod retry;
pub mod service;
mod session;
mod shape;
mod tls;
mod token;
pub mod trace;
mod transport;
pub mod version;
mod warning;

use std::{fmt, sync::Arc};

use futures::Stream;
use paas_core::error::{Error, Result};
use reqwest::{StatusCode, header::HeaderValue};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::{
    endpoint::Endpoints,
    lenient::told,
    pace::Pace,
    service::Kind,
    session::{Session, Source},
    transport::{Raw, Request, Transport},
};
use crate::cloud::{Cloud, Scope};

pub use self::{
    call::{Call, Reply, segment},
    catalog::{Catalog, Choice, Endpoint as CatalogEndpoint, Service as CatalogService, Wanted},
    discovery::Versions,
    endpoint::Endpoint,
    error::ApiError,
    options::Options,
    pace::Rate,
    retry::Bounds,
    token::{Named, Token},
    trace::Trace,
    version::{Microversion, Need},
    warning::Warning,
};

/// A client of one cloud, for one scope. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    cloud: Arc<Cloud>,
    transport: Arc<Transport>,
    session: Arc<Session>,
    endpoints: Endpoints,
    max_pages: usize,
}

impl Client {
    /// A client that has not asked anybody yet. Fails if certificate files cannot be read.
    pub fn new(cloud: Cloud, options: Options) -> Result<Self> {
        let timeout = cloud.timeout.unwrap_or(options.timeout);
        let transport = Arc::new(Transport {
            http: tls::http(&cloud, &options)?,
            pace: Pace::new(options.clock.clone(), options.concurrency, options.rate),
            clock: options.clock,
            trace: options.trace,
            bounds: options.retries,
            timeout,
            deadline: options.deadline.max(timeout),
            limit: options.max_answer,
        });
        let source = Source::Credentials(cloud.identity.clone());
        let scope = cloud.scope.clone();
        let client = Self::build(Arc::new(cloud), transport, source, scope, options.max_pages);
        for warning in client.warnings() {
            tracing::warn!(cloud = client.cloud().name, "{warning}");
        }
        Ok(client)
    }

    /// The same user with a token for something else, made from this client's token. Connections, budget and trace are shared.
    /// Clouds may forbid it, and a token of an application credential cannot leave its project.
    #[must_use]
    pub fn rescoped(&self, scope: Scope) -> Self {
        let inner = &self.0;
        Self::build(
            inner.cloud.clone(),
            inner.transport.clone(),
            Source::Parent(self.clone()),
            scope,
            inner.max_pages,
        )
    }

    /// What time is told by here.
    pub(crate) fn clock(&self) -> &dyn paas_core::clock::Clock {
        &*self.0.transport.clock
    }

    fn build(
        cloud: Arc<Cloud>,
        transport: Arc<Transport>,
        source: Source,
        scope: Scope,
        max_pages: usize,
    ) -> Self {
        let keystone = auth::keystone(&cloud.auth_url);
        Self(Arc::new(Inner {
            session: Session::new(transport.clone(), keystone, source, scope),
            cloud,
            transport,
            endpoints: Endpoints::default(),
            max_pages,
        }))
    }

    /// The cloud that it speaks to.
    pub fn cloud(&self) -> &Cloud {
        &self.0.cloud
    }

    /// What a person should know about this configuration.
    pub fn warnings(&self) -> Vec<Warning> {
        Warning::of(&self.0.cloud)
    }

    /// The token that is valid now: the one there is, or a new one. However many tasks ask, one request is made.
    pub async fn token(&self) -> Result<Arc<Token>> {
        self.0.session.token().await
    }

    /// Where a service is, in the version that is spoken here.
    pub async fn endpoint(&self, kind: Kind) -> Result<Endpoint> {
        endpoint::of(self, kind).await
    }

    /// Which versions a service offers. Empty if it does not tell.
    pub async fn versions(&self, kind: Kind) -> Result<Versions> {
        endpoint::versions(self, kind).await
    }

    /// Sends a call and gives back the successful answer.
    ///
    /// Fails with a code and a class by which one can decide, with [`ApiError`] beneath if the service answered, and with
    /// [`paas_core::error::Effect::Unknown`] if the call may have had its effect all the same.
    pub async fn send(&self, call: Call) -> Result<Reply> {
        let (_, raw) = self.exchange(&call).await?;
        Ok(Reply {
            status: StatusCode::from_u16(raw.status).unwrap_or(StatusCode::OK),
            headers: raw.headers,
            request_id: raw.request_id,
            body: raw.body,
        })
    }

    /// Sends a call and reads one member of the JSON that comes back: `server` of `{"server": {…}}`. An empty name means the
    /// whole.
    pub async fn fetch<T: DeserializeOwned>(&self, call: Call, member: &str) -> Result<T> {
        let (request, raw) = self.exchange(&call).await?;
        let mut json = parsed(&request, &raw)?;
        let json = match member {
            "" => json,
            member => match json.get_mut(member) {
                Some(found) => found.take(),
                None => return Err(error::strange(&request, &raw, &format!("it has no '{member}'"))),
            },
        };
        serde_json::from_value(json)
            .map_err(|e| error::strange(&request, &raw, &format!("'{member}': {}", told(&e))))
    }

    /// The items of a list, over all its pages; `member` is the name of the list in the JSON: `servers`.
    ///
    /// The stream ends after the last item or the first error. A list that is complete ends without an error.
    pub fn pages<T>(&self, call: Call, member: &str) -> impl Stream<Item = Result<T>> + Send + use<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        page::pages(self.clone(), call, member)
    }

    pub(crate) async fn json(&self, call: Call) -> Result<Value> {
        let (request, raw) = self.exchange(&call).await?;
        parsed(&request, &raw)
    }

    pub(crate) fn max_pages(&self) -> usize {
        self.0.max_pages
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.0.session
    }

    async fn exchange(&self, call: &Call) -> Result<(Request, Raw)> {
        let inner = &self.0;
        let mut request = endpoint::request(self, call).await?;
        let mut token = self.token().await?;
        request.expects = &[401];
        let mut raw = self.with_token(&mut request, &token).await?;
        if raw.status == 401 {
            // A 401 is a clear refusal: nothing was done, so this is no repetition, whatever the call.
            token = inner.session.renewed(&token).await?;
            request.expects = &[];
            raw = self.with_token(&mut request, &token).await?;
        }
        // Services that have nothing to say answer 202 or 204 and call that a web page; portals and proxies answer 200 with one.
        let kind = raw.headers.get("content-type");
        let page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if raw.status == 200 && page && shape::is_page(&raw.body) {
            return Err(error::strange(&request, &raw, "it is no answer of OpenStack"));
        }
        Ok((request, raw))
    }

    async fn with_token(&self, request: &mut Request, token: &Token) -> Result<Raw, Error> {
        request.headers.insert("x-auth-token", header(token)?);
        // Keystone names tokens in some of its messages.
        request.secrets.push(token.secret.clone());
        self.0.transport.send(request).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("cloud", &self.0.cloud.name)
            .field("auth_url", &self.0.cloud.auth_url.as_str())
            .field("region", &self.0.cloud.region)
            .finish_non_exhaustive()
    }
}

fn parsed(request: &Request, raw: &Raw) -> Result<Value> {
    serde_json::from_slice(&raw.body).map_err(|_| error::strange(request, raw, "it is not JSON"))
}

fn header(token: &Token) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(token.secret.expose_secret()).map_err(|_| {
        Error::new(&crate::codes::OS_ANSWER, paas_core::error::Class::Invalid)
            .attempted("send the token")
            .happened("it has characters that no header can have")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
