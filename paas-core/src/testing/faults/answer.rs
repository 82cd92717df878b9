//! What is answered, and what is lost, in the place of an API server.

use std::io::{Error, ErrorKind};

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo},
};
use serde_json::json;
use tokio::net::TcpStream;
use tower::BoxError;

use super::{Call, Fault, Verb};

/// The body of an answer that may be broken.
pub type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

/// The `Status` of a refusal.
pub(super) fn refusal(fault: Fault, call: &Call) -> Response<AnswerBody> {
    let about = match call.name.as_str() {
        "" => call.resource.clone(),
        name => format!("{} \"{name}\"", call.resource),
    };
    let (code, reason, words) = match fault {
        Fault::Conflict409 if call.verb == Verb::Create => {
            (409, "AlreadyExists", format!("{about} already exists"))
        }
        Fault::Conflict409 => (
            409,
            "Conflict",
            format!("Operation cannot be fulfilled on {about}: the object has been modified"),
        ),
        Fault::Throttled429 => (
            429,
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later".to_owned(),
        ),
        Fault::WatchExpired => (410, "Expired", "too old resource version".to_owned()),
        _ => (
            500,
            "InternalError",
            "an error on the server: it is injected".to_owned(),
        ),
    };
    let mut details = json!({ "name": call.name, "group": call.group, "kind": call.resource });
    if code == 429 {
        details["retryAfterSeconds"] = 1.into();
    }
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": words, "reason": reason, "details": details, "code": code,
    });
    // A watch that was let in is told in its stream.
    let (http, text) = match code {
        410 => (200, format!("{}\n", json!({ "type": "ERROR", "object": status }))),
        code => (code, status.to_string()),
    };
    let mut answer = Response::new(whole(text));
    *answer.status_mut() = http::StatusCode::from_u16(http).unwrap_or_default();
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    if code == 429 {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    answer
}

/// A body that is there at once.
pub(super) fn whole(text: impl Into<Bytes>) -> AnswerBody {
    Full::new(text.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A connection that was there and is not any more.
pub(super) fn lost(words: &str) -> BoxError {
    Error::new(ErrorKind::ConnectionReset, words).into()
}

/// The first half of a body, and then an end of the connection.
pub(super) async fn half(answer: Response<AnswerBody>) -> Result<Response<AnswerBody>, BoxError> {
    let (head, body) = answer.into_parts();
    let all = body.collect().await?.to_bytes();
    let half = all.slice(..all.len() / 2);
    let frames = [
        Ok(Frame::data(half)),
        Err(Error::new(ErrorKind::UnexpectedEof, "the connection ended within the answer").into()),
    ];
    let body = StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
    Ok(Response::from_parts(head, body))
}

/// The error of a connection that nobody took: the very one of the client that kube uses, since callers look for it to know that
/// nothing was sent.
pub(super) async fn refused() -> BoxError {
    let nobody = tower::service_fn(|_: Uri| {
        let error = Error::new(ErrorKind::ConnectionRefused, "connection refused");
        std::future::ready(Err::<TokioIo<TcpStream>, Error>(error))
    });
    let client = legacy::Client::builder(TokioExecutor::new()).build(nobody);
    let request = Request::new(Full::new(Bytes::new()));
    let (mut head, body) = request.into_parts();
    head.uri = Uri::from_static("http://localhost");
    match client.request(Request::from_parts(head, body)).await {
        Ok(_) => lost("connection refused"),
        Err(error) => error.into(),
    }
}
