//! A limit for how long an API server may say nothing, so that a connection into the void is noticed.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{Method, Request, header::UPGRADE};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

/// How long a read may go unanswered.
const READ: Duration = Duration::from_secs(30);

/// How long anything else may: an API server ends what takes it longer than 60 s by itself (`--request-timeout`).
const WRITE: Duration = Duration::from_secs(65);

/// Puts a limit on the time until the head of an answer. What streams (watches, logs, upgraded connections) may be silent for as long as
/// it likes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DeadlineLayer;

/// See [`DeadlineLayer`].
#[derive(Debug, Clone)]
pub(super) struct Deadline<S>(S);

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline(inner)
    }
}

impl<S> Service<Request<Body>> for Deadline<S>
where
    S: Service<Request<Body>>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let limit = limit(&request);
        let answer = self.0.call(request);
        Box::pin(async move {
            match limit {
                Some(limit) => within(limit, answer).await,
                None => answer.await.map_err(Into::into),
            }
        })
    }
}

async fn within<T, E: Into<BoxError>>(
    limit: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, BoxError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(format!("no answer for {} s", limit.as_secs()).into()),
    }
}

fn limit(request: &Request<Body>) -> Option<Duration> {
    let query = request.uri().query().unwrap_or_default();
    let streams = form_urlencoded::parse(query.as_bytes()).any(|(k, _)| k == "watch" || k == "follow");
    if streams || request.headers().contains_key(UPGRADE) {
        return None;
    }
    Some(match *request.method() {
        Method::GET | Method::HEAD => READ,
        _ => WRITE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(method: Method, path: &str) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap()
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_given_up() {
        let silent = std::future::pending::<Result<(), BoxError>>();
        let given_up = within(Duration::ZERO, silent).await.unwrap_err();
        assert_eq!(given_up.to_string(), "no answer for 0 s");
        within(READ, std::future::ready(Ok::<_, BoxError>(())))
            .await
            .unwrap();
    }

    #[test]
    fn what_streams_may_be_silent_and_nothing_else() {
        assert_eq!(limit(&to(Method::GET, "/api/v1/nodes")), Some(READ));
        assert_eq!(
            limit(&to(Method::GET, "/api/v1/pods/a/log?tailLines=1")),
            Some(READ)
        );
        assert_eq!(
            limit(&to(Method::PATCH, "/api/v1/nodes/a?fieldManager=paas")),
            Some(WRITE)
        );
        for streams in [
            "/api/v1/pods?limit=1&watch=true",
            "/api/v1/pods/a/log?follow=true",
        ] {
            assert_eq!(limit(&to(Method::GET, streams)), None, "{streams}");
        }
        let mut exec = to(Method::GET, "/api/v1/pods/a/exec?command=psql");
        exec.headers_mut()
            .insert(UPGRADE, http::HeaderValue::from_static("websocket"));
        assert_eq!(limit(&exec), None);
    }
}
