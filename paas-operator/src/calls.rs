//! Counts the calls to the API server, below everything that makes them.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use paas_core::clock::Clock;
use tower::{Layer, Service};

use crate::metrics::Metrics;

/// A layer that counts calls to one host by method and code.
#[derive(Debug, Clone)]
pub(crate) struct CountCalls {
    pub(crate) host: String,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl<S> Layer<S> for CountCalls {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            with: self.clone(),
        }
    }
}

/// A service whose calls are counted.
#[derive(Clone)]
pub(crate) struct Counted<S> {
    inner: S,
    with: CountCalls,
}

impl<S> fmt::Debug for Counted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").finish_non_exhaustive()
    }
}

impl<S, B, C> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let method = request.method().as_str().to_owned();
        let CountCalls { host, metrics, clock } = self.with.clone();
        let began = clock.elapsed();
        let answer = self.inner.call(request);
        async move {
            let answer = answer.await;
            let code = answer
                .as_ref()
                .map_or("<error>".to_owned(), |a| a.status().as_u16().to_string());
            metrics.called(&host, &method, &code, clock.elapsed().saturating_sub(began));
            answer
        }
        .boxed()
    }
}
