//! What every call passes: its request id, its latency, the fault that hits it, its microversion, and the ledger.

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    faults::answer,
    frame,
    ledger::Recorded,
    microversion,
    refusal::{BeforeService, Refusal, code},
    request::RequestId,
    serve::{self, Line},
    who::ProjectInPath,
    world::{Shared, World},
};
use crate::client::service::Kind;

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
    let verb = request.method().clone();
    let method = verb.as_str().to_owned();
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
        .and_then(|what| answer::instead(address.service, what, &world, &line))
    {
        Some(answer) => answer,
        None => {
            let answer = inside(&world, &address, request, next, &headers).await;
            answer::afterwards(&world, address.service, fault, answer, &line, &method).await
        }
    };

    frame::identify(address.service, &verb, &address.path, &request_id, &mut answer);
    if world.setup.shape.close_connections {
        answer::set(answer.headers_mut(), "connection", "close");
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
    let RequestId(id) = request.extensions().get().cloned().unwrap_or_default();
    // Version documents are answered whatever the header says.
    let document = address
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .count()
        < 2;
    let version = match microversion::negotiated(address.service, shape, headers) {
        Err(refusal) if address.service == Kind::Placement => {
            return named(refusal.into_response(), &id).await;
        }
        Err(refusal) if !document => return refusal.into_response(),
        Err(_) => microversion::Microversion::default(),
        Ok(version) => version,
    };
    request.extensions_mut().insert(version);
    let verb = request.method().clone();
    let mut answer = next.run(request).await;
    let nowhere =
        matches!(answer.status().as_u16(), 404 | 405) && !answer.headers().contains_key(header::CONTENT_TYPE);
    if nowhere {
        answer = Refusal::unrouted(address.service, answer.status().as_u16()).into_response();
    }
    let bare = address.service == Kind::Compute && address.path == "/";
    if !nowhere && !bare && answer.extensions().get::<BeforeService>().is_none() {
        microversion::say(address.service, version, answer.headers_mut());
    }
    if address.service == Kind::Identity {
        answer
            .headers_mut()
            .append(header::VARY, HeaderValue::from_static("X-Auth-Token"));
        if answer.status() == StatusCode::UNAUTHORIZED {
            let uri = format!("Keystone uri=\"{}\"", world.url(Kind::Identity, ""));
            answer::set(answer.headers_mut(), "www-authenticate", &uri);
        }
    }
    if address.service == Kind::Placement && answer.status().as_u16() >= 400 {
        answer = named(answer, &id).await;
    }
    frame::classify(address.service, &verb, &address.path, &mut answer);
    frame::in_html(headers, answer)
}

/// Placement's errors say the id of the call, and do not vary.
async fn named(answer: Response, id: &str) -> Response {
    let (mut head, bytes) = answer::whole(answer).await;
    let mut body = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
    if let Some(error) = body.pointer_mut("/errors/0").and_then(Value::as_object_mut) {
        error.insert("request_id".into(), id.into());
    }
    head.headers.remove(header::VARY);
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(body.to_string()))
}
