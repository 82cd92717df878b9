//! Metrics, health and readiness over HTTP.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use paas_core::error::{Class, Error};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{codes, metrics::Metrics};

/// Whether the operator is of use now.
#[derive(Debug, Default)]
pub(crate) struct Health {
    unlisted: AtomicUsize,
}

impl Health {
    /// This operator leads, and so many kinds are not listed yet.
    pub(crate) fn leads(&self, unlisted: usize) {
        self.unlisted.store(unlisted, Ordering::Relaxed);
    }

    /// This operator does not lead: it is ready to.
    pub(crate) fn follows(&self) {
        self.unlisted.store(0, Ordering::Relaxed);
    }

    /// One more kind is listed.
    pub(crate) fn listed(&self) {
        let less = |count: usize| Some(count.saturating_sub(1));
        let _ = self
            .unlisted
            .try_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn unlisted(&self) -> usize {
        self.unlisted.load(Ordering::Relaxed)
    }
}

/// Listens at `address`; the server, and the address that it got.
///
/// # Errors
/// [`codes::OP_LISTEN`].
pub(crate) async fn serve(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    stop: CancellationToken,
) -> Result<(SocketAddr, impl Future<Output = ()> + Send), Error> {
    let refused = |e: std::io::Error| {
        Error::new(&codes::OP_LISTEN, Class::Conflict)
            .attempted(format!("listen on {address} for metrics and health"))
            .happened(e.to_string())
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape))
        .with_state((metrics, health));
    let serving = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
    let serving = async move {
        if let Err(error) = serving.await {
            tracing::warn!(%error, "metrics and health are not served any more");
        }
    };
    Ok((bound, serving))
}

async fn ready(State((_, health)): State<(Arc<Metrics>, Arc<Health>)>) -> impl IntoResponse {
    match health.unlisted() {
        0 => (StatusCode::OK, "ok\n".to_owned()),
        left => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{left} kinds of objects are not listed yet\n"),
        ),
    }
}

async fn scrape(State((metrics, _)): State<(Arc<Metrics>, Arc<Health>)>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], metrics.text())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    async fn get(at: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn readiness_waits_for_every_list_and_health_for_none() {
        let (health, stop) = (Arc::new(Health::default()), CancellationToken::new());
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (at, serving) = serve(any, Arc::default(), Arc::clone(&health), stop.clone())
            .await
            .unwrap();
        let serving = tokio::spawn(serving);
        assert!(
            get(at, "/readyz").await.starts_with("HTTP/1.1 200"),
            "who follows is ready to lead"
        );
        health.leads(2);
        health.listed();
        assert!(get(at, "/readyz").await.starts_with("HTTP/1.1 503"));
        assert!(get(at, "/healthz").await.starts_with("HTTP/1.1 200"));
        health.listed();
        assert!(get(at, "/readyz").await.starts_with("HTTP/1.1 200"));
        let scrape = get(at, "/metrics").await;
        assert!(
            scrape.contains("application/openmetrics-text") && scrape.contains("# EOF"),
            "{scrape}"
        );

        let taken = serve(at, Arc::default(), health, stop.clone())
            .await
            .map(|_| ())
            .unwrap_err();
        assert_eq!(taken.code().id, codes::OP_LISTEN.id);
        stop.cancel();
        serving.await.unwrap();
    }
}
