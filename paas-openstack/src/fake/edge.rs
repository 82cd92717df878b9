//! What every call passes: its request id, its latency, the fault that hits it, its microversion, and the ledger.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use futures::stream;
use serde_json::Value;

use super::{
    faults::What,
    ledger::Recorded,
    microversion,
    refusal::{GlanceWords, Refusal, code},
    request::RequestId,
    serve::{self, Line},
    who::ProjectInPath,
    world::{Shared, World},
};
use crate::client::service::Kind;

/// Longest body that is looked into.
const LOOKED_INTO: usize = 64 << 20;

/// Stands before the routes.
pub(super) async fn edge(
    State(world): State<Shared>,
    ConnectInfo(line): ConnectInfo<Line>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(address) = Address::of(&world, request.uri()) else {
        return code(404).into_response();
    };
    let at = world.now();
    let request_id = format!("req-{}", world.id());
    let headers = request.headers().clone();
    let method = request.method().as_str().to_owned();
    let mut call = Recorded {
        service: address.service,
        method: method.clone(),
        path: address.path.clone(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        status: None,
        project: project_of(&world, &headers),
        request_id: request_id.clone(),
        microversion: microversion::range(address.service, &world.setup.shape)
            .and_then(|(word, ..)| microversion::asked(address.service, word, &headers)),
        user_agent: headers
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
            .map(str::to_owned),
        at,
    };
    world.pause(address.service).await;

    let fault = world.faults.decide(address.service, &method, &address.path);
    address.apply(&mut request);
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let mut answer = match fault
        .as_ref()
        .and_then(|what| instead(address.service, what, &world, &line))
    {
        Some(answer) => answer,
        None => {
            let answer = inside(&world, &address, request, next, &headers).await;
            afterwards(&world, &address, fault, answer, &line, &method).await
        }
    };

    set(answer.headers_mut(), "x-openstack-request-id", &request_id);
    if address.service == Kind::Compute {
        set(answer.headers_mut(), "x-compute-request-id", &request_id);
    }
    if world.setup.shape.close_connections {
        set(answer.headers_mut(), "connection", "close");
    }
    call.status = (!line.is_cut()).then(|| answer.status().as_u16());
    world.ledger.note(call);
    answer
}

/// Which service, and the path inside it.
struct Address {
    service: Kind,
    /// Without prefix, the project's id, a slash at the end, or `.json`.
    path: String,
    project: Option<String>,
}

impl Address {
    fn of(world: &World, uri: &Uri) -> Option<Self> {
        let (service, rest) = Kind::ALL.into_iter().find_map(|kind| {
            let rest = uri.path().strip_prefix('/')?.strip_prefix(serve::prefix(kind))?;
            (rest.is_empty() || rest.starts_with('/')).then_some((kind, rest))
        })?;
        let mut segments: Vec<&str> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
        let in_path = matches!(service, Kind::Compute | Kind::BlockStorage)
            && segments.get(1).is_some_and(|id| is_project(world, id));
        let project = in_path.then(|| segments.remove(1).to_owned());
        let path = format!("/{}", segments.join("/"));
        let path = path.strip_suffix(".json").map(str::to_owned).unwrap_or(path);
        Some(Self {
            service,
            path,
            project,
        })
    }

    fn apply(&self, request: &mut Request) {
        let path = if self.path == "/" { "" } else { &self.path };
        let query = request
            .uri()
            .query()
            .map_or(String::new(), |query| format!("?{query}"));
        if let Ok(uri) = format!("/{}{path}{query}", serve::prefix(self.service)).parse() {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(self.service);
        if let Some(project) = &self.project {
            request.extensions_mut().insert(ProjectInPath(project.clone()));
        }
    }
}

/// Ids of projects are 32 hexadecimal digits; those of the setup may be others.
fn is_project(world: &World, segment: &str) -> bool {
    let hex = segment.len() == 32 && segment.bytes().all(|b| b.is_ascii_hexdigit());
    hex || world.setup.projects.iter().any(|project| project.id == segment)
}

fn project_of(world: &World, headers: &HeaderMap) -> Option<String> {
    let token = headers.get("x-auth-token")?.to_str().ok()?;
    let who = world.state().keystone.who(token, world.now())?;
    (!who.project.is_empty()).then_some(who.project)
}

/// The answer of a fault that keeps the call from having its effect.
fn instead(service: Kind, what: &What, world: &World, line: &Line) -> Option<Response> {
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

/// The call itself, in the microversion that it asks for.
async fn inside(
    world: &World,
    address: &Address,
    mut request: Request,
    next: Next,
    headers: &HeaderMap,
) -> Response {
    let shape = &world.setup.shape;
    if request.method() == "GET" && world.faults.veil.covers(&address.path, world.now()) {
        return Refusal::of(address.service, 404, "The resource could not be found.").into_response();
    }
    // Version documents are answered whatever the header says.
    let document = address
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .count()
        < 2;
    let version = match microversion::negotiated(address.service, shape, headers) {
        Err(refusal) if !document || address.service == Kind::Placement => return refusal.into_response(),
        Err(_) => microversion::Microversion::default(),
        Ok(version) => version,
    };
    request.extensions_mut().insert(version);
    let mut answer = next.run(request).await;
    if matches!(answer.status().as_u16(), 404 | 405) && !answer.headers().contains_key(header::CONTENT_TYPE) {
        let status = answer.status().as_u16();
        answer = Refusal::of(address.service, status, "The resource could not be found.").into_response();
    }
    if let Some(GlanceWords(words)) = answer.extensions().get().cloned() {
        let json = headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|a| a.contains("json"));
        if !json {
            let status = answer.status();
            let page = format!(
                "<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n  <h1>{status}</h1>\n  {words}<br /><br />\n </body>\n</html>"
            );
            answer = (status, Html(page)).into_response();
        }
    }
    if !document {
        microversion::say(address.service, shape, version, answer.headers_mut());
    }
    answer
}

/// What a fault makes of the answer to a call that had its effect.
async fn afterwards(
    world: &World,
    address: &Address,
    fault: Option<What>,
    answer: Response,
    line: &Line,
    method: &str,
) -> Response {
    match fault {
        Some(What::FailAfter(status)) => refused(address.service, status).into_response(),
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

async fn whole(answer: Response) -> (axum::http::response::Parts, Bytes) {
    let (head, body) = answer.into_parts();
    (head, to_bytes(body, LOOKED_INTO).await.unwrap_or_default())
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
