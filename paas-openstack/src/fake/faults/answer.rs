//! What a fault makes of an answer.

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, response::Parts},
    response::{Html, IntoResponse, Response},
};
use futures::stream;
use serde_json::Value;

use super::What;
use crate::{
    client::service::Kind,
    fake::{
        refusal::{Refusal, code},
        serve::Line,
        world::World,
    },
};

/// Longest body that is looked into.
const LOOKED_INTO: usize = 64 << 20;

/// The answer of a fault that keeps the call from having its effect.
pub(in crate::fake) fn instead(service: Kind, what: &What, world: &World, line: &Line) -> Option<Response> {
    let answer = match what {
        What::Refuse(401) if service != Kind::Identity => {
            Refusal::token(&world.url(Kind::Identity, "")).into_response()
        }
        What::Refuse(status) => refused(service, *status).into_response(),
        What::RefuseAndSay { status, retry_after } => refused(service, *status)
            .with(header::RETRY_AFTER, retry_after)
            .into_response(),
        What::Reset => {
            line.cut();
            StatusCode::BAD_GATEWAY.into_response()
        }
        What::Html(status) => {
            let page = format!(
                "<html><head><title>{status}</title></head><body><h1>{}</h1></body></html>\n",
                code(*status)
            );
            (code(*status), Html(page)).into_response()
        }
        What::Redirect(to) => {
            let mut answer = StatusCode::FOUND.into_response();
            set(answer.headers_mut(), "location", to);
            answer
        }
        What::Flood(bytes) => flood(*bytes),
        What::FailAfter(_)
        | What::LoseAnswer
        | What::HalfBody
        | What::Delay(_)
        | What::HideNew(_)
        | What::StaleList(_) => return None,
    };
    Some(answer)
}

fn refused(service: Kind, status: u16) -> Refusal {
    Refusal::of(service, status, &format!("{} (injected by a test)", code(status)))
}

/// A JSON text of so many bytes, a piece at a time.
fn flood(bytes: usize) -> Response {
    let inner = bytes.saturating_sub(2);
    let piece = Bytes::from_static(&[b'a'; 1 << 14]);
    let pieces = inner / piece.len();
    let rest = piece.slice(..inner % piece.len());
    let quote = Bytes::from_static(b"\"");
    let all = std::iter::once(quote.clone())
        .chain(std::iter::repeat_n(piece, pieces))
        .chain([rest, quote]);
    let body = Body::from_stream(stream::iter(all.map(Ok::<_, std::io::Error>)));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// What a fault makes of the answer to a call that had its effect.
pub(in crate::fake) async fn afterwards(
    world: &World,
    service: Kind,
    fault: Option<What>,
    answer: Response,
    line: &Line,
    method: &str,
) -> Response {
    match fault {
        Some(What::FailAfter(status)) => refused(service, status).into_response(),
        Some(What::LoseAnswer) => {
            line.cut();
            answer
        }
        Some(What::HalfBody) => half(answer, line).await,
        Some(What::Delay(time)) => {
            world.setup.clock.sleep(time).await;
            answer
        }
        Some(What::HideNew(time)) => hidden(world, answer, time, true).await,
        Some(What::StaleList(time)) => hidden(world, answer, time, false).await,
        _ if method == "GET" && !world.faults.veil.is_lifted() => {
            let (mut head, bytes) = whole(answer).await;
            let drawn = serde_json::from_slice::<Value>(&bytes).ok().and_then(|mut body| {
                world
                    .faults
                    .veil
                    .draw(&mut body, world.now())
                    .then(|| body.to_string())
            });
            let Some(drawn) = drawn else {
                return Response::from_parts(head, Body::from(bytes));
            };
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from(drawn))
        }
        _ => answer,
    }
}

async fn hidden(world: &World, answer: Response, time: std::time::Duration, wholly: bool) -> Response {
    let (head, bytes) = whole(answer).await;
    if let Ok(body) = serde_json::from_slice::<Value>(&bytes) {
        world.faults.veil.hide(&body, world.after(time), wholly);
    }
    Response::from_parts(head, Body::from(bytes))
}

/// The head says how long the body is, half of it follows, and the connection ends.
async fn half(answer: Response, line: &Line) -> Response {
    let (mut head, bytes) = whole(answer).await;
    set(&mut head.headers, "content-length", &bytes.len().to_string());
    let first = bytes.slice(..bytes.len() / 2);
    let line = line.clone();
    let pieces = stream::unfold(Some(first), move |piece| {
        let line = line.clone();
        async move {
            match piece {
                Some(piece) => Some((Ok(piece), None)),
                None => {
                    // What was written before goes out first.
                    tokio::task::yield_now().await;
                    line.cut();
                    Some((
                        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
                        None,
                    ))
                }
            }
        }
    });
    Response::from_parts(head, Body::from_stream(pieces))
}

/// Head and body.
pub(in crate::fake) async fn whole(answer: Response) -> (Parts, Bytes) {
    let (head, body) = answer.into_parts();
    (head, to_bytes(body, LOOKED_INTO).await.unwrap_or_default())
}

/// Sets a header.
pub(in crate::fake) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
