//! A cloud of canned answers, and bare sockets that answer in bytes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use paas_core::{clock::Clock, secrets::SecretString, testing::ManualClock};
use paas_openstack::{
    Cloud,
    client::{Client, Options},
    cloud::{Domain, Identity, Named, Scope, Tls},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate, matchers};

pub(crate) const PASSWORD: &str = "canary-password-7d1f";
pub(crate) const TOKEN: &str = "canary-token-93ab";
pub(crate) const AUTH: &str = "/identity/v3/auth/tokens";

pub(crate) fn cloud(uri: &str) -> Cloud {
    let domain = Domain::Name("Default".to_owned());
    let named = |name: &str| Named::Name {
        name: name.to_owned(),
        domain: domain.clone(),
    };
    Cloud {
        name: "test".to_owned(),
        auth_url: format!("{uri}/identity").parse().unwrap(),
        identity: Identity::Password {
            user: named("demo"),
            password: SecretString::from(PASSWORD),
        },
        scope: Scope::Project(named("demo")),
        region: None,
        interfaces: Vec::new(),
        tls: Tls::default(),
        services: BTreeMap::new(),
        timeout: Some(Duration::from_secs(5)),
    }
}

pub(crate) fn catalog(uri: &str) -> Value {
    let endpoint = |path: &str| json!([{ "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": format!("{uri}{path}"), "id": "e" }]);
    let service = |kind: &str, path: &str| json!({ "type": kind, "name": kind, "id": kind, "endpoints": endpoint(path) });
    json!([
        service("identity", "/identity"),
        service("compute", "/compute/v2.1"),
        service("network", "/network/v2.0"),
        service("image", "/image/v2"),
        service("volumev3", "/volume/v3/p1"),
        service("load-balancer", "/load-balancer/v2"),
        service("placement", "/placement"),
    ])
}

pub(crate) fn token_body(catalog: Value, lifetime: Duration) -> Value {
    let issued = Timestamp::from_second(1_000_000_000).unwrap();
    json!({ "token": {
        "methods": ["password"],
        "user": { "id": "u1", "name": "demo", "domain": { "id": "default", "name": "Default" }, "password_expires_at": null },
        "project": { "id": "p1", "name": "demo", "domain": { "id": "default", "name": "Default" } },
        "roles": [{ "id": "r1", "name": "member" }],
        "issued_at": issued.to_string(),
        "expires_at": (issued + lifetime).to_string(),
        "catalog": catalog,
    }})
}

/// Keystone's answer to a login that it accepts.
pub(crate) fn accepted(token: &str, catalog: Value) -> ResponseTemplate {
    ResponseTemplate::new(201)
        .insert_header("X-Subject-Token", token)
        .set_body_json(token_body(catalog, Duration::from_secs(3600)))
}

/// Accepts every login with `canary-token-93ab-1`, `…-2`, ….
pub(crate) async fn keystone(server: &MockServer) {
    let uri = server.uri();
    Mock::given(matchers::method("POST"))
        .and(matchers::path(AUTH))
        .respond_with(Numbered::new(move |n| {
            accepted(&format!("{TOKEN}-{n}"), catalog(&uri))
        }))
        .mount(server)
        .await;
}

/// A different answer each time, by the number of the request from 1 on.
pub(crate) struct Numbered<F>(Mutex<usize>, F);

impl<F: Fn(usize) -> ResponseTemplate> Numbered<F> {
    pub(crate) fn new(answer: F) -> Self {
        Self(Mutex::new(0), answer)
    }
}

impl<F: Fn(usize) -> ResponseTemplate + Send + Sync> Respond for Numbered<F> {
    fn respond(&self, _: &wiremock::Request) -> ResponseTemplate {
        let mut n = self.0.lock().unwrap();
        *n += 1;
        (self.1)(*n)
    }
}

/// A cloud that accepts logins, and a client of it whose clock makes nobody wait.
pub(crate) async fn world() -> (MockServer, Client, Arc<ManualClock>) {
    let server = MockServer::start().await;
    keystone(&server).await;
    let (client, clock) = client(cloud(&server.uri()));
    (server, client, clock)
}

pub(crate) fn client(cloud: Cloud) -> (Client, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (client_with(cloud, options(clock.clone())), clock)
}

pub(crate) fn options(clock: Arc<dyn Clock>) -> Options {
    Options {
        clock,
        ..Options::default()
    }
}

pub(crate) fn client_with(cloud: Cloud, options: Options) -> Client {
    Client::new(cloud, options).unwrap()
}

pub(crate) async fn answer(server: &MockServer, method: &str, path: &str, answer: ResponseTemplate) {
    Mock::given(matchers::method(method))
        .and(matchers::path(path))
        .respond_with(answer)
        .mount(server)
        .await;
}

/// How many requests of this method came to this path.
pub(crate) async fn count(server: &MockServer, method: &str, path: &str) -> usize {
    requests(server, method, path).await.len()
}

pub(crate) async fn requests(server: &MockServer, method: &str, path: &str) -> Vec<wiremock::Request> {
    let all = server.received_requests().await.unwrap();
    all.into_iter()
        .filter(|r| r.method.as_str() == method && r.url.path() == path)
        .collect()
}

/// A clock of which the world can depend: at the nth sleep something happens.
pub(crate) struct AtSleep<F> {
    pub(crate) inner: ManualClock,
    pub(crate) sleeps: Mutex<usize>,
    pub(crate) act: F,
}

impl<F> std::fmt::Debug for AtSleep<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AtSleep")
    }
}

#[async_trait]
impl<F: Fn(usize) + Send + Sync> Clock for AtSleep<F> {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn elapsed(&self) -> Duration {
        self.inner.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        let n = {
            let mut sleeps = self.sleeps.lock().unwrap();
            *sleeps += 1;
            *sleeps
        };
        (self.act)(n);
        self.inner.sleep(time).await;
    }
}

/// Reads one request from a connection; `None` when the other side has closed it.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let n = stream.read(&mut chunk).await.ok()?;
        if n == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|l| {
                    l.to_ascii_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text.into_owned());
            }
        }
    }
}

/// Listens on a free port; every connection is given to `serve`, which is told how many came before it.
pub(crate) async fn bare<F, R>(serve: F) -> String
where
    F: Fn(TcpStream, usize) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    serve_on(listener, serve);
    format!("http://{address}")
}

pub(crate) fn serve_on<F, R>(listener: TcpListener, serve: F)
where
    F: Fn(TcpStream, usize) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        for n in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            tokio::spawn(serve(stream, n));
        }
    });
}

/// A port that is ours and that nobody listens on until `listen` is called on it.
pub(crate) fn closed_port() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let uri = format!("http://{}", socket.local_addr().unwrap());
    (uri, socket)
}

pub(crate) async fn write(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.flush().await;
}

/// A whole HTTP answer in bytes.
pub(crate) fn http(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}\r\n{body}")
}

/// A cloud whose network service is at `uri` and whose Keystone is a mock.
pub(crate) async fn network_at(uri: &str) -> (MockServer, Cloud) {
    let server = MockServer::start().await;
    keystone(&server).await;
    let mut cloud = cloud(&server.uri());
    let options = paas_openstack::cloud::ServiceOptions {
        endpoint: Some(format!("{uri}/network/v2.0").parse().unwrap()),
        ..Default::default()
    };
    cloud
        .services
        .insert(paas_openstack::client::service::Kind::Network, options);
    (server, cloud)
}
