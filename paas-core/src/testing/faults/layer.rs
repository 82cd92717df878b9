//! The layer of a client that lets calls go wrong.

use std::{
    fmt,
    future::pending,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Layer, Service};

use super::{
    AnswerBody, Call, Fault, Injector, Verb,
    answer::{half, lost, refusal, refused},
    watch,
};

/// A tower layer that lets calls go wrong; [`Injector::layer`] makes it.
#[derive(Debug, Clone)]
pub struct FaultLayer {
    injector: Injector,
    life: CancellationToken,
}

impl FaultLayer {
    pub(super) fn new(injector: Injector, life: CancellationToken) -> Self {
        Self { injector, life }
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = Faulted<S>;

    fn layer(&self, inner: S) -> Faulted<S> {
        Faulted {
            inner,
            with: self.clone(),
        }
    }
}

/// A service some of whose calls go wrong.
#[derive(Clone)]
pub struct Faulted<S> {
    inner: S,
    with: FaultLayer,
}

impl<S> fmt::Debug for Faulted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulted")
            .field("with", &self.with)
            .finish_non_exhaustive()
    }
}

impl<S, B> Service<Request<Body>> for Faulted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<AnswerBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let FaultLayer { injector, life } = self.with.clone();
        if life.is_cancelled() {
            return pending().boxed();
        }
        let call = Call::of(&request);
        let begins_at = begins_at(&call, request.uri());
        let strike = injector.strike(&call, begins_at);
        let fault = strike.map(|(fault, _)| fault);
        match strike {
            Some((Fault::DiesBefore, _)) => {
                life.cancel();
                return pending().boxed();
            }
            Some((Fault::Unsent, _)) => return async { Err(refused().await) }.boxed(),
            Some((Fault::LostRequest, _)) => return async { Err(lost("connection reset")) }.boxed(),
            Some((fault @ (Fault::Conflict409 | Fault::Throttled429 | Fault::WatchExpired), _)) => {
                return async move { Ok(refusal(fault, &call)) }.boxed();
            }
            Some((fault @ (Fault::StaleList | Fault::WatchStale), old)) => {
                *request.uri_mut() = aged(request.uri(), fault, old);
            }
            _ => {}
        }
        let watches = (call.verb == Verb::Watch).then(|| injector.watches());
        let answer = self.inner.call(request);
        let answer = async move {
            let answer = answer.await.map_err(Into::into)?;
            let answer = answer.map(|body| body.map_err(Into::into).boxed_unsync());
            let answer = match watches {
                Some(ends) => answer.map(|body| watch::until(body, ends)),
                None => answer,
            };
            match fault {
                Some(Fault::DiesAfter) => {
                    life.cancel();
                    pending().await
                }
                Some(Fault::LostReply) => Err(lost("connection reset while the answer was read")),
                Some(Fault::TruncatedReply) => half(answer).await,
                Some(fault @ Fault::Failed500) => Ok(refusal(fault, &call)),
                Some(fault) if Fault::WATCHES.contains(&fault) => Ok(answer.map(|b| watch::broken(b, fault))),
                _ => Ok(answer),
            }
        };
        // What is under way when the process dies is read by nobody.
        let life = self.with.life.clone();
        async move {
            tokio::select! {
                biased;
                answer = answer => match life.is_cancelled() {
                    true => pending().await,
                    false => answer,
                },
                () = life.cancelled() => pending().await,
            }
        }
        .boxed()
    }
}

/// The revision from which a watch begins.
fn begins_at(call: &Call, uri: &Uri) -> Option<u64> {
    let query = uri.query().filter(|_| call.verb == Verb::Watch)?;
    let (_, revision) = form_urlencoded::parse(query.as_bytes()).find(|(k, _)| k == "resourceVersion")?;
    revision.parse().ok().filter(|revision| *revision > 0)
}

/// The same request for what was at that revision.
fn aged(uri: &Uri, fault: Fault, old: u64) -> Uri {
    let query = uri.query().unwrap_or_default();
    let theirs = form_urlencoded::parse(query.as_bytes())
        .filter(|(k, _)| !["resourceVersion", "resourceVersionMatch", "continue"].contains(&k.as_ref()));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .extend_pairs(theirs)
        .append_pair("resourceVersion", &old.to_string());
    if fault == Fault::StaleList {
        query.append_pair("resourceVersionMatch", "Exact");
    }
    let path = format!("{}?{}", uri.path(), query.finish());
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}
