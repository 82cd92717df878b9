//! Traces by OTLP over HTTP: a span a reconcile, and in it one a call to the API server.
//!
//! `opentelemetry-otlp` comes without a client of its own: the one here is that of `kube`, which is in the tree already, where each of the
//! others would bring a second one. So it speaks plain HTTP to an agent or a collector nearby, which is how collectors are set up.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use paas_core::error::{Class, Error};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, Layer, registry::LookupSpan};

use crate::codes;

/// What is traced: our own work and the calls of the client, whatever is logged.
const TRACED: &str = "info,kube_client=debug";

/// So long a batch may take to be sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer of a collector that is read.
const ANSWER: usize = 64 * 1024;

/// What sends traces. What is not sent yet is sent when it is dropped.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}

impl Traces {
    /// Sends traces to a collector: `http://HOST:4318`, to which the path of the protocol is added. Belongs to a tokio runtime.
    ///
    /// # Errors
    /// [`codes::OP_TRACES`].
    pub(crate) fn to(endpoint: &str) -> Result<Self, Error> {
        let unusable = |e: String| {
            Error::new(&codes::OP_TRACES, Class::Invalid)
                .attempted(format!("send traces to {endpoint}"))
                .happened(e)
        };
        let base: Uri = endpoint.parse().map_err(|e| unusable(format!("{e}")))?;
        if base.scheme_str() != Some("http") || base.host().is_none() {
            return Err(unusable("it is no URL that begins with http://".to_owned()));
        }
        let runtime = Handle::try_current().map_err(|e| unusable(e.to_string()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender {
                client: Client::builder(TokioExecutor::new()).build_http(),
                runtime,
            })
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build()
            .map_err(|e| unusable(e.to_string()))?;
        let about = Resource::builder().with_service_name("paas-operator").build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(about)
            .build();
        Ok(Self { provider })
    }

    /// What takes the spans.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        let tracer = self.provider.tracer("paas-operator");
        let traced = EnvFilter::new(TRACED);
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_filter(traced)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // Whoever ends cannot do more about it.
        let _ = self.provider.shutdown();
    }
}

/// Batches are sent from a thread of the SDK, which has no runtime: the call itself is made in ours.
#[derive(Debug, Clone)]
struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let sending = async {
                let answer = client.request(request.map(Full::new)).await?;
                let (head, body) = answer.into_parts();
                let body = Limited::new(body, ANSWER).collect().await?.to_bytes();
                Ok::<_, HttpError>(Response::from_parts(head, body))
            };
            tokio::time::timeout(PATIENCE, sending).await
        });
        let sent = match sent.await {
            Ok(Ok(sent)) => sent,
            Ok(Err(late)) => Err(late.into()),
            Err(ended) => Err(ended.into()),
        };
        if let Err(error) = &sent {
            tracing::warn!(%error, "traces were not taken by the collector");
        }
        sent
    }
}
