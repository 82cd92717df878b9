//! The headers that each service's framework puts around an answer, as real ones were seen to.

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{
    faults::answer::set,
    refusal::{BeforeService, GlanceWords},
};
use crate::client::service::Kind;

/// The ids of the call.
pub(super) fn identify(kind: Kind, method: &Method, path: &str, id: &str, answer: &mut Response) {
    let early = answer.extensions().get::<BeforeService>().is_some();
    // The lists of versions of these services come from before where request ids are made.
    let versions = path == "/" && answer.status().as_u16() < 400;
    let bare = match kind {
        Kind::Compute | Kind::Network => versions,
        Kind::Image => versions || early,
        Kind::LoadBalancer => early,
        Kind::Identity | Kind::BlockStorage | Kind::Placement => false,
    };
    if bare {
        return;
    }
    set(answer.headers_mut(), "x-openstack-request-id", id);
    let cinder =
        kind == Kind::BlockStorage && !early && method != Method::DELETE && !is_unrouted(answer.headers());
    if kind == Kind::Compute || cinder {
        set(answer.headers_mut(), "x-compute-request-id", id);
    }
}

/// Cinder's answers to paths that it does not have bear no microversion; all others do.
fn is_unrouted(headers: &HeaderMap) -> bool {
    !headers.contains_key("openstack-api-version")
}

/// What an answer without a body is said to be.
pub(super) fn classify(kind: Kind, method: &Method, path: &str, answer: &mut Response) {
    if answer.headers().contains_key(header::CONTENT_TYPE) {
        return;
    }
    let html = match kind {
        Kind::Compute => method == Method::PUT && path.contains("/tags/"),
        Kind::BlockStorage => method == Method::DELETE,
        Kind::Image if method != Method::GET => true,
        Kind::Network if answer.status() == StatusCode::CREATED => false,
        Kind::Image | Kind::Identity | Kind::Network | Kind::LoadBalancer | Kind::Placement => return,
    };
    let said = if html {
        "text/html; charset=UTF-8"
    } else {
        "application/json"
    };
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(said));
}

/// Some errors are JSON for who accepts it, and HTML for who does not say so.
pub(super) fn in_html(asked: &HeaderMap, answer: Response) -> Response {
    let Some(GlanceWords(words)) = answer.extensions().get() else {
        return answer;
    };
    let accepted = asked.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("json")) {
        return answer;
    }
    let status = answer.status();
    let page = format!(
        "<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n  <h1>{status}</h1>\n  {words}<br /><br />\n </body>\n</html>"
    );
    (status, Html(page)).into_response()
}
